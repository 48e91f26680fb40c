// Tensor files of any kind: every tensor that the header admits can be read without leaving the file.
#include "base/tensorfile.h"

#include <stdlib.h>

#include "base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct tensorfile *tf;
  FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
  if (!f || tensorfile_open_stream(&tf, f, "fuzz")) return 0;
  for (int i = 0; i < tensorfile_count(tf); i++) {
    const struct tensorfile_entry *e = tensorfile_at(tf, i);
    if (e->offset < 0 || (uint64_t)e->offset > size || e->n_values > (int64_t)size) abort();
    double *values = err_calloc((size_t)e->n_values, sizeof *values);
    tensorfile_f64(tf, e->name, e->n_dims, e->dims, values);
    tensorfile_i64(tf, e->name, e->n_dims, e->dims, (int64_t *)(void *)values);
    free(values);
  }
  const char *key;
  for (int i = 0; i < tensorfile_metadata_count(tf); i++) tensorfile_metadata_at(tf, i, &key);
  tensorfile_close(tf);
  return 0;
}
