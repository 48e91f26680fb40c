#include "learn/finetune.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kernel/softmax.h"
#include "learn/prototype.h"

static int all_adapt(const struct convnet *net) { return net->adapting == 0; }

static size_t matrix_length(const struct convnet *net, int l) {
  return (size_t)convnet_rows(net, l) * (size_t)vector_padded(convnet_columns(net, l));
}

void finetune_init(struct finetune *f, const struct convnet *net, int steps, int S, int Q) {
  const size_t T = (size_t)steps, images = (size_t)(S + Q), L = (size_t)convnet_n_adapting(net);
  *f = (struct finetune){ .from = net->offset[net->adapting], .n = net->rates - net->offset[net->adapting] };
  const size_t dpooled = images * (size_t)vector_padded(net->channels);
  f->block = f->w = err_aligned(((3*T + 2)*f->n + 3*net->rates + dpooled) * sizeof(real) + T*L*sizeof(long), 1);
  f->g = f->w + (T + 1)*f->n;
  f->q = f->g + T*f->n;
  f->now = f->q + (T + 1)*f->n;
  f->d = f->now + net->rates;
  f->v = f->d + net->rates;
  f->dpooled = f->v + net->rates;
  f->written = (long *)(void *)(f->dpooled + dpooled);
  for (int l = net->adapting; l <= net->readout; l++)
    f->exact[l] = synapse_exact_new(convnet_rows(net, l), convnet_columns(net, l));
  hessian_init(&f->hessian, net, S);
}

double finetune_bytes(const struct convnet *net, int steps, int S) {
  return (3.0*steps + 6)*(double)net->rates*sizeof(real) + hessian_bytes(net, S);
}

void finetune_release(struct finetune *f, const struct convnet *net) {
  for (int l = net->adapting; l <= net->readout; l++) f->exact[l]->ops->free(f->exact[l]);
  hessian_release(&f->hessian);
  free(f->block);
}

// ---- forward

void finetune_begin(struct finetune *f, const struct finetune_task *t, const real *held) {
  const size_t rows = (size_t)(t->read.S + t->read.Q);
  memcpy(f->now, held, t->net->rates * sizeof *held);
  memcpy(f->w, held + f->from, f->n * sizeof *f->w);
  memset(f->dpooled, 0, rows * (size_t)vector_padded(t->net->channels) * sizeof *f->dpooled);
}

int finetune_needs_support(const struct finetune_task *t, int step) {
  return step < t->read.steps || (step == 0 && t->read.scale) || (all_adapt(t->net) && t->rule == CONVNET_SUPPORT);
}

// Features of a group: from the images where the blocks adapt or have not seen them yet.
static void features(const struct finetune_task *t, struct synapse *const *layers, int group, int step, struct rng *r) {
  const enum convnet_rule own = all_adapt(t->net) && group == 0 ? CONVNET_TASK : t->rule;
  if (all_adapt(t->net) || step == 0) convnet_forward(t->net, t->work, layers, group, own, t->fixed, r);
  else convnet_forward_dense(t->net, t->work, layers, group, r);
}

// Write dw into layer l, and move the weights in use by as much as the array says it moved: the weights that it
// conducts may differ (experiment/fewshot/inloop.h). Returns the devices rewritten.
static long write_layer(struct finetune *f, const struct finetune_task *t, int l, const real *dw, struct rng *r) {
  const size_t at = t->net->offset[l];
  struct synapse *s = t->layers[l];
  real *now = f->now + at, *before = f->v + at;
  s->ops->weights(s, before);
  const long written = s->ops->update(s, dw, r);
  for (size_t i = 0; i < matrix_length(t->net, l); i++) before[i] = now[i] - before[i];
  s->ops->weights(s, now);
  for (size_t i = 0; i < matrix_length(t->net, l); i++) now[i] += before[i];
  return written;
}

void finetune_support(const struct finetune_task *t, int step, struct rng *r) { features(t, t->layers, 0, step, r); }

void finetune_start(struct finetune *f, struct adapt_record *a, const struct finetune_task *t, struct rng *r) {
  a->written_start = 0;
  if (!t->read.scale) return;
  prototype_change(a->dw, &t->read);
  a->written_start = write_layer(f, t, t->net->readout, a->dw, r);
  memcpy(f->w, f->now + f->from, f->n * sizeof *f->w);
}

void finetune_logits(struct adapt_record *a, const struct finetune_task *t, int step, struct rng *r) {
  const struct convnet *net = t->net;
  const int N = vector_padded(net->ways), S = t->read.S;
  const struct conv shape = convnet_shape(net, net->readout, S);
  struct synapse *readout = t->layers[net->readout];
  real *p = a->p + (size_t)step * (size_t)(S*N), *g = a->g + (size_t)step * (size_t)(S*N);
  readout->ops->product(readout, g, t->work->h, &shape, r);  // logits, in the place of g
  softmax_forward(p, g, S, net->ways, N);
  a->support_loss[step] = softmax_cross_entropy(g, p, t->read.label, S, net->ways, N);
}

// From the gradient of the logits of a group to that of its features; gradient += of the read-out, unless it is NULL.
static void readout_backward(const struct finetune_task *t, const real *weights, real *gradient, const real *g,
                             int group) {
  const struct convnet *net = t->net;
  const int F = convnet_features(net), b = group ? t->read.S : 0;
  const size_t at = net->offset[net->readout];
  const struct conv shape = convnet_shape(net, net->readout, group ? t->read.Q : t->read.S);
  if (gradient) conv_backward_weights(gradient + at, t->work->h + b*F, g, &shape);
  conv_backward_data(t->work->dh + b*F, g, weights + at, &shape);
}

// gradient += that of a group's loss in all layers that adapt, from the gradient g of its logits.
static void group_backward(const struct finetune_task *t, const real *weights, real *gradient, const real *g,
                           int group) {
  const struct convnet *net = t->net;
  readout_backward(t, weights, gradient, g, group);
  if (!all_adapt(net)) convnet_backward_dense(net, t->work, weights, gradient, group);
  else if (group == 0 || t->rule == CONVNET_TASK) convnet_backward_group(net, t->work, weights, gradient, group);
  else {  // through the statistics of the support images too
    memset(t->work->dh, 0, (size_t)(t->read.S * convnet_features(net)) * sizeof(real));
    convnet_backward(net, t->work, weights, gradient, t->rule);
  }
}

// The gradient of the query loss, which a->u holds in the logits.
static void keep_query_gradient(struct finetune *f, const struct adapt_record *a, const struct finetune_task *t,
                                int step) {
  const struct convnet *net = t->net;
  const int N = vector_padded(net->ways), C = vector_padded(net->channels), S = t->read.S, Q = t->read.Q;
  for (int i = 0; i < Q*N; i++) a->u[i] *= (real)t->weight[step];
  memset(f->d, 0, net->rates * sizeof *f->d);
  group_backward(t, f->now, f->d, a->u, 1);
  memcpy(f->q + (size_t)step*f->n, f->d + f->from, f->n * sizeof *f->q);
  for (int i = S*C; i < (S + Q)*C && !all_adapt(net); i++) f->dpooled[i] += t->work->dpooled[i];
}

void finetune_classify(struct finetune *f, struct adapt_record *a, const struct finetune_task *t, int step,
                       struct rng *r) {
  struct synapse *readout = t->layers[t->net->readout];
  features(t, t->layers, 1, step, r);
  adapt_classify(a, &t->read, readout, step, r);
  if (t->weight && t->weight[step] != 0) keep_query_gradient(f, a, t, step);
}

void finetune_update(struct finetune *f, struct adapt_record *a, const struct finetune_task *t, int step,
                     struct rng *r) {
  const struct convnet *net = t->net;
  const int layers = convnet_n_adapting(net), SN = t->read.S * vector_padded(net->ways);
  real *g = f->g + (size_t)step*f->n;
  memset(f->d, 0, net->rates * sizeof *f->d);
  group_backward(t, f->now, f->d, a->g + (size_t)step * (size_t)SN, 0);
  memcpy(g, f->d + f->from, f->n * sizeof *g);
  a->written[step] = 0;
  for (int k = 0; k < layers; k++) {
    const int l = net->adapting + k;
    const real rate = t->read.rate[step*layers + k];
    real *dw = f->d + net->offset[l];
    for (size_t i = 0; i < matrix_length(net, l); i++) dw[i] *= -rate;
    f->written[step*layers + k] = write_layer(f, t, l, dw, r);
    a->written[step] += f->written[step*layers + k];
  }
  memcpy(f->w + (size_t)(step + 1)*f->n, f->now + f->from, f->n * sizeof *f->w);
}

void finetune_run(struct finetune *f, struct adapt_record *a, const struct finetune_task *t, const real *held,
                  struct rng *r) {
  finetune_begin(f, t, held);
  for (int s = 0; s <= t->read.steps; s++) {
    if (finetune_needs_support(t, s)) finetune_support(t, s, r);
    if (s == 0) finetune_start(f, a, t, r);
    if (s < t->read.steps) finetune_logits(a, t, s, r);
    finetune_classify(f, a, t, s, r);
    if (s < t->read.steps) finetune_update(f, a, t, s, r);
  }
}

// ---- the meta-gradient

// The features of the support images with the weights before a step, once more.
static void pass_again(struct finetune *f, const struct finetune_task *t, int step) {
  const struct convnet *net = t->net;
  memcpy(f->now + f->from, f->w + (size_t)step*f->n, f->n * sizeof *f->w);
  for (int l = net->adapting; l <= net->readout; l++)
    f->exact[l]->ops->program(f->exact[l], f->now + net->offset[l], NULL);
  if (all_adapt(net)) convnet_forward(net, t->work, f->exact, 0, CONVNET_TASK, NULL, NULL);
  else convnet_forward_dense(net, t->work, f->exact, 0, NULL);
}

// The support pass of a step with all that the second derivative needs. The last one is still there, unless the query
// loss has gone through the statistics of the support images after it.
static void again(struct finetune *f, const struct adapt_record *a, const struct finetune_task *t, int step) {
  if (step == t->read.steps - 1 && !finetune_needs_support(t, t->read.steps)) {
    memcpy(f->now + f->from, f->w + (size_t)step*f->n, f->n * sizeof *f->w);
    return;
  }
  pass_again(f, t, step);
  group_backward(t, f->now, NULL, a->g + step * t->read.S * vector_padded(t->net->ways), 0);
}

// Through W' = W - rate dL/dW:  D <- D - H (rate D),  drate = - <dL/dW, D>, layer by layer.
static void update_backward(struct finetune *f, const struct adapt_record *a, const struct finetune_task *t, int step,
                            real *gradient) {
  const struct convnet *net = t->net;
  const int layers = convnet_n_adapting(net), SN = t->read.S * vector_padded(net->ways);
  memset(f->v, 0, net->rates * sizeof *f->v);
  for (int k = 0; k < layers; k++) {
    const int l = net->adapting + k;
    const size_t at = net->offset[l];
    const real *g = f->g + (size_t)step*f->n + (at - f->from), rate = t->read.rate[step*layers + k];
    double dot = 0;
    for (size_t i = 0; i < matrix_length(net, l); i++) {
      dot += (double)g[i] * (double)f->d[at + i];
      f->v[at + i] = -rate * f->d[at + i];
    }
    gradient[convnet_rate(net, step, l)] -= (real)dot;
  }
  if (t->read.first_order) return;
  again(f, a, t, step);
  const struct hessian_loss loss = { t->work, f->now, a->p + step*SN, a->g + step*SN };
  hessian_product(&f->hessian, net, &loss, f->v, f->d, f->dpooled);
}

static void add_query_gradient(struct finetune *f, const struct finetune_task *t, int step) {
  const real *q = f->q + (size_t)step*f->n;
  for (size_t i = 0; i < f->n && t->weight[step] != 0; i++) f->d[f->from + i] += q[i];
}

// From the gradient of the read-out at the start, which class means have written, to that of the layers before it.
static void start_backward(struct finetune *f, const struct finetune_task *t, real *gradient) {
  const struct convnet *net = t->net;
  const int S = t->read.S, n = S * vector_padded(net->channels);
  pass_again(f, t, 0);
  memset(t->work->dh, 0, (size_t)(S * vector_padded(t->read.C)) * sizeof(real));
  prototype_backward(t->work->dh, gradient + net->scale, f->d + net->offset[net->readout], &t->read);
  if (all_adapt(net)) {
    convnet_backward_group(net, t->work, f->now, f->d, 0);
    return;
  }
  convnet_backward_dense(net, t->work, f->now, f->d, 0);
  for (int i = 0; i < n; i++) f->dpooled[i] += t->work->dpooled[i];
}

void finetune_backward(struct finetune *f, const struct adapt_record *a, const struct finetune_task *t,
                       real *gradient) {
  const struct convnet *net = t->net;
  memset(f->d, 0, net->rates * sizeof *f->d);
  for (int s = t->read.steps; s >= 0; s--) {
    if (s < t->read.steps) update_backward(f, a, t, s, gradient);
    add_query_gradient(f, t, s);
  }
  if (t->read.scale) start_backward(f, t, gradient);
  for (size_t i = f->from; i < net->rates; i++) gradient[i] += f->d[i];
  if (all_adapt(net)) return;
  memcpy(t->work->dpooled, f->dpooled,
         (size_t)((t->read.S + t->read.Q) * vector_padded(net->channels)) * sizeof *f->dpooled);
  convnet_backward_blocks(net, t->work, f->now, gradient, t->rule);
}
