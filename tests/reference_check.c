// reference_check FILE... - compare the code with files of reference vectors. In the double build every
// tensor must agree to 1e-9 of its largest value; exit 1 otherwise. TOLERANCE=x changes the bound.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/tensorfile.h"
#include "reference/reference.h"

int main(int argc, char **argv) {
  const char *text = getenv("TOLERANCE");
  const double tolerance = text ? strtod(text, NULL) : sizeof(real) == sizeof(double) ? 1e-9 : 1e-3;
  int bad = argc < 2;
  if (bad) fprintf(stderr, "usage: reference_check FILE...\n");
  for (int i = 1; i < argc; i++) {
    struct tensorfile *tf;
    double worst = INFINITY;
    int rc = tensorfile_open(&tf, argv[i]);
    if (rc == 0) {
      rc = tensorfile_find(tf, "lsg.w_in") ? reference_eprop(tf, stdout, &worst) : reference_maml(tf, stdout, &worst);
      tensorfile_close(tf);
    }
    if (rc < 0) fprintf(stderr, "%s\n", err_message());
    else
      printf("%s: largest relative error %.2e (bound %.0e): %s\n", argv[i], worst, tolerance,
             worst <= tolerance ? "agrees" : "DIFFERS");
    bad |= rc < 0 || !(worst <= tolerance);
  }
  return bad;
}
