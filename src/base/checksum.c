#include "base/checksum.h"

#include <stddef.h>
#include <string.h>

static const uint64_t prime = UINT64_C(1099511628211);

// Eight zeros, of which drawings have many, are one multiplication.
uint64_t checksum_bytes(uint64_t h, const void *data, size_t n) {
  const unsigned char *byte = data;
  const uint64_t prime2 = prime * prime, prime4 = prime2 * prime2, prime8 = prime4 * prime4;
  for (; n >= 8; n -= 8, byte += 8) {
    uint64_t eight;
    memcpy(&eight, byte, sizeof eight);
    if (eight == 0) {
      h *= prime8;
      continue;
    }
    for (int i = 0; i < 8; i++) h = (h ^ byte[i]) * prime;
  }
  for (size_t i = 0; i < n; i++) h = (h ^ byte[i]) * prime;
  return h;
}

static uint64_t add(uint64_t h, float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  for (int k = 0; k < 32; k += 8) h = (h ^ (bits >> k & 0xff)) * prime;
  return h;
}

uint64_t checksum_reals(const real *v, int rows, int columns, int ld) {
  uint64_t h = CHECKSUM_START;
  for (int i = 0; i < rows; i++)
    for (int o = 0; o < columns; o++) h = add(h, (float)v[(size_t)i * (size_t)ld + (size_t)o]);
  return h;
}
