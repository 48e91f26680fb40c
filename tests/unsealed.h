// unsealed.h - a tensor file in memory as an older program wrote it: without a checksum. For tests that change a byte
// and check what else detects it.
#ifndef UNSEALED_H
#define UNSEALED_H

#include <string.h>

static inline void unseal(char *data, size_t size) {
  char *key = memmem(data, size, "\"checksum\"", 10);
  if (key) memcpy(key, "\"unsealed\"", 10);
}

#endif
