// Adam against algorithm 1 of Kingma and Ba (ICLR 2015), written out for one parameter at a time.
#include "base/rng.h"
#include "kernel/adam.h"
#include "test.h"

enum { N = 37, STEPS = 9 };

int main(void) {
  const double rate = 0.013, tolerance = sizeof(real) == sizeof(double) ? 1e-13 : 2e-6;
  real w[N], m[N] = { 0 }, v[N] = { 0 }, g[N];
  double ew[N], em[N] = { 0 }, ev[N] = { 0 };
  struct rng r = rng_stream(5, RNG_TEST, 0);
  for (int i = 0; i < N; i++) ew[i] = (double)(w[i] = (real)rng_normal(&r));
  for (int t = 1; t <= STEPS; t++) {
    for (int i = 0; i < N; i++) g[i] = (real)(pow(10, i % 9 - 6) * rng_normal(&r));
    adam_step(w, m, v, g, N, rate, t % 2 ? ADAM_EPSILON : 1e-3, t);
    for (int i = 0; i < N; i++) {
      em[i] = 0.9*em[i] + 0.1*(double)g[i];
      ev[i] = 0.999*ev[i] + 0.001*(double)g[i]*(double)g[i];
      ew[i] -= rate * em[i]/(1 - pow(0.9, t)) / (sqrt(ev[i]/(1 - pow(0.999, t))) + (t % 2 ? 1e-8 : 1e-3));
      CHECK(fabs((double)w[i] - ew[i]) <= test_tol(tolerance), "step %d parameter %d: %.9g, not %.9g", t, i,
            (double)w[i], ew[i]);
    }
  }
  // the first step is rate * sign(g), whatever the size of g; a zero gradient moves nothing
  real x[3] = { 1, 1, 1 }, m1[3] = { 0 }, v1[3] = { 0 };
  adam_step(x, m1, v1, (const real[]){ 500, (real)-0.02, 0 }, 3, rate, ADAM_EPSILON, 1);
  CHECK_REL(x[0], 1 - rate, 1e-6);
  CHECK_REL(x[1], 1 + rate, 1e-6);
  CHECK(x[2] == 1, "moved without a gradient to %g", (double)x[2]);
  return test_summary();
}
