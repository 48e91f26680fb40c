// The commands on the sines: trained and resumed to the same bits by any number of threads, better after learning
// than before in software, with quantised weights and on chips, and all that the commands know of an experiment without
// naming one.
#include "base/err.h"
#include "base/json.h"
#include "base/stat.h"
#include "experiment/sine/sine.h"
#include "folder.h"
#include "process.h"

static struct folder tmp;
static struct process p;

// One command; the list of arguments ends with NULL.
static void run(const char *const *args) {
  p = (struct process){ 0 };
  process_args(&p, args);
  process_run(&p);
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })
// Enough that a run takes longer than the limits of processor time below, however fast the machine; few for races
#define ITERATIONS (TEST_RACES_ONLY ? "train.iterations=20" : TEST_SANITIZED ? "train.iterations=100" : \
                    "train.iterations=300")
#define SMALL "train.tasks=5", "train.validate_tasks=10", "train.validate_every=20", "train.log_every=10", \
              "train.noise=0.01", "train.checkpoint_every_s=0", "--quiet"

static void train(const char *name, const char *threads, const char *iterations, const char *more) {
  RUN("train", "sine", "--run", folder_path(&tmp, name), threads, iterations, SMALL, more);
  CHECK(p.status == 0 && !p.out[0], "%s: status %d: %s", name, p.status, p.err);
}

static bool same(const char *a, const char *b) {
  char *x, *y;
  size_t n = 0, m = 0;
  if (file_read(folder_path(&tmp, a), 1 << 24, &x, &n) < 0) return false;
  if (file_read(folder_path(&tmp, b), 1 << 24, &y, &m) < 0) return false;
  const bool equal = n == m && !memcmp(x, y, n);
  free(x);
  free(y);
  return equal;
}

static void test_training(void) {
  train("one", "run.threads=1", ITERATIONS, NULL);
  train("two", "run.threads=2", ITERATIONS, NULL);
  train("eight", "run.threads=8", ITERATIONS, NULL);
  train("seed", "run.threads=1", ITERATIONS, "run.seed=2");
  const char *const files[] = { "model.safetensors", "model-best.safetensors", "metrics.csv" };
  for (int k = 0; k < 3; k++) {
    char one[64], two[64], eight[64], seed[64];
    snprintf(one, sizeof one, "one/%s", files[k]), snprintf(two, sizeof two, "two/%s", files[k]);
    snprintf(eight, sizeof eight, "eight/%s", files[k]), snprintf(seed, sizeof seed, "seed/%s", files[k]);
    CHECK(same(one, two) && same(one, eight), "%s depends on the number of threads", files[k]);
    CHECK(!same(one, seed), "%s does not depend on the seed", files[k]);
  }
}

// Stopped by a limit of processor time, and continued.
static void test_resumed(void) {
  int stops = 0;
  do {
    p = (struct process){ .work_limit_s = stops < 3 ? 0.015*(stops + 1) : 0 };
    const bool resume = file_exists(folder_path(&tmp, "stopped/settings.ini"));
    process_args(&p, (const char *const[]){ "train", "sine", "--run", folder_path(&tmp, "stopped"), "run.threads=1",
                                            ITERATIONS, SMALL, resume ? "--resume" : NULL, NULL });
    process_run(&p);
    stops++;
  } while (p.status == 128 + SIGPROF && stops < 5);
  CHECK(p.status == 0 && stops > 1, "stopped %d times, then: %s", stops - 1, p.err);
  CHECK(same("one/model.safetensors", "stopped/model.safetensors"), "resumed to another model");
  CHECK(same("one/metrics.csv", "stopped/metrics.csv"), "resumed to other metrics");
}

// Of the shipped model, through the library: each task before and after, paired.
static void test_better(const char *kind, double most) {
  struct sine set;
  struct sine_model m;
  struct series r;
  char chosen[64];
  snprintf(chosen, sizeof chosen, "synapse.kind=%s", kind);
  char bits[] = "synapse.bits=6", tasks[] = "eval.tasks=60", chips[] = "eval.chips=6", one[] = "eval.chips=1";
  char *list[] = { chosen, bits, tasks, strcmp(kind, "chip") ? one : chips };
  sine_init(&set);
  const struct run_sources from = { .n_assignments = 4, .assignments = list };
  CHECK(sine_model_load(&m, &set, "models/sine.safetensors", &from) == 0, "%s", err_message());
  CHECK(sine_eval(&r, &set, &m, NULL) == 0, "%s", err_message());
  const struct stat_difference d =
    stat_paired(&r.records[0], &r.records[r.job.n_updates], r.n_items, r.stride, r.n_chips, 0);
  const double after = series_score(&r, r.job.n_updates).mean;
  CHECK(d.mean > 0 && d.p < 0.01 && after < most, "%s: %g better (p = %g), error %g", kind, d.mean, d.p, after);
  CHECK((r.item.devices_written > 0) == !strcmp(kind, "chip"), "%s: %g devices written", kind, r.item.devices_written);
  if (getenv("TEST_VERBOSE")) printf("%s: error %g, %g better +- %g, p %g\n", kind, after, d.mean, d.ci95, d.p);
  series_release(&r);
  sine_model_release(&m);
}

// Errors and cells of the printed forms agree; threads do not matter.
static void test_printed(const char *kind, const char *chips) {
  static char first[sizeof p.out];
  char chosen[64];
  snprintf(chosen, sizeof chosen, "synapse.kind=%s", kind);
  const char *csv = folder_path(&tmp, "first.csv");
  RUN("eval", "sine", "--model", "models/sine.safetensors", "eval.tasks=12", chosen, chips, "run.threads=1",
      "--json", "--out", csv);
  CHECK(p.status == 0, "%s: %s", kind, p.err);
  struct json_t *o, *error;
  double after = 0;
  CHECK(json_parse(&o, p.out, strlen(p.out), "output") == 0, "%s", err_message());
  CHECK(json_field_array(o, "output", "error", &error) == 0 && json_length(error) == 6 &&
          json_item_f64(error, "output", 5, 0, 100, &after) == 0, "%s", err_message());
  json_release(o);
  strcpy(first, p.out);
  RUN("eval", "sine", "--model", "models/sine.safetensors", "eval.tasks=12", chosen, chips, "run.threads=8", "--json");
  CHECK(p.status == 0 && !strcmp(first, p.out), "%s: threads matter: %s", kind, p.out);
  RUN("eval", "sine", "--model", "models/sine.safetensors", "eval.tasks=12", chosen, chips);
  char text[64];
  snprintf(text, sizeof text, "%7d  %18.4f", 5, after);
  CHECK(p.status == 0 && strstr(p.out, text), "'%s' is not in: %s", text, p.out);
  char *cells;
  size_t n;
  CHECK(file_read(csv, 1 << 20, &cells, &n) == 0 && !strncmp(cells, "x,target,before,after\n-5,", 25), "%s",
        err_message());
  free(cells);
}

// What is written once for all experiments.
static void test_commands(void) {
  static const char model[] = "models/sine.safetensors";
  RUN("chip", "map", "--model", model);
  CHECK(p.status == 0 && strstr(p.out, "layer2") && strstr(p.out, " devices\n"), "%s%s", p.out, p.err);
  RUN("chip", "program", "--model", model);
  CHECK(p.status == 0 && strstr(p.out, "layer3") && strstr(p.out, "devices_written"), "%s%s", p.out, p.err);
  RUN("chip", "drift", "--model", model);
  CHECK(p.status == 0 && strstr(p.out, "30 days"), "%s%s", p.out, p.err);
  RUN("chip", "tradeoff", "--model", model, "eval.tasks=8", "tradeoff.thresholds=0.1", "tradeoff.levels=8", "--quiet");
  CHECK(p.status == 0 && strstr(p.out, "8 sines on 1 chip, after 5 updates; devices per sine"), "%s%s", p.out, p.err);
  RUN("chip", "export", "--model", model, "--out", folder_path(&tmp, "state.safetensors"));
  CHECK(p.status == 0, "%s", p.err);
  char state[512];
  snprintf(state, sizeof state, "synapse.state=%.400s", folder_path(&tmp, "state.safetensors"));
  RUN("eval", "sine", "--model", model, "eval.tasks=4", "synapse.kind=chip", state);
  CHECK(p.status == 0 && strstr(p.out, "4 sines, chip"), "%s%s", p.out, p.err);
  RUN("bench", "sine", "train.tasks=4", "run.threads=2", "--json");
  CHECK(p.status == 0 && strstr(p.out, "sine.item.chip.1_thread"), "%s%s", p.out, p.err);
  RUN("report", folder_path(&tmp, "one"), "report.sines=4");
  CHECK(p.status == 0, "%s%s", p.out, p.err);
  RUN("train", "sine", "--help");
  CHECK(p.status == 0 && strstr(p.out, "train.noise"), "%s%s", p.out, p.err);
}

static void test_refused(void) {
  RUN("eval", "sine", "--model", "models/omniglot-learned.safetensors");
  process_check_line(&p, 1, (const char *const[]){ "expected format 'metaxbar sine' of version 1", NULL });
  RUN("train", "arm", "--run", folder_path(&tmp, "one"), "--resume", "train.iterations=9");
  process_check_line(&p, 2, (const char *const[]){ "/one: a run of sine, not of arm", NULL });
  RUN("eval", "sine", "--model", "models/sine.safetensors", "net.hidden=41");
  process_check_line(&p, 2, (const char *const[]){ "net.hidden: has no effect here", NULL });
  RUN("eval", "sine", "--model", "models/sine.safetensors", "synapse.kind=chip", "eval.tasks=2", "eval.chips=3");
  process_check_line(&p, 2, (const char *const[]){ "eval.chips=3: more chips than sines, 2", NULL });
}

int main(void) {
  if (!process_available()) return 77;
  tmp = folder_make();
  test_training();
  if (!TEST_RACES_ONLY) {
    test_resumed();
    test_better("exact", 0.3);
    test_better("quantised", 1);
    test_better("chip", 1);
  }
  test_printed("exact", "run.seed=2");
  test_printed("chip", "eval.chips=2");
  test_commands();
  test_refused();
  folder_remove(&tmp);
  return test_summary();
}
