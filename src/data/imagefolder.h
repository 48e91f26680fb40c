// imagefolder.h - any tree of PNG images, in a folder or a zip file: a class is a folder that directly
// holds images; its name is the path from the root.
#ifndef DATA_IMAGEFOLDER_H
#define DATA_IMAGEFOLDER_H

#include "data/imageset.h"

// Add every class found. Dark pixels are ink, or bright ones with `invert`. Classes and images are
// sorted by name. Errors name the root and the file.
int imagefolder_load(struct imageset *set, const char *path, int invert);

#endif
