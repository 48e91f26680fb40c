// Rectification and batch normalisation against the definition; gradients through the statistics, also
// where pixels are normalised by the statistics of others ("support").
#include "base/err.h"
#include "base/rng.h"
#include "gradient.h"
#include "kernel/norm.h"

static const real eps = (real)1e-3;
static const int is_double = sizeof(real) == sizeof(double);

static real *reals(int n) { return err_aligned((unsigned long)n, sizeof(real)); }

static real *normals(int n, double mean, struct rng *r) {
  real *p = reals(n);
  for (int i = 0; i < n; i++) p[i] = (real)(mean + rng_normal(r));
  return p;
}

static void test_forward(int n, int C, double mean, double tolerance, struct rng *r) {
  real *z = normals(n*C, mean, r), *a = reals(n*C), *y = reals(n*C), *expected = reals(n*C), *m = reals(C),
       *s = reals(C);
  memcpy(a, z, sizeof *a * (size_t)(n*C));
  norm_statistics(m, s, a, n, C, eps);
  norm_forward(y, a, m, s, n, C);
  norm_forward_ref(expected, z, n, C, eps);
  double worst = 0;
  for (int i = 0; i < n*C; i++) worst = fmax(worst, fabs((double)y[i] - (double)expected[i]));
  CHECK(worst <= test_tol(tolerance), "n %d C %d mean %g: off by %.2g", n, C, mean, worst);
  norm_rectify(z, n, C);
  CHECK(!memcmp(a, z, sizeof *a * (size_t)(n*C)), "n %d C %d: rectified values differ", n, C);
  real *const owned[] = { z, a, y, expected, m, s };
  for (int k = 0; k < 6; k++) free(owned[k]);
}

static void test_sums(int n, int C, struct rng *r) {
  real *dy = normals(n*C, 0.1, r), *y = normals(n*C, 0.2, r), *s1 = normals(C, 0, r), *s2 = normals(C, 0, r);
  double *e1 = err_calloc((unsigned long)C, sizeof *e1), *e2 = err_calloc((unsigned long)C, sizeof *e2), worst = 0;
  for (int c = 0; c < C; c++) {
    e1[c] = (double)s1[c];
    e2[c] = (double)s2[c];
    for (int p = 0; p < n; p++) e1[c] += (double)dy[p*C + c];
    for (int p = 0; p < n; p++) e2[c] += (double)dy[p*C + c] * (double)y[p*C + c];
  }
  norm_sums(s1, s2, dy, y, n, C);
  for (int c = 0; c < C; c++) worst = fmax(worst, fmax(fabs((double)s1[c] - e1[c]), fabs((double)s2[c] - e2[c])));
  CHECK(worst <= test_tol((is_double ? 1e-15 : 1e-6) * (10 + n)), "n %d C %d: sums off by %.2g", n, C, worst);
  void *const owned[] = { dy, y, s1, s2, e1, e2 };
  for (int k = 0; k < 6; k++) free(owned[k]);
}

// m pixels give the statistics, n - m more are normalised by them.
enum { M = 7, N = 12, C = 16 };
struct problem {
  _Alignas(64) real z[N*C], a[N*C], y[N*C], mean[C], r[C];
};

static double loss(void *context, uint64_t *pattern) {
  struct problem *p = context;
  memcpy(p->a, p->z, sizeof p->a);
  norm_statistics(p->mean, p->r, p->a, M, C, eps);
  norm_rectify(p->a + M*C, N - M, C);
  norm_forward(p->y, p->a, p->mean, p->r, N, C);
  double sum = 0;
  for (int i = 0; i < N*C; i++) {
    sum += sin((double)p->y[i] + i);
    if (pattern) gradient_pattern(pattern, p->a[i] > 0);
  }
  return sum;
}

static void test_gradient(int n, struct rng *r) {
  static struct problem p;
  static _Alignas(64) real dy[N*C], dz[N*C], s1[C], s2[C], zero[C];
  memset(s1, 0, sizeof s1);
  memset(s2, 0, sizeof s2);
  for (int i = 0; i < N*C; i++) p.z[i] = (real)(rng_normal(r) + 0.3);
  loss(&p, NULL);
  for (int i = 0; i < N*C; i++) dy[i] = (real)cos((double)p.y[i] + i);
  norm_sums(s1, s2, dy, p.y, n, C);
  norm_backward(dz, dy, p.y, p.a, p.r, s1, s2, M, M, C);
  norm_backward(dz + M*C, dy + M*C, p.y + M*C, p.a + M*C, p.r, zero, zero, M, N - M, C);
  if (n == N) gradient_check("norm", p.z, dz, N*C, 1e-3, 1e-8, 1, loss, &p);
  else CHECK(gradient_compare(p.z, dz, N*C, 1e-3, loss, &p).worst > 1e-2, "sums without the other pixels passed");
}

// In place of its own input, to the same bits.
static void test_in_place(struct rng *r) {
  static struct problem p;
  static _Alignas(64) real dy[N*C], dz[N*C], s1[C], s2[C];
  memset(s1, 0, sizeof s1);
  memset(s2, 0, sizeof s2);
  for (int i = 0; i < N*C; i++) p.z[i] = (real)(rng_normal(r) + 0.3), dy[i] = (real)rng_normal(r);
  loss(&p, NULL);
  norm_sums(s1, s2, dy, p.y, N, C);
  norm_backward(dz, dy, p.y, p.a, p.r, s1, s2, M, N, C);
  norm_backward(dy, dy, p.y, p.a, p.r, s1, s2, M, N, C);
  CHECK(!memcmp(dy, dz, sizeof dz), "the gradient in place is another one");
}

int main(void) {
  struct rng r = rng_stream(2, RNG_TEST, 0);
  const int widths[] = { 16, 32, 48, 64, 80, 128, 144 }, counts[] = { 1, 2, 3, 63, 64, 65, 129, 200 };
  for (int i = 0; i < 7; i++)
    for (int k = 0; k < 8; k++) {
      test_forward(counts[k], widths[i], 0, is_double ? 1e-12 : 2e-5, &r);
      test_sums(counts[k], widths[i], &r);
    }
  test_forward(200, 64, 10, is_double ? 1e-10 : 1e-3, &r);  // a mean of ten deviations
  test_forward(50, 16, -9, 0, &r);                          // everything rectified: exactly zero
  if (GRADIENT_CHECKED) {
    test_gradient(N, &r);
    test_gradient(M, &r);
  }
  test_in_place(&r);
  return test_summary();
}
