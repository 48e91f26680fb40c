#include "experiment/fewshot/fewshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/format.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "model/convnetfile.h"

static const char *const schedules[] = { "constant", "cosine", NULL };
static const char *const query_losses[] = { "last", "mean", NULL };
static const char *const adapted[] = { "readout", NULL };
static const char *const train_rules[] = { "task", "support", "both", NULL };
static const char *const train_synapses[] = { "software", "weights", "chip", NULL };
static const char *const splits[] = { "evaluation", "validation", NULL };
static const char *const methods[] = { "adapt", "centroid", "scratch", NULL };
static const char *const roundings[] = { "nearest", "stochastic", NULL };
static const char *const kinds[] = { "exact", "quantised", "chip", NULL };

static const struct param train_table[] = {
#define P struct fewshot_train_params
  PARAM_I64(P, iterations, 10000, 1, 100000000, "outer updates"),
  PARAM_I64(P, tasks, 32, 1, 65536, "tasks of each outer update"),
  PARAM_I64(P, shots, 5, 1, 1000, "support images of a class"),
  PARAM_I64(P, queries, 5, 1, 1000, "query images of a class"),
  PARAM_F64(P, rate, 4e-3, 0, 1, "learning rate of Adam"),
  PARAM_CHOICE(P, schedule, 1, schedules, "course of that rate; cosine ends at zero"),
  PARAM_F64(P, inner_rate, 0.1, 0, 100, "alpha of the inner updates, at the start"),
  PARAM_CHOICE(P, adapt, 0, adapted, "layers that the inner updates change"),
  PARAM_BOOL(P, learn_inner_rate, 0, "learn one alpha per update"),
  PARAM_CHOICE(P, query_loss, 1, query_losses, "query loss after the last update, or averaged over all"),
  PARAM_CHOICE(P, batchnorm, 0, train_rules, "whose statistics normalise the queries; both: tasks take turns"),
  PARAM_I64(P, bits, 0, 0, 16, "meta-train with weights of so many bits, rounded stochastically; 0: exact"),
  PARAM_F64(P, noise, 0, 0, 10, "meta-train with the programming error of chip.preset on the weights, in multiples; 0: none"),
  PARAM_CHOICE(P, synapse, 0, train_synapses, "where the tasks are learned; weights: as chip.* conducts them, exact products; chip: products too"),
  PARAM_I64(P, chips, 4, 1, 65536, "chips written anew for each outer update; its tasks are shared out among them"),
  PARAM_F64(P, time_max_s, 0, 0, 1e12, "each such chip is used at a random age, log-uniform between t0 and this; 0: just written"),
  PARAM_I64(P, log_every, 50, 1, 1000000, "iterations between rows of metrics.csv"),
  PARAM_I64(P, validate_every, 1000, 1, 1000000, "iterations between validations"),
  PARAM_I64(P, validate_tasks, 200, 0, 1000000, "tasks of a validation"),
  PARAM_F64(P, checkpoint_every_s, 30, 0, 1e6, "seconds between checkpoints"),
  PARAM_TEXT(P, start, "", "start from the kernels of this model; from its read-out if that has as many ways, from its inner rates if it learned them"),
#undef P
  { 0 },
};

static const struct param eval_table[] = {
#define P struct fewshot_eval_params
  PARAM_I64(P, tasks, 1000, 1, 10000000, "tasks"),
  PARAM_I64(P, shots, 5, 1, 1000, "support images of a class"),
  PARAM_I64(P, queries, 5, 1, 1000, "query images of a class"),
  PARAM_I64(P, updates, 4, 1, CONVNET_MAX_STEPS, "inner updates"),
  PARAM_CHOICE(P, batchnorm, 0, convnet_rule_names, "whose statistics normalise the queries"),
  PARAM_CHOICE(P, split, 0, splits, "classes the tasks are drawn from"),
  PARAM_CHOICE(P, method, 0, methods, "inner updates, nearest centroid, or back-propagation from scratch"),
  PARAM_I64(P, statistics_images, 500, 1, 100000, "background images behind eval.batchnorm=chip"),
  PARAM_I64(P, scratch_updates, 100, 1, 100000, "updates of eval.method=scratch"),
  PARAM_F64(P, scratch_rate, 1e-3, 0, 1, "its learning rate (Adam)"),
  PARAM_I64(P, chips, 1, 1, 65536, "chips programmed independently, the tasks shared out among them"),
  PARAM_TEXT(P, later_s, "", "seconds after the adaptation, as 60,3600: classify again without further updates; on a chip"),
  PARAM_TEXT(P, tasks_file, "", "fixed tasks (JSON) in place of random ones"),
  PARAM_BOOL(P, per_task, 0, "--json also gives task_accuracy, a list for each task: for paired comparisons"),
#undef P
  { 0 },
};

static const struct param synapse_table[] = {
#define P struct fewshot_synapse_params
  PARAM_CHOICE(P, kind, 0, kinds, "what holds the weights"),
  PARAM_I64(P, bits, 4, 2, 16, "of quantised weights"),
  PARAM_CHOICE(P, rounding, 0, roundings, "of quantised weights when an evaluation writes them; stochastic: anew for each task, as in training"),
  PARAM_TEXT(P, state, "", "chip: use this state (chip export) in place of a chip written now"),
#undef P
  { 0 },
};

static const struct param run_table[] = {
#define P struct fewshot_run_params
  PARAM_I64(P, threads, 0, 0, 1024, "worker threads; 0: one per core. The results do not depend on it"),
  PARAM_I64(P, seed, 1, 0, 9007199254740992, "of all random numbers"),
#undef P
  { 0 },
};

void fewshot_init(struct fewshot *f) {
  memset(f, 0, sizeof *f);
  const struct settings_section all[] = {
    { "data", dataset_param_table, &f->data }, { "net", convnet_param_table, &f->net },
    { "train", train_table, &f->train },       { "eval", eval_table, &f->eval },
    { "synapse", synapse_table, &f->synapse }, { "run", run_table, &f->run },
    { "chip", chip_param_table, &f->chip },    { "verify", verify_param_table, &f->chip.verify },
    { "ledger", ledger_param_table, &f->ledger },
  };
  memcpy(f->sections, all, sizeof all);
  settings_defaults(f->sections);
}

// The settings a model file speaks about.
static const char *const model_settings[] = { "net", "train", "data.preprocessing", "data.size", CHIP_LAYOUT_SETTINGS, NULL };

// A file without settings may be the published weights, or a model that another program has saved again.
static int check_given(const struct tensorfile *tf, int n_assignments, char *const *assignments) {
  for (int k = 0; k < n_assignments; k++)
    if (!strncmp(assignments[k], "data.preprocessing=", 19)) return 0;
  return err_set(ERR_SETTING, "%s: no settings in the file: data.preprocessing=published (published weights) or area "
                 "must be given; model convert records it", tensorfile_name(tf));
}

static int take_over(struct fewshot *f, const struct tensorfile *tf, int n_assignments, char *const *assignments) {
  if (!tensorfile_metadata(tf, "data.preprocessing")) return check_given(tf, n_assignments, assignments);
  TRY(settings_restore(f->sections, model_settings, tf));
  f->eval.shots = f->train.shots;
  f->eval.updates = f->net.steps;
  if (f->train.bits) {  // trained for weights of so many bits: used with them
    f->synapse.kind = FEWSHOT_QUANTISED;
    f->synapse.bits = f->train.bits;
  }
  return 0;
}

int fewshot_model_load(struct fewshot_model *m, struct fewshot *f, const char *path, int n_assignments, char *const *assignments) {
  *m = (struct fewshot_model){ 0 };
  snprintf(m->path, sizeof m->path, "%s", path);
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, path));
  int rc = format_check(tf, FORMAT_FEWSHOT);
  if (rc == 0) rc = take_over(f, tf, n_assignments, assignments);
  if (rc == 0) rc = convnetfile_sizes(&f->net, tf);
  for (int k = 0; k < n_assignments && rc == 0; k++) rc = settings_set(f->sections, assignments[k]);
  if (rc == 0) rc = fewshot_split(f, tf, n_assignments, assignments);
  if (rc == 0) rc = convnet_init(&m->net, &f->net, (int)f->data.size);
  if (rc == 0) {
    m->parameters = err_aligned(m->net.n, sizeof *m->parameters);
    rc = convnetfile_load(tf, &m->net, m->parameters, f->train.inner_rate);
  }
  if (rc < 0) fewshot_model_release(m);
  tensorfile_close(tf);
  return rc;
}

int fewshot_history(struct fewshot *f, const char *path) {
  static const char *const history[] = { "data", "run.seed", NULL };
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, path));
  const int rc = tensorfile_metadata(tf, "data.preprocessing") ? settings_restore(f->sections, history, tf) : 0;
  tensorfile_close(tf);
  return rc;
}

int fewshot_model_new(struct fewshot_model *m, const struct fewshot *f) {
  struct rng r = rng_stream((uint64_t)f->run.seed, RNG_INIT, 0);
  *m = (struct fewshot_model){ 0 };
  TRY(convnet_init(&m->net, &f->net, (int)f->data.size));
  m->parameters = err_aligned(m->net.n, sizeof *m->parameters);
  convnet_start(&m->net, m->parameters, f->train.inner_rate, &r);
  return 0;
}

void fewshot_model_release(struct fewshot_model *m) {
  free(m->parameters);
  m->parameters = NULL;
}

int fewshot_model_save(const struct fewshot_model *m, const struct fewshot *f, const char *path) {
  static const char *const stored[] = { "data", "net", "train", "run", CHIP_LAYOUT_SETTINGS, NULL };
  struct tensorfile_writer *w = tensorfile_create(path);
  struct fewshot portable = *f;  // where the data lay and how many threads ran is nobody's business
  fewshot_init(&portable);
  portable.data = f->data;
  portable.net = f->net;
  portable.train = f->train;
  portable.run.seed = f->run.seed;
  portable.chip = f->chip;
  memset(portable.data.path, 0, sizeof portable.data.path);
  const char *list = strrchr(f->data.split, '/');
  snprintf(portable.data.split, sizeof portable.data.split, "%s", list ? list + 1 : f->data.split);
  format_put(w, FORMAT_FEWSHOT);
  settings_store(portable.sections, stored, w);
  convnetfile_put(w, &m->net, m->parameters);
  return tensorfile_commit(w);
}

void fewshot_model_round(struct fewshot_model *m, const struct fewshot *f) {
  const struct convnet *net = &m->net;
  if (f->synapse.kind != FEWSHOT_QUANTISED) return;  // what a chip holds is no model
  for (int l = 0; l <= net->blocks; l++) {
    struct synapse *s = synapse_quantised_new(convnet_rows(net, l), convnet_columns(net, l), (int)f->synapse.bits, 1);
    s->ops->program(s, m->parameters + net->offset[l], NULL);
    s->ops->weights(s, m->parameters + net->offset[l]);
    s->ops->free(s);
  }
}
