// Classes that keep coming: one after the other as all at once, stages, base classes and test images, a chip and later
// times, what is refused.
#include "base/err.h"
#include "experiment/fewshot/background.h"
#include "experiment/fewshot/result.h"
#include "experiment/fewshot/views.h"
#include "test.h"

static void set(struct fewshot *f, const char *assignment) {
  CHECK(settings_set(f->sections, assignment) == 0, "%s", err_message());
}

static struct fewshot_model model_for(struct fewshot *f) {
  static const char *const all[] = {
    "data.kind=builtin", "data.classes=30", "data.evaluation_classes=30", "data.drawings=8", "net.channels=5",
    "net.start=prototype", "net.bias=digital", "net.mean_offset=yes", "eval.tasks=3", "eval.shots=2", "eval.queries=3",
    "eval.batchnorm=chip", "eval.statistics_images=40", "eval.method=incremental", "eval.stage=8"
  };
  struct fewshot_model m;
  fewshot_init(f);
  for (size_t k = 0; k < sizeof all/sizeof *all; k++) set(f, all[k]);
  CHECK(fewshot_model_new(&m, f) == 0, "%s", err_message());
  return m;
}

static struct fewshot_result evaluate(const struct fewshot *f, const struct fewshot_model *m) {
  struct fewshot_result r;
  CHECK(fewshot_load_and_eval(&r, f, m) == 0, "%s", err_message());
  return r;
}

// In software the answers after the last class are those of the nearest mean of all classes together, whatever the
// number of threads.
static void test_software(void) {
  struct fewshot f;
  struct fewshot_model m = model_for(&f);
  struct fewshot_result one = evaluate(&f, &m);
  static const int stages[] = { 8, 16, 24, 30 };
  CHECK(one.ways == 30 && one.n_stages == 4, "%d classes, %d stages", one.ways, one.n_stages);
  for (int s = 0; s < 4; s++) CHECK(one.stage_classes[s] == stages[s], "stage %d: %d", s, one.stage_classes[s]);
  CHECK(one.accuracy[0] == one.stage_accuracy[3] && one.stage_accuracy[0] > one.stage_accuracy[3], "%g to %g",
        one.stage_accuracy[0], one.stage_accuracy[3]);
  set(&f, "run.threads=3");
  set(&f, "eval.first_stage=20");
  struct fewshot_result first = evaluate(&f, &m);
  CHECK(first.n_stages == 3 && first.stage_classes[0] == 20 && first.stage_classes[1] == 28, "%d stages, %d, %d",
        first.n_stages, first.stage_classes[0], first.stage_classes[1]);
  set(&f, "eval.method=centroid");
  set(&f, "eval.ways=30");
  struct fewshot_result all = evaluate(&f, &m);
  for (int k = 0; k < 3; k++)
    CHECK(fabs(one.task_accuracy[k] - all.task_accuracy[k]) < 1e-9 && one.task_accuracy[k] == first.task_accuracy[k],
          "sequence %d: %g one after the other, %g at once", k, one.task_accuracy[k], all.task_accuracy[k]);
  fewshot_result_release(&one);
  fewshot_result_release(&first);
  fewshot_result_release(&all);
  fewshot_model_release(&m);
}

static void test_chip(void) {
  struct fewshot f;
  struct fewshot_model m = model_for(&f);
  struct fewshot_result exact = evaluate(&f, &m);
  set(&f, "synapse.kind=chip");
  set(&f, "eval.chips=2");
  set(&f, "eval.later_s=3600");
  struct fewshot_result r = evaluate(&f, &m);
  CHECK(fabs(r.accuracy[0] - exact.accuracy[0]) < 0.12, "%g on a chip, %g in software", r.accuracy[0],
        exact.accuracy[0]);
  CHECK(r.n_later == 1 && fabs(r.later_accuracy[0] - r.accuracy[0]) < 0.12, "%g later", r.later_accuracy[0]);
  // a class has five weights of the array, its bias is digital
  CHECK(r.start.weights_written > 4*30 && r.start.weights_written <= 5*30, "%g weights", r.start.weights_written);
  CHECK(r.devices_written_start > 0 && r.devices_written_start <= (double)r.devices.readout, "%g devices",
        r.devices_written_start);
  fewshot_result_release(&exact);
  fewshot_result_release(&r);
  fewshot_model_release(&m);
}

// ---- base classes

enum { TRAINING = 5, TESTS = 3, NEW = 10 };  // images of a class; new classes

// Each class has all its images in a sequence, so that it is known what must be answered.
static struct fewshot_model base_model(struct fewshot *f) {
  static const char *const all[] = { "data.test_images=3", "eval.base_shots=5", "eval.shots=5", "eval.ways=10",
                                     "eval.stage=4", "eval.tasks=2", "net.channels=24" };
  struct fewshot_model m = model_for(f);
  fewshot_model_release(&m);
  for (size_t k = 0; k < sizeof all/sizeof *all; k++) set(f, all[k]);
  CHECK(fewshot_model_new(&m, f) == 0, "%s", err_message());
  return m;
}

// Features of all images of a class, (images, features) in double precision.
static void features(double *h, const struct convnet *net, struct convnet_work *w, struct synapse *const *layers,
                     const struct convnet_fixed *fixed, const struct imageset *set, int class,
                     const struct views *views) {
  const int F = convnet_features(net);
  w->n[0] = TRAINING + TESTS;
  for (int k = 0; k < views->n; k++) {
    for (int i = 0; i < w->n[0]; i++) {
      const struct view v = render_plain(set->first[class] + i);
      views_render(views, set, &v, k, w->y[0] + (size_t)i * convnet_pixels(net, 0) * VECTOR_PADDING);
    }
    convnet_forward(net, w, layers, 0, CONVNET_FIXED, fixed, NULL);
    for (int i = 0; i < w->n[0]*F; i++) h[i] = (k > 0 ? h[i] : 0) + (double)w->h[i]/views->n;
  }
}

// The class, of those given, whose first images have the mean nearest to a feature.
static int nearest(const double *x, const double *mean, int n, int F) {
  int best = 0;
  double least = HUGE_VAL;
  for (int k = 0; k < n; k++) {
    double distance = 0;
    for (int c = 0; c < F; c++) distance += (x[c] - mean[k*F + c])*(x[c] - mean[k*F + c]);
    if (distance < least) best = k;
    least = fmin(least, distance);
  }
  return best;
}

// What the nearest class mean answers where all classes are known at once.
struct at_once {
  int F, n_base;
  double *h, *mean;  // of all classes of the sequence
};

static struct at_once all_at_once(const struct fewshot *f, const struct fewshot_model *m) {
  struct dataset d;
  struct convnet_work w;
  struct convnet_fixed fixed;
  struct views views;
  struct synapse *layers[CONVNET_MAX_LAYERS];
  const struct convnet *net = &m->net;
  CHECK(fewshot_load(&d, f) == 0 && views_init(&views, f, f->eval.views, "") == 0, "%s", err_message());
  struct at_once a = { .F = convnet_features(net), .n_base = d.split[DATASET_TRAINING].n };
  const int n = a.n_base + NEW;
  a.h = calloc((size_t)(n * (TRAINING + TESTS) * a.F), sizeof *a.h);
  a.mean = calloc((size_t)(n * a.F), sizeof *a.mean);
  convnet_work_init(&w, net, TRAINING + TESTS);
  convnet_fixed_init(&fixed, net);
  for (int l = 0; l <= net->readout; l++) {
    layers[l] = convnet_array(net, l, 0);
    layers[l]->ops->program(layers[l], m->parameters + net->offset[l], NULL);
  }
  background_measure(&fixed, f, &d, net, &w, layers);
  for (int k = 0; k < n; k++) {
    double *h = a.h + k * (TRAINING + TESTS) * a.F;
    const int c = k < a.n_base ? d.split[DATASET_TRAINING].id[k] : d.split[DATASET_EVALUATION].id[k - a.n_base];
    features(h, net, &w, layers, &fixed, &d.images, c, &views);
    for (int i = 0; i < TRAINING*a.F; i++) a.mean[k*a.F + i % a.F] += h[i]/TRAINING;
  }
  for (int l = 0; l <= net->readout; l++) layers[l]->ops->free(layers[l]);
  convnet_work_release(&w);
  convnet_fixed_release(&fixed);
  dataset_release(&d);
  return a;
}

static struct fewshot_model model_of_views(struct fewshot *f) {
  struct fewshot_model m = base_model(f);
  set(f, "eval.views=4");
  set(f, "run.threads=2");
  return m;
}

// A trained network for five classes, of which the features are used.
static struct fewshot_model trained_model(struct fewshot *f) {
  struct fewshot_model m = base_model(f), trained;
  struct fewshot other;
  char preset[] = "data.kind=builtin", *const assignments[] = { preset };
  const struct run_sources from = { .n_assignments = 1, .assignments = assignments };
  fewshot_init(&other);
  CHECK(fewshot_model_load(&trained, &other, "models/builtin-5w5s.safetensors", &from) == 0, "%s", err_message());
  f->net = other.net;
  fewshot_model_release(&m);
  return trained;
}

// The share of right answers to the test images of classes first .. end - 1, among the first n classes.
static double answered(const struct at_once *a, int first, int end, int n) {
  int right = 0;
  for (int k = first; k < end; k++)
    for (int i = TRAINING; i < TRAINING + TESTS; i++)
      right += nearest(a->h + (k*(TRAINING + TESTS) + i)*a->F, a->mean, n, a->F) == k;
  return (double)right / ((end - first)*TESTS);
}

// Base classes, then new ones in the order of the data, answer as when all are known at once, at every stage.
static void test_base(struct fewshot_model (*model)(struct fewshot *f), double least) {
  struct fewshot f;
  struct fewshot_model m = model(&f);
  const struct at_once a = all_at_once(&f, &m);
  struct fewshot_result r = evaluate(&f, &m);
  const int n = a.n_base + NEW;
  CHECK(r.n_base == a.n_base && a.n_base == 27 && r.ways == n && r.n_stages == 4, "%d base classes of %d, %d stages",
        r.n_base, r.ways, r.n_stages);
  double sum = 0;
  for (int s = 0; s < 4; s++) {
    const int classes = s < 3 ? a.n_base + 4*s : n;
    const double expected = answered(&a, 0, classes, classes);
    CHECK(r.stage_classes[s] == classes && fabs(r.stage_accuracy[s] - expected) < 1e-9, "%d classes: %g, at once %g",
          r.stage_classes[s], r.stage_accuracy[s], expected);
    sum += expected;
  }
  CHECK(fabs(r.over_stages.mean - sum/4) < 1e-9, "mean over the stages %g, not %g", r.over_stages.mean, sum/4);
  CHECK(fabs(r.of_base.mean - answered(&a, 0, a.n_base, n)) < 1e-9, "base classes: %g", r.of_base.mean);
  CHECK(fabs(r.of_new.mean - answered(&a, a.n_base, n, n)) < 1e-9, "new classes: %g", r.of_new.mean);
  CHECK(r.of_base.mean > least && r.of_base.mean < 1 && r.of_new.mean > least, "nothing is learned, or all: %g, %g",
        r.of_base.mean, r.of_new.mean);
  free(a.h);
  free(a.mean);
  fewshot_result_release(&r);
  fewshot_model_release(&m);
}

// A network that was trained with a read-out of its own is taken by its features.
static void test_features(void) {
  struct fewshot f;
  struct fewshot_model m = base_model(&f), other = m;
  struct fewshot_result means = evaluate(&f, &m);
  struct convnet_params p = f.net;
  p.start = CONVNET_LEARNED;
  p.bias = CONVNET_NO_BIAS;
  p.mean_offset = 0;
  p.ways = means.ways;  // as many as there are classes
  p.steps = 0;
  CHECK(convnet_init(&other.net, &p, m.net.side[0], 1) == 0, "%s", err_message());
  other.parameters = err_aligned(other.net.n, sizeof *other.parameters);
  for (size_t i = 0; i < other.net.rates; i++)
    other.parameters[i] = i < m.net.offset[m.net.readout] ? m.parameters[i] : (real)(0.3*sin(7.1*(double)i));
  struct fewshot_result r = evaluate(&f, &other);
  for (int s = 0; s < 4; s++)
    CHECK(fabs(r.stage_accuracy[s] - means.stage_accuracy[s]) < 1e-9, "%d classes: %g, with class means %g",
          r.stage_classes[s], r.stage_accuracy[s], means.stage_accuracy[s]);
  fewshot_result_release(&means);
  fewshot_result_release(&r);
  fewshot_model_release(&m);
  fewshot_model_release(&other);
}

// From one image of each class, classes are learned better with more views of it, alike on any number of threads. A
// chip reads all views.
static void test_views(void) {
  struct fewshot f;
  struct fewshot_model m = trained_model(&f);
  static const char *const single[] = { "eval.base_shots=0", "data.test_images=0", "eval.shots=1", "eval.ways=30",
                                        "eval.tasks=10" };
  for (size_t k = 0; k < sizeof single/sizeof *single; k++) set(&f, single[k]);
  struct fewshot_result one = evaluate(&f, &m);
  set(&f, "eval.views=8");
  struct fewshot_result many = evaluate(&f, &m);
  set(&f, "run.threads=2");
  struct fewshot_result two = evaluate(&f, &m);
  CHECK(many.accuracy[0] > one.accuracy[0] + 0.005, "%g with 8 views, %g with one", many.accuracy[0], one.accuracy[0]);
  for (int k = 0; k < 10; k++)
    CHECK(many.task_accuracy[k] == two.task_accuracy[k], "sequence %d: %g on a thread, %g on two", k,
          many.task_accuracy[k], two.task_accuracy[k]);
  fewshot_result_release(&one);
  fewshot_result_release(&many);
  fewshot_result_release(&two);
  set(&f, "synapse.kind=chip");
  set(&f, "eval.tasks=1");
  many = evaluate(&f, &m);
  set(&f, "eval.views=1");
  one = evaluate(&f, &m);
  CHECK_REL(many.support.products, 8*one.support.products, 1e-12);
  fewshot_result_release(&one);
  fewshot_result_release(&many);
  fewshot_model_release(&m);
}

// Class means whose scale was not learned fill the range of an array of few bits.
static void test_few_bits(void) {
  struct fewshot f;
  struct fewshot_model m = trained_model(&f);
  struct fewshot_result exact = evaluate(&f, &m);
  set(&f, "synapse.kind=quantised");
  set(&f, "synapse.bits=5");
  struct fewshot_result few = evaluate(&f, &m);
  CHECK(few.over_stages.mean > exact.over_stages.mean - 0.1, "%g with 5 bits, %g exact", few.over_stages.mean,
        exact.over_stages.mean);
  fewshot_result_release(&few);
  fewshot_result_release(&exact);
  fewshot_model_release(&m);
}

static void test_base_chip(void) {
  struct fewshot f;
  struct fewshot_model m = base_model(&f);
  struct fewshot_result exact = evaluate(&f, &m);
  set(&f, "synapse.kind=chip");
  set(&f, "eval.chips=2");
  set(&f, "eval.later_s=3600");
  struct fewshot_result r = evaluate(&f, &m);
  set(&f, "run.threads=2");
  struct fewshot_result two = evaluate(&f, &m);
  CHECK(fabs(r.over_stages.mean - exact.over_stages.mean) < 0.12, "%g on a chip, %g in software", r.over_stages.mean,
        exact.over_stages.mean);
  CHECK(r.over_stages.mean == two.over_stages.mean && r.later_accuracy[0] == two.later_accuracy[0] &&
            r.base.cost.read_energy_J == two.base.cost.read_energy_J, "%g with a thread, %g with two",
        r.over_stages.mean, two.over_stages.mean);
  // a class has 24 weights of the array, its bias is digital
  CHECK(r.base.weights_written > 20*27 && r.base.weights_written <= 24*27, "%g weights of base classes",
        r.base.weights_written);
  CHECK(r.start.weights_written > 20*NEW && r.start.weights_written <= 24*NEW, "%g weights of new classes",
        r.start.weights_written);
  CHECK(r.devices_written_base > 1.5*27 && r.devices_written_start > r.devices_written_base + NEW, "%g of %g devices",
        r.devices_written_base, r.devices_written_start);
  // each class has as many images, but base classes are calibrated once
  const double base = r.base.products/27, new = (r.support.products + r.start.products)/NEW;
  CHECK(base > 0.2*new && base < new, "%g products a base class, %g a new one", base, new);
  fewshot_result_release(&exact);
  fewshot_result_release(&r);
  fewshot_result_release(&two);
  fewshot_model_release(&m);
}

// No image that calibrates a chip or measures statistics is a test image.
static void test_background(void) {
  struct fewshot f;
  struct fewshot_model m = base_model(&f);
  struct dataset d;
  struct rng r = rng_stream(5, RNG_TEST, 0);
  set(&f, "eval.split=training");
  CHECK(fewshot_load(&d, &f) == 0, "%s", err_message());
  const size_t kept = imageset_kept(&d.images), image = (size_t)(28*28*VECTOR_PADDING);
  for (int c = 0; c < d.images.n_classes; c++)
    memset(d.images.ink + (size_t)(d.images.first[c] + TRAINING) * kept, 255, TESTS*kept);
  enum { N = 400, CLASSES = 20, EACH = 5 };
  real *x = background_images(&d, N, CLASSES, EACH, &r);
  int test = 0, images = N + CLASSES*EACH;
  for (int i = 0; i < images; i++) test += x[(size_t)i*image] == 1;  // ink in the corner
  CHECK(test == 0, "%d of %d images are test images", test, images);
  free(x);
  dataset_release(&d);
  fewshot_model_release(&m);
}

static void base_refused(const char *assignment, const char *text) {
  struct fewshot f;
  struct fewshot_result r;
  struct fewshot_model m = base_model(&f);
  set(&f, assignment);
  CHECK(fewshot_load_and_eval(&r, &f, &m) == ERR_SETTING && strstr(err_message(), text), "%s: %s", assignment,
        err_message());
  fewshot_model_release(&m);
}

static void refused(const char *assignment, const char *text) {
  struct fewshot f;
  struct fewshot_result r;
  struct fewshot_model m = model_for(&f);
  set(&f, assignment);
  CHECK(fewshot_load_and_eval(&r, &f, &m) == ERR_SETTING && strstr(err_message(), text), "%s: %s", assignment,
        err_message());
  fewshot_model_release(&m);
}

static void refused_views(void) {
  struct fewshot f;
  struct fewshot_result r;
  struct fewshot_model m = model_for(&f);
  set(&f, "eval.views=2");
  f.data.distort_rotation_deg = f.data.distort_scale = f.data.distort_shear = f.data.distort_translation_px = 0;
  const int rc = fewshot_load_and_eval(&r, &f, &m);
  CHECK(rc == ERR_SETTING && strstr(err_message(), "eval.views=2: all views are the same"), "%s", err_message());
  fewshot_model_release(&m);
}

int main(void) {
  test_software();
  test_chip();
  refused("eval.ways=31", "31 ways");
  refused("eval.batchnorm=support", "eval.batchnorm=chip");
  refused("eval.later_s=60", "eval.later_s=60");
  refused_views();
  test_base(trained_model, 0.6);
  test_base(base_model, 0);
  test_base(model_of_views, 0);
  test_views();
  test_features();
  test_few_bits();
  test_base_chip();
  test_background();
  base_refused("data.test_images=0", "eval.base_shots=5: needs data.test_images");
  base_refused("eval.split=training", "eval.base_shots=5: eval.split=training");
  base_refused("eval.base_shots=6", "6 shots, but class");
  base_refused("eval.queries=4", "data.test_images=3: too few for 4 queries");
  base_refused("eval.ways=31", "31 ways");
  struct fewshot f;
  struct fewshot_result r;
  struct fewshot_model m = model_for(&f);
  m.net.start = CONVNET_LEARNED;
  m.net.bias = CONVNET_BIAS_ROW;
  CHECK(fewshot_load_and_eval(&r, &f, &m) == ERR_SETTING && strstr(err_message(), "net.bias=row"), "%s",
        err_message());
  fewshot_model_release(&m);
  return test_summary();
}
