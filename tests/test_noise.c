// The fast normal generator: equal to the library's functions on the same words, moments and tails of
// the normal distribution within 5 standard errors, pieces of a stream independent of how it is cut.
#include "base/rng.h"
#include "kernel/noise.h"
#include "test.h"

enum { N = 1 << 20 };
static float z[N + 64], ref[N + 64];

static void test_against_library(void) {
  struct rng a = rng_stream(3, RNG_TEST, 1), b = a;
  a.counter[0] = b.counter[0] = 0xFFFFFF00u;  // across the carry
  noise_normal(z, N, &a);
  noise_normal_ref(ref, N, &b);
  CHECK(!memcmp(a.counter, b.counter, sizeof a.counter) && a.counter[1] == 1, "positions differ");
  double worst = 0, squares = 0;
  for (int i = 0; i < N; i++) {
    const double d = fabs((double)z[i] - (double)ref[i]);
    worst = fmax(worst, d);
    squares += d*d;
  }
  // u next to 1 has a grid of 2^-24, so radii next to 0 have one of up to 3e-4
  CHECK(worst < test_tol(3e-4), "worst difference %g", worst);
  CHECK(sqrt(squares / N) < test_tol(2e-7), "difference %g rms", sqrt(squares / N));
}

static void test_moments(double scale) {
  struct rng r = rng_stream(4, RNG_TEST, 2);
  noise_normal(z, N, &r);
  double m1 = 0, m2 = 0, m3 = 0, m4 = 0, lag = 0;
  int tail3 = 0, tail4 = 0;
  for (int i = 0; i < N; i++) {
    const double v = scale * (double)z[i];
    m1 += v;
    m2 += v*v;
    m3 += v*v*v;
    m4 += v*v*v*v;
    if (i > 0) lag += v * scale * (double)z[i - 1];
    tail3 += fabs(v) > 3;
    tail4 += fabs(v) > 4;
  }
  const double p3 = erfc(3 / sqrt(2)), p4 = erfc(4 / sqrt(2));
  const int fits = fabs(m2 / N - 1) < 5 * sqrt(2.0 / N);
  if (scale != 1) {
    CHECK(!fits, "a wrong sigma goes unnoticed");
    return;
  }
  CHECK(fits, "variance %g", m2 / N);
  CHECK(fabs(m1 / N) < 5 * sqrt(1.0 / N), "mean %g", m1 / N);
  CHECK(fabs(m3 / N) < 5 * sqrt(15.0 / N), "3rd moment %g", m3 / N);
  CHECK(fabs(m4 / N - 3) < 5 * sqrt(96.0 / N), "4th moment %g", m4 / N);
  CHECK(fabs(lag / N) < 5 * sqrt(1.0 / N), "neighbours correlate: %g", lag / N);
  CHECK(fabs(tail3 - N*p3) < 5 * sqrt(N*p3), "%d beyond 3 sigma, %g expected", tail3, N*p3);
  CHECK(fabs(tail4 - N*p4) < 5 * sqrt(N*p4), "%d beyond 4 sigma, %g expected", tail4, N*p4);
}

static void test_uniform(void) {
  struct rng a = rng_stream(5, RNG_TEST, 3), b = a;
  a.counter[0] = b.counter[0] = 0xFFFFFF00u;
  noise_uniform(z, N, &a);
  double m1 = 0, m2 = 0, off = 0;
  for (int i = 0; i < N; i += 64)
    for (int lane = 0; lane < 16; lane++) {
      uint32_t w[4];
      rng_philox(b.key, b.counter, w);
      if (++b.counter[0] == 0) b.counter[1]++;
      for (int k = 0; k < 4; k++) off = fmax(off, fabs((double)z[i + 16*k + lane] - ((w[k] >> 9) + 0.5)*0x1p-23));
    }
  for (int i = 0; i < N; i++) {
    CHECK(z[i] > 0 && z[i] < 1, "%g", (double)z[i]);
    m1 += (double)z[i]/N;
    m2 += (double)z[i]*(double)z[i]/N;
  }
  CHECK(off == 0 && !memcmp(a.counter, b.counter, sizeof a.counter), "off by %g", off);
  CHECK(fabs(m1 - 0.5) < 5*sqrt(1.0/12/N) && fabs(m2 - 1.0/3) < 5*sqrt(4.0/45/N), "moments %g, %g", m1, m2);
}

// Added to what is there, word by word; of an odd length too; mean 0 and the variance asked for, no neighbours alike.
static void test_dither(void) {
  enum { M = 128*64 + 5 };
  static real v[M + 1];
  struct rng a = rng_stream(5, RNG_TEST, 6), b = a;
  a.counter[0] = b.counter[0] = 0xFFFFFF00u;
  for (int i = 0; i < M + 1; i++) v[i] = 1;
  noise_dither(v, M, 0.5, &a);
  double m1 = 0, m2 = 0, lag = 0, off = 0;
  for (int i = 0; i < M; i += 128)
    for (int lane = 0; lane < 16; lane++) {
      uint32_t w[4];
      rng_philox(b.key, b.counter, w);
      if (++b.counter[0] == 0) b.counter[1]++;
      for (int k = 0; k < 8; k++) {
        const int half = (int16_t)(w[k/2] >> (k % 2 ? 16 : 0)), at = i + 16*k + lane;
        if (at < M) off = fmax(off, fabs((double)v[at] - 1 - 0.5*sqrt(12)*0x1p-16*(half + 0.5)));
      }
    }
  for (int i = 0; i < M; i++) {
    const double d = (double)v[i] - 1, before = i ? (double)v[i - 1] - 1 : 0;
    m1 += d/M, m2 += d*d/M, lag += d*before/M;
  }
  CHECK(off < test_tol(2e-7) && v[M] == 1 && !memcmp(a.counter, b.counter, sizeof a.counter), "off by %g", off);
  CHECK(fabs(m1) < 5*sqrt(0.25/M) && fabs(m2 - 0.25) < 5*sqrt(0.05/M) && fabs(lag) < 5*0.25/sqrt(M),
        "moments %g, %g, %g", m1, m2, lag);
}

int main(void) {
  test_dither();

  test_against_library();
  test_moments(1);
  test_moments(1.02);

  struct rng a = rng_stream(5, RNG_TEST, 3), b = a;
  noise_normal(z, 640, &a);
  noise_normal(ref, 128, &b);
  noise_normal(ref + 128, 512, &b);
  CHECK(!memcmp(z, ref, 640 * sizeof *z), "two pieces differ from one");
  for (size_t n = 1; n <= 20; n++) {  // a few begin as many do, and take as many blocks
    struct rng few = rng_stream(5, RNG_TEST, 5);
    few.counter[0] = 0xFFFFFFFEu;
    struct rng many = few;
    noise_normal(z, n, &few);
    noise_normal(ref, 64, &many);
    CHECK(!memcmp(z, ref, n * sizeof *z), "%zu numbers differ from the first of 64", n);
    CHECK(!memcmp(few.counter, many.counter, sizeof few.counter), "%zu numbers: positions differ", n);
  }
  struct rng c = rng_stream(5, RNG_TEST, 4);
  noise_normal(ref, 640, &c);
  CHECK(memcmp(z, ref, 640 * sizeof *z) != 0, "another stream, the same numbers");

  double worst = 0;
  for (int i = 0; i < N; i++) z[i] = -87 + 175 * (float)i / N;
  noise_exp(ref, z, N);
  for (int i = 0; i < N; i++) worst = fmax(worst, rel_diff((double)ref[i], exp((double)z[i])));
  CHECK(worst < test_tol(3e-7), "exp off by %g", worst);
  test_uniform();
  return test_summary();
}
