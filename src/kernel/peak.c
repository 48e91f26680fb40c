#include "kernel/peak.h"

#include "base/real.h"

#ifdef __AVX512F__
enum { BYTES = 64, CHAINS = 24 };
#else
enum { BYTES = 32, CHAINS = 12 };
#endif
typedef real vec __attribute__((vector_size(BYTES)));
enum { LANES = BYTES / sizeof(real) };

double peak_run(long n, double *sink) {
  vec a[CHAINS];
  for (int k = 0; k < CHAINS; k++) a[k] = (vec){ (real)k };
  vec x = { 0 }, y = { 0 };
  for (int l = 0; l < LANES; l++) {
    x[l] = (real)(0.999 + 1e-5*l);
    y[l] = (real)(1e-3*l);
  }
  for (long i = 0; i < n; i++) {
#pragma GCC unroll 32
    for (int k = 0; k < CHAINS; k++) a[k] = a[k]*x + y;
  }
  for (int k = 0; k < CHAINS; k++)
    for (int l = 0; l < LANES; l++) *sink += (double)a[k][l];
  return 2.0 * (double)n * CHAINS * LANES;
}
