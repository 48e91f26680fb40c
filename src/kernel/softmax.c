#include "kernel/softmax.h"

#include <float.h>
#include <math.h>

void softmax_forward(real *restrict p, const real *restrict z, int B, int N, int ld) {
  for (int b = 0; b < B; b++, p += ld, z += ld) {
    real top = z[0];
    for (int k = 1; k < N; k++) top = z[k] > top ? z[k] : top;
    real sum = 0;
    for (int k = 0; k < N; k++) sum += p[k] = (real)exp((double)(z[k] - top));
    for (int k = 0; k < N; k++) p[k] /= sum;
    for (int k = N; k < ld; k++) p[k] = 0;
  }
}

void softmax_backward(real *restrict dz, const real *restrict dp, const real *restrict p, int B, int N, int ld) {
  for (int b = 0; b < B; b++, dz += ld, dp += ld, p += ld) {
    real dot = 0;
    for (int k = 0; k < N; k++) dot += dp[k] * p[k];
    for (int k = 0; k < N; k++) dz[k] += p[k] * (dp[k] - dot);
  }
}

double softmax_cross_entropy(real *g, const real *p, const int *restrict label, int B, int N, int ld) {
  double loss = 0;
  for (int b = 0; b < B; b++, g += ld, p += ld) {
    const double q = (double)p[label[b]];
    loss -= log(q < DBL_MIN ? DBL_MIN : q);  // so written, what is not a number stays so
    for (int k = 0; k < ld; k++) g[k] = (p[k] - (real)(k == label[b] && k < N)) / (real)B;
  }
  return loss / B;
}

int softmax_correct(const real *restrict z, const int *restrict label, int B, int N, int ld) {
  int n = 0;
  for (int b = 0; b < B; b++, z += ld) {
    int best = 0;
    for (int k = 1; k < N; k++) best = z[k] > z[best] ? k : best;
    n += best == label[b];
  }
  return n;
}
