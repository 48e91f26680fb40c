#include "learn/prototype.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

// Features without the 1 of a bias.
static int features(const struct adapt_task *t) { return t->C - (t->bias != 0); }

void prototype_means(real *mean, int ld, const real *h, int C, const int *label, int n, int ways, int F) {
  const int CP = vector_padded(C);
  int *rows = err_calloc((size_t)ways, sizeof *rows);
  for (int i = 0; i < n; i++) rows[label ? label[i] : 0]++;
  for (int i = 0; i < n; i++) {
    const int k = label ? label[i] : 0;
    for (int c = 0; c < F; c++) mean[(size_t)(k*ld + c)] += h[(size_t)(i*CP + c)]/(real)rows[k];
  }
  free(rows);
}

void prototype_column(real *w, int N, int k, const real *mean, const real *all, int F, real s, int offset) {
  real square = 0;
  for (int c = 0; c < F; c++) {
    w[(size_t)(c*N + k)] = s*(mean[c] - all[c]);
    square += mean[c]*mean[c];
  }
  if (offset) w[(size_t)(F*N + k)] = -s*square/2;
}

// Means of the features by class, of all, and how many images a class has.
struct means {
  real *class, *all;  // (ways, features), (features)
  int *images;        // (ways)
};

static struct means means_new(const struct adapt_task *t) {
  const size_t F = (size_t)features(t), ways = (size_t)t->ways, CP = (size_t)vector_padded(t->C);
  struct means m = { .class = err_calloc((ways + 1)*F, sizeof *m.class), .images = err_calloc(ways, sizeof *m.images) };
  m.all = m.class + ways*F;
  prototype_means(m.class, (int)F, t->h, t->C, t->label, t->S, t->ways, (int)F);
  for (size_t i = 0; i < (size_t)t->S; i++) {
    m.images[t->label[i]]++;
    for (size_t c = 0; c < F; c++) m.all[c] += t->h[i*CP + c]/(real)t->S;
  }
  return m;
}

static void means_free(struct means *m) {
  free(m->class);
  free(m->images);
}

void prototype_change(real *dw, const struct adapt_task *t) {
  const int N = vector_padded(t->ways), F = features(t);
  struct means m = means_new(t);
  memset(dw, 0, sizeof *dw * (size_t)(t->C*N));
  for (int k = 0; k < t->ways; k++) prototype_column(dw, N, k, m.class + k*F, m.all, F, *t->scale, t->offset);
  means_free(&m);
}

// dm (features): gradient of the mean of class k, but for its part in the mean of all. Returns that of the scale.
static real class_backward(real *dm, const real *dw, const struct adapt_task *t, const struct means *m, int k) {
  const int N = vector_padded(t->ways), F = features(t);
  const real s = *t->scale, *mean = m->class + k*F, db = t->offset ? dw[F*N + k] : 0;
  real dscale = 0;
  for (int c = 0; c < F; c++) {
    dm[c] = s*(dw[c*N + k] - db*mean[c]);
    dscale += (mean[c] - m->all[c])*dw[c*N + k] - db*mean[c]*mean[c]/2;
  }
  return dscale;
}

void prototype_backward(real *dh, real *dscale, real *dw, const struct adapt_task *t) {
  const int N = vector_padded(t->ways), F = features(t), CP = vector_padded(t->C);
  struct means m = means_new(t);
  real *dm = err_calloc((size_t)F, 2*sizeof *dm), *d_all = dm + F;
  for (int c = 0; c < F; c++)
    for (int k = 0; k < t->ways; k++) d_all[c] -= *t->scale*dw[c*N + k];
  for (int k = 0; k < t->ways; k++) {
    *dscale += class_backward(dm, dw, t, &m, k);
    for (int i = 0; i < t->S; i++) {
      if (t->label[i] != k) continue;
      for (int c = 0; c < F; c++) dh[(size_t)(i*CP + c)] += dm[c]/(real)m.images[k];
    }
  }
  for (int i = 0; i < t->S; i++)
    for (int c = 0; c < F; c++) dh[(size_t)(i*CP + c)] += d_all[c]/(real)t->S;
  memset(dw, 0, sizeof *dw * (size_t)(F*N));
  means_free(&m);
  free(dm);
}
