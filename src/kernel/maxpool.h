// maxpool.h - maximum over all remaining pixels of an image, (B, n, C) -> (B, C), and over squares of 2 x 2 pixels,
// (B, H, W, C) -> (B, H/2, W/2, C); an odd last row or column is left out.
#ifndef KERNEL_MAXPOOL_H
#define KERNEL_MAXPOOL_H

#include <stdint.h>

#include "base/real.h"

// h (B,C) = max over n pixels of y (B,n,C); from (B,C) is the pixel it came from, the first of equals.
void maxpool_forward(real *restrict h, int32_t *restrict from, const real *restrict y, int B, int n, int C);

// dy (B,n,C), overwritten: dh where it came from, 0 elsewhere.
void maxpool_backward(real *restrict dy, const real *restrict dh, const int32_t *restrict from, int B, int n, int C);

// y (B,H/2,W/2,C) = max over 2 x 2 pixels of u (B,H,W,C); of: which pixel of the image it came from, the first of
// equals.
void maxpool_quarter(real *restrict y, int32_t *restrict of, const real *restrict u, int B, int H, int W, int C);

// du (B,H,W,C), overwritten: dy where it came from, 0 elsewhere.
void maxpool_quarter_backward(real *restrict du, const real *restrict dy, const int32_t *restrict of, int B, int H,
                              int W, int C);

// Along a direction: dh (B,m,C) = dy (B,n,C) where the maximum came from, for m maxima of an image of n pixels.
void maxpool_tangent(real *restrict dh, const real *restrict dy, const int32_t *restrict from, int B, int m, int n,
                     int C);

#endif
