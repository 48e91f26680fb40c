#include "model/spiking.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "kernel/noise.h"

#define SPIKING_TABLE(name, N, FRACTION, THRESHOLD, BETA)                                                            \
  const struct param name[] = {                                                                                      \
    PARAM_I64(struct spiking_params, neurons, N, 1, 32768, "neurons"),                                               \
    PARAM_F64(struct spiking_params, adaptive_fraction, FRACTION, 0, 1, "share of neurons with adaptive threshold"), \
    PARAM_F64(struct spiking_params, v_th, THRESHOLD, 1e-6, 1e6, "base threshold"),                                  \
    PARAM_F64(struct spiking_params, beta, BETA, 0, 1e6, "increase of the adaptive threshold per recent spike"),     \
    PARAM_F64(struct spiking_params, tau_membrane_ms, 20, 0.01, 1e6,                                                 \
              "time constant of the membrane and of the traces"),                                                    \
    PARAM_F64(struct spiking_params, tau_output_ms, 20, 0.01, 1e6, "time constant of the outputs"),                  \
    PARAM_F64(struct spiking_params, tau_adapt_ms, 600, 0.01, 1e6, "time constant of the adaptation"),               \
    PARAM_F64(struct spiking_params, damping, 0.3, 0, 10, "height of the surrogate derivative times v_th"),          \
    PARAM_I64(struct spiking_params, refractory_ms, 5, 0, 200, "refractory time"),                                   \
    { 0 },                                                                                                           \
  }
SPIKING_TABLE(spiking_trainee_param_table, 250, 0, 0.6, 0);
SPIKING_TABLE(spiking_lsg_param_table, 800, 0.3, 1.3, 1.6);

void spiking_init(struct spiking *net, const struct spiking_params *p, int n_in, int n_out) {
  const int n = (int)p->neurons;
  *net = (struct spiking){
    .n_in = n_in, .n = n, .n_out = n_out, .n_adaptive = (int)floor(p->adaptive_fraction*n + 1e-9),
    .ld = events_padded(n), .ld_out = events_padded(n_out),
    .gamma = (real)exp(-1/p->tau_membrane_ms), .kappa = (real)exp(-1/p->tau_output_ms),
    .rho = (real)exp(-1/p->tau_adapt_ms), .beta = (real)p->beta,
    .lif = { .v_th = (real)p->v_th, .damping = (real)p->damping, .refractory = (int)p->refractory_ms },
  };
  assert(n_in + n <= 65536);
}

void spiking_clear_diagonal(const struct spiking *net, real *w) {
  for (int i = 0; i < net->n; i++) w[(size_t)(net->n_in + i)*(size_t)net->ld + (size_t)i] = 0;
}

void spiking_start_spread(double spread[3], const struct spiking *net, double scale) {
  spread[0] = 1/sqrt(net->n_in);
  spread[1] = 1/sqrt(net->n);
  spread[2] = scale > 0 ? scale/sqrt(net->n) : sqrt(2.0/(net->n + net->n_out));
}

void spiking_start(const struct spiking *net, real *w, real *w_out, double scale, struct rng *r) {
  double spread[3];
  spiking_start_spread(spread, net, scale);
  memset(w, 0, spiking_w_size(net)*sizeof(real));
  memset(w_out, 0, spiking_w_out_size(net)*sizeof(real));
  for (int i = 0; i < net->n_in + net->n; i++)
    for (int j = 0; j < net->n; j++)
      w[(size_t)i*(size_t)net->ld + (size_t)j] = (real)(spread[i >= net->n_in]*rng_normal(r));
  for (int i = 0; i < net->n; i++)
    for (int j = 0; j < net->n_out; j++)  // the width of a uniform number is sqrt(12) times its spread
      w_out[i*net->ld_out + j] = (real)(spread[2]*(scale > 0 ? rng_normal(r) : sqrt(12)*(rng_uniform(r) - 0.5)));
  spiking_clear_diagonal(net, w);
}

void spiking_record_init(struct spiking_record *rec, struct arena *a, const struct spiking *net, int T) {
  events_init(&rec->spikes, a, T, T*net->n);
  events_init(&rec->active, a, T, T*net->n);
  rec->reset = ARENA_NEW(a, (size_t)T*(size_t)net->n, real);
}

size_t spiking_record_bytes(const struct spiking *net, int T) {
  return 2*events_bytes(T, T*net->n) + (size_t)T*(size_t)net->n*sizeof(real) + 128;
}

double spiking_rate(const struct spiking *net, const struct spiking_record *rec) {
  const int T = rec->spikes.T;
  return (double)rec->spikes.first[T]/((double)net->n*T);
}

void spiking_add_counts(double *counts, const struct spiking_record *rec) {
  for (int k = 0; k < rec->spikes.first[rec->spikes.T]; k++)
    counts[rec->spikes.index[k]] += (double)rec->spikes.value[k];
}

struct spiking_activity spiking_activity_of(const struct spiking *net, const double *counts, double steps) {
  const double highest = steps/(net->lif.refractory > 1 ? net->lif.refractory : 1);
  struct spiking_activity a = { 0 };
  for (int j = 0; j < net->n; j++) {
    a.silent += counts[j] == 0;
    a.saturated += counts[j] >= 0.8*highest;
  }
  return a;
}

// State of one pass, in the arena.
struct state {
  real *v, *o;             // membrane (ld), outputs (ld_out)
  real *b, *threshold;     // adaptation and A (ld)
  real *base;              // v_th (ld), the threshold of the smooth check
  real *x, *y;             // dense inputs and product of an array
  uint8_t *wait, *flag;    // (ld)
};

size_t spiking_scratch_bytes(const struct spiking *net) {
  const size_t ld = (size_t)net->ld, rows = (size_t)vector_padded(net->n_in + net->n);
  return (5*ld + (size_t)net->ld_out + rows)*sizeof(real) + 2*ld + 9*128;
}

static void start_state(struct state *s, const struct spiking *net, struct arena *a) {
  const int ld = net->ld, rows = vector_padded(net->n_in + net->n);
  s->v = arena_zeros(a, ld);
  s->o = arena_zeros(a, net->ld_out);
  s->b = arena_zeros(a, ld);
  s->threshold = arena_zeros(a, ld);
  s->base = arena_zeros(a, ld);
  s->x = arena_zeros(a, rows);
  s->y = arena_zeros(a, ld);
  s->wait = memset(ARENA_NEW(a, (size_t)ld, uint8_t), 0, (size_t)ld);
  s->flag = memset(ARENA_NEW(a, (size_t)ld, uint8_t), 0, (size_t)ld);
  for (int i = 0; i < ld; i++) s->threshold[i] = s->base[i] = net->lif.v_th;
}

// b' = rho b + z, A = v_th + beta b'
static void adapt(struct state *s, const struct spiking *net, struct events_step z) {
  const int from = net->n - net->n_adaptive;
  if (net->n_adaptive == 0) return;
  for (int i = from; i < net->n; i++) s->b[i] *= net->rho;
  for (int k = 0; k < z.n; k++)
    if (z.index[k] >= from) s->b[z.index[k]] += z.value[k];
  for (int i = from; i < net->n; i++) s->threshold[i] = net->lif.v_th + net->beta*s->b[i];
}

// v = gamma v + x W_in + z W_rec where an array computes the product
static void drive_array(struct state *s, const struct spiking *net, const struct spiking_source *source,
                        struct events_step x, struct events_step z) {
  events_decay(s->v, net->gamma, net->ld);
  if (x.n + z.n == 0) return;
  for (int k = 0; k < x.n; k++) s->x[x.index[k]] = x.value[k];
  for (int k = 0; k < z.n; k++) s->x[net->n_in + z.index[k]] = z.value[k];
  const struct conv shape = conv_shape(1, 1, 1, net->n_in + net->n, net->n, 1, 1, 0);
  source->array->ops->product(source->array, s->y, s->x, &shape, source->r);
  for (int j = 0; j < net->n; j++) s->v[j] += s->y[j];
  for (int k = 0; k < x.n; k++) s->x[x.index[k]] = 0;
  for (int k = 0; k < z.n; k++) s->x[net->n_in + z.index[k]] = 0;
}

// v += N(0, sigma^2)
static void add_noise(real *v, int n, double sigma, struct rng *r) {
  enum { CHUNK = 256 };
  float z[CHUNK];
  for (int from = 0; from < n; from += CHUNK) {
    const int m = n - from < CHUNK ? n - from : CHUNK;
    noise_normal(z, (size_t)m, r);
    for (int j = 0; j < m; j++) v[from + j] += (real)(sigma*(double)z[j]);
  }
}

static void add_drive(real *restrict v, real gamma, const real *restrict drive, int ld) {
  for (int j = 0; j < ld; j++) v[j] = gamma*v[j] + drive[j];
}

// v = gamma v + x W_in + z W_rec, the one place where the product is taken
static void drive(struct state *s, const struct spiking *net, const struct spiking_source *source, struct events_step x,
                  struct events_step z, int t) {
  if (source->array) {
    drive_array(s, net, source, x, z);
  } else {
    if (source->drive) add_drive(s->v, net->gamma, source->drive + (size_t)t*(size_t)net->ld, net->ld);
    else events_integrate(s->v, net->gamma, source->w, net->ld, x);
    if (z.n) events_integrate(s->v, 1, source->w + spiking_recurrent(net), net->ld, z);
  }
  if (source->read_noise > 0) {
    double power = 0;
    for (int k = 0; k < x.n; k++) power += (double)x.value[k]*(double)x.value[k];
    for (int k = 0; k < z.n; k++) power += (double)z.value[k]*(double)z.value[k];
    if (power > 0) add_noise(s->v, net->n, source->read_noise*sqrt(power), source->r);
  }
  if (source->dither > 0) noise_dither(s->v, (size_t)net->n, source->dither, source->r);
}

// A of the next step for the neurons whose spike would have mattered
static void note_reset(struct spiking_record *rec, const struct state *s, const struct spiking *net, int t) {
  const int from = net->n - net->n_adaptive;
  for (int k = rec->active.first[t]; k < rec->active.first[t + 1]; k++) {
    const int i = rec->active.index[k];
    const real z = lif_spike(&net->lif, rec->active.value[k]);
    rec->reset[k] = net->lif.v_th + (i >= from ? net->beta*(net->rho*s->b[i] + z) : 0);
  }
}

void spiking_drive(real *drive, const struct spiking *net, const real *w, const struct events *input) {
  for (int t = 0; t < input->T; t++)
    events_integrate(drive + (size_t)t*(size_t)net->ld, 1, w, net->ld, events_at(input, t));
}

void spiking_forward(struct spiking_record *rec, real *output, const struct spiking *net,
                     const struct spiking_source *source, const real *w_out, const struct events *input,
                     struct arena *scratch) {
  const size_t mark = arena_mark(scratch);
  struct state s;
  start_state(&s, net, scratch);
  events_start(&rec->spikes);
  events_start(&rec->active);
  for (int t = 0; t < rec->spikes.T; t++) {
    const struct events_step z = events_at(&rec->spikes, t - 1);
    adapt(&s, net, z);
    drive(&s, net, source, events_at(input, t), z, t);
    for (int k = 0; k < z.n; k++) s.v[z.index[k]] -= z.value[k]*s.threshold[z.index[k]];
    lif_fire(&rec->spikes, rec->reset ? &rec->active : NULL, t, s.v, net->lif.smooth ? s.base : s.threshold, s.wait,
             s.flag, net->ld, &net->lif);
    if (rec->reset) note_reset(rec, &s, net, t);
    if (!output) continue;
    events_integrate(s.o, net->kappa, w_out, net->ld_out, events_at(&rec->spikes, t));
    memcpy(output + (size_t)t*(size_t)net->ld_out, s.o, (size_t)net->ld_out*sizeof(real));
  }
  arena_reset(scratch, mark);
}

void spiking_forward_ref(real *z, real *h, real *v, real *output, const struct spiking *net, const real *w_in,
                         const real *w_rec, const real *w_out, const real *x, int T) {
  const int n = net->n, n_out = net->n_out;
  real *b = err_calloc((size_t)n, sizeof(real)), *A = err_calloc((size_t)n, sizeof(real)),
       *r = err_calloc((size_t)n, sizeof(real));
  real *rest = err_calloc((size_t)(n + n_out), sizeof(real));
  for (int t = 0; t < T; t++) {
    const real *zp = t ? z + (t - 1)*n : rest, *vp = t ? v + (t - 1)*n : rest, *op = t ? output + (t - 1)*n_out : rest;
    for (int j = 0; j < n; j++) {
      b[j] = net->rho*b[j] + zp[j];
      A[j] = net->lif.v_th + (j >= n - net->n_adaptive ? net->beta*b[j] : 0);
      real in = net->gamma*vp[j] - zp[j]*A[j];
      for (int i = 0; i < net->n_in; i++) in += x[t*net->n_in + i]*w_in[i*n + j];
      for (int i = 0; i < n; i++) in += i == j ? 0 : zp[i]*w_rec[i*n + j];
      v[t*n + j] = in;
    }
    if (net->lif.smooth)
      for (int j = 0; j < n; j++) A[j] = net->lif.v_th;
    lif_fire_ref(z + t*n, h + t*n, v + t*n, A, r, n, &net->lif);
    for (int k = 0; k < n_out; k++) {
      output[t*n_out + k] = net->kappa*op[k];
      for (int i = 0; i < n; i++) output[t*n_out + k] += z[t*n + i]*w_out[i*n_out + k];
    }
  }
  free(b);
  free(A);
  free(r);
  free(rest);
}
