// train.c - metaxbar train fewshot: meta-train in software, into a run directory.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/rundir.h"
#include "commands.h"
#include "experiment/fewshot.h"
#include "options.h"

static const char usage[] =
  "usage: metaxbar train fewshot [-c FILE] [section.name=value ...] --run DIR [--resume] [--quiet]\n"
  "\n"
  "Meta-train the few-shot classifier. DIR receives settings.ini, build.json, metrics.csv,\n"
  "checkpoint.safetensors and model.safetensors. Ctrl-C writes a checkpoint; --resume continues a\n"
  "stopped or killed run to the same bits as an undisturbed one.\n";

static int train_fewshot(const struct options *o) {
  struct fewshot f;
  fewshot_init(&f);
  if (o->help) {
    fputs(usage, stdout);
    fprintf(stdout, "\nsettings:\n");
    settings_help(f.sections, stdout);
    return options_finish("train");
  }
  char stored[FILE_PATH_SIZE];  // what was resolved when the run began; the rest of the line may repeat it
  snprintf(stored, sizeof stored, "%s/" RUNDIR_SETTINGS, o->run ? o->run : ".");
  int rc = o->run && o->resume && file_exists(stored) ? settings_load(f.sections, stored) : 0;
  if (rc == 0) rc = options_apply(o, f.sections);
  if (rc == 0 && !o->run) rc = err_set(ERR_SETTING, "--run DIR is missing");
  if (rc == 0) rc = fewshot_train(&f, o->run, o->resume);
  return rc < 0 ? options_fail("train", rc) : options_finish("train");
}

int train_command(int argc, char **argv) {
  struct options o;
  const int rc = options_parse(&o, argc, argv);
  if (rc < 0) return options_fail("train", rc);
  if (o.n_words == 1 && !strcmp(o.words[0], "fewshot")) return train_fewshot(&o);
  if (o.n_words) return options_fail("train", err_set(ERR_SETTING, "%s: no such experiment; there is fewshot", o.words[o.n_words > 1]));
  fputs(usage, o.help ? stdout : stderr);
  return o.help ? options_finish("train") : 2;
}
