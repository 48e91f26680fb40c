// conv.h - two-dimensional convolution on small images, forward and both gradients.
// Layout: images NHWC, kernels (ky, kx, C, O); the last dimension is padded with zeros to a multiple
// of VECTOR_PADDING so that every vector is full. The zero padding of an image is never stored, and computed only
// where channels are few.
#ifndef KERNEL_CONV_H
#define KERNEL_CONV_H

#include "base/vector.h"

struct conv {
  int B;            // images
  int H, W, C;      // input
  int OH, OW, O;    // output
  int k;            // kernel height and width
  int stride, pad;
};

// The description of a k x k convolution; OH = (H + 2 pad - k)/stride + 1.
struct conv conv_shape(int B, int H, int W, int C, int O, int k, int stride, int pad);

// Floating-point operations of one pass (2 per multiply-add, taps inside the image only).
double conv_flop(const struct conv *c);

// y = x * w.  x (B,H,W,padded C)  w (k,k,C,padded O)  y (B,OH,OW,padded O)
void conv_forward(real *restrict y, const real *restrict x, const real *restrict w, const struct conv *c);

// dx = dy * w^T, overwritten
void conv_backward_data(real *restrict dx, const real *restrict dy, const real *restrict w, const struct conv *c);

// dw += x^T * dy
void conv_backward_weights(real *restrict dw, const real *restrict x, const real *restrict dy, const struct conv *c);

// The obvious slow twins.
void conv_forward_ref(real *restrict y, const real *restrict x, const real *restrict w, const struct conv *c);
void conv_backward_ref(real *restrict dx, real *restrict dw, const real *restrict dy, const real *restrict x,
                       const real *restrict w, const struct conv *c);

#endif
