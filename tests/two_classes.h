// Two classes of three drawings each, the images that files of tasks for tests name.
#ifndef TESTS_TWO_CLASSES_H
#define TESTS_TWO_CLASSES_H

#include "data/imageset.h"

static inline void two_classes_init(struct imageset *set) {
  static const unsigned char blank[16];
  imageset_init(set, IMAGESET_AREA, 8);
  for (int i = 0; i < 6; i++) {
    if (i % 3 == 0) imageset_add_class(set, i ? "A/character02" : "A/character01", "A");
    imageset_add_image(set, blank, 4, 4);
  }
}

#endif
