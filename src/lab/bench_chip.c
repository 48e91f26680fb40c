// The simulated chip, on one thread.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "lab/bench.h"
#include "experiment/fewshot/deploy.h"
#include "kernel/noise.h"

enum { VECTORS = 256, REPEATS = 31, WRITES = 9, TASKS = 40, CALIBRATION_TASKS = 8 };

static const double hour_s = 3600;

static real *normals(size_t n, double spread, struct rng *r) {
  real *x = err_aligned(n, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (real)(spread * rng_normal(r));
  return x;
}

// A chip of f->chip that n full cores are needed for, written with w (rows, padded columns) each.
static int full_chip(struct chip **out, const struct chip_params *given, int n, const real *w) {
  struct chip_params p = *given;
  p.cores = n;
  TRY(chip_new(out, &p, 1));
  struct chip *c = *out;
  for (int m = 0; m < n; m++) chip_add(c, "full", (int)p.rows, (int)p.columns, 0);
  const int rc = chip_build(c);
  for (int m = 0; m < n && rc == 0; m++) {
    struct synapse *s = chip_synapse(c, m);
    s->ops->program(s, w, &c->rng);
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
  const int rows = (int)c->params.rows, columns = (int)c->params.columns;
  const size_t ld = (size_t)conv_padded(rows), in = VECTORS * ld;
  b->shape = conv_shape(VECTORS, 1, 1, rows, columns, 1, 1, 0);
  b->x = normals(in, 1.0/3, r);
  for (size_t i = 0; i < in; i++)
    if (i % ld >= (size_t)rows) b->x[i] = 0;
  for (int s = 0; s < 2; s++) {
    b->part[s] = err_aligned(in, sizeof(real));
    for (size_t i = 0; i < in; i++) {
      const real x = s ? -b->x[i] : b->x[i];
      b->part[s][i] = c->design.one_phase || x > 0 ? x : 0;
    }
  }
  b->y = err_aligned(VECTORS * (size_t)conv_padded(columns), sizeof(real));
}

static void batch_release(struct batch *b) {
  free(b->x);
  free(b->part[0]);
  free(b->part[1]);
  free(b->y);
}

static double exact_seconds(const struct batch *b, const struct chip *c) {
  const double begin = clock_s();
  const int signs = c->design.one_phase ? 1 : 2;
  for (int in = 0; in < signs; in++)
    for (int s = 0; s < signs; s++) conv_forward(b->y, b->part[in], c->tiles[0].g[s], &b->shape);
  return clock_s() - begin;
}

static double chip_seconds(const struct batch *b, struct chip *c, struct rng *r) {
  struct synapse *s = chip_synapse(c, 0);
  const double begin = clock_s();
  s->ops->product(s, b->y, b->x, &b->shape, r);
  return clock_s() - begin;
}

static void add_core(struct bench *b, struct chip *c, const struct batch *batch, struct rng *r) {
  double exact[REPEATS + 1], chip[REPEATS + 1];
  ledger_reset(&c->ledger);
  for (int k = 0; k <= REPEATS; k++) {  // the first to warm up
    exact[k] = exact_seconds(batch, c);
    chip[k] = chip_seconds(batch, c, r);
  }
  const struct ledger_counts n = ledger_total(&c->ledger);
  const double phases = (double)n.phases / (double)n.products;
  const double operations = conv_flop(&batch->shape) * phases;
  struct bench_figure *e = bench_add(b, "chip.core.exact", "s", exact + 1, REPEATS);
  bench_set_work(e, operations, b->peak1);
  snprintf(e->note, sizeof e->note, "%d vectors through %d x %d weights, once for each of %g phases", VECTORS, batch->shape.C, batch->shape.O, phases);
  struct bench_figure *f = bench_add(b, "chip.core.product", "s", chip + 1, REPEATS);
  bench_set_work(f, 2 * operations, b->peak1);
  snprintf(f->note, sizeof f->note, "the same on the chip, %s: charges and their variances, %.0f conversions and as many normal numbers",
           c->design.pcm.name, (double)n.output_conversions / (REPEATS + 1));
  double ratio = f->value / e->value;
  struct bench_figure *q = bench_add(b, "chip.core.over_exact", "", &ratio, 1);
  q->fastest = f->fastest / e->fastest;
  snprintf(q->note, sizeof q->note, "ratio of the medians, of the fastest; one took turns with the other");
}

static int bench_core(struct bench *b, const struct chip_params *p, const real *w, struct rng *r) {
  struct chip *c;
  struct batch batch;
  TRY(full_chip(&c, p, 1, w));
  chip_calibrate(c, &c->rng);
  const int rc = chip_advance(c, fmax(p->time_s, hour_s), &c->rng);
  if (rc == 0) {
    batch_init(&batch, c, r);
    add_core(b, c, &batch, r);
    batch_release(&batch);
  }
  chip_free(c);
  return rc;
}

// ---- writing

static int bench_writing(struct bench *b, const struct chip_params *given, int by_verify, const real *w) {
  struct chip_params p = *given;
  struct chip *c;
  double samples[WRITES];
  p.programming = by_verify;
  TRY(full_chip(&c, &p, 2, w));
  for (int k = 0; k < WRITES; k++) {
    ledger_reset(&c->ledger);
    const double begin = clock_s();
    for (int m = 0; m < 2; m++) {
      struct synapse *s = chip_synapse(c, m);
      s->ops->program(s, w, &c->rng);
    }
    samples[k] = clock_s() - begin;
  }
  const struct ledger_counts n = ledger_total(&c->ledger);
  struct bench_figure *f = bench_add(b, by_verify ? "chip.program.verify" : "chip.program.statistical", "s", samples, WRITES);
  int length = snprintf(f->note, sizeof f->note, "%ld cells, %ld devices", (long)n.weights_written, (long)n.devices_written);
  if (by_verify) snprintf(f->note + length, sizeof f->note - (size_t)length, ", %ld pulses, %ld reads", (long)n.pulses, (long)n.verify_reads);
  chip_free(c);
  return 0;
}

// ---- a task

struct task {
  const struct fewshot_model *model;
  const struct dataset *data;
  struct episode_spec spec;
  struct episode episode;
  struct maml_options options;
  struct maml_worker worker;
  struct chip *chip, *clone;
};

static void draw(struct task *t, real *x, struct rng *r) {
  episode_draw(&t->episode, &t->spec, &t->data->images, &t->data->split[DATASET_TRAINING], r);
  episode_render(&t->episode, &t->data->images, x, CONV_LANES);
}

// Write the model, calibrated on the support images of a few tasks.
static int deploy(struct task *t, const struct fewshot *f, struct rng *r) {
  const struct convnet *net = &t->model->net;
  const int group = net->ways * t->spec.shots;
  const size_t image = (size_t)(net->side[0] * net->side[0]) * CONV_LANES, support = (size_t)group * image;
  const size_t room = CALIBRATION_TASKS * support + (size_t)episode_images(&t->episode) * image;
  real *x = memset(err_aligned(room, sizeof *x), 0, room * sizeof *x);
  for (int k = 0; k < CALIBRATION_TASKS; k++) draw(t, x + (size_t)k * support, r);
  const int rc = deploy_convnet(&t->chip, &f->chip, 1, net, t->model->parameters, x, CALIBRATION_TASKS * group, group);
  free(x);
  TRY(rc);
  const int aged = chip_advance(t->chip, fmax(f->chip.time_s, hour_s), &t->chip->rng);
  if (aged < 0) {
    chip_free(t->chip);
    return aged;
  }
  for (int l = 0; l <= net->blocks; l++) t->worker.layers[l]->ops->free(t->worker.layers[l]);
  t->clone = chip_clone(t->chip);
  deploy_layers(t->worker.layers, t->clone, net);
  return 0;
}

static void add_task(struct bench *b, struct task *t, struct rng *r) {
  double samples[TASKS];
  ledger_reset(&t->clone->ledger);
  for (int k = 0; k < TASKS; k++) {
    draw(t, t->worker.work.y[0], r);
    const double begin = clock_s();
    chip_copy(t->clone, t->chip);
    maml_adapt(&t->worker, &t->model->net, t->model->parameters, &t->options, NULL, r);
    samples[k] = clock_s() - begin;
  }
  const struct ledger_counts n = ledger_total(&t->clone->ledger);
  const double per_cell = t->clone->design.units * t->clone->design.pcm.devices * (t->clone->design.one_phase ? 2 : 1);
  struct bench_figure *f = bench_add(b, "chip.adapt_task", "s", samples, TASKS);
  bench_set_work(f, 2 * 2 * (double)n.devices_read / per_cell / TASKS, b->peak1);  // of inputs that are not 0
  snprintf(f->note, sizeof f->note, "%d-way %d-shot, %d updates, %d queries classified, chip restored: %.3g conversions and normal numbers, %.0f devices written",
           t->model->net.ways, t->spec.shots, t->model->net.steps, t->worker.work.n[1], (double)n.output_conversions / TASKS,
           (double)n.devices_written / TASKS);
}

static int bench_task(struct bench *b, const struct fewshot *f, const struct fewshot_model *model, const struct dataset *data, struct rng *r) {
  const struct convnet *net = &model->net;
  const int shots = (int)f->train.shots, queries = 5;
  struct task t = { .model = model, .data = data, .options = { .steps = net->steps, .rule = CONVNET_TASK } };
  t.spec = dataset_spec(&f->data, DATASET_VALIDATION, net->ways, shots, queries);
  TRY(episode_check(&t.spec, &data->images, &data->split[DATASET_TRAINING], "training"));
  maml_worker_init(&t.worker, net, shots, queries, &t.options);
  episode_init(&t.episode, net->ways, shots, queries);
  const int rc = deploy(&t, f, r);
  if (rc == 0) add_task(b, &t, r);
  maml_worker_release(&t.worker, net);
  episode_release(&t.episode);
  chip_free(t.clone);
  if (rc == 0) chip_free(t.chip);
  return rc;
}

int bench_chip(struct bench *b, struct fewshot *f, const struct fewshot_model *model) {
  const size_t cells = (size_t)f->chip.rows * (size_t)conv_padded((int)f->chip.columns);
  struct rng r = rng_stream(1, RNG_TEST, 1);
  struct dataset data;
  TRY(dataset_load(&data, &f->data, DATASET_BACKGROUND_ONLY));
  real *w = normals(cells, 1.0/3, &r);
  int rc = bench_core(b, &f->chip, w, &r);
  for (int by_verify = 0; by_verify < 2 && rc == 0; by_verify++) rc = bench_writing(b, &f->chip, by_verify, w);
  if (rc == 0) rc = bench_task(b, f, model, &data, &r);
  free(w);
  dataset_release(&data);
  return rc;
}
