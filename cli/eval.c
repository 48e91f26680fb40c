// eval.c - metaxbar eval NAME: evaluate a trained model on unseen tasks. Parses and prints only.
#include <stdio.h>

#include "base/err.h"
#include "base/file.h"
#include "base/par_ranks.h"
#include "commands.h"
#include "experiment/experiment.h"
#include "lab/compare.h"

static const char text[] = "Settings come from the model file, then from -c FILE, then from the command line.\n";

static int print(const struct experiment_case *x, const void *result, bool as_json) {
  if (as_json) return options_json(x->e->result_json(result, x->set, x->model));
  x->e->result_print(result, x->set, x->model, stdout);
  return 0;
}

static int measure(struct experiment_case *x, const struct options *o) {
  void *result;
  const bool writes = par_ranks_first();
  if (o->out && writes) TRY(file_out_check(o->out));  // what is written there may take hours
  if (o->scores && writes) TRY(file_out_check(o->scores));
  TRY(experiment_eval(&result, x));
  int rc = o->out && writes ? x->e->result_csv(result, x->set, o->out) : 0;
  if (rc == 0 && o->scores && writes) rc = compare_save(o->scores, x, result);
  if (rc == 0) rc = print(x, result, o->json);
  experiment_result_free(x, result);
  return rc;
}

static int run(const struct experiment *e, const struct options *o) {
  struct experiment_case x;
  const struct run_sources from = options_sources(o);
  experiment_open(&x, e);
  int rc = experiment_load(&x, o->model, &from);
  if (rc == 0) rc = experiment_effects(&x, &from);
  if (rc == 0 && e->json_settings && !o->json) rc = run_refuse(&from, e->json_settings, "--json");
  if (rc == 0) rc = measure(&x, o);
  experiment_close(&x);
  return rc;
}

#define FLAGS                                                                                                          \
  OPTIONS_MODEL, OPTIONS_CONFIG, OPTIONS_JSON,                                                                         \
    OPTIONS_VALUE("--scores", scores, "FILE.json", "write the score of every item, for 'metaxbar compare'")
static const struct options_flag flags[] = { FLAGS, { 0 } };
static const struct options_flag flags_csv[] = {
  FLAGS,
  OPTIONS_VALUE("--out", out, "FILE.csv", "write the first item step by step"),
  { 0 },
};

static void each(struct options_action *a, const struct experiment *e) {
  a->name = e->name;
  a->text = e->eval_help;
  a->reads = e->eval_reads;
  a->flags = e->result_csv ? flags_csv : flags;
}

static const struct options_action actions[] = {
  { .name = "NAME", .flags = flags, .divides = true, .run_experiment = run }, { 0 }
};
const struct options_command eval_command = { "eval", "evaluate a trained network on unseen tasks", text,
                                              .actions = actions, .each = each };
