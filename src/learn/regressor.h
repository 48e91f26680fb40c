// regressor.h - one thread's place for a dense network (model/dense.h) whose last layer, the read-out, adapts to the
// points of a task (learn/regress.h), and the meta-gradient of a task in all weights and rates.
#ifndef LEARN_REGRESSOR_H
#define LEARN_REGRESSOR_H

#include <stdbool.h>

#include "learn/regress.h"
#include "model/dense.h"

struct regressor {
  const struct dense *net;
  const real *parameters;
  struct regress_task task;
  struct regress_record record;
  struct dense_work work;                   // rows: support, then query points
  struct synapse *layers[DENSE_MAX_LAYERS]; // in use: its own software arrays, unless the caller puts others here
  struct synapse *software[DENSE_MAX_LAYERS];
  real *target;                             // (S + Q, padded outputs)
  real *held;                               // weights as the layers hold them
};

// n of them, for tasks of S support and Q query points; bits, headroom: see dense_arrays_new. The parameters must stay.
struct regressor *regressor_new(int n, const struct dense *net, const real *parameters, int S, int Q, int bits,
                                double headroom);
void regressor_free(struct regressor *w, int n);

// Point i of the task, support points first: x (inputs), target (outputs).
void regressor_point(struct regressor *w, int i, const real *x, const real *target);

// Learn the task with what the layers hold; results in w->record.
void regressor_learn(struct regressor *w, struct rng *r);

// Program the layers, with dense_disturb's errors on the weights, and learn; gradient += that of the error at the query
// points after the last update, or of its mean over all updates, which is returned.
double regressor_gradient(struct regressor *w, real *gradient, bool mean, double noise, struct rng *r);

#endif
