#include "learn/oneshot.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "device/pcm.h"
#include "kernel/noise.h"

enum { CHUNK = 256 };

static const char *const presets[] = { "none", [1 + PCM_JOSHI2020] = "joshi2020", [1 + PCM_HERMES] = "hermes", NULL };
static const char *const chips[] = { "movement", "episode", NULL };
static const char *const scales[] = { "matrix", "column", NULL };

const struct param oneshot_noise_param_table[] = {
  PARAM_CHOICE(struct oneshot_noise, preset, 0, presets,
               "device model that gives the programming error of each weight"),
  PARAM_CHOICE(struct oneshot_noise, scale, 0, scales,
               "largest weight that errors are relative to: that of the matrix or of its column (chip.scale)"),
  PARAM_F64(struct oneshot_noise, programming, 0, 0, 10,
            "error of a written weight, relative to the largest weight; with noise.preset, a multiple of the error of "
            "that model"),
  PARAM_F64(struct oneshot_noise, read, 0, 0, 1,
            "error of a product, relative to the largest weight, per square root of the number of its input spikes"),
  PARAM_F64(struct oneshot_noise, drift, 0, 0, 1, "relative spread of the weights between the two passes"),
  PARAM_CHOICE(struct oneshot_noise, chips, ONESHOT_OF_MOVEMENT, chips,
               "movement: each has a chip of its own; episode: in training, the train.group movements of an episode "
               "share one chip and the first pass on it, which halves the work"),
  { 0 },
};

// Two devices for each sign, as chips have by default with these presets.
static void set_sigmas(struct oneshot *o) {
  struct pcm p;
  if (o->noise.preset > 0) pcm_preset(&p, (int)o->noise.preset - 1);
  for (int k = 0; k <= ONESHOT_SIGMAS; k++)
    o->sigma[k] = (real)(o->noise.programming*
                         (o->noise.preset > 0 ? pcm_weight_sigma(&p, 2/p.devices, (double)k/ONESHOT_SIGMAS) : 1));
  o->sigma[ONESHOT_SIGMAS + 1] = o->sigma[ONESHOT_SIGMAS];
}

void oneshot_layout(struct oneshot *o) {
  set_sigmas(o);
  assert(o->lsg.n_out == o->trainee.n);
  o->lsg_w = 0;
  o->lsg_w_out = o->lsg_w + spiking_w_size(&o->lsg);
  o->trainee_w = o->lsg_w_out + spiking_w_out_size(&o->lsg);
  o->trainee_w_out = o->trainee_w + spiking_w_size(&o->trainee);
  o->n = o->trainee_w_out + spiking_w_out_size(&o->trainee);
  const size_t matrix[] = { o->lsg_w, o->lsg_w + spiking_recurrent(&o->lsg), o->lsg_w_out,
                            o->trainee_w, o->trainee_w + spiking_recurrent(&o->trainee), o->trainee_w_out, o->n };
  memcpy(o->matrix, matrix, sizeof matrix);
}

static size_t active_size(const struct oneshot *o) { return (size_t)o->T*(size_t)o->trainee.n; }
static size_t output_size(const struct oneshot *o) { return (size_t)o->T*(size_t)o->trainee.ld_out; }
static size_t signal_size(const struct oneshot *o) { return (size_t)o->T*(size_t)o->trainee.ld; }

void oneshot_first_init(struct oneshot_first *f, struct arena *a, const struct oneshot *o) {
  *f = (struct oneshot_first){ 0 };
  spiking_record_init(&f->rec, a, &o->trainee, o->T);
  f->output = ARENA_NEW(a, output_size(o), real);
  f->d_surrogate = ARENA_NEW(a, active_size(o), real);
  f->d_spike = ARENA_NEW(a, active_size(o), real);
  if (oneshot_noisy(o)) f->own = ARENA_NEW(a, spiking_w_size(&o->trainee), real);
}

size_t oneshot_first_bytes(const struct oneshot *o) {
  return spiking_record_bytes(&o->trainee, o->T) +
         (output_size(o) + 2*active_size(o) + spiking_w_size(&o->trainee))*sizeof(real) + 4*128;
}

void oneshot_item_init(struct oneshot_item *it, struct arena *a, const struct oneshot *o, int capacity) {
  *it = (struct oneshot_item){ 0 };
  events_init(&it->input, a, o->T, capacity);
  it->target = ARENA_NEW(a, output_size(o), real);
  spiking_record_init(&it->lsg, a, &o->lsg, o->T);
  spiking_record_init(&it->second, a, &o->trainee, o->T);
  it->output = ARENA_NEW(a, output_size(o), real);
  it->learning = ARENA_NEW(a, active_size(o), real);
  it->source = ARENA_NEW(a, active_size(o), real);
  it->changed = ARENA_NEW(a, spiking_w_size(&o->trainee), real);
}

size_t oneshot_item_bytes(const struct oneshot *o, int capacity) {
  return events_bytes(o->T, capacity) + spiking_record_bytes(&o->lsg, o->T) + spiking_record_bytes(&o->trainee, o->T) +
         (2*output_size(o) + 2*active_size(o) + spiking_w_size(&o->trainee))*sizeof(real) + 5*128;
}

size_t oneshot_scratch_bytes(const struct oneshot *o) {
  const size_t drive = o->update.lsg_passes > 1 ? (size_t)o->T*(size_t)o->lsg.ld : 0;
  return (3*signal_size(o) + drive + 4*spiking_w_size(&o->trainee) + output_size(o) +
          spiking_w_out_size(&o->trainee) + 2*(size_t)o->trainee.ld)*
             sizeof(real) +
         spiking_scratch_bytes(&o->lsg) + bptt_scratch_bytes(&o->lsg) + spiking_scratch_bytes(&o->trainee) +
         bptt_scratch_bytes(&o->trainee) + eprop_scratch_bytes(&o->trainee) +
         (o->update.grid == EPROP_PURSUIT ? eprop_pursuit_bytes(&o->trainee, o->T) : 0) + 12*128;
}

// ---- noise

// Largest |w| of every column, or of all. top (ld) of the trainee; returns their mean.
static double largest_weights(real *top, const struct oneshot *o, const real *w) {
  const struct spiking *net = &o->trainee;
  double most = 0, sum = 0;
  memset(top, 0, (size_t)net->ld*sizeof *top);
  for (int i = 0; i < net->n_in + net->n; i++)
    for (int j = 0; j < net->n; j++) {
      const real a = w[(size_t)i*(size_t)net->ld + (size_t)j];
      top[j] = a > top[j] ? a : -a > top[j] ? -a : top[j];
    }
  for (int j = 0; j < net->n; j++) most = fmax(most, (double)top[j]);
  for (int j = 0; j < net->n && !o->noise.scale; j++) top[j] = (real)most;
  for (int j = 0; j < net->n; j++) sum += (double)top[j];
  return sum/net->n;
}

// written (n) = target and an error of the standard deviation sigma(|target|/top) top, sigma between its points by
// straight lines.
static void add_errors(real *restrict written, const real *restrict target, const real *restrict top,
                       const real *restrict scale, const float *restrict z, const real *restrict sigma, int n) {
  for (int j = 0; j < n; j++) {
    const real size = target[j] < 0 ? -target[j] : target[j], x = size*scale[j], at = (x < 1 ? x : 1)*ONESHOT_SIGMAS;
    const int k = (int)at;
    written[j] = target[j] + top[j]*(sigma[k] + (at - (real)k)*(sigma[k + 1] - sigma[k]))*(real)z[j];
  }
}

// Write w (n) where it differs from before, or everywhere if before is NULL: the error that was there goes with the old
// state of the device, so the new weight is its target, `meant` plus the change, with an error of its own. scale is
// 1/top.
static void write_row(real *restrict w, const real *restrict before, const real *restrict meant, int n,
                      const struct oneshot *o, const real *restrict top, const real *restrict scale, struct rng *r) {
  real target[CHUNK], written[CHUNK];
  float z[CHUNK];
  for (int from = 0; from < n; from += CHUNK) {
    const int m = n - from < CHUNK ? n - from : CHUNK;
    noise_normal(z, (size_t)m, r);
    memcpy(target, meant + from, (size_t)m*sizeof(real));
    for (int j = 0; j < m && before; j++) target[j] += w[from + j] - before[from + j];
    add_errors(written, target, top + from, scale + from, z, o->sigma, m);
    for (int j = 0; j < m; j++) w[from + j] = before && w[from + j] == before[from + j] ? w[from + j] : written[j];
  }
}

// Programming errors of the matrix, or of the weights that differ from before.
static void program(real *w, const real *before, const struct oneshot *o, const real *parameters, struct rng *r,
                    struct arena *scratch) {
  const struct spiking *net = &o->trainee;
  const real *meant = parameters + o->trainee_w;
  if (o->noise.programming <= 0) return;
  const size_t mark = arena_mark(scratch);
  real *top = ARENA_NEW(scratch, (size_t)net->ld, real), *scale = ARENA_NEW(scratch, (size_t)net->ld, real);
  largest_weights(top, o, meant);
  for (int j = 0; j < net->n; j++) scale[j] = top[j] > 0 ? 1/top[j] : 0;
  for (int i = 0; i < net->n_in + net->n; i++) {
    const size_t k = (size_t)i*(size_t)net->ld;
    write_row(w + k, before ? before + k : NULL, meant + k, net->n, o, top, scale, r);
  }
  spiking_clear_diagonal(net, w);
  arena_reset(scratch, mark);
}

static void drift(real *w, const struct oneshot *o, struct rng *r) {
  const size_t n = spiking_w_size(&o->trainee);
  float z[CHUNK];
  if (o->noise.drift <= 0) return;
  for (size_t k = 0; k < n; k += CHUNK) {
    noise_normal(z, CHUNK, r);
    for (size_t i = k; i < n && i < k + CHUNK; i++) w[i] *= (real)(1 + o->noise.drift*(double)z[i - k]);
  }
}

static struct spiking_source trainee_source(const struct oneshot *o, const real *w, struct synapse *array,
                                            struct rng *r, const real *parameters, struct arena *scratch) {
  struct spiking_source s = { .w = w, .array = array, .r = r };
  const size_t mark = arena_mark(scratch);
  real *top = ARENA_NEW(scratch, (size_t)o->trainee.ld, real);
  if (o->noise.read > 0) s.read_noise = o->noise.read*largest_weights(top, o, parameters + o->trainee_w);
  arena_reset(scratch, mark);
  return s;
}

// ---- forward

void oneshot_first_forward(struct oneshot_first *f, const struct oneshot *o, const real *parameters,
                           const struct events *clock, struct synapse *array, struct rng *r, struct arena *scratch) {
  const real *w = parameters + o->trainee_w;
  const size_t n = spiking_w_size(&o->trainee);
  if (f->own) {
    memcpy(f->own, w, n*sizeof(real));
    program(f->own, NULL, o, parameters, r, scratch);
  }
  f->w = f->own ? f->own : parameters + o->trainee_w;
  const struct spiking_source source = trainee_source(o, f->w, array, r, parameters, scratch);
  spiking_forward(&f->rec, f->output, &o->trainee, &source, parameters + o->trainee_w_out, clock, scratch);
  const size_t n_active = (size_t)f->rec.active.first[o->T];
  memset(f->d_surrogate, 0, n_active*sizeof(real));
  memset(f->d_spike, 0, n_active*sizeof(real));
}

// E3. The spikes of the generator depend on the smallest details of the path. Passes that differ in these alone share
// the signal and not its noise, whose variance falls as their number.
void oneshot_signal(real *learning, struct oneshot_item *it, const struct oneshot *o, const real *parameters,
                    struct arena *scratch) {
  const int passes = o->update.lsg_passes > 1 ? (int)o->update.lsg_passes : 1;
  struct spiking_source source = { .w = parameters + o->lsg_w };
  if (passes == 1) {
    spiking_forward(&it->lsg, learning, &o->lsg, &source, parameters + o->lsg_w_out, &it->input, scratch);
    return;
  }
  const size_t mark = arena_mark(scratch), n = signal_size(o);
  real *drive = arena_zeros(scratch, o->T*o->lsg.ld), *one = ARENA_NEW(scratch, n, real);
  spiking_drive(drive, &o->lsg, source.w, &it->input);
  source.drive = drive;
  source.r = it->r;
  source.dither = o->update.lsg_dither*(double)o->lsg.lif.v_th;
  struct spiking_record spikes = it->lsg;
  spikes.reset = NULL;
  memset(learning, 0, n*sizeof *learning);
  for (int k = 0; k < passes; k++) {
    spiking_forward(&spikes, one, &o->lsg, &source, parameters + o->lsg_w_out, &it->input, scratch);
    for (size_t i = 0; i < n; i++) learning[i] += one[i]/(real)passes;
  }
  arena_reset(scratch, mark);
}

// L from the error of the outputs of a pass
static void broadcast(real *learning, const struct oneshot_item *it, const struct oneshot *o, const real *parameters,
                      const real *output, struct arena *scratch) {
  const struct spiking *net = &o->trainee;
  const real *b = parameters + o->trainee_w_out;
  real *error = ARENA_NEW(scratch, output_size(o), real);
  for (size_t k = 0; k < output_size(o); k++) error[k] = output[k] - it->target[k];
  if (o->update.signal == EPROP_RANDOM) {  // a fixed matrix of the size of W_out
    real *random = ARENA_NEW(scratch, spiking_w_out_size(net), real);
    struct rng r = rng_stream(0, RNG_INIT, 1u << 31);
    const double scale = sqrt(1/((double)net->n))*(1 - (double)net->kappa);
    for (size_t k = 0; k < spiking_w_out_size(net); k++) random[k] = (real)(scale*rng_normal(&r));
    b = random;
  }
  eprop_broadcast(learning, net, b, error, o->T, scratch);
}

// The rule of W_in: a grid that follows its rate.
static struct eprop_params input_rule(const struct eprop_params *p) {
  struct eprop_params in = *p;
  in.rate *= p->input_rate;
  if (p->input_rate > 0) {
    in.step *= p->input_rate;
    in.threshold *= p->input_rate;
  }
  return in;
}

// E2 and E4 of both parts of a matrix, whose rates may differ: the changes (trainee w).
static void change(real *restrict changes, const real *restrict dw, const struct oneshot *o, struct rng *r,
                   struct arena *scratch) {
  const size_t mark = arena_mark(scratch), n_in = spiking_recurrent(&o->trainee), n = spiking_w_size(&o->trainee);
  const struct eprop_params in = input_rule(&o->update);
  const real *zero = memset(ARENA_NEW(scratch, n, real), 0, n*sizeof(real));
  eprop_update(changes, zero, dw, n_in, &in, r);
  eprop_update(changes + n_in, zero + n_in, dw + n_in, n - n_in, &o->update, r);
  arena_reset(scratch, mark);
}

// E5. Which changes may stand for all depends on the spikes of the performance: those of a pass in software with all
// changes of the weights as they are meant.
static void pursue(real *restrict changes, struct oneshot_item *it, const struct oneshot *o, const real *parameters,
                   const struct events *clock, const real *meant, struct arena *scratch) {
  const struct spiking_source source = { .w = it->changed };
  for (size_t k = 0; k < spiking_w_size(&o->trainee); k++) it->changed[k] = meant[k] + changes[k];
  spiking_forward(&it->second, it->output, &o->trainee, &source, parameters + o->trainee_w_out, clock, scratch);
  eprop_pursue(changes, &o->trainee, &it->second, clock, &o->update, scratch);
}

static long count_changes(const real *restrict a, const real *restrict b, size_t n) {
  long sum = 0;
  for (size_t from = 0; from < n; from += CHUNK) {
    int changed = 0;
    for (size_t k = from; k < n && k < from + CHUNK; k++) changed += a[k] != b[k];
    sum += changed;
  }
  return sum;
}

// The update after the pass (rec, output) that ran with the weights w; the result is it->changed or on the array.
static void learn(struct oneshot_item *it, const struct oneshot *o, const real *parameters, const struct events *clock,
                  const struct spiking_record *rec, const real *output, const real *w, struct synapse *array,
                  struct arena *scratch) {
  const size_t mark = arena_mark(scratch), n = spiking_w_size(&o->trainee), ld = (size_t)o->trainee.ld;
  real *learning = ARENA_NEW(scratch, signal_size(o), real), *dw = ARENA_NEW(scratch, n, real);
  real *changes = ARENA_NEW(scratch, n, real), *held = ARENA_NEW(scratch, n, real);
  if (o->update.signal == EPROP_LSG) oneshot_signal(learning, it, o, parameters, scratch);
  else broadcast(learning, it, o, parameters, output, scratch);
  for (int t = 0; t < o->T; t++)
    for (int k = rec->active.first[t]; k < rec->active.first[t + 1]; k++)
      it->learning[k] = learning[(size_t)t*ld + rec->active.index[k]];
  eprop_source(it->source, &o->trainee, rec, learning);
  memset(dw, 0, n*sizeof(real));
  eprop_gradient(dw, &o->trainee, rec, clock, it->source, scratch);
  change(changes, dw, o, it->r, scratch);
  if (array) array->ops->weights(array, held);
  if (o->update.grid == EPROP_PURSUIT)
    pursue(changes, it, o, parameters, clock, array ? held : parameters + o->trainee_w, scratch);
  if (array) {  // it adds the changes to what it holds
    it->n_written += array->ops->update(array, changes, it->r);
    array->ops->weights(array, it->changed);
    w = held;
  } else {
    for (size_t k = 0; k < n; k++) it->changed[k] = w[k] + changes[k];
  }
  const size_t n_in = spiking_recurrent(&o->trainee);
  it->n_changed[0] = count_changes(it->changed, w, n_in);
  it->n_changed[1] = count_changes(it->changed + n_in, w + n_in, n - n_in);
  arena_reset(scratch, mark);
}

// A new programming error for the weights that the update changed, and drift since all were written.
static void age(struct oneshot_item *it, const struct oneshot *o, const real *parameters, const real *w,
                struct arena *scratch) {
  program(it->changed, w, o, parameters, it->r, scratch);
  drift(it->changed, o, it->r);
}

void oneshot_learn(struct oneshot_item *it, const struct oneshot *o, const real *parameters, const struct events *clock,
                   struct synapse *array, struct arena *scratch) {
  it->n_written = 0;
  learn(it, o, parameters, clock, &it->first->rec, it->first->output, it->first->w, array, scratch);
  if (!array) age(it, o, parameters, it->first->w, scratch);
}

void oneshot_perform(struct oneshot_item *it, const struct oneshot *o, const real *parameters,
                     const struct events *clock, struct synapse *array, struct arena *scratch) {
  const size_t mark = arena_mark(scratch), n = spiking_w_size(&o->trainee);
  const struct spiking_source source = trainee_source(o, it->changed, array, it->r, parameters, scratch);
  real *w = o->update.repeats > 1 ? ARENA_NEW(scratch, n, real) : NULL;
  spiking_forward(&it->second, it->output, &o->trainee, &source, parameters + o->trainee_w_out, clock, scratch);
  for (int k = 1; k < (int)o->update.repeats; k++) {  // the last pass is the first of the next update
    memcpy(w, it->changed, n*sizeof(real));
    learn(it, o, parameters, clock, &it->second, it->output, w, array, scratch);
    if (!array) age(it, o, parameters, w, scratch);
    spiking_forward(&it->second, it->output, &o->trainee, &source, parameters + o->trainee_w_out, clock, scratch);
  }
  arena_reset(scratch, mark);
}

// ---- backward

// The rule of weight k of the trainee's matrix.
static struct eprop_params rule_of(const struct oneshot *o, size_t k) {
  return k < spiking_recurrent(&o->trainee) ? input_rule(&o->update) : o->update;
}

// g += d penalty/d(change); returns the penalty (price). Smooth in the size of a change, not counting rounded ones.
static double price_changes(real *restrict g, const struct oneshot_item *it, const struct oneshot *o,
                            const struct events *clock, double weight, struct arena *scratch) {
  const size_t mark = arena_mark(scratch), n = spiking_w_size(&o->trainee), ld = (size_t)o->trainee.ld;
  const real per_weight = (real)(weight/((double)(o->trainee.n_in + o->trainee.n)*o->trainee.n));
  real *restrict dw = memset(ARENA_NEW(scratch, n, real), 0, n*sizeof(real));
  real *restrict column = ARENA_NEW(scratch, ld, real);
  eprop_gradient(dw, &o->trainee, &it->first->rec, clock, it->source, scratch);
  memset(column, 0, ld*sizeof *column);
  for (size_t k = 0; k < n; k += ld) {
    const struct eprop_params p = rule_of(o, k);
    const real rate = (real)p.rate, step = (real)p.step;
    for (size_t j = 0; j < ld; j++) {
      const real change = -rate*dw[k + j], size = change < 0 ? -change : change,
                 slope = per_weight*step/((size + step)*(size + step));
      column[j] += size/(size + step);
      g[k + j] += change > 0 ? slope : change < 0 ? -slope : 0;
    }
  }
  double price = 0;
  for (size_t j = 0; j < ld; j++) price += (double)column[j];
  arena_reset(scratch, mark);
  return (double)per_weight*price;
}

static void add(real *restrict y, const real *restrict x, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

void oneshot_backward(real *gradient, struct oneshot_item *it, const struct oneshot *o, const real *parameters,
                      const struct events *clock, const real *d_output, const real *d_rate_trainee,
                      const real *d_rate_lsg, double share, struct arena *scratch) {
  assert(o->update.repeats == 1 && o->update.lsg_passes <= 1);
  const size_t mark = arena_mark(scratch), n = spiking_w_size(&o->trainee), ld = (size_t)o->trainee.ld;
  struct oneshot_first *f = it->first;
  real *g = memset(ARENA_NEW(scratch, n, real), 0, n*sizeof(real));  // dL/d(updated weights)
  const struct bptt_loss second = { .d_output = d_output, .d_rate = d_rate_trainee };
  bptt_backward(g, gradient + o->trainee_w_out, &o->trainee, it->changed, parameters + o->trainee_w_out, &it->second,
                clock, &second, scratch);
  spiking_clear_diagonal(&o->trainee, g);
  add(gradient + o->trainee_w, g, n);
  it->price = o->sparsity > 0 ? price_changes(g, it, o, clock, share*o->sparsity, scratch) : 0;
  for (size_t k = 0; k < n; k += ld) {
    const real rate = -(real)rule_of(o, k).rate;
    for (size_t j = 0; j < ld; j++) g[k + j] *= rate;
  }
  real *d_learning = ARENA_NEW(scratch, signal_size(o), real);
  eprop_backward(d_learning, f->d_surrogate, f->d_spike, g, &o->trainee, &f->rec, clock, it->learning, it->source,
                 scratch);
  if (o->update.signal == EPROP_LSG) {  // a broadcast error is taken as given
    const struct bptt_loss lsg = { .d_output = d_learning, .d_rate = d_rate_lsg };
    bptt_backward(gradient + o->lsg_w, gradient + o->lsg_w_out, &o->lsg, parameters + o->lsg_w,
                  parameters + o->lsg_w_out, &it->lsg, &it->input, &lsg, scratch);
  }
  arena_reset(scratch, mark);
}

void oneshot_first_backward(real *gradient, struct oneshot_first *f, const struct oneshot *o, const real *parameters,
                            const struct events *clock, const real *d_rate, struct arena *scratch) {
  const struct bptt_loss loss = { .d_rate = d_rate, .d_spike = f->d_spike, .d_surrogate = f->d_surrogate };
  bptt_backward(gradient + o->trainee_w, gradient + o->trainee_w_out, &o->trainee, f->w, parameters + o->trainee_w_out,
                &f->rec, clock, &loss, scratch);
}

void oneshot_finish(real *gradient, const struct oneshot *o) {
  spiking_clear_diagonal(&o->lsg, gradient + o->lsg_w);
  spiking_clear_diagonal(&o->trainee, gradient + o->trainee_w);
}
