#include "kernel/adam.h"

#include <math.h>

void adam_step(real *restrict w, real *restrict m, real *restrict v, const real *restrict g, size_t n,
               double rate, double epsilon, long step) {
  const double beta1 = 0.9, beta2 = 0.999;
  const real b1 = (real)beta1, b2 = (real)beta2, eps = (real)epsilon;
  const real scale = (real)(rate / (1 - pow(beta1, (double)step)));
  const real correct = (real)(1 / sqrt(1 - pow(beta2, (double)step)));
  for (size_t i = 0; i < n; i++) {
    m[i] = b1*m[i] + (1 - b1)*g[i];
    v[i] = b2*v[i] + (1 - b2)*g[i]*g[i];
#ifdef REAL_DOUBLE
    w[i] -= scale*m[i] / (sqrt(v[i])*correct + eps);
#else
    w[i] -= scale*m[i] / (sqrtf(v[i])*correct + eps);
#endif
  }
}
