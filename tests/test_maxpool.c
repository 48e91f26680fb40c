// The maximum over pixels, where it came from, and its gradient.
#include "base/rng.h"
#include "gradient.h"
#include "kernel/maxpool.h"

enum { B = 5, N = 4, C = 19 };
static real y[B*N*C], h[B*C], dh[B*C], dy[B*N*C];
static int32_t from[B*C];

static double loss(void *context, uint64_t *pattern) {
  (void)context;
  maxpool_forward(h, from, y, B, N, C);
  double sum = 0;
  for (int i = 0; i < B*C; i++) {
    sum += sin((double)h[i] + i);
    if (pattern) gradient_pattern(pattern, (uint64_t)from[i]);
  }
  return sum;
}

// Along a direction, of the maximum over all pixels and over squares: the derivative is where the maximum came from.
static void test_tangent(struct rng *r) {
  enum { H = 5, W = 4, QUARTER = H/2*(W/2) };
  real u[2*H*W*C], direction[2*H*W*C], quarter[2*QUARTER*C], found[2*QUARTER*C];
  int32_t of[2*QUARTER*C];
  for (int i = 0; i < 2*H*W*C; i++) {
    u[i] = (real)rng_normal(r);
    direction[i] = (real)rng_normal(r);
  }
  maxpool_quarter(quarter, of, u, 2, H, W, C);
  maxpool_tangent(found, direction, of, 2, QUARTER, H*W, C);
  for (int i = 0; i < 2*QUARTER*C; i++) {
    real expected = NAN;
    for (int p = 0; p < H*W; p++) {
      const int at = (i/(QUARTER*C)*H*W + p)*C + i%C;
      if (u[at] == quarter[i]) expected = direction[at];
    }
    CHECK(found[i] == expected, "derivative %d: %g, not %g", i, (double)found[i], (double)expected);
  }
  maxpool_forward(h, from, u, 2, H*W, C);
  maxpool_tangent(dh, direction, from, 2, 1, H*W, C);
  for (int i = 0; i < 2*C; i++) CHECK(dh[i] == direction[(i/C*H*W + from[i])*C + i%C], "derivative %d", i);
}

int main(void) {
  struct rng r = rng_stream(3, RNG_TEST, 0);
  for (int i = 0; i < B*N*C; i++) y[i] = (real)(rng_normal(&r) - 5);  // negative: zero must not win
  for (int p = 0; p < N; p++) y[(2*N + p)*C + 7] = -3;              // all equal: the first
  y[(3*N + 1)*C + 8] = y[(3*N + 3)*C + 8] = 4;                        // two equal
  maxpool_forward(h, from, y, B, N, C);
  for (int b = 0; b < B; b++)
    for (int c = 0; c < C; c++) {
      int best = 0;
      for (int p = N - 1; p >= 0; p--) best = y[(b*N + p)*C + c] >= y[(b*N + best)*C + c] ? p : best;
      CHECK(from[b*C + c] == best && h[b*C + c] == y[(b*N + best)*C + c],
            "image %d channel %d: from %d, not %d", b, c, from[b*C + c], best);
    }
  CHECK(from[2*C + 7] == 0 && from[3*C + 8] == 1, "the first of equals: %d %d", from[2*C + 7], from[3*C + 8]);
  for (int i = 0; i < B*C; i++) dh[i] = (real)(i + 1);
  for (int i = 0; i < B*N*C; i++) dy[i] = NAN;  // overwritten
  maxpool_backward(dy, dh, from, B, N, C);
  double sum = 0, product = 0;
  for (int i = 0; i < B*N*C; i++) sum += (double)dy[i];
  for (int i = 0; i < B*C; i++) product += (double)dy[(i/C*N + from[i])*C + i%C] - (double)dh[i];
  CHECK(sum == B*C*(B*C + 1) / 2.0 && product == 0, "gradient not where the maximum came from: %g %g", sum, product);
  if (GRADIENT_CHECKED) {
    y[(2*N + 2)*C + 7] = y[(3*N + 1)*C + 8] = 6;  // no ties
    loss(NULL, NULL);
    for (int i = 0; i < B*C; i++) dh[i] = (real)cos((double)h[i] + i);
    maxpool_backward(dy, dh, from, B, N, C);
    gradient_check("maxpool", y, dy, B*N*C, 1e-3, 1e-8, 1, loss, NULL);
  }
  test_tangent(&r);
  return test_summary();
}
