// finetune.h - the inner loop where more layers than the read-out adapt, by back-propagation (Finn et al., ICML 2017):
//   W_l <- W_l - alpha_sl dL/dW_l,   L the cross-entropy of the support images        docs/equations.md (B1), (B2)
// Every update passes the support images through the present weights, normalised by their own statistics. The
// weights are in synapse arrays; the gradients are computed in software, at the weights that the arrays represent.
// Results (losses, classes, devices written) go to the record of adapt.h.
#ifndef LEARN_FINETUNE_H
#define LEARN_FINETUNE_H

#include "learn/adapt.h"
#include "model/convnet.h"
#include "model/hessian.h"

struct finetune_task {
  const struct convnet *net;
  struct convnet_work *work;         // the images, and how many
  struct synapse *const *layers;     // they hold the initial weights
  struct adapt_task read;            // as in adapt.h; rate: (steps, layers that adapt)
  enum convnet_rule rule;            // whose statistics normalise the queries
  const struct convnet_fixed *fixed;
  const double *weight;              // (steps + 1) of the query losses, whose gradients are kept; NULL: none needed
};

// Owned by finetune_init. n numbers: the layers that adapt, laid out as in the parameters from offset `from` on. The
// activations of an update are not kept: finetune_backward computes them again from its weights.
struct finetune {
  size_t from, n;
  real *w;                           // (steps + 1, n) weights before each update, and after the last
  real *g;                           // (steps, n) gradient of the support loss
  real *q;                           // (steps + 1, n) gradient of the weighted query loss
  long *written;                     // (steps, layers that adapt) devices rewritten
  real *now, *d, *v;                 // laid out as the parameters: weights in use, gradients, a direction or scratch
  real *dpooled;                     // where the blocks do not adapt: their part of the gradient, (S + Q, channels)
  struct synapse *exact[CONVNET_MAX_LAYERS];  // to compute again
  struct hessian hessian;
  void *block;
};
void finetune_init(struct finetune *f, const struct convnet *net, int steps, int S, int Q);
double finetune_bytes(const struct convnet *net, int steps, int S);  // that it takes
void finetune_release(struct finetune *f, const struct convnet *net);

// Make all updates, and classify the queries before and after each. held: the weights of the layers, laid out as the
// parameters.
void finetune_run(struct finetune *f, struct adapt_record *a, const struct finetune_task *t, const real *held,
                  struct rng *r);

// The same in parts: begin; then for each step pass the support images up to their features (after the last update only
// where the rule needs their statistics), in step 0 start from the class means, if the task does, pass the features
// through the read-out (not after the last update); classify the queries; make update number `step`.
void finetune_begin(struct finetune *f, const struct finetune_task *t, const real *held);
int finetune_needs_support(const struct finetune_task *t, int step);
void finetune_support(const struct finetune_task *t, int step, struct rng *r);
void finetune_start(struct finetune *f, struct adapt_record *a, const struct finetune_task *t, struct rng *r);
void finetune_logits(struct adapt_record *a, const struct finetune_task *t, int step, struct rng *r);
void finetune_classify(struct finetune *f, struct adapt_record *a, const struct finetune_task *t, int step,
                       struct rng *r);
void finetune_update(struct finetune *f, struct adapt_record *a, const struct finetune_task *t, int step,
                     struct rng *r);

// After finetune_run, with nothing else between: gradient, laid out as the parameters, += that of
// sum_s weight[s] query_loss[s] in the initial weights, the rates and the scale (straight through any rounding).
void finetune_backward(struct finetune *f, const struct adapt_record *a, const struct finetune_task *t, real *gradient);

#endif
