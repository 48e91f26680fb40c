#include "base/npz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/archive.h"
#include "base/err.h"
#include "base/json.h"
#include "base/tensortype.h"

enum { MAX_BYTES = 1 << 30, HEADER_ROOM = 4096 };
static const char *const metadata_name = "__metadata__";
static const char *const descr[TENSORTYPE_COUNT] = {
  [TENSORFILE_F64] = "<f8", [TENSORFILE_F32] = "<f4", [TENSORFILE_F16] = "<f2", [TENSORFILE_I64] = "<i8",
  [TENSORFILE_U64] = "<u8", [TENSORFILE_I32] = "<i4", [TENSORFILE_U32] = "<u4", [TENSORFILE_I16] = "<i2",
  [TENSORFILE_U16] = "<u2", [TENSORFILE_I8] = "|i1",  [TENSORFILE_U8] = "|u1",  [TENSORFILE_BOOL] = "|b1",
};

static bool ends_in(const char *text, const char *ending) {
  const size_t n = strlen(text), m = strlen(ending);
  return n >= m && !strcmp(text + n - m, ending);
}

bool npz_is_name(const char *path) { return ends_in(path, ".npz"); }

// ---- reading

// An array of the zip: what its header says and where its values are.
struct array {
  struct tensorfile_entry entry;
  bool fortran;
  const unsigned char *values;
  char where[512];  // file and array, for errors
};

// The text after 'key': in a header, a Python dictionary; NULL: absent.
static const char *value_of(const char *header, const char *key) {
  const char *at = strstr(header, key);
  if (!at) return NULL;
  at += strlen(key);
  return at + strspn(at, " ");
}

static int parse_type(struct array *a, const char *header) {
  const char *at = value_of(header, "'descr':");
  for (int k = 0; at && k < TENSORTYPE_COUNT; k++) {
    const size_t n = descr[k] ? strlen(descr[k]) : 0;
    if (!n || at[0] != '\'' || strncmp(at + 1, descr[k], n) || at[1 + n] != '\'') continue;
    a->entry.dtype = (enum tensorfile_dtype)k;
    return 0;
  }
  return err_set(ERR_FORMAT, "%s: type %.*s; numbers, little endian, are read", a->where,
                 at ? (int)strcspn(at, ",") : 6, at ? at : "absent");
}

static int parse_shape(struct array *a, const char *header) {
  struct tensorfile_entry *e = &a->entry;
  const char *at = value_of(header, "'shape':");
  if (!at || *at++ != '(') return err_set(ERR_FORMAT, "%s: no shape", a->where);
  e->n_values = 1;
  for (;;) {
    char *end;
    at += strspn(at, " ,");
    if (*at == ')') return 0;
    const long long d = strtoll(at, &end, 10);
    if (end == at || d < 0 || e->n_dims == TENSORFILE_MAX_DIMS ||
        __builtin_mul_overflow(e->n_values, d, &e->n_values) || e->n_values > MAX_BYTES)
      return err_set(ERR_FORMAT, "%s: shape %.40s; at most %d dimensions and %d values are read", a->where, at,
                     TENSORFILE_MAX_DIMS, MAX_BYTES);
    e->dims[e->n_dims++] = d;
    at = end;
  }
}

// The header of an .npy of so many bytes, and where its values begin.
static int parse_npy(struct array *a, const unsigned char *data, size_t size) {
  char header[HEADER_ROOM];
  const size_t fixed = size > 6 && data[6] == 1 ? 10 : 12;
  if (size < fixed || memcmp(data, "\x93NUMPY", 6) || data[6] < 1 || data[6] > 3)
    return err_set(ERR_FORMAT, "%s: not an array of NumPy's format 1 to 3", a->where);
  size_t n = data[8] | (size_t)data[9] << 8;
  if (fixed == 12) n |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
  if (n > size - fixed || n >= sizeof header)
    return err_set(ERR_FORMAT, "%s: header of %zu bytes in %zu", a->where, n, size);
  memcpy(header, data + fixed, n);
  header[n] = 0;
  TRY(parse_type(a, header));
  TRY(parse_shape(a, header));
  const char *order = value_of(header, "'fortran_order':");
  a->fortran = order && !strncmp(order, "True", 4);
  a->values = data + fixed + n;
  const size_t bytes = (size_t)a->entry.n_values * (size_t)tensortype_sizes[a->entry.dtype], found = size - fixed - n;
  return bytes == found ? 0 : err_set(ERR_FORMAT, "%s: %zu bytes of values, expected %zu", a->where, found, bytes);
}

// Values in row-major order; the caller's to free.
static unsigned char *row_major(const struct array *a) {
  const struct tensorfile_entry *e = &a->entry;
  const size_t size = (size_t)tensortype_sizes[e->dtype], n = (size_t)e->n_values;
  unsigned char *out = err_calloc(n + 1, size);
  if (!a->fortran && n) memcpy(out, a->values, n * size);
  for (size_t i = 0; a->fortran && i < n; i++) {
    size_t left = i, from = 0;  // the index of each dimension, the last one first
    for (int d = e->n_dims - 1; d >= 0; d--) {
      size_t stride = 1;
      for (int k = 0; k < d; k++) stride *= (size_t)e->dims[k];
      from += left % (size_t)e->dims[d] * stride;
      left /= (size_t)e->dims[d];
    }
    memcpy(out + i * size, a->values + from * size, size);
  }
  return out;
}

static int put_texts(struct tensorfile_writer *w, const struct array *a) {
  struct json_t *o;
  void *at = NULL;
  const char *key, *text;
  int rc = a->entry.dtype == TENSORFILE_U8 ? 0 : err_set(ERR_FORMAT, "%s: not bytes", a->where);
  TRY(rc);
  TRY(json_parse(&o, (const char *)a->values, (size_t)a->entry.n_values, a->where));
  for (struct json_t *v; rc == 0 && (v = json_next(o, &at, &key));)
    if (!tensorfile_is_name(key) || !json_is_text(v, &text))
      rc = err_set(ERR_FORMAT, "%s: '%.40s' is not a text", a->where, key);
    else tensorfile_put_text(w, key, text);
  json_release(o);
  return rc;
}

int npz_put(struct tensorfile_writer *w, const char *name, const unsigned char *data, size_t size, const char *where) {
  struct array a = { 0 };
  snprintf(a.where, sizeof a.where, "%s", where);
  TRY(parse_npy(&a, data, size));
  if (!strcmp(name, metadata_name)) return put_texts(w, &a);
  unsigned char *values = row_major(&a);
  tensorfile_put_bytes(w, name, a.entry.dtype, a.entry.n_dims, a.entry.dims, values);
  free(values);
  return 0;
}

static int read_array(struct tensorfile_writer *w, struct archive *z, int i) {
  char name[TENSORFILE_NAME_SIZE] = "", where[512];
  const char *file = z->entries[i].name;
  const size_t n = strlen(file);
  const unsigned char *data;
  size_t size;
  snprintf(where, sizeof where, "%.300s: %.100s", z->path, file);
  if (ends_in(file, ".npy") && n - 4 < sizeof name) memcpy(name, file, n - 4);
  if (!tensorfile_is_name(name)) return err_set(ERR_FORMAT, "%s: not NAME.npy", where);
  if (i && !strcmp(z->entries[i - 1].name, file)) return err_set(ERR_FORMAT, "%s: twice", where);
  TRY(archive_read(z, i, MAX_BYTES, &data, &size));
  return npz_put(w, name, data, size, where);
}

int npz_read(FILE **safetensors, const char *path) {
  struct archive z;
  TRY(archive_open(&z, path));
  struct tensorfile_writer *w = tensorfile_create(path);
  int rc = 0;
  for (int i = 0; i < z.n && rc == 0; i++) rc = read_array(w, &z, i);
  archive_close(&z);
  FILE *out = rc == 0 ? tmpfile() : NULL;
  if (rc == 0 && !out) rc = err_set(ERR_IO, "%s: no temporary file", path);
  if (rc == 0) rc = tensorfile_write(w, out);
  if (rc == 0 && (fflush(out) || fseek(out, 0, SEEK_SET)))
    rc = err_set(ERR_IO, "%s: no room in the temporary folder", path);
  tensorfile_abort(w);
  if (rc < 0 && out) fclose(out);
  if (rc == 0) *safetensors = out;
  return rc;
}

// ---- writing

// An .npy in memory: a header that ends on a multiple of 64 bytes, then the values.
static void npy(struct archive_part *part, const struct tensorfile_entry *e, const void *values, size_t bytes) {
  char shape[256] = "", header[512];
  for (int d = 0; d < e->n_dims; d++)
    snprintf(shape + strlen(shape), sizeof shape - strlen(shape), d + 1 < e->n_dims ? "%lld, " : "%lld",
             (long long)e->dims[d]);
  const int n = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%s%s), }",
                         descr[e->dtype], shape, e->n_dims == 1 ? "," : "");
  const size_t begin = ((size_t)n + 10 + 1 + 63) / 64 * 64, length = begin - 10;
  unsigned char *data = err_calloc(begin + bytes, 1);
  memcpy(data, "\x93NUMPY\x01\x00", 8);
  data[8] = (unsigned char)length;
  data[9] = (unsigned char)(length >> 8);
  memset(data + 10, ' ', length - 1);
  memcpy(data + 10, header, (size_t)n);
  data[begin - 1] = '\n';
  if (bytes) memcpy(data + begin, values, bytes);
  part->data = data;
  part->size = begin + bytes;
  part->name = err_calloc(strlen(e->name) + 5, 1);
  strcpy(part->name, e->name);
  strcat(part->name, ".npy");
}

static int add_texts(struct archive_part *part, const struct tensorfile *tf) {
  struct json_t *o = json_object_new();
  char *text;
  size_t size;
  for (int i = 0; i < tensorfile_metadata_count(tf); i++) {
    const char *key, *value = tensorfile_metadata_at(tf, i, &key);
    json_put_text(o, key, value);
  }
  FILE *f = open_memstream(&text, &size);
  assert(f);
  const int rc = json_print(o, f);
  fclose(f);
  npy(part,
      &(struct tensorfile_entry){ .name = metadata_name,
                                  .dtype = TENSORFILE_U8,
                                  .n_dims = 1,
                                  .dims = { (int64_t)size },
                                  .n_values = (int64_t)size },
      text, size);
  free(text);
  json_release(o);
  return rc;
}

static int add_tensor(struct archive_part *part, struct tensorfile *tf, const struct tensorfile_entry *e) {
  if (!descr[e->dtype])
    return err_set(ERR_FORMAT, "tensor '%s': NumPy has no type %s", e->name, tensortype_names[e->dtype]);
  const size_t bytes = (size_t)e->n_values * (size_t)tensortype_sizes[e->dtype];
  void *values = err_calloc(bytes + 1, 1);
  const int rc = tensorfile_bytes(tf, e, values);
  if (rc == 0) npy(part, e, values, bytes);
  free(values);
  return rc;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const struct archive_part *)a)->name, ((const struct archive_part *)b)->name);
}

int npz_write(const char *path, struct tensorfile *tf) {
  const int n = tensorfile_count(tf);
  struct archive_part *parts = err_calloc((size_t)n + 1, sizeof *parts);
  int rc = add_texts(&parts[n], tf);
  for (int i = 0; i < n && rc == 0; i++) rc = add_tensor(&parts[i], tf, tensorfile_at(tf, i));
  if (rc == 0) qsort(parts, (size_t)n + 1, sizeof *parts, by_name);
  if (rc == 0) rc = archive_write(path, parts, n + 1);
  for (int i = 0; i <= n; i++) {
    free(parts[i].name);
    free(parts[i].data);
  }
  free(parts);
  return rc;
}
