// Times of few-shot learning: meta-training iterations of several sizes, adapting the model to a task in software and
// on the chip; and from random weights to an evaluated model.
#include "experiment/fewshot/bench.h"

#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/signals.h"
#include "base/stat.h"
#include "base/text.h"
#include "device/tile.h"
#include "experiment/fewshot/result.h"
#include "run/rundir.h"
#include "run/timings.h"

enum { REPEATS = 15, LAYER_REPEATS = 31, TASKS = 100, CHIP_TASKS = 40, QUERIES = 5 };

static const double hour_s = 3600;

// ---- meta-training

static int add_iteration(struct timings *b, const struct fewshot *f, struct dataset *data, int threads, int tasks,
                         double peak) {
  struct fewshot g = *f;
  double samples[REPEATS + 2], operations;
  char name[64];
  g.run.threads = threads;
  g.train.tasks = tasks;
  TRY(fewshot_train_timed(&g, data, REPEATS + 2, samples, &operations));
  snprintf(name, sizeof name, "fewshot.iteration.%d_tasks.%d_thread%s", tasks, threads, threads > 1 ? "s" : "");
  struct timings_figure *figure = timings_add(b, name, "s", samples + 2, REPEATS);
  timings_set_work(figure, operations, peak);
  timings_note(figure, "one meta-training iteration, everything included; operations of the convolutions alone, "
                       "padding not counted");
  return 0;
}

// ---- the convolutions, on one thread and as many images as the support of a task has

enum pass { FORWARD, DATA, WEIGHTS, N_PASSES };

static double pass_seconds(enum pass pass, const struct conv *c, real *x, real *w, real *y) {
  const double begin_s = clock_s();
  if (pass == FORWARD) conv_forward(y, x, w, c);
  else if (pass == DATA) conv_backward_data(x, y, w, c);
  else conv_backward_weights(w, x, y, c);
  return clock_s() - begin_s;
}

// Random numbers in the first n of every vector_padded(n).
static real *random_rows(long rows, int n, struct rng *r) {
  const long ld = vector_padded(n);
  real *x = err_aligned((size_t)(rows*ld), sizeof *x);
  for (long i = 0; i < rows; i++)
    for (int k = 0; k < n; k++) x[i*ld + k] = (real)(rng_uniform(r) - 0.5);
  return x;
}

static void add_layer(struct timings *b, const struct conv *c, int l, struct rng *r) {
  static const char *const names[N_PASSES] = { "forward", "data", "weights" };
  real *x = random_rows((long)c->B*c->H*c->W, c->C, r), *w = random_rows((long)c->k*c->k*c->C, c->O, r);
  real *y = random_rows((long)c->B*c->OH*c->OW, c->O, r);
  double samples[N_PASSES][LAYER_REPEATS];
  char name[64];
  for (int k = 0; k < LAYER_REPEATS; k++)
    for (int pass = 0; pass < N_PASSES; pass++) samples[pass][k] = pass_seconds((enum pass)pass, c, x, w, y);
  for (int pass = 0; pass < N_PASSES; pass++) {
    snprintf(name, sizeof name, "fewshot.layer_%d.%s", l + 1, names[pass]);
    struct timings_figure *figure = timings_add(b, name, "s", samples[pass], LAYER_REPEATS);
    timings_set_work(figure, conv_flop(c), b->peak1);
    timings_note(figure, "%d images of %d x %d x %d, %d channels out", c->B, c->H, c->W, c->C, c->O);
  }
  free(x);
  free(w);
  free(y);
}

static int add_layers(struct timings *b, const struct fewshot *f, const struct convnet *net, struct dataset *data) {
  struct rng r = rng_stream(1, RNG_TEST, 2);
  for (int l = 0; l < net->blocks; l++) {
    const struct conv shape = convnet_shape(net, l, net->ways * (int)f->train.shots);
    add_layer(b, &shape, l, &r);
  }
  return add_iteration(b, f, data, run_threads(&f->run), (int)f->train.tasks, b->peak);
}

// ---- one task after another on one thread: features, updates, classification of the queries

struct task {
  const struct fewshot_model *model;
  const struct dataset *data;
  struct episode_spec spec;
  struct episode episode;
  struct maml_options options;
  struct maml_worker worker;
  struct chip *chip, *clone;  // NULL in software
  struct rng r;
};

static int task_init(struct task *t, const struct fewshot *f, const struct fewshot_model *model,
                     const struct dataset *data) {
  const struct convnet *net = &model->net;
  const int shots = (int)f->train.shots;
  const enum convnet_rule rule = f->train.batchnorm == 1 ? CONVNET_SUPPORT : CONVNET_TASK;
  *t = (struct task){ .model = model, .data = data, .options = { .steps = net->steps, .rule = rule },
                      .r = rng_stream(1, RNG_TEST, 0) };
  t->spec = dataset_spec(&f->data, DATASET_VALIDATION, net->ways, shots, QUERIES);
  TRY(episode_check(&t->spec, &data->images, &data->split[DATASET_TRAINING], "training"));
  maml_worker_init(&t->worker, net, shots, QUERIES, &t->options);
  maml_program(&t->worker, net, model->parameters, &t->options, NULL);
  episode_init(&t->episode, net->ways, shots, QUERIES);
  return 0;
}

static void task_release(struct task *t) {
  maml_worker_release(&t->worker, &t->model->net);
  episode_release(&t->episode);
  chip_free(t->clone);
  chip_free(t->chip);
}

static void draw(struct task *t) {
  episode_draw(&t->episode, &t->spec, &t->data->images, &t->data->split[DATASET_TRAINING], &t->r);
}
static void render(struct task *t, real *x) { episode_render(&t->episode, &t->data->images, x, VECTOR_PADDING); }

static void add_task(struct timings *b, struct task *t) {
  const struct convnet *net = &t->model->net;
  double samples[TASKS], operations = 0;
  for (int k = 0; k < TASKS; k++) {
    draw(t);
    const double begin_s = clock_s();
    render(t, t->worker.work.y[0]);
    maml_restore(&t->worker, net, t->model->parameters);
    maml_adapt(&t->worker, net, t->model->parameters, &t->options, NULL, NULL);
    samples[k] = clock_s() - begin_s;
  }
  for (int l = 0; l < net->blocks; l++) {
    const struct conv shape = convnet_shape(net, l, t->worker.work.n[0] + t->worker.work.n[1]);
    operations += conv_flop(&shape);
  }
  struct timings_figure *figure = timings_add(b, "fewshot.adapt_task.1_thread", "s", samples, TASKS);
  timings_set_work(figure, operations, b->peak1);
  timings_note(figure, "%d-way %d-shot, %d update%s, %d queries classified", net->ways, t->spec.shots, net->steps,
               text_s(net->steps), t->worker.work.n[1]);
}

// Write the model and let it age an hour.
static int deploy(struct task *t, const struct fewshot *f) {
  const struct convnet *net = &t->model->net;
  TRY(fewshot_deploy(&t->chip, f, t->model, t->data, t->spec.shots, 1));
  TRY(chip_advance(t->chip, fmax(f->chip.time_s, hour_s), chip_rng(t->chip)));
  for (int l = 0; l <= net->readout; l++) t->worker.layers[l]->ops->free(t->worker.layers[l]);
  t->clone = chip_clone(t->chip);
  deploy_layers(t->worker.layers, t->clone, net);
  maml_hold(&t->worker, net);
  return 0;
}

static int add_chip_task(struct timings *b, struct task *t, const struct fewshot *f) {
  double samples[CHIP_TASKS];
  TRY(deploy(t, f));
  ledger_reset(chip_ledger(t->clone));
  for (int k = 0; k < CHIP_TASKS; k++) {
    draw(t);
    render(t, t->worker.work.y[0]);
    const double begin_s = clock_s();
    chip_copy(t->clone, t->chip);
    maml_adapt(&t->worker, &t->model->net, t->model->parameters, &t->options, NULL, &t->r);
    samples[k] = clock_s() - begin_s;
  }
  const struct ledger_counts n = ledger_total(chip_ledger(t->clone));
  const struct tile_design *d = chip_design(t->clone);
  const double per_cell = d->units * d->pcm.devices * (d->one_phase ? 2 : 1);
  struct timings_figure *figure = timings_add(b, "chip.adapt_task", "s", samples, CHIP_TASKS);
  timings_set_work(figure, 2 * 2 * (double)n.devices_read / per_cell / CHIP_TASKS,
                   b->peak1); // of inputs that are not 0
  timings_note(figure,
               "%d-way %d-shot, %d update%s, %d queries classified, chip restored: %.3g conversions and normal "
               "numbers, %.0f devices written",
               t->model->net.ways, t->spec.shots, t->model->net.steps, text_s(t->model->net.steps),
               t->worker.work.n[1], (double)n.output_conversions / CHIP_TASKS, (double)n.devices_written / CHIP_TASKS);
  return 0;
}

// ---- from random weights to an evaluated model

static int remove_entry(const char *path, const struct stat *s, int type, struct FTW *at) {
  (void)s, (void)type, (void)at;
  return remove(path);
}

// Train in `folder`, evaluate, and add the two figures.
static int learn_in(struct timings *b, struct fewshot *f, const char *folder) {
  struct fewshot_model model;
  struct fewshot_result r;
  char path[600], run[512], ci95[STAT_TEXT];
  snprintf(run, sizeof run, "%s/run", folder);
  snprintf(path, sizeof path, "%s/" RUNDIR_MODEL, run);
  const double begin_s = clock_s();
  TRY(fewshot_train(f, run, false));
  TRY(fewshot_model_load(&model, f, path, &(struct run_sources){ 0 }));
  const int rc = fewshot_load_and_eval(&r, f, &model);
  double seconds = clock_s() - begin_s;
  fewshot_model_release(&model);
  TRY(rc);
  double accuracy = r.accuracy[r.n_updates];
  struct timings_figure *figure = timings_add(b, "fewshot.learn", "s", &seconds, 1);
  timings_note(figure, "%d iteration%s from random weights, and %d evaluation task%s", (int)f->training.iterations,
               text_s(f->training.iterations), r.n_tasks, text_s(r.n_tasks));
  figure = timings_add(b, "fewshot.learn.accuracy", "", &accuracy, 1);
  timings_note(figure, "+- %s, evaluation classes, batch norm '%s'", stat_ci95_text(ci95, r.ci95[r.n_updates], 4),
               convnet_rule_names[f->eval.batchnorm]);
  fewshot_result_release(&r);
  return 0;
}

static int learn(struct timings *b, struct fewshot *f) {
  char folder[] = "/tmp/metaxbar-bench-XXXXXX";
  if (!mkdtemp(folder)) return err_set(ERR_IO, "%s: cannot make a temporary folder", folder);
  signals_watch();  // so that the folder is removed
  const int rc = learn_in(b, f, folder);
  signals_unwatch();
  nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  return rc;
}

// ---- all

static int add_iterations(struct timings *b, const struct fewshot *f, struct dataset *data) {
  static const int tasks[] = { 8, 16, 32, 64 };
  for (int k = 0; k < 4; k++) TRY(add_iteration(b, f, data, run_threads(&f->run), tasks[k], b->peak));
  return add_iteration(b, f, data, 1, 32, b->peak1);
}

static int add_tasks(struct timings *b, const struct fewshot *f, const struct fewshot_model *model,
                     const struct dataset *data, bool software) {
  struct task t;
  TRY(task_init(&t, f, model, data));
  if (software) add_task(b, &t);
  const int rc = add_chip_task(b, &t, f);
  task_release(&t);
  return rc;
}

// ---- the wide network of colour images

enum { WIDE_CORES = 64, COLOUR_CLASSES = 20, COLOUR_IMAGES = 40 };

// The network of Ortner et al. for CIFAR100-FS, and its outer update.
static void wide_defaults(struct fewshot *f) {
  f->data.size = 32;
  f->data.channels = 3;
  f->net.channels = f->net.hidden = 256;
  f->net.bias = CONVNET_BIAS_DIGITAL;
  f->net.steps = 5;
  f->train.tasks = 4;
  f->train.batchnorm = CONVNET_SUPPORT;
  f->train.validate_tasks = 0;
  f->chip.cores = WIDE_CORES;
}

// Images of noise: what they show does not change the work.
static void invent_colours(struct dataset *data, int S) {
  struct rng r = rng_stream(1, RNG_TEST, 1);
  const size_t n = 3*(size_t)S*(size_t)S;
  unsigned char *pixels = err_calloc(n, 1);
  *data = (struct dataset){ 0 };
  imageset_init_colour(&data->images, S);
  data->split[DATASET_TRAINING].id = err_calloc(COLOUR_CLASSES, sizeof(int));
  for (int c = 0; c < COLOUR_CLASSES; c++) {
    char name[32];
    snprintf(name, sizeof name, "class %d", c + 1);
    imageset_add_class(&data->images, name, name);
    for (int i = 0; i < COLOUR_IMAGES; i++) {
      for (size_t k = 0; k < n; k++) pixels[k] = (unsigned char)rng_u32(&r);
      imageset_add_colour(&data->images, pixels, S, S);
    }
    data->split[DATASET_TRAINING].id[data->split[DATASET_TRAINING].n++] = c;
  }
  free(pixels);
}

// On images of noise unless the settings name others.
static int wide(struct timings *b, const struct fewshot *f, const struct fewshot_model *model) {
  struct dataset data;
  if (f->data.kind == DATASET_BUILTIN) invent_colours(&data, (int)f->data.size);
  else TRY(dataset_load(&data, &f->data, DATASET_BACKGROUND_ONLY));
  timings_peaks(b, run_threads(&f->run));
  int rc = add_iteration(b, f, &data, run_threads(&f->run), (int)f->train.tasks, b->peak);
  if (rc == 0) rc = add_iteration(b, f, &data, 1, (int)f->train.tasks, b->peak1);
  timings_memory(b);
  if (rc == 0) rc = add_tasks(b, f, model, &data, true);
  dataset_release(&data);
  return rc;
}

bool fewshot_bench_defaults(struct fewshot *f, const char *what) {
  const bool is_wide = !strcmp(what, "cifar");
  f->data.kind = DATASET_BUILTIN;
  if (is_wide) wide_defaults(f);
  if (strcmp(what, "learn")) return is_wide;
  f->data.validation = 0;
  f->training.iterations = 1500;
  return false;
}

int fewshot_bench(struct timings *b, struct fewshot *f, const struct fewshot_model *model, const char *what) {
  const bool all = !*what, layers = !strcmp(what, "layers");
  struct dataset data;
  if (!strcmp(what, "learn") && model->path[0])
    return err_set(ERR_SETTING, "--model %s: learn begins with random weights", model->path);
  if (!strcmp(what, "learn")) return learn(b, f);
  if (!strcmp(what, "cifar")) return wide(b, f, model);
  if (!all && !layers && strcmp(what, "chip"))
    return err_set(ERR_SETTING, "'%.60s': must be one of chip, layers, cifar, learn", what);
  TRY(dataset_load(&data, &f->data, DATASET_BACKGROUND_ONLY));
  timings_peaks(b, run_threads(&f->run));
  int rc = all ? add_iterations(b, f, &data) : layers ? add_layers(b, f, &model->net, &data) : 0;
  if (rc == 0 && !layers) rc = add_tasks(b, f, model, &data, all);
  if (rc == 0 && all) timings_memory(b);
  dataset_release(&data);
  return rc;
}
