// fewshot.h - few-shot classification end to end: settings, models, meta-training. Evaluation is in
// experiment/fewshot/result.h. The only folder that combines data, model and learning.
#ifndef EXPERIMENT_FEWSHOT_FEWSHOT_H
#define EXPERIMENT_FEWSHOT_FEWSHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/param.h"
#include "base/settings.h"
#include "data/dataset.h"
#include "chip/chip.h"
#include "experiment/fewshot/deploy.h"
#include "experiment/fewshot/taught.h"
#include "learn/maml.h"
#include "model/convnet.h"
#include "run/run.h"
#include "run/training.h"

struct experiment;
struct experiment_alternatives;
struct experiment_pictures;
struct experiment_showcase;
struct report_kind;
struct tensorfile;

struct fewshot_train_params {
  int64_t tasks;                 // of each outer update
  int64_t shots, queries;
  double inner_rate;             // alpha at the start
  int64_t learn_inner_rate;      // a rate per update, learned with the rest
  int64_t query_loss;            // after the last update | mean over all updates
  int64_t batchnorm;             // task | support | both: each kind of task in turn with one, then with the other
  int64_t bits;                  // 0: exact weights
  int64_t rounding;              // of these when a task begins: enum run_rounding
  double noise;                  // programming error of the devices on the weights of each task, multiples
  int64_t synapse;               // software | weights | chip (enum inloop_kind): where the tasks are learned
  int64_t chips;                 // chips written for each outer update, its tasks divided among them
  double time_max_s;             // oldest age of such a chip
  int64_t validate_tasks;
  int64_t order;                 // of the meta-gradient, 2 | 1
  char mixture[PARAM_TEXT_SIZE]; // ways x shots of the tasks, in turn; "" for one kind
  int64_t validate_ways, validate_shots;  // of a network without updates
};

struct fewshot_eval_params {
  int64_t tasks, shots, queries, updates;
  int64_t ways;                  // 0: of the model
  int64_t views;                 // of each image; its features are their mean
  char queries_per_class[PARAM_TEXT_SIZE];  // equal | random | a list (queries.h)
  int64_t batchnorm;             // enum convnet_rule
  int64_t split;                 // evaluation | validation | training
  int64_t method;                // enum fewshot_method
  int64_t statistics_images;     // background images for eval.batchnorm=chip
  int64_t scratch_updates;       // of back-propagation from scratch
  double scratch_rate;
  int64_t correct;               // the columns of a chip after the start from class means
  int64_t stage, first_stage;    // incremental: classes between two measurements, and before the first (0: as many)
  int64_t base_shots;            // incremental: images of each training class, all of which come first; 0: none
  int64_t chips;                 // programmed independently; task k runs on chip k mod chips
  char later_s[PARAM_TEXT_SIZE]; // list (base/numbers.h): when the adapted queries are classified again
  char tasks_file[PARAM_TEXT_SIZE];
  int64_t per_task;              // the accuracies of every task too (--json)
  bool beside;                   // no setting: also by read-outs beside the chip (alternatives.c)
};

enum fewshot_method { FEWSHOT_ADAPT, FEWSHOT_CENTROID, FEWSHOT_SCRATCH, FEWSHOT_INCREMENTAL };

// All settings of a few-shot command.
struct fewshot {
  struct dataset_params data;
  struct convnet_params net;
  struct training_params training;
  struct fewshot_train_params train;
  struct fewshot_eval_params eval;
  struct taught_params learn;    // only of those commands (pictures.c)
  struct run_synapse_params synapse;
  struct run_params run;
  struct chip_params chip;
  struct ledger_params ledger;
  struct settings_section sections[16];
};

extern const char *const fewshot_method_names[];
extern const struct experiment fewshot_experiment;
extern const struct experiment_pictures fewshot_pictures;
extern const struct report_kind fewshot_report;

// Defaults, and the list of sections that settings.h works on (it points into *f, which must stay put).
void fewshot_init(struct fewshot *f);
struct run_settings fewshot_run_settings(struct fewshot *f);

// Train until done or a signal asks to stop: then a checkpoint is written and ERR_INTERRUPTED returned.
// folder: the run directory (run/rundir.h).
int fewshot_train(struct fewshot *f, const char *folder, bool resume);
// What it would refuse before the first iteration.
int fewshot_train_check(struct fewshot *f);

// Time n outer updates on data that is already loaded, without a run directory: seconds (n).
// operations: floating-point operations of the convolutions of one update, taps inside the images only.
int fewshot_train_timed(struct fewshot *f, struct dataset *data, int n, double *seconds, double *operations);

// A trained network with its parameters.
struct fewshot_model {
  struct convnet net;
  real *parameters;
  char path[PARAM_TEXT_SIZE];  // of the file; "": none
  bool of_photographs;         // trained on colour images that were not invented (fewshot_model_load)
};

// Load a model file and the settings recorded in it, then those of the sources (run_resolve). A file without any is
// refused unless data.preprocessing is among the assignments.
int fewshot_model_load(struct fewshot_model *m, struct fewshot *f, const char *path, const struct run_sources *from);
// Before images that are not evaluated calibrate a chip: ERR_SETTING where the model knows photographs and the images
// are invented ones, whose colours are others.
int fewshot_model_calibrates(const struct fewshot_model *m, const struct fewshot *f);
// The split that the file was trained with (data.seed, .validation, ...) into f, if that is about the same kind of
// data; settings of the user are kept, and a note says how they differ. Part of fewshot_model_load.
int fewshot_split(struct fewshot *f, const struct tensorfile *tf, const struct run_sources *from);
// What a model was trained on (all of data.*, run.seed), into f: for one that is to be saved again.
int fewshot_history(struct fewshot *f, const char *path);
// An untrained network of the settings.
int fewshot_model_new(struct fewshot_model *m, const struct fewshot *f);
// The same network for tasks of so many ways and updates (fewshot_fit).
int fewshot_model_ways(struct fewshot_model *m, const struct fewshot_model *of, const struct fewshot *f, int ways,
                       int steps);
// The model itself, or *other, to be released, with as many ways (0: its own) and updates as the evaluation.
int fewshot_model_suited(const struct fewshot_model **m, struct fewshot_model *other, const struct fewshot_model *model,
                         const struct fewshot *f, int ways);
// Parameters of a network `to`, which differs from net in its ways and updates alone. With other ways a learned
// read-out begins at zeros, from which the first update moves each column towards its class mean; the rates grow with
// the ways, since a class has a share of 1/ways in the mean over the support images; updates beyond those of net have
// its last rates.
void fewshot_fit(real *out, const struct convnet *to, const real *parameters, const struct convnet *net);
// gradient += that in the parameters of net, from the gradient `of` in those of `to`; both have the same updates of the
// read-out alone and, unless their ways are equal, class means to start from.
void fewshot_fit_backward(real *gradient, const struct convnet *net, const real *of, const struct convnet *to);
// The kinds of tasks of train.mixture, of which there are at most FEWSHOT_MAX_KINDS, or the one of net.ways and
// train.shots. Returns how many; ERR_SETTING.
enum { FEWSHOT_MAX_KINDS = 16 };
struct fewshot_kind {
  int ways, shots;
};
int fewshot_mixture(struct fewshot_kind *kinds, const struct fewshot *f);
// The same network, of which the read-out alone adapts, at its rates.
int fewshot_model_readout(struct fewshot_model *m, const struct fewshot_model *of, const struct fewshot *f);
void fewshot_model_release(struct fewshot_model *m);
// Settings that a model file records.
#define FEWSHOT_STORED "data", "net", "train", "run", CHIP_LAYOUT_SETTINGS
// half: the weights in half precision.
int fewshot_model_save(const struct fewshot_model *m, const struct fewshot *f, const char *path, bool half);

// Replace the weights by what the synapse arrays of the settings hold once written (quantised: rounded).
void fewshot_model_round(struct fewshot_model *m, const struct fewshot *f);

enum dataset_split fewshot_eval_split(const struct fewshot *f);  // eval.split

// Tasks learned on the chip and beside it (alternatives.c).
int fewshot_alternatives(struct experiment_alternatives *a, const struct fewshot *f, const struct fewshot_model *m,
                         const struct dataset *data);

void fewshot_showcase_set(struct fewshot *f, int kind);
int fewshot_showcase(const struct experiment_showcase *s);

// ---- the parts, shared by commands and by training

// The images that an evaluation needs.
int fewshot_load(struct dataset *data, const struct fewshot *f);

// A chip of this seed, written, then calibrated on background images of data, grouped as in tasks of so many shots.
int fewshot_deploy(struct chip **c, const struct fewshot *f, const struct fewshot_model *m, const struct dataset *data,
                   int shots, uint64_t seed);

#endif
