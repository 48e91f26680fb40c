// Derivatives of the normalisation along a direction: against the rules of differentiation written out, and against
// differences of what norm.h itself computes.
#include "base/err.h"
#include "base/rng.h"
#include "gradient.h"
#include "kernel/norm.h"
#include "kernel/normtangent.h"

static const real eps = (real)1e-3;
static const int is_double = sizeof(real) == sizeof(double);

// z and dy with their directions, of n pixels and C channels.
struct problem {
  int n, C;
  real *z, *zdot, *dy, *dydot;
  real *ydot, *dzdot;  // found
};

static real *reals(const struct problem *p) { return err_aligned((size_t)(p->n*p->C), sizeof(real)); }

static real *normals(const struct problem *p, double mean, struct rng *r) {
  real *x = reals(p);
  for (int i = 0; i < p->n*p->C; i++) x[i] = (real)(mean + rng_normal(r));
  return x;
}

static void problem_init(struct problem *p, int n, int C, struct rng *r) {
  *p = (struct problem){ .n = n, .C = C };
  p->z = normals(p, 0.3, r);
  p->zdot = normals(p, 0.1, r);
  p->dy = normals(p, 0.2, r);
  p->dydot = normals(p, -0.1, r);
  p->ydot = reals(p);
  p->dzdot = reals(p);
}

static void problem_release(struct problem *p) {
  real *const owned[] = { p->z, p->zdot, p->dy, p->dydot, p->ydot, p->dzdot };
  for (int k = 0; k < 6; k++) free(owned[k]);
}

// y and dz by norm.h; a, r beside them.
static void plain(real *y, real *dz, real *a, real *r, const real *z, const real *dy, int n, int C) {
  real *mean = err_aligned(3 * (size_t)C, sizeof *mean), *s1 = mean + C, *s2 = s1 + C;
  memset(s1, 0, 2 * (size_t)C * sizeof *s1);
  memcpy(a, z, (size_t)(n*C) * sizeof *a);
  norm_statistics(mean, r, a, n, C, eps);
  norm_forward(y, a, mean, r, n, C);
  norm_sums(s1, s2, dy, y, n, C);
  norm_backward(dz, dy, y, a, r, s1, s2, n, n, C);
  free(mean);
}

// The directions in two parts: `share` of them in the first.
static void tangents(struct problem *p, double share) {
  const int n = p->n, C = p->C;
  real *y = reals(p), *dz = reals(p), *a = reals(p), *u = reals(p), *v = reals(p);
  real *r = err_aligned(6 * (size_t)C, sizeof *r), *s1 = r + C, *s2 = s1 + C;
  const struct normtangent_sums s = { s2 + C, s2 + 2*C, s2 + 3*C };
  memset(s1, 0, 5 * (size_t)C * sizeof *s1);
  plain(y, dz, a, r, p->z, p->dy, n, C);
  for (int i = 0; i < n*C; i++) {
    p->ydot[i] = (real)share * p->zdot[i];
    u[i] = p->zdot[i] - p->ydot[i];
    p->dzdot[i] = (real)share * p->dydot[i];
    v[i] = p->dydot[i] - p->dzdot[i];
  }
  normtangent_sums(s1, s2, p->ydot, share < 1 ? u : NULL, a, y, n, C);
  normtangent_forward(p->ydot, y, r, s1, s2, n, C);
  normtangent_backward_sums(&s, p->dzdot, share < 1 ? v : NULL, p->dy, y, p->ydot, n, C);
  normtangent_backward(p->dzdot, dz, y, p->ydot, a, r, s2, &s, n, C);
  real *const owned[] = { y, dz, a, u, v, r };
  for (int k = 0; k < 6; k++) free(owned[k]);
}

static double worst_of(const real *found, const real *expected, int n) {
  double worst = 0, size = 0;
  for (int i = 0; i < n; i++) size = fmax(size, fabs((double)expected[i]));
  for (int i = 0; i < n; i++) {
    const double error = fabs((double)found[i] - (double)expected[i]) / (size > 0 ? size : 1);
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

static void test_twins(int n, int C, double share, struct rng *r) {
  struct problem p;
  problem_init(&p, n, C, r);
  for (int k = 0; k < n; k++) p.z[k*C + 1] = -1;                   // a channel all rectified
  for (int k = 0; k < n && n > 2; k++) p.z[k*C + 2] = (real)1.25;  // and one without variance
  real *expected = reals(&p);
  const double tolerance = is_double ? 1e-12 : 5e-4;
  tangents(&p, share);
  normtangent_forward_ref(expected, p.z, p.zdot, n, C, eps);
  double worst = worst_of(p.ydot, expected, n*C);
  CHECK(worst <= test_tol(tolerance), "n %d C %d share %g: y. off by %.2g", n, C, share, worst);
  normtangent_backward_ref(expected, p.z, p.zdot, p.dy, p.dydot, n, C, eps);
  worst = worst_of(p.dzdot, expected, n*C);
  CHECK(worst <= test_tol(tolerance), "n %d C %d share %g: dz. off by %.2g", n, C, share, worst);
  free(expected);
  problem_release(&p);
}

// y and dz at z + h z., dy + h dy.; returns whether a value crossed the kink.
static int moved(real *y, real *dz, const struct problem *p, double h) {
  real *z = reals(p), *dy = reals(p), *a = reals(p), *r = err_aligned((size_t)p->C, sizeof *r);
  int crossed = 0;
  for (int i = 0; i < p->n*p->C; i++) {
    z[i] = (real)((double)p->z[i] + h*(double)p->zdot[i]);
    dy[i] = (real)((double)p->dy[i] + h*(double)p->dydot[i]);
    crossed |= (z[i] > 0) != (p->z[i] > 0);
  }
  plain(y, dz, a, r, z, dy, p->n, p->C);
  real *const owned[] = { z, dy, a, r };
  for (int k = 0; k < 4; k++) free(owned[k]);
  return crossed;
}

static void test_differences(struct rng *r) {
  enum { POINTS = 4 };
  struct problem p;
  problem_init(&p, 37, 16, r);
  const int size = p.n*p.C;
  const double h = 2e-5, step[POINTS] = { h, -h, h/2, -h/2 };
  real *y[POINTS], *dz[POINTS];
  tangents(&p, 0.4);
  for (int k = 0; k < POINTS; k++) {
    y[k] = reals(&p);
    dz[k] = reals(&p);
    CHECK(!moved(y[k], dz[k], &p, step[k]), "a value next to zero: choose other numbers");
  }
  for (int which = 0; which < 2; which++) {
    real *const *f = which ? dz : y;
    real *expected = reals(&p);
    for (int i = 0; i < size; i++) {
      const double d1 = (double)(f[0][i] - f[1][i])/(2*h), d2 = (double)(f[2][i] - f[3][i])/h;
      expected[i] = (real)((4*d2 - d1)/3);
    }
    const double worst = worst_of(which ? p.dzdot : p.ydot, expected, size);
    CHECK(worst <= test_tol(1e-9), "%s off by %.2e from differences", which ? "dz." : "y.", worst);
    free(expected);
  }
  for (int k = 0; k < POINTS; k++) {
    free(y[k]);
    free(dz[k]);
  }
  problem_release(&p);
}

int main(void) {
  struct rng r = rng_stream(5, RNG_TEST, 0);
  const int widths[] = { 16, 48, 64, 80, 144 }, counts[] = { 2, 3, 63, 65, 200 };
  for (int i = 0; i < 5; i++)
    for (int k = 0; k < 5; k++) {
      test_twins(counts[k], widths[i], 0.25, &r);
      test_twins(counts[k], widths[i], 1, &r);
    }
  if (GRADIENT_CHECKED) test_differences(&r);
  return test_summary();
}
