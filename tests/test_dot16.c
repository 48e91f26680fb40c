// The product of 16-bit integers against its slow twin, to the bit: unround sizes, the largest sums.
#include <stdbool.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/vector.h"
#include "kernel/dot16.h"
#include "test.h"

// x and w at random, or all as large as they may be.
static void check(int B, int rows, int columns, bool largest, struct rng *r) {
  const int ld_x = vector_padded(rows), ld = vector_padded(columns);
  int16_t *x = err_aligned((size_t)(B*ld_x), sizeof *x), *w = err_aligned(dot16_size(rows, ld), sizeof *w);
  real *y = err_aligned((size_t)(2*B*ld), sizeof *y), *y_ref = y + B*ld, *unit = err_aligned((size_t)ld, sizeof *unit);
  memset(x, 0, (size_t)(B*ld_x) * sizeof *x);
  memset(w, 0, dot16_size(rows, ld) * sizeof *w);
  for (int b = 0; b < B; b++)
    for (int i = 0; i < rows; i++) x[b*ld_x + i] = (int16_t)(largest ? DOT16_X : DOT16_X * (2*rng_uniform(r) - 1));
  for (int i = 0; i < rows; i++)
    for (int o = 0; o < columns; o++)
      w[dot16_at(i, o, ld)] = (int16_t)(largest ? DOT16_W : DOT16_W * (2*rng_uniform(r) - 1));
  for (int o = 0; o < ld; o++) unit[o] = (real)rng_uniform(r);
  dot16_forward(y, x, w, unit, B, rows, ld_x, ld);
  dot16_forward_ref(y_ref, x, w, unit, B, rows, ld_x, ld);
  double exact = 0;
  for (int i = 0; i < rows; i++) exact += (double)x[i] * (double)w[dot16_at(i, columns - 1, ld)];
  CHECK_REL((double)y[columns - 1], exact * (double)unit[columns - 1], 1e-5);
  CHECK(memcmp(y, y_ref, (size_t)(B*ld) * sizeof *y) == 0, "%d x %d x %d: not the twin's bits", B, rows, columns);
  free(x);
  free(w);
  free(y);
  free(unit);
}

// Rounded to steps of its column: the largest of one is DOT16_W steps; none is off by more than half of one.
static void check_steps(int rows, int columns, struct rng *r) {
  const int ld = vector_padded(columns);
  real *w = err_aligned((size_t)(rows*ld), sizeof *w), *step = err_aligned((size_t)ld, sizeof *step);
  int16_t *steps = err_aligned(dot16_size(rows, ld), sizeof *steps);
  for (int k = 0; k < rows*ld; k++) w[k] = (real)(rng_uniform(r) * pow(10, k % ld % 7 - 3));
  for (int i = 0; i < rows; i++) w[i*ld] = 0;
  w[1] = (real)-1e-9;
  dot16_steps(steps, step, w, rows, ld);
  double worst = 0;
  for (int o = 0; o < columns; o++) {
    int most = 0;
    for (int i = 0; i < rows; i++) {
      const int n = steps[dot16_at(i, o, ld)];
      most = n > most ? n : most;
      worst = fmax(worst, fabs(n - (o > 0 ? (double)w[i*ld + o] / (double)step[o] : 0)));
    }
    CHECK(most == (o > 0 ? DOT16_W : 0), "column %d: %d steps at most", o, most);
    CHECK(rows % 2 == 0 || steps[dot16_at(rows, o, ld)] == 0, "column %d: the row of padding", o);
  }
  CHECK(worst < 0.5001, "off by %g steps", worst);
  free(w);
  free(step);
  free(steps);
}

int main(void) {
  struct rng r = rng_stream(7, RNG_TEST, 16);
  const int sizes[][3] = { { 1, 1, 1 }, { 1, 256, 256 }, { 7, 255, 17 }, { 13, 129, 80 }, { 6, 128, 96 },
                           { 29, 300, 33 }, { 96, 257, 128 } };
  for (int k = 0; k < (int)(sizeof sizes / sizeof *sizes); k++)
    for (int largest = 0; largest < 2; largest++) check(sizes[k][0], sizes[k][1], sizes[k][2], largest, &r);
  check_steps(20, 33, &r);
  check_steps(255, 16, &r);
  return test_summary();
}
