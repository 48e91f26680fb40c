#include "learn/eprop.h"

#include <stdlib.h>
#include <string.h>
#include <tgmath.h>

#include "base/err.h"
#include "kernel/noise.h"
#include "kernel/pursuit.h"

enum { CHUNK = 256 };

const char *const eprop_grid_names[] = { "exact", "nearest", "stochastic", "sparse", "pursuit", NULL };
const char *const eprop_signal_names[] = { "lsg", "symmetric", "random", NULL };

const struct param eprop_param_table[] = {
  PARAM_CHOICE(struct eprop_params, signal, EPROP_LSG, eprop_signal_names,
               "source of the learning signals: the generator network, or the output error broadcast through W_out "
               "(symmetric) or through random weights"),
  PARAM_I64(struct eprop_params, repeats, 1, 1, 100000,
            "number of updates, each after a pass; more than one with a broadcast error only"),
  PARAM_F64(struct eprop_params, rate, 1e-4, 0, 1e3, "inner learning rate"),
  PARAM_F64(struct eprop_params, input_rate, 1, 0, 1e6,
            "factor of rate, step and threshold for W_in; k for a trainee that was widened k times, since a change is "
            "shared among k weights of W_rec, but not of W_in"),
  PARAM_CHOICE(struct eprop_params, grid, EPROP_EXACT, eprop_grid_names,
               "how changes are rounded to multiples of the step; sparse: changes below the step stochastically, "
               "larger ones are kept exact; pursuit: in place of all changes the few that move the membranes as these "
               "would (orthogonal matching pursuit)"),
  PARAM_F64(struct eprop_params, step, 0.0625, 1e-9, 1e3, "step of the grid (update.grid)"),
  PARAM_F64(struct eprop_params, threshold, 0, 0, 1e3, "changes smaller than this are not made"),
  PARAM_F64(struct eprop_params, pursuit_gain, 0.1, 0, 1e9,
            "update.grid=pursuit: a further weight is changed if that lowers the squared difference of the membranes, "
            "summed over the steps, by more than this"),
  PARAM_F64(struct eprop_params, pursuit_ridge, 100, 1e-6, 1e9,
            "update.grid=pursuit: weight of the squared differences of the changes beside those of the membranes; "
            "changes that rest on few spikes are then less trusted"),
  PARAM_I64(struct eprop_params, lsg_passes, 1, 1, 1000,
            "passes of the generator over the target path; their learning signals are averaged, which reduces noise"),
  PARAM_F64(struct eprop_params, lsg_dither, 0.02, 0, 1,
            "noise on the membranes of the LSG in each step, relative to v_th, so that its passes differ"),
  { 0 },
};

void eprop_source(real *restrict source, const struct spiking *net, const struct spiking_record *rec,
                  const real *restrict learning) {
  for (int t = 0; t < rec->active.T; t++)
    for (int k = rec->active.first[t]; k < rec->active.first[t + 1]; k++)
      source[k] =
          lif_surrogate(&net->lif, rec->active.value[k])*learning[(size_t)t*(size_t)net->ld + rec->active.index[k]];
}

size_t eprop_scratch_bytes(const struct spiking *net) { return 3*((size_t)net->ld*sizeof(real) + 128); }

// filtered(t) = a(t) + gamma filtered(t+1)
static void back_source(real *restrict filtered, const struct spiking *net, struct events_step active,
                        const real *restrict source) {
  events_decay(filtered, net->gamma, net->ld);
  for (int k = 0; k < active.n; k++) filtered[active.index[k]] += source[k];
}

void eprop_gradient(real *restrict dw, const struct spiking *net, const struct spiking_record *rec,
                    const struct events *input, const real *restrict source, struct arena *scratch) {
  const size_t mark = arena_mark(scratch);
  real *filtered = arena_zeros(scratch, net->ld);
  for (int t = rec->active.T - 1; t >= 0; t--) {
    back_source(filtered, net, events_at(&rec->active, t), source + rec->active.first[t]);
    events_outer(dw, filtered, net->ld, events_at(input, t));
    events_outer(dw + spiking_recurrent(net), filtered, net->ld, events_at(&rec->spikes, t - 1));
  }
  spiking_clear_diagonal(net, dw);
  arena_reset(scratch, mark);
}

static inline __attribute__((always_inline)) real rounded(real change, enum eprop_grid grid, real step, real threshold,
                                                          real u) {
  const real size = change < 0 ? -change : change, steps = change/step;
  const real on_grid = step*(grid == EPROP_NEAREST ? rint(steps) : floor(steps + u));
  const bool exact = grid == EPROP_EXACT || grid == EPROP_PURSUIT || (grid == EPROP_SPARSE && size >= step);
  return size < threshold ? 0 : exact ? change : on_grid;
}

// One loop for each grid, so that none decides within it.
static inline __attribute__((always_inline)) void update(real *restrict changed, const real *restrict w,
                                                         const real *restrict dw, size_t n,
                                                         const struct eprop_params *p, enum eprop_grid grid,
                                                         struct rng *r) {
  const real rate = (real)p->rate, step = (real)p->step, threshold = (real)p->threshold;
  float u[CHUNK] = { 0 };
  for (size_t from = 0; from < n; from += CHUNK) {
    const size_t end = n < from + CHUNK ? n : from + CHUNK;
    if (grid == EPROP_STOCHASTIC || grid == EPROP_SPARSE) noise_uniform(u, end - from, r);
    for (size_t i = from; i < end; i++)
      changed[i] = w[i] + rounded(-rate*dw[i], grid, step, threshold, (real)u[i - from]);
  }
}

void eprop_update(real *restrict changed, const real *restrict w, const real *restrict dw, size_t n,
                  const struct eprop_params *p, struct rng *r) {
  switch ((enum eprop_grid)p->grid) {
  case EPROP_EXACT: update(changed, w, dw, n, p, EPROP_EXACT, r); break;
  case EPROP_NEAREST: update(changed, w, dw, n, p, EPROP_NEAREST, r); break;
  case EPROP_STOCHASTIC: update(changed, w, dw, n, p, EPROP_STOCHASTIC, r); break;
  case EPROP_SPARSE: update(changed, w, dw, n, p, EPROP_SPARSE, r); break;
  case EPROP_PURSUIT: update(changed, w, dw, n, p, EPROP_PURSUIT, r); break;
  }
}

// ---- few changes

struct pursuit_sizes { int m, ld; size_t traces, gram, products; };
static struct pursuit_sizes pursuit_sizes(const struct spiking *net, int T) {
  const int m = net->n_in + net->n, ld = events_padded(m);
  return (struct pursuit_sizes){ m, ld, (size_t)T*(size_t)ld, (size_t)m*(size_t)ld, (size_t)net->n*(size_t)ld };
}

size_t eprop_pursuit_bytes(const struct spiking *net, int T) {
  const struct pursuit_sizes s = pursuit_sizes(net, T);
  return (s.traces + s.gram + s.products + pursuit_scratch(s.m, s.ld) + (size_t)s.ld)*sizeof(real) +
         (size_t)s.m*sizeof(int) + 6*128;
}

// E1 of all inputs in one row a step. e (T, ld), zeroed
static void traces(real *restrict e, int ld, const struct spiking *net, const struct spiking_record *rec,
                   const struct events *input) {
  for (int t = 0; t < rec->spikes.T; t++, e += ld) {
    const struct events_step x = events_at(input, t), z = events_at(&rec->spikes, t - 1);
    for (int i = 0; i < ld && t; i++) e[i] = net->gamma*e[i - ld];
    for (int k = 0; k < x.n; k++) e[x.index[k]] += x.value[k];
    for (int k = 0; k < z.n; k++) e[net->n_in + z.index[k]] += z.value[k];
  }
}

void eprop_pursue(real *restrict changes, const struct spiking *net, const struct spiking_record *rec,
                  const struct events *input, const struct eprop_params *p, struct arena *scratch) {
  const size_t mark = arena_mark(scratch), w_ld = (size_t)net->ld;
  const int T = rec->spikes.T;
  const struct pursuit_sizes s = pursuit_sizes(net, T);
  real *e = memset(ARENA_NEW(scratch, s.traces, real), 0, s.traces*sizeof(real));
  real *gram = ARENA_NEW(scratch, s.gram, real), *products = ARENA_NEW(scratch, s.products, real);
  real *rows = ARENA_NEW(scratch, pursuit_scratch(s.m, s.ld), real), *q = ARENA_NEW(scratch, (size_t)s.m, real);
  int *atom = ARENA_NEW(scratch, (size_t)s.m, int);
  traces(e, s.ld, net, rec, input);
  pursuit_gram(gram, e, T, s.m, s.ld, p->pursuit_ridge);
  pursuit_products(products, changes, net->ld, net->n, gram, s.m, s.ld);
  memset(changes, 0, spiking_w_size(net)*sizeof *changes);
  for (int j = 0; j < net->n; j++) {
    const int n = pursuit_take(atom, q, products + (size_t)j*(size_t)s.ld, gram, s.m, s.ld, net->n_in + j,
                               p->pursuit_gain, rows);
    for (int k = 0; k < n; k++) changes[(size_t)atom[k]*w_ld + (size_t)j] = q[k];
  }
  arena_reset(scratch, mark);
}

// P(t) = gamma P(t-1) + s(t) g is sum_i g[i,:] e_i(t): what a = h L receives from the update.
static void back_to_source(real *restrict d_learning, real *restrict d_surrogate, const real *restrict g,
                           const struct spiking *net, const struct spiking_record *rec, const struct events *input,
                           const real *restrict learning, real *restrict P) {
  for (int t = 0; t < rec->active.T; t++) {
    const struct events_step active = events_at(&rec->active, t);
    const int k0 = rec->active.first[t];
    real *row = d_learning + (size_t)t*(size_t)net->ld;
    memset(row, 0, (size_t)net->ld*sizeof(real));
    events_integrate(P, net->gamma, g, net->ld, events_at(input, t));
    events_integrate(P, 1, g + spiking_recurrent(net), net->ld, events_at(&rec->spikes, t - 1));
    for (int k = 0; k < active.n; k++) {
      const int j = active.index[k];
      row[j] = lif_surrogate(&net->lif, active.value[k])*P[j];
      d_surrogate[k0 + k] += learning[k0 + k]*P[j];
    }
  }
}

void eprop_backward(real *restrict d_learning, real *restrict d_surrogate, real *restrict d_spike,
                    const real *restrict g, const struct spiking *net, const struct spiking_record *rec,
                    const struct events *input, const real *restrict learning, const real *restrict source,
                    struct arena *scratch) {
  const size_t mark = arena_mark(scratch);
  back_to_source(d_learning, d_surrogate, g, net, rec, input, learning, arena_zeros(scratch, net->ld));
  real *filtered = arena_zeros(scratch, net->ld), *dot = arena_zeros(scratch, net->ld);
  for (int t = rec->active.T - 1; t >= 0; t--) {  // dz(t) = g A(t+1)
    const struct events_step active = events_at(&rec->active, t);
    const int k0 = rec->active.first[t];
    events_dot(dot, g + spiking_recurrent(net), filtered, net->ld, active);
    for (int k = 0; k < active.n; k++) d_spike[k0 + k] += dot[k];
    back_source(filtered, net, active, source + k0);
  }
  arena_reset(scratch, mark);
}

void eprop_broadcast(real *restrict learning, const struct spiking *net, const real *restrict b,
                     const real *restrict error, int T, struct arena *scratch) {
  const size_t mark = arena_mark(scratch);
  real *d = arena_zeros(scratch, net->ld_out);
  for (int t = T - 1; t >= 0; t--) {
    real *row = learning + (size_t)t*(size_t)net->ld;
    memset(row, 0, (size_t)net->ld*sizeof(real));
    for (int k = 0; k < net->n_out; k++) d[k] = net->kappa*d[k] + error[(size_t)t*(size_t)net->ld_out + (size_t)k];
    for (int j = 0; j < net->n; j++)
      for (int k = 0; k < net->n_out; k++) row[j] += b[j*net->ld_out + k]*d[k];
  }
  arena_reset(scratch, mark);
}

void eprop_traces(real *e_in, real *e_rec, const struct spiking *net, const struct spiking_record *rec,
                  const struct events *input) {
  const int n_in = net->n_in, n = net->n;
  for (int t = 0; t < rec->spikes.T; t++) {
    for (int i = 0; i < n_in; i++) e_in[t*n_in + i] = t ? net->gamma*e_in[(t - 1)*n_in + i] : 0;
    for (int i = 0; i < n; i++) e_rec[t*n + i] = t ? net->gamma*e_rec[(t - 1)*n + i] : 0;
    const struct events_step x = events_at(input, t), z = events_at(&rec->spikes, t - 1);
    for (int k = 0; k < x.n; k++) e_in[t*n_in + x.index[k]] += x.value[k];
    for (int k = 0; k < z.n; k++) e_rec[t*n + z.index[k]] += z.value[k];
  }
}

void eprop_gradient_ref(real *dw, const struct spiking *net, const struct spiking_record *rec,
                        const struct events *input, const real *learning) {
  const int T = rec->spikes.T, n_in = net->n_in, n = net->n, ld = net->ld;
  real *e_in = err_calloc((size_t)(T*n_in), sizeof(real)), *e_rec = err_calloc((size_t)(T*n), sizeof(real));
  eprop_traces(e_in, e_rec, net, rec, input);
  for (int t = 0; t < T; t++) {
    for (int k = rec->active.first[t]; k < rec->active.first[t + 1]; k++) {
      const int j = rec->active.index[k];
      const real a = lif_surrogate(&net->lif, rec->active.value[k])*learning[t*ld + j];
      for (int i = 0; i < n_in; i++) dw[i*ld + j] += a*e_in[t*n_in + i];
      for (int i = 0; i < n; i++) dw[(n_in + i)*ld + j] += i == j ? 0 : a*e_rec[t*n + i];
    }
  }
  free(e_in);
  free(e_rec);
}
