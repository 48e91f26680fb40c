#include "base/checksum.h"

#include <string.h>

static uint64_t add_byte(uint64_t h, unsigned char b) { return (h ^ b) * UINT64_C(1099511628211); }

uint64_t checksum_bytes(uint64_t h, const void *data, size_t n) {
  for (const unsigned char *b = data, *end = b + n; b < end; b++) h = add_byte(h, *b);
  return h;
}

static uint64_t add(uint64_t h, float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  for (int k = 0; k < 32; k += 8) h = add_byte(h, (unsigned char)(bits >> k));
  return h;
}

uint64_t checksum_reals(const real *v, int rows, int columns, int ld) {
  uint64_t h = CHECKSUM_START;
  for (int i = 0; i < rows; i++)
    for (int o = 0; o < columns; o++) h = add(h, (float)v[(size_t)i*(size_t)ld + (size_t)o]);
  return h;
}
