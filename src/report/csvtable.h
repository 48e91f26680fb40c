// csvtable.h - a table of numbers in a CSV file: a line of column names, none twice, then rows of as many numbers. An
// empty cell is NaN. A last line without line end (of a run that goes on, or was killed) is left out.
#ifndef REPORT_CSVTABLE_H
#define REPORT_CSVTABLE_H

#include <stddef.h>

enum { CSVTABLE_COLUMNS = 256 };

struct csvtable {
  int n_rows, n_columns;
  double *v;                     // (n_rows, n_columns)
  char *name[CSVTABLE_COLUMNS];  // of the columns; into `text`
  char *text;
};

// Into a struct csvtable (for file_parse). ERR_FORMAT names file, line and cell; then there is nothing to release.
int csvtable_parse(void *table, const char *text, size_t size, const char *where);
int csvtable_read(struct csvtable *t, const char *path);
void csvtable_release(struct csvtable *t);

// First cell of a column, n_columns apart from row to row; NULL: no such column. csvtable_need: an error that names it.
const double *csvtable_column(const struct csvtable *t, const char *name);
int csvtable_need(const double **column, const struct csvtable *t, const char *name, const char *where);

#endif
