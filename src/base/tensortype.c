#include "base/tensortype.h"

#include <math.h>
#include <string.h>

const char *const tensortype_names[TENSORTYPE_COUNT] = {
#define X(name, size) #name,
  TENSORFILE_DTYPES(X)
#undef X
};
const int tensortype_sizes[TENSORTYPE_COUNT] = {
#define X(name, size) size,
  TENSORFILE_DTYPES(X)
#undef X
};

static double f16_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double v = exponent == 31 ? (fraction ? (double)NAN : (double)INFINITY)
             : exponent     ? ldexp(1024 + fraction, exponent - 25)
                            : ldexp(fraction, -24);
  return bits >> 15 ? -v : v;
}

// v = n 2^e with n < 2048 rounded to even; e = -24 for the smallest numbers. n = 2048 carries into the exponent by
// itself.
uint16_t tensortype_f16(double v) {
  const unsigned sign = signbit(v) ? 0x8000 : 0;
  v = fabs(v);
  if (v == 0) return (uint16_t)sign;
  if (!(v < 65520)) return (uint16_t)(sign | (isnan(v) ? 0x7e00 : 0x7c00));
  int e;
  frexp(v, &e);
  e = e - 11 < -24 ? -24 : e - 11;
  return (uint16_t)(sign | ((unsigned)(e + 24) * 1024 + (unsigned)lrint(ldexp(v, -e))));
}

struct tensortype_value tensortype_decode(enum tensorfile_dtype dtype, const unsigned char *p) {
  union {
    double f64;
    float f32;
    int64_t i64;
    uint64_t u64;
    int32_t i32;
    uint32_t u32;
    int16_t i16;
    uint16_t u16;
    int8_t i8;
    uint8_t u8;
  } b;
  memcpy(&b, p, (size_t)tensortype_sizes[dtype]);
#define WHOLE(x)                                                                                                       \
  (struct tensortype_value) { .whole = true, .negative = (x) < 0, .f = (double)(x), .u = (uint64_t)(x) }
  switch (dtype) {
  case TENSORFILE_F64: return (struct tensortype_value){ .f = b.f64 };
  case TENSORFILE_F32: return (struct tensortype_value){ .f = (double)b.f32 };
  case TENSORFILE_F16: return (struct tensortype_value){ .f = f16_value(b.u16) };
  case TENSORFILE_BF16: b.u32 = (uint32_t)b.u16 << 16; return (struct tensortype_value){ .f = (double)b.f32 };
  case TENSORFILE_I64: return WHOLE(b.i64);
  case TENSORFILE_I32: return WHOLE(b.i32);
  case TENSORFILE_I16: return WHOLE(b.i16);
  case TENSORFILE_I8: return WHOLE(b.i8);
  case TENSORFILE_U64: return (struct tensortype_value){ .whole = true, .f = (double)b.u64, .u = b.u64 };
  case TENSORFILE_U32: return (struct tensortype_value){ .whole = true, .f = (double)b.u32, .u = b.u32 };
  case TENSORFILE_U16: return (struct tensortype_value){ .whole = true, .f = (double)b.u16, .u = b.u16 };
  default: return (struct tensortype_value){ .whole = true, .f = (double)b.u8, .u = b.u8 };
  }
}

bool tensortype_finite(enum tensorfile_dtype dtype, const void *p, size_t n) {
  const size_t size = (size_t)tensortype_sizes[dtype];
  const unsigned char *bytes = p;
  int bad = 0;
  for (size_t i = 0; i < n && dtype == TENSORFILE_F32; i++) {  // most values: the exponent alone, in vectors
    uint32_t bits;
    memcpy(&bits, bytes + i * size, sizeof bits);
    bad |= (bits & 0x7f800000) == 0x7f800000;
  }
  for (size_t i = 0; i < n && dtype != TENSORFILE_F32; i++)
    bad |= !isfinite(tensortype_decode(dtype, bytes + i * size).f);
  return !bad;
}
