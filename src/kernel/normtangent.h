// normtangent.h - the derivative along a direction of what norm.h computes: of the normalised values, and of the
// gradient before the rectification. With a = max(z, 0) and y = (a - mean) r over n pixels (the statistics their own),
// a dot for the derivative and sums over the pixels, per channel:
//   a. = [a > 0] z.                y. = r (a. - sum a./n - y sum(a. y)/n),   r./r = -r sum(a. y)/n
//   dz = [a > 0] r (dy - sum dy/n - y sum(dy y)/n)
//   dz. = r./r dz + [a > 0] r (dy. - sum dy./n - y sum(dy. y + dy y.)/n - y. sum(dy y)/n)
// Arrays are (n, C) as in norm.h.
#ifndef KERNEL_NORMTANGENT_H
#define KERNEL_NORMTANGENT_H

#include "base/real.h"

// t = [a > 0] (t + u): a. from the two parts of z.; u NULL: no second part. s1 += sum a., s2 += sum a. y
void normtangent_sums(real *restrict s1, real *restrict s2, real *restrict t, const real *restrict u,
                      const real *restrict a, const real *restrict y, int n, int C);

// t = y. from a., in place.
void normtangent_forward(real *restrict t, const real *restrict y, const real *restrict r, const real *restrict s1,
                         const real *restrict s2, int n, int C);

// The three sums of dz., added to.
struct normtangent_sums {
  real *dy_dot;   // sum dy.
  real *product;  // sum (dy. y + dy y.)
  real *dy_y;     // sum dy y
};

// t += u: dy. from its two parts; u NULL: no second part. And the sums.
void normtangent_backward_sums(const struct normtangent_sums *s, real *restrict t, const real *restrict u,
                               const real *restrict dy, const real *restrict y, const real *restrict ydot, int n,
                               int C);

// t = dz. from dy., in place. s2: of normtangent_sums.
void normtangent_backward(real *restrict t, const real *restrict dz, const real *restrict y, const real *restrict ydot,
                          const real *restrict a, const real *restrict r, const real *restrict s2,
                          const struct normtangent_sums *s, int n, int C);

// The slow twins, by the rules of differentiation from the definition: y. of z along z., and dz. besides of dy along
// dy.
void normtangent_forward_ref(real *restrict ydot, const real *restrict z, const real *restrict zdot, int n, int C,
                             real eps);
void normtangent_backward_ref(real *restrict dzdot, const real *restrict z, const real *restrict zdot,
                              const real *restrict dy, const real *restrict dydot, int n, int C, real eps);

#endif
