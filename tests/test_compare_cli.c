// Two evaluations item by item: the difference and its interval against hand-worked ones, files that are no scores,
// files of other items, and the command.
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "folder.h"
#include "image_tree.h"
#include "lab/compare.h"
#include "process.h"
#include "test.h"

#define FILE_OF(score, better, chips, trials, data, items, values)                                                     \
  "{\"experiment\": \"fewshot\", \"score\": \"" score "\", \"higher_is_better\": " better ", \"chips\": " chips        \
  ", \"trials\": " trials ", \"data\": \"" data "\", \"items\": {" items "}, \"values\": [" values "]}"
#define GOOD(values) FILE_OF("loss", "false", "1", "0", "ab", "\"run.seed\": \"1\"", values)

static int parse(struct compare_scores *s, const char *text, const char *name) {
  return compare_parse(s, text, strlen(text), name);
}

// Differences 1, 2, 3, 2: mean 2, standard error sqrt(2/3)/2, t(0.975, 3) = 3.18245.
static void test_difference(void) {
  struct compare_scores a, b;
  struct compare c;
  CHECK(parse(&a, GOOD("2, 4, 6, 8"), "a") == 0 && parse(&b, GOOD("1, 2, 3, 6"), "b") == 0, "%s", err_message());
  CHECK(compare_run(&c, &a, &b) == 0, "%s", err_message());
  CHECK(a.mean.mean == 5 && b.mean.mean == 3 && c.difference.mean == 2, "%g", c.difference.mean);
  CHECK_REL(c.difference.ci95, 3.182446*sqrt(2.0/3)/2, 1e-5);
  CHECK(c.difference.p > 0.016 && c.difference.p < 0.017, "p = %g", c.difference.p);  // t = 4.899 with 3 degrees
  compare_release(&a);
  compare_release(&b);
}

// Two chips, each an offset of its own: with the chip as the unit nothing is shown.
static void test_chips(void) {
  struct compare_scores a, b;
  struct compare c;
  CHECK(parse(&a, FILE_OF("loss", "false", "2", "0", "", "", "1, 3, 1, 3, 1, 3"), "a") == 0 &&
            parse(&b, FILE_OF("loss", "false", "1", "0", "", "", "0, 0, 0, 0, 0, 0"), "b") == 0,
        "%s", err_message());
  CHECK(compare_run(&c, &a, &b) == 0 && c.difference.mean == 2, "%s", err_message());
  CHECK_REL(c.difference.ci95, 12.7062, 1e-5);  // t(0.975, 1) times the standard error 1 of the two means
  CHECK(c.difference.p > 0.29, "p = %g", c.difference.p);
  compare_release(&a);
  compare_release(&b);
}

// Files that are no scores, and then such of other items than "a".
static void test_refused(void) {
  static const struct {
    const char *text, *expected;
  } cases[] = {
    { "{\"score\": 1}", "b: experiment" },
    { GOOD(""), "b: values has 0 numbers" },
    { GOOD("1, \"x\""), "b: values" },
    { FILE_OF("loss", "false", "0", "0", "", "", "1"), "b: chips" },
    { FILE_OF("accuracy", "true", "1", "5", "", "", "1.5"), "b: values" },
    { FILE_OF("", "true", "1", "5", "", "", "1"), "b: score" },
    { FILE_OF("loss", "false", "7", "0", "", "", "1, 2, 3"), "b: chips=7: more chips than values, 3" },
    { "{\"experiment\": \"few", "b:" },
    { FILE_OF("cm", "false", "1", "0", "ab", "\"run.seed\": \"1\"", "1, 2"), "a has score=loss, b has cm" },
    { FILE_OF("loss", "false", "1", "0", "cd", "\"run.seed\": \"1\"", "1, 2"), "a has data=ab, b has cd" },
    { FILE_OF("loss", "false", "1", "0", "ab", "\"run.seed\": \"2\"", "1, 2"), "a has run.seed=1, b has 2" },
    { FILE_OF("loss", "false", "1", "0", "ab", "\"run.seed\": \"1\", \"x\": \"y\"", "1, 2"),
      "a has x=(default), b has" },
    { FILE_OF("loss", "false", "1", "0", "ab", "\"run.seed\": 1", "1, 2"), "b: run.seed" },
    { FILE_OF("loss", "true", "1", "0", "ab", "\"run.seed\": \"1\"", "1, 2"),
      "a and b have different higher_is_better: not the same score" },
    { GOOD("1, 2, 3"), "a has 2 items, b has 3" },
    { FILE_OF("loss", "false", "1", "5", "ab", "\"run.seed\": \"1\"", "1, 1"), "a has 0 trials, b has 5" },
  };
  enum { FILES = 8 };  // the first ones
  struct compare_scores a, b;
  struct compare c;
  CHECK(parse(&a, GOOD("1, 2"), "a") == 0, "%s", err_message());
  for (int k = 0; k < (int)(sizeof cases/sizeof *cases); k++) {
    int rc = parse(&b, cases[k].text, "b");
    CHECK(rc == (k < FILES ? ERR_FORMAT : 0), "case %d: %d, %s", k, rc, err_message());
    if (rc == 0) {
      rc = compare_run(&c, &a, &b);
      compare_release(&b);
    }
    CHECK(rc < 0 && strstr(err_message(), cases[k].expected), "'%s' not in '%s'", cases[k].expected, err_message());
  }
  compare_release(&a);
}

static struct process p;
static char first[300], second[300];  // files of scores

static void run(const char *const *args) {
  p = (struct process){ 0 };
  process_args(&p, args);
  process_run(&p);
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })
// That succeeds and prints `expected`.
#define SAYS(expected, ...)                                                                         \
  do {                                                                                              \
    RUN(__VA_ARGS__);                                                                               \
    CHECK(p.status == 0 && strstr(p.out, expected), "'%s' is not in %s%s", expected, p.out, p.err); \
  } while (0)

// The sines of a model and of the same model on a grid of 4 bits.
static void test_command(void) {
  SAYS("", "eval", "sine", "--model", "models/sine.safetensors", "eval.tasks=50", "--scores", first);
  SAYS("", "eval", "sine", "--model", "models/sine.safetensors", "eval.tasks=50", "--scores", second,
       "synapse.kind=quantised");
  SAYS("50 items", "compare", first, second);
  CHECK(strstr(p.out, ": the first is better\n"), "%s", p.out);
  SAYS("\"better\": \"second\"", "compare", second, first, "--json");
  SAYS("no difference is shown", "compare", first, first);
  RUN("compare", first, "/nosuch");
  CHECK(p.status == 1 && strstr(p.err, "/nosuch"), "%s", p.err);
  RUN("compare", first);
  CHECK(p.status == 2, "status %d", p.status);
  // before hours of work, not after them
  RUN("eval", "sine", "--model", "models/sine.safetensors", "eval.tasks=10000000", "--scores", "/nosuch/x");
  CHECK(p.status == 1 && strstr(p.err, "/nosuch/x"), "%s", p.err);
}

// A chip is calibrated on images of other classes; the tasks are those of software all the same.
static void test_chip(void) {
#define EVAL                                                                                                           \
  "eval", "fewshot", "--model", "models/builtin-5w5s.safetensors", "data.kind=builtin", "data.classes=40",             \
      "data.validation=0", "eval.tasks=4", "--scores"
  SAYS("", EVAL, first);
  SAYS("", EVAL, second, "synapse.kind=chip", "eval.chips=2", "chip.calibration_rows=32");
  SAYS("4 items", "compare", first, second);
#undef EVAL
}

// Tasks of one group each are others.
static void test_groups(const struct folder *f) {
#define EVAL                                                                                                           \
  "eval", "fewshot", "--model", "models/builtin-5w5s.safetensors", "data.kind=folder", path, "data.evaluation=1",      \
      "data.groups=parent", "eval.tasks=4", "--scores"
  char path[512];
  snprintf(path, sizeof path, "data.path=%s", folder_path(f, "marks"));
  image_tree_fill(f, "marks/a/", 6, 12);
  image_tree_fill(f, "marks/b/", 6, 12);
  SAYS("", EVAL, first);
  SAYS("", EVAL, second, "data.tasks=alphabet");
  RUN("compare", first, second);
  CHECK(p.status == 2 && strstr(p.err, "second.json has alphabet: not the same items"), "%s", p.err);
#undef EVAL
}

static void write_file(const char *path, const char *text) {
  FILE *out = fopen(path, "w");
  if (!out || fputs(text, out) < 0 || fclose(out) != 0) abort();
}

// A path of 40 points that turns the base by `degrees`.
static void write_path(const char *path, double degrees) {
  FILE *out = fopen(path, "w");
  if (!out) abort();
  fputs("base_deg,shoulder_deg\n", out);
  for (int k = 1; k <= 40; k++) fprintf(out, "%g,%g\n", degrees*k/40, 0.5*k);
  if (fclose(out) != 0) abort();
}

static void expect_refused(const char *reason) {
  RUN("compare", first, second);
  CHECK(p.status == 2 && strstr(p.err, reason), "status %d, not '%s': %s", p.status, reason, p.err);
}

// A path is known by its points, not by its name; the movements that a model learned are not its.
static void test_path(const struct folder *f) {
#define EVAL "eval", "arm", "--model", "models/arm.safetensors", name, "--scores"
  char file[300], name[320], copy[320];
  snprintf(file, sizeof file, "%s", folder_path(f, "path.csv"));
  snprintf(name, sizeof name, "target.file=%s", file);
  write_path(file, 30);
  SAYS("", EVAL, first);
  snprintf(copy, sizeof copy, "target.file=%s", folder_path(f, "copy.csv"));
  write_path(copy + strlen("target.file="), 30);
  SAYS("", "eval", "arm", "--model", "models/arm-any.safetensors", copy, "--scores", second, "run.seed=5");
  SAYS("1 item, rms_distance_cm", "compare", first, second);
  write_path(file, 31);
  SAYS("", EVAL, second);
  expect_refused("second.json has");
  CHECK(strstr(p.err, "first.json has data="), "%s", p.err);
#undef EVAL
#define EVAL "eval", "arm", "--model", "models/arm.safetensors", "eval.trajectories=3", "--scores"
  SAYS("", EVAL, first);
  SAYS("", EVAL, second, "arm.stops=no");
  SAYS("3 items", "compare", first, second);
  SAYS("", EVAL, second, "eval.stream=validation");
  expect_refused("first.json has eval.stream=evaluation");
  SAYS("", EVAL, second, "arm.a3=0.25");
  expect_refused("first.json has arm.a3=0.35");
#undef EVAL
}

// So are the tasks of a file.
static void test_tasks_file(const struct folder *f) {
#define TASKS(query)                                                                                                   \
  "{\"tasks\": [{\"classes\": [\"mark00\", \"mark01\"], \"support\": [[1, 2], [3, 4]], \"query\": [[" query        \
  "], [5, 6]]}]}"
  char path[320], file[300], copy[300], name[320], name_of_copy[320];
  snprintf(path, sizeof path, "data.path=%s", folder_path(f, "few"));
  snprintf(file, sizeof file, "%s", folder_path(f, "tasks.json"));
  snprintf(copy, sizeof copy, "%s", folder_path(f, "copy.json"));
  snprintf(name, sizeof name, "eval.tasks_file=%s", file);
  snprintf(name_of_copy, sizeof name_of_copy, "eval.tasks_file=%s", copy);
  image_tree_fill(f, "few/", 2, 8);
#define EVAL                                                                                                           \
  "eval", "fewshot", "--model", "models/builtin-5w5s.safetensors", "data.kind=folder", path, "data.evaluation=1",      \
      "--scores"
  write_file(file, TASKS("5, 6"));
  write_file(copy, TASKS("5, 6"));
  SAYS("", EVAL, first, name);
  SAYS("", EVAL, second, name_of_copy, "run.seed=5");
  SAYS("1 item, accuracy", "compare", first, second);
  write_file(file, TASKS("5, 7"));
  SAYS("", EVAL, second, name);
  expect_refused("second.json has");
  image_tree_class(f, "few/mark01", 3, 8);  // another character
  SAYS("", EVAL, second, name_of_copy);
  expect_refused("second.json has");
#undef EVAL
#undef TASKS
}

// As are the support images of base classes, which are no tasks of their own.
static void test_base_classes(void) {
#define EVAL                                                                                                           \
  "eval", "fewshot", "--model", "models/builtin-5w5s.safetensors", "data.kind=builtin", "data.classes=20",             \
      "data.evaluation_classes=6", "data.drawings=10", "data.validation=0", "data.test_images=4", "eval.tasks=2",      \
      "eval.method=incremental", "eval.batchnorm=chip", "eval.shots=2", "eval.queries=3", "--scores"
  SAYS("", EVAL, first, "eval.base_shots=3");
  SAYS("", EVAL, second, "eval.base_shots=3", "eval.stage=2");
  SAYS("2 items", "compare", first, second);
  SAYS("", EVAL, second, "eval.base_shots=4");
  expect_refused("first.json has eval.base_shots=3");
#undef EVAL
}

int main(void) {
  test_difference();
  test_chips();
  test_refused();
  if (!process_available()) return 77;
  struct folder f = folder_make();
  snprintf(first, sizeof first, "%s", folder_path(&f, "first.json"));
  snprintf(second, sizeof second, "%s", folder_path(&f, "second.json"));
  test_command();
  if (!TEST_RACES_ONLY) test_chip();
  if (!TEST_RACES_ONLY) test_groups(&f);
  if (!TEST_RACES_ONLY) test_path(&f);
  if (!TEST_RACES_ONLY) test_tasks_file(&f);
  if (!TEST_RACES_ONLY) test_base_classes();
  folder_remove(&f);
  return test_summary();
}
