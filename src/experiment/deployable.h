// deployable.h - a model of either kind, for what is done alike with both: it is laid out on a chip, written to it, and
// calibrated as its evaluation does. Of a classifier every layer is a matrix (experiment/fewshot/deploy.h), of an arm the trainee is
// the only one (experiment/arm/deploy.h).
//
//   deployable_init, deployable_open     defaults; which kind a file holds
//   deployable_load                      the model, and the settings of its kind
//   deployable_plan, deployable_program  a chip for it
#ifndef EXPERIMENT_DEPLOYABLE_H
#define EXPERIMENT_DEPLOYABLE_H

#include "experiment/fewshot/fewshot.h"
#include "experiment/arm/reach.h"

struct deployable {
  const char *path;                 // of the model file; the caller's
  bool arm;                         // what it holds; deployable_open
  struct fewshot fewshot;           // settings and model of a classifier
  struct fewshot_model classifier;
  struct reach reach;               // those of an arm
  struct reach_model mover;
};

// Both kinds' sections of settings point into *d, which must stay put.
void deployable_init(struct deployable *d);
int deployable_open(struct deployable *d, const char *path);

// config: an INI file or NULL. Assignments are those of 'eval fewshot' or of 'eval arm'.
int deployable_load(struct deployable *d, const char *config, int n_assignments, char *const *assignments);
void deployable_release(struct deployable *d);

const struct ledger_params *deployable_ledger(const struct deployable *d);

// The chip of run.seed, nothing written. The caller's chip_free.
int deployable_plan(struct chip **c, const struct deployable *d);
// Where it lies (chip_map_json, chip_map_print), and how many devices that is; of a classifier also as the paper counts (deploy_devices).
struct json_t *deployable_map_json(const struct chip *c, const struct deployable *d);
void deployable_map_print(const struct chip *c, const struct deployable *d, FILE *out);
// The chip of deployable_plan written and calibrated, at time 0: on background images of data.*, or on spikes of training movements.
int deployable_program(struct chip **c, const struct deployable *d);

#endif
