#include "chip/chipstate.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/format.h"
#include "base/tensorfile.h"
#include "chip/chip_private.h"
#include "base/vector.h"

enum { NAME = 64, CHECKSUM = 17, N_RNG = RNG_WORDS, MAX_CSV = 1 << 30 };

// ---- which chip it is

#define IDENTITY(X)                                                                                \
  X("chip.device", "%s", c->design.pcm.name)                                                       \
  X("chip.constants", "%.17g uS %.17g s %.17g s", c->design.pcm.g_max_uS, c->design.pcm.t0_s, c->design.pcm.t_read_s) \
  X("chip.cell", "2 x %d units of %d", c->design.units, c->design.pcm.devices)                     \
  X("chip.core", "%d x %d", (int)c->params.rows, (int)c->params.columns)                           \
  X("chip.converters", "%d bits in, %d bits out, %d phases", (int)c->params.dac_bits,              \
    (int)c->params.adc_bits, (int)c->params.phases)                                                \
  X("chip.matrices", "%d", c->n_matrices)

static void matrix_text(char text[256], const struct chip_matrix *m) {
  snprintf(text, 256, "%s %d x %d", m->name, m->base.I, m->base.O);
}

static void weights_text(char key[NAME], char text[CHECKSUM], const struct chip *c, int m) {
  snprintf(key, NAME, "chip.matrix.%d.weights", m);
  snprintf(text, CHECKSUM, "%016" PRIx64, c->matrices[m].checksum);
}

static void put_identity(struct tensorfile_writer *w, const struct chip *c) {
  char text[256], key[NAME];
#define X(name, ...)                                                                               \
  snprintf(text, sizeof text, __VA_ARGS__);                                                        \
  tensorfile_put_text(w, name, text);
  IDENTITY(X)
#undef X
  for (int m = 0; m < c->n_matrices; m++) {
    snprintf(key, sizeof key, "chip.matrix.%d", m);
    matrix_text(text, &c->matrices[m]);
    tensorfile_put_text(w, key, text);
    weights_text(key, text, c, m);
    tensorfile_put_text(w, key, text);
  }
}

static int compare(const char *file, const char *key, const char *found, const char *expected) {
  if (!strcmp(found, expected)) return 0;
  return err_set(ERR_FORMAT, "%s: state of another chip: %s is %s, here %s", file, key, found, expected);
}

static int check(const struct tensorfile *tf, const char *key, const char *expected) {
  const char *found = tensorfile_metadata(tf, key);
  if (!found) return err_set(ERR_FORMAT, "%s: %s missing: not the state of a chip", tensorfile_name(tf), key);
  return compare(tensorfile_name(tf), key, found, expected);
}

// The weights that a file found matrix m written with are those of the model, or taken over where none are written yet.
static int take_weights(struct chip *c, int m, const char *file, const char *found) {
  char key[NAME], expected[CHECKSUM];
  struct chip_matrix *x = &c->matrices[m];
  weights_text(key, expected, c, m);
  if (strlen(found) != CHECKSUM - 1 || strspn(found, "0123456789abcdef") != CHECKSUM - 1)
    return err_set(ERR_FORMAT, "%s: %s=%s: must be %d hexadecimal digits", file, key, found, CHECKSUM - 1);
  if (x->programmed && strcmp(found, expected))
    return err_set(ERR_FORMAT, "%s: state of another model: %s, the checksum of matrix %s, is %s, here %s", file, key,
                   x->name, found, expected);
  x->checksum = strtoull(found, NULL, 16);
  return 0;
}

static int check_identity(const struct tensorfile *tf, struct chip *c) {
  char text[256], key[NAME];
#define X(name, ...)                                                                               \
  snprintf(text, sizeof text, __VA_ARGS__);                                                        \
  TRY(check(tf, name, text));
  IDENTITY(X)
#undef X
  for (int m = 0; m < c->n_matrices; m++) {
    snprintf(key, sizeof key, "chip.matrix.%d", m);
    matrix_text(text, &c->matrices[m]);
    TRY(check(tf, key, text));
    weights_text(key, text, c, m);
    const char *found = tensorfile_metadata(tf, key);
    if (!found)
      return err_set(ERR_FORMAT, "%s: %s missing: unknown which model's state this is", tensorfile_name(tf),
                     key);
    TRY(take_weights(c, m, tensorfile_name(tf), found));
  }
  return 0;
}

// ---- arrays: every one travels as double, which holds float, uint32 and uint8 exactly

enum kind { F32, F64, U32, U8, REAL };

struct field {
  const char *name;
  enum kind kind;
  void *data;
  double low, high;  // what a file may hold
};

static double get(const struct field *f, size_t i) {
  switch (f->kind) {
  case F32: return (double)((float *)f->data)[i];
  case F64: return ((double *)f->data)[i];
  case U32: return ((uint32_t *)f->data)[i];
  case U8: return ((uint8_t *)f->data)[i];
  case REAL: break;
  }
  return (double)((real *)f->data)[i];
}

static void set(const struct field *f, size_t i, double v) {
  switch (f->kind) {
  case F32: ((float *)f->data)[i] = (float)v; break;
  case F64: ((double *)f->data)[i] = v; break;
  case U32: ((uint32_t *)f->data)[i] = (uint32_t)v; break;
  case U8: ((uint8_t *)f->data)[i] = (uint8_t)v; break;
  case REAL: ((real *)f->data)[i] = (real)v; break;
  }
}

enum { N_UNIT_FIELDS = 8, N_COLUMN_FIELDS = 4 };

static void unit_fields(struct field f[N_UNIT_FIELDS], const struct tile *t, const struct chip *c) {
  const double much = 1e9, clock_s = c->clock_s, most_uS = c->design.pcm.g_max_uS*(1 + 1e-6);  // float
  const struct field all[N_UNIT_FIELDS] = {
    { "target_uS", F32, t->target_uS, 0, most_uS }, { "g_uS", F32, t->g_uS, 0, much }, { "nu", F32, t->nu, -100, 100 },
    { "q", F32, t->q, 0, 1e6 }, { "stuck_uS", F32, t->stuck_uS, 0, much },
    { "written_s", F64, t->written_s, 0, clock_s },
    { "writes", U32, t->writes, 0, UINT32_MAX }, { "fault", U8, t->fault, 0, 15 },
  };
  memcpy(f, all, sizeof all);
}

static void column_fields(struct field f[N_COLUMN_FIELDS], const struct tile *t) {
  const struct field all[N_COLUMN_FIELDS] = {
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
static void put(struct tensorfile_writer *w, const char *prefix, const struct field *f, size_t rows, size_t columns,
                size_t ld, int n_dims, const int64_t *dims) {
  char name[2*NAME];
  double *v = err_calloc(rows * columns, sizeof *v);
  snprintf(name, sizeof name, "%s.%s", prefix, f->name);
  for (size_t i = 0; i < rows; i++)
    for (size_t o = 0; o < columns; o++) v[i*columns + o] = get(f, i*ld + o);
  const int narrow = f->kind == F32 || (f->kind == REAL && sizeof(real) == sizeof(float));
  if (narrow) put_f32_exact(w, name, n_dims, dims, v, rows*columns);
  else if (f->kind == U32 || f->kind == U8) put_whole(w, name, n_dims, dims, v, rows*columns);
  else tensorfile_put_f64(w, name, n_dims, dims, v);
  free(v);
}

static int take(struct tensorfile *tf, const char *prefix, const struct field *f, size_t rows, size_t columns,
                size_t ld, int n_dims, const int64_t *dims) {
  char name[2*NAME];
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
    else set(f, i / columns * ld + i % columns, x);
  }
  free(whole);
  free(v);
  return rc;
}

// The memory of read noise: states and sums (4, 1 + octaves, padded columns), and of each how many reads were made and
// how many octaves are to be drawn anew.
static int visit_memory(struct tensorfile_writer *w, struct tensorfile *tf, struct chip *c, struct tile *t,
                        const char *prefix) {
  char values[2*NAME], counts[2*NAME];
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
  char prefix[NAME], name[2*NAME];
  const size_t planes = 2 * (size_t)c->design.units, rows = (size_t)t->rows, columns = (size_t)t->columns,
               ld = (size_t)t->ld;
  const int64_t dims[] = { 2, c->design.units, t->rows, t->columns }, one = 1;
  struct field units[N_UNIT_FIELDS], per_column[N_COLUMN_FIELDS];
  const struct field lsb = { "lsb", F64, &t->lsb, 1e-300, 1e300 };
  const struct field least = { "lsb_least", F64, &t->lsb_least, 1e-300, 1e300 };
  snprintf(prefix, sizeof prefix, "tile.%d", k);
  unit_fields(units, t, c);
  column_fields(per_column, t);
  for (int i = 0; i < N_UNIT_FIELDS && !c->door; i++) {  // of devices behind a driver nothing is known
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
  const struct field fields[] = { { "w", REAL, m->w, -1e30, 1e30 }, { "wanted", REAL, m->wanted, -1e30, 1e30 } };
  const struct field scale = { "scale", REAL, m->scale, 1e-30, 1e30 }, all = { "state", F64, state, -1, 1e18 };
  char prefix[NAME];
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
  const struct field inputs = { "sample", REAL, sample, -1e30, 1e30 };
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
  const struct field times = { "clock", F64, &clock, 0, 1e18 };
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

int chipstate_save(const struct chip *c, const char *path) {
  struct tensorfile_writer *w = tensorfile_create(path);
  struct chip *all = chip_clone(c);  // the visitors take a chip they could change
  all->ledger = c->ledger;
  format_put(w, "metaxbar chip state");
  put_identity(w, c);
  visit_chip(w, NULL, all);
  for (int k = 0; k < c->n_pieces; k++) visit_tile(w, NULL, all, k);
  for (int m = 0; m < c->n_matrices; m++) visit_matrix(w, NULL, all, m, c->matrices[m].sample);
  chip_free(all);
  return tensorfile_commit(w);
}

static int load_all(struct chip *c, struct tensorfile *tf, real **samples) {
  TRY(format_check(tf, "metaxbar chip state"));
  TRY(check_identity(tf, c));
  TRY(visit_chip(NULL, tf, c));
  for (int k = 0; k < c->n_pieces; k++) {
    TRY(visit_tile(NULL, tf, c, k));
    c->tiles[k].settled_s = c->clock_s;
  }
  for (int m = 0; m < c->n_matrices; m++) TRY(visit_matrix(NULL, tf, c, m, samples[m]));
  if (!c->door) return c->backend->wait(c, c->clock_s);
  c->door->offset_s = c->clock_s - c->door->now_s;
  return 0;
}

static size_t sample_size(const struct chip *c, int m) {
  return (size_t)c->params.calibration_rows * (size_t)vector_padded(c->matrices[m].base.I) * sizeof(real);
}

static int load(struct chip *c, struct tensorfile *tf) {
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
  if (chipstate_is_csv(path) || ends_in(path, ".safetensors")) return 0;
  return err_set(ERR_SETTING, "%s%s: the state of a chip must end in .safetensors or .csv", setting, path);
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

// ---- CSV

#define CSV_HEADER "matrix,row,column,sign,unit,target_uS,g_uS,nu,q,stuck_uS,written_s,writes,fault"

static void save_tile(const struct chip *c, int k, FILE *out) {
  const struct tile *t = &c->tiles[k];
  const struct floorplan_piece *p = &c->pieces[k];
  struct field f[N_UNIT_FIELDS];
  unit_fields(f, t, c);
  for (int plane = 0; plane < 2*c->design.units; plane++)
    for (int i = 0; i < t->rows; i++)
      for (int o = 0; o < t->columns; o++) {
        const size_t u = (size_t)plane * tile_plane(t) + (size_t)i * (size_t)t->ld + (size_t)o;
        fprintf(out, "%s,%d,%d,%c,%d", c->matrices[p->matrix].name, p->row + i, p->column + o,
                plane < c->design.units ? '+' : '-', plane % c->design.units);
        for (int n = 0; n < N_UNIT_FIELDS; n++) fprintf(out, ",%.*g", f[n].kind == F32 ? 9 : 17, get(&f[n], u));
        fputc('\n', out);
      }
}

static int check_csv(const struct chip *c, const char *path) {
  if (!c->door) return 0;
  return err_set(ERR_SETTING, "%s: a table lists simulated devices; chip.driver does not tell its own", path);
}

int chipstate_save_csv(const struct chip *c, const char *path) {
  struct file_out out;
  TRY(check_csv(c, path));
  TRY(file_out_open(&out, path));
  fprintf(out.stream, "# clock_s=%.17g\n", c->clock_s);
#define X(name, ...)                                                                               \
  fprintf(out.stream, "# " name "=");                                                              \
  fprintf(out.stream, __VA_ARGS__);                                                                \
  fputc('\n', out.stream);
  IDENTITY(X)
#undef X
  for (int m = 0; m < c->n_matrices; m++) {
    char key[NAME], text[CHECKSUM];
    weights_text(key, text, c, m);
    fprintf(out.stream, "# %s=%s\n", key, text);
  }
  fputs(CSV_HEADER "\n", out.stream);
  for (int k = 0; k < c->n_pieces; k++) save_tile(c, k, out.stream);
  return file_out_commit(&out);
}

struct csv {
  const char *at, *end, *name;
  int line;
};

// Take the next line; text holds at most size - 1 characters. 0 at the end.
static int next_line(struct csv *f, char *text, size_t size, int *found) {
  *found = f->at < f->end;
  if (!*found) return 0;
  const char *stop = memchr(f->at, '\n', (size_t)(f->end - f->at));
  if (!stop) stop = f->end;
  const size_t length = (size_t)(stop - f->at);
  f->line++;
  if (length >= size) return err_set(ERR_FORMAT, "%s:%d: line longer than %zu characters", f->name, f->line, size - 1);
  memcpy(text, f->at, length);
  text[length] = 0;
  f->at = stop < f->end ? stop + 1 : f->end;
  if (length > 0 && text[length - 1] == '\r') text[length - 1] = 0;
  return 0;
}

// One comma-separated field, in place; NULL when there is none left.
static char *cell(char **at) {
  char *start = *at;
  if (!start) return NULL;
  char *comma = strchr(start, ',');
  if (comma) *comma = 0;
  *at = comma ? comma + 1 : NULL;
  return start;
}

static int number(const struct csv *f, char **at, const char *what, double low, double high, double *v) {
  const char *text = cell(at);
  char *end;
  if (!text) return err_set(ERR_FORMAT, "%s:%d: %s missing", f->name, f->line, what);
  *v = strtod(text, &end);
  if (end == text || *end || !(*v >= low && *v <= high))
    return err_set(ERR_FORMAT, "%s:%d: %s=%s: must be a number in [%g, %g]", f->name, f->line, what, text, low, high);
  return 0;
}

// The tile and unit that a line is about; *tile is that of the line before, from where both are looked for.
static int locate(const struct csv *f, char **at, const struct chip *c, int *tile, size_t *unit) {
  const char *name = cell(at);
  double row, column, u;
  const int last = c->pieces[*tile].matrix;
  int skipped = 0;
  while (skipped < c->n_matrices && strcmp(c->matrices[(last + skipped) % c->n_matrices].name, name)) skipped++;
  const int m = (last + skipped) % c->n_matrices, first = c->matrices[m].first, n_tiles = c->matrices[m].n_tiles;
  if (skipped == c->n_matrices)
    return err_set(ERR_FORMAT, "%s:%d: matrix=%s: not on this chip", f->name, f->line, name);
  TRY(number(f, at, "row", 0, c->matrices[m].base.I - 1, &row));
  TRY(number(f, at, "column", 0, c->matrices[m].base.O - 1, &column));
  const char *sign = cell(at);
  if (!sign || (strcmp(sign, "+") && strcmp(sign, "-")))
    return err_set(ERR_FORMAT, "%s:%d: sign: must be + or -", f->name, f->line);
  const int minus = *sign == '-';
  TRY(number(f, at, "unit", 0, c->design.units - 1, &u));
  for (int t = 0, from = m == last ? *tile - first : 0; t < n_tiles; t++) {
    const int k = first + (from + t) % n_tiles;
    const struct floorplan_piece *p = &c->pieces[k];
    const int i = (int)row - p->row, o = (int)column - p->column;
    if (i < 0 || o < 0 || i >= p->rows || o >= p->columns) continue;
    *tile = k;
    *unit = (size_t)(minus*c->design.units + (int)u) * tile_plane(&c->tiles[k]) + (size_t)i * (size_t)c->tiles[k].ld +
            (size_t)o;
    return 0;
  }
  return err_set(ERR_FORMAT, "%s:%d: row=%g, column=%g: outside the matrix", f->name, f->line, row, column);
}

static int load_line(const struct csv *f, char *text, struct chip *c, uint8_t **seen, int *tile) {
  struct field fields[N_UNIT_FIELDS];
  size_t u = 0;
  char *at = text;
  TRY(locate(f, &at, c, tile, &u));
  const int k = *tile;
  if (seen[k][u]++) return err_set(ERR_FORMAT, "%s:%d: this unit is listed twice", f->name, f->line);
  unit_fields(fields, &c->tiles[k], c);
  for (int n = 0; n < N_UNIT_FIELDS; n++) {
    double v;
    TRY(number(f, &at, fields[n].name, fields[n].low, fields[n].high, &v));
    set(&fields[n], u, v);
  }
  return at ? err_set(ERR_FORMAT, "%s:%d: more than %d fields", f->name, f->line, 5 + N_UNIT_FIELDS) : 0;
}

// A line "# key=value" that says which chip this was, and with which weights; none need be there.
static int check_line(const struct csv *f, char *text, struct chip *c) {
  char expected[256], own[NAME], *key = text + 2, *value = strchr(text, '=');
  if (!value) return err_set(ERR_FORMAT, "%s:%d: must be # key=value", f->name, f->line);
  *value++ = 0;
#define X(property, ...)                                                                               \
  if (!strcmp(key, property)) {                                                                        \
    snprintf(expected, sizeof expected, __VA_ARGS__);                                              \
    return compare(f->name, key, value, expected);                                                 \
  }
  IDENTITY(X)
#undef X
  const long m = strncmp(key, "chip.matrix.", 12) ? -1 : strtol(key + 12, NULL, 10);
  if (m >= 0 && m < c->n_matrices) {
    weights_text(own, expected, c, (int)m);
    if (!strcmp(key, own)) return take_weights(c, (int)m, f->name, value);
  }
  return err_set(ERR_FORMAT, "%s:%d: %s: no such property of a chip", f->name, f->line, key);
}

static int load_lines(struct csv *f, struct chip *c, uint8_t **seen) {
  char text[512];
  int found;
  double clock_s;
  TRY(next_line(f, text, sizeof text, &found));
  char *at = text + 10;
  if (!found || strncmp(text, "# clock_s=", 10))
    return err_set(ERR_FORMAT, "%s: must begin with # clock_s=SECONDS", f->name);
  TRY(number(f, &at, "clock_s", 0, 1e18, &clock_s));
  c->clock_s = clock_s;
  for (int m = 0; m < c->n_matrices; m++) c->matrices[m].calibrated_s = fmin(c->matrices[m].calibrated_s, clock_s);
  TRY(next_line(f, text, sizeof text, &found));
  while (found && !strncmp(text, "# ", 2)) {
    TRY(check_line(f, text, c));
    TRY(next_line(f, text, sizeof text, &found));
  }
  if (!found || strcmp(text, CSV_HEADER))
    return err_set(ERR_FORMAT, "%s:%d: after the lines that begin with # must come " CSV_HEADER, f->name, f->line);
  long n = 0, all = 0;
  int tile = 0;
  for (;; n++) {
    TRY(next_line(f, text, sizeof text, &found));
    if (!found) break;
    TRY(load_line(f, text, c, seen, &tile));
  }
  for (int k = 0; k < c->n_pieces; k++) all += 2L * c->design.units * c->tiles[k].rows * c->tiles[k].columns;
  if (n != all) return err_set(ERR_FORMAT, "%s: %ld units, this chip has %ld", f->name, n, all);
  for (int k = 0; k < c->n_pieces; k++) tile_settle(&c->tiles[k], &c->design, c->clock_s);
  return 0;
}

int chipstate_parse_csv(void *chip, const char *text, size_t size, const char *name) {
  struct chip *c = chip;
  assert(!c->origin && c->tiles);
  struct chip *fresh = chip_clone(c);
  uint8_t **seen = err_calloc((size_t)c->n_pieces, sizeof *seen);
  for (int k = 0; k < c->n_pieces; k++) seen[k] = err_calloc(tile_units(&c->tiles[k], &c->design), 1);
  fresh->ledger = c->ledger;
  const int rc = load_lines(&(struct csv){ text, text + size, name, 0 }, fresh, seen);
  if (rc == 0) chip_adopt(c, fresh);
  for (int k = 0; k < c->n_pieces; k++) free(seen[k]);
  free(seen);
  chip_free(fresh);
  return rc;
}

int chipstate_load_csv(struct chip *c, const char *path) {
  TRY(check_csv(c, path));
  return file_parse(path, MAX_CSV, chipstate_parse_csv, c);
}
