#include "experiment/experiment.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/par_ranks.h"
#include "base/tensorfile.h"
#include "base/tensorsum.h"

const struct experiment *experiment_find(const char *name) {
  for (const struct experiment *const *e = experiments; *e; e++)
    if (!strcmp((*e)->name, name)) return *e;
  return NULL;
}

// "fewshot, arm and sine"
static void put_names(char *text, size_t size) {
  size_t used = 0;
  text[0] = 0;
  for (const struct experiment *const *e = experiments; *e && used < size; e++)
    used += (size_t)snprintf(text + used, size - used, "%s%s", e == experiments ? "" : e[1] ? ", " : " and ",
                             (*e)->name);
}

int experiment_of_file(const struct experiment **found, const char *path) {
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, path));
  *found = NULL;
  for (const struct experiment *const *e = experiments; *e && !*found; e++)
    if ((*e)->owns(tf)) *found = *e;
  tensorfile_close(tf);
  char names[200];
  put_names(names, sizeof names);
  return *found ? 0 : err_set(ERR_FORMAT, "%s: not a model of %s", path, names);
}

// ---- cases

void experiment_open(struct experiment_case *x, const struct experiment *e) {
  *x =
      (struct experiment_case){ .e = e, .set = err_calloc(1, e->settings_size), .model = err_calloc(1, e->model_size) };
  e->settings_init(x->set);
  x->settings = e->settings(x->set);
}

void experiment_close(struct experiment_case *x) {
  if (x->loaded) x->e->model_release(x->model);
  if (x->has_data) x->e->data_release(x->data);
  free(x->data);
  free(x->model);
  free(x->set);
  *x = (struct experiment_case){ 0 };
}

// Settings, and the model by the checksum in its file.
static int same_on_ranks(const struct experiment_case *x, const char *path) {
  char line[128];
  struct tensorfile *tf;
  if (par_ranks_count() == 1) return 0;
  TRY(run_same_on_ranks(x->settings.sections, NULL, NULL, ""));
  TRY(tensorfile_open(&tf, path));
  const char *sum = tensorfile_metadata(tf, TENSORSUM_KEY);
  snprintf(line, sizeof line, "checksum of the model=%.40s", sum ? sum : "(none)");
  tensorfile_close(tf);
  return par_ranks_same(line);
}

int experiment_load(struct experiment_case *x, const char *path, const struct run_sources *from) {
  TRY(x->e->model_load(x->model, x->set, path, from));
  x->loaded = true;
  return same_on_ranks(x, path);
}

int experiment_start(struct experiment_case *x, const struct run_sources *from) {
  TRY(run_resolve(x->settings.sections, NULL, NULL, NULL, NULL, from));
  TRY(x->e->model_new(x->model, x->set));
  x->loaded = true;
  return 0;
}

int experiment_data(struct experiment_case *x) {
  if (x->e->data_size == 0 || x->has_data) return 0;
  if (!x->data) x->data = err_calloc(1, x->e->data_size);
  TRY(x->e->data_load(x->data, x->set));
  x->has_data = true;
  return 0;
}

int experiment_effects(const struct experiment_case *x, const struct run_sources *from) {
  if (x->e->effects) return x->e->effects(x->set, from);
  return run_synapse_effects(x->settings.synapse, x->settings.chip, from);
}

int experiment_train_effects(const struct experiment_case *x, const struct run_sources *from) {
  TRY(run_training_effects(x->settings.training, from));
  return x->e->train_effects ? x->e->train_effects(x->set, from) : 0;
}

int experiment_eval(void **result, struct experiment_case *x) {
  const struct experiment *e = x->e;
  *result = NULL;
  TRY(experiment_data(x));
  void *r = err_calloc(1, e->result_size);
  const int rc = e->eval(r, x->set, x->model, x->data);
  if (rc < 0) free(r);
  else *result = r;
  return rc;
}

void experiment_result_free(const struct experiment_case *x, void *result) {
  x->e->result_release(result);
  free(result);
}

const char *const experiment_kind_names[] = { "software", "quantised", "chip" };

void experiment_showcase_path(const struct experiment_showcase *s, const char *name, char path[FILE_PATH_SIZE]) {
  snprintf(path, FILE_PATH_SIZE, "%.*s/%s", FILE_PATH_SIZE - 64, s->folder, name);
}

int experiment_showcase_open(struct file_out *o, const struct experiment_showcase *s, const char *name) {
  char path[FILE_PATH_SIZE];
  experiment_showcase_path(s, name, path);
  return file_out_open(o, path);
}
