#include "base/note.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/text.h"

static void (*listening)(const char *text);

void note_listen(void (*listener)(const char *text)) { listening = listener; }

void note_say(const char *fmt, ...) {
  char text[1024];
  va_list ap;
  if (!listening) return;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  text_make_plain(text);
  listening(text);
}
