#include "experiment/fewshot/onnx.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/onnxfile.h"
#include "base/tensorfile.h"
#include "experiment/fewshot/background.h"
#include "learn/maml.h"
#include "model/convnetfile.h"

#define NO_CHIP "ONNX has no operator for products of a chip"

// A layer's weights and bias as constants of the graph.
static void put_layer(struct onnxfile *o, const struct fewshot_model *m, int l) {
  const int I = convnet_rows(&m->net, l), O = convnet_columns(&m->net, l);
  float *plain = err_calloc((size_t)I*(size_t)O, sizeof *plain), *bias = err_calloc((size_t)O, sizeof *bias);
  char layer[32], name[48];
  int64_t dims[4];
  const int n_dims = convnetfile_layer(plain, bias, dims, &m->net, l, m->parameters);
  convnet_layer_name(layer, &m->net, l);
  snprintf(name, sizeof name, "%s.weight", layer);
  onnxfile_tensor(o, name, n_dims, dims, plain);
  snprintf(name, sizeof name, "%s.bias", layer);
  if (convnet_has_bias(&m->net, l)) onnxfile_tensor(o, name, 1, (const int64_t[]){ O }, bias);
  free(plain);
  free(bias);
}

// Mean and variance of block l; neither gain nor offset.
static void put_statistics(struct onnxfile *o, const struct convnet *net, const struct convnet_fixed *fixed, int l) {
  const int64_t C = net->channels;
  float *v = err_calloc(4*(size_t)C, sizeof *v);
  char name[48];
  for (int c = 0; c < C; c++) {
    const double r = (double)fixed->r[l][c];
    v[c] = 1;
    v[2*C + c] = (float)fixed->mean[l][c];
    v[3*C + c] = (float)fmax(1/(r*r) - (double)net->epsilon, 0);
  }
  static const char *const what[] = { "gain", "offset", "mean", "variance" };
  for (int k = 0; k < 4; k++) {
    snprintf(name, sizeof name, "norm%d.%s", l, what[k]);
    onnxfile_tensor(o, name, 1, &C, v + k*C);
  }
  free(v);
}

// Returns the name of what comes out.
static void put_block(struct onnxfile *o, const struct convnet *net, const struct convnet_fixed *fixed, int l,
                      char output[32]) {
  const int64_t three[] = { 3, 3 }, ones[] = { 1, 1, 1, 1 }, two[] = { 2, 2 };
  const int maximum = net->halving == CONVNET_MAXIMUM;
  char inputs[160], name[32];
  snprintf(inputs, sizeof inputs, "%s conv%d.weight", output, l);
  snprintf(name, sizeof name, "conv%d", l);
  onnxfile_node(o, "Conv", inputs, name);
  onnxfile_ints(o, "kernel_shape", 2, three);
  onnxfile_ints(o, "pads", 4, ones);
  onnxfile_ints(o, "strides", 2, maximum ? ones : two);
  snprintf(inputs, sizeof inputs, "conv%d", l);
  snprintf(name, sizeof name, "relu%d", l);
  onnxfile_node(o, "Relu", inputs, name);
  snprintf(inputs, sizeof inputs, "relu%d norm%d.gain norm%d.offset norm%d.mean norm%d.variance", l, l, l, l, l);
  snprintf(output, 32, "norm%d", l);
  onnxfile_node(o, "BatchNormalization", inputs, output);
  onnxfile_real(o, "epsilon", (double)net->epsilon);
  put_statistics(o, net, fixed, l);
  if (!maximum) return;
  snprintf(name, sizeof name, "block%d", l);
  onnxfile_node(o, "MaxPool", output, name);
  onnxfile_ints(o, "kernel_shape", 2, two);
  onnxfile_ints(o, "strides", 2, two);
  snprintf(output, 32, "%s", name);
}

// The dense layer and the read-out.
static void put_dense(struct onnxfile *o, const struct convnet *net) {
  const int relu = net->activation == CONVNET_RELU;
  if (net->hidden) onnxfile_node(o, "Gemm", "pooled hidden.weight hidden.bias", relu ? "hidden" : "features");
  if (net->hidden && relu) onnxfile_node(o, "Relu", "hidden", "features");
  if (net->start == CONVNET_PROTOTYPE) return;
  onnxfile_node(o, "Gemm", convnet_has_bias(net, net->readout) ? "features readout.weight readout.bias"
                                                               : "features readout.weight", "logits");
}

// Probabilities of the classes, and the distance of the features from the nearest of their means.
static void put_classes(struct onnxfile *o, const struct taught *t) {
  const int64_t F = t->C - 1, means[] = { 1, t->N, F };
  float *mean = err_calloc((size_t)t->N*(size_t)F, sizeof *mean);
  for (int k = 0; k < t->N; k++)
    for (int c = 0; c < F; c++) mean[k*F + c] = (float)t->mean[k*t->CP + c];
  onnxfile_tensor(o, "class.mean", 3, means, mean);
  onnxfile_integers(o, "row.shape", 3, (const int64_t[]){ -1, 1, F });
  onnxfile_output(o, "probabilities", 2, (const int64_t[]){ 0, t->N });
  onnxfile_output(o, "distance", 2, (const int64_t[]){ 0, 1 });
  onnxfile_node(o, "Softmax", "logits", "probabilities");
  onnxfile_node(o, "Reshape", "features row.shape", "row");
  onnxfile_node(o, "Sub", "row class.mean", "difference");
  onnxfile_node(o, "ReduceL2", "difference", "distances");
  onnxfile_ints(o, "axes", 1, (const int64_t[]){ 2 });
  onnxfile_node(o, "ReduceMin", "distances", "nearest");
  onnxfile_ints(o, "axes", 1, (const int64_t[]){ 1 });
  onnxfile_node(o, "Flatten", "nearest", "distance");
  free(mean);
}

static void put_graph(struct onnxfile *o, const struct fewshot_model *m, const struct convnet_fixed *fixed) {
  const struct convnet *net = &m->net;
  const int has_readout = net->start != CONVNET_PROTOTYPE;
  char at[32] = "image";
  onnxfile_input(o, "image", 4, (const int64_t[]){ 0, net->in_channels, net->side[0], net->side[0] });
  onnxfile_output(o, "features", 2, (const int64_t[]){ 0, net->hidden ? net->hidden : net->channels });
  if (has_readout) onnxfile_output(o, "logits", 2, (const int64_t[]){ 0, net->ways });
  for (int l = 0; l < net->readout + has_readout; l++) put_layer(o, m, l);
  for (int l = 1; l <= net->blocks; l++) put_block(o, net, fixed, l, at);
  onnxfile_node(o, "GlobalMaxPool", at, "maximum");
  onnxfile_node(o, "Flatten", "maximum", net->hidden ? "pooled" : "features");
  put_dense(o, net);
}

static void put_number(struct onnxfile *o, const char *key, double value) {
  char text[32];
  snprintf(text, sizeof text, "%.9g", value);
  onnxfile_text(o, key, text);
}

static void put_names(struct onnxfile *o, const struct taught *t) {
  for (int k = 0; k < t->N; k++) {
    char key[32];
    snprintf(key, sizeof key, "class.%d", k);
    onnxfile_text(o, key, t->name[k]);
  }
  if (isfinite(t->threshold)) put_number(o, "threshold", t->threshold);
}

static void put_texts(struct onnxfile *o, const struct fewshot *f, const struct fewshot_model *m,
                      const struct taught *t) {
  const int published = f->data.preprocessing == IMAGESET_PUBLISHED, colour = m->net.in_channels == 3;
  const char *slash = strrchr(m->path, '/');
  onnxfile_about(o, t ? "Classifier of metaxbar with the classes that it was taught: their probabilities, and the "
                        "distance of the features from the nearest class mean; beyond the threshold an image is none "
                        "of them."
                      : "Few-shot classifier of metaxbar: features of images, normalised by fixed statistics, and the "
                        "logits of the read-out before it adapts, if it has weights then.");
  onnxfile_text(o, "model", slash ? slash + 1 : m->path);
  onnxfile_text(o, "image", colour ? "RGB, pixel/127.5 - 1" : published ? "0 ink, 1 paper" : "1 ink, 0 paper");
  if (t) put_names(o, t);
  else put_number(o, "statistics_images", (double)f->eval.statistics_images);
}

int onnx_write(const struct fewshot *f, const struct fewshot_model *m, const struct convnet_fixed *fixed,
               const struct taught *taught, const char *path) {
  struct onnxfile *o = onnxfile_new("classifier");
  put_graph(o, m, fixed);
  if (taught) put_classes(o, taught);
  put_texts(o, f, m, taught);
  const int rc = onnxfile_write(o, path);
  onnxfile_free(o);
  return rc;
}

static void measure(struct convnet_fixed *fixed, const struct fewshot *f, const struct fewshot_model *m,
                    const struct dataset *data) {
  const struct maml_options exact = { 0 };
  struct maml_worker w;
  maml_worker_init(&w, &m->net, (int)f->eval.shots, (int)f->eval.queries, &exact);
  maml_program(&w, &m->net, m->parameters, &exact, NULL);
  background_measure(fixed, f, data, &m->net, &w.work, w.layers);
  maml_worker_release(&w, &m->net);
}

int onnx_export(const struct fewshot *f, const struct fewshot_model *m, const char *path) {
  struct dataset data;
  struct fewshot_model rounded;
  struct convnet_fixed fixed;
  if (f->synapse.kind == RUN_CHIP)
    return err_set(ERR_SETTING, "--onnx %s: synapse.kind=chip: " NO_CHIP, m->path);
  TRY(file_out_check(path));
  TRY(dataset_load(&data, &f->data, DATASET_BACKGROUND_ONLY));
  int rc = background_check(&data);
  if (rc == 0) rc = fewshot_model_ways(&rounded, m, f, m->net.ways, m->net.steps);
  if (rc == 0) {
    fewshot_model_round(&rounded, f);
    convnet_fixed_init(&fixed, &m->net);
    measure(&fixed, f, &rounded, &data);
    rc = onnx_write(f, &rounded, &fixed, NULL, path);
    convnet_fixed_release(&fixed);
    fewshot_model_release(&rounded);
  }
  dataset_release(&data);
  return rc;
}

// ---- classes that were taught

static int read_taught(struct taught *t, struct fewshot *f, const struct fewshot_model *m, const char *state,
                       const struct run_sources *from) {
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, state));
  const char *synapse = tensorfile_metadata(tf, "synapse.kind");
  const bool chip = synapse && !strcmp(synapse, run_synapse_names[RUN_CHIP]);
  const int rc = chip ? err_set(ERR_SETTING, "--state %s: synapse.kind=chip: " NO_CHIP, state)
                      : taught_read(t, f, m, tf, from);
  tensorfile_close(tf);
  TRY(rc);
  if (t->views.n == 1) return 0;
  return err_set(ERR_SETTING, "--state %s: learn.views=%d: the graph has one view of an image", state, t->views.n);
}

int onnx_export_taught(struct fewshot *f, const struct fewshot_model *m, const char *state,
                       const struct run_sources *from, const char *path) {
  struct taught t;
  struct fewshot_model learned = *m;
  taught_init(&t, m);
  int rc = file_out_check(path);
  if (rc == 0) rc = read_taught(&t, f, m, state, from);
  if (rc == 0) {
    learned.net = t.net;
    learned.parameters = t.parameters;
    memcpy(t.parameters + t.net.offset[t.net.readout], t.w,
           (size_t)(t.C*vector_padded(t.net.ways)) * sizeof *t.parameters);
    fewshot_model_round(&learned, f);
    rc = onnx_write(f, &learned, &t.fixed, &t, path);
  }
  taught_release(&t);
  return rc;
}
