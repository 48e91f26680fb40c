// image_tree.h - a small tree of class folders with drawn images, for tests.
#ifndef IMAGE_TREE_H
#define IMAGE_TREE_H

#include "base/png.h"
#include "data/characters.h"
#include "data/dataset.h"
#include "folder.h"

enum { IMAGE_TREE_SIDE = 24 };

// Built-in character `c`, drawing `d`: dark marks on white.
static inline void image_tree_pixels(unsigned char *pixels, int c, int d) {
  characters_draw(pixels, IMAGE_TREE_SIDE, 7, c, d);
  for (int k = 0; k < IMAGE_TREE_SIDE * IMAGE_TREE_SIDE; k++) pixels[k] = (unsigned char)(255 - pixels[k]);
}

// Class folder `name` with n drawings of one character.
static inline void image_tree_class(const struct folder *f, const char *name, int c, int n) {
  static unsigned char pixels[IMAGE_TREE_SIDE * IMAGE_TREE_SIDE];
  for (int d = 0; d < n; d++) {
    char file[256];
    snprintf(file, sizeof file, "%s/%02d.png", name, d);
    image_tree_pixels(pixels, c, d);
    if (png_grey_write(folder_path(f, file), pixels, IMAGE_TREE_SIDE, IMAGE_TREE_SIDE) < 0) abort();
  }
}

// The part of a class; -1: none.
static inline int image_tree_part(const struct dataset *d, const char *name) {
  const int c = imageset_find(&d->images, name);
  for (int s = 0; s < DATASET_SPLITS; s++)
    for (int i = 0; i < d->split[s].n; i++)
      if (d->split[s].id[i] == c) return s;
  return -1;
}

// Classes mark00, mark01, ... below `parent` ("" or "set0/").
static inline void image_tree_fill(const struct folder *f, const char *parent, int n_classes, int n) {
  for (int c = 0; c < n_classes; c++) {
    char name[128];
    snprintf(name, sizeof name, "%smark%02d", parent, c);
    image_tree_class(f, name, c, n);
  }
}

#endif
