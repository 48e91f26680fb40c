// The files for a report: accuracy after each update, one task image by image, the chip's conductances, and how
// they drift.
//   accuracy.csv, later.csv, ledger.csv, histogram.csv, task.png
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/numbers.h"
#include "base/png.h"
#include "experiment/fewshot/background.h"
#include "experiment/fewshot/deploy.h"
#include "experiment/experiment.h"
#include "device/tile.h"
#include "experiment/fewshot/result.h"

enum { KINDS = RUN_CHIP + 1, BINS = 61, STATES = 3, TIMES = 5 };
static const char *const state_names[STATES] = { "written", "adapted", "month" };
static const double times_s[TIMES] = { 0, 60, 3600, 86400, 2592000 };
#define LATER_S "60,3600,86400,2592000"

struct work {
  const struct experiment_showcase *s;
  const struct fewshot *f;
  const struct fewshot_model *m;
  const struct dataset *data;
  const struct fewshot_result *result[KINDS];
  struct lifetime_quality quality[TIMES][CONVNET_MAX_LAYERS];
  double *histogram;  // (layers, STATES, BINS) share of the cells
  double g_all_uS;    // half of its width
};

// ---- one task, the first of the evaluation

// [[class of every query] after 0..n updates]
static struct json_t *classes_json(const struct adapt_record *a, int steps, int Q, int ways) {
  struct json_t *all = json_array_new();
  const int N = vector_padded(ways);
  int64_t *row = err_calloc((size_t)Q, sizeof *row);
  for (int s = 0; s <= steps; s++) {
    for (int q = 0; q < Q; q++) {
      const real *p = a->pq + ((size_t)s*(size_t)Q + (size_t)q)*(size_t)N;
      row[q] = 0;
      for (int c = 1; c < ways; c++)
        if (p[c] > p[row[q]]) row[q] = c;
    }
    json_put_i64s(all, NULL, row, (size_t)Q);
  }
  free(row);
  return all;
}

// Adapt to the task; chip: on it, NULL: on arrays of the kind.
static struct json_t *classify(const struct work *k, const struct episode *e, int kind, struct chip *chip) {
  const struct fewshot *f = k->f;
  const struct convnet *net = &k->m->net;
  const struct maml_options options = { .steps = (int)f->eval.updates, .rule = (enum convnet_rule)f->eval.batchnorm,
                                        .bits = kind == RUN_QUANTISED ? (int)f->synapse.bits : 0 };
  struct rng noise = rng_stream((uint64_t)f->run.seed, RNG_READ, 0);
  struct synapse *own[CONVNET_MAX_LAYERS];
  struct convnet_fixed fixed;
  struct maml_worker w;
  convnet_fixed_init(&fixed, net);
  maml_worker_init(&w, net, e->shots, e->queries, &options);
  maml_program(&w, net, k->m->parameters, &options, NULL);
  memcpy(own, w.layers, sizeof own);
  if (chip) {
    deploy_layers(w.layers, chip, net);
    maml_hold(&w, net);
  }
  if (options.rule == CONVNET_FIXED) background_measure(&fixed, f, k->data, net, &w.work, w.layers);
  episode_render(e, &k->data->images, w.work.y[0], VECTOR_PADDING);
  maml_adapt(&w, net, k->m->parameters, &options, &fixed, &noise);
  struct json_t *o = json_object_new();
  json_put_text(o, "name", experiment_kind_names[kind]);
  json_put(o, "classes", classes_json(&w.record, options.steps, w.work.n[1], net->ways));
  memcpy(w.layers, own, sizeof own);
  maml_worker_release(&w, net);
  convnet_fixed_release(&fixed);
  return o;
}

// What the network sees of a picture, as a byte of the page: colours as they are, ink black on white.
static unsigned char on_page(const struct work *k, real seen) {
  const bool inverted = k->data->images.channels == 1 && k->f->data.preprocessing != IMAGESET_PUBLISHED;
  const double v = k->data->images.channels == 3 ? ((double)seen + 1)/2 : (double)seen,
               in_range = fmin(fmax(v, 0), 1);
  return (unsigned char)lround(255*(inverted ? 1 - in_range : in_range));
}

// All pictures: a row for each class, its support images before its queries.
static int write_images(const struct work *k, const struct episode *e) {
  const int S = k->data->images.S, C = k->data->images.channels, per = e->shots + e->queries, W = per*S,
            n = episode_images(e);
  real *x = err_calloc((size_t)n*(size_t)(S*S*C), sizeof *x);
  unsigned char *pixels = err_calloc((size_t)e->ways*(size_t)(W*S*C), 1);
  char path[FILE_PATH_SIZE];
  episode_render(e, &k->data->images, x, C);
  for (int i = 0; i < n; i++) {
    const int query = i >= e->ways*e->shots, at = query ? i - e->ways*e->shots : i;
    const int row = at/(query ? e->queries : e->shots), column = query ? e->shots + at%e->queries : at%e->shots;
    for (int p = 0; p < S*S; p++)
      for (int c = 0; c < C; c++)
        pixels[((row*S + p/S)*W + column*S + p%S)*C + c] = on_page(k, x[(i*S*S + p)*C + c]);
  }
  experiment_showcase_path(k->s, "task.png", path);
  const int rc = (C == 3 ? png_rgb_write : png_grey_write)(path, pixels, e->ways*S, W);
  free(pixels);
  free(x);
  return rc;
}

// ---- the chip

static void histogram(struct work *k, const struct chip *c, int state) {
  for (int l = 0; l < chip_matrices(c); l++) {
    const struct synapse *s = chip_matrix(c, l);
    const int OP = vector_padded(s->O);
    real *v = err_calloc((size_t)s->I*(size_t)OP, sizeof *v);
    double *bin = k->histogram + (size_t)((l*STATES + state)*BINS);
    chip_effective(c, l, v);
    chip_over_scale(c, l, v);
    for (int i = 0; i < s->I; i++)
      for (int o = 0; o < s->O; o++) {
        const int b = (int)floor(((double)v[i*OP + o]/1.2 + 1)/2*BINS);
        bin[b < 0 ? 0 : b >= BINS ? BINS - 1 : b] += 1.0/(s->I*s->O);
      }
    free(v);
  }
}

static void age(struct chip *c, double time_s) {
  const int rc = chip_advance(c, fmax(time_s, chip_clock(c)), chip_rng(c));
  assert(rc == 0);  // the times rise
}

static void measure_drift(struct work *k, const struct chip *written, double from_s) {
  struct chip *c = chip_clone(written);
  for (int t = 0; t < TIMES; t++) {
    age(c, from_s + times_s[t]);
    for (int l = 0; l < chip_matrices(c); l++) k->quality[t][l] = lifetime_quality(c, l);
  }
  histogram(k, c, 2);
  chip_free(c);
}

static struct json_t *chip_json(const struct chip *c) {
  struct json_t *o = json_object_new();
  json_put(o, "map", chip_map_json(c));
  json_put_i64(o, "devices", chip_devices(c));
  json_put_text(o, "preset", chip_design(c)->pcm.name);
  return o;
}

// The task on a chip written for it; the chip itself on the way.
static int run_chip(struct work *k, struct json_t *facts, struct json_t *list, const struct episode *e) {
  struct chip *written;
  TRY(fewshot_deploy(&written, k->f, k->m, k->data, e->shots, (uint64_t)k->f->run.seed));
  const double from_s = fmax(k->f->chip.time_s, chip_clock(written));
  age(written, from_s);
  struct chip *adapted = chip_clone(written);
  k->g_all_uS = chip_design(written)->pcm.g_max_uS*chip_design(written)->units;
  histogram(k, written, 0);
  json_put(list, NULL, classify(k, e, RUN_CHIP, adapted));
  histogram(k, adapted, 1);
  measure_drift(k, written, from_s);
  json_put(facts, "chip", chip_json(written));
  chip_free(adapted);
  chip_free(written);
  return 0;
}

static int run_task(struct work *k, struct json_t *facts) {
  const struct fewshot *f = k->f;
  const enum dataset_split split = fewshot_eval_split(f);
  const struct episode_spec spec =
      dataset_spec(&f->data, DATASET_EVALUATION, k->m->net.ways, (int)f->eval.shots, (int)f->eval.queries);
  struct rng draw = rng_stream((uint64_t)f->run.seed, split == DATASET_EVALUATION ? RNG_EVALUATE : RNG_VALIDATE, 0);
  struct json_t *task = json_add_object(facts, "task");
  struct episode e;
  episode_init(&e, spec.ways, spec.shots, spec.queries);
  episode_draw(&e, &spec, &k->data->images, &k->data->split[split], &draw);
  json_put_i64(task, "ways", e.ways);
  json_put_i64(task, "shots", e.shots);
  json_put_i64(task, "queries", e.queries);
  json_put_i64(task, "side", k->data->images.S);
  json_put_text(task, "batchnorm", convnet_rule_names[f->eval.batchnorm]);
  struct json_t *list = json_add_array(task, "classified");
  for (int kind = 0; kind < RUN_CHIP; kind++) json_put(list, NULL, classify(k, &e, kind, NULL));
  int rc = write_images(k, &e);
  if (rc == 0) rc = run_chip(k, facts, list, &e);
  episode_release(&e);
  return rc;
}

// ---- nearest class means of the same features, in software

static int measure_centroid(const struct work *k, struct json_t *facts) {
  struct fewshot f = *k->f;
  struct fewshot_result r;
  struct json_t *o = json_add_object(facts, "centroid");
  f.eval.method = FEWSHOT_CENTROID;
  f.synapse.kind = RUN_EXACT;
  f.eval.later_s[0] = 0;
  f.eval.chips = 1;
  const int rc = fewshot_eval(&r, &f, k->m, k->data);
  if (rc < 0) return rc;
  json_put_f64(o, "accuracy", r.accuracy[0]);
  json_put_known(o, "ci95", r.ci95[0]);
  fewshot_result_release(&r);
  return 0;
}

// ---- tables

static int write_accuracy(const struct work *k) {
  struct file_out o;
  TRY(experiment_showcase_open(&o, k->s, "accuracy.csv"));
  fprintf(o.stream, "updates,software,software_ci95,quantised,quantised_ci95,chip,chip_ci95\n");
  for (int s = 0; s <= k->result[0]->n_updates; s++) {
    fprintf(o.stream, "%d", s);
    for (int kind = 0; kind < KINDS; kind++) {
      numbers_cells(o.stream, &k->result[kind]->accuracy[s], 1);
      numbers_cells(o.stream, &k->result[kind]->ci95[s], 1);
    }
    fputc('\n', o.stream);
  }
  return file_out_commit(&o);
}

// Energy: of learning so far, that is reading the support images and the updates; what writing takes is not published.
static int write_ledger(const struct work *k) {
  const struct fewshot_result *r = k->result[RUN_CHIP];
  double written = 0, addressed = 0, energy_J = r->support.cost.read_energy_J, time_s = r->support.cost.read_time_s;
  struct file_out o;
  TRY(experiment_showcase_open(&o, k->s, "ledger.csv"));
  fprintf(o.stream, "updates,accuracy,ci95,devices_written,devices_addressed,read_energy_J,read_time_s\n");
  for (int s = 0; s <= r->n_updates; s++) {
    if (s > 0) {
      written += r->devices_written[s - 1];
      addressed += r->devices_addressed[s - 1];
      energy_J += r->update[s - 1].cost.read_energy_J;
      time_s += r->update[s - 1].cost.read_time_s;
    }
    const double v[] = { r->accuracy[s], r->ci95[s], written, addressed, energy_J, time_s };
    fprintf(o.stream, "%d", s);
    numbers_cells(o.stream, v, sizeof v/sizeof *v);
    fputc('\n', o.stream);
  }
  return file_out_commit(&o);
}

static int write_later(const struct work *k) {
  const struct fewshot_result *r = k->result[RUN_CHIP];
  const struct convnet *net = &k->m->net;
  char name[32];
  struct file_out o;
  TRY(experiment_showcase_open(&o, k->s, "later.csv"));
  fprintf(o.stream, "seconds,accuracy,ci95");
  for (int l = 0; l <= net->readout; l++) {
    convnet_layer_name(name, net, l);
    fprintf(o.stream, ",%s_kept,%s_error", name, name);
  }
  for (int t = 0; t < TIMES; t++) {
    const int n = r->n_updates;
    const double v[] = { t ? r->later_accuracy[t - 1] : r->accuracy[n], t ? r->later_ci95[t - 1] : r->ci95[n] };
    fprintf(o.stream, "\n%.9g", times_s[t]);
    numbers_cells(o.stream, v, 2);
    for (int l = 0; l <= net->readout; l++)
      fprintf(o.stream, ",%.6g,%.6g", k->quality[t][l].kept, k->quality[t][l].error);
  }
  fputc('\n', o.stream);
  return file_out_commit(&o);
}

static int write_histogram(const struct work *k) {
  const struct convnet *net = &k->m->net;
  char name[32];
  struct file_out o;
  TRY(experiment_showcase_open(&o, k->s, "histogram.csv"));
  fprintf(o.stream, "conductance_uS");
  for (int l = 0; l <= net->readout; l++)
    for (int state = 0; state < STATES; state++) {
      convnet_layer_name(name, net, l);
      fprintf(o.stream, ",%s_%s", name, state_names[state]);
    }
  for (int b = 0; b < BINS; b++) {
    fprintf(o.stream, "\n%.6g", ((b + 0.5)/BINS*2 - 1)*1.2*k->g_all_uS);
    for (int column = 0; column < (net->readout + 1) * STATES; column++)
      fprintf(o.stream, ",%.6g", k->histogram[column * BINS + b]);
  }
  fputc('\n', o.stream);
  return file_out_commit(&o);
}

// ---- all

void fewshot_showcase_set(struct fewshot *f, int kind) {
  f->eval.tasks_file[0] = 0;
  strcpy(f->eval.queries_per_class, "equal");
  f->eval.method = 0;
  strcpy(f->eval.later_s, kind == RUN_CHIP ? LATER_S : "");
}

int fewshot_showcase(const struct experiment_showcase *s) {
  struct work k = { .s = s, .f = s->set, .data = s->data };
  struct fewshot_model other;
  TRY(fewshot_model_suited(&k.m, &other, s->model, k.f, (int)k.f->eval.ways));
  for (int kind = 0; kind < KINDS; kind++) k.result[kind] = s->result[kind];
  k.histogram = err_calloc((size_t)((k.m->net.readout + 1)*STATES*BINS), sizeof(double));
  int rc = run_task(&k, s->facts);
  if (rc == 0) rc = measure_centroid(&k, s->facts);
  if (rc == 0) rc = write_accuracy(&k);
  if (rc == 0) rc = write_ledger(&k);
  if (rc == 0) rc = write_later(&k);
  if (rc == 0) rc = write_histogram(&k);
  free(k.histogram);
  fewshot_model_release(&other);
  return rc;
}
