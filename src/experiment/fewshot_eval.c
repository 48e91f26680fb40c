// Evaluation: many tasks of unseen classes, each adapted and classified by one thread.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/signals.h"
#include "data/tasksfile.h"
#include "experiment/deploy.h"
#include "experiment/fewshot.h"
#include "kernel/adam.h"
#include "kernel/softmax.h"

enum method { ADAPT, CENTROID, SCRATCH };
enum { CALIBRATION_GROUPS = 8 };
enum { SYNAPSE_EXACT, SYNAPSE_QUANTISED, SYNAPSE_CHIP };

struct measuring {
  const struct fewshot *f;
  const struct fewshot_model *model;
  const struct dataset *data;
  enum dataset_split split;
  struct episode_spec spec;
  const struct tasksfile *fixed_tasks;  // or NULL
  struct maml_options options;
  struct convnet_fixed fixed;
  struct maml_worker *workers;
  struct episode *episodes;
  struct chip *chip, **clones;  // synapse.kind=chip: the programmed chip, and its copy of each worker
  double *accuracy, *loss;  // (n_tasks, n_updates + 1)
  double *written;          // (n_tasks, n_updates)
  int n_updates;
};

// ---- baselines on the same tasks

// Nearest class mean of the support features, Euclidean (the rule of Snell et al., NeurIPS 2017).
static int centroid_correct(const struct convnet *net, const struct maml_worker *w, int shots, int queries, real *centroid) {
  const int CP = conv_padded(net->channels), S = w->work.n[0], Q = w->work.n[1];
  memset(centroid, 0, sizeof *centroid * (size_t)(net->ways*CP));
  for (int i = 0; i < S; i++)
    for (int c = 0; c < CP; c++) centroid[i/shots*CP + c] += w->work.h[i*CP + c] / (real)shots;
  int correct = 0;
  for (int i = 0; i < Q; i++) {
    int best = 0;
    real least = INFINITY;
    for (int k = 0; k < net->ways; k++) {
      real distance = 0;
      for (int c = 0; c < CP; c++) {
        const real d = w->work.h[(S + i)*CP + c] - centroid[k*CP + c];
        distance += d*d;
      }
      if (distance < least) {
        least = distance;
        best = k;
      }
    }
    correct += best == i/queries;
  }
  return correct;
}

static void run_centroid(struct measuring *m, struct maml_worker *w, int task, struct rng *noise) {
  const struct convnet *net = &m->model->net;
  real *centroid = err_calloc((size_t)(net->ways * conv_padded(net->channels)), sizeof *centroid);
  for (int group = 0; group < 2; group++) convnet_forward(net, &w->work, w->layers, group, m->options.rule, &m->fixed, noise);
  m->accuracy[task] = (double)centroid_correct(net, w, m->spec.shots, m->spec.queries, centroid) / w->work.n[1];
  free(centroid);
}

// Features of a group and the logits of the read-out; the mean cross-entropy gradient lands in g.
static double classify(const struct convnet *net, struct maml_worker *w, int group, enum convnet_rule rule, real *z, real *g, struct rng *r) {
  const int first = group ? w->work.n[0] : 0, B = w->work.n[group], N = conv_padded(net->ways);
  const struct conv shape = convnet_shape(net, net->blocks, B);
  convnet_forward(net, &w->work, w->layers, group, rule, NULL, r);
  struct synapse *readout = w->layers[net->blocks];
  readout->ops->product(readout, z, w->work.h + first*conv_padded(net->channels), &shape, r);
  softmax_forward(g, z, B, net->ways, N);
  return softmax_cross_entropy(g, g, w->label + first, B, net->ways, N);
}

// One Adam update of every weight on the support images: ordinary back-propagation.
static void scratch_update(const struct fewshot *f, const struct convnet *net, struct maml_worker *w, real *p, real *gradient,
                           real *moments, real *z, long step, struct rng *r) {
  const int S = w->work.n[0], Q = w->work.n[1], N = conv_padded(net->ways);
  real *g = z + S*N;
  const struct conv shape = convnet_shape(net, net->blocks, S);
  maml_program(w, net, p, &(struct maml_options){ 0 }, r);
  classify(net, w, 0, CONVNET_TASK, z, g, r);
  memset(gradient, 0, net->n * sizeof *gradient);
  conv_backward_weights(gradient + net->offset[net->blocks], w->work.h, g, &shape);
  conv_transpose(w->work.wt, w->held + net->offset[net->blocks], &shape);
  conv_backward_data(w->work.dh, g, w->work.wt, &shape);
  w->work.n[1] = 0;
  convnet_backward(net, &w->work, w->held, gradient, CONVNET_TASK);
  w->work.n[1] = Q;
  adam_step(p, moments, moments + net->n, gradient, net->n, f->eval.scratch_rate, step);
}

static void run_scratch(struct measuring *m, struct maml_worker *w, int task, struct rng *noise) {
  const struct convnet *net = &m->model->net;
  const int rows = w->work.B, N = conv_padded(net->ways);
  real *p = err_aligned(4 * net->n, sizeof *p), *z = err_aligned((size_t)(2 * rows * N), sizeof *z);
  struct rng start = rng_stream((uint64_t)m->f->run.seed, RNG_INIT, (uint32_t)task);
  convnet_start(net, p, 0, &start);
  for (int after = 0; after < 2; after++) {
    for (long s = 1; after && s <= m->f->eval.scratch_updates; s++)
      scratch_update(m->f, net, w, p, p + net->n, p + 2*net->n, z, s, noise);
    maml_program(w, net, p, &m->options, noise);
    classify(net, w, 0, m->options.rule, z, z + rows*N, noise);
    m->loss[2*task + after] = classify(net, w, 1, m->options.rule, z, z + rows*N, noise);
    m->accuracy[2*task + after] = (double)softmax_correct(z, w->label + w->work.n[0], w->work.n[1], net->ways, N) / w->work.n[1];
  }
  free(p);
  free(z);
}

// ---- one task

static void run_adapt(struct measuring *m, struct maml_worker *w, int task, struct rng *noise) {
  const struct convnet *net = &m->model->net;
  struct synapse *readout = w->layers[net->blocks];
  const int at = task * (m->n_updates + 1);
  if (!m->chip) readout->ops->program(readout, m->model->parameters + net->offset[net->blocks], NULL);
  maml_adapt(w, net, m->model->parameters, &m->options, &m->fixed, noise);
  for (int s = 0; s <= m->n_updates; s++) {
    m->accuracy[at + s] = (double)w->record.correct[s] / w->work.n[1];
    m->loss[at + s] = w->record.query_loss[s];
    if (s < m->n_updates) m->written[task*m->n_updates + s] = (double)w->record.written[s];
  }
}

static void run_task(void *context, int task, int worker) {
  struct measuring *m = context;
  struct maml_worker *w = &m->workers[worker];
  const enum rng_purpose purpose = m->split == DATASET_VALIDATION ? RNG_VALIDATE : RNG_EVALUATE;
  struct rng draw = rng_stream((uint64_t)m->f->run.seed, purpose, (uint32_t)task);
  struct rng noise = rng_stream((uint64_t)m->f->run.seed, RNG_READ, (uint32_t)task);
  const struct episode *e = &m->episodes[worker];
  if (signals_caught()) return;
  if (m->chip) chip_copy(m->clones[worker], m->chip);
  if (m->fixed_tasks) e = &m->fixed_tasks->tasks[task];
  else episode_draw(&m->episodes[worker], &m->spec, &m->data->images, &m->data->split[m->split], &draw);
  episode_render(e, &m->data->images, w->work.y[0], CONV_LANES);
  switch ((enum method)m->f->eval.method) {
  case ADAPT: run_adapt(m, w, task, &noise); break;
  case CENTROID: run_centroid(m, w, task, &noise); break;
  case SCRATCH: run_scratch(m, w, task, &noise); break;
  }
}

// ---- all tasks

// n random background images, undistorted; the caller's to free.
static real *background_images(const struct measuring *m, int n, struct rng *r) {
  const struct imageset_classes *from = &m->data->split[DATASET_TRAINING];
  const struct imageset *set = &m->data->images;
  const size_t image = (size_t)(set->S*set->S) * CONV_LANES;
  real *x = err_aligned((size_t)n * image, sizeof *x);
  for (int i = 0; i < n; i++) {
    const int class = from->id[(int)(rng_uniform(r) * from->n)];
    const struct view v = render_plain(set->first[class] + (int)(rng_uniform(r) * imageset_drawings(set, class)));
    render_view(set, x + (size_t)i * image, CONV_LANES, &v);
  }
  return x;
}

// Statistics of background images, for eval.batchnorm=chip, as the layers in use compute them.
static void measure_statistics(struct measuring *m) {
  const int n = (int)m->f->eval.statistics_images;
  struct rng r = rng_stream((uint64_t)m->f->run.seed, RNG_EVALUATE, UINT32_MAX);
  real *x = background_images(m, n, &r);
  convnet_measure(&m->model->net, &m->workers[0].work, m->workers[0].layers, &m->fixed, x, n, &r);
  free(x);
}

// Write the model to a chip, calibrate it on background images, let chip.time_s pass, and give every
// worker a copy in place of its software arrays.
static int deploy(struct measuring *m, int n_workers) {
  const struct convnet *net = &m->model->net;
  const int group = net->ways * m->spec.shots, n = CALIBRATION_GROUPS * group;
  struct rng r = rng_stream((uint64_t)m->f->run.seed, RNG_EVALUATE, UINT32_MAX - 1);
  real *x = background_images(m, n, &r);
  const int rc = deploy_convnet(&m->chip, &m->f->chip, (uint64_t)m->f->run.seed, net, m->model->parameters, x, n, group);
  free(x);
  TRY(rc);
  TRY(chip_advance(m->chip, fmax(m->f->chip.time_s, m->chip->clock_s), &m->chip->rng));
  m->clones = err_calloc((size_t)n_workers, sizeof *m->clones);
  for (int k = 0; k < n_workers; k++) {
    for (int l = 0; l <= net->blocks; l++) m->workers[k].layers[l]->ops->free(m->workers[k].layers[l]);
    m->clones[k] = chip_clone(m->chip);
    deploy_layers(m->workers[k].layers, m->clones[k], net);
  }
  return 0;
}

static void summarise(struct fewshot_result *r, const struct measuring *m) {
  const int n = r->n_tasks, columns = m->n_updates + 1;
  for (int s = 0; s < columns; s++) {
    double sum = 0, square = 0, loss = 0, written = 0;
    for (int k = 0; k < n; k++) {
      const double a = m->accuracy[k*columns + s];
      sum += a;
      square += a*a;
      loss += m->loss[k*columns + s];
      if (s < m->n_updates) written += m->written[k*m->n_updates + s];
    }
    r->accuracy[s] = sum / n;
    r->ci95[s] = n > 1 ? 1.96 * sqrt(fmax(square/n - sum/n * (sum/n), 0) / (n - 1)) : 0;
    r->loss[s] = loss / n;
    if (s < m->n_updates) r->devices_written[s] = written / n;
  }
}

static void workers_new(struct measuring *m, int n_workers) {
  const struct convnet *net = &m->model->net;
  m->workers = err_calloc((size_t)n_workers, sizeof *m->workers);
  m->episodes = err_calloc((size_t)n_workers, sizeof *m->episodes);
  for (int k = 0; k < n_workers; k++) {
    maml_worker_init(&m->workers[k], net, m->spec.shots, m->spec.queries, &m->options);
    maml_program(&m->workers[k], net, m->model->parameters, &m->options, NULL);
    episode_init(&m->episodes[k], net->ways, m->spec.shots, m->spec.queries);
  }
  convnet_fixed_init(&m->fixed, net);
}

static void workers_free(struct measuring *m, int n_workers) {
  for (int k = 0; k < n_workers; k++) {
    maml_worker_release(&m->workers[k], &m->model->net);
    episode_release(&m->episodes[k]);
  }
  convnet_fixed_release(&m->fixed);
  free(m->workers);
  free(m->episodes);
}

static void measure_release(struct measuring *m, int n_workers) {
  workers_free(m, n_workers);
  for (int k = 0; m->clones && k < n_workers; k++) chip_free(m->clones[k]);
  free(m->clones);
  if (m->chip) chip_free(m->chip);
  free(m->loss);
  free(m->written);
}

static int measure(struct fewshot_result *r, struct measuring *m, struct pool *pool) {
  const int columns = m->n_updates + 1;
  const size_t n = (size_t)r->n_tasks;
  r->n_updates = m->n_updates;
  r->shots = m->spec.shots;
  r->queries = m->spec.queries;
  m->accuracy = r->task_accuracy = err_calloc(n * (size_t)columns, sizeof(double));
  m->loss = err_calloc(n * (size_t)columns, sizeof(double));
  m->written = err_calloc(n * (size_t)columns, sizeof(double));
  workers_new(m, pool_threads(pool));
  int rc = m->f->synapse.kind == SYNAPSE_CHIP ? deploy(m, pool_threads(pool)) : 0;
  if (rc < 0) {
    measure_release(m, pool_threads(pool));
    fewshot_result_release(r);
    return rc;
  }
  if (m->options.rule == CONVNET_FIXED) measure_statistics(m);
  if (m->chip) r->devices_total = chip_devices(m->chip);
  const double begin = clock_s();
  pool_run(pool, r->n_tasks, run_task, m);
  r->seconds = clock_s() - begin;
  summarise(r, m);
  measure_release(m, pool_threads(pool));
  if (signals_caught()) {
    fewshot_result_release(r);
    return err_set(ERR_INTERRUPTED, "evaluation stopped by a signal; nothing is reported");
  }
  return 0;
}

static struct measuring measuring_of(const struct fewshot *f, const struct fewshot_model *model, const struct dataset *data, enum dataset_split split) {
  struct measuring m = { .f = f, .model = model, .data = data, .split = split };
  m.n_updates = f->eval.method == ADAPT ? (int)f->eval.updates : f->eval.method == SCRATCH;
  m.options = (struct maml_options){ .steps = (int)f->eval.updates, .rule = (enum convnet_rule)f->eval.batchnorm };
  if (f->synapse.kind == SYNAPSE_QUANTISED) m.options.bits = (int)f->synapse.bits;
  m.spec = dataset_spec(&f->data, split, model->net.ways, (int)f->eval.shots, (int)f->eval.queries);
  return m;
}

static int check_settings(const struct fewshot *f, const struct fewshot_model *model) {
  if (f->eval.updates > model->net.steps)
    return err_set(ERR_SETTING, "eval.updates=%d: the model has inner rates for %d", (int)f->eval.updates, model->net.steps);
  if (f->eval.method == SCRATCH && f->synapse.kind == SYNAPSE_CHIP)
    return err_set(ERR_SETTING, "synapse.kind=chip: eval.method=scratch trains in software only");
  if (f->eval.method == SCRATCH && f->eval.batchnorm == CONVNET_FIXED)
    return err_set(ERR_SETTING, "eval.batchnorm=chip: eval.method=scratch has no model to measure statistics of");
  return 0;
}

int fewshot_measure(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *model,
                    const struct dataset *data, enum dataset_split split, struct pool *pool) {
  struct measuring m = measuring_of(f, model, data, split);
  *r = (struct fewshot_result){ .n_tasks = (int)f->eval.tasks };
  TRY(check_settings(f, model));
  TRY(episode_check(&m.spec, &data->images, &data->split[split], dataset_split_name(split)));
  return measure(r, &m, pool);
}

// Fixed tasks must have the ways of the model and the sizes of the settings.
static int measure_fixed(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *model,
                         const struct dataset *data, struct pool *pool) {
  struct tasksfile tasks;
  TRY(check_settings(f, model));
  TRY(tasksfile_load(&tasks, f->eval.tasks_file, &data->images));
  struct measuring m = measuring_of(f, model, data, DATASET_EVALUATION);
  m.fixed_tasks = &tasks;
  m.spec.shots = tasks.tasks[0].shots;
  m.spec.queries = tasks.tasks[0].queries;
  *r = (struct fewshot_result){ .n_tasks = tasks.n_tasks };
  int rc = 0;
  if (tasks.tasks[0].ways != model->net.ways)
    rc = err_set(ERR_SETTING, "%s: tasks of %d ways, the model has %d", f->eval.tasks_file, tasks.tasks[0].ways, model->net.ways);
  if (rc == 0) rc = measure(r, &m, pool);
  if (rc == 0 && tasks.n_expect == r->n_updates + 1) {
    const size_t n = (size_t)(tasks.n_tasks * tasks.n_expect);
    r->expected = err_calloc(n, sizeof(double));
    memcpy(r->expected, tasks.expect, n * sizeof(double));
  }
  tasksfile_release(&tasks);
  return rc;
}

int fewshot_eval(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m) {
  const enum dataset_split split = f->eval.split ? DATASET_VALIDATION : DATASET_EVALUATION;
  const int background = f->synapse.kind == SYNAPSE_CHIP || f->eval.batchnorm == CONVNET_FIXED;
  const int what = split == DATASET_VALIDATION ? DATASET_BACKGROUND_ONLY : background ? DATASET_EVERYTHING : DATASET_EVALUATION_ONLY;
  struct dataset data;
  TRY(dataset_load(&data, &f->data, what));
  struct pool *pool = pool_new(f->run.threads ? (int)f->run.threads : pool_cores());
  const int rc = f->eval.tasks_file[0] ? measure_fixed(r, f, m, &data, pool) : fewshot_measure(r, f, m, &data, split, pool);
  pool_free(pool);
  dataset_release(&data);
  return rc;
}

void fewshot_result_release(struct fewshot_result *r) {
  free(r->task_accuracy);
  free(r->expected);
  r->task_accuracy = r->expected = NULL;
}

struct json_t *fewshot_result_json(const struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m) {
  static const char *const kinds[] = { "exact", "quantised", "chip" }, *const methods[] = { "adapt", "centroid", "scratch" };
  struct json_t *o = json_object_new();
  const size_t n = (size_t)r->n_updates + 1;
  json_put_i64(o, "tasks", r->n_tasks);
  json_put_i64(o, "ways", m->net.ways);
  json_put_i64(o, "shots", r->shots);
  json_put_i64(o, "queries", r->queries);
  json_put_text(o, "split", dataset_split_name(f->eval.split ? DATASET_VALIDATION : DATASET_EVALUATION));
  json_put_text(o, "method", methods[f->eval.method]);
  json_put_text(o, "batchnorm", convnet_rule_names[f->eval.batchnorm]);
  json_put_text(o, "synapse", kinds[f->synapse.kind]);
  if (f->synapse.kind == SYNAPSE_QUANTISED) json_put_i64(o, "bits", f->synapse.bits);
  json_put_f64s(o, "accuracy", r->accuracy, n);
  json_put_f64s(o, "ci95", r->ci95, n);
  json_put_f64s(o, "loss", r->loss, n);
  json_put_i64(o, "devices_total", r->devices_total);
  json_put_f64s(o, "devices_written", r->devices_written, n - 1);
  json_put_f64(o, "seconds", r->seconds);
  json_put_i64(o, "seed", f->run.seed);
  return o;
}
