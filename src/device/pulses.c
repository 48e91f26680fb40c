#include "device/pulses.h"

#include <math.h>

#include "base/rng.h"

static double within(double x) { return fmin(fmax(x, 0), 1); }

double pulses_set(const struct pulses_params *p, double x, double z) {
  return within(x + p->step * pow(1 - x, p->beta) * (1 + p->spread*z));
}

double pulses_reset(const struct pulses_params *p, double x, double z) {
  return within(x - p->reset_step * pow(x, p->beta) * (1 + p->spread*z));
}

static double pulse(const struct pulses_params *p, double x, double z, bool up) {
  return up ? pulses_set(p, x, z) : pulses_reset(p, x, z);
}

// Pulses of one kind, as long as the next one brings x nearer to target.
static struct pulses steps(const struct pulses_params *p, double x, double target, bool reset) {
  const bool up = target > x;
  int n = 0;
  for (; n < PULSES_MOST; n++) {
    const double next = pulse(p, x, 0, up);
    if (fabs(next - target) >= fabs(x - target)) break;
    x = next;
  }
  return (struct pulses){ .reset = reset, .n = up ? n : -n, .reaches = x };
}

struct pulses pulses_towards(const struct pulses_params *p, double x, double target, double after_reset) {
  if (target <= 0) return (struct pulses){ .reset = x > after_reset, .reaches = fmin(x, after_reset) };
  if (target >= x || p->reset_step > 0) return steps(p, x, target, false);
  const struct pulses anew = steps(p, after_reset, target, true), none = { .reaches = x };
  return fabs(anew.reaches - target) < fabs(x - target) ? anew : none;
}

double pulses_apply(const struct pulses_params *p, const struct pulses *pulses, double x, double after_reset,
                    struct rng *r) {
  x = within(pulses->reset ? after_reset : x);
  for (int k = 0; k < (pulses->n < 0 ? -pulses->n : pulses->n); k++) x = pulse(p, x, rng_normal(r), pulses->n > 0);
  return x;
}
