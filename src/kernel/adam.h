// adam.h - Adam (Kingma and Ba, ICLR 2015), with bias correction as in its algorithm 1.
#ifndef KERNEL_ADAM_H
#define KERNEL_ADAM_H

#include <stddef.h>

#include "base/real.h"

// One update of n parameters. m, v: first and second moment, kept by the caller, zero at the start;
// step counts from 1; beta1 = 0.9, beta2 = 0.999. Kingma and Ba take ADAM_EPSILON; a larger epsilon moves parameters
// less whose gradients are smaller than it.
#define ADAM_EPSILON 1e-8
void adam_step(real *restrict w, real *restrict m, real *restrict v, const real *restrict g, size_t n,
               double rate, double epsilon, long step);

#endif
