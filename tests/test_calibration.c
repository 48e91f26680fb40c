// Calibration from samples that do not fit: with chip.input_quantile below 1 the largest inputs are cut off, and what
// the chip gives for them says nothing about its gain. From very few vectors no column has a gain of its own.
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/vector.h"
#include "chip/chip.h"
#include "test.h"

enum { ROWS = 64, COLUMNS = 8, N = 500, XP = 64, OP = 16 };

static struct arena arena;

static real *uniform(int rows, int columns, int ld, uint32_t stream) {
  struct rng r = rng_stream(41, RNG_TEST, stream);
  real *x = ARENA_NEW(&arena, (size_t)(rows*ld), real);
  memset(x, 0, (size_t)(rows*ld) * sizeof *x);
  for (int i = 0; i < rows; i++)
    for (int o = 0; o < columns; o++) x[i*ld + o] = (real)(rng_uniform(&r) - 0.5);
  return x;
}

// Of x W on a chip that has seen n vectors: <y, exact>/<exact, exact>, |y - exact|/|exact|.
struct fit {
  double slope, error;
};

static struct fit fit(const struct chip_params *p, const real *w, const real *seen, int n, const real *x) {
  const struct conv s = conv_shape(N, 1, 1, ROWS, COLUMNS, 1, 1, 0), few = conv_shape(n, 1, 1, ROWS, COLUMNS, 1, 1, 0);
  real *y = ARENA_NEW(&arena, N*OP, real), *exact = ARENA_NEW(&arena, N*OP, real);
  struct rng r = rng_stream(5, RNG_READ, 0);
  struct chip *c = NULL;
  double ye = 0, ee = 0, dd = 0;
  CHECK(chip_new(&c, p, 1) == 0, "%s", err_message());
  chip_add(c, "only", ROWS, COLUMNS);
  CHECK(chip_build(c) == 0, "%s", err_message());
  struct synapse *a = chip_synapse(c, 0);
  a->ops->program(a, w, &r);
  chip_observe(c, true);
  a->ops->product(a, y, seen, &few, &r);
  chip_observe(c, false);
  chip_calibrate(c, &r);
  a->ops->product(a, y, x, &s, &r);
  conv_forward(exact, x, w, &s);
  for (int i = 0; i < N*OP; i++) {
    ye += (double)y[i] * (double)exact[i];
    ee += (double)exact[i] * (double)exact[i];
    dd += (double)(y[i] - exact[i]) * (double)(y[i] - exact[i]);
  }
  chip_free(c);
  return (struct fit){ ye/ee, sqrt(dd/ee) };
}

// One input of 500 among inputs within +-1/2, and two settings that ignore it.
static void test_outlier(int dac_bits) {
  struct chip_params p;
  param_defaults(chip_param_table, &p);
  param_defaults(verify_param_table, &p.verify);
  p.dac_bits = dac_bits;
  const real *w = uniform(ROWS, COLUMNS, OP, 0), *x = uniform(N, ROWS, XP, 1);
  real *seen = uniform(N, ROWS, XP, 2);
  for (int correction = CHIP_GLOBAL; correction <= CHIP_COLUMN; correction++) {
    p.correction = correction;
    seen[0] = 0.25;
    p.input_quantile = 1;
    const double clean = fit(&p, w, seen, N, x).slope;
    CHECK(fabs(clean - 1) < test_tol(0.05), "slope %g without an outlier", clean);
    seen[0] = 500;
    p.input_quantile = 0.999;
    const double found = fit(&p, w, seen, N, x).slope;
    CHECK(fabs(found/clean - 1) < test_tol(0.02), "%d bits, correction %d: slope %g, without the outlier %g", dac_bits,
          correction, found, clean);
  }
}

static void test_few(void) {
  struct chip_params p;
  param_defaults(chip_param_table, &p);
  param_defaults(verify_param_table, &p.verify);
  const real *w = uniform(ROWS, COLUMNS, OP, 0), *x = uniform(N, ROWS, XP, 1), *seen = uniform(N, ROWS, XP, 2);
  p.correction = CHIP_GLOBAL;
  const double global = fit(&p, w, seen, 2, x).error;
  p.correction = CHIP_COLUMN;
  const double column = fit(&p, w, seen, 2, x).error, many = fit(&p, w, seen, N, x).error;
  CHECK(column < 1.1*global && many < 1.1*global, "error from 2 vectors %g, from %d %g; with one gain %g", column, N,
        many, global);
}

int main(void) {
  arena_init(&arena, 64u << 20);
  test_outlier(8);
  test_outlier(0);  // an ideal converter cuts nothing off
  test_few();
  arena_release(&arena);
  return test_summary();
}
