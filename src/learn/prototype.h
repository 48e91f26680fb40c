// prototype.h - a read-out that starts from class means instead of learned weights (docs/equations.md (A4), (A5)):
//   w_k = s (m_k - m)                m_k mean support feature of class k, m of all support images, s learned
//   b_k = b - s |m_k|^2/2            with the offset: the class of the largest logit is that of the nearest mean
// (Snell et al., NeurIPS 2017, equation 8; Triantafillou et al., ICLR 2020, section 4). It takes any number of classes.
#ifndef LEARN_PROTOTYPE_H
#define LEARN_PROTOTYPE_H

#include "learn/adapt.h"

// mean (ways, ld), added to: means of the first F features of h (n, padded C) by class, of which each has a row; label
// NULL: one class.
void prototype_means(real *mean, int ld, const real *h, int C, const int *label, int n, int ways, int F);

// Column k of w (F + 1, padded N) = s (m_k - m), its last row -s |m_k|^2/2 with `offset`, else as it was.
void prototype_column(real *w, int N, int k, const real *mean, const real *all, int F, real s, int offset);

// dw (C, padded ways): what to add to a read-out of zeros, or with a bias of a bias alone; t->scale is there. Every
// class has a support image.
void prototype_change(real *dw, const struct adapt_task *t);

// From the gradient dw (C, padded ways) of the read-out at the start: dh (S + Q, padded C) and dscale += ; what is left
// in dw is the gradient of the bias, zeros elsewhere.
void prototype_backward(real *dh, real *dscale, real *dw, const struct adapt_task *t);

#endif
