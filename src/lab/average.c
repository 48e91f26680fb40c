#include "lab/average.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/format.h"
#include "base/note.h"
#include "base/tensorfile.h"
#include "experiment/experiment.h"

// Does this text tell what a model computes? Not how it was trained, nor the checksum.
static bool tells_use(const char *key) {
  return strncmp(key, "train.", 6) && strncmp(key, "run.", 4) && strcmp(key, "checksum");
}

static void note_settings(const struct tensorfile *tf, const struct tensorfile *first) {
  char names[400] = "";
  for (int i = 0; i < tensorfile_metadata_count(first); i++) {
    const char *key, *value = tensorfile_metadata_at(first, i, &key), *other = tensorfile_metadata(tf, key);
    const size_t n = strlen(names);
    if (tells_use(key) && (!other || strcmp(other, value)))
      snprintf(names + n, sizeof names - n, "%s%s", n ? ", " : "", key);
  }
  if (*names)
    note("%s: other than in %s, whose settings are kept: %s", tensorfile_name(tf), tensorfile_name(first), names);
}

static int check_shapes(const struct tensorfile *tf, const struct tensorfile *first) {
  for (int i = 0; i < tensorfile_count(first); i++) {
    const struct tensorfile_entry *a = tensorfile_at(first, i), *b = tensorfile_find(tf, a->name);
    if (!b || a->n_dims != b->n_dims || memcmp(a->dims, b->dims, (size_t)a->n_dims * sizeof *a->dims) != 0)
      return err_set(ERR_FORMAT, "%s: tensor %s: %s in %s", tensorfile_name(tf), a->name,
                     b ? "not of the shape that it has" : "missing; it is", tensorfile_name(first));
    if (b->dtype != TENSORFILE_F64 && b->dtype != TENSORFILE_F32 && b->dtype != TENSORFILE_F16 &&
        b->dtype != TENSORFILE_BF16)
      return err_set(ERR_FORMAT, "%s: tensor %s: whole numbers, which have no mean", tensorfile_name(tf), a->name);
  }
  if (tensorfile_count(tf) == tensorfile_count(first)) return 0;
  return err_set(ERR_FORMAT, "%s: %d tensors; %s has %d", tensorfile_name(tf), tensorfile_count(tf),
                 tensorfile_name(first), tensorfile_count(first));
}

// sum += the tensors of the file, in the order of the first.
static int add(double *sum, struct tensorfile *tf, const struct tensorfile *first) {
  TRY(check_shapes(tf, first));
  note_settings(tf, first);
  for (int i = 0; i < tensorfile_count(first); i++) {
    const struct tensorfile_entry *e = tensorfile_at(first, i);
    double *x = err_calloc((size_t)e->n_values + 1, sizeof *x);
    const int rc = tensorfile_f64(tf, e->name, e->n_dims, e->dims, x);
    for (int64_t k = 0; k < e->n_values; k++) sum[k] += x[k];
    free(x);
    TRY(rc);
    sum += e->n_values;
  }
  return 0;
}

static int add_all(double *sum, const struct tensorfile *first, const char *const *path, int n) {
  for (int k = 0; k < n; k++) {
    struct tensorfile *tf;
    TRY(tensorfile_open(&tf, path[k]));
    const int rc = add(sum, tf, first);
    tensorfile_close(tf);
    TRY(rc);
  }
  return 0;
}

static int save(const char *out, const struct tensorfile *first, const double *sum, int n) {
  struct tensorfile_writer *w = tensorfile_create(out);
  format_copy(w, first);
  for (int i = 0; i < tensorfile_count(first); i++) {
    const struct tensorfile_entry *e = tensorfile_at(first, i);
    real *mean = err_calloc((size_t)e->n_values + 1, sizeof *mean);
    for (int64_t k = 0; k < e->n_values; k++) mean[k] = (real)(sum[k] / n);
    tensorfile_put_real(w, e->name, e->n_dims, e->dims, mean);
    free(mean);
    sum += e->n_values;
  }
  return tensorfile_commit(w);
}

int average_models(const char *out, const char *const *path, int n) {
  const struct experiment *e, *of;
  struct tensorfile *first;
  int64_t n_values = 0;
  TRY(tensorfile_check_path(out));
  TRY(experiment_of_file(&e, path[0]));
  for (int k = 1; k < n; k++) {
    TRY(experiment_of_file(&of, path[k]));
    if (of != e)
      return err_set(ERR_SETTING, "%s: a model of '%s'; %s is one of '%s'", path[k], of->name, path[0], e->name);
  }
  TRY(tensorfile_open(&first, path[0]));
  for (int i = 0; i < tensorfile_count(first); i++) n_values += tensorfile_at(first, i)->n_values;
  double *sum = err_calloc((size_t)n_values + 1, sizeof *sum);
  int rc = add_all(sum, first, path, n);
  if (rc == 0) rc = save(out, first, sum, n);
  free(sum);
  tensorfile_close(first);
  return rc;
}
