// checksum.h - 64-bit FNV-1a of numbers, to tell one set of weights from another. Not against forgery.
// h = 14695981039346656037; for every byte b: h = (h xor b) * 1099511628211. The bytes are those of the values rounded
// to float, least significant first, so that both builds and all machines agree on weights that floats hold.
#ifndef BASE_CHECKSUM_H
#define BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "base/real.h"

// The sum h continued by n bytes; the first h is CHECKSUM_START.
#define CHECKSUM_START UINT64_C(14695981039346656037)
uint64_t checksum_bytes(uint64_t h, const void *data, size_t n);

// Of v (rows, columns), a row every ld values.
uint64_t checksum_reals(const real *v, int rows, int columns, int ld);

#endif
