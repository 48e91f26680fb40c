#include "base/note.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

enum { LINE_SIZE = 4096 };

static _Atomic(note_handler *) to;

note_handler *note_to(note_handler *handler) { return atomic_exchange(&to, handler); }

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool holding;
static char *held;  // lines, each with a zero byte behind it
static size_t used;

// Is the line held back?
static bool hold(const char *line) {
  pthread_mutex_lock(&lock);
  const bool kept = holding;
  if (kept) {
    const size_t size = strlen(line) + 1;
    char *more = err_calloc(used + size, 1);
    if (used) memcpy(more, held, used);
    memcpy(more + used, line, size);
    free(held);
    held = more;
    used += size;
  }
  pthread_mutex_unlock(&lock);
  return kept;
}

static void say(bool may_wait, const char *fmt, va_list ap) {
  note_handler *const handler = atomic_load(&to);
  char line[LINE_SIZE];
  if (!handler) return;
  vsnprintf(line, LINE_SIZE, fmt, ap);
  text_make_plain(line);
  if (!may_wait || !hold(line)) handler(line);
}

void note(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  say(false, fmt, ap);
  va_end(ap);
}

void note_setting(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  say(true, fmt, ap);
  va_end(ap);
}

void note_hold(void) {
  pthread_mutex_lock(&lock);
  holding = true;
  pthread_mutex_unlock(&lock);
}

void note_release(bool keep) {
  pthread_mutex_lock(&lock);
  char *lines = held;
  const size_t size = used;
  holding = false;
  held = NULL;
  used = 0;
  pthread_mutex_unlock(&lock);
  note_handler *const handler = atomic_load(&to);
  for (size_t at = 0; keep && handler && at < size; at += strlen(lines + at) + 1) handler(lines + at);
  free(lines);
}
