// bench.h - times of few-shot learning.
#ifndef EXPERIMENT_FEWSHOT_BENCH_H
#define EXPERIMENT_FEWSHOT_BENCH_H

#include <stdbool.h>

struct fewshot;
struct fewshot_model;
struct timings;

// what: "" meta-training iterations of several sizes, and adapting the model to a task in software and on the chip of
// f->chip; "chip" the last of these; "layers" the convolutions of each layer, forward and both gradients, and an
// iteration of train.tasks tasks; "cifar" iterations and tasks of the wide network for images in colours; "learn"
// from random weights to an evaluated model: the seconds of training with the settings of f, in a folder that is
// removed again, and of an evaluation, data loading included, and the accuracy reached.
int fewshot_bench(struct timings *b, struct fewshot *f, const struct fewshot_model *model, const char *what);
// Settings of the bench `what`; returns whether it has a network of its own.
bool fewshot_bench_defaults(struct fewshot *f, const char *what);

#endif
