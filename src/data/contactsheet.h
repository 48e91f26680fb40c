// contactsheet.h - a page of images to look at: one row per class, its drawings side by side.
#ifndef DATA_CONTACTSHEET_H
#define DATA_CONTACTSHEET_H

#include "data/imageset.h"

// Write a PNG with up to n_rows classes, evenly chosen from the list, and n_columns drawings each,
// enlarged `zoom` times, with a light grid.
int contactsheet_write(const char *path, const struct imageset *set, const struct imageset_classes *from, int n_rows,
                       int n_columns, int zoom);

#endif
