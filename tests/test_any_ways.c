// A read-out that starts from class means: any number of ways and updates, the nearest class mean before any update,
// its write counted on a chip; training over a mixture of ways and shots; what is refused.
#include "base/err.h"
#include "base/file.h"
#include "base/rng.h"
#include "experiment/fewshot/result.h"
#include "folder.h"
#include "test.h"

static struct folder tmp;

static void set(struct fewshot *f, const char *assignment) {
  CHECK(settings_set(f->sections, assignment) == 0, "%s", err_message());
}

static void settings(struct fewshot *f) {
  static const char *const all[] = { "data.kind=builtin", "data.classes=30", "data.evaluation_classes=30",
                                     "data.drawings=8", "net.channels=5", "net.start=prototype", "net.bias=digital",
                                     "net.mean_offset=yes", "eval.tasks=6", "eval.shots=2", "eval.queries=3",
                                     "eval.batchnorm=support" };
  fewshot_init(f);
  for (size_t k = 0; k < sizeof all/sizeof *all; k++) set(f, all[k]);
}

static struct fewshot_result evaluate(const struct fewshot *f, const struct fewshot_model *m) {
  struct fewshot_result r;
  CHECK(fewshot_load_and_eval(&r, f, m) == 0, "%s", err_message());
  return r;
}

// Before any update the class is that of the nearest mean, task by task.
static void test_ways(int ways, int updates) {
  struct fewshot f;
  struct fewshot_model m;
  settings(&f);
  CHECK(fewshot_model_new(&m, &f) == 0, "%s", err_message());
  f.eval.ways = ways;
  f.eval.updates = updates;
  struct fewshot_result adapted = evaluate(&f, &m);
  CHECK(adapted.ways == ways && adapted.n_updates == updates, "%d ways, %d updates", adapted.ways, adapted.n_updates);
  f.eval.method = FEWSHOT_CENTROID;
  struct fewshot_result centroid = evaluate(&f, &m);
  for (int k = 0; k < adapted.n_tasks; k++) {
    const double start = adapted.task_accuracy[k*(updates + 1)];
    CHECK(fabs(start - centroid.task_accuracy[k]) < 1e-9, "task %d: %g, by the nearest mean %g", k, start,
          centroid.task_accuracy[k]);
  }
  for (int s = 1; s <= updates; s++) CHECK(adapted.loss[s] != adapted.loss[s - 1], "update %d changed nothing", s);
  fewshot_result_release(&adapted);
  fewshot_result_release(&centroid);
  fewshot_model_release(&m);
}

// On a chip the class means are one write of the read-out, counted by itself and among the updates.
static void test_chip(void) {
  struct fewshot f;
  struct fewshot_model m;
  settings(&f);
  set(&f, "synapse.kind=chip");
  CHECK(fewshot_model_new(&m, &f) == 0, "%s", err_message());
  f.eval.ways = 7;
  struct fewshot_result r = evaluate(&f, &m);
  CHECK(r.start.weights_written > 6*5 && r.start.weights_written <= 7*5, "%g weights", r.start.weights_written);
  CHECK(r.devices_written_start > 0 && r.devices_written_start <= (double)r.devices.readout, "%g devices of %ld",
        r.devices_written_start, r.devices.readout);
  double sum = r.start.weights_written;
  for (int s = 0; s < r.n_updates; s++) sum += r.update[s].weights_written;
  CHECK_REL(r.updates.weights_written, sum, 1e-12);
  set(&f, "eval.correct=no");
  struct fewshot_result uncorrected = evaluate(&f, &m);
  CHECK(uncorrected.start.products == 0 && r.start.products > 8, "%g products of the start, %g without calibration",
        r.start.products, uncorrected.start.products);
  fewshot_result_release(&uncorrected);
  fewshot_result_release(&r);
  fewshot_model_release(&m);
}

// Bits do not depend on the threads; the scale is learned.
static void test_mixture(void) {
  char *bytes[2], path[4096];
  size_t size[2];
  struct fewshot f;
  for (int k = 0; k < 2; k++) {
    settings(&f);
    set(&f, "net.ways=6");
    set(&f, "train.mixture=6x2,3x1,4x3");
    set(&f, "train.tasks=5");
    set(&f, "train.iterations=4");
    set(&f, "train.validate_tasks=0");
    set(&f, k ? "run.threads=3" : "run.threads=1");
    CHECK(fewshot_train(&f, folder_path(&tmp, k ? "three" : "one"), false) == 0, "%s", err_message());
    snprintf(path, sizeof path, "%s/model.safetensors", folder_path(&tmp, k ? "three" : "one"));
    CHECK(file_read(path, 1u << 24, &bytes[k], &size[k]) == 0, "%s", err_message());
  }
  CHECK(size[0] == size[1] && !memcmp(bytes[0], bytes[1], size[0]), "other bits on three threads");
  struct fewshot_model m;
  fewshot_init(&f);
  CHECK(fewshot_model_load(&m, &f, path, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  CHECK(m.net.ways == 6 && fabs((double)m.parameters[m.net.scale] - 4.0/6) > 1e-4, "scale %g",
        (double)m.parameters[m.net.scale]);
  fewshot_model_release(&m);
  for (int k = 0; k < 2; k++) free(bytes[k]);
}

// All layers adapt from class means: with rates of zero but for the read-out's as if it alone did, and the start is
// counted on a chip.
static void test_layers(void) {
  struct fewshot f, alone;
  struct fewshot_model m, readout;
  settings(&f);
  settings(&alone);
  set(&f, "train.adapt=all");
  CHECK(fewshot_model_new(&m, &f) == 0 && fewshot_model_readout(&readout, &m, &alone) == 0, "%s", err_message());
  for (int s = 0; s < m.net.steps; s++)
    for (int l = 0; l < m.net.readout; l++) m.parameters[convnet_rate(&m.net, s, l)] = 0;
  struct fewshot_result r = evaluate(&f, &m), expected = evaluate(&alone, &readout);
  for (int s = 0; s <= r.n_updates; s++)
    CHECK(r.accuracy[s] == expected.accuracy[s] && rel_diff(r.loss[s], expected.loss[s]) < 1e-5,
          "after %d updates %g, loss %g; the read-out alone %g, %g", s, r.accuracy[s], r.loss[s],
          expected.accuracy[s], expected.loss[s]);
  fewshot_result_release(&r);
  fewshot_result_release(&expected);
  set(&f, "synapse.kind=chip");
  set(&f, "eval.chips=1");
  r = evaluate(&f, &m);
  CHECK(r.devices_written_start > 0 && r.start.weights_written > 0, "%g devices written by the start",
        r.devices_written_start);
  fewshot_result_release(&r);
  fewshot_model_release(&m);
  fewshot_model_release(&readout);
}

static void refused_beside(const char *other, const char *assignment, const char *text) {
  struct fewshot f;
  settings(&f);
  if (other) set(&f, other);
  set(&f, assignment);
  CHECK(fewshot_train(&f, folder_path(&tmp, "refused"), false) == ERR_SETTING && strstr(err_message(), text), "%s: %s",
        assignment, err_message());
}

static void refused(const char *assignment, const char *text) { refused_beside(NULL, assignment, text); }

int main(void) {
  tmp = folder_make();
  test_ways(5, 4);
  test_ways(3, 4);
  test_ways(20, 7);
  test_chip();
  test_mixture();
  test_layers();
  refused("train.mixture=5x", "5x");
  refused("train.mixture=5x1,", "train.mixture");
  refused("train.mixture=1x1", "1x1");
  refused("train.mixture=5x1;20x1", "5x1;20x1");
  refused("train.mixture=40x1", "40 ways");
  refused("net.start=learned", "net.mean_offset");
  refused("net.bias=none", "net.mean_offset");
  refused_beside("train.adapt=all", "train.mixture=6x2,3x1", "need train.adapt=readout");
  folder_remove(&tmp);
  return test_summary();
}
