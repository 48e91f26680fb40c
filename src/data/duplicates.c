#include "data/duplicates.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/err.h"

struct summed {
  uint64_t sum;
  int image;
};

static int duplicates_by_sum(const void *a, const void *b) {
  const struct summed *x = a, *y = b;
  return x->sum != y->sum ? (x->sum > y->sum) - (x->sum < y->sum) : x->image - y->image;
}

static int duplicates_by_image(const void *a, const void *b) {
  const struct duplicates_pair *x = a, *y = b;
  return x->image[1] - y->image[1];
}

static int duplicates_class(const struct imageset *set, int image) {
  int lo = 0, hi = set->n_classes - 1;
  while (lo < hi) {
    const int middle = (lo + hi + 1) / 2;
    if (set->first[middle] <= image) lo = middle;
    else hi = middle - 1;
  }
  return lo;
}

void duplicates_name(char *text, size_t size, const struct imageset *set, int image) {
  const int c = duplicates_class(set, image);
  snprintf(text, size, "%s %d", set->class_name[c], image - set->first[c] + 1);
}

// Pairs of equal images in a sorted list. Those of one sum that differ are as good as impossible, and left out.
static void duplicates_pair_up(struct duplicates *found, const struct summed *list, const struct imageset *set) {
  const size_t bytes = imageset_kept(set);
  for (int k = 1, first = 0; k < set->n_images; k++) {
    if (list[k].sum != list[first].sum) first = k;
    else if (!memcmp(imageset_image(set, list[k].image), imageset_image(set, list[first].image), bytes))
      found->pairs[found->n++] = (struct duplicates_pair){ .image = { list[first].image, list[k].image } };
  }
}

// The part of every class; -1: none.
static int *duplicates_parts(const struct dataset *d) {
  int *part = err_calloc((size_t)d->images.n_classes + 1, sizeof *part);
  for (int c = 0; c < d->images.n_classes; c++) part[c] = -1;
  for (int s = 0; s < DATASET_SPLITS; s++)
    for (int i = 0; i < d->split[s].n; i++) part[d->split[s].id[i]] = s;
  return part;
}

void duplicates_find(struct duplicates *found, const struct dataset *d) {
  const struct imageset *set = &d->images;
  const size_t n = (size_t)set->n_images + 1;
  struct summed *list = err_calloc(n, sizeof *list);
  *found = (struct duplicates){ .pairs = err_calloc(n, sizeof *found->pairs) };
  for (int i = 0; i < set->n_images; i++)
    list[i] = (struct summed){ checksum_bytes(CHECKSUM_START, imageset_image(set, i), imageset_kept(set)), i };
  qsort(list, n - 1, sizeof *list, duplicates_by_sum);
  duplicates_pair_up(found, list, set);
  qsort(found->pairs, (size_t)found->n, sizeof *found->pairs, duplicates_by_image);
  int *part = duplicates_parts(d);
  for (struct duplicates_pair *p = found->pairs; p < found->pairs + found->n; p++) {
    for (int k = 0; k < 2; k++) p->part[k] = part[duplicates_class(set, p->image[k])];
    if (p->part[0] != p->part[1]) found->across++;
    else if (p->part[0] >= 0) found->within[p->part[0]]++;
  }
  free(part);
  free(list);
}

void duplicates_release(struct duplicates *found) {
  free(found->pairs);
  *found = (struct duplicates){ 0 };
}
