// Zips of NumPy arrays as tensor files: what is written comes back to the byte; arrays in Fortran order; texts; what
// cannot be read or written is refused with file, array and value.
#include "base/archive.h"
#include "base/err.h"
#include "base/file.h"
#include "base/npz.h"
#include "folder.h"
#include "test.h"

#define CORPUS "tests/fuzz/corpus/npz/"

static struct archive_part part(const char *name, const char *file) {
  char path[200];
  struct archive_part p = { .name = strdup(name) };
  snprintf(path, sizeof path, CORPUS "%s", file);
  CHECK(file_read(path, 1 << 20, (char **)&p.data, &p.size) == 0, "%s", err_message());
  return p;
}

// A .npz of arrays of the corpus, each under the name given.
static void make(const char *path, int n, const char *const names[], const char *const files[]) {
  struct archive_part parts[4] = { 0 };
  for (int k = 0; k < n; k++) parts[k] = part(names[k], files[k]);
  CHECK(archive_write(path, parts, n) == 0, "%s", err_message());
  for (int k = 0; k < n; k++) {
    free(parts[k].name);
    free(parts[k].data);
  }
}

static void check_read(const char *path) {
  struct tensorfile *tf;
  real v[6] = { 0 };
  int64_t whole = 0;
  make(path, 4, (const char *const[]){ "w.npy", "v.npy", "n.npy", "__metadata__.npy" },
       (const char *const[]){ "fortran.npy", "matrix.npy", "version2.npy", "bytes.npy" });
  CHECK(tensorfile_open(&tf, path) == 0, "%s", err_message());
  for (int k = 0; k < 2; k++) {
    CHECK(tensorfile_real(tf, k ? "v" : "w", 2, (int64_t[]){ 2, 3 }, v) == 0, "%s", err_message());
    for (int i = 0; i < 6; i++) CHECK(v[i] == (real)(i + 1), "value %d is %g", i, (double)v[i]);
  }
  CHECK(tensorfile_i64(tf, "n", 1, (int64_t[]){ 1 }, &whole) == 0 && whole == -7, "%d", (int)whole);
  CHECK(tensorfile_count(tf) == 3 && !strcmp(tensorfile_metadata(tf, "format"), "x"), "%d tensors",
        tensorfile_count(tf));
  tensorfile_close(tf);
}

static void check_round_trip(const struct folder *f) {
  const real values[6] = { (real)0.1, -2, 3e-9f, 4, 5, 6 };
  char npz[600], again[600], plain[600], *a = NULL, *b = NULL;
  size_t n, m;
  snprintf(npz, sizeof npz, "%s", folder_path(f, "a.npz"));
  snprintf(again, sizeof again, "%s", folder_path(f, "b.npz"));
  snprintf(plain, sizeof plain, "%s", folder_path(f, "a.safetensors"));
  for (int k = 0; k < 2; k++) {
    struct tensorfile_writer *w = tensorfile_create(k ? plain : npz);
    tensorfile_put_text(w, "name", "value \"quoted\" \\ \xc3\xa4");
    tensorfile_put_f16(w, "half", 1, (int64_t[]){ 6 }, values);
    tensorfile_put_i64(w, "n", 0, NULL, &(int64_t){ -5 });
    tensorfile_put_u8(w, "none", 2, (int64_t[]){ 0, 4 }, NULL);
    tensorfile_put_real(w, "w", 2, (int64_t[]){ 2, 3 }, values);
    CHECK(tensorfile_commit(w) == 0, "%s", err_message());
  }
  // .npz to safetensors gives the bytes of the file written as such
  struct tensorfile *tf;
  CHECK(tensorfile_open(&tf, npz) == 0 && tensorfile_count(tf) == 4, "%s", err_message());
  CHECK(npz_write(again, tf) == 0, "%s", err_message());
  tensorfile_close(tf);
  CHECK(file_read(npz, 1 << 20, &a, &n) == 0 && file_read(again, 1 << 20, &b, &m) == 0 && n == m && !memcmp(a, b, n),
        "%zu and %zu bytes", n, m);
  free(a);
  free(b);
  FILE *converted;
  CHECK(npz_read(&converted, npz) == 0 && file_read(plain, 1 << 20, &b, &m) == 0, "%s", err_message());
  a = calloc(m + 1, 1);
  n = fread(a, 1, m + 1, converted);
  CHECK(n == m && !memcmp(a, b, m), "%zu bytes, not %zu, or other ones", n, m);
  fclose(converted);
  free(a);
  free(b);
}

static void check_refused(const char *path) {
  static const char *const cases[][2] = {
    { "big_endian.npy", "w.npy: type '>f4'; numbers, little endian, are read" },
    { "object.npy", "w.npy: type '|O'" },
    { "huge.npy", "w.npy: shape 99999999999" },
    { "negative.npy", "w.npy: shape -1" },
    { "short.npy", "w.npy: 12 bytes of values, expected 16" },
    { "nan.npy", "'w' holds a value that is not finite" },
    { "longheader.npy", "w.npy: header of 65535 bytes" },
    { "nine.npy", "w.npy: shape " },
    { "magic.npy", "w.npy: not an array of NumPy" },
  };
  struct tensorfile *tf;
  for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
    make(path, 1, (const char *const[]){ "w.npy" }, &cases[k][0]);
    CHECK(tensorfile_open(&tf, path) < 0 && strstr(err_message(), path) && strstr(err_message(), cases[k][1]), "%s: %s",
          cases[k][0], err_message());
  }
  make(path, 1, (const char *const[]){ "w.txt" }, (const char *const[]){ "matrix.npy" });
  CHECK(tensorfile_open(&tf, path) == ERR_FORMAT && strstr(err_message(), "w.txt: not NAME.npy"), "%s", err_message());
  make(path, 1, (const char *const[]){ "__metadata__.npy" }, (const char *const[]){ "matrix.npy" });
  CHECK(tensorfile_open(&tf, path) == ERR_FORMAT && strstr(err_message(), "not bytes"), "%s", err_message());
  CHECK(tensorfile_check_path("a/b.pt") == ERR_SETTING && tensorfile_check_path("a/b.npz") == 0 &&
            tensorfile_check_path("a.b/c") == 0 && tensorfile_check_path("c.safetensors") == 0,
        "%s", err_message());
}

int main(void) {
  const struct folder f = folder_make();
  check_read(folder_path(&f, "read.npz"));
  check_round_trip(&f);
  check_refused(folder_path(&f, "bad.npz"));
  folder_remove(&f);
  return test_summary();
}
