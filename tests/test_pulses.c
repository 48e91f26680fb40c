// Incremental pulses: mean and spread of what n of them make against sums over all outcomes and closed forms, the
// number of them against the target, and updates of a chip that are written so.
#include <math.h>
#include <string.h>

#include "chip_fixture.h"
#include "device/pulses.h"

enum { N = 20000, COUNT = 6 };

struct moments {
  double mean, square;
};

// Over all outcomes of n pulses, z by the three nodes of Gauss and Hermite.
static struct moments outcomes(const struct pulses_params *p, double x, int n, bool up) {
  static const double z[3] = { -1.7320508075688772, 0, 1.7320508075688772 }, weight[3] = { 1.0/6, 2.0/3, 1.0/6 };
  struct moments m = { x, x*x };
  if (n == 0) return m;
  m = (struct moments){ 0 };
  for (int k = 0; k < 3; k++) {
    const double step = up ? p->step * pow(1 - x, p->beta) : -p->reset_step * pow(x, p->beta);
    const struct moments rest = outcomes(p, x + step*(1 + p->spread*z[k]), n - 1, up);
    m.mean += weight[k]*rest.mean;
    m.square += weight[k]*rest.square;
  }
  return m;
}

static void check_moments(const struct pulses_params *p, double x, int n, struct moments expected) {
  struct rng r = rng_stream(51, RNG_TEST, (uint32_t)(n + 100));
  const struct pulses pulses = { .n = n };
  struct moments m = { 0 };
  for (int k = 0; k < N; k++) {
    const double v = pulses_apply(p, &pulses, x, 0, &r);
    m.mean += v/N;
    m.square += v*v/N;
  }
  const double spread = sqrt(m.square - m.mean*m.mean), wanted = sqrt(expected.square - expected.mean*expected.mean);
  CHECK(fabs(m.mean - expected.mean) < 5*wanted/sqrt(N), "beta %g, %d pulses: mean %g, expected %g", p->beta, n, m.mean,
        expected.mean);
  CHECK(fabs(spread/wanted - 1) < 5/sqrt(2.0*N), "beta %g, %d pulses: spread %g, expected %g", p->beta, n, spread,
        wanted);
}

static void test_moments(void) {
  struct pulses_params p = { .step = 0.07, .reset_step = 0.11, .spread = 0.4 };
  for (p.beta = 0.5; p.beta < 3; p.beta += 0.7) {
    check_moments(&p, 0.17, COUNT, outcomes(&p, 0.17, COUNT, true));
    check_moments(&p, 0.83, -COUNT, outcomes(&p, 0.83, COUNT, false));
  }
  p.beta = 1;  // 1 - x is a product of independent factors 1 - s(1 + spread z)
  const double left = 0.83*pow(1 - 0.07, 20), square = 0.83*0.83*pow(0.93*0.93 + 0.07*0.07*0.16, 20);
  check_moments(&p, 0.17, 20, (struct moments){ 1 - left, 1 - 2*left + square });
}

static void test_numbers(void) {
  const struct pulses_params abrupt = { .step = 0.1, .beta = 1, .spread = 0.3 },
                             gradual = { .step = 0.1, .reset_step = 0.2, .beta = 1, .spread = 0.3 };
  // from RESET: 0.1, 0.19, 0.271, 0.3439
  struct pulses p = pulses_towards(&abrupt, 0, 0.26, 0);
  CHECK(!p.reset && p.n == 3 && fabs(p.reaches - 0.271) < 1e-12, "%d pulses reach %g", p.n, p.reaches);
  p = pulses_towards(&abrupt, 0.6, 0.2, 0);
  CHECK(p.reset && p.n == 2 && fabs(p.reaches - 0.19) < 1e-12 && pulses_count(&p) == 3, "%d pulses reach %g", p.n,
        p.reaches);
  p = pulses_towards(&abrupt, 0.28, 0.278, 0);
  CHECK(pulses_count(&p) == 0 && p.reaches == 0.28, "a device that is near enough: %d pulses", p.n);
  p = pulses_towards(&gradual, 0.6, 0.4, 0);  // 0.48, 0.384
  CHECK(!p.reset && p.n == -2 && fabs(p.reaches - 0.384) < 1e-12, "%d pulses reach %g", p.n, p.reaches);
  p = pulses_towards(&gradual, 0.6, 0, 0.05);
  CHECK(p.reset && p.n == 0 && p.reaches == 0.05, "RESET: %d pulses reach %g", p.n, p.reaches);
}

// Updates of a chip without other errors: granular, counted, and as large as asked for when steps are small.
static void test_updates(void) {
  enum { I = 40, O = 8, OP = 16 };
  const real *w = new_matrix(I, O, 0.2, 60), *dw = new_matrix(I, O, 0.05, 61);
  real *v = ARENA_NEW(&arena, I*OP, real), *wanted = ARENA_NEW(&arena, I*OP, real);
  struct chip_params p = ideal();
  for (int i = 0; i < I*OP; i++) wanted[i] = w[i] + dw[i];
  p.headroom = 2;
  p.update_write = CHIP_WRITE_PULSES;
  p.pulse_saturation = 0;
  for (int fine = 0; fine < 2; fine++) {
    p.pulse_step = fine ? 0.002 : 0.05;
    p.pulse_reset_step = fine ? 0.002 : 0;
    p.pulse_spread = fine ? 0.3 : 0;
    struct chip *c = one_matrix(&p, I, O, w);
    struct rng r = rng_stream(7, RNG_TEST, 0);
    const double step = p.pulse_step * (double)c->matrices[0].scale[0];
    const long devices = chip_synapse(c, 0)->ops->update(chip_synapse(c, 0), dw, &r);
    chip_effective(c, 0, v);
    double square = 0;
    for (int i = 0; i < I*OP; i++) square += pow((double)(v[i] - wanted[i]), 2);
    const double worst = largest_difference(v, wanted, I*OP) / step, rms = sqrt(square/(I*O));
    const struct ledger_counts *l = &c->ledger.core[0];
    CHECK(l->devices_written == 2*2*I*O + devices && l->pulses >= devices/2, "%lld pulses for %ld devices",
          (long long)l->pulses, devices);
    // half a step at most where nothing is random; else many steps, each with its spread
    CHECK(fine ? worst > 1 && rms < 0.1*0.05 : worst < 0.51 && worst > 0.4, "%g steps off, rms %g", worst, rms);
    chip_free(c);
  }
}

static void test_refusals(void) {
  struct chip_params p = ideal();
  struct chip *c = NULL;
  p.pulse_step = 0.1;
  CHECK(chip_new(&c, &p, 1) < 0 && strstr(err_message(), "chip.update_write=pulses only"), "%s", err_message());
  p.update_write = CHIP_WRITE_PULSES;
  p.preset = PCM_PUBLISHED;
  CHECK(chip_new(&c, &p, 1) < 0 && strstr(err_message(), "published-code"), "%s", err_message());
}

int main(void) {
  arena_init(&arena, 8u << 20);
  test_moments();
  test_numbers();
  test_updates();
  test_refusals();
  arena_release(&arena);
  return test_summary();
}
