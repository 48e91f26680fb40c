// metaxbar driver check: the simulated chip and the example of a laboratory pass every check, and for each check a
// driver that is wrong in just that way fails it. Evaluations on a driver give what simulated devices give, bit for
// bit, also from a recording; a driver that is lost ends them with one line.
#include <sys/stat.h>

#include "base/err.h"
#include "folder.h"
#include "process.h"

static struct folder tmp;
static struct process p;
static char drivers[1024];  // folder of the shared objects

static void run(const char *const *args) {
  p = (struct process){ 0 };
  process_args(&p, args);
  process_run(&p);
}
#define RUN(...) run((const char *const[]){ __VA_ARGS__, NULL })

static const char *driver(const char *name, const char *arguments) {
  static char text[4][2048];
  static int next;
  char *to = text[next++ % 4];
  snprintf(to, sizeof text[0], "%s/%s.so:%s", drivers, name, arguments);
  return to;
}

// Lines of p.out that begin with this.
static int lines(const char *begin) {
  int n = 0;
  for (const char *at = p.out; (at = strstr(at, begin)); at++) n += at == p.out || at[-1] == '\n';
  return n;
}

static const char *const checks[] = {
  "info", "place", "zero", "read", "positive", "negative", "full", "reached", "status", "counts", "some", "mask",
  "regions", "no_input", "rows", "columns", "weight_sign", "input_sign", "linear", "additive", "negated", "saturation",
  "batch", "largest", "charge", "margin", "least", "clock", "wait", "no_wait", "save", "random", "bad_region",
  "bad_target", "bad_input", "reset",
};
enum { N_CHECKS = sizeof checks/sizeof *checks };

#define HERMES "chip.preset=hermes chip.cores=2"
#define TOLERANCE "driver.tolerance=0.1"

static void test_simulator(void) {
  static const char *const chips[] = {
    HERMES, "chip.preset=joshi2020 chip.phases=1 chip.adc_bits=10 chip.cores=1",
    "chip.preset=hermes1 chip.rows=4 chip.columns=8 chip.cores=1 chip.prog_scale=0.2",
    HERMES " chip.adc_gain_spread=0.02 chip.adc_offset_spread=1 seed=7",
  };
  for (size_t k = 0; k < sizeof chips/sizeof *chips; k++) {
    RUN("driver", "check", driver("simulator", chips[k]), TOLERANCE);
    CHECK(p.status == 0 && !p.err[0], "%s: status %d: %s%s", chips[k], p.status, p.out, p.err);
    CHECK(lines("pass ") == N_CHECKS, "%s: %d of %d pass", chips[k], lines("pass "), N_CHECKS);
  }
  for (int k = 0; k < N_CHECKS; k++) {
    char name[40];
    snprintf(name, sizeof name, "pass  %s ", checks[k]);
    CHECK(lines(name) == 1, "no check '%s'", checks[k]);
  }
  RUN("driver", "check", driver("simulator", HERMES));  // whose errors are larger than the default tolerance
  CHECK(p.status == 1 && lines("FAIL  positive") == 1 && strstr(p.out, "within 0.02; 95 %, as needed, within 0.08"),
        "%s", p.out);
  int said = -1, are = -2;  // it says which cells these errors miss
  const char *status = strstr(p.out, "FAIL  status ");
  const char *form = "FAIL status %d of %*d cells are said to be within the tolerance, %d are";
  CHECK(status && sscanf(status, form, &said, &are) == 2 && said == are, "%s", p.out);
}

static void test_broken(void) {
  for (int k = 0; k < N_CHECKS; k += TEST_SANITIZED ? 3 : 1) {
    char arguments[100], name[40];
    snprintf(arguments, sizeof arguments, "%s " HERMES, checks[k]);
    snprintf(name, sizeof name, "FAIL  %s ", checks[k]);
    RUN("driver", "check", driver("broken", arguments), TOLERANCE);
    CHECK(p.status == 1 && strstr(p.err, "checks failed"), "%s: status %d: %s", checks[k], p.status, p.err);
    CHECK(lines(name) == 1, "'%s' does not see it: %s", checks[k], p.out);
    CHECK(lines("FAIL ") <= (strcmp(checks[k], "place") ? 4 : N_CHECKS), "%s: %d checks fail: %s", checks[k],
          lines("FAIL "), p.out);
  }
}

static void test_laboratory(void) {
  if (system("python3 -c 0 2>/dev/null")) {
    printf("SKIP the driver in Python: python3 is absent\n");
    return;
  }
  char record[300];
  snprintf(record, sizeof record, "%s/lab", tmp.path);
  RUN("driver", "check", "exec:python3 examples/driver/lab.py", "--record", record);
  CHECK(p.status == 0 && lines("FAIL") == 0 && lines("-  ") == 5, "status %d: %s%s", p.status, p.out, p.err);
  char first[sizeof p.out], replay[310];
  memcpy(first, p.out, sizeof first);
  snprintf(replay, sizeof replay, "replay:%s", record);
  RUN("driver", "check", replay);
  CHECK(p.status == 0 && !strcmp(p.out, first), "the recording gives: %s%s", p.out, p.err);
  RUN("driver", "check", replay, "driver.seed=2");
  process_check_line(&p, 1, (const char *[]){ record, ": call 5: another call than the recorded one: target[0]",
                                              NULL });
}

// The check of a recording that is damaged or cut off ends there: it says nothing about the chip.
static void test_damaged(void) {
  char record[300], replay[310], *data;
  size_t size;
  snprintf(record, sizeof record, "%s", folder_path(&tmp, "whole"));
  snprintf(replay, sizeof replay, "replay:%s", folder_path(&tmp, "damaged"));
  RUN("driver", "check", driver("simulator", HERMES), TOLERANCE, "--record", record);
  if (file_read(record, 1 << 24, &data, &size) < 0) abort();
  folder_write(&tmp, "damaged", data, size);
  RUN("driver", "check", replay, TOLERANCE);
  CHECK(p.status == 0, "status %d: %s%s", p.status, p.out, p.err);
  for (int part = 1; part < 8; part++) {
    data[size*(size_t)part/8] ^= 1;
    folder_write(&tmp, "damaged", data, size);
    RUN("driver", "check", replay, TOLERANCE);
    process_check_line(&p, 1, (const char *[]){ "/damaged: call ", ": the checksum does not match", NULL });
    data[size*(size_t)part/8] ^= 1;
    folder_write(&tmp, "damaged", data, size*(size_t)part/8);
    RUN("driver", "check", replay, TOLERANCE, "--json");
    process_check_line(&p, 1, (const char *[]){ "/damaged: call ", ": the recording is cut off here", NULL });
  }
  free(data);
}

// The numbers of "error" in p.out, before the first update and after the last.
static void errors(double *first, double *last) {
  const char *at = strstr(p.out, "\"error\": [");
  char *end = NULL;
  CHECK(p.status == 0 && at, "status %d: %s%s", p.status, p.out, p.err);
  for (*first = *last = strtod(at ? at + 10 : "", &end); at && *end == ',';) *last = strtod(end + 1, &end);
}

// A network learns on a chip whose driver offers no ranges, and no `save`: cells are programmed back after each task.
static void test_laboratory_learns(void) {
#define LEARNER "eval", "sine", "--json", "--model", "models/sine.safetensors", "eval.tasks=4", "run.threads=1"
#define LABORATORY "synapse.kind=chip", "chip.driver=exec:python3 examples/driver/lab.py"
  double first, last, lab_first, lab_last;
  if (system("python3 -c 0 2>/dev/null")) {
    printf("SKIP learning on the driver in Python: python3 is absent\n");
    return;
  }
  RUN(LEARNER);
  errors(&first, &last);
  RUN(LEARNER, LABORATORY);
  process_check_line(&p, 2, (const char *[]){ "chip.adc_margin=2: this driver does not choose output ranges", NULL });
  RUN(LEARNER, LABORATORY, "chip.adc_margin=1.1");
  errors(&lab_first, &lab_last);
  CHECK(fabs(lab_first/first - 1) < 0.2, "the chip begins with an error of %g, software with %g", lab_first, first);
  CHECK(lab_last < 2*last, "the chip ends with an error of %g, software with %g", lab_last, last);
}

// A signal ends every command with one line, and leaves no file that is not complete.
static void test_signals(void) {
  static const struct { int number, status; const char *name; } signals[] = {
    { SIGTERM, 143, "SIGTERM" }, { SIGINT, 130, "SIGINT" }, { SIGHUP, 129, "SIGHUP" }, { SIGUSR1, 75, "SIGUSR1" },
  };
  char record[300], temporary[330];
  snprintf(record, sizeof record, "%s", folder_path(&tmp, "stopped"));
  snprintf(temporary, sizeof temporary, "%s.metaxbar-0.tmp", record);
  for (size_t k = 0; k < sizeof signals/sizeof *signals; k++) {
    p = (struct process){ .args = { "driver", "check", "exec:sleep 100", "--record", record } };
    process_start(&p);
    for (int ms = 0; ms < 60000 && !file_exists(temporary); ms += 10) process_sleep_ms(10);
    CHECK(file_exists(temporary), "no recording was begun");
    kill(p.pid, signals[k].number);
    process_end(&p);
    process_check_line(&p, signals[k].status, (const char *[]){ "metaxbar: ended by ", signals[k].name, NULL });
    CHECK(!file_exists(temporary) && !file_exists(record), "%s: a file is left", signals[k].name);
  }
}

static void refused(int status, const char *text, const char *const *args) {
  run(args);
  process_check_line(&p, status, (const char *[]){ text, NULL });
}

static void test_refused(void) {
#define ARGS(...) ((const char *const[]){ "driver", "check", __VA_ARGS__, NULL })
  refused(2, "DRIVER is missing", ARGS(NULL));
  char fifo[300];  // nobody writes to it: it must not be waited for
  snprintf(fifo, sizeof fifo, "%s", folder_path(&tmp, "fifo"));
  CHECK(mkfifo(fifo, 0600) == 0, "mkfifo");
  refused(1, "/fifo: not a regular file", ARGS(fifo));
  refused(1, "/fifo: not a regular file", ((const char *const[]){ "model", "info", "--model", fifo, NULL }));
  refused(1, "nosuch.so", ARGS("./nosuch.so"));
  refused(1, "simulated chip has none", ARGS(driver("simulator", "chip.driver=x")));
  refused(2, "the checks need 4 x 8", ARGS(driver("simulator", "chip.rows=3")));
  refused(2, "--timeout 1s", ARGS("exec:cat", "--timeout", "1s"));
  refused(1, "--x=1: ended with exit status 3", ARGS("exec:sh -c 'exit 3' --x=1"));
  refused(1, "no answer within 0.1 s", ARGS("exec:sleep 100", "--timeout", "0.1"));
  refused(2, "--timeout 5: has an effect with a driver exec:COMMAND only", ARGS("./nosuch.so", "--timeout", "5"));
  refused(2, "--timeout 60: has an effect with a driver exec:COMMAND only", ARGS("replay:nosuch", "--timeout", "60"));
}

// ---- evaluations

static void cut(const char *name) {
  char *field = strstr(p.out, name);
  if (!field) return;
  const size_t length = strcspn(field, ",}");
  memmove(field, field + length, strlen(field + length) + 1);
}

// Without the time it took, what the devices are called, saturated conversions, which a driver does not count, and
// weights that were missed, which without a driver are those of a loop that gave up.
static char *result(void) {
  while (strstr(p.out, "\"conversions_saturated\"")) cut("\"conversions_saturated\"");
  while (strstr(p.out, "\"verify_failed\"")) cut("\"verify_failed\"");
  cut("\"seconds\"");
  cut("\"preset\": \"hermes\"");
  cut("\"preset\": \"/");
  cut("\"preset\": \"replay:");
  return strdup(p.out);
}

// The setting `chip` and more, separated by blanks.
static char *evaluate(const char *kind, const char *model, const char *items, const char *chip, const char *more) {
  char text[500], *rest = text;
  p = (struct process){ 0 };
  process_args(&p, (const char *const[]){ "eval", kind, "--model", model, items, "synapse.kind=chip", "run.seed=3",
                                          "run.threads=1", "--json", NULL });
  if (chip) process_arg(&p, chip);
  snprintf(text, sizeof text, "%s", more);
  for (char *one; (one = strsep(&rest, " ")) != NULL;) process_arg(&p, one);
  process_run(&p);
  CHECK(p.status == 0 && p.out[0] == '{', "%s %s: status %d: %s", kind, chip ? chip : "", p.status, p.err);
  return result();
}

// Inside, behind a driver that is recorded, and from the recording.
static void same_bits(const char *kind, const char *model, const char *items, const char *devices) {
  char chip[2200], record[400], arguments[200];
  snprintf(arguments, sizeof arguments, "%s seed=3", devices);
  snprintf(chip, sizeof chip, "chip.driver=%s", driver("simulator", arguments));
  snprintf(record, sizeof record, "chip.record=%s/%s", tmp.path, kind);
  char *inside = evaluate(kind, model, items, NULL, devices), *outside = evaluate(kind, model, items, chip, record);
  CHECK(!strcmp(inside, outside), "%s, %s, on the driver:\n%s\n%s", kind, devices, inside, outside);
  snprintf(chip, sizeof chip, "chip.driver=replay:%s/%s", tmp.path, kind);
  char *again = evaluate(kind, model, items, chip, "chip.cores=2");
  CHECK(!strcmp(inside, again), "%s, %s, from the recording:\n%s\n%s", kind, devices, inside, again);
  free(again);
  free(outside);
  free(inside);
}

// Read noise in four phases is drawn for the signs that inputs have: inside those of all vectors of a product, which
// the driver cannot know; there the bits differ.
static void test_evaluation(void) {
  same_bits("sine", "models/sine.safetensors", "eval.tasks=4", HERMES);
  same_bits("sine", "models/sine.safetensors", "eval.tasks=4", HERMES " chip.phases=1 chip.read_memory=yes");
  same_bits("sine", "models/sine.safetensors", "eval.tasks=4", HERMES " chip.read_scale=0");
  if (!TEST_SANITIZED) same_bits("arm", "models/arm-chip.safetensors", "eval.trajectories=2", HERMES);
}

static void test_faults(void) {
  static const char *const faults[][2] = {
    { "product@40=lost", "product of region" },       { "program@2=worn", "worn out" },
    { "product@40=timeout", "no answer in time" },    { "call@1=busy", "busy" },
    { "read@1=failed,program@3=argument", "cannot take" },
  };
  char chip[2200], fault[100];
  snprintf(chip, sizeof chip, "chip.driver=%s", driver("simulator", "chip.preset=hermes chip.cores=2"));
  for (size_t k = 0; k < sizeof faults/sizeof *faults; k++) {
    snprintf(fault, sizeof fault, "chip.driver_faults=%s", faults[k][0]);
    RUN("eval", "sine", "--model", "models/sine.safetensors", "eval.tasks=4", "synapse.kind=chip", "run.threads=1",
        chip, fault);
    process_check_line(&p, 1, (const char *[]){ faults[k][1], k == 3 ? "" : "; nothing was saved", NULL });
  }
  char record[300], setting[320], says[400];
  snprintf(record, sizeof record, "%s", folder_path(&tmp, "failed.recording"));
  snprintf(setting, sizeof setting, "chip.record=%s", record);
  snprintf(says, sizeof says, "as chip.driver_faults asks; nothing was saved but the calls, in %s", record);
  RUN("eval", "sine", "--model", "models/sine.safetensors", "eval.tasks=4", "synapse.kind=chip", "run.threads=1", chip,
      "chip.driver_faults=product@40=lost", setting);
  process_check_line(&p, 1, (const char *[]){ says, NULL });
  CHECK(file_exists(record), "no %s", record);
}

// What a chip behind a driver cannot do is refused with the reason, and before the driver is opened.
static void test_refused_settings(void) {
#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NOSUCH "synapse.kind=chip", "chip.driver=./nosuch.so"
#define SINE "eval", "sine", "--model", "models/sine.safetensors", NOSUCH
#define FEWSHOT "eval", "fewshot", "--model", "models/builtin-5w5s.safetensors", "data.kind=builtin", NOSUCH
  refused(2, "eval.chips=2: chip.driver=./nosuch.so is one chip", WORDS(SINE, "eval.chips=2"));
  refused(2, "synapse.state=a.csv: chip.driver=./nosuch.so is programmed anew", WORDS(SINE, "synapse.state=a.csv"));
  refused(2, "eval.chips=3: chip.driver=./nosuch.so is one chip", WORDS(FEWSHOT, "eval.chips=3"));
  refused(2, "eval.later_s: chip.driver=./nosuch.so cannot be put back in time", WORDS(FEWSHOT, "eval.later_s=60"));
  refused(2, "eval.later_s: chip.driver=./nosuch.so cannot be put back in time",
          WORDS("eval", "arm", "--model", "models/arm-chip.safetensors", NOSUCH, "eval.later_s=60"));
#define TIMEOUT "chip.driver_timeout_s=5: has an effect with chip.driver=exec:COMMAND only"
  refused(2, TIMEOUT, WORDS(SINE, "chip.driver_timeout_s=5"));
  refused(2, TIMEOUT, WORDS(FEWSHOT, "chip.driver=replay:nosuch", "chip.driver_timeout_s=5"));
  refused(2, "chip.driver=./nosuch.so: train.synapse needs simulated chips",
          WORDS("train", "fewshot", "--run", folder_path(&tmp, "run"), "data.kind=builtin", "train.synapse=chip",
               "chip.driver=./nosuch.so"));
}

int main(void) {
  if (!process_available()) return 77;
  snprintf(drivers, sizeof drivers, "%.*s", (int)(strrchr(getenv("METAXBAR"), '/') - getenv("METAXBAR")),
           getenv("METAXBAR"));
  tmp = folder_make();
  test_simulator();
  test_broken();
  test_laboratory();
  test_laboratory_learns();
  test_damaged();
  test_signals();
  test_refused();
  test_refused_settings();
  test_evaluation();
  test_faults();
  folder_remove(&tmp);
  return test_summary();
}
