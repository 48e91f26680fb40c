#include "kernel/normtangent.h"

#include <math.h>
#include <stddef.h>

// As in norm.c: channels in blocks whose sums fit registers, pixels in groups short enough for real precision.
enum { BLOCK = 64, GROUP = 64 };

#define INLINE static inline __attribute__((always_inline))

INLINE void sums_of(real *restrict s1, real *restrict s2, real *restrict t, const real *restrict u,
                    const real *restrict a, const real *restrict y, int n, int C, int width, int two) {
  real t1[BLOCK] = { 0 }, t2[BLOCK] = { 0 };
  for (int p = 0; p < n; p++)
    for (int c = 0; c < width; c++) {
      const ptrdiff_t i = (ptrdiff_t)p*C + c;
      const real zdot = two ? t[i] + u[i] : t[i], v = a[i] > 0 ? zdot : 0;
      t[i] = v;
      t1[c] += v;
      t2[c] += v * y[i];
    }
  for (int c = 0; c < width; c++) {
    s1[c] += t1[c];
    s2[c] += t2[c];
  }
}

void normtangent_sums(real *restrict s1, real *restrict s2, real *restrict t, const real *restrict u,
                      const real *restrict a, const real *restrict y, int n, int C) {
  for (int p = 0; p < n; p += GROUP)
    for (int c = 0; c < C; c += BLOCK) {
      const int m = n - p < GROUP ? n - p : GROUP, width = C - c < BLOCK ? C - c : BLOCK;
      const ptrdiff_t i = (ptrdiff_t)p*C + c;
      if (!u) sums_of(s1 + c, s2 + c, t + i, a + i, a + i, y + i, m, C, width, 0);  // the fourth is not read
      else if (width == BLOCK) sums_of(s1 + c, s2 + c, t + i, u + i, a + i, y + i, m, C, BLOCK, 1);
      else sums_of(s1 + c, s2 + c, t + i, u + i, a + i, y + i, m, C, width, 1);
    }
}

void normtangent_forward(real *restrict t, const real *restrict y, const real *restrict r, const real *restrict s1,
                         const real *restrict s2, int n, int C) {
  const real over_n = (real)1 / (real)n;
  for (int p = 0; p < n; p++)
    for (int c = 0; c < C; c++) {
      const ptrdiff_t i = (ptrdiff_t)p*C + c;
      t[i] = r[c] * (t[i] - over_n * (s1[c] + y[i]*s2[c]));
    }
}

INLINE void backward_sums_of(real *restrict s1, real *restrict s2, real *restrict s3, real *restrict t,
                             const real *restrict u, const real *restrict dy, const real *restrict y,
                             const real *restrict ydot, int n, int C, int width, int two) {
  real t1[BLOCK] = { 0 }, t2[BLOCK] = { 0 }, t3[BLOCK] = { 0 };
  for (int p = 0; p < n; p++)
    for (int c = 0; c < width; c++) {
      const ptrdiff_t i = (ptrdiff_t)p*C + c;
      const real v = two ? t[i] + u[i] : t[i];
      t[i] = v;
      t1[c] += v;
      t2[c] += v*y[i] + dy[i]*ydot[i];
      t3[c] += dy[i]*y[i];
    }
  for (int c = 0; c < width; c++) {
    s1[c] += t1[c];
    s2[c] += t2[c];
    s3[c] += t3[c];
  }
}

void normtangent_backward_sums(const struct normtangent_sums *s, real *restrict t, const real *restrict u,
                               const real *restrict dy, const real *restrict y, const real *restrict ydot, int n,
                               int C) {
  for (int p = 0; p < n; p += GROUP)
    for (int c = 0; c < C; c += BLOCK) {
      const int m = n - p < GROUP ? n - p : GROUP, width = C - c < BLOCK ? C - c : BLOCK;
      const ptrdiff_t i = (ptrdiff_t)p*C + c;
      real *s1 = s->dy_dot + c, *s2 = s->product + c, *s3 = s->dy_y + c;
      if (!u) backward_sums_of(s1, s2, s3, t + i, dy + i, dy + i, y + i, ydot + i, m, C, width, 0);  // nor the fifth
      else if (width == BLOCK) backward_sums_of(s1, s2, s3, t + i, u + i, dy + i, y + i, ydot + i, m, C, BLOCK, 1);
      else backward_sums_of(s1, s2, s3, t + i, u + i, dy + i, y + i, ydot + i, m, C, width, 1);
    }
}

void normtangent_backward(real *restrict t, const real *restrict dz, const real *restrict y, const real *restrict ydot,
                          const real *restrict a, const real *restrict r, const real *restrict s2,
                          const struct normtangent_sums *s, int n, int C) {
  const real over_n = (real)1 / (real)n, *restrict s_dot = s->dy_dot, *restrict s_product = s->product,
             *restrict s_y = s->dy_y;
  for (int p = 0; p < n; p++)
    for (int c = 0; c < C; c++) {
      const ptrdiff_t i = (ptrdiff_t)p*C + c;
      const real d = t[i] - over_n * (s_dot[c] + y[i]*s_product[c] + ydot[i]*s_y[c]);
      t[i] = r[c] * ((a[i] > 0 ? d : 0) - over_n*s2[c]*dz[i]);
    }
}

// ---- the slow twins

// A number and its derivative.
struct dual {
  double v, d;
};

// Statistics of one channel: mean, r.
static void statistics(struct dual *mean, struct dual *r, const real *z, const real *zdot, int n, int C, double eps) {
  struct dual variance = { 0 };
  *mean = (struct dual){ 0 };
  for (int p = 0; p < n; p++)
    if (z[p*C] > 0) {
      mean->v += (double)z[p*C] / n;
      mean->d += (double)zdot[p*C] / n;
    }
  for (int p = 0; p < n; p++) {
    const int on = z[p*C] > 0;
    const double v = (on ? (double)z[p*C] : 0) - mean->v, d = (on ? (double)zdot[p*C] : 0) - mean->d;
    variance.v += v*v / n;
    variance.d += 2*v*d / n;
  }
  r->v = pow(variance.v + eps, -0.5);
  r->d = -0.5 * pow(variance.v + eps, -1.5) * variance.d;
}

static struct dual normalised(real z, real zdot, struct dual mean, struct dual r) {
  const double v = (z > 0 ? (double)z : 0) - mean.v, d = (z > 0 ? (double)zdot : 0) - mean.d;
  return (struct dual){ v * r.v, d * r.v + v * r.d };
}

void normtangent_forward_ref(real *restrict ydot, const real *restrict z, const real *restrict zdot, int n, int C,
                             real eps) {
  for (int c = 0; c < C; c++) {
    struct dual mean, r;
    statistics(&mean, &r, z + c, zdot + c, n, C, (double)eps);
    for (int p = 0; p < n; p++) ydot[p*C + c] = (real)normalised(z[p*C + c], zdot[p*C + c], mean, r).d;
  }
}

void normtangent_backward_ref(real *restrict dzdot, const real *restrict z, const real *restrict zdot,
                              const real *restrict dy, const real *restrict dydot, int n, int C, real eps) {
  for (int c = 0; c < C; c++) {
    struct dual mean, r, s1 = { 0 }, s2 = { 0 };  // s1 = sum dy/n, s2 = sum(dy y)/n
    statistics(&mean, &r, z + c, zdot + c, n, C, (double)eps);
    for (int p = 0; p < n; p++) {
      const struct dual y = normalised(z[p*C + c], zdot[p*C + c], mean, r);
      const struct dual g = { (double)dy[p*C + c], (double)dydot[p*C + c] };
      s1.v += g.v / n;
      s1.d += g.d / n;
      s2.v += g.v*y.v / n;
      s2.d += (g.d*y.v + g.v*y.d) / n;
    }
    for (int p = 0; p < n; p++) {
      const struct dual y = normalised(z[p*C + c], zdot[p*C + c], mean, r);
      const double v = (double)dy[p*C + c] - s1.v - y.v*s2.v,
                   d = (double)dydot[p*C + c] - s1.d - y.d*s2.v - y.v*s2.d;
      dzdot[p*C + c] = (real)(z[p*C + c] > 0 ? r.d*v + r.v*d : 0);
    }
  }
}
