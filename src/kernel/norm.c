#include "kernel/norm.h"

#include <math.h>
#include <stddef.h>

#include "base/vector.h"

// Sums are taken of as many channels as fill vectors on every machine, over groups of pixels short enough for real
// precision; groups are summed in double.
enum { CHANNELS = VECTOR_PADDING, VECTORS = CHANNELS/VECTOR_LANES, BLOCK = 4*CHANNELS, GROUP = 64 };

// Rectify CHANNELS channels of n pixels; their sums and sums of squares.
static void rectify(real *s1, real *s2, real *a, int n, int C) {
  vector t1[VECTORS] = { { 0 } }, t2[VECTORS] = { { 0 } };
  for (int p = 0; p < n; p++, a += C)
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++) {
      const vector x = vector_from(a + v*VECTOR_LANES), y = vector_where_positive(x, x);
      *vector_at(a + v*VECTOR_LANES) = y;
      t1[v] += y;
      t2[v] += y*y;
    }
  for (int v = 0; v < VECTORS; v++) {
    *vector_at(s1 + v*VECTOR_LANES) = t1[v];
    *vector_at(s2 + v*VECTOR_LANES) = t2[v];
  }
}

void norm_statistics(real *restrict mean, real *restrict r, real *restrict a, int n, int C, real eps) {
  for (int c0 = 0; c0 < C; c0 += BLOCK) {
    const int width = C - c0 < BLOCK ? C - c0 : BLOCK;
    double sum[BLOCK] = { 0 }, square[BLOCK] = { 0 };
    for (int p = 0; p < n; p += GROUP) {
      _Alignas(64) real s1[BLOCK], s2[BLOCK];
      for (int c = 0; c < width; c += CHANNELS)
        rectify(s1 + c, s2 + c, a + (ptrdiff_t)p*C + c0 + c, n - p < GROUP ? n - p : GROUP, C);
      for (int c = 0; c < width; c++) {
        sum[c] += (double)s1[c];
        square[c] += (double)s2[c];
      }
    }
    for (int c = 0; c < width; c++) {
      const double m = sum[c] / n;
      mean[c0 + c] = (real)m;
      r[c0 + c] = (real)(1 / sqrt(fmax(square[c]/n - m*m, 0) + (double)eps));
    }
  }
}

void norm_rectify(real *restrict a, int n, int C) {
  for (ptrdiff_t i = 0; i < (ptrdiff_t)n*C; i += VECTOR_LANES)
    *vector_at(a + i) = vector_where_positive(vector_from(a + i), vector_from(a + i));
}

void norm_forward(real *restrict y, const real *restrict a, const real *restrict mean, const real *restrict r,
                  int n, int C) {
  for (int p = 0; p < n; p++)
    for (int c = 0; c < C; c++) y[(ptrdiff_t)p*C + c] = (a[(ptrdiff_t)p*C + c] - mean[c]) * r[c];
}

// CHANNELS channels of n pixels.
static void sums(real *s1, real *s2, const real *dy, const real *y, int n, int C) {
  vector t1[VECTORS] = { { 0 } }, t2[VECTORS] = { { 0 } };
  for (int p = 0; p < n; p++, dy += C, y += C)
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++) {
      t1[v] += vector_from(dy + v*VECTOR_LANES);
      t2[v] += vector_from(dy + v*VECTOR_LANES) * vector_from(y + v*VECTOR_LANES);
    }
  for (int v = 0; v < VECTORS; v++) {
    *vector_at(s1 + v*VECTOR_LANES) += t1[v];
    *vector_at(s2 + v*VECTOR_LANES) += t2[v];
  }
}

void norm_sums(real *restrict s1, real *restrict s2, const real *restrict dy, const real *restrict y, int n, int C) {
  for (int p = 0; p < n; p += GROUP)
    for (int c = 0; c < C; c += CHANNELS)
      sums(s1 + c, s2 + c, dy + (ptrdiff_t)p*C + c, y + (ptrdiff_t)p*C + c, n - p < GROUP ? n - p : GROUP, C);
}

void norm_backward(real *dz, const real *dy, const real *restrict y, const real *restrict a,
                   const real *restrict r, const real *restrict s1, const real *restrict s2, int m, int n, int C) {
  const real over_m = (real)1 / (real)m;
  for (int p = 0; p < n; p++, dz += C, dy += C, y += C, a += C)
    for (int c = 0; c < C; c += VECTOR_LANES) {
      const vector of_sums = over_m * (vector_from(s1 + c) + vector_from(y + c)*vector_from(s2 + c));
      const vector d = vector_from(r + c) * (vector_from(dy + c) - of_sums);
      *vector_at(dz + c) = vector_where_positive(d, vector_from(a + c));
    }
}

void norm_forward_ref(real *restrict y, const real *restrict z, int n, int C, real eps) {
  for (int c = 0; c < C; c++) {
    double mean = 0, variance = 0;
    for (int p = 0; p < n; p++) mean += fmax((double)z[p*C + c], 0) / n;
    for (int p = 0; p < n; p++) variance += pow(fmax((double)z[p*C + c], 0) - mean, 2) / n;
    for (int p = 0; p < n; p++)
      y[p*C + c] = (real)((fmax((double)z[p*C + c], 0) - mean) / sqrt(variance + (double)eps));
  }
}
