// maxpool.h - maximum over all remaining pixels of an image: (B, n, C) -> (B, C).
#ifndef KERNEL_MAXPOOL_H
#define KERNEL_MAXPOOL_H

#include <stdint.h>

#include "base/real.h"

// h (B,C) = max over n pixels of y (B,n,C); from (B,C) is the pixel it came from, the first of equals.
void maxpool_forward(real *restrict h, int32_t *restrict from, const real *restrict y, int B, int n, int C);

// dy (B,n,C), overwritten: dh where it came from, 0 elsewhere.
void maxpool_backward(real *restrict dy, const real *restrict dh, const int32_t *restrict from, int B, int n, int C);

#endif
