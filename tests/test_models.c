// test_models.c - every file in models/, also one that is added later: it belongs to one experiment, is read without a
// note (of tensors or settings that are ignored), and where the experiment has a chip it fits on 64 cores.
#include <glob.h>

#include "base/err.h"
#include "base/note.h"
#include "base/tensorfile.h"
#include "chip/chip.h"
#include "experiment/experiment.h"
#include "test.h"

static char noted[1024];

static void keep_note(const char *line) { snprintf(noted, sizeof noted, "%s", line); }

static int owners(const char *path) {
  struct tensorfile *tf;
  int n = 0;
  if (tensorfile_open(&tf, path) < 0) return -1;
  for (const struct experiment *const *e = experiments; *e; e++) n += (*e)->owns(tf);
  tensorfile_close(tf);
  return n;
}

static void check_plan(const struct experiment_case *x, const char *path) {
  struct chip *chip;
  if (!x->e->chip_plan) return;
  const int rc = x->e->chip_plan(&chip, x->set, x->model);
  CHECK(rc == 0, "%s: plan: %s", path, err_message());
  if (rc < 0) return;
  CHECK(chip_devices(chip) > 0, "%s: no devices", path);
  chip_free(chip);
}

static void check(const char *path) {
  struct experiment_case x;
  const struct experiment *e = NULL;
  static char cores[] = "chip.cores=64", *assignments[] = { cores };
  const struct run_sources from = { .n_assignments = 1, .assignments = assignments };
  noted[0] = 0;
  CHECK(owners(path) == 1, "%s: of %d experiments", path, owners(path));
  CHECK(experiment_of_file(&e, path) == 0, "%s", err_message());
  if (!e) return;
  experiment_open(&x, e);
  const int rc = experiment_load(&x, path, &from);
  CHECK(rc == 0 && !noted[0], "%s: %s%s", path, rc < 0 ? err_message() : "", noted);
  if (rc == 0) check_plan(&x, path);
  experiment_close(&x);
}

int main(void) {
  glob_t found;
  note_to(keep_note);
  CHECK(glob("models/*.safetensors", 0, NULL, &found) == 0 && found.gl_pathc > 1, "no models found");
  for (size_t k = 0; k < found.gl_pathc; k++) check(found.gl_pathv[k]);
  globfree(&found);
  return test_summary();
}
