// No shipped model is beaten by another at what it is for: the same tasks, drawn by fixed seeds, one model after the
// other. A model is beaten if the 95 % interval of the difference, task by task, lies on the other's side. OMNIGLOT and
// CIFAR say where the data sets are, as for tools/figures.sh; without them the jobs are skipped.
#include "base/err.h"
#include "base/stat.h"
#include "experiment/experiment.h"
#include "test.h"

enum { MAX_SETTINGS = 12, MAX_RIVALS = 3 };

struct job {
  const char *what, *model;            // of models/
  const char *rival[MAX_RIVALS + 1];   // NULL ends
  const char *settings[MAX_SETTINGS];  // NULL ends
};

#define TASKS "eval.tasks=300", "data.protocol=alphabets", "eval.batchnorm=support"
#define FIVE "eval.ways=5", "eval.shots=5"
static const struct job omniglot[] = {
  { "learned start, 5 ways, 5 shots", "omniglot-learned", { "omniglot-learned-4bit", "omniglot-learned-chip" },
    { TASKS, "synapse.kind=exact", FIVE } },
  { "learned start, 5 ways, 5 shots, 4 bit", "omniglot-learned-4bit", { "omniglot-learned", "omniglot-learned-chip" },
    { TASKS, "synapse.kind=quantised", "synapse.bits=4", FIVE } },
  { "learned start, 5 ways, 5 shots, two chips", "omniglot-learned-chip",
    { "omniglot-learned", "omniglot-learned-4bit" },
    { "eval.tasks=100", "data.protocol=alphabets", "eval.batchnorm=support", "synapse.kind=chip", "chip.preset=hermes",
      "eval.chips=2", FIVE } },
  { "5 ways, 5 shots", "omniglot-any", { "omniglot-learned", "omniglot-alphabets" },
    { TASKS, "synapse.kind=exact", FIVE } },
  { "5 ways, 5 shots, 4 bit", "omniglot-any-4bit", { "omniglot-learned-4bit", "omniglot-any" },
    { TASKS, "synapse.kind=quantised", "synapse.bits=4", FIVE } },
  { "5 ways, 1 shot", "omniglot-any", { "omniglot-learned", "omniglot-any-4bit", "omniglot-alphabets" },
    { TASKS, "synapse.kind=exact", "eval.ways=5", "eval.shots=1" } },
  { "20 ways, 1 shot, 4 bit", "omniglot-any-4bit", { "omniglot-learned-4bit", "omniglot-any" },
    { "eval.tasks=100", "data.protocol=alphabets", "eval.batchnorm=support", "synapse.kind=quantised",
      "synapse.bits=4", "eval.ways=20", "eval.shots=1" } },
  { "within alphabets, 20 ways, 1 shot", "omniglot-alphabets", { "omniglot-any" },
    { "eval.tasks=300", "data.tasks=alphabet", "eval.batchnorm=support", "synapse.kind=exact", "eval.ways=20",
      "eval.shots=1" } },
  { "random characters, 5 ways, 1 shot", "omniglot-characters", { "omniglot-any" },
    { "eval.tasks=300", "data.protocol=characters", "eval.batchnorm=task", "synapse.kind=exact", "eval.ways=5",
      "eval.shots=1" } },
};

#define COLOURS "eval.tasks=100", "eval.batchnorm=support"
static const struct job cifar[] = {
  { "5 ways, 5 shots", "cifar-5w5s", { "cifar-5w1s", "cifar-5w5s-4bit", "cifar-5w5s-chip" },
    { COLOURS, "synapse.kind=exact", "eval.shots=5" } },
  { "5 ways, 1 shot", "cifar-5w1s", { "cifar-5w5s", "cifar-5w5s-4bit", "cifar-5w5s-chip" },
    { COLOURS, "synapse.kind=exact", "eval.shots=1" } },
  { "5 ways, 5 shots, 4 bit", "cifar-5w5s-4bit", { "cifar-5w5s", "cifar-5w5s-chip" },
    { COLOURS, "synapse.kind=quantised", "synapse.bits=4", "eval.shots=5" } },
};

struct measured {
  struct experiment_case x;
  void *result;
  struct experiment_scores scores;
};

static bool measure(struct measured *m, const char *model, const struct job *j, char *const *data, int n_data) {
  char path[100], *assignments[MAX_SETTINGS + 8];
  int n = 0;
  for (; n < n_data; n++) assignments[n] = data[n];
  for (int k = 0; j->settings[k]; k++) assignments[n++] = (char *)(uintptr_t)j->settings[k];
  const struct run_sources from = { .n_assignments = n, .assignments = assignments };
  snprintf(path, sizeof path, "models/%s.safetensors", model);
  experiment_open(&m->x, experiment_find("fewshot"));
  const int rc = experiment_load(&m->x, path, &from) == 0 && experiment_eval(&m->result, &m->x) == 0;
  CHECK(rc, "%s, %s: %s", j->what, model, err_message());
  if (rc) m->x.e->scores(&m->scores, m->result);
  else experiment_close(&m->x);
  return rc;
}

static void release(struct measured *m) {
  experiment_result_free(&m->x, m->result);
  experiment_close(&m->x);
}

static void check(const struct job *j, char *const *data, int n_data) {
  struct measured own, other;
  if (!measure(&own, j->model, j, data, n_data)) return;
  for (int k = 0; j->rival[k]; k++) {
    if (!measure(&other, j->rival[k], j, data, n_data)) continue;
    const struct experiment_scores *a = &own.scores, *b = &other.scores;
    const struct stat_difference d = stat_paired(b->first, a->first, a->n, a->stride, a->n_chips, a->trials);
    const bool beaten = d.mean > d.ci95;
    printf("%s: %s - %s = %.2f +- %.2f points\n", j->what, j->rival[k], j->model, 100*d.mean, 100*d.ci95);
    CHECK(a->n == b->n && a->stride == b->stride, "other tasks");
    CHECK(!beaten, "%s is beaten by %s", j->model, j->rival[k]);
    release(&other);
  }
  release(&own);
}

int main(void) {
  const char *characters = getenv("OMNIGLOT"), *colours = getenv("CIFAR");
  char path[4][500], *data[5] = { path[0], path[1], path[2], path[3] };
  if (!characters) printf("SKIP the models of characters: OMNIGLOT=DIR is not set\n");
  for (size_t k = 0; characters && k < sizeof omniglot/sizeof *omniglot; k++) {
    snprintf(path[0], sizeof path[0], "data.kind=omniglot");
    snprintf(path[1], sizeof path[1], "data.path=%s", characters);
    check(&omniglot[k], data, 2);
  }
  if (!colours) printf("SKIP the models of colour images: CIFAR=DIR is not set\n");
  for (size_t k = 0; colours && k < sizeof cifar/sizeof *cifar; k++) {
    snprintf(path[1], sizeof path[1], "data.path=%s", colours);
    snprintf(path[0], sizeof path[0], "%s/cifar-fs-test.zip", colours);
    const bool archives = file_exists(path[0]);  // as tools/tables.sh
    snprintf(path[0], sizeof path[0], "data.kind=%s", archives ? "folder" : "cifar100");
    if (archives) {
      snprintf(path[1], sizeof path[1], "data.path=%s/cifar-fs-train.zip", colours);
      snprintf(path[2], sizeof path[2], "data.validation_path=%s/cifar-fs-val.zip", colours);
      snprintf(path[3], sizeof path[3], "data.evaluation_path=%s/cifar-fs-test.zip", colours);
    }
    check(&cifar[k], data, archives ? 4 : 2);
  }
  if (!characters && !colours) return 77;
  return test_summary();
}
