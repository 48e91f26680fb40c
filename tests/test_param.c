// base/param: limits, trailing text, unknown names; and every value printed reads back to the same bits.
#include "base/param.h"

#include "base/err.h"
#include "base/rng.h"
#include "test.h"

struct net {
  int64_t channels, rule, rotate;
  double alpha;
  char path[PARAM_TEXT_SIZE];
};

static const char *const rules[] = { "task", "support", NULL };
static const struct param table[] = {
  PARAM_I64(struct net, channels, 56, 1, 1024, "feature maps"),
  PARAM_F64(struct net, alpha, 0.1, -1e300, 1e300, "rate"),
  PARAM_CHOICE(struct net, rule, 1, rules, "statistics"),
  PARAM_BOOL(struct net, rotate, 1, "turn"),
  PARAM_TEXT(struct net, path, "here", "folder"),
  { 0 },
};

int main(void) {
  struct net n;
  param_defaults(table, &n);
  CHECK(n.channels == 56 && n.alpha == 0.1 && n.rule == 1 && n.rotate == 1 && !strcmp(n.path, "here"), "defaults");
  static const char *const good[][2] = {
    { "channels", "1024" }, { "alpha", "-2.5e-3" }, { "rule", "task" }, { "rotate", "no" }, { "path", "" }
  };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    CHECK(param_set(table, &n, good[i][0], good[i][1]) == 0, "%s", err_message());
  CHECK(n.channels == 1024 && n.alpha == -2.5e-3 && n.rule == 0 && n.rotate == 0 && !*n.path, "values");

  char long_text[PARAM_TEXT_SIZE + 1];
  memset(long_text, 'x', sizeof long_text - 1);
  long_text[PARAM_TEXT_SIZE] = 0;
  const struct net before = n;
  const char *const bad[][3] = {
    { "channels", "0", "outside [1, 1024]" }, { "channels", "1025", "outside" }, { "channels", "5x",
                                                                                   "not a whole number" },
    { "channels", "", "not a whole number" }, { "channels", "5.0", "not a whole" },
    { "channels", "99999999999999999999", "not a whole" },
    { "alpha", "nan", "not a number" }, { "alpha", "inf", "not a number" }, { "alpha", "1e301", "outside" },
    { "alpha", "0.1 0", "not a number" }, { "rule", "Task", "must be one of task, support" }, { "rule", "", "must be" },
    { "rotate", "1", "must be one of no, yes" },
    { "path", "a\nb", "control character" },
    { "path", long_text, "longer than 511" },
    { "pat", "x", "no such setting" }, { "", "x", "no such setting" },
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    CHECK(param_set(table, &n, bad[i][0], bad[i][1]) == ERR_SETTING && strstr(err_message(), bad[i][2]) &&
              !strncmp(err_message(), bad[i][0], strlen(bad[i][0])), "%s=%s: %s", bad[i][0], bad[i][1], err_message());
  CHECK(!memcmp(&before, &n, sizeof n), "a refused value left a trace");

  struct rng r = rng_stream(1, RNG_TEST, 0);
  char text[PARAM_TEXT_SIZE];
  for (int i = 0; i < 20000; i++) {
    const double v = ldexp(rng_normal(&r), (int)(rng_u32(&r) % 1900) - 1000);
    n.alpha = v;
    param_value(&table[1], &n, text);
    n.alpha = 0;
    if (param_set(table, &n, "alpha", text) || n.alpha != v) CHECK(0, "%.17g printed as %s", v, text);
  }
  char *help;
  size_t size;
  FILE *f = open_memstream(&help, &size);
  param_help(table, "net", f);
  fclose(f);
  CHECK(strstr(help, "net.channels") && strstr(help, "1 to 1024, default 56") &&
            strstr(help, "task|support, default support") && strstr(help, "no|yes, default yes"),
        "%s", help);
  free(help);
  return test_summary();
}
