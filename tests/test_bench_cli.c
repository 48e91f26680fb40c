// metaxbar bench at sizes so small that it takes a moment: every figure is there, has a number, and nothing that it
// was not asked for. The times depend on the machine and are not checked; the counts beside them are.
#include <math.h>

#include "base/err.h"
#include "base/json.h"
#include "process.h"

static struct process p;

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define SMALL "run.threads=2", "--json"
#define CLASSIFIER "net.channels=4", "data.size=12", "data.classes=20", "data.validation=0", "train.shots=1", \
  "train.queries=1", \
                   "chip.rows=20", "chip.columns=16", "chip.cores=16"
#define ARM "lsg.neurons=24", "trainee.neurons=16", "train.trajectories=4", "train.group=2", "trajectory.steps=30"

static struct json_t *run(const char *const *args) {
  struct json_t *j = NULL;
  p = (struct process){ 0 };
  process_arg(&p, "bench");
  process_args(&p, args);
  process_run(&p);
  CHECK(p.status == 0 && !p.err[0], "status %d: %s", p.status, p.err);
  CHECK(json_parse(&j, p.out, strlen(p.out), "bench") == 0, "%s", err_message());
  return j;
}

// The figure of that name; NULL if there is none.
static struct json_t *find(const struct json_t *j, const char *name) {
  struct json_t *list, *figure;
  const char *found;
  if (!j || json_field_array(j, "bench", "figures", &list) < 0) return NULL;
  for (size_t k = 0; k < json_length(list); k++)
    if (json_item_object(list, "figures", k, &figure) == 0 && json_field_text(figure, "figure", "name", &found) == 0 &&
        !strcmp(found, name))
      return figure;
  return NULL;
}

static double number(const struct json_t *j, const char *name, const char *field) {
  double v = NAN;
  const struct json_t *figure = find(j, name);
  if (figure) json_field_f64(figure, name, field, 0, 1e30, &v);
  return v;
}

// names: NULL ends
static void check_figures(const struct json_t *j, const char *const *names) {
  for (; *names; names++) {
    const double value = number(j, *names, "value"), fastest = number(j, *names, "fastest");
    CHECK(value > 0 && fastest > 0, "%s: %g, %g", *names, value, fastest);
    if (!strstr(*names, ".over_"))
      CHECK(fastest <= value, "%s: median %g below the fastest, %g", *names, value, fastest);
  }
}

static void check_note(const struct json_t *j, const char *name, const char *text) {
  const char *note = "";
  const struct json_t *figure = find(j, name);
  if (figure && json_has(figure, "note")) json_field_text(figure, name, "note", &note);
  CHECK(strstr(note, text), "%s: '%s' not in '%s'", name, text, note);
}

static void check_chip(const struct json_t *j) {
  check_figures(j, ARGS("peak.1_thread", "chip.core.exact", "chip.core.product", "chip.core.over_exact",
                        "chip.core.bare", "chip.core.over_bare", "chip.program.statistical", "chip.program.verify",
                        "chip.program.large", "chip.adapt_task"));
  const double phases = 2.0*256*20*16*4;  // 256 vectors, 20 x 16 weights, 4 phases
  CHECK_REL(number(j, "chip.core.exact", "flop"), phases, 1e-12);
  CHECK_REL(number(j, "chip.core.product", "flop"), phases, 1e-12);
  CHECK(number(j, "chip.core.exact", "fraction_of_peak") > 0, "without a fraction of the peak");
  check_note(j, "chip.core.product", " 16384 conversions");  // 256 x 16 x 4
  check_note(j, "chip.program.statistical", "640 cells, 2560 devices");
  check_note(j, "chip.program.verify", "640 cells, 2560 devices, ");
  check_note(j, "chip.program.large", "320 x 256 weights on 256 cores, 327680 devices");
  CHECK(!strstr(p.out, " 0 pulses"), "program-and-verify without pulses: %s", p.out);
}

static void test_chip(void) {
  struct json_t *j = run(ARGS("chip", CLASSIFIER, SMALL));
  check_chip(j);
  CHECK(!find(j, "fewshot.adapt_task.1_thread"), "the classifier was timed unasked");
  json_release(j);
}

// The classifier by its name: without the parts of the chip that are not its own.
static void test_named(void) {
  struct json_t *j = run(ARGS("fewshot", "chip", CLASSIFIER, SMALL));
  check_figures(j, ARGS("peak.1_thread", "chip.adapt_task"));
  CHECK(!find(j, "chip.core.exact") && !find(j, "fewshot.adapt_task.1_thread"), "something was timed unasked");
  json_release(j);
}

static void test_layers(void) {
  struct json_t *j = run(ARGS("fewshot", "layers", "net.blocks=2", "train.tasks=2", CLASSIFIER, SMALL));
  check_figures(j, ARGS("peak", "fewshot.layer_1.forward", "fewshot.layer_1.weights", "fewshot.layer_2.data",
                        "fewshot.iteration.2_tasks.2_threads"));
  CHECK_REL(number(j, "fewshot.layer_2.data", "flop"), 2.0*5*4*4*64, 1e-12);  // 8 x 8 of 9 x 9 taps inside
  CHECK(number(j, "fewshot.layer_2.data", "fraction_of_peak") > 0, "without a fraction of the peak");
  check_note(j, "fewshot.layer_2.data", "5 images of 6 x 6 x 4, 4 channels out");
  CHECK(!find(j, "chip.adapt_task") && !find(j, "fewshot.layer_3.forward"), "something was timed unasked");
  json_release(j);
}

static void test_learn(void) {
  struct json_t *j =
      run(ARGS("learn", "net.channels=4", "data.classes=20", "data.evaluation_classes=20", "train.iterations=2",
               "train.tasks=2", "train.shots=1", "train.queries=1", "eval.tasks=3", "--quiet", SMALL));
  check_figures(j, ARGS("fewshot.learn", "fewshot.learn.accuracy"));
  check_note(j, "fewshot.learn", "2 iterations from random weights, and 3 evaluation tasks");
  CHECK(!find(j, "peak") && !find(j, "chip.core.exact"), "something was timed unasked");
  json_release(j);
}

static void test_everything(void) {
  struct json_t *j = run(ARGS(CLASSIFIER, SMALL));
  check_chip(j);
  check_figures(j, ARGS("peak", "fewshot.iteration.8_tasks.2_threads", "fewshot.iteration.32_tasks.1_thread",
                        "fewshot.adapt_task.1_thread", "memory"));
  CHECK(!find(j, "arm.iteration.2_threads"), "the arm was timed unasked");
  json_release(j);
}

static void test_arm(void) {
  struct json_t *j = run(ARGS("arm", ARM, SMALL, "update.lsg_passes=2"));
  check_figures(j, ARGS("peak", "arm.iteration.2_threads", "arm.iteration.1_thread", "memory", "arm.movement.1_thread",
                        "arm.movement.chip.1_thread", "arm.iteration.inhibition_0.0.2_threads",
                        "arm.iteration.inhibition_0.4.2_threads", "arm.iteration.lsg_12.2_threads",
                        "arm.iteration.lsg_96.2_threads"));
  const double two = number(j, "arm.iteration.2_threads", "flop"), one = number(j, "arm.iteration.1_thread", "flop");
  CHECK(two > 0 && two == one, "%g and %g operations of the same iteration", two, one);
  const double loud = number(j, "arm.iteration.inhibition_0.0.2_threads", "flop"),
               quiet = number(j, "arm.iteration.inhibition_0.4.2_threads", "flop");
  CHECK(two == loud && quiet < loud, "%g, %g operations without inhibition, %g with", two, loud, quiet);
  json_release(j);
}

// A shipped model carries the settings of its training, whose train.start is not shipped. Warnings name what the
// command line overrides.
static void test_shipped(void) {
  p = (struct process){ 0 };
  process_args(&p, ARGS("bench", "fewshot", "layers", "--model", "models/omniglot-learned.safetensors",
                        "data.classes=40", "train.tasks=1", "train.shots=1", "train.queries=1", SMALL));
  process_run(&p);
  CHECK(p.status == 0 && strstr(p.out, "fewshot.iteration.1_tasks.2_threads"), "status %d: %s", p.status, p.err);
}

// The network of colours, at a size that is soon done.
static void test_colours(void) {
  struct json_t *j = run(ARGS("cifar", "net.channels=8", "net.hidden=8", "data.size=16", "train.shots=1",
                              "train.queries=1", "train.tasks=2", SMALL));
  check_figures(j, ARGS("peak", "fewshot.iteration.2_tasks.2_threads", "fewshot.iteration.2_tasks.1_thread", "memory",
                        "fewshot.adapt_task.1_thread", "chip.adapt_task"));
  check_note(j, "fewshot.adapt_task.1_thread", "5-way 1-shot, 5 updates, 25 queries classified");
  json_release(j);
}

static void test_refusals(void) {
  const struct { int status; const char *text, *arg[9]; } cases[] = {
    { 2, "'nosuch': must be one of chip, layers, cifar, learn", { "nosuch" } },
    { 2, "metaxbar bench arm: 'chip': there is one bench of 'arm' only\n", { "arm", "chip" } },
    { 2, "metaxbar bench sine: 'nosuch': there is one bench of 'sine' only\n", { "sine", "nosuch" } },
    { 2, "metaxbar bench fewshot: 'nosuch': must be one of chip, layers, cifar, learn\n", { "fewshot", "nosuch" } },
    { 2, "more: one word too many", { "arm", "chip", "more" } },
    { 2, "arm: no such action", { "chip", "arm" } },
    { 2, "sine: 'extra': no network of this name", { "ranks", "sine", "extra" } },
    { 2, "fewshot: 'chip': no network of this name", { "ranks", "fewshot", "chip" } },
    { 2, "lsg.neurons=0", { "arm", "lsg.neurons=0" } },
    { 2, "chip.rows=0", { "chip", "chip.rows=0" } },
    { 2, "chip.cores=1", { "chip", "data.classes=20", "data.validation=0", "net.channels=4", "chip.cores=1",
                           "chip.rows=8",
                           "chip.columns=16" } },
    { 2,
      "5 ways, but there are only 3",
      { "chip", "net.channels=4", "data.classes=3", "data.validation=0", "chip.rows=20",
                                           "chip.columns=16" } },
    { 1, "/nosuch", { "arm", "--model", "/nosuch" } },
    { 1, "/nosuch", { "cifar", "data.kind=cifar100", "data.path=/nosuch" } },
    { 2,
      ": --model models/omniglot-learned.safetensors: learn begins with random weights",
      { "fewshot", "learn", "--model", "models/omniglot-learned.safetensors" } },
  };
  for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
    p = (struct process){ .args = { "bench" } };
    process_args(&p, cases[k].arg);
    process_run(&p);
    CHECK(p.status == cases[k].status && strstr(p.err, cases[k].text) && !p.out[0],
          "case %zu: status %d, '%s' not in: %s", k, p.status, cases[k].text, p.err);
  }
}

// Wait until a process that was started has worked for work_s, however busy the machine is.
static void wait_for_work(const struct process *of, double work_s) {
  clockid_t clock;
  struct timespec t = { 0 };
  CHECK(clock_getcpuclockid(of->pid, &clock) == 0, "no clock of process %d", (int)of->pid);
  while (clock_gettime(clock, &t) == 0 && (double)t.tv_sec + 1e-9*(double)t.tv_nsec < work_s) process_sleep_ms(5);
}

// Nothing is worth waiting for: it ends at once, and says so by its status.
static void test_signals(void) {
  static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
  for (int k = 0; k < 3; k++) {
    p = (struct process){ .args = { "bench" } };
    process_start(&p);
    wait_for_work(&p, 0.3);
    kill(p.pid, numbers[k]);
    process_end(&p);
    process_check_line(&p, 128 + numbers[k], (const char *[]){ "metaxbar: ended by SIG", NULL });
  }
}

int main(void) {
  if (!process_available()) return 77;
  test_layers();
  test_learn();
  test_everything();
  test_arm();
  if (!TEST_RACES_ONLY) {
    test_colours();
    test_chip();
    test_named();
    test_shipped();
    test_refusals();
    test_signals();
  }
  return test_summary();
}
