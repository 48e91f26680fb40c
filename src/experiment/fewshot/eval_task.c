// One task of an evaluation: adapted and classified, by the method of the settings.
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "data/tasksfile.h"
#include "experiment/fewshot/deploy.h"
#include "experiment/fewshot/eval_private.h"
#include "kernel/adam.h"
#include "kernel/softmax.h"

void eval_account(struct measuring *m, int worker, int part) {
  if (m->fleet) fleet_account(m->fleet, worker, part);
}

static const struct episode *task_of(const struct measuring *m, int worker, int task) {
  return m->fixed_tasks ? &m->fixed_tasks->tasks[task] : &m->episodes[worker];
}

// A pass of the images of a task through these layers: of the support (group 0, if it is the first) and the queries.
struct task_pass {
  struct measuring *m;
  int worker, first;
  const struct episode *task;
  struct synapse *const *layers;
  struct rng *noise;
};

static void run_pass(const void *context) {
  const struct task_pass *p = context;
  struct maml_worker *w = &p->m->workers[p->worker];
  for (int group = p->first; group < 2; group++) {
    convnet_forward(&p->m->model->net, &w->work, p->layers, group, p->m->options.rule, &p->m->fixed, p->noise);
    if (p->layers == w->layers) eval_account(p->m, p->worker, group ? PART_QUERIES : PART_SUPPORT);
  }
}

static void render_image(const void *context, int i, int k, real *out) {
  const struct task_pass *p = context;
  views_render(&p->m->views, &p->m->data->images, &p->task->views[i], k, out);
}

// Features of the images of a task, which are rendered: the mean over eval.views views of each, the first of which is
// the image as it is (C6).
static void run_features(struct measuring *m, int worker, int task, struct synapse *const *layers, int first,
                         struct rng *noise) {
  const struct task_pass pass = { m, worker, first, task_of(m, worker, task), layers, noise };
  const struct views_images images = { render_image, &pass };
  if (m->views.n == 1) run_pass(&pass);
  else views_mean(&m->model->net, &m->workers[worker].work, &images, m->views.n, run_pass, &pass);
}

// ---- baselines on the same tasks

static void run_centroid(struct measuring *m, struct task_record *record, int worker, int task,
                         struct rng *noise) {
  const struct convnet *net = &m->model->net;
  struct maml_worker *w = &m->workers[worker];
  const int Q = w->work.n[1], N = vector_padded(net->ways), *label = w->label + w->work.n[0];
  real *centroid = err_calloc((size_t)(net->ways * convnet_features(net)), sizeof *centroid);
  real *z = err_calloc(2 * (size_t)(Q*N), sizeof *z), *p = z + Q*N;
  run_features(m, worker, task, w->layers, 0, noise);
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
                      int task, struct rng *noise) {
  const struct convnet *net = &m->model->net;
  struct maml_worker *w = &m->workers[worker];
  struct fleet_place *p = &m->fleet->place[worker];
  struct synapse *layers[CONVNET_MAX_LAYERS];
  for (int k = 0; k < m->n_later; k++) {
    deploy_layers(layers, p->aged[k], net);
    for (int l = net->adapting; l <= net->readout; l++)
      lifetime_age(p->aged[k], p->clone, l, chip_calibrated(k ? p->aged[k - 1] : p->clone, l), noise);
    fleet_account_of(m->fleet, worker, p->aged[k], PART_LATER_READOUT);
    run_features(m, worker, task, layers, m->options.rule != CONVNET_SUPPORT, noise);
    adapt_classify(&w->record, t, layers[net->readout], m->n_updates, noise);
    fleet_account_of(m->fleet, worker, p->aged[k], PART_LATER_INFERENCE);
    record->later[k] = (double)w->record.correct[m->n_updates] / t->Q;
    if (m->beside) beside_classify(&m->beside[worker], record->beside[1 + k], t);
  }
}

// Before the updates, and after each.
static void record_step(struct measuring *m, struct task_record *record, int worker, int step) {
  const struct maml_worker *w = &m->workers[worker];
  eval_account(m, worker, PART_CLASSIFY);
  if (step > 0) record->written[step - 1] = (double)w->record.written[step - 1];
  record->accuracy[step] = (double)w->record.correct[step] / w->work.n[1];
  record->loss[step] = w->record.query_loss[step];
}

// The read-out holds class means now, if it starts from them.
static void started(struct measuring *m, struct task_record *record, const struct adapt_task *t, int worker,
                    struct rng *noise) {
  record->written_start = (double)m->workers[worker].record.written_start;
  if (m->fleet && t->scale && m->f->eval.correct)
    chip_calibrate_matrix(m->fleet->place[worker].clone, m->model->net.readout, noise);
  eval_account(m, worker, PART_START);
}

static void adapt_readout(struct measuring *m, struct task_record *record, const struct adapt_task *t, int worker,
                          int task, struct rng *noise) {
  struct maml_worker *w = &m->workers[worker];
  struct synapse *readout = w->layers[m->model->net.readout];
  run_features(m, worker, task, w->layers, 0, noise);
  adapt_start(&w->record, t, readout, noise);
  started(m, record, t, worker, noise);
  for (int s = 0; s <= m->n_updates; s++) {
    if (s > 0) {
      adapt_update(&w->record, t, readout, s - 1, noise);
      eval_account(m, worker, PART_UPDATE + s - 1);
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
      eval_account(m, worker, PART_UPDATE + s - 1);
    }
    if (finetune_needs_support(&t, s)) finetune_support(&t, s, noise);
    eval_account(m, worker, PART_SUPPORT);
    if (s == 0) {
      finetune_start(&w->finetune, &w->record, &t, noise);
      started(m, record, &t.read, worker, noise);
    }
    if (s < m->n_updates) finetune_logits(&w->record, &t, s, noise);
    eval_account(m, worker, PART_SUPPORT);
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
  else adapt_readout(m, record, &t, worker, task, noise);
  if (m->beside) learn_beside(m, record, &t, worker, task);
  if (m->n_later > 0) run_later(m, record, &t, worker, task, noise);
}

int eval_task(void *context, int task, int worker, void *record) {
  struct measuring *m = context;
  struct maml_worker *w = &m->workers[worker];
  const enum rng_purpose purpose = m->split == DATASET_EVALUATION ? RNG_EVALUATE : RNG_VALIDATE;
  struct rng draw = rng_stream((uint64_t)m->f->run.seed, purpose, (uint32_t)task);
  struct rng noise = rng_stream((uint64_t)m->f->run.seed, RNG_READ, (uint32_t)task);
  const struct episode *e = task_of(m, worker, task);
  if (m->fleet) fleet_restore(m->fleet, worker);
  if (!m->fixed_tasks)
    episode_draw(&m->episodes[worker], &m->spec, &m->data->images, &m->data->split[m->split], &draw);
  episode_render(e, &m->data->images, w->work.y[0], VECTOR_PADDING);
  w->work.n[1] = e->n_queries;
  memcpy(w->label + w->work.n[0], e->label, (size_t)e->n_queries * sizeof *e->label);
  switch ((enum fewshot_method)m->f->eval.method) {
  case FEWSHOT_ADAPT: run_adapt(m, record, worker, task, &noise); break;
  case FEWSHOT_CENTROID: run_centroid(m, record, worker, task, &noise); break;
  case FEWSHOT_SCRATCH: run_scratch(m, record, w, task, &noise); break;
  case FEWSHOT_INCREMENTAL: break;  // experiment/fewshot/incremental.c
  }
  return 0;
}
