// noise.h - normal random numbers and exponentials by the array, for analog noise.
// The numbers are those of the counter-based stream (base/rng.h): Box-Muller over whole Philox blocks,
// with polynomials for logarithm, sine and cosine. Exact sqrt; relative error of the rest below 2e-7.
#ifndef KERNEL_NOISE_H
#define KERNEL_NOISE_H

#include <stddef.h>

#include "base/real.h"

struct rng;

// z[0..n) ~ N(0, 1). The stream goes on at its next whole block; a call takes ceil(n/64) * 16 blocks.
// |z| < 6.8: 32 random bits.
void noise_normal(float *restrict z, size_t n, struct rng *r);

// u[0..n) uniform in (0, 1): (k + 1/2)/2^23, k the upper 23 bits of every word. The stream goes on as above.
void noise_uniform(float *restrict u, size_t n, struct rng *r);

// v[i] += sigma z, z uniform with mean 0 and variance 1: (k + 1/2) sqrt(12)/2^16, k the halves of the words as signed
// numbers. A call takes ceil(n/128) * 16 blocks. For noise that need not be normal; it takes a third of the time of
// noise_normal.
void noise_dither(real *restrict v, size_t n, double sigma, struct rng *r);

// The same normal numbers by the library's functions in double precision, block by block.
void noise_normal_ref(float *restrict z, size_t n, struct rng *r);

// y[i] = exp(x[i]) for -87 <= x <= 88 (clipped outside); may be in place. Relative error below 2e-7.
void noise_exp(float *y, const float *x, size_t n);

#endif
