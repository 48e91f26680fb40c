#include "base/note.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/text.h"

static _Atomic(note_handler *) to;

note_handler *note_to(note_handler *handler) { return atomic_exchange(&to, handler); }

void note(const char *fmt, ...) {
  note_handler *const handler = atomic_load(&to);
  if (!handler) return;
  char line[4096];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(line, sizeof line, fmt, ap);
  va_end(ap);
  text_make_plain(line);
  handler(line);
}
