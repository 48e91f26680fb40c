// 1000 tasks each: the published weights on simulated chips and as integers of few bits, against figures measured with
// an independent program; then the documented accuracy of the shipped model for the chip, on ten chips.
#include "base/err.h"
#include "base/file.h"
#include "experiment/fewshot/result.h"
#include "test.h"

#define SHARED "../shared/"

enum { MAX_SETTINGS = 12 };

struct expectation {
  const char *name;
  double percent[CONVNET_MAX_STEPS + 1], within[CONVNET_MAX_STEPS + 1];  // after 0..4 updates; within 0: not checked
  const char *settings[MAX_SETTINGS];
};

static const struct expectation all[] = {
  { "32 bit", { 20.0, 36.0, 88.7, 97.2, 97.88 }, { 1, 1, 1, 0.5, 0.4 }, { "synapse.kind=exact" } },
  { "published noise", { 20.0, 34.8, 0, 97.0, 97.79 }, { 1, 4, 0, 1, 0.6 },
    { "synapse.kind=chip", "chip.preset=published-code", "chip.scale=unit", "chip.correction=none" } },
  { "hermes, 4 chips", { 20.0, 35.0, 82, 0, 96.14 }, { 1, 4, 6, 0, 1 },
    { "synapse.kind=chip", "chip.preset=hermes", "chip.correction=column", "eval.chips=4" } },
  { "4 bits", { 0, 0, 0, 0, 87.9 }, { 0, 0, 0, 0, 1 }, { "synapse.kind=quantised", "synapse.rounding=stochastic",
                                                         "synapse.bits=4" } },
  { "5 bits", { 0, 0, 0, 0, 96.3 }, { 0, 0, 0, 0, 1 }, { "synapse.kind=quantised", "synapse.rounding=stochastic",
                                                         "synapse.bits=5" } },
  { "8 bits", { 0, 0, 0, 0, 97.9 }, { 0, 0, 0, 0, 1 }, { "synapse.kind=quantised", "synapse.rounding=stochastic",
                                                         "synapse.bits=8" } },
};

// Least accuracy after one and after four updates, and a month later, in %; most devices rewritten per update.
static const struct promise {
  const char *name;
  double first, last, later, devices;
  const char *settings[MAX_SETTINGS];
} promises[] = {
  { "chip, task", 98.0, 98.6, 0, 1120, { "eval.batchnorm=task" } },
  { "chip, support", 96.5, 98.0, 0, 1120, { "eval.batchnorm=support" } },
  { "chip, statistics of the chip", 0, 98.0, 0, 1120, { "eval.batchnorm=chip" } },
  { "chip, a month later", 98.0, 98.6, 97.9, 1120, { "eval.later_s=2592000" } },
  { "chip, 1 % stuck", 96.5, 97.9, 0, 1120, { "chip.fault_reset=0.005", "chip.fault_set=0.005" } },
  { "chip, few writes", 96.5, 98.5, 0, 280, { "chip.update=threshold", "chip.update_threshold=0.1" } },
};

static void keep(const struct promise *p) {
  struct fewshot f;
  struct fewshot_model m;
  struct fewshot_result r;
  fewshot_init(&f);
  CHECK(fewshot_model_load(&m, &f, "models/omniglot-learned-chip.safetensors", &(struct run_sources){ 0 }) == 0, "%s",
        err_message());
  const char *const common[] = { "data.path=" SHARED "omniglot", "eval.tasks=1000", "eval.chips=10",
                                 "synapse.kind=chip" };
  for (size_t k = 0; k < sizeof common/sizeof *common; k++)
    CHECK(settings_set(f.sections, common[k]) == 0, "%s", err_message());
  for (int k = 0; p->settings[k]; k++) CHECK(settings_set(f.sections, p->settings[k]) == 0, "%s", err_message());
  CHECK(fewshot_load_and_eval(&r, &f, &m) == 0, "%s", err_message());
  const double first = 100*r.accuracy[1], last = 100*r.accuracy[r.n_updates],
               later = r.n_later ? 100*r.later_accuracy[0] : 0;
  double devices = 0;
  for (int s = 0; s < r.n_updates; s++) devices += r.devices_written[s]/r.n_updates;
  printf("%-30s %6.2f ... %6.2f +- %.2f, later %6.2f, %.0f devices per update\n", p->name, first, last,
         100*r.ci95[r.n_updates], later, devices);
  fflush(stdout);
  CHECK(first >= p->first && last >= p->last && later >= p->later && devices <= p->devices,
        "%s: %.2f, %.2f, %.2f, %.0f", p->name, first, last, later, devices);
  fewshot_result_release(&r);
  fewshot_model_release(&m);
}

static void run(const struct expectation *e) {
  char published[] = "data.preprocessing=published";
  struct fewshot f;
  struct fewshot_model m;
  struct fewshot_result r;
  fewshot_init(&f);
  CHECK(fewshot_model_load(&m, &f, SHARED "reference/paper_cnn.safetensors",
                           &(struct run_sources){ .n_assignments = 1, .assignments = (char *[]){ published } }) == 0,
        "%s", err_message());
  CHECK(settings_set(f.sections, "data.path=" SHARED "omniglot") == 0 &&
            settings_set(f.sections, "eval.tasks=1000") == 0,
        "%s", err_message());
  for (int k = 0; e->settings[k]; k++) CHECK(settings_set(f.sections, e->settings[k]) == 0, "%s", err_message());
  CHECK(fewshot_load_and_eval(&r, &f, &m) == 0, "%s", err_message());
  printf("%-16s", e->name);
  for (int s = 0; s <= r.n_updates; s++) {
    const double found = 100 * r.accuracy[s];
    printf("  %6.2f", found);
    CHECK(e->within[s] == 0 || fabs(found - e->percent[s]) <= test_tol(e->within[s]),
          "%s, %d updates: %.2f %%, not %.2f", e->name, s, found, e->percent[s]);
  }
  printf("  +- %.2f\n", 100 * r.ci95[r.n_updates]);
  fflush(stdout);
  fewshot_result_release(&r);
  fewshot_model_release(&m);
}

int main(void) {
  if (!file_exists(SHARED "reference/paper_cnn.safetensors") || !file_exists(SHARED "omniglot/images_evaluation.zip")) {
    printf("SKIP " SHARED "reference/paper_cnn.safetensors or " SHARED "omniglot are absent\n");
    return 77;
  }
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) run(&all[k]);
  for (size_t k = 0; k < sizeof promises / sizeof *promises; k++) keep(&promises[k]);
  return test_summary();
}
