#include "lab/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/text.h"
#include "chip/chip.h"
#include "device/converter.h"
#include "device/core.h"
#include "device/tile.h"
#include "experiment/experiment.h"
#include "kernel/conv.h"
#include "run/timings.h"

enum { VECTORS = 256, REPEATS = 31, WRITES = 9, LARGE = 16, ITERATIONS = 15, ITEMS = 40 };

static const double hour_s = 3600;

static real *normals(size_t n, double spread, struct rng *r) {
  real *x = err_aligned(n, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (real)(spread * rng_normal(r));
  return x;
}

// A chip of so many cores with n matrices, nothing written.
static int planned_chip(struct chip **c, const struct chip_params *given, int cores, int n, int rows, int columns) {
  struct chip_params p = *given;
  p.cores = cores;
  TRY(chip_new(c, &p, 1));
  for (int m = 0; m < n; m++) chip_add(*c, "full", rows, columns);
  const int rc = chip_build(*c);
  if (rc < 0) chip_free(*c);
  return rc;
}

// A chip that n full cores are needed for, written with w (rows, padded columns) each.
static int full_chip(struct chip **c, const struct chip_params *p, int n, const real *w) {
  TRY(planned_chip(c, p, n, n, (int)p->rows, (int)p->columns));
  for (int m = 0; m < n; m++) {
    struct synapse *s = chip_synapse(*c, m);
    s->ops->program(s, w, chip_rng(*c));
  }
  return 0;
}

// ---- one core

// A batch of input vectors, and the exact products of the phases that it needs.
struct batch {
  struct conv shape;
  real *x, *part[2], *y;  // (VECTORS, padded rows) all, and one sign of it; (VECTORS, padded columns)
};

static void batch_init(struct batch *b, const struct chip *c, struct rng *r) {
  const int rows = (int)chip_settings(c)->rows, columns = (int)chip_settings(c)->columns;
  const size_t ld = (size_t)vector_padded(rows), in = VECTORS * ld;
  b->shape = conv_shape(VECTORS, 1, 1, rows, columns, 1, 1, 0);
  b->x = normals(in, 1.0 / 3, r);
  for (size_t i = 0; i < in; i++)
    if (i % ld >= (size_t)rows) b->x[i] = 0;
  for (int s = 0; s < 2; s++) {
    b->part[s] = err_aligned(in, sizeof(real));
    for (size_t i = 0; i < in; i++) {
      const real x = s ? -b->x[i] : b->x[i];
      b->part[s][i] = chip_design(c)->one_phase || x > 0 ? x : 0;
    }
  }
  b->y = err_aligned(VECTORS * (size_t)vector_padded(columns), sizeof(real));
}

static void batch_release(struct batch *b) {
  free(b->x);
  free(b->part[0]);
  free(b->part[1]);
  free(b->y);
}

static double exact_seconds(const struct batch *b, const struct chip *c) {
  const double begin_s = clock_s();
  const int signs = chip_design(c)->one_phase ? 1 : 2;
  for (int in = 0; in < signs; in++)
    for (int s = 0; s < signs; s++) conv_forward(b->y, b->part[in], chip_conductances(c, s), &b->shape);
  return clock_s() - begin_s;
}

static double chip_seconds(const struct batch *b, struct chip *c, struct rng *r) {
  struct synapse *s = chip_synapse(c, 0);
  const double begin_s = clock_s();
  s->ops->product(s, b->y, b->x, &b->shape, r);
  return clock_s() - begin_s;
}

// The same devices without a chip around them: no plan, account or observation.
struct bare {
  struct tile tile;
  struct core_work work;
  struct converter_input in;
};

static void bare_init(struct bare *k, const struct chip *c, const real *w, const struct batch *batch, struct rng *r) {
  const struct tile_design *d = chip_design(c);
  const int ip = vector_padded(batch->shape.C);
  struct tile_count count = { 0 };
  tile_init(&k->tile, d, batch->shape.C, batch->shape.O, r);
  tile_write(&k->tile, d, w, NULL, true, false, 0, r, &count);
  tile_settle(&k->tile, d, chip_clock(c));
  core_work_init(&k->work, batch->shape.C, batch->shape.O);
  k->in = converter_input(d->dac_bits, chip_input_range(c, 0));
  converter_levels(k->work.level, batch->x, CORE_BLOCK * ip, k->in);
  real *levels = err_aligned((size_t)(CORE_BLOCK * ip), sizeof *levels);
  memcpy(levels, k->work.level, (size_t)(CORE_BLOCK * ip) * sizeof *levels);
  k->tile.lsb = core_range(&k->work, &k->tile, d, levels, CORE_BLOCK, chip_settings(c)->adc_margin, 0);
  free(levels);
}

static void bare_release(struct bare *k) {
  core_work_release(&k->work);
  tile_release(&k->tile);
}

static double bare_seconds(struct bare *k, const struct batch *b, const struct tile_design *d, struct rng *r) {
  const int ip = vector_padded(b->shape.C), op = vector_padded(b->shape.O);
  const double begin_s = clock_s();
  memset(b->y, 0, (size_t)(VECTORS * op) * sizeof *b->y);
  for (int first = 0; first < VECTORS; first += CORE_BLOCK) {
    const int n = VECTORS - first < CORE_BLOCK ? VECTORS - first : CORE_BLOCK;
    struct core_inputs seen;
    converter_levels(k->work.level, b->x + first * ip, n * ip, k->in);
    core_look(&seen, d, k->work.level, b->shape.C, n);
    core_codes(&k->work, &k->tile, d, &seen, n, r);
    core_correct(&k->work, b->y + first * op, op, &k->tile, n);
  }
  return clock_s() - begin_s;
}

// f over g, which took turns.
static void add_ratio(struct timings *b, const char *name, const struct timings_figure *f,
                      const struct timings_figure *g) {
  double ratio = f->value / g->value;
  struct timings_figure *q = timings_add(b, name, "", &ratio, 1);
  q->fastest = f->fastest / g->fastest;
  timings_note(q, "ratio of the medians, of the fastest; one took turns with the other");
}

static void add_core(struct timings *b, struct chip *c, const struct batch *batch, struct bare *core, struct rng *r) {
  double exact[REPEATS + 1], chip[REPEATS + 1], bare[REPEATS + 1];
  ledger_reset(chip_ledger(c));
  for (int k = 0; k <= REPEATS; k++) {  // the first to warm up
    exact[k] = exact_seconds(batch, c);
    chip[k] = chip_seconds(batch, c, r);
    bare[k] = bare_seconds(core, batch, chip_design(c), r);
  }
  const struct ledger_counts n = ledger_total(chip_ledger(c));
  const double phases = (double)n.phases / (double)n.products;
  const double operations = conv_flop(&batch->shape) * phases;
  struct timings_figure *e = timings_add(b, "chip.core.exact", "s", exact + 1, REPEATS);
  timings_set_work(e, operations, b->peak1);
  timings_note(e, "%d vectors through %d x %d weights, once for each of %g phases", VECTORS, batch->shape.C,
               batch->shape.O, phases);
  struct timings_figure *f = timings_add(b, "chip.core.product", "s", chip + 1, REPEATS);
  const bool integers = tile_counts_noise(chip_design(c));
  timings_set_work(f, integers ? operations : 2 * operations, b->peak1);
  timings_note(f, "the same on the chip, %s: charges, their variances%s, %.0f conversions and as many normal numbers",
               chip_design(c)->pcm.name, integers ? " in integers (not in GFLOP)" : "",
               (double)n.output_conversions / (REPEATS + 1));
  struct timings_figure *g = timings_add(b, "chip.core.bare", "s", bare + 1, REPEATS);
  timings_note(g, "the same devices and converters alone, without the chip's interface");
  add_ratio(b, "chip.core.over_exact", f, e);
  add_ratio(b, "chip.core.over_bare", f, g);
}

static int add_core_of(struct timings *b, const struct chip_params *p, const real *w, struct rng *r) {
  struct chip *c;
  struct batch batch;
  TRY(full_chip(&c, p, 1, w));
  chip_calibrate(c, chip_rng(c));
  const int rc = chip_advance(c, fmax(p->time_s, hour_s), chip_rng(c));
  if (rc == 0) {
    struct bare core;
    batch_init(&batch, c, r);
    bare_init(&core, c, w, &batch, r);
    add_core(b, c, &batch, &core, r);
    bare_release(&core);
    batch_release(&batch);
  }
  chip_free(c);
  return rc;
}

// ---- writing

static int add_writing(struct timings *b, const struct chip_params *given, int by_verify, const real *w) {
  struct chip_params p = *given;
  struct chip *c;
  double samples[WRITES];
  p.programming = by_verify;
  TRY(full_chip(&c, &p, 2, w));
  for (int k = 0; k < WRITES; k++) {
    ledger_reset(chip_ledger(c));
    const double begin_s = clock_s();
    for (int m = 0; m < 2; m++) {
      struct synapse *s = chip_synapse(c, m);
      s->ops->program(s, w, chip_rng(c));
    }
    samples[k] = clock_s() - begin_s;
  }
  const struct ledger_counts n = ledger_total(chip_ledger(c));
  struct timings_figure *f =
    timings_add(b, by_verify ? "chip.program.verify" : "chip.program.statistical", "s", samples, WRITES);
  if (by_verify)
    timings_note(f, "%ld cells, %ld devices, %ld pulses, %ld reads", (long)n.weights_written, (long)n.devices_written,
                 (long)n.pulses, (long)n.verify_reads);
  else timings_note(f, "%ld cells, %ld devices", (long)n.weights_written, (long)n.devices_written);
  chip_free(c);
  return 0;
}

// One matrix that fills LARGE x LARGE cores.
static int add_large(struct timings *b, const struct chip_params *p, struct rng *r) {
  const int rows = LARGE * (int)p->rows, columns = LARGE * (int)p->columns;
  struct chip *c;
  TRY(planned_chip(&c, p, LARGE * LARGE, 1, rows, columns));
  real *w = normals((size_t)rows * (size_t)vector_padded(columns), 1.0 / 3, r);
  struct synapse *s = chip_synapse(c, 0);
  const double begin_s = clock_s();
  s->ops->program(s, w, chip_rng(c));
  double seconds = clock_s() - begin_s;
  timings_note(timings_add(b, "chip.program.large", "s", &seconds, 1), "%d x %d weights on %d cores, %ld devices", rows,
               columns, LARGE * LARGE, (long)ledger_total(chip_ledger(c)).devices_written);
  free(w);
  chip_free(c);
  return 0;
}

int bench_chip(struct timings *b, const struct run_settings *set) {
  const struct chip_params *p = set->chip;
  const size_t cells = (size_t)p->rows * (size_t)vector_padded((int)p->columns);
  struct rng r = rng_stream(1, RNG_TEST, 1);
  timings_peaks(b, run_threads(set->run));
  real *w = normals(cells, 1.0 / 3, &r);
  int rc = add_core_of(b, p, w, &r);
  for (int by_verify = 0; by_verify < 2 && rc == 0; by_verify++) rc = add_writing(b, p, by_verify, w);
  if (rc == 0) rc = add_large(b, p, &r);
  free(w);
  return rc;
}

// ---- an experiment without figures of its own

static int add_training(struct timings *b, const struct experiment_case *x, int threads) {
  double samples[ITERATIONS + 1];
  char name[64];
  x->settings.run->threads = threads;
  TRY(x->e->time_training(x->set, x->model, ITERATIONS + 1, samples));
  snprintf(name, sizeof name, "%s.iteration.%d_thread%s", x->e->name, threads, threads > 1 ? "s" : "");
  timings_note(timings_add(b, name, "s", samples + 1, ITERATIONS), "one outer update, everything included");
  return 0;
}

static int add_item(struct timings *b, struct experiment_case *x, int kind) {
  struct experiment_scores s;
  char name[64];
  void *result;
  x->settings.synapse->kind = kind;
  TRY(experiment_eval(&result, x));
  x->e->scores(&s, result);
  double seconds = s.seconds / s.n;
  snprintf(name, sizeof name, "%s.item.%s.1_thread", x->e->name, run_synapse_names[kind]);
  timings_note(timings_add(b, name, "s", &seconds, 1), "mean of %d %.*s, each learned and measured", s.n,
               text_named(s.n, x->e->items), x->e->items);
  experiment_result_free(x, result);
  return 0;
}

static int usual(struct timings *b, struct experiment_case *x) {
  const int threads = run_threads(x->settings.run);
  timings_peaks(b, threads);
  TRY(add_training(b, x, threads));
  if (threads > 1) TRY(add_training(b, x, 1));
  x->settings.run->threads = 1;
  *x->settings.items = ITEMS;
  x->settings.synapse->kind = x->e->chip_plan ? RUN_CHIP : RUN_EXACT;  // whose data serve all
  TRY(experiment_data(x));
  TRY(add_item(b, x, RUN_EXACT));
  if (x->e->chip_plan) TRY(add_item(b, x, RUN_CHIP));
  timings_memory(b);
  return 0;
}

int bench_experiment(struct timings *b, struct experiment_case *x, const char *what) {
  if (x->e->bench) return x->e->bench(b, x->set, x->model, what);
  return *what ? err_set(ERR_SETTING, "'%.60s': there is one bench of '%s' only", what, x->e->name) : usual(b, x);
}
