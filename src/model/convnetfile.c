#include "model/convnetfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/tensorfile.h"

static void layer_name(char name[32], const struct convnet *net, int l) {
  if (l == net->blocks) snprintf(name, 32, "readout.weight");
  else snprintf(name, 32, "conv%d.weight", l + 1);
}

// Before memory is taken for a network, every tensor must have the shape that network needs.
static int check_kernel(const struct tensorfile_entry *e, const char *file, int64_t O, int64_t I) {
  if (e->n_dims == 4 && e->dims[0] == O && e->dims[1] == I && e->dims[2] == 3 && e->dims[3] == 3) return 0;
  char found[200] = "";
  for (int k = 0, n = 0; k < e->n_dims; k++)
    n += snprintf(found + n, sizeof found - (size_t)n, "%s%lld", k ? ", " : "", (long long)e->dims[k]);
  return err_set(ERR_FORMAT, "%s: tensor %s: shape (%s), expected (%d, %d, 3, 3) beside readout.weight (%d, ways)",
                 file, e->name, found, (int)O, (int)I, (int)O);
}

int convnetfile_sizes(struct convnet_params *p, const struct tensorfile *tf) {
  const char *file = tensorfile_name(tf);
  const struct tensorfile_entry *readout = tensorfile_find(tf, "readout.weight");
  const struct tensorfile_entry *conv = tensorfile_find(tf, "conv1.weight");
  if (!readout || !conv)
    return err_set(ERR_FORMAT, "%s: tensor %s: absent; not a few-shot classifier", file,
                   readout ? "conv1.weight" : "readout.weight");
  if (readout->n_dims != 2 || readout->dims[0] < 1 || readout->dims[0] > 1024 || readout->dims[1] < 2 ||
      readout->dims[1] > 256)
    return err_set(ERR_FORMAT, "%s: tensor readout.weight: expected (channels up to 1024, ways 2 to 256)", file);
  p->channels = readout->dims[0];
  p->ways = readout->dims[1];
  for (p->blocks = 0; conv && p->blocks < CONVNET_MAX_BLOCKS; p->blocks++) {
    TRY(check_kernel(conv, file, p->channels, p->blocks ? p->channels : 1));
    char name[32];
    snprintf(name, sizeof name, "conv%d.weight", (int)p->blocks + 2);
    conv = tensorfile_find(tf, name);
  }
  const struct tensorfile_entry *rate = tensorfile_find(tf, "inner_rate");
  if (rate && (rate->n_dims != 1 || rate->dims[0] < 1 || rate->dims[0] > CONVNET_MAX_STEPS))
    return err_set(ERR_FORMAT, "%s: tensor inner_rate: expected 1 to %d values", file, CONVNET_MAX_STEPS);
  if (rate) p->steps = rate->dims[0];
  return 0;
}

// One layer between the file's (O, I, 3, 3) or (I, O) and the block's (taps, I, padded O).
static void exchange(const struct convnet *net, int l, real *block, real *plain, int to_file) {
  const int O = convnet_columns(net, l), OP = vector_padded(O), taps = l == net->blocks ? 1 : 9;
  const int I = convnet_rows(net, l) / taps;
  for (int k = 0; k < taps; k++)
    for (int i = 0; i < I; i++)
      for (int o = 0; o < O; o++) {
        real *b = block + (size_t)((k*I + i)*OP + o);
        real *f = plain + (l == net->blocks ? (size_t)(i*O + o) : (size_t)((o*I + i)*taps + k));
        if (to_file) *f = *b;
        else *b = *f;
      }
}

static int layer_dims(const struct convnet *net, int l, int64_t dims[4]) {
  const int64_t I = convnet_rows(net, l), O = convnet_columns(net, l);
  if (l == net->blocks) {
    memcpy(dims, (int64_t[]){ I, O }, 2 * sizeof *dims);
    return 2;
  }
  memcpy(dims, (int64_t[]){ O, I/9, 3, 3 }, 4 * sizeof *dims);
  return 4;
}

int convnetfile_load(struct tensorfile *tf, const struct convnet *net, real *parameters, double rate) {
  real *plain = err_calloc(net->n, sizeof *plain);
  memset(parameters, 0, net->n * sizeof *parameters);
  int rc = 0;
  for (int l = 0; l <= net->blocks && rc == 0; l++) {
    char name[32];
    int64_t dims[4];
    layer_name(name, net, l);
    const int n_dims = layer_dims(net, l, dims);
    rc = tensorfile_real(tf, name, n_dims, dims, plain);
    if (rc == 0) exchange(net, l, parameters + net->offset[l], plain, 0);
  }
  free(plain);
  if (rc < 0) return rc;
  for (int s = 0; s < net->steps; s++) parameters[net->rates + (size_t)s] = (real)rate;
  const struct tensorfile_entry *e = tensorfile_find(tf, "inner_rate");
  return e ? tensorfile_real(tf, "inner_rate", 1, (const int64_t[]){ net->steps }, parameters + net->rates) : 0;
}

void convnetfile_put(struct tensorfile_writer *w, const struct convnet *net, const real *parameters) {
  real *block = err_calloc(net->n, sizeof *block), *plain = err_calloc(net->n, sizeof *plain);
  memcpy(block, parameters, net->n * sizeof *block);
  for (int l = 0; l <= net->blocks; l++) {
    char name[32];
    int64_t dims[4];
    layer_name(name, net, l);
    const int n_dims = layer_dims(net, l, dims);
    exchange(net, l, block + net->offset[l], plain, 1);
    tensorfile_put_real(w, name, n_dims, dims, plain);
  }
  tensorfile_put_real(w, "inner_rate", 1, (const int64_t[]){ net->steps }, parameters + net->rates);
  free(block);
  free(plain);
}
