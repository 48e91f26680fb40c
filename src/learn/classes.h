// classes.h - a read-out that is taught any number of classes, each by any number of images, and more of them later
// when the images of the first are gone. In the delta rule of learn/adapt.h every class counts the same:
//   W <- W - alpha sum_i v_i h_i^T (p_i - onehot_i),   v_i = 1/(N n_k) for the n_k rows of class k of N
// With as many images of every class this is (A1)-(A3) of docs/equations.md. A row is the features of an image, or the
// mean m_k of those of a class. From W = 0 the first update leaves w_k = alpha/N (m_k - m), m the mean of all m_k,
// whichever of the two the rows are. The step of a class is alpha/N: a rate learned for N' classes is taken N/N' times.
#ifndef LEARN_CLASSES_H
#define LEARN_CLASSES_H

#include "base/real.h"
#include "device/synapse.h"

struct classes_task {
  int N, O;           // classes; columns of the read-out, of which they are the first
  int C;              // features
  int n;              // rows
  const real *h;      // (n, padded C)
  const int *label;   // (n)
  const real *weight; // (n) v
};

// weight (n): v of rows with these labels, of which every class has one.
void classes_weights(real *weight, const int *label, int n, int N);

// Logits (n, padded O) of features h (n, padded C).
void classes_logits(real *z, struct synapse *readout, const real *h, int n, struct rng *r);

// One update; returns the devices rewritten.
long classes_update(const struct classes_task *t, struct synapse *readout, double rate, struct rng *r);

// w (C, padded O) = s (m_k - m) of the means (N, padded C), and zeros in the other columns; with `offset` the last row,
// that of a bias, is -s |m_k|^2/2.
void classes_means(real *w, const real *mean, int N, int O, int C, double scale, int offset);

// |h - m|^2 of two feature vectors.
double classes_distance2(const real *h, const real *mean, int C);

#endif
