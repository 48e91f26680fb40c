// hessian.h - the second derivative of the classifier's loss along a direction v of its weights, H v, exactly: the
// forward pass and the backward pass differentiated along v (Pearlmutter, Neural Computation 6:147, 1994). A
// convolution is linear in its input and in its kernel, so its derivative is two products; that of the normalisation
// is in kernel/normtangent.h; a maximum and a rectification hand on what they let pass. docs/equations.md (B3)-(B5).
#ifndef MODEL_HESSIAN_H
#define MODEL_HESSIAN_H

#include "base/arena.h"
#include "model/convnet.h"

// Scratch for B images. Derivatives along v have the shapes and the names of what is differentiated (convnet_work).
struct hessian {
  real *u[CONVNET_MAX_BLOCKS + 1], *y[CONVNET_MAX_BLOCKS + 1];
  real *s2[CONVNET_MAX_BLOCKS + 1];           // sum of a. y (kernel/normtangent.h)
  real *pooled, *dpooled, *x, *dx, *h, *dh;
  real *z, *dz;                               // of the dense layer and of the read-out
  real *dz_plain;                             // of the dense layer, not differentiated
  real *t[2], *second;                        // gradients of the blocks; the second of two products
  real *sums;
  struct arena arena;                         // owns all of the above
};
void hessian_init(struct hessian *s, const struct convnet *net, int B);
double hessian_bytes(const struct convnet *net, int B);  // that it takes
void hessian_release(struct hessian *s);

// A loss whose gradient has just been computed: of group 0 of w alone, by convnet_backward_group, or where only dense
// layers adapt by convnet_backward_dense.
struct hessian_loss {
  const struct convnet_work *w;
  const real *weights;  // laid out as the parameters
  const real *p, *g;    // (S, padded ways) probabilities; gradient of the logits
};

// out += H v of the layers that adapt; v and out are laid out as the parameters. Where the blocks do not adapt, dpooled
// (S, padded channels) += the same of the maximum over the last pixels.
void hessian_product(struct hessian *s, const struct convnet *net, const struct hessian_loss *loss, const real *v,
                     real *out, real *dpooled);

#endif
