// The figures of an experiment that has no bench of its own: an outer update on all threads and on one, an item in
// software and on the chip, which is measured with the data loaded once.
#include "lab/bench.h"

#include "base/err.h"
#include "experiment/experiment.h"
#include "run/timings.h"
#include "test.h"

static int n_loads;
// as the classifier, but for what it counts and for the times, which are made up
static struct experiment e;

static int data_load(void *data, const void *set) {
  n_loads++;
  return experiment_find("fewshot")->data_load(data, set);
}

static void scores(struct experiment_scores *s, const void *result) {
  experiment_find("fewshot")->scores(s, result);
  s->seconds = 20;
}

static int time_training(const void *set, const void *model, int n, double *seconds) {
  (void)set;
  CHECK(model != NULL, "no model");
  for (int k = 0; k < n; k++) seconds[k] = k ? k : 1e6;  // the first one warms up
  return 0;
}

static const struct timings_figure *find(const struct timings *t, const char *name) {
  for (int k = 0; k < t->n; k++)
    if (!strcmp(t->figure[k].name, name)) return &t->figure[k];
  CHECK(false, "%s is missing", name);
  return &t->figure[0];
}

// 12 operations in a median of 2 s are 6 a second, twice a peak of 3.
static void test_work(void) {
  struct timings t = { 0 };
  double samples[] = { 3, 1, 2 };
  struct timings_figure *f = timings_add(&t, "three", "s", samples, 3);
  timings_set_work(f, 12, 3);
  CHECK(t.n == 1 && f->value == 2 && f->fastest == 1 && f->work == 12 && f->fraction == 2, "%g s, %g of the peak",
        f->value, f->fraction);
}

int main(void) {
  test_work();
  static const char *const settings[] = { "data.kind=builtin", "data.classes=20", "data.evaluation_classes=20",
                                          "data.drawings=10", "net.channels=4",           "eval.shots=2",
                                          "eval.queries=2", "chip.calibration_rows=32", "run.threads=2" };
  struct experiment_case x;
  struct timings t = { 0 };
  e = *experiment_find("fewshot");
  e.bench = NULL;
  e.data_load = data_load;
  e.time_training = time_training;
  e.scores = scores;
  experiment_open(&x, &e);
  for (size_t k = 0; k < sizeof settings / sizeof *settings; k++)
    CHECK(settings_set(x.settings.sections, settings[k]) == 0, "%s", err_message());
  CHECK(experiment_start(&x, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  CHECK(bench_experiment(&t, &x, "more") == ERR_SETTING && strstr(err_message(), "'more': there is one bench of"), "%s",
        err_message());
  CHECK(bench_experiment(&t, &x, "") == 0, "%s", err_message());
  const struct timings_figure *two = find(&t, "fewshot.iteration.2_threads");
  CHECK(two->value == 8 && two->fastest == 1, "the median of 1 to 15 is %g, the fastest %g", two->value, two->fastest);
  CHECK(find(&t, "fewshot.iteration.1_thread")->value == 8, "one thread");
  const struct timings_figure *exact = find(&t, "fewshot.item.exact.1_thread");
  const struct timings_figure *chip = find(&t, "fewshot.item.chip.1_thread");
  CHECK(exact->value == 0.5 && chip->value == 0.5 && strstr(chip->note, "mean of 40 tasks"), "%g s, %g s: %s",
        exact->value, chip->value, chip->note);
  CHECK(find(&t, "peak")->value > 0 && find(&t, "memory")->value > 0 && n_loads == 1, "%d times loaded", n_loads);
  experiment_close(&x);
  return test_summary();
}
