// Orthogonal matching pursuit against its slow twin, and what it promises.
#include "kernel/pursuit.h"

#include <string.h>

#include "base/rng.h"
#include "base/vector.h"
#include "test.h"

enum { M = 21, LD = 32, T = 37, N = 9, LD_N = 16 };
static const double tol = sizeof(real) == 8 ? 1e-11 : 2e-4;
static real e[T*LD], gram[M*LD], d[M*LD_N], products[N*LD], scratch[(M + 4)*LD];

// Atoms of a few events, so that some have nothing in common; problems of many coefficients, the last without any.
static void draw(uint32_t seed, double ridge) {
  struct rng r = rng_stream(seed, RNG_TEST, 0);
  memset(e, 0, sizeof e);
  memset(d, 0, sizeof d);
  for (int t = 0; t < T; t++)
    for (int i = 0; i < M; i++) e[t*LD + i] = rng_uniform(&r) < 0.15 ? (real)rng_uniform(&r) : 0;
  for (int i = 0; i < M; i++)
    for (int j = 0; j < N - 1; j++) d[i*LD_N + j] = i % 4 ? (real)rng_normal(&r) : 0;
  pursuit_gram(gram, e, T, M, LD, ridge);
  pursuit_products(products, d, LD_N, N, gram, M, LD);
}

static void check_sums(double ridge) {
  double off = 0;
  for (int i = 0; i < M; i++)
    for (int k = 0; k < LD; k++) {
      double sum = i == k ? ridge : 0;
      for (int t = 0; t < T; t++) sum += (double)e[t*LD + i]*(double)e[t*LD + k];
      off = fmax(off, fabs(sum - (double)gram[i*LD + k]));
    }
  for (int j = 0; j < N; j++)
    for (int k = 0; k < LD; k++) {
      double sum = 0;
      for (int i = 0; i < M; i++) sum += (double)d[i*LD_N + j]*(double)gram[i*LD + k];
      off = fmax(off, fabs(sum - (double)products[j*LD + k]));
    }
  CHECK(off < test_tol(tol), "sums are off by %g", off);
}

// (d - q)^T G (d - q) of problem j
static double remaining(int j, const int *atom, const real *q, int n) {
  double rest[M], sum = 0;
  for (int i = 0; i < M; i++) rest[i] = (double)d[i*LD_N + j];
  for (int k = 0; k < n; k++) rest[atom[k]] -= (double)q[k];
  for (int i = 0; i < M; i++)
    for (int k = 0; k < M; k++) sum += rest[i]*(double)gram[i*LD + k]*rest[k];
  return sum;
}

static int take(int *atom, real *q, int j, int excluded, double gain) {
  real a[LD];
  memcpy(a, products + j*LD, sizeof a);
  return pursuit_take(atom, q, a, gram, M, LD, excluded, gain, scratch);
}

static void check_twins(double gain, int least, int most) {
  int atom[M], atom_ref[M], total = 0;
  real q[M], q_ref[M], column[M];
  for (int j = 0; j < N; j++) {
    const int excluded = j % 3 ? j : -1;
    for (int i = 0; i < M; i++) column[i] = d[i*LD_N + j];
    const int n = take(atom, q, j, excluded, gain),
              n_ref = pursuit_take_ref(atom_ref, q_ref, column, gram, M, LD, excluded, gain);
    CHECK(n == n_ref && (j < N - 1 || n == 0), "problem %d: %d atoms, %d", j, n, n_ref);
    total += n;
    for (int k = 0; k < n && n == n_ref; k++) {
      CHECK(atom[k] == atom_ref[k] && atom[k] != excluded, "problem %d, atom %d: %d, %d", j, k, atom[k], atom_ref[k]);
      CHECK(fabs((double)(q[k] - q_ref[k])) < test_tol(tol), "problem %d, coefficient %d: %g, %g", j, k, (double)q[k],
            (double)q_ref[k]);
    }
    CHECK(remaining(j, atom, q, n) <= remaining(j, atom, q, 0) - 0.999*n*gain, "problem %d: not worth it", j);
  }
  CHECK(total >= least && total <= most, "gain %g: %d atoms", gain, total);
}

// With no gain required every coefficient comes back, exactly as it was.
static void check_everything(void) {
  int atom[M];
  real q[M];
  for (int j = 0; j < N - 1; j++) {
    const int n = take(atom, q, j, -1, 0);
    double off = 0;
    for (int k = 0; k < n; k++) off = fmax(off, fabs((double)(q[k] - d[atom[k]*LD_N + j])));
    CHECK(off < test_tol(tol) && n >= M - M/4 - 1, "problem %d: %d atoms, off by %g", j, n, off);
  }
}

// Atoms that are sums of others, with hardly any ridge: what all coefficients do comes back, by finite numbers.
static void check_dependent(void) {
  struct rng r = rng_stream(9, RNG_TEST, 0);
  int atom[M];
  real q[M];
  memset(e, 0, sizeof e);
  for (int t = 0; t < T; t++)
    for (int i = 0; i < M; i++) e[t*LD + i] = i < 7 ? (real)(30*rng_uniform(&r)) : e[t*LD + i%7] + e[t*LD + (i + 1)%7];
  pursuit_gram(gram, e, T, M, LD, 1e-6);
  pursuit_products(products, d, LD_N, N, gram, M, LD);
  for (int j = 0; j < N - 1; j++) {
    const int n = take(atom, q, j, -1, 0);
    double most = 0;
    for (int k = 0; k < n; k++) most = fmax(most, fabs((double)q[k]));
    const int enough = n <= 7 || sizeof(real) == 8;  // in double precision the ridge tells the others apart
    CHECK(enough && most < 50, "problem %d: %d of 7 independent atoms, coefficients up to %g", j, n, most);
    CHECK(remaining(j, atom, q, n) < 1e-5*remaining(j, atom, q, 0), "problem %d: %g of %g are left", j,
          remaining(j, atom, q, n), remaining(j, atom, q, 0));
  }
}

int main(void) {
  for (uint32_t seed = 1; seed <= 5; seed++) {
    draw(seed, 0.4);
    check_sums(0.4);
    check_everything();
    check_twins(0.02, 90, 150);
    check_twins(1, 15, 70);
    check_twins(1e6, 0, 0);
  }
  check_dependent();
  return test_summary();
}
