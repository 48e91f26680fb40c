// Files of sweeps; a plan that was accepted prints as a file from which the same points are read, and these have names
// of their own.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "lab/sweepplan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_names(const struct sweepplan *p) {
  char name[SWEEPPLAN_NAME], next[SWEEPPLAN_NAME];
  for (int k = 0; k + 1 < p->n_points; k++) {
    sweepplan_name(p, k, name);
    sweepplan_name(p, k + 1, next);
    if (!*name || strchr(name, '/') || !strcmp(name, next)) abort();
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct sweepplan a, b;
  char *text;
  size_t n;
  if (sweepplan_parse(&a, (const char *)data, size, "fuzz") < 0) return 0;
  check_names(&a);
  FILE *out = open_memstream(&text, &n);
  sweepplan_print(&a, out);
  fclose(out);
  if (sweepplan_parse(&b, text, n, "printed") < 0 || b.n_points != a.n_points || sweepplan_same(&a, &b, "printed") < 0)
    abort();
  sweepplan_release(&b);
  sweepplan_release(&a);
  free(text);
  return 0;
}
