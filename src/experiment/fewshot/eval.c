// Evaluation: many tasks of unseen classes, each adapted and classified by one thread.
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/numbers.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/signals.h"
#include "data/tasksfile.h"
#include "chip/chipstate.h"
#include "experiment/fewshot/deploy.h"
#include "experiment/fewshot/fewshot.h"
#include "kernel/adam.h"
#include "kernel/softmax.h"

enum { CALIBRATION_GROUPS = 8 };
static const double SHORTEST_S = 1e-3, CENTURY_S = 100 * 365.25 * 86400;

// Parts of the account of a chip; the updates follow.
enum { PART_DEPLOYMENT, PART_SUPPORT, PART_INFERENCE, PART_LATER_CHIP, PART_LATER_READOUT, PART_LATER_INFERENCE, PART_UPDATE };

// A worker's place at the chip in use.
struct place {
  struct chip *clone;
  struct chip *aged[FEWSHOT_MAX_LATER];          // the chip at eval.later_s
  struct synapse *software[CONVNET_MAX_LAYERS];  // the worker's own layers; the clone's stand in for them
  struct ledger *part;                           // (PART_UPDATE + n_updates)
};

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
  int n_chips, number;      // chips one after the other, and the one in use; software counts as one
  struct chip *chip;        // synapse.kind=chip: as programmed
  struct place *places;     // (workers)
  double *accuracy, *loss;  // (n_tasks, n_updates + 1)
  double *written;          // (n_tasks, n_updates)
  double *later;            // (n_tasks, n_later) accuracy
  double later_s[FEWSHOT_MAX_LATER];
  int n_updates, n_later;
};

// What a chip did since the last call belongs to this part.
static void account_of(struct place *p, struct chip *c, int part) {
  ledger_add(&p->part[part], &c->ledger);
  ledger_reset(&c->ledger);
}

// The same of the worker's clone.
static void account(struct measuring *m, int worker, int part) {
  if (m->places) account_of(&m->places[worker], m->places[worker].clone, part);
}

// Features of the images of a task, the support first.
static void run_features(struct measuring *m, int worker, struct rng *noise) {
  struct maml_worker *w = &m->workers[worker];
  for (int group = 0; group < 2; group++) {
    convnet_forward(&m->model->net, &w->work, w->layers, group, m->options.rule, &m->fixed, noise);
    account(m, worker, group ? PART_INFERENCE : PART_SUPPORT);
  }
}

// ---- baselines on the same tasks

// Logits of the queries: minus the squared Euclidean distance to each class mean of the support features (Snell et al.,
// NeurIPS 2017, equations 1 and 2). z (Q, N) and centroid (ways, CP), of padded rows.
static void centroid_logits(const struct convnet *net, const struct maml_worker *w, int shots, real *z,
                            real *centroid) {
  const int CP = conv_padded(net->channels), N = conv_padded(net->ways), S = w->work.n[0], Q = w->work.n[1];
  memset(centroid, 0, sizeof *centroid * (size_t)(net->ways*CP));
  for (int i = 0; i < S; i++)
    for (int c = 0; c < CP; c++) centroid[i/shots*CP + c] += w->work.h[i*CP + c] / (real)shots;
  for (int i = 0; i < Q; i++)
    for (int k = 0; k < net->ways; k++) {
      real distance = 0;
      for (int c = 0; c < CP; c++) {
        const real d = w->work.h[(S + i)*CP + c] - centroid[k*CP + c];
        distance += d*d;
      }
      z[i*N + k] = -distance;
    }
}

static void run_centroid(struct measuring *m, int task, int worker, struct rng *noise) {
  const struct convnet *net = &m->model->net;
  struct maml_worker *w = &m->workers[worker];
  const int Q = w->work.n[1], N = conv_padded(net->ways), *label = w->label + w->work.n[0];
  real *centroid = err_calloc((size_t)(net->ways * conv_padded(net->channels)), sizeof *centroid);
  real *z = err_calloc(2 * (size_t)(Q*N), sizeof *z), *p = z + Q*N;
  run_features(m, worker, noise);
  centroid_logits(net, w, m->spec.shots, z, centroid);
  softmax_forward(p, z, Q, net->ways, N);
  m->accuracy[task] = (double)softmax_correct(z, label, Q, net->ways, N) / Q;
  m->loss[task] = softmax_cross_entropy(p, p, label, Q, net->ways, N);
  free(centroid);
  free(z);
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
  adam_step(p, moments, moments + net->n, gradient, net->n, f->eval.scratch_rate, ADAM_EPSILON, step);
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

// The adapted read-out at later times: the kernels, which no task changes, have aged once for all tasks. The queries are read
// anew, the support images where the rule takes their statistics.
static void run_later(struct measuring *m, const struct adapt_task *t, int task, int worker, struct rng *noise) {
  const struct convnet *net = &m->model->net;
  struct maml_worker *w = &m->workers[worker];
  struct place *p = &m->places[worker];
  struct synapse *layers[CONVNET_MAX_LAYERS];
  for (int k = 0; k < m->n_later; k++) {
    deploy_layers(layers, p->aged[k], net);
    deploy_age(p->aged[k], p->clone, net->blocks, (k ? p->aged[k - 1] : p->clone)->matrices[net->blocks].calibrated_s, noise);
    account_of(p, p->aged[k], PART_LATER_READOUT);
    for (int group = m->options.rule != CONVNET_SUPPORT; group < 2; group++)
      convnet_forward(net, &w->work, layers, group, m->options.rule, &m->fixed, noise);
    adapt_classify(&w->record, t, layers[net->blocks], m->n_updates, noise);
    account_of(p, p->aged[k], PART_LATER_INFERENCE);
    m->later[task*m->n_later + k] = (double)w->record.correct[m->n_updates] / t->Q;
  }
}

static void run_adapt(struct measuring *m, int task, int worker, struct rng *noise) {
  const struct convnet *net = &m->model->net;
  const real *parameters = m->model->parameters;
  struct maml_worker *w = &m->workers[worker];
  struct synapse *readout = w->layers[net->blocks];
  const struct adapt_task t = { .ways = net->ways, .steps = m->n_updates, .S = w->work.n[0], .Q = w->work.n[1], .C = net->channels,
                                .h = w->work.h, .label = w->label, .rate = parameters + net->rates };
  if (m->f->synapse.kind == FEWSHOT_QUANTISED && m->f->synapse.rounding) maml_program(w, net, parameters, &m->options, noise);
  else if (!m->chip) readout->ops->program(readout, parameters + net->offset[net->blocks], NULL);
  run_features(m, worker, noise);
  for (int s = 0; s <= m->n_updates; s++) {
    if (s > 0) {
      adapt_update(&w->record, &t, readout, s - 1, noise);
      account(m, worker, PART_UPDATE + s - 1);
      m->written[task*m->n_updates + s - 1] = (double)w->record.written[s - 1];
    }
    adapt_classify(&w->record, &t, readout, s, noise);
    account(m, worker, PART_INFERENCE);
    m->accuracy[task * (m->n_updates + 1) + s] = (double)w->record.correct[s] / t.Q;
    m->loss[task * (m->n_updates + 1) + s] = w->record.query_loss[s];
  }
  if (m->n_later > 0) run_later(m, &t, task, worker, noise);
}

static void run_task(void *context, int item, int worker) {
  struct measuring *m = context;
  struct maml_worker *w = &m->workers[worker];
  const int task = m->number + item*m->n_chips;
  const enum rng_purpose purpose = m->split == DATASET_VALIDATION ? RNG_VALIDATE : RNG_EVALUATE;
  struct rng draw = rng_stream((uint64_t)m->f->run.seed, purpose, (uint32_t)task);
  struct rng noise = rng_stream((uint64_t)m->f->run.seed, RNG_READ, (uint32_t)task);
  const struct episode *e = &m->episodes[worker];
  if (signals_caught()) return;
  if (m->places) {
    chip_copy(m->places[worker].clone, m->chip);
    ledger_reset(&m->places[worker].clone->ledger);
  }
  if (m->fixed_tasks) e = &m->fixed_tasks->tasks[task];
  else episode_draw(&m->episodes[worker], &m->spec, &m->data->images, &m->data->split[m->split], &draw);
  episode_render(e, &m->data->images, w->work.y[0], CONV_LANES);
  switch ((enum fewshot_method)m->f->eval.method) {
  case FEWSHOT_ADAPT: run_adapt(m, task, worker, &noise); break;
  case FEWSHOT_CENTROID: run_centroid(m, task, worker, &noise); break;
  case FEWSHOT_SCRATCH: run_scratch(m, w, task, &noise); break;
  }
}

// ---- one chip after the other

// n random background images, undistorted; the caller's to free.
static real *background_images(const struct dataset *data, int n, struct rng *r) {
  const struct imageset_classes *from;
  const struct imageset *set = dataset_background(data, &from);
  const size_t image = (size_t)(set->S*set->S) * CONV_LANES;
  real *x = err_aligned((size_t)n * image, sizeof *x);
  for (int i = 0; i < n; i++) {
    const int class = from->id[(int)(rng_uniform(r) * from->n)];
    const struct view v = render_plain(set->first[class] + (int)(rng_uniform(r) * imageset_drawings(set, class)));
    render_view(set, x + (size_t)i * image, CONV_LANES, &v);
  }
  return x;
}

int fewshot_deploy(struct chip **c, const struct fewshot *f, const struct fewshot_model *m, const struct dataset *data, int shots,
                   uint64_t seed) {
  const int group = m->net.ways * shots, n = CALIBRATION_GROUPS * group;
  struct rng r = rng_stream((uint64_t)f->run.seed, RNG_EVALUATE, UINT32_MAX - 1);
  real *x = background_images(data, n, &r);
  const int rc = deploy_convnet(c, &f->chip, seed, &m->net, m->parameters, x, n, group);
  free(x);
  return rc;
}

// Statistics of background images, for eval.batchnorm=chip, as the layers in use compute them.
static void measure_statistics(struct measuring *m) {
  const int n = (int)m->f->eval.statistics_images;
  struct rng r = rng_stream((uint64_t)m->f->run.seed, RNG_EVALUATE, UINT32_MAX);
  real *x = background_images(m->data, n, &r);
  convnet_measure(&m->model->net, &m->workers[0].work, m->workers[0].layers, &m->fixed, x, n, &r);
  free(x);
  account(m, 0, PART_DEPLOYMENT);
}

// The first chip has the seed of the run.
static uint64_t chip_seed(const struct fewshot *f, int number) {
  struct rng r = rng_stream((uint64_t)f->run.seed, RNG_PROGRAM, (uint32_t)number);
  const uint64_t high = rng_u32(&r), low = rng_u32(&r);
  return number > 0 ? high << 32 | low : (uint64_t)f->run.seed;
}

// The worker's copies of the chip at later times: the first worker lets it age, the others take over.
static void age(const struct measuring *m, int worker) {
  struct place *p = &m->places[worker];
  for (int k = 0; k < m->n_later; k++) {
    p->aged[k] = chip_clone(worker ? m->places[0].aged[k] : k ? p->aged[k - 1] : m->chip);
    const int rc = chip_advance(p->aged[k], m->chip->clock_s + m->later_s[k], &p->aged[k]->rng);
    assert(rc == 0);  // the times rise, and chip_begin has asked for the last
    account_of(p, p->aged[k], PART_LATER_CHIP);
  }
}

// Write the model to a chip, let chip.time_s pass, and give every worker a copy in place of its software arrays.
static int chip_begin(struct measuring *m, int n_workers) {
  const struct convnet *net = &m->model->net;
  TRY(fewshot_deploy(&m->chip, m->f, m->model, m->data, m->spec.shots, chip_seed(m->f, m->number)));
  const int rc = deploy_resume(m->chip, m->f->synapse.state, m->n_later ? m->later_s[m->n_later - 1] : 0);
  if (rc < 0) {
    chip_free(m->chip);
    m->chip = NULL;
    return rc;
  }
  for (int k = 0; k < n_workers; k++) {
    struct place *p = &m->places[k];
    memcpy(p->software, m->workers[k].layers, sizeof p->software);
    p->clone = chip_clone(m->chip);
    deploy_layers(m->workers[k].layers, p->clone, net);
    age(m, k);
  }
  ledger_add(&m->places[0].part[PART_DEPLOYMENT], &m->chip->ledger);
  return 0;
}

static void chip_end(struct measuring *m, int n_workers) {
  for (int k = 0; k < n_workers; k++) {
    memcpy(m->workers[k].layers, m->places[k].software, sizeof m->places[k].software);
    chip_free(m->places[k].clone);
    for (int i = 0; i < m->n_later; i++) chip_free(m->places[k].aged[i]);
  }
  chip_free(m->chip);
  m->chip = NULL;
}

// The tasks of the chip in use, or all of them in software.
static int measure_chip(struct fewshot_result *r, struct measuring *m, struct pool *pool) {
  if (m->places) TRY(chip_begin(m, pool_threads(pool)));
  if (m->chip) r->devices = deploy_devices(m->chip, &m->model->net);
  if (m->options.rule == CONVNET_FIXED) measure_statistics(m);
  const double begin = clock_s();
  pool_run(pool, (r->n_tasks - m->number + m->n_chips - 1) / m->n_chips, run_task, m);
  r->seconds += clock_s() - begin;
  if (m->places) chip_end(m, pool_threads(pool));
  return signals_caught() ? err_set(ERR_INTERRUPTED, "evaluation stopped by a signal; nothing is reported") : 0;
}

// ---- what was found

// Mean of column s of v (n_tasks, columns) over the tasks of one chip.
static double chip_mean(const struct fewshot_result *r, const double *v, int columns, int s, int chip) {
  double sum = 0;
  int n = 0;
  for (int k = chip; k < r->n_tasks; k += r->n_chips, n++) sum += v[k*columns + s];
  return sum / n;
}

// Standard deviation of that among the chips.
static double chip_spread(const struct fewshot_result *r, const double *v, int columns, int s) {
  double sum = 0, square = 0;
  for (int c = 0; c < r->n_chips; c++) sum += chip_mean(r, v, columns, s, c) / r->n_chips;
  for (int c = 0; c < r->n_chips; c++) square += pow(chip_mean(r, v, columns, s, c) - sum, 2);
  return r->n_chips > 1 ? sqrt(square / (r->n_chips - 1)) : 0;
}

// Mean of column s of v over all tasks. ci95: tasks of one chip share its errors, so that the variance of the mean is
// the larger of var(tasks)/tasks and var(chips)/chips.
static double mean_of(const struct fewshot_result *r, const double *v, int columns, int s, double *ci95) {
  const int n = r->n_tasks;
  double sum = 0, square = 0;
  for (int k = 0; k < n; k++) {
    sum += v[k*columns + s];
    square += v[k*columns + s] * v[k*columns + s];
  }
  const double tasks = n > 1 ? sqrt(fmax(square/n - sum/n * (sum/n), 0) / (n - 1)) : 0;
  if (ci95) *ci95 = 1.96 * fmax(tasks, chip_spread(r, v, columns, s) / sqrt(r->n_chips));
  return sum / n;
}

static void summarise(struct fewshot_result *r, const struct measuring *m) {
  const int columns = m->n_updates + 1;
  for (int s = 0; s < columns; s++) {
    r->accuracy[s] = mean_of(r, m->accuracy, columns, s, &r->ci95[s]);
    r->loss[s] = mean_of(r, m->loss, columns, s, NULL);
    if (s < m->n_updates) r->devices_written[s] = mean_of(r, m->written, m->n_updates, s, NULL);
  }
  for (int k = 0; k < m->n_later; k++) {
    r->later_s[k] = m->later_s[k];
    r->later_accuracy[k] = mean_of(r, m->later, m->n_later, k, &r->later_ci95[k]);
  }
  r->chip_accuracy = err_calloc((size_t)r->n_chips, sizeof(double));
  for (int c = 0; c < r->n_chips; c++) r->chip_accuracy[c] = chip_mean(r, m->accuracy, columns, columns - 1, c);
  r->chip_std = chip_spread(r, m->accuracy, columns, columns - 1);
}

// A device is written at most once in an update, and its life began with the deployment.
static void summarise_ledger(struct fewshot_result *r, const struct measuring *m, int n_workers) {
  const struct ledger_params *p = &m->f->ledger;
  const double devices = (double)r->devices.all / (double)convnet_weights(&m->model->net);  // of a weight
  struct ledger *sum = m->places[0].part, *total = err_calloc(2, sizeof *total), *updates = &total[0], *task = &total[1];
  for (int k = 1; k < n_workers; k++)
    for (int i = 0; i < PART_UPDATE + m->n_updates; i++) ledger_add(&sum[i], &m->places[k].part[i]);
  for (int s = 0; s < m->n_updates; s++) {
    struct ledger *update = &sum[PART_UPDATE + s];
    ledger_add(updates, update);
    update->most_writes = update->most_writes > 0;
    r->update[s] = ledger_mean(update, r->n_tasks, p);
    r->devices_addressed[s] = r->update[s].weights_written * devices;
  }
  if (updates->most_writes > 0) updates->most_writes -= sum[PART_DEPLOYMENT].most_writes;
  ledger_add(task, &sum[PART_SUPPORT]);
  ledger_add(task, updates);
  ledger_add(task, &sum[PART_INFERENCE]);
  r->deployment = ledger_mean(&sum[PART_DEPLOYMENT], r->n_chips, p);
  r->task = ledger_mean(task, r->n_tasks, p);
  r->support = ledger_mean(&sum[PART_SUPPORT], r->n_tasks, p);
  r->updates = ledger_mean(updates, r->n_tasks, p);
  r->inference = ledger_mean(&sum[PART_INFERENCE], r->n_tasks, p);
  r->later_chip = ledger_mean(&sum[PART_LATER_CHIP], r->n_chips, p);
  r->later_readout = ledger_mean(&sum[PART_LATER_READOUT], r->n_tasks, p);
  r->later_inference = ledger_mean(&sum[PART_LATER_INFERENCE], r->n_tasks, p);
  free(total);
}

// ---- all tasks

static void workers_new(struct measuring *m, int n_workers) {
  const struct convnet *net = &m->model->net;
  m->workers = err_calloc((size_t)n_workers, sizeof *m->workers);
  m->episodes = err_calloc((size_t)n_workers, sizeof *m->episodes);
  if (m->f->synapse.kind == FEWSHOT_CHIP) m->places = err_calloc((size_t)n_workers, sizeof *m->places);
  for (int k = 0; k < n_workers; k++) {
    maml_worker_init(&m->workers[k], net, m->spec.shots, m->spec.queries, &m->options);
    maml_program(&m->workers[k], net, m->model->parameters, &m->options, NULL);
    episode_init(&m->episodes[k], net->ways, m->spec.shots, m->spec.queries);
    if (m->places) m->places[k].part = err_calloc((size_t)(PART_UPDATE + m->n_updates), sizeof(struct ledger));
  }
  convnet_fixed_init(&m->fixed, net);
}

static void workers_free(struct measuring *m, int n_workers) {
  for (int k = 0; k < n_workers; k++) {
    maml_worker_release(&m->workers[k], &m->model->net);
    episode_release(&m->episodes[k]);
    if (m->places) free(m->places[k].part);
  }
  convnet_fixed_release(&m->fixed);
  free(m->places);
  free(m->workers);
  free(m->episodes);
}

static int measure(struct fewshot_result *r, struct measuring *m, struct pool *pool) {
  const size_t n = (size_t)r->n_tasks, columns = (size_t)m->n_updates + 1;
  int rc = 0;
  r->n_updates = m->n_updates;
  r->n_chips = m->n_chips;
  r->n_later = m->n_later;
  r->shots = m->spec.shots;
  r->queries = m->spec.queries;
  m->accuracy = r->task_accuracy = err_calloc(n * columns, sizeof(double));
  m->loss = err_calloc(n * columns, sizeof(double));
  m->written = err_calloc(n * columns, sizeof(double));
  m->later = err_calloc(n * FEWSHOT_MAX_LATER, sizeof(double));
  workers_new(m, pool_threads(pool));
  for (m->number = 0; m->number < m->n_chips && rc == 0; m->number++) rc = measure_chip(r, m, pool);
  if (rc == 0) summarise(r, m);
  if (rc == 0 && m->places) summarise_ledger(r, m, pool_threads(pool));
  workers_free(m, pool_threads(pool));
  free(m->loss);
  free(m->written);
  free(m->later);
  if (rc < 0) fewshot_result_release(r);
  return rc;
}

static int check_settings(const struct fewshot *f, const struct fewshot_model *model) {
  if (f->eval.updates > model->net.steps)
    return err_set(ERR_SETTING, "eval.updates=%d: the model has inner rates for %d", (int)f->eval.updates, model->net.steps);
  if (f->eval.method == FEWSHOT_SCRATCH && f->synapse.kind == FEWSHOT_CHIP)
    return err_set(ERR_SETTING, "synapse.kind=chip: eval.method=scratch trains in software only");
  if (f->eval.method == FEWSHOT_SCRATCH && f->eval.batchnorm == CONVNET_FIXED)
    return err_set(ERR_SETTING, "eval.batchnorm=chip: eval.method=scratch has no model to measure statistics of");
  if (f->eval.later_s[0] && f->synapse.kind != FEWSHOT_CHIP)
    return err_set(ERR_SETTING, "eval.later_s=%s: only the devices of synapse.kind=chip change with time", f->eval.later_s);
  if (f->eval.later_s[0] && f->eval.method != FEWSHOT_ADAPT)
    return err_set(ERR_SETTING, "eval.later_s=%s: only eval.method=adapt has an adaptation to come after", f->eval.later_s);
  if (f->eval.chips > 1 && f->synapse.kind != FEWSHOT_CHIP)
    return err_set(ERR_SETTING, "eval.chips=%d: there are chips with synapse.kind=chip only", (int)f->eval.chips);
  if (f->synapse.state[0] && (f->synapse.kind != FEWSHOT_CHIP || f->eval.chips > 1))
    return err_set(ERR_SETTING, "synapse.state=%s: the state of one chip, for synapse.kind=chip eval.chips=1", f->synapse.state);
  return f->synapse.state[0] ? chipstate_check_path("synapse.state=", f->synapse.state) : 0;
}

static int measuring_init(struct measuring *m, const struct fewshot *f, const struct fewshot_model *model, const struct dataset *data,
                          enum dataset_split split, int n_tasks) {
  *m = (struct measuring){ .f = f, .model = model, .data = data, .split = split, .n_chips = 1 };
  TRY(check_settings(f, model));
  if (f->eval.batchnorm == CONVNET_FIXED && data->split[DATASET_TRAINING].n == 0)  // other images have other statistics
    return err_set(ERR_SETTING, "eval.batchnorm=chip: measures statistics of training classes, and none are left "
                   "(data.evaluation, data.validation, data.split)");
  m->n_updates = f->eval.method == FEWSHOT_ADAPT ? (int)f->eval.updates : f->eval.method == FEWSHOT_SCRATCH;
  m->options = (struct maml_options){ .steps = (int)f->eval.updates, .rule = (enum convnet_rule)f->eval.batchnorm };
  if (f->synapse.kind == FEWSHOT_QUANTISED) m->options.bits = (int)f->synapse.bits;
  if (f->synapse.kind == FEWSHOT_CHIP) m->n_chips = (int)f->eval.chips;
  if (m->n_chips > n_tasks) return err_set(ERR_SETTING, "eval.chips=%d: more chips than tasks, %d", m->n_chips, n_tasks);
  m->n_later = numbers_parse(m->later_s, FEWSHOT_MAX_LATER, f->eval.later_s, SHORTEST_S, CENTURY_S, "eval.later_s");
  m->spec = dataset_spec(&f->data, split, model->net.ways, (int)f->eval.shots, (int)f->eval.queries);
  return m->n_later < 0 ? m->n_later : 0;
}

int fewshot_measure(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *model,
                    const struct dataset *data, enum dataset_split split, struct pool *pool) {
  struct measuring m;
  *r = (struct fewshot_result){ .n_tasks = (int)f->eval.tasks };
  TRY(measuring_init(&m, f, model, data, split, r->n_tasks));
  TRY(dataset_check(data, &f->data, &m.spec, split));
  r->n_classes = data->split[split].n;
  return measure(r, &m, pool);
}

static int measure_tasks(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *model,
                         const struct dataset *data, const struct tasksfile *tasks, struct pool *pool) {
  struct measuring m;
  *r = (struct fewshot_result){ .n_tasks = tasks->n_tasks };
  if (tasks->tasks[0].ways != model->net.ways)
    return err_set(ERR_SETTING, "%s: tasks of %d ways, the model has %d", f->eval.tasks_file, tasks->tasks[0].ways, model->net.ways);
  TRY(measuring_init(&m, f, model, data, DATASET_EVALUATION, r->n_tasks));
  m.fixed_tasks = tasks;
  r->n_classes = data->images.n_classes;
  m.spec.shots = tasks->tasks[0].shots;
  m.spec.queries = tasks->tasks[0].queries;
  TRY(measure(r, &m, pool));
  if (tasks->n_expect == r->n_updates + 1) {
    const size_t n = (size_t)(tasks->n_tasks * tasks->n_expect);
    r->expected = err_calloc(n, sizeof(double));
    memcpy(r->expected, tasks->expect, n * sizeof(double));
  }
  return 0;
}

// Fixed tasks must have the ways of the model; their shots and queries replace those of the settings.
static int measure_fixed(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *model,
                         const struct dataset *data, struct pool *pool) {
  struct tasksfile tasks;
  TRY(check_settings(f, model));
  TRY(tasksfile_load(&tasks, f->eval.tasks_file, &data->images));
  const int rc = measure_tasks(r, f, model, data, &tasks, pool);
  tasksfile_release(&tasks);
  return rc;
}

static enum dataset_split split_of(const struct fewshot *f) { return f->eval.split ? DATASET_VALIDATION : DATASET_EVALUATION; }

int fewshot_load(struct dataset *data, const struct fewshot *f) {
  const int background = f->synapse.kind == FEWSHOT_CHIP || f->eval.batchnorm == CONVNET_FIXED;
  const int evaluation = background ? DATASET_EVERYTHING : DATASET_EVALUATION_ONLY;
  const int what = split_of(f) == DATASET_VALIDATION ? DATASET_BACKGROUND_ONLY : evaluation;
  return dataset_load(data, &f->data, what | (f->synapse.kind == FEWSHOT_CHIP ? DATASET_STAND_IN : 0));
}

int fewshot_eval(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m) {
  struct dataset data;
  TRY(fewshot_load(&data, f));
  struct pool *pool = pool_new(f->run.threads ? (int)f->run.threads : pool_cores());
  const int rc = f->eval.tasks_file[0] ? measure_fixed(r, f, m, &data, pool) : fewshot_measure(r, f, m, &data, split_of(f), pool);
  if (rc == 0) dataset_fingerprint(&data, r->data);
  pool_free(pool);
  dataset_release(&data);
  return rc;
}
