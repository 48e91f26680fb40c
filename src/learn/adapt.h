// adapt.h - the inner loop: a read-out learns the classes of one task from its support features.
//   z = h W,  p = softmax(z),  W <- W - alpha h^T (p - onehot)/(N K)        docs/equations.md (A1)-(A3)
// a delta rule without back-propagation. W lives in a synapse array: exact, quantised or on a chip.
// The record it leaves is what the exact meta-gradient needs.
#ifndef LEARN_ADAPT_H
#define LEARN_ADAPT_H

#include "base/real.h"
#include "device/synapse.h"

struct adapt_task {
  int ways, steps;
  int S, Q;              // support and query images
  int C;                 // features
  const real *h;         // (S + Q, padded C), support first
  const int *label;      // (S + Q)
  const real *rate;      // (steps) alpha of each update
  int first_order;       // the gradient takes the changes made by the updates as constants
  // The read-out starts from class means times this (learn/prototype.h), written over zeros; NULL: from what it holds
  const real *scale;
  int offset, bias;      // with their offset; whether the last feature is the 1 of a bias, which an offset needs
  // (Q) a second label, and the share of the first in the loss, of queries that are mixtures; NULL: there are none
  const int *other;
  const real *share;
};

// Owned by adapt_record_init; steps counted from 0, the state before any update.
struct adapt_record {
  real *w;       // (steps + 1, C, padded ways) read-out before each update, and after the last
  real *p;       // (steps, S, padded ways) support probabilities
  real *g;       // (steps, S, padded ways) (p - onehot)/S
  real *pq;      // (steps + 1, Q, padded ways) query probabilities
  real *zq;      // (steps + 1, Q, padded ways) query logits
  double *support_loss;  // (steps)
  double *query_loss;    // (steps + 1) mean cross-entropy
  int *correct;          // (steps + 1) queries classified correctly
  long *written;         // (steps) devices rewritten
  long written_start;    // by the start from class means
  real *dw, *gw, *u;     // scratch: change and gradient of W (C, padded ways), (max(S, Q), padded ways)
  void *block;
};
void adapt_record_init(struct adapt_record *a, int ways, int steps, int S, int Q, int C);
void adapt_record_release(struct adapt_record *a);

// Start, run the updates on the read-out, which holds the initial weights, and classify the queries after each.
void adapt_run(struct adapt_record *a, const struct adapt_task *t, struct synapse *readout, struct rng *r);

// The same in steps: start from class means, if the task does; classify the queries after `step` updates; make update
// number `step`.
void adapt_start(struct adapt_record *a, const struct adapt_task *t, struct synapse *readout, struct rng *r);
void adapt_classify(struct adapt_record *a, const struct adapt_task *t, struct synapse *readout, int step,
                    struct rng *r);
void adapt_update(struct adapt_record *a, const struct adapt_task *t, struct synapse *readout, int step, struct rng *r);

// Exact gradient of  sum_s weight[s] query_loss[s]  through all updates (straight through any rounding):
// dh (S + Q, padded C) is overwritten; dw0 (C, padded ways), drate (steps) and, where the read-out starts from class
// means, dscale are added to.
void adapt_backward(real *dh, real *dw0, real *drate, real *dscale, struct adapt_record *a, const struct adapt_task *t,
                    const double *weight);

#endif
