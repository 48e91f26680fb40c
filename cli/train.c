// train.c - metaxbar train fewshot|arm: meta-train in software, into a run directory.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "run/rundir.h"
#include "commands.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/arm/reach.h"
#include "options.h"

static const char usage[] =
  "usage: metaxbar train fewshot|arm [-c FILE] [section.name=value ...] --run DIR [--resume] [--quiet]\n"
  "\n"
  "Meta-train the few-shot classifier, or the spiking networks that learn an arm movement in one shot.\n"
  "DIR receives settings.ini, build.json, metrics.csv, checkpoint.safetensors and model.safetensors.\n"
  "Ctrl-C writes a checkpoint; --resume continues a stopped or killed run to the same bits as an\n"
  "undisturbed one. metaxbar train fewshot --help and train arm --help list the settings.\n";

static int help(const struct settings_section *sections) {
  fputs(usage, stdout);
  printf("\nsettings:\n");
  settings_help(sections, stdout);
  return options_finish("train");
}

// Settings of a run: what was resolved when it began, if it is resumed; the rest of the line may repeat it.
static int run_settings(const struct options *o, const struct settings_section *sections) {
  char stored[FILE_PATH_SIZE];
  if (!o->run) return err_set(ERR_SETTING, "--run DIR is missing");
  snprintf(stored, sizeof stored, "%s/" RUNDIR_SETTINGS, o->run);
  if (o->resume && file_exists(stored)) TRY(settings_load(sections, stored));
  return options_apply(o, sections);
}

static int train_fewshot(const struct options *o) {
  struct fewshot f;
  fewshot_init(&f);
  if (o->help) return help(f.sections);
  int rc = run_settings(o, f.sections);
  if (rc == 0) rc = fewshot_train(&f, o->run, o->resume);
  return rc < 0 ? options_fail("train", rc) : options_finish("train");
}

static int train_arm(const struct options *o) {
  struct reach f;
  reach_init(&f);
  if (o->help) return help(f.sections);
  int rc = run_settings(o, f.sections);
  if (rc == 0) rc = reach_train(&f, o->run, o->resume);
  return rc < 0 ? options_fail("train", rc) : options_finish("train");
}

int train_command(int argc, char **argv) {
  struct options o;
  const int rc = options_parse(&o, argc, argv);
  if (rc < 0) return options_fail("train", rc);
  if (o.n_words == 1 && !strcmp(o.words[0], "fewshot")) return train_fewshot(&o);
  if (o.n_words == 1 && !strcmp(o.words[0], "arm")) return train_arm(&o);
  if (o.n_words) return options_fail("train", err_set(ERR_SETTING, "%s: no such experiment; there are fewshot and arm", o.words[o.n_words > 1]));
  fputs(usage, o.help ? stdout : stderr);
  return o.help ? options_finish("train") : 2;
}
