// alternatives.h - the same items (tasks) learned on the chip and beside it: what an experiment measures for
// lab/alternatives.h.
#ifndef EXPERIMENT_ALTERNATIVES_H
#define EXPERIMENT_ALTERNATIVES_H

#include <stdbool.h>

#include "chip/digital.h"
#include "chip/ledger.h"
#include "run/fleet.h"

enum { EXPERIMENT_ALTERNATIVES = 8 };

// What learning an item takes, or one query afterwards.
struct experiment_work {
  struct ledger_mean chip;
  struct digital_counts digital;
  const char *uncounted;  // digital work that is not counted; NULL: none
};

struct experiment_alternative {
  const char *name, *about;
  struct experiment_work learning, query;
};

struct experiment_alternatives {
  const char *items, *score, *query;  // "tasks", "accuracy", "image"
  bool higher_is_better;
  int n, n_items, n_chips, n_updates, n_later;
  int trials;                         // of a score that is a proportion, else 0
  double later_s[FLEET_MAX_LATER];
  struct experiment_alternative of[EXPERIMENT_ALTERNATIVES];  // the others are compared with the first
  double *scores;                     // (n, 1 + n_later, n_items) right after learning, and later; the caller's to free
};

// Scores (n_items) of alternative k, right after learning (time 0), or at later_s[time - 1].
static inline double *experiment_alternative_scores(const struct experiment_alternatives *a, int k, int time) {
  return a->scores + (k * (1 + a->n_later) + time) * a->n_items;
}

#endif
