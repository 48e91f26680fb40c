// Model files of any kind: what passes the check of sizes loads or is refused, inside its memory, and
// memory is only taken in proportion to the file.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/tensorfile.h"
#include "model/convnetfile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct convnet_params p = { .steps = 4, .epsilon = 1e-3 };
  struct convnet net;
  int in_channels;
  struct tensorfile *tf;
  FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
  if (!f || tensorfile_open_stream(&tf, f, "fuzz")) return 0;
  if (convnetfile_sizes(&p, &in_channels, tf) == 0 && convnet_init(&net, &p, 28, in_channels) == 0) {
    if (net.n > 64 * size) abort();  // padding to 16 lanes of 8-bit values at most
    real *w = err_aligned(net.n, sizeof *w);
    if (convnetfile_load(tf, &net, w, 0.1) == 0 && w[net.n - 1] != 0 && net.steps % 16) abort();
    free(w);
  }
  tensorfile_close(tf);
  return 0;
}
