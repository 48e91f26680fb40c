// The settings of the sines.
#include "experiment/sine/sine.h"
#include "kernel/adam.h"

static const char *const losses[] = { "last", "mean", NULL };
static const struct param training_table[] = { TRAINING_PARAMS(20000, 1e-2, TRAINING_COSINE, 30), { 0 } };
static const struct param train_table[] = {
#define P struct sine_train
  PARAM_I64(P, tasks, 25, 1, 65536, "tasks of each outer update"),
  PARAM_I64(P, support, 10, 1, 10000, "support points of a task, also in an evaluation"),
  PARAM_I64(P, queries, 10, 1, 10000, "query points of a task"),
  PARAM_F64(P, inner_rate, 0.01, 0, 100, "initial value of the learned rates of the updates"),
  PARAM_CHOICE(P, loss, 1, losses,
               "outer loss: the error at the query points after the last update, or its mean over all updates"),
  PARAM_F64(P, noise, 0, 0, 1,
            "standard deviation of random errors of the weights in each task, relative to the largest weight of the "
            "matrix"),
  PARAM_I64(P, validate_tasks, 200, 0, 1000000, "tasks of a validation; 0: none"),
#undef P
  { 0 },
};
static const struct param eval_table[] = {
  PARAM_I64(struct sine_eval, tasks, 1000, 1, 10000000, "number of tasks"),
  PARAM_I64(struct sine_eval, chips, 1, 1, 65536,
            "number of chips, programmed independently; the tasks are divided among them"),
  { 0 },
};

void sine_init(void *set) {
  struct sine *s = set;
  const struct settings_section all[] = {
    { "net", dense_param_table, &s->net }, { "train", training_table, &s->training },
    { "train", train_table, &s->train }, { "eval", eval_table, &s->eval },
    { "synapse", run_synapse_param_table, &s->synapse }, { "run", run_param_table, &s->run },
    RUN_CHIP_SECTIONS(s),
  };
  settings_begin(s->sections, sizeof s->sections/sizeof *s->sections, all, sizeof all/sizeof *all);
}

struct run_settings sine_settings(void *set) {
  struct sine *s = set;
  return RUN_SETTINGS(s, &s->eval.tasks);
}
