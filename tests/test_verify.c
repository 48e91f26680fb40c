// Program-and-verify against the statistical model: at its default settings the errors that are left have
// the published sigma within 2 % and no bias; settings act as they should.
#include "base/rng.h"
#include "device/pcm.h"
#include "device/verify.h"
#include "test.h"

enum { N = 40000 };  // the spread is known to 0.35 %
static float target[N], g[N];

struct outcome {
  double bias, spread;  // in units of sigma_prog
  struct verify_count count;
};

static struct outcome run(const struct verify_params *v, const struct pcm *p, double x) {
  struct outcome o = { 0 };
  struct rng r = rng_stream(21, RNG_PROGRAM, (uint32_t)(1000*x));
  for (int i = 0; i < N; i++) target[i] = (float)(x * p->g_max_uS);
  verify_program(v, p, g, target, N, &r, &o.count);
  const double sigma = pcm_sigma_prog_uS(p, x * p->g_max_uS);
  for (int i = 0; i < N; i++) o.bias += ((double)g[i] - (double)target[i]) / sigma / N;
  for (int i = 0; i < N; i++) o.spread += pow(((double)g[i] - (double)target[i]) / sigma - o.bias, 2) / N;
  o.spread = sqrt(o.spread);
  return o;
}

int main(void) {
  struct verify_params v;
  param_defaults(verify_param_table, &v);
  for (int k = 0; k < 3; k++) {
    struct pcm p;
    pcm_preset(&p, k);
    for (double x = 0.15; x < 1; x += 0.17) {
      const struct outcome o = run(&v, &p, x);
      CHECK(fabs(o.spread - 1) < 0.02, "%s x=%.2f: spread %.3f sigma_prog", p.name, x, o.spread);
      CHECK(fabs(o.bias) < 0.03, "%s x=%.2f: bias %.3f sigma_prog", p.name, x, o.bias);
      CHECK(o.count.failed == 0 && o.count.pulses > N && o.count.pulses < 10*N, "%s x=%.2f: %ld pulses, %ld failed",
            p.name, x, o.count.pulses, o.count.failed);
      CHECK(o.count.reads == o.count.pulses, "a read before each pulse but RESET, one at the end");
    }
  }
  struct pcm p;
  pcm_preset(&p, 1);
  const struct outcome usual = run(&v, &p, 0.3);
  v.tolerance = 3;
  const struct outcome loose = run(&v, &p, 0.3);
  CHECK(loose.spread > 1.3 && loose.count.pulses < usual.count.pulses, "loose: %.3f, %ld pulses", loose.spread,
        loose.count.pulses);
  v.tolerance = 0.05;
  const struct outcome strict = run(&v, &p, 0.3);
  CHECK(strict.spread < usual.spread && strict.count.pulses > 2*usual.count.pulses, "strict: %.3f, %ld pulses",
        strict.spread, strict.count.pulses);
  v.max_pulses = 2;
  const struct outcome hasty = run(&v, &p, 0.3);
  CHECK(hasty.count.failed > N/2 && hasty.count.pulses <= 3*N, "hasty: %ld failed, %ld pulses",
        hasty.count.failed, hasty.count.pulses);

  struct verify_count count = { 0 };
  struct rng r = rng_stream(22, RNG_PROGRAM, 0);
  memset(target, 0, sizeof target);
  verify_program(&v, &p, g, target, N, &r, &count);
  double mean = 0;
  for (int i = 0; i < N; i++) mean += (double)g[i] / N;
  const double sigma = pcm_sigma_prog_uS(&p, 0);
  CHECK(count.pulses == N && count.reads == 0, "RESET is one pulse");
  CHECK(fabs(mean - sigma / sqrt(2*M_PI)) < 5 * sigma*0.584 / sqrt(N), "RESET conducts %g uS", mean);
  return test_summary();
}
