// Classes taught one after another: in software the same as at once; pictures told apart, and those of no class; the
// threshold against held-out pictures one by one; files that go on bit for bit, also on a chip, and what they refuse.
#include <unistd.h>

#include "base/tensorfile.h"
#include "folder.h"
#include "learn/adapt.h"
#include "taught_fixture.h"
#include "unsealed.h"

static struct folder tmp;

static void set(const char *assignment) {
  CHECK(settings_set(settings.sections, assignment) == 0, "%s", err_message());
}

static const int shots[] = { 5, 2, 3, 4, 6, 5, 1, 3 };

static int teach(struct taught *t, int first, int n) {
  struct imageset s = characters(first, n, shots + first, 0);
  const int rc = teach_set(t, &s);
  imageset_release(&s);
  return rc;
}

static void begin(struct taught *t, int first, int n) {
  taught_init(t, &model);
  CHECK(teach(t, first, n) == 0, "%s", err_message());
}

static double beyond(const struct taught *t, const struct answers *a) {
  int n = 0;
  for (int i = 0; i < a->n; i++) n += a->distance[i] > t->threshold;
  return (double)n / a->n;
}

// Any number of classes, of any number of pictures each.
static void test_apart(void) {
  struct taught t;
  reset();
  begin(&t, 0, 8);
  struct answers known = ask(&t, 0, 8), unknown = ask(&t, 100, 8);
  CHECK(t.N == 8 && t.net.ways == 8 && t.pictures[4] == 6 && !strcmp(t.name[2], "character 2"), "%d classes", t.N);
  CHECK(accuracy(&t, &known) >= 0.9, "accuracy %g", accuracy(&t, &known));
  CHECK(beyond(&t, &known) <= 0.35 && beyond(&t, &unknown) >= 0.7, "%g of these, %g of others are beyond the threshold",
        beyond(&t, &known), beyond(&t, &unknown));
  answers_free(&known);
  answers_free(&unknown);
  taught_release(&t);
  set("learn.updates=0");
  begin(&t, 0, 8);
  known = ask(&t, 0, 8);
  CHECK(accuracy(&t, &known) >= 0.9, "accuracy without updates %g", accuracy(&t, &known));
  answers_free(&known);
  taught_release(&t);
  reset();
  set("synapse.kind=quantised");
  set("synapse.bits=8");
  begin(&t, 0, 8);
  known = ask(&t, 0, 8);
  CHECK(accuracy(&t, &known) >= 0.85, "accuracy with 8 bits %g", accuracy(&t, &known));
  answers_free(&known);
  taught_release(&t);
}

static void compare(const struct taught *a, const struct taught *b, double tolerance, const char *what) {
  double largest = 0, difference = 0;
  CHECK(a->N == b->N && a->net.ways == b->net.ways && a->n_held == b->n_held, "%s: %d and %d classes", what, a->N,
        b->N);
  for (int i = 0; i < a->C*vector_padded(a->net.ways); i++) {
    largest = fmax(largest, fabs((double)a->w[i]));
    difference = fmax(difference, fabs((double)(a->w[i] - b->w[i])));
  }
  CHECK(difference <= test_tol(tolerance)*largest, "%s: weights of %g differ by %g", what, largest, difference);
  for (int i = 0; i < a->N*a->CP; i++)
    CHECK(fabs((double)(a->mean[i] - b->mean[i])) <= test_tol(tolerance)*20, "%s: means differ", what);
  CHECK_REL(a->threshold, b->threshold, tolerance);
}

// The statistics are those of the first two classes in both.
static void test_one_by_one(void) {
  struct taught together, apart;
  reset();
  set("learn.updates=0");
  begin(&together, 0, 2);
  CHECK(teach(&together, 2, 5) == 0, "%s", err_message());
  begin(&apart, 0, 2);
  for (int k = 2; k < 7; k++) CHECK(teach(&apart, k, 1) == 0, "%s", err_message());
  compare(&together, &apart, 2e-6, "one by one");
  taught_release(&together);
  taught_release(&apart);
}

// 7 distances of 2 classes count as 5: a quarter of new ones are beyond the mean of their logarithms by 0.7407 standard
// deviations (t of 4 degrees of freedom) times sqrt(1 + 1/5).
static void check_prediction(const struct taught *t) {
  double mean = 0, square = 0;
  for (int i = 0; i < 7; i++) mean += log(t->held[i])/7;
  for (int i = 0; i < 7; i++) square += pow(log(t->held[i]) - mean, 2)/7;
  CHECK(t->n_held == 7 && t->chosen_by == 7, "%d held out", t->n_held);
  CHECK_REL(t->threshold, exp(mean + 0.740697084*sqrt(square*5/4*1.2)), 1e-8);
}

// Of each picture, the mean of the others of its class computed from these.
static void test_threshold(void) {
  static const int n[] = { 4, 3 };
  struct taught t;
  struct imageset s;
  reset();
  set("learn.reject=0.25");
  s = characters(0, 2, n, 0);
  taught_init(&t, &model);
  CHECK(teach_set(&t, &s) == 0, "%s", err_message());
  check_prediction(&t);
  for (int i = 1; i < 7; i++) CHECK(t.held[i - 1] <= t.held[i], "not in order");
  // the sum of squares of n pictures from the mean of the others is n/(n - 1) times the sum from the mean of all
  double sum = 0, square = 0;
  for (int i = 0; i < 7; i++) sum += t.held[i]*t.held[i];
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct convnet_work work;
  convnet_work_init(&work, &t.net, 7);
  work.n[0] = 7;
  for (int i = 0; i < 7; i++) {
    const struct view v = render_plain(i);
    render_view(&s, work.y[0] + (size_t)i * convnet_pixels(&t.net, 0) * VECTOR_PADDING, VECTOR_PADDING, &v);
  }
  taught_layers(&t, &settings, layers, NULL);
  convnet_forward(&t.net, &work, layers, 0, CONVNET_FIXED, &t.fixed, NULL);
  for (int i = 0; i < 7; i++) {
    const int c = i >= 4, first = c ? 4 : 0, m = n[c];
    double of = 0;
    for (int x = 0; x < t.C; x++) {
      double others = 0;
      for (int j = first; j < first + m; j++) others += j == i ? 0 : (double)work.h[j*t.CP + x] / (m - 1);
      of += pow((double)work.h[i*t.CP + x] - others, 2);
    }
    square += of * (m*m - 1.0)/(m*m);
  }
  CHECK_REL(sum, square, 1e-4);
  taught_layers_free(&t, layers);
  convnet_work_release(&work);
  imageset_release(&s);
  taught_release(&t);
  set("learn.reject=0");
  begin(&t, 0, 3);
  CHECK(isinf(t.threshold), "%g", t.threshold);
  taught_release(&t);
  set("learn.threshold=3.5");
  begin(&t, 0, 3);
  CHECK(t.threshold == 3.5, "%g", t.threshold);
  taught_release(&t);
}

// One update after the start, of classes of one picture, at the second rate of the model, which is for five classes.
static void test_updates(void) {
  static const int n[] = { 1, 1, 1 }, label[] = { 0, 1, 2 };
  static _Alignas(64) real weight[16];
  struct taught start, one;
  reset();
  struct imageset s = characters(0, 3, n, 0);
  taught_init(&start, &model);
  taught_init(&one, &model);
  set("learn.updates=0");
  CHECK(teach_set(&start, &s) == 0, "%s", err_message());
  set("learn.updates=1");
  CHECK(teach_set(&one, &s) == 0, "%s", err_message());
  struct synapse *readout = synapse_exact_new(start.C, 3);
  const double alpha = (double)model.parameters[convnet_rate(&model.net, 1, model.net.readout)];
  classes_weights(weight, label, 3, 3);
  const struct classes_task t = { .N = 3, .O = 3, .C = start.C, .n = 3, .h = start.mean, .label = label,
                                  .weight = weight };
  readout->ops->program(readout, start.w, NULL);
  classes_update(&t, readout, alpha * 3/5, NULL);
  readout->ops->weights(readout, start.w);
  compare(&start, &one, 2e-6, "one update");
  readout->ops->free(readout);
  imageset_release(&s);
  taught_release(&start);
  taught_release(&one);
}

// A model that was trained to start from class means: the same read-out as learn/adapt.h gives for so many ways.
static void test_prototype(void) {
  static const char *const all[] = { "net.start=prototype", "net.bias=digital", "net.mean_offset=yes",
                                     "net.channels=6", "net.ways=5", "net.steps=3", "train.inner_rate=0.4" };
  enum { NEW = 7, EACH = 2 };
  static const int n[NEW] = { 2, 2, 2, 2, 2, 2, 2 };
  real rate[3];
  int label[NEW*EACH];
  struct taught t;
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct convnet_work work;
  struct adapt_record record;
  reset();
  fewshot_model_release(&model);
  for (size_t k = 0; k < sizeof all/sizeof *all; k++) set(all[k]);
  CHECK(fewshot_model_new(&model, &settings) == 0, "%s", err_message());
  struct imageset s = characters(0, NEW, n, 0);
  taught_init(&t, &model);
  CHECK(teach_set(&t, &s) == 0, "%s", err_message());
  convnet_work_init(&work, &t.net, NEW*EACH);
  work.n[0] = NEW*EACH;
  const struct taught_lesson lesson = taught_lesson_of(&s);
  for (int i = 0; i < NEW*EACH; i++) {
    lesson.render(&lesson, &t.views, i, 0, work.y[0] + (size_t)i * convnet_pixels(&t.net, 0) * VECTOR_PADDING);
    label[i] = i / EACH;
  }
  taught_layers(&t, &settings, layers, NULL);
  convnet_forward(&t.net, &work, layers, 0, CONVNET_FIXED, &t.fixed, NULL);
  for (int k = 0; k < 3; k++) rate[k] = model.parameters[convnet_rate(&model.net, k, model.net.readout)] * 7/5;
  const struct adapt_task task = { .ways = NEW, .steps = 3, .S = NEW*EACH, .C = t.C, .h = work.h, .label = label,
                                   .rate = rate, .scale = model.parameters + model.net.scale, .offset = 1, .bias = 1 };
  struct taught same = t;
  struct synapse *readout = synapse_exact_new(t.C, NEW);
  same.w = err_aligned((size_t)t.C * 16, sizeof *same.w);
  adapt_record_init(&record, NEW, 3, NEW*EACH, 1, t.C);
  adapt_start(&record, &task, readout, NULL);
  for (int k = 0; k < 3; k++) adapt_update(&record, &task, readout, k, NULL);
  readout->ops->weights(readout, same.w);
  compare(&t, &same, sizeof(real) == sizeof(double) ? 1e-12 : 2e-5, "from trained class means");
  adapt_record_release(&record);
  readout->ops->free(readout);
  free(same.w);
  taught_layers_free(&t, layers);
  convnet_work_release(&work);
  imageset_release(&s);
  taught_release(&t);
}

// One picture of each class: the distance of the nearest other one.
static void test_single(void) {
  static const int n[] = { 1, 1 };
  struct taught t;
  reset();
  struct imageset s = characters(0, 2, n, 0);
  taught_init(&t, &model);
  CHECK(teach_set(&t, &s) == 0, "%s", err_message());
  CHECK(t.n_held == 0, "%d", t.n_held);
  CHECK_REL(t.threshold, sqrt(classes_distance2(t.mean, t.mean + t.CP, t.C)), 1e-6);
  imageset_release(&s);
  taught_release(&t);
}

// ---- files

static int load(struct taught *t, const char *path) {
  const struct run_sources none = { 0 };
  struct tensorfile *tf;
  taught_init(t, &model);
  TRY(tensorfile_open(&tf, path));
  const int rc = taught_read(t, &settings, &model, tf, &none);
  tensorfile_close(tf);
  return rc;
}

// What is read answers as what was written, and takes further classes as that does.
static void check_file(const char *name, int more) {
  char path[300];
  struct taught t, back;
  snprintf(path, sizeof path, "%s", folder_path(&tmp, name));
  begin(&t, 0, 4);
  CHECK(taught_save(&t, &settings, path) == 0, "%s", err_message());
  reset();
  CHECK(load(&back, path) == 0, "%s", err_message());
  for (int pass = 0; pass < 2; pass++) {
    struct answers a = ask(&t, 0, 4), b = ask(&back, 0, 4);
    CHECK(!memcmp(a.z, b.z, (size_t)a.n * (size_t)vector_padded(t.net.ways) * sizeof *a.z), "%s: other answers", name);
    CHECK(accuracy(&t, &a) >= 0.85, "%s: accuracy %g", name, accuracy(&t, &a));
    CHECK(!memcmp(a.distance, b.distance, (size_t)a.n * sizeof(double)) && t.threshold == back.threshold, "%s", name);
    answers_free(&a);
    answers_free(&b);
    if (pass == 0) CHECK(teach(&t, 4, more) == 0 && teach(&back, 4, more) == 0, "%s", err_message());
  }
  CHECK(back.N == 4 + more && back.pictures[4] == 6, "%d classes", back.N);
  taught_release(&t);
  taught_release(&back);
}

static void test_files(void) {
  reset();
  check_file("exact", 3);
  reset();
  set("learn.views=3");
  set("data.distort_rotation_deg=20");
  set("run.seed=5");
  check_file("views", 3);
  CHECK(settings.learn.views == 3 && settings.data.distort_rotation_deg == 20 && settings.run.seed == 5,
        "%d views, rotated by %g degrees", (int)settings.learn.views, settings.data.distort_rotation_deg);
  reset();
  set("synapse.kind=chip");
  set("chip.time_s=3600");
  check_file("chip", 2);
  reset();
  set("synapse.kind=chip");
  set("learn.updates=0");
  check_file("start", 2);
}

static void test_chip_room(void) {
  struct taught t;
  reset();
  set("synapse.kind=chip");
  set("learn.room=1");
  begin(&t, 0, 3);
  CHECK(t.net.ways == 4 && t.written > 0, "%d columns, %ld devices written", t.net.ways, t.written);
  CHECK(teach(&t, 3, 1) == 0, "%s", err_message());
  CHECK(teach(&t, 4, 1) == ERR_SETTING && strstr(err_message(), "the read-out on the chip has 4 columns (learn.room)"),
        "%s", err_message());
  taught_release(&t);
}

// ---- what is refused

static void refused(int code, const char *text, int rc) {
  CHECK(rc == code && strstr(err_message(), text), "%d %s, not '%s'", rc, err_message(), text);
}

// The file with one text in place of another of the same length.
static int altered(struct taught *t, const char *path, const char *from, const char *to) {
  char *data = NULL, other[300];
  size_t size = 0;
  CHECK(strlen(from) == strlen(to) && file_read(path, 1 << 26, &data, &size) == 0, "%s", from);
  char *at = memmem(data, size, from, strlen(from));
  CHECK(at != NULL, "no %s in %s", from, path);
  if (at) memcpy(at, to, strlen(to));
  unseal(data, size);
  snprintf(other, sizeof other, "%s", folder_path(&tmp, "altered"));
  folder_write(&tmp, "altered", data, size);
  free(data);
  const int rc = load(t, other);
  taught_release(t);
  return rc;
}

static void check_damaged(const char *path) {
  struct taught t;
  char *data;
  size_t size;
  CHECK(file_read(path, 1 << 26, &data, &size) == 0, "%s", err_message());
  for (size_t n = 0; n < size; n += 1 + size/50) {
    folder_write(&tmp, "cut", data, n);
    CHECK(load(&t, folder_path(&tmp, "cut")) < 0, "cut off after %zu bytes", n);
    taught_release(&t);
  }
  data[size - 3] ^= 1;
  folder_write(&tmp, "cut", data, size);
  refused(ERR_FORMAT, "checksum", load(&t, folder_path(&tmp, "cut")));
  taught_release(&t);
  free(data);
}

// What no lesson leaves behind is in no file.
static void refused_values(struct taught *t) {
  struct taught read;
  char path[300];
  snprintf(path, sizeof path, "%s", folder_path(&tmp, "values"));
  const int64_t pictures = t->pictures[0];
  t->pictures[0] = INT64_C(1) << 62;
  CHECK(taught_save(t, &settings, path) == 0, "%s", err_message());
  refused(ERR_FORMAT, "tensor class.pictures: 4611686018427387904 of class character 0", load(&read, path));
  taught_release(&read);
  t->pictures[0] = pictures;
  CHECK(t->n_held > 0, "no distances");
  t->held[0] = -3;
  CHECK(taught_save(t, &settings, path) == 0, "%s", err_message());
  refused(ERR_FORMAT, "tensor held_out: -3 is no distance", load(&read, path));
  taught_release(&read);
}

static void test_refused(void) {
  struct taught t;
  char path[300];
  reset();
  taught_init(&t, &model);
  refused(ERR_SETTING, "no support", teach(&t, 0, 0));
  refused(ERR_SETTING, "one class, character 0: there must be two at least", teach(&t, 0, 1));
  CHECK(teach(&t, 0, 2) == 0, "%s", err_message());
  refused(ERR_SETTING, "class character 1 was taught before", teach(&t, 1, 2));
  snprintf(path, sizeof path, "%s", folder_path(&tmp, "small"));
  CHECK(taught_save(&t, &settings, path) == 0, "%s", err_message());
  refused_values(&t);
  taught_release(&t);
  refused(ERR_FORMAT, "class.1: there are two classes character 0", altered(&t, path, "character 1", "character 0"));
  refused(ERR_FORMAT, "taught to another model", altered(&t, path, "\"model\"", "\"nodel\""));
  refused(ERR_FORMAT, "not a file of taught classes", altered(&t, path, "metaxbar taught", "metaxbar nought"));
  refused(ERR_FORMAT, "class.1: the name of a class is missing", altered(&t, path, "\"class.1\"", "\"klass.1\""));
  refused(ERR_FORMAT, "class.mean", altered(&t, path, "\"class.mean\"", "\"klass.mean\""));
  refused(ERR_FORMAT, "readout.weight", altered(&t, path, "\"readout.weight\"", "\"readaut.weight\""));
  refused(ERR_FORMAT, "norm.inverse", altered(&t, path, "\"norm.inverse\"", "\"norm.investe\""));
  refused(ERR_FORMAT, "learn.reject", altered(&t, path, "\"learn.reject\": \"0", "\"learn.reject\": \"7"));
  check_damaged(path);
  refused(ERR_FORMAT, "not a file of taught classes", load(&t, "models/builtin-5w5s.safetensors"));
  taught_release(&t);
  const struct run_sources none = { 0 };
  fewshot_model_release(&model);
  CHECK(fewshot_model_load(&model, &settings, "models/omniglot-learned.safetensors", &none) == 0, "%s", err_message());
  refused(ERR_FORMAT, "taught to another model; the fingerprint of models/omniglot-learned.safetensors is",
          load(&t, path));
  taught_release(&t);
}

int main(void) {
  tmp = folder_make();
  test_apart();
  test_one_by_one();
  test_threshold();
  test_updates();
  test_prototype();
  test_single();
  test_files();
  test_chip_room();
  test_refused();
  fewshot_model_release(&model);
  folder_remove(&tmp);
  return test_summary();
}
