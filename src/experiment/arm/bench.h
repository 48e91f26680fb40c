// bench.h - times of the arm: meta-training iterations at the sizes of f, learning and performing one movement in
// software and on the chip of f->chip; then, from random weights, the iteration at other firing rates and numbers of
// neurons. Meta-training runs with train.rate=0, so that every repetition sees the same networks.
#ifndef EXPERIMENT_ARM_BENCH_H
#define EXPERIMENT_ARM_BENCH_H

struct reach;
struct reach_model;
struct timings;

int reach_bench(struct timings *b, const struct reach *f, const struct reach_model *m, const char *what);  // what: ""

#endif
