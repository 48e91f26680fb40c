// converter.h - the converters at the edge of a crossbar.
// Input: a value becomes a signed pulse width of whole steps, saturating at +-(2^(bits-1) - 1).
// Output: the charge of a column in one phase becomes a whole code, one conversion per column and phase.
// In 4-phase reading currents have one sign and codes run from 0 to 2^bits - 1, in 1-phase reading from
// -2^(bits-1) to 2^(bits-1) - 1. bits = 0 is the ideal converter: no rounding, no saturation.
#ifndef DEVICE_CONVERTER_H
#define DEVICE_CONVERTER_H

#include <stdbool.h>

#include "base/real.h"

// Steps of an input at full scale; the ideal converter counts in units of the 8-bit one.
double converter_steps(int bits);

// level (n) = x steps/range, rounded and saturated; range is the value at full scale. Returns how many were beyond it.
struct converter_input {
  real factor;  // steps/range
  real steps;   // 0: ideal
};
struct converter_input converter_input(int bits, double range);
int converter_levels(real *restrict level, const real *restrict x, int n, struct converter_input c);

// The codes of one phase.
struct converter_output {
  real over_lsb;       // 1/lsb, lsb in uS x steps
  real low, high;      // first and last code; equal: ideal
};
struct converter_output converter_output(int bits, bool one_phase, double lsb);

// sum (B, ld) += sign * code of (charge + sqrt(variance) z) gain + offset, columns (ld): each column's converter
// has its own gain and offset (in codes). z NULL: without noise. Returns how many codes were cut off at an end of the
// range; in 4-phase reading at the upper end, as currents below 0 are noise.
int converter_codes(real *restrict sum, const real *restrict charge, const real *restrict variance,
                     const float *restrict z, const real *restrict gain, const real *restrict offset,
                     struct converter_output c, real sign, int B, int ld);

#endif
