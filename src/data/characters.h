// characters.h - invented handwriting: a stand-in for Omniglot that needs no download.
// A character is a program of strokes (lines, curves, loops, dots, branches); a drawing is one hand's
// rendition of it: other position, size, slant, curvature, stroke ends and pen. For sets of colour images the same
// drawings are painted in colours that belong to the character (data/colouring.h).
#ifndef DATA_CHARACTERS_H
#define DATA_CHARACTERS_H

#include <stdint.h>

#include "data/imageset.h"

// Draw one drawing of a character. ink (size, size), 255 = full ink. The same for every seed,
// character and drawing; characters are independent of each other.
void characters_draw(unsigned char *ink, int size, uint64_t seed, int character, int drawing);

// Add characters first .. first + n - 1, each with n_drawings, named "<part>/characterNNNN" (counted from 1),
// each a group of its own; as ink or in colours, as the set is.
void characters_load(struct imageset *set, const char *part, uint64_t seed, int first, int n, int n_drawings);

#endif
