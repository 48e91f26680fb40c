// Few-shot classification as an entry of the table.
#include "experiment/experiment.h"

#include "base/err.h"
#include "base/tensorfile.h"
#include "experiment/fewshot/bench.h"
#include "experiment/fewshot/edge.h"
#include "experiment/fewshot/onnx.h"
#include "experiment/fewshot/queries.h"
#include "experiment/fewshot/result.h"
#include "experiment/fewshot/inloop.h"

static void init(void *set) { fewshot_init(set); }
static struct run_settings settings(void *set) { return fewshot_run_settings(set); }
static bool owns(const struct tensorfile *file) {
  return tensorfile_find(file, "conv1.weight") &&
         (tensorfile_find(file, "readout.weight") || tensorfile_find(file, "prototype.scale"));
}

// Settings of other kinds of data, and fractions of classes that a path gives.
static int data_effects(const struct dataset_params *p, const struct run_sources *from) {
  static const char *const folder[] = { "data.layout", "data.groups", "data.invert", "data.split_rule",
                                        "data.evaluation", NULL },
                           *const evaluation[] = { "data.evaluation", NULL },
                           *const validation[] = { "data.validation", NULL },
                           *const builtin[] = { "data.classes", "data.evaluation_classes", "data.drawings", NULL },
                           *const path[] = { "data.path", NULL },
                           *const fetch[] = { "data.url", "data.cifar100_url", NULL };
  TRY(run_refuse(from, fetch, "metaxbar data fetch"));
  if (p->kind != DATASET_FOLDER) TRY(run_refuse(from, folder, "data.kind=folder"));
  if (p->evaluation_path[0]) TRY(run_refuse(from, evaluation, "an empty data.evaluation_path"));
  if (p->validation_path[0]) TRY(run_refuse(from, validation, "an empty data.validation_path"));
  if (p->kind == DATASET_BUILTIN) TRY(run_refuse(from, path, "data.kind=omniglot, folder or cifar100"));
  return p->kind == DATASET_BUILTIN ? 0 : run_refuse(from, builtin, "data.kind=builtin");
}

static const char *const dense[] = { "net.activation", NULL };

static int effects(const void *set, const struct run_sources *from) {
  static const char *const scratch[] = { "eval.scratch_updates", "eval.scratch_rate", NULL };
  static const char *const drawn[] = { "eval.ways", "eval.tasks", "eval.shots", "eval.queries", "data.tasks",
                                       "eval.queries_per_class", NULL };
  static const char *const each[] = { "eval.queries", NULL };
  static const char *const correct[] = { "eval.correct", NULL };
  static const char *const stages[] = { "eval.stage", "eval.first_stage", "eval.base_shots", NULL };
  static const char *const first[] = { "eval.first_stage", NULL };
  static const char *const tasks[] = { "eval.tasks_file", "eval.queries_per_class", "data.tasks", NULL };
  static const char *const views[] = { DATASET_VARIATIONS, NULL };
  static const char *const training[] = { "data.cutmix", "data.turn", "data.rotated_classes", NULL };
  static const char *const updates[] = { "eval.updates", NULL };
  static const char *const statistics[] = { "eval.statistics_images", NULL };
  const struct fewshot *f = set;
  TRY(run_synapse_effects(&f->synapse, &f->chip, from));
  TRY(data_effects(&f->data, from));
  if (f->eval.views <= 1) TRY(run_refuse(from, views, "eval.views above 1"));
  TRY(run_refuse(from, training, "metaxbar train"));
  if (f->net.hidden == 0) TRY(run_refuse(from, dense, "net.hidden"));
  if (queries_is_list(&f->eval)) TRY(run_refuse(from, each, "eval.queries_per_class=equal or random"));
  if (f->eval.tasks_file[0]) TRY(run_refuse(from, drawn, "tasks drawn at random, not eval.tasks_file,"));
  if (f->synapse.kind != RUN_CHIP) TRY(run_refuse(from, correct, "synapse.kind=chip"));
  if (f->eval.method != FEWSHOT_INCREMENTAL) TRY(run_refuse(from, stages, "eval.method=incremental"));
  else TRY(run_refuse(from, tasks, "tasks, not sequences of eval.method=incremental,"));
  if (f->eval.base_shots > 0) TRY(run_refuse(from, first, "eval.base_shots=0"));
  if (f->eval.method != FEWSHOT_ADAPT) TRY(run_refuse(from, updates, "eval.method=adapt"));
  if (f->eval.batchnorm != CONVNET_FIXED) TRY(run_refuse(from, statistics, "eval.batchnorm=chip"));
  return f->eval.method == FEWSHOT_SCRATCH ? 0 : run_refuse(from, scratch, "eval.method=scratch");
}

static int train_effects(const void *set, const struct run_sources *from) {
  static const char *const chips[] = { "train.chips", "train.time_max_s", NULL };
  static const char *const centroids[] = { "train.validate_ways", "train.validate_shots", NULL };
  static const char *const rounding[] = { "train.rounding", NULL };
  static const char *const updates[] = { "train.adapt", "train.order", "train.inner_rate", "train.learn_inner_rate",
                                         "train.query_loss", NULL };
  static const char *const devices[] = { "chip", "verify", NULL }, *const stored[] = { CHIP_LAYOUT_SETTINGS, NULL };
  static const char *const age[] = { "chip.time_s", NULL };
  const struct fewshot *f = set;
  TRY(data_effects(&f->data, from));
  if (f->net.steps == 0) TRY(run_refuse(from, updates, "net.steps above 0"));
  if (f->train.synapse == INLOOP_NONE) TRY(run_refuse(from, chips, "train.synapse=weights or chip"));
  else TRY(run_refuse(from, age, "metaxbar eval"));  // in training it is drawn up to train.time_max_s
  if (f->train.synapse == INLOOP_NONE && f->train.noise <= 0)
    TRY(run_refuse_but(from, devices, stored, "train.synapse=weights or chip, or train.noise"));
  if (f->net.steps > 0) TRY(run_refuse(from, centroids, "net.steps=0"));
  if (!f->train.bits) TRY(run_refuse(from, rounding, "train.bits"));
  return f->net.hidden > 0 ? 0 : run_refuse(from, dense, "net.hidden");
}

// n outer updates, for the bench of ranks.
static int time_training(const void *set, const void *model, int n, double *seconds) {
  struct fewshot f = *(const struct fewshot *)set;
  struct dataset data;
  double operations;
  (void)model;
  TRY(dataset_load(&data, &f.data, DATASET_BACKGROUND_ONLY));
  const int rc = fewshot_train_timed(&f, &data, n, seconds, &operations);
  dataset_release(&data);
  return rc;
}

// Models keep how a chip is to hold them (chip.*). train.inner_rate: of models without rates of their own.
static const char *const train_reads[] = { "data", "net", "train", "run", "chip", "verify", NULL };
static const char *const eval_reads[] = { "data", "net", "train.inner_rate", "train.adapt", "eval", "synapse",
                                          "run", "chip", "verify", "ledger", NULL };
static const char *const convert_reads[] = { FEWSHOT_STORED, "synapse.kind", "synapse.bits", NULL };
static const char *const eval_adopts[] = { "train.shots", "train.bits", "train.adapt", NULL };
// Tasks of a file have a fingerprint (tasksfile_fingerprint).
static const char *const *item_settings(const void *set) {
#define DRAWN                                                                                                          \
  "run.seed", "eval.shots", "eval.queries", "eval.split", "eval.tasks_file", "data.tasks", "data.test_images",         \
      "eval.queries_per_class"
  static const char *const drawn[] = { DRAWN, NULL }, *const file[] = { NULL },
                           *const after_base[] = { DRAWN, "eval.base_shots", NULL };
#undef DRAWN
  const struct fewshot *f = set;
  if (f->eval.method == FEWSHOT_INCREMENTAL) return f->eval.base_shots > 0 ? after_base : drawn;
  return f->eval.tasks_file[0] ? file : drawn;
}
static const char *const json_settings[] = { "eval.per_task", NULL };
static const char *const chip_reads[] = {
  "chip", "verify", "ledger", "net", "data", "run", "eval.shots", "eval.statistics_images", "train.inner_rate", NULL
};

static int model_new(void *model, const void *set) { return fewshot_model_new(model, set); }
static int model_load(void *model, void *set, const char *path, const struct run_sources *from) {
  return fewshot_model_load(model, set, path, from);
}
static int model_save(const void *model, const void *set, const char *path, bool half) {
  return fewshot_model_save(model, set, path, half);
}
static void model_release(void *model) { fewshot_model_release(model); }
static int model_history(void *set, const char *path) { return fewshot_history(set, path); }
static void model_round(void *model, const void *set) { fewshot_model_round(model, set); }

static int train(void *set, const char *folder, bool resume) { return fewshot_train(set, folder, resume); }
static int check_train(void *set) { return fewshot_train_check(set); }

static int data_load(void *data, const void *set) { return fewshot_load(data, set); }
static void data_release(void *data) { dataset_release(data); }
static void data_fingerprint(const void *data, char text[17]) { dataset_fingerprint(data, text); }
static int eval(void *result, const void *set, const void *model, const void *data) {
  return fewshot_eval(result, set, model, data);
}
static int check_eval(const void *set, const void *model, const void *data) {
  return fewshot_eval_check(set, model, data);
}
static void result_print(const void *result, const void *set, const void *model, FILE *out) {
  fewshot_result_print(result, set, model, out);
}
static struct json_t *result_json(const void *result, const void *set, const void *model) {
  return fewshot_result_json(result, set, model);
}
static void result_release(void *result) { fewshot_result_release(result); }

static void headline(struct experiment_headline *h, const void *result) {
  const struct fewshot_result *r = result;
  *h = (struct experiment_headline){ .name = "accuracy after the last update", .unit = "%",
                                     .value = 100*r->accuracy[r->n_updates],
                                     .before = 100*r->accuracy[0], .ci95 = 100*r->ci95[r->n_updates],
                                     .higher_is_better = true };
}

static void scores(struct experiment_scores *s, const void *result) {
  const struct fewshot_result *r = result;
  *s = (struct experiment_scores){ .n = r->n_tasks, .n_chips = r->n_chips,
                                   .n_updates = r->n_updates, .seconds = r->seconds,
                                   .stride = r->n_updates + 1, .first = r->task_accuracy + r->n_updates,
                                   .trials = r->n_queries, .data = r->items,
                                   .devices_written = r->task.devices_written };
  for (int k = 0; k < r->n_updates; k++) s->devices_addressed += r->devices_addressed[k];
}

static const char *const edge_reads[] = { "data", "net", "train.inner_rate", "eval.statistics_images", "run.seed",
                                          NULL };
static const char *const onnx_reads[] = { "data", "net", "train.inner_rate", "eval.statistics_images", "synapse.kind",
                                          "synapse.bits", "run.seed", NULL };
static const char *const onnx_state_reads[] = { "learn.threshold", "data.preprocessing", NULL };
static int export_c(void *set, const void *model, const struct experiment_form *form) {
  return edge_export(set, model, form->out);
}
static int export_onnx(void *set, const void *model, const struct experiment_form *form) {
  return form->state ? onnx_export_taught(set, model, form->state, form->from, form->out)
                     : onnx_export(set, model, form->out);
}
static const struct experiment_export exports[] = {
  { .flag = "--c", .reads = edge_reads, .write = export_c },
  { .flag = "--onnx", .reads = onnx_reads, .state_reads = onnx_state_reads, .write = export_onnx },
  { 0 },
};

static int chip_plan(struct chip **c, const void *set, const void *model) {
  const struct fewshot *f = set;
  const struct fewshot_model *m = model;
  return deploy_plan(c, &f->chip, (uint64_t)f->run.seed, &m->net);
}

static int chip_program(struct chip **c, const void *set, const void *model) {
  const struct fewshot *f = set;
  struct dataset data;
  TRY(fewshot_model_calibrates(model, f));
  TRY(dataset_load(&data, &f->data, DATASET_BACKGROUND_ONLY | DATASET_STAND_IN));
  const int rc = fewshot_deploy(c, f, model, &data, (int)f->eval.shots, (uint64_t)f->run.seed);
  dataset_release(&data);
  return rc;
}

static const char *const alternatives_reads[] = {
  "data", "net", "train.inner_rate", "train.adapt", "eval.tasks", "eval.shots", "eval.queries", "eval.updates",
  "eval.queries_per_class",
  "eval.batchnorm", "eval.split", "eval.statistics_images", "eval.chips", "eval.later_s", "eval.tasks_file",
  "synapse.state", "run", "chip", "verify", "ledger", "digital", NULL
};
static int alternatives(struct experiment_alternatives *a, const void *set, const void *model, const void *data) {
  return fewshot_alternatives(a, set, model, data);
}
static void alternatives_defaults(void *set) {
  struct fewshot *f = set;
  snprintf(f->eval.later_s, sizeof f->eval.later_s, "2592000");
}

// Invented characters calibrate a chip unless the settings name other images.
static void chip_defaults(void *set) { ((struct fewshot *)set)->data.kind = DATASET_BUILTIN; }

static void chip_count(struct json_t *o, FILE *out, const struct chip *c, const void *model) {
  const struct deploy_devices n = deploy_devices(c, &((const struct fewshot_model *)model)->net);
  if (o) deploy_devices_put(o, &n);
  else deploy_devices_print(&n, out);
}

static void showcase_set(void *set, int kind) { fewshot_showcase_set(set, kind); }
static bool bench_defaults(void *set, const char *what) { return fewshot_bench_defaults(set, what); }
static int bench(struct timings *b, void *set, const void *model, const char *what) {
  return fewshot_bench(b, set, model, what);
}

const struct experiment fewshot_experiment = {
  .name = "fewshot",
  .about = "new classes of images from a few examples",
  .train_help =
    "Meta-train a small convolutional network so that its last layer learns new classes of images from a few examples\n"
    "of each, in a few gradient updates.\n",
  .eval_help =
    "Adapt the model to tasks of classes it has never seen and print the accuracy on their query images after each\n"
    "update, with a 95 % confidence interval over tasks and chips.\n"
    "With synapse.kind=chip this is done on eval.chips chips, and the accuracy is printed again eval.later_s seconds\n"
    "after the adaptation, with the operations of the chips.\n"
    "With eval.method=incremental the model learns one class after the other and keeps no image of it; all classes so\n"
    "far are classified after each eval.stage of them. With eval.base_shots the classes of its training come first.\n",
  .items = "tasks",
  .settings_size = sizeof(struct fewshot), .settings_init = init, .settings = settings,
  .train_reads = train_reads, .eval_reads = eval_reads, .chip_reads = chip_reads, .eval_adopts = eval_adopts,
  .convert_reads = convert_reads, .effects = effects,
  .train_effects = train_effects,
  .model_size = sizeof(struct fewshot_model), .owns = owns, .model_new = model_new, .model_load = model_load,
  .model_save = model_save,
  .model_release = model_release, .model_history = model_history, .model_round = model_round,
  .train = train, .check_train = check_train, .time_training = time_training,
  .data_size = sizeof(struct dataset), .data_load = data_load, .data_release = data_release,
  .data_fingerprint = data_fingerprint,
  .result_size = sizeof(struct fewshot_result), .eval = eval, .check_eval = check_eval, .result_print = result_print,
  .result_json = result_json,
  .result_release = result_release, .headline = headline, .scores = scores,
  .score = "accuracy", .higher_is_better = true,
  .item_settings = item_settings, .json_settings = json_settings,
  .exports = exports,
  .alternatives = alternatives, .alternatives_reads = alternatives_reads,
  .alternatives_defaults = alternatives_defaults,
  .chip_plan = chip_plan, .chip_program = chip_program, .chip_defaults = chip_defaults, .chip_count = chip_count,
  .pictures = &fewshot_pictures,
  .bench_help =
    "fewshot         meta-training iterations of the classifier (8 to 64 tasks), its adaptation to one task, in "
    "software and on the chip\n"
    "fewshot chip    the last of these\n"
    "fewshot layers  the forward pass and both gradients of each convolution, and an iteration of train.tasks tasks\n"
    "fewshot cifar   iterations of the network of 256 channels for 32 x 32 colour images (4 tasks), one task\n"
    "fewshot learn   from random weights to a model measured on unseen classes, by default in 1500 iterations\n",
  .bench_defaults = bench_defaults, .bench = bench,
  .showcase_items = 200, .showcase_kinds = 1 << RUN_EXACT | 1 << RUN_QUANTISED | 1 << RUN_CHIP,
  .showcase_set = showcase_set, .showcase = fewshot_showcase, .report = &fewshot_report,
  .model_shipped = "models/omniglot-learned.safetensors",
};
