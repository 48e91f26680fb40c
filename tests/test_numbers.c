// Lists of numbers in a setting: good ones, and the message for every kind of bad one.
#include "base/numbers.h"
#include "base/err.h"
#include "test.h"

static void refused(const char *text, const char *expected) {
  double list[3];
  const int rc = numbers_parse(list, 3, text, 0.001, 3.15e9, "eval.later_s");
  CHECK(rc == ERR_SETTING && strstr(err_message(), expected), "'%s' gave '%s'", text,
        rc < 0 ? err_message() : "no error");
}

int main(void) {
  double list[3];
  CHECK(numbers_parse(list, 3, "60,3.6e3, 86400", 0.001, 3.15e9, "x") == 3, "%s", err_message());
  CHECK(list[0] == 60 && list[1] == 3600 && list[2] == 86400, "%g %g %g", list[0], list[1], list[2]);
  CHECK(numbers_parse(list, 3, "", 0.001, 3.15e9, "x") == 0, "empty");
  refused("60,50", "eval.later_s=60,50: item 2 is 50, not above 60");
  refused("60,60", "not above 60");
  refused("0", "item 1 is 0, outside [0.001, 3.15e+09]");
  refused("-1", "outside");
  refused("60,nan", "item 2 is nan, outside");
  refused("inf", "item 1 is inf, outside");
  refused("1e10", "outside");
  refused("60;70", "item 1 is not a number");
  refused("60 ,70", "item 1 is not a number");
  refused("60,", "nothing after the last comma");
  refused("60,,70", "item 2 is not a number");
  refused(",60", "item 1 is not a number");
  refused("hour", "item 1 is not a number");
  refused("1,2,3,4", "more than 3 numbers");
  return test_summary();
}
