// norm.h - rectification followed by batch normalisation without affine part.
//   a = max(z, 0),  y = (a - mean) r,  r = 1/sqrt(variance + eps),
// mean and (biased) variance over all pixels of a group of images, per channel.
// Arrays are (n, C): n pixels, C channels, C a multiple of VECTOR_PADDING (kernel/conv.h).
#ifndef KERNEL_NORM_H
#define KERNEL_NORM_H

#include "base/real.h"

// a = max(z, 0) in place; its mean and r over the n pixels.
void norm_statistics(real *restrict mean, real *restrict r, real *restrict a, int n, int C, real eps);

// a = max(z, 0) in place, nothing measured.
void norm_rectify(real *restrict a, int n, int C);

// y = (a - mean) r
void norm_forward(real *restrict y, const real *restrict a, const real *restrict mean, const real *restrict r,
                  int n, int C);

// s1 += sum dy,  s2 += sum dy y: the part of the gradient that goes through the statistics.
void norm_sums(real *restrict s1, real *restrict s2, const real *restrict dy, const real *restrict y, int n, int C);

// dz = [a > 0] r (dy - s1/m - y s2/m), where the statistics were taken over m pixels and s1, s2 are
// the sums over everything they normalised; s1 = s2 = 0 for pixels that did not enter them. dz may be dy.
void norm_backward(real *dz, const real *dy, const real *restrict y, const real *restrict a,
                   const real *restrict r, const real *restrict s1, const real *restrict s2, int m, int n, int C);

// The slow twin: one group normalised by its own statistics, straight from the definition.
void norm_forward_ref(real *restrict y, const real *restrict z, int n, int C, real eps);

#endif
