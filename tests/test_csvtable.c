// Tables in CSV files: good ones, and the message for every kind of bad one.
#include "report/csvtable.h"
#include "base/err.h"
#include "folder.h"
#include "test.h"

static struct csvtable t;

static int parse(const char *text) { return csvtable_parse(&t, text, strlen(text), "t.csv"); }

static void refused_bytes(const char *text, size_t size, const char *expected) {
  const int rc = csvtable_parse(&t, text, size, "t.csv");
  CHECK(rc == ERR_FORMAT && strstr(err_message(), expected), "'%s' gave '%s'", text,
        rc < 0 ? err_message() : "no error");
  CHECK(!t.v && !t.text && t.n_rows == 0 && t.n_columns == 0, "something is left of '%s'", text);
}
static void refused(const char *text, const char *expected) { refused_bytes(text, strlen(text), expected); }

static void check_good(void) {
  CHECK(parse("a,b_m,c\n1,-2.5e3,\r\n,0x10,1e308\n4,5") == 0, "%s", err_message());
  CHECK(t.n_rows == 2 && t.n_columns == 3, "%d rows, %d columns", t.n_rows, t.n_columns);  // the torn line is left out
  const double *b = csvtable_column(&t, "b_m"), *c = csvtable_column(&t, "c");
  CHECK(b && b[0] == -2500 && b[3] == 16, "b_m");
  CHECK(c && isnan(c[0]) && c[3] == 1e308 && isnan(t.v[3]), "c");
  CHECK(!csvtable_column(&t, "b") && !csvtable_column(&t, ""), "a column that is not there");
  CHECK(csvtable_need(&b, &t, "a", "t.csv") == 0 && b == t.v, "a");
  CHECK(csvtable_need(&b, &t, "d", "t.csv") == ERR_FORMAT && !strcmp(err_message(), "t.csv: column d is missing"), "%s",
        err_message());
  csvtable_release(&t);
  CHECK(parse("x\n") == 0 && t.n_rows == 0 && t.n_columns == 1, "head only: %s", err_message());
  csvtable_release(&t);
  CHECK(parse("x\n\n7\n\n") == 0 && t.n_rows == 3 && isnan(t.v[0]) && t.v[1] == 7, "empty cells of one column: %s",
        err_message());
  csvtable_release(&t);
}

static void check_refused(void) {
  refused("", "no line of column names");
  refused("a,b", "no line of column names");
  refused("\n", ":1: column 1 has no name");
  refused("a,,c\n", ":1: column 2 has no name");
  refused("a,b,a\n", ":1: columns 1 and 3 are both a");
  refused("a,b\n1,2\n3\n", "t.csv:3: 1 cell, expected 2");
  refused("a,b\n1,2,3\n", ":2: 3 cells, expected 2");
  refused("a,b\n1,2\n\n", ":3: 1 cell, expected 2");
  refused("a,b\n1,two\n", ":2: b is 'two', expected a number");
  refused("a\n1x\n", ":2: a is '1x'");
  refused("a\n1 \n", ":2: a is '1 '");
  refused("a\nnan\n", ":2: a is 'nan'");
  refused("a\ninf\n", ":2: a is 'inf'");
  refused("a\n1e309\n", ":2: a is '1e309'");
  refused_bytes("a\n1\0\n", 5, "holds a zero byte");
}

// As many columns as fit, and one more; many empty lines after many columns take no memory for what cannot be there.
static void check_sizes(void) {
  enum { LINES = 1 << 25 };
  char *text = malloc(LINES + 8*CSVTABLE_COLUMNS);
  size_t n = 0;
  for (int c = 0; c < CSVTABLE_COLUMNS; c++) n += (size_t)sprintf(text + n, "%sc%d", c ? "," : "", c);
  strcpy(text + n, "\n");
  CHECK(parse(text) == 0 && t.n_columns == CSVTABLE_COLUMNS, "%s", err_message());
  csvtable_release(&t);
  memset(text + n, '\n', LINES);
  refused_bytes(text, n + LINES, ":2: 1 cell, expected 256");
  strcpy(text + n, ",more\n");
  refused(text, ":1: more than 256 columns");
  free(text);
}

static void check_file(void) {
  const struct folder f = folder_make();
  folder_write(&f, "t.csv", "a\n3\n", 4);
  CHECK(csvtable_read(&t, folder_path(&f, "t.csv")) == 0 && t.n_rows == 1 && t.v[0] == 3, "%s", err_message());
  csvtable_release(&t);
  CHECK(csvtable_read(&t, folder_path(&f, "none.csv")) == ERR_IO && strstr(err_message(), "/none.csv: No such file"),
        "%s", err_message());
  CHECK(csvtable_read(&t, f.path) == ERR_IO && strstr(err_message(), f.path), "%s", err_message());
  csvtable_release(&t);  // of what was not read: nothing
  folder_remove(&f);
}

int main(void) {
  check_good();
  check_refused();
  check_sizes();
  check_file();
  return test_summary();
}
