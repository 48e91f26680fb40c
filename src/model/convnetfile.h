// convnetfile.h - the classifier as safetensors: conv1.weight .. convB.weight (out, in, 3, 3), hidden.weight
// (channels, hidden) and hidden.bias (hidden) if it has a dense layer, readout.weight (inputs, ways) and, with a bias,
// readout.bias (ways), inner_rate (steps), or (steps, layers) where several layers adapt. Sizes come from the tensors;
// how blocks halve and what activates the dense layer come from the settings.
#ifndef MODEL_CONVNETFILE_H
#define MODEL_CONVNETFILE_H

#include <stdbool.h>

#include "model/convnet.h"

struct tensorfile;
struct tensorfile_writer;

// The sizes of the network in a file, as fields of the settings, and the channels of its images. A file without
// inner_rate leaves steps as they are; one with a bias leaves where it is kept, digitally by default. Errors name the
// file, the tensor and the shape found.
int convnetfile_sizes(struct convnet_params *p, int *in_channels, const struct tensorfile *tf);

// The parameter block of a network of these sizes. rate: inner rate where the file has none.
int convnetfile_load(struct tensorfile *tf, const struct convnet *net, real *parameters, double rate);

// Layer l as in a file, without padding: its weights, and its bias (columns) if it has one. Returns the number of dims.
int convnetfile_layer(float *plain, float *bias, int64_t dims[4], const struct convnet *net, int l,
                      const real *parameters);

// half: weights in half precision; the rates never.
void convnetfile_put(struct tensorfile_writer *w, const struct convnet *net, const real *parameters, bool half);

#endif
