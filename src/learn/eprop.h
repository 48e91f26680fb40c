// eprop.h - e-prop (Bellec et al., Nat. Commun. 11:3625 (2020)), the rule of the one update. With the
// surrogate h_j, the learning signal L_j and the traces e(t) = gamma e(t-1) + s(t) of the presynaptic
// events s(t) = (x(t), z(t-1)), equations E1, E2:
//   dW[i,j] = sum_t h_j(t) L_j(t) e_i(t)          W <- W - rate dW
// Summed by parts: with a = h L and A(t) = a(t) + gamma A(t+1) it is sum_t s_i(t) A_j(t), so that only
// events are visited; and this is what back-propagation through time computes when recurrent and reset paths are cut.
// Matrices are laid out as in model/spiking.h: (n_in + n, ld).
#ifndef LEARN_EPROP_H
#define LEARN_EPROP_H

#include "base/param.h"
#include "model/spiking.h"

struct rng;

// (E4). Stochastic rounding keeps the mean of every change. Sparse does so too, writes as many weights, and adds the
// least variance that this number allows: below the step a change is made with the probability |change|/step, as one
// step. Pursuit makes the few changes that move the membranes as all would, see eprop_pursue.
enum eprop_grid { EPROP_EXACT, EPROP_NEAREST, EPROP_STOCHASTIC, EPROP_SPARSE, EPROP_PURSUIT };
extern const char *const eprop_grid_names[];

// Where the learning signal comes from: a generator network, or the error broadcast (see below).
enum eprop_signal { EPROP_LSG, EPROP_SYMMETRIC, EPROP_RANDOM };
extern const char *const eprop_signal_names[];

struct eprop_params {
  int64_t signal;     // enum eprop_signal
  int64_t repeats;    // updates; more than one with a broadcast error only
  double rate;        // inner learning rate
  // times this, and step and threshold too, for W_in; the caller of eprop_update knows which rows these are
  double input_rate;
  int64_t grid;       // enum eprop_grid: how rate dW is rounded to multiples of step
  double step;
  double threshold;   // smaller changes are not made
  double pursuit_gain, pursuit_ridge;  // see eprop_pursue
  int64_t lsg_passes; // of the generator over the path, its signals averaged
  double lsg_dither;  // white noise on its membranes in each step, over v_th, so that passes differ
};
extern const struct param eprop_param_table[];

// a = h L at the active neurons. source (active), learning (T, ld)
void eprop_source(real *restrict source, const struct spiking *net, const struct spiking_record *rec,
                  const real *restrict learning);

// dw += sum_t s(t) A(t)^T, diagonal of the recurrent part zero. dw (n_in + n, ld)
void eprop_gradient(real *restrict dw, const struct spiking *net, const struct spiking_record *rec,
                    const struct events *input, const real *restrict source, struct arena *scratch);
size_t eprop_scratch_bytes(const struct spiking *net);

// changed = w + Q(-rate dw): the updated weights. r may be NULL unless the grid is stochastic or sparse.
void eprop_update(real *restrict changed, const real *restrict w, const real *restrict dw, size_t n,
                  const struct eprop_params *p, struct rng *r);

// (E5) Few changes in place of all. Changes D move the membrane of neuron j by about sum_i D[i,j] e_i(t), e the traces
// of a pass; those that replace them make
//   sum_t (sum_i (D - D')[i,j] e_i(t))^2 + pursuit_ridge sum_i (D - D')[i,j]^2
// small for each j, one weight more as long as it lowers this by more than pursuit_gain (kernel/pursuit.h).
// changes (n_in + n, ld): D, overwritten with D'; the diagonal stays zero. rec: the pass in which they are to act
void eprop_pursue(real *restrict changes, const struct spiking *net, const struct spiking_record *rec,
                  const struct events *input, const struct eprop_params *p, struct arena *scratch);
size_t eprop_pursuit_bytes(const struct spiking *net, int T);

// Back through eprop_gradient, given g = dL/d(dw) with zero diagonal:
//   d_learning (T, ld) is overwritten with dL/dL;  d_surrogate (active) += dL/dh;  d_spike (active) += dL/dz
// learning (active) holds L at the active neurons, source (active) a.
void eprop_backward(real *restrict d_learning, real *restrict d_surrogate, real *restrict d_spike,
                    const real *restrict g, const struct spiking *net, const struct spiking_record *rec,
                    const struct events *input, const real *restrict learning, const real *restrict source,
                    struct arena *scratch);

// Learning signal without a generator: L = B d, d(t) = error(t) + kappa d(t+1), the error of the outputs
// broadcast through b (n, ld_out), W_out itself ("symmetric") or random numbers. learning (T, ld), error (T, ld_out)
void eprop_broadcast(real *restrict learning, const struct spiking *net, const real *restrict b,
                     const real *restrict error, int T, struct arena *scratch);

// The traces themselves, e_in (T, n_in) and e_rec (T, n) unpadded, and the update in the form of the paper.
void eprop_traces(real *e_in, real *e_rec, const struct spiking *net, const struct spiking_record *rec,
                  const struct events *input);
void eprop_gradient_ref(real *dw, const struct spiking *net, const struct spiking_record *rec,
                        const struct events *input, const real *learning);

#endif
