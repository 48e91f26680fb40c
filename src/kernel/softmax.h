// softmax.h - class probabilities, cross-entropy and accuracy. Rows hold N classes at stride ld.
#ifndef KERNEL_SOFTMAX_H
#define KERNEL_SOFTMAX_H

#include "base/real.h"

// p (B,N) = exp(z)/sum exp(z) by row; entries from N to ld become 0.
void softmax_forward(real *restrict p, const real *restrict z, int B, int N, int ld);

// dz += p (dp - sum dp p), the pullback of softmax_forward; since its matrix is symmetric, also the derivative of p
// along a direction dp of the logits.
void softmax_backward(real *restrict dz, const real *restrict dp, const real *restrict p, int B, int N, int ld);

// g (B,ld) = (p - onehot(label))/B, the gradient of the mean cross-entropy in the logits;
// g may be p. Returns that mean.
double softmax_cross_entropy(real *g, const real *p, const int *restrict label, int B, int N, int ld);

// Rows whose largest logit is at their label; the first of equals counts.
int softmax_correct(const real *restrict z, const int *restrict label, int B, int N, int ld);

#endif
