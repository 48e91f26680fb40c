#include "lab/average.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/format.h"
#include "base/tensorfile.h"
#include "experiment/experiment.h"

static bool is_floating(const struct tensorfile_entry *e) {
  return e->dtype == TENSORFILE_F64 || e->dtype == TENSORFILE_F32 || e->dtype == TENSORFILE_F16 ||
         e->dtype == TENSORFILE_BF16;
}

static int check_shapes(const struct tensorfile *tf, const struct tensorfile *first) {
  for (int i = 0; i < tensorfile_count(first); i++) {
    const struct tensorfile_entry *a = tensorfile_at(first, i), *b = tensorfile_find(tf, a->name);
    if (!b || a->n_dims != b->n_dims || memcmp(a->dims, b->dims, (size_t)a->n_dims * sizeof *a->dims) != 0)
      return err_set(ERR_FORMAT, "%s: tensor %s: %s in %s", tensorfile_name(tf), a->name,
                     b ? "not of the shape that it has" : "missing; it is", tensorfile_name(first));
  }
  if (tensorfile_count(tf) == tensorfile_count(first)) return 0;
  return err_set(ERR_FORMAT, "%s: %d tensors; %s has %d", tensorfile_name(tf), tensorfile_count(tf),
                 tensorfile_name(first), tensorfile_count(first));
}

static int check_equal(struct tensorfile *tf, struct tensorfile *first, const struct tensorfile_entry *e) {
  int64_t *a = err_calloc(2 * (size_t)e->n_values + 1, sizeof *a), *b = a + e->n_values;
  int rc = tensorfile_i64(first, e->name, e->n_dims, e->dims, a);
  if (rc == 0) rc = tensorfile_i64(tf, e->name, e->n_dims, e->dims, b);
  if (rc == 0 && memcmp(a, b, (size_t)e->n_values * sizeof *a) != 0)
    rc = err_set(ERR_FORMAT, "%s: tensor %s: whole numbers, not those of %s", tensorfile_name(tf), e->name,
                 tensorfile_name(first));
  free(a);
  return rc;
}

// sum[i] += tensor i of the file, all values of the file one after the other.
static int add(double *sum, struct tensorfile *tf, struct tensorfile *first) {
  TRY(check_shapes(tf, first));
  for (int i = 0; i < tensorfile_count(first); i++) {
    const struct tensorfile_entry *e = tensorfile_at(first, i);
    if (is_floating(e)) {
      double *x = err_calloc((size_t)e->n_values + 1, sizeof *x);
      const int rc = tensorfile_f64(tf, e->name, e->n_dims, e->dims, x);
      for (int64_t k = 0; k < e->n_values; k++) sum[k] += x[k];
      free(x);
      TRY(rc);
    } else TRY(check_equal(tf, first, e));
    sum += e->n_values;
  }
  return 0;
}

static int put(struct tensorfile_writer *w, struct tensorfile *first, const double *sum, int n) {
  for (int i = 0; i < tensorfile_count(first); i++) {
    const struct tensorfile_entry *e = tensorfile_at(first, i);
    if (is_floating(e)) {
      real *mean = err_calloc((size_t)e->n_values + 1, sizeof *mean);
      for (int64_t k = 0; k < e->n_values; k++) mean[k] = (real)(sum[k] / n);
      tensorfile_put_real(w, e->name, e->n_dims, e->dims, mean);
      free(mean);
    } else TRY(tensorfile_put_copy(w, first, e));
    sum += e->n_values;
  }
  return 0;
}

static int add_all(double *sum, struct tensorfile *first, char *const *path, int n) {
  for (int k = 0; k < n; k++) {
    struct tensorfile *tf;
    TRY(tensorfile_open(&tf, path[k]));
    const int rc = add(sum, tf, first);
    tensorfile_close(tf);
    TRY(rc);
  }
  return 0;
}

static int write_mean(const char *out, struct tensorfile *first, char *const *path, int n) {
  int64_t n_values = 0;
  for (int i = 0; i < tensorfile_count(first); i++) n_values += tensorfile_at(first, i)->n_values;
  double *sum = err_calloc((size_t)n_values + 1, sizeof *sum);
  int rc = add_all(sum, first, path, n);
  if (rc == 0) {
    struct tensorfile_writer *w = tensorfile_create(out);
    format_copy(w, first);
    rc = put(w, first, sum, n);
    if (rc == 0) rc = tensorfile_commit(w);
    else tensorfile_abort(w);
  }
  free(sum);
  return rc;
}

int average_models(const char *out, char *const *path, int n) {
  const struct experiment *e, *of;
  struct tensorfile *first;
  TRY(tensorfile_check_path(out));
  TRY(experiment_of_file(&e, path[0]));
  for (int k = 1; k < n; k++) {
    TRY(experiment_of_file(&of, path[k]));
    if (of != e)
      return err_set(ERR_SETTING, "%s: a model of '%s'; %s is one of '%s'", path[k], of->name, path[0], e->name);
  }
  TRY(tensorfile_open(&first, path[0]));
  const int rc = write_mean(out, first, path, n);
  tensorfile_close(first);
  return rc;
}
