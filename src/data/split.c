#include "data/split.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/err.h"
#include "base/file.h"
#include "base/lines.h"
#include "base/rng.h"

enum { SPLIT_MAX_FILE = 1 << 22, SPLIT_MAX_LINE = 4096 };

int split_named(const char *name, size_t n) {
  static const struct { const char *name; int part; } names[] = {
    { "train", DATASET_TRAINING }, { "training", DATASET_TRAINING },
    { "val", DATASET_VALIDATION }, { "valid", DATASET_VALIDATION }, { "validation", DATASET_VALIDATION },
    { "test", DATASET_EVALUATION }, { "eval", DATASET_EVALUATION }, { "evaluation", DATASET_EVALUATION },
  };
  for (size_t k = 0; k < sizeof names / sizeof *names; k++)
    if (strlen(names[k].name) == n && memcmp(names[k].name, name, n) == 0) return names[k].part;
  return -1;
}

// ---- by name

static uint64_t split_mix(uint64_t z) {
  z += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
  return z ^ z >> 31;
}

enum dataset_split split_by_name(const char *name, uint64_t seed, double evaluation, double validation) {
  const uint64_t h = checksum_bytes(CHECKSUM_START, name, strlen(name));
  const double u = (double)(split_mix(h ^ split_mix(seed)) >> 11) * 0x1p-53;
  return u < evaluation ? DATASET_EVALUATION
       : u < evaluation + (1 - evaluation) * validation ? DATASET_VALIDATION
                                                        : DATASET_TRAINING;
}

// ---- by chance

int split_share(double fraction, int n) {
  const int k = (int)lround(fraction * n);
  return fraction > 0 && k == 0 && n > 1 ? 1 : k;
}

void split_deal(int *part_of_group, int n, int n_evaluation, int n_validation, uint64_t seed) {
  int *order = err_calloc((size_t)n, sizeof(int));
  struct rng r = rng_stream(seed, RNG_SPLIT, 0);
  for (int i = 0; i < n; i++) {  // inside-out shuffle
    const int k = (int)((uint64_t)rng_u32(&r) * (uint64_t)(i + 1) >> 32);
    order[i] = order[k];
    order[k] = i;
  }
  for (int i = 0; i < n; i++)
    part_of_group[order[i]] = i < n_evaluation ? DATASET_EVALUATION
                            : i < n_evaluation + n_validation ? DATASET_VALIDATION
                                                              : DATASET_TRAINING;
  free(order);
}

// ---- by list

static int split_add(struct split_list *list, const struct lines *l, const char *name, int part) {
  if (split_list_find(list, name) >= 0)
    return err_set(ERR_FORMAT, "%s:%d: class %s is there twice", l->name, l->line, name);
  if (list->n == list->capacity) {
    struct split_entry *old = list->entries;
    list->capacity = 2 * list->capacity + 64;
    list->entries = err_calloc((size_t)list->capacity, sizeof *list->entries);
    if (old) memcpy(list->entries, old, (size_t)list->n * sizeof *old);
    free(old);
  }
  list->entries[list->n++] = (struct split_entry){ err_strdup(name), part };
  return 0;
}

// Lines "part<TAB>class" or, where `part` is given, of class names alone. Empty lines do not count.
static int split_lines(struct split_list *list, const char *where, const char *text, size_t size, int part) {
  struct lines l = lines_of(text, size, where);
  char line[SPLIT_MAX_LINE];
  for (bool found;;) {
    TRY(lines_next(&l, line, sizeof line, &found));
    if (!found) return 0;
    if (!*line) continue;
    const char *tab = part < 0 ? strchr(line, '\t') : NULL, *name = tab ? tab + 1 : line;
    const int of_line = part < 0 ? (tab ? split_named(line, (size_t)(tab - line)) : -1) : part;
    if (of_line < 0)
      return err_set(ERR_FORMAT, "%s:%d: '%.60s': expected training, validation or evaluation, a tab and a class name",
                     where, l.line, line);
    if (!*name) return err_set(ERR_FORMAT, "%s:%d: '%.60s': no class name", where, l.line, line);
    TRY(split_add(list, &l, name, of_line));
  }
}

static int split_file(struct split_list *list, const char *path, int part) {
  char *text;
  size_t size;
  TRY(file_read(path, SPLIT_MAX_FILE, &text, &size));
  const int rc = split_lines(list, path, text, size, part);
  free(text);
  return rc;
}

// The published lists in a folder; `found` counts them.
static int split_folder(struct split_list *list, const char *path, int *found) {
  static const char *const names[DATASET_SPLITS] = { "train.txt", "val.txt", "test.txt" };
  for (int part = 0; part < DATASET_SPLITS; part++) {
    char file[FILE_PATH_SIZE];
    if (snprintf(file, sizeof file, "%s/%s", path, names[part]) >= (int)sizeof file || !file_exists(file)) continue;
    (*found)++;
    TRY(split_file(list, file, part));
  }
  return 0;
}

int split_list_load(struct split_list *list, const char *path) {
  *list = (struct split_list){ 0 };
  int found = 0;
  int rc = split_folder(list, path, &found);
  if (rc == 0 && !found) rc = split_file(list, path, -1);
  if (rc < 0) split_list_release(list);
  return rc;
}

int split_list_parse(struct split_list *list, const char *name, const char *text, size_t size) {
  *list = (struct split_list){ 0 };
  const int rc = split_lines(list, name, text, size, -1);
  if (rc < 0) split_list_release(list);
  return rc;
}

void split_list_release(struct split_list *list) {
  for (int i = 0; i < list->n; i++) free(list->entries[i].class_name);
  free(list->entries);
  *list = (struct split_list){ 0 };
}

int split_list_find(const struct split_list *list, const char *class_name) {
  for (int i = 0; i < list->n; i++)
    if (strcmp(list->entries[i].class_name, class_name) == 0) return i;
  return -1;
}
