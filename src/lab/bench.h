// bench.h - the measured speed of this program on this machine, each figure beside its work and, for
// arithmetic, beside the machine's own peak measured in the same run.
#ifndef LAB_BENCH_H
#define LAB_BENCH_H

#include "experiment/fewshot/fewshot.h"
#include "experiment/arm/reach.h"

enum { BENCH_MAX = 64 };

struct bench_figure {
  char name[64], unit[16];
  double value, fastest;  // median and best of the repetitions
  double work;            // floating-point operations, 0 where none are counted
  double fraction;        // of the peak of the threads used, 0 where not arithmetic
  char note[200];
};

struct bench {
  int n;
  double peak1, peak;     // operations per second of one thread and of all in use; bench_start
  struct bench_figure figure[BENCH_MAX];
};

// Single-precision (double build: double-precision) operations per second of n threads at once.
double bench_peak(int n_threads);

// An empty list but for the peaks. The functions below add to it.
void bench_start(struct bench *b, int n_threads);

// Median and least of n samples, which are sorted; *note is empty.
struct bench_figure *bench_add(struct bench *b, const char *name, const char *unit, double *samples, int n);
void bench_set_work(struct bench_figure *f, double operations, double peak);
void bench_memory(struct bench *b);  // largest so far, of the whole program

// Few-shot learning in software: meta-training iterations of several sizes, and adapting the model to a task.
int bench_fewshot(struct bench *b, struct fewshot *f, const struct fewshot_model *model);

// The chip of f->chip, one thread: a batch through one full core beside the exact products of its phases, writing
// two cores, and adapting the model to a task on it.
int bench_chip(struct bench *b, struct fewshot *f, const struct fewshot_model *model);

// The arm: meta-training iterations at the sizes of f, learning and performing one movement in software and on the
// chip of f->chip; then, from random weights, the iteration at other firing rates and numbers of neurons.
// Meta-training runs with train.rate=0, so that every repetition sees the same networks.
int bench_arm(struct bench *b, const struct reach *f, const struct reach_model *model);

// From nothing to a measured model: train with the settings of f in a folder that is removed again, then
// evaluate; the seconds of both together, data loading included, and the accuracy reached.
int bench_learn(struct bench *b, struct fewshot *f);

#endif
