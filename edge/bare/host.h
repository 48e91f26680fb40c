// Files of the computer that runs this program: under qemu by semihosting, on Linux (linux.c) directly.
#ifndef HOST_H
#define HOST_H

#include <stddef.h>

int host_open(const char *name, int write);       // a negative number if it fails
int host_read(int file, void *to, size_t bytes);  // 0 if all of them were read
int host_write(int file, const void *from, size_t bytes);
void host_print(const char *text);
unsigned host_clock(void);  // ticks, of which 24 bits are used; on Linux always 0
unsigned host_instructions(unsigned ticks);
size_t host_stack(void);    // bytes of the stack that were ever used
void host_exit(int status);

#endif
