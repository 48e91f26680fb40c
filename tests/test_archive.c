// Archives: zip files and folders give the same sorted entries; damage, lies about sizes and bombs are
// refused with archive and entry named.
#include "base/err.h"
#include "base/archive.h"
#include "folder.h"
#include "test.h"

#define CORPUS "tests/fuzz/corpus/archive/"

static void test_same_from_zip_and_folder(void) {
  struct folder f = folder_make();
  folder_write(&f, "dir/b.txt", "world", 5);
  folder_write(&f, "a.txt", "hello", 5);
  folder_write(&f, ".hidden", "x", 1);
  folder_write(&f, "__MACOSX/a.txt", "y", 1);
  const char *const paths[] = { CORPUS "stored.zip", f.path };
  for (int k = 0; k < 2; k++) {
    struct archive a;
    const unsigned char *data;
    size_t size;
    CHECK(archive_open(&a, paths[k]) == 0, "%s", err_message());
    CHECK(a.n == 2 && strcmp(a.entries[0].name, "a.txt") == 0 && strcmp(a.entries[1].name, "dir/b.txt") == 0,
          "%d entries", a.n);
    CHECK(archive_read(&a, 1, 100, &data, &size) == 0 && size == 5 && memcmp(data, "world", 5) == 0, "%s",
          err_message());
    CHECK(archive_read(&a, 0, 5, &data, &size) == 0 && size == 5 && memcmp(data, "hello", 5) == 0, "%s", err_message());
    const int rc = archive_read(&a, 0, 4, &data, &size);
    CHECK(rc == ERR_FORMAT && strstr(err_message(), paths[k]) && strstr(err_message(), "a.txt: 5 bytes, at most 4"),
          "%s", err_message());
    archive_close(&a);
  }
  folder_remove(&f);
}

static void test_damage(void) {
  static const struct { const char *name, *message; int opens; } cases[] = {
    { "truncated.zip", "truncated.zip: zip archive: ", 0 },
    { "badcrc.zip", "badcrc.zip: a.txt: damaged", 1 },
    { "bomb.zip", "bomb.zip: a.txt: 3000000 bytes, at most 65536", 1 },
    { "liar.zip", "liar.zip: a.txt: damaged", 1 },
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    struct archive a;
    char path[256];
    const unsigned char *data;
    size_t size;
    snprintf(path, sizeof path, CORPUS "%s", cases[k].name);
    int rc = archive_open(&a, path);
    CHECK((rc == 0) == cases[k].opens, "%s: %s", path, err_message());
    if (rc == 0) {
      rc = archive_read(&a, 0, 65536, &data, &size);
      CHECK(a.capacity <= 65537, "%zu bytes taken", a.capacity);
      archive_close(&a);
    }
    CHECK(rc == ERR_FORMAT && strstr(err_message(), cases[k].message), "%d: %s", rc, err_message());
  }
  struct archive a;
  CHECK(archive_open(&a, "/dev/zero") == ERR_FORMAT &&
        !strcmp(err_message(), "/dev/zero: neither a folder nor a file"), "%s", err_message());
  CHECK(archive_open(&a, "/nonexistent.zip") == ERR_IO && strstr(err_message(), "/nonexistent.zip: No such"), "%s",
        err_message());
}

int main(void) {
  test_same_from_zip_and_folder();
  test_damage();
  return test_summary();
}
