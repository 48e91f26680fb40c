// Codes of the converters by hand: rounding, saturation, range, gain and offset of a column; ideal converters.
#include "device/converter.h"
#include "test.h"

enum { LD = 16 };

static real code_of(struct converter_output c, real charge, real variance, float z, real gain, real offset) {
  real sum[LD] = { 0 }, q[LD] = { charge }, v[LD] = { variance }, g[LD] = { gain }, o[LD] = { offset };
  float n[LD] = { z };
  converter_codes(sum, q, v, variance > 0 ? n : NULL, g, o, c, 1, 1, LD);
  return sum[0];
}

int main(void) {
  const real x[] = { (real)0.3, (real)-0.3, 2, -5, (real)0.0117, (real)0.0119 };
  real level[6];
  converter_levels(level, x, 6, converter_input(8, 1.5));  // a step is 1.5/127 = 0.01181
  const real expected[] = { 25, -25, 127, -127, 1, 1 };
  for (int i = 0; i < 6; i++) CHECK(level[i] == expected[i], "%g -> %g", (double)x[i], (double)level[i]);
  converter_levels(level, x, 6, converter_input(2, 1.5));
  CHECK(level[0] == 0 && level[2] == 1 && level[3] == -1, "one bit and a sign");
  converter_levels(level, x, 6, converter_input(0, 1.5));
  CHECK_REL(level[3], -5 * 127 / 1.5, 1e-6);

  const struct converter_output four = converter_output(8, false, 2.5), one = converter_output(8, true, 2.5);
  CHECK(code_of(four, 100, 0, 0, 1, 0) == 40 && code_of(four, 101, 0, 0, 1, 0) == 40, "rounding");
  CHECK(code_of(four, (real)101.3, 0, 0, 1, 0) == 41, "rounding");
  CHECK(code_of(four, 1e6, 0, 0, 1, 0) == 255 && code_of(four, -100, 0, 0, 1, 0) == 0,
        "4-phase codes run from 0 to 255");
  CHECK(code_of(one, 1e6, 0, 0, 1, 0) == 127 && code_of(one, -1e6, 0, 0, 1, 0) == -128, "1-phase codes are signed");
  CHECK(code_of(four, 100, 0, 0, (real)1.1, 3) == 47, "gain and offset of the column");
  CHECK(code_of(four, 100, 625, 2, 1, 0) == 60, "two sigma of noise are 50 uS");
  CHECK_REL(code_of(converter_output(0, false, 2.5), 101, 0, 0, 1, 0), 40.4, 1e-6);
  CHECK_REL(code_of(converter_output(0, false, 2.5), -1e5, 0, 0, 1, 0), -4e4, 1e-6);

  real sum[2*LD] = { 0 }, q[2*LD] = { 0 }, g[LD], o[LD] = { 0 };
  for (int i = 0; i < LD; i++) g[i] = 1;
  q[0] = 10;
  q[LD] = 20;
  converter_codes(sum, q, q, NULL, g, o, four, 1, 2, LD);
  converter_codes(sum, q, q, NULL, g, o, four, -1, 2, LD);
  converter_codes(sum, q, q, NULL, g, o, four, -1, 2, LD);
  CHECK(sum[0] == -4 && sum[LD] == -8 && sum[1] == 0, "codes count up and down");
  return test_summary();
}
