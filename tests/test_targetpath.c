// The file of a user's own path: good ones, and the message for every kind of bad one.
#include "base/err.h"
#include "arm/targetpath.h"
#include "test.h"

static void refused(const char *text, const char *expected) {
  struct targetpath p;
  const int rc = targetpath_parse(&p, text, strlen(text), "path.csv");
  CHECK(rc == ERR_FORMAT && strstr(err_message(), expected), "'%s' gave '%s'", expected,
        rc < 0 ? err_message() : "no error");
  if (rc == 0) targetpath_release(&p);
}

int main(void) {
  struct targetpath p;
  static const char good[] = "x,y,z\n# a comment\n1,2,3\r\n\n 4 , -5e-1 "
                             ",6\n1,1,1\n1,1,1\n1,1,1\n1,1,1\n1,1,1\n1,1,1\n1,1,1\n7,8,9";
  CHECK(targetpath_parse(&p, good, sizeof good - 1, "path.csv") == 0, "%s", err_message());
  CHECK(p.n == 10 && p.columns == 3 && p.value[4] == -0.5 && p.value[29] == 9 && p.line[0] == 3 && p.line[9] == 13,
        "%d rows of %d, line %d", p.n, p.columns, p.line[9]);
  targetpath_release(&p);
  refused("", "path.csv:0: the path ends after 0 rows; at least 10");
  refused("1,2\n3,4\n", "path.csv:2: the path ends after 2 rows");
  refused("1,2\n3\n", "path.csv:2: 1 column");
  refused("1,2\n3,4,5\n", "path.csv:2: 3 columns; the rows before have 2");
  refused("1,2,3,4\n", "path.csv:1: more than 3 columns");
  refused("1,2\n3,x\n", "path.csv:2: column 2: 'x': expected a number");
  refused("1,2\n3,4 5\n", "path.csv:2: column 2: '5': expected a comma");
  refused("1,2\n3,nan\n", "path.csv:2: column 2: nan: not finite");
  refused("1,2\n1e999,3\n", "path.csv:2: column 1: inf: not finite");
  refused("1,2\nbase,shoulder\n", "path.csv:2: column 1");
  refused("1,2,\n", "path.csv:1: column 3: '': expected a number");
  char longer[800];
  memset(longer, '1', sizeof longer - 1);
  longer[799] = 0;
  refused(longer, "longer than");
  CHECK(targetpath_parse(&p, "1,2\0\n", 5, "path.csv") == ERR_FORMAT && strstr(err_message(), "a zero byte"), "%s",
        err_message());
  CHECK(targetpath_read(&p, "/nonexistent/path.csv") == ERR_IO && strstr(err_message(), "/nonexistent/path.csv"), "%s",
        err_message());
  return test_summary();
}
