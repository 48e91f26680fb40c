// checkpoint.h - what a meta-training of either kind keeps, so that a stopped run continues to the same bits:
// weights, Adam's moments, how far it is, the sums of the row of metrics.csv under way, and all settings.
#ifndef RUN_CHECKPOINT_H
#define RUN_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/real.h"
#include "run/rundir.h"

struct settings_section;

// Views into a training; the training owns all of it.
struct checkpoint {
  const struct rundir *run;
  const struct settings_section *sections;
  bool (*matters)(const void *context, const char *key);  // do the bits of the run depend on "section.name"?
  const void *context;
  size_t n;
  real *parameters, *moment1, *moment2;  // (n)
  int64_t iterations;                    // in all
  int64_t *iteration;                    // finished
  int n_tally;
  double *tally;                         // (n_tally) sums since the last row
  int64_t *tallied;                      // what they count
};

// Write the run's checkpoint.safetensors.
int checkpoint_save(const struct checkpoint *c);

// Read it into the views. ERR_SETTING: written with other settings, of those that matter; ERR_FORMAT: no checkpoint.
int checkpoint_load(const struct checkpoint *c);

#endif
