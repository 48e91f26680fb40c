#include "chip/calibration.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "chip/chip_private.h"
#include "device/converter.h"
#include "kernel/conv.h"

// A matrix that nothing was seen of: normal inputs.
static void invent_sample(struct chip *c, struct chip_matrix *m, int index) {
  struct rng r = rng_stream(c->seed, RNG_OBSERVE, 0x80000000u + (uint32_t)index);
  const int IP = vector_padded(m->base.I);
  m->n_sample = (int)c->params.calibration_rows;
  for (int b = 0; b < m->n_sample; b++)
    for (int i = 0; i < m->base.I; i++) m->sample[(size_t)b * (size_t)IP + (size_t)i] = (real)(rng_normal(&r) / 3);
}

static int compare(const void *a, const void *b) {
  const real x = *(const real *)a, y = *(const real *)b;
  return (x > y) - (x < y);
}

// The quantile of all |inputs| of the sample.
static double input_range(const struct chip *c, const struct chip_matrix *m) {
  const int I = chip_rows(m), IP = vector_padded(m->base.I);
  const size_t n = (size_t)m->n_sample * (size_t)I;
  real *all = err_calloc(n, sizeof *all);
  double largest = 0;
  for (size_t i = 0; i < n; i++) {
    all[i] = (real)fabs((double)m->sample[i / (size_t)I * (size_t)IP + i % (size_t)I]);
    largest = fmax(largest, (double)all[i]);
  }
  if (c->params.input_quantile < 1 && n > 0) {
    qsort(all, n, sizeof *all, compare);
    const double at = (double)all[(size_t)(c->params.input_quantile * (double)(n - 1))];
    if (at > 0) largest = at;
  }
  free(all);
  return largest > 0 ? largest : 1;
}

// Sample rows [first, first + B) for one tile into the work's part (B, padded rows), cut off at the input range: what
// the chip gives for larger inputs says nothing about its gain.
static void take_inputs(struct chip *c, const struct chip_matrix *m, const struct floorplan_piece *p, int first,
                        int B) {
  const size_t ip = (size_t)vector_padded(p->rows), IP = (size_t)vector_padded(m->base.I);
  const real most = (real)m->range;
  memset(c->work.part, 0, (size_t)B * ip * sizeof(real));
  for (size_t b = 0; b < (size_t)B; b++)
    for (size_t i = 0; i < (size_t)p->rows; i++) {
      const real x = m->sample[((size_t)first + b)*IP + (size_t)p->row + i];
      c->work.part[b*ip + i] = x > most ? most : x < -most ? -most : x;
    }
}

// Their steps into the work's level.
static struct core_inputs take_levels(struct chip *c, const struct chip_matrix *m, const struct floorplan_piece *p,
                                      int first, int B) {
  struct core_inputs in;
  const int n = B * vector_padded(p->rows);
  take_inputs(c, m, p, first, B);
  converter_levels(c->work.level, c->work.part, n, converter_input(c->design.dac_bits, m->range));
  core_look(&in, &c->design, c->work.level, p->rows, B);
  return in;
}

static int block_rows(const struct chip_matrix *m, int first) {
  return m->n_sample - first < CORE_BLOCK ? m->n_sample - first : CORE_BLOCK;
}

static int set_output_range(struct chip *c, const struct chip_matrix *m, int k) {
  const size_t ip = (size_t)vector_padded(c->pieces[k].rows);
  real *levels = err_aligned((size_t)m->n_sample * ip, sizeof *levels);
  for (int b = 0; b < m->n_sample; b += CORE_BLOCK) {
    const int B = block_rows(m, b);
    take_levels(c, m, &c->pieces[k], b, B);
    memcpy(levels + (size_t)b*ip, c->work.level, (size_t)B*ip * sizeof *levels);
  }
  const int rc = c->backend->range(c, k, levels, m->n_sample);
  free(levels);
  return rc;
}

// Sums over the sample of one column of one tile: codes c, exact partial sums t.
struct sums {
  double n, c, t, cc, tt, ct;
};

// The exact partial sums of sample rows [first, first + B) into the work's charge (B, ld); weights of the tile in
// c->cells.
static void exact_sums(struct chip *c, const struct chip_matrix *m, const struct floorplan_piece *p, int first, int B) {
  take_inputs(c, m, p, first, B);
  const struct conv shape = conv_shape(B, 1, 1, p->rows, p->columns, 1, 1, 0);
  conv_forward(c->work.charge, c->work.part, c->cells, &shape);
}

static void take_weights(struct chip *c, const struct chip_matrix *m, const struct floorplan_piece *p) {
  const size_t ld = (size_t)vector_padded(p->columns), OP = (size_t)vector_padded(m->base.O);
  memset(c->cells, 0, (size_t)p->rows * ld * sizeof(real));
  for (size_t i = 0; i < (size_t)p->rows; i++)
    memcpy(c->cells + i*ld, m->w + ((size_t)p->row + i)*OP + p->column, (size_t)p->columns * sizeof(real));
}

// Read the sample through tile k: sums (columns).
static int measure(struct sums *sums, struct chip *c, const struct chip_matrix *m, int k, struct rng *r) {
  const struct floorplan_piece *p = &c->pieces[k];
  const int ld = c->tiles[k].ld;
  memset(sums, 0, (size_t)p->columns * sizeof *sums);
  take_weights(c, m, p);
  for (int first = 0; first < m->n_sample; first += CORE_BLOCK) {
    const int B = block_rows(m, first);
    const struct core_inputs in = take_levels(c, m, p, first, B);
    int saturated = 0;
    TRY(c->backend->codes(c, k, &in, B, r, &saturated));
    chip_count_products(c, k, &in, B, saturated);
    exact_sums(c, m, p, first, B);
    for (int b = 0; b < B; b++)
      for (int o = 0; o < p->columns; o++) {
        struct sums *s = &sums[o];
        const double code = (double)c->work.sum[b*ld + o], t = (double)c->work.charge[b*ld + o];
        s->n++;
        s->c += code;
        s->t += t;
        s->cc += code*code;
        s->tt += t*t;
        s->ct += code*t;
      }
  }
  return 0;
}

// The gain common to a matrix, over the nominal one: sums (n_tiles, columns of the core).
static double common_gain(const struct chip *c, const struct chip_matrix *m, const struct sums *sums) {
  double tt = 0, ty = 0;
  for (int i = 0; i < m->n_tiles; i++)
    for (int o = 0; o < c->pieces[m->first + i].columns; o++) {
      const struct sums *s = &sums[(size_t)i * (size_t)c->params.columns + (size_t)o];
      tt += s->tt;
      ty += s->ct * chip_code_weight(c, m, m->first + i, o);
    }
  return tt > 0 && ty > 0 ? tt / ty : 1;
}

// A gain and an offset for each column from fewer vectors are worse than the gain of all columns: 2 vectors leave an
// error of 1.4 in place of 0.16, 8 of 0.15 (inputs above 0) to 0.19 (of both signs).
enum { LEAST_VECTORS = 8 };

static void correct_column(struct tile *t, int o, const struct sums *s, double fallback) {
  const double vt = s->tt - s->t*s->t / s->n, vc = s->cc - s->c*s->c / s->n, ct = s->ct - s->c*s->t / s->n;
  const double gain = ct > 0 && ct*ct > 0.5*vt*vc ? vt / ct : fallback;
  t->gain[o] = (real)gain;
  t->offset[o] = (real)((s->t - gain*s->c) / s->n);
}

static void correct(struct chip *c, const struct chip_matrix *m, const struct sums *sums) {
  const double common = c->params.correction == CHIP_NONE ? 1 : common_gain(c, m, sums);
  for (int i = 0; i < m->n_tiles; i++) {
    struct tile *t = &c->tiles[m->first + i];
    for (int o = 0; o < t->columns; o++) {
      t->gain[o] = (real)(common * chip_code_weight(c, m, m->first + i, o));
      t->offset[o] = 0;
      if (c->params.correction == CHIP_COLUMN && m->n_sample >= LEAST_VECTORS)
        correct_column(t, o, &sums[(size_t)i * (size_t)c->params.columns + (size_t)o], (double)t->gain[o]);
    }
    chip_touch(c, m->first + i);
  }
}

void calibration_run(struct chip *c, int index, struct rng *r) {
  struct chip_matrix *m = &c->matrices[index];
  if (chip_failed(c)) return;
  assert(m->programmed);
  if (m->n_sample == 0) invent_sample(c, m, index);
  m->range = input_range(c, m);
  struct sums *sums = err_calloc((size_t)m->n_tiles * (size_t)c->params.columns, sizeof *sums);
  int rc = 0;
  for (int i = 0; i < m->n_tiles && rc == 0; i++) {
    rc = set_output_range(c, m, m->first + i);
    if (rc == 0) rc = measure(sums + (size_t)i * (size_t)c->params.columns, c, m, m->first + i, r);
  }
  if (rc == 0) correct(c, m, sums);
  free(sums);
}
