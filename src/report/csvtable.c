#include "report/csvtable.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/text.h"

enum { SIZE_LIMIT = 1 << 26 };

// The cells of a line, in place; returns how many, or one more than fit.
static int split(char *line, char *cell[CSVTABLE_COLUMNS]) {
  int n = 0;
  for (char *at = line; at; n++) {
    if (n == CSVTABLE_COLUMNS) return n + 1;
    cell[n] = at;
    at = strchr(at, ',');
    if (at) *at++ = 0;
  }
  return n;
}

static int parse_head(struct csvtable *t, char *line, const char *where) {
  t->n_columns = split(line, t->name);
  if (t->n_columns > CSVTABLE_COLUMNS)
    return err_set(ERR_FORMAT, "%s:1: more than %d columns", where, CSVTABLE_COLUMNS);
  for (int c = 0; c < t->n_columns; c++)
    if (!*t->name[c]) return err_set(ERR_FORMAT, "%s:1: column %d has no name", where, c + 1);
  for (int c = 1; c < t->n_columns; c++)
    for (int d = 0; d < c; d++)
      if (!strcmp(t->name[c], t->name[d]))
        return err_set(ERR_FORMAT, "%s:1: columns %d and %d are both %.40s", where, d + 1, c + 1, t->name[c]);
  return 0;
}

static int parse_row(struct csvtable *t, char *line, const char *where) {
  char *cell[CSVTABLE_COLUMNS];
  const int n = split(line, cell), number = t->n_rows + 2;
  double *row = t->v + (size_t)t->n_rows * (size_t)t->n_columns;
  if (n != t->n_columns)
    return err_set(ERR_FORMAT, "%s:%d: %d cell%s, expected %d", where, number, n, text_s(n), t->n_columns);
  for (int c = 0; c < n; c++) {
    char *end;
    row[c] = *cell[c] ? strtod(cell[c], &end) : NAN;
    if (*cell[c] && (*end || !isfinite(row[c])))
      return err_set(ERR_FORMAT, "%s:%d: %s is '%.40s', expected a number", where, number, t->name[c], cell[c]);
  }
  t->n_rows++;
  return 0;
}

static int parse(struct csvtable *t, size_t size, const char *where) {
  size_t lines = 0;
  if (memchr(t->text, 0, size)) return err_set(ERR_FORMAT, "%s: holds a zero byte", where);
  for (size_t i = 0; i < size; i++) lines += t->text[i] == '\n';
  if (lines == 0) return err_set(ERR_FORMAT, "%s: no line of column names", where);
  char *next, *line = t->text;
  for (size_t k = 0; k < lines; k++, line = next) {
    char *end = strchr(line, '\n');
    next = end + 1;
    if (end > line && end[-1] == '\r') end--;
    *end = 0;
    if (k == 0) {
      TRY(parse_head(t, line, where));
      t->v = err_calloc(size, sizeof *t->v);  // a cell takes a byte or more, with what ends it
    } else {
      TRY(parse_row(t, line, where));
    }
  }
  return 0;
}

int csvtable_parse(void *table, const char *text, size_t size, const char *where) {
  struct csvtable *t = table;
  *t = (struct csvtable){ .text = err_calloc(size + 1, 1) };
  memcpy(t->text, text, size);
  const int rc = parse(t, size, where);
  if (rc < 0) csvtable_release(t);
  return rc;
}

int csvtable_read(struct csvtable *t, const char *path) {
  *t = (struct csvtable){ 0 };
  return file_parse(path, SIZE_LIMIT, csvtable_parse, t);
}

void csvtable_release(struct csvtable *t) {
  free(t->text);
  free(t->v);
  *t = (struct csvtable){ 0 };
}

const double *csvtable_column(const struct csvtable *t, const char *name) {
  for (int c = 0; c < t->n_columns; c++)
    if (!strcmp(t->name[c], name)) return t->v + c;
  return NULL;
}

int csvtable_need(const double **column, const struct csvtable *t, const char *name, const char *where) {
  *column = csvtable_column(t, name);
  return *column ? 0 : err_set(ERR_FORMAT, "%s: column %s is missing", where, name);
}
