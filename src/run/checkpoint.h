// checkpoint.h - what a meta-training keeps, so that a stopped run continues to the same bits: weights, Adam's moments,
// how far it is, the sums of the row of metrics.csv under way, which model was best, and all settings.
#ifndef RUN_CHECKPOINT_H
#define RUN_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/real.h"
#include "run/rundir.h"

struct settings_section;

enum { CHECKPOINT_MAX_TALLY = 16 };

// How far a training is.
struct checkpoint_state {
  int64_t iteration;                   // finished
  double tally[CHECKPOINT_MAX_TALLY];  // sums since the last row
  int64_t tallied;                     // iterations in them
  double best;                         // score of the best model, higher is better
  int64_t best_iteration;              // 0: none yet
};

// Views into a training; the training owns all of it.
struct checkpoint {
  const struct rundir *run;
  const struct settings_section *sections;
  bool (*matters)(const void *context, const char *key);  // do the bits of the run depend on "section.name"?
  const void *context;
  size_t n;
  real *parameters, *moment1, *moment2;  // (n)
  int64_t iterations;                    // in all
  int n_tally;
  struct checkpoint_state *state;
};

// Write the run's checkpoint.safetensors.
int checkpoint_save(const struct checkpoint *c);

// Read it into the views. ERR_SETTING: written with other settings, of those that matter; more train.iterations than
// before are allowed and extend the run. ERR_FORMAT: no checkpoint, or one of a version before 2, whose sums are
// others.
int checkpoint_load(const struct checkpoint *c);

#endif
