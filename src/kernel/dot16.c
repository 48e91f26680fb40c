#include "kernel/dot16.h"

#include <assert.h>
#include <string.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "base/vector.h"

enum { ROWS = 6, COLS = VECTOR_REGISTERS/8, LANES = VECTOR_BYTES/4 };  // as in conv.c: 24 of 32 registers, or 12 of 16

typedef int32_t ints __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef real reals __attribute__((vector_size(LANES*sizeof(real)), may_alias));

#define INLINE static inline __attribute__((always_inline))

// sum + a b of both 16-bit halves of every lane: one instruction or two, which gcc does not find.
INLINE ints multiply_add(ints sum, ints a, ints b) {
#if defined __AVX512VNNI__
  return (ints)_mm512_dpwssd_epi32((__m512i)sum, (__m512i)a, (__m512i)b);
#elif defined __AVX512BW__
  return sum + (ints)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined __AVX2__
  return sum + (ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined __SSE2__
  return sum + (ints)_mm_madd_epi16((__m128i)a, (__m128i)b);
#else
  return sum + (a << 16 >> 16)*(b << 16 >> 16) + (a >> 16)*(b >> 16);
#endif
}

// R rows by NV vectors of y; the sums of DOT16_TERMS rows of w at a time stay in registers.
INLINE void block(int R, int NV, real *y, const int16_t *x, const int16_t *w, const real *unit, int rows, int ld_x,
                  int ld) {
  for (int first = 0; first < rows; first += DOT16_TERMS) {
    const int last = rows - first <= DOT16_TERMS, n = last ? rows - first : DOT16_TERMS;
    const int16_t *a = x + first, *b = w + dot16_at(first, 0, ld);
    ints sum[ROWS][COLS];
#pragma GCC unroll 6
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) sum[r][v] = (ints){ 0 };
    for (int i = 0; i < n; i += 2, a += 2, b += 2*ld) {
      ints pairs[COLS];
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) pairs[v] = *(const ints *)(b + 2*v*LANES);
#pragma GCC unroll 6
      for (int r = 0; r < R; r++) {
        int32_t pair;
        memcpy(&pair, a + (ptrdiff_t)r*ld_x, sizeof pair);
#pragma GCC unroll 4
        for (int v = 0; v < NV; v++) sum[r][v] = multiply_add(sum[r][v], pairs[v], pair + (ints){ 0 });
      }
    }
#pragma GCC unroll 6
    for (int r = 0; r < R; r++)
#pragma GCC unroll 4
      for (int v = 0; v < NV; v++) {
        reals *to = (reals *)(y + (ptrdiff_t)r*ld + v*LANES);
        reals all = __builtin_convertvector(sum[r][v], reals);
        if (first > 0) all += *to;
        if (last) all *= *(const reals *)(unit + v*LANES);
        *to = all;
      }
  }
}

// n blocks of at most ROWS rows, of nearly equal height.
INLINE void columns(int NV, real *y, const int16_t *x, const int16_t *w, const real *unit, int B, int rows, int ld_x,
                    int ld) {
  const int n = (B + ROWS - 1) / ROWS;
  for (int k = 0, b = 0, R; k < n; k++, b += R) {
    real *to = y + (ptrdiff_t)b*ld;
    const int16_t *from = x + (ptrdiff_t)b*ld_x;
    R = B*(k + 1)/n - b;
    switch (R) {
    case 1: block(1, NV, to, from, w, unit, rows, ld_x, ld); break;
    case 2: block(2, NV, to, from, w, unit, rows, ld_x, ld); break;
    case 3: block(3, NV, to, from, w, unit, rows, ld_x, ld); break;
    case 4: block(4, NV, to, from, w, unit, rows, ld_x, ld); break;
    case 5: block(5, NV, to, from, w, unit, rows, ld_x, ld); break;
    default: block(ROWS, NV, to, from, w, unit, rows, ld_x, ld);
    }
  }
}

typedef uint32_t __attribute__((may_alias)) pair_of_steps;

static void pair_rows(int16_t *restrict to, const real *restrict even, const real *restrict odd,
                      const real *restrict step, int has_odd, int ld) {
  pair_of_steps *pairs = (pair_of_steps *)to;
  for (int o = 0; o < ld; o++) {
    const real per_step = step[o] > 0 ? 1 / step[o] : 0, e = even[o] > 0 ? even[o] : 0, u = odd[o] > 0 ? odd[o] : 0;
    const int low = (int)(e*per_step + (real)0.5), high = (int)(u*per_step + (real)0.5);
    pairs[o] = (uint32_t)low | (uint32_t)(has_odd ? high : 0) << 16;
  }
}

void dot16_steps(int16_t *restrict steps, real *restrict step, const real *restrict w, int rows, int ld) {
  memset(step, 0, (size_t)ld * sizeof *step);
  for (int i = 0; i < rows; i++)
    for (int o = 0; o < ld; o++) step[o] = w[i*ld + o] > step[o] ? w[i*ld + o] : step[o];
  for (int o = 0; o < ld; o++) step[o] /= DOT16_W;
  for (int i = 0; i < rows; i += 2) {
    const int has_odd = i + 1 < rows;
    pair_rows(steps + dot16_at(i, 0, ld), w + i*ld, w + (i + has_odd)*ld, step, has_odd, ld);
  }
}

void dot16_forward(real *restrict y, const int16_t *restrict x, const int16_t *restrict w, const real *restrict unit,
                   int B, int rows, int ld_x, int ld) {
  assert(B >= 0 && rows > 0 && ld_x % 2 == 0 && ld % VECTOR_PADDING == 0);
  int o = 0;
  for (; o + COLS*LANES <= ld; o += COLS*LANES) columns(COLS, y + o, x, w + 2*o, unit + o, B, rows, ld_x, ld);
  for (; o < ld; o += LANES) columns(1, y + o, x, w + 2*o, unit + o, B, rows, ld_x, ld);
}

void dot16_forward_ref(real *y, const int16_t *x, const int16_t *w, const real *unit, int B, int rows, int ld_x,
                       int ld) {
  for (int b = 0; b < B; b++)
    for (int o = 0; o < ld; o++) {
      real all = 0;
      int32_t sum = 0;
      for (int i = 0; i < rows; i++) {
        sum += x[b*ld_x + i] * w[dot16_at(i, o, ld)];
        if ((i + 1) % DOT16_TERMS != 0 && i + 1 < rows) continue;
        all += (real)sum;
        sum = 0;
      }
      y[b*ld + o] = all * unit[o];
    }
}
