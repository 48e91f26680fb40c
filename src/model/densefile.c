#include "model/densefile.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/tensorfile.h"

// The rows of layer l, from its padded place in the block to a plain matrix or back.
static void copy(const struct dense *net, int l, real *block, real *plain, bool to_plain) {
  const size_t O = (size_t)net->size[l + 1], OP = (size_t)vector_padded(net->size[l + 1]);
  for (size_t i = 0; i < (size_t)dense_rows(net, l); i++)
    if (to_plain) memcpy(plain + i*O, block + net->offset[l] + i*OP, O*sizeof *plain);
    else memcpy(block + net->offset[l] + i*OP, plain + i*O, O*sizeof *plain);
}

int densefile_load(struct tensorfile *tf, const struct dense *net, real *parameters) {
  real *plain = err_calloc(net->n, sizeof *plain);
  memset(parameters, 0, net->n*sizeof *parameters);
  int rc = 0;
  for (int l = 0; l < net->n_layers && rc == 0; l++) {
    const int64_t dims[2] = { dense_rows(net, l), net->size[l + 1] };
    char name[32];
    snprintf(name, sizeof name, "layer%d.weight", l + 1);
    rc = tensorfile_real(tf, name, 2, dims, plain);
    if (rc == 0) copy(net, l, parameters, plain, false);
  }
  free(plain);
  TRY(rc);
  return tensorfile_real(tf, "inner_rate", 1, (const int64_t[]){ net->updates }, parameters + net->rates);
}

void densefile_put(struct tensorfile_writer *w, const struct dense *net, const real *parameters) {
  real *block = err_calloc(net->n, sizeof *block), *plain = err_calloc(net->n, sizeof *plain);
  memcpy(block, parameters, net->n*sizeof *block);
  for (int l = 0; l < net->n_layers; l++) {
    const int64_t dims[2] = { dense_rows(net, l), net->size[l + 1] };
    char name[32];
    snprintf(name, sizeof name, "layer%d.weight", l + 1);
    copy(net, l, block, plain, true);
    tensorfile_put_real(w, name, 2, dims, plain);
  }
  tensorfile_put_real(w, "inner_rate", 1, (const int64_t[]){ net->updates }, block + net->rates);
  free(block);
  free(plain);
}
