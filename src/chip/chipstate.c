#include "chip/chipstate_private.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/format.h"
#include "base/tensorfile.h"
#include "base/vector.h"

enum { N_RNG = RNG_WORDS };

// ---- which chip it is

static void matrix_text(char text[256], const struct chip_matrix *m) {
  snprintf(text, 256, "%s %d x %d", m->name, m->base.I, m->base.O);
}

void chipstate_weights_text(char key[CHIPSTATE_KEY], char text[CHIPSTATE_SUM], const struct chip *c, int m) {
  snprintf(key, CHIPSTATE_KEY, "chip.matrix.%d.weights", m);
  snprintf(text, CHIPSTATE_SUM, "%016" PRIx64, c->matrices[m].checksum);
}

static void put_identity(struct tensorfile_writer *w, const struct chip *c) {
  char text[256], key[CHIPSTATE_KEY];
#define X(name, ...)                                                                               \
  snprintf(text, sizeof text, __VA_ARGS__);                                                        \
  tensorfile_put_text(w, name, text);
  CHIPSTATE_IDENTITY(X)
#undef X
  for (int m = 0; m < c->n_matrices; m++) {
    snprintf(key, sizeof key, "chip.matrix.%d", m);
    matrix_text(text, &c->matrices[m]);
    tensorfile_put_text(w, key, text);
    chipstate_weights_text(key, text, c, m);
    tensorfile_put_text(w, key, text);
  }
}

int chipstate_compare(const char *file, const char *key, const char *found, const char *expected) {
  if (!strcmp(found, expected)) return 0;
  return err_set(ERR_FORMAT, "%s: state of another chip: %s is %s, here %s", file, key, found, expected);
}

static int check(const struct tensorfile *tf, const char *key, const char *expected) {
  const char *found = tensorfile_metadata(tf, key);
  if (!found) return err_set(ERR_FORMAT, "%s: %s missing: not the state of a chip", tensorfile_name(tf), key);
  return chipstate_compare(tensorfile_name(tf), key, found, expected);
}

// The weights that a file found matrix m written with are those of the model, or taken over where none are written yet.
int chipstate_take_weights(struct chip *c, int m, const char *file, const char *found) {
  char key[CHIPSTATE_KEY], expected[CHIPSTATE_SUM];
  struct chip_matrix *x = &c->matrices[m];
  chipstate_weights_text(key, expected, c, m);
  if (strlen(found) != CHIPSTATE_SUM - 1 || strspn(found, "0123456789abcdef") != CHIPSTATE_SUM - 1)
    return err_set(ERR_FORMAT, "%s: %s=%s: must be %d hexadecimal digits", file, key, found, CHIPSTATE_SUM - 1);
  if (x->programmed && strcmp(found, expected))
    return err_set(ERR_FORMAT, "%s: state of another model: %s, the checksum of matrix %s, is %s, here %s", file, key,
                   x->name, found, expected);
  x->checksum = strtoull(found, NULL, 16);
  return 0;
}

static int check_identity(const struct tensorfile *tf, struct chip *c) {
  char text[256], key[CHIPSTATE_KEY];
#define X(name, ...)                                                                               \
  snprintf(text, sizeof text, __VA_ARGS__);                                                        \
  TRY(check(tf, name, text));
  CHIPSTATE_IDENTITY(X)
#undef X
  for (int m = 0; m < c->n_matrices; m++) {
    snprintf(key, sizeof key, "chip.matrix.%d", m);
    matrix_text(text, &c->matrices[m]);
    TRY(check(tf, key, text));
    chipstate_weights_text(key, text, c, m);
    const char *found = tensorfile_metadata(tf, key);
    if (!found)
      return err_set(ERR_FORMAT, "%s: %s missing: unknown which model's state this is", tensorfile_name(tf),
                     key);
    TRY(chipstate_take_weights(c, m, tensorfile_name(tf), found));
  }
  return 0;
}

// ---- arrays: every one travels as double, which holds float, uint32 and uint8 exactly

double chipstate_get(const struct chipstate_field *f, size_t i) {
  switch (f->kind) {
  case F32: return (double)((float *)f->data)[i];
  case F64: return ((double *)f->data)[i];
  case U32: return ((uint32_t *)f->data)[i];
  case U8: return ((uint8_t *)f->data)[i];
  case REAL: break;
  }
  return (double)((real *)f->data)[i];
}

void chipstate_set(const struct chipstate_field *f, size_t i, double v) {
  switch (f->kind) {
  case F32: ((float *)f->data)[i] = (float)v; break;
  case F64: ((double *)f->data)[i] = v; break;
  case U32: ((uint32_t *)f->data)[i] = (uint32_t)v; break;
  case U8: ((uint8_t *)f->data)[i] = (uint8_t)v; break;
  case REAL: ((real *)f->data)[i] = (real)v; break;
  }
}

enum { N_COLUMN_FIELDS = 4 };

void chipstate_unit_fields(struct chipstate_field f[CHIPSTATE_UNIT_FIELDS], const struct tile *t,
                           const struct chip *c) {
  const double much = 1e9, clock_s = c->clock_s, most_uS = c->design.pcm.g_max_uS*(1 + 1e-6);  // float
  const struct chipstate_field all[CHIPSTATE_UNIT_FIELDS] = {
    { "target_uS", F32, t->target_uS, 0, most_uS }, { "g_uS", F32, t->g_uS, 0, much }, { "nu", F32, t->nu, -100, 100 },
    { "q", F32, t->q, 0, 1e6 }, { "stuck_uS", F32, t->stuck_uS, 0, much },
    { "written_s", F64, t->written_s, 0, clock_s },
    { "writes", U32, t->writes, 0, UINT32_MAX }, { "fault", U8, t->fault, 0, 15 },
  };
  memcpy(f, all, sizeof all);
}

float chipstate_now_uS(const struct tile *t, const struct chip *c, size_t u) {
  const double age_s = c->clock_s - t->written_s[u];
  return (float)(pcm_drift_uS(&c->design.pcm, (double)t->g_uS[u], (double)t->nu[u], age_s) + (double)t->stuck_uS[u]);
}

static void column_fields(struct chipstate_field f[N_COLUMN_FIELDS], const struct tile *t) {
  const struct chipstate_field all[N_COLUMN_FIELDS] = {
    { "converter_gain", REAL, t->converter_gain, -1e9, 1e9 },
    { "converter_offset", REAL, t->converter_offset, -1e9, 1e9 },
    { "gain", REAL, t->gain, -1e30, 1e30 },
    { "offset", REAL, t->offset, -1e30, 1e30 },
  };
  memcpy(f, all, sizeof all);
}

static void put_f32_exact(struct tensorfile_writer *w, const char *name, int n_dims, const int64_t *dims,
                          const double *v, size_t n) {
  float *x = err_calloc(n, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (float)v[i];
  tensorfile_put_f32(w, name, n_dims, dims, x);
  free(x);
}

static void put_whole(struct tensorfile_writer *w, const char *name, int n_dims, const int64_t *dims, const double *v,
                      size_t n) {
  int64_t *x = err_calloc(n, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = (int64_t)v[i];
  tensorfile_put_i64(w, name, n_dims, dims, x);
  free(x);
}

// rows of ld values -> rows of `columns`, as a tensor of dims.
static void put(struct tensorfile_writer *w, const char *prefix, const struct chipstate_field *f, size_t rows,
                size_t columns, size_t ld, int n_dims, const int64_t *dims) {
  char name[2*CHIPSTATE_KEY];
  double *v = err_calloc(rows * columns, sizeof *v);
  snprintf(name, sizeof name, "%s.%s", prefix, f->name);
  for (size_t i = 0; i < rows; i++)
    for (size_t o = 0; o < columns; o++) v[i*columns + o] = chipstate_get(f, i*ld + o);
  const int narrow = f->kind == F32 || (f->kind == REAL && sizeof(real) == sizeof(float));
  if (narrow) put_f32_exact(w, name, n_dims, dims, v, rows*columns);
  else if (f->kind == U32 || f->kind == U8) put_whole(w, name, n_dims, dims, v, rows*columns);
  else tensorfile_put_f64(w, name, n_dims, dims, v);
  free(v);
}

static int take(struct tensorfile *tf, const char *prefix, const struct chipstate_field *f, size_t rows, size_t columns,
                size_t ld, int n_dims, const int64_t *dims) {
  char name[2*CHIPSTATE_KEY];
  const size_t n = rows * columns;
  double *v = err_calloc(n, sizeof *v);
  int64_t *whole = err_calloc(n, sizeof *whole);
  snprintf(name, sizeof name, "%s.%s", prefix, f->name);
  const int is_whole = f->kind == U32 || f->kind == U8;
  int rc = is_whole ? tensorfile_i64(tf, name, n_dims, dims, whole) : tensorfile_f64(tf, name, n_dims, dims, v);
  for (size_t i = 0; rc == 0 && i < n; i++) {
    const double x = is_whole ? (double)whole[i] : v[i];
    if (x < f->low || x > f->high)
      rc = err_set(ERR_FORMAT, "%s: %s[%zu] = %g: outside [%g, %g]", tensorfile_name(tf), name, i, x, f->low, f->high);
    else chipstate_set(f, i / columns * ld + i % columns, x);
  }
  free(whole);
  free(v);
  return rc;
}

// The memory of read noise: states and sums (4, 1 + octaves, padded columns), and of each how many reads were made and
// how many octaves are to be drawn anew.
static int visit_memory(struct tensorfile_writer *w, struct tensorfile *tf, struct chip *c, struct tile *t,
                        const char *prefix) {
  char values[2*CHIPSTATE_KEY], counts[2*CHIPSTATE_KEY];
  const int64_t dims[] = { TILE_READS, 1 + TILE_OCTAVES, t->ld }, two[] = { TILE_READS, 2 };
  const size_t n = flicker_floats(TILE_OCTAVES, t->ld);
  int64_t count[2*TILE_READS];
  snprintf(values, sizeof values, "%s.flicker", prefix);
  snprintf(counts, sizeof counts, "%s.flicker_reads", prefix);
  if (tf && !tensorfile_find(tf, values)) return 0;  // written without memory: nothing was read yet
  double *v = err_calloc(TILE_READS*n, sizeof *v);
  int rc = tf ? tensorfile_f64(tf, values, 3, dims, v) : 0;
  if (tf && rc == 0) rc = tensorfile_i64(tf, counts, 2, two, count);
  for (int k = 0; k < TILE_READS && rc == 0; k++) {
    struct flicker *f = &t->memory[k];
    if (tf && (count[2*k] < 0 || count[2*k + 1] < 0 || count[2*k + 1] > TILE_OCTAVES))
      rc = err_set(ERR_FORMAT, "%s: %s[%d]: %" PRId64 " reads, %" PRId64 " octaves", tensorfile_name(tf), counts, k,
                   count[2*k], count[2*k + 1]);
    if (tf) flicker_span(f, pcm_read_factor(&c->design.pcm, c->clock_s) / log(2));
    for (size_t i = 0; i < n && rc == 0; i++) {
      if (tf) f->sum[i] = (float)v[(size_t)k*n + i];
      else v[(size_t)k*n + i] = (double)f->sum[i];
    }
    if (tf && rc == 0) {
      f->reads = (uint64_t)count[2*k];
      f->forgotten = (int)count[2*k + 1];
    }
    count[2*k] = (int64_t)f->reads;
    count[2*k + 1] = f->forgotten;
  }
  if (w) {
    put_f32_exact(w, values, 3, dims, v, TILE_READS*n);
    tensorfile_put_i64(w, counts, 2, two, count);
  }
  free(v);
  return rc;
}

// Visit all tensors of a chip: written if w, read if tf. One list for both directions.
static int visit_tile(struct tensorfile_writer *w, struct tensorfile *tf, struct chip *c, int k) {
  struct tile *t = &c->tiles[k];
  char prefix[CHIPSTATE_KEY], name[2*CHIPSTATE_KEY];
  const size_t planes = 2 * (size_t)c->design.units, rows = (size_t)t->rows, columns = (size_t)t->columns,
               ld = (size_t)t->ld;
  const int64_t dims[] = { 2, c->design.units, t->rows, t->columns }, one = 1;
  struct chipstate_field units[CHIPSTATE_UNIT_FIELDS], per_column[N_COLUMN_FIELDS];
  const struct chipstate_field lsb = { "lsb", F64, &t->lsb, 1e-300, 1e300 };
  const struct chipstate_field least = { "lsb_least", F64, &t->lsb_least, 1e-300, 1e300 };
  snprintf(prefix, sizeof prefix, "tile.%d", k);
  chipstate_unit_fields(units, t, c);
  column_fields(per_column, t);
  for (int i = 0; i < CHIPSTATE_UNIT_FIELDS && !c->door; i++) {  // of devices behind a driver nothing is known
    if (w) put(w, prefix, &units[i], planes * rows, columns, ld, 4, dims);
    else TRY(take(tf, prefix, &units[i], planes * rows, columns, ld, 4, dims));
  }
  for (int i = 0; i < N_COLUMN_FIELDS; i++) {
    if (w) put(w, prefix, &per_column[i], 1, columns, ld, 1, dims + 3);
    else TRY(take(tf, prefix, &per_column[i], 1, columns, ld, 1, dims + 3));
  }
  if (t->memory) TRY(visit_memory(w, tf, c, t, prefix));
  if (w) put(w, prefix, &lsb, 1, 1, 1, 1, &one);
  if (w && t->lsb_least > 0) put(w, prefix, &least, 1, 1, 1, 1, &one);
  if (w) return 0;
  TRY(take(tf, prefix, &lsb, 1, 1, 1, 1, &one));
  snprintf(name, sizeof name, "%s.%s", prefix, least.name);
  return tensorfile_find(tf, name) ? take(tf, prefix, &least, 1, 1, 1, 1, &one) : 0;
}

// state: range, programmed, vectors in the sample, vectors seen, clock of the last calibration
static int visit_matrix(struct tensorfile_writer *w, struct tensorfile *tf, struct chip *c, int k, real *sample) {
  struct chip_matrix *m = &c->matrices[k];
  const size_t I = (size_t)m->base.I, O = (size_t)m->base.O, OP = (size_t)vector_padded(m->base.O),
               IP = (size_t)vector_padded(m->base.I);
  double state[5] = { m->range, m->programmed, m->n_sample, (double)m->n_seen, m->calibrated_s };
  const int64_t dims[] = { m->base.I, m->base.O }, five = 5;
  const struct chipstate_field fields[] = { { "w", REAL, m->w, -1e30, 1e30 },
                                            { "wanted", REAL, m->wanted, -1e30, 1e30 } };
  const struct chipstate_field scale = { "scale", REAL, m->scale, 1e-30, 1e30 };
  const struct chipstate_field all = { "state", F64, state, -1, CHIP_LAST_S };
  char prefix[CHIPSTATE_KEY];
  snprintf(prefix, sizeof prefix, "matrix.%d", k);
  for (int i = 0; i < 2; i++) {
    if (w) put(w, prefix, &fields[i], I, O, OP, 2, dims);
    else TRY(take(tf, prefix, &fields[i], I, O, OP, 2, dims));
  }
  const int64_t bands[] = { m->n_bands, m->base.O };
  if (w) put(w, prefix, &scale, (size_t)m->n_bands, O, OP, 2, bands);
  else TRY(take(tf, prefix, &scale, (size_t)m->n_bands, O, OP, 2, bands));
  if (w) put(w, prefix, &all, 1, 5, 5, 1, &five);
  else TRY(take(tf, prefix, &all, 1, 5, 5, 1, &five));
  if (tf && m->programmed && state[1] == 0)
    return err_set(ERR_FORMAT, "%s: %s.state: not programmed, and the chip that it is for is", tensorfile_name(tf),
                   prefix);
  if (tf && (state[0] <= 0 || state[2] < 0 || state[2] > (double)c->params.calibration_rows ||
             state[2] != floor(state[2]) || state[3] < 0 || state[4] > c->clock_s || (state[1] == 0 && state[4] >= 0)))
    return err_set(ERR_FORMAT, "%s: %s.state: range %g, %g calibration rows of %d, %g seen, calibrated at %g s of %g",
                   tensorfile_name(tf), prefix, state[0], state[2], (int)c->params.calibration_rows, state[3], state[4],
                   c->clock_s);
  m->range = state[0];
  m->programmed = state[1] > 0;
  m->n_sample = (int)state[2];
  m->n_seen = (int64_t)state[3];
  m->calibrated_s = state[4];
  const int64_t shape[] = { m->n_sample, m->base.I };
  const struct chipstate_field inputs = { "sample", REAL, sample, -1e30, 1e30 };
  if (m->n_sample == 0) return 0;
  if (w) put(w, prefix, &inputs, (size_t)m->n_sample, I, IP, 2, shape);
  return w ? 0 : take(tf, prefix, &inputs, (size_t)m->n_sample, I, IP, 2, shape);
}

static int check_counts(const struct tensorfile *tf, const struct ledger_counts *l) {
  const int64_t most = INT64_C(1) << 53;
#define X(name, help)                                                                              \
  if (l->name < 0 || l->name > most)                                                               \
    return err_set(ERR_FORMAT, "%s: chip.ledger: %s = %" PRId64 ": outside [0, 2^53]",                  \
                   tensorfile_name(tf), #name, l->name);
  LEDGER_COUNTS(X)
#undef X
  return 0;
}

// Older states have the first counts only; the others are then 0.
static int take_counts(struct tensorfile *tf, struct chip *c) {
  enum { ALL = sizeof(struct ledger_counts) / sizeof(int64_t) };
  int64_t *to = (int64_t *)(void *)c->ledger.core;
  const int64_t first[] = { c->n_cores, LEDGER_FIRST_COUNTS }, all[] = { c->n_cores, ALL };
  memset(c->ledger.core, 0, sizeof c->ledger.core);
  if (tensorfile_i64(tf, "chip.ledger", 2, first, to) < 0) return tensorfile_i64(tf, "chip.ledger", 2, all, to);
  for (int64_t i = c->n_cores * LEDGER_FIRST_COUNTS; i-- > 0;) {
    const int64_t at = i / LEDGER_FIRST_COUNTS * ALL + i % LEDGER_FIRST_COUNTS, count = to[i];
    to[i] = 0;
    to[at] = count;
  }
  return 0;
}

static int visit_chip(struct tensorfile_writer *w, struct tensorfile *tf, struct chip *c) {
  uint64_t words[N_RNG];
  double clock = c->clock_s;
  const int64_t n_words = N_RNG;
  const int64_t dims[] = { c->n_cores, sizeof(struct ledger_counts) / sizeof(int64_t) }, one = 1;
  const struct chipstate_field times = { "clock", F64, &clock, 0, CHIP_LAST_S };
  uint32_t state[RNG_WORDS];
  rng_words(state, &c->rng);
  for (int i = 0; i < N_RNG; i++) words[i] = state[i];
  if (w) {
    put(w, "chip", &times, 1, 1, 1, 1, &one);
    tensorfile_put_u64(w, "chip.rng", 1, &n_words, words);
    tensorfile_put_i64(w, "chip.ledger", 2, dims, (const int64_t *)(const void *)c->ledger.core);
    tensorfile_put_i64(w, "chip.most_writes", 1, &one, &c->ledger.most_writes);
    return 0;
  }
  TRY(take(tf, "chip", &times, 1, 1, 1, 1, &one));
  TRY(tensorfile_u64(tf, "chip.rng", 1, &n_words, words));
  TRY(take_counts(tf, c));
  TRY(tensorfile_i64(tf, "chip.most_writes", 1, &one, &c->ledger.most_writes));
  for (int k = 0; k < c->n_cores; k++) TRY(check_counts(tf, &c->ledger.core[k]));
  if (words[N_RNG - 1] > 4)
    return err_set(ERR_FORMAT, "%s: chip.rng[10] = %" PRIu64 ": not a chip's", tensorfile_name(tf), words[N_RNG - 1]);
  for (int i = 0; i < N_RNG; i++) state[i] = (uint32_t)words[i];
  rng_from_words(&c->rng, state);
  c->clock_s = clock;
  return 0;
}

void chipstate_put(const struct chip *c, struct tensorfile_writer *w) {
  struct chip *all = chip_clone(c);  // the visitors take a chip they could change
  all->ledger = c->ledger;
  put_identity(w, c);
  visit_chip(w, NULL, all);
  for (int k = 0; k < c->n_pieces; k++) visit_tile(w, NULL, all, k);
  for (int m = 0; m < c->n_matrices; m++) visit_matrix(w, NULL, all, m, c->matrices[m].sample);
  chip_free(all);
}

int chipstate_save(const struct chip *c, const char *path) {
  struct tensorfile_writer *w = tensorfile_create(path);
  format_put(w, "metaxbar chip state");
  chipstate_put(c, w);
  return tensorfile_commit(w);
}

static int load_all(struct chip *c, struct tensorfile *tf, real **samples) {
  TRY(check_identity(tf, c));
  TRY(visit_chip(NULL, tf, c));
  for (int k = 0; k < c->n_pieces; k++) {
    TRY(visit_tile(NULL, tf, c, k));
    c->tiles[k].settled_s = c->clock_s;
  }
  for (int m = 0; m < c->n_matrices; m++) TRY(visit_matrix(NULL, tf, c, m, samples[m]));
  return c->backend->resume(c);
}

static size_t sample_size(const struct chip *c, int m) {
  return (size_t)c->params.calibration_rows * (size_t)vector_padded(c->matrices[m].base.I) * sizeof(real);
}

int chipstate_take(struct chip *c, struct tensorfile *tf) {
  assert(!c->origin && c->tiles);
  struct chip *fresh = chip_clone(c);
  real **samples = err_calloc((size_t)c->n_matrices, sizeof *samples);
  for (int m = 0; m < c->n_matrices; m++) samples[m] = err_calloc(1, sample_size(c, m));
  fresh->ledger = c->ledger;
  const int rc = load_all(fresh, tf, samples);
  if (rc == 0) chip_adopt(c, fresh);
  for (int m = 0; m < c->n_matrices; m++) {
    if (rc == 0) memcpy(c->matrices[m].sample, samples[m], sample_size(c, m));
    free(samples[m]);
  }
  free(samples);
  chip_free(fresh);
  return rc;
}

static int load(struct chip *c, struct tensorfile *tf) {
  int rc = format_check(tf, "metaxbar chip state");
  if (rc == 0) rc = chipstate_take(c, tf);
  tensorfile_close(tf);
  return rc;
}

int chipstate_load(struct chip *c, const char *path) {
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, path));
  return load(c, tf);
}

static int ends_in(const char *path, const char *wanted) {
  const char *ending = strrchr(path, '.');
  return ending && !strcmp(ending, wanted);
}

bool chipstate_is_csv(const char *path) { return ends_in(path, ".csv"); }

int chipstate_check_path(const char *setting, const char *path) {
  if (chipstate_is_csv(path) || ends_in(path, ".safetensors") || ends_in(path, ".npz")) return 0;
  return err_set(ERR_SETTING, "%s%s: the state of a chip must end in .safetensors, .npz or .csv", setting, path);
}

int chipstate_read(struct chip *c, const char *path) {
  TRY(chipstate_check_path("", path));
  return chipstate_is_csv(path) ? chipstate_load_csv(c, path) : chipstate_load(c, path);
}

int chipstate_write(const struct chip *c, const char *path) {
  TRY(chipstate_check_path("", path));
  return chipstate_is_csv(path) ? chipstate_save_csv(c, path) : chipstate_save(c, path);
}

int chipstate_load_stream(struct chip *c, FILE *stream, const char *name) {
  struct tensorfile *tf;
  TRY(tensorfile_open_stream(&tf, stream, name));
  return load(c, tf);
}
