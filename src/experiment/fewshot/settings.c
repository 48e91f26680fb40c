// The settings of few-shot classification.
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "experiment/fewshot/fewshot.h"
#include "kernel/adam.h"

static const char *const query_losses[] = { "last", "mean", NULL };
static const char *const train_rules[] = { "task", "support", "both", NULL };
static const char *const train_synapses[] = { "software", "weights", "chip", NULL };
static const char *const splits[] = { "evaluation", "validation", "training", NULL };
const char *const fewshot_method_names[] = { "adapt", "centroid", "scratch", "incremental", NULL };

static const struct param training_table[] = {
  TRAINING_PARAMS(10000, 4e-3, TRAINING_COSINE, 30),
  PARAM_TEXT(struct training_params, start, "",
             "model to start from: its kernels are used; its read-out if that has as many ways, else zeros; its inner "
             "rates if they were learned for the same layers"),
  { 0 },
};

static const struct param train_table[] = {
#define P struct fewshot_train_params
  PARAM_I64(P, tasks, 32, 1, 65536, "tasks of each outer update"),
  PARAM_I64(P, shots, 5, 0, 1000,
            "support images of a class; 0 with net.steps=0: plain classification of net.ways classes, without "
            "adaptation"),
  PARAM_I64(P, queries, 5, 1, 1000, "query images of a class"),
  PARAM_F64(P, inner_rate, 0.1, 0, 100, "inner learning rate alpha; where it is learned, its initial value"),
  PARAM_BOOL(P, learn_inner_rate, 0, "learn the inner rate, one for each update and layer that adapts"),
  PARAM_CHOICE(P, query_loss, 1, query_losses,
               "outer loss: the query loss after the last update, or its mean over all updates"),
  PARAM_CHOICE(P, batchnorm, 0, train_rules,
               "batch statistics that normalise the queries: of the queries (task) or of the support images; both: "
               "in turns, each for one task of every kind (train.mixture)"),
  PARAM_I64(P, bits, 0, 0, 16, "bits of the weights in training; 0: exact weights"),
  PARAM_CHOICE(P, rounding, RUN_STOCHASTIC, run_rounding_names,
               "rounding of weights of few bits in training when a task begins: to the nearest, as in use, or "
               "stochastically; its updates are rounded stochastically",
               .later = true),
  PARAM_F64(P, noise, 0, 0, 10,
            "programming error of the weights in training, as a multiple of that of the device model; 0: none"),
  PARAM_CHOICE(P, synapse, 0, train_synapses,
               "weights in training: software: exact; weights: as stored on a chip (chip.*), with exact products; "
               "chip: on a chip, with its products"),
  PARAM_I64(P, chips, 4, 1, 65536,
            "simulated chips of an outer update, newly programmed each time; its tasks are divided among them"),
  PARAM_F64(P, time_max_s, 0, 0, 1e12,
            "each of these chips is used at a random age, log-uniform between t0 and this; 0: directly after writing"),
  PARAM_I64(P, validate_tasks, 200, 0, 1000000, "tasks of a validation"),
  PARAM_I64(P, order, 2, 1, 2,
            "order of the meta-gradient: 2: exact; 1: the gradients of the inner updates are taken as constants "
            "(first-order MAML)",
            .later = true),
  PARAM_TEXT(P, mixture, "",
             "ways x shots of the tasks of an outer update, in turn, such as 5x1,5x5,20x5; empty: net.ways x "
             "train.shots. Other ways than net.ways need net.start=prototype; the inner rates are those for net.ways "
             "and in proportion to the ways"),
  PARAM_I64(P, validate_ways, 5, 2, 256,
            "classes of a validation task where net.steps=0, classified by nearest centroid",
            .later = true),
  PARAM_I64(P, validate_shots, 5, 1, 1000, "support images of a class in such a task", .later = true),
#undef P
  { 0 },
};

// Part of what the network is: it has inner rates for the layers that adapt.
static const struct param adapt_table[] = {
  PARAM_CHOICE(struct convnet_params, adapt, CONVNET_READOUT, convnet_adapt_names,
               "layers that the inner updates change; dense: the dense layer and the read-out; all: every layer, by "
               "back-propagation, with the features computed again in every update", .later = true),
  { 0 },
};

static const struct param eval_table[] = {
#define P struct fewshot_eval_params
  PARAM_I64(P, tasks, 1000, 1, 10000000, "number of tasks"),
  PARAM_I64(P, ways, 0, 0, 1024,
            "classes of a task; 0: as many as the model was trained with, or, of eval.method=incremental, all"),
  PARAM_I64(P, shots, 5, 1, 1000, "support images of a class"),
  PARAM_I64(P, queries, 5, 1, 1000, "query images of a class"),
  PARAM_TEXT(P, queries_per_class, "equal",
             "equal: eval.queries of each class; random: a random class for each of as many queries; or a number for "
             "each class in the order drawn, such as 15,0,0,0,0",
             .later = true),
  PARAM_I64(P, views, 1, 1, 256,
            "views of each image: itself, and others that are distorted, mirrored and shifted as in training "
            "(data.distort_*, data.flip, data.crop_px); its features are their mean (test-time augmentation)",
            .later = true),
  PARAM_I64(P, updates, 4, 0, CONVNET_MAX_STEPS,
            "number of inner updates; beyond those of the model, at its last rate; 0: the start alone "
            "(net.start=prototype)"),
  PARAM_CHOICE(P, batchnorm, CONVNET_SUPPORT, convnet_rule_names,
               "batch statistics that normalise the queries: of the queries (task, transductive), which needs the same "
               "number of each class, of the support images, or measured beforehand, on a chip or not (chip)"),
  PARAM_CHOICE(P, split, 0, splits, "classes from which the tasks are drawn; their images are not augmented"),
  PARAM_CHOICE(P, method, 0, fewshot_method_names,
               "how a task is learned: inner updates, nearest centroid, back-propagation from random weights, or class "
            "after class by its mean, no image being kept (incremental, which needs eval.batchnorm=chip)"),
  PARAM_I64(P, statistics_images, 500, 1, 100000,
            "background images from which eval.batchnorm=chip measures its statistics"),
  PARAM_I64(P, scratch_updates, 100, 1, 100000, "updates of eval.method=scratch"),
  PARAM_F64(P, scratch_rate, 1e-3, 0, 1, "learning rate (Adam) of eval.method=scratch"),
  PARAM_BOOL(P, correct, 1,
             "on a chip, calibrate the columns of the read-out once class means are written (net.start=prototype), on "
             "the background images with which the chip was calibrated"),
  PARAM_I64(P, stage, 25, 1, 1024, "eval.method=incremental: new classes after which all so far are measured again"),
  PARAM_I64(P, first_stage, 0, 0, 1024, "classes before the first of these measurements; 0: eval.stage"),
  PARAM_I64(P, base_shots, 0, 0, 1000,
            "eval.method=incremental: images of each base class. The training classes are the base classes: they are "
            "learned and classified first; the classes of eval.split follow in their order; needs data.test_images. "
            "0: no base classes; the new ones come in random order",
            .later = true),
  PARAM_I64(P, chips, 1, 1, 65536, "number of chips, programmed independently; the tasks are divided among them"),
  PARAM_TEXT(P, later_s, "",
             "seconds after the adaptation, such as 60,3600, at which the queries are classified again without further "
             "updates; on a chip"),
  PARAM_TEXT(P, tasks_file, "", "fixed tasks (JSON) in place of random ones"),
  PARAM_BOOL(P, per_task, 0, "with --json, also print task_accuracy, a list for each task"),
#undef P
  { 0 },
};

void fewshot_init(struct fewshot *f) {
  memset(f, 0, sizeof *f);
  const struct settings_section all[] = {
    { "data", dataset_param_table, &f->data }, { "net", convnet_param_table, &f->net },
    { "train", training_table, &f->training }, { "train", train_table, &f->train },
    { "train", adapt_table, &f->net },
    { "eval", eval_table, &f->eval },          { "synapse", run_synapse_param_table, &f->synapse },
    { "run", run_param_table, &f->run },
    RUN_CHIP_SECTIONS(f),
  };
  settings_begin(f->sections, sizeof f->sections/sizeof *f->sections, all, sizeof all/sizeof *all);
}

static int mixture_error(const char *text, const char *at) {
  return err_set(ERR_SETTING, "train.mixture=%s: '%.20s': expected up to %d kinds of tasks, 2x1 to 256x1000, with "
                              "commas between", text, at, FEWSHOT_MAX_KINDS);
}

int fewshot_mixture(struct fewshot_kind *kinds, const struct fewshot *f) {
  const char *text = f->train.mixture, *at = text;
  kinds[0] = (struct fewshot_kind){ (int)f->net.ways, (int)f->train.shots };
  if (!*text) return 1;
  for (int n = 0; n < FEWSHOT_MAX_KINDS; n++) {
    char *end;
    const long ways = strtol(at, &end, 10);
    if (end == at || *end != 'x') return mixture_error(text, at);
    const char *second = end + 1;
    const long shots = strtol(second, &end, 10);
    if (end == second || (*end && *end != ',') || ways < 2 || ways > 256 || shots < 1 || shots > 1000)
      return mixture_error(text, at);
    kinds[n] = (struct fewshot_kind){ (int)ways, (int)shots };
    if (!*end) return n + 1;
    at = end + 1;
  }
  return mixture_error(text, at);
}

struct run_settings fewshot_run_settings(struct fewshot *f) {
  return RUN_SETTINGS(f, &f->eval.tasks);
}

enum dataset_split fewshot_eval_split(const struct fewshot *f) {
  static const enum dataset_split of[] = { DATASET_EVALUATION, DATASET_VALIDATION, DATASET_TRAINING };
  return of[f->eval.split];
}
