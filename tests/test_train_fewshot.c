// An outer update of the classifier: its row of metrics.csv against tasks drawn, written and learned one by one here; a
// start from another model, whose kernels fill the range of quantised weights.
#include "base/err.h"
#include "base/rng.h"
#include "experiment/fewshot/result.h"
#include "folder.h"
#include "test.h"

enum { TASKS = 3, STEPS = 4 };

static struct folder tmp;

static void small(struct fewshot *f) {
  static const char *const settings[] = { "data.kind=builtin", "data.classes=40", "data.drawings=10",
                                          "net.channels=8", "train.tasks=3",          "train.shots=2",
                                          "train.queries=3", "train.validate_tasks=0", "train.iterations=1",
                                          "train.log_every=1", "run.threads=1" };
  fewshot_init(f);
  for (size_t k = 0; k < sizeof settings/sizeof *settings; k++)
    CHECK(settings_set(f->sections, settings[k]) == 0, "%s", err_message());
}

static struct maml_options options(const struct fewshot *f) {
  struct maml_options o = { .steps = STEPS, .noise = f->train.noise, .bits = (int)f->train.bits };
  double sigma[MAML_NOISE_POINTS];
  CHECK(chip_weight_sigma(sigma, MAML_NOISE_POINTS, &f->chip) == 0, "%s", err_message());
  for (int k = 0; k < MAML_NOISE_POINTS; k++) o.noise_sigma[k] = (float)sigma[k];
  for (int s = 1; s <= STEPS; s++) o.weight[s] = f->train.query_loss ? 0.25 : s == STEPS;
  return o;
}

// Loss, accuracy after the first and after the last update: means over the tasks, from the start.
static void by_hand(double mean[3], const struct fewshot *f) {
  const int shots = (int)f->train.shots, queries = (int)f->train.queries;
  const struct maml_options o = options(f);
  struct fewshot_model m;
  struct dataset data;
  struct maml_worker w;
  struct episode e;
  CHECK(dataset_load(&data, &f->data, DATASET_BACKGROUND_ONLY) == 0 && fewshot_model_new(&m, f) == 0, "%s",
        err_message());
  const struct episode_spec spec = dataset_spec(&f->data, DATASET_TRAINING, m.net.ways, shots, queries);
  maml_worker_init(&w, &m.net, shots, queries, &o);
  episode_init(&e, m.net.ways, shots, queries);
  mean[0] = mean[1] = mean[2] = 0;
  for (uint32_t k = 0; k < TASKS; k++) {
    struct rng draw = rng_stream((uint64_t)f->run.seed, RNG_EPISODE, k),
               noise = rng_stream((uint64_t)f->run.seed, RNG_QUANTISE, k);
    episode_draw(&e, &spec, &data.images, &data.split[DATASET_TRAINING], &draw);
    episode_render(&e, &data.images, w.work.y[0], VECTOR_PADDING);
    maml_program(&w, &m.net, m.parameters, &o, f->train.rounding == RUN_NEAREST ? NULL : &noise);
    maml_adapt(&w, &m.net, m.parameters, &o, NULL, &noise);
    for (int s = 1; s <= STEPS; s++) mean[0] += o.weight[s]*w.record.query_loss[s]/TASKS;
    mean[1] += w.record.correct[1]/15.0/TASKS;  // 5 ways, 3 queries
    mean[2] += w.record.correct[STEPS]/15.0/TASKS;
  }
  episode_release(&e);
  maml_worker_release(&w, &m.net);
  fewshot_model_release(&m);
  dataset_release(&data);
}

// Of the tasks of the first outer update.
static void mean_gradient(real *gradient, const struct fewshot *f, const struct fewshot_model *m, int first_order) {
  const int shots = (int)f->train.shots, queries = (int)f->train.queries;
  struct maml_options o = options(f);
  struct dataset data;
  struct maml_worker w;
  struct episode e;
  o.first_order = first_order;
  CHECK(dataset_load(&data, &f->data, DATASET_BACKGROUND_ONLY) == 0, "%s", err_message());
  const struct episode_spec spec = dataset_spec(&f->data, DATASET_TRAINING, m->net.ways, shots, queries);
  maml_worker_init(&w, &m->net, shots, queries, &o);
  episode_init(&e, m->net.ways, shots, queries);
  for (uint32_t k = 0; k < TASKS; k++) {
    struct rng draw = rng_stream((uint64_t)f->run.seed, RNG_EPISODE, k);
    episode_draw(&e, &spec, &data.images, &data.split[DATASET_TRAINING], &draw);
    episode_render(&e, &data.images, w.work.y[0], VECTOR_PADDING);
    maml_program(&w, &m->net, m->parameters, &o, NULL);
    maml_adapt(&w, &m->net, m->parameters, &o, NULL, NULL);
    maml_backward(&w, &m->net, m->parameters, gradient, &o);
  }
  episode_release(&e);
  maml_worker_release(&w, &m->net);
  dataset_release(&data);
}

static void test_row(const char *name, const char *setting, const char *other) {
  struct fewshot f;
  char path[512], *text;
  size_t size;
  double expected[3], found[3] = { 0 };
  small(&f);
  CHECK(settings_set(f.sections, setting) == 0 && settings_set(f.sections, other) == 0, "%s", err_message());
  CHECK(fewshot_train(&f, folder_path(&tmp, name), false) == 0, "%s", err_message());
  snprintf(path, sizeof path, "%s/metrics.csv", folder_path(&tmp, name));
  if (file_read(path, 1 << 20, &text, &size) < 0) abort();
  CHECK(sscanf(text, "%*[^\n]\n1,%*[^,],%lf,%lf,%lf", &found[0], &found[1], &found[2]) == 3, "%s", text);
  by_hand(expected, &f);
  for (int k = 0; k < 3; k++)
    CHECK(rel_diff(found[k], expected[k]) < 1e-5, "%s: column %d: %g, not %g", name, k, found[k], expected[k]);
  free(text);
}

// With a rate of 0 the model is the start.
static void test_start(void) {
  struct fewshot f;
  struct fewshot_model m;
  char path[512];
  small(&f);
  snprintf(f.training.start, sizeof f.training.start, "%s", folder_path(&tmp, "start.safetensors"));
  CHECK(fewshot_model_new(&m, &f) == 0 && fewshot_model_save(&m, &f, f.training.start, false) == 0, "%s",
        err_message());
  fewshot_model_release(&m);
  f.training.rate = 0;
  f.train.bits = 4;
  CHECK(fewshot_train(&f, folder_path(&tmp, "started"), false) == 0, "%s", err_message());
  snprintf(path, sizeof path, "%s/model.safetensors", folder_path(&tmp, "started"));
  CHECK(fewshot_model_load(&m, &f, path, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  for (int l = 0; l < m.net.blocks; l++) {
    double square = 0;
    for (size_t i = m.net.offset[l]; i < m.net.offset[l + 1]; i++)
      square += (double)m.parameters[i]*(double)m.parameters[i];
    CHECK_REL(sqrt(square/(convnet_rows(&m.net, l)*convnet_columns(&m.net, l))), 1.0/3, 1e-5);
  }
  fewshot_model_release(&m);

  // a start that halves its images in another way is refused, and the line says why
  f.net.halving = CONVNET_MAXIMUM;
  CHECK(fewshot_train(&f, folder_path(&tmp, "halved"), false) != 0 &&
            strstr(err_message(), "start.safetensors: its net.halving is another one"),
        "%s", err_message());
}

// The mean gradient of the first outer update, as Adam sees it: it steps by its sign, since its moments are new.
static void test_order(void) {
  for (int order = 1; order <= 2; order++) {
    struct fewshot f;
    struct fewshot_model before, after;
    char path[512];
    small(&f);
    f.train.order = order;
    f.net.adapt = CONVNET_ALL;
    f.train.inner_rate = 0.5;
    f.train.query_loss = 0;
    CHECK(fewshot_model_new(&before, &f) == 0, "%s", err_message());
    const char *run = folder_path(&tmp, order == 1 ? "first" : "second");
    CHECK(fewshot_train(&f, run, false) == 0, "%s", err_message());
    snprintf(path, sizeof path, "%s/model.safetensors", run);
    CHECK(fewshot_model_load(&after, &f, path, &(struct run_sources){ 0 }) == 0, "%s", err_message());
    real *gradient = err_aligned(before.net.n, sizeof *gradient);
    mean_gradient(gradient, &f, &before, order == 1);
    long agree = 0, n = 0;
    for (size_t i = 0; i < before.net.rates; i++) {
      if (gradient[i] == 0) continue;
      n++;
      agree += (after.parameters[i] < before.parameters[i]) == (gradient[i] > 0);
    }
    CHECK((double)agree > 0.999*(double)n, "order %d: %ld of %ld weights went down their gradient", order, agree, n);
    free(gradient);
    fewshot_model_release(&before);
    fewshot_model_release(&after);
  }
}

// Without support images a task is the classification of all classes: the loss of the start is that of its features by
// the read-out, and training learns the training classes. The model then serves other ways by nearest centroid.
static void test_classification(void) {
  static const char *const settings[] = { "net.steps=0", "train.shots=0", "net.ways=36", "train.queries=1",
                                          "train.tasks=2", "train.iterations=400", "train.validate_every=400",
                                          "train.log_every=200", "train.validate_tasks=60", "train.rate=1e-2",
                                          "train.validate_ways=3" };
  struct fewshot f;
  struct fewshot_model m;
  struct fewshot_result r;
  struct dataset data;
  char path[512], *text;
  size_t size;
  double early, late, validation;
  small(&f);
  for (size_t k = 0; k < sizeof settings/sizeof *settings; k++)
    CHECK(settings_set(f.sections, settings[k]) == 0, "%s", err_message());
  CHECK(fewshot_train(&f, folder_path(&tmp, "classes"), false) == 0, "%s", err_message());
  snprintf(path, sizeof path, "%s/metrics.csv", folder_path(&tmp, "classes"));
  if (file_read(path, 1 << 20, &text, &size) < 0) abort();
  CHECK(sscanf(text, "%*[^\n]\n200,%*[^,],%lf,%*[^\n]\n400,%*[^,],%lf,%*[^,],%*[^,],%lf", &early, &late,
               &validation) == 3, "%s", text);
  CHECK(late < 0.8*early && early < 1.2*log(36), "loss %g, then %g", early, late);
  CHECK(validation > 1.5/3, "validation %g", validation);
  free(text);
  snprintf(path, sizeof path, "%s/model.safetensors", folder_path(&tmp, "classes"));
  CHECK(fewshot_model_load(&m, &f, path, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  f.eval.ways = 4;
  CHECK(fewshot_load(&data, &f) == 0, "%s", err_message());
  CHECK(fewshot_eval(&r, &f, &m, &data) == ERR_SETTING && strstr(err_message(), "net.steps=0"), "%s", err_message());
  f.eval.method = FEWSHOT_CENTROID;
  f.eval.tasks = 50;
  CHECK(fewshot_eval(&r, &f, &m, &data) == 0, "%s", err_message());
  CHECK(r.ways == 4 && r.accuracy[0] > 1.6/4, "%d ways, accuracy %g", r.ways, r.accuracy[0]);
  fewshot_result_release(&r);
  dataset_release(&data);
  fewshot_model_release(&m);
  f.net.steps = 1;
  CHECK(fewshot_train(&f, folder_path(&tmp, "no"), false) == ERR_SETTING && strstr(err_message(), "train.shots=0"),
        "%s", err_message());
}

int main(void) {
  tmp = folder_make();
  test_classification();
  test_row("mean", "train.query_loss=mean", "train.noise=0");
  test_row("last", "train.query_loss=last", "train.noise=0");
  test_row("noise", "train.query_loss=mean", "train.noise=2");
  test_row("layers", "train.query_loss=mean", "train.adapt=all");
  test_row("stochastic", "train.bits=3", "train.rounding=stochastic");
  test_row("nearest", "train.bits=3", "train.rounding=nearest");
  test_order();
  test_start();
  folder_remove(&tmp);
  return test_summary();
}
