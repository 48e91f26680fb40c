// reach_batch.h - a batch of movements learned and performed, and the gradient of their loss.
// An episode is a fixed group of movements computed by one thread; gradients are summed in episode order, so
// results do not depend on the number of threads. The firing rates that the loss regulates are those of
// the whole batch, so all passes forward come before the first one back; what is kept between are lists of
// events, about 0.1 MB per movement.
//
// Loss (equation L2; mean over movements, steps and components; p = tip of q, q = dt cumsum(o), omega = diff(q)/dt; q within the
// limits of the joints if arm.stops, which the published code does not know):
//   position mean |p - p*|^2 + velocity mean (omega - omega*)^2 + rate sum_j (rate_j - target)^2, trainee and LSG
// and with loss.root the mean over movements of the roots of what the first two are for one movement, for one movement and joint.
#ifndef EXPERIMENT_ARM_BATCH_H
#define EXPERIMENT_ARM_BATCH_H

#include "experiment/arm/result.h"

struct pool;

struct reach_batch {
  const struct reach *f;
  struct oneshot o;
  struct pool *pool;
  int T;                             // steps of a movement; the networks (o.T) run code.lead_in steps before
  int n, capacity, group;            // movements in use, at most; movements of an episode
  uint64_t number;                   // of the first movement in use
  int n_firsts;                      // first passes: one an episode, or one a movement if they differ
  bool differentiate;
  struct events clock;
  struct oneshot_first *first;       // (n_firsts)
  struct oneshot_item *item;         // (capacity)
  struct rng *noise;                 // (capacity)
  const struct reach_device *device; // or NULL
  double *omega, *angle, *xyz;       // (capacity, T, 2), (capacity, T, 2), (capacity, T, 3) targets
  double *drive;                     // (workers) scratch of the codes and generators
  real *d_rate_trainee, *d_rate_lsg; // (n) of one spike
  real *gradients, *gradient;        // (episodes, o.n), (o.n)
  double *counts;                     // (trainee n + LSG n) spikes of the batch
  const real *parameters;
  struct arena arena, *scratch;      // (workers)
  // results of forward and backward
  double position, velocity;         // the two means after the update, unweighted
  double loss_task, loss_before;     // weighted task loss after and before the update
  double loss_rate, loss_price;      // weighted; price after backward
  double trainee_Hz, lsg_Hz;         // both passes; LSG
  double changed[2];                 // share of weights of W_in, W_rec
};

// differentiate: with room for gradients. device as in reach_eval.
void reach_batch_init(struct reach_batch *b, const struct reach *f, const struct oneshot *o, int capacity, int group, struct pool *pool,
                      bool differentiate, const struct reach_device *device);
void reach_batch_release(struct reach_batch *b);

static inline int reach_batch_episodes(const struct reach_batch *b) { return (b->n + b->group - 1)/b->group; }

// n movements number first.. of a purpose (base/rng.h), with their spike codes. ERR_SETTING if no free ones exist.
int reach_batch_draw(struct reach_batch *b, int n, uint32_t purpose, uint64_t first);
// Write the spike code of movement k, whose omega and xyz are set.
void reach_batch_encode(struct reach_batch *b, int k, int worker);

// Pass 1, LSG, update, pass 2 of all movements, and the losses.
void reach_batch_forward(struct reach_batch *b, const real *parameters);
// b->gradient = dL/dparameters, after forward; straight through the roundings of the update, and through a joint that stopped where
// its target has not.
void reach_batch_backward(struct reach_batch *b);

// What the joints do when told the outputs (o.T, ld_out), those of the lead-in left out: tip positions (T, 3), velocities (T, 2), stops included.
void reach_batch_path(double *xyz, double *omega, const struct reach_batch *b, const real *output);
// Root mean squares over time of one movement performed with `output` (o.T, ld_out): cm and rad/s of each joint.
void reach_batch_errors(double *distance_cm, double omega[2], const struct reach_batch *b, int k, const real *output);

#endif
