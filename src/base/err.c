#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

static _Thread_local char message[1024];

int err_set(enum err code, const char *fmt, ...) {
  char text[sizeof message];  // apart: err_message() may be among the arguments
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  text_make_plain(text);  // it may quote a hostile file
  memcpy(message, text, sizeof text);
  return code;
}

const char *err_message(void) { return message; }

static void *checked(void *p, unsigned long n, unsigned long size) {
  if (!p) {
    fprintf(stderr, "metaxbar: cannot allocate %lu x %lu bytes\n", n, size);
    exit(1);
  }
  return p;
}

int err_room(double bytes, const char *what) {
  const double machine = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
  void *probe = bytes < machine ? malloc((size_t)bytes) : NULL;
  free(probe);
  if (probe || bytes < 1) return 0;
  return err_set(ERR_SETTING, "%s: %.3g GB of memory are needed, %s", what, bytes * 1e-9,
                 bytes < machine ? "and cannot be had" : "more than this machine has");
}

void *err_calloc(unsigned long n, unsigned long size) { return checked(calloc(n ? n : 1, size ? size : 1), n, size); }

// Up to the boundary, so that a vector at the end is whole.
static unsigned long up_to_boundary(unsigned long n, unsigned long size) { return (n * size + 63) / 64 * 64; }

void *err_unset(unsigned long n, unsigned long size) {
  const unsigned long most = (1UL << 62) / (size ? size : 1), bytes = up_to_boundary(n, size);
  return checked(n > most ? NULL : aligned_alloc(64, bytes ? bytes : 64), n, size);
}

void *err_aligned(unsigned long n, unsigned long size) {
  void *p = err_unset(n, size);
  return memset(p, 0, up_to_boundary(n, size));
}

char *err_strndup(const char *text, unsigned long n) { return memcpy(err_calloc(n + 1, 1), text, n); }
char *err_strdup(const char *text) { return err_strndup(text, strlen(text)); }
