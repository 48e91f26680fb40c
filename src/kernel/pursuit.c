#include "kernel/pursuit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tgmath.h>

#include "base/err.h"
#include "base/vector.h"

enum { ROWS = 4 };  // added in one turn, which saves loads and stores

// y += sum_l factor_l x_l over `rows` rows of n numbers that lie `apart`
static void add_rows(real *restrict y, const real *restrict factor, size_t factor_apart, const real *restrict x,
                     size_t apart, int rows, int n) {
  int l = 0;
  for (; l + ROWS <= rows; l += ROWS, x += ROWS*apart, factor += ROWS*factor_apart) {
    const real f[] = { factor[0], factor[factor_apart], factor[2*factor_apart], factor[3*factor_apart] };
    if (f[0] == 0 && f[1] == 0 && f[2] == 0 && f[3] == 0) continue;
    for (int k = 0; k < n; k++)
      y[k] += (f[0]*x[k] + f[1]*x[apart + (size_t)k]) + (f[2]*x[2*apart + (size_t)k] + f[3]*x[3*apart + (size_t)k]);
  }
  for (; l < rows; l++, x += apart, factor += factor_apart)
    for (int k = 0; k < n; k++) y[k] += factor[0]*x[k];
}

// The upper triangle, of which the other half is a copy.
void pursuit_gram(real *restrict gram, const real *restrict e, int T, int m, int ld, double ridge) {
  const size_t row = (size_t)ld;
  memset(gram, 0, (size_t)m*row*sizeof *gram);
  for (int i = 0; i < m; i++) {
    const size_t from = (size_t)i - (size_t)i % VECTOR_PADDING;
    add_rows(gram + (size_t)i*row + from, e + i, row, e + from, row, T, ld - (int)from);
  }
  for (size_t i = 0; i < (size_t)m; i++) {
    for (size_t k = 0; k < i; k++) gram[i*row + k] = gram[k*row + i];
    gram[i*row + i] += (real)ridge;
  }
}

void pursuit_products(real *restrict a, const real *restrict d, int ld_d, int n, const real *restrict gram, int m,
                      int ld) {
  memset(a, 0, (size_t)n*(size_t)ld*sizeof *a);
  for (int j = 0; j < n; j++) add_rows(a + (size_t)j*(size_t)ld, d + j, (size_t)ld_d, gram, (size_t)ld, m, ld);
}

// The atom of the greatest gain a^2/left above the least; -1: none.
static int best_atom(real *restrict gains, const real *restrict a, const real *restrict left, int m, int ld,
                     real least) {
  int best = -1;
  for (int i = 0; i < ld; i++) gains[i] = a[i]*a[i]/left[i];
  for (int i = 0; i < m; i++)
    if (gains[i] > least) best = i, least = gains[i];
  return best;
}

// Of an atom's diagonal element in G, what remains is no more than rounding.
static const real ROUNDING = sizeof(real) == 8 ? (real)1e-13 : (real)1e-5;

// A partial Cholesky factorisation of G: row k is G[atom_k] freed of the atoms before, so that row_k[atom_l] is its
// element (l, k); left is the diagonal of what remains, infinite for atoms that cannot be taken: those already taken,
// and those that are sums of them but for rounding.
int pursuit_take(int *restrict atom, real *restrict q, real *restrict a, const real *restrict gram, int m, int ld,
                 int excluded, double gain, real *restrict scratch) {
  real *left = scratch, *gains = left + ld, *above = gains + ld, *least = above + ld, *rows = least + ld;
  int n = 0;
  for (int i = 0; i < ld; i++) {
    left[i] = i < m && i != excluded ? gram[(size_t)i*(size_t)ld + (size_t)i] : (real)INFINITY;
    least[i] = ROUNDING*left[i];
  }
  for (int i; n < m && (i = best_atom(gains, a, left, m, ld, (real)gain)) >= 0; n++) {
    real *restrict row = rows + (size_t)n*(size_t)ld;
    const real scale = 1/sqrt(left[i]);
    memcpy(row, gram + (size_t)i*(size_t)ld, (size_t)ld*sizeof *row);
    for (int l = 0; l < n; l++) above[l] = -rows[(size_t)l*(size_t)ld + (size_t)i];
    add_rows(row, above, 1, rows, (size_t)ld, n, ld);
    atom[n] = i;
    q[n] = a[i]*scale;
    const real part = q[n];
    for (int k = 0; k < ld; k++) {
      row[k] *= scale;
      a[k] -= part*row[k];
      const real rest = left[k] - row[k]*row[k];
      left[k] = rest > least[k] ? rest : (real)INFINITY;
    }
    left[i] = (real)INFINITY;
  }
  for (int k = n - 1; k >= 0; k--) {
    const real *row = rows + (size_t)k*(size_t)ld;
    for (int l = k + 1; l < n; l++) q[k] -= row[atom[l]]*q[l];
    q[k] /= row[atom[k]];
  }
  return n;
}

// ---- the slow twin

// Solve the symmetric G[atom, atom] q = product[atom] by elimination; returns q^T product, by which the sum is lowered.
static double solve(double *q, const int *atom, int n, const double *product, const real *gram, int ld) {
  double *s = err_calloc((size_t)n*(size_t)n, sizeof *s), lowered = 0;
  for (int k = 0; k < n; k++) {
    q[k] = product[atom[k]];
    for (int l = 0; l < n; l++) s[k*n + l] = (double)gram[(size_t)atom[k]*(size_t)ld + (size_t)atom[l]];
  }
  for (int k = 0; k < n; k++)
    for (int l = k + 1; l < n; l++) {
      const double f = s[l*n + k]/s[k*n + k];
      for (int h = k; h < n; h++) s[l*n + h] -= f*s[k*n + h];
      q[l] -= f*q[k];
    }
  for (int k = n - 1; k >= 0; k--) {
    for (int l = k + 1; l < n; l++) q[k] -= s[k*n + l]*q[l];
    q[k] /= s[k*n + k];
  }
  for (int k = 0; k < n; k++) lowered += q[k]*product[atom[k]];
  free(s);
  return lowered;
}

int pursuit_take_ref(int *atom, real *q, const real *d, const real *gram, int m, int ld, int excluded, double gain) {
  double *product = err_calloc((size_t)m, sizeof *product), *now = err_calloc((size_t)m, sizeof *now), before = 0;
  char *taken = err_calloc((size_t)m, 1);
  int n = 0;
  for (int i = 0; i < m; i++)
    for (int k = 0; k < m; k++) product[i] += (double)gram[(size_t)i*(size_t)ld + (size_t)k]*(double)d[k];
  for (; n < m; n++) {
    int best = -1;
    double most = before + gain;
    for (int i = 0; i < m; i++) {
      if (taken[i] || i == excluded) continue;
      atom[n] = i;
      const double lowered = solve(now, atom, n + 1, product, gram, ld);
      if (lowered > most) best = i, most = lowered;
    }
    if (best < 0) break;
    atom[n] = best;
    taken[best] = 1;
    before = most;
  }
  solve(now, atom, n, product, gram, ld);
  for (int k = 0; k < n; k++) q[k] = (real)now[k];
  free(product);
  free(now);
  free(taken);
  return n;
}
