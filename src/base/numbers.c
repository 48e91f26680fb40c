#include "base/numbers.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "base/err.h"

int numbers_parse(double *list, int n_max, const char *text, double low, double high, const char *name) {
  int n = 0;
  for (const char *at = text; *at; n++) {
    char *end;
    const double v = strtod(at, &end);
    if (end == at || isspace((unsigned char)*at) || (*end && *end != ','))
      return err_set(ERR_SETTING, "%s=%s: item %d is not a number", name, text, n + 1);
    if (!isfinite(v) || v < low || v > high)
      return err_set(ERR_SETTING, "%s=%s: item %d is %g, outside [%g, %g]", name, text, n + 1, v, low, high);
    if (n > 0 && v <= list[n - 1])
      return err_set(ERR_SETTING, "%s=%s: item %d is %g, not above %g before it", name, text, n + 1, v, list[n - 1]);
    if (n == n_max) return err_set(ERR_SETTING, "%s=%s: more than %d numbers", name, text, n_max);
    list[n] = v;
    if (!*end) return n + 1;
    for (at = end + 1; *at == ' '; at++) {}
    if (!*at) return err_set(ERR_SETTING, "%s=%s: nothing after the last comma", name, text);
  }
  return n;
}

void numbers_cells(FILE *out, const double *v, int n) {
  for (int k = 0; k < n; k++)
    if (isfinite(v[k])) fprintf(out, ",%.9g", v[k]);
    else fputc(',', out);
}
