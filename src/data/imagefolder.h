// imagefolder.h - any tree of PNG and JPEG images, in a folder or a zip file: a class is a folder that directly
// holds images; its name is the path from the root. What an image is tells its content, not the ending of its name.
#ifndef DATA_IMAGEFOLDER_H
#define DATA_IMAGEFOLDER_H

#include "data/imageset.h"

// Each class its own; the classes of one parent folder.
enum imagefolder_groups { IMAGEFOLDER_CLASS, IMAGEFOLDER_PARENT };

enum { IMAGEFOLDER_ENDINGS = 16, IMAGEFOLDER_ENDING_SIZE = 16 };

// What is worth saying about the files, beside the classes.
struct imagefolder_found {
  int n_skipped, n_endings;  // files that are no images, and how their names end
  struct imagefolder_ending {
    char text[IMAGEFOLDER_ENDING_SIZE];  // ".gif"; "" without a dot
    int n;
  } endings[IMAGEFOLDER_ENDINGS];        // the last also counts all others
  int n_blank;    // images without ink
  int n_border;   // images whose border is ink: paper and ink may have to be exchanged
  int brightest;  // grey value, 0..255
};

// Add every class found. Dark pixels are ink, or bright ones with `invert`; transparent ones never. Classes and images
// are sorted by name. Errors name the root and the file, or a class of which no image has any ink.
int imagefolder_load(struct imageset *set, const char *path, int invert, enum imagefolder_groups groups,
                     struct imagefolder_found *found);

// "3 files: .gif (2), .txt (1)"
void imagefolder_skipped(const struct imagefolder_found *found, char *text, int size);

#endif
