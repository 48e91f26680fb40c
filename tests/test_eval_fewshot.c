// Evaluation: the published weights on 40 fixed tasks with known accuracies; results that do not depend
// on the number of threads; baselines; settings that contradict each other.
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "experiment/fewshot.h"
#include "folder.h"
#include "test.h"

#define SHARED "../shared/"

static void test_published(void) {
  struct fewshot f;
  struct fewshot_model m;
  struct fewshot_result r;
  char path[] = "data.path=" SHARED "omniglot", tasks[] = "eval.tasks_file=" SHARED "reference/paper_cnn_tasks.json";
  char *assignments[] = { path, tasks };
  const char *const model = SHARED "reference/paper_cnn.safetensors";
  if (!file_exists(model) || !file_exists(SHARED "omniglot/images_evaluation.zip")) {
    printf("SKIP %s or the images are absent\n", model);
    return;
  }
  fewshot_init(&f);
  CHECK(fewshot_model_load(&m, &f, model, 2, assignments) == 0, "%s", err_message());
  CHECK(f.data.preprocessing == IMAGESET_PUBLISHED && m.net.ways == 5, "settings of published weights");
  CHECK(fewshot_eval(&r, &f, &m) == 0, "%s", err_message());
  CHECK(r.n_tasks == 40 && r.n_updates == 4 && r.expected, "%d tasks, %d updates", r.n_tasks, r.n_updates);
  int exact = 0, columns = r.n_updates + 1;
  for (int k = 0; k < r.n_tasks; k++) {
    int same = 1;
    for (int s = 0; s < columns; s++) same &= fabs(r.task_accuracy[k*columns + s] - r.expected[k*columns + s]) < 1e-6;
    exact += same;
  }
  CHECK(exact >= 38, "%d of 40 tasks exactly as expected", exact);
  for (int s = 0; s < columns; s++) {
    double mean = 0;
    for (int k = 0; k < r.n_tasks; k++) mean += r.expected[k*columns + s] / r.n_tasks;
    CHECK(fabs(r.accuracy[s] - mean) < test_tol(0.002), "after %d updates %.4f, %.4f expected", s, r.accuracy[s], mean);
  }
  printf("%d of %d tasks exactly as expected, mean after %d updates %.2f %%\n", exact, r.n_tasks, r.n_updates, 100 * r.accuracy[4]);
  fewshot_result_release(&r);
  // other preprocessing: the comparison can fail
  f.data.preprocessing = IMAGESET_AREA;
  CHECK(fewshot_eval(&r, &f, &m) == 0, "%s", err_message());
  CHECK(r.accuracy[4] < 0.9, "ink and background exchanged, and still %.2f %%", 100 * r.accuracy[4]);
  fewshot_result_release(&r);
  f.eval.updates = 5;  // more than there are rates, also with fixed tasks
  CHECK(fewshot_eval(&r, &f, &m) == ERR_SETTING && strstr(err_message(), "eval.updates=5"), "%s", err_message());
  fewshot_model_release(&m);
}

static void builtin(struct fewshot *f, struct fewshot_model *m, int ways) {
  struct rng r = rng_stream(13, RNG_TEST, 0);
  fewshot_init(f);
  CHECK(settings_set(f->sections, "data.kind=builtin") == 0 && settings_set(f->sections, "data.classes=30") == 0, "%s", err_message());
  CHECK(settings_set(f->sections, "data.evaluation_classes=30") == 0, "%s", err_message());
  f->data.drawings = 10;
  f->net.channels = 7;
  f->net.ways = ways;
  f->eval.tasks = 12;
  f->eval.shots = 3;
  f->eval.queries = 2;
  f->eval.statistics_images = 60;
  CHECK(convnet_init(&m->net, &f->net, (int)f->data.size) == 0, "%s", err_message());
  m->parameters = err_aligned(m->net.n, sizeof(real));
  convnet_start(&m->net, m->parameters, 0.05, &r);
}

static void test_builtin(void) {
  struct fewshot f;
  struct fewshot_model m = { 0 };
  struct fewshot_result r[2];
  builtin(&f, &m, 5);
  for (int kind = 0; kind < 2; kind++)
    for (int rule = 0; rule < (kind ? 1 : 3); rule++)
      for (int method = 0; method < 3; method++) {
        f.eval.batchnorm = rule;
        f.eval.method = method;
        f.synapse.kind = kind;
        f.eval.scratch_updates = 3;
        for (int k = 0; k < 2; k++) {
          f.run.threads = k ? 3 : 1;
          const int rc = fewshot_eval(&r[k], &f, &m);
          if (method == 2 && rule == CONVNET_FIXED) {
            CHECK(rc == ERR_SETTING && strstr(err_message(), "eval.batchnorm=chip"), "%s", err_message());
          } else {
            CHECK(rc == 0, "%s", err_message());
            const int last = r[k].n_updates;
            CHECK(r[k].accuracy[last] > (method == 1 ? 0.3 : 0) && r[k].accuracy[last] <= 1, "rule %d method %d: accuracy %g", rule, method, r[k].accuracy[last]);
          }
          if (rc < 0) r[k] = (struct fewshot_result){ 0 };
          r[k].seconds = 0;
        }
        const size_t n = (size_t)r[0].n_tasks * (size_t)(r[0].n_updates + 1);
        CHECK(!n || !memcmp(r[0].task_accuracy, r[1].task_accuracy, n * sizeof(double)), "rule %d method %d: depends on threads", rule, method);
        CHECK(!memcmp(r[0].loss, r[1].loss, sizeof r[0].loss), "rule %d method %d: losses depend on threads", rule, method);
        for (int k = 0; k < 2; k++) fewshot_result_release(&r[k]);
      }
  fewshot_model_release(&m);
}

// Enough ways that the read-out is the largest matrix; its transposed copy must fit.
static void test_many_ways(void) {
  struct fewshot f;
  struct fewshot_model m = { 0 };
  struct fewshot_result r;
  builtin(&f, &m, 200);
  f.data.evaluation_classes = 200;
  f.eval.shots = f.eval.queries = 1;
  f.eval.tasks = 1;
  f.eval.method = 2;
  f.eval.scratch_updates = 1;
  f.run.threads = 1;
  CHECK(fewshot_eval(&r, &f, &m) == 0, "%s", err_message());
  fewshot_result_release(&r);
  f.data.evaluation_classes = 199;
  CHECK(fewshot_eval(&r, &f, &m) == ERR_SETTING && strstr(err_message(), "200") && strstr(err_message(), "199"), "%s", err_message());
  fewshot_model_release(&m);
}

int main(void) {
  test_published();
  test_builtin();
  test_many_ways();
  return test_summary();
}
