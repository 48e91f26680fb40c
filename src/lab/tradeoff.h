// tradeoff.h - what a write policy of the chip (chip.update) spares and costs: the same tasks on the same chips under each.
#ifndef LAB_TRADEOFF_H
#define LAB_TRADEOFF_H

#include "experiment/fewshot/fewshot.h"

struct tradeoff_params {
  char thresholds[PARAM_TEXT_SIZE];  // list (base/numbers.h) of chip.update_threshold
  char levels[PARAM_TEXT_SIZE];      // list of chip.update_levels, for both ways of rounding
};
extern const struct param tradeoff_param_table[];

enum { TRADEOFF_LIST = 16, TRADEOFF_ROWS = 1 + 3*TRADEOFF_LIST };

struct tradeoff_row {
  enum chip_update update;
  double value;                 // its threshold or levels; 0 for `all`
  double accuracy, ci95;        // after the last update
  double below, below_ci95;     // accuracy of `all` minus this one's, task by task
  double written, addressed;    // devices per task, all updates together
  double share;                 // of the devices that `all` writes
};

struct tradeoff {
  int n, n_tasks, n_updates, n_chips;
  struct tradeoff_row row[TRADEOFF_ROWS];  // the first is `all`
};

// Evaluate the model on chips under every policy, with the other settings of f. Progress on stderr.
int tradeoff_run(struct tradeoff *t, const struct tradeoff_params *p, const struct fewshot *f, const struct fewshot_model *m);

const char *tradeoff_policy(const struct tradeoff_row *row);  // "all", "threshold", "stochastic", "nearest"
int tradeoff_save(const struct tradeoff *t, const char *path);  // CSV
struct json_t *tradeoff_json(const struct tradeoff *t);

#endif
