// convnet.h - the few-shot classifier: blocks of convolution 3x3 (padding 1), rectification and batch normalisation
// without affine part, which halve the image by stride 2 or by the maximum of 2 x 2 pixels; maximum over the remaining
// pixels; a dense layer if there is one; dense read-out. Source: Ortner et al., Nat. Commun. 16:1243 (2025), methods;
// docs/equations.md (C1)-(C5).
//
// All parameters are one flat block: kernels (ky,kx,in,padded out), the dense layer and the read-out (inputs, padded
// outputs), the inner learning rates, the scale of class means. A bias is the last row of its matrix, whose input
// is 1. Padding is and stays zero. Products are taken by synapse arrays (device/synapse.h), one a layer, so the same
// code trains, evaluates and runs on a chip.
#ifndef MODEL_CONVNET_H
#define MODEL_CONVNET_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/param.h"
#include "base/real.h"
#include "device/synapse.h"

enum { CONVNET_MAX_BLOCKS = 8, CONVNET_MAX_LAYERS = CONVNET_MAX_BLOCKS + 2, CONVNET_MAX_STEPS = 64 };

// Whose statistics normalise the queries: their own ("task", transductive), those of the support
// images, or fixed ones measured beforehand on background images ("chip").
enum convnet_rule { CONVNET_TASK, CONVNET_SUPPORT, CONVNET_FIXED };
extern const char *const convnet_rule_names[];

enum convnet_halving { CONVNET_STRIDE, CONVNET_MAXIMUM };
enum convnet_activation { CONVNET_RELU, CONVNET_LINEAR };
// Of the read-out, and where it and the bias of the dense layer are kept: beside the array, or on it as one row more.
enum convnet_bias { CONVNET_NO_BIAS, CONVNET_BIAS_DIGITAL, CONVNET_BIAS_ROW };
// Where the read-out begins in a task: at learned weights, or at the class means of the support images times a learned
// scale (learn/prototype.h); then its weights among the parameters are zeros.
enum convnet_readout_start { CONVNET_LEARNED, CONVNET_PROTOTYPE };
// The layers that inner updates change: the read-out; it and the dense layer before it; all.
enum convnet_adapt { CONVNET_READOUT, CONVNET_DENSE, CONVNET_ALL };
extern const char *const convnet_adapt_names[];

struct convnet_params {
  int64_t channels;    // of every block
  int64_t blocks;
  int64_t halving;     // enum convnet_halving
  int64_t hidden;      // neurons of the dense layer before the read-out; 0: there is none
  int64_t activation;  // enum convnet_activation, of that layer
  int64_t bias;        // enum convnet_bias
  int64_t start;       // enum convnet_readout_start
  int64_t mean_offset; // class means with their offset, kept with the bias
  int64_t ways;        // classes of the read-out
  int64_t steps;       // inner updates the rates are kept for
  int64_t adapt;       // enum convnet_adapt
  double epsilon;      // of the normalisation
};
extern const struct param convnet_param_table[];

struct convnet {
  int ways, channels, blocks, steps;
  int in_channels, hidden;             // of the images; neurons of the dense layer, or 0
  enum convnet_halving halving;
  enum convnet_activation activation;
  enum convnet_bias bias;
  enum convnet_readout_start start;
  int mean_offset;
  int readout;                         // number of the last layer: the blocks, the dense layer, the read-out
  int adapting;                        // number of the first layer that inner updates change; the later ones change too
  int side[CONVNET_MAX_BLOCKS + 1];    // height and width before block l; the last: after all
  size_t offset[CONVNET_MAX_LAYERS];   // of layer l in the parameter block
  size_t rates;                        // offset of the inner learning rates: (steps, layers that adapt)
  size_t scale;                        // offset of the scale of class means, of a read-out that starts from them
  size_t n;                            // length of the parameter block
  real epsilon;
};

// size: height and width of the images, of in_channels up to VECTOR_PADDING. ERR_SETTING if it does not fit the blocks.
int convnet_init(struct convnet *net, const struct convnet_params *p, int size, int in_channels);

// Inputs, with the 1 of a bias, and outputs of layer l; the matrix is (rows, padded columns).
int convnet_rows(const struct convnet *net, int l);
int convnet_columns(const struct convnet *net, int l);
// Whether the last of these rows is a bias, and whether it is kept beside the array: 1 or 0.
int convnet_has_bias(const struct convnet *net, int l);
int convnet_digital_rows(const struct convnet *net, int l);
// Layer l as an array of software weights: exact, or of `bits` bits. Then the weights of kernels, and of a read-out
// right after them, lie in [-1, 1), which normalisation and learned rates make up for. Those of a dense layer lie
// within three standard deviations of He et al. 2015, +-3 sqrt(2/inputs), those of the read-out after it within half
// as much: few are larger, and the finer grid is worth a point of accuracy (docs/cifar.md).
struct synapse *convnet_array(const struct convnet *net, int l, int bits);
double convnet_range(const struct convnet *net, int l);  // the largest of such weights
// Length of a row of features: the inputs of the read-out, padded.
int convnet_features(const struct convnet *net);
long convnet_weights(const struct convnet *net);  // without padding and rates
void convnet_layer_name(char name[32], const struct convnet *net, int l);  // "conv1", .. "hidden", "readout"

// The product of layer l on B images.
struct conv convnet_shape(const struct convnet *net, int l, int B);

// Pixels of an image: before block l (the last: after all), and of what the convolution of block l = 1 .. gives, which
// are four times those of y[l] where a maximum follows.
static inline size_t convnet_pixels(const struct convnet *net, int l) {
  return (size_t)net->side[l] * (size_t)net->side[l];
}
size_t convnet_produced(const struct convnet *net, int l);

// Layers that adapt, and the inner rate of layer l in an update.
static inline int convnet_n_adapting(const struct convnet *net) { return net->readout + 1 - net->adapting; }
static inline size_t convnet_rate(const struct convnet *net, int step, int l) {
  return net->rates + (size_t)(step * convnet_n_adapting(net) + l - net->adapting);
}

// Glorot-uniform weights; every inner rate = rate; class means are scaled by convnet_mean_scale, 4/features.
struct rng;
real convnet_mean_scale(const struct convnet *net);
void convnet_start(const struct convnet *net, real *parameters, double rate, struct rng *r);

// Scratch and results of one task on one thread: B images, group 0 the support, group 1 the queries.
struct convnet_work {
  int B, n[2];                           // capacity; images of each group in use
  real *y[CONVNET_MAX_BLOCKS + 1];       // y[0] input (B,S,S,16), written by the caller; y[l] output of block l
  real *a[CONVNET_MAX_BLOCKS + 1];       // rectified, before normalisation
  real *mean[CONVNET_MAX_BLOCKS + 1][2], *r[CONVNET_MAX_BLOCKS + 1][2];  // per group
  real *u[CONVNET_MAX_BLOCKS + 1];       // normalised; y[l] itself unless a maximum follows
  int32_t *of[CONVNET_MAX_BLOCKS + 1];   // the maximum's pixel of the four
  real *pooled, *dpooled;                // (B, padded channels) maximum over the remaining pixels, and its gradient
  int32_t *from;                         // pixel of that maximum
  real *x, *z;                           // input (B, padded channels + 1) and output of the dense layer
  real *h, *dh;                          // (B, padded rows of the read-out) features and their gradient
  // Gradients: of y[l], of u[l], before the rectification. Where all layers adapt, each is kept until the next
  // backward pass; else they share two arrays
  real *dy[CONVNET_MAX_BLOCKS + 1], *du[CONVNET_MAX_BLOCKS + 1], *dz[CONVNET_MAX_BLOCKS + 1];
  real *t[2], *sums;                     // of the dense layer, statistics
  struct arena arena;                    // owns all of the above
};
void convnet_work_init(struct convnet_work *w, const struct convnet *net, int B);
double convnet_work_bytes(const struct convnet *net, int B);  // that it takes
void convnet_work_release(struct convnet_work *w);

// Fixed statistics for CONVNET_FIXED.
struct convnet_fixed {
  real *mean[CONVNET_MAX_BLOCKS + 1], *r[CONVNET_MAX_BLOCKS + 1];
  struct arena arena;
};
void convnet_fixed_init(struct convnet_fixed *f, const struct convnet *net);
void convnet_fixed_release(struct convnet_fixed *f);

// Features of one group into w->h. The queries need the support's pass first under CONVNET_SUPPORT.
void convnet_forward(const struct convnet *net, struct convnet_work *w, struct synapse *const *layers, int group,
                     enum convnet_rule rule, const struct convnet_fixed *fixed, struct rng *r);

// Measure the fixed statistics layer by layer on n images of x (n,S,S,16), as the layers compute them.
void convnet_measure(const struct convnet *net, struct convnet_work *w, struct synapse *const *layers,
                     struct convnet_fixed *fixed, const real *x, int n, struct rng *r);

// gradient += of all kernels and the dense layer, given w->dh of both groups (rule TASK or SUPPORT). The kernels
// are those the forward pass used, read from the layers.
void convnet_backward(const struct convnet *net, struct convnet_work *w, const real *parameters, real *gradient,
                      enum convnet_rule rule);

// The parts of these passes, for updates of more than the read-out.
// From the maximum over the last pixels, which is there, to the features.
void convnet_forward_dense(const struct convnet *net, struct convnet_work *w, struct synapse *const *layers, int group,
                           struct rng *r);
// The gradient of one group alone, normalised by its own statistics; gradient NULL: only those of the activations.
void convnet_backward_group(const struct convnet *net, struct convnet_work *w, const real *parameters, real *gradient,
                            int group);
// From dh to dpooled, and gradient += of the dense layer (NULL: not needed), of one group.
void convnet_backward_dense(const struct convnet *net, struct convnet_work *w, const real *parameters, real *gradient,
                            int group);
// The rest, from dpooled of both groups.
void convnet_backward_blocks(const struct convnet *net, struct convnet_work *w, const real *parameters, real *gradient,
                             enum convnet_rule rule);

#endif
