// tensortype.h - the types of values in tensor files (base/tensorfile.h): their names and sizes, and their bytes as
// numbers.
#ifndef BASE_TENSORTYPE_H
#define BASE_TENSORTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tensorfile.h"

#define X(name, size) +1
enum { TENSORTYPE_COUNT = TENSORFILE_DTYPES(X) };
#undef X
extern const char *const tensortype_names[TENSORTYPE_COUNT];  // "F32"
extern const int tensortype_sizes[TENSORTYPE_COUNT];          // bytes

// A value as the file has it: a floating-point number, or a whole number with its sign apart.
struct tensortype_value {
  bool whole, negative;
  double f;
  uint64_t u;  // two's complement where negative
};

// The value at p, which need not be aligned.
struct tensortype_value tensortype_decode(enum tensorfile_dtype dtype, const unsigned char *p);

// Are all n values at p, which need not be aligned, finite?
bool tensortype_finite(enum tensorfile_dtype dtype, const void *p, size_t n);

// The bits of v rounded to half precision; infinity from 65520 on.
uint16_t tensortype_f16(double v);

#endif
