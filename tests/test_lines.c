// Lines of texts: what ends them, the mark at the start, and what is refused, with its place.
#include "base/lines.h"

#include "base/err.h"
#include "test.h"

// Are these the lines of a text, one after the other, and no more?
static void check_lines(const char *text, size_t size, const char *const *expected) {
  struct lines l = lines_of(text, size, "file");
  char line[8];
  bool found;
  for (int k = 0; expected[k]; k++) {
    CHECK(lines_next(&l, line, sizeof line, &found) == 0 && found && l.line == k + 1, "line %d: %s", k + 1,
          err_message());
    CHECK(!strcmp(line, expected[k]), "line %d is '%s', not '%s'", k + 1, line, expected[k]);
  }
  CHECK(lines_next(&l, line, sizeof line, &found) == 0 && !found, "a further line '%s'", line);
}

static void test_ends(void) {
#define LINES(text, ...) check_lines(text, sizeof text - 1, (const char *const[]){ __VA_ARGS__ })
  LINES("", NULL);
  LINES("a", "a", NULL);
  LINES("a\n", "a", NULL);
  LINES("a\n\nb", "a", "", "b", NULL);
  LINES("a\r\n\r\nb\r", "a", "", "b", NULL);
  LINES("a\r\r\nb\r\r\n", "a", "b", NULL);
  LINES("1234567\n1234567\r\n", "1234567", "1234567", NULL);
  LINES("\xef\xbb\xbf" "a\n\xef\xbb\xbf" "b\n", "a", "\xef\xbb\xbf" "b", NULL);
  LINES("\xef\xbb\xbf", "", NULL);
#undef LINES
}

static void refused(const char *text, size_t size, const char *why) {
  struct lines l = lines_of(text, size, "file");
  char line[8];
  bool found = true;
  int rc = 0;
  while (rc == 0 && found) rc = lines_next(&l, line, sizeof line, &found);
  CHECK(rc == ERR_FORMAT && !strcmp(err_message(), why), "%d: '%s', not '%s'", rc, err_message(), why);
}

static void test_refused(void) {
#define REFUSED(text, why) refused(text, sizeof text - 1, why)
  REFUSED("a\n12345678\n", "file:2: line longer than 7 characters");
  REFUSED("a\nb\n1\0002\n", "file:3: a zero byte");
  REFUSED("a\n\0", "file:2: a zero byte");
  REFUSED("\xff\xfe" "a\0\n\0", "file:1: UTF-16; save it as UTF-8");
  REFUSED("\xfe\xff\0a\0\n", "file:1: UTF-16; save it as UTF-8");
  REFUSED("a\rb\r", "file:1: lines end with CR alone; they must end with LF or CR LF");
  REFUSED("12345678\r12345678\r", "file:1: lines end with CR alone; they must end with LF or CR LF");
#undef REFUSED
}

int main(void) {
  test_ends();
  test_refused();
  return test_summary();
}
