// duplicates.h - images that are in a set twice: one in the support and the query set of a task would raise its
// accuracy. They are counted and named, never removed: published numbers include them.
#ifndef DATA_DUPLICATES_H
#define DATA_DUPLICATES_H

#include <stddef.h>

#include "data/dataset.h"

// Two images that are kept as the same pixels, and the parts their classes belong to (-1: none).
struct duplicates_pair {
  int image[2];  // ascending; of many copies each is paired with the first
  int part[2];
};

struct duplicates {
  int n;
  struct duplicates_pair *pairs;  // (n) by the second image; owned
  int within[DATASET_SPLITS], across;  // pairs of one part, of two
};

void duplicates_find(struct duplicates *found, const struct dataset *d);
void duplicates_release(struct duplicates *found);

// "apple 17": the class, and the number of the drawing from 1.
void duplicates_name(char *text, size_t size, const struct imageset *set, int image);

#endif
