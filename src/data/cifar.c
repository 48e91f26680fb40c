#include "data/cifar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/text.h"
#include "data/split.h"

enum { CIFAR_CLASSES = 100, CIFAR_SUPERCLASSES = 20, CIFAR_SIDE = 32, CIFAR_PIXELS = CIFAR_SIDE * CIFAR_SIDE };
enum { CIFAR_RECORD = 2 + 3 * CIFAR_PIXELS, CIFAR_MAX_NAMES = 1 << 16, CIFAR_MAX_RECORDS = 1 << 28 };
static const char CIFAR_FOLDER[] = "cifar-100-binary";

const struct tar_member cifar_members[CIFAR_MEMBERS] = {
  [CIFAR_NAMES] = { .name = "fine_label_names.txt", .max_size = CIFAR_MAX_NAMES },
  [CIFAR_TRAIN] = { .name = "train.bin", .max_size = CIFAR_MAX_RECORDS },
  [CIFAR_TEST] = { .name = "test.bin", .max_size = CIFAR_MAX_RECORDS },
};

// CIFAR100-FS; a space before and after each name
static const char *const cifar_parts[DATASET_SPLITS] = {
  [DATASET_TRAINING] =
    " apple aquarium_fish bear bee bottle bowl boy bridge bus can castle caterpillar chair clock cloud cockroach couch "
    "cup dinosaur dolphin elephant forest girl hamster house kangaroo keyboard lawn_mower lion lizard lobster mountain "
    "mouse mushroom oak_tree orange orchid palm_tree pear pine_tree plate porcupine possum rabbit raccoon ray road "
    "seal shrew skunk skyscraper snake spider squirrel streetcar sunflower tank tiger train trout tulip turtle "
    "willow_tree wolf ",
  [DATASET_VALIDATION] =
    " beaver beetle butterfly camel cattle crab crocodile flatfish lamp maple_tree motorcycle otter sea shark "
    "television tractor ",
  [DATASET_EVALUATION] =
    " baby bed bicycle chimpanzee fox leopard man pickup_truck plain poppy rocket rose snail sweet_pepper table "
    "telephone wardrobe whale woman worm ",
};

int cifar_part(const char *class_name) {
  char word[32];
  const int n = snprintf(word, sizeof word, " %s ", class_name);
  for (int s = 0; s < DATASET_SPLITS && n > 2 && n < (int)sizeof word && !strchr(class_name, ' '); s++)
    if (strstr(cifar_parts[s], word)) return s;
  return -1;
}

// ---- names

struct cifar_names {
  char of[CIFAR_CLASSES][32];
};

static int cifar_name(struct cifar_names *names, int c, const char *name, const struct lines *l) {
  if (strlen(name) >= sizeof names->of[0] || cifar_part(name) < 0)
    return err_set(ERR_FORMAT, "%s:%d: '%.60s' is no class of CIFAR-100", l->name, l->line, name);
  for (int k = 0; k < c && k < CIFAR_CLASSES; k++)
    if (!strcmp(names->of[k], name))
      return err_set(ERR_FORMAT, "%s:%d: class %s is there twice", l->name, l->line, name);
  strcpy(names->of[c], name);
  return 0;
}

// Known and distinct, they are at most as many as there are classes.
static int cifar_read_names(struct cifar_names *names, const struct tar_member *m, const char *where) {
  char place[FILE_PATH_SIZE], name[256];
  bool found = true;
  int c = 0;
  snprintf(place, sizeof place, "%s: %s", where, m->name);
  struct lines l = lines_of((const char *)m->data, m->size, place);
  while (found) {
    TRY(lines_next(&l, name, sizeof name, &found));
    if (found && *name) TRY(cifar_name(names, c++, name, &l));
  }
  return c == CIFAR_CLASSES ? 0 : err_set(ERR_FORMAT, "%s: %d classes instead of %d", place, c, CIFAR_CLASSES);
}

// ---- records

// The records of one file, sorted by class: class c has index[c * each] to index[(c + 1) * each - 1].
struct cifar_records {
  const unsigned char *data;
  int each, *index;
};

static int cifar_check_labels(const unsigned char *record, int k, const char *place) {
  if (record[0] >= CIFAR_SUPERCLASSES)
    return err_set(ERR_FORMAT, "%s: record %d: superclass %d, not 0 to %d", place, k + 1, record[0],
                   CIFAR_SUPERCLASSES - 1);
  if (record[1] >= CIFAR_CLASSES)
    return err_set(ERR_FORMAT, "%s: record %d: class %d, not 0 to %d", place, k + 1, record[1], CIFAR_CLASSES - 1);
  return 0;
}

static int cifar_sort(struct cifar_records *r, const struct tar_member *m, const struct cifar_names *names,
                      const char *where) {
  const int n = (int)(m->size / CIFAR_RECORD);
  int count[CIFAR_CLASSES] = { 0 }, most = 0;
  char place[FILE_PATH_SIZE];
  snprintf(place, sizeof place, "%s: %s", where, m->name);
  if (n == 0 || m->size % CIFAR_RECORD)
    return err_set(ERR_FORMAT, "%s: %zu bytes, not records of %d bytes each: cut off?", place, m->size, CIFAR_RECORD);
  r->data = m->data;
  for (int k = 0; k < n; k++) {
    TRY(cifar_check_labels(m->data + (size_t)k * CIFAR_RECORD, k, place));
    const int c = m->data[(size_t)k * CIFAR_RECORD + 1];
    if (++count[c] > count[most]) most = c;
  }
  r->each = count[most];
  for (int c = 0; c < CIFAR_CLASSES; c++)
    if (count[c] != r->each)
      return err_set(ERR_FORMAT, "%s: class %s has %d image%s, but %s has %d: records are missing", place,
                     names->of[c], count[c], text_s(count[c]), names->of[most], r->each);
  r->index = err_calloc((size_t)n, sizeof *r->index);
  memset(count, 0, sizeof count);
  for (int k = 0; k < n; k++) {
    const int c = m->data[(size_t)k * CIFAR_RECORD + 1];
    r->index[c * r->each + count[c]++] = k;
  }
  return 0;
}

static void cifar_add_image(struct imageset *set, const unsigned char *planes) {
  unsigned char pixels[3 * CIFAR_PIXELS];
  for (int k = 0; k < CIFAR_PIXELS; k++)
    for (int c = 0; c < 3; c++) pixels[3 * k + c] = planes[c * CIFAR_PIXELS + k];
  imageset_add_colour(set, pixels, CIFAR_SIDE, CIFAR_SIDE);
}

static void cifar_add_class(struct imageset *set, int c, const char *name, const struct cifar_records files[2]) {
  imageset_add_class(set, name, name);
  for (int f = 0; f < 2; f++)
    for (int k = 0; k < files[f].each; k++)
      cifar_add_image(set, files[f].data + (size_t)files[f].index[c * files[f].each + k] * CIFAR_RECORD + 2);
}

int cifar_add(struct imageset *set, const struct tar_member *members, const char *where, unsigned parts) {
  struct cifar_records files[2] = { { 0 } };
  struct cifar_names names;
  for (int k = 0; k < CIFAR_MEMBERS; k++)
    if (!members[k].data) return err_set(ERR_FORMAT, "%s: %s is not there", where, members[k].name);
  TRY(cifar_read_names(&names, members + CIFAR_NAMES, where));
  int rc = cifar_sort(&files[0], members + CIFAR_TRAIN, &names, where);
  if (rc == 0) rc = cifar_sort(&files[1], members + CIFAR_TEST, &names, where);
  for (int c = 0; rc == 0 && c < CIFAR_CLASSES; c++)
    if (parts & 1u << cifar_part(names.of[c])) cifar_add_class(set, c, names.of[c], files);
  free(files[0].index);
  free(files[1].index);
  return rc;
}

// ---- files

static int cifar_join(char path[FILE_PATH_SIZE], const char *folder, const char *name) {
  if (snprintf(path, FILE_PATH_SIZE, "%s/%s", folder, name) < FILE_PATH_SIZE) return 0;
  return err_set(ERR_SETTING, "data.path=%s: too long", folder);
}

static int cifar_read_folder(struct tar_member *members, const char *folder) {
  char path[FILE_PATH_SIZE], *text;
  for (int k = 0; k < CIFAR_MEMBERS; k++) {
    TRY(cifar_join(path, folder, members[k].name));
    TRY(file_read(path, members[k].max_size, &text, &members[k].size));
    members[k].data = (unsigned char *)text;
  }
  return 0;
}

// Where the data is: an archive, or an unpacked folder.
static int cifar_find(char found[FILE_PATH_SIZE], int *is_folder, const char *path) {
  static const char *const names[] = { "", "/cifar-100-binary.tar.gz", "/cifar-100-binary" };
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    struct stat st;
    char train[FILE_PATH_SIZE];
    if (snprintf(found, FILE_PATH_SIZE, "%s%s", path, names[k]) >= FILE_PATH_SIZE)
      return err_set(ERR_SETTING, "data.path=%s: too long", path);
    if (stat(found, &st) < 0) continue;
    *is_folder = S_ISDIR(st.st_mode);
    TRY(cifar_join(train, found, cifar_members[CIFAR_TRAIN].name));
    if (!*is_folder || file_exists(train)) return 0;
  }
  return err_set(ERR_IO, "data.path=%s: neither %s.tar.gz nor the unpacked %s is there; metaxbar data fetch cifar100 "
                 "gets it", path, CIFAR_FOLDER, CIFAR_FOLDER);
}

int cifar_load(struct imageset *set, const char *path, unsigned parts) {
  struct tar_member members[CIFAR_MEMBERS];
  char found[FILE_PATH_SIZE];
  int is_folder = 0;
  memcpy(members, cifar_members, sizeof members);
  TRY(cifar_find(found, &is_folder, path));
  int rc = is_folder ? cifar_read_folder(members, found) : tar_read(members, CIFAR_MEMBERS, found);
  if (rc == 0) rc = cifar_add(set, members, found, parts);
  tar_release(members, CIFAR_MEMBERS);
  return rc;
}
