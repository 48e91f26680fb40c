#include "data/imageset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "data/render.h"

// Room for `capacity` elements where `used` are filled.
static void *imageset_moved(void *old, int used, int capacity, size_t size) {
  void *p = err_calloc((size_t)capacity, size);
  if (used > 0) memcpy(p, old, (size_t)used * size);
  free(old);
  return p;
}

static int imageset_doubled(int n) { return n < 32 ? 64 : 2 * n; }

void imageset_init(struct imageset *set, enum imageset_preprocessing preprocessing, int S) {
  *set = (struct imageset){ .preprocessing = preprocessing, .S = S, .channels = 1,
                             .first = err_calloc(1, sizeof(int)) };
}

void imageset_init_colour(struct imageset *set, int S) {
  imageset_init(set, IMAGESET_AREA, S);
  set->channels = 3;
}

void imageset_release(struct imageset *set) {
  for (int c = 0; c < set->n_classes; c++) free(set->class_name[c]);
  for (int g = 0; g < set->n_groups; g++) free(set->group_name[g]);
  void *const owned[] = { set->class_name, set->group_name, set->first, set->group, set->ink, set->reduced,
                          set->colour };
  for (size_t k = 0; k < sizeof owned/sizeof *owned; k++) free(owned[k]);
  memset(set, 0, sizeof *set);
}

// The number of a group, which is made if it is new. The last one is the likeliest.
static int imageset_group(struct imageset *set, const char *name) {
  for (int g = set->n_groups - 1; g >= 0; g--)
    if (strcmp(set->group_name[g], name) == 0) return g;
  if (set->n_groups == set->capacity_groups) {
    set->capacity_groups = imageset_doubled(set->n_groups);
    set->group_name = imageset_moved(set->group_name, set->n_groups, set->capacity_groups, sizeof(char *));
  }
  set->group_name[set->n_groups] = err_strdup(name);
  return set->n_groups++;
}

void imageset_add_class(struct imageset *set, const char *class_name, const char *group_name) {
  const int c = set->n_classes, group = imageset_group(set, group_name);
  if (c == set->capacity_classes) {
    set->capacity_classes = imageset_doubled(c);
    set->first = imageset_moved(set->first, c + 1, set->capacity_classes + 1, sizeof(int));
    set->group = imageset_moved(set->group, c, set->capacity_classes, sizeof(int));
    set->class_name = imageset_moved(set->class_name, c, set->capacity_classes, sizeof(char *));
  }
  set->class_name[c] = err_strdup(class_name);
  set->group[c] = group;
  set->first[c + 1] = set->n_images;
  set->n_classes++;
}

size_t imageset_kept(const struct imageset *set) {
  const size_t pixels = (size_t)set->S * (size_t)set->S;
  return set->channels == 3 ? 3 * pixels : set->preprocessing == IMAGESET_AREA ? 4 * pixels : pixels * sizeof(real);
}

const void *imageset_image(const struct imageset *set, int i) {
  const void *all = set->colour ? set->colour : set->ink ? set->ink : (const unsigned char *)set->reduced;
  return (const unsigned char *)all + (size_t)i * imageset_kept(set);
}

// Is there no room for one more image? Then the capacity is already the new one.
static int imageset_grows(struct imageset *set) {
  if (set->n_images < set->capacity_images) return 0;
  set->capacity_images = imageset_doubled(set->n_images);
  return 1;
}

static void imageset_count(struct imageset *set) {
  set->n_images++;
  set->first[set->n_classes] = set->n_images;
}

void imageset_add_image(struct imageset *set, const unsigned char *ink, int H, int W) {
  assert(set->n_classes > 0 && set->channels == 1 && H > 0 && W > 0);
  const int i = set->n_images, S = set->S, grow = imageset_grows(set);
  const size_t kept = imageset_kept(set);
  if (set->preprocessing == IMAGESET_AREA) {
    if (grow) set->ink = imageset_moved(set->ink, i, set->capacity_images, kept);
    render_reduce_area(set->ink + (size_t)i * kept, 2 * S, ink, H, W);
  } else {
    if (grow) set->reduced = imageset_moved(set->reduced, i, set->capacity_images, kept);
    render_reduce_published(set->reduced + (size_t)i * (size_t)(S * S), S, ink, H, W);
  }
  imageset_count(set);
}

void imageset_add_colour(struct imageset *set, const unsigned char *pixels, int H, int W) {
  assert(set->n_classes > 0 && set->channels == 3 && H > 0 && W > 0);
  const size_t kept = imageset_kept(set);
  if (imageset_grows(set)) set->colour = imageset_moved(set->colour, set->n_images, set->capacity_images, kept);
  render_reduce_colour(set->colour + (size_t)set->n_images * kept, set->S, pixels, H, W);
  imageset_count(set);
}

double imageset_ink(const struct imageset *set, int c) {
  assert(set->channels == 1);
  const size_t kept = (set->preprocessing == IMAGESET_AREA ? 4 : 1) * (size_t)set->S * (size_t)set->S;
  const size_t begin = (size_t)set->first[c] * kept, end = (size_t)set->first[c + 1] * kept;
  double sum = 0;
  for (size_t i = begin; i < end; i++) sum += set->ink ? set->ink[i] / 255.0 : 1 - (double)set->reduced[i];
  return end > begin ? sum / (double)(end - begin) : 0;
}

int imageset_find(const struct imageset *set, const char *class_name) {
  for (int c = 0; c < set->n_classes; c++)
    if (strcmp(set->class_name[c], class_name) == 0) return c;
  return -1;
}
