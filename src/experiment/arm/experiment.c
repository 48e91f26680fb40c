// The arm as an entry of the table.
#include "experiment/experiment.h"

#include "base/par.h"
#include "base/tensorfile.h"
#include "experiment/arm/bench.h"
#include "experiment/arm/deploy.h"
#include "experiment/arm/nir.h"
#include "experiment/arm/resize.h"

static void init(void *set) { reach_init(set); }
static struct run_settings settings(void *set) { return reach_run_settings(set); }
static bool owns(const struct tensorfile *file) { return tensorfile_find(file, "lsg.w_rec") != NULL; }

// Models keep how a chip is to hold them.
#define NETWORKS "trajectory", "arm", "code", "lsg", "trainee", "update"
static const char *const convert_reads[] = { REACH_STORED, "synapse.kind", "synapse.bits", NULL };
static const char *const train_reads[] = { NETWORKS, "noise", "loss", "train", "run", CHIP_LAYOUT_SETTINGS, NULL };
static const char *const eval_reads[] = { NETWORKS, "noise", "eval", "target", "synapse",
                                          "run", "chip", "verify", "ledger", NULL };
static const char *const chip_reads[] = { NETWORKS, "run", "chip", "verify", "ledger", NULL };

static int model_new(void *model, const void *set) { return reach_model_new(model, set); }
static int model_load(void *model, void *set, const char *path, const struct run_sources *from) {
  return reach_model_load(model, set, path, from);
}
static int model_save(const void *model, const void *set, const char *path, bool half) {
  return reach_model_save(model, set, path, half);
}
static void model_release(void *model) { reach_model_release(model); }
static void model_round(void *model, const void *set) { reach_model_round(model, set); }

static int train(void *set, const char *folder, bool resume) { return reach_train(set, folder, resume); }
static int check_train(void *set) { return reach_train_check(set); }

static int eval(void *result, const void *set, const void *model, const void *data) {
  (void)data;
  return reach_eval(result, set, model, NULL);
}
static int check_eval(const void *set, const void *model, const void *data) {
  (void)model, (void)data;
  return reach_eval_ready(set);
}
static void result_print(const void *result, const void *set, const void *model, FILE *out) {
  (void)model;
  reach_result_print(result, set, out);
}
static struct json_t *result_json(const void *result, const void *set, const void *model) {
  (void)model;
  return reach_result_json(result, set);
}
static int result_csv(const void *result, const void *set, const char *path) {
  return reach_result_write_csv(result, set, path);
}
static void result_release(void *result) { reach_result_release(result); }

static void headline(struct experiment_headline *h, const void *result) {
  const struct reach_result *r = result;
  const struct reach_spread *cm = &r->after.rms_distance_cm;
  *h = (struct experiment_headline){ .name = "RMS distance of the tip after the update", .unit = "cm",
                                     .value = cm->mean, .ci95 = cm->ci95, .before = r->before.rms_distance_cm.mean };
}

static void scores(struct experiment_scores *s, const void *result) {
  const struct reach_result *r = result;
  *s = (struct experiment_scores){ .n = r->n_trajectories,
                                   .n_chips = r->n_chips ? r->n_chips : 1,
                                   .n_updates = r->n_updates, .seconds = r->seconds, .stride = 1,
                                   .first = r->distance_cm, .data = r->items,
                                   .devices_written = r->devices_written, .devices_addressed = r->devices_addressed };
}

static int chip_plan(struct chip **c, const void *set, const void *model) {
  const struct reach *f = set;
  return reach_chip_plan(c, f, model, (uint64_t)f->run.seed);
}

static int chip_program(struct chip **c, const void *set, const void *model) {
  const struct reach *f = set;
  struct par *par = par_new(run_threads(&f->run));
  const int rc = reach_chip_deploy(c, 0, f, model, par);
  par_free(par);
  return rc;
}

static int time_training(const void *set, const void *model, int n, double *seconds) {
  struct reach copy = *(const struct reach *)set;
  return reach_train_timed(&copy, model, n, seconds);
}

static int bench(struct timings *b, void *set, const void *model, const char *what) {
  return reach_bench(b, set, model, what);
}

static const char *const nir_reads[] = { "trajectory", "code", "lsg", "trainee", "synapse.kind", "synapse.bits",
                                         "run.seed", NULL };
static int export_nir(void *set, const void *model, const struct experiment_form *form) {
  return nir_export(set, model, form);
}
static const struct experiment_export exports[] = {
  { .flag = "--nir", .takes_network = true, .takes_approximate = true, .reads = nir_reads, .write = export_nir },
  { 0 },
};

// The target paths, without arm.stops, which is of performances. The path of target.file has a fingerprint.
static const char *const *item_settings(const void *set) {
  static const char *const random[] = { "run.seed", "trajectory", "eval.stream", "arm.d1", "arm.d", "arm.a1", "arm.a2",
                                        "arm.a3", "arm.a4", "arm.limit_base_deg", "arm.limit_shoulder_deg", NULL },
                           *const file[] = { NULL };
  return ((const struct reach *)set)->target.file[0] ? file : random;
}
static const char *const eval_sections[] = { "trajectory", "arm", "code", "update", "eval", "target",
                                             "synapse", "chip", "verify", "ledger", "run", NULL };

const struct experiment reach_experiment = {
  .name = "arm",
  .about = "movements of a robot arm from one demonstration",
  .train_help =
    "Meta-train the two spiking networks of an arm: a learning signal generator (LSG), whose input is a movement,\n"
    "and a trainee, which performs this movement after one update.\n",
  .eval_help =
    "Present a movement to the model once, update the trainee once, let it perform the movement, and print the\n"
    "distance of the tip from its target path: mean and standard deviation over random movements with a 95 %\n"
    "confidence interval of the mean, or the distance for the path in target.file, which is learned as a chain of\n"
    "movements if it is longer than one.\n"
    "With synapse.kind=chip the trainee is on eval.chips simulated chips; synapse.state=STATE uses one that\n"
    "'chip export' saved. With synapse.kind=quantised its weights have synapse.bits bits.\n"
    "--out writes the first movement step by step (tools/figure_arm.sh draws it).\n",
  .items = "movements",
  .settings_size = sizeof(struct reach), .settings_init = init, .settings = settings,
  .train_reads = train_reads, .eval_reads = eval_reads, .chip_reads = chip_reads,
  .convert_reads = convert_reads,
  .effects = reach_effects, .train_effects = reach_train_effects,
  .model_size = sizeof(struct reach_model), .owns = owns, .model_new = model_new, .model_load = model_load,
  .model_save = model_save, .model_release = model_release, .model_round = model_round,
  .model_resize = reach_resize_file,
  .train = train, .check_train = check_train, .time_training = time_training,
  .result_size = sizeof(struct reach_result), .eval = eval, .check_eval = check_eval, .result_print = result_print,
  .result_json = result_json,
  .result_csv = result_csv, .result_release = result_release, .headline = headline, .scores = scores,
  .score = "rms_distance_cm",
  .item_settings = item_settings,
  .exports = exports,
  .chip_plan = chip_plan, .chip_program = chip_program,
  .bench_help =
    "arm            meta-training iterations of the arm, also at other firing rates and numbers of neurons, and one "
    "movement\n"
    "               learned and performed in software and on the chip\n",
  .bench = bench,
  .eval_sections = eval_sections, .showcase_items = 100, .showcase_kinds = 1 << RUN_EXACT | 1 << RUN_CHIP,
  .showcase = reach_showcase,
  .report = &reach_report,
  .model_shipped = "models/arm-chip.safetensors",
};
