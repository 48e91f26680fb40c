// tradeoff.h - what a write policy of the chip (chip.update) spares and costs: the same items (tasks, movements) of
// an experiment on the same chips under each.
#ifndef LAB_TRADEOFF_H
#define LAB_TRADEOFF_H

#include <stdbool.h>

#include "base/param.h"
#include "chip/chip.h"

struct experiment_case;
struct json_t;

struct tradeoff_params {
  char thresholds[PARAM_TEXT_SIZE];  // list (base/numbers.h) of chip.update_threshold
  char levels[PARAM_TEXT_SIZE];      // list of chip.update_levels, for both ways of rounding
};
extern const struct param tradeoff_param_table[];

enum { TRADEOFF_LIST = 16, TRADEOFF_ROWS = 1 + 3 * TRADEOFF_LIST };

struct tradeoff_row {
  enum chip_update update;
  double value;               // its threshold or levels; 0 for `all`
  double score, ci95;         // mean
  double worse, worse_ci95;   // than under `all`, item by item
  double written, addressed;  // devices per item
  double share;               // of the devices that `all` writes
};

struct tradeoff {
  const char *items, *score;  // "tasks", "accuracy"; of the experiment
  bool higher_is_better;      // worse: `below` that of `all`, else `above`
  bool proportion;            // of right answers
  int n, n_items, n_updates, n_chips;
  struct tradeoff_row row[TRADEOFF_ROWS];  // the first is `all`
};

// Evaluate the model on chips under every policy, with the other settings of x, where those are back at the end.
// Progress on stderr.
int tradeoff_run(struct tradeoff *t, const struct tradeoff_params *p, struct experiment_case *x);

const char *tradeoff_policy(const struct tradeoff_row *row);    // of chip_update_names
const char *tradeoff_worse(const struct tradeoff *t);           // "below", "above"
int tradeoff_save(const struct tradeoff *t, const char *path);  // CSV; what is not known is an empty cell
struct json_t *tradeoff_json(const struct tradeoff *t);

#endif
