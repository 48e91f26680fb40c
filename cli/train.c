// train.c - metaxbar train NAME: meta-train in software, into a run directory. Parses and prints only.
#include "commands.h"
#include "experiment/experiment.h"
#include "run/run.h"

static const char text[] =
  "DIR receives settings.ini, build.json, metrics.csv, checkpoint.safetensors, model.safetensors and, if the training\n"
  "is validated, model-best.safetensors. Ctrl-C writes a checkpoint. --resume continues a stopped or killed run, with\n"
  "the same bits as in an uninterrupted one, and extends a finished run if train.iterations is larger now. SIGUSR1\n"
  "ends the training with a checkpoint and status 75: run it again. mpirun -n N divides the work among N processes.\n";

static int run(const struct experiment *e, const struct options *o) {
  struct experiment_case x;
  const struct run_sources from = options_sources(o);
  experiment_open(&x, e);
  int rc = run_resolve_training(x.settings.sections, o->run, o->resume, &from);
  if (rc == 0) rc = run_training_effects(x.settings.training, &from);
  if (rc == 0 && e->train_effects) rc = e->train_effects(x.set, &from);
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
