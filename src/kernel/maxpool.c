#include "kernel/maxpool.h"

#include <stddef.h>
#include <string.h>

void maxpool_forward(real *restrict h, int32_t *restrict from, const real *restrict y, int B, int n, int C) {
  for (int b = 0; b < B; b++, y += (ptrdiff_t)n*C, h += C, from += C) {
    memcpy(h, y, sizeof(real) * (size_t)C);
    memset(from, 0, sizeof *from * (size_t)C);
    for (int p = 1; p < n; p++)
      for (int c = 0; c < C; c++)
        if (y[p*C + c] > h[c]) {
          h[c] = y[p*C + c];
          from[c] = p;
        }
  }
}

void maxpool_backward(real *restrict dy, const real *restrict dh, const int32_t *restrict from, int B, int n, int C) {
  memset(dy, 0, sizeof(real) * (size_t)B * (size_t)n * (size_t)C);
  for (int b = 0; b < B; b++, dy += (ptrdiff_t)n*C, dh += C, from += C)
    for (int c = 0; c < C; c++) dy[from[c]*C + c] = dh[c];
}

void maxpool_quarter(real *restrict y, int32_t *restrict of, const real *restrict u, int B, int H, int W, int C) {
  for (int b = 0; b < B; b++, u += (ptrdiff_t)H*W*C)
    for (int oh = 0; oh < H/2; oh++)
      for (int ow = 0; ow < W/2; ow++, y += C, of += C) {
        const int32_t pixel[4] = { 2*oh*W + 2*ow, 2*oh*W + 2*ow + 1, (2*oh + 1)*W + 2*ow, (2*oh + 1)*W + 2*ow + 1 };
        for (int c = 0; c < C; c++) {
          y[c] = u[(ptrdiff_t)pixel[0]*C + c];
          of[c] = pixel[0];
        }
        for (int k = 1; k < 4; k++)
          for (int c = 0; c < C; c++) {
            const real v = u[(ptrdiff_t)pixel[k]*C + c];
            of[c] = v > y[c] ? pixel[k] : of[c];
            y[c] = v > y[c] ? v : y[c];
          }
      }
}

void maxpool_quarter_backward(real *restrict du, const real *restrict dy, const int32_t *restrict of, int B, int H,
                              int W, int C) {
  memset(du, 0, sizeof(real) * (size_t)B * (size_t)(H*W) * (size_t)C);
  for (int b = 0; b < B; b++, du += (ptrdiff_t)H*W*C)
    for (int p = 0; p < H/2 * (W/2); p++, dy += C, of += C)
      for (int c = 0; c < C; c++) du[(ptrdiff_t)of[c]*C + c] = dy[c];
}

void maxpool_tangent(real *restrict dh, const real *restrict dy, const int32_t *restrict from, int B, int m, int n,
                     int C) {
  for (int b = 0; b < B; b++, dy += (ptrdiff_t)n*C)
    for (int p = 0; p < m; p++, dh += C, from += C)
      for (int c = 0; c < C; c++) dh[c] = dy[(ptrdiff_t)from[c]*C + c];
}
