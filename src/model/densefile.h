// densefile.h - the parameters of a dense network in a tensor file: "layer1.weight", "layer2.weight" ... (rows,
// columns) without padding, the last row the bias, and "inner_rate" (updates).
#ifndef MODEL_DENSEFILE_H
#define MODEL_DENSEFILE_H

#include "model/dense.h"

struct tensorfile;
struct tensorfile_writer;

int densefile_load(struct tensorfile *tf, const struct dense *net, real *parameters);
void densefile_put(struct tensorfile_writer *w, const struct dense *net, const real *parameters);

#endif
