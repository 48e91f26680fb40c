// Classes that keep coming: one after the other as all at once, stages, a chip and later times, what is refused.
#include "base/err.h"
#include "experiment/fewshot/result.h"
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

static void refused(const char *assignment, const char *text) {
  struct fewshot f;
  struct fewshot_result r;
  struct fewshot_model m = model_for(&f);
  set(&f, assignment);
  CHECK(fewshot_load_and_eval(&r, &f, &m) == ERR_SETTING && strstr(err_message(), text), "%s: %s", assignment,
        err_message());
  fewshot_model_release(&m);
}

int main(void) {
  test_software();
  test_chip();
  refused("eval.ways=31", "31 ways");
  refused("eval.batchnorm=support", "eval.batchnorm=chip");
  refused("eval.later_s=60", "eval.later_s=60");
  struct fewshot f;
  struct fewshot_result r;
  struct fewshot_model m = model_for(&f);
  m.net.start = CONVNET_LEARNED;
  CHECK(fewshot_load_and_eval(&r, &f, &m) == ERR_SETTING && strstr(err_message(), "net.start=prototype"), "%s",
        err_message());
  fewshot_model_release(&m);
  return test_summary();
}
