// training.h - the one loop of meta-training: outer updates by Adam, schedule, decay, clipping and limits, validation
// with the best model kept beside the last, metrics, checkpoints, signals, resuming to the same bits.
//
// An experiment describes its work in struct training_job. An outer update is n_items numbered items (base/par.h); the
// gradient is their sum along one fixed tree, whoever computes them:
//   begin(iteration); forward(item) for all items; between(); gradient += item(item) for all items; finish(gradient,
//   tally)
// where forward and between are for experiments whose loss needs something of all items before any of them goes
// backward.
//
// Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019), w: weights of one group, rate: schedule times
// the group's:
//   g <- g min(1, clip/|g|);  w <- w (1 - rate weight_decay);  w <- w - rate m^/(sqrt(v^) + epsilon);  |w| <- min(|w|,
//   weight_max)
#ifndef RUN_TRAINING_H
#define RUN_TRAINING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/param.h"
#include "base/real.h"

struct par;
struct run_settings;

enum training_schedule { TRAINING_CONSTANT, TRAINING_STEPS, TRAINING_COSINE };

struct training_params {
  int64_t iterations;  // outer updates
  double rate;         // of Adam
  int64_t schedule;    // enum training_schedule
  double decay;
  int64_t decay_every;
  double epsilon, weight_decay;
  double clip;        // longest gradient; 0: any
  double weight_max;  // of the groups with a limit; 0: any
  int64_t log_every, validate_every;
  double checkpoint_every_s;
  char start[PARAM_TEXT_SIZE];  // model file to start from
};
extern const char *const training_schedule_names[];

// Rows of a table of section "train", with an experiment's own defaults.
#define TRAINING_PARAMS(iterations_, rate_, schedule_, checkpoint_s_)                                                  \
  PARAM_I64(struct training_params, iterations, iterations_, 1, 100000000, "outer updates"),                           \
    PARAM_F64(struct training_params, rate, rate_, 0, 1, "learning rate of Adam"),                                     \
    PARAM_CHOICE(struct training_params, schedule, schedule_, training_schedule_names,                                 \
                 "schedule of that rate; steps: multiplied by train.decay every train.decay_every iterations; "        \
                 "cosine: falls to zero"),                                                                             \
    PARAM_F64(struct training_params, decay, 0.99, 0, 1, "factor of schedule 'steps'"),                                \
    PARAM_I64(struct training_params, decay_every, 500, 1, 100000000, "iterations between steps of that schedule"),    \
    PARAM_F64(struct training_params, epsilon, ADAM_EPSILON, 0, 1,                                                     \
              "epsilon of Adam; gradients below it change weights less"),                                              \
    PARAM_F64(struct training_params, weight_decay, 0, 0, 1e3,                                                         \
              "weights shrink by the learning rate times this per update"),                                            \
    PARAM_F64(struct training_params, clip, 0, 0, 1e9,                                                                 \
              "longest gradient (Euclidean norm); longer ones are scaled down to it; 0: no limit"),                    \
    PARAM_F64(struct training_params, weight_max, 0, 0, 1e6,                                                           \
              "limit of the weights that go on a chip, to +- this; 0: no limit"),                                      \
    PARAM_I64(struct training_params, log_every, 50, 1, 1000000, "iterations between rows of metrics.csv"),            \
    PARAM_I64(struct training_params, validate_every, 1000, 1, 1000000,                                                \
              "iterations between validations; each has a row of metrics.csv"),                                        \
    PARAM_F64(struct training_params, checkpoint_every_s, checkpoint_s_, 0, 1e6, "seconds between checkpoints")

enum { TRAINING_MAX_GROUPS = 16, TRAINING_MAX_COLUMNS = 16 };

// Weights with a learning rate of their own, in the block of parameters.
struct training_group {
  size_t first, n;
  double rate;   // times the scheduled one; 0: the weights stay as they are
  bool limited;  // to train.weight_max
};

struct training_job {
  const struct run_settings *settings;
  void *context;  // argument of all functions below
  struct par *par;
  size_t n;
  real *parameters;  // (n) the experiment's; the loop updates them
  int n_groups;
  struct training_group group[TRAINING_MAX_GROUPS];

  // One outer update. A negative result ends the training with its message.
  int n_items;
  int (*begin)(void *context, int64_t iteration);       // or NULL
  int (*forward)(void *context, int item, int worker);  // or NULL
  int (*between)(void *context);                        // or NULL
  // add to the zeroed gradient (n); write nowhere else that counts
  int (*item)(void *context, int item, int worker, real *gradient);
  // complete the sum; fill tally, the loss first; or NULL: means
  int (*finish)(void *context, real *gradient, double *tally);
  // What between, finish and other items need of an item beside the gradient, written by forward and item; whoever
  // computes an item, all of it is there afterwards. Set by the loop to the tally where finish is NULL.
  void *records;  // (n_items, record_bytes), or NULL
  size_t record_bytes;
  // written by the loop
  int64_t iteration;  // under way
  double *tally;      // (n_items, n_columns) of the items, which fill it where finish is NULL

  // A row of metrics.csv: iteration, rate, the means of `columns` since the row before, then those of a validation.
  int n_columns, n_validation;
  const char *columns, *validation_columns;  // comma-separated names
  void (*row)(void *context, double *mean);  // turn means into what is printed, or NULL
  void (*progress)(void *context, const double *mean, char *text, size_t size);  // NULL: the first column

  // Values of the validation columns on data that is not trained on; the score chooses the best model. NULL: no
  // validation.
  int (*validate)(void *context, double *values);
  int score;  // which of the columns
  bool higher_is_better;

  int (*save)(void *context, const char *path);  // the model as it is now, without changing it
  // Do the bits of the run depend on "section.name"? NULL: training_matters.
  bool (*matters)(const void *context, const char *key);
  char fingerprint[40];  // of the data trained on; "": none
};

// Train in a run directory until done, or until a signal asks to stop: then a checkpoint is written and ERR_INTERRUPTED
// returned. A run that is done is extended if train.iterations has grown. Nothing is written before the checkpoint
// has been read.
int training_run(struct training_job *job, const char *folder, bool resume);

// n outer updates without a run directory: seconds of each (n), or NULL.
int training_time(struct training_job *job, int n, double *seconds);

// Of a training in software: all settings but those of threads, files, evaluations, chips and what holds the weights.
bool training_matters(const void *context, const char *key);

// Learning rate of the update after `iteration` finished ones.
double training_rate(const struct training_params *p, int64_t iteration);

// The update by a gradient, which it may shorten; step counts from 1. moment1, moment2: (n). Returns the length of the
// gradient, which is not finite if any element is not; then nothing is changed.
double training_step(const struct training_job *job, real *gradient, real *moment1, real *moment2, int64_t step);

#endif
