#include "kernel/norm.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

// Channels are taken in blocks whose sums fit registers; pixels in groups short enough for real
// precision, groups summed in double.
enum { BLOCK = 64, GROUP = 64 };

#define FOR_EACH_BLOCK(c0, width)                                                                  \
  for (int c0 = 0, width; c0 < C && (width = C - c0 < BLOCK ? C - c0 : BLOCK, 1); c0 += BLOCK)

static inline __attribute__((always_inline)) void sums_of(real *restrict s1, real *restrict s2, real *restrict a,
                                                          int n, int C, int width) {
  real t1[BLOCK] = { 0 }, t2[BLOCK] = { 0 };
  for (int p = 0; p < n; p++)
    for (int c = 0; c < width; c++) {
      const real v = a[(ptrdiff_t)p*C + c] > 0 ? a[(ptrdiff_t)p*C + c] : 0;
      a[(ptrdiff_t)p*C + c] = v;
      t1[c] += v;
      t2[c] += v*v;
    }
  memcpy(s1, t1, sizeof t1);
  memcpy(s2, t2, sizeof t2);
}

void norm_statistics(real *restrict mean, real *restrict r, real *restrict a, int n, int C, real eps) {
  FOR_EACH_BLOCK(c0, width) {
    double sum[BLOCK] = { 0 }, square[BLOCK] = { 0 };
    for (int p = 0; p < n; p += GROUP) {
      real s1[BLOCK], s2[BLOCK];
      const int m = n - p < GROUP ? n - p : GROUP;
      if (width == BLOCK) sums_of(s1, s2, a + (ptrdiff_t)p*C + c0, m, C, BLOCK);
      else sums_of(s1, s2, a + (ptrdiff_t)p*C + c0, m, C, width);
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
  for (ptrdiff_t i = 0; i < (ptrdiff_t)n*C; i++) a[i] = a[i] > 0 ? a[i] : 0;
}

void norm_forward(real *restrict y, const real *restrict a, const real *restrict mean, const real *restrict r,
                  int n, int C) {
  for (int p = 0; p < n; p++)
    for (int c = 0; c < C; c++) y[(ptrdiff_t)p*C + c] = (a[(ptrdiff_t)p*C + c] - mean[c]) * r[c];
}

static inline __attribute__((always_inline)) void sums_of_gradient(real *restrict s1, real *restrict s2,
                                                                   const real *restrict dy, const real *restrict y,
                                                                   int n, int C, int width) {
  real t1[BLOCK] = { 0 }, t2[BLOCK] = { 0 };
  for (int p = 0; p < n; p++)
    for (int c = 0; c < width; c++) {
      t1[c] += dy[(ptrdiff_t)p*C + c];
      t2[c] += dy[(ptrdiff_t)p*C + c] * y[(ptrdiff_t)p*C + c];
    }
  for (int c = 0; c < width; c++) {
    s1[c] += t1[c];
    s2[c] += t2[c];
  }
}

void norm_sums(real *restrict s1, real *restrict s2, const real *restrict dy, const real *restrict y, int n, int C) {
  for (int p = 0; p < n; p += GROUP) {
    const int m = n - p < GROUP ? n - p : GROUP;
    FOR_EACH_BLOCK(c0, width) {
      const ptrdiff_t at = (ptrdiff_t)p*C + c0;
      if (width == BLOCK) sums_of_gradient(s1 + c0, s2 + c0, dy + at, y + at, m, C, BLOCK);
      else sums_of_gradient(s1 + c0, s2 + c0, dy + at, y + at, m, C, width);
    }
  }
}

void norm_backward(real *restrict dz, const real *restrict dy, const real *restrict y, const real *restrict a,
                   const real *restrict r, const real *restrict s1, const real *restrict s2, int m, int n, int C) {
  const real over_m = (real)1 / (real)m;
  for (int p = 0; p < n; p++)
    for (int c = 0; c < C; c++) {
      const ptrdiff_t i = (ptrdiff_t)p*C + c;
      const real d = r[c] * (dy[i] - over_m * (s1[c] + y[i]*s2[c]));
      dz[i] = a[i] > 0 ? d : 0;
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
