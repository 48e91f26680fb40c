#include "device/core.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "device/converter.h"
#include "kernel/conv.h"
#include "kernel/dot16.h"
#include "kernel/events.h"
#include "kernel/noise.h"

// Signs of n values, or-ed; those that are not 0 are added to *driven.
static int signs_of(const real *x, size_t n, int *driven) {
  real low = 0, high = 0;
  int sent = 0;
  for (size_t i = 0; i < n; i++) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
    sent += x[i] != 0;
  }
  *driven += sent;
  return (high > 0 ? CORE_POSITIVE : 0) | (low < 0 ? CORE_NEGATIVE : 0);
}

int core_signs(const real *x, size_t n) {
  int driven = 0;
  return signs_of(x, n, &driven);
}

// Phases of one product under inputs of these signs.
static int phases_of(const struct tile_design *d, int signs) {
  if (d->one_phase) return signs != 0;
  return 2 * ((signs & CORE_POSITIVE) != 0) + 2 * ((signs & CORE_NEGATIVE) != 0);
}

void core_look(struct core_inputs *in, const struct tile_design *d, const real *level, int rows, int B) {
  const int ip = vector_padded(rows);
  assert(B <= CORE_BLOCK);
  in->signs = in->phases = in->driven = in->clipped = 0;
  for (int b = 0; b < B; b++) {
    const int signs = signs_of(level + (size_t)b * (size_t)ip, (size_t)ip, &in->driven);
    in->of[b] = (uint8_t)signs;
    in->signs |= signs;
    in->phases += phases_of(d, signs);
  }
}

void core_work_init(struct core_work *w, int rows, int columns) {
  const size_t row = (size_t)vector_padded(rows), in = CORE_BLOCK * row,
               out = CORE_BLOCK * (size_t)vector_padded(columns);
  arena_init(&w->arena, (3*in + 3*out + 2*row) * sizeof(real) + (in + row) * sizeof(int16_t) + 2*out * sizeof(float) +
                            12*256);
  w->level = ARENA_NEW(&w->arena, in, real);
  w->part = ARENA_NEW(&w->arena, in, real);
  w->square = ARENA_NEW(&w->arena, in, real);
  w->square_steps = ARENA_NEW(&w->arena, in, int16_t);
  w->index = ARENA_NEW(&w->arena, row, uint16_t);
  w->few = ARENA_NEW(&w->arena, row, real);
  w->few_square = ARENA_NEW(&w->arena, row, real);
  w->charge = ARENA_NEW(&w->arena, out, real);
  w->variance = ARENA_NEW(&w->arena, out, real);
  w->sum = ARENA_NEW(&w->arena, out, real);
  w->z = ARENA_NEW(&w->arena, out, float);
  w->white = ARENA_NEW(&w->arena, out, float);
}

void core_work_release(struct core_work *w) { arena_release(&w->arena); }

// y (B, ld) = x (B, padded rows) m (rows, ld); few: the values of the inputs of x that w lists, if it does
static void multiply(real *y, const real *x, const real *few, const struct core_work *w, const real *m,
                     const struct tile *t, int B) {
  if (w->n_few >= 0) {
    memset(y, 0, (size_t)t->ld * sizeof *y);
    events_integrate(y, 1, m, t->ld, (struct events_step){ w->n_few, w->index, few });
    return;
  }
  const struct conv c = conv_shape(B, 1, 1, t->rows, t->columns, 1, 1, 0);
  conv_forward(y, x, m, &c);
}

// The variance of the noise of sign s of the weights (equation P5): of squares of integers times v rounded to steps of
// its column, an exact sum; of a few inputs or of any values, in floating point.
static void multiply_noise(struct core_work *w, const struct tile *t, int s, int B) {
  const int ip = vector_padded(t->rows);
  if (w->n_few >= 0 || !t->v_steps[0]) multiply(w->variance, w->square, w->few_square, w, t->v[s], t, B);
  else dot16_forward(w->variance, w->square_steps, t->v_steps[s], t->v_step[s], B, t->rows, ip, t->ld);
}

// List the inputs of a single vector, as long as they are few enough for a row to be worth asking for.
static void list_few(struct core_work *w, int rows, int B) {
  enum { SPARSE = 4 };
  int n = 0;
  w->n_few = -1;
  if (B != 1) return;
  for (int i = 0; i < rows; i++) {
    w->index[n] = (uint16_t)i;
    w->few[n] = w->part[i];
    n += w->part[i] != 0;
  }
  if (n > rows/SPARSE) return;
  for (int k = 0; k < n; k++) w->few_square[k] = w->few[k] * w->few[k];
  w->n_few = n;
}

// part = max(+-level, 0) of one sign of input, all of it in 1-phase reading; its square if there is noise.
static void take_sign(struct core_work *w, const struct tile *t, const struct tile_design *d, int sign, int B,
                      bool noise) {
  const size_t n = (size_t)B * (size_t)vector_padded(t->rows);
  if (d->one_phase) memcpy(w->part, w->level, n * sizeof(real));
  else if (sign > 0)
    for (size_t i = 0; i < n; i++) w->part[i] = w->level[i] > 0 ? w->level[i] : 0;
  else
    for (size_t i = 0; i < n; i++) w->part[i] = w->level[i] < 0 ? -w->level[i] : 0;
  list_few(w, t->rows, B);
  if (!noise || w->n_few >= 0) return;
  if (t->v_steps[0])
    for (size_t i = 0; i < n; i++) w->square_steps[i] = (int16_t)(w->part[i] * w->part[i]);
  else
    for (size_t i = 0; i < n; i++) w->square[i] = w->part[i] * w->part[i];
}

static bool is_noisy(const struct tile_design *d) { return d->pcm.read_scale > 0; }

// z (B, ld) becomes noise with the memory of this pair of signs. White noise has none: its share of the variance, the
// same for all devices of a row, is drawn apart.
static void remember(struct core_work *w, const struct tile *t, const struct tile_design *d, int pair, int B,
                     struct rng *r) {
  const double white = d->pcm.read_scale * d->pcm.read_white * d->pcm.g_max_uS;
  const double of_row = white*white / d->pcm.devices * d->units * (d->one_phase ? 2 : 1);
  const size_t ip = (size_t)vector_padded(t->rows), ld = (size_t)t->ld;
  flicker_take(&t->memory[pair], w->z, B, r);
  if (white <= 0) return;
  noise_normal(w->white, (size_t)B*ld, r);
  for (size_t b = 0; b < (size_t)B; b++) {
    double squares = 0;
    for (size_t i = 0; i < ip; i++) squares += (double)(w->part[b*ip + i]*w->part[b*ip + i]);
    for (size_t k = b*ld; k < (b + 1)*ld; k++) {
      const double all = (double)w->variance[k], share = all > 0 ? fmin(of_row*squares/all, 1) : 0;
      w->z[k] = (float)(sqrt(1 - share)*(double)w->z[k] + sqrt(share)*(double)w->white[k]);
    }
  }
}

// Whether any of the vectors has a phase for this sign of input; 1-phase reading has one for both.
static bool has_phase(const struct tile_design *d, int signs, int sign) {
  return d->one_phase ? sign > 0 && signs : (signs & (sign > 0 ? CORE_POSITIVE : CORE_NEGATIVE)) != 0;
}

// A vector without inputs is not converted, whatever is beside it. In 4-phase reading the codes of a phase that others
// have and it has not, those of the converters' offsets, cancel.
static void leave_out_silent(struct core_work *w, const struct core_inputs *in, int B, int ld) {
  for (int b = 0; b < B; b++)
    if (!in->of[b]) memset(w->sum + (size_t)b * (size_t)ld, 0, (size_t)ld * sizeof(real));
}

int core_codes(struct core_work *w, const struct tile *t, const struct tile_design *d, const struct core_inputs *seen,
               int B, struct rng *r) {
  assert(B <= CORE_BLOCK);
  int saturated = 0;
  const size_t out = (size_t)B * (size_t)t->ld;
  const bool noise = r && is_noisy(d);
  const struct converter_output c = converter_output(d->adc_bits, d->one_phase, t->lsb);
  memset(w->sum, 0, out * sizeof(real));
  for (int in = 1; in >= -1; in -= 2) {  // sign of input
    if (!has_phase(d, seen->signs, in)) continue;
    take_sign(w, t, d, in, B, noise);
    for (int s = 0; s < (d->one_phase ? 1 : 2); s++) {  // sign of weight
      multiply(w->charge, w->part, w->few, w, t->g[s], t, B);
      if (noise) {
        multiply_noise(w, t, s, B);
        noise_normal(w->z, out, r);
        if (t->memory) remember(w, t, d, 2*(in < 0) + s, B, r);
      }
      saturated += converter_codes(w->sum, w->charge, w->variance, noise ? w->z : NULL, t->converter_gain,
                                   t->converter_offset, c, (real)(s ? -in : in), B, t->ld);
    }
  }
  leave_out_silent(w, seen, B, t->ld);
  return saturated;
}

void core_correct(const struct core_work *w, real *y, int ld_y, const struct tile *t, int B) {
  for (int b = 0; b < B; b++)
    for (int o = 0; o < t->columns; o++) y[b*ld_y + o] += t->gain[o] * w->sum[b*t->ld + o] + t->offset[o];
}

double core_range(struct core_work *w, const struct tile *t, const struct tile_design *d, const real *levels, int n,
                  double margin, double least) {
  const size_t ip = (size_t)vector_padded(t->rows);
  const int bits = d->adc_bits - d->one_phase;
  double peak = 0;
  for (int b = 0; b < n; b += CORE_BLOCK) {
    const int B = n - b < CORE_BLOCK ? n - b : CORE_BLOCK;
    struct core_inputs in;
    memcpy(w->level, levels + (size_t)b*ip, (size_t)B*ip * sizeof *levels);
    core_look(&in, d, w->level, t->rows, B);
    peak = fmax(peak, core_peak(w, t, d, &in, B));
  }
  const double lsb = bits > 0 ? fmax(margin*peak / (ldexp(1, bits) - 1), least) : 0;
  return lsb > 0 ? lsb : 1;
}

double core_peak(struct core_work *w, const struct tile *t, const struct tile_design *d, const struct core_inputs *seen,
                 int B) {
  double peak = 0;
  for (int in = 1; in >= -1; in -= 2) {
    if (!has_phase(d, seen->signs, in)) continue;
    take_sign(w, t, d, in, B, false);
    for (int s = 0; s < (d->one_phase ? 1 : 2); s++) {
      multiply(w->charge, w->part, w->few, w, t->g[s], t, B);
      for (int b = 0; b < B; b++)
        for (int o = 0; o < t->columns; o++) peak = fmax(peak, fabs((double)w->charge[b*t->ld + o]));
    }
  }
  return peak;
}
