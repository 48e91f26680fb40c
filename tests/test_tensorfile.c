// base/tensorfile: round trips to the bit, and hostile files end in one line.
#include "base/tensorfile.h"

#include <float.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/format.h"
#include "test.h"
#include "unsealed.h"

static char path[64] = "/tmp/metaxbar-tensors-XXXXXX";

static const int64_t d23[] = { 2, 3 }, d3[] = { 3 }, any[] = { -1, -1 };
static const float f32[] = { 0.1f, -0.0f, FLT_MIN / 8, FLT_MAX, 1, -7.25f };
static const double f64[] = { 0.1, 5e-324, -DBL_MAX };
static const int64_t i64[] = { INT64_MIN, -1, INT64_MAX };
static const uint64_t u64[] = { 0, 1, UINT64_MAX };
static const uint8_t u8[] = { 0, 127, 255 };
static const real reals[] = { (real)0.3, (real)-1e-30, 2 };

static void write_all(void) {
  struct tensorfile_writer *w = tensorfile_create(path);
  tensorfile_put_u8(w, "u8", 1, d3, u8);  // odd length first: must not misalign the others
  tensorfile_put_f32(w, "f32", 2, d23, f32);
  tensorfile_put_f64(w, "f64", 1, d3, f64);
  tensorfile_put_text(w, "format", "a \"text\"\nof two lines");
  tensorfile_put_i64(w, "i64", 1, d3, i64);
  tensorfile_put_u64(w, "u64", 1, d3, u64);
  tensorfile_put_real(w, "real", 1, d3, reals);
  tensorfile_put_f64(w, "scalar", 0, NULL, &f64[0]);
  tensorfile_put_f64(w, "empty", 2, (int64_t[]){ 0, 5 }, NULL);
  tensorfile_put_text(w, "net.alpha", "0.1");
  CHECK(tensorfile_commit(w) == 0, "%s", err_message());
}

#define SAME(a, b) (sizeof a == sizeof b && !memcmp(a, b, sizeof a))

static void test_round_trip(void) {
  struct tensorfile *tf;
  CHECK(tensorfile_open(&tf, path) == 0, "%s", err_message());
  CHECK(tensorfile_count(tf) == 8 && !strcmp(tensorfile_name(tf), path), "%d", tensorfile_count(tf));
  double a[3], b[6], scalar;
  int64_t i[3];
  uint64_t u[3];
  real r[3], rf[6];
  CHECK(!tensorfile_f64(tf, "f64", 1, d3, a) && SAME(a, f64), "%s", err_message());
  CHECK(!tensorfile_i64(tf, "i64", 1, d3, i) && SAME(i, i64), "%s", err_message());
  CHECK(!tensorfile_u64(tf, "u64", 1, d3, u) && SAME(u, u64), "%s", err_message());
  CHECK(!tensorfile_real(tf, "real", 1, d3, r) && SAME(r, reals), "%s", err_message());
  CHECK(!tensorfile_real(tf, "f32", 2, any, rf), "%s", err_message());
  CHECK(!tensorfile_f64(tf, "f32", 2, d23, b), "%s", err_message());
  for (int k = 0; k < 6; k++) CHECK((float)b[k] == f32[k] && (float)rf[k] == f32[k] && signbit(b[1]), "%d", k);
  CHECK(!tensorfile_f64(tf, "scalar", 0, NULL, &scalar) && scalar == 0.1, "%s", err_message());
  CHECK(!tensorfile_f64(tf, "empty", 2, any, NULL), "%s", err_message());
  CHECK(!tensorfile_i64(tf, "u8", 1, d3, i) && i[2] == 255, "%s", err_message());
  CHECK(!tensorfile_real(tf, "u8", 1, d3, r) && r[1] == 127, "%s", err_message());
  for (int k = 0; k < 8; k++) {
    const struct tensorfile_entry *e = tensorfile_at(tf, k);
    const int width = e->dtype == TENSORFILE_U8 ? 1 : e->dtype == TENSORFILE_F32 ? 4 : 8;
    CHECK(e->offset % width == 0, "%s at %lld", e->name, (long long)e->offset);
    CHECK(tensorfile_find(tf, e->name) == e, "%s", e->name);
  }
  const char *key;
  CHECK(tensorfile_metadata_count(tf) == 3 && !strcmp(tensorfile_metadata_at(tf, 1, &key), "0.1") &&
            !strcmp(key, "net.alpha"),
        "metadata");
  CHECK(!strcmp(tensorfile_metadata(tf, "format"), "a \"text\"\nof two lines"), "metadata");
  CHECK(!tensorfile_metadata(tf, "none") && !tensorfile_find(tf, "none"), "found what is not there");
  tensorfile_close(tf);
}

static void test_misfits(void) {
  struct tensorfile *tf;
  double x[6];
  int64_t i[6];
  uint64_t u[6];
  CHECK(tensorfile_open(&tf, path) == 0, "%s", err_message());
#define FAILS(call, text)                                                                          \
  CHECK((call) == ERR_FORMAT && strstr(err_message(), text) && strstr(err_message(), path), "%s",  \
        err_message())
  FAILS(tensorfile_f64(tf, "none", 1, d3, x), "no tensor 'none'");
  FAILS(tensorfile_f64(tf, "f32", 1, d3, x), "tensor 'f32': shape (2, 3), expected (3)");
  FAILS(tensorfile_f64(tf, "f32", 2, ((int64_t[]){ -1, 4 }), x), "shape (2, 3), expected (any, 4)");
  FAILS(tensorfile_i64(tf, "f64", 1, d3, i), "tensor 'f64' (F64): value 0 is not a whole-number type");
  FAILS(tensorfile_i64(tf, "u64", 1, d3, i), "value 2 is above 2^63 - 1");
  FAILS(tensorfile_u64(tf, "i64", 1, d3, u), "value 0 is negative");
#ifndef REAL_DOUBLE
  real r[3];
  FAILS(tensorfile_real(tf, "f64", 1, d3, r), "value 2 is not finite");  // beyond float
#endif
  tensorfile_close(tf);
}

// A file with this header and n_data bytes of data, opened.
static int open_made(const char *header, int n_data) {
  struct tensorfile *tf;
  const uint64_t n = strlen(header);
  FILE *f = tmpfile();
  fwrite(&n, 8, 1, f);
  fputs(header, f);
  for (int i = 0; i < n_data; i++) fputc(0x7f, f);
  const int rc = tensorfile_open_stream(&tf, f, "made");
  tensorfile_close(tf);
  return rc;
}

#define T(dtype, shape, begin, end)                                                                \
  "{\"dtype\":\"" dtype "\",\"shape\":[" shape "],\"data_offsets\":[" begin "," end "]}"

static void test_hostile(void) {
  static const struct { const char *header; int n_data; const char *message; } cases[] = {
    { "{\"a\":" T("F64", "1", "0", "8") "}", 7, "tensor 'a': ends at byte 8 of the data, but the file has only 7" },
    { "{\"a\":" T("F64", "1", "0", "8") "}", 9, "1 bytes after the last tensor" },
    { "{\"a\":" T("F64", "2", "0", "8") "}", 8, "8 bytes do not hold 2 values of F64" },
    { "{\"a\":" T("F64", "4294967296,4294967296", "0", "8") "}", 8, "more than 2^63 values" },
    { "{\"a\":" T("F64", "2305843009213693952", "0", "0") "}", 0, "do not hold" },  // 2^61 * 8 = 2^64
    { "{\"a\":" T("F64", "-1", "0", "8") "}", 8, "[0] is -1, outside" },
    { "{\"a\":" T("F64", "1.5", "0", "8") "}", 8, "expected a whole number" },
    { "{\"a\":" T("F64", "1,1,1,1,1,1,1,1,1", "0", "8") "}", 8, "9 dimensions, at most 8" },
    { "{\"a\":" T("F65", "1", "0", "8") "}", 8, "unknown dtype 'F65'" },
    { "{\"a\":" T("F64", "1", "8", "0") "}", 8, "outside [8, 8]" },
    { "{\"a\":" T("F64", "1", "0", "8") ",\"b\":" T("F64", "1", "0", "8") "}", 8, "tensor 'b': data overlaps" },
    { "{\"a\":" T("F64", "1", "0", "8") ",\"b\":" T("F64", "1", "9", "17") "}", 17,
      "tensor 'b': data begins after a hole" },
    { "{\"a\":" T("F64", "1", "0", "8") ",\"a\":" T("F64", "1", "8", "16") "}", 16, "duplicate" },
    { "{\"a\":{\"dtype\":\"F64\",\"shape\":[1]}}", 8, "data_offsets is missing" },
    { "{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0]}}", 8, "must be 2 numbers" },
    { "{\"a\":5}", 0, "dtype is missing" },
    { "{\"a\\nb\":" T("U8", "1", "0", "1") "}", 1, "control characters" },
    { "{\"__metadata__\":{\"k\":5}}", 0, "__metadata__ 'k' is not a text" },
    { "{\"__metadata__\":5}", 0, "__metadata__ is a whole number" },
    { "[]", 0, "no JSON object" },
    { "{\"a\"", 0, "line 1" },
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    CHECK(open_made(cases[k].header, cases[k].n_data) == ERR_FORMAT && !strncmp(err_message(), "made: ", 6) &&
              strstr(err_message(), cases[k].message), "case %zu: %s", k, err_message());
  CHECK(open_made("{\"a\":" T("F64", "1", "0", "8") "}", 8) == 0, "%s", err_message());
  CHECK(open_made("{\"e\":" T("F32", "0,7", "8", "8") ",\"a\":" T("F64", "1", "0", "8") "}  ", 8) == 0, "%s",
        err_message());
}

// Every value of the narrow types, against what they mean.
static void test_dtypes(void) {
  struct tensorfile *tf;
  static const char header[] = "{\"h\":" T("F16", "5", "0", "10") ",\"b\":" T("BF16", "2", "10", "14") ",\"i\":" T(
      "I32", "2", "14", "22") ",\"o\":" T("BOOL", "2", "22", "24") ",\"n\":" T("F32", "2", "24", "32") "}";
  static const uint16_t half[] = { 0x3c00, 0xc500, 0x0001, 0x7bff, 0x3555 }, brain[] = { 0x3f80, 0xc0a0 };
  static const float nan_inf[] = { 1, INFINITY };
  FILE *f = tmpfile();
  fwrite(&(uint64_t){ sizeof header - 1 }, 8, 1, f);
  fputs(header, f);
  fwrite(half, 2, 5, f);
  fwrite(brain, 2, 2, f);
  fwrite((int32_t[]){ -3, 2147483647 }, 4, 2, f);
  fwrite((uint8_t[]){ 0, 1 }, 1, 2, f);
  fwrite(nan_inf, 4, 2, f);
  CHECK(tensorfile_open_stream(&tf, f, "narrow") == 0, "%s", err_message());
  double x[5];
  int64_t i[2];
  CHECK(!tensorfile_f64(tf, "h", 1, any, x) && x[0] == 1 && x[1] == -5 && x[2] == 0x1p-24 && x[3] == 65504 &&
            x[4] == 0.333251953125,
        "%g %g %g %g %.12g", x[0], x[1], x[2], x[3], x[4]);
  CHECK(!tensorfile_f64(tf, "b", 1, any, x) && x[0] == 1 && x[1] == -5, "%g %g", x[0], x[1]);
  CHECK(!tensorfile_i64(tf, "i", 1, any, i) && i[0] == -3 && i[1] == 2147483647, "%s", err_message());
  CHECK(!tensorfile_i64(tf, "o", 1, any, i) && i[0] == 0 && i[1] == 1, "%s", err_message());
  CHECK(tensorfile_f64(tf, "n", 1, any, x) == ERR_FORMAT && strstr(err_message(), "value 1 is not finite"), "%s",
        err_message());
  tensorfile_close(tf);
}

// Every finite half-precision number comes back as itself; what lies between two goes to the nearer, from the middle to
// the even one.
static void test_half(void) {
  enum { N = 0x7c00 };
  static real values[2*N + 6], back[2*N + 6];
  const int64_t n = 2*N + 6;
  const double extra[6] = { 1 + 0x1p-11, 1 + 3*0x1p-11, 65519, 0x1p-25, 0x1.8p-24, -0x1.01p-25 };
  const double rounded[6] = { 1, 1 + 0x1p-9, 65504, 0, 0x1p-23, -0x1p-24 };
  for (int k = 0; k < N; k++) {
    const double v = k < 1024 ? ldexp(k, -24) : ldexp(1024 + k % 1024, k/1024 - 25);
    values[2*k] = (real)v;
    values[2*k + 1] = (real)-v;
  }
  for (int k = 0; k < 6; k++) values[2*N + k] = (real)extra[k];
  struct tensorfile_writer *w = tensorfile_create(path);
  tensorfile_put_f16(w, "h", 1, &n, values);
  CHECK(tensorfile_commit(w) == 0, "%s", err_message());
  struct tensorfile *tf;
  CHECK(tensorfile_open(&tf, path) == 0 && !tensorfile_real(tf, "h", 1, &n, back), "%s", err_message());
  CHECK(tensorfile_at(tf, 0)->dtype == TENSORFILE_F16, "another type");
  for (int k = 0; k < 2*N; k++)
    CHECK(back[k] == values[k] && !signbit(back[k]) == !signbit(values[k]), "%g became %g", (double)values[k],
          (double)back[k]);
  for (int k = 0; k < 6; k++)
    CHECK((double)back[2*N + k] == rounded[k], "%.10g became %.10g", extra[k], (double)back[2*N + k]);
  tensorfile_close(tf);
  w = tensorfile_create(path);
  tensorfile_put_f16(w, "large", 1, d3, (real[]){ 1, 65520, 2 });
  CHECK(tensorfile_commit(w) == ERR_DIVERGED && strstr(err_message(), "tensor 'large': 65520 is beyond half precision"),
        "%s", err_message());
}

static void test_cut_off(void) {
  char *data;
  size_t size;
  CHECK(file_read(path, 1 << 20, &data, &size) == 0, "%s", err_message());
  for (size_t n = 0; n < size; n++) {
    struct tensorfile *tf;
    char *copy = malloc(n + 1);
    memcpy(copy, data, n);
    const int rc = tensorfile_open_stream(&tf, n ? fmemopen(copy, n, "rb") : tmpfile(), "cut");
    CHECK(rc == ERR_FORMAT && strlen(err_message()) > 10, "%zu of %zu bytes: %d %s", n, size, rc, err_message());
    tensorfile_close(tf);
    free(copy);
  }
  free(data);
}

// Every bit of a file counts: changed, it is refused. Only where the key of the checksum itself is hit the file passes
// for one of those without; then all else is as it was.
static void test_damage(void) {
  char *data;
  size_t size;
  int taken = 0;
  CHECK(!file_read(path, 1 << 20, &data, &size), "%s", err_message());
  char *key = memmem(data, size, "\"checksum\"", 10);
  CHECK(key, "no checksum in the file");
  for (size_t bit = 0; key && bit < 8*size; bit++) {
    struct tensorfile *tf;
    const bool in_key = data + bit/8 > key && data + bit/8 < key + 9;
    const bool same = bit/8 >= 5 && bit%8 == 5 && !memcmp(data + bit/8 - 5, "\\u000", 5);  // a or A, of the line end
    data[bit/8] ^= (char)(1 << bit%8);
    const int rc = tensorfile_open_stream(&tf, fmemopen(data, size, "rb"), "damaged");
    data[bit/8] ^= (char)(1 << bit%8);
    CHECK(rc == ERR_FORMAT || (rc == 0 && (in_key || same)), "bit %zu of byte %zu: %d %s", bit%8, bit/8, rc,
          err_message());
    taken += rc == 0;
    tensorfile_close(tf);
  }
  CHECK(taken > 0 && taken <= 65, "%d", taken);
  struct tensorfile *tf;
  data[size - 1] ^= 1;
  CHECK(tensorfile_open_stream(&tf, fmemopen(data, size, "rb"), "f") == ERR_FORMAT &&
            strstr(err_message(), "f: damaged, or changed by"),
        "%s", err_message());
  unseal(data, size);
  CHECK(tensorfile_open_stream(&tf, fmemopen(data, size, "rb"), "f") == 0, "an older file: %s", err_message());
  tensorfile_close(tf);
  free(data);
}

// The sum of tensorsum.h, spelled out.
static void test_sum(void) {
  static const unsigned char bytes[] = "a\0b\0key\0text\0t\0U8\0\1\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\7\10\11";
  uint64_t h = UINT64_C(14695981039346656037);
  char expected[32];
  for (size_t k = 0; k < sizeof bytes - 1; k++) h = (h ^ bytes[k]) * UINT64_C(1099511628211);
  snprintf(expected, sizeof expected, "%016llx", (unsigned long long)h);
  char other[] = "/tmp/metaxbar-sum-XXXXXX";
  close(mkstemp(other));
  struct tensorfile_writer *w = tensorfile_create(other);
  tensorfile_put_text(w, "key", "text");
  tensorfile_put_text(w, "checksum", "of the file this was copied from");
  tensorfile_put_text(w, "a", "b");
  tensorfile_put_u8(w, "t", 1, d3, (const uint8_t[]){ 7, 8, 9 });
  struct tensorfile *tf = NULL;
  CHECK(tensorfile_commit(w) == 0 && tensorfile_open(&tf, other) == 0, "%s", err_message());
  CHECK(!strcmp(tensorfile_metadata(tf, "checksum"), expected), "%s, expected %s", tensorfile_metadata(tf, "checksum"),
        expected);
  tensorfile_close(tf);
  unlink(other);
}

static int with_version(const char *format, const char *version) {
  struct tensorfile_writer *w = tensorfile_create(path);
  struct tensorfile *tf = NULL;
  if (format) tensorfile_put_text(w, "format", format);
  if (version) tensorfile_put_text(w, "version", version);
  CHECK(tensorfile_commit(w) == 0 && tensorfile_open(&tf, path) == 0, "%s", err_message());
  const int rc = format_check(tf, "metaxbar arm");
  tensorfile_close(tf);
  return rc;
}

static void test_format(void) {
  static const char *const good[][2] = { { NULL, NULL }, { NULL, "7" }, { "pt", "7" }, { "metaxbar arm", NULL },
                                         { "metaxbar arm", "1" }, { "metaxbar arm", "1.0" },
                                         { "metaxbar arm", "1.12" } };
  static const char *const bad[][3] = { { "metaxbar chip state", "1.0",
                                          ": is a 'metaxbar chip state', not a 'metaxbar arm'" },
                                        { "metaxbar arm", "2.0",
                                          ": version 2.0 of 'metaxbar arm': this program reads versions up to 1.0" },
                                        { "metaxbar arm", "10", ": version 10 of" },
                                        { "metaxbar arm", "", "must be a number" },
                                        { "metaxbar arm", "x", "must be a number" },
                                        { "metaxbar arm", "0.1", "must be a number" },
                                        { "metaxbar arm", "1x", "must be a number" } };
  for (size_t k = 0; k < sizeof good / sizeof *good; k++)
    CHECK(with_version(good[k][0], good[k][1]) == 0, "case %zu: %s", k, err_message());
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
    CHECK(with_version(bad[k][0], bad[k][1]) == ERR_FORMAT && strstr(err_message(), path) &&
              strstr(err_message(), bad[k][2]),
          "case %zu: %s", k, err_message());
}

static void test_write_errors(void) {
  struct tensorfile_writer *w = tensorfile_create(path);
  tensorfile_put_real(w, "good", 1, d3, reals);
  tensorfile_put_real(w, "bad", 1, d3, (real[]){ 1, (real)NAN, 2 });
  CHECK(tensorfile_commit(w) == ERR_DIVERGED && strstr(err_message(), "tensor 'bad'") && strstr(err_message(), path),
        "%s", err_message());
  w = tensorfile_create(path);
  tensorfile_put_text(w, "key", "\xff");
  CHECK(tensorfile_commit(w) == ERR_FORMAT && strstr(err_message(), "key") && strstr(err_message(), path), "%s",
        err_message());
  w = tensorfile_create("/dev/full");
  tensorfile_put_real(w, "good", 1, d3, reals);
  CHECK(tensorfile_commit(w) == ERR_IO && strstr(err_message(), "/dev/full"), "%s", err_message());
  struct tensorfile *tf;
  CHECK(tensorfile_open(&tf, "/nowhere") == ERR_IO && !tf && strstr(err_message(), "/nowhere"), "%s", err_message());
  CHECK(tensorfile_open(&tf, "/tmp") < 0 && !tf && strstr(err_message(), "/tmp"), "%s", err_message());
  test_round_trip();  // the old file is untouched
}

int main(void) {
  const int fd = mkstemp(path);
  if (fd < 0) return 1;
  close(fd);
  write_all();
  test_round_trip();
  test_misfits();
  test_hostile();
  test_dtypes();
  test_cut_off();
  test_write_errors();
  test_half();
  write_all();
  test_damage();
  test_sum();
  test_format();
  unlink(path);
  struct tensorfile *tf;
  CHECK(tensorfile_open(&tf, "/tmp") == ERR_IO && strstr(err_message(), "/tmp: Is a directory"), "%s", err_message());
  const char *reference = "../shared/reference/paper_arm.safetensors";  // written by the format's own library
  if (file_exists(reference)) {
    CHECK(tensorfile_open(&tf, reference) == 0 && tensorfile_count(tf) == 6, "%s", err_message());
    tensorfile_close(tf);
  } else printf("SKIP %s: absent\n", reference);
  return test_summary();
}
