// The tables of ReRAM in examples/device against the formulas of their source, which their heads name: spread at 1 s, a
// day and two days, mean, and read noise, also between the rows.
#include <math.h>

#include "base/err.h"
#include "device/devicetable.h"
#include "device/pcm.h"
#include "test.h"

static const double DAY_S = 86400;

static double spread(const struct pcm *p, double g_uS, double t_s) {
  return hypot(pcm_sigma_prog_uS(p, g_uS), g_uS * pcm_drift_spread(p, g_uS) * log(t_s));
}

static double polynomial(const double c[5], double x) { return c[0] + x*(c[1] + x*(c[2] + x*(c[3] + x*c[4]))); }

static void test_wan2022(void) {
  static const double second[5] = { 0.348, 16.030, -43.853, 45.393, -16.815 },
                      day[5] = { 0.701, 22.086, -50.773, 47.095, -16.458 },
                      two_days[5] = { 0.782, 20.274, -43.507, 37.062, -11.934 };
  struct pcm p;
  CHECK(devicetable_load(&p, "examples/device/reram-wan2022.ini") == 0, "%s", err_message());
  CHECK(p.g_max_uS == 40 && p.t0_s == 1 && p.devices == 1, "constants");
  for (double g = 1; g <= 40; g += 0.65) {
    CHECK_REL(spread(&p, g, 1), polynomial(second, g/40), 0.01);
    CHECK_REL(spread(&p, g, DAY_S), polynomial(day, g/40), 0.02);
    CHECK_REL(spread(&p, g, 2*DAY_S), polynomial(two_days, g/40), 0.08);
    CHECK(pcm_drift_mean(&p, g) == 0 && pcm_read_q(&p, g) == 0, "%g uS: its mean moves", g);
  }
}

static void test_cmo(void) {
  struct pcm p;
  CHECK(devicetable_load(&p, "examples/device/reram-cmo.ini") == 0, "%s", err_message());
  for (double g = 9; g <= 88; g += 2.3) {
    const double written = 0.0112185391 + 0.01129027418*g;
    CHECK_REL(spread(&p, g, 1), hypot(written, 0.41183342), 0.01);
    CHECK_REL(spread(&p, g, DAY_S), hypot(written, 0.41183342 + 0.04201137*log(DAY_S)), 0.02);
    CHECK_REL(pcm_drift_mean(&p, g)*g, 0.08900206, 0.03);
    CHECK_REL(pcm_read_q(&p, g)*g, 0.0277316483*log10(g), 0.02);
  }
}

int main(void) {
  test_wan2022();
  test_cmo();
  return test_summary();
}
