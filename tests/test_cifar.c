// CIFAR-100 in its official form: classes, parts, order and pixels of a small archive and of its unpacked folder, and
// each way in which they can be wrong. With a folder as argument: write the corpus of fuzz_cifar into it.
#include "base/err.h"
#include "data/cifar.h"
#include "data/dataset.h"
#include "folder.h"
#include "tar_write.h"
#include "test.h"

enum { CLASSES = 100, TRAIN = 3, TEST = 2, SIDE = 32, PLANE = SIDE * SIDE, RECORD = 2 + 3 * PLANE };

// As in fine_label_names.txt: the label is the number of the line.
static const char names[] =
  "apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle "
  "caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant "
  "flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree "
  "motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate "
  "poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider "
  "squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle "
  "wardrobe whale willow_tree wolf woman worm";

static struct folder tmp;

// The two files of records and that of names, and how many bytes of them there are.
struct set {
  unsigned char train[CLASSES * TRAIN * RECORD], test[CLASSES * TEST * RECORD];
  char lines[2048];
  size_t n_train, n_test;
};
static struct set good;

static unsigned char value(int class, int image, int channel, int pixel) {
  return (unsigned char)(class * 7 + image * 31 + channel * 83 + pixel * 5 + pixel / SIDE);
}

// Image k of a class stands in the order of the classes, backwards: files are not sorted by label.
static void fill(unsigned char *records, int each, int first) {
  for (int k = 0; k < each; k++)
    for (int at = 0; at < CLASSES; at++) {
      const int class = CLASSES - 1 - at;
      unsigned char *r = records + (k * CLASSES + at) * RECORD;
      r[0] = (unsigned char)(class % 20);
      r[1] = (unsigned char)class;
      for (int i = 0; i < 3 * PLANE; i++) r[2 + i] = value(class, first + k, i / PLANE, i % PLANE);
    }
}

static void good_init(void) {
  fill(good.train, TRAIN, 0);
  fill(good.test, TEST, TRAIN);
  good.n_train = sizeof good.train;
  good.n_test = sizeof good.test;
  snprintf(good.lines, sizeof good.lines, "%s\n", names);
  for (char *c = good.lines; *c; c++)
    if (*c == ' ') *c = '\n';
}

static const char *written(const char *name, const struct set *s) {
  const struct tar_file files[] = {
    { "cifar-100-binary/test.bin", s->test, s->n_test },
    { "cifar-100-binary/coarse_label_names.txt", "fish\n", 5 },
    { "cifar-100-binary/fine_label_names.txt", s->lines, strlen(s->lines) },
    { "cifar-100-binary/train.bin", s->train, s->n_train },
  };
  const char *path = folder_path(&tmp, name);
  tar_write(path, files, 4);
  return path;
}

static int load(struct imageset *set, const char *path, unsigned parts) {
  imageset_init_colour(set, SIDE);
  return cifar_load(set, path, parts);
}

// Values of class `label` that differ from those of its records.
static int wrong_values(const struct imageset *set, int c, int label) {
  int wrong = imageset_drawings(set, c) != TRAIN + TEST;
  for (int k = 0; k < TRAIN + TEST && !wrong; k++) {
    const unsigned char *kept = set->colour + (size_t)(set->first[c] + k) * 3 * PLANE;
    for (int i = 0; i < 3 * PLANE; i++) wrong += kept[i] != value(label, k, i % 3, i / 3);
  }
  return wrong;
}

static void check_set(const char *path) {
  static const int counts[DATASET_SPLITS] = { 64, 16, 20 };
  struct imageset set;
  for (unsigned parts = 0; parts < 8; parts++) {
    int expected = 0, wrong = 0, last = -1;
    char copy[sizeof names];
    for (int s = 0; s < DATASET_SPLITS; s++) expected += parts & 1u << s ? counts[s] : 0;
    CHECK(load(&set, path, parts) == 0, "%s", err_message());
    CHECK(set.n_classes == expected && set.n_groups == expected && set.n_images == expected * (TRAIN + TEST),
          "parts %u: %d classes, %d images", parts, set.n_classes, set.n_images);
    memcpy(copy, names, sizeof copy);
    char *name = strtok(copy, " ");
    for (int label = 0; label < CLASSES; label++, name = strtok(NULL, " ")) {
      const int c = imageset_find(&set, name), part = cifar_part(name);
      const unsigned here = c >= 0;
      wrong += part < 0 || (parts >> part & 1) != here || (here && c <= last);
      if (c >= 0) wrong += wrong_values(&set, c, label), last = c;
    }
    CHECK(wrong == 0, "parts %u: %d wrong", parts, wrong);
    imageset_release(&set);
  }
}

static void test_good(void) {
  const char *binary[] = { "data/cifar-100-binary/train.bin", "data/cifar-100-binary/test.bin",
                           "data/cifar-100-binary/fine_label_names.txt" };
  char folder[300];
  check_set(written("plain.tar", &good));
  check_set(written("packed/cifar-100-binary.tar.gz", &good));
  check_set(folder_path(&tmp, "packed"));
  folder_write(&tmp, binary[0], good.train, good.n_train);
  folder_write(&tmp, binary[1], good.test, good.n_test);
  folder_write(&tmp, binary[2], good.lines, strlen(good.lines));
  snprintf(folder, sizeof folder, "%s", folder_path(&tmp, "data"));
  check_set(folder);
  check_set(folder_path(&tmp, "data/cifar-100-binary"));
}

// The published lists, where they are at hand; otherwise some of their lines.
static void test_parts(void) {
  static const struct { const char *name; int part; } some[] = {
    { "apple", 0 }, { "wolf", 0 }, { "beaver", 1 }, { "sea", 1 }, { "tractor", 1 }, { "baby", 2 }, { "worm", 2 },
    { "seal", 0 }, { "train", 0 }, { "", -1 }, { "app", -1 }, { "apple bear", -1 }, { "gnu", -1 },
  };
  for (size_t k = 0; k < sizeof some / sizeof *some; k++)
    CHECK(cifar_part(some[k].name) == some[k].part, "%s: %d", some[k].name, cifar_part(some[k].name));
  static const char *const lists[] = { "train", "val", "test" };
  for (int s = 0; s < DATASET_SPLITS; s++) {
    char path[64], line[64];
    snprintf(path, sizeof path, "../shared/cifar-fs/cifar_fs_%s.txt", lists[s]);
    FILE *in = fopen(path, "r");
    if (!in) printf("SKIP published list: %s is absent\n", path);
    while (in && fscanf(in, "%63s", line) == 1) CHECK(cifar_part(line) == s, "%s: %d", line, cifar_part(line));
    if (in) fclose(in);
  }
}

// ---- what is wrong

static void refused(const char *path, const char *message) {
  struct imageset set;
  const int rc = load(&set, path, 7);
  CHECK(rc < 0 && strstr(err_message(), path) && strstr(err_message(), message) && !strchr(err_message(), '\n'),
        "%d: '%s', not '%s'", rc, err_message(), message);
  imageset_release(&set);
}

static void test_records(void) {
  static struct set s;
  s = good;
  s.n_train -= RECORD;
  refused(written("a.tar", &s), "train.bin: class apple has 2 images, but worm has 3: records are missing");
  s.n_train = good.n_train - 1;
  refused(written("a.tar", &s), "train.bin: 922199 bytes, not records of 3074 bytes each: cut off?");
  s = good;
  s.n_test = 0;
  refused(written("a.tar", &s), "test.bin: 0 bytes");
  s = good;
  s.train[7 * RECORD + 1] = 100;
  refused(written("a.tar", &s), "train.bin: record 8: class 100, not 0 to 99");
  s = good;
  s.test[RECORD] = 20;
  refused(written("a.tar", &s), "test.bin: record 2: superclass 20, not 0 to 19");
}

static void test_names(void) {
  static struct set s;
  s = good;
  memcpy(s.lines, "apric", 5);
  refused(written("a.tar", &s), "fine_label_names.txt:1: 'apric' is no class of CIFAR-100");
  s = good;
  memcpy(strstr(s.lines, "wolf"), "bear", 4);
  refused(written("a.tar", &s), "fine_label_names.txt:98: class bear is there twice");
  s = good;
  *strstr(s.lines, "worm") = 0;
  refused(written("a.tar", &s), "fine_label_names.txt: 99 classes instead of 100");
  s = good;
  memcpy(strstr(s.lines, "\nworm"), " ", 1);
  refused(written("a.tar", &s), "fine_label_names.txt:99: 'woman worm' is no class of CIFAR-100");
}

static void test_archives(void) {
  const struct tar_file files[] = { { "train.bin", good.train, good.n_train }, { "test.bin", good.test, good.n_test },
                                    { "fine_label_names.txt", good.lines, strlen(good.lines) },
                                    { "x/test.bin", good.test, good.n_test } };
  char *data;
  size_t size;
  tar_write(folder_path(&tmp, "b.tar"), files, 2);
  refused(folder_path(&tmp, "b.tar"), "fine_label_names.txt is not there");
  tar_write(folder_path(&tmp, "b.tar"), files, 4);
  refused(folder_path(&tmp, "b.tar"), "test.bin is there twice");
  if (file_read(written("c.tar.gz", &good), 1 << 24, &data, &size) < 0) abort();
  for (size_t k = 0; k < 8; k++) {
    folder_write(&tmp, "c.tar.gz", data, size * k / 8);
    refused(folder_path(&tmp, "c.tar.gz"), "c.tar.gz: ");
  }
  folder_write(&tmp, "c.tar.gz", data, size - 12);
  refused(folder_path(&tmp, "c.tar.gz"), "truncated gzip input");
  free(data);
  size_t end = 100;  // all members are there, and some of the header behind
  const size_t sizes[] = { good.n_test, 5, strlen(good.lines), good.n_train };
  for (int k = 0; k < 4; k++) end += 512 + (sizes[k] + 511) / 512 * 512;
  if (file_read(written("c.tar", &good), 1 << 24, &data, &size) < 0 || size <= end) abort();
  folder_write(&tmp, "c.tar", data, end);
  refused(folder_path(&tmp, "c.tar"), "Truncated tar archive");
  free(data);
  folder_write(&tmp, "d.tar", "no archive at all", 17);
  refused(folder_path(&tmp, "d.tar"), "Unrecognized archive format");
  refused(folder_path(&tmp, "nowhere/e.tar"), "neither cifar-100-binary.tar.gz nor the unpacked cifar-100-binary");
  folder_write(&tmp, "half/train.bin", good.train, good.n_train);
  refused(folder_path(&tmp, "half"), "half/fine_label_names.txt: ");
}

// A member is at most as long as is accepted, whatever follows.
static void test_limit(void) {
  const char *path = written("limit.tar.gz", &good);
  for (size_t k = 0; k < 2; k++) {
    struct tar_member m = { .name = "train.bin", .max_size = good.n_train - k };
    const int rc = tar_read(&m, 1, path);
    CHECK(k ? rc == ERR_FORMAT && strstr(err_message(), "train.bin: more than the 922199 bytes that are accepted")
            : rc == 0 && m.size == good.n_train,
          "%d: %s", rc, err_message());
    tar_release(&m, 1);
  }
}

// ---- as data.kind=cifar100

static void test_dataset(void) {
  struct dataset_params p;
  struct dataset d;
  param_defaults(dataset_param_table, &p);
  CHECK(!strcmp(dataset_path(&p), "data/omniglot"), "%s", dataset_path(&p));
  p.kind = DATASET_CIFAR100;
  CHECK(!strcmp(dataset_path(&p), "data/cifar100"), "%s", dataset_path(&p));
  snprintf(p.path, sizeof p.path, "%s", written("all.tar.gz", &good));
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING) == ERR_SETTING &&
            !strcmp(err_message(), "data.channels=1: data.kind=cifar100 is in colours: data.channels=3"),
        "%s", err_message());
  p.channels = 3;
  p.size = SIDE;
  CHECK(dataset_load(&d, &p, DATASET_EVERYTHING) == 0 && d.split[0].n == 64 && d.split[1].n == 16 && d.split[2].n == 20,
        "%s", err_message());
  dataset_release(&d);
  CHECK(dataset_load(&d, &p, DATASET_BACKGROUND_ONLY) == 0 && d.split[0].n == 64 && d.split[1].n == 16 &&
            d.images.n_classes == 80,
        "%s", err_message());
  dataset_release(&d);
  CHECK(dataset_load(&d, &p, DATASET_EVALUATION_ONLY) == 0 && d.split[2].n == 20 && d.images.n_classes == 20, "%s",
        err_message());
  dataset_release(&d);
  CHECK(dataset_load(&d, &p, DATASET_EVALUATION_ONLY | DATASET_STAND_IN) == ERR_SETTING &&
            strstr(err_message(), "the colours of built-in characters are not theirs"),
        "%s", err_message());
  folder_write(&tmp, "list", "train\tworm\ntest\tapple\n", 22);
  snprintf(p.split, sizeof p.split, "%s", folder_path(&tmp, "list"));
  CHECK(dataset_load(&d, &p, DATASET_EVALUATION_ONLY) == 0 && d.split[0].n == 1 && d.split[2].n == 1, "%s",
        err_message());
  dataset_release(&d);
}

// Small: records of one value each pack well.
static void write_corpus(void) {
  static struct set s;
  s = good;
  s.n_train = s.n_test = CLASSES * RECORD;
  for (int k = 0; k < CLASSES; k++) {
    memset(s.train + k * RECORD + 2, k, RECORD - 2);
    memset(s.test + k * RECORD + 2, 255 - k, RECORD - 2);
  }
  written("good.tar.gz", &s);
  s.n_train -= 5;
  written("cut_record.tar.gz", &s);
  s.n_train -= RECORD - 5;
  written("missing_record.tar.gz", &s);
  s.train[1] = 200;
  written("label.tar.gz", &s);
  s.lines[0] = '\n';
  written("name.tar.gz", &s);
  folder_write(&tmp, "names.txt", good.lines, strlen(good.lines));
  folder_write(&tmp, "records", "\3\1\3\1", 4);
  folder_write(&tmp, "empty", "", 0);
}

int main(int argc, char **argv) {
  good_init();
  tmp = folder_make();
  if (argc > 1) {
    snprintf(tmp.path, sizeof tmp.path, "%s", argv[1]);
    write_corpus();
    return 0;
  }
  test_good();
  test_parts();
  test_records();
  test_names();
  test_archives();
  test_limit();
  test_dataset();
  folder_remove(&tmp);
  return test_summary();
}
