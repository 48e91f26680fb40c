// gradient.h - analytic gradients against central differences, for the double build.
// Every coordinate is moved by +-h and +-h/2. The error of a central difference is of order h^2, so
//   Richardson's (4 d(h/2) - d(h))/3 must meet the gradient almost to rounding, and
//   halving the step must quarter the error (over all coordinates together).
#ifndef GRADIENT_H
#define GRADIENT_H

#include <stdint.h>

#include "base/real.h"
#include "test.h"

enum { GRADIENT_CHECKED = sizeof(real) == sizeof(double) };

// A loss reports on which side of its kinks it was evaluated: a pattern that differs from that of
// the point itself means a kink was crossed, and that coordinate is tried again with a smaller step.
// Seeds are chosen so that this is rare (TEST_VERBOSE=1 prints how often).
typedef double gradient_loss(void *context, uint64_t *pattern);

struct gradient_error {
  double worst;   // max |Richardson - gradient| / max |gradient|
  double ratio;   // |error at h| / |error at h/2|, 4 expected
  long at;        // coordinate of the worst
  long n_kinks;   // coordinates that needed a smaller step
};

static inline void gradient_pattern(uint64_t *pattern, uint64_t bit) {
  *pattern = (*pattern ^ bit) * 0x9E3779B97F4A7C15u + 1;
}

static inline double gradient_difference(real *x, double h, gradient_loss *loss, void *context, uint64_t side,
                                         int *crossed) {
  const real old = *x;
  double f[2];
  for (int k = 0; k < 2; k++) {
    uint64_t pattern = 0;
    *x = (real)(k ? (double)old - h : (double)old + h);
    f[k] = loss(context, &pattern);
    *crossed |= pattern != side;
  }
  *x = old;
  return (f[0] - f[1]) / (2*h);
}

static inline struct gradient_error gradient_compare(real *x, const real *g, long n, double h, gradient_loss *loss,
                                                     void *context) {
  struct gradient_error e = { 0 };
  uint64_t side = 0;
  double size = 0, whole = 0, half = 0;
  loss(context, &side);
  for (long i = 0; i < n; i++) size = fmax(size, fabs((double)g[i]));
  for (long i = 0; i < n; i++) {
    double step = h, d1, d2;
    for (int crossed = 1; crossed; step /= 8) {
      crossed = 0;
      d1 = gradient_difference(x + i, step, loss, context, side, &crossed);
      d2 = gradient_difference(x + i, step / 2, loss, context, side, &crossed);
      if (step < h * 1e-3) break;
    }
    if (step < h / 9) e.n_kinks++;
    else {
      whole += pow(d1 - (double)g[i], 2);
      half += pow(d2 - (double)g[i], 2);
    }
    const double error = fabs((4*d2 - d1) / 3 - (double)g[i]) / (size > 0 ? size : 1);
    if (!(error <= e.worst)) {
      e.worst = error;
      e.at = i;
    }
  }
  e.ratio = sqrt(whole / half);
  return e;
}

// With `curved`, the loss has a third derivative and the quartering can be seen.
static inline void gradient_check(const char *name, real *x, const real *g, long n, double h, double tolerance,
                                  int curved, gradient_loss *loss, void *context) {
  const struct gradient_error e = gradient_compare(x, g, n, h, loss, context);
  CHECK(e.worst <= test_tol(tolerance), "%s: gradient off by %.2e at %ld of %ld", name, e.worst, e.at, n);
  CHECK(!curved || fabs(e.ratio - 4) < test_tol(0.2), "%s: halving the step divided the error by %.3f", name, e.ratio);
  CHECK(e.n_kinks == 0, "%s: %ld of %ld coordinates next to a kink", name, e.n_kinks, n);
  if (getenv("TEST_VERBOSE"))
    printf("%-32s n %5ld  error %.2e  ratio %.4f  kinks %ld\n", name, n, e.worst, e.ratio, e.n_kinks);
}

#endif
