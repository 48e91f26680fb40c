#include "lab/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "chip/chip.h"
#include "device/tile.h"
#include "experiment/experiment.h"
#include "kernel/conv.h"
#include "run/timings.h"

enum { VECTORS = 256, REPEATS = 31, WRITES = 9, ITERATIONS = 15, ITEMS = 40 };

static const double hour_s = 3600;

static real *normals(size_t n, double spread, struct rng *r) {
  real *x = err_aligned(n, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (real)(spread * rng_normal(r));
  return x;
}

// A chip that n full cores are needed for, written with w (rows, padded columns) each.
static int full_chip(struct chip **out, const struct chip_params *given, int n, const real *w) {
  struct chip_params p = *given;
  p.cores = n;
  TRY(chip_new(out, &p, 1));
  struct chip *c = *out;
  for (int m = 0; m < n; m++) chip_add(c, "full", (int)p.rows, (int)p.columns);
  const int rc = chip_build(c);
  for (int m = 0; m < n && rc == 0; m++) {
    struct synapse *s = chip_synapse(c, m);
    s->ops->program(s, w, chip_rng(c));
  }
  if (rc < 0) chip_free(c);
  return rc;
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

static void add_core(struct timings *b, struct chip *c, const struct batch *batch, struct rng *r) {
  double exact[REPEATS + 1], chip[REPEATS + 1];
  ledger_reset(chip_ledger(c));
  for (int k = 0; k <= REPEATS; k++) {  // the first to warm up
    exact[k] = exact_seconds(batch, c);
    chip[k] = chip_seconds(batch, c, r);
  }
  const struct ledger_counts n = ledger_total(chip_ledger(c));
  const double phases = (double)n.phases / (double)n.products;
  const double operations = conv_flop(&batch->shape) * phases;
  struct timings_figure *e = timings_add(b, "chip.core.exact", "s", exact + 1, REPEATS);
  timings_set_work(e, operations, b->peak1);
  timings_note(e, "%d vectors through %d x %d weights, once for each of %g phases", VECTORS, batch->shape.C,
               batch->shape.O, phases);
  struct timings_figure *f = timings_add(b, "chip.core.product", "s", chip + 1, REPEATS);
  timings_set_work(f, 2 * operations, b->peak1);
  timings_note(f, "the same on the chip, %s: charges and their variances, %.0f conversions and as many normal numbers",
               chip_design(c)->pcm.name, (double)n.output_conversions / (REPEATS + 1));
  double ratio = f->value / e->value;
  struct timings_figure *q = timings_add(b, "chip.core.over_exact", "", &ratio, 1);
  q->fastest = f->fastest / e->fastest;
  timings_note(q, "ratio of the medians, of the fastest; one took turns with the other");
}

static int add_core_of(struct timings *b, const struct chip_params *p, const real *w, struct rng *r) {
  struct chip *c;
  struct batch batch;
  TRY(full_chip(&c, p, 1, w));
  chip_calibrate(c, chip_rng(c));
  const int rc = chip_advance(c, fmax(p->time_s, hour_s), chip_rng(c));
  if (rc == 0) {
    batch_init(&batch, c, r);
    add_core(b, c, &batch, r);
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

int bench_chip(struct timings *b, const struct run_settings *set) {
  const struct chip_params *p = set->chip;
  const size_t cells = (size_t)p->rows * (size_t)vector_padded((int)p->columns);
  struct rng r = rng_stream(1, RNG_TEST, 1);
  timings_peaks(b, run_threads(set->run));
  real *w = normals(cells, 1.0 / 3, &r);
  int rc = add_core_of(b, p, w, &r);
  for (int by_verify = 0; by_verify < 2 && rc == 0; by_verify++) rc = add_writing(b, p, by_verify, w);
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
  timings_note(timings_add(b, name, "s", &seconds, 1), "mean of %d %s, each learned and measured", s.n, x->e->items);
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
  return *what ? err_set(ERR_SETTING, "bench %s: '%.60s': it has one bench only", x->e->name, what) : usual(b, x);
}
