// imagefolder.h - any tree of PNG and JPEG images, in a folder or a zip file: a class is a folder that directly
// holds images; its name is the path from the root. The content of a file says whether it is an image, not its name.
#ifndef DATA_IMAGEFOLDER_H
#define DATA_IMAGEFOLDER_H

#include <stdbool.h>

#include "base/png.h"
#include "data/imageset.h"

// Each class its own; the classes of one parent folder.
enum imagefolder_groups { IMAGEFOLDER_CLASS, IMAGEFOLDER_PARENT };

enum { IMAGEFOLDER_ENDINGS = 16, IMAGEFOLDER_ENDING_SIZE = 16 };
enum { IMAGEFOLDER_EMPTY_NAMES = 4, IMAGEFOLDER_EMPTY_SIZE = 256 };

// What is worth saying about the files, beside the classes.
struct imagefolder_found {
  int n_skipped, n_endings;  // files that are no images, and how their names end
  struct imagefolder_ending {
    char text[IMAGEFOLDER_ENDING_SIZE];  // ".gif"; "" without a dot
    int n;
  } endings[IMAGEFOLDER_ENDINGS];        // the last also counts all others
  int n_empty;                             // folders that have no folders, and no images
  char empty[IMAGEFOLDER_EMPTY_SIZE];      // the first few of their names
  int n_blank;    // images without ink
  int n_border;   // images whose border is ink: paper and ink may have to be exchanged
  int brightest;  // grey value, 0..255
  int n_grey;     // of a set in colours: images without any
};

struct imagefolder_options {
  bool invert;                     // bright pixels are ink, not dark ones
  enum imagefolder_groups groups;
  bool below_root;                 // class names begin below the folders that all images have in common
};

// Add every class found; *found counts on. Transparent pixels are never ink, and white in colours. Classes and images
// are sorted by name. Errors name the root and the file, a class of which no image has any ink, a class that is in
// the set already, or that no image has any colour where the set is in colours.
int imagefolder_load(struct imageset *set, const char *path, const struct imagefolder_options *options,
                     struct imagefolder_found *found);

// One file, a PNG or JPEG image: as ink, 255 = full ink, or (channels 3) as colours. `name` is for errors.
int imagefolder_decode(struct png_pixels *image, const char *name, const void *data, size_t size, int channels,
                       bool invert);
bool imagefolder_is_image(const char *name);  // by its ending, as those of a class are found
bool imagefolder_has_colour(const struct png_pixels *image);
enum { IMAGEFOLDER_MAX_FILE = 1 << 26 };      // bytes

// Notes about what was found among n images of a path.
void imagefolder_note(const struct imagefolder_found *found, const char *path, int n, bool invert);

// ERR_FORMAT for a folder in the folder `path` below which the set has no class.
int imagefolder_check(const struct imageset *set, const char *path);

void imagefolder_skip(struct imagefolder_found *found, const char *name);  // count a file that is no image

// "3 files: .gif (2), .txt (1)"
void imagefolder_skipped(const struct imagefolder_found *found, char *text, int size);

#endif
