// spiking.h - a recurrent network of leaky integrate-and-fire neurons, the last n_adaptive of them
// with adaptive threshold (ALIF), and leaky linear outputs. Equations S1 to S3 (docs/equations.md), one step, input x:
//   b' = rho b + z            A = v_th + beta b' (ALIF), v_th (LIF)
//   v' = gamma v + x W_in + z W_rec - z A,      W_rec without diagonal
//   z' = [v' > A] unless refractory,            o' = kappa o + z' W_out
// Weights are (from, to): w (n_in + n, ld) is W_in with W_rec below it, as both lie on one core of a
// chip, w_out is (n, ld_out). Rows are padded to full vectors; padding and the diagonal of W_rec are zero.
#ifndef MODEL_SPIKING_H
#define MODEL_SPIKING_H

#include "base/param.h"
#include "device/synapse.h"
#include "kernel/events.h"
#include "kernel/lif.h"

struct spiking_params {
  int64_t neurons;
  double adaptive_fraction;       // ALIF neurons among them, the last ones
  double v_th;                    // base threshold
  double beta;                    // increase of an adaptive threshold per unit of b
  double tau_membrane_ms, tau_output_ms, tau_adapt_ms;
  double damping;                 // of the surrogate derivative
  int64_t refractory_ms;          // one step is 1 ms
};
extern const struct param spiking_trainee_param_table[];  // 250 LIF, v_th 0.6
extern const struct param spiking_lsg_param_table[];      // 800, 30 % ALIF, v_th 1.3

struct spiking {
  int n_in, n, n_out, n_adaptive;
  int ld, ld_out;                 // n and n_out padded
  real gamma, kappa, rho, beta;   // decay of membrane, outputs, adaptation; threshold increase
  struct lif lif;
};
void spiking_init(struct spiking *net, const struct spiking_params *p, int n_in, int n_out);

static inline size_t spiking_w_size(const struct spiking *net) { return (size_t)(net->n_in + net->n)*(size_t)net->ld; }
static inline size_t spiking_w_out_size(const struct spiking *net) { return (size_t)net->n*(size_t)net->ld_out; }

// Rows of W_rec inside w.
static inline size_t spiking_recurrent(const struct spiking *net) { return (size_t)net->n_in*(size_t)net->ld; }

// Set the diagonal of W_rec to zero, in weights or in a gradient.
void spiking_clear_diagonal(const struct spiking *net, real *w);

// W_in, W_rec ~ N(0,1)/sqrt(fan-in); w_out ~ N(0,1) scale/sqrt(n), or Glorot uniform if scale is 0.
struct rng;
void spiking_start(const struct spiking *net, real *w, real *w_out, double scale, struct rng *r);
// standard deviations of W_in, W_rec, w_out
void spiking_start_spread(double spread[3], const struct spiking *net, double scale);

// Everything a pass leaves behind for learning. Written by spiking_forward.
struct spiking_record {
  struct events spikes;   // (T) z
  struct events active;   // (T) neurons with h != 0; the value is u = v - A
  real *reset;            // (active) what a spike there takes from v in the next step: A of that step
};
// With reset NULL a pass records its spikes alone.
void spiking_record_init(struct spiking_record *rec, struct arena *a, const struct spiking *net, int T);
size_t spiking_record_bytes(const struct spiking *net, int T);
double spiking_rate(const struct spiking *net, const struct spiking_record *rec);  // mean spikes per neuron and step
void spiking_add_counts(double *counts, const struct spiking_record *rec);         // (n) += spikes

// Neurons that learning cannot use: silent ones never spike, saturated ones spike at 80 % or more of the highest rate
// that the refractory time allows. counts (n) over so many steps, as numbers of neurons.
struct spiking_activity { int silent, saturated; };
struct spiking_activity spiking_activity_of(const struct spiking *net, const double *counts, double steps);

// Who computes x W_in + z W_rec. With array NULL the rows of w are added event by event; otherwise the
// synapse array of n_in + n rows, given 0/1 inputs, does, whenever there is any event. read_noise > 0 adds
// N(0, read_noise^2 sum_i x_i^2) to every element of the product.
struct spiking_source {
  const real *w;           // (n_in + n, ld); unused with an array
  struct synapse *array;
  double read_noise;
  double dither;           // standard deviation of noise (uniform) on every membrane in every step
  const real *drive;       // (T, ld) x W_in of the steps, computed before (spiking_drive); NULL: computed from w
  struct rng *r;           // for the array and the noise; may be NULL without either
};

// drive (T, ld) += x W_in for every step, for passes that share their inputs.
void spiking_drive(real *drive, const struct spiking *net, const real *w, const struct events *input);

// T steps from rest. output (T, ld_out) or NULL: o. scratch: spiking_scratch_bytes.
void spiking_forward(struct spiking_record *rec, real *output, const struct spiking *net,
                     const struct spiking_source *source, const real *w_out, const struct events *input,
                     struct arena *scratch);
size_t spiking_scratch_bytes(const struct spiking *net);

// The slow twin, dense: z, h, v (T, n) and output (T, n_out), unpadded; w_in, w_rec, w_out as in the files.
void spiking_forward_ref(real *z, real *h, real *v, real *output, const struct spiking *net, const real *w_in,
                         const real *w_rec, const real *w_out, const real *x, int T);

#endif
