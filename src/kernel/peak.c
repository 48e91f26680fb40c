#include "kernel/peak.h"

#include "base/vector.h"

enum { CHAINS = VECTOR_REGISTERS/4*3 };

double peak_run(long n, double *sink) {
  vector a[CHAINS];
  for (int k = 0; k < CHAINS; k++) a[k] = (vector){ (real)k };
  vector x = { 0 }, y = { 0 };
  for (int l = 0; l < VECTOR_LANES; l++) {
    x[l] = (real)(0.999 + 1e-5*l);
    y[l] = (real)(1e-3*l);
  }
  for (long i = 0; i < n; i++) {
#pragma GCC unroll 32
    for (int k = 0; k < CHAINS; k++) a[k] = a[k]*x + y;
  }
  for (int k = 0; k < CHAINS; k++)
    for (int l = 0; l < VECTOR_LANES; l++) *sink += (double)a[k][l];
  return 2.0 * (double)n * CHAINS * VECTOR_LANES;
}

int peak_vector_bytes(void) { return VECTOR_BYTES; }
