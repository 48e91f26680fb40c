// sine.h - regression of sines from ten points (Finn, Abbeel and Levine, ICML 2017): y = A sin(x + phase), with A,
// phase and x uniform. A dense network maps x/5 to y; its read-out learns a task in a few updates (learn/regressor.h).
// Functions of void pointers are entries of the table (experiment.h): set is a struct sine, model a struct sine_model.
#ifndef EXPERIMENT_SINE_SINE_H
#define EXPERIMENT_SINE_SINE_H

#include "experiment/series.h"
#include "learn/regressor.h"
#include "run/training.h"

struct par;

struct sine_train { int64_t tasks, support, queries, loss, validate_tasks; double inner_rate, noise; };
struct sine_eval { int64_t tasks, chips; };
struct sine {  // all settings
  struct dense_params net;
  struct training_params training;
  struct sine_train train;
  struct sine_eval eval;
  struct run_synapse_params synapse;
  struct run_params run;
  struct chip_params chip;
  struct ledger_params ledger;
  struct settings_section sections[12];
};
struct sine_model {
  struct dense net;
  real *parameters;
};
enum { SINE_CURVE = 100 };                  // query points of an evaluation, evenly over all x
struct sine_record {                        // of a task; doubles only
  double error[DENSE_MAX_UPDATES + 1];      // mean squared, after 0 .. updates
  double target[SINE_CURVE], before[SINE_CURVE], after[SINE_CURVE];
};
extern const struct experiment sine_experiment;

void sine_init(void *set);
struct run_settings sine_settings(void *set);
bool sine_owns(const struct tensorfile *file);
int sine_model_new(void *model, const void *set);
int sine_model_load(void *model, void *set, const char *path, const struct run_sources *from);
extern const char *const sine_stored[];  // settings that a model records
int sine_model_save(const void *model, const void *set, const char *path, bool half);
void sine_model_release(void *model);
int sine_train(void *set, const char *folder, bool resume);
int sine_time_training(const void *set, const void *model, int n, double *seconds);
int sine_eval(void *result, const void *set, const void *model, const void *data);
int sine_eval_check(const void *set, const void *model, const void *data);
int sine_chip_plan(struct chip **c, const void *set, const void *model);
int sine_chip_program(struct chip **c, const void *set, const void *model);
int sine_result_csv(const void *result, const void *set, const char *path);

// A random task; its query points are random, or evenly spaced as sine_x has them.
void sine_draw(struct regressor *w, bool evenly, struct rng *r);
double sine_x(int i);
// An evaluation on tasks of this stream.
int sine_measure(struct series *r, const struct sine *set, const struct sine_model *m, uint32_t purpose,
                 struct par *par);

#endif
