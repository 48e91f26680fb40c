#include "arm/targetpath.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"

enum { MAX_BYTES = 1 << 24, MAX_LINE = 512 };

// The numbers of one line; returns how many, or an error.
static int parse_line(double value[3], const char *text, const char *name, int line) {
  int n = 0;
  for (const char *at = text;;) {
    char *end;
    if (n == 3) return err_set(ERR_FORMAT, "%s:%d: more than 3 columns; expected x,y,z or base,shoulder", name, line);
    value[n] = strtod(at, &end);
    if (end == at) return err_set(ERR_FORMAT, "%s:%d: column %d: '%.40s': expected a number", name, line, n + 1, at);
    if (!isfinite(value[n]))
      return err_set(ERR_FORMAT, "%s:%d: column %d: %g: not finite", name, line, n + 1, value[n]);
    n++;
    at = end + strspn(end, " \t\r");
    if (*at == 0) break;
    if (*at++ != ',') return err_set(ERR_FORMAT, "%s:%d: column %d: '%.40s': expected a comma", name, line, n, at - 1);
  }
  if (n < 2) return err_set(ERR_FORMAT, "%s:%d: 1 column; expected x,y,z or base,shoulder", name, line);
  return n;
}

static int add_row(struct targetpath *p, const double *value, int columns, const char *name, int line) {
  if (p->n == 0) p->columns = columns;
  if (columns != p->columns)
    return err_set(ERR_FORMAT, "%s:%d: %d columns; the rows before have %d", name, line, columns, p->columns);
  if (p->n == TARGETPATH_MAX_ROWS)
    return err_set(ERR_FORMAT, "%s:%d: more than %d rows", name, line, TARGETPATH_MAX_ROWS);
  memcpy(p->value + (size_t)p->n*(size_t)columns, value, (size_t)columns*sizeof *value);
  p->line[p->n++] = line;
  return 0;
}

static int parse_lines(struct targetpath *p, const char *text, size_t size, const char *name) {
  int line = 1;
  for (size_t at = 0; at < size; line++) {
    const char *end = memchr(text + at, '\n', size - at);
    const size_t length = end ? (size_t)(end - text) - at : size - at;
    char copy[MAX_LINE];
    if (length >= sizeof copy) return err_set(ERR_FORMAT, "%s:%d: longer than %d characters", name, line, MAX_LINE - 1);
    memcpy(copy, text + at, length);
    copy[length] = 0;
    at += length + 1;
    if (strlen(copy) != length) return err_set(ERR_FORMAT, "%s:%d: a zero byte", name, line);
    const char *start = copy + strspn(copy, " \t\r");
    if (*start == 0 || *start == '#') continue;
    const int is_header =
        line == 1 && !strchr("+-.0123456789", *start) && strncmp(start, "nan", 3) && strncmp(start, "inf", 3);
    if (is_header) continue;
    double value[3];
    const int columns = parse_line(value, start, name, line);
    TRY(columns);
    TRY(add_row(p, value, columns, name, line));
  }
  if (p->n < TARGETPATH_MIN_ROWS)
    return err_set(ERR_FORMAT, "%s:%d: the path ends after %d rows; at least %d are needed", name, line - 1, p->n,
                   TARGETPATH_MIN_ROWS);
  return 0;
}

int targetpath_parse(void *path, const char *text, size_t size, const char *name) {
  struct targetpath *p = path;
  size_t rows = 1;
  for (size_t k = 0; k < size; k++) rows += text[k] == '\n';
  if (rows > TARGETPATH_MAX_ROWS) rows = TARGETPATH_MAX_ROWS;
  *p = (struct targetpath){ .value = err_calloc(3*rows, sizeof(double)), .line = err_calloc(rows, sizeof(int)) };
  const int rc = parse_lines(p, text, size, name);
  if (rc < 0) targetpath_release(p);
  return rc;
}

int targetpath_read(struct targetpath *p, const char *path) { return file_parse(path, MAX_BYTES, targetpath_parse, p); }

void targetpath_release(struct targetpath *p) {
  free(p->value);
  free(p->line);
  *p = (struct targetpath){ 0 };
}
