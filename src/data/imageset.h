// imageset.h - small images in named classes, reduced once when they are added. What is kept per
// image is what render.h needs to make any view of it:
//   area       ink at twice the final resolution, 2S x 2S bytes, 255 = full ink, 0 = background;
//   published  the S x S result of the published reduction, background 1, ink 0;
// or, of a set in colours, S x S pixels of red, green and blue.
// Classes belong to groups (Omniglot: alphabets), by which they are split; elsewhere each class is
// its own group. The set owns all its memory.
#ifndef DATA_IMAGESET_H
#define DATA_IMAGESET_H

#include <stddef.h>

#include "base/real.h"

enum imageset_preprocessing { IMAGESET_AREA, IMAGESET_PUBLISHED };

struct imageset {
  enum imageset_preprocessing preprocessing;
  int S;                  // height and width of the final image
  int channels;           // 1: ink; 3: colours
  int n_classes, n_groups, n_images;
  int n_test;             // the last images of every class that are test images (data.test_images)
  int *first;             // (n_classes + 1) first image of each class; the last entry is n_images
  int *group;             // (n_classes)
  char **class_name;      // (n_classes) "Alphabet/character07"
  char **group_name;      // (n_groups) "Alphabet"
  unsigned char *ink;     // (n_images, 2S, 2S) of area, else NULL
  real *reduced;          // (n_images, S, S) of published, else NULL
  unsigned char *colour;  // (n_images, S, S, 3) of colours, else NULL
  int capacity_classes, capacity_groups, capacity_images;
};

// Some classes of a set: a split, or all of it.
struct imageset_classes {
  int n;
  int *id;  // (n) class indices, ascending; owned
};

void imageset_init(struct imageset *set, enum imageset_preprocessing preprocessing, int S);
void imageset_init_colour(struct imageset *set, int S);
void imageset_release(struct imageset *set);

// Begin a class (images are then added to it), in the group of this name.
void imageset_add_class(struct imageset *set, const char *class_name, const char *group_name);

// Reduce one image into the class begun last. ink (H, W), 255 = full ink. For `area` an image that is
// not square is centred on background; `published` stretches it.
void imageset_add_image(struct imageset *set, const unsigned char *ink, int H, int W);

// The same of pixels (H, W, 3) into a set in colours. Of an image that is not square the central square is kept.
void imageset_add_colour(struct imageset *set, const unsigned char *pixels, int H, int W);

// What is kept of image i, and how many bytes.
size_t imageset_kept(const struct imageset *set);
const void *imageset_image(const struct imageset *set, int i);

// Mean ink of the images of a class as they are kept: 0 blank, 1 all ink.
double imageset_ink(const struct imageset *set, int c);

// Index of a class by name; -1 if there is none.
int imageset_find(const struct imageset *set, const char *class_name);

static inline int imageset_drawings(const struct imageset *set, int c) { return set->first[c + 1] - set->first[c]; }
// Images of class c that are not test images: its first ones.
static inline int imageset_training(const struct imageset *set, int c) {
  return imageset_drawings(set, c) - set->n_test;
}

#endif
