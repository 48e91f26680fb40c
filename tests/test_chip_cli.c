// The command chip as a user meets it: what its actions print, and one clear line for every refusal.
#include <stdint.h>

#include "folder.h"
#include "process.h"

#define MODEL "--model", "models/builtin-5w5s.safetensors"
#define SMALL "data.kind=builtin", "data.classes=30", "data.evaluation_classes=30", "chip.calibration_rows=32"
#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static struct process run(const char *const *args) {
  struct process p = { 0 };
  process_arg(&p, "chip");
  process_args(&p, args);
  process_run(&p);
  return p;
}

static void says(const char *const *args, const char *expected) {
  static struct process p;
  p = run(args);
  CHECK(p.status == 0 && strstr(p.out, expected), "exit status %d, no '%s' in: %s%s", p.status, expected, p.out, p.err);
}

static void refuses(int status, const char *const *args, const char *expected) {
  static struct process p;
  p = run(args);
  process_check_line(&p, status, ARGS(expected));
}

int main(void) {
  if (!process_available()) return 77;
  struct folder f = folder_make();
  char out[512], missing[512];
  snprintf(out, sizeof out, "%s/t.csv", f.path);
  snprintf(missing, sizeof missing, "%s/absent/t.csv", f.path);
  says(ARGS("map", MODEL), "341824 devices");
  says(ARGS("program", MODEL, SMALL), "endurance: 1 writes");
  says(ARGS("program", MODEL, SMALL, "ledger.endurance=10", "--json"), "\"endurance_used\": 0.1");
  says(ARGS("drift", MODEL, SMALL), "30 days");
  says(ARGS("tradeoff", MODEL, SMALL, "eval.tasks=4", "tradeoff.thresholds=0.1", "tradeoff.levels=8", "--quiet", "--out", out), "stochastic         8");
  CHECK(file_exists(out), "%s is missing", out);
  refuses(1, ARGS("tradeoff", MODEL, SMALL, "eval.tasks=2", "tradeoff.thresholds=", "tradeoff.levels=", "--quiet", "--out", missing), "absent");
  refuses(2, ARGS("tradeoff", MODEL, SMALL, "tradeoff.levels=8,4"), "tradeoff.levels=8,4: item 2 is 4, not above 8");
  refuses(2, ARGS("tradeoff", MODEL, SMALL, "eval.tasks=2", "eval.chips=3", "--quiet"), "eval.chips=3: more chips than tasks, 2");
  refuses(2, ARGS("program", MODEL, SMALL, "chip.cores=1"), "chip.cores=1: the model needs 2 cores");
  refuses(1, ARGS("program", MODEL, "data.kind=omniglot", "data.path=/nowhere"), "data.path=/nowhere");
  refuses(2, ARGS("drift", MODEL, SMALL, "ledger.price=1"), "ledger.price");
  refuses(2, ARGS("erase", MODEL), "erase: no such action");
  folder_remove(&f);
  return test_summary();
}
