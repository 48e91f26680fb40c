// batch.h - a batch of movements learned and performed, and the gradient of their loss.
// An episode is a fixed group of movements, an item of base/par.h. The firing rates that the loss regulates are those
// of the whole batch, so all passes forward come before the first one back; what is kept between are lists of events,
// about 0.1 MB per movement.
//
// Loss (equation L2; mean over movements, steps and components; p = tip of q, q = q(0) + dt cumsum(o), omega =
// diff(q)/dt; q within the limits of the joints if arm.stops, which the published code does not have):
//   position mean |p - p*|^2 + velocity mean (omega - omega*)^2 + rate sum_j (rate_j - target)^2, trainee and LSG
// and with loss.root the mean over movements of the roots of what the first two are for one movement, for one movement
// and joint.
#ifndef EXPERIMENT_ARM_BATCH_H
#define EXPERIMENT_ARM_BATCH_H

#include "experiment/arm/result.h"

struct par;

// Sums of squared errors of a movement: |p - p*|^2, and (omega - omega*)^2 of each joint.
struct reach_squares {
  double position, velocity[2];
};

// What the losses need of a movement.
struct reach_movement {
  struct reach_squares before, after;  // the update; these and n_changed by reach_batch_perform
  long n_changed[2];                   // weights of W_in, W_rec
  double price;                        // of them, by reach_batch_backward
};

struct reach_batch {
  const struct reach *f;
  struct oneshot o;
  struct par *par;                   // NULL: all on the calling thread
  int worker;                        // number of that thread where another one shares the work out; 0 with par
  const int *shares;                 // of the families of mixed movements for training; NULL: equal ones
  int per_family;                    // mixed movements: so many of a family one after the other; 0: they alternate
  int T;                             // steps of a movement; the networks (o.T) run code.lead_in steps before
  int n, capacity, group;            // movements in use, at most; movements of an episode
  uint64_t number;                   // of the first movement in use
  int n_firsts;                      // first passes: one an episode, or one a movement if they differ
  struct events clock;
  struct oneshot_first *first;       // (n_firsts)
  struct oneshot_item *item;         // (capacity)
  struct rng *noise;                 // (capacity)
  const struct reach_device *device; // or NULL
  double *begin;                     // (capacity, 2) angles where the movements begin, rad
  double *omega, *angle, *xyz;       // (capacity, T, 2), (capacity, T, 2), (capacity, T, 3) targets
  double *drive;                     // (workers) scratch of the codes and generators
  void *records;                     // (episodes, record_bytes) all that the losses need of an episode
  size_t record_bytes;
  real *d_rate_trainee, *d_rate_lsg; // (n) of one spike
  double *counts;                     // (trainee n + LSG n) spikes of the batch
  const real *parameters;
  struct arena arena, *scratch;      // (workers)
  // results of the losses and of reach_batch_finish
  double position, velocity;         // the two means after the update, unweighted
  double loss_task, loss_before;     // weighted task loss after and before the update
  double loss_rate, loss_price;      // weighted; price: penalty for changed weights, after reach_batch_finish
  double trainee_Hz, lsg_Hz;         // both passes; LSG
  struct spiking_activity trainee_activity, lsg_activity;  // over the same spikes
  double changed[2];                 // share of weights of W_in, W_rec
};

// device as in reach_eval, or NULL.
void reach_batch_init(struct reach_batch *b, const struct reach *f, const struct oneshot *o, int capacity, int group,
                      struct par *par, const struct reach_device *device);
// Memory that it takes at most.
double reach_batch_bytes(const struct reach *f, const struct oneshot *o, int capacity, int workers);
void reach_batch_release(struct reach_batch *b);

static inline int reach_batch_episodes(const struct reach_batch *b) { return (b->n + b->group - 1)/b->group; }

// n movements number first.. of a purpose (base/rng.h), with their spike codes. ERR_SETTING if no free ones exist.
int reach_batch_draw(struct reach_batch *b, int n, uint32_t purpose, uint64_t first);
// The same for par_map and par_sum over the episodes: only the movements whose episodes this rank computes.
int reach_batch_draw_own(struct reach_batch *b, int n, uint32_t purpose, uint64_t first);
// Write the spike code of movement k, whose omega and xyz are set.
void reach_batch_encode(struct reach_batch *b, int k, int worker);

// Pass 1, LSG, update, pass 2 of all movements, and the losses: all episodes of it, then the losses.
void reach_batch_forward(struct reach_batch *b, const real *parameters);
void reach_batch_perform(struct reach_batch *b, int episode, int worker);
void reach_batch_losses(struct reach_batch *b);
// gradient += dL/dparameters by one episode, after the losses; straight through the roundings of the update, and
// through a joint that stopped where its target has not.
void reach_batch_backward(struct reach_batch *b, real *gradient, int episode, int worker);
// Complete the sum over episodes.
void reach_batch_finish(struct reach_batch *b, real *gradient);

// The movement of the joints from where movement k begins, under the outputs (o.T, ld_out) without those of the
// lead-in: tip positions (T, 3), velocities (T, 2), stops included.
void reach_batch_path(double *xyz, double *omega, const struct reach_batch *b, int k, const real *output);
// Root mean squares over time of one movement performed with `output` (o.T, ld_out): cm and rad/s of each joint.
void reach_batch_errors(double *distance_cm, double omega[2], const struct reach_batch *b, int k, const real *output);

#endif
