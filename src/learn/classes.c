#include "learn/classes.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kernel/softmax.h"
#include "learn/prototype.h"

void classes_weights(real *weight, const int *label, int n, int N) {
  int *rows = err_calloc((size_t)N, sizeof *rows);
  for (int i = 0; i < n; i++) rows[label[i]]++;
  for (int i = 0; i < n; i++) weight[i] = (real)(1 / ((double)N * rows[label[i]]));
  free(rows);
}

void classes_logits(real *z, struct synapse *readout, const real *h, int n, struct rng *r) {
  const struct conv shape = conv_shape(n, 1, 1, readout->I, readout->O, 1, 1, 0);
  readout->ops->product(readout, z, h, &shape, r);
}

long classes_update(const struct classes_task *t, struct synapse *readout, double rate, struct rng *r) {
  const size_t OP = (size_t)vector_padded(t->O), CP = (size_t)vector_padded(t->C), n = (size_t)t->n;
  real *z = err_aligned(2 * n * OP, sizeof *z), *g = z + n*OP, *dw = err_aligned((size_t)t->C * OP, sizeof *dw);
  classes_logits(z, readout, t->h, t->n, r);
  softmax_forward(g, z, t->n, t->N, (int)OP);
  for (size_t i = 0; i < n; i++) {
    g[i*OP + (size_t)t->label[i]] -= 1;
    for (size_t k = 0; k < OP; k++) g[i*OP + k] *= -(real)rate * t->weight[i];
  }
  for (size_t i = 0; i < n; i++)
    for (size_t c = 0; c < (size_t)t->C; c++) {
      const real x = t->h[i*CP + c];
      for (size_t k = 0; k < OP; k++) dw[c*OP + k] += x * g[i*OP + k];
    }
  const long written = readout->ops->update(readout, dw, r);
  free(dw);
  free(z);
  return written;
}

void classes_means(real *w, const real *mean, int N, int O, int C, double scale, int offset) {
  const int OP = vector_padded(O), CP = vector_padded(C), F = C - (offset != 0);
  real *all = err_calloc((size_t)C, sizeof *all);
  memset(w, 0, (size_t)(C*OP) * sizeof *w);
  for (int c = 0; c < F; c++) {
    double sum = 0;
    for (int k = 0; k < N; k++) sum += (double)mean[k*CP + c];
    all[c] = (real)(sum / N);
  }
  for (int k = 0; k < N; k++) prototype_column(w, OP, k, mean + k*CP, all, F, (real)scale, offset);
  free(all);
}

double classes_distance2(const real *h, const real *mean, int C) {
  double sum = 0;
  for (int c = 0; c < C; c++) sum += (double)(h[c] - mean[c]) * (double)(h[c] - mean[c]);
  return sum;
}
