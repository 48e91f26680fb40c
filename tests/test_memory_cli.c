// What a user's sizes ask for and the machine does not have is refused in one line before anything is written; no such
// size ends the process.
#include "base/err.h"
#include "folder.h"
#include "process.h"

static void test_room(void) {
  CHECK(err_room(0, "nothing") == 0 && err_room(1e6, "little") == 0, "%s", err_message());
  CHECK(err_room(1e18, "all") == ERR_SETTING && !strncmp(err_message(), "all: 1e+09 GB of memory are needed", 34), "%s",
        err_message());
}

static void test_training(void) {
  const struct folder f = folder_make();
  char run[512];
  snprintf(run, sizeof run, "%s", folder_path(&f, "run"));
  const char *const argv[] = {
    "train", "arm", "--run", run, "trajectory.steps=5000", "train.trajectories=65536", "train.iterations=10", NULL
  };
  struct process p = { 0 };
  process_args(&p, argv);
  process_run(&p);
  CHECK(p.status == 2 && strstr(p.err, "train.trajectories") && strstr(p.err, "GB of memory are needed"), "%d: %s",
        p.status, p.err);
  CHECK(!file_exists(run), "a refused training left its folder");
  folder_remove(&f);
}

static void test_data(void) {
  const char *const argv[] = { "eval", "fewshot", "--model", "models/builtin-5w5s.safetensors", "data.kind=builtin",
                               "data.evaluation_classes=1000000", "data.drawings=1000", "eval.tasks=1", NULL };
  struct process p = { 0 };
  process_args(&p, argv);
  process_run(&p);
  CHECK(p.status == 2 && strstr(p.err, "data.evaluation_classes, data.drawings: ") && strstr(p.err, "GB of memory are"),
        "%d: %s", p.status, p.err);
}

int main(void) {
  if (!process_available()) return 77;
  test_room();
  test_training();
  test_data();
  return test_summary();
}
