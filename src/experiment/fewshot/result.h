// result.h - evaluations of the classifier, and what they find.
#ifndef EXPERIMENT_FEWSHOT_RESULT_H
#define EXPERIMENT_FEWSHOT_RESULT_H

#include <stdio.h>

#include "base/stat.h"
#include "experiment/fewshot/beside.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/fewshot/incremental.h"
#include "run/fleet.h"

struct json_t;
struct par;

// What an evaluation found; arrays over updates 0..n_updates. ci95: from the spread of the tasks, or of the chips if
// larger.
struct fewshot_result {
  int n_tasks, n_updates, n_chips, n_later;
  int ways, shots, queries;  // of the tasks evaluated; queries of each class: 0 if eval.queries_per_class lists them
  int n_queries;             // of all classes of a task
  // eval.method=incremental: classes after which all so far were classified
  int n_stages, stage_classes[INCREMENTAL_MAX_STAGES];
  double stage_accuracy[INCREMENTAL_MAX_STAGES], stage_ci95[INCREMENTAL_MAX_STAGES];
  int n_base, base_shots;    // the first classes, known from training, and their support images; 0: none
  struct stat_interval over_stages, of_base, of_new;  // with base classes: mean over stages; at the end
  int n_classes;             // that they are drawn from
  char data[17];             // dataset_fingerprint of what was loaded
  char items[17];            // the same of what the tasks are drawn from
  double accuracy[CONVNET_MAX_STEPS + 1], ci95[CONVNET_MAX_STEPS + 1], loss[CONVNET_MAX_STEPS + 1];
  double devices_written_start;                 // mean per task, by a start from class means
  double devices_written_base;                  // of these, for base classes
  double devices_written[CONVNET_MAX_STEPS];    // mean per task and update
  double devices_written_layers[CONVNET_MAX_STEPS][CONVNET_MAX_LAYERS];  // the same by layer
  double devices_addressed[CONVNET_MAX_STEPS];  // all devices of the weights that changed, rewritten or not
  double later_s[FLEET_MAX_LATER], later_accuracy[FLEET_MAX_LATER], later_ci95[FLEET_MAX_LATER];
  double *chip_accuracy, chip_std;              // (n_chips) after the last update; their standard deviation
  // synapse.kind=chip. task = support (features of the support images) + updates (these through the read-out, and the
  // writes: the sum of start, the write of class means, and update[s]) + inference (features of the queries, classified
  // after 0..n_updates updates). Means over tasks, of the deployment over chips
  struct ledger_mean deployment, task, support, start, updates, inference, update[CONVNET_MAX_STEPS];
  struct ledger_mean base;  // of task: the support images and the columns of base classes
  // At all times of eval.later_s together: the chip recalibrated (mean over chips); the adapted read-out recalibrated,
  // the queries read and classified anew (means over tasks). The deployment and the tasks do not contain it.
  struct ledger_mean later_chip, later_readout, later_inference;
  // inference = query_features (none where more than the read-out adapts) + classify, what is done after each of
  // 0..n_updates updates.
  struct ledger_mean query_features, classify;
  struct deploy_devices devices;  // 0 in software
  double *task_accuracy;   // (n_tasks, n_updates + 1)
  double *task_later;      // (n_tasks, n_later); NULL for none
  double (*task_beside)[BESIDE_N];  // (n_tasks, 1 + n_later) accuracies right after the updates and later; NULL
  double *expected;        // the same from a tasks file, NULL where it has none
  double seconds;          // of adapting and classifying, all tasks
};
void fewshot_result_release(struct fewshot_result *r);

// data: fewshot_load of the same settings.
int fewshot_eval(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m,
                 const struct dataset *data);
// What it would refuse before the first task.
int fewshot_eval_check(const struct fewshot *f, const struct fewshot_model *m, const struct dataset *data);
// The same with the images of the settings, which are loaded for it.
int fewshot_load_and_eval(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m);
void fewshot_result_print(const struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m,
                          FILE *out);
struct json_t *fewshot_result_json(const struct fewshot_result *r, const struct fewshot *f,
                                   const struct fewshot_model *m);

// The times of eval.later_s into later_s and n_later. ERR_SETTING if they are wrong, or not on a chip.
int fewshot_later_times(struct fewshot_result *r, const struct fewshot *f);
// Mean accuracy of the tasks of each chip, and their standard deviation; accuracy: of task 0, each `stride` doubles.
void fewshot_summarise_chips(struct fewshot_result *r, const double *accuracy, int stride);

// Mean accuracy and loss after every update over tasks drawn from a split, of as many ways (eval.ways) and updates
// (eval.updates) as wanted. par NULL: only check.
int fewshot_measure(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m,
                    const struct dataset *data, enum dataset_split split, struct par *par);

#endif
