#include "device/converter.h"

#include <math.h>

#ifdef REAL_DOUBLE
#define RINT rint
#define SQRT sqrt
#else
#define RINT rintf
#define SQRT sqrtf
#endif

double converter_steps(int bits) { return bits ? ldexp(1, bits - 1) - 1 : 127; }

static inline real clip(real v, real low, real high) {
  const real w = v > low ? v : low;
  return w < high ? w : high;
}

struct converter_input converter_input(int bits, double range) {
  const double steps = converter_steps(bits);
  return (struct converter_input){ .factor = (real)(steps / range), .steps = bits ? (real)steps : 0 };
}

int converter_levels(real *restrict level, const real *restrict x, int n, struct converter_input c) {
  const real most = c.steps + (real)0.5;
  int beyond = 0;
  if (c.steps > 0)
    for (int i = 0; i < n; i++) {
      const real v = x[i] * c.factor;
      beyond += (v > most) | (v < -most);
      level[i] = RINT(clip(v, -c.steps, c.steps));
    }
  else
    for (int i = 0; i < n; i++) level[i] = x[i] * c.factor;
  return beyond;
}

struct converter_output converter_output(int bits, bool one_phase, double lsb) {
  const double first = one_phase ? -ldexp(1, bits - 1) : 0;
  return (struct converter_output){ .over_lsb = (real)(1 / lsb), .low = bits ? (real)first : 0,
                                    .high = bits ? (real)(first + ldexp(1, bits) - 1) : 0 };
}

// One of four loops, so that each is a straight run over full vectors.
#define CODES(current, code)                                                                       \
  for (int b = 0; b < B; b++)                                                                      \
    for (int o = 0; o < ld; o++) {                                                                 \
      const int i = b*ld + o;                                                                      \
      const real v = (current) * c.over_lsb * gain[o] + offset[o];                                 \
      sum[i] += sign * (code);                                                                     \
    }
// The same, and those beyond the range counted.
#define COUNTED_CODES(current)                                                                     \
  for (int b = 0; b < B; b++)                                                                      \
    for (int o = 0; o < ld; o++) {                                                                 \
      const int i = b*ld + o;                                                                      \
      const real v = RINT((current) * c.over_lsb * gain[o] + offset[o]);                           \
      beyond += (v > c.high) | (v < lowest);                                                       \
      sum[i] += sign * clip(v, c.low, c.high);                                                     \
    }

int converter_codes(real *restrict sum, const real *restrict charge, const real *restrict variance,
                     const float *restrict z, const real *restrict gain, const real *restrict offset,
                     struct converter_output c, real sign, int B, int ld) {
  const bool ideal = c.low >= c.high;
  const real lowest = c.low < 0 ? c.low : (real)-HUGE_VAL;
  int beyond = 0;
  if (z && ideal) CODES(charge[i] + SQRT(variance[i]) * (real)z[i], v)
  else if (z) COUNTED_CODES(charge[i] + SQRT(variance[i]) * (real)z[i])
  else if (ideal) CODES(charge[i], v)
  else COUNTED_CODES(charge[i])
  return beyond;
}
