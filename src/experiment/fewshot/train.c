// Meta-training: the outer loop over batches of tasks, its checkpoints and its records.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/note.h"
#include "base/pool.h"
#include "base/progress.h"
#include "base/rng.h"
#include "run/rundir.h"
#include "base/signals.h"
#include "base/tensorfile.h"
#include "run/checkpoint.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/fewshot/inloop.h"
#include "kernel/adam.h"

// Sums since the last row of metrics.csv: loss; query accuracy after one update, after the last.
enum { LOSS, FIRST, LAST, N_TALLY };

struct training {
  const struct fewshot *f;
  struct fewshot_model model;
  struct dataset data;
  struct episode_spec spec;
  struct maml_options options[2];   // rule of even and odd tasks
  int n_workers;
  struct maml_worker *workers;
  struct episode *episodes;         // (n_workers)
  struct inloop *chips;             // (n_workers) train.synapse; else NULL
  struct pool *pool;
  struct rundir run;
  real *gradients;                  // (tasks, n) one block a task, so that sums keep their order
  real *gradient, *moment1, *moment2;
  double *loss;                     // (tasks)
  int *first, *last;                // (tasks) correct queries
  double tally[N_TALLY];
  int64_t tallied;                  // tasks in tally
  int64_t iteration;                // finished
};

static struct maml_options options_of(const struct fewshot *f, int odd) {
  const struct fewshot_train_params *t = &f->train;
  struct maml_options o = { .steps = (int)f->net.steps, .bits = (int)t->bits };
  o.rule = t->batchnorm == 2 ? (odd ? CONVNET_SUPPORT : CONVNET_TASK) : (enum convnet_rule)t->batchnorm;
  o.noise = t->noise;
  struct pcm pcm;
  pcm_preset(&pcm, (int)f->chip.preset);
  for (int k = 0; k < MAML_NOISE_POINTS; k++)  // of the active devices, and of those that rest in RESET
    o.noise_sigma[k] = (float)hypot(pcm_curve_at(&pcm.sigma_prog, (double)k / (MAML_NOISE_POINTS - 1)), pcm.sigma_reset);
  for (int s = 1; s <= o.steps; s++) o.weight[s] = t->query_loss ? 1.0 / o.steps : s == o.steps;
  return o;
}

// The images of a task into the worker's input.
static void draw_task(struct training *t, uint32_t index, int worker) {
  struct rng draw = rng_stream((uint64_t)t->f->run.seed, RNG_EPISODE, index);
  episode_draw(&t->episodes[worker], &t->spec, &t->data.images, &t->data.split[DATASET_TRAINING], &draw);
  episode_render(&t->episodes[worker], &t->data.images, t->workers[worker].work.y[0], CONV_LANES);
}

static uint32_t task_index(const struct training *t, int task) { return (uint32_t)(t->iteration * t->f->train.tasks + task); }

// One task whose weights are in the worker's layers.
static void learn_task(struct training *t, int task, int worker, struct rng *noise) {
  const struct convnet *net = &t->model.net;
  struct maml_worker *w = &t->workers[worker];
  const struct maml_options *o = &t->options[task % 2];
  real *gradient = t->gradients + (size_t)task * net->n;
  maml_adapt(w, net, t->model.parameters, o, NULL, noise);
  memset(gradient, 0, net->n * sizeof *gradient);
  t->loss[task] = maml_backward(w, net, t->model.parameters, gradient, o);
  t->first[task] = w->record.correct[1];
  t->last[task] = w->record.correct[o->steps];
}

static void run_task(void *context, int task, int worker) {
  struct training *t = context;
  struct rng noise = rng_stream((uint64_t)t->f->run.seed, RNG_QUANTISE, task_index(t, task));
  draw_task(t, task_index(t, task), worker);
  maml_program(&t->workers[worker], &t->model.net, t->model.parameters, &t->options[task % 2], &noise);
  learn_task(t, task, worker, &noise);
}

// Write one chip, calibrate it on the support images of its first task, learn its tasks on it.
static void run_chip(void *context, int chip, int worker) {
  struct training *t = context;
  const struct fewshot_train_params *p = &t->f->train;
  const int first = (int)(p->tasks * chip / p->chips), end = (int)(p->tasks * (chip + 1) / p->chips);
  struct rng seed = rng_stream((uint64_t)t->f->run.seed, RNG_PROGRAM, task_index(t, first));
  for (int task = first; task < end; task++) {
    struct rng noise = rng_stream((uint64_t)t->f->run.seed, RNG_READ, task_index(t, task));
    draw_task(t, task_index(t, task), worker);
    if (task == first)
      inloop_write(&t->chips[worker], &t->workers[worker], &t->model.net, t->model.parameters,
                   (uint64_t)rng_u32(&seed) << 32 | rng_u32(&seed), p->time_max_s);
    inloop_begin(&t->chips[worker]);
    learn_task(t, task, worker, &noise);
  }
}

enum { SLICES = 16 };

// One slice of the mean gradient, tasks in order.
static void sum_slice(void *context, int slice, int worker) {
  struct training *t = context;
  (void)worker;
  const size_t n = t->model.net.n, begin = n * (size_t)slice / SLICES, end = n * (size_t)(slice + 1) / SLICES;
  const real scale = (real)1 / (real)t->f->train.tasks;
  for (size_t i = begin; i < end; i++) t->gradient[i] = t->gradients[i];
  for (int k = 1; k < t->f->train.tasks; k++) {
    const real *g = t->gradients + (size_t)k * n;
    for (size_t i = begin; i < end; i++) t->gradient[i] += g[i];
  }
  for (size_t i = begin; i < end; i++) t->gradient[i] *= scale;
}

static double learning_rate(const struct fewshot_train_params *p, int64_t iteration) {
  if (p->schedule == 0) return p->rate;
  return p->rate * 0.5 * (1 + cos(3.14159265358979323846 * (double)iteration / (double)p->iterations));
}

static int outer_update(struct training *t) {
  const struct fewshot_train_params *p = &t->f->train;
  const struct convnet *net = &t->model.net;
  if (t->chips) pool_run(t->pool, (int)p->chips, run_chip, t);
  else pool_run(t->pool, (int)p->tasks, run_task, t);
  pool_run(t->pool, SLICES, sum_slice, t);
  for (int k = 0; k < p->tasks; k++) {
    if (!isfinite(t->loss[k]))
      return err_set(ERR_DIVERGED, "iteration %lld: loss of task %d is not finite", (long long)t->iteration + 1, k);
    t->tally[LOSS] += t->loss[k];
    t->tally[FIRST] += (double)t->first[k] / t->workers[0].work.n[1];
    t->tally[LAST] += (double)t->last[k] / t->workers[0].work.n[1];
  }
  t->tallied += p->tasks;
  if (!p->learn_inner_rate) memset(t->gradient + net->rates, 0, (net->n - net->rates) * sizeof *t->gradient);
  adam_step(t->model.parameters, t->moment1, t->moment2, t->gradient, net->n, learning_rate(p, t->iteration), ADAM_EPSILON,
            (long)t->iteration + 1);
  t->iteration++;
  for (size_t i = 0; i < net->n; i++)
    if (!isfinite(t->model.parameters[i]))
      return err_set(ERR_DIVERGED, "iteration %lld: a weight is not finite", (long long)t->iteration);
  return 0;
}

// Whether the bits of a run depend on a setting.
static bool matters(const void *context, const char *key) {
  const struct fewshot *f = context;
  static const char *const never[] = { "run.threads", "data.path", "train.checkpoint_every_s", "eval.", "synapse.", "ledger.", NULL };
  for (int k = 0; never[k]; k++)
    if (!strncmp(key, never[k], strlen(never[k]))) return false;
  const bool of_chip = !strncmp(key, "chip.", 5) || !strncmp(key, "verify.", 7);
  return !of_chip || f->train.synapse != INLOOP_NONE || !strcmp(key, "chip.preset");  // train.noise needs the preset
}

static struct checkpoint checkpoint_of(struct training *t) {
  return (struct checkpoint){
    .run = &t->run, .sections = t->f->sections, .matters = matters, .context = t->f, .n = t->model.net.n,
    .parameters = t->model.parameters, .moment1 = t->moment1, .moment2 = t->moment2, .iterations = t->f->train.iterations,
    .iteration = &t->iteration, .n_tally = N_TALLY, .tally = t->tally, .tallied = &t->tallied,
  };
}

static int load_checkpoint(struct training *t) {
  const struct checkpoint checkpoint = checkpoint_of(t);
  return checkpoint_load(&checkpoint);
}

// A row of metrics.csv, with validation where it is due; the tally starts anew.
static int record(struct training *t) {
  const struct fewshot_train_params *p = &t->f->train;
  const int last = t->iteration == p->iterations;
  if (t->iteration % p->log_every && !last) return 0;
  char validation[80] = ",";
  if (p->validate_tasks && t->data.split[DATASET_VALIDATION].n && (t->iteration % p->validate_every == 0 || last)) {
    struct fewshot f = *t->f;
    struct fewshot_result r;
    f.eval = (struct fewshot_eval_params){ .tasks = p->validate_tasks, .shots = p->shots, .queries = p->queries, .updates = f.net.steps, .chips = 1 };
    f.eval.batchnorm = p->batchnorm == CONVNET_SUPPORT ? CONVNET_SUPPORT : CONVNET_TASK;
    f.synapse = (struct fewshot_synapse_params){ .kind = p->bits ? 1 : p->synapse ? 2 : 0, .bits = p->bits };
    TRY(fewshot_measure(&r, &f, &t->model, &t->data, DATASET_VALIDATION, t->pool));
    snprintf(validation, sizeof validation, "%.6f,%.6f", r.accuracy[1], r.accuracy[r.n_updates]);
    fewshot_result_release(&r);
  }
  const double n = (double)t->tallied;
  TRY(rundir_row(&t->run, "%lld,%.6g,%.8f,%.6f,%.6f,%s", (long long)t->iteration, learning_rate(p, t->iteration - 1), t->tally[LOSS]/n, t->tally[FIRST]/n, t->tally[LAST]/n, validation));
  memset(t->tally, 0, sizeof t->tally);
  t->tallied = 0;
  return 0;
}

static int save_model(struct training *t) {
  char path[FILE_PATH_SIZE];
  rundir_path(&t->run, RUNDIR_MODEL, path);
  if (t->chips) inloop_clip(&t->chips[0], &t->model.net, t->model.parameters);
  return fewshot_model_save(&t->model, t->f, path);
}

static int loop(struct training *t) {
  const struct checkpoint checkpoint = checkpoint_of(t);
  const struct fewshot_train_params *p = &t->f->train;
  struct progress bar;
  progress_start(&bar, "train", p->iterations, t->iteration);
  double saved_s = clock_s();
  int rc = t->tallied ? record(t) : 0;  // stopped during a validation, the row is still to be written
  while (rc == 0 && t->iteration < p->iterations && !signals_caught()) {
    rc = outer_update(t);
    progress_update(&bar, t->iteration, "loss %.4f  query accuracy %.2f %%", t->tally[LOSS]/(double)t->tallied, 100*t->tally[LAST]/(double)t->tallied);
    if (rc == 0) rc = record(t);
    if (rc == 0 && clock_s() - saved_s >= p->checkpoint_every_s) {
      rc = checkpoint_save(&checkpoint);
      saved_s = clock_s();
    }
  }
  progress_finish(&bar);
  const int stopped = rc == ERR_INTERRUPTED || t->iteration < p->iterations;
  if (rc != ERR_INTERRUPTED) TRY(rc);
  TRY(checkpoint_save(&checkpoint));
  TRY(save_model(t));
  if (stopped)
    return err_set(ERR_INTERRUPTED, "%s: stopped at iteration %lld of %lld; continue with --resume", t->run.path, (long long)t->iteration, (long long)p->iterations);
  return 0;
}

static void allocate(struct training *t) {
  const struct fewshot *f = t->f;
  const struct convnet *net = &t->model.net;
  const size_t tasks = (size_t)f->train.tasks;
  t->n_workers = f->run.threads ? (int)f->run.threads : pool_cores();
  t->pool = pool_new(t->n_workers);
  t->workers = err_calloc((size_t)t->n_workers, sizeof *t->workers);
  t->episodes = err_calloc((size_t)t->n_workers, sizeof *t->episodes);
  for (int k = 0; k < t->n_workers; k++) {
    maml_worker_init(&t->workers[k], net, (int)f->train.shots, (int)f->train.queries, &t->options[0]);
    episode_init(&t->episodes[k], net->ways, (int)f->train.shots, (int)f->train.queries);
  }
  t->model.parameters = err_aligned(net->n, sizeof(real));
  t->gradients = err_aligned(tasks * net->n, sizeof(real));
  t->gradient = err_aligned(net->n, sizeof(real));
  t->moment1 = err_aligned(net->n, sizeof(real));
  t->moment2 = err_aligned(net->n, sizeof(real));
  t->loss = err_calloc(tasks, sizeof *t->loss);
  t->first = err_calloc(tasks, sizeof *t->first);
  t->last = err_calloc(tasks, sizeof *t->last);
}

static void release(struct training *t) {
  if (!t->pool) return;
  for (int k = 0; k < t->n_workers; k++) {
    maml_worker_release(&t->workers[k], &t->model.net);
    if (t->chips) inloop_release(&t->chips[k]);  // after its matrices have left the worker
    episode_release(&t->episodes[k]);
  }
  pool_free(t->pool);
  fewshot_model_release(&t->model);
  void *const owned[] = { t->workers, t->episodes, t->chips, t->gradients, t->gradient, t->moment1, t->moment2, t->loss, t->first, t->last };
  for (size_t k = 0; k < sizeof owned / sizeof *owned; k++) free(owned[k]);
}

// Check the settings against each other and lay out the network; no memory is taken yet.
static int describe(struct training *t, const struct fewshot *f) {
  *t = (struct training){ .f = f };
  if ((f->train.tasks + 1) * f->train.iterations > UINT32_MAX)
    return err_set(ERR_SETTING, "train.iterations=%lld: with train.tasks=%lld more than %u tasks in all", (long long)f->train.iterations, (long long)f->train.tasks, UINT32_MAX);
  if (f->train.noise > 0 && f->train.bits)
    return err_set(ERR_SETTING, "train.noise=%g: not together with train.bits=%d", f->train.noise, (int)f->train.bits);
  if (f->train.synapse != INLOOP_NONE && (f->train.bits || f->train.noise > 0))
    return err_set(ERR_SETTING, "train.synapse: not together with train.bits or train.noise");
  if (f->train.synapse != INLOOP_NONE && f->train.chips > f->train.tasks)
    return err_set(ERR_SETTING, "train.chips=%lld: more than train.tasks=%lld", (long long)f->train.chips, (long long)f->train.tasks);
  TRY(convnet_init(&t->model.net, &f->net, (int)f->data.size));
  for (int odd = 0; odd < 2; odd++) t->options[odd] = options_of(f, odd);
  t->spec = dataset_spec(&f->data, DATASET_TRAINING, t->model.net.ways, (int)f->train.shots, (int)f->train.queries);
  return 0;
}

// Let the kernels of each layer fill the range [-1, 1) of quantised weights: three standard deviations.
// The normalisation behind a kernel takes its scale out again.
static void fill_range(const struct convnet *net, real *parameters) {
  for (int l = 0; l < net->blocks; l++) {
    const size_t n = net->offset[l + 1] - net->offset[l];
    const double weights = (double)convnet_rows(net, l) * convnet_columns(net, l);
    real *w = parameters + net->offset[l];
    double square = 0;
    for (size_t i = 0; i < n; i++) square += (double)w[i] * (double)w[i];
    const real scale = (real)(1 / (3 * sqrt(square / weights)));
    for (size_t i = 0; i < n && square > 0; i++) w[i] *= scale;
  }
}

// Take the kernels of another model (train.start), and its read-out and rates where they fit.
static int start_from(struct training *t, const char *path) {
  const struct convnet *net = &t->model.net;
  struct fewshot other;
  struct fewshot_model m;
  char published[] = "data.preprocessing=published", *given[] = { published };  // their files do not say it themselves
  fewshot_init(&other);
  TRY(fewshot_model_load(&m, &other, path, t->f->data.preprocessing == IMAGESET_PUBLISHED, given));
  int rc = 0;
  if (m.net.channels != net->channels || m.net.blocks != net->blocks || m.net.side[0] != net->side[0])
    rc = err_set(ERR_SETTING, "train.start=%s: %d blocks of %d channels on %d pixels, the network has %d of %d on %d", path,
                 m.net.blocks, m.net.channels, m.net.side[0], net->blocks, net->channels, net->side[0]);
  else if (other.data.preprocessing != t->f->data.preprocessing)
    rc = err_set(ERR_SETTING, "train.start=%s: its data.preprocessing is another one", path);
  else
    memcpy(t->model.parameters, m.parameters, (m.net.ways == net->ways ? net->rates : net->offset[net->blocks]) * sizeof(real));
  if (rc == 0 && m.net.steps == net->steps && other.train.learn_inner_rate)
    memcpy(t->model.parameters + net->rates, m.parameters + m.net.rates, (size_t)net->steps * sizeof(real));
  fewshot_model_release(&m);
  if (rc == 0 && t->f->train.bits) fill_range(net, t->model.parameters);
  return rc;
}

static int put_in_loop(struct training *t) {
  const struct fewshot *f = t->f;
  struct inloop *chips = err_calloc((size_t)t->n_workers, sizeof *chips);
  int rc = 0;
  for (int k = 0; k < t->n_workers && rc == 0; k++)
    rc = inloop_init(&chips[k], (enum inloop_kind)f->train.synapse, &t->workers[k], &t->model.net, &f->chip);
  t->chips = chips;
  return rc;
}

// Memory, threads and random weights, once the data is there.
static int prepare(struct training *t) {
  const struct dataset_params *data = &t->f->data;
  TRY(dataset_check(&t->data, data, &t->spec, DATASET_TRAINING));
  const int n_validation = t->data.split[DATASET_VALIDATION].n;
  const bool wanted = t->f->train.validate_tasks && (n_validation > 0 || data->validation > 0);
  const int rc = wanted ? dataset_check(&t->data, data, &t->spec, DATASET_VALIDATION) : 0;
  if (rc < 0 && data->kind != DATASET_FOLDER) return rc;  // more classes are to be had
  if (rc < 0) {
    note("training without validation: %s", err_message());
    t->data.split[DATASET_VALIDATION].n = 0;
  }
  allocate(t);
  if (t->f->train.synapse != INLOOP_NONE) TRY(put_in_loop(t));
  struct rng start = rng_stream((uint64_t)t->f->run.seed, RNG_INIT, 0);
  convnet_start(&t->model.net, t->model.parameters, t->f->train.inner_rate, &start);
  return 0;
}

// Nothing is written into the folder before all that may be refused has been looked at.
static int prepare_and_loop(struct training *t, int resume) {
  TRY(dataset_load(&t->data, &t->f->data, DATASET_BACKGROUND_ONLY));
  TRY(prepare(t));
  if (resume && rundir_has_checkpoint(&t->run)) TRY(load_checkpoint(t));
  else if (t->f->train.start[0]) TRY(start_from(t, t->f->train.start));
  TRY(rundir_describe(&t->run, t->f->sections));
  TRY(rundir_metrics(&t->run, "iteration,rate,loss,accuracy_first,accuracy_last,validation_first,validation_last", t->iteration));
  signals_watch();
  const int rc = loop(t);
  signals_unwatch();
  return rc;
}

int fewshot_train(struct fewshot *f, const char *folder, int resume) {
  struct training t;
  TRY(describe(&t, f));
  TRY(rundir_open(&t.run, folder, resume));
  const int rc = prepare_and_loop(&t, resume);
  rundir_close(&t.run);
  release(&t);
  dataset_release(&t.data);
  return rc;
}

int fewshot_train_timed(const struct fewshot *f, struct dataset *data, int n, double *seconds, double *operations) {
  struct training t;
  TRY(describe(&t, f));
  t.data = *data;
  int rc = prepare(&t);
  const int images = t.model.net.ways * (int)(f->train.shots + f->train.queries);
  *operations = 0;
  for (int l = 0; l < t.model.net.blocks; l++) {  // forward, weight gradient and, but for the first, data gradient
    const struct conv shape = convnet_shape(&t.model.net, l, images);
    *operations += (double)f->train.tasks * (l ? 3 : 2) * conv_flop(&shape);
  }
  for (int k = 0; k < n && rc == 0; k++) {
    const double begin = clock_s();
    rc = outer_update(&t);
    seconds[k] = clock_s() - begin;
  }
  release(&t);
  return rc;
}
