// Splits: disjoint, complete, whole groups, the same whatever is loaded; settings reach the episodes.
#include <png.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/archive.h"
#include "base/err.h"
#include "base/file.h"
#include "base/png.h"
#include "data/contactsheet.h"
#include "data/dataset.h"
#include "base/note.h"
#include "folder.h"
#include "image_tree.h"
#include "jpeg_write.h"
#include "test.h"

static struct dataset_params defaults(enum dataset_kind kind, const char *path) {
  struct dataset_params p;
  param_defaults(dataset_param_table, &p);
  p.kind = kind;
  snprintf(p.path, sizeof p.path, "%s", path);
  return p;
}

// Each class loaded is in exactly one split, and so is each group.
static void check_partition(const struct dataset *d, const char *what) {
  int *seen = calloc((size_t)d->images.n_classes + 1, sizeof *seen),
      *split_of = calloc((size_t)d->images.n_groups + 1, sizeof *split_of);
  int twice = 0, torn = 0, total = 0;
  for (int s = 0; s < DATASET_SPLITS; s++)
    for (int i = 0; i < d->split[s].n; i++, total++) {
      const int c = d->split[s].id[i], g = d->images.group[c];
      twice += seen[c]++;
      torn += split_of[g] && split_of[g] != s + 1;
      split_of[g] = s + 1;
    }
  CHECK(twice == 0 && torn == 0 && total == d->images.n_classes, "%s: %d twice, %d torn, %d of %d", what, twice, torn,
        total, d->images.n_classes);
  free(seen);
  free(split_of);
}

static int same(const struct imageset_classes *a, const struct imageset_classes *b) {
  return a->n == b->n && memcmp(a->id, b->id, (size_t)a->n * sizeof(int)) == 0;
}

// 423 of 1623 characters for evaluation, whatever their alphabets; turned they are other classes, also when evaluated.
static void test_characters(void) {
  struct dataset_params p = defaults(DATASET_BUILTIN, "");
  p.classes = 1200;
  p.evaluation_classes = 423;
  p.drawings = 2;
  p.protocol = DATASET_CHARACTERS;
  struct dataset d, half;
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING) == 0, "%s", err_message());
  CHECK(d.split[0].n == 1080 && d.split[1].n == 120 && d.split[2].n == 423, "%d %d %d", d.split[0].n, d.split[1].n,
        d.split[2].n);
  int late = 0;
  for (int i = 0; i < d.split[2].n; i++) late += d.split[2].id[i] >= 1200;
  CHECK(late > 70 && late < 150, "%d of 423 evaluation characters come from the evaluation alphabets", late);
  CHECK(dataset_load(&half, &p, DATASET_BACKGROUND_ONLY) == 0, "%s", err_message());
  CHECK(same(&d.split[0], &half.split[0]) && same(&d.split[2], &half.split[2]), "depends on what is loaded");
  struct episode_spec spec = dataset_spec(&p, DATASET_EVALUATION, 1600, 1, 1);
  CHECK(spec.rotated_classes && dataset_check(&d, &p, &spec, DATASET_EVALUATION) == 0, "%s", err_message());
  p.protocol = DATASET_ALPHABETS;
  spec = dataset_spec(&p, DATASET_EVALUATION, 1600, 1, 1);
  CHECK(!spec.rotated_classes && dataset_check(&d, &p, &spec, DATASET_EVALUATION) < 0, "rotations are no classes");
  dataset_release(&half);
  dataset_release(&d);
}

static void test_builtin(void) {
  struct dataset_params p = defaults(DATASET_BUILTIN, "");
  p.classes = 50;
  p.evaluation_classes = 7;
  p.drawings = 3;
  struct dataset d, half, other;
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING) == 0, "%s", err_message());
  CHECK(d.split[0].n == 45 && d.split[1].n == 5 && d.split[2].n == 7 && d.images.n_images == 57 * 3, "%d %d %d",
        d.split[0].n, d.split[1].n, d.split[2].n);
  check_partition(&d, "builtin");
  CHECK(dataset_load(&half, &p, DATASET_BACKGROUND_ONLY) == 0, "%s", err_message());
  CHECK(same(&d.split[0], &half.split[0]) && same(&d.split[1], &half.split[1]) && half.split[2].n == 0,
        "depends on what is loaded");
  p.seed = 2;
  CHECK(dataset_load(&other, &p, DATASET_EVALUATION_ONLY) == 0, "%s", err_message());
  CHECK(other.split[0].n == 0 && other.split[1].n == 0 && other.split[2].n == 7, "%d", other.split[2].n);
  CHECK(memcmp(other.images.ink, d.images.ink + (size_t)d.images.first[50] * 56 * 56, 7 * 3 * 56 * 56) != 0,
        "another seed gives other characters");
  dataset_release(&other);
  CHECK(dataset_load(&other, &p, DATASET_BACKGROUND_ONLY) == 0 && !same(&d.split[1], &other.split[1]),
        "another seed gives another split");
  dataset_release(&other);
  dataset_release(&half);
  dataset_release(&d);
}

static void test_folder(void) {
  struct folder f = folder_make(), page = folder_make();
  static const unsigned char white[64] = { 0 };
  for (int i = 0; i < 20; i++) {
    char name[64];
    snprintf(name, sizeof name, "class%02d/%d.png", i / 2, i);
    if (png_grey_write(folder_path(&f, name), white, 8, 8) < 0) abort();
  }
  struct dataset_params p = defaults(DATASET_FOLDER, f.path);
  struct dataset d;
  p.split_rule = DATASET_BY_ORDER;
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING) == 0, "%s", err_message());
  CHECK(d.split[0].n == 6 && d.split[1].n == 1 && d.split[2].n == 3, "%d %d %d", d.split[0].n, d.split[1].n,
        d.split[2].n);
  check_partition(&d, "folder");
  struct png_pixels sheet = { 0 };
  char *data;
  size_t size;
  CHECK(contactsheet_write(folder_path(&page, "sheet.png"), &d.images, &d.split[0], 4, 3, 2) == 0, "%s", err_message());
  CHECK(file_read(folder_path(&page, "sheet.png"), 1 << 20, &data, &size) == 0, "%s", err_message());
  CHECK(png_grey_read(&sheet, "sheet", data, size, 4096, 255) == 0 && sheet.H == 4 * 59 + 1 && sheet.W == 3 * 59 + 1,
        "%d x %d", sheet.H, sheet.W);
  free(data);
  png_pixels_release(&sheet);
  dataset_release(&d);
  p.evaluation = 1;
  CHECK(dataset_load(&d, &p, DATASET_EVALUATION_ONLY) == 0 && d.split[2].n == 10 && d.split[0].n == 0,
        "all for evaluation");
  dataset_release(&d);
  snprintf(p.path, sizeof p.path, "/nonexistent");
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING) == ERR_IO && strstr(err_message(), "/nonexistent"), "%s",
        err_message());
  folder_remove(&f);
  folder_remove(&page);
}

// ---- folders as users have them

static char notes[4096];
static void keep_note(const char *line) { snprintf(notes + strlen(notes), sizeof notes - strlen(notes), "%s\n", line); }

static int load(struct dataset *d, const struct dataset_params *p) {
  notes[0] = 0;
  return dataset_load(d, p, DATASET_EVERYTHING);
}

// A class more moves no other, whatever its place in the order.
static void test_stable(void) {
  struct folder f = folder_make();
  struct dataset_params p = defaults(DATASET_FOLDER, f.path);
  struct dataset before, after;
  image_tree_fill(&f, "", 30, 1);
  CHECK(load(&before, &p) == 0, "%s", err_message());
  check_partition(&before, "by name");
  CHECK(before.split[2].n > 4 && before.split[2].n < 15 && before.split[0].n > 12, "%d %d %d", before.split[0].n,
        before.split[1].n, before.split[2].n);
  image_tree_class(&f, "aaa", 99, 1);
  for (int rule = DATASET_BY_NAME; rule <= DATASET_BY_ORDER; rule++) {
    int moved = 0;
    p.split_rule = rule;
    CHECK(load(&after, &p) == 0, "%s", err_message());
    for (int c = 0; c < before.images.n_classes; c++)
      moved +=
          image_tree_part(&after, before.images.class_name[c]) != image_tree_part(&before, before.images.class_name[c]);
    CHECK(rule == DATASET_BY_NAME ? moved == 0 : moved > 0, "rule %d: %d of 30 classes moved", rule, moved);
    dataset_release(&after);
  }
  dataset_release(&before);
  folder_remove(&f);
}

static void test_groups(void) {
  struct folder f = folder_make();
  struct dataset_params p = defaults(DATASET_FOLDER, f.path);
  struct dataset d;
  for (int k = 0; k < 12; k++) {
    char parent[16];
    snprintf(parent, sizeof parent, "set%d/", k);
    image_tree_fill(&f, parent, 4, 1);
  }
  image_tree_class(&f, "set3/mark02/more", 50, 1);  // comes between the classes of set3
  for (int groups = IMAGEFOLDER_CLASS; groups <= IMAGEFOLDER_PARENT; groups++) {
    p.groups = groups;
    CHECK(load(&d, &p) == 0, "%s", err_message());
    CHECK(d.images.n_classes == 49 && d.images.n_groups == (groups ? 13 : 49), "%d groups of %d classes",
          d.images.n_groups, d.images.n_classes);
    int torn = 0;
    for (int k = 0; k < 12; k++)
      for (int c = 1; c < 4; c++) {
        char first[32], other[32];
        snprintf(first, sizeof first, "set%d/mark00", k);
        snprintf(other, sizeof other, "set%d/mark%02d", k, c);
        torn += image_tree_part(&d, first) != image_tree_part(&d, other);
      }
    CHECK(groups ? torn == 0 : torn > 0, "groups %d: %d classes apart", groups, torn);
    dataset_release(&d);
  }
  folder_remove(&f);
}

// Tasks of one group: in every part, and a refusal that says what there is.
static void test_tasks(void) {
  struct folder f = folder_make();
  struct dataset_params p = defaults(DATASET_FOLDER, f.path);
  struct dataset d;
  for (int k = 0; k < 12; k++) {
    char parent[16];
    snprintf(parent, sizeof parent, "set%02d/", k);
    image_tree_fill(&f, parent, k == 4 ? 5 : 2, 2);
  }
  p.tasks = DATASET_ALPHABET;
  p.evaluation = 1;
  CHECK(load(&d, &p) == 0, "%s", err_message());
  struct episode_spec spec = dataset_spec(&p, DATASET_EVALUATION, 3, 1, 1);
  CHECK(spec.one_group && dataset_spec(&p, DATASET_TRAINING, 3, 1, 1).one_group &&
            dataset_spec(&p, DATASET_VALIDATION, 3, 1, 1).one_group, "not in all parts");
  CHECK(dataset_check(&d, &p, &spec, DATASET_EVALUATION) == ERR_SETTING &&
            !strcmp(err_message(), "data.tasks=alphabet: 3 ways, but the largest group of evaluation classes, "
                                   "set00/mark00, has 1; data.groups=parent makes them of folders"),
        "%s", err_message());
  dataset_release(&d);
  p.groups = IMAGEFOLDER_PARENT;
  CHECK(load(&d, &p) == 0 && dataset_check(&d, &p, &spec, DATASET_EVALUATION) == 0, "%s", err_message());
  spec.ways = 6;
  CHECK(dataset_check(&d, &p, &spec, DATASET_EVALUATION) == ERR_SETTING &&
            !strcmp(err_message(), "data.tasks=alphabet: 6 ways, but the largest group of evaluation classes, set04/, "
                                   "has 5"),
        "%s", err_message());
  p.tasks = DATASET_MIXED;
  spec = dataset_spec(&p, DATASET_EVALUATION, 6, 1, 1);
  CHECK(!spec.one_group && dataset_check(&d, &p, &spec, DATASET_EVALUATION) == 0, "%s", err_message());
  dataset_release(&d);
  folder_remove(&f);
}

static void test_layout(void) {
  struct folder f = folder_make();
  struct dataset_params p = defaults(DATASET_FOLDER, f.path);
  struct dataset d;
  image_tree_fill(&f, "train/", 6, 1);
  image_tree_class(&f, "val/v", 20, 1);
  image_tree_class(&f, "test/t", 21, 1);
  CHECK(load(&d, &p) == 0, "%s", err_message());
  CHECK(d.split[0].n == 6 && image_tree_part(&d, "val/v") == 1 && image_tree_part(&d, "test/t") == 2 &&
            d.split[2].n == 1,
        "%d %d %d", d.split[0].n, d.split[1].n, d.split[2].n);
  dataset_release(&d);
  p.layout = DATASET_CLASSES;
  p.evaluation = 1;
  CHECK(load(&d, &p) == 0 && d.split[2].n == 8, "folders called train are classes like others: %d", d.split[2].n);
  dataset_release(&d);
  image_tree_class(&f, "more/t", 22, 1);
  p.layout = DATASET_AUTO;
  CHECK(load(&d, &p) == 0 && d.split[2].n == 9, "one folder of another name: no splits, %d", d.split[2].n);
  dataset_release(&d);
  p.layout = DATASET_PARTS;
  CHECK(load(&d, &p) == ERR_SETTING && strstr(err_message(), "class more/t is not in a folder train, val or test"),
        "%s", err_message());
  folder_remove(&f);
  f = folder_make();
  image_tree_class(&f, "train/cat", 1, 1);
  image_tree_class(&f, "test/cat", 1, 1);
  snprintf(p.path, sizeof p.path, "%s", f.path);
  CHECK(load(&d, &p) == ERR_SETTING && strstr(err_message(), "test/cat and train/cat are one class in two parts"), "%s",
        err_message());
  folder_remove(&f);
}

static void test_list(void) {
  struct folder f = folder_make(), lists = folder_make();
  struct dataset_params p = defaults(DATASET_FOLDER, f.path);
  struct dataset d, again;
  image_tree_fill(&f, "", 12, 1);
  CHECK(load(&d, &p) == 0, "%s", err_message());
  const char *path = folder_path(&lists, "list");
  CHECK(dataset_split_write(&d, path) == 0, "%s", err_message());
  snprintf(p.split, sizeof p.split, "%s", path);
  p.evaluation = p.validation = 1;
  p.seed = 5;
  CHECK(load(&again, &p) == 0, "%s", err_message());
  for (int s = 0; s < DATASET_SPLITS; s++) CHECK(same(&d.split[s], &again.split[s]), "part %d is another one", s);
  dataset_release(&again);
  dataset_release(&d);
  folder_write(&lists, "train.txt", "mark00\nmark01\n", 14);
  folder_write(&lists, "val.txt", "mark02\r\n", 8);
  folder_write(&lists, "test.txt", "mark03\n\nmark04", 14);
  snprintf(p.split, sizeof p.split, "%s", lists.path);
  CHECK(load(&d, &p) == 0 && d.split[0].n == 2 && d.split[1].n == 1 && d.split[2].n == 2 &&
            image_tree_part(&d, "mark02") == 1,
        "%s", err_message());
  CHECK(strstr(notes, "7 of 12 classes are not listed and left out"), "%s", notes);
  dataset_release(&d);
  folder_write(&lists, "test.txt", "mark99", 6);
  CHECK(load(&d, &p) == ERR_SETTING && strstr(err_message(), "class mark99 is not in the data"), "%s", err_message());
  p = defaults(DATASET_BUILTIN, "");  // also of other kinds, and whatever part of them is asked for
  p.classes = 4, p.evaluation_classes = 2, p.drawings = 2;
  folder_write(&lists, "swap", "test\tbackground/character0001\ntraining\tevaluation/character0002\n", 63);
  snprintf(p.split, sizeof p.split, "%s", folder_path(&lists, "swap"));
  CHECK(dataset_load(&d, &p, DATASET_EVALUATION_ONLY) == 0 && image_tree_part(&d, "background/character0001") == 2 &&
            d.split[0].n == 1,
        "%s", err_message());
  dataset_release(&d);
  folder_remove(&f);
  folder_remove(&lists);
}

// Background images never come from a class that is evaluated.
static void test_background(void) {
  struct folder f = folder_make();
  struct dataset_params p = defaults(DATASET_FOLDER, f.path);
  struct dataset d;
  const struct imageset_classes *from;
  image_tree_fill(&f, "", 6, 2);
  notes[0] = 0;
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING | DATASET_STAND_IN) == 0 &&
            dataset_background(&d, &from) == &d.images && from == &d.split[0] && !notes[0],
        "%s", notes);
  dataset_release(&d);
  for (int k = 0; k < 2; k++) {  // all for evaluation, all for validation
    p.evaluation = !k;
    p.validation = k;
    notes[0] = 0;
    CHECK(dataset_load(&d, &p, DATASET_EVERYTHING | DATASET_STAND_IN) == 0, "%s", err_message());
    const struct imageset *set = dataset_background(&d, &from);
    CHECK(set == &d.stand_in && from->n >= 50 && set->S == 28 && set->preprocessing == d.images.preprocessing,
          "not of their own");
    CHECK(strstr(notes, "built-in characters"), "%s", notes);
    int ink = 0;
    for (int i = 0; i < from->n; i++) ink += imageset_ink(set, from->id[i]) > 0;
    CHECK(ink == from->n, "%d of %d with ink", ink, from->n);
    dataset_release(&d);
  }
  folder_remove(&f);
}

// The last images of every class are test images, of which no class has nothing but these.
static void test_test_images(void) {
  struct dataset_params p = defaults(DATASET_BUILTIN, "");
  struct dataset d;
  p.classes = 12;
  p.evaluation_classes = 3;
  p.drawings = 6;
  p.test_images = 5;
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING) == 0, "%s", err_message());
  CHECK(d.images.n_test == 5 && imageset_training(&d.images, 0) == 1, "%d test images", d.images.n_test);
  const struct episode_spec train = dataset_spec(&p, DATASET_TRAINING, 3, 1, 2),
                            valid = dataset_spec(&p, DATASET_VALIDATION, 1, 1, 5);
  CHECK(dataset_check(&d, &p, &valid, DATASET_EVALUATION) == 0, "%s", err_message());
  CHECK(dataset_check(&d, &p, &train, DATASET_TRAINING) == ERR_SETTING, "queries of a training are test images");
  dataset_release(&d);
  p.test_images = 6;
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING) == ERR_SETTING &&
            strstr(err_message(), "data.test_images=6: class ") && strstr(err_message(), " has only 6 images"),
        "%s", err_message());
}

static void test_check(void) {
  struct folder f = folder_make();
  struct dataset_params p = defaults(DATASET_FOLDER, f.path);
  struct dataset d;
  image_tree_fill(&f, "", 10, 1);
  p.split_rule = DATASET_BY_ORDER;
  CHECK(load(&d, &p) == 0, "%s", err_message());
  const struct episode_spec spec = { .ways = 5, .shots = 1, .queries = 1 };
  CHECK(dataset_check(&d, &p, &spec, DATASET_VALIDATION) == ERR_SETTING &&
            !strcmp(err_message(), "5 ways, but there is only 1 validation class of 10 (data.validation=0.1): "
                                   "change that, or the ways"),
        "%s", err_message());
  CHECK(dataset_check(&d, &p, &spec, DATASET_EVALUATION) == ERR_SETTING && strstr(err_message(), "data.evaluation"),
        "%s", err_message());
  CHECK(dataset_check(&d, &p, &spec, DATASET_TRAINING) == ERR_SETTING && strstr(err_message(), "class mark00"), "%s",
        err_message());
  dataset_release(&d);
  folder_remove(&f);
}

static void fingerprint(const struct dataset_params *p, char text[17]) {
  struct dataset d;
  CHECK(load(&d, p) == 0, "%s", err_message());
  dataset_fingerprint(&d, text);
  dataset_release(&d);
}

static void test_fingerprint(void) {
  struct folder f = folder_make();
  struct dataset_params p = defaults(DATASET_FOLDER, f.path);
  char text[2][6][17];
  static unsigned char pixels[IMAGE_TREE_SIDE * IMAGE_TREE_SIDE];
  image_tree_fill(&f, "", 3, 2);
  for (int k = 0; k < 2; k++) {
    p.preprocessing = k;
    fingerprint(&p, text[k][0]);
    p.seed++;  // another split, the same images
    fingerprint(&p, text[k][1]);
  }
  image_tree_pixels(pixels, 1, 1);
  pixels[0] ^= 255;
  if (png_grey_write(folder_path(&f, "mark01/01.png"), pixels, IMAGE_TREE_SIDE, IMAGE_TREE_SIDE) < 0) abort();
  for (int k = 0; k < 2; k++) p.preprocessing = k, fingerprint(&p, text[k][2]);
  rename(folder_path(&f, "mark02"), folder_path(&f, "mark05"));
  for (int k = 0; k < 2; k++) p.preprocessing = k, fingerprint(&p, text[k][3]);
  rename(folder_path(&f, "mark05/00.png"), folder_path(&f, "mark01/02.png"));  // the same pixels in the same order
  for (int k = 0; k < 2; k++) p.preprocessing = k, fingerprint(&p, text[k][4]);
  for (int k = 0; k < 2; k++) {
    CHECK(!strcmp(text[k][0], text[k][1]) && strlen(text[k][0]) == 16, "%s and %s of the same images", text[k][0],
          text[k][1]);
    for (int i = 2; i < 5; i++) CHECK(strcmp(text[k][i], text[k][i - 1]), "change %d leaves %s", i, text[k][i]);
  }
  CHECK(strcmp(text[0][0], text[1][0]), "two preprocessings");
  folder_remove(&f);
}

// ---- what images look like

// A 16-bit image: values of `white` and 0.
static void write_16_bit(const char *path, const unsigned char *pixels, unsigned white) {
  static uint16_t wide[IMAGE_TREE_SIDE * IMAGE_TREE_SIDE];
  for (int k = 0; k < IMAGE_TREE_SIDE * IMAGE_TREE_SIDE; k++) wide[k] = (uint16_t)(pixels[k] * white / 255);
  png_image p = {
    .version = PNG_IMAGE_VERSION, .width = IMAGE_TREE_SIDE, .height = IMAGE_TREE_SIDE, .format = PNG_FORMAT_LINEAR_Y
  };
  if (!png_image_write_to_file(&p, path, 0, wide, 0, NULL)) abort();
}

enum look { DARK_ON_WHITE, WHITE_ON_BLACK, WHITE_ON_TRANSPARENT, TWELVE_BITS, ONE_BLANK, LOOKS };

static struct folder tree_of(enum look look) {
  struct folder f = folder_make();
  unsigned char pixels[IMAGE_TREE_SIDE * IMAGE_TREE_SIDE], grey_alpha[sizeof pixels * 2];
  for (int i = 0; i < 12; i++) {
    char name[32];
    snprintf(name, sizeof name, "mark%d/%d.png", i / 4, i % 4);
    const char *path = folder_path(&f, name);
    image_tree_pixels(pixels, i / 4, i % 4);
    for (size_t k = 0; k < sizeof pixels; k++) {
      if (look == WHITE_ON_BLACK) pixels[k] = (unsigned char)(255 - pixels[k]);
      if (look == ONE_BLANK && i == 5) pixels[k] = (unsigned char)(250 + k % 5);
      grey_alpha[2*k] = 255;
      grey_alpha[2*k + 1] = (unsigned char)(255 - pixels[k]);
    }
    png_image p = {
      .version = PNG_IMAGE_VERSION, .width = IMAGE_TREE_SIDE, .height = IMAGE_TREE_SIDE, .format = PNG_FORMAT_GA
    };
    if (look == TWELVE_BITS) write_16_bit(path, pixels, 4095);
    else if (look == WHITE_ON_TRANSPARENT && !png_image_write_to_file(&p, path, 0, grey_alpha, 0, NULL)) abort();
    else if (look != WHITE_ON_TRANSPARENT && png_grey_write(path, pixels, IMAGE_TREE_SIDE, IMAGE_TREE_SIDE) < 0)
      abort();
  }
  return f;
}

static void test_looks(void) {
  static const struct { const char *said[2]; bool refused[2]; } expected[LOOKS] = {
    [DARK_ON_WHITE] = { { "", "12 of 12 images is taken as ink; dark marks on a bright ground need data.invert=no" },
                        { 0 } },
    [WHITE_ON_BLACK] = { { "12 of 12 images is taken as ink; bright marks on a dark ground need data.invert=yes", "" },
                         { 0 } },
    [WHITE_ON_TRANSPARENT] = { { "class mark0: no ink in any of its 4 images; bright marks on a dark or transparent "
                                 "ground "
                                 "need data.invert=yes", "" }, { 1, 0 } },
    [TWELVE_BITS] = { { "the brightest pixel of all images is", "" }, { 0 } },
    [ONE_BLANK] = { { "1 of 12 images without ink", "need data.invert=no" }, { 0 } },
  };
  for (enum look look = 0; look < LOOKS; look++) {
    struct folder f = tree_of(look);
    for (int invert = 0; invert < 2; invert++) {
      struct dataset_params p = defaults(DATASET_FOLDER, f.path);
      struct dataset d;
      p.invert = invert;
      const int rc = load(&d, &p);
      const char *said = rc < 0 ? err_message() : notes, *text = expected[look].said[invert];
      CHECK((rc < 0) == expected[look].refused[invert] && (*text ? strstr(said, text) != NULL : !*said),
            "look %d, invert %d: %d '%s', not '%s'", look, invert, rc, said, text);
      if (rc == 0) dataset_release(&d);
    }
    folder_remove(&f);
  }
}

// JPEG beside PNG, whatever the endings say; the rest is counted and named.
static void test_files(void) {
  struct folder f = folder_make();
  struct dataset_params p = defaults(DATASET_FOLDER, f.path);
  struct dataset d;
  static unsigned char pixels[IMAGE_TREE_SIDE * IMAGE_TREE_SIDE];
  image_tree_fill(&f, "", 2, 3);
  for (int i = 0; i < 6; i++) {
    static const char *const names[] = {
      "mark00/a.jpg",           "mark01/b.JPEG", "mark02/c.jpg", "mark02/d.jpeg", "mark02/really_a_jpeg.png",
      "mark02/really_a_png.jpg"
    };
    image_tree_pixels(pixels, 2, i);
    if (i < 5) jpeg_write(folder_path(&f, names[i]), pixels, IMAGE_TREE_SIDE, IMAGE_TREE_SIDE, 1, JPEG_SEQUENTIAL);
    else if (png_grey_write(folder_path(&f, names[i]), pixels, IMAGE_TREE_SIDE, IMAGE_TREE_SIDE) < 0) abort();
  }
  CHECK(load(&d, &p) == 0 && !notes[0], "%s %s", err_message(), notes);
  CHECK(d.images.n_classes == 3 && d.images.n_images == 12 && imageset_drawings(&d.images, 2) == 4,
        "%d images of %d classes", d.images.n_images, d.images.n_classes);
  CHECK(fabs(imageset_ink(&d.images, 2) - imageset_ink(&d.images, 0)) < 0.1, "ink %g and %g",
        imageset_ink(&d.images, 2), imageset_ink(&d.images, 0));
  dataset_release(&d);
  folder_write(&f, "mark00/x.gif", "GIF89a", 6);
  folder_write(&f, "mark03/x.GIF", "GIF89a", 6);
  folder_write(&f, "README", "x", 1);
  CHECK(load(&d, &p) == 0 &&
            strstr(notes, "neither PNG nor JPEG, ignored: 3 files: without ending (1), .gif (2)"),
        "%s", notes);
  dataset_release(&d);
  folder_write(&f, "mark00/z.jpg", "", 0);
  CHECK(load(&d, &p) == ERR_FORMAT && strstr(err_message(), "mark00/z.jpg: JPEG image: the file is empty"), "%s",
        err_message());
  folder_remove(&f);
}

// Folders that could have been classes are named, in a folder and in a zip file: a zip file lists the empty ones too.
static void test_empty_folders(void) {
  const struct folder f = folder_make();
  struct dataset_params p = defaults(DATASET_FOLDER, f.path);
  struct dataset d;
  char *image, in_zip[5][20] = { "set0/mark00/a.png", "set0/mark02/a.gif", "set0/mark01/a.png", "set0/mark02/b.gif",
                                   "set0/mark03/" };
  struct archive_part parts[5];
  static const char *const names[] = { "set0/mark02", "set0/mark04", "set1", "set1-b", "set1/mark00", "set2" };
  image_tree_fill(&f, "set0/", 2, 3);
  CHECK(load(&d, &p) == 0 && !notes[0], "%s %s", err_message(), notes);
  dataset_release(&d);
  for (int k = 0; k < 6; k++)
    if (mkdir(folder_path(&f, names[k]), 0777)) abort();
  folder_write(&f, "set0/mark02/x.gif", "GIF89a", 6);
  CHECK(load(&d, &p) == 0 && d.images.n_classes == 2, "%s", err_message());
  CHECK(strstr(notes, "5 folders without images: set0/mark02, set0/mark04, set1-b, set1/mark00, ...\n"), "%s", notes);
  dataset_release(&d);
  size_t size;
  if (file_read(folder_path(&f, "set0/mark00/00.png"), 1 << 20, &image, &size) < 0) abort();
  for (int k = 0; k < 5; k++) parts[k] = (struct archive_part){ in_zip[k], image, k < 4 ? size : 0 };
  snprintf(p.path, sizeof p.path, "%s", folder_path(&f, "a.zip"));
  CHECK(archive_write(p.path, parts, 5) == 0 && load(&d, &p) == 0, "%s", err_message());
  CHECK(strstr(notes, "a.zip: 2 folders without images: set0/mark02, set0/mark03\n"), "%s", notes);
  dataset_release(&d);
  free(image);
  folder_remove(&f);
}

static void test_omniglot(void) {
  if (!file_exists("../shared/omniglot/images_background.zip")) {
    printf("SKIP split by alphabet: ../shared/omniglot is absent\n");
    return;
  }
  const struct dataset_params p = defaults(DATASET_OMNIGLOT, "../shared/omniglot");
  const struct imageset_classes *from;
  struct dataset d;
  CHECK(dataset_load(&d, &p, DATASET_BACKGROUND_ONLY | DATASET_STAND_IN) == 0, "%s", err_message());
  check_partition(&d, "omniglot");
  CHECK(dataset_background(&d, &from) == &d.images && from == &d.split[0], "its own characters are not the background");
  int groups = 0;
  for (int i = 0; i < d.split[1].n; i++)
    groups += i == 0 || d.images.group[d.split[1].id[i]] != d.images.group[d.split[1].id[i - 1]];
  CHECK(groups == 3 && d.split[0].n + d.split[1].n == 964, "%d alphabets held out", groups);
  dataset_release(&d);
}

static void test_spec(void) {
  const struct dataset_params p = defaults(DATASET_BUILTIN, "");
  const struct episode_spec train = dataset_spec(&p, DATASET_TRAINING, 5, 4, 3),
                            valid = dataset_spec(&p, DATASET_VALIDATION, 5, 4, 3);
  CHECK(train.turn && train.distortion.scale > 0 && train.ways == 5 && train.shots == 4 && train.queries == 3,
        "training");
  CHECK(!valid.turn && valid.distortion.scale == 0 && valid.distortion.translation_px == 0,
        "validation is not distorted");
}

int main(void) {
  note_to(keep_note);
  test_builtin();
  test_characters();
  test_folder();
  test_stable();
  test_groups();
  test_tasks();
  test_layout();
  test_list();
  test_background();
  test_test_images();
  test_check();
  test_fingerprint();
  test_looks();
  test_files();
  test_empty_folders();
  test_omniglot();
  test_spec();
  return test_summary();
}
