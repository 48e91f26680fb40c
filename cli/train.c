// train.c - metaxbar train NAME: meta-train in software, into a run directory. Parses and prints only.
#include <stdio.h>

#include "base/err.h"
#include "base/file.h"
#include "commands.h"
#include "experiment/experiment.h"
#include "run/run.h"
#include "run/rundir.h"

static const char text[] =
  "DIR receives settings.ini, build.json, metrics.csv, checkpoint.safetensors, model.safetensors and, if the training\n"
  "is validated, model-best.safetensors. Ctrl-C writes a checkpoint. --resume continues a stopped or killed run, with\n"
  "the same bits as in an uninterrupted one, and extends a finished run if train.iterations is larger now. SIGUSR1\n"
  "ends the training with a checkpoint and status 75: run it again. mpirun -n N divides the work among N processes.\n";

// A run that is resumed is one of the same experiment: its settings would be read as if they were unknown ones.
static int check_experiment(const struct experiment *e, const char *folder) {
  const struct experiment *of = e;
  char model[FILE_PATH_SIZE];
  snprintf(model, sizeof model, "%.*s/" RUNDIR_MODEL, FILE_PATH_SIZE - 64, folder);
  if (!file_exists(model) || experiment_of_file(&of, model) < 0 || of == e) return 0;
  return err_set(ERR_SETTING, "%s: a run of %s, not of %s", folder, of->name, e->name);
}

static int run(const struct experiment *e, const struct options *o) {
  struct experiment_case x;
  const struct run_sources from = options_sources(o);
  if (o->resume) TRY(check_experiment(e, o->run));
  experiment_open(&x, e);
  int rc = run_resolve_training(x.settings.sections, o->run, o->resume, &from);
  if (rc == 0) rc = experiment_train_effects(&x, &from);
  if (rc == 0) rc = e->train(x.set, o->run, o->resume);
  experiment_close(&x);
  return rc;
}

static const struct options_flag flags[] = {
  OPTIONS_NEEDED("--run", run, "DIR", "folder of the run"),
  OPTIONS_SWITCH("--resume", resume, "continue the run in that folder"),
  OPTIONS_CONFIG,
  OPTIONS_QUIET,
  { 0 },
};

static void each(struct options_action *a, const struct experiment *e) {
  a->name = e->name;
  a->text = e->train_help;
  a->reads = e->train_reads;
}

static const struct options_action actions[] = {
  { .name = "NAME", .flags = flags, .divides = true, .run_experiment = run }, { 0 }
};
const struct options_command train_command = { "train", "meta-train a network", text, .actions = actions,
                                               .each = each };
