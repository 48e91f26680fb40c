#include "chip/chiparray.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/checksum.h"
#include "base/err.h"
#include "base/rng.h"
#include "chip/chip_private.h"
#include "device/converter.h"
#include "kernel/conv.h"

// ---- writing

// The largest |w| of rows [top, bottom) and columns [first, last), limited as the settings say; 0: all are 0.
static double weight_scale(const struct chip_matrix *m, const real *w, int top, int bottom, int first, int last) {
  const struct chip_params *p = &m->chip->params;
  const size_t OP = (size_t)vector_padded(m->base.O);
  double largest = 0, square = 0;
  for (int i = top; i < bottom; i++)
    for (int o = first; o < last; o++) {
      const double v = (double)w[(size_t)i*OP + (size_t)o];
      largest = fmax(largest, fabs(v));
      square += v*v;
    }
  const double spread = sqrt(square / ((double)(bottom - top) * (last - first)));
  if (p->weight_clip > 0) largest = fmin(largest, p->weight_clip * spread);
  if (m->weight_max > 0) largest = m->weight_max;
  return largest * p->headroom;
}

static void set_scales(struct chip_matrix *m, const real *w) {
  const int I = chip_rows(m), kind = (int)m->chip->params.scale;
  const double of_matrix = kind == CHIP_SCALE_MATRIX ? weight_scale(m, w, 0, I, 0, m->base.O) : 1;
  real largest = 0;
  for (int k = m->first; k < m->first + m->n_tiles; k++) {
    const struct floorplan_piece *p = &m->chip->pieces[k];
    real *scale = chip_scale_of(m, p);
    for (int o = 0; o < p->columns; o++) {
      const int column = p->column + o;
      scale[o] = kind == CHIP_SCALE_COLUMN ? (real)weight_scale(m, w, 0, I, column, column + 1)
                 : kind == CHIP_SCALE_CORE ? (real)weight_scale(m, w, p->row, p->row + p->rows, column, column + 1)
                                           : (real)of_matrix;
      largest = scale[o] > largest ? scale[o] : largest;
    }
  }
  // columns of zeros are to hold weights like those of the others later
  for (size_t o = 0; o < (size_t)m->n_bands * (size_t)vector_padded(m->base.O); o++)
    if (m->scale[o] <= 0) m->scale[o] = largest > 0 ? largest : 1;
}

// The released simulation folds |w| > 1 back instead of clipping it.
static real fold(double w) { return (real)(fabs(w) > 1 ? copysign(2 - fabs(w), w) : w); }

// P8
real *chiparray_aim(const struct pcm *p, double t_s) {
  if (t_s <= 0) return NULL;
  real *aim = err_calloc(CHIP_AIMS + 1, sizeof *aim);
  for (int k = 0; k <= CHIP_AIMS; k++) aim[k] = (real)pcm_aim(p, (double)k/CHIP_AIMS, t_s);
  return aim;
}

// What to write for w in [-1, 1]: between the points of aim; NULL: w.
static real aimed(const real *aim, double w) {
  if (!aim) return (real)w;
  const double at = fabs(w) * CHIP_AIMS;
  const int k = at < CHIP_AIMS ? (int)at : CHIP_AIMS - 1;
  return (real)copysign((double)aim[k] + (at - k)*(double)(aim[k + 1] - aim[k]), w);
}

// kept (columns): what the devices of each column of tile k conduct, over what they were written to, as far as its
// correction makes up for it: a weight that is written now must conduct so much less (U1). Before the first device
// drifts, if none aims at a later time, or where every read drifts alike whenever its device was written, that is 1.
static void columns_kept(real *kept, const struct chip *c, const struct chip_matrix *m, int k) {
  const struct tile *t = &c->tiles[k];
  const bool nominal = c->params.update_aim == CHIP_AIM_NOMINAL || c->design.pcm.frozen_ratio > 0 ||
                       (!c->aim && tile_oldest_s(t, &c->design, c->clock_s) <= c->design.pcm.t0_s);
  for (int o = 0; o < t->columns; o++)
    kept[o] = nominal ? 1 : (real)(chip_code_weight(c, m, k, o) / (double)t->gain[o]);
}

void chiparray_cells(struct chip *c, const struct chip_matrix *m, int k, bool first, struct rng *r) {
  const struct floorplan_piece *p = &c->pieces[k];
  const size_t OP = (size_t)vector_padded(m->base.O), ld = (size_t)vector_padded(p->columns);
  const double uniform = first ? c->design.pcm.first_write : 0;
  const bool folds = c->design.pcm.first_write > 0;
  real kept[CHIP_MAX_SIDE];
  if (!first) columns_kept(kept, c, m, k);
  for (size_t i = 0; i < (size_t)p->rows; i++)
    for (size_t o = 0; o < (size_t)p->columns; o++) {
      const size_t at = ((size_t)p->row + i)*OP + (size_t)p->column + o;
      double w = (double)m->w[at] / (double)chip_scale_of(m, p)[o];
      if (!first) w *= (double)kept[o];
      if (uniform > 0) w += uniform * (2*rng_uniform(r) - 1);
      w = fmin(fmax((double)(folds ? fold(w) : (real)w), -1), 1);
      c->cells[i*ld + o] = aimed(first ? c->aim : c->update_aim, w);
    }
}

static void account(struct chip *c, int tile, const struct tile_count *n, long weights) {
  struct ledger_counts *l = &c->ledger.core[c->pieces[tile].core];
  l->weights_written += weights;
  l->devices_written += n->devices;
  l->pulses += n->verify.pulses;
  l->verify_reads += n->verify.reads;
  l->verify_failed += n->verify.failed;
  if (n->most_writes > c->ledger.most_writes) c->ledger.most_writes = n->most_writes;
}

// Before any calibration: nominal gains; an output range for charges that add up like random numbers.
static void reset_correction(struct chip *c, const struct chip_matrix *m, int k) {
  struct tile *t = &c->tiles[k];
  const double charge = converter_steps(c->design.dac_bits) * tile_full_uS(&c->design) * sqrt(t->rows);
  if (!m->programmed) t->lsb = c->design.adc_bits ? charge / ldexp(1, c->design.adc_bits - c->design.one_phase) : 1;
  for (int o = 0; o < t->columns; o++) {
    t->gain[o] = (real)chip_code_weight(c, m, k, o);
    t->offset[o] = 0;
  }
}

// The weights of a piece as far as devices can hold them.
static void clip(struct chip_matrix *m, const struct floorplan_piece *p, const real *w) {
  const size_t OP = (size_t)vector_padded(m->base.O);
  const bool folds = m->chip->design.pcm.first_write > 0;
  for (size_t i = (size_t)p->row; i < (size_t)(p->row + p->rows); i++)
    for (size_t o = 0; o < (size_t)p->columns; o++) {
      const size_t at = i*OP + (size_t)p->column + o;
      const real limit = folds ? 2 : chip_scale_of(m, p)[o], v = w[at];
      m->w[at] = m->wanted[at] = v > limit ? limit : v < -limit ? -limit : v;
    }
}

static size_t digital_begin(const struct synapse *s) {
  return (size_t)(s->I - s->digital) * (size_t)vector_padded(s->O);
}

static size_t digital_length(const struct synapse *s) { return (size_t)s->digital * (size_t)vector_padded(s->O); }

static long program(struct synapse *s, const real *w, struct rng *r) {
  struct chip_matrix *m = (struct chip_matrix *)s;
  struct chip *c = m->chip;
  long devices = 0;
  if (!r) r = &c->rng;
  set_scales(m, w);
  memcpy(m->w + digital_begin(s), w + digital_begin(s), digital_length(s) * sizeof *w);
  for (int k = m->first; k < m->first + m->n_tiles; k++) {
    struct tile_count n = { 0 };
    clip(m, &c->pieces[k], w);
    chiparray_cells(c, m, k, true, r);
    if (c->backend->program(c, k, true, r, &n) < 0) return 0;
    reset_correction(c, m, k);
    account(c, k, &n, (long)c->pieces[k].rows * c->pieces[k].columns);
    chip_touch(c, k);
    devices += n.devices;
  }
  m->programmed = true;
  m->calibrated_s = -1;
  m->checksum = checksum_reals(w, s->I, s->O, vector_padded(s->O));
  return devices;
}

// What weight `at` becomes when it is asked to change by dw.
static double updated(const struct chip_matrix *m, size_t at, double dw, double scale, struct rng *r) {
  const struct chip_params *p = &m->chip->params;
  const double step = scale / (double)p->update_levels, limit = m->chip->design.pcm.first_write > 0 ? 2 : scale;
  double w = (double)m->w[at];
  if (p->update == CHIP_STOCHASTIC) w += dw != 0 ? floor(dw / step + rng_uniform(r)) * step : 0;
  else if (p->update == CHIP_NEAREST) w += rint(dw / step) * step;
  else {
    // what cannot be held is not waited for
    m->wanted[at] = (real)fmin(fmax((double)m->wanted[at] + dw, -limit), limit);
    if (p->update == CHIP_ALL || fabs((double)m->wanted[at] - w) > p->update_threshold * scale)
      w = (double)m->wanted[at];
  }
  return fmin(fmax(w, -limit), limit);
}

static long update(struct synapse *s, const real *dw, struct rng *r) {
  struct chip_matrix *m = (struct chip_matrix *)s;
  struct chip *c = m->chip;
  const size_t OP = (size_t)vector_padded(s->O);
  long devices = 0;
  if (chip_failed(c)) return 0;
  if (!r) r = &c->rng;
  assert(m->programmed);
  for (size_t i = 0; i < digital_length(s); i++) m->w[digital_begin(s) + i] += dw[digital_begin(s) + i];
  for (int k = m->first; k < m->first + m->n_tiles; k++) {
    const struct floorplan_piece *p = &c->pieces[k];
    const size_t ld = (size_t)vector_padded(p->columns);
    long changed = 0;
    for (size_t i = 0; i < (size_t)p->rows; i++)
      for (size_t o = 0; o < (size_t)p->columns; o++) {
        const size_t at = ((size_t)p->row + i)*OP + (size_t)p->column + o;
        const real w = (real)updated(m, at, (double)dw[at], (double)chip_scale_of(m, p)[o], r);
        changed += c->mask[i*ld + o] = w != m->w[at];
        m->w[at] = w;
      }
    if (!changed) continue;
    struct tile_count n = { 0 };
    chiparray_cells(c, m, k, false, r);
    if (c->backend->program(c, k, false, r, &n) < 0) return devices;
    account(c, k, &n, changed);
    chip_touch(c, k);
    devices += n.devices;
  }
  return devices;
}

// ---- products

// Pixels of a convolution that make one block of vectors.
struct block {
  const real *x;
  const struct conv *shape;
  int first, n;  // output pixels
};

// Input rows [row, row + rows) of the block, n at stride ip; taps outside the image are 0. Returns how many were beyond
// the range of the converters.
static int gather(real *to, const struct block *b, int row, int rows, int ip, const struct converter_input *in) {
  const struct conv *s = b->shape;
  const int CP = vector_padded(s->C);
  int beyond = 0;
  for (int k = 0; k < b->n; k++, to += ip) {
    const int pixel = b->first + k, image = pixel / (s->OH*s->OW), at = pixel % (s->OH*s->OW);
    const int ih = at / s->OW * s->stride - s->pad, iw = at % s->OW * s->stride - s->pad;
    for (int i = row; i < row + rows;) {
      const int tap = i / s->C, channel = i % s->C, h = ih + tap / s->k, w = iw + tap % s->k;
      const int left = row + rows - i, n = s->C - channel < left ? s->C - channel : left;
      real *levels = to + (i - row);
      if (h < 0 || w < 0 || h >= s->H || w >= s->W) memset(levels, 0, (size_t)n * sizeof *levels);
      else {
        const real *from = b->x + ((size_t)(image*s->H + h) * (size_t)s->W + (size_t)w) * (size_t)CP + channel;
        if (in) beyond += converter_levels(levels, from, n, *in);
        else memcpy(levels, from, (size_t)n * sizeof *levels);
      }
      i += n;
    }
    memset(to + rows, 0, (size_t)(ip - rows) * sizeof *to);
  }
  return beyond;
}

// Keep a sample of all vectors, every one with the same chance (reservoir sampling).
static void observe(struct chip_matrix *m, const real *x, const struct conv *shape) {
  const int IP = vector_padded(m->base.I), rows = (int)m->chip->params.calibration_rows;
  if (m->n_seen == 0) m->n_sample = 0;  // an invented one, of a calibration that came first, gives way
  for (int pixel = 0; pixel < shape->B*shape->OH*shape->OW; pixel++, m->n_seen++) {
    int64_t slot = m->n_seen;
    if (slot >= rows) {
      struct rng r = rng_stream(m->chip->seed, RNG_OBSERVE, (uint32_t)m->n_seen);
      slot = (int64_t)(rng_uniform(&r) * (double)(m->n_seen + 1));
    } else if (m->n_sample <= slot) {
      m->n_sample = (int)slot + 1;
    }
    if (slot >= rows) continue;
    const struct block b = { x, shape, pixel, 1 };
    gather(m->sample + (size_t)slot * (size_t)IP, &b, 0, m->base.I, IP, NULL);
  }
}

// y += what the rows contribute that are kept beside the array, of a dense layer.
static void add_digital(real *y, const real *x, const struct chip_matrix *m, int n) {
  const int OP = vector_padded(m->base.O), IP = vector_padded(m->base.I);
  for (int b = 0; b < n; b++)
    for (int i = chip_rows(m); i < m->base.I; i++)
      for (int o = 0; o < OP; o++) y[b*OP + o] += x[b*IP + i] * m->w[(size_t)i*(size_t)OP + (size_t)o];
}

static void product(struct synapse *s, real *y, const real *x, const struct conv *shape, struct rng *r) {
  struct chip_matrix *m = (struct chip_matrix *)s;
  struct chip *c = m->chip;
  if (chip_failed(c)) {
    memset(y, 0, (size_t)(shape->B*shape->OH*shape->OW) * (size_t)vector_padded(s->O) * sizeof *y);
    return;
  }
  assert(m->programmed && shape->k*shape->k*shape->C == s->I && shape->O == s->O);
  if (c->observing) {
    observe(m, x, shape);
    conv_forward(y, x, m->w, shape);
    return;
  }
  const int OP = vector_padded(s->O), pixels = shape->B*shape->OH*shape->OW;
  const struct converter_input in = converter_input(c->design.dac_bits, m->range);
  // noise is drawn for the phases of all vectors together, so that its stream does not depend on blocks and cores
  const int signs = core_signs(x, (size_t)shape->B * (size_t)(shape->H*shape->W) * (size_t)vector_padded(shape->C));
  memset(y, 0, (size_t)pixels * (size_t)OP * sizeof *y);
  for (struct block b = { .x = x, .shape = shape }; b.first < pixels; b.first += CORE_BLOCK) {
    b.n = pixels - b.first < CORE_BLOCK ? pixels - b.first : CORE_BLOCK;
    struct core_inputs seen;
    for (int k = m->first, row = -1; k < m->first + m->n_tiles; k++) {
      const struct floorplan_piece *p = &c->pieces[k];
      const int ip = vector_padded(p->rows);
      if (p->row != row) {
        const int clipped = gather(c->work.level, &b, row = p->row, p->rows, ip, &in);
        core_look(&seen, &c->design, c->work.level, p->rows, b.n);
        seen.clipped = clipped;
        seen.signs = signs;
      }
      int saturated = 0;
      if (c->backend->codes(c, k, &seen, b.n, r, &saturated) < 0) return;
      core_correct(&c->work, y + (size_t)b.first * (size_t)OP + p->column, OP, &c->tiles[k], b.n);
      chip_count_products(c, k, &seen, b.n, saturated);
    }
  }
  assert(s->digital == 0 || shape->k == 1);
  if (s->digital) add_digital(y, x, m, pixels);
}

static void weights(const struct synapse *s, real *w) {
  memcpy(w, ((const struct chip_matrix *)s)->w, (size_t)s->I * (size_t)vector_padded(s->O) * sizeof *w);
}

static void free_nothing(struct synapse *s) { (void)s; }
const struct synapse_ops chiparray_ops = { "chip", program, update, product, weights, free_nothing };
