#include "learn/maml.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kernel/noise.h"

void maml_worker_init(struct maml_worker *w, const struct convnet *net, int shots, int queries,
                      const struct maml_options *o) {
  const int S = net->ways*shots, Q = net->ways*queries;
  w->other = NULL;
  w->share = NULL;
  convnet_work_init(&w->work, net, S + Q);
  w->work.n[0] = S;
  w->work.n[1] = Q;
  adapt_record_init(&w->record, net->ways, o->steps, S, Q, convnet_rows(net, net->readout));
  if (net->adapting < net->readout) finetune_init(&w->finetune, net, o->steps, S, Q);
  for (int l = 0; l <= net->readout; l++) w->layers[l] = convnet_array(net, l, o->bits);
  w->held = err_aligned(net->n, sizeof *w->held);
  w->label = err_calloc((size_t)(S + Q), sizeof *w->label);
  for (int i = 0; i < S; i++) w->label[i] = i / shots;
  for (int i = 0; i < Q; i++) w->label[S + i] = i / queries;
}

double maml_worker_bytes(const struct convnet *net, int shots, int queries, int steps) {
  const int S = net->ways*shots, Q = net->ways*queries;
  return convnet_work_bytes(net, S + Q) + (net->adapting < net->readout ? finetune_bytes(net, steps, S) : 0);
}

void maml_worker_release(struct maml_worker *w, const struct convnet *net) {
  convnet_work_release(&w->work);
  adapt_record_release(&w->record);
  if (net->adapting < net->readout) finetune_release(&w->finetune, net);
  for (int l = 0; l <= net->readout; l++) w->layers[l]->ops->free(w->layers[l]);
  free(w->held);
  free(w->label);
}

// w += noise sigma(|w|/max) max z, z ~ N(0,1): what writing the matrix to devices would do to it.
static void disturb(real *w, int I, int O, const struct maml_options *o, struct rng *r) {
  enum { MAX_COLUMNS = 1024 };
  const int OP = vector_padded(O);
  float z[MAX_COLUMNS];
  real most = 0;
  for (int i = 0; i < I*OP; i++) most = w[i] > most ? w[i] : -w[i] > most ? -w[i] : most;
  if (!(most > 0)) return;
  for (int i = 0; i < I; i++) {
    noise_normal(z, (size_t)O, r);
    for (int k = 0; k < O; k++) {
      real *v = &w[i*OP + k];
      const real x = (*v < 0 ? -*v : *v) / most;
      *v += (real)o->noise * most * (real)o->noise_sigma[(int)(x * (MAML_NOISE_POINTS - 1))] * (real)z[k];
    }
  }
}

void maml_program(struct maml_worker *w, const struct convnet *net, const real *parameters,
                  const struct maml_options *o, struct rng *r) {
  for (int l = 0; l <= net->readout; l++) {
    struct synapse *s = w->layers[l];
    real *held = w->held + net->offset[l];
    s->ops->program(s, parameters + net->offset[l], r);
    s->ops->weights(s, held);
    if (o->noise > 0 && r) {
      disturb(held, s->I - s->digital, s->O, o, r);
      s->ops->program(s, held, NULL);
      s->ops->weights(s, held);
    }
  }
}

void maml_restore(struct maml_worker *w, const struct convnet *net, const real *parameters) {
  for (int l = net->adapting; l <= net->readout; l++)
    w->layers[l]->ops->program(w->layers[l], parameters + net->offset[l], NULL);
}

void maml_hold(struct maml_worker *w, const struct convnet *net) {
  for (int l = 0; l <= net->readout; l++) w->layers[l]->ops->weights(w->layers[l], w->held + net->offset[l]);
}

struct adapt_task maml_task(const struct maml_worker *w, const struct convnet *net, const real *parameters,
                            const struct maml_options *o) {
  return (struct adapt_task){ .ways = net->ways, .steps = o->steps, .S = w->work.n[0], .Q = w->work.n[1],
                              .C = convnet_rows(net, net->readout), .first_order = o->first_order,
                              .h = w->work.h, .label = w->label, .rate = parameters + net->rates,
                              .other = w->other, .share = w->share, .bias = convnet_has_bias(net, net->readout),
                              .offset = net->mean_offset,
                              .scale = net->start == CONVNET_PROTOTYPE ? parameters + net->scale : NULL };
}

struct finetune_task maml_finetune_task(struct maml_worker *w, const struct convnet *net, const real *parameters,
                                        const struct maml_options *o, const struct convnet_fixed *fixed) {
  return (struct finetune_task){ .net = net, .work = &w->work, .layers = w->layers,
                                 .read = maml_task(w, net, parameters, o), .rule = o->rule, .fixed = fixed,
                                 .weight = o->weight };
}

void maml_adapt(struct maml_worker *w, const struct convnet *net, const real *parameters, const struct maml_options *o,
                const struct convnet_fixed *fixed, struct rng *r) {
  if (net->adapting < net->readout) {
    const struct finetune_task task = maml_finetune_task(w, net, parameters, o, fixed);
    finetune_run(&w->finetune, &w->record, &task, w->held, r);
    return;
  }
  for (int group = 0; group < 2; group++)
    if (w->work.n[group] > 0) convnet_forward(net, &w->work, w->layers, group, o->rule, fixed, r);
  const struct adapt_task task = maml_task(w, net, parameters, o);
  adapt_run(&w->record, &task, w->layers[net->readout], r);
}

double maml_backward(struct maml_worker *w, const struct convnet *net, const real *parameters, real *gradient,
                     const struct maml_options *o) {
  if (net->adapting < net->readout) {
    const struct finetune_task task = maml_finetune_task(w, net, parameters, o, NULL);
    finetune_backward(&w->finetune, &w->record, &task, gradient);
  } else {
    const struct adapt_task task = maml_task(w, net, parameters, o);
    adapt_backward(w->work.dh, gradient + net->offset[net->readout], gradient + net->rates,
                   net->start == CONVNET_PROTOTYPE ? gradient + net->scale : NULL, &w->record, &task, o->weight);
    convnet_backward(net, &w->work, w->held, gradient, o->rule);
  }
  double loss = 0;
  for (int s = 0; s <= o->steps; s++) loss += o->weight[s] * w->record.query_loss[s];
  return loss;
}

double maml_flop(const struct convnet *net, int shots, int queries, const struct maml_options *o) {
  double all = 0, weighted = 0;
  for (int k = 0; k <= o->steps; k++) weighted += o->weight[k] != 0;
  for (int l = 0; l < net->blocks; l++) {
    const struct conv one = convnet_shape(net, l, 1);
    const double s = net->ways*shots * conv_flop(&one), q = net->ways*queries * conv_flop(&one);
    const double gradient = l > 0 ? 2 : 1;  // of the kernel and, but for the first, of the input
    if (net->adapting > 0) {
      all += (s + q)*(1 + gradient);
      continue;
    }
    // forward and backward; the same once more but for the kernel; both along a direction, of two products each
    all += o->steps*s * (1 + gradient + (o->first_order ? 0 : gradient + 2*gradient + 2*(gradient - 1)));
    all += (o->steps + 1)*q + weighted*(o->rule == CONVNET_SUPPORT ? s + q : q)*gradient;
    if (o->rule == CONVNET_SUPPORT) all += s;
  }
  return all;
}
