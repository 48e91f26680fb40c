// Class probabilities at numbers worked out by hand, their gradients, and what must not pass unnoticed.
#include "base/rng.h"
#include "gradient.h"
#include "kernel/softmax.h"

enum { B = 6, N = 5, LD = 16 };
static const int label[B] = { 0, 4, 2, 2, 1, 3 };
static real z[B*LD], p[B*LD], g[B*LD];
static const double tolerance = sizeof(real) == sizeof(double) ? 1e-14 : 1e-6;

static void test_values(void) {
  const real logit[LD] = { (real)0.5, (real)-1.25, (real)2, 7 };
  real q[LD], gradient[LD];
  const double e0 = exp(0.5), e1 = exp(-1.25), e2 = exp(2), sum = e0 + e1 + e2;
  const int one = 1;
  softmax_forward(q, logit, 1, 3, LD);
  CHECK_REL(q[0], e0/sum, tolerance);
  CHECK_REL(q[1], e1/sum, tolerance);
  CHECK_REL(q[2], e2/sum, tolerance);
  for (int k = 3; k < LD; k++) CHECK(q[k] == 0, "entry %d beyond the classes is %g", k, (double)q[k]);
  CHECK_REL(softmax_cross_entropy(gradient, q, &one, 1, 3, LD), log(sum) + 1.25, 10*tolerance);
  CHECK_REL(gradient[1], e1/sum - 1, 10*tolerance);
  CHECK_REL(gradient[2], e2/sum, tolerance);
}

static void test_extremes(void) {
  real q[LD], far[LD] = { 1000, -1000, 999 };
  const int second = 1;
  softmax_forward(q, far, 1, 3, LD);
  CHECK_REL(q[0], 1 / (1 + exp(-1)), 10*tolerance);
  CHECK(q[1] == 0, "exp(-2000) is %g", (double)q[1]);
  const double loss = softmax_cross_entropy(q, q, &second, 1, 3, LD);
  CHECK(isfinite(loss) && loss > 700, "loss %g of an impossible class", loss);
  const real bad[] = { (real)NAN, (real)INFINITY };
  for (int k = 0; k < 2; k++) {  // a diverged net must not report a finite loss
    far[k] = bad[k];
    softmax_forward(q, far, 1, 3, LD);
    const double lost = softmax_cross_entropy(q, q, &second, 1, 3, LD);
    CHECK(!isfinite(lost), "loss %g of logit %g", lost, (double)bad[k]);
  }
}

static void test_correct(void) {
  const real row[3*LD] = { [0] = 1, [1] = 1, [LD + 2] = 3, [LD + 4] = 2, [2*LD + 1] = -1, [2*LD + 5] = 9 };
  CHECK(softmax_correct(row, (const int[]){ 0, 2, 0 }, 3, 5, LD) == 3, "first of equals, largest, padding ignored");
  CHECK(softmax_correct(row, (const int[]){ 1, 4, 1 }, 3, 5, LD) == 0, "wrong labels");
}

static double cross_entropy(void *context, uint64_t *pattern) {
  (void)context, (void)pattern;
  softmax_forward(p, z, B, N, LD);
  return softmax_cross_entropy(g, p, label, B, N, LD);
}

static double sine(void *context, uint64_t *pattern) {
  (void)context, (void)pattern;
  double sum = 0;
  softmax_forward(p, z, B, N, LD);
  for (int i = 0; i < B*LD; i++) sum += i % LD < N ? sin(3 * (double)p[i] + i) : 0;
  return sum;
}

static void test_gradients(void) {
  real dp[B*LD] = { 0 }, dz[B*LD] = { 0 };
  cross_entropy(NULL, NULL);
  memcpy(dz, g, sizeof dz);
  gradient_check("cross-entropy", z, dz, B*LD, 1e-2, 1e-7, 1, cross_entropy, NULL);
  sine(NULL, NULL);
  for (int i = 0; i < B*LD; i++) dp[i] = i % LD < N ? (real)(3 * cos(3 * (double)p[i] + i)) : 0;
  memset(dz, 0, sizeof dz);
  softmax_backward(dz, dp, p, B, N, LD);
  gradient_check("softmax", z, dz, B*LD, 1e-2, 1e-6, 1, sine, NULL);
  real twice[B*LD];
  memcpy(twice, dz, sizeof twice);
  softmax_backward(twice, dp, p, B, N, LD);
  for (int i = 0; i < B*LD; i++) CHECK_REL(twice[i], 2*dz[i], 1e-14);
}

// The pullback is also the derivative along a direction.
static void test_direction(struct rng *r) {
  const double h = 1e-4;
  real along[B*LD] = { 0 }, found[B*LD] = { 0 }, moved[B*LD], side[2][B*LD];
  for (int i = 0; i < B*LD; i++) along[i] = i % LD < N ? (real)rng_normal(r) : 0;
  for (int k = 0; k < 2; k++) {
    for (int i = 0; i < B*LD; i++) moved[i] = (real)((double)z[i] + (k ? -h : h)*(double)along[i]);
    softmax_forward(side[k], moved, B, N, LD);
  }
  softmax_forward(p, z, B, N, LD);
  softmax_backward(found, along, p, B, N, LD);
  for (int i = 0; i < B*LD; i++) {
    const double expected = (double)(side[0][i] - side[1][i])/(2*h);
    CHECK(fabs((double)found[i] - expected) < test_tol(1e-7), "%d: %g, not %g", i, (double)found[i], expected);
  }
}

int main(void) {
  struct rng r = rng_stream(4, RNG_TEST, 0);
  for (int i = 0; i < B*LD; i++) z[i] = i % LD < N ? (real)(2 * rng_normal(&r)) : 0;
  test_values();
  test_extremes();
  test_correct();
  if (GRADIENT_CHECKED) {
    test_gradients();
    test_direction(&r);
  }
  return test_summary();
}
