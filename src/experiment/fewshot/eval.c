// Evaluation: many tasks of unseen classes, each adapted and classified by one thread.
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/numbers.h"
#include "base/par.h"
#include "base/par_ranks.h"
#include "base/rng.h"
#include "base/stat.h"
#include "data/tasksfile.h"
#include "experiment/fewshot/background.h"
#include "experiment/fewshot/beside.h"
#include "experiment/fewshot/deploy.h"
#include "experiment/fewshot/queries.h"
#include "experiment/fewshot/result.h"
#include "kernel/adam.h"
#include "kernel/softmax.h"
#include "run/evaluation.h"


// Parts of the account of a chip; the updates follow.
enum { PART_DEPLOYMENT, PART_SUPPORT, PART_QUERIES, PART_CLASSIFY, PART_LATER_CHIP, PART_LATER_READOUT,
       PART_LATER_INFERENCE, PART_START, PART_UPDATE };

struct measuring {
  const struct fewshot *f;
  const struct fewshot_model *model;
  const struct dataset *data;
  enum dataset_split split;
  struct episode_spec spec;
  int listed[QUERIES_MAX_LISTED];       // of spec
  const struct tasksfile *fixed_tasks;  // or NULL
  struct maml_options options;
  struct convnet_fixed fixed;
  struct maml_worker *workers;
  struct episode *episodes;
  int n_workers;
  struct fleet *fleet;      // synapse.kind=chip, else NULL
  // (workers) their own layers while those of a chip stand in for them
  struct synapse *(*software)[CONVNET_MAX_LAYERS];
  struct beside *beside;    // (workers) read-outs beside the chip, or NULL
  struct fewshot_result *result;
  int n_updates, n_later;
  long *written;            // (workers, CONVNET_MAX_STEPS x CONVNET_MAX_LAYERS) devices by update and layer, all tasks
};

// What a task found; all columns are doubles.
struct task_record {
  double accuracy[CONVNET_MAX_STEPS + 1], loss[CONVNET_MAX_STEPS + 1];
  double written_start, written[CONVNET_MAX_STEPS];  // devices
  double later[FLEET_MAX_LATER];      // accuracy
  double beside[1 + FLEET_MAX_LATER][BESIDE_N];  // accuracy right after learning, and later
};

// What the worker's chip did since the last call belongs to this part.
static void account(struct measuring *m, int worker, int part) {
  if (m->fleet) fleet_account(m->fleet, worker, part);
}

// Features of the images of a task, the support first.
static void run_features(struct measuring *m, int worker, struct rng *noise) {
  struct maml_worker *w = &m->workers[worker];
  for (int group = 0; group < 2; group++) {
    convnet_forward(&m->model->net, &w->work, w->layers, group, m->options.rule, &m->fixed, noise);
    account(m, worker, group ? PART_QUERIES : PART_SUPPORT);
  }
}

// ---- baselines on the same tasks

static void run_centroid(struct measuring *m, struct task_record *record, int worker, struct rng *noise) {
  const struct convnet *net = &m->model->net;
  struct maml_worker *w = &m->workers[worker];
  const int Q = w->work.n[1], N = vector_padded(net->ways), *label = w->label + w->work.n[0];
  real *centroid = err_calloc((size_t)(net->ways * convnet_features(net)), sizeof *centroid);
  real *z = err_calloc(2 * (size_t)(Q*N), sizeof *z), *p = z + Q*N;
  run_features(m, worker, noise);
  beside_means(centroid, w->work.h, w->label, w->work.n[0], net);
  beside_distances(z, w->work.h + w->work.n[0]*convnet_features(net), Q, centroid, net);
  softmax_forward(p, z, Q, net->ways, N);
  record->accuracy[0] = (double)softmax_correct(z, label, Q, net->ways, N) / Q;
  record->loss[0] = softmax_cross_entropy(p, p, label, Q, net->ways, N);
  free(centroid);
  free(z);
}

// Features of a group and the logits of the read-out; the mean cross-entropy gradient lands in g.
static double classify(const struct convnet *net, struct maml_worker *w, int group, enum convnet_rule rule, real *z,
                       real *g, struct rng *r) {
  const int first = group ? w->work.n[0] : 0, B = w->work.n[group], N = vector_padded(net->ways);
  const struct conv shape = convnet_shape(net, net->readout, B);
  convnet_forward(net, &w->work, w->layers, group, rule, NULL, r);
  struct synapse *readout = w->layers[net->readout];
  readout->ops->product(readout, z, w->work.h + first*convnet_features(net), &shape, r);
  softmax_forward(g, z, B, net->ways, N);
  return softmax_cross_entropy(g, g, w->label + first, B, net->ways, N);
}

// One Adam update of every weight on the support images: ordinary back-propagation.
static void scratch_update(const struct fewshot *f, const struct convnet *net, struct maml_worker *w, real *p,
                           real *gradient, real *moments, real *z, long step, struct rng *r) {
  const int S = w->work.n[0], Q = w->work.n[1], N = vector_padded(net->ways);
  real *g = z + S*N;
  const struct conv shape = convnet_shape(net, net->readout, S);
  maml_program(w, net, p, &(struct maml_options){ 0 }, r);
  classify(net, w, 0, CONVNET_TASK, z, g, r);
  memset(gradient, 0, net->n * sizeof *gradient);
  conv_backward_weights(gradient + net->offset[net->readout], w->work.h, g, &shape);
  conv_backward_data(w->work.dh, g, w->held + net->offset[net->readout], &shape);
  w->work.n[1] = 0;
  convnet_backward(net, &w->work, w->held, gradient, CONVNET_TASK);
  w->work.n[1] = Q;
  adam_step(p, moments, moments + net->n, gradient, net->n, f->eval.scratch_rate, ADAM_EPSILON, step);
}

static void run_scratch(struct measuring *m, struct task_record *record, struct maml_worker *w, int task,
                        struct rng *noise) {
  const struct convnet *net = &m->model->net;
  const int rows = w->work.B, N = vector_padded(net->ways);
  real *p = err_aligned(4 * net->n, sizeof *p), *z = err_aligned((size_t)(2 * rows * N), sizeof *z);
  struct rng start = rng_stream((uint64_t)m->f->run.seed, RNG_INIT, (uint32_t)task);
  convnet_start(net, p, 0, &start);
  for (int after = 0; after < 2; after++) {
    for (long s = 1; after && s <= m->f->eval.scratch_updates; s++)
      scratch_update(m->f, net, w, p, p + net->n, p + 2*net->n, z, s, noise);
    maml_program(w, net, p, &m->options, noise);
    classify(net, w, 0, m->options.rule, z, z + rows*N, noise);
    record->loss[after] = classify(net, w, 1, m->options.rule, z, z + rows*N, noise);
    record->accuracy[after] =
        (double)softmax_correct(z, w->label + w->work.n[0], w->work.n[1], net->ways, N) / w->work.n[1];
  }
  free(p);
  free(z);
}

// ---- one task

// The adapted layers at later times: the others, which no task changes, have aged once for all tasks. The queries are
// read again, the support images where the rule takes their statistics.
static void run_later(struct measuring *m, struct task_record *record, const struct adapt_task *t, int worker,
                      struct rng *noise) {
  const struct convnet *net = &m->model->net;
  struct maml_worker *w = &m->workers[worker];
  struct fleet_place *p = &m->fleet->place[worker];
  struct synapse *layers[CONVNET_MAX_LAYERS];
  for (int k = 0; k < m->n_later; k++) {
    deploy_layers(layers, p->aged[k], net);
    for (int l = net->adapting; l <= net->readout; l++)
      lifetime_age(p->aged[k], p->clone, l, chip_calibrated(k ? p->aged[k - 1] : p->clone, l), noise);
    fleet_account_of(m->fleet, worker, p->aged[k], PART_LATER_READOUT);
    for (int group = m->options.rule != CONVNET_SUPPORT; group < 2; group++)
      convnet_forward(net, &w->work, layers, group, m->options.rule, &m->fixed, noise);
    adapt_classify(&w->record, t, layers[net->readout], m->n_updates, noise);
    fleet_account_of(m->fleet, worker, p->aged[k], PART_LATER_INFERENCE);
    record->later[k] = (double)w->record.correct[m->n_updates] / t->Q;
    if (m->beside) beside_classify(&m->beside[worker], record->beside[1 + k], t);
  }
}

// Before the updates, and after each.
static void record_step(struct measuring *m, struct task_record *record, int worker, int step) {
  const struct maml_worker *w = &m->workers[worker];
  account(m, worker, PART_CLASSIFY);
  if (step > 0) record->written[step - 1] = (double)w->record.written[step - 1];
  record->accuracy[step] = (double)w->record.correct[step] / w->work.n[1];
  record->loss[step] = w->record.query_loss[step];
}

static void adapt_readout(struct measuring *m, struct task_record *record, const struct adapt_task *t, int worker,
                          struct rng *noise) {
  struct maml_worker *w = &m->workers[worker];
  struct synapse *readout = w->layers[m->model->net.readout];
  run_features(m, worker, noise);
  adapt_start(&w->record, t, readout, noise);
  record->written_start = (double)w->record.written_start;
  if (m->fleet && t->scale && m->f->eval.correct)
    chip_calibrate_matrix(m->fleet->place[worker].clone, m->model->net.readout, noise);
  account(m, worker, PART_START);
  for (int s = 0; s <= m->n_updates; s++) {
    if (s > 0) {
      adapt_update(&w->record, t, readout, s - 1, noise);
      account(m, worker, PART_UPDATE + s - 1);
    }
    adapt_classify(&w->record, t, readout, s, noise);
    record_step(m, record, worker, s);
  }
}

// The read-outs beside the chip, from the features that it has just computed.
static void learn_beside(struct measuring *m, struct task_record *record, const struct adapt_task *t, int worker,
                         int task) {
  const struct convnet *net = &m->model->net;
  struct rng r = rng_stream((uint64_t)m->f->run.seed, RNG_QUANTISE, (uint32_t)task);
  beside_learn(&m->beside[worker], m->model->parameters + net->offset[net->readout], t,
               chip_input_range(m->fleet->chip, net->readout), &r);
  beside_classify(&m->beside[worker], record->beside[0], t);
}

// More layers than the read-out. The passes of the support images count as such, whatever update they are for.
static void adapt_layers(struct measuring *m, struct task_record *record, int worker, struct rng *noise) {
  const struct convnet *net = &m->model->net;
  struct maml_worker *w = &m->workers[worker];
  const struct finetune_task t = maml_finetune_task(w, net, m->model->parameters, &m->options, &m->fixed);
  finetune_begin(&w->finetune, &t, w->held);
  for (int s = 0; s <= m->n_updates; s++) {
    if (s > 0) {
      finetune_update(&w->finetune, &w->record, &t, s - 1, noise);
      account(m, worker, PART_UPDATE + s - 1);
    }
    if (finetune_needs_support(&t, s)) finetune_support(&w->record, &t, s, noise);
    account(m, worker, PART_SUPPORT);
    finetune_classify(&w->finetune, &w->record, &t, s, noise);
    record_step(m, record, worker, s);
  }
  for (int k = 0; k < m->n_updates * convnet_n_adapting(net); k++)
    m->written[worker*CONVNET_MAX_STEPS*CONVNET_MAX_LAYERS + k] += w->finetune.written[k];
}

static void run_adapt(struct measuring *m, struct task_record *record, int worker, int task, struct rng *noise) {
  const struct convnet *net = &m->model->net;
  const real *parameters = m->model->parameters;
  struct maml_worker *w = &m->workers[worker];
  const struct adapt_task t = maml_task(w, net, parameters, &m->options);
  if (m->f->synapse.kind == RUN_QUANTISED && m->f->synapse.rounding)
    maml_program(w, net, parameters, &m->options, noise);
  else if (!m->fleet) maml_restore(w, net, parameters);
  if (net->adapting < net->readout) adapt_layers(m, record, worker, noise);
  else adapt_readout(m, record, &t, worker, noise);
  if (m->beside) learn_beside(m, record, &t, worker, task);
  if (m->n_later > 0) run_later(m, record, &t, worker, noise);
}

static int run_task(void *context, int task, int worker, void *record) {
  struct measuring *m = context;
  struct maml_worker *w = &m->workers[worker];
  const enum rng_purpose purpose = m->split == DATASET_EVALUATION ? RNG_EVALUATE : RNG_VALIDATE;
  struct rng draw = rng_stream((uint64_t)m->f->run.seed, purpose, (uint32_t)task);
  struct rng noise = rng_stream((uint64_t)m->f->run.seed, RNG_READ, (uint32_t)task);
  const struct episode *e = &m->episodes[worker];
  if (m->fleet) fleet_restore(m->fleet, worker);
  if (m->fixed_tasks) e = &m->fixed_tasks->tasks[task];
  else episode_draw(&m->episodes[worker], &m->spec, &m->data->images, &m->data->split[m->split], &draw);
  episode_render(e, &m->data->images, w->work.y[0], VECTOR_PADDING);
  w->work.n[1] = e->n_queries;
  memcpy(w->label + w->work.n[0], e->label, (size_t)e->n_queries * sizeof *e->label);
  switch ((enum fewshot_method)m->f->eval.method) {
  case FEWSHOT_ADAPT: run_adapt(m, record, worker, task, &noise); break;
  case FEWSHOT_CENTROID: run_centroid(m, record, worker, &noise); break;
  case FEWSHOT_SCRATCH: run_scratch(m, record, w, task, &noise); break;
  case FEWSHOT_INCREMENTAL: break;  // experiment/fewshot/incremental.c
  }
  return 0;
}

// ---- one chip after the other

// Statistics of background images, for eval.batchnorm=chip, as the layers in use compute them.
static void measure_statistics(struct measuring *m) {
  background_measure(&m->fixed, m->f, m->data, &m->model->net, &m->workers[0].work, m->workers[0].layers);
  account(m, 0, PART_DEPLOYMENT);
}

static int deploy_chip(void *context, int number, struct chip **chip) {
  struct measuring *m = context;
  return fewshot_deploy(chip, m->f, m->model, m->data, m->spec.shots, background_chip_seed(m->f, number));
}

// Every worker's copy of the chip in use stands in for its software arrays.
static int begin(void *context) {
  struct measuring *m = context;
  const struct convnet *net = &m->model->net;
  for (int k = 0; m->fleet && k < m->n_workers; k++) {
    const struct fleet_place *p = &m->fleet->place[k];
    memcpy(m->software[k], m->workers[k].layers, sizeof m->software[k]);
    deploy_layers(m->workers[k].layers, p->clone, net);
    maml_hold(&m->workers[k], net);
    for (int i = 0; i < m->n_later; i++) fleet_account_of(m->fleet, k, p->aged[i], PART_LATER_CHIP);
  }
  if (m->fleet) ledger_add(&m->fleet->place[0].part[PART_DEPLOYMENT], chip_ledger(m->fleet->chip));
  if (m->fleet) m->result->devices = deploy_devices(m->fleet->chip, net);
  if (m->options.rule == CONVNET_FIXED) measure_statistics(m);
  return 0;
}

static void end(void *context) {
  struct measuring *m = context;
  for (int k = 0; m->fleet && k < m->n_workers; k++)
    memcpy(m->workers[k].layers, m->software[k], sizeof m->software[k]);
}

// ---- what was found

enum { STRIDE = sizeof(struct task_record) / sizeof(double) };

// Over tasks, which share the errors of their chip. trials: queries behind an accuracy, 0 for what is none.
static struct stat_interval over_tasks(const struct fewshot_result *r, const double *first, int trials) {
  return stat_grouped(first, r->n_tasks, STRIDE, r->n_chips, trials);
}

int fewshot_later_times(struct fewshot_result *r, const struct fewshot *f) {
  const double shortest_s = 1e-3, century_s = 100 * 365.25 * 86400;
  if (f->eval.later_s[0] && f->synapse.kind != RUN_CHIP)
    return err_set(ERR_SETTING, "eval.later_s=%s: only the devices of synapse.kind=chip change with time",
                   f->eval.later_s);
  r->n_later = numbers_parse(r->later_s, FLEET_MAX_LATER, f->eval.later_s, shortest_s, century_s, "eval.later_s");
  return r->n_later < 0 ? r->n_later : 0;
}

void fewshot_summarise_chips(struct fewshot_result *r, const double *accuracy, int stride) {
  struct stat_moments chips = { 0 };
  r->chip_accuracy = err_calloc((size_t)r->n_chips, sizeof(double));
  for (int c = 0; c < r->n_chips; c++) {
    const int n = (r->n_tasks - c + r->n_chips - 1) / r->n_chips;
    r->chip_accuracy[c] = stat_of(accuracy + c*stride, n, stride * r->n_chips).mean;
    stat_add(&chips, r->chip_accuracy[c]);
  }
  r->chip_std = r->n_chips > 1 ? stat_sd(&chips) : 0;
}

// The devices of all workers and ranks, as those of the first worker.
static int gather_written(struct measuring *m) {
  enum { N = CONVNET_MAX_STEPS*CONVNET_MAX_LAYERS };
  double sum[N] = { 0 };
  for (int k = 0; k < m->n_workers*N; k++) sum[k % N] += (double)m->written[k];
  TRY(par_ranks_add(sum, N));
  for (int k = 0; k < m->n_workers*N; k++) m->written[k] = k < N ? (long)sum[k] : 0;
  return 0;
}

// Devices that update s wrote in each layer; whole numbers, so that the order of tasks cannot be seen.
static void summarise_layers(struct fewshot_result *r, const struct measuring *m, int s) {
  const struct convnet *net = &m->model->net;
  const int layers = convnet_n_adapting(net);
  for (int l = net->adapting; l <= net->readout; l++) {
    long sum = 0;
    for (int k = 0; k < m->n_workers; k++)
      sum += m->written[k*CONVNET_MAX_STEPS*CONVNET_MAX_LAYERS + s*layers + l - net->adapting];
    r->devices_written_layers[s][l] = layers > 1 ? (double)sum / r->n_tasks : r->devices_written[s];
  }
}

static void summarise(struct fewshot_result *r, const struct measuring *m, const struct task_record *records) {
  const int columns = m->n_updates + 1, queries = r->n_queries;
  for (int s = 0; s < columns; s++) {
    const struct stat_interval accuracy = over_tasks(r, &records[0].accuracy[s], queries);
    r->accuracy[s] = accuracy.mean;
    r->ci95[s] = accuracy.ci95;
    r->loss[s] = over_tasks(r, &records[0].loss[s], 0).mean;
    if (s < m->n_updates) r->devices_written[s] = over_tasks(r, &records[0].written[s], 0).mean;
    if (s < m->n_updates) summarise_layers(r, m, s);
    for (int k = 0; k < r->n_tasks; k++) r->task_accuracy[k*columns + s] = records[k].accuracy[s];
  }
  r->devices_written_start = over_tasks(r, &records[0].written_start, 0).mean;
  for (int k = 0; k < m->n_later; k++) {
    const struct stat_interval later = over_tasks(r, &records[0].later[k], queries);
    r->later_accuracy[k] = later.mean;
    r->later_ci95[k] = later.ci95;
    for (int i = 0; i < r->n_tasks; i++) r->task_later[i*m->n_later + k] = records[i].later[k];
  }
  if (m->beside) r->task_beside = err_calloc((size_t)(r->n_tasks * (1 + m->n_later)), sizeof *r->task_beside);
  for (int i = 0; m->beside && i < r->n_tasks; i++)
    memcpy(r->task_beside[i * (1 + m->n_later)], records[i].beside, (size_t)(1 + m->n_later) * sizeof *r->task_beside);
  fewshot_summarise_chips(r, &records[0].accuracy[r->n_updates], STRIDE);
}

// A device is written at most once in an update, and its life began with the deployment.
static void summarise_ledger(struct fewshot_result *r, const struct measuring *m) {
  const struct ledger_params *p = &m->f->ledger;
  const double devices = (double)r->devices.all / (double)convnet_weights(&m->model->net);  // of a weight
  const int n_parts = PART_UPDATE + m->n_updates;
  struct ledger *sum = err_calloc((size_t)n_parts + 3, sizeof *sum), *updates = &sum[n_parts],
                *task = &sum[n_parts + 1], *inference = &sum[n_parts + 2];
  for (int i = 0; i < n_parts; i++) fleet_part(&sum[i], m->fleet, i);
  ledger_add(updates, &sum[PART_START]);
  r->start = ledger_mean(&sum[PART_START], r->n_tasks, p);
  for (int s = 0; s < m->n_updates; s++) {
    struct ledger *update = &sum[PART_UPDATE + s];
    ledger_add(updates, update);
    update->most_writes = update->most_writes > 0;
    r->update[s] = ledger_mean(update, r->n_tasks, p);
    r->devices_addressed[s] = r->update[s].weights_written * devices;
  }
  if (updates->most_writes > 0) updates->most_writes -= sum[PART_DEPLOYMENT].most_writes;
  ledger_add(inference, &sum[PART_QUERIES]);
  ledger_add(inference, &sum[PART_CLASSIFY]);
  ledger_add(task, &sum[PART_SUPPORT]);
  ledger_add(task, updates);
  ledger_add(task, inference);
  r->deployment = ledger_mean(&sum[PART_DEPLOYMENT], r->n_chips, p);
  r->task = ledger_mean(task, r->n_tasks, p);
  r->support = ledger_mean(&sum[PART_SUPPORT], r->n_tasks, p);
  r->updates = ledger_mean(updates, r->n_tasks, p);
  r->inference = ledger_mean(inference, r->n_tasks, p);
  r->query_features = ledger_mean(&sum[PART_QUERIES], r->n_tasks, p);
  r->classify = ledger_mean(&sum[PART_CLASSIFY], r->n_tasks, p);
  r->later_chip = ledger_mean(&sum[PART_LATER_CHIP], r->n_chips, p);
  r->later_readout = ledger_mean(&sum[PART_LATER_READOUT], r->n_tasks, p);
  r->later_inference = ledger_mean(&sum[PART_LATER_INFERENCE], r->n_tasks, p);
  free(sum);
}

// ---- all tasks

static void workers_new(struct measuring *m) {
  const struct convnet *net = &m->model->net;
  m->workers = err_calloc((size_t)m->n_workers, sizeof *m->workers);
  m->episodes = err_calloc((size_t)m->n_workers, sizeof *m->episodes);
  m->software = err_calloc((size_t)m->n_workers, sizeof *m->software);
  m->written = err_calloc((size_t)(m->n_workers*CONVNET_MAX_STEPS*CONVNET_MAX_LAYERS), sizeof *m->written);
  if (m->f->eval.beside) m->beside = err_calloc((size_t)m->n_workers, sizeof *m->beside);
  for (int k = 0; k < m->n_workers; k++) {
    maml_worker_init(&m->workers[k], net, m->spec.shots, m->spec.queries, &m->options);
    maml_program(&m->workers[k], net, m->model->parameters, &m->options, NULL);
    episode_init(&m->episodes[k], net->ways, m->spec.shots, m->spec.queries);
    if (m->beside) beside_init(&m->beside[k], net, m->n_updates, m->spec.shots, m->spec.queries);
  }
  convnet_fixed_init(&m->fixed, net);
}

static void workers_free(struct measuring *m) {
  for (int k = 0; k < m->n_workers; k++) {
    maml_worker_release(&m->workers[k], &m->model->net);
    episode_release(&m->episodes[k]);
    if (m->beside) beside_release(&m->beside[k]);
  }
  convnet_fixed_release(&m->fixed);
  free(m->beside);
  free(m->software);
  free(m->written);
  free(m->workers);
  free(m->episodes);
}

// The chips of the evaluation; later times are those of the result.
static struct fleet fleet_of(const struct measuring *m) {
  struct fleet fleet = { .n_chips = m->result->n_chips, .n_workers = m->n_workers,
                         .n_parts = PART_UPDATE + m->n_updates, .n_later = m->n_later,
                         .state = m->f->synapse.state, .deploy = deploy_chip };
  memcpy(fleet.later_s, m->result->later_s, sizeof fleet.later_s);
  return fleet;
}

static int measure(struct fewshot_result *r, struct measuring *m, struct par *par) {
  const size_t n = (size_t)r->n_tasks;
  TRY(err_room(par_threads(par)*maml_worker_bytes(&m->model->net, m->spec.shots, m->spec.queries, m->n_updates),
               "eval.shots, eval.queries"));
  struct fleet fleet = fleet_of(m);
  struct task_record *records = err_calloc(n, sizeof *records);
  fleet.context = m;
  m->n_workers = fleet.n_workers = par_threads(par);
  r->ways = m->model->net.ways;
  r->shots = m->spec.shots;
  r->queries = m->spec.listed ? 0 : m->spec.queries;
  r->n_queries = episode_queries(&m->spec);
  r->task_accuracy = err_calloc(n * (size_t)(m->n_updates + 1), sizeof(double));
  if (m->n_later > 0) r->task_later = err_calloc(n * (size_t)m->n_later, sizeof(double));
  if (m->f->synapse.kind == RUN_CHIP) {
    m->fleet = &fleet;
    fleet_init(&fleet);
  }
  workers_new(m);
  const struct evaluation evaluation = { .par = par, .fleet = m->fleet, .n_items = r->n_tasks,
                                         .record_bytes = sizeof *records, .context = m,
                                         .begin = begin, .item = run_task, .end = end };
  int rc = evaluation_run(&evaluation, records, &r->seconds);
  if (rc == 0) rc = gather_written(m);
  if (rc == 0) summarise(r, m, records);
  if (rc == 0 && m->fleet) summarise_ledger(r, m);
  workers_free(m);
  if (m->fleet) fleet_release(&fleet);
  free(records);
  if (rc < 0) fewshot_result_release(r);
  return rc;
}

static int check_settings(const struct fewshot *f, const struct fewshot_model *model) {
  if (f->eval.method == FEWSHOT_ADAPT && model->net.steps == 0)
    return err_set(ERR_SETTING, "eval.method=adapt: %s has no inner updates (net.steps=0)", model->path);
  if (f->eval.method == FEWSHOT_ADAPT && f->eval.updates == 0 && model->net.start != CONVNET_PROTOTYPE)
    return err_set(ERR_SETTING, "eval.updates=0: only a read-out that starts from class means classifies without "
                                "updates (net.start=prototype)");
  if (f->eval.method == FEWSHOT_ADAPT && f->eval.batchnorm == CONVNET_FIXED && model->net.adapting < model->net.blocks)
    return err_set(ERR_SETTING, "eval.batchnorm=chip: train.adapt=%s changes the kernels that this measures",
                   convnet_adapt_names[f->net.adapt]);
  if (f->eval.method == FEWSHOT_SCRATCH && f->synapse.kind == RUN_CHIP)
    return err_set(ERR_SETTING, "synapse.kind=chip: eval.method=scratch trains in software only");
  if (f->eval.method == FEWSHOT_SCRATCH && f->eval.batchnorm == CONVNET_FIXED)
    return err_set(ERR_SETTING, "eval.batchnorm=chip: eval.method=scratch has no model to measure statistics of");
  if (f->eval.later_s[0] && f->eval.method != FEWSHOT_ADAPT)
    return err_set(ERR_SETTING, "eval.later_s=%s: only eval.method=adapt has an adaptation to come after",
                   f->eval.later_s);
  return run_synapse_check(&f->synapse, &f->chip, f->eval.chips, f->eval.later_s[0] != 0);
}

static int measuring_init(struct measuring *m, struct fewshot_result *r, const struct fewshot *f,
                          const struct fewshot_model *model, const struct dataset *data, enum dataset_split split,
                          int n_tasks) {
  *m = (struct measuring){ .f = f, .model = model, .data = data, .split = split, .result = r };
  *r = (struct fewshot_result){ .n_tasks = n_tasks, .n_chips = f->synapse.kind == RUN_CHIP ? (int)f->eval.chips : 1 };
  TRY(fewshot_later_times(r, f));
  m->n_later = r->n_later;
  TRY(check_settings(f, model));
  if (f->eval.batchnorm == CONVNET_FIXED) TRY(background_check(data));
  r->n_updates = m->n_updates =
      f->eval.method == FEWSHOT_ADAPT ? (int)f->eval.updates : f->eval.method == FEWSHOT_SCRATCH;
  m->options = (struct maml_options){ .steps = (int)f->eval.updates, .rule = (enum convnet_rule)f->eval.batchnorm };
  if (f->synapse.kind == RUN_QUANTISED) m->options.bits = (int)f->synapse.bits;
  if (r->n_chips > n_tasks)
    return err_set(ERR_SETTING, "eval.chips=%d: more chips than tasks, %d", r->n_chips, n_tasks);
  return queries_spec(&m->spec, m->listed, f, model->net.ways);
}

static int measure_drawn(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *model,
                         const struct dataset *data, enum dataset_split split, struct par *par) {
  struct measuring m;
  TRY(measuring_init(&m, r, f, model, data, split, (int)f->eval.tasks));
  TRY(dataset_check(data, &f->data, &m.spec, split));
  r->n_classes = data->split[split].n;
  return measure(r, &m, par);
}

int fewshot_model_suited(const struct fewshot_model **m, struct fewshot_model *other, const struct fewshot_model *model,
                         const struct fewshot *f, int ways) {
  const struct convnet *net = &model->net;
  const bool longer = f->eval.method == FEWSHOT_ADAPT && net->steps > 0 && f->eval.updates > net->steps;
  *other = (struct fewshot_model){ 0 };
  *m = model;
  if (ways == 0) ways = net->ways;
  if (ways == net->ways && !longer) return 0;
  *m = other;
  return fewshot_model_ways(other, model, f, ways, longer ? (int)f->eval.updates : net->steps);
}

int fewshot_measure(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *model,
                    const struct dataset *data, enum dataset_split split, struct par *par) {
  struct fewshot_model other;
  const struct fewshot_model *m;
  TRY(fewshot_model_suited(&m, &other, model, f, (int)f->eval.ways));
  const int rc = measure_drawn(r, f, m, data, split, par);
  fewshot_model_release(&other);
  return rc;
}

static int measure_tasks(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *model,
                         const struct dataset *data, const struct tasksfile *tasks, struct par *par) {
  struct measuring m;
  TRY(measuring_init(&m, r, f, model, data, DATASET_EVALUATION, tasks->n_tasks));
  m.fixed_tasks = tasks;
  r->n_classes = data->images.n_classes;
  m.spec.shots = tasks->tasks[0].shots;
  m.spec.queries = tasks->tasks[0].queries;
  TRY(measure(r, &m, par));
  if (tasks->n_expect == r->n_updates + 1) {
    const size_t n = (size_t)(tasks->n_tasks * tasks->n_expect);
    r->expected = err_calloc(n, sizeof(double));
    memcpy(r->expected, tasks->expect, n * sizeof(double));
  }
  return 0;
}

// Ways, shots and queries of fixed tasks replace those of the settings.
static int measure_fixed(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *model,
                         const struct dataset *data, struct par *par) {
  struct tasksfile tasks;
  TRY(check_settings(f, model));
  TRY(tasksfile_load(&tasks, f->eval.tasks_file, &data->images));
  struct fewshot_model other;
  const struct fewshot_model *m;
  int rc = fewshot_model_suited(&m, &other, model, f, tasks.tasks[0].ways);
  if (rc == 0) rc = measure_tasks(r, f, m, data, &tasks, par);
  fewshot_model_release(&other);
  tasksfile_release(&tasks);
  return rc;
}

int fewshot_load(struct dataset *data, const struct fewshot *f) {
  const int background = f->synapse.kind == RUN_CHIP || f->eval.batchnorm == CONVNET_FIXED;
  const int evaluation = background ? DATASET_EVERYTHING : DATASET_EVALUATION_ONLY,
            stand_in = f->synapse.kind == RUN_CHIP ? DATASET_STAND_IN : 0;
  return dataset_load(data, &f->data,
                      (fewshot_eval_split(f) == DATASET_EVALUATION ? evaluation : DATASET_BACKGROUND_ONLY) | stand_in);
}

static int same_data_on_ranks(const struct dataset *data) {
  char fingerprint[40], line[64];
  if (par_ranks_count() == 1) return 0;
  dataset_fingerprint(data, fingerprint);
  snprintf(line, sizeof line, "data=%s", fingerprint);
  return par_ranks_same(line);
}

int fewshot_eval(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m,
                 const struct dataset *data) {
  TRY(same_data_on_ranks(data));
  struct par *par = par_new(run_workers(&f->run, &f->synapse, &f->chip));
  const enum dataset_split split = fewshot_eval_split(f);
  const int rc = f->eval.method == FEWSHOT_INCREMENTAL ? incremental_eval(r, f, m, data, par)
                 : f->eval.tasks_file[0]               ? measure_fixed(r, f, m, data, par)
                                                       : fewshot_measure(r, f, m, data, split, par);
  if (rc == 0) dataset_fingerprint(data, r->data);
  if (rc == 0 && !f->eval.tasks_file[0]) dataset_split_fingerprint(data, split, r->items);
  par_free(par);
  return rc;
}

int fewshot_load_and_eval(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m) {
  struct dataset data;
  TRY(fewshot_load(&data, f));
  const int rc = fewshot_eval(r, f, m, &data);
  dataset_release(&data);
  return rc;
}
