// series.h - the usual evaluation of an experiment: a score of every item after 0 .. n updates, in software or on a
// fleet of chips, and what the chips did. Functions of void pointers are entries of the table (experiment.h) for a
// result that is a struct series.
#ifndef EXPERIMENT_SERIES_H
#define EXPERIMENT_SERIES_H

#include "base/stat.h"
#include "experiment/experiment.h"
#include "run/fleet.h"

struct par;

// What is measured. Functions get the context; fleet NULL: software.
struct series_job {
  const char *name, *unit, *items;  // "mean squared error", "squares of y", "sines"
  const char *column;               // the score in files: "error"
  bool higher_is_better;
  const struct run_settings *settings;
  int64_t n_chips;
  int n_updates;
  long n_weights;                   // on a chip
  size_t record_bytes;              // of doubles, the first of them the scores after 0 .. n_updates
  struct par *par;
  void *context;
  int (*deploy)(void *context, int number, struct chip **chip);
  // All workers are to use the copies of the chip in use (fleet->place).
  void (*use_chip)(void *context, struct fleet *fleet);
  int (*item)(void *context, struct fleet *fleet, int item, int worker, void *record);
};

struct series {
  struct series_job job;            // context and functions are not to be used any more
  int synapse;                      // enum run_synapse_kind
  int64_t seed;
  int n_items, n_chips, stride;
  double *records;                  // (n_items, stride)
  struct ledger_params costs;
  struct ledger_mean deployment, item;  // of a chip, of an item on it
  double devices_addressed, seconds;
};

int series_measure(struct series *s, const struct series_job *job);
// What it would refuse before the first item, of which `items` is the name.
int series_check(const struct run_settings *settings, int64_t n_chips, const char *items);
struct stat_interval series_score(const struct series *s, int updates);  // over items

void series_print(const void *result, const void *set, const void *model, FILE *out);
struct json_t *series_json(const void *result, const void *set, const void *model);
void series_release(void *result);
void series_headline(struct experiment_headline *h, const void *result);
void series_scores(struct experiment_scores *scores, const void *result);

#endif
