#include "learn/regressor.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct regressor *regressor_new(int n, const struct dense *net, const real *parameters, int S, int Q, int bits,
                                double headroom) {
  struct regressor *all = err_calloc((size_t)n, sizeof *all);
  const int readout = net->n_layers - 1, outputs = net->size[readout + 1], C = dense_rows(net, readout);
  for (struct regressor *w = all; w < all + n; w++) {
    w->net = net;
    w->parameters = parameters;
    w->target = err_aligned((size_t)((S + Q)*vector_padded(outputs)), sizeof(real));
    w->held = err_aligned(net->rates, sizeof(real));
    dense_work_init(&w->work, net, S + Q);
    regress_record_init(&w->record, outputs, net->updates, S, Q, C);
    dense_arrays_new(w->software, net, parameters, bits, headroom);
    memcpy(w->layers, w->software, sizeof w->layers);
    w->task = (struct regress_task){ .outputs = outputs, .steps = net->updates, .S = S, .Q = Q, .C = C,
                                     .h = w->work.y[readout], .target = w->target, .rate = parameters + net->rates };
  }
  return all;
}

void regressor_free(struct regressor *all, int n) {
  for (struct regressor *w = all; w < all + n; w++) {
    dense_arrays_free(w->software, w->net);
    dense_work_release(&w->work);
    regress_record_release(&w->record);
    free(w->target);
    free(w->held);
  }
  free(all);
}

void regressor_point(struct regressor *w, int i, const real *x, const real *target) {
  dense_input(w->net, &w->work, i, x);
  memcpy(w->target + i*vector_padded(w->task.outputs), target, (size_t)w->task.outputs*sizeof *target);
}

void regressor_learn(struct regressor *w, struct rng *r) {
  const int readout = w->net->n_layers - 1;
  dense_forward(w->net, &w->work, w->layers, readout, 0, w->task.S + w->task.Q, r);
  regress_run(&w->record, &w->task, w->layers[readout], r);
}

double regressor_gradient(struct regressor *w, real *gradient, bool mean, double noise, struct rng *r) {
  const struct dense *net = w->net;
  const int readout = net->n_layers - 1, updates = net->updates;
  double loss = 0, weight[DENSE_MAX_UPDATES + 1] = { 0 };
  memcpy(w->held, w->parameters, net->rates*sizeof(real));
  if (noise > 0) dense_disturb(net, w->held, noise, r);
  dense_program(w->layers, net, w->held, r);
  regressor_learn(w, r);
  for (int s = 1; s <= updates; s++) {
    weight[s] = mean ? 1.0/updates : s == updates;
    loss += weight[s]*w->record.query_loss[s];
  }
  regress_backward(w->work.dy[readout], gradient + net->offset[readout], gradient + net->rates, &w->record,
                   &w->task, weight);
  dense_backward(net, &w->work, w->held, gradient, readout, w->task.S + w->task.Q);
  return loss;
}
