// experiment.h - what can be learned: one constant table entry for each experiment (experiments.c), with everything
// that the commands, the benches and the report do with it. What is not in an experiment's folder is written once,
// over this table.
//
// Settings, model, data and result are structs of the experiment, handled here by address and size. The settings own
// the list of sections (base/settings.h), which points into them: they must stay where settings_init found them.
#ifndef EXPERIMENT_EXPERIMENT_H
#define EXPERIMENT_EXPERIMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/file.h"
#include "experiment/result.h"
#include "run/run.h"

struct chip;
struct experiment_alternatives;
struct experiment_pictures;
struct json_t;
struct report_kind;
struct tensorfile;
struct timings;

// What an experiment adds to the files of a report.
struct experiment_showcase {
  const char *folder;
  struct json_t *facts;        // of NAME.json, to be completed
  void *set;
  const void *model, *data;    // data for all evaluations
  const void *const *result;   // [enum run_synapse_kind]; NULL: not one of showcase_kinds
};

// How a model is written.
struct experiment_form {
  const char *out;               // file, or folder
  const char *network;           // which of the networks of a model; NULL: the first
  bool approximate;              // what the form cannot say may be left out
  const char *state;             // classes that the model was taught (pictures.h); NULL: none
  const struct run_sources *from;  // settings beside those of the state
};

struct experiment_export {
  const char *flag;              // "--c"
  bool takes_network, takes_approximate;
  const char *const *reads;      // settings that it depends on
  const char *const *state_reads;  // the same with a state; NULL: it takes none
  int (*write)(void *set, const void *model, const struct experiment_form *form);
};

struct experiment {
  const char *name;                    // "fewshot"
  const char *about;                   // one line: "classes of images from a few examples"
  const char *train_help, *eval_help;  // paragraphs for --help
  const char *items;                   // what an evaluation counts: "tasks"

  // ---- settings
  size_t settings_size;
  void (*settings_init)(void *set);                  // defaults
  struct run_settings (*settings)(void *set);        // views into them

  // Sections ("chip") and settings ("eval.shots") that have an effect on a training, an evaluation, and on where
  // matrices lie on a chip and what is written there; NULL ends.
  const char *const *train_reads, *const *eval_reads, *const *chip_reads;
  const char *const *convert_reads;  // on a model that is written again: what its file records, and what rounds it
  // Settings of the training of a model that decide how it is evaluated where the user does not. NULL: none.
  const char *const *eval_adopts;
  // ERR_SETTING for a setting of the user without effect beside the others. NULL: run_synapse_effects.
  int (*effects)(const void *set, const struct run_sources *from);
  // The same for a training, beside run_training_effects. NULL: nothing more.
  int (*train_effects)(const void *set, const struct run_sources *from);

  // ---- models
  size_t model_size;
  bool (*owns)(const struct tensorfile *file);       // is a model file of this experiment?
  int (*model_new)(void *model, const void *set);    // untrained
  // Settings of the file, then of the sources (run_resolve), then the weights.
  int (*model_load)(void *model, void *set, const char *path, const struct run_sources *from);
  int (*model_save)(const void *model, const void *set, const char *path, bool half);
  void (*model_release)(void *model);
  // For a model that is written again: what it was trained on stays in its settings; weights as the settings hold
  // them. NULL: nothing.
  int (*model_history)(void *set, const char *path);
  void (*model_round)(void *model, const void *set);
  // The model with other sizes, as the assignments say. NULL: not for this experiment.
  int (*model_resize)(const char *path, const struct run_sources *from, const char *out, bool half);

  // ---- training
  int (*train)(void *set, const char *folder, bool resume);
  // What it would refuse before the first iteration. NULL: nothing that `settings` and train_effects accept.
  int (*check_train)(void *set);
  // Seconds of n outer updates, for lab/bench.h (where it has no bench of its own) and lab/scaling.h.
  int (*time_training)(const void *set, const void *model, int n, double *seconds);

  // ---- evaluation
  size_t data_size;                                  // 0: none to load
  int (*data_load)(void *data, const void *set);
  void (*data_release)(void *data);
  void (*data_fingerprint)(const void *data, char text[17]);  // the same for the same data; NULL: none to load
  size_t result_size;
  int (*eval)(void *result, const void *set, const void *model, const void *data);
  // What it would refuse before a chip is written and the first item evaluated.
  int (*check_eval)(const void *set, const void *model, const void *data);
  void (*result_print)(const void *result, const void *set, const void *model, FILE *out);
  struct json_t *(*result_json)(const void *result, const void *set, const void *model);
  int (*result_csv)(const void *result, const void *set, const char *path);  // --out; NULL: there is none
  void (*result_release)(void *result);
  void (*headline)(struct experiment_headline *h, const void *result);
  void (*scores)(struct experiment_scores *s, const void *result);
  const char *score;                                 // name of these, for columns: "accuracy"
  bool higher_is_better;
  // That decide, beside the data, which items are drawn with these settings.
  const char *const *(*item_settings)(const void *set);
  const char *const *json_settings;                  // that have an effect on result_json alone; NULL: none

  // ---- other programs: forms that a model is written in (metaxbar model export). { 0 } ends; NULL: none
  const struct experiment_export *exports;

  // ---- chip
  // The items learned on chips and beside them (experiment/alternatives.h), with synapse.kind=chip; its settings; what
  // it sets before the sources. NULL: not for this experiment.
  int (*alternatives)(struct experiment_alternatives *a, const void *set, const void *model, const void *data);
  const char *const *alternatives_reads;
  void (*alternatives_defaults)(void *set);
  // Of run.seed, nothing programmed. NULL: it does not run on a chip.
  int (*chip_plan)(struct chip **c, const void *set, const void *model);
  int (*chip_program)(struct chip **c, const void *set, const void *model);  // programmed and calibrated, at time 0
  void (*chip_defaults)(void *set);                  // before the sources, for `metaxbar chip`; NULL: nothing
  // devices, to JSON or text; NULL: chip_devices
  void (*chip_count)(struct json_t *o, FILE *out, const struct chip *c, const void *model);

  // ---- own pictures
  const struct experiment_pictures *pictures;        // experiment/pictures.h; NULL: not for this experiment

  // ---- benches and report
  const char *bench_help;
  // Settings before the sources; returns whether the word chooses another network. NULL: none does.
  bool (*bench_defaults)(void *set, const char *what);
  // Its own figures; what: a word after `bench NAME`, or "". NULL: the usual (lab/bench.h).
  int (*bench)(struct timings *b, void *set, const void *model, const char *what);
  int showcase_items;                  // of each evaluation of a report, unless report.ITEMS says otherwise
  const char *const *eval_sections;    // of settings that an evaluation depends on; NULL: all but "train"
  unsigned showcase_kinds;             // it is evaluated on for a report: bits 1 << enum run_synapse_kind
  // What a report shows (lab/showcase.h) beside evaluations: their settings for a kind of synapse, and files. NULL:
  // nothing.
  void (*showcase_set)(void *set, int kind);
  int (*showcase)(const struct experiment_showcase *s);
  const struct report_kind *report;    // how it is drawn from these files alone; NULL: the usual (report/usual.h)
  const char *model_shipped;           // a model of models/, for the documents' examples
};

// All experiments; NULL ends the list.
extern const struct experiment *const experiments[];

const struct experiment *experiment_find(const char *name);          // NULL: none
// Which one a model file belongs to. ERR_FORMAT: none of them.
int experiment_of_file(const struct experiment **e, const char *path);

// ---- an experiment with its settings and one model

struct experiment_case {
  const struct experiment *e;
  void *set, *model, *data;
  struct run_settings settings;        // views into set
  bool loaded, has_data;               // model, data
};

void experiment_open(struct experiment_case *x, const struct experiment *e);  // defaults
void experiment_close(struct experiment_case *x);
int experiment_load(struct experiment_case *x, const char *path, const struct run_sources *from);
// Without a file: untrained weights.
int experiment_start(struct experiment_case *x, const struct run_sources *from);
// ERR_SETTING for a setting of the user without effect beside the others on an evaluation, on a training.
int experiment_effects(const struct experiment_case *x, const struct run_sources *from);
int experiment_train_effects(const struct experiment_case *x, const struct run_sources *from);
// Load the data for the settings as they are, if that is not done yet.
int experiment_data(struct experiment_case *x);
// Load the data if that is not done yet, and measure. The result is experiment_result_free's.
int experiment_eval(void **result, struct experiment_case *x);
void experiment_result_free(const struct experiment_case *x, void *result);

// How weights are represented in the evaluations of a report, by enum run_synapse_kind: "software".
extern const char *const experiment_kind_names[RUN_CHIP + 1];
void experiment_showcase_path(const struct experiment_showcase *s, const char *name, char path[FILE_PATH_SIZE]);
int experiment_showcase_open(struct file_out *o, const struct experiment_showcase *s, const char *name);

#endif
