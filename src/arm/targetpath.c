#include "arm/targetpath.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/text.h"

enum { MAX_BYTES = 1 << 24, MAX_LINE = 2048, WHERE = 4200 };
static const double MAX_VALUE = 1e12;

struct parser {
  struct targetpath *p;
  struct pathcolumns columns;
  const char *name;
  int line;
  bool began, units;           // the columns are known; the last line had their names
  bool named;                  // by a line, a comment or target.columns, not assumed
  char comment[MAX_LINE];      // before the first row, with names of columns in it; "": none
  int comment_line;
  char separator;              // ',', ';', tab, or ' ' for any blanks
  char text[MAX_LINE];         // the line, cut into cells
  const char *cell[PATHCOLUMNS_MAX];
  int n;
};

static void where_is(char where[WHERE], const struct parser *s) { snprintf(where, WHERE, "%s:%d", s->name, s->line); }

// ---- cells

static char separator_of(const char *line) {
  static const char all[] = ";,\t";
  for (const char *s = all; *s; s++)
    if (strchr(line, *s)) return *s;
  return ' ';
}

// Cut blanks and quotes off both ends, in place.
static char *trimmed(char *cell) {
  static const char around[] = " \t\"'";
  cell += strspn(cell, around);
  size_t n = strlen(cell);
  while (n && strchr(around, cell[n - 1])) n--;
  cell[n] = 0;
  return cell;
}

static int cut(struct parser *s) {
  const char between[] = { s->separator, s->separator == ' ' ? '\t' : 0, 0 };
  s->n = 0;
  for (char *at = s->separator == ' ' ? trimmed(s->text) : s->text;;) {
    if (s->n == PATHCOLUMNS_MAX)
      return err_set(ERR_FORMAT, "%s:%d: more than %d columns", s->name, s->line, PATHCOLUMNS_MAX);
    char *end = at + strcspn(at, between);
    const bool last = *end == 0;
    *end = 0;
    s->cell[s->n++] = trimmed(at);
    if (last) return 0;
    at = end + 1;
    if (s->separator == ' ') at += strspn(at, between);
  }
}

// Is the cell one number, finite or not?
static bool number(double *value, const struct parser *s, int column) {
  char copy[64], *end, *comma;
  const char *cell = s->cell[column];
  if (strlen(cell) >= sizeof copy || *cell == 0) return false;
  strcpy(copy, cell);
  if (s->separator == ';' && !strchr(copy, '.') && (comma = strchr(copy, ','))) *comma = '.';
  *value = strtod(copy, &end);
  return *end == 0 && !strpbrk(copy, "xX");  // hexadecimal
}

static int count_numbers(const struct parser *s) {
  int n = 0;
  double ignored;
  for (int k = 0; k < s->n; k++) n += number(&ignored, s, k);
  return n;
}

// ---- lines

static int take_number(double *value, const struct parser *s, int quantity) {
  const int column = s->columns.at[quantity];
  if (!number(value, s, column))
    return err_set(ERR_FORMAT, "%s:%d: column %d: '%.40s': expected a number", s->name, s->line, column + 1,
                   s->cell[column]);
  if (!(fabs(*value) <= MAX_VALUE))
    return err_set(ERR_FORMAT, "%s:%d: column %d: %g: not finite, or beyond %g", s->name, s->line, column + 1, *value,
                   MAX_VALUE);
  *value *= s->columns.factor[quantity];
  return 0;
}

static int take_row(struct parser *s) {
  struct targetpath *p = s->p;
  const struct pathcolumns *c = &s->columns;
  if (s->n != c->n)
    return err_set(ERR_FORMAT, "%s:%d: %d column%s; the lines before have %d%s", s->name, s->line, s->n,
                   text_s(s->n), c->n,
                   s->separator == ',' && s->n == 2*c->n ? " (a decimal comma needs ';' between columns)" : "");
  if (p->n == TARGETPATH_MAX_ROWS)
    return err_set(ERR_FORMAT, "%s:%d: more than %d rows", s->name, s->line, TARGETPATH_MAX_ROWS);
  for (int k = 0; k < c->count; k++) TRY(take_number(p->value + (size_t)(p->n*c->count + k), s, c->first + k));
  if (p->clock != TARGETPATH_NO_TIMES) {
    const int quantity = p->clock == TARGETPATH_STEPS ? PATHCOLUMNS_STEP : PATHCOLUMNS_TIME;
    TRY(take_number(&p->time[p->n], s, quantity));
    if (p->n && !(p->time[p->n] > p->time[p->n - 1]))
      return err_set(ERR_FORMAT, "%s:%d: column %d: '%.40s': not after the row before", s->name, s->line,
                     c->at[quantity] + 1, s->cell[c->at[quantity]]);
  }
  p->line[p->n++] = s->line;
  return 0;
}

static void know_columns(struct parser *s) {
  struct targetpath *p = s->p;
  const struct pathcolumns *c = &s->columns;
  p->kind = c->first == PATHCOLUMNS_BASE ? TARGETPATH_ANGLES : c->first == PATHCOLUMNS_X ? TARGETPATH_POINTS
                                                                                         : TARGETPATH_SPEEDS;
  p->columns = c->count;
  p->clock = c->at[PATHCOLUMNS_STEP] >= 0   ? TARGETPATH_STEPS
             : c->at[PATHCOLUMNS_TIME] >= 0 ? TARGETPATH_SECONDS
                                            : TARGETPATH_NO_TIMES;
  s->began = true;
}

// Cells of a text that is not a line of the file.
static int cut_text(struct parser *cells, const char *text, const char *name, int line) {
  *cells = (struct parser){ .name = name, .line = line, .separator = separator_of(text) };
  snprintf(cells->text, sizeof cells->text, "%s", text);
  return cut(cells);
}

// A comment is a line of names if all its cells are names, or some and no blanks separate them: numpy.savetxt writes
// its header so.
static void look_for_names(struct parser *s, const char *comment) {
  struct parser cells;
  int names = 0;
  comment += strspn(comment, "# \t");
  if (cut_text(&cells, comment, s->name, s->line) < 0) return;
  for (int k = 0; k < cells.n; k++) names += pathcolumns_is_name(cells.cell[k]);
  if (names == 0 || (names < cells.n && cells.separator == ' ')) return;
  snprintf(s->comment, sizeof s->comment, "%s", comment);
  s->comment_line = s->line;
}

// The columns of a file without a line of names: those of the setting or of a comment, or by their number.
static int take_unnamed(struct parser *s, const char *where) {
  struct parser cells;
  if (s->p->names && s->p->names[0]) {
    s->named = true;
    TRY(cut_text(&cells, s->p->names, "target.columns", 1));
    TRY(pathcolumns_named(&s->columns, cells.cell, cells.n, "target.columns"));
    return s->n == cells.n ? 0 : err_set(ERR_FORMAT, "%s: %d column%s; target.columns names %d", where, s->n,
                                         text_s(s->n), cells.n);
  }
  if (s->comment[0]) TRY(cut_text(&cells, s->comment, s->name, s->comment_line));
  if (!s->comment[0] || cells.n != s->n) return pathcolumns_assumed(&s->columns, s->n, where);
  char there[WHERE];
  where_is(there, &cells);
  s->named = true;
  return pathcolumns_named(&s->columns, cells.cell, cells.n, there);
}

// Names or numbers, nothing between.
static int first_line(struct parser *s) {
  char where[WHERE];
  where_is(where, s);
  s->separator = separator_of(s->text);
  TRY(cut(s));
  const int numbers = count_numbers(s);
  double ignored;
  if (numbers == 0) {
    if (s->p->names && s->p->names[0])
      return err_set(ERR_FORMAT, "%s: '%.40s': expected a number; target.columns is for a file without names", where,
                     s->cell[0]);
    TRY(pathcolumns_named(&s->columns, s->cell, s->n, where));
    s->units = s->named = true;
    know_columns(s);
    return 0;
  }
  for (int k = 0; k < s->n; k++)
    if (!number(&ignored, s, k))
      return err_set(ERR_FORMAT, "%s: column %d: '%.40s': expected a number", where, k + 1, s->cell[k]);
  TRY(take_unnamed(s, where));
  know_columns(s);
  return take_row(s);
}

static int next_line(struct parser *s) {
  char where[WHERE];
  TRY(cut(s));
  const bool units = s->units && s->n == s->columns.n && count_numbers(s) == 0;
  s->units = false;
  if (!units) return take_row(s);
  where_is(where, s);
  return pathcolumns_units(&s->columns, s->cell, where);
}

static void describe(const struct parser *s) {
  char text[PATHCOLUMNS_TEXT];
  bool stated = s->named;
  const struct pathcolumns *c = &s->columns;
  for (int k = c->first; k < c->first + c->count; k++) stated = stated && c->stated[k];
  pathcolumns_text(text, c);
  snprintf(s->p->text, sizeof s->p->text, "%s%s", text,
           stated     ? ""
           : s->named ? " (the unit assumed)"
                      : " (columns and units assumed)");
  s->p->seconds_assumed = s->p->clock == TARGETPATH_SECONDS && !c->stated[PATHCOLUMNS_TIME];
}

// Without times a few rows are most likely not the path that was meant.
static int check_rows(const struct parser *s) {
  const struct targetpath *p = s->p;
  const int least = p->clock == TARGETPATH_NO_TIMES ? TARGETPATH_MIN_ROWS : 2;
  if (s->line == 0) return err_set(ERR_FORMAT, "%s: empty", s->name);
  if (p->n >= least) return 0;
  return err_set(ERR_FORMAT, "%s:%d: the path ends after %d row%s; at least %d are needed%s", s->name, s->line,
                 p->n, text_s(p->n), least, least > 2 ? ", or times" : "");
}

static int parse_lines(struct targetpath *p, const char *text, size_t size, const char *name) {
  struct parser s = { .p = p, .name = name };
  struct lines l = lines_of(text, size, name);
  for (bool found;;) {
    TRY(lines_next(&l, s.text, sizeof s.text, &found));
    if (!found) break;
    s.line = l.line;
    const char *start = s.text + strspn(s.text, " \t");
    if (*start == '#' && !s.began) look_for_names(&s, start);
    if (*start == 0 || *start == '#') continue;
    TRY(s.began ? next_line(&s) : first_line(&s));
  }
  TRY(check_rows(&s));
  describe(&s);
  return 0;
}

int targetpath_parse(void *path, const char *text, size_t size, const char *name) {
  struct targetpath *p = path;
  size_t rows = 1;
  for (size_t k = 0; k < size; k++) rows += text[k] == '\n';
  if (rows > TARGETPATH_MAX_ROWS) rows = TARGETPATH_MAX_ROWS;
  *p = (struct targetpath){ .names = p->names, .value = err_calloc(3*rows, sizeof(double)),
                            .time = err_calloc(rows, sizeof(double)), .line = err_calloc(rows, sizeof(int)) };
  const int rc = parse_lines(p, text, size, name);
  if (rc < 0) targetpath_release(p);
  return rc;
}

int targetpath_read(struct targetpath *p, const char *path, const char *names) {
  *p = (struct targetpath){ .names = names };
  return file_parse(path, MAX_BYTES, targetpath_parse, p);
}

void targetpath_release(struct targetpath *p) {
  free(p->value);
  free(p->time);
  free(p->line);
  *p = (struct targetpath){ .names = p->names };
}
