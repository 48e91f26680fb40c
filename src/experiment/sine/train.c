// Meta-training: outer updates by the gradient of the error at the query points.
#include "base/err.h"
#include "base/par.h"
#include "base/rng.h"
#include "experiment/sine/sine.h"

struct state {
  const struct sine *set;
  struct sine_model model;
  struct par *par;
  struct regressor *workers;
  struct training_job job;
};

static int item(void *context, int task, int worker, real *gradient) {
  const struct state *t = context;
  const struct sine_train *p = &t->set->train;
  struct rng r = rng_stream((uint64_t)t->set->run.seed, RNG_EPISODE, (uint32_t)(t->job.iteration*p->tasks + task));
  sine_draw(&t->workers[worker], false, &r);
  t->job.tally[task] = regressor_gradient(&t->workers[worker], gradient, p->loss, p->noise, &r);
  return 0;
}

static int validate(void *context, double *values) {
  const struct state *t = context;
  struct sine set = *t->set;
  struct series r;
  set.eval.tasks = set.train.validate_tasks;
  set.eval.chips = 1;
  set.synapse.kind = RUN_EXACT;
  TRY(sine_measure(&r, &set, &t->model, RNG_VALIDATE, t->par));
  *values = series_score(&r, r.job.n_updates).mean;
  series_release(&r);
  return 0;
}

static int save(void *context, const char *path) {
  const struct state *t = context;
  return sine_model_save(&t->model, t->set, path, false);
}

// A training run in a folder; or n outer updates, timed.
static int run(struct sine *set, const char *folder, bool resume, int n, double *seconds) {
  const struct run_settings settings = sine_settings(set);
  struct state t = { .set = set };
  const struct dense *net = &t.model.net;
  const int threads = run_threads(&set->run), tasks = (int)set->train.tasks;
  if ((tasks + 1)*set->training.iterations > UINT32_MAX)
    return err_set(ERR_SETTING, "train.iterations=%lld: more than %u tasks in all",
                   (long long)set->training.iterations, UINT32_MAX);
  sine_model_new(&t.model, set);
  t.par = par_new(threads);
  t.workers = regressor_new(threads, net, t.model.parameters, (int)set->train.support, (int)set->train.queries, 0, 1);
  t.job = (struct training_job){
    .settings = &settings, .context = &t, .par = t.par, .n = net->n, .parameters = t.model.parameters, .n_groups = 2,
    .group = { { 0, net->rates, 1, true }, { net->rates, net->n - net->rates, 1, false } }, .n_items = tasks,
    .item = item, .n_columns = 1, .columns = "loss", .n_validation = 1, .validation_columns = "validation_error",
    .validate = set->train.validate_tasks ? validate : NULL, .save = save,
  };
  const int rc = seconds ? training_time(&t.job, n, seconds) : training_run(&t.job, folder, resume);
  regressor_free(t.workers, threads);
  par_free(t.par);
  sine_model_release(&t.model);
  return rc;
}

int sine_train(void *set, const char *folder, bool resume) { return run(set, folder, resume, 0, NULL); }

int sine_time_training(const void *set, const void *model, int n, double *seconds) {
  struct sine copy = *(const struct sine *)set;
  (void)model;
  return run(&copy, NULL, false, n, seconds);
}
