// The core for microcontrollers, on this machine, against the program with the same fixed statistics: 1000 tasks of the
// data set in the folder OMNIGLOT.
#include "edge_fixture.h"

int main(void) {
  static struct edge_fixture e;
  const char *characters = getenv("OMNIGLOT");
  char path[PARAM_TEXT_SIZE];
  const char *const settings[] = { "data.kind=omniglot", path, "eval.ways=5", "eval.shots=5", "eval.tasks=1000", NULL };
  if (!characters) {
    printf("SKIP OMNIGLOT=DIR is not set\n");
    return 77;
  }
  snprintf(path, sizeof path, "data.path=%s", characters);
  struct fewshot_result r;
  edge_fixture_init(&e, "models/omniglot-any.safetensors", settings);
  CHECK(fewshot_eval(&r, &e.f, &e.m, &e.data) == 0, "%s", err_message());
  double sum[2] = { 0 };
  for (int k = 0; k < r.n_tasks; k++) {
    edge_fixture_draw(&e, k);
    sum[0] += edge_fixture_accuracy(&e, 0)/r.n_tasks;
    sum[1] += edge_fixture_accuracy(&e, r.n_updates)/r.n_tasks;
  }
  printf("program %.2f +- %.2f, core %.2f; without updates %.2f\n", 100*r.accuracy[r.n_updates],
         100*r.ci95[r.n_updates], 100*sum[1], 100*sum[0]);
  CHECK(fabs(sum[1] - r.accuracy[r.n_updates]) < 0.002 && sum[1] >= 0.983, "core");
  fewshot_result_release(&r);
  edge_fixture_release(&e);
  return test_summary();
}
