// result.h - the parts of a result that every evaluation has, whatever was measured (experiment/experiment.h).
#ifndef EXPERIMENT_RESULT_H
#define EXPERIMENT_RESULT_H

#include <stdbool.h>

// The one number that summarises an evaluation.
struct experiment_headline {
  const char *name, *unit;   // "accuracy after 4 updates", "%"
  double value, ci95;        // ci95 INFINITY: unknown
  double before;             // any update; NAN: not reported
  bool higher_is_better;
};

// A number for each item of an evaluation, to compare two evaluations item by item.
struct experiment_scores {
  int n, n_chips, stride;
  const double *first;       // (n) each `stride` doubles, in the result
  int trials;                // of a score that is a proportion, else 0
  const char *data;          // fingerprint of what items are drawn from, in the result; NULL or "": nothing
  double devices_written;    // mean of an item; 0 in software
  double devices_addressed;
  int n_updates;             // of an item
  double seconds;            // of measuring all items
};

#endif
