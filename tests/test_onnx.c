// A classifier as ONNX, computed by another program (tests/reference/onnx_run.py): features and logits of 1000 images
// with every option of the layers; with arguments, those of model files. And classes that were taught, whose
// probabilities are those of classify.
#include <stdlib.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "data/imagefolder.h"
#include "experiment/fewshot/onnx.h"
#include "experiment/pictures.h"
#include "folder.h"
#include "image_tree.h"
#include "python.h"
#include "test.h"

enum { IMAGES = TEST_SANITIZED ? 20 : 1000, AT_ONCE = 20 };

static char script[4096];  // the command line of the check

// The mean and 1/sqrt(variance + epsilon) of images that nobody has seen.
static void draw_statistics(struct convnet_fixed *fixed, const struct convnet *net, struct rng *r) {
  convnet_fixed_init(fixed, net);
  for (int l = 1; l <= net->blocks; l++)
    for (int c = 0; c < vector_padded(net->channels); c++) {
      const double variance = c % 5 == 4 ? 0 : 0.3*rng_uniform(r);  // some channels are silent
      fixed->mean[l][c] = (real)(0.5*rng_uniform(r));
      fixed->r[l][c] = (real)(1/sqrt(variance + (double)net->epsilon));
    }
}

// Logits of the read-out, in its own sum.
static void logits(float *y, const struct fewshot_model *m, const real *h) {
  const struct convnet *net = &m->net;
  const int I = convnet_rows(net, net->readout), OP = vector_padded(net->ways);
  const real *w = m->parameters + net->offset[net->readout];
  for (int o = 0; o < net->ways; o++) {
    double sum = 0;
    for (int i = 0; i < I; i++) sum += (double)h[i]*(double)w[i*OP + o];
    y[o] = (float)sum;
  }
}

// The random images, and what the program makes of them.
static void put_results(struct tensorfile_writer *out, const struct fewshot_model *m,
                        const struct convnet_fixed *fixed, struct rng *r) {
  const struct convnet *net = &m->net;
  const int F = net->hidden ? net->hidden : net->channels, P = net->side[0]*net->side[0], C = net->in_channels;
  float *image = err_calloc((size_t)IMAGES*(size_t)(C*P), sizeof *image);
  float *features = err_calloc((size_t)IMAGES*(size_t)F, sizeof *features);
  float *y = err_calloc((size_t)IMAGES*(size_t)net->ways, sizeof *y);
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct convnet_work w;
  convnet_work_init(&w, net, AT_ONCE);
  for (int l = 0; l <= net->readout; l++) {
    layers[l] = convnet_array(net, l, 0);
    layers[l]->ops->program(layers[l], m->parameters + net->offset[l], NULL);
  }
  for (int i = 0; i < IMAGES*C*P; i++) image[i] = (float)(2*rng_uniform(r) - 1);
  for (int done = 0; done < IMAGES; done += AT_ONCE) {
    w.n[0] = AT_ONCE;
    for (int b = 0; b < AT_ONCE; b++)
      for (int p = 0; p < P; p++)
        for (int c = 0; c < C; c++) w.y[0][(b*P + p)*VECTOR_PADDING + c] = (real)image[((done + b)*C + c)*P + p];
    convnet_forward(net, &w, layers, 0, CONVNET_FIXED, fixed, NULL);
    for (int b = 0; b < AT_ONCE; b++) {
      const real *h = w.h + (size_t)b*(size_t)convnet_features(net);
      for (int k = 0; k < F; k++) features[(done + b)*F + k] = (float)h[k];
      logits(y + (done + b)*net->ways, m, h);
    }
  }
  tensorfile_put_f32(out, "image", 4, (const int64_t[]){ IMAGES, C, net->side[0], net->side[0] }, image);
  tensorfile_put_f32(out, "features", 2, (const int64_t[]){ IMAGES, F }, features);
  if (net->start != CONVNET_PROTOTYPE)
    tensorfile_put_f32(out, "logits", 2, (const int64_t[]){ IMAGES, net->ways }, y);
  for (int l = 0; l <= net->readout; l++) layers[l]->ops->free(layers[l]);
  convnet_work_release(&w);
  free(image);
  free(features);
  free(y);
}

static void say_check(const struct folder *tmp, char name[2][32]) {
  for (int i = 0; i < 2; i++)
    snprintf(script + strlen(script), sizeof script - strlen(script), " %s", folder_path(tmp, name[i]));
}

static void add(const struct folder *tmp, const struct fewshot *f, const struct fewshot_model *m, int k) {
  char name[2][32];
  struct convnet_fixed fixed;
  struct rng r = rng_stream(7, RNG_EVALUATE, (uint32_t)k);
  snprintf(name[0], sizeof name[0], "%d.onnx", k);
  snprintf(name[1], sizeof name[1], "%d.npz", k);
  draw_statistics(&fixed, &m->net, &r);
  CHECK(onnx_write(f, m, &fixed, NULL, folder_path(tmp, name[0])) == 0, "%s", err_message());
  struct tensorfile_writer *out = tensorfile_create(folder_path(tmp, name[1]));
  put_results(out, m, &fixed, &r);
  CHECK(tensorfile_commit(out) == 0, "%s", err_message());
  convnet_fixed_release(&fixed);
  say_check(tmp, name);
}

// ---- models

static const char *const networks[][8] = {
  { "net.blocks=3", "data.size=13", NULL },
  { "net.halving=maximum", "net.blocks=2", "data.size=11", NULL },
  { "net.hidden=7", "net.activation=relu", "data.size=8", "net.blocks=2", NULL },
  { "net.hidden=5", "net.activation=none", "net.bias=digital", "data.channels=3", "net.blocks=3", "data.size=9", NULL },
  { "net.bias=row", "net.blocks=1", "net.ways=3", "data.size=8", NULL },
  { "net.hidden=6", "net.bias=row", "net.halving=maximum", "net.blocks=1", "net.epsilon=0.1", "data.size=10", NULL },
  { "net.start=prototype", "net.bias=digital", "net.mean_offset=yes", "net.blocks=3", "data.size=8", NULL },
};

static void add_network(const struct folder *tmp, const char *const *settings, int k) {
  struct fewshot f;
  struct fewshot_model m;
  struct rng r = rng_stream(3, RNG_INIT, (uint32_t)k);
  fewshot_init(&f);
  CHECK(settings_set(f.sections, "net.channels=10") == 0, "%s", err_message());
  for (; *settings; settings++) CHECK(settings_set(f.sections, *settings) == 0, "%s", err_message());
  CHECK(fewshot_model_new(&m, &f) == 0, "%s", err_message());
  for (int l = 0; l <= m.net.readout; l++)  // biases begin at zero, and so does the read-out behind a dense layer
    for (int i = 0; i < convnet_rows(&m.net, l); i++)
      for (int o = 0; o < convnet_columns(&m.net, l); o++)
        m.parameters[m.net.offset[l] + (size_t)(i*vector_padded(convnet_columns(&m.net, l)) + o)] +=
            (real)(0.1*rng_normal(&r));
  add(tmp, &f, &m, k);
  fewshot_model_release(&m);
}

static void add_file(const struct folder *tmp, const char *path, int k) {
  struct fewshot f;
  struct fewshot_model m;
  fewshot_init(&f);
  CHECK(fewshot_model_load(&m, &f, path, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  add(tmp, &f, &m, k);
  fewshot_model_release(&m);
}

// ---- classes that were taught

enum { CLASSES = 3, QUERIES = 6 };

// Features and logits of the pictures, as classify computes them, and its probabilities and distances.
static void put_answers(struct tensorfile_writer *out, const struct fewshot *f, const struct taught *t,
                        const struct imageset *set, const struct pictures_result *r) {
  const int S = t->net.side[0], F = t->C - 1, N = t->N;
  static float image[QUERIES*28*28], features[QUERIES*256], y[QUERIES*CLASSES];
  static _Alignas(64) real pixels[28*28*VECTOR_PADDING];
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct convnet_work w;
  convnet_work_init(&w, &t->net, QUERIES);
  taught_layers(t, f, layers, NULL);
  struct fewshot_model held = { .net = t->net, .parameters = t->parameters };
  real *readout = t->parameters + t->net.offset[t->net.readout];
  layers[t->net.readout]->ops->weights(layers[t->net.readout], readout);
  const struct taught_lesson lesson = taught_lesson_of(set);
  taught_features(t, &w, layers, &lesson, 0, QUERIES, NULL);
  for (int i = 0; i < QUERIES; i++) {
    const struct view plain = render_plain(i);
    render_view(set, pixels, VECTOR_PADDING, &plain);
    for (int p = 0; p < S*S; p++) image[i*S*S + p] = (float)pixels[p*VECTOR_PADDING];
    for (int c = 0; c < F; c++) features[i*F + c] = (float)w.h[i*t->CP + c];
    logits(y + i*N, &held, w.h + i*t->CP);
  }
  tensorfile_put_f32(out, "image", 4, (const int64_t[]){ QUERIES, 1, S, S }, image);
  tensorfile_put_f32(out, "features", 2, (const int64_t[]){ QUERIES, F }, features);
  tensorfile_put_f32(out, "logits", 2, (const int64_t[]){ QUERIES, N }, y);
  tensorfile_put_f32(out, "probabilities", 2, (const int64_t[]){ QUERIES, N }, r->probability);
  tensorfile_put_f64(out, "distance", 2, (const int64_t[]){ QUERIES, 1 }, r->distance);
  tensorfile_put_f64(out, "number.threshold", 1, (const int64_t[]){ 1 }, &r->threshold);
  for (int k = 0; k < N; k++) {
    char key[32];
    double bytes[64];
    const int64_t n = (int64_t)strlen(r->name[k]);
    snprintf(key, sizeof key, "text.class.%d", k);
    for (int i = 0; i < n; i++) bytes[i] = (double)(unsigned char)r->name[k][i];
    tensorfile_put_f64(out, key, 1, &n, bytes);
  }
  taught_layers_free(t, layers);
  convnet_work_release(&w);
}

static void begin(struct fewshot *f, struct fewshot_model *m, const struct run_sources *from) {
  fewshot_init(f);
  fewshot_pictures.begin(f);
  CHECK(fewshot_model_load(m, f, "models/builtin-5w5s.safetensors", from) == 0, "%s", err_message());
}

// The pictures of `support` are taught, those of `queries` classified.
static void add_taught(const struct folder *tmp, const struct run_sources *from, int k) {
  char name[2][32], state[300], support[300], queries[300], *const words[] = { queries };
  const struct run_sources none = { 0 };
  struct fewshot f;
  struct fewshot_model m;
  struct pictures_learned l;
  struct pictures_result r;
  struct imageset set;
  struct taught t;
  struct tensorfile *tf;
  snprintf(name[0], sizeof name[0], "taught%d.onnx", k);
  snprintf(name[1], sizeof name[1], "taught%d.npz", k);
  snprintf(state, sizeof state, "%s", folder_path(tmp, "state"));
  snprintf(support, sizeof support, "%s", folder_path(tmp, "support"));
  snprintf(queries, sizeof queries, "%s", folder_path(tmp, "queries"));
  begin(&f, &m, from);
  const struct pictures_lesson lesson = { .pictures = support, .out = state };
  CHECK(fewshot_pictures.learn(&l, &f, &m, &lesson, from) == 0, "%s", err_message());
  CHECK(onnx_export_taught(&f, &m, state, &none, folder_path(tmp, name[0])) == 0, "%s", err_message());
  CHECK(fewshot_pictures.classify(&r, &f, &m, state, words, 1, false, &none) == 0 && r.n == QUERIES, "%s",
        err_message());
  CHECK(tensorfile_open(&tf, state) == 0 && taught_read(&t, &f, &m, tf, &none) == 0, "%s", err_message());
  imageset_init(&set, IMAGESET_AREA, m.net.side[0]);
  CHECK(imagefolder_load(&set, queries, &(struct imagefolder_options){ 0 }, &(struct imagefolder_found){ 0 }) == 0,
        "%s", err_message());
  struct tensorfile_writer *out = tensorfile_create(folder_path(tmp, name[1]));
  put_answers(out, &f, &t, &set, &r);
  CHECK(tensorfile_commit(out) == 0, "%s", err_message());
  say_check(tmp, name);
  tensorfile_close(tf);
  taught_release(&t);
  imageset_release(&set);
  pictures_result_release(&r);
  pictures_learned_release(&l);
  fewshot_model_release(&m);
}

static void add_all_taught(const struct folder *tmp) {
  char few[] = "synapse.kind=quantised", bits[] = "synapse.bits=5", *const assignments[] = { few, bits };
  image_tree_class(tmp, "support/alder", 0, 4);
  image_tree_class(tmp, "support/b\303\255rch", 1, 2);
  image_tree_class(tmp, "support/cedar tree", 2, 5);
  image_tree_class(tmp, "queries/some", 1, QUERIES/2);
  image_tree_class(tmp, "queries/unknown", 40, QUERIES/2);
  add_taught(tmp, &(struct run_sources){ 0 }, 0);
  add_taught(tmp, &(struct run_sources){ .n_assignments = 2, .assignments = assignments }, 1);
}

int main(int argc, char **argv) {
  enum { NETWORKS = sizeof networks/sizeof *networks };
  const struct folder tmp = folder_make();
  snprintf(script, sizeof script, "tests/reference/onnx_run.py 1e-5");
  for (int k = 0; k < (argc > 1 ? argc - 1 : NETWORKS); k++)
    if (argc > 1) add_file(&tmp, argv[k + 1], k);
    else add_network(&tmp, networks[k], k);
  add_all_taught(&tmp);
  const int status = python_run("numpy, onnx", script);
  folder_remove(&tmp);
  if (status == 77 && test_failed == 0) return 77;
  CHECK(status == 0, "the check ends with %d", status);
  return test_summary();
}
