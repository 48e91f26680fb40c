// chip_fixture.h - chips of one matrix with drawn weights, for tests. A test that includes it calls arena_init.
#ifndef TESTS_CHIP_FIXTURE_H
#define TESTS_CHIP_FIXTURE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/rng.h"
#include "chip/chip_private.h"
#include "ideal_chip.h"
#include "test.h"

static struct arena arena;

static void fill(real *w, int rows, int columns, int ld, double scale, uint32_t stream) {
  struct rng r = rng_stream(5, RNG_TEST, stream);
  for (int i = 0; i < rows; i++)
    for (int o = 0; o < ld; o++)
      w[(size_t)i * (size_t)ld + (size_t)o] = o < columns ? (real)(scale * rng_normal(&r)) : 0;
}

static real *new_matrix(int rows, int columns, double scale, uint32_t stream) {
  real *w = ARENA_NEW(&arena, (size_t)rows * (size_t)vector_padded(columns), real);
  fill(w, rows, columns, vector_padded(columns), scale, stream);
  return w;
}

static struct chip_params ideal(void) {
  struct chip_params p = ideal_chip();
  p.calibration_rows = 64;
  return p;
}

static struct chip *one_matrix(const struct chip_params *p, int I, int O, const real *w) {
  struct chip *c = NULL;
  CHECK(chip_new(&c, p, 11) == 0, "%s", err_message());
  chip_add(c, "only", I, O);
  CHECK(chip_build(c) == 0, "%s", err_message());
  if (w) chip_synapse(c, 0)->ops->program(chip_synapse(c, 0), w, NULL);
  return c;
}

static inline double largest_difference(const real *a, const real *b, size_t n) {
  double worst = 0;
  for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs((double)(a[i] - b[i])));
  return worst;
}

#endif
