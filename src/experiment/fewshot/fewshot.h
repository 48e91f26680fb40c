// fewshot.h - few-shot classification end to end: meta-training, and evaluation of a model on
// software weights, quantised weights or a chip. The only place that combines data, model and learning.
#ifndef EXPERIMENT_FEWSHOT_FEWSHOT_H
#define EXPERIMENT_FEWSHOT_FEWSHOT_H

#include <stdint.h>

#include "base/param.h"
#include "base/settings.h"
#include "data/dataset.h"
#include "chip/chip.h"
#include "experiment/fewshot/deploy.h"
#include "learn/maml.h"
#include "model/convnet.h"

struct json_t;
struct pool;
struct tensorfile;

struct fewshot_run_params {
  int64_t threads;  // 0: all cores
  int64_t seed;
};

struct fewshot_train_params {
  int64_t iterations, tasks;     // outer updates; tasks of each
  int64_t shots, queries;
  double rate;                   // of Adam
  int64_t schedule;              // constant | cosine
  double inner_rate;             // alpha at the start
  int64_t adapt;                 // layers that the inner updates change: the read-out
  int64_t learn_inner_rate;      // a rate per update, learned with the rest
  int64_t query_loss;            // after the last update | mean over all updates
  int64_t batchnorm;             // task | support | both (odd tasks one, even tasks the other)
  int64_t bits;                  // 0: exact weights
  double noise;                  // programming error of chip.preset on the weights of each task, multiples
  int64_t synapse;               // software | weights | chip (enum inloop_kind): where the tasks are learned
  int64_t chips;                 // chips written for each outer update, its tasks shared out among them
  double time_max_s;             // oldest age of such a chip
  int64_t log_every, validate_every, validate_tasks;
  double checkpoint_every_s;
  char start[PARAM_TEXT_SIZE];   // model file to start from
};

struct fewshot_eval_params {
  int64_t tasks, shots, queries, updates;
  int64_t batchnorm;             // enum convnet_rule
  int64_t split;                 // evaluation | validation
  int64_t method;                // enum fewshot_method
  int64_t statistics_images;     // background images behind eval.batchnorm=chip
  int64_t scratch_updates;       // of back-propagation from scratch
  double scratch_rate;
  int64_t chips;                 // programmed independently; task k runs on chip k mod chips
  char later_s[PARAM_TEXT_SIZE]; // list (base/numbers.h): when the adapted queries are classified again
  char tasks_file[PARAM_TEXT_SIZE];
  int64_t per_task;              // the accuracies of every task too (--json)
};

enum fewshot_method { FEWSHOT_ADAPT, FEWSHOT_CENTROID, FEWSHOT_SCRATCH };
enum fewshot_synapse { FEWSHOT_EXACT, FEWSHOT_QUANTISED, FEWSHOT_CHIP };
struct fewshot_synapse_params {
  int64_t kind;                  // enum fewshot_synapse
  int64_t bits;
  int64_t rounding;              // of quantised weights in an evaluation: to nearest | stochastic, anew for each task
  char state[PARAM_TEXT_SIZE];   // of a chip (chip/chipstate.h) to adapt on; empty: one is written
};

// All settings of a few-shot command.
struct fewshot {
  struct dataset_params data;
  struct convnet_params net;
  struct fewshot_train_params train;
  struct fewshot_eval_params eval;
  struct fewshot_synapse_params synapse;
  struct fewshot_run_params run;
  struct chip_params chip;
  struct ledger_params ledger;
  struct settings_section sections[12];
};

// Defaults, and the list of sections that settings.h works on (it points into *f, which must stay put).
void fewshot_init(struct fewshot *f);

// Train until done or a signal asks to stop: then a checkpoint is written and ERR_INTERRUPTED returned.
// folder: the run directory (run/rundir.h).
int fewshot_train(struct fewshot *f, const char *folder, int resume);

// Time n outer updates on data that is already loaded, without a run directory: seconds (n).
// operations: floating-point operations of the convolutions of one update, taps inside the images only.
int fewshot_train_timed(const struct fewshot *f, struct dataset *data, int n, double *seconds, double *operations);

// A trained network with its parameters.
struct fewshot_model {
  struct convnet net;
  real *parameters;
  char path[PARAM_TEXT_SIZE];  // of the file; "": none
};

// Load a model file; its settings (data.preprocessing, data.size, ...) are taken over into f first, the
// command line's assignments after it. A file that carries none is refused unless data.preprocessing is among the
// assignments.
int fewshot_model_load(struct fewshot_model *m, struct fewshot *f, const char *path, int n_assignments, char *const *assignments);
// The split that the file was trained with (data.seed, .validation, ...) into f, if that is about the same kind of
// data; what the user gave stays, and a note tells how it differs. Part of fewshot_model_load.
int fewshot_split(struct fewshot *f, const struct tensorfile *tf, int n_assignments, char *const *assignments);
// What a model was trained on (all of data.*, run.seed), into f: for one that is to be saved again.
int fewshot_history(struct fewshot *f, const char *path);
// An untrained network of the settings.
int fewshot_model_new(struct fewshot_model *m, const struct fewshot *f);
void fewshot_model_release(struct fewshot_model *m);
int fewshot_model_save(const struct fewshot_model *m, const struct fewshot *f, const char *path);

// Replace the weights by what the synapse arrays of the settings hold once written (quantised: rounded).
void fewshot_model_round(struct fewshot_model *m, const struct fewshot *f);

enum { FEWSHOT_MAX_LATER = 16 };
// What an evaluation found; arrays over updates 0..n_updates. ci95: from the spread of the tasks, or of the chips if larger.
struct fewshot_result {
  int n_tasks, n_updates, n_chips, n_later;
  int shots, queries;      // of the tasks evaluated
  int n_classes;           // that they are drawn from
  char data[17];           // dataset_fingerprint of what was loaded
  double accuracy[CONVNET_MAX_STEPS + 1], ci95[CONVNET_MAX_STEPS + 1], loss[CONVNET_MAX_STEPS + 1];
  double devices_written[CONVNET_MAX_STEPS];    // mean per task and update
  double devices_addressed[CONVNET_MAX_STEPS];  // all devices of the weights that changed, rewritten or not
  double later_s[FEWSHOT_MAX_LATER], later_accuracy[FEWSHOT_MAX_LATER], later_ci95[FEWSHOT_MAX_LATER];
  double *chip_accuracy, chip_std;              // (n_chips) after the last update; their standard deviation
  // synapse.kind=chip. task = support (features of the support images) + updates (these through the read-out, and the
  // writes: the sum of update[s]) + inference (features of the queries, classified after 0..n_updates updates).
  // Means over tasks, of the deployment over chips
  struct ledger_mean deployment, task, support, updates, inference, update[CONVNET_MAX_STEPS];
  // At all times of eval.later_s together: the chip recalibrated (mean over chips); the adapted read-out recalibrated, the queries
  // read and classified anew (means over tasks). The deployment and the tasks do not contain it.
  struct ledger_mean later_chip, later_readout, later_inference;
  struct deploy_devices devices;  // 0 in software
  double *task_accuracy;   // (n_tasks, n_updates + 1)
  double *expected;        // the same from a tasks file, NULL where it has none
  double seconds;          // of adapting and classifying, all tasks
};
void fewshot_result_release(struct fewshot_result *r);

int fewshot_eval(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m);
struct json_t *fewshot_result_json(const struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m);

// ---- the parts, shared by commands and by training

// The images that an evaluation needs.
int fewshot_load(struct dataset *data, const struct fewshot *f);

// A chip of this seed, written, then calibrated on background images of data as tasks of so many shots show them.
int fewshot_deploy(struct chip **c, const struct fewshot *f, const struct fewshot_model *m, const struct dataset *data, int shots, uint64_t seed);

// Mean accuracy and loss after every update over tasks drawn from a split (streams of `purpose`).
int fewshot_measure(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m,
                    const struct dataset *data, enum dataset_split split, struct pool *pool);

#endif
