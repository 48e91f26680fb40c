// The dense network against plain loops in double precision, its gradient against central differences, its weights
// through a file.
#include "base/err.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "folder.h"
#include "gradient.h"
#include "model/dense.h"
#include "model/densefile.h"

enum { LAYERS = 3, B = 5, FIRST = 2, WIDEST = 33, UPDATES = 3 };
static const int size[LAYERS + 1] = { 2, 16, 7, 3 };  // 16: the constant needs a vector of its own

struct fixture {
  struct dense net;
  struct dense_work work;
  struct synapse *layers[LAYERS];
  real *w, *gradient;
  real direction[B][WIDEST];  // the loss is <direction, y>^4 / 4 summed over rows: its third derivative does not vanish
  int end;
};

static void fixture_init(struct fixture *f) {
  struct rng r = rng_stream(21, RNG_TEST, 1);
  memset(f, 0, sizeof *f);
  dense_lay_out(&f->net, LAYERS, size, UPDATES);
  dense_work_init(&f->work, &f->net, B);
  f->w = err_aligned(f->net.n, sizeof(real));
  f->gradient = err_aligned(f->net.n, sizeof(real));
  dense_start(&f->net, f->w, 0.3, &r);
  for (int l = 0; l < LAYERS; l++) f->layers[l] = synapse_exact_new(dense_rows(&f->net, l), size[l + 1]);
  for (int b = 0; b < B; b++) {
    const real x[2] = { (real)rng_normal(&r), (real)rng_normal(&r) };
    dense_input(&f->net, &f->work, b, x);
    for (int i = 0; i < WIDEST; i++) f->direction[b][i] = (real)rng_normal(&r);
  }
  f->end = LAYERS;
}

static void fixture_release(struct fixture *f) {
  for (int l = 0; l < LAYERS; l++) f->layers[l]->ops->free(f->layers[l]);
  dense_work_release(&f->work);
  free(f->w);
  free(f->gradient);
}

// Two calls, as of support and query.
static void forward(struct fixture *f) {
  for (int l = 0; l < LAYERS; l++) f->layers[l]->ops->program(f->layers[l], f->w + f->net.offset[l], NULL);
  dense_forward(&f->net, &f->work, f->layers, f->end, 0, FIRST, NULL);
  dense_forward(&f->net, &f->work, f->layers, f->end, FIRST, B - FIRST, NULL);
}

static int width(int l) { return vector_padded(size[l] + 1); }

static double along(const struct fixture *f, int b) {
  double dot = 0;
  for (int i = 0; i < size[f->end]; i++)
    dot += (double)f->direction[b][i]*(double)f->work.y[f->end][b*width(f->end) + i];
  return dot;
}

static double loss(void *context, uint64_t *pattern) {
  struct fixture *f = context;
  double sum = 0;
  forward(f);
  for (int l = 1; l <= f->end && l < LAYERS && pattern; l++)
    for (int b = 0; b < B; b++)
      for (int i = 0; i < size[l]; i++) gradient_pattern(pattern, f->work.y[l][b*width(l) + i] > 0);
  for (int b = 0; b < B; b++) sum += pow(along(f, b), 4)/4;
  return sum;
}

static void test_plain(void) {
  struct fixture f;
  fixture_init(&f);
  forward(&f);
  int silent = 0;
  for (int b = 0; b < B; b++) {
    double y[WIDEST] = { (double)f.work.y[0][b*width(0)], (double)f.work.y[0][b*width(0) + 1], 1 }, z[WIDEST];
    for (int l = 0; l < LAYERS; l++) {
      const real *w = f.w + f.net.offset[l];
      for (int o = 0; o < size[l + 1]; o++) {
        z[o] = 0;
        for (int i = 0; i <= size[l]; i++) z[o] += y[i]*(double)w[i*vector_padded(size[l + 1]) + o];
        if (l < LAYERS - 1 && z[o] < 0) z[o] = 0, silent++;
        const double got = (double)f.work.y[l + 1][b*width(l + 1) + o];
        CHECK(fabs(z[o] - got) < test_tol(GRADIENT_CHECKED ? 1e-14 : 1e-5), "layer %d neuron %d", l, o);
      }
      memcpy(y, z, sizeof y);
      y[size[l + 1]] = 1;
      CHECK(f.work.y[l + 1][b*width(l + 1) + size[l + 1]] == 1, "layer %d: no constant", l);
    }
  }
  CHECK(silent > 20 && dense_weights(&f.net) == 3*16 + 17*7 + 8*3,
        "%d silent, %ld weights", silent, dense_weights(&f.net));
  fixture_release(&f);
}

static void test_gradient(int end) {
  struct fixture f;
  fixture_init(&f);
  f.end = end;
  forward(&f);
  for (int b = 0; b < B; b++)
    for (int i = 0; i <= size[end]; i++)
      f.work.dy[end][b*width(end) + i] = i < size[end] ? f.direction[b][i]*(real)pow(along(&f, b), 3) : 7;  // constant
  dense_backward(&f.net, &f.work, f.w, f.gradient, end, B);
  gradient_check("weights", f.w, f.gradient, (long)f.net.offset[end], 1e-3, 1e-9, 1, loss, &f);
  for (size_t i = f.net.offset[end]; i < f.net.offset[LAYERS]; i++)
    CHECK(f.gradient[i] == 0, "a gradient behind the end");
  fixture_release(&f);
}

static void test_file(void) {
  struct folder tmp = folder_make();
  struct fixture f;
  struct tensorfile *tf = NULL;
  fixture_init(&f);
  const char *path = folder_path(&tmp, "dense.safetensors");
  struct tensorfile_writer *w = tensorfile_create(path);
  densefile_put(w, &f.net, f.w);
  CHECK(tensorfile_commit(w) == 0 && tensorfile_open(&tf, path) == 0, "%s", err_message());
  CHECK(densefile_load(tf, &f.net, f.gradient) == 0, "%s", err_message());
  CHECK(!memcmp(f.w, f.gradient, f.net.n*sizeof(real)), "other weights came back");
  dense_lay_out(&f.net, LAYERS, (const int[]){ 2, 16, 6, 3 }, UPDATES);
  CHECK(densefile_load(tf, &f.net, f.gradient) == ERR_FORMAT && strstr(err_message(), "layer2.weight"), "%s",
        err_message());
  tensorfile_close(tf);
  fixture_release(&f);
  folder_remove(&tmp);
}

int main(void) {
  test_plain();
  if (GRADIENT_CHECKED)
    for (int end = 1; end <= LAYERS; end++) test_gradient(end);
  test_file();
  return test_summary();
}
