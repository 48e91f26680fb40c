// The chip as a whole: without noise it is the exact product, whatever the cutting into tiles; unit vectors
// read what the devices hold; counts of devices; clocks; copies; updates; faults; refusals.
#include "base/arena.h"
#include "base/err.h"
#include "base/par.h"
#include "base/rng.h"
#include "chip/chip_private.h"
#include "chip_fixture.h"
#include "test.h"

static void test_exact_limit(void) {
  const struct { int rows, columns, phases, scale; } cases[] = { { 256, 256, 4, 0 }, { 37, 9, 4, 1 }, { 100, 20, 1, 0 },
                                                                 { 45, 256, 1, 1 }, { 37, 9, 4, CHIP_SCALE_CORE },
                                                                 { 45, 256, 1, CHIP_SCALE_CORE } };
  const struct conv s = conv_shape(3, 7, 6, 10, 21, 3, 2, 1);
  const size_t n_y = (size_t)(s.B*s.OH*s.OW) * (size_t)vector_padded(s.O);
  real *w = new_matrix(90, s.O, 0.3, 1), *x = new_matrix(s.B*s.H*s.W, s.C, 1, 2), *y = ARENA_NEW(&arena, n_y, real);
  real *expected = ARENA_NEW(&arena, n_y, real);
  conv_forward_ref(expected, x, w, &s);
  for (unsigned k = 0; k < sizeof cases / sizeof *cases; k++) {
    struct chip_params p = ideal();
    p.rows = cases[k].rows;
    p.columns = cases[k].columns;
    p.phases = cases[k].phases;
    p.scale = cases[k].scale;
    p.cores = 20;
    struct chip *c = one_matrix(&p, 90, s.O, w);
    struct rng r = rng_stream(1, RNG_READ, 0);
    struct synapse *a = chip_synapse(c, 0);
    a->ops->product(a, y, x, &s, &r);
    CHECK(largest_difference(y, expected, n_y) < test_tol(2e-5), "case %u: off by %g before calibration", k,
          largest_difference(y, expected, n_y));
    chip_calibrate(c, &r);
    a->ops->product(a, y, x, &s, &r);
    CHECK(largest_difference(y, expected, n_y) < test_tol(2e-5), "case %u: off by %g", k,
          largest_difference(y, expected, n_y));
    c->params.correction = CHIP_COLUMN;
    chip_calibrate(c, &r);
    a->ops->product(a, y, x, &s, &r);
    CHECK(largest_difference(y, expected, n_y) < test_tol(1e-4), "case %u: corrected, off by %g", k,
          largest_difference(y, expected, n_y));
    chip_free(c);
  }
}

// chip.scale=core: a few large rows set the scale of the core that they lie on, not that of the others, whose small
// weights are written better.
static void test_core_scale(void) {
  enum { I = 48, O = 8, OP = 16, BANDS = 3, ROWS = I/BANDS };
  struct chip_params p = ideal();
  p.prog_scale = 1;
  p.rows = ROWS;
  p.cores = BANDS;
  real *w = new_matrix(I, O, 0.05, 31), *held = ARENA_NEW(&arena, I*OP, real);
  for (int o = 0; o < O; o++) w[2*OP + o] = 1;
  double square[2] = { 0 };
  for (int kind = 0; kind < 2; kind++) {
    p.scale = kind ? CHIP_SCALE_CORE : CHIP_SCALE_COLUMN;
    struct chip *c = one_matrix(&p, I, O, w);
    const struct chip_matrix *m = &c->matrices[0];
    CHECK(m->n_bands == BANDS && m->n_tiles == BANDS, "%d bands, %d tiles", m->n_bands, m->n_tiles);
    for (int b = 0; b < BANDS; b++)
      for (int o = 0; o < O; o++) {
        real most = 0;
        for (int i = b*ROWS; i < (b + 1)*ROWS; i++) most = (real)fmax((double)most, fabs((double)w[i*OP + o]));
        CHECK(m->scale[b*OP + o] == (kind ? most : 1), "band %d, column %d: scale %g, largest %g", b, o,
              (double)m->scale[b*OP + o], (double)most);
      }
    chip_effective(c, 0, held);
    for (int i = ROWS; i < I; i++)
      for (int o = 0; o < O; o++) square[kind] += pow((double)(held[i*OP + o] - w[i*OP + o]), 2);
    // an update is cut at the scale of its band
    real *dw = ARENA_NEW(&arena, I*OP, real);
    memset(dw, 0, I*OP*sizeof *dw);
    dw[(I - 1)*OP] = 5;
    chip_synapse(c, 0)->ops->update(chip_synapse(c, 0), dw, NULL);
    CHECK(m->w[(I - 1)*OP] == m->scale[(BANDS - 1)*OP], "%g, not %g", (double)m->w[(I - 1)*OP],
          (double)m->scale[(BANDS - 1)*OP]);
    chip_free(c);
  }
  CHECK(square[1] < 0.3*square[0], "errors of the lower bands: %g of those with one scale", sqrt(square[1]/square[0]));
}

// Columns of zeros, of classes that come later, take the scale of the largest column: what is learned there is written
// as well as the rest.
static void test_zero_columns(void) {
  enum { I = 48, O = 8, OP = 16, BANDS = 3, LATER = 3 };
  struct chip_params p = ideal();
  p.prog_scale = 1;
  p.rows = I/BANDS;
  p.cores = BANDS;
  for (p.scale = CHIP_SCALE_MATRIX; p.scale <= CHIP_SCALE_CORE; p.scale++) {
    real *w = new_matrix(I, O, 0.05, 31), *dw = new_matrix(I, O, 0.05, 32), *held = ARENA_NEW(&arena, I*OP, real);
    double square[2] = { 0 };
    if (p.scale == CHIP_SCALE_UNIT) continue;
    for (int i = 0; i < I; i++)
      for (int o = 0; o < O; o++) *(o < LATER ? &w[i*OP + o] : &dw[i*OP + o]) = 0;
    struct chip *c = one_matrix(&p, I, O, w);
    const struct chip_matrix *m = &c->matrices[0];
    real largest = 0;
    for (int o = LATER; o < O; o++)
      for (int b = 0; b < m->n_bands; b++) largest = (real)fmax((double)largest, (double)m->scale[b*OP + o]);
    for (int o = 0; o < LATER; o++) CHECK(m->scale[o] == largest, "scale %g, largest %g", (double)m->scale[o],
                                          (double)largest);
    chip_synapse(c, 0)->ops->update(chip_synapse(c, 0), dw, NULL);
    chip_effective(c, 0, held);
    for (int i = 0; i < I*OP; i++) square[i % OP < LATER] += pow((double)(held[i] - w[i] - dw[i]), 2);
    const double error = sqrt(square[1]/LATER / (square[0]/(O - LATER)));
    CHECK(error < 1.6, "scale %d: errors of new columns %g of those of the others", (int)p.scale, error);
    chip_free(c);
  }
  p.scale = CHIP_SCALE_COLUMN;
  struct chip *c = one_matrix(&p, I, O, new_matrix(I, O, 0, 31));
  CHECK(c->matrices[0].scale[0] == 1, "scale %g of a matrix of zeros", (double)c->matrices[0].scale[0]);
  chip_free(c);
}

// Programming error on, converters ideal: unit vectors read the columns, and <Wx, u> = <x, W^T u>.
static void test_unit_vectors(void) {
  enum { I = 30, O = 12, OP = 16, IP = 32 };
  struct chip_params p = ideal();
  p.prog_scale = 1;
  p.rows = 16;
  p.columns = 8;
  p.cores = 4;
  real *w = new_matrix(I, O, 0.2, 3), *held = ARENA_NEW(&arena, I*OP, real), *x = ARENA_NEW(&arena, I*IP, real);
  real *y = ARENA_NEW(&arena, I*OP, real), *v = new_matrix(1, I, 1, 4), *u = new_matrix(1, O, 1, 5);
  struct chip *c = one_matrix(&p, I, O, w);
  struct synapse *a = chip_synapse(c, 0);
  chip_effective(c, 0, held);
  CHECK(largest_difference(held, w, I*OP) > 0.003, "programming error missing");
  memset(x, 0, I*IP * sizeof *x);
  for (int i = 0; i < I; i++) x[i*IP + i] = i % 2 ? -1 : 1;
  const struct conv s = conv_shape(I, 1, 1, I, O, 1, 1, 0), one = conv_shape(1, 1, 1, I, O, 1, 1, 0);
  a->ops->product(a, y, x, &s, NULL);
  for (int i = 1; i < I; i += 2)
    for (int o = 0; o < O; o++) y[i*OP + o] = -y[i*OP + o];
  CHECK(largest_difference(y, held, I*OP) < test_tol(1e-6), "columns read with error %g",
        largest_difference(y, held, I*OP));
  a->ops->product(a, y, v, &one, NULL);
  double left = 0, right = 0;
  for (int o = 0; o < O; o++) left += (double)y[o] * (double)u[o];
  for (int i = 0; i < I; i++)
    for (int o = 0; o < O; o++) right += (double)v[i] * (double)held[i*OP + o] * (double)u[o];
  CHECK_REL(left, right, 1e-5);
  chip_free(c);
}

// The paper's network: 341,824 devices on two cores, refused on one.
static void test_plan(void) {
  struct chip_params p = ideal();
  for (p.cores = 1; p.cores <= 2; p.cores++) {
    struct chip *c = NULL;
    chip_new(&c, &p, 1);
    chip_add(c, "conv1", 9, 56);
    for (int l = 0; l < 3; l++) chip_add(c, "conv", 504, 56);
    chip_add(c, "readout", 56, 5);
    const int rc = chip_build(c);
    CHECK(rc == (p.cores == 1 ? ERR_SETTING : 0), "%d cores: %d", (int)p.cores, rc);
    if (rc == 0) {
      CHECK(chip_devices(c) == 341824, "%ld devices", chip_devices(c));
      CHECK(c->n_pieces == 8 && c->pieces[1].rows == 252 && c->pieces[2].rows == 252, "504 rows cut badly");
      char used[2][256][256] = { { { 0 } } };
      int clash = 0;
      for (int k = 0; k < c->n_pieces; k++)
        for (int i = 0; i < c->pieces[k].rows; i++)
          for (int o = 0; o < c->pieces[k].columns; o++)
            clash += used[c->pieces[k].core][c->pieces[k].core_row + i][c->pieces[k].core_column + o]++;
      CHECK(clash == 0, "%d cells are used twice", clash);
    } else {
      CHECK(strstr(err_message(), "needs 2 cores") != NULL, "%s", err_message());
    }
    chip_free(c);
  }
}

// Pulses and devices read, by hand: zeros, and what rounds to 0, take no part; the rest in the phases of their sign.
static void test_counts(void) {
  enum { I = 5, O = 3, OP = 16, IP = 16, B = 3 };
  struct chip_params p = ideal();
  p.dac_bits = 8;
  p.cores = 8;
  real *w = new_matrix(I, O, 0.2, 21), *x = ARENA_NEW(&arena, B*IP, real), *y = ARENA_NEW(&arena, 9*OP, real);
  const real rows[B][I] = { { 1, 0, -1, 0, (real)0.5 }, { (real)0.001, 0, 0, 0, 0 }, { 0, (real)-0.25, 0, 0, 0 } };
  memset(x, 0, B*IP * sizeof *x);
  for (int b = 0; b < B; b++) memcpy(x + b*IP, rows[b], sizeof rows[b]);
  // 4 inputs are not 0; 4 devices in each of 3 columns; a second tile beside the first has pulses of its own
  const struct {
    int phases, rows, columns, sent, pulses;
  } cases[] = { { 4, 256, 256, 6, 8 }, { 1, 256, 256, 2, 4 }, { 4, 256, 2, 12, 16 }, { 4, 3, 256, 8, 8 } };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    p.phases = cases[k].phases;
    p.rows = cases[k].rows;
    p.columns = cases[k].columns;
    struct chip *c = one_matrix(&p, I, O, w);
    const struct conv s = conv_shape(B, 1, 1, I, O, 1, 1, 0);
    chip_synapse(c, 0)->ops->product(chip_synapse(c, 0), y, x, &s, NULL);
    const struct ledger_counts n = ledger_total(&c->ledger);
    CHECK(n.phases == cases[k].sent && n.input_conversions == cases[k].pulses, "case %zu: %ld phases, %ld pulses", k,
          (long)n.phases, (long)n.input_conversions);
    CHECK(n.devices_read == 4*4*O, "case %zu: %ld devices read", k, (long)n.devices_read);
    chip_free(c);
  }
  // one pixel in the middle of a 3 x 3 image: every output pixel sees it once, the edge of the image sends nothing
  p.phases = 4;
  p.rows = p.columns = 256;
  struct chip *c = one_matrix(&p, 9, O, new_matrix(9, O, 0.2, 22));
  const struct conv s = conv_shape(1, 3, 3, 1, O, 3, 1, 1);
  real *image = ARENA_NEW(&arena, 9*16, real);
  memset(image, 0, 9*16 * sizeof *image);
  image[4*16] = 1;
  chip_synapse(c, 0)->ops->product(chip_synapse(c, 0), y, image, &s, NULL);
  const struct ledger_counts n = ledger_total(&c->ledger);
  CHECK(n.phases == 18 && n.input_conversions == 18 && n.devices_read == 9*4*O, "image: %ld pulses, %ld devices",
        (long)n.input_conversions, (long)n.devices_read);
  chip_free(c);
}

// Mean and variance of one output under read noise against the sum over devices.
static void test_read_noise(void) {
  enum { I = 40, O = 8, OP = 16, IP = 48, N = 4000, ROUNDS = 25 };
  struct chip_params p = ideal();
  p.prog_scale = p.drift_scale = p.read_scale = 1;
  real *w = new_matrix(I, O, 0.2, 6), *x = ARENA_NEW(&arena, N*IP, real), *y = ARENA_NEW(&arena, N*OP, real);
  real *row = new_matrix(1, I, 0.5, 7), *held = ARENA_NEW(&arena, I*OP, real);
  struct chip *c = one_matrix(&p, I, O, w);
  struct synapse *a = chip_synapse(c, 0);
  CHECK(chip_advance(c, 5000, NULL) == 0, "advance");
  for (int b = 0; b < N; b++) memcpy(x + b*IP, row, IP * sizeof *x);
  const struct conv s = conv_shape(N, 1, 1, I, O, 1, 1, 0);
  const struct tile *t = &c->tiles[0];
  chip_effective(c, 0, held);
  double mean = 0, variance = 0, m1 = 0, m2 = 0;
  for (int i = 0; i < I; i++) {
    mean += (double)row[i] * (double)held[i*OP];
    for (int sign = 0; sign < 2; sign++) {  // from the devices: their conductance at 5000 s and (P4)
      const size_t u = (size_t)sign * tile_plane(t) + (size_t)i*OP;
      const double g = pcm_drift_uS(&c->design.pcm, (double)t->g_uS[u], (double)t->nu[u], 5000);
      const double sigma =
          pcm_sigma_read_uS(&c->design.pcm, g, (double)t->q[u], 5000) / 20.7 * (double)c->matrices[0].scale[0];
      variance += (double)(row[i]*row[i]) * sigma*sigma;
    }
  }
  struct rng r = rng_stream(3, RNG_READ, 1);
  for (int k = 0; k < ROUNDS; k++) {
    a->ops->product(a, y, x, &s, &r);
    for (int b = 0; b < N; b++) {
      m1 += (double)y[b*OP];
      m2 += ((double)y[b*OP] - mean) * ((double)y[b*OP] - mean);
    }
  }
  const double n = (double)N * ROUNDS, z = (m2 / n / variance - 1) / sqrt(2 / n);
  CHECK(fabs(m1 / n - mean) < 5 * sqrt(variance / n), "mean %g, not %g", m1 / n, mean);
  CHECK(fabs(z) < 5, "variance %g, not %g", m2 / n, variance);
  CHECK(fabs((m2 / n * 1.02*1.02 / variance - 1) / sqrt(2 / n)) > 5, "2%% more noise would go unnoticed");
  CHECK(c->ledger.core[0].products == (int64_t)N*ROUNDS && c->ledger.core[0].phases == 4LL*N*ROUNDS &&
        c->ledger.core[0].output_conversions == 4LL*N*ROUNDS*O, "ledger");
  chip_free(c);
}

static void test_updates(void) {
  enum { I = 56, O = 5, OP = 16 };
  struct chip_params p = ideal();
  p.prog_scale = p.drift_scale = 1;
  real *w = new_matrix(I, O, 0.1, 8), *dw = ARENA_NEW(&arena, I*OP, real), *held = ARENA_NEW(&arena, I*OP, real);
  struct rng r = rng_stream(4, RNG_PROGRAM, 9);
  struct chip *c = one_matrix(&p, I, O, w);
  struct synapse *a = chip_synapse(c, 0);
  const struct tile *t = &c->tiles[0];
  CHECK(a->n_devices == 1120, "%ld devices of the read-out", a->n_devices);
  CHECK(c->ledger.core[0].devices_written == 1120, "%ld written first", (long)c->ledger.core[0].devices_written);
  CHECK(chip_advance(c, 1000, NULL) == 0, "advance");
  memset(dw, 0, I*OP * sizeof *dw);
  CHECK(a->ops->update(a, dw, &r) == 0, "no change, no device");
  dw[0] = -(real)0.1 * w[0];                           // keeps its sign: the pair of that sign
  dw[OP + 1] = -(real)1.5 * w[OP + 1];                 // changes its sign: both pairs
  const float before = t->g_uS[3*OP];
  const long devices = a->ops->update(a, dw, &r);
  CHECK(devices == 6, "%ld devices rewritten, 2 + 4 expected", devices);
  a->ops->weights(a, held);
  CHECK(held[0] == w[0] + dw[0] && held[2] == w[2], "weights");
  const size_t positive = 0, negative = tile_plane(t), kept = w[0] > 0 ? positive : negative;
  CHECK(t->written_s[kept] == 1000 && t->written_s[3*OP] == 0 && t->g_uS[3*OP] == before,
        "only rewritten devices start again");
  CHECK(t->written_s[OP + 1] == 1000 && t->written_s[negative + OP + 1] == 1000, "both pairs");
  chip_free(c);

  // every policy brings 40 changes of a fortieth of the scale to one scale, and how many it writes
  for (int k = 0; k < 4; k++) {
    p.update = k;
    p.update_threshold = 0.1;
    p.headroom = 100;
    c = one_matrix(&p, I, O, w);
    a = chip_synapse(c, 0);
    const double scale = (double)c->matrices[0].scale[0];
    a->ops->weights(a, held);
    for (int i = 0; i < I*OP; i++) dw[i] = i % OP < O ? (real)(scale / 400) : 0;
    double sum = 0;
    for (int n = 0; n < 40; n++) a->ops->update(a, dw, &r);
    const long written = (long)c->ledger.core[0].weights_written - I*O;
    for (int i = 0; i < I; i++)
      for (int o = 0; o < O; o++) sum += ((double)c->matrices[0].w[i*OP + o] - (double)held[i*OP + o]) / scale;
    const double mean = sum / (I*O), expected = k == CHIP_NEAREST ? 0 : 0.1;
    const double tolerance = k == CHIP_STOCHASTIC ? 0.01 : k == CHIP_THRESHOLD ? 0.1 : 1e-5;
    CHECK(fabs(mean - expected) <= tolerance, "policy %d: moved %g, not %g", k, mean, expected);
    CHECK(k == CHIP_ALL ? written == 40*I*O : written < 5*I*O, "policy %d wrote %ld weights", k, written);
    chip_free(c);
  }
}

// A weight at the end of its range comes back with the first change that leads back, however much was asked before.
static void test_saturation(void) {
  enum { I = 8, O = 2, OP = 16 };
  for (int k = CHIP_ALL; k <= CHIP_THRESHOLD; k++) {
    struct chip_params p = ideal();
    p.update = k;
    p.update_threshold = 0.1;
    real *w = new_matrix(I, O, 0.1, 13), *dw = ARENA_NEW(&arena, I*OP, real);
    struct rng r = rng_stream(6, RNG_PROGRAM, 9);
    struct chip *c = one_matrix(&p, I, O, w);
    struct synapse *a = chip_synapse(c, 0);
    const double scale = (double)c->matrices[0].scale[0];
    memset(dw, 0, I*OP * sizeof *dw);
    dw[OP] = (real)(5*scale);
    a->ops->update(a, dw, &r);
    CHECK(fabs((double)c->matrices[0].w[OP] - scale) < 1e-6*scale, "policy %d: %g beyond the scale %g", k,
          (double)c->matrices[0].w[OP], scale);
    dw[OP] = -(real)(0.25*scale);
    a->ops->update(a, dw, &r);
    CHECK(fabs((double)c->matrices[0].w[OP] - 0.75*scale) < 1e-6*scale, "policy %d: %g, not 3/4 of %g", k,
          (double)c->matrices[0].w[OP], scale);
    chip_free(c);
  }
}

static void test_time_and_copies(void) {
  enum { I = 60, O = 20, OP = 32, B = 8 };
  struct chip_params p;
  param_defaults(chip_param_table, &p);
  param_defaults(verify_param_table, &p.verify);
  real *w = new_matrix(I, O, 0.1, 10), *dw = new_matrix(I, O, 0.02, 11), *x = new_matrix(B, I, 1, 12);
  real *y = ARENA_NEW(&arena, B*OP, real), *z = ARENA_NEW(&arena, B*OP, real);
  const struct conv s = conv_shape(B, 1, 1, I, O, 1, 1, 0);
  struct chip *c = one_matrix(&p, I, O, w), *twin = one_matrix(&p, I, O, w);
  struct rng r = rng_stream(7, RNG_READ, 0), q = r;
  chip_calibrate(c, &r);
  chip_calibrate(twin, &q);
  CHECK(chip_advance(c, 3600, &r) == 0 && chip_advance(twin, 3600, &q) == 0, "%s", err_message());
  CHECK(chip_advance(c, 3599, &r) == ERR_SETTING && strstr(err_message(), "backwards"), "time ran backwards");
  CHECK(chip_advance(c, NAN, &r) == ERR_SETTING && c->clock_s == 3600, "time is not a number");
  struct synapse *a = chip_synapse(c, 0), *b = chip_synapse(twin, 0);
  a->ops->product(a, y, x, &s, &r);
  b->ops->product(b, z, x, &s, &q);
  CHECK(!memcmp(y, z, B*OP * sizeof *y), "same seed, other chip");
  a->ops->product(a, z, x, &s, &r);
  CHECK(memcmp(y, z, B*OP * sizeof *y) != 0, "read noise repeats");

  struct chip *clone = chip_clone(c);
  for (int round = 0; round < 2; round++) {  // a clone is used up and brought back
    struct synapse *d = chip_synapse(clone, 0);
    struct rng f = rng_stream(8, RNG_READ, 5), g = f;
    a->ops->product(a, y, x, &s, &f);
    d->ops->product(d, z, x, &s, &g);
    CHECK(!memcmp(y, z, B*OP * sizeof *y), "round %d: the clone answers otherwise", round);
    d->ops->update(d, dw, &g);
    CHECK(chip_advance(clone, 1e5, &g) == 0, "advance");
    d->ops->product(d, z, x, &s, &g);
    CHECK(c->clock_s == 3600, "the original aged");
    chip_copy(clone, c);
  }
  chip_free(clone);
  chip_free(twin);
  chip_free(c);
}

// Calibrations on a schedule: each matrix has its own, the last that is due is carried out, the ledger counts all.
static void test_schedule(void) {
  enum { I = 20, O = 8 };
  struct chip_params p;
  param_defaults(chip_param_table, &p);
  param_defaults(verify_param_table, &p.verify);
  p.recalibrate_s = 100;
  p.calibration_rows = 32;
  struct chip *c;
  CHECK(chip_new(&c, &p, 3) == 0, "%s", err_message());
  for (int m = 0; m < 2; m++) chip_add(c, m ? "b" : "a", I, O);
  CHECK(chip_build(c) == 0, "%s", err_message());
  struct rng r = rng_stream(7, RNG_READ, 1);
  for (int m = 0; m < 2; m++) chip_synapse(c, m)->ops->program(chip_synapse(c, m), new_matrix(I, O, 0.1, 14), &r);
  chip_calibrate_matrix(c, 0, &r);
  CHECK(c->matrices[0].calibrated_s == 0 && c->matrices[1].calibrated_s == -1,
        "calibrating one matrix is not calibrating the other");
  int64_t products = ledger_total(&c->ledger).products;
  const int64_t once = products;
  CHECK(once == p.calibration_rows, "%ld products of a calibration", (long)once);
  chip_synapse(c, 0)->ops->program(chip_synapse(c, 0), new_matrix(I, O, 0.1, 14), &r);
  CHECK(c->matrices[0].calibrated_s == -1, "a matrix that is written again is still calibrated");
  chip_calibrate_matrix(c, 0, &r);
  products += once;
  CHECK(chip_advance(c, 50, &r) == 0 && ledger_total(&c->ledger).products == products, "nothing is due");
  chip_calibrate_matrix(c, 1, &r);
  products += once;
  CHECK(chip_advance(c, 349, &r) == 0, "%s", err_message());  // a at 100, 200, 300; b at 150, 250
  products += 5*once;
  CHECK(ledger_total(&c->ledger).products == products, "%ld products, not %ld", (long)ledger_total(&c->ledger).products,
        (long)products);
  CHECK(c->matrices[0].calibrated_s == 300 && c->matrices[1].calibrated_s == 250 && c->clock_s == 349,
        "calibrated at %g and %g", c->matrices[0].calibrated_s, c->matrices[1].calibrated_s);
  CHECK(chip_advance(c, 1e15, &r) == ERR_SETTING && strstr(err_message(), "chip.recalibrate_s=100") &&
            c->clock_s == 349,
        "%s", err_message());
  chip_free(c);
  p.recalibrate_s = 9;
  CHECK(chip_new(&c, &p, 3) == ERR_SETTING && strstr(err_message(), "chip.recalibrate_s=9: must be 0 or at least 10"),
        "%s", err_message());
}

// Tasks on clones: each reads, updates and reads again on its own streams.
struct tasks {
  const struct chip *chip;
  struct chip *clones[3];
  const real *x, *dw;
  real *answer;  // (16, 8, 32)
};

static void run_task(void *context, int item, int worker) {
  const struct tasks *t = context;
  const struct conv s = conv_shape(8, 1, 1, 60, 20, 1, 1, 0);
  struct rng r = rng_stream(1, RNG_READ, (uint32_t)item);
  struct chip *c = t->clones[worker];
  chip_copy(c, t->chip);
  struct synapse *a = chip_synapse(c, 0);
  a->ops->product(a, t->answer + item*8*32, t->x, &s, &r);
  a->ops->update(a, t->dw, &r);
  a->ops->product(a, t->answer + item*8*32, t->x, &s, &r);
}

static void test_threads(bool memory) {
  enum { ITEMS = 16, SIZE = ITEMS*8*32 };
  struct chip_params p;
  param_defaults(chip_param_table, &p);
  param_defaults(verify_param_table, &p.verify);
  p.read_memory = memory;
  struct chip *c = one_matrix(&p, 60, 20, new_matrix(60, 20, 0.1, 20));
  chip_calibrate(c, &c->rng);
  struct tasks t = { .chip = c, .x = new_matrix(8, 60, 1, 21), .dw = new_matrix(60, 20, 0.02, 22) };
  real *answers[2] = { ARENA_NEW(&arena, SIZE, real), ARENA_NEW(&arena, SIZE, real) };
  for (int k = 0; k < 3; k++) t.clones[k] = chip_clone(c);
  for (int k = 0; k < 2; k++) {
    struct par *par = par_new(k ? 3 : 1);
    t.answer = answers[k];
    par_local(par, ITEMS, run_task, &t);
    par_free(par);
  }
  CHECK(!memcmp(answers[0], answers[1], SIZE * sizeof(real)), "one thread and three disagree");
  CHECK(memcmp(answers[0], answers[0] + 8*32, 8*32 * sizeof(real)) != 0, "tasks share their noise");
  for (int k = 0; k < 3; k++) chip_free(t.clones[k]);
  chip_free(c);
}

// Root mean square error of products relative to their size, under these settings at this time.
static double error_of(const struct chip_params *p, double time_s) {
  enum { I = 250, O = 50, OP = 64, B = 96 };
  real *w = new_matrix(I, O, 0.1, 13), *x = new_matrix(B, I, 1, 14), *y = ARENA_NEW(&arena, B*OP, real);
  real *exact = ARENA_NEW(&arena, B*OP, real);
  const struct conv s = conv_shape(B, 1, 1, I, O, 1, 1, 0);
  struct chip *c = one_matrix(p, I, O, w);
  struct synapse *a = chip_synapse(c, 0);
  struct rng r = rng_stream(9, RNG_READ, 0);
  conv_forward_ref(exact, x, w, &s);
  chip_observe(c, true);
  a->ops->product(a, y, x, &s, &r);
  CHECK(largest_difference(y, exact, B*OP) < test_tol(1e-4), "observing is exact");
  chip_observe(c, false);
  chip_calibrate(c, &r);
  chip_advance(c, time_s, &r);
  a->ops->product(a, y, x, &s, &r);
  double error = 0, size = 0;
  for (int i = 0; i < B*OP; i++) {
    error += (double)(y[i] - exact[i]) * (double)(y[i] - exact[i]);
    size += (double)exact[i] * (double)exact[i];
  }
  chip_free(c);
  return sqrt(error / size);
}

static void test_error(void) {
  const size_t mark = arena_mark(&arena);
  struct chip_params p;
  param_defaults(chip_param_table, &p);
  param_defaults(verify_param_table, &p.verify);
  const double month = 30*86400.0, fresh = error_of(&p, 0), column = error_of(&p, month);
  p.correction = CHIP_GLOBAL;
  const double global = error_of(&p, month);
  p.correction = CHIP_NONE;
  const double none = error_of(&p, month);
  p.correction = CHIP_COLUMN;
  p.fault_reset = p.fault_set = 0.01;
  const double aware = error_of(&p, 0);
  p.fault_aware = 0;
  const double unaware = error_of(&p, 0);
  p.fault_reset = p.fault_set = 0;
  p.prog_scale = p.drift_scale = p.read_scale = 0;
  const double converters = error_of(&p, 0);
  p.phases = 1;
  const double one_phase = error_of(&p, 0);
  printf("error of a product: fresh %.3f, after a month %.3f (global %.3f, uncorrected %.3f), 2 %% stuck %.3f (unaware "
         "%.3f), "
         "converters alone %.4f (1-phase %.4f)\n",
         fresh, column, global, none, aware, unaware, converters, one_phase);
  CHECK(converters < 0.02 && one_phase < 0.03 && converters > 1e-4, "8 bits");
  CHECK(fresh < 0.3 && column < 0.4 && column > fresh && global < none && none > 0.2, "drift and its correction");
  CHECK(aware > fresh && unaware > 1.3*aware, "faults");
  arena_reset(&arena, mark);
}

// A calibration before anything was seen invents a sample; what is observed later takes its place, and no more than its
// room.
static void test_observed_after_calibration(void) {
  enum { I = 16, O = 16, ROWS = 4, SEEN = 3 };
  struct chip_params p = ideal();
  const size_t mark = arena.used;
  p.calibration_rows = ROWS;
  struct chip *c = one_matrix(&p, I, O, new_matrix(I, O, 0.3, 71));
  const struct chip_matrix *m = &c->matrices[0];
  real *x = new_matrix(SEEN, I, 1, 72), *y = new_matrix(SEEN, O, 1, 73);
  const struct conv shape = conv_shape(SEEN, 1, 1, I, O, 1, 1, 0);
  chip_calibrate(c, &c->rng);
  CHECK(m->n_sample == ROWS && m->n_seen == 0, "invented %d rows of %d", m->n_sample, ROWS);
  for (int k = 1; k <= 3; k++) {
    chip_observe(c, true);
    chip_synapse(c, 0)->ops->product(chip_synapse(c, 0), y, x, &shape, NULL);
    chip_observe(c, false);
    const int expected = k*SEEN < ROWS ? k*SEEN : ROWS;
    CHECK(m->n_seen == k*SEEN && m->n_sample == expected, "seen %ld, kept %d of %d", (long)m->n_seen, m->n_sample,
          expected);
    if (k == 1) CHECK(!memcmp(m->sample, x, I * sizeof *x), "the first row kept is not the first seen");
    chip_calibrate(c, &c->rng);
  }
  chip_free(c);
  arena_reset(&arena, mark);
}

// |inputs| 0, 0.01 .. 1 of both signs: the range is the quantile asked for.
static void test_input_range(void) {
  enum { I = 101 };
  struct chip_params p = ideal();
  const size_t mark = arena_mark(&arena);
  real *w = new_matrix(I, 1, 0.3, 41), *x = new_matrix(1, I, 0, 42), *y = new_matrix(1, 1, 0, 43);
  for (int i = 0; i < I; i++) x[i*37%I] = (real)(i%2 ? -0.01*i : 0.01*i);
  const double quantile[] = { 1, 0.25, 0.9 };
  for (int k = 0; k < 3; k++) {
    p.input_quantile = quantile[k];
    struct chip *c = one_matrix(&p, I, 1, w);
    const struct conv shape = conv_shape(1, 1, 1, I, 1, 1, 1, 0);
    chip_observe(c, true);
    chip_synapse(c, 0)->ops->product(chip_synapse(c, 0), y, x, &shape, NULL);
    chip_observe(c, false);
    chip_calibrate(c, &c->rng);
    CHECK_REL(c->matrices[0].range, quantile[k], 1e-6);
    chip_free(c);
  }
  arena_reset(&arena, mark);
}

int main(void) {
  arena_init(&arena, 64 << 20);
  test_threads(false);
  test_threads(true);
  if (!TEST_RACES_ONLY) {
    test_exact_limit();
    test_core_scale();
    test_zero_columns();
    test_unit_vectors();
    test_plan();
    test_counts();
    test_read_noise();
    test_updates();
    test_saturation();
    test_time_and_copies();
    test_schedule();
    test_error();
    test_observed_after_calibration();
    test_input_range();
  }
  arena_release(&arena);
  return test_summary();
}
