// oneshot.h - learning a movement with one update (equations E1 to E4), and its exact gradient.
// A trainee runs once with the clock as input; the learning signal generator (LSG) runs over the target
// path and emits one signal per trainee neuron and step; one e-prop update; the trainee runs again.
// The first pass does not depend on the target: without noise, or on one chip, all trajectories of an episode share it.
//
// All parameters are one flat block: LSG w, LSG w_out, trainee w, trainee w_out (model/spiking.h). The
// update is differentiated straight through its rounding. Nothing else is stopped.
#ifndef LEARN_ONESHOT_H
#define LEARN_ONESHOT_H

#include "learn/bptt.h"
#include "learn/eprop.h"

// Imperfections of analog memory in the inner loop while training, as errors of the trainee's weights; relative to the
// largest weight. Gradients pass straight through.
struct oneshot_noise {
  int64_t preset;      // 0: an error of the same size for all weights; k: as preset k - 1 of device/pcm.h writes them
  int64_t scale;       // what is largest: of the matrix, or of each column (read: the mean over columns)
  double programming;  // standard deviation of every written weight; with a preset, multiples of its own
  double read;         // of every element of a product, per square root of the number of events
  double drift;        // relative spread of all weights between the passes
  // one for each movement, or one for all of an episode, which then share its errors and the first pass
  int64_t chips;
};
enum oneshot_chips { ONESHOT_OF_MOVEMENT, ONESHOT_OF_EPISODE };
extern const struct param oneshot_noise_param_table[];

enum { ONESHOT_SIGMAS = 64, ONESHOT_MATRICES = 6 };

struct oneshot {
  struct spiking lsg, trainee;
  struct eprop_params update;
  struct oneshot_noise noise;
  int T;
  // programming error at |w| = k/ONESHOT_SIGMAS of the largest weight, the last one twice
  real sigma[ONESHOT_SIGMAS + 2];
  double sparsity;                                      // penalty for changed weights, see oneshot_backward
  size_t lsg_w, lsg_w_out, trainee_w, trainee_w_out, n;  // offsets in the parameter block, its length
  // the same of W_in, W_rec, W_out of LSG and trainee, and its length
  size_t matrix[ONESHOT_MATRICES + 1];
};
// Networks, update, noise and T are set before; fills in offsets and sigma.
void oneshot_layout(struct oneshot *o);
static inline bool oneshot_noisy(const struct oneshot *o) {
  return o->noise.programming > 0 || o->noise.read > 0 || o->noise.drift > 0;
}

// The first pass and what flows back into it.
struct oneshot_first {
  struct spiking_record rec;
  real *output;                  // (T, ld_out)
  const real *w;                 // the trainee's weights as programmed: the parameters, or a noisy copy in own
  real *own;                     // (trainee w) NULL without noise
  real *d_surrogate, *d_spike;   // (active) zeroed by oneshot_first_forward, filled by oneshot_backward
};

// One trajectory: pass 1 is shared, the rest is its own.
struct oneshot_item {
  struct events input;           // of the LSG, written by the caller
  real *target;                  // (T, ld_out of the trainee) target outputs, for a broadcast error; by the caller
  struct oneshot_first *first;
  struct spiking_record lsg, second;
  real *output;                  // (T, ld_out) of the second pass
  real *learning, *source;       // (active of the first pass) L and h L
  real *changed;                 // (trainee w) the updated weights
  long n_changed[2];             // weights changed in W_in, W_rec
  long n_written;                // devices written, on an array
  double price;                  // penalty for changed weights, by oneshot_backward
  struct rng *r;                 // noise and stochastic rounding; NULL if there is none
};

// Memory from the arena; capacity of the LSG input in events. own: with room for noisy weights.
void oneshot_first_init(struct oneshot_first *f, struct arena *a, const struct oneshot *o);
void oneshot_item_init(struct oneshot_item *it, struct arena *a, const struct oneshot *o, int capacity);
size_t oneshot_first_bytes(const struct oneshot *o);
size_t oneshot_item_bytes(const struct oneshot *o, int capacity);
size_t oneshot_scratch_bytes(const struct oneshot *o);  // of every function below

// Pass 1. With an array (already programmed with the parameters) all products of the trainee are its.
void oneshot_first_forward(struct oneshot_first *f, const struct oneshot *o, const real *parameters,
                           const struct events *clock, struct synapse *array, struct rng *r, struct arena *scratch);

// LSG and update after pass 1. it->input, it->first (and it->target) are given. An array is rewritten by the update.
void oneshot_learn(struct oneshot_item *it, const struct oneshot *o, const real *parameters, const struct events *clock,
                   struct synapse *array, struct arena *scratch);
// Pass 2, and any further updates (update.repeats) with the passes after them.
void oneshot_perform(struct oneshot_item *it, const struct oneshot *o, const real *parameters,
                     const struct events *clock, struct synapse *array, struct arena *scratch);
// The learning signal alone: L (T, ld of the trainee).
void oneshot_signal(real *learning, struct oneshot_item *it, const struct oneshot *o, const real *parameters,
                    struct arena *scratch);

// gradient += dL/dparameters of the second pass, the update and the LSG; what concerns the first pass is
// collected in it->first. d_output (T, ld_out) dL/do of pass 2; d_rate: dL/dz of every spike of a neuron.
// sparsity adds share sparsity/(number of weights) sum |D|/(|D| + step) over the changes D = -rate dW (W_in: rate and
// step times input_rate) to the loss; share is that of one movement, 1/batch.
void oneshot_backward(real *gradient, struct oneshot_item *it, const struct oneshot *o, const real *parameters,
                      const struct events *clock, const real *d_output, const real *d_rate_trainee,
                      const real *d_rate_lsg, double share, struct arena *scratch);
// After all items that share the pass; d_rate counts each of them. Both leave the diagonals to oneshot_finish.
void oneshot_first_backward(real *gradient, struct oneshot_first *f, const struct oneshot *o, const real *parameters,
                            const struct events *clock, const real *d_rate, struct arena *scratch);
// Zero the diagonals of a summed gradient.
void oneshot_finish(real *gradient, const struct oneshot *o);

#endif
