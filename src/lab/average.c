#include "lab/average.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/format.h"
#include "base/note.h"
#include "base/settings.h"
#include "base/tensorfile.h"
#include "experiment/experiment.h"

// Does this text tell what a model computes? Not how it was trained, but for what an evaluation takes from that.
static bool tells_use(const struct experiment *e, const char *key) {
  static const char training[] = "train.";
  const size_t n = strlen(training);
  if (strncmp(key, training, n) != 0) return strncmp(key, "run.", 4) && strcmp(key, "checksum");
  return e->eval_adopts && settings_listed(e->eval_adopts, "train", key + n);
}

// What a file whose settings are read does not say: lines section.name=value, the caller's to free.
static char *default_lines(const struct experiment *e) {
  char *lines;
  size_t size;
  FILE *out = open_memstream(&lines, &size);
  void *set = err_calloc(1, e->settings_size);
  if (!out) abort();
  e->settings_init(set);
  settings_print_lines(e->settings(set).sections, out);
  fclose(out);
  free(set);
  return lines;
}

static bool is_default(const char *lines, const char *key, const char *value) {
  char line[1024];
  const int n = snprintf(line, sizeof line, "%s=%s\n", key, value);
  const char *at = n < (int)sizeof line ? strstr(lines, line) : NULL;
  return at && (at == lines || at[-1] == '\n');
}

// The texts of a that b has otherwise, or lacks though they are not the default; absent: only what it lacks.
static void list_other(char *names, size_t size, const struct tensorfile *a, const struct tensorfile *b, bool absent,
                       const struct experiment *e, const char *defaults) {
  for (int i = 0; i < tensorfile_metadata_count(a); i++) {
    const char *key, *value = tensorfile_metadata_at(a, i, &key), *other = tensorfile_metadata(b, key);
    const size_t n = strlen(names);
    const bool differs = other ? !absent && strcmp(other, value) : !is_default(defaults, key, value);
    if (differs && tells_use(e, key)) snprintf(names + n, size - n, "%s%s", n ? ", " : "", key);
  }
}

static void note_settings(const struct tensorfile *tf, const struct tensorfile *first, const struct experiment *e) {
  char names[400] = "";
  char *defaults = default_lines(e);
  list_other(names, sizeof names, first, tf, false, e, defaults);
  list_other(names, sizeof names, tf, first, true, e, defaults);
  free(defaults);
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
static int add(double *sum, struct tensorfile *tf, const struct tensorfile *first, const struct experiment *of) {
  TRY(check_shapes(tf, first));
  note_settings(tf, first, of);
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

static int add_all(double *sum, const struct tensorfile *first, const struct experiment *of, const char *const *path,
                   int n) {
  for (int k = 0; k < n; k++) {
    struct tensorfile *tf;
    TRY(tensorfile_open(&tf, path[k]));
    const int rc = add(sum, tf, first, of);
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
  int rc = add_all(sum, first, e, path, n);
  if (rc == 0) rc = save(out, first, sum, n);
  free(sum);
  tensorfile_close(first);
  return rc;
}
