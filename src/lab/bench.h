// bench.h - the measured speed of this program on this machine.
#ifndef LAB_BENCH_H
#define LAB_BENCH_H

struct experiment_case;
struct run_settings;
struct timings;

// The figures of an experiment with a model: its own (table entry `bench`), or where it has none the seconds of an
// outer update and of one item of an evaluation, in software and on the chip. what: a word of the experiment's, or
// "". Settings in x are changed.
int bench_experiment(struct timings *b, struct experiment_case *x, const char *what);

// The chip of these settings, one thread: a batch through one full core beside the exact products of its phases and
// beside its devices alone, and writing two cores and 256.
int bench_chip(struct timings *b, const struct run_settings *set);

#endif
