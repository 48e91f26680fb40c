// dense.h - layers of full connections, rectified but for the last:  y[l+1] = max(0, y[l] W[l]),  each y with one more
// element that is 1, whose row of W is the bias. So all weights lie in synapse arrays (device/synapse.h), one a layer.
// Layer l is size[l] + 1 rows by size[l+1] columns. All parameters are one flat block: the weights, rows padded with
// zeros, then the learning rates of the updates by which the last layer adapts to a task.
#ifndef MODEL_DENSE_H
#define MODEL_DENSE_H

#include <stddef.h>

#include "base/arena.h"
#include "base/param.h"
#include "device/synapse.h"

struct rng;

enum { DENSE_MAX_LAYERS = 8, DENSE_MAX_UPDATES = 16 };

struct dense_params {
  int64_t layers, hidden;   // hidden layers, neurons of each
  int64_t updates;
};
extern const struct param dense_param_table[];

struct dense {
  int n_layers, updates;
  int size[DENSE_MAX_LAYERS + 1];       // inputs, neurons of each layer; without the constant
  size_t offset[DENSE_MAX_LAYERS + 1];  // of W[l] in the block; the last: of the rates
  size_t rates, n;                      // that offset; length of the block
};

void dense_init(struct dense *net, const struct dense_params *p, int inputs, int outputs);
// Of any sizes (n_layers + 1).
void dense_lay_out(struct dense *net, int n_layers, const int *size, int updates);

int dense_rows(const struct dense *net, int l);   // of W[l]: also the elements of y[l]
long dense_weights(const struct dense *net);      // without padding

// Uniform within +- sqrt(6/(rows + columns)), biases too: the kinks lie all over inputs of size 1.
void dense_start(const struct dense *net, real *parameters, double rate, struct rng *r);

// Software arrays of all layers, by the caller to be freed: exact (bits 0), or quantised over the largest weight of
// each matrix times headroom, as the devices of a chip are.
void dense_arrays_new(struct synapse **layers, const struct dense *net, const real *parameters, int bits,
                      double headroom);
void dense_arrays_free(struct synapse *const *layers, const struct dense *net);
// Write the weights into the arrays.
void dense_program(struct synapse *const *layers, const struct dense *net, const real *parameters, struct rng *r);
// Normal errors on all weights, as those of devices: spread times the largest weight of their matrix.
void dense_disturb(const struct dense *net, real *parameters, double spread, struct rng *r);

// Scratch and results of one thread. Gradients are dL/dy.
struct dense_work {
  int B;                              // rows it has room for
  real *y[DENSE_MAX_LAYERS + 1];      // (B, padded size + 1); y[0] is written by the caller (dense_input)
  real *dy[DENSE_MAX_LAYERS + 1];     // the same shapes
  real *z;                            // (B, widest)
  struct arena arena;                 // owns all of the above
};
void dense_work_init(struct dense_work *w, const struct dense *net, int B);
void dense_work_release(struct dense_work *w);

// x (size[0]) into row b of y[0].
void dense_input(const struct dense *net, struct dense_work *w, int b, const real *x);

// y[1] .. y[end] of rows [first, first + n) by the arrays of layers 0 .. end - 1.
void dense_forward(const struct dense *net, struct dense_work *w, struct synapse *const *layers, int end, int first,
                   int n, struct rng *r);

// gradient += that of layers 0 .. end - 1, from w->dy[end] of n rows. held: weights of the forward pass, laid out
// as the block.
void dense_backward(const struct dense *net, struct dense_work *w, const real *held, real *gradient, int end, int n);

#endif
