#include "kernel/normtangent.h"

#include <math.h>
#include <stddef.h>

#include "base/vector.h"

// As in norm.c: sums of as many channels as fill vectors on every machine, over groups of pixels short enough for real
// precision.
enum { CHANNELS = VECTOR_PADDING, VECTORS = CHANNELS/VECTOR_LANES, GROUP = 64 };

// CHANNELS channels of n pixels.
static void sums_of(real *s1, real *s2, real *t, const real *u, const real *a, const real *y, int n, int C) {
  vector t1[VECTORS] = { { 0 } }, t2[VECTORS] = { { 0 } };
  for (int p = 0; p < n; p++, t += C, a += C, y += C)
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++) {
      const int i = v*VECTOR_LANES;
      vector x = vector_from(t + i);
      if (u) x += vector_from(u + (ptrdiff_t)p*C + i);
      x = vector_where_positive(x, vector_from(a + i));
      *vector_at(t + i) = x;
      t1[v] += x;
      t2[v] += x * vector_from(y + i);
    }
  for (int v = 0; v < VECTORS; v++) {
    *vector_at(s1 + v*VECTOR_LANES) += t1[v];
    *vector_at(s2 + v*VECTOR_LANES) += t2[v];
  }
}

void normtangent_sums(real *restrict s1, real *restrict s2, real *restrict t, const real *restrict u,
                      const real *restrict a, const real *restrict y, int n, int C) {
  for (int p = 0; p < n; p += GROUP)
    for (int c = 0; c < C; c += CHANNELS) {
      const ptrdiff_t i = (ptrdiff_t)p*C + c;
      sums_of(s1 + c, s2 + c, t + i, u ? u + i : NULL, a + i, y + i, n - p < GROUP ? n - p : GROUP, C);
    }
}

void normtangent_forward(real *restrict t, const real *restrict y, const real *restrict r, const real *restrict s1,
                         const real *restrict s2, int n, int C) {
  const real over_n = (real)1 / (real)n;
  for (int p = 0; p < n; p++, t += C, y += C)
    for (int c = 0; c < C; c++) t[c] = r[c] * (t[c] - over_n * (s1[c] + y[c]*s2[c]));
}

// CHANNELS channels of n pixels; s: their first.
static void backward_sums_of(struct normtangent_sums s, real *t, const real *u, const real *dy, const real *y,
                             const real *ydot, int n, int C) {
  vector t1[VECTORS] = { { 0 } }, t2[VECTORS] = { { 0 } }, t3[VECTORS] = { { 0 } };
  for (int p = 0; p < n; p++, t += C, dy += C, y += C, ydot += C)
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; v++) {
      const int i = v*VECTOR_LANES;
      vector x = vector_from(t + i);
      if (u) x += vector_from(u + (ptrdiff_t)p*C + i);
      *vector_at(t + i) = x;
      t1[v] += x;
      t2[v] += x*vector_from(y + i) + vector_from(dy + i)*vector_from(ydot + i);
      t3[v] += vector_from(dy + i)*vector_from(y + i);
    }
  for (int v = 0; v < VECTORS; v++) {
    *vector_at(s.dy_dot + v*VECTOR_LANES) += t1[v];
    *vector_at(s.product + v*VECTOR_LANES) += t2[v];
    *vector_at(s.dy_y + v*VECTOR_LANES) += t3[v];
  }
}

void normtangent_backward_sums(const struct normtangent_sums *s, real *restrict t, const real *restrict u,
                               const real *restrict dy, const real *restrict y, const real *restrict ydot, int n,
                               int C) {
  for (int p = 0; p < n; p += GROUP)
    for (int c = 0; c < C; c += CHANNELS) {
      const ptrdiff_t i = (ptrdiff_t)p*C + c;
      const struct normtangent_sums first = { s->dy_dot + c, s->product + c, s->dy_y + c };
      backward_sums_of(first, t + i, u ? u + i : NULL, dy + i, y + i, ydot + i, n - p < GROUP ? n - p : GROUP, C);
    }
}

void normtangent_backward(real *restrict t, const real *restrict dz, const real *restrict y, const real *restrict ydot,
                          const real *restrict a, const real *restrict r, const real *restrict s2,
                          const struct normtangent_sums *s, int n, int C) {
  const real over_n = (real)1 / (real)n;
  for (int p = 0; p < n; p++, t += C, dz += C, y += C, ydot += C, a += C)
    for (int c = 0; c < C; c += VECTOR_LANES) {
      const vector d = vector_from(t + c) - over_n*(vector_from(s->dy_dot + c) +
                                                    vector_from(y + c)*vector_from(s->product + c) +
                                                    vector_from(ydot + c)*vector_from(s->dy_y + c));
      const vector of_r = over_n*vector_from(s2 + c)*vector_from(dz + c);
      *vector_at(t + c) = vector_from(r + c)*(vector_where_positive(d, vector_from(a + c)) - of_r);
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
