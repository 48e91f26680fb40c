// omniglot.h - the Omniglot characters (Lake et al., Science 350, 2015): 964 background and 659
// evaluation characters of 50 alphabets, 20 drawings each, 105 x 105, one bit. MIT licence.
#ifndef DATA_OMNIGLOT_H
#define DATA_OMNIGLOT_H

#include "base/archive.h"
#include "data/imageset.h"

enum { OMNIGLOT_BACKGROUND = 964, OMNIGLOT_EVALUATION = 659, OMNIGLOT_DRAWINGS = 20, OMNIGLOT_SIDE = 105 };

// Add all characters of `part` ("images_background" or "images_evaluation") found in folder `path`, as
// <part>.zip or as the extracted tree <part>/Alphabet/characterNN/XXXX_YY.png. Classes are named
// "Alphabet/characterNN" and sorted, their group is the alphabet, drawings are sorted by file name.
// n_characters must be found, complete; errors name archive, character and count.
int omniglot_load(struct imageset *set, const char *path, const char *part, int n_characters);

// The same from an open archive.
int omniglot_load_archive(struct imageset *set, struct archive *a, int n_characters);

#endif
