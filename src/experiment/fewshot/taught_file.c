// The file of what a classifier was taught: docs/file_formats.md.
#include "experiment/fewshot/taught.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/err.h"
#include "base/format.h"
#include "base/tensorfile.h"
#include "base/text.h"
#include "chip/chip.h"
#include "chip/chipstate.h"
#include "experiment/fewshot/fewshot.h"

static const char format[] = "metaxbar taught classes";

// The settings that a file records. Those of the chip one by one: the texts that say which chip it is begin like them.
// A file of somebody else does not say what to run or read (chip.driver, chip.table).
struct recorded {
  const char *names[96];  // ends with NULL
  char chip[64][48];
};

static void list_recorded(struct recorded *r) {
  static const char *const others[] = { "learn", "synapse.kind", "synapse.bits", "verify", "data.invert",
                                        "data.preprocessing", DATASET_VARIATIONS, "run.seed" };
  size_t n = 0;
  for (size_t k = 0; k < sizeof others/sizeof *others; k++) r->names[n++] = others[k];
  for (size_t k = 0; chip_param_table[k].type != PARAM_TYPE_END; k++) {
    assert(k < sizeof r->chip/sizeof *r->chip);
    const char *name = chip_param_table[k].name;
    if (chip_param_table[k].user || !strcmp(name, "table") || !strncmp(name, "driver", 6)) continue;
    snprintf(r->chip[k], sizeof r->chip[k], "chip.%s", name);
    r->names[n++] = r->chip[k];
  }
  r->names[n] = NULL;
}

// Of the layers below the read-out.
static void fingerprint(char text[17], const struct fewshot_model *m) {
  uint64_t sum = CHECKSUM_START;
  for (int l = 0; l < m->net.readout; l++) {
    const int columns = convnet_columns(&m->net, l);
    const uint64_t of = checksum_reals(m->parameters + m->net.offset[l], convnet_rows(&m->net, l), columns,
                                       vector_padded(columns));
    unsigned char bytes[8];
    for (int k = 0; k < 8; k++) bytes[k] = (unsigned char)(of >> 8*k);
    sum = checksum_bytes(sum, bytes, sizeof bytes);
  }
  snprintf(text, 17, "%016" PRIx64, sum);
}

static void class_key(char key[32], int k) { snprintf(key, 32, "class.%d", k); }

// rows x columns at stride ld, without the stride. The caller's to free.
static real *plain(const real *v, int rows, int columns, int ld) {
  real *x = err_calloc((size_t)(rows * columns), sizeof *x);
  for (int i = 0; i < rows; i++) memcpy(x + i*columns, v + i*ld, (size_t)columns * sizeof *x);
  return x;
}

static void put(struct tensorfile_writer *w, const char *name, const real *v, int rows, int columns, int ld) {
  real *x = plain(v, rows, columns, ld);
  tensorfile_put_real(w, name, 2, (const int64_t[]){ rows, columns }, x);
  free(x);
}

static int get(struct tensorfile *tf, const char *name, real *v, int rows, int columns, int ld) {
  real *x = err_calloc((size_t)(rows * columns), sizeof *x);
  const int rc = tensorfile_real(tf, name, 2, (const int64_t[]){ rows, columns }, x);
  for (int i = 0; rc == 0 && i < rows; i++) memcpy(v + i*ld, x + i*columns, (size_t)columns * sizeof *x);
  free(x);
  return rc;
}

// Where the cells of layer l are, and how many.
static const char *cells_of(char name[32], const struct taught *t, int l, int *rows, int *columns) {
  snprintf(name, 32, "driver.cells.%d", l);
  *rows = convnet_rows(&t->net, l) - convnet_digital_rows(&t->net, l);
  *columns = convnet_columns(&t->net, l);
  return name;
}

static void put_cells(struct tensorfile_writer *w, const struct taught *t) {
  char name[32];
  int rows, columns;
  tensorfile_put_text(w, "driver", chip_settings(t->chip)->driver);
  for (int l = 0; l <= t->net.readout; l++) {
    cells_of(name, t, l, &rows, &columns);
    put(w, name, t->cells + t->net.offset[l], rows, columns, vector_padded(columns));
  }
}

static int get_cells(struct tensorfile *tf, struct taught *t) {
  char name[32];
  int rows, columns;
  free(t->cells);
  t->cells = err_aligned(t->net.n, sizeof *t->cells);
  for (int l = 0; l <= t->net.readout; l++) {
    cells_of(name, t, l, &rows, &columns);
    TRY(get(tf, name, t->cells + t->net.offset[l], rows, columns, vector_padded(columns)));
  }
  return 0;
}

// Means and spreads of the normalisation, a row for each block.
static void put_statistics(struct tensorfile_writer *w, const struct taught *t) {
  const int blocks = t->net.blocks, channels = t->net.channels;
  real *rows = err_calloc((size_t)(2 * blocks * channels), sizeof *rows);
  for (int l = 0; l < blocks; l++) {
    memcpy(rows + l*channels, t->fixed.mean[l + 1], (size_t)channels * sizeof *rows);
    memcpy(rows + (blocks + l)*channels, t->fixed.r[l + 1], (size_t)channels * sizeof *rows);
  }
  put(w, "norm.mean", rows, blocks, channels, channels);
  put(w, "norm.inverse", rows + blocks*channels, blocks, channels, channels);
  free(rows);
}

static int get_statistics(struct tensorfile *tf, struct taught *t) {
  const int blocks = t->net.blocks, channels = t->net.channels;
  real *rows = err_calloc((size_t)(2 * blocks * channels), sizeof *rows);
  int rc = get(tf, "norm.mean", rows, blocks, channels, channels);
  if (rc == 0) rc = get(tf, "norm.inverse", rows + blocks*channels, blocks, channels, channels);
  for (int i = blocks*channels; rc == 0 && i < 2*blocks*channels; i++)
    if (rows[i] <= 0)
      rc = err_set(ERR_FORMAT, "%s: tensor norm.inverse: %g is not above 0", tensorfile_name(tf), (double)rows[i]);
  for (int l = 0; rc == 0 && l < blocks; l++) {
    memcpy(t->fixed.mean[l + 1], rows + l*channels, (size_t)channels * sizeof *rows);
    memcpy(t->fixed.r[l + 1], rows + (blocks + l)*channels, (size_t)channels * sizeof *rows);
  }
  free(rows);
  return rc;
}

int taught_save(const struct taught *t, const struct fewshot *f, const char *path) {
  struct tensorfile_writer *w = tensorfile_create(path);
  const int64_t N = t->N, n_held = t->n_held, one = 1;
  const int O = t->net.ways, OP = vector_padded(O);
  struct recorded recorded;
  char text[32];
  format_put(w, format);
  list_recorded(&recorded);
  settings_store(f->sections, recorded.names, w);
  fingerprint(text, t->model);
  tensorfile_put_text(w, "model", text);
  for (int k = 0; k < t->N; k++) {
    class_key(text, k);
    tensorfile_put_text(w, text, t->name[k]);
  }
  tensorfile_put_i64(w, "class.pictures", 1, &N, t->pictures);
  put(w, "class.mean", t->mean, t->N, t->C - 1, t->CP);
  put(w, "readout.weight", t->w, t->C - 1, O, OP);
  put(w, "readout.bias", t->w + (t->C - 1)*OP, 1, O, OP);
  put_statistics(w, t);
  if (n_held) tensorfile_put_f64(w, "held_out", 1, &n_held, t->held);
  if (isfinite(t->threshold)) tensorfile_put_f64(w, "threshold", 1, &one, &t->threshold);
  if (t->chip) chipstate_put(t->chip, w);
  if (t->cells) put_cells(w, t);
  return tensorfile_commit(w);
}

// ---- reading

static int check_model(const struct tensorfile *tf, const struct fewshot_model *m) {
  char expected[17];
  const char *found = tensorfile_metadata(tf, "model"), *is = tensorfile_metadata(tf, "format");
  fingerprint(expected, m);
  if (!is || strcmp(is, format))
    return err_set(ERR_FORMAT, "%s: format: not a file of taught classes (metaxbar learn)", tensorfile_name(tf));
  TRY(format_check(tf, format));
  if (found && !strcmp(found, expected)) return 0;
  return err_set(ERR_FORMAT, "%s: model=%s: the classes were taught to another model; the fingerprint of %s is %s",
                 tensorfile_name(tf), found ? found : "", m->path, expected);
}

static int read_names(const struct tensorfile *tf, struct taught *t, int n) {
  for (int k = 0; k < n; k++) {
    char key[32];
    class_key(key, k);
    const char *name = tensorfile_metadata(tf, key);
    if (!name || !*name || strlen(name) >= TAUGHT_NAME)
      return err_set(ERR_FORMAT, "%s: %s: the name of a class is missing or too long", tensorfile_name(tf), key);
    for (int j = 0; j < k; j++)
      if (!strcmp(t->name[j], name))
        return err_set(ERR_FORMAT, "%s: %s: there are two classes %s", tensorfile_name(tf), key, name);
    t->name[k] = err_strdup(name);
    t->N = k + 1;
  }
  return 0;
}

static int read_classes(struct tensorfile *tf, struct taught *t, int n) {
  const int64_t all = n;
  taught_take(t, n);
  TRY(read_names(tf, t, n));
  TRY(tensorfile_i64(tf, "class.pictures", 1, &all, t->pictures));
  for (int k = 0; k < n; k++)
    if (t->pictures[k] < 1 || t->pictures[k] > INT32_MAX)
      return err_set(ERR_FORMAT, "%s: tensor class.pictures: %" PRId64 " of class %s", tensorfile_name(tf),
                     t->pictures[k], t->name[k]);
  TRY(get(tf, "class.mean", t->mean, n, t->C - 1, t->CP));
  for (int k = 0; k < n; k++) t->mean[k*t->CP + t->C - 1] = 1;
  return 0;
}

static int read_threshold(struct tensorfile *tf, struct taught *t, const struct fewshot *f) {
  const struct tensorfile_entry *held = tensorfile_find(tf, "held_out");
  const int64_t one = 1;
  if (held) {
    if (held->n_dims != 1 || held->dims[0] > INT32_MAX)
      return err_set(ERR_FORMAT, "%s: tensor held_out: a list of distances is expected", tensorfile_name(tf));
    t->n_held = (int)held->dims[0];
    t->held = err_calloc((size_t)t->n_held, sizeof *t->held);
    TRY(tensorfile_f64(tf, "held_out", 1, held->dims, t->held));
    for (int i = 0; i < t->n_held; i++)
      if (!(t->held[i] >= 0))
        return err_set(ERR_FORMAT, "%s: tensor held_out: %g is no distance", tensorfile_name(tf), t->held[i]);
  }
  if (tensorfile_find(tf, "threshold")) TRY(tensorfile_f64(tf, "threshold", 1, &one, &t->threshold));
  if (f->learn.threshold > 0) t->threshold = f->learn.threshold;
  if (t->threshold > 0) return 0;
  return err_set(ERR_FORMAT, "%s: tensor threshold: %g is not above 0", tensorfile_name(tf), t->threshold);
}

static int read_chip(struct tensorfile *tf, struct taught *t, const struct fewshot *f, double recorded_s) {
  TRY(deploy_plan(&t->chip, &f->chip, (uint64_t)f->run.seed, &t->net));
  if (*f->chip.driver) TRY(get_cells(tf, t));
  TRY(chipstate_take(t->chip, tf));
  if (t->cells) TRY(taught_recognise(t, tensorfile_name(tf)));
  for (int l = 0; l <= t->net.readout; l++)
    if (!chip_programmed(t->chip, l))
      return err_set(ERR_FORMAT, "%s: matrix.%d.state: %s was never written", tensorfile_name(tf), l,
                     chip_matrix_name(t->chip, l));
  return f->chip.time_s == recorded_s ? 0 : chip_advance(t->chip, f->chip.time_s, chip_rng(t->chip));
}

// The file does not say what to run: the user does, and the file whether that can go on.
static int check_driver(const struct tensorfile *tf, const struct fewshot *f) {
  const char *then = tensorfile_metadata(tf, "driver"), *name = tensorfile_name(tf);
  if (f->synapse.kind == RUN_CHIP && then && !*f->chip.driver)
    return err_set(ERR_SETTING, "%s: the classes are on a chip behind a driver: chip.driver says which, when they were "
                                "learned %s", name, text_is_plain(then) ? then : "another");
  if (*f->chip.driver && !(f->synapse.kind == RUN_CHIP && then))
    return err_set(ERR_SETTING, "chip.driver=%s: the classes of %s are %s", f->chip.driver, name,
                   f->synapse.kind == RUN_CHIP ? "on a simulated chip" : "not on a chip");
  return 0;
}

// Columns of the read-out, and classes, in the file.
static int sizes(const struct tensorfile *tf, int *columns, int *classes, bool chip) {
  const struct tensorfile_entry *w = tensorfile_find(tf, "readout.weight"), *n = tensorfile_find(tf, "class.pictures");
  if (!w || w->n_dims != 2 || !n || n->n_dims != 1 || n->dims[0] < 2 || n->dims[0] > w->dims[1] ||
      w->dims[1] > TAUGHT_MOST || (!chip && n->dims[0] != w->dims[1]))
    return err_set(ERR_FORMAT, "%s: tensors readout.weight, class.pictures: 2 to %d classes are expected, a column of "
                               "the read-out for each", tensorfile_name(tf), TAUGHT_MOST);
  *columns = (int)w->dims[1];
  *classes = (int)n->dims[0];
  return 0;
}

int taught_read(struct taught *t, struct fewshot *f, const struct fewshot_model *model, struct tensorfile *tf,
                const struct run_sources *from) {
  static const char *const chip[] = { "chip", NULL };
  struct recorded recorded;
  int columns = 0, classes = 0;
  taught_init(t, model);
  TRY(check_model(tf, model));
  list_recorded(&recorded);
  TRY(settings_restore(f->sections, recorded.names, tf));
  const double recorded_s = f->chip.time_s;
  const int64_t preprocessing = f->data.preprocessing;
  TRY(run_resolve(f->sections, NULL, NULL, NULL, NULL, from));
  if (f->data.preprocessing != preprocessing)
    return err_set(ERR_SETTING, "data.preprocessing=%s: the classes of %s were learned with %s",
                   dataset_preprocessing_names[f->data.preprocessing], tensorfile_name(tf),
                   dataset_preprocessing_names[preprocessing]);
  TRY(check_driver(tf, f));
  if (f->synapse.kind != RUN_CHIP) TRY(run_refuse(from, chip, "classes that were learned on a chip"));
  TRY(views_init(&t->views, f, f->learn.views, "learn.views"));
  TRY(sizes(tf, &columns, &classes, f->synapse.kind == RUN_CHIP));
  TRY(taught_resize(t, f, columns));
  TRY(read_classes(tf, t, classes));
  TRY(get(tf, "readout.weight", t->w, t->C - 1, columns, vector_padded(columns)));
  TRY(get(tf, "readout.bias", t->w + (t->C - 1)*vector_padded(columns), 1, columns, vector_padded(columns)));
  TRY(get_statistics(tf, t));
  TRY(read_threshold(tf, t, f));
  return f->synapse.kind == RUN_CHIP ? read_chip(tf, t, f, recorded_s) : 0;
}
