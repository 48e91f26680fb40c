// Loading Omniglot: invented archives with every kind of gap, then the real ones where present; and
// trees of class folders.
#include <time.h>

#include "base/err.h"
#include "base/png.h"
#include "data/imagefolder.h"
#include "data/omniglot.h"
#include "folder.h"
#include "test.h"

enum { SIDE = OMNIGLOT_SIDE };

// One image; ink (black) in one pixel that depends on k.
static void write_image(const struct folder *f, const char *name, int k, int H, int W) {
  static unsigned char pixels[256 * 256];
  memset(pixels, 255, sizeof pixels);
  pixels[k] = 0;
  if (png_grey_write(folder_path(f, name), pixels, H, W) < 0) abort();
}

// Two characters of two alphabets, in a folder "part".
static struct folder make_tree(void) {
  struct folder f = folder_make();
  for (int d = OMNIGLOT_DRAWINGS; d >= 1; d--) {
    char name[64];
    snprintf(name, sizeof name, "part/Zulu/character02/0002_%02d.png", d);
    write_image(&f, name, d, SIDE, SIDE);
    snprintf(name, sizeof name, "part/Alpha/character01/0001_%02d.png", d);
    write_image(&f, name, 50 + d, SIDE, SIDE);
  }
  return f;
}

static int load(const struct folder *f, struct imageset *set, int n) {
  imageset_init(set, IMAGESET_PUBLISHED, SIDE);  // S = side: the pixels themselves
  return omniglot_load(set, f->path, "part", n);
}

static void refused(const struct folder *f, int n, const char *message) {
  struct imageset set;
  const int rc = load(f, &set, n);
  CHECK(rc < 0 && strstr(err_message(), message), "%d: '%s' instead of '%s'", rc, err_message(), message);
  imageset_release(&set);
}

static void test_tree(void) {
  struct folder f = make_tree();
  struct imageset set;
  CHECK(load(&f, &set, 2) == 0, "%s", err_message());
  CHECK(set.n_classes == 2 && set.n_groups == 2 && set.n_images == 40, "%d %d %d", set.n_classes, set.n_groups,
        set.n_images);
  CHECK(imageset_find(&set, "Alpha/character01") == 0 && imageset_find(&set, "Zulu/character02") == 1 &&
            imageset_find(&set, "Zulu") < 0,
        "names");
  int wrong = 0;
  for (int i = 0; i < 40; i++) {  // drawings in the order of their names
    const real *image = set.reduced + (size_t)i * SIDE * SIDE;
    const int ink = i < 20 ? 51 + i : i - 19;
    for (int k = 0; k < SIDE * SIDE; k++) wrong += image[k] != (k == ink ? 0 : 1);
  }
  CHECK(wrong == 0, "%d pixels wrong", wrong);
  imageset_release(&set);
  refused(&f, 3, "2 characters instead of 3");
  write_image(&f, "part/Alpha/character01/0001_07.png", 3, SIDE, SIDE - 1);
  refused(&f, 2, "Alpha/character01/0001_07.png: image of 104 x 105 pixels instead of 105 x 105");
  write_image(&f, "part/Alpha/character01/0001_07.png", 3, 200, 200);
  refused(&f, 2, "Alpha/character01/0001_07.png: image of 200 x 200 pixels, at most 105");
  folder_write(&f, "part/Alpha/character01/0001_07.png", "no image", 8);
  refused(&f, 2, "Alpha/character01/0001_07.png: not a PNG image");
  unlink(folder_path(&f, "part/Alpha/character01/0001_07.png"));
  refused(&f, 2, "character Alpha/character01 has 19 drawings instead of 20");
  write_image(&f, "part/stray.png", 3, SIDE, SIDE);
  unlink(folder_path(&f, "part/Alpha/character01/0001_07.png"));
  refused(&f, 2, "character Alpha/character01 has 19");
  folder_write(&f, "other/readme.txt", "", 0);
  struct imageset none;
  imageset_init(&none, IMAGESET_AREA, 28);
  CHECK(omniglot_load(&none, f.path, "absent", 1) == ERR_IO && strstr(err_message(),
                                                                      "neither absent.zip nor absent is there"), "%s",
                                                                      err_message());
  imageset_release(&none);
  folder_remove(&f);
}

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void test_real(void) {
  if (!file_exists("../shared/omniglot/images_background.zip")) {
    printf("SKIP real Omniglot: ../shared/omniglot is absent\n");
    return;
  }
  struct imageset set;
  imageset_init(&set, IMAGESET_AREA, 28);
  const double start = now_s();
  CHECK(omniglot_load(&set, "../shared/omniglot", "images_background", OMNIGLOT_BACKGROUND) == 0, "%s", err_message());
  CHECK(set.n_classes == 964 && set.n_groups == 30 && set.n_images == 19280, "%d %d %d", set.n_classes, set.n_groups,
        set.n_images);
  CHECK(omniglot_load(&set, "../shared/omniglot", "images_evaluation", OMNIGLOT_EVALUATION) == 0, "%s", err_message());
  CHECK(set.n_classes == 1623 && set.n_groups == 50 && set.n_images == 32460, "%d %d %d", set.n_classes, set.n_groups,
        set.n_images);
  printf("both archives in %.2f s\n", now_s() - start);
  // the known duplicate, and a neighbour as the control
  const int c = imageset_find(&set, "Braille/character01");
  const size_t bytes = 56 * 56;
  const unsigned char *first = set.ink + (size_t)set.first[c < 0 ? 0 : c] * bytes;
  CHECK(c >= 0 && memcmp(first + 2 * bytes, first + 18 * bytes, bytes) == 0, "drawings 3 and 19 are the same");
  CHECK(memcmp(first + 2 * bytes, first + 17 * bytes, bytes) != 0, "drawings 3 and 18 are not");
  imageset_release(&set);
}

static void test_folder(void) {
  struct folder f = folder_make();
  struct imageset set;
  write_image(&f, "cats/b.png", 0, 8, 8);
  write_image(&f, "cats/a.PNG", 1, 8, 8);
  write_image(&f, "cats/wild/c.png", 2, 8, 8);
  write_image(&f, "cats!/d.png", 3, 8, 8);
  write_image(&f, "dogs/e.png", 4, 8, 8);
  folder_write(&f, "dogs/notes.txt", "x", 1);
  struct imagefolder_found found = { 0 };
  const struct imagefolder_options usual = { 0 }, inverted = { .invert = true };
  char skipped[64];
  imageset_init(&set, IMAGESET_PUBLISHED, 8);
  CHECK(imagefolder_load(&set, f.path, &usual, &found) == 0, "%s", err_message());
  imagefolder_skipped(&found, skipped, sizeof skipped);
  CHECK(!strcmp(skipped, "1 file: .txt (1)") && found.n_blank == 0 && found.brightest == 255, "%s", skipped);
  CHECK(set.n_classes == 4 && set.n_groups == 4 && set.n_images == 5, "%d %d %d", set.n_classes, set.n_groups,
        set.n_images);
  static const char *const names[] = { "cats!", "cats", "cats/wild", "dogs" };
  static const int images[] = { 1, 2, 1, 1 }, inked[] = { 3, 1, 2, 4 };  // the first image of each
  for (int k = 0; k < 4; k++) {
    const int c = imageset_find(&set, names[k]);
    CHECK(c >= 0 && imageset_drawings(&set, c) == images[k], "%s", names[k]);
    if (c >= 0) CHECK(set.reduced[set.first[c] * 64 + inked[k]] == 0, "%s: first image", names[k]);
  }
  imageset_release(&set);
  imageset_init(&set, IMAGESET_PUBLISHED, 8);
  CHECK(imagefolder_load(&set, f.path, &inverted, &found) == 0 && set.reduced[0] == 0 && set.reduced[3] == 1,
        "inverted: %g", (double)set.reduced[0]);
  imageset_release(&set);
  write_image(&f, "loose.png", 0, 8, 8);
  imageset_init(&set, IMAGESET_AREA, 8);
  CHECK(imagefolder_load(&set, f.path, &usual, &found) == ERR_FORMAT &&
            strstr(err_message(), "loose.png: image outside"),
        "%s", err_message());
  imageset_release(&set);
  folder_remove(&f);
}

int main(void) {
  test_tree();
  test_folder();
  test_real();
  return test_summary();
}
