// Splits: disjoint, complete, whole groups, the same whatever is loaded; settings reach the episodes.
#include "base/err.h"
#include "base/png.h"
#include "data/contactsheet.h"
#include "data/dataset.h"
#include "folder.h"
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
  int *seen = calloc((size_t)d->images.n_classes + 1, sizeof *seen), *split_of = calloc((size_t)d->images.n_groups + 1, sizeof *split_of);
  int twice = 0, torn = 0, total = 0;
  for (int s = 0; s < DATASET_SPLITS; s++)
    for (int i = 0; i < d->split[s].n; i++, total++) {
      const int c = d->split[s].id[i], g = d->images.group[c];
      twice += seen[c]++;
      torn += split_of[g] && split_of[g] != s + 1;
      split_of[g] = s + 1;
    }
  CHECK(twice == 0 && torn == 0 && total == d->images.n_classes, "%s: %d twice, %d torn, %d of %d", what, twice, torn, total, d->images.n_classes);
  free(seen);
  free(split_of);
}

static int same(const struct imageset_classes *a, const struct imageset_classes *b) {
  return a->n == b->n && memcmp(a->id, b->id, (size_t)a->n * sizeof(int)) == 0;
}

static void test_builtin(void) {
  struct dataset_params p = defaults(DATASET_BUILTIN, "");
  p.classes = 50;
  p.evaluation_classes = 7;
  p.drawings = 3;
  struct dataset d, half, other;
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING) == 0, "%s", err_message());
  CHECK(d.split[0].n == 45 && d.split[1].n == 5 && d.split[2].n == 7 && d.images.n_images == 57 * 3, "%d %d %d", d.split[0].n, d.split[1].n, d.split[2].n);
  check_partition(&d, "builtin");
  CHECK(dataset_load(&half, &p, DATASET_BACKGROUND_ONLY) == 0, "%s", err_message());
  CHECK(same(&d.split[0], &half.split[0]) && same(&d.split[1], &half.split[1]) && half.split[2].n == 0, "depends on what is loaded");
  p.seed = 2;
  CHECK(dataset_load(&other, &p, DATASET_EVALUATION_ONLY) == 0, "%s", err_message());
  CHECK(other.split[0].n == 0 && other.split[1].n == 0 && other.split[2].n == 7, "%d", other.split[2].n);
  CHECK(memcmp(other.images.ink, d.images.ink + (size_t)d.images.first[50] * 56 * 56, 7 * 3 * 56 * 56) != 0, "another seed gives other characters");
  dataset_release(&other);
  CHECK(dataset_load(&other, &p, DATASET_BACKGROUND_ONLY) == 0 && !same(&d.split[1], &other.split[1]), "another seed gives another split");
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
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING) == 0, "%s", err_message());
  CHECK(d.split[0].n == 6 && d.split[1].n == 1 && d.split[2].n == 3, "%d %d %d", d.split[0].n, d.split[1].n, d.split[2].n);
  check_partition(&d, "folder");
  struct png_grey sheet = { 0 };
  char *data;
  size_t size;
  CHECK(contactsheet_write(folder_path(&page, "sheet.png"), &d.images, &d.split[0], 4, 3, 2) == 0, "%s", err_message());
  CHECK(file_read(folder_path(&page, "sheet.png"), 1 << 20, &data, &size) == 0, "%s", err_message());
  CHECK(png_grey_read(&sheet, "sheet", data, size, 4096, 255) == 0 && sheet.H == 4 * 59 + 1 && sheet.W == 3 * 59 + 1, "%d x %d", sheet.H, sheet.W);
  free(data);
  png_grey_release(&sheet);
  dataset_release(&d);
  p.evaluation = 1;
  CHECK(dataset_load(&d, &p, DATASET_EVALUATION_ONLY) == 0 && d.split[2].n == 10 && d.split[0].n == 0, "all for evaluation");
  dataset_release(&d);
  snprintf(p.path, sizeof p.path, "/nonexistent");
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING) == ERR_IO && strstr(err_message(), "/nonexistent"), "%s", err_message());
  folder_remove(&f);
  folder_remove(&page);
}

static void test_omniglot(void) {
  if (!file_exists("../shared/omniglot/images_background.zip")) {
    printf("SKIP split by alphabet: ../shared/omniglot is absent\n");
    return;
  }
  const struct dataset_params p = defaults(DATASET_OMNIGLOT, "../shared/omniglot");
  struct dataset d;
  CHECK(dataset_load(&d, &p, DATASET_BACKGROUND_ONLY) == 0, "%s", err_message());
  check_partition(&d, "omniglot");
  int groups = 0;
  for (int i = 0; i < d.split[1].n; i++) groups += i == 0 || d.images.group[d.split[1].id[i]] != d.images.group[d.split[1].id[i - 1]];
  CHECK(groups == 3 && d.split[0].n + d.split[1].n == 964, "%d alphabets held out", groups);
  dataset_release(&d);
}

static void test_spec(void) {
  const struct dataset_params p = defaults(DATASET_BUILTIN, "");
  const struct episode_spec train = dataset_spec(&p, DATASET_TRAINING, 5, 4, 3), valid = dataset_spec(&p, DATASET_VALIDATION, 5, 4, 3);
  CHECK(train.turn && train.distortion.scale > 0 && train.ways == 5 && train.shots == 4 && train.queries == 3, "training");
  CHECK(!valid.turn && valid.distortion.scale == 0 && valid.distortion.translation_px == 0, "validation is not distorted");
}

int main(void) {
  test_builtin();
  test_folder();
  test_omniglot();
  test_spec();
  return test_summary();
}
