// chiparray.h - a matrix of a chip (struct chip_matrix) as a synapse array: how its weights become conductances, how
// an update is written, and how a product is gathered block by block and tile by tile from the cores.
#ifndef CHIP_CHIPARRAY_H
#define CHIP_CHIPARRAY_H

#include "device/synapse.h"

extern const struct synapse_ops chiparray_ops;

#endif
