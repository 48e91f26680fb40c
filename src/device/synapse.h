// synapse.h - one weight matrix of a deployed model, whatever holds it: exact numbers, quantised
// numbers, or the devices of a chip. The one interface between models and hardware; a real chip is
// one more table of functions.
//
// A dense layer is a convolution of a 1 x 1 image with a 1 x 1 kernel, so one product serves both.
// The matrix has I = k*k*C rows, ordered (ky, kx, channel), and O columns. Images are NHWC with the
// channels padded to vector_padded(C), the padding zero (kernel/conv.h).
#ifndef DEVICE_SYNAPSE_H
#define DEVICE_SYNAPSE_H

#include "base/real.h"
#include "kernel/conv.h"

struct rng;
struct synapse;

// Everything random is drawn from the stream r of the caller (one per task), so answers depend on the
// task and not on the thread. Pointers to reals are 64-byte aligned (base/arena.h).
struct synapse_ops {
  const char *name;
  // Write the whole matrix. w (I, vector_padded(O)). Returns the devices written, 0 where none exist.
  // r NULL: without randomness where the array knows such a way (rounding to nearest).
  long (*program)(struct synapse *s, const real *w, struct rng *r);
  // w += dw as far as the array can represent it. Returns the devices rewritten.
  long (*update)(struct synapse *s, const real *dw, struct rng *r);
  // y = conv(x, w) as the array computes it. shape.B images; y (B, OH, OW, padded O).
  void (*product)(struct synapse *s, real *y, const real *x, const struct conv *shape, struct rng *r);
  // The weights now held, as far as the array knows them. w (I, vector_padded(O)).
  void (*weights)(const struct synapse *s, real *w);
  void (*free)(struct synapse *s);
};

// Common head of every implementation's own struct.
struct synapse {
  const struct synapse_ops *ops;
  int I, O;        // rows and columns of the matrix
  int digital;     // of the rows, so many last ones are kept exactly, beside the array: biases
  long n_devices;  // memory devices that hold it; 0 in software
};

// Exact: real numbers.
struct synapse *synapse_exact_new(int I, int O);

// Quantised to n bits: multiples of scale/2^(bits-1), clipped to [-scale, scale (1 - 2^(1-bits))].
// Rounding is stochastic (unbiased) with a stream, to nearest without one.
// digital: see struct synapse.
struct synapse *synapse_quantised_new(int I, int O, int digital, int bits, double scale);

#endif
