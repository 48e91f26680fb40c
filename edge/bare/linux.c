#include "host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int host_open(const char *name, int write) {
  return write ? open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666) : open(name, O_RDONLY);
}
int host_read(int file, void *to, size_t bytes) { return read(file, to, bytes) != (ssize_t)bytes; }
int host_write(int file, const void *from, size_t bytes) { return write(file, from, bytes) != (ssize_t)bytes; }
void host_print(const char *text) { (void)!write(1, text, strlen(text)); }
unsigned host_clock(void) { return 0; }
unsigned host_instructions(unsigned ticks) { return ticks; }
size_t host_stack(void) { return 0; }
void host_exit(int status) { exit(status); }
