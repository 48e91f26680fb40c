// floorplan.h - where the matrices of a model lie on the cores of a chip.
// A matrix larger than a core is cut into pieces as equal as possible (504 x 56 on 256 rows: 252 + 252);
// the partial sums of pieces above each other are added digitally. Pieces are packed on shelves, highest
// first: a shelf is a band of rows as high as its first piece, filled from the left.
#ifndef CHIP_FLOORPLAN_H
#define CHIP_FLOORPLAN_H

#include <stdio.h>

struct json_t;

struct floorplan_piece {
  int matrix;
  int row, rows, column, columns;       // part of the matrix
  int band;                             // pieces above it
  int core, core_row, core_column;      // its first cell on the chip; floorplan_place
};

// Pieces that an I x O matrix needs on cores of rows x columns; written to *pieces unless NULL, row by row.
int floorplan_cut(struct floorplan_piece *pieces, int matrix, int I, int O, int rows, int columns);

// Place n pieces on cores of rows x columns. Returns the cores used.
int floorplan_place(struct floorplan_piece *pieces, int n, int rows, int columns);

// A picture of every core with a letter per matrix, then where each piece lies and how full the cores are.
// names: of the matrices.
void floorplan_print(const struct floorplan_piece *pieces, int n, const char *const *names, int n_cores, int rows,
                     int columns, FILE *out);

// {"rows", "columns", "cores": [{"core", "cells_used", "cells", "fill"}], "pieces": [{"matrix", ...}]}
struct json_t *floorplan_json(const struct floorplan_piece *pieces, int n, const char *const *names, int n_cores,
                              int rows, int columns);

#endif
