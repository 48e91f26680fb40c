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
