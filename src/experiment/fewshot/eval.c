// Evaluation: many tasks of unseen classes, each adapted and classified by one thread.
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/numbers.h"
#include "base/par.h"
#include "base/par_ranks.h"
#include "base/text.h"
#include "data/tasksfile.h"
#include "experiment/fewshot/background.h"
#include "experiment/fewshot/deploy.h"
#include "experiment/fewshot/eval_private.h"
#include "run/evaluation.h"

// ---- one chip after the other

// Statistics of background images, for eval.batchnorm=chip, as the layers in use compute them.
static void measure_statistics(struct measuring *m) {
  background_measure(&m->fixed, m->f, m->data, &m->model->net, &m->workers[0].work, m->workers[0].layers);
  eval_account(m, 0, PART_DEPLOYMENT);
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
  if (!par) return 0;
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
                                         .begin = begin, .item = eval_task, .end = end };
  int rc = evaluation_run(&evaluation, records, &r->seconds);
  if (rc == 0) rc = eval_gather_written(m);
  if (rc == 0) eval_summarise(r, m, records);
  if (rc == 0 && m->fleet) eval_summarise_ledger(r, m);
  workers_free(m);
  if (m->fleet) fleet_release(&fleet);
  free(records);
  if (rc < 0) fewshot_result_release(r);
  return rc;
}

// ---- settings

int fewshot_later_times(struct fewshot_result *r, const struct fewshot *f) {
  const double shortest_s = 1e-3, century_s = 100 * 365.25 * 86400;
  if (f->eval.later_s[0] && f->synapse.kind != RUN_CHIP)
    return err_set(ERR_SETTING, "eval.later_s=%s: only the devices of synapse.kind=chip change with time",
                   f->eval.later_s);
  r->n_later = numbers_parse(r->later_s, FLEET_MAX_LATER, f->eval.later_s, shortest_s, century_s, "eval.later_s");
  return r->n_later < 0 ? r->n_later : 0;
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
  if (f->eval.views > 1 && (f->eval.method == FEWSHOT_SCRATCH || model->net.adapting < model->net.readout))
    return err_set(ERR_SETTING, "eval.views=%d: needs a read-out that alone adapts (train.adapt=readout, not "
                                "eval.method=scratch)", (int)f->eval.views);
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
  TRY(views_init(&m->views, f, f->eval.views, "eval.views"));
  return queries_spec(&m->spec, m->listed, f, model->net.ways);
}

// ---- tasks at random, or those of a file

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
  if (tasks->n_expect && tasks->n_expect != r->n_updates + 1)
    return err_set(ERR_FORMAT, "%s: task 1: expect_query_accuracy has %d number%s; this evaluation has %d, after 0 to "
                               "%d updates", f->eval.tasks_file, tasks->n_expect, text_s(tasks->n_expect),
                   r->n_updates + 1, r->n_updates);
  TRY(measure(r, &m, par));
  tasksfile_fingerprint(r->items, tasks, &data->images);
  if (tasks->n_expect) {
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

// par NULL: only check.
static int evaluate(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m,
                    const struct dataset *data, struct par *par) {
  return f->eval.method == FEWSHOT_INCREMENTAL ? incremental_eval(r, f, m, data, par)
         : f->eval.tasks_file[0]               ? measure_fixed(r, f, m, data, par)
                                               : fewshot_measure(r, f, m, data, fewshot_eval_split(f), par);
}

int fewshot_eval_check(const struct fewshot *f, const struct fewshot_model *m, const struct dataset *data) {
  struct fewshot_result r = { 0 };
  const int rc = evaluate(&r, f, m, data, NULL);
  fewshot_result_release(&r);
  return rc;
}

int fewshot_eval(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m,
                 const struct dataset *data) {
  TRY(same_data_on_ranks(data));
  struct par *par = par_new(run_workers(&f->run, &f->synapse, &f->chip));
  const enum dataset_split split = fewshot_eval_split(f);
  const int rc = evaluate(r, f, m, data, par);
  if (rc == 0) dataset_fingerprint(data, r->data);
  if (rc == 0 && r->n_base > 0) dataset_fingerprint(data, r->items);  // the base classes, too
  else if (rc == 0 && !f->eval.tasks_file[0]) dataset_split_fingerprint(data, split, r->items);
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
