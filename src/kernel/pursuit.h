// pursuit.h - orthogonal matching pursuit (Pati, Rezaiifar and Krishnaprasad 1993) on the Gram matrix of the atoms
// (Rubinstein, Zibulevsky and Elad 2008): a few coefficients q that do what many, d, do. With the atoms e_i(t) they
// make small
//   sum_t (sum_i (d_i - q_i) e_i(t))^2 + ridge sum_i (d_i - q_i)^2 = (d - q)^T G (d - q),   G = sum_t e e^T + ridge I
// One atom after the other is taken, always that which lowers the sum most, and all coefficients so far are the best of
// these atoms, until the next one would lower it by no more than `gain`.
//
// Rows have ld elements, a multiple of VECTOR_PADDING, with zeros from m on.
#ifndef KERNEL_PURSUIT_H
#define KERNEL_PURSUIT_H

#include <stddef.h>

#include "base/real.h"

// gram (m, ld) = G. e (T, ld): the atoms
void pursuit_gram(real *restrict gram, const real *restrict e, int T, int m, int ld, double ridge);

// a (n, ld) = d^T G, what pursuit_take begins with. d (m, ld_d): the coefficients of n problems, a column each
void pursuit_products(real *restrict a, const real *restrict d, int ld_d, int n, const real *restrict gram, int m,
                      int ld);

// One problem: returns the number of atoms taken, atom (m) which and q (m) their coefficients. a (ld) = d^T G is
// overwritten. excluded: an atom that may not be taken; -1: none. gram has ridge > 0. scratch: pursuit_scratch(m, ld)
int pursuit_take(int *restrict atom, real *restrict q, real *restrict a, const real *restrict gram, int m, int ld,
                 int excluded, double gain, real *restrict scratch);
static inline size_t pursuit_scratch(int m, int ld) { return (size_t)(m + 4)*(size_t)ld; }  // numbers

// The slow twin: every atom is tried by solving the normal equations of those taken, in double precision.
int pursuit_take_ref(int *atom, real *q, const real *d, const real *gram, int m, int ld, int excluded, double gain);

#endif
