// The public interface as a program of its own uses it, compared with the library itself; and what it refuses.
#include <unistd.h>

#include "api_fixture.h"
#include "base/err.h"
#include "base/tensorfile.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/arm/result.h"
#include "folder.h"

#define MODEL "models/builtin-5w5s.safetensors"
enum { I = 70, O = 33, B = 5 };

static double number(const struct mx_chip *c, const char *name) {
  double v = -1;
  WORKS(mx_chip_number(c, name, &v));
  return v;
}

// Deterministic numbers in (-1, 1).
static void fill(float *x, size_t n, unsigned seed) {
  for (size_t i = 0; i < n; i++) {
    seed = seed * 1664525u + 1013904223u;
    x[i] = (float)seed / 2147483648.0f - 1;
  }
}

static struct mx_chip *make_chip(const char *const *settings) {
  struct mx_chip *c = NULL;
  WORKS(mx_chip_new(&c, settings, 3));
  CHECK(mx_chip_add(c, "first", I, O) == 0, "%s", mx_last_error());
  CHECK(mx_chip_add(c, "second", 9, 2) == 1, "%s", mx_last_error());
  WORKS(mx_chip_build(c));
  return c;
}

// An ideal chip that has to cut the matrix computes y = x W, and no more than y is touched.
static void check_product(void) {
  static float w[I*O], x[B*I], y[B*O + 1];
  struct mx_chip *c = make_chip(LIST("chip.rows=40", "chip.columns=40", "chip.dac_bits=0", "chip.adc_bits=0",
                                     "chip.prog_scale=0", "chip.read_scale=0", "chip.drift_scale=0"));
  fill(w, I*O, 1);
  fill(x, B*I, 2);
  y[B*O] = 42;
  WORKS(mx_chip_program(c, 0, w));
  WORKS(mx_chip_product(c, 0, y, x, B));
  for (int b = 0; b < B; b++)
    for (int o = 0; o < O; o++) {
      double sum = 0;
      for (int i = 0; i < I; i++) sum += (double)x[b*I + i] * (double)w[i*O + o];
      CHECK(fabs(sum - (double)y[b*O + o]) < test_tol(1e-4), "y[%d][%d] %g, expected %g", b, o, (double)y[b*O + o],
            sum);
    }
  CHECK(y[B*O] == 42, "written beyond the end");
  WORKS(mx_chip_product_transposed(c, 0, x, y, B));
  for (int b = 0; b < B; b++)
    for (int i = 0; i < I; i++) {
      double sum = 0;
      for (int o = 0; o < O; o++) sum += (double)y[b*O + o] * (double)w[i*O + o];
      CHECK(fabs(sum - (double)x[b*I + i]) < test_tol(1e-3), "transposed: x[%d][%d] %g, expected %g", b, i,
            (double)x[b*I + i], sum);
    }
  mx_chip_free(c);
}

static void check_devices(const struct mx_chip *c, const float *w) {
  const size_t n = 2*(size_t)number(c, "units_per_sign")*I*O;
  double *target = malloc(n * sizeof *target), sum = 0;
  WORKS(mx_chip_devices(c, 0, "target_uS", target, n));
  double largest = 0;
  for (int k = 0; k < I*O; k++) largest = fmax(largest, fabs((double)w[k]));
  const double units = number(c, "units_per_sign"), g_max = number(c, "g_max_uS");
  for (int k = 0; k < I*O; k++) {
    double g = 0;
    for (size_t u = 0; u < 2*(size_t)units; u++) g += (u < (size_t)units ? 1 : -1) * target[u*I*O + (size_t)k];
    sum = fmax(sum, fabs(g / (units*g_max) * largest - (double)w[k]));
  }
  CHECK(sum < test_tol(1e-5), "targets are %g off the weights", sum);
  REFUSES(mx_chip_devices(c, 0, "target_uS", target, n - 1), MX_ERROR_ARGUMENT, "room for");
  REFUSES(mx_chip_devices(c, 0, "colour", target, n), MX_ERROR_ARGUMENT, "colour");
  free(target);
}

// How far products y (B, O) are from x (B, I) v (I, O), relative.
static double product_error(const float *y, const float *x, const float *v) {
  double error = 0, norm = 0;
  for (int b = 0; b < B; b++)
    for (int o = 0; o < O; o++) {
      double sum = 0;
      for (int i = 0; i < I; i++) sum += (double)x[b*I + i] * (double)v[i*O + o];
      error += (sum - (double)y[b*O + o]) * (sum - (double)y[b*O + o]);
      norm += sum*sum;
    }
  return sqrt(error/norm);
}

// Writing, updating, ageing, calibrating, and the account of it.
static void check_life(void) {
  static float w[I*O], dw[I*O], v[I*O], x[64*I], y[B*O];
  struct mx_chip *c = make_chip(LIST("chip.preset=joshi2020"));
  fill(w, I*O, 1);
  fill(x, 64*I, 2);
  WORKS(mx_chip_program(c, 0, w));
  check_devices(c, w);
  CHECK(number(c, "devices") == 4*(I*O + 18), "%g devices", number(c, "devices"));
  const double written = number(c, "devices_written");
  dw[7] = 0.125f;
  WORKS(mx_chip_update(c, 0, dw));
  CHECK(number(c, "devices_written") - written > 0 && number(c, "devices_written") - written <= 4,
        "%g devices for one weight", number(c, "devices_written") - written);
  WORKS(mx_chip_weights(c, 0, v));
  CHECK(fabs((double)(v[7] - w[7]) - 0.125) < 1e-6 || fabs((double)v[7]) == 1, "weight %g from %g", (double)v[7],
        (double)w[7]);
  WORKS(mx_chip_calibrate(c, 0, x, 64));
  WORKS(mx_chip_advance(c, 86400));
  CHECK(number(c, "clock_s") == 86400, "clock %g", number(c, "clock_s"));
  double kept = 0, all = 0;
  WORKS(mx_chip_conducted(c, 0, dw));
  for (int k = 0; k < I*O; k++) {
    kept += (double)dw[k] * (double)v[k];
    all += (double)v[k] * (double)v[k];
  }
  CHECK(kept/all > 0.3 && kept/all < 0.9, "%g of the weights after a day", kept/all);
  WORKS(mx_chip_product(c, 0, y, x, B));
  const double error = product_error(y, x, v);
  CHECK(error < 0.35, "relative error %g a day after, calibrated", error);
  CHECK(number(c, "products") >= B && number(c, "read_energy_J") > 0 && number(c, "most_writes") >= 1, "ledger");
  mx_chip_free(c);
}

// A chip that loads a state continues bit for bit.
static void check_state(const struct folder *f) {
  static float w[I*O], x[B*I], y[B*O], z[B*O];
  struct mx_chip *a = make_chip(NULL), *b = make_chip(NULL), *other = make_chip(LIST("chip.preset=joshi2020"));
  struct mx_chip *c = make_chip(NULL);
  double yz = 0, yy = 0;
  char state[512], csv[512];
  snprintf(state, sizeof state, "%s/state.safetensors", f->path);
  snprintf(csv, sizeof csv, "%s/state.csv", f->path);
  fill(w, I*O, 5);
  fill(x, B*I, 6);
  WORKS(mx_chip_program(a, 0, w));
  WORKS(mx_chip_calibrate(a, 0, NULL, 0));
  WORKS(mx_chip_save(a, state));
  WORKS(mx_chip_save(a, csv));
  WORKS(mx_chip_load(b, state));
  WORKS(mx_chip_product(a, 0, y, x, B));
  WORKS(mx_chip_product(b, 0, z, x, B));
  CHECK(!memcmp(y, z, sizeof y), "the loaded chip computes something else");
  WORKS(mx_chip_advance(a, 1e7));
  WORKS(mx_chip_save(a, csv));
  WORKS(mx_chip_program(c, 0, w));
  WORKS(mx_chip_load(c, csv));  // and corrects what has drifted
  WORKS(mx_chip_product(c, 0, z, x, B));
  for (int k = 0; k < B*O; k++) yz += (double)y[k] * (double)z[k], yy += (double)y[k] * (double)y[k];
  CHECK(fabs(yz/yy - 1) < 0.15, "products of an old chip, loaded as a table, are %g of the new one's", yz/yy);
  REFUSES(mx_chip_load(other, state), MX_ERROR_FORMAT, "another chip");
  REFUSES(mx_chip_load(a, "/nowhere.safetensors"), MX_ERROR_IO, "/nowhere");
  REFUSES(mx_chip_save(a, "/nowhere/x.csv"), MX_ERROR_IO, "/nowhere");
  REFUSES(mx_chip_save(a, "/tmp/x.txt"), MX_ERROR_ARGUMENT, "/tmp/x.txt: the state of a chip must end in .safetensors");
  REFUSES(mx_chip_load(a, "/tmp/x.txt"), MX_ERROR_ARGUMENT, "/tmp/x.txt: the state of a chip must end in .safetensors");
  mx_chip_free(a);
  mx_chip_free(b);
  mx_chip_free(c);
  mx_chip_free(other);
}

// Behind a driver: matrices are written, read and multiplied; what the driver keeps for itself is neither told nor
// restored, and a refusal leaves the chip as it was.
static void check_driver(const struct folder *f) {
  static float w[I*O], v[I*O], x[B*I], y[B*O];
  double g = 0;
  char state[512], csv[512];
  struct mx_chip *c = NULL;
  snprintf(state, sizeof state, "%s/driven.safetensors", f->path);
  snprintf(csv, sizeof csv, "%s/driven.csv", f->path);
  if (system("python3 -c 0 2>/dev/null")) {
    printf("SKIP a chip of chip.driver: python3 is absent\n");
    return;
  }
  c = make_chip(LIST("chip.driver=exec:python3 examples/driver/lab.py"));
  fill(w, I*O, 7);
  fill(x, B*I, 8);
  WORKS(mx_chip_program(c, 0, w));
  WORKS(mx_chip_calibrate(c, 0, NULL, 0));
  WORKS(mx_chip_save(c, state));
  REFUSES(mx_chip_load(c, state), MX_ERROR_ARGUMENT, "cells of chip.driver=exec:python3 examples/driver/lab.py cannot");
  REFUSES(mx_chip_load(c, csv), MX_ERROR_ARGUMENT, "cannot be restored from a file");
  REFUSES(mx_chip_save(c, csv), MX_ERROR_ARGUMENT, "chip.driver does not tell its own");
  REFUSES(mx_chip_devices(c, 0, "nu", &g, 1), MX_ERROR_ARGUMENT, "");
  WORKS(mx_chip_weights(c, 0, v));
  WORKS(mx_chip_product(c, 0, y, x, B));
  const double error = product_error(y, x, v);
  CHECK(error < 0.1, "relative error %g of products of the driver", error);
  mx_chip_free(c);
}

static void check_refusals(void) {
  struct mx_chip *c = NULL;
  float w[18] = { 0 }, y[2], bad[18] = { [4] = NAN };
  double v;
  REFUSES(mx_chip_new(&c, LIST("chip.colour=red"), 1), MX_ERROR_ARGUMENT, "colour");
  REFUSES(mx_chip_new(&c, LIST("chip.phases=3"), 1), MX_ERROR_ARGUMENT, "chip.phases=3");
  REFUSES(mx_chip_new(&c, LIST("chip.time_s=3"), 1), MX_ERROR_ARGUMENT, "chip.time_s=3");
  REFUSES(mx_chip_new(NULL, NULL, 1), MX_ERROR_ARGUMENT, "NULL");
  CHECK(!c, "a chip came of it");
  WORKS(mx_chip_new(&c, LIST("chip.cores=1", "chip.rows=16", "chip.columns=16"), 1));
  REFUSES(mx_chip_build(c), MX_ERROR_ARGUMENT, "no matrix");
  REFUSES(mx_chip_program(c, 0, w), MX_ERROR_ARGUMENT, "not built");
  REFUSES(mx_chip_add(c, "a,b", 2, 2), MX_ERROR_ARGUMENT, "a,b");
  REFUSES(mx_chip_add(c, "a", 0, 2), MX_ERROR_ARGUMENT, "0 x 2");
  REFUSES(mx_chip_add(c, "a", 65536, 65536), MX_ERROR_ARGUMENT, "more weights");
  WORKS(mx_chip_add(c, "a", 9, 2));
  REFUSES(mx_chip_add(c, "a", 2, 2), MX_ERROR_ARGUMENT, "'a'");
  WORKS(mx_chip_build(c));
  REFUSES(mx_chip_add(c, "b", 2, 2), MX_ERROR_ARGUMENT, "built");
  REFUSES(mx_chip_product(c, 0, y, w, 1), MX_ERROR_ARGUMENT, "not been programmed");
  REFUSES(mx_chip_program(c, 1, w), MX_ERROR_ARGUMENT, "matrix 1 of 1");
  REFUSES(mx_chip_program(c, 0, bad), MX_ERROR_DIVERGED, "value 4");
  REFUSES(mx_chip_program(c, 0, NULL), MX_ERROR_ARGUMENT, "NULL");
  WORKS(mx_chip_program(c, 0, w));
  REFUSES(mx_chip_product(c, 0, y, w, 0), MX_ERROR_ARGUMENT, "0 vectors");
  REFUSES(mx_chip_product_transposed(c, 0, w, y, 0), MX_ERROR_ARGUMENT, "0 vectors");
  REFUSES(mx_chip_product_transposed(c, 0, y, bad, 3), MX_ERROR_DIVERGED, "value 4");
  REFUSES(mx_chip_product(c, 0, y, bad, 1), MX_ERROR_DIVERGED, "value 4");
  REFUSES(mx_chip_calibrate(c, 0, w, 1), MX_ERROR_ARGUMENT, "1 input vectors");
  REFUSES(mx_chip_advance(c, -1), MX_ERROR_ARGUMENT, "backwards");
  REFUSES(mx_chip_advance(c, 1e300), MX_ERROR_ARGUMENT, "chip.time_s=1e+300: a clock runs to 1e+18 s");
  bad[4] = 3e38f;
  REFUSES(mx_chip_program(c, 0, bad), MX_ERROR_ARGUMENT, "value 4 is 3e+38: at most 1e+30");
  REFUSES(mx_chip_update(c, 0, bad), MX_ERROR_ARGUMENT, "value 4 is 3e+38: at most 1e+30");
  REFUSES(mx_chip_number(c, "weight", &v), MX_ERROR_ARGUMENT, "weight");
  mx_chip_free(c);
  WORKS(mx_chip_new(&c, LIST("chip.cores=1", "chip.rows=16", "chip.columns=16"), 1));
  WORKS(mx_chip_add(c, "a", 9, 9));
  WORKS(mx_chip_add(c, "b", 9, 9));
  REFUSES(mx_chip_build(c), MX_ERROR_ARGUMENT, "chip.cores=1");
  REFUSES(mx_chip_build(c), MX_ERROR_ARGUMENT, "");
  REFUSES(mx_chip_number(c, "devices", &v), MX_ERROR_ARGUMENT, "not built");
  mx_chip_free(c);
  mx_chip_free(NULL);
}

// ---- few-shot learning

enum { S = 28, WAYS = 5, SHOTS = 5, N = WAYS*SHOTS, INK = 60 };

static void draw(const struct mx_fewshot *m, float *images, int first) {
  unsigned char ink[INK*INK];
  for (int k = 0; k < N; k++) {
    WORKS(mx_character(ink, INK, 9, k / SHOTS, first + k % SHOTS));
    WORKS(mx_fewshot_image(m, images + k*S*S, ink, INK, INK));
  }
}

// The same task through the library: probabilities of the queries, (N, WAYS).
static void expected(double *p, const char *model, const float *images, const int *labels, const char *adapt,
                     enum convnet_rule rule, int updates) {
  char setting[32], *settings[] = { setting };
  struct fewshot f;
  struct fewshot_model trained, m;
  struct maml_worker w;
  fewshot_init(&f);
  snprintf(setting, sizeof setting, "train.adapt=%s", adapt);
  const struct run_sources from = { .n_assignments = 1, .assignments = settings };
  CHECK(fewshot_model_load(&trained, &f, model, &from) == 0, "%s", err_message());
  CHECK(fewshot_model_ways(&m, &trained, &f, WAYS, updates) == 0, "%s", err_message());
  const struct maml_options o = { .steps = updates, .rule = rule };
  maml_worker_init(&w, &m.net, SHOTS, SHOTS, &o);
  maml_program(&w, &m.net, m.parameters, &o, NULL);
  for (int i = 0; i < 2*N*S*S; i++) w.work.y[0][i*VECTOR_PADDING] = (real)images[i];
  for (int i = 0; i < 2*N; i++) w.label[i] = labels[i % N];
  w.work.n[0] = w.work.n[1] = N;
  maml_adapt(&w, &m.net, m.parameters, &o, NULL, NULL);
  const int ld = vector_padded(WAYS);
  for (int i = 0; i < N; i++)
    for (int k = 0; k < WAYS; k++) p[i*WAYS + k] = (double)w.record.pq[(updates*N + i)*ld + k];
  maml_worker_release(&w, &m.net);
  fewshot_model_release(&m);
  fewshot_model_release(&trained);
}

static int correct(const int *found, const int *labels) {
  int n = 0;
  for (int i = 0; i < N; i++) n += found[i] == labels[i];
  return n;
}

static void check_fewshot(void) {
  static float images[2*N*S*S], p[N*WAYS], again[N*WAYS];
  static double e[N*WAYS];
  int labels[N], found[N];
  struct mx_fewshot *m = NULL;
  for (int i = 0; i < N; i++) labels[i] = i / SHOTS;
  WORKS(mx_fewshot_load(&m, MODEL, LIST("eval.batchnorm=task")));
  CHECK(mx_fewshot_ways(m) == WAYS && mx_fewshot_shots(m) == SHOTS && mx_fewshot_image_size(m) == S, "sizes");
  draw(m, images, 0);
  draw(m, images + N*S*S, SHOTS);
  REFUSES(mx_fewshot_adapt(m, images, labels, N), MX_ERROR_ARGUMENT, "deploy");
  WORKS(mx_fewshot_deploy(m, 1));
  REFUSES(mx_fewshot_classify(m, found, p, images, N), MX_ERROR_ARGUMENT, "adapt");
  WORKS(mx_fewshot_adapt(m, images, labels, N));
  WORKS(mx_fewshot_classify(m, found, p, images + N*S*S, N));
  expected(e, MODEL, images, labels, "readout", CONVNET_TASK, 4);
  for (int i = 0; i < N*WAYS; i++)
    CHECK(fabs((double)p[i] - e[i]) < test_tol(1e-5), "probability %d: %g, library %g", i, (double)p[i], e[i]);
  WORKS(mx_fewshot_adapt(m, images, labels, N));
  WORKS(mx_fewshot_classify(m, found, again, images + N*S*S, N));
  CHECK(!memcmp(p, again, sizeof p), "a second adaptation does not begin where the first did");
  labels[3] = WAYS;
  REFUSES(mx_fewshot_adapt(m, images, labels, N), MX_ERROR_ARGUMENT, "label 5 of image 3");
  images[5] = INFINITY;
  REFUSES(mx_fewshot_classify(m, found, p, images, N), MX_ERROR_DIVERGED, "value 5");
  REFUSES(mx_fewshot_classify(m, found, p, images, 0), MX_ERROR_ARGUMENT, "0 images");
  double v;
  REFUSES(mx_fewshot_number(m, "devices", &v), MX_ERROR_ARGUMENT, "not deployed on a chip");
  mx_fewshot_free(m);
  REFUSES(mx_fewshot_load(&m, "/nowhere", NULL), MX_ERROR_IO, "/nowhere");
  REFUSES(mx_fewshot_load(&m, MODEL, LIST("eval.views=4")), MX_ERROR_ARGUMENT,
          "eval.views=4: the library computes one view of an image");
  REFUSES(mx_fewshot_load(&m, MODEL, LIST("learn.views=4")), MX_ERROR_ARGUMENT,
          "learn.views=4: the library computes one view of an image");
  static const struct {
    const char *settings[3], *message;
  } without[] = {
    { { "eval.tasks=3" }, "eval.tasks: has no effect here" },
    { { "synapse.kind=quantised", "synapse.rounding=stochastic" }, "synapse.rounding: has no effect here" },
    { { "learn.room=3" }, "learn.room=3: has an effect with synapse.kind=chip only" },
    { { "chip.time_s=3" }, "chip.time_s=3: has an effect with synapse.kind=chip only" },
    { { "eval.shots=3" }, "eval.shots=3: has an effect with synapse.kind=chip only" },
    { { "synapse.bits=3" }, "synapse.bits=3: has an effect with synapse.kind=quantised only" },
    { { "synapse.kind=chip", "synapse.bits=3" }, "synapse.bits=3: has an effect with synapse.kind=quantised only" },
    { { "learn.threshold=3", "learn.reject=0.1" }, "learn.reject=0.1: has an effect with learn.threshold=0 only" },
  };
  for (size_t k = 0; k < sizeof without/sizeof *without; k++)
    REFUSES(mx_fewshot_load(&m, MODEL, without[k].settings), MX_ERROR_ARGUMENT, without[k].message);
  REFUSES(mx_character(NULL, 8, 1, 0, 0), MX_ERROR_ARGUMENT, "NULL");
}

// Seven classes taught to a model of five, the last two later and by other numbers of images; the file of them goes on.
static void check_taught(const char *kind) {
  enum { CLASSES = 7, MORE = 2, QUERIES = 3 };
  static float images[N*S*S], more[8*S*S], queries[CLASSES*QUERIES*S*S], p[CLASSES*QUERIES*CLASSES],
      again[CLASSES*QUERIES*CLASSES];
  static const int later[] = { 1, 0, 0, 0, 1 };
  unsigned char ink[INK*INK];
  double distance[CLASSES*QUERIES], threshold = 0, n = 0;
  int labels[N], found[CLASSES*QUERIES], right = 0;
  struct mx_fewshot *m = NULL, *back = NULL;
  char path[64];
  snprintf(path, sizeof path, "/tmp/metaxbar_test_taught_%d", (int)getpid());
  WORKS(mx_fewshot_load(&m, MODEL, LIST(kind, "learn.reject=0.1")));
  for (int i = 0; i < N; i++) labels[i] = i / SHOTS;
  draw(m, images, 0);
  for (int i = 0; i < 5; i++) {
    WORKS(mx_character(ink, INK, 9, WAYS + later[i], i));
    WORKS(mx_fewshot_image(m, more + i*S*S, ink, INK, INK));
  }
  for (int i = 0; i < CLASSES*QUERIES; i++) {
    WORKS(mx_character(ink, INK, 9, i / QUERIES, 12 + i % QUERIES));
    WORKS(mx_fewshot_image(m, queries + i*S*S, ink, INK, INK));
  }
  REFUSES(mx_fewshot_distances(m, distance, NULL, images, N), MX_ERROR_ARGUMENT, "mx_fewshot_teach comes first");
  REFUSES(mx_fewshot_save_classes(m, path), MX_ERROR_ARGUMENT, "mx_fewshot_teach comes first");
  REFUSES(mx_fewshot_teach(m, 1, images, labels, 3), MX_ERROR_ARGUMENT, "two at least");
  REFUSES(mx_fewshot_teach(m, 6, images, labels, N), MX_ERROR_ARGUMENT, "class 5 has no image");
  REFUSES(mx_fewshot_teach(m, 4, images, labels, N), MX_ERROR_ARGUMENT, "label 4 of image 20");
  REFUSES(mx_fewshot_teach(m, 2000, images, labels, N), MX_ERROR_ARGUMENT, "2000 classes");
  WORKS(mx_fewshot_teach(m, WAYS, images, labels, N));
  WORKS(mx_fewshot_teach(m, MORE, more, later, 5));
  CHECK(mx_fewshot_ways(m) == CLASSES, "%d classes", mx_fewshot_ways(m));
  REFUSES(mx_fewshot_save_classes(m, "/tmp/x.csv"), MX_ERROR_ARGUMENT, "/tmp/x.csv: the ending of the name must be");
  WORKS(mx_fewshot_save_classes(m, path));
  WORKS(mx_fewshot_load(&back, MODEL, NULL));
  WORKS(mx_fewshot_load_classes(back, path));
  WORKS(mx_fewshot_classify(m, found, p, queries, CLASSES*QUERIES));
  WORKS(mx_fewshot_classify(back, found, again, queries, CLASSES*QUERIES));
  CHECK(!memcmp(p, again, sizeof p), "%s: the file answers otherwise", kind);
  for (int i = 0; i < CLASSES*QUERIES; i++) right += found[i] == i / QUERIES;
  CHECK(right >= CLASSES*QUERIES - 3, "%s: %d of %d", kind, right, CLASSES*QUERIES);
  REFUSES(mx_fewshot_distances(back, distance, NULL, queries, 0), MX_ERROR_ARGUMENT, "mx_fewshot_distances: ");
  WORKS(mx_fewshot_distances(back, distance, &threshold, queries, CLASSES*QUERIES));
  for (int i = 0; i < CLASSES*QUERIES; i++) n += distance[i] > threshold;
  CHECK(threshold > 0 && n < CLASSES*QUERIES/2, "%g of %d beyond %g", n, CLASSES*QUERIES, threshold);
  REFUSES(mx_fewshot_load_classes(back, MODEL), MX_ERROR_FORMAT, "not a file of taught classes");
  CHECK(mx_fewshot_ways(back) == CLASSES, "forgotten");
  WORKS(mx_fewshot_deploy(back, 1));
  WORKS(mx_fewshot_adapt(back, images, labels, N));
  CHECK(mx_fewshot_ways(back) == WAYS, "%d classes", mx_fewshot_ways(back));
  mx_fewshot_free(m);
  mx_fewshot_free(back);
  unlink(path);
}

// More updates than the model was trained with: the others at its last rate, as on the command line.
static void check_more_updates(void) {
  static float images[2*N*S*S], p[N*WAYS];
  static double e[N*WAYS], fewer[N*WAYS];
  int labels[N], found[N], other = 0;
  struct mx_fewshot *m = NULL;
  for (int i = 0; i < N; i++) labels[i] = i / SHOTS;
  WORKS(mx_fewshot_load(&m, MODEL, LIST("eval.batchnorm=task", "eval.updates=9")));
  if (!m) return;
  draw(m, images, 0);
  draw(m, images + N*S*S, SHOTS);
  WORKS(mx_fewshot_deploy(m, 1));
  WORKS(mx_fewshot_adapt(m, images, labels, N));
  WORKS(mx_fewshot_classify(m, found, p, images + N*S*S, N));
  expected(e, MODEL, images, labels, "readout", CONVNET_TASK, 9);
  expected(fewer, MODEL, images, labels, "readout", CONVNET_TASK, 4);
  for (int i = 0; i < N*WAYS; i++) {
    CHECK(fabs((double)p[i] - e[i]) < test_tol(1e-5), "probability %d: %g, library %g", i, (double)p[i], e[i]);
    other += fabs(e[i] - fewer[i]) > 1e-3;
  }
  CHECK(other > 0, "as after 4 updates");
  mx_fewshot_free(m);
  REFUSES(mx_fewshot_load(&m, "models/cifar-features.safetensors", LIST("eval.updates=1")), MX_ERROR_ARGUMENT,
          "eval.updates=1: models/cifar-features.safetensors has no inner updates");
}

// Each query alone or all together: the same, with the statistics of the support; and on every kind of array.
static void check_arrays(void) {
  static float images[2*N*S*S], p[N*WAYS], alone[WAYS];
  static const char *const kinds[] = { "synapse.kind=exact", "synapse.kind=quantised", "synapse.kind=chip" };
  int labels[N], found[N], one;
  for (int i = 0; i < N; i++) labels[i] = i / SHOTS;
  for (int k = 0; k < 3; k++) {
    struct mx_fewshot *m = NULL;
    WORKS(mx_fewshot_load(&m, MODEL, LIST(kinds[k], "data.classes=20", k == 1 ? "synapse.bits=6" : NULL)));
    draw(m, images, 0);
    draw(m, images + N*S*S, SHOTS);
    WORKS(mx_fewshot_deploy(m, 1));
    WORKS(mx_fewshot_adapt(m, images, labels, N));
    WORKS(mx_fewshot_classify(m, found, p, images + N*S*S, N));
    CHECK(correct(found, labels) > 20, "%s: %d of %d", kinds[k], correct(found, labels), N);
    WORKS(mx_fewshot_classify(m, &one, alone, images + (N + 7)*S*S, 1));
    for (int c = 0; c < WAYS && k < 2; c++)
      CHECK(fabs((double)(alone[c] - p[7*WAYS + c])) < test_tol(1e-5), "%s: alone %g, among others %g", kinds[k],
            (double)alone[c], (double)p[7*WAYS + c]);
    double n = 0;
    if (k == 2) WORKS(mx_fewshot_number(m, "devices", &n));
    CHECK(k < 2 || n == 341824, "%g devices", n);
    WORKS(mx_fewshot_deploy(m, 2));
    mx_fewshot_free(m);
  }
  struct mx_fewshot *m = NULL;
  WORKS(mx_fewshot_load(&m, "models/cifar-5w5s-chip.safetensors", LIST("synapse.kind=chip", "chip.cores=64")));
  REFUSES(mx_fewshot_deploy(m, 3), MX_ERROR_ARGUMENT, "was trained on other colour images than invented ones");
  mx_fewshot_free(m);
  WORKS(mx_fewshot_load(&m, MODEL, LIST("synapse.kind=chip", "data.classes=20", "synapse.state=/nowhere.safetensors")));
  CHECK(mx_fewshot_deploy(m, 1) < 0 && strstr(mx_last_error(), "/nowhere.safetensors"), "a state that is not there: %s",
        mx_last_error());
  mx_fewshot_free(m);
}

// A model with random weights, and its file.
static void untrained(struct fewshot_model *model, const char *path, const char *const *settings) {
  struct fewshot f;
  fewshot_init(&f);
  for (; *settings; settings++) CHECK(settings_set(f.sections, *settings) == 0, "%s", err_message());
  CHECK(fewshot_model_new(model, &f) == 0 && fewshot_model_save(model, &f, path, false) == 0, "%s", err_message());
}

static const char *starts_from_means(const struct folder *tmp) {
  const char *path = folder_path(tmp, "means.safetensors");
  struct fewshot_model model;
  untrained(&model, path, LIST("net.start=prototype", "net.bias=digital", "net.mean_offset=yes", "net.channels=6"));
  fewshot_model_release(&model);
  return path;
}

// All layers adapt: each task begins with the weights as deployed, and the queries are normalised as the library does.
static void check_layers(const char *model) {
  static float images[2*N*S*S], p[N*WAYS];
  static double e[N*WAYS];
  static const char *const rules[] = { "eval.batchnorm=task", "eval.batchnorm=support" };
  int labels[N], found[N];
  for (int i = 0; i < N; i++) labels[i] = i / SHOTS;
  for (int rule = CONVNET_TASK; rule <= CONVNET_SUPPORT; rule++) {
    struct mx_fewshot *m = NULL;
    WORKS(mx_fewshot_load(&m, model, LIST(rules[rule], "train.adapt=all")));
    draw(m, images, 0);
    draw(m, images + N*S*S, SHOTS);
    WORKS(mx_fewshot_deploy(m, 1));
    expected(e, model, images, labels, "all", (enum convnet_rule)rule, 4);
    for (int again = 0; again < 2; again++) {
      WORKS(mx_fewshot_adapt(m, images, labels, N));
      WORKS(mx_fewshot_classify(m, found, p, images + N*S*S, N));
      for (int i = 0; i < N*WAYS; i++)
        CHECK(fabs((double)p[i] - e[i]) < test_tol(1e-4), "%s, %s, probability %d: %g, library %g", model,
              rules[rule], i, (double)p[i], e[i]);
    }
    mx_fewshot_free(m);
  }
}

// A model of colours: images of three channels, and nothing else, as the library sees them.
static void check_colours(const struct folder *tmp) {
  enum { SIDE = 8, PIXELS = SIDE*SIDE*3, CLASSES = 3, IMAGES = 6 };
  const char *path = folder_path(tmp, "colours.safetensors");
  static unsigned char rgb[2*SIDE*SIDE*3*2];
  float images[IMAGES*PIXELS], p[IMAGES*CLASSES];
  int labels[IMAGES] = { 0, 0, 1, 1, 2, 2 }, found[IMAGES];
  struct fewshot_model model;
  struct maml_worker w;
  struct mx_fewshot *m = NULL;
  untrained(&model, path, LIST("data.channels=3", "data.size=8", "net.blocks=2", "net.channels=4", "net.hidden=5",
                               "net.bias=digital", "net.ways=3", "net.steps=2"));
  WORKS(mx_fewshot_load(&m, path, NULL));
  CHECK(mx_fewshot_channels(m) == 3 && mx_fewshot_channels(NULL) < 0, "channels");
  for (int k = 0; k < 2*SIDE*SIDE*3*2; k++) rgb[k] = (unsigned char)(k/(2*SIDE*3)%2 == 0 ? 0 : 255);
  REFUSES(mx_fewshot_image(m, images, rgb, SIDE, SIDE), MX_ERROR_ARGUMENT, "1 channel; the model takes 3");
  WORKS(mx_fewshot_colours(m, images, rgb, 2*SIDE, 2*SIDE));
  for (int k = 0; k < PIXELS; k++) CHECK(fabs((double)images[k]) < 0.01, "black above white is %g", (double)images[k]);
  fill(images, IMAGES*PIXELS, 5);
  WORKS(mx_fewshot_deploy(m, 1));
  WORKS(mx_fewshot_adapt(m, images, labels, IMAGES));
  WORKS(mx_fewshot_classify(m, found, p, images, IMAGES));
  const struct maml_options o = { .steps = 2, .rule = CONVNET_SUPPORT };
  maml_worker_init(&w, &model.net, 2, 2, &o);
  maml_program(&w, &model.net, model.parameters, &o, NULL);
  for (int i = 0; i < 2*IMAGES*PIXELS; i++)
    w.work.y[0][i/3*VECTOR_PADDING + i%3] = (real)images[i % (IMAGES*PIXELS)];
  maml_adapt(&w, &model.net, model.parameters, &o, NULL, NULL);
  for (int i = 0; i < IMAGES*CLASSES; i++) {
    const double expected = (double)w.record.pq[(2*IMAGES + i/CLASSES)*VECTOR_PADDING + i%CLASSES];
    CHECK(fabs((double)p[i] - expected) < test_tol(1e-5), "probability %d: %g, library %g", i, (double)p[i], expected);
  }
  maml_worker_release(&w, &model.net);
  fewshot_model_release(&model);
  mx_fewshot_free(m);
  WORKS(mx_fewshot_load(&m, MODEL, NULL));
  CHECK(mx_fewshot_channels(m) == 1, "channels of ink");
  REFUSES(mx_fewshot_colours(m, images, rgb, SIDE, SIDE), MX_ERROR_ARGUMENT, "3 channels; the model takes 1");
  mx_fewshot_free(m);
}

// A library prints nothing: what a function finds is in its result and in mx_last_error.
static void check_silence(void) {
  const struct folder f = folder_make();
  const char *const path = folder_path(&f, "published.safetensors");
  struct tensorfile_writer *w = tensorfile_create(path);
  FILE *said = tmpfile();
  struct mx_arm *a;
  CHECK(tensorfile_commit(w) == 0, "%s", err_message());
  const int kept = dup(2);
  dup2(fileno(said), 2);
  const int rc = mx_arm_load(&a, path, NULL);  // a file without settings, which the command line remarks on
  fflush(stderr);
  dup2(kept, 2);
  close(kept);
  CHECK(rc == MX_ERROR_FORMAT && fseek(said, 0, SEEK_END) == 0 && ftell(said) == 0, "%d, %ld bytes on standard error",
        rc, ftell(said));
  fclose(said);
  folder_remove(&f);
}

int main(void) {
  struct folder f = folder_make();
  CHECK(!strcmp(mx_version(), METAXBAR_VERSION), "version %s", mx_version());
  if (!TEST_RACES_ONLY) {  // what else is here makes no threads
    check_product();
    check_life();
    check_state(&f);
    check_driver(&f);
    check_refusals();
    check_fewshot();
    check_more_updates();
    check_layers(MODEL);
    check_layers(starts_from_means(&f));
    check_colours(&f);
    check_arrays();
    check_taught("synapse.kind=exact");
    check_taught("synapse.kind=chip");
  }
  folder_remove(&f);
  check_silence();
  return test_summary();
}
