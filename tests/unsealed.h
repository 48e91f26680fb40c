// unsealed.h - a tensor file in memory as an older program wrote it: without a checksum. For tests that change a byte
// and check what else detects it.
#ifndef UNSEALED_H
#define UNSEALED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "test.h"

static inline void unseal(char *data, size_t size) {
  char *key = memmem(data, size, "\"checksum\"", 10);
  if (key) memcpy(key, "\"unsealed\"", 10);
}

// The file `from` without a checksum, and with `text` in place of `old`, which is as long.
static inline void unsealed_copy(const char *to, const char *from, const char *old, const char *text) {
  char *data;
  size_t size;
  if (file_read(from, 1 << 24, &data, &size) < 0) abort();
  unseal(data, size);
  char *at = memmem(data, size, old, strlen(old));
  CHECK(at && strlen(old) == strlen(text), "%s is not in %s", old, from);
  if (at) memcpy(at, text, strlen(text));
  FILE *out = fopen(to, "wb");
  if (!out || fwrite(data, 1, size, out) != size || fclose(out)) abort();
  free(data);
}

#endif
