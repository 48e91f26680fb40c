// eval_private.h - what eval.c, eval_task.c and eval_summary.c share.
#ifndef EXPERIMENT_FEWSHOT_EVAL_PRIVATE_H
#define EXPERIMENT_FEWSHOT_EVAL_PRIVATE_H

#include "experiment/fewshot/beside.h"
#include "experiment/fewshot/queries.h"
#include "experiment/fewshot/result.h"
#include "experiment/fewshot/views.h"

// Parts of the account of a chip; the updates follow.
enum { PART_DEPLOYMENT, PART_SUPPORT, PART_QUERIES, PART_CLASSIFY, PART_LATER_CHIP, PART_LATER_READOUT,
       PART_LATER_INFERENCE, PART_START, PART_UPDATE };

struct measuring {
  const struct fewshot *f;
  const struct fewshot_model *model;
  const struct dataset *data;
  enum dataset_split split;
  struct episode_spec spec;             // of the tasks
  struct views views;                   // of their images
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
void eval_account(struct measuring *m, int worker, int part);

// Task number `task`, by this worker; struct evaluation's item (run/evaluation.h).
int eval_task(void *context, int task, int worker, void *record);

// The devices of all workers and ranks, as those of the first worker.
int eval_gather_written(struct measuring *m);

// Result of these records, one for each task; what the chips did, of one.
void eval_summarise(struct fewshot_result *r, const struct measuring *m, const struct task_record *records);
void eval_summarise_ledger(struct fewshot_result *r, const struct measuring *m);

#endif
