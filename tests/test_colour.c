// Images in colours: every kind of file, what is refused, parts in trees of their own, invented ones, fingerprint and
// page.
#include <png.h>

#include "base/err.h"
#include "base/note.h"
#include "base/png.h"
#include "data/contactsheet.h"
#include "data/dataset.h"
#include "folder.h"
#include "image_tree.h"
#include "jpeg_write.h"
#include "test.h"

enum { SIDE = 8, BYTES = SIDE * SIDE * 3 };

static char notes[4096];
static void keep_note(const char *line) { snprintf(notes + strlen(notes), sizeof notes - strlen(notes), "%s\n", line); }

static struct dataset_params colours(const char *path) {
  struct dataset_params p;
  param_defaults(dataset_param_table, &p);
  p.kind = DATASET_FOLDER;
  p.channels = 3;
  p.size = SIDE;
  snprintf(p.path, sizeof p.path, "%s", path);
  return p;
}

static int load(struct dataset *d, const struct dataset_params *p, int what) {
  notes[0] = 0;
  return dataset_load(d, p, what);
}

static void check_refused(const struct dataset_params *p, const char *message) {
  struct dataset d;
  const int rc = load(&d, p, DATASET_EVERYTHING);
  CHECK(rc < 0 && strstr(err_message(), message) && !strchr(err_message(), '\n'), "%d: '%s', not '%s'", rc,
        err_message(), message);
  if (rc == 0) dataset_release(&d);
}

// Smooth colours that differ from image to image.
static void paint(unsigned char *pixels, int image) {
  for (int k = 0; k < BYTES; k++) {
    const int c = k % 3, x = k / 3 % SIDE, y = k / 3 / SIDE;
    pixels[k] = (unsigned char)(c == 0 ? 20 * x + image : c == 1 ? 255 - 25 * y : 100 + 3 * image);
  }
}

static void write_colours(const struct folder *f, const char *name, int image) {
  unsigned char pixels[BYTES];
  paint(pixels, image);
  if (png_rgb_write(folder_path(f, name), pixels, SIDE, SIDE) < 0) abort();
}

// Class folder `name` with n images.
static void write_class(const struct folder *f, const char *name, int first, int n) {
  char file[256];
  for (int i = 0; i < n; i++) {
    snprintf(file, sizeof file, "%s/%02d.png", name, i);
    write_colours(f, file, first + i);
  }
}

// ---- kinds of files

// The same image as RGB, with transparency (left column transparent), with a palette of four, grey, and as JPEG.
static void test_files(void) {
  struct folder f = folder_make();
  unsigned char pixels[BYTES], rgba[SIDE * SIDE * 4], index[SIDE * SIDE], grey[SIDE * SIDE];
  static const unsigned char palette[4 * 3] = { 255, 0, 0, 0, 200, 30, 7, 8, 9, 250, 240, 230 };
  paint(pixels, 3);
  for (int i = 0; i < SIDE * SIDE; i++) {
    memcpy(rgba + 4 * i, pixels + 3 * i, 3);
    rgba[4 * i + 3] = i % SIDE ? 255 : 0;
    index[i] = (unsigned char)(i * 5 / 3 % 4);
    grey[i] = (unsigned char)(3 * i);
  }
  png_image p = { .version = PNG_IMAGE_VERSION, .width = SIDE, .height = SIDE, .format = PNG_FORMAT_RGBA };
  write_colours(&f, "a/1.png", 3);
  if (!png_image_write_to_file(&p, folder_path(&f, "a/2.png"), 0, rgba, 0, NULL)) abort();
  p.format = PNG_FORMAT_RGB_COLORMAP;
  p.colormap_entries = 4;
  if (!png_image_write_to_file(&p, folder_path(&f, "a/3.png"), 0, index, 0, palette)) abort();
  if (png_grey_write(folder_path(&f, "a/4.png"), grey, SIDE, SIDE) < 0) abort();
  jpeg_write(folder_path(&f, "a/5.jpg"), pixels, SIDE, SIDE, 3, JPEG_SEQUENTIAL);
  jpeg_write(folder_path(&f, "a/6.jpg"), grey, SIDE, SIDE, 1, JPEG_PROGRESSIVE);
  struct dataset d;
  struct dataset_params q = colours(f.path);
  CHECK(load(&d, &q, DATASET_EVERYTHING) == 0 && !notes[0], "%s %s", err_message(), notes);
  CHECK(d.images.channels == 3 && d.images.n_images == 6 && d.found.n_grey == 2, "%d images, %d grey",
        d.images.n_images, d.found.n_grey);
  int off[6] = { 0 };
  for (int i = 0; i < 6; i++)
    for (int k = 0; k < BYTES; k++) {
      const int transparent = k / 3 % SIDE == 0;
      const int want[6] = { pixels[k], transparent ? 255 : pixels[k], palette[3 * index[k / 3] + k % 3], grey[k / 3],
                            pixels[k], grey[k / 3] };
      const int by = abs(d.images.colour[i * BYTES + k] - want[i]);
      off[i] = by > off[i] ? by : off[i];
    }
  for (int i = 0; i < 6; i++) CHECK(off[i] <= (i < 4 ? 0 : 32), "image %d: a value is %d off", i, off[i]);
  dataset_release(&d);
  q.channels = 1;  // the same files as ink
  CHECK(load(&d, &q, DATASET_EVERYTHING) == 0 && d.images.channels == 1 && d.images.ink && !d.images.colour, "%s",
        err_message());
  dataset_release(&d);
  folder_remove(&f);
}

static void test_refused(void) {
  struct folder f = folder_make();
  struct dataset_params p = colours(f.path);
  image_tree_fill(&f, "", 2, 3);
  check_refused(&p, ": none of 6 images has any colour, as data.channels=3 and models trained with it need");
  write_colours(&f, "mark01/x.png", 1);
  struct dataset d;
  CHECK(load(&d, &p, DATASET_EVERYTHING) == 0 && d.found.n_grey == 6, "%s", err_message());
  dataset_release(&d);
  p.invert = 1;
  check_refused(&p, "data.invert=yes: says what is ink");
  p = colours(f.path);
  p.preprocessing = IMAGESET_PUBLISHED;
  check_refused(&p, "data.preprocessing=published: ");
  p = colours(f.path);
  p.channels = 2;
  check_refused(&p, "data.channels=2: 1 (grey) or 3 (colours)");
  p.channels = 3;
  p.kind = DATASET_OMNIGLOT;
  check_refused(&p, "data.channels=3: data.kind=omniglot has no colours");
  p = colours(f.path);
  static const unsigned char four[SIDE * SIDE * 4] = { 9 };
  jpeg_write(folder_path(&f, "mark00/print.jpg"), four, SIDE, SIDE, 4, JPEG_SEQUENTIAL);
  check_refused(&p, "mark00/print.jpg: JPEG image: 4 colours a pixel, as printers take them (CMYK)");
  p.channels = 1;
  check_refused(&p, "mark00/print.jpg: JPEG image: 4 colours a pixel, as printers take them (CMYK)");
  folder_remove(&f);
}

// ---- a tree for each part

// Three trees as published archives have them: <archive>/<class>/<image>.
static struct dataset_params three_trees(const struct folder *f) {
  write_class(f, "one/some-train/apple", 0, 3);
  write_class(f, "one/some-train/bear", 10, 3);
  write_class(f, "one/some-train/chair", 20, 3);
  write_class(f, "two/some-val/dog", 30, 4);
  write_class(f, "three/deep/some-test/eel", 40, 2);
  write_class(f, "three/deep/some-test/fox", 50, 2);
  struct dataset_params p = colours(folder_path(f, "one"));
  snprintf(p.validation_path, sizeof p.validation_path, "%s", folder_path(f, "two"));
  snprintf(p.evaluation_path, sizeof p.evaluation_path, "%s", folder_path(f, "three"));
  return p;
}

static void test_trees(void) {
  struct folder f = folder_make();
  struct dataset_params p = three_trees(&f);
  struct dataset d;
  CHECK(load(&d, &p, DATASET_EVERYTHING) == 0, "%s", err_message());
  CHECK(d.images.n_classes == 6 && d.split[0].n == 3 && d.split[2].n == 2 && image_tree_part(&d, "bear") == 0 &&
            image_tree_part(&d, "dog") == 1 && image_tree_part(&d, "eel") == 2 && image_tree_part(&d, "fox") == 2,
        "%d %d %d", d.split[0].n, d.split[1].n, d.split[2].n);
  dataset_release(&d);
  CHECK(load(&d, &p, DATASET_BACKGROUND_ONLY) == 0 && d.images.n_classes == 4 && d.split[2].n == 0 &&
            image_tree_part(&d, "dog") == 1,
        "background: %d classes", d.images.n_classes);
  dataset_release(&d);
  CHECK(load(&d, &p, DATASET_EVALUATION_ONLY) == 0 && d.images.n_classes == 2 && d.split[2].n == 2, "evaluation: %d",
        d.images.n_classes);
  dataset_release(&d);
  p.validation_path[0] = 0;  // the fraction of the first tree then
  p.validation = 1;
  CHECK(load(&d, &p, DATASET_EVERYTHING) == 0 && d.split[1].n == 3 && d.split[2].n == 2, "%d %d", d.split[1].n,
        d.split[2].n);
  dataset_release(&d);
  p = three_trees(&f);
  p.evaluation_path[0] = 0;
  p.evaluation = 1;
  CHECK(load(&d, &p, DATASET_EVALUATION_ONLY) == 0 && d.split[1].n == 1 && d.split[2].n == 3, "%d %d", d.split[1].n,
        d.split[2].n);
  dataset_release(&d);
  folder_remove(&f);
}

static void test_trees_refused(void) {
  struct folder f = folder_make();
  struct dataset_params p = three_trees(&f);
  struct dataset d;
  folder_write(&f, "list", "test\tapple\ntrain\teel\n", 21);  // a list goes before the trees
  snprintf(p.split, sizeof p.split, "%s", folder_path(&f, "list"));
  CHECK(load(&d, &p, DATASET_EVALUATION_ONLY) == 0 && image_tree_part(&d, "apple") == 2 &&
            image_tree_part(&d, "eel") == 0,
        "%s", err_message());
  dataset_release(&d);
  folder_write(&f, "list", "test\tapple\ntrain\tgnu\n", 21);
  check_refused(&p, "class gnu is not in the data");
  folder_write(&f, "list", "test\tapple\ntrain\tapple\n", 23);
  check_refused(&p, "list:2: class apple is there twice");
  p.split[0] = 0;
  write_class(&f, "three/deep/some-test/bear", 60, 2);
  check_refused(&p, "three: class bear is also among those loaded before");
  p.kind = DATASET_BUILTIN;
  p.channels = 1;
  check_refused(&p, "data.validation_path: of data.kind=folder, not builtin");
  snprintf(p.evaluation_path, sizeof p.evaluation_path, "/nonexistent");
  p.kind = DATASET_FOLDER;
  check_refused(&p, "/nonexistent: ");
  folder_remove(&f);
}

// ---- invented ones

static void test_builtin(void) {
  struct dataset_params p = colours("");
  struct dataset d, half;
  p.kind = DATASET_BUILTIN;
  p.classes = 12;
  p.evaluation_classes = 6;
  p.drawings = 3;
  p.size = 16;
  CHECK(load(&d, &p, DATASET_EVERYTHING) == 0 && d.images.channels == 3 && d.images.colour && !d.images.ink &&
            d.images.n_images == 18 * 3 && d.split[2].n == 6 && !notes[0],
        "%s%s", err_message(), notes);
  CHECK(load(&half, &p, DATASET_EVALUATION_ONLY) == 0 && half.images.n_images == 18, "%s", err_message());
  const unsigned char *evaluation = imageset_image(&d.images, 36);
  CHECK(memcmp(evaluation, half.images.colour, 18 * imageset_kept(&half.images)) == 0, "depends on what is loaded");
  dataset_release(&half);
  p.seed = 2;
  CHECK(load(&half, &p, DATASET_EVALUATION_ONLY) == 0 &&
            memcmp(evaluation, half.images.colour, 18 * imageset_kept(&half.images)) != 0,
        "another seed gives other pictures");
  dataset_release(&half);
  p.seed = 1;
  p.validation = 1;  // no class is left for training: others, in colours too
  CHECK(load(&half, &p, DATASET_EVERYTHING | DATASET_STAND_IN) == 0 && half.stand_in.channels == 3 &&
            half.stand_in.n_classes == 100 && half.stand_in.colour,
        "%s", err_message());
  dataset_release(&half);
  dataset_release(&d);
  p.validation = 0;
  p.preprocessing = IMAGESET_PUBLISHED;
  check_refused(&p, "data.preprocessing=published: ");
  p.preprocessing = IMAGESET_AREA;
  p.channels = 1;
  CHECK(load(&d, &p, DATASET_EVERYTHING) == 0 && d.images.ink && !d.images.colour, "%s", err_message());
  dataset_release(&d);
}

// ---- what is made of them

static void test_fingerprint(void) {
  struct folder f = folder_make();
  struct dataset_params p = colours(f.path);
  char text[3][17];
  unsigned char pixels[BYTES];
  write_class(&f, "a", 0, 3);
  for (int k = 0; k < 3; k++) {
    struct dataset d;
    CHECK(load(&d, &p, DATASET_EVERYTHING) == 0, "%s", err_message());
    dataset_fingerprint(&d, text[k]);
    dataset_release(&d);
    paint(pixels, 2);
    pixels[BYTES - 1] ^= (unsigned char)(k + 1);  // the last value of all: a blue
    if (png_rgb_write(folder_path(&f, "a/02.png"), pixels, SIDE, SIDE) < 0) abort();
  }
  CHECK(strcmp(text[0], text[1]) && strcmp(text[1], text[2]) && strlen(text[0]) == 16, "%s %s %s", text[0], text[1],
        text[2]);
  folder_remove(&f);
}

static void test_sheet(void) {
  struct folder f = folder_make(), page = folder_make();
  struct dataset_params p = colours(f.path);
  struct dataset d;
  struct png_pixels sheet = { 0 };
  char *data;
  size_t size;
  write_class(&f, "a", 7, 2);
  p.evaluation = p.validation = 0;
  CHECK(load(&d, &p, DATASET_EVERYTHING) == 0, "%s", err_message());
  CHECK(contactsheet_write(folder_path(&page, "sheet.png"), &d.images, &d.split[0], 4, 2, 2) == 0, "%s", err_message());
  CHECK(file_read(folder_path(&page, "sheet.png"), 1 << 20, &data, &size) == 0, "%s", err_message());
  CHECK(png_rgb_read(&sheet, "sheet", data, size, 4096, 255) == 0 && sheet.H == 2 * SIDE + 4 &&
            sheet.W == 2 * (2 * SIDE + 3) + 1,
        "%d x %d", sheet.H, sheet.W);
  int wrong = 0;
  for (int image = 0; image < 2; image++) {
    unsigned char pixels[BYTES];
    paint(pixels, 7 + image);
    for (int k = 0; k < 4 * BYTES; k++) {
      const int c = k % 3, x = k / 3 % (2 * SIDE), y = k / 3 / (2 * SIDE);
      wrong += sheet.pixels[((2 + y) * sheet.W + 2 + image * (2 * SIDE + 3) + x) * 3 + c] !=
               pixels[(y / 2 * SIDE + x / 2) * 3 + c];
    }
  }
  CHECK(wrong == 0, "%d values differ", wrong);
  free(data);
  png_pixels_release(&sheet);
  dataset_release(&d);
  folder_remove(&f);
  folder_remove(&page);
}

static void test_spec(void) {
  struct dataset_params p = colours("");
  p.flip = p.rotated_classes = 1;
  p.crop_px = 4;
  p.cutmix = 0.5;
  const struct episode_spec train = dataset_spec(&p, DATASET_TRAINING, 5, 0, 3),
                            valid = dataset_spec(&p, DATASET_VALIDATION, 5, 0, 3);
  CHECK(train.flip && train.crop_px == 4 && train.rotated_classes && train.cutmix == 0.5, "training");
  CHECK(!valid.flip && !valid.crop_px && !valid.rotated_classes && valid.cutmix == 0, "validation is as it is");
}

// Rotated classes count four times, in training alone.
static void test_check(void) {
  struct folder f = folder_make();
  struct dataset_params p = three_trees(&f);
  struct dataset d;
  const struct episode_spec spec = { .ways = 5, .shots = 1, .queries = 1, .rotated_classes = 1 };
  p.rotated_classes = 1;
  CHECK(load(&d, &p, DATASET_EVERYTHING) == 0 && dataset_check(&d, &p, &spec, DATASET_TRAINING) == 0, "%s",
        err_message());
  CHECK(dataset_check(&d, &p, &spec, DATASET_EVALUATION) == ERR_SETTING &&
            strstr(err_message(), "5 ways, but there are only 2 evaluation classes"),
        "%s", err_message());
  dataset_release(&d);
  folder_remove(&f);
}

static void test_published(void) {
  if (!file_exists("../shared/cifar-fs/cifar-fs-val.zip")) {
    printf("SKIP published archives: ../shared/cifar-fs is absent\n");
    return;
  }
  struct dataset_params p = colours("../shared/cifar-fs/cifar-fs-val.zip");
  struct dataset d;
  snprintf(p.evaluation_path, sizeof p.evaluation_path, "../shared/cifar-fs/cifar-fs-test.zip");
  p.size = 32;
  CHECK(load(&d, &p, DATASET_EVERYTHING) == 0, "%s", err_message());
  CHECK(d.split[0].n + d.split[1].n == 16 && d.split[2].n == 20 && d.images.n_images == 36 * 600 &&
            image_tree_part(&d, "baby") == 2 && image_tree_part(&d, "beaver") >= 0,
        "%d %d %d", d.split[0].n, d.split[1].n, d.split[2].n);
  dataset_release(&d);
}

int main(void) {
  note_to(keep_note);
  test_files();
  test_refused();
  test_trees();
  test_trees_refused();
  test_builtin();
  test_fingerprint();
  test_sheet();
  test_spec();
  test_check();
  test_published();
  return test_summary();
}
