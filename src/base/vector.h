// vector.h - how rows of numbers are padded so that every vector is full, and the widest vector register of the machine
// we compile for. Wider vectors than that are legal C for gcc and
// several times slower: it keeps them in memory.
#ifndef BASE_VECTOR_H
#define BASE_VECTOR_H

#include "base/real.h"

#if defined __AVX512F__
enum { VECTOR_BYTES = 64, VECTOR_REGISTERS = 32 };
#elif defined __AVX__
enum { VECTOR_BYTES = 32, VECTOR_REGISTERS = 16 };
#else
enum { VECTOR_BYTES = 16, VECTOR_REGISTERS = 16 };
#endif
enum { VECTOR_LANES = VECTOR_BYTES / sizeof(real) };

typedef real vector __attribute__((vector_size(VECTOR_BYTES), may_alias));

// The same on every machine: files and results do not depend on its registers.
enum { VECTOR_PADDING = 16 };

// n rounded up to full vectors.
static inline int vector_padded(int n) { return (n + VECTOR_PADDING - 1) / VECTOR_PADDING * VECTOR_PADDING; }

static inline vector *vector_at(real *x) { return (vector *)x; }
static inline vector vector_from(const real *x) { return *(const vector *)x; }

// x where `of` is positive, else 0. With a condition in its place gcc computes one number at a time.
typedef __typeof__((vector){ 0 } > (vector){ 0 }) vector_mask;
static inline vector vector_where_positive(vector x, vector of) { return (vector)((vector_mask)x & (of > 0)); }

#endif
