// Many of everything: what takes time in proportion to the square of their number would need minutes of this processor,
// and the process may use one. Names, settings and tensors of a file; matrices of a chip, and their places on it.
#include <sys/resource.h>

#include "base/err.h"
#include "base/settings.h"
#include "base/tensorfile.h"
#include "chip/floorplan.h"
#include "folder.h"
#include "metaxbar.h"
#include "test.h"

enum { MANY = 100000, SECONDS = 60 };

static void name_of(char name[16], int k) { snprintf(name, 16, "t%d", k); }

static void check_file(const struct folder *f) {
  const char *const path = folder_path(f, "many.safetensors");
  static const struct settings_section none[] = { { 0 } };
  struct tensorfile_writer *w = tensorfile_create(path);
  struct tensorfile *tf;
  char name[16];
  const int64_t one = 1;
  for (int k = 0; k < MANY; k++) {
    name_of(name, k);
    tensorfile_put_f32(w, name, 1, &one, &(float){ (float)k });
    tensorfile_put_text(w, name, "value");
  }
  CHECK(tensorfile_commit(w) == 0, "%s", err_message());
  if (tensorfile_open(&tf, path)) {
    CHECK(false, "%s", err_message());
    return;
  }
  CHECK(tensorfile_count(tf) == MANY && tensorfile_metadata_count(tf) == MANY + 1, "%d tensors", tensorfile_count(tf));
  long wrong = 0;
  for (int k = 0; k < MANY; k++) {
    const char *key;
    double v = -1;
    name_of(name, k);
    wrong += tensorfile_f64(tf, name, 1, &one, &v) != 0 || v != k;
    wrong += strcmp(tensorfile_metadata_at(tf, k, &key), "value") != 0 || strcmp(key, name) != 0;
    wrong += tensorfile_metadata(tf, name) == NULL;
  }
  CHECK(wrong == 0, "%ld wrong", wrong);
  CHECK(!tensorfile_find(tf, "t") && !tensorfile_find(tf, "zzz") && settings_restore(none, NULL, tf) == 0, "%s",
        err_message());
  tensorfile_close(tf);
}

static void check_chip(void) {
  struct mx_chip *c;
  char name[16];
  CHECK(mx_chip_new(&c, (const char *const[]){ "chip.rows=1024", "chip.columns=1024", NULL }, 1) == 0, "%s",
        mx_last_error());
  for (int k = 0; k < MANY; k++) {
    name_of(name, k);
    if (mx_chip_add(c, name, 1, 1) != k) CHECK(false, "%s", mx_last_error());
  }
  CHECK(mx_chip_add(c, "t500", 1, 1) == MX_ERROR_ARGUMENT && strstr(mx_last_error(), "one of that name"), "%s",
        mx_last_error());
  mx_chip_free(c);
}

// A state as a table, of many small matrices.
static void check_table(const struct folder *f) {
  enum { MATRICES = 30000 };
  static const float w[1] = { 1 };
  struct mx_chip *c;
  char name[16];
  CHECK(mx_chip_new(&c, (const char *const[]){ "chip.rows=256", "chip.columns=256", "chip.calibration_rows=2", NULL },
                    1) == 0,
        "%s", mx_last_error());
  for (int k = 0; k < MATRICES; k++) {
    name_of(name, k);
    mx_chip_add(c, name, 1, 1);
  }
  CHECK(mx_chip_build(c) == 0 && mx_chip_program(c, MATRICES - 1, w) == 0, "%s", mx_last_error());
  CHECK(mx_chip_save(c, folder_path(f, "many.csv")) == 0 && mx_chip_load(c, folder_path(f, "many.csv")) == 0, "%s",
        mx_last_error());
  mx_chip_free(c);
}

static void check_plan(void) {
  enum { SIDE = 4000, CORE = 4, PIECES = SIDE/CORE*SIDE/CORE };
  struct floorplan_piece *p = calloc(PIECES, sizeof *p);
  CHECK(p && floorplan_cut(p, 0, SIDE, SIDE, CORE, CORE) == PIECES, "pieces");
  CHECK(floorplan_place(p, PIECES, CORE, CORE) == PIECES, "each fills a core");
  for (int k = 0; k < PIECES; k++) p[k].rows = p[k].columns = 3;
  CHECK(floorplan_place(p, PIECES, 4, 8) == PIECES/2, "two on each");
  free(p);
}

int main(void) {
  const struct folder f = folder_make();
  setrlimit(RLIMIT_CPU, &(struct rlimit){ SECONDS, SECONDS });
  check_file(&f);
  check_chip();
  check_table(&f);
  check_plan();
  folder_remove(&f);
  return test_summary();
}
