#include "lab/sweepcheck.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/note.h"
#include "chip/chip.h"
#include "experiment/experiment.h"
#include "lab/sweepplan.h"

// An untrained model of a point, at `path`; and the training is accepted.
static int start(const struct sweepplan *p, int point, const char *path) {
  struct experiment_case x;
  struct run_sources from = sweepplan_sources(p, point, true);
  experiment_open(&x, p->e);
  int rc = experiment_start(&x, &from);
  if (rc == 0 && p->e->check_train) rc = p->e->check_train(x.set);
  if (rc == 0) rc = p->e->model_save(x.model, x.set, path, false);
  experiment_close(&x);
  sweepplan_free_sources(&from);
  return rc;
}

// The files of a chip. A driver may be an instrument, which is opened where it is used only.
static int check_chip(const struct experiment_case *x) {
  const struct run_synapse_params *synapse = x->settings.synapse;
  struct chip *chip;
  if (synapse->kind != RUN_CHIP || *x->settings.chip->driver || !x->e->chip_plan) return 0;
  if (*synapse->state && !file_exists(synapse->state))
    return err_set(ERR_IO, "synapse.state=%s: no such file", synapse->state);
  TRY(x->e->chip_plan(&chip, x->set, x->model));
  chip_free(chip);
  return 0;
}

static int check_evaluation(const struct sweepplan *p, int point, const char *model) {
  struct experiment_case x;
  struct run_sources from = sweepplan_sources(p, point, false);
  experiment_open(&x, p->e);
  int rc = experiment_load(&x, model, &from);
  if (rc == 0) rc = experiment_effects(&x, &from);
  if (rc == 0) rc = check_chip(&x);
  if (rc == 0) rc = experiment_data(&x);
  if (rc == 0 && p->e->check_eval) rc = p->e->check_eval(x.set, x.model, x.data);
  experiment_close(&x);
  sweepplan_free_sources(&from);
  return rc;
}

static int check_point(const struct sweepplan *p, int point, const char *untrained) {
  if (!p->trains) return check_evaluation(p, point, p->own.model);
  TRY(start(p, point, untrained));
  return check_evaluation(p, point, untrained);
}

static bool is_checked(const struct sweepplan *p, int point) {
  int further = 0;  // values that are not the first
  for (int k = 0; k < p->n_settings; k++) {
    if (!strcmp(sweepplan_value(p, point, k), sweepplan_value(p, 0, k))) continue;
    if (further++ || !strcmp(p->setting[k].key, "run.seed")) return false;
  }
  return true;
}

static int check_all(const struct sweepplan *p, const char *untrained) {
  for (int k = 0; k < p->n_points; k++) {
    char name[SWEEPPLAN_NAME], message[1000];
    const int rc = is_checked(p, k) ? check_point(p, k, untrained) : 0;
    if (rc == 0) continue;
    sweepplan_name(p, k, name);
    snprintf(message, sizeof message, "%s", err_message());
    return err_set((enum err)rc, "%s%s: %s", strcmp(name, "point") ? "point " : "", name, message);
  }
  return 0;
}

int sweepcheck(const struct sweepplan *p) {
  const char *place = getenv("TMPDIR");
  char folder[FILE_PATH_SIZE], untrained[FILE_PATH_SIZE + 32];
  snprintf(folder, sizeof folder, "%s/metaxbar-sweep-XXXXXX", place && *place ? place : "/tmp");
  if (p->trains && !mkdtemp(folder)) return err_set(ERR_IO, "%s: cannot make a temporary folder", folder);
  snprintf(untrained, sizeof untrained, "%s/untrained.safetensors", folder);
  note_handler *const handler = note_to(NULL);
  const int rc = check_all(p, untrained);
  note_to(handler);
  if (p->trains) {
    unlink(untrained);
    rmdir(folder);
  }
  return rc;
}
