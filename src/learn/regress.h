// regress.h - the inner loop of a regression: a linear read-out learns the values of one task at its support points.
//   L = mean over points and outputs of (h W - t)^2,   W <- W - rate_s h^T g,   g = 2 (h W - t)/(points outputs)
// (docs/equations.md, R2). W lives in a synapse array: exact, quantised or on a chip; a feature that is always 1 is its
// bias. The record it leaves is what the exact meta-gradient needs.
#ifndef LEARN_REGRESS_H
#define LEARN_REGRESS_H

#include "base/real.h"
#include "device/synapse.h"

struct regress_task {
  int outputs, steps;
  int S, Q, C;         // support points, query points, features
  const real *h;       // (S + Q, padded C), support first
  const real *target;  // (S + Q, padded outputs), padding zero
  const real *rate;    // (steps)
};

// Owned by regress_record_init; updates counted from 0, the state before any.
struct regress_record {
  real *w;               // (steps + 1, C, padded outputs) read-out before each update, and after the last
  real *g;               // (steps, S, padded outputs) gradient of the support points
  real *z;               // (steps + 1, Q, padded outputs) values at the query points
  double *support_loss;  // (steps)
  double *query_loss;    // (steps + 1) mean squared error
  long *written;         // (steps) devices rewritten
  real *dw, *u;          // scratch (C, padded outputs), (max(S, Q), padded outputs)
  void *block;
};
void regress_record_init(struct regress_record *a, int outputs, int steps, int S, int Q, int C);
void regress_record_release(struct regress_record *a);

// All updates of a read-out that holds the initial weights, the query points before the first and after each.
void regress_run(struct regress_record *a, const struct regress_task *t, struct synapse *readout, struct rng *r);

// Exact gradient of  sum_s weight[s] query_loss[s]  through all updates (straight through any rounding): dh (S + Q,
// padded C) is overwritten, dw0 (C, padded outputs) and drate (steps) are added to.
void regress_backward(real *dh, real *dw0, real *drate, struct regress_record *a, const struct regress_task *t,
                      const double *weight);

#endif
