// bench.h - the measured speed of this program on this machine, each figure beside its work and, for
// arithmetic, beside the machine's own peak measured in the same run.
#ifndef EXPERIMENT_BENCH_H
#define EXPERIMENT_BENCH_H

#include "experiment/fewshot.h"

enum { BENCH_MAX = 48 };

struct bench_figure {
  char name[64], unit[16];
  double value, fastest;  // median and best of the repetitions
  double work;            // floating-point operations, 0 where none are counted
  double fraction;        // of the peak of the threads used, 0 where not arithmetic
  char note[160];
};

struct bench {
  int n;
  struct bench_figure figure[BENCH_MAX];
};

// Single-precision (double build: double-precision) operations per second of n threads at once.
double bench_peak(int n_threads);

// All figures of the few-shot path; model: what is adapted. What cannot be measured (no Omniglot at
// data.path) leaves a figure with a note and no value.
int bench_fewshot(struct bench *b, struct fewshot *f, const struct fewshot_model *model);

// From nothing to a measured model: train with the settings of f in a folder that is removed again, then
// evaluate; the seconds of both together, data loading included, and the accuracy reached.
int bench_learn(struct bench *b, struct fewshot *f);

#endif
