// convnetfile.h - the classifier as safetensors: conv1.weight .. convB.weight (out, in, 3, 3),
// readout.weight (channels, ways), inner_rate (steps). Sizes come from the tensors.
#ifndef MODEL_CONVNETFILE_H
#define MODEL_CONVNETFILE_H

#include "model/convnet.h"

struct tensorfile;
struct tensorfile_writer;

// The sizes of the network in a file; ways, steps and so on as fields of the settings. A file without
// inner_rate leaves steps as they are. Errors name the file, the tensor and the shape found.
int convnetfile_sizes(struct convnet_params *p, const struct tensorfile *tf);

// The parameter block of a network of these sizes. rate: inner rate where the file has none.
int convnetfile_load(struct tensorfile *tf, const struct convnet *net, real *parameters, double rate);

void convnetfile_put(struct tensorfile_writer *w, const struct convnet *net, const real *parameters);

#endif
