#include "base/tensorfile.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/note.h"
#include "base/npz.h"
#include "base/tensorsum.h"
#include "base/tensortype.h"
#include "base/text.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "safetensors are little endian");

enum { MAX_NAME = 255, HEADER_LIMIT = 100 << 20 };  // the limit of the format's own library

// ---- reading the header

struct tensorfile {
  FILE *stream;
  char *name;                        // path, for messages
  struct json_t *header;             // owns all names and texts
  struct json_t *metadata;           // inside header; NULL: none
  struct tensorsum_text *texts;      // the same in file order
  struct tensorfile_entry *entries;  // by offset
  struct tensorfile_entry **named;   // the same by name
  bool *read;                        // (n_entries) has somebody read its values?
  int n_entries, n_metadata;
  int64_t size;  // of the file
};

static bool printable(const char *text) { return strlen(text) <= MAX_NAME && text_is_plain(text); }

static int parse_shape(struct tensorfile_entry *e, const struct json_t *tensor, const char *where) {
  struct json_t *shape;
  TRY(json_field_array(tensor, where, "shape", &shape));
  if (json_length(shape) > TENSORFILE_MAX_DIMS)
    return err_set(ERR_FORMAT, "%s: %zu dimensions, at most %d are read", where, json_length(shape),
                   TENSORFILE_MAX_DIMS);
  e->n_dims = (int)json_length(shape);
  e->n_values = 1;
  for (int d = 0; d < e->n_dims; d++) {
    TRY(json_item_i64(shape, where, (size_t)d, 0, INT64_MAX, &e->dims[d]));
    if (__builtin_mul_overflow(e->n_values, e->dims[d], &e->n_values))
      return err_set(ERR_FORMAT, "%s: shape holds more than 2^63 values", where);
  }
  return 0;
}

static int parse_dtype(struct tensorfile_entry *e, const struct json_t *tensor, const char *where) {
  const char *dtype;
  TRY(json_field_text(tensor, where, "dtype", &dtype));
  int k = 0;
  while (k < TENSORTYPE_COUNT && strcmp(dtype, tensortype_names[k])) k++;
  if (k == TENSORTYPE_COUNT)
    return err_set(ERR_FORMAT, "%s: unknown dtype '%.20s'", where, printable(dtype) ? dtype : "?");
  e->dtype = (enum tensorfile_dtype)k;
  return 0;
}

// One tensor of the header; its data must lie within the `room` bytes after `start`.
static int parse_entry(struct tensorfile_entry *e, const struct json_t *tensor, int64_t start, int64_t room,
                       const char *where) {
  struct json_t *offsets;
  int64_t begin, end, bytes;
  TRY(parse_dtype(e, tensor, where));
  TRY(parse_shape(e, tensor, where));
  TRY(json_field_array(tensor, where, "data_offsets", &offsets));
  if (json_length(offsets) != 2) return err_set(ERR_FORMAT, "%s: data_offsets must be 2 numbers", where);
  TRY(json_item_i64(offsets, where, 0, 0, room, &begin));
  TRY(json_item_i64(offsets, where, 1, INT64_MIN, INT64_MAX, &end));
  if (end > room)
    return err_set(ERR_FORMAT, "%s: ends at byte %" PRId64 " of the data, but the file has only %" PRId64, where, end,
                   room);
  TRY(json_item_i64(offsets, where, 1, begin, room, &end));
  if (__builtin_mul_overflow(e->n_values, tensortype_sizes[e->dtype], &bytes) || bytes != end - begin)
    return err_set(ERR_FORMAT, "%s: %" PRId64 " bytes do not hold %" PRId64 " values of %s", where, end - begin,
                   e->n_values, tensortype_names[e->dtype]);
  e->offset = start + begin;
  return 0;
}

static int64_t entry_end(const struct tensorfile_entry *e) {
  return e->offset + e->n_values * tensortype_sizes[e->dtype];
}

static int by_offset(const void *a, const void *b) {
  const struct tensorfile_entry *x = a, *y = b;
  if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
  return (entry_end(x) > entry_end(y)) - (entry_end(x) < entry_end(y));  // empty ones first
}

static int by_name(const void *a, const void *b) {
  return strcmp((*(struct tensorfile_entry *const *)a)->name, (*(struct tensorfile_entry *const *)b)->name);
}

static int parse_metadata(struct tensorfile *tf, struct json_t *metadata) {
  void *at = NULL;
  const char *key, *text;
  TRY(json_field_object(tf->header, tf->name, "__metadata__", &tf->metadata));
  tf->texts = err_calloc(json_length(metadata), sizeof *tf->texts);
  for (struct json_t *v; (v = json_next(metadata, &at, &key));) {
    if (!printable(key) || !json_is_text(v, &text))
      return err_set(ERR_FORMAT, "%s: __metadata__ '%.40s' is not a text", tf->name, printable(key) ? key : "?");
    tf->texts[tf->n_metadata++] = (struct tensorsum_text){ key, text };
  }
  return 0;
}

static int parse_header(struct tensorfile *tf, int64_t start) {
  const int64_t room = tf->size - start;
  int n = 0;
  void *at = NULL;
  const char *name;
  struct json_t *v;
  while (json_next(tf->header, &at, &name)) n++;
  tf->entries = err_calloc((size_t)n, sizeof *tf->entries);
  tf->read = err_calloc((size_t)n + 1, sizeof *tf->read);
  while ((v = json_next(tf->header, &at, &name))) {
    if (!strcmp(name, "__metadata__")) {
      TRY(parse_metadata(tf, v));
      continue;
    }
    if (!printable(name))
      return err_set(ERR_FORMAT, "%s: a tensor's name is too long or has control characters", tf->name);
    char where[FILE_PATH_SIZE];
    snprintf(where, sizeof where, "%.3000s: tensor '%s'", tf->name, name);
    struct tensorfile_entry *e = &tf->entries[tf->n_entries++];
    e->name = name;
    TRY(parse_entry(e, v, start, room, where));
  }
  qsort(tf->entries, (size_t)tf->n_entries, sizeof *tf->entries, by_offset);
  for (int i = 0; i < tf->n_entries; i++) {
    const struct tensorfile_entry *e = &tf->entries[i];
    if (e->offset != start)
      return err_set(ERR_FORMAT, "%s: tensor '%s': data %s", tf->name, e->name,
                     e->offset < start ? "overlaps another tensor's" : "begins after a hole");
    start = entry_end(e);
  }
  if (start != tf->size)
    return err_set(ERR_FORMAT, "%s: %" PRId64 " bytes after the last tensor", tf->name, tf->size - start);
  tf->named = err_calloc((size_t)tf->n_entries, sizeof *tf->named);
  for (int i = 0; i < tf->n_entries; i++) tf->named[i] = &tf->entries[i];
  qsort(tf->named, (size_t)tf->n_entries, sizeof *tf->named, by_name);
  return 0;
}

static int read_header(struct tensorfile *tf) {
  uint64_t n;
  if (fseeko(tf->stream, 0, SEEK_END) || (tf->size = ftello(tf->stream)) < 0 || fseeko(tf->stream, 0, SEEK_SET))
    return err_set(ERR_IO, "%s: %s", tf->name, strerror(errno));
  if (tf->size < 10)
    return err_set(ERR_FORMAT, "%s: not a safetensors file: only %" PRId64 " bytes", tf->name, tf->size);
  // a folder, for example
  if (fread(&n, sizeof n, 1, tf->stream) != 1) return err_set(ERR_IO, "%s: %s", tf->name, strerror(errno));
  if (n > (uint64_t)tf->size - 8 || n > HEADER_LIMIT)
    return err_set(ERR_FORMAT,
                   "%s: not a safetensors file, or cut off: a header of %" PRIu64 " bytes in a file of %" PRId64,
                   tf->name, n, tf->size);
  char *text = err_calloc(n + 1, 1);
  int rc = fread(text, 1, n, tf->stream) == n ? 0 : err_set(ERR_IO, "%s: cannot read the header", tf->name);
  if (!rc && text[0] != '{')
    rc = err_set(ERR_FORMAT, "%s: not a safetensors file: the header is no JSON object", tf->name);
  char where[FILE_PATH_SIZE];
  snprintf(where, sizeof where, "%.3000s: header", tf->name);
  if (!rc) rc = json_parse(&tf->header, text, n, where);
  free(text);
  TRY(rc);
  return parse_header(tf, 8 + (int64_t)n);
}

// All data, through the sum that the metadata states; files without one are taken as they are.
static int check_sum(struct tensorfile *tf) {
  unsigned char chunk[16384];
  char text[TENSORSUM_SIZE];
  uint64_t sum = tensorsum_texts(tf->texts, tf->n_metadata);
  const char *stated = tensorfile_metadata(tf, TENSORSUM_KEY);
  for (int i = 0; stated && i < tf->n_entries; i++) {
    const struct tensorfile_entry *e = tf->named[i];
    sum = tensorsum_head(sum, e, tensortype_names[e->dtype]);
    if (fseeko(tf->stream, e->offset, SEEK_SET)) return err_set(ERR_IO, "%s: %s", tf->name, strerror(errno));
    for (size_t left = (size_t)(entry_end(e) - e->offset), n; left > 0; left -= n) {
      n = left < sizeof chunk ? left : sizeof chunk;
      if (fread(chunk, 1, n, tf->stream) != n)
        return err_set(ERR_IO, "%s: tensor '%s': cannot read", tf->name, e->name);
      sum = checksum_bytes(sum, chunk, n);
    }
  }
  tensorsum_print(text, sum);
  if (!stated || !strcmp(stated, text)) return 0;
  return err_set(ERR_FORMAT, "%s: damaged, or changed by another program: the " TENSORSUM_KEY " is %s, not %s",
                 tf->name, text, stated);
}

int tensorfile_open_stream(struct tensorfile **out, FILE *stream, const char *name) {
  struct tensorfile *tf = err_calloc(1, sizeof *tf);
  tf->stream = stream;
  tf->name = err_strdup(name);
  int rc = read_header(tf);
  if (!rc) rc = check_sum(tf);
  if (rc) tensorfile_close(tf);
  *out = rc ? NULL : tf;
  return rc;
}

int tensorfile_open(struct tensorfile **tf, const char *path) {
  FILE *f;
  *tf = NULL;
  if (npz_is_name(path)) {
    TRY(npz_read(&f, path));
    return tensorfile_open_stream(tf, f, path);
  }
  TRY(file_refuse_pipe(path));
  f = fopen(path, "rbe");
  return f ? tensorfile_open_stream(tf, f, path) : err_set(ERR_IO, "%s: %s", path, strerror(errno));
}

void tensorfile_close(struct tensorfile *tf) {
  if (!tf) return;
  fclose(tf->stream);
  json_release(tf->header);
  free(tf->texts);
  free(tf->entries);
  free(tf->read);
  free(tf->named);
  free(tf->name);
  free(tf);
}

const char *tensorfile_name(const struct tensorfile *tf) { return tf->name; }
int tensorfile_count(const struct tensorfile *tf) { return tf->n_entries; }

const struct tensorfile_entry *tensorfile_at(const struct tensorfile *tf, int i) {
  assert(i >= 0 && i < tf->n_entries);
  return &tf->entries[i];
}

const struct tensorfile_entry *tensorfile_find(const struct tensorfile *tf, const char *name) {
  const struct tensorfile_entry wanted = { .name = name }, *key = &wanted;
  struct tensorfile_entry **found = bsearch(&key, tf->named, (size_t)tf->n_entries, sizeof *tf->named, by_name);
  return found ? *found : NULL;
}

int tensorfile_metadata_count(const struct tensorfile *tf) { return tf->n_metadata; }

const char *tensorfile_metadata_at(const struct tensorfile *tf, int i, const char **key) {
  assert(i >= 0 && i < tf->n_metadata);
  *key = tf->texts[i].key;
  return tf->texts[i].value;
}

const char *tensorfile_metadata(const struct tensorfile *tf, const char *key) {
  const char *text = NULL;
  return tf->metadata && json_has(tf->metadata, key) && !json_field_text(tf->metadata, tf->name, key, &text) ? text
                                                                                                             : NULL;
}

// ---- reading values

static void shape_text(char *text, size_t size, int n_dims, const int64_t *dims) {
  size_t used = (size_t)snprintf(text, size, "(");
  for (int d = 0; d < n_dims && used < size; d++) {
    const char *comma = d ? ", " : "";
    used += (size_t)(dims[d] < 0 ? snprintf(text + used, size - used, "%sany", comma)
                                 : snprintf(text + used, size - used, "%s%" PRId64, comma, dims[d]));
  }
  if (used < size) snprintf(text + used, size - used, ")");
}

static int check_shape(const struct tensorfile *tf, const struct tensorfile_entry *e, int n_dims, const int64_t *dims) {
  bool same = e->n_dims == n_dims;
  for (int d = 0; same && d < n_dims; d++) same = dims[d] < 0 || dims[d] == e->dims[d];
  if (same) return 0;
  char expected[200], found[200];
  shape_text(expected, sizeof expected, n_dims, dims);
  shape_text(found, sizeof found, e->n_dims, e->dims);
  return err_set(ERR_FORMAT, "%s: tensor '%s': shape %s, expected %s", tf->name, e->name, found, expected);
}

enum target { TO_REAL, TO_F64, TO_I64, TO_U64 };

// dst[i] = v, or the reason why not.
static const char *store(enum target target, void *dst, int64_t i, struct tensortype_value v) {
  if (target == TO_REAL || target == TO_F64) {
    const real r = (real)v.f;
    if (target == TO_REAL) ((real *)dst)[i] = r;
    else ((double *)dst)[i] = v.f;
    return isfinite(target == TO_REAL ? (double)r : v.f) ? NULL : "not finite";
  }
  if (!v.whole) return "not a whole-number type";
  if (target == TO_U64) ((uint64_t *)dst)[i] = v.u;
  else ((int64_t *)dst)[i] = (int64_t)v.u;
  return target == TO_U64 ? (v.negative ? "negative" : NULL)
                          : (!v.negative && v.u > INT64_MAX ? "above 2^63 - 1" : NULL);
}

static int load(struct tensorfile *tf, const char *name, int n_dims, const int64_t *dims, enum target target,
                void *dst) {
  const struct tensorfile_entry *e = tensorfile_find(tf, name);
  if (!e) return err_set(ERR_FORMAT, "%s: no tensor '%s'", tf->name, name);
  TRY(check_shape(tf, e, n_dims, dims));
  tf->read[e - tf->entries] = true;
  const size_t size = (size_t)tensortype_sizes[e->dtype];
  unsigned char chunk[16384];
  const int64_t per_chunk = (int64_t)(sizeof chunk / size);
  if (fseeko(tf->stream, e->offset, SEEK_SET)) return err_set(ERR_IO, "%s: %s", tf->name, strerror(errno));
  for (int64_t i = 0; i < e->n_values;) {
    const int64_t n = e->n_values - i < per_chunk ? e->n_values - i : per_chunk;
    if (fread(chunk, size, (size_t)n, tf->stream) != (size_t)n)
      return err_set(ERR_IO, "%s: tensor '%s': cannot read", tf->name, name);
    for (int64_t k = 0; k < n; k++, i++) {
      const char *reason = store(target, dst, i, tensortype_decode(e->dtype, chunk + (size_t)k * size));
      if (reason)
        return err_set(ERR_FORMAT, "%s: tensor '%s' (%s): value %" PRId64 " is %s", tf->name, name,
                       tensortype_names[e->dtype], i, reason);
    }
  }
  return 0;
}

#define LOAD(suffix, type, target)                                                                                     \
  int tensorfile_##suffix(struct tensorfile *tf, const char *name, int n_dims, const int64_t *dims, type *dst) {       \
    return load(tf, name, n_dims, dims, target, dst);                                                                  \
  }
LOAD(real, real, TO_REAL)
LOAD(f64, double, TO_F64)
LOAD(i64, int64_t, TO_I64)
LOAD(u64, uint64_t, TO_U64)

int tensorfile_bytes(struct tensorfile *tf, const struct tensorfile_entry *e, void *dst) {
  const size_t bytes = (size_t)(entry_end(e) - e->offset);
  const bool good = fseeko(tf->stream, e->offset, SEEK_SET) == 0 && fread(dst, 1, bytes, tf->stream) == bytes;
  return good ? 0 : err_set(ERR_IO, "%s: tensor '%s': cannot read", tf->name, e->name);
}

void tensorfile_note_unread(const struct tensorfile *tf) {
  char names[600] = "";
  int n = 0;
  for (int i = 0; i < tf->n_entries; i++)
    if (!tf->read[i] && n++ < 8) {
      const size_t used = strlen(names);
      snprintf(names + used, sizeof names - used, "%s%.60s", used ? ", " : "", tf->entries[i].name);
    }
  if (n) note("%s: left out, for the network has no place for it: %s%s", tf->name, names, n > 8 ? " and more" : "");
}

bool tensorfile_is_name(const char *name) { return *name && printable(name); }

// ---- writing

struct item {
  struct tensorfile_entry entry;  // offset from the start of the data, set by the commit
  char *name;
  void *data;
};

struct tensorfile_writer {
  char *path;
  struct json_t *metadata;
  struct item *items;
  int n_items, room;
  int bad;        // 1 + the first item with a value that is not finite
  double beyond;  // a finite value that half precision cannot hold, if that is why
};

struct tensorfile_writer *tensorfile_create(const char *path) {
  struct tensorfile_writer *w = err_calloc(1, sizeof *w);
  w->path = err_strdup(path);
  w->metadata = json_object_new();
  return w;
}

void tensorfile_put_text(struct tensorfile_writer *w, const char *key, const char *value) {
  assert(printable(key) && !json_has(w->metadata, key));
  if (strcmp(key, TENSORSUM_KEY)) json_put_text(w->metadata, key, value);
}

static struct item *new_item(struct tensorfile_writer *w) {
  if (w->n_items == w->room) {
    w->room = 2 * w->room + 16;
    struct item *larger = err_calloc((size_t)w->room, sizeof *larger);
    if (w->n_items) memcpy(larger, w->items, (size_t)w->n_items * sizeof *larger);
    free(w->items);
    w->items = larger;
  }
  return &w->items[w->n_items++];
}

void tensorfile_put_bytes(struct tensorfile_writer *w, const char *name, enum tensorfile_dtype dtype, int n_dims,
                          const int64_t *dims, const void *src) {
  assert(printable(name) && strcmp(name, "__metadata__") && n_dims >= 0 && n_dims <= TENSORFILE_MAX_DIMS);
  struct item *item = new_item(w);
  item->name = err_strdup(name);
  struct tensorfile_entry *e = &item->entry;
  *e = (struct tensorfile_entry){ .name = item->name, .dtype = dtype, .n_dims = n_dims, .n_values = 1 };
  for (int d = 0; d < n_dims; d++) {
    assert(dims[d] >= 0);
    e->n_values *= e->dims[d] = dims[d];
  }
  const size_t size = (size_t)tensortype_sizes[dtype], n = (size_t)e->n_values;
  item->data = err_calloc(n, size);
  if (n) memcpy(item->data, src, n * size);
  if (!w->bad && !tensortype_finite(dtype, item->data, n)) w->bad = w->n_items;
}

TENSORFILE_PUT(f16, real) {
  size_t n = 1;
  for (int d = 0; d < n_dims; d++) n *= (size_t)dims[d];
  uint16_t *half = err_calloc(n, sizeof *half);
  for (size_t i = 0; i < n; i++) {
    half[i] = tensortype_f16((double)src[i]);
    if (!w->bad && w->beyond == 0 && isfinite(src[i]) && fabs((double)src[i]) >= 65520) w->beyond = (double)src[i];
  }
  tensorfile_put_bytes(w, name, TENSORFILE_F16, n_dims, dims, half);
  free(half);
}

#define PUT(suffix, type, dtype)                                                                                       \
  TENSORFILE_PUT(suffix, type) { tensorfile_put_bytes(w, name, dtype, n_dims, dims, src); }
PUT(f32, float, TENSORFILE_F32)
PUT(f64, double, TENSORFILE_F64)
PUT(real, real, sizeof(real) == sizeof(float) ? TENSORFILE_F32 : TENSORFILE_F64)
PUT(i64, int64_t, TENSORFILE_I64)
PUT(u64, uint64_t, TENSORFILE_U64)
PUT(u8, uint8_t, TENSORFILE_U8)

int tensorfile_put_copy(struct tensorfile_writer *w, struct tensorfile *tf, const struct tensorfile_entry *e) {
  void *data = err_calloc((size_t)(entry_end(e) - e->offset) + 1, 1);
  const int rc = tensorfile_bytes(tf, e, data);
  if (rc == 0) tensorfile_put_bytes(w, e->name, e->dtype, e->n_dims, e->dims, data);
  free(data);
  return rc;
}

static void write_item(const struct item *item, FILE *out) {
  fwrite(item->data, (size_t)tensortype_sizes[item->entry.dtype], (size_t)item->entry.n_values, out);
}

static int by_item(const void *a, const void *b) {
  return strcmp((*(const struct item *const *)a)->name, (*(const struct item *const *)b)->name);
}

static void put_sum(struct tensorfile_writer *w) {
  char text[TENSORSUM_SIZE];
  int n = 0;
  void *at = NULL;
  struct json_t *v;
  struct tensorsum_text *texts = err_calloc(json_length(w->metadata), sizeof *texts);
  const struct item **named = err_calloc((size_t)w->n_items, sizeof *named);
  while ((v = json_next(w->metadata, &at, &texts[n].key)))
    if (json_is_text(v, &texts[n].value)) n++;  // what is none is refused when it is printed
  uint64_t sum = tensorsum_texts(texts, n);
  for (int i = 0; i < w->n_items; i++) named[i] = &w->items[i];
  qsort(named, (size_t)w->n_items, sizeof *named, by_item);
  for (int i = 0; i < w->n_items; i++) {
    const struct tensorfile_entry *e = &named[i]->entry;
    sum = tensorsum_head(sum, e, tensortype_names[e->dtype]);
    sum = checksum_bytes(sum, named[i]->data, (size_t)e->n_values * (size_t)tensortype_sizes[e->dtype]);
  }
  tensorsum_print(text, sum);
  json_put_text(w->metadata, TENSORSUM_KEY, text);
  free(texts);
  free(named);
}

// The header as text, padded so that the data begins on a multiple of 8. Wide types come first:
// then each tensor is aligned to its own values without a hole, which the format forbids.
static int header_text(struct tensorfile_writer *w, char **text, size_t *size) {
  struct json_t *header = json_object_new();
  int64_t offset = 0;
  put_sum(w);
  json_put(header, "__metadata__", w->metadata);
  w->metadata = NULL;
  for (int width = 8; width; width /= 2) {
    for (int i = 0; i < w->n_items; i++) {
      struct tensorfile_entry *e = &w->items[i].entry;
      if (tensortype_sizes[e->dtype] != width) continue;
      e->offset = offset;
      offset = entry_end(e);
      struct json_t *tensor = json_object_new();
      json_put_text(tensor, "dtype", tensortype_names[e->dtype]);
      json_put_i64s(tensor, "shape", e->dims, (size_t)e->n_dims);
      json_put_i64s(tensor, "data_offsets", (int64_t[]){ e->offset, offset }, 2);
      assert(!json_has(header, e->name));
      json_put(header, e->name, tensor);
    }
  }
  FILE *f = open_memstream(text, size);
  assert(f);
  const int rc = json_print(header, f);
  while (!rc && ftello(f) % 8) fputc(' ', f);
  fclose(f);
  json_release(header);
  return rc;
}

static int check_values(const struct tensorfile_writer *w) {
  if (!w->bad) return 0;
  if (w->beyond != 0)
    return err_set(ERR_DIVERGED, "%s: tensor '%s': %g is beyond half precision (65504)", w->path,
                   w->items[w->bad - 1].name, w->beyond);
  return err_set(ERR_DIVERGED, "%s: tensor '%s' holds a value that is not finite", w->path, w->items[w->bad - 1].name);
}

int tensorfile_check_path(const char *path) {
  const char *name = strrchr(path, '/'), *ending = strrchr(name ? name : path, '.');
  if (!ending || !strcmp(ending, ".safetensors") || npz_is_name(path)) return 0;
  return err_set(ERR_SETTING, "%s: the ending of the name must be .safetensors or .npz", path);
}

int tensorfile_write(struct tensorfile_writer *w, FILE *out) {
  char *text;
  size_t n;
  TRY(check_values(w));
  int rc = header_text(w, &text, &n);
  if (rc) rc = err_set(ERR_FORMAT, "%s: __metadata__: %s", w->path, err_message());
  else {
    fwrite(&(uint64_t){ n }, 8, 1, out);
    fwrite(text, 1, n, out);
    for (int width = 8; width; width /= 2)
      for (int i = 0; i < w->n_items; i++)
        if (tensortype_sizes[w->items[i].entry.dtype] == width) write_item(&w->items[i], out);
  }
  free(text);
  return rc;
}

static int write_npz(struct tensorfile_writer *w) {
  struct tensorfile *tf;
  FILE *f = tmpfile();
  if (!f) return err_set(ERR_IO, "%s: no temporary file: %s", w->path, strerror(errno));
  int rc = tensorfile_write(w, f);
  if (rc == 0 && fflush(f)) rc = err_set(ERR_IO, "%s: no room in the temporary folder", w->path);
  if (rc < 0) {
    fclose(f);
    return rc;
  }
  TRY(tensorfile_open_stream(&tf, f, w->path));
  rc = npz_write(w->path, tf);
  tensorfile_close(tf);
  return rc;
}

static int write_file(struct tensorfile_writer *w) {
  struct file_out out;
  TRY(check_values(w));
  if (npz_is_name(w->path)) return write_npz(w);
  TRY(file_out_open(&out, w->path));
  const int rc = tensorfile_write(w, out.stream);
  if (rc == 0) return file_out_commit(&out);
  file_out_abort(&out);
  return rc;
}

int tensorfile_commit(struct tensorfile_writer *w) {
  const int rc = write_file(w);
  tensorfile_abort(w);
  return rc;
}

void tensorfile_abort(struct tensorfile_writer *w) {
  for (int i = 0; i < w->n_items; i++) {
    free(w->items[i].name);
    free(w->items[i].data);
  }
  free(w->items);
  json_release(w->metadata);
  free(w->path);
  free(w);
}
