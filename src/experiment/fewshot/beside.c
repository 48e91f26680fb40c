#include "experiment/fewshot/beside.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "device/converter.h"
#include "kernel/softmax.h"
#include "learn/prototype.h"

enum { BITS = 8 };

void beside_init(struct beside *b, const struct convnet *net, int steps, int shots, int queries) {
  const int S = net->ways * shots, Q = net->ways * queries, F = convnet_features(net);
  *b = (struct beside){ .net = net };
  for (int k = 0; k < 2; k++) b->readout[k] = convnet_array(net, net->readout, k == BESIDE_8BIT ? BITS : 0);
  adapt_record_init(&b->record, net->ways, steps, S, Q, convnet_rows(net, net->readout));
  b->rounded = err_aligned((size_t)((S + Q)*F), sizeof(real));
  b->means = err_aligned((size_t)(net->ways*F), sizeof(real));
  b->z = err_aligned((size_t)(Q*vector_padded(net->ways)), sizeof(real));
}

void beside_release(struct beside *b) {
  for (int k = 0; k < 2; k++) b->readout[k]->ops->free(b->readout[k]);
  adapt_record_release(&b->record);
  free(b->rounded);
  free(b->means);
  free(b->z);
}

// The task with features of 8 bits; those of rows first .. first + n - 1 are rounded.
static struct adapt_task rounded(struct beside *b, const struct adapt_task *t, int first, int n) {
  const int F = convnet_features(b->net), at = first*F;
  const struct converter_input in = converter_input(BITS, b->range);
  struct adapt_task task = *t;
  converter_levels(b->rounded + at, t->h + at, n*F, in);
  for (int i = at; i < at + n*F; i++) b->rounded[i] /= in.factor;
  for (int i = first; i < first + n && convnet_has_bias(b->net, b->net->readout); i++)
    b->rounded[i*F + t->C - 1] = t->h[i*F + t->C - 1];  // the 1 of a bias is no feature
  task.h = b->rounded;
  return task;
}

void beside_learn(struct beside *b, const real *readout, const struct adapt_task *t, double range, struct rng *r) {
  b->range = range;
  const struct adapt_task few_bits = rounded(b, t, 0, t->S);
  for (int k = 0; k < 2; k++) {
    struct synapse *s = b->readout[k];
    s->ops->program(s, readout, NULL);
    adapt_start(&b->record, k == BESIDE_8BIT ? &few_bits : t, s, r);
    for (int step = 0; step < t->steps; step++)
      adapt_update(&b->record, k == BESIDE_8BIT ? &few_bits : t, s, step, r);
  }
  beside_means(b->means, t->h, t->label, t->S, b->net);
}

void beside_classify(struct beside *b, double share[BESIDE_N], const struct adapt_task *t) {
  const struct adapt_task few_bits = rounded(b, t, t->S, t->Q);
  for (int k = 0; k < 2; k++) {
    adapt_classify(&b->record, k == BESIDE_8BIT ? &few_bits : t, b->readout[k], t->steps, NULL);
    share[k] = (double)b->record.correct[t->steps] / t->Q;
  }
  beside_distances(b->z, t->h + t->S * convnet_features(b->net), t->Q, b->means, b->net);
  share[BESIDE_MEANS] =
      (double)softmax_correct(b->z, t->label + t->S, t->Q, t->ways, vector_padded(t->ways)) / t->Q;
}

void beside_means(real *means, const real *h, const int *label, int S, const struct convnet *net) {
  const int F = convnet_features(net);
  memset(means, 0, sizeof *means * (size_t)(net->ways*F));
  prototype_means(means, F, h, F, label, S, net->ways, F);
}

void beside_distances(real *z, const real *h, int Q, const real *means, const struct convnet *net) {
  const int F = convnet_features(net), N = vector_padded(net->ways);
  for (int i = 0; i < Q; i++)
    for (int k = 0; k < net->ways; k++) {
      real distance = 0;
      for (int c = 0; c < F; c++) {
        const real d = h[i*F + c] - means[k*F + c];
        distance += d*d;
      }
      z[i*N + k] = -distance;
    }
}
