// chiparray.h - a matrix of a chip (struct chip_matrix) as a synapse array: how its weights become conductances, how
// an update is written, and how a product is gathered block by block and tile by tile from the cores.
#ifndef CHIP_CHIPARRAY_H
#define CHIP_CHIPARRAY_H

#include <stdbool.h>

#include "device/synapse.h"

struct chip;
struct chip_matrix;
struct pcm;
struct rng;

extern const struct synapse_ops chiparray_ops;

// What is written for |w|/scale = k/CHIP_AIMS, k = 0 .. CHIP_AIMS, so that conductances are in proportion to weights
// t_s seconds later (P8); to be freed. NULL if t_s is 0: they are when written.
real *chiparray_aim(const struct pcm *p, double t_s);

// What is written for the weights of m on piece k: over their scale, into c->cells, in [-1, 1], aimed at a later time
// (P8). first: with what the device model adds to a first write; else as an update of a chip that has drifted (U1).
void chiparray_cells(struct chip *c, const struct chip_matrix *m, int k, bool first, struct rng *r);

#endif
