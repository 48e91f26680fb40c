// maml.h - the outer loop: the gradient of the query loss after adaptation, through the updates, to
// every kernel, the initial read-out and the inner rates (Finn et al., ICML 2017; only the read-out
// adapts, as in Raghu et al., ICLR 2020). One task is computed by one thread from image to gradient.
#ifndef LEARN_MAML_H
#define LEARN_MAML_H

#include "learn/adapt.h"
#include "learn/finetune.h"
#include "model/convnet.h"

enum { MAML_NOISE_POINTS = 257 };

// How weights are represented while learning: exact, or Q(w) of n bits with stochastic rounding and a
// straight-through gradient (equation Q1).
struct maml_options {
  int steps;
  enum convnet_rule rule;
  int bits;               // 0: exact
  double noise;           // programming error added to the weights of each task, in multiples of noise_sigma; 0: none
  float noise_sigma[MAML_NOISE_POINTS];  // its standard deviation at |w|/max|w| = 0, 1/256 .. 1, in units of max|w|
  int first_order;          // the updates' gradients are taken as constants
  double weight[CONVNET_MAX_STEPS + 1];  // of the query loss after 0..steps updates
};

// What one worker thread needs for one task.
struct maml_worker {
  struct convnet_work work;
  struct adapt_record record;
  struct finetune finetune;     // where more than the read-out adapts
  struct synapse *layers[CONVNET_MAX_LAYERS];
  real *held;   // the weights as the layers hold them, laid out as the parameters
  int *label;   // (S + Q)
  const int *other;   // (Q) of the caller, who may leave it NULL: see struct adapt_task
  const real *share;
};
void maml_worker_init(struct maml_worker *w, const struct convnet *net, int shots, int queries,
                      const struct maml_options *o);
void maml_worker_release(struct maml_worker *w, const struct convnet *net);
double maml_worker_bytes(const struct convnet *net, int shots, int queries, int steps);  // that it takes

// Load the layers with parameters; under quantisation each call rounds anew, under noise it draws new errors
// (straight-through gradient, as for the rounding).
void maml_program(struct maml_worker *w, const struct convnet *net, const real *parameters,
                  const struct maml_options *o, struct rng *r);

// Restore what updates have changed, without randomness; read the weights of other arrays that replace the layers.
void maml_restore(struct maml_worker *w, const struct convnet *net, const real *parameters);
void maml_hold(struct maml_worker *w, const struct convnet *net);

// Features, adaptation, classification of the task whose images lie in w->work.y[0]; results in w->record.
void maml_adapt(struct maml_worker *w, const struct convnet *net, const real *parameters, const struct maml_options *o,
                const struct convnet_fixed *fixed, struct rng *r);

// The task as adapt.h sees it, and as finetune.h does where more than the read-out adapts.
struct adapt_task maml_task(const struct maml_worker *w, const struct convnet *net, const real *parameters,
                            const struct maml_options *o);
struct finetune_task maml_finetune_task(struct maml_worker *w, const struct convnet *net, const real *parameters,
                                        const struct maml_options *o, const struct convnet_fixed *fixed);

// gradient += d(sum_s weight[s] query_loss[s]), after maml_adapt. Returns that loss.
double maml_backward(struct maml_worker *w, const struct convnet *net, const real *parameters, real *gradient,
                     const struct maml_options *o);

// Floating-point operations of the convolutions of both.
double maml_flop(const struct convnet *net, int shots, int queries, const struct maml_options *o);

#endif
