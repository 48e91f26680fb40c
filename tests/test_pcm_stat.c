// Sampled devices against the closed-form moments: programming error, drift exponents and drifted
// conductance within 5 standard errors at several conductances of every preset, and the same tests
// must reject a sigma that is 2 % off.
#include "base/rng.h"
#include "device/pcm.h"
#include "kernel/noise.h"
#include "test.h"

enum { N = 100000 };
static float target[N], g[N], nu[N], q[N], z1[N], z2[N];

static void sample(const struct pcm *p, double g_uS, uint32_t stream) {
  struct rng r = rng_stream(2024, RNG_PROGRAM, stream), d = rng_stream(2024, RNG_DRIFT, stream);
  noise_normal(z1, N, &r);
  noise_normal(z2, N, &d);
  for (int i = 0; i < N; i++) target[i] = (float)g_uS;
  pcm_program(p, g, nu, q, target, z1, z2, N, false);
}

// z-scores of mean and variance of v against a normal distribution
static void z_scores(const float *v, double mean, double sigma, double *z_mean, double *z_var) {
  double m = 0, s = 0;
  for (int i = 0; i < N; i++) m += (double)v[i];
  m /= N;
  for (int i = 0; i < N; i++) s += ((double)v[i] - m) * ((double)v[i] - m);
  *z_mean = (m - mean) / (sigma / sqrt(N));
  *z_var = (s / (N - 1) / (sigma*sigma) - 1) / sqrt(2.0 / N);
}

// Far from the clip at 0: normal with the sigma of the formula.
static void test_moments(struct pcm p, double x, uint32_t stream) {
  const double g_uS = (double)(float)(x * p.g_max_uS), sigma = pcm_sigma_prog_uS(&p, g_uS);
  const double mu = pcm_drift_mean(&p, g_uS), s = pcm_drift_spread(&p, g_uS);
  double zm, zv;
  sample(&p, g_uS, stream);
  z_scores(g, g_uS, sigma, &zm, &zv);
  CHECK(fabs(zm) < 5 && fabs(zv) < 5, "%s g=%g: programming z %.2f %.2f", p.name, g_uS, zm, zv);
  z_scores(nu, mu, s, &zm, &zv);
  CHECK(fabs(zm) < 5 && fabs(zv) < 5, "%s g=%g: drift z %.2f %.2f", p.name, g_uS, zm, zv);
  for (int i = 0; i < N; i += 997)
    CHECK(rel_diff((double)q[i], pcm_read_q(&p, (double)g[i])) < test_tol(1e-6), "%s q %g", p.name, (double)q[i]);
  p.prog_scale = 1.02;
  p.drift_scale = 1.02;
  sample(&p, g_uS, stream);
  z_scores(g, g_uS, sigma, &zm, &zv);
  CHECK(fabs(zv) > 5, "%s g=%g: 2%% more programming error goes unnoticed (z %.2f)", p.name, g_uS, zv);
  z_scores(nu, mu, s, &zm, &zv);
  CHECK(fabs(zv) > 5 && fabs(zm) > 5, "%s g=%g: 2%% more drift goes unnoticed (z %.2f %.2f)", p.name, g_uS, zm, zv);
}

// In RESET: half of a normal distribution, never negative; exponents folded.
static void test_reset(const struct pcm *p) {
  const double sigma = pcm_sigma_prog_uS(p, 0), mean = sigma / sqrt(2*M_PI), square = sigma*sigma / 2;
  sample(p, 0, 77);
  double m1 = 0, m2 = 0;
  int below = 0;
  for (int i = 0; i < N; i++) {
    m1 += (double)g[i];
    m2 += (double)g[i] * (double)g[i];
    below += g[i] < 0 || nu[i] < 0;
  }
  CHECK(below == 0, "%s: %d negative", p->name, below);
  if (sigma > 0) {
    CHECK(fabs(m1 / N - mean) < 5 * sqrt((square - mean*mean) / N), "%s: RESET mean %g, not %g", p->name, m1 / N, mean);
    CHECK(fabs(m2 / N - square) < 5 * sqrt(1.25 * sigma*sigma*sigma*sigma / N), "%s: RESET square %g, not %g",
          p->name, m2 / N, square);
  } else {
    CHECK(m1 == 0, "%s: RESET must be exact", p->name);
  }
}

int main(void) {
  for (int k = 0; pcm_preset_names[k]; k++) {
    struct pcm p;
    pcm_preset(&p, k);
    const double levels[] = { 0.3217, 0.4831, 0.7093 };  // no clip within 5 sigma, no |nu| folded
    for (unsigned i = 0; i < sizeof levels / sizeof *levels; i++) test_moments(p, levels[i], (uint32_t)k * 8 + i);
    test_reset(&p);
    p.prog_scale = 0;
    sample(&p, 5.4321, 3);
    CHECK(g[0] == 5.4321f && g[N - 1] == 5.4321f, "no error must be exact: %g", (double)g[0]);
  }
  return test_summary();
}
