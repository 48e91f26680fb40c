// convnet.h - the few-shot classifier: blocks of convolution 3x3 (stride 2, padding 1), rectification
// and batch normalisation without affine part; maximum over the remaining pixels; dense read-out
// without bias. Source: Ortner et al., Nat. Commun. 16:1243 (2025), methods; docs/equations.md (C1)-(C4).
//
// All parameters are one flat block: kernels (ky,kx,in,padded out), the read-out (channels, padded
// ways), the inner learning rates. Padding is and stays zero. Products are taken by synapse arrays
// (device/synapse.h), one a layer, so the same code trains, evaluates and runs on a chip.
#ifndef MODEL_CONVNET_H
#define MODEL_CONVNET_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/param.h"
#include "base/real.h"
#include "device/synapse.h"

enum { CONVNET_MAX_BLOCKS = 8, CONVNET_MAX_LAYERS = CONVNET_MAX_BLOCKS + 1, CONVNET_MAX_STEPS = 64 };

// Whose statistics normalise the queries: their own ("task", transductive), those of the support
// images, or fixed ones measured beforehand on background images ("chip").
enum convnet_rule { CONVNET_TASK, CONVNET_SUPPORT, CONVNET_FIXED };
extern const char *const convnet_rule_names[];

struct convnet_params {
  int64_t channels;  // of every block
  int64_t blocks;
  int64_t ways;      // classes of the read-out
  int64_t steps;     // inner updates the rates are kept for
  double epsilon;    // of the normalisation
};
extern const struct param convnet_param_table[];

struct convnet {
  int ways, channels, blocks, steps;
  int side[CONVNET_MAX_BLOCKS + 1];    // height and width before block l; the last: after all
  size_t offset[CONVNET_MAX_LAYERS];   // of layer l in the parameter block; the read-out is layer `blocks`
  size_t rates;                        // offset of the inner learning rates
  size_t n;                            // length of the parameter block
  real epsilon;
};

// size: height and width of the images. ERR_SETTING if it does not fit the blocks.
int convnet_init(struct convnet *net, const struct convnet_params *p, int size);

// Inputs and outputs of layer l (the read-out included); the matrix is (rows, padded columns).
int convnet_rows(const struct convnet *net, int l);
int convnet_columns(const struct convnet *net, int l);
long convnet_weights(const struct convnet *net);  // without padding and rates

// The product of layer l on B images.
struct conv convnet_shape(const struct convnet *net, int l, int B);

// Glorot-uniform weights; every inner rate = rate.
struct rng;
void convnet_start(const struct convnet *net, real *parameters, double rate, struct rng *r);

// Scratch and results of one task on one thread: B images, group 0 the support, group 1 the queries.
struct convnet_work {
  int B, n[2];                           // capacity; images of each group in use
  real *y[CONVNET_MAX_BLOCKS + 1];       // y[0] input (B,S,S,16), written by the caller; y[l] after block l
  real *a[CONVNET_MAX_BLOCKS + 1];       // rectified, before normalisation
  real *mean[CONVNET_MAX_BLOCKS + 1][2], *r[CONVNET_MAX_BLOCKS + 1][2];  // per group
  real *h, *dh;                          // (B, padded channels) features and their gradient
  int32_t *from;                         // pixel of the maximum
  real *g[2], *sums;                     // gradients of activations, statistics
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

// gradient += of all kernels, given w->dh of both groups (rule TASK or SUPPORT). The kernels
// are those the forward pass used, read from the layers.
void convnet_backward(const struct convnet *net, struct convnet_work *w, const real *parameters, real *gradient,
                      enum convnet_rule rule);

#endif
