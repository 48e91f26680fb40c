// Arrays of NumPy: whatever an .npy says, only its own bytes are read, and what is read can be written again.
#include "base/npz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const names[] = { "w", "__metadata__" };
  for (int k = 0; k < 2; k++) {
    struct tensorfile_writer *w = tensorfile_create("fuzz");
    FILE *out = fopen("/dev/null", "w");
    unsigned char *copy = malloc(size + 1);  // so that a read behind the end is seen
    if (!out || !copy) abort();
    memcpy(copy, data, size);
    if (npz_put(w, names[k], copy, size, "fuzz") == 0) tensorfile_write(w, out);
    tensorfile_abort(w);
    fclose(out);
    free(copy);
  }
  return 0;
}
