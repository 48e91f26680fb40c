// tensorfile.h - safetensors: 8 bytes of header length (little endian), a JSON header of names,
// dtypes, shapes and offsets, then the data. Models and checkpoints are such files; everything in
// the header is checked against the file before anything is allocated or read.
// Dimensions are outermost first, data row-major. Every file that is written states its checksum (base/tensorsum.h),
// and one whose checksum is another is refused when it is opened.
#ifndef BASE_TENSORFILE_H
#define BASE_TENSORFILE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/real.h"

enum { TENSORFILE_MAX_DIMS = 8, TENSORFILE_NAME_SIZE = 257 };

// clang-format off
#define TENSORFILE_DTYPES(X)                                                                       \
  X(F64, 8) X(F32, 4) X(F16, 2) X(BF16, 2) X(I64, 8) X(U64, 8)                                     \
  X(I32, 4) X(U32, 4) X(I16, 2) X(U16, 2) X(I8, 1) X(U8, 1) X(BOOL, 1)
// clang-format on

enum tensorfile_dtype {
#define X(name, size) TENSORFILE_##name,
  TENSORFILE_DTYPES(X)
#undef X
};

struct tensorfile_entry {
  const char *name;
  enum tensorfile_dtype dtype;
  int n_dims;
  int64_t dims[TENSORFILE_MAX_DIMS];
  int64_t n_values;  // product of dims
  int64_t offset;    // of the first byte, from the start of the file
};

// ---- reading

struct tensorfile;

// A path that ends in .npz is read as a zip of NumPy arrays (base/npz.h).
int tensorfile_open(struct tensorfile **tf, const char *path);
// Of an open, seekable stream, which now belongs to *tf (closed on failure too). name is for errors.
int tensorfile_open_stream(struct tensorfile **tf, FILE *stream, const char *name);
void tensorfile_close(struct tensorfile *tf);
const char *tensorfile_name(const struct tensorfile *tf);  // the path it was opened by

int tensorfile_count(const struct tensorfile *tf);
const struct tensorfile_entry *tensorfile_at(const struct tensorfile *tf, int i);               // in file order
const struct tensorfile_entry *tensorfile_find(const struct tensorfile *tf, const char *name);  // NULL: absent

// The values of one tensor, converted. dims (n_dims) is the shape expected, -1 for any length (look
// it up before: dst has room for all). Absent, of another shape, not convertible or not finite:
// an error naming file, tensor, what was expected and what was found. Floating-point types convert
// to real and double, whole numbers and BOOL to all.
int tensorfile_real(struct tensorfile *tf, const char *name, int n_dims, const int64_t *dims, real *dst);
int tensorfile_f64(struct tensorfile *tf, const char *name, int n_dims, const int64_t *dims, double *dst);
int tensorfile_i64(struct tensorfile *tf, const char *name, int n_dims, const int64_t *dims, int64_t *dst);
int tensorfile_u64(struct tensorfile *tf, const char *name, int n_dims, const int64_t *dims, uint64_t *dst);

// The bytes of a tensor as they are; dst has room for n_values of its type.
int tensorfile_bytes(struct tensorfile *tf, const struct tensorfile_entry *e, void *dst);
// Can a tensor or a text have this name: not empty, not too long, no control characters?
bool tensorfile_is_name(const char *name);

// One line for the user that names the tensors whose values nobody has read, if there are any (base/note.h).
void tensorfile_note_unread(const struct tensorfile *tf);

int tensorfile_metadata_count(const struct tensorfile *tf);
const char *tensorfile_metadata_at(const struct tensorfile *tf, int i, const char **key);  // value
const char *tensorfile_metadata(const struct tensorfile *tf, const char *key);             // NULL: absent

// ---- writing. Data is copied; nothing touches the disk before the commit, which reports whatever
// was wrong: a value that is not finite, a text that is not UTF-8, a full disk.

struct tensorfile_writer;

struct tensorfile_writer *tensorfile_create(const char *path);
// __metadata__; a "checksum" is ignored, since the writer makes its own
void tensorfile_put_text(struct tensorfile_writer *w, const char *key, const char *value);
// tensorfile_put_f32(w, name, n_dims, dims, src) and so on, each name once. _real writes F32, in the double build F64;
// _f16 rounds to half precision: 11 bits, fewer below 2^-14, 0 below 2^-25; beyond 65504 (from 65520 on) is an error.
#define TENSORFILE_PUT(suffix, type)                                                                                   \
  void tensorfile_put_##suffix(struct tensorfile_writer *w, const char *name, int n_dims, const int64_t *dims,         \
                               const type *src)
TENSORFILE_PUT(real, real);
TENSORFILE_PUT(f16, real);
TENSORFILE_PUT(f32, float);
TENSORFILE_PUT(f64, double);
TENSORFILE_PUT(i64, int64_t);
TENSORFILE_PUT(u64, uint64_t);
TENSORFILE_PUT(u8, uint8_t);
void tensorfile_put_bytes(struct tensorfile_writer *w, const char *name, enum tensorfile_dtype dtype, int n_dims,
                          const int64_t *dims, const void *src);
// A tensor of an open file, its bytes as they are.
int tensorfile_put_copy(struct tensorfile_writer *w, struct tensorfile *tf, const struct tensorfile_entry *e);

// The file to a stream, whose errors are the caller's to find. w can only be aborted afterwards.
int tensorfile_write(struct tensorfile_writer *w, FILE *out);
// ERR_SETTING for a path whose ending is neither .safetensors nor .npz; one without an ending holds safetensors.
int tensorfile_check_path(const char *path);
// Write all, atomically (file.h), and free w, also on failure. A path that ends in .npz: NumPy arrays (base/npz.h).
int tensorfile_commit(struct tensorfile_writer *w);
void tensorfile_abort(struct tensorfile_writer *w);

#endif
