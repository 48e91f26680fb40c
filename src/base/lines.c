#include "base/lines.h"

#include <string.h>

#include "base/err.h"

struct lines lines_of(const char *text, size_t size, const char *name) {
  return (struct lines){ .at = text, .end = text + size, .name = name };
}

static bool begins(const struct lines *l, const char *mark) {
  const size_t n = strlen(mark);
  return (size_t)(l->end - l->at) >= n && memcmp(l->at, mark, n) == 0;
}

static int refuse(const struct lines *l, const char *what) {
  return err_set(ERR_FORMAT, "%s:%d: %s", l->name, l->line, what);
}

static int take_mark(struct lines *l) {
  if (begins(l, "\xff\xfe") || begins(l, "\xfe\xff")) return refuse(l, "UTF-16; save it as UTF-8");
  if (begins(l, "\xef\xbb\xbf")) l->at += 3;
  return 0;
}

int lines_next(struct lines *l, char *text, size_t size, bool *found) {
  *found = l->at < l->end;
  if (!*found) return 0;
  if (++l->line == 1) TRY(take_mark(l));
  const char *line = l->at, *stop = memchr(line, '\n', (size_t)(l->end - line));
  l->at = stop ? stop + 1 : l->end;
  size_t n = (size_t)((stop ? stop : l->end) - line);
  while (n > 0 && line[n - 1] == '\r') n--;
  if (memchr(line, '\r', n)) return refuse(l, "lines end with CR alone; they must end with LF or CR LF");
  if (memchr(line, 0, n)) return refuse(l, "a zero byte");
  if (n >= size) return err_set(ERR_FORMAT, "%s:%d: line longer than %zu characters", l->name, l->line, size - 1);
  memcpy(text, line, n);
  text[n] = 0;
  return 0;
}
