// dot16.h - products of matrices of 16-bit integers, exact and so the same on every machine: twice as many
// multiply-adds an instruction as in floating point. What is summed this way must be small enough for 32 bits:
// |x| <= DOT16_X, |w| <= DOT16_W; DOT16_TERMS of their products are added as integers, such sums as reals.
#ifndef KERNEL_DOT16_H
#define KERNEL_DOT16_H

#include <stddef.h>
#include <stdint.h>

#include "base/real.h"

enum { DOT16_X = 127*127, DOT16_TERMS = 128, DOT16_W = INT32_MAX / (DOT16_X*DOT16_TERMS) };

// Where w of row i and column o stands: both rows of a pair beside each other. An odd number of rows is padded by one
// of zeros.
static inline size_t dot16_at(int i, int o, int ld) {
  return 2 * ((size_t)(i/2) * (size_t)ld + (size_t)o) + (size_t)(i % 2);
}
static inline size_t dot16_size(int rows, int ld) { return (size_t)(rows + rows % 2) * (size_t)ld; }

// w (rows, ld) rounded to steps of its column, step (ld); the largest of a column is DOT16_W steps. What is below 0
// becomes 0. The step of a column without anything above 0 is 0.
void dot16_steps(int16_t *restrict steps, real *restrict step, const real *restrict w, int rows, int ld);

// y (B, ld) = x (B, ld_x) w (rows, ld) unit (ld), everything aligned to 64 bytes; ld_x is even, ld a multiple of 16.
// x beyond the rows is 0.
void dot16_forward(real *restrict y, const int16_t *restrict x, const int16_t *restrict w, const real *restrict unit,
                   int B, int rows, int ld_x, int ld);
void dot16_forward_ref(real *y, const int16_t *x, const int16_t *w, const real *unit, int B, int rows, int ld_x,
                       int ld);

#endif
