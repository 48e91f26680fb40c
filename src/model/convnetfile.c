#include "model/convnetfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/tensorfile.h"

// Before memory is taken for a network, every tensor must have the shape that network needs.
static int refuse_shape(const struct tensorfile_entry *e, const char *file, const char *expected) {
  char found[200] = "";
  for (int k = 0, n = 0; k < e->n_dims; k++)
    n += snprintf(found + n, sizeof found - (size_t)n, "%s%lld", k ? ", " : "", (long long)e->dims[k]);
  return err_set(ERR_FORMAT, "%s: tensor %s: shape (%s), expected (%s)", file, e->name, found, expected);
}

static int check_kernel(const struct tensorfile_entry *e, const char *file, int64_t O, int64_t I) {
  if (e->n_dims == 4 && e->dims[0] == O && e->dims[1] == I && e->dims[2] == 3 && e->dims[3] == 3) return 0;
  char expected[64];
  snprintf(expected, sizeof expected, "%lld, %lld, 3, 3", (long long)O, (long long)I);
  return refuse_shape(e, file, expected);
}

// A dense layer of I inputs: its outputs, from `least` to 1024 (`what`).
static int dense_outputs(int64_t *outputs, const struct tensorfile_entry *e, const char *file, int64_t I, int least,
                         const char *what) {
  char expected[64];
  snprintf(expected, sizeof expected, "%lld, %s to 1024", (long long)I, what);
  if (e->n_dims != 2 || e->dims[0] != I || e->dims[1] < least || e->dims[1] > 1024)
    return refuse_shape(e, file, expected);
  *outputs = e->dims[1];
  return 0;
}

// Returns whether a bias of O outputs is there.
static int find_bias(const struct tensorfile *tf, const char *name, int64_t O) {
  const struct tensorfile_entry *e = tensorfile_find(tf, name);
  char expected[32];
  snprintf(expected, sizeof expected, "%lld", (long long)O);
  if (e && (e->n_dims != 1 || e->dims[0] != O)) return refuse_shape(e, tensorfile_name(tf), expected);
  return e != NULL;
}

// The layers after the blocks; p->channels is known.
static int dense_sizes(struct convnet_params *p, const struct tensorfile *tf) {
  const struct tensorfile_entry *hidden = tensorfile_find(tf, "hidden.weight");
  const char *file = tensorfile_name(tf);
  p->hidden = 0;
  if (hidden) TRY(dense_outputs(&p->hidden, hidden, file, p->channels, 1, "neurons up"));
  const struct tensorfile_entry *readout = tensorfile_find(tf, "readout.weight");
  if (readout) {
    p->start = CONVNET_LEARNED;
    TRY(dense_outputs(&p->ways, readout, file, hidden ? p->hidden : p->channels, 2, "ways 2"));
  } else {
    p->start = CONVNET_PROTOTYPE;  // any number of ways: that of the settings
    if (tensorfile_find(tf, "prototype.scale")->n_dims != 0)
      return refuse_shape(tensorfile_find(tf, "prototype.scale"), file, "");
  }
  const int of_hidden = find_bias(tf, "hidden.bias", p->hidden), of_readout = find_bias(tf, "readout.bias", p->ways);
  TRY(of_hidden);
  TRY(of_readout);
  if (hidden && !of_hidden) return err_set(ERR_FORMAT, "%s: tensor hidden.bias: absent", file);
  if (!of_readout) p->bias = CONVNET_NO_BIAS;
  else if (p->bias == CONVNET_NO_BIAS) p->bias = CONVNET_BIAS_DIGITAL;
  return 0;
}

int convnetfile_sizes(struct convnet_params *p, int *in_channels, const struct tensorfile *tf) {
  const char *file = tensorfile_name(tf);
  const struct tensorfile_entry *conv = tensorfile_find(tf, "conv1.weight");
  if (!conv || (!tensorfile_find(tf, "readout.weight") && !tensorfile_find(tf, "prototype.scale")))
    return err_set(ERR_FORMAT, "%s: tensor %s: absent; not a few-shot classifier", file,
                   conv ? "readout.weight" : "conv1.weight");
  if (conv->n_dims != 4 || conv->dims[0] < 1 || conv->dims[0] > 1024 || conv->dims[1] < 1 ||
      conv->dims[1] > VECTOR_PADDING)
    return refuse_shape(conv, file, "channels up to 1024, up to 16 of the image, 3, 3");
  p->channels = conv->dims[0];
  *in_channels = (int)conv->dims[1];
  for (p->blocks = 0; conv && p->blocks < CONVNET_MAX_BLOCKS; p->blocks++) {
    TRY(check_kernel(conv, file, p->channels, p->blocks ? p->channels : *in_channels));
    char name[32];
    snprintf(name, sizeof name, "conv%d.weight", (int)p->blocks + 2);
    conv = tensorfile_find(tf, name);
  }
  TRY(dense_sizes(p, tf));
  const struct tensorfile_entry *rate = tensorfile_find(tf, "inner_rate");
  const int64_t layers = p->blocks + 1 + (p->hidden > 0);
  if (rate && (rate->n_dims < 1 || rate->n_dims > 2 || rate->dims[0] < 1 || rate->dims[0] > CONVNET_MAX_STEPS ||
               (rate->n_dims == 2 && (rate->dims[1] < 1 || rate->dims[1] > layers))))
    return err_set(ERR_FORMAT, "%s: tensor inner_rate: expected (1 to %d updates), or (updates, up to %d layers)", file,
                   CONVNET_MAX_STEPS, (int)layers);
  if (rate) p->steps = rate->dims[0];
  return 0;
}

// Without its bias, one layer between the file's (O, I, 3, 3) or (I, O) and the block's (taps, I, padded O).
static void exchange(const struct convnet *net, int l, real *block, real *plain, int to_file) {
  const int O = convnet_columns(net, l), OP = vector_padded(O), taps = l < net->blocks ? 9 : 1;
  const int I = (convnet_rows(net, l) - convnet_has_bias(net, l)) / taps;
  for (int k = 0; k < taps; k++)
    for (int i = 0; i < I; i++)
      for (int o = 0; o < O; o++) {
        real *b = block + (size_t)((k*I + i)*OP + o);
        real *f = plain + (l < net->blocks ? (size_t)((o*I + i)*taps + k) : (size_t)(i*O + o));
        if (to_file) *f = *b;
        else *b = *f;
      }
}

static int layer_dims(const struct convnet *net, int l, int64_t dims[4]) {
  const int64_t I = convnet_rows(net, l) - convnet_has_bias(net, l), O = convnet_columns(net, l);
  if (l >= net->blocks) {
    memcpy(dims, (int64_t[]){ I, O }, 2 * sizeof *dims);
    return 2;
  }
  memcpy(dims, (int64_t[]){ O, I/9, 3, 3 }, 4 * sizeof *dims);
  return 4;
}

// A read-out that starts from class means has a scale and perhaps a bias in the file, no weights.
static int has_weights(const struct convnet *net, int l) {
  return l < net->readout || net->start != CONVNET_PROTOTYPE;
}

// Names of the tensors of layer l; bias "" if it has none.
static void tensor_names(char weight[40], char bias[40], const struct convnet *net, int l) {
  char layer[32];
  convnet_layer_name(layer, net, l);
  snprintf(weight, 40, "%s.weight", layer);
  if (convnet_has_bias(net, l)) snprintf(bias, 40, "%s.bias", layer);
  else *bias = 0;
}

// The row of the bias of layer l.
static real *bias_row(const struct convnet *net, int l, real *parameters) {
  const int rows = convnet_rows(net, l) - 1, OP = vector_padded(convnet_columns(net, l));
  return parameters + net->offset[l] + (size_t)rows * (size_t)OP;
}

// The rates are (updates), or (updates, layers) where several layers adapt. Returns the number of dims.
static int rate_dims(const struct convnet *net, int64_t dims[2]) {
  dims[0] = net->steps;
  dims[1] = convnet_n_adapting(net);
  return dims[1] > 1 ? 2 : 1;
}

// Where the file's rates are those of other layers, every layer has their mean in each update.
static int load_rates(struct tensorfile *tf, const struct convnet *net, real *parameters, double rate) {
  const struct tensorfile_entry *e = tensorfile_find(tf, "inner_rate");
  const int layers = convnet_n_adapting(net), n = net->steps*layers;
  real *rates = parameters + net->rates;
  int64_t dims[2];
  for (int k = 0; k < n; k++) rates[k] = (real)rate;
  if (!e) return 0;
  const int n_dims = rate_dims(net, dims);
  if (e->n_dims == n_dims && e->dims[n_dims - 1] == dims[n_dims - 1])
    return tensorfile_real(tf, "inner_rate", n_dims, dims, rates);
  const int others = e->n_dims == 2 ? (int)e->dims[1] : 1;
  real *found = err_calloc((size_t)(net->steps*others), sizeof *found);
  const int rc = tensorfile_real(tf, "inner_rate", e->n_dims, (const int64_t[]){ net->steps, others }, found);
  for (int k = 0; k < n && rc == 0; k++) {
    rates[k] = 0;
    for (int i = 0; i < others; i++) rates[k] += found[k/layers*others + i] / (real)others;
  }
  free(found);
  return rc;
}

int convnetfile_load(struct tensorfile *tf, const struct convnet *net, real *parameters, double rate) {
  real *plain = err_calloc(net->n, sizeof *plain);
  memset(parameters, 0, net->n * sizeof *parameters);
  int rc = 0;
  for (int l = 0; l <= net->readout && rc == 0; l++) {
    char weight[40], bias[40];
    int64_t dims[4];
    tensor_names(weight, bias, net, l);
    const int n_dims = layer_dims(net, l, dims);
    if (has_weights(net, l)) rc = tensorfile_real(tf, weight, n_dims, dims, plain);
    if (rc == 0 && has_weights(net, l)) exchange(net, l, parameters + net->offset[l], plain, 0);
    if (rc == 0 && *bias)
      rc = tensorfile_real(tf, bias, 1, (const int64_t[]){ convnet_columns(net, l) }, bias_row(net, l, parameters));
  }
  free(plain);
  if (rc == 0 && net->start == CONVNET_PROTOTYPE)
    rc = tensorfile_real(tf, "prototype.scale", 0, NULL, parameters + net->scale);
  if (rc < 0) return rc;
  return load_rates(tf, net, parameters, rate);
}

int convnetfile_layer(float *plain, float *bias, int64_t dims[4], const struct convnet *net, int l,
                      const real *parameters) {
  const int I = convnet_rows(net, l), OP = vector_padded(convnet_columns(net, l)), O = convnet_columns(net, l);
  const size_t n = (size_t)I * (size_t)OP;
  real *block = err_calloc(n, sizeof *block), *numbers = err_calloc(n, sizeof *numbers);
  memcpy(block, parameters + net->offset[l], n * sizeof *block);
  exchange(net, l, block, numbers, 1);
  for (int i = 0; i < (I - convnet_has_bias(net, l))*O; i++) plain[i] = (float)numbers[i];
  for (int o = 0; o < O && convnet_has_bias(net, l); o++) bias[o] = (float)block[(I - 1)*OP + o];
  free(block);
  free(numbers);
  return layer_dims(net, l, dims);
}

void convnetfile_put(struct tensorfile_writer *w, const struct convnet *net, const real *parameters, bool half) {
  void (*const put)(struct tensorfile_writer *, const char *, int, const int64_t *, const real *) =
      half ? tensorfile_put_f16 : tensorfile_put_real;
  real *block = err_calloc(net->n, sizeof *block), *plain = err_calloc(net->n, sizeof *plain);
  int64_t dims[4];
  memcpy(block, parameters, net->n * sizeof *block);
  for (int l = 0; l <= net->readout; l++) {
    char weight[40], bias[40];
    tensor_names(weight, bias, net, l);
    const int n_dims = layer_dims(net, l, dims);
    exchange(net, l, block + net->offset[l], plain, 1);
    if (has_weights(net, l)) put(w, weight, n_dims, dims, plain);
    if (*bias) put(w, bias, 1, (const int64_t[]){ convnet_columns(net, l) }, bias_row(net, l, block));
  }
  if (net->start == CONVNET_PROTOTYPE) tensorfile_put_real(w, "prototype.scale", 0, NULL, parameters + net->scale);
  if (net->steps > 0)
    tensorfile_put_real(w, "inner_rate", rate_dims(net, dims), dims, parameters + net->rates);
  free(block);
  free(plain);
}
