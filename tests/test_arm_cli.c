// metaxbar arm: what it prints, writes and draws, and how it refuses.
#include "base/err.h"
#include "base/json.h"
#include "experiment/arm/perform.h"
#include "folder.h"
#include "process.h"
#include "small_arm.h"

static struct folder folder;
static char model[300], path[300], csv[300];

// A small untrained model, and a movement in a file.
static void prepare(void) {
  char text[4000] = "base,shoulder\n";
  snprintf(model, sizeof model, "%s", folder_path(&folder, "m.safetensors"));
  snprintf(path, sizeof path, "%s", folder_path(&folder, "p.csv"));
  snprintf(csv, sizeof csv, "%s", folder_path(&folder, "out.csv"));
  small_arm_write(model, 40, 30, 60, 1);
  for (int k = 0; k < 50; k++) sprintf(text + strlen(text), "%.3f,%.3f\n", 0.02*(k + 1), -0.01*(k + 1));
  folder_write(&folder, "p.csv", text, strlen(text));
}

static void run(struct process *p, const char *const *args) {
  *p = (struct process){ 0 };
  process_arg(p, "arm");
  process_args(p, args);
  process_run(p);
}
#define RUN(p, ...) run(p, (const char *const[]){ __VA_ARGS__, NULL })

static double number(const char *text, const char *object, const char *name) {
  struct json_t *j, *o;
  double v = NAN;
  if (json_parse(&j, text, strlen(text), "stdout") < 0) return v;
  o = j;
  if (!object || json_field_object(j, "stdout", object, &o) == 0) json_field_f64(o, "stdout", name, -1e9, 1e9, &v);
  json_release(j);
  return v;
}

static void check_kinematic(struct process *p) {
  RUN(p, "--model", model, "--json", "--out", csv);
  const double learned = number(p->out, "rms_distance_cm", "target_commanded");
  CHECK(p->status == 0 && learned > 0 && number(p->out, "rms_distance_cm", "target_performed") == learned, "%d: %s%s",
        p->status, p->out, p->err);
  CHECK(number(p->out, "rms_distance_cm", "commanded_performed") == 0 && number(p->out, NULL, "arm_s") == 15, "%s",
        p->out);
  char *text = NULL;
  size_t size;
  int lines = 0;
  CHECK(file_read(csv, 1 << 20, &text, &size) == 0, "%s", err_message());
  for (const char *c = text; c && *c; c++) lines += *c == '\n';
  CHECK(lines == 61 && !strncmp(text, "step,time_s,target_s,target_x_m,", 32), "%d lines", lines);
  free(text);
  char target[400];
  snprintf(target, sizeof target, "target.file=%s", path);
  RUN(p, target, "--json");
  CHECK(p->status == 0 && number(p->out, "rms_distance_cm", "target_performed") == 0 &&
            number(p->out, NULL, "steps") == 50,
        "%s%s", p->out, p->err);
  RUN(p, "target.file=examples/paths/word.csv");
  CHECK(p->status == 0 && strstr(p->out, "1001 set-points") && strstr(p->out, "before them 53 set-points from home"),
        "%s%s", p->out, p->err);
  RUN(p, target, "--dry-run");
  CHECK(p->status == 0 && !strncmp(p->out, "metainfo {\"signal\": 1}\n", 23) && strstr(p->out, "[1.145915590261646"),
        "%.400s%s", p->out, p->err);
}

static void check_physics(struct process *p) {
  char target[400], png[400];
  snprintf(target, sizeof target, "target.file=%s", path);
  snprintf(png, sizeof png, "%s", folder_path(&folder, "a.png"));
  RUN(p, target, "arm.kind=physics", "--json");
  if (!physics_available())
    return process_check_line(p, 2, (const char *const[]){ "arm.kind=physics", "libmujoco-dev", NULL });
  const double off = number(p->out, "rms_distance_cm", "commanded_performed");
  CHECK(p->status == 0 && off > 0.5 && off < 6, "%s%s", p->out, p->err);  // lag of some 0.4 s at 4.6 degrees/s
  RUN(p, target, "arm.kind=physics", "arm.hold_s=2", "--json");
  CHECK(p->status == 0 && number(p->out, "rms_distance_cm", "commanded_performed") < off/2, "%s%s", p->out, p->err);
  setenv("ASAN_OPTIONS", "detect_leaks=0", 1);  // OpenGL in software never returns some of its memory
  RUN(p, target, "--render", png);
  unsetenv("ASAN_OPTIONS");
  CHECK(p->status == 0 ? file_exists(png) : strstr(p->err, "cannot draw") != NULL, "%d: %s", p->status, p->err);
}

static void check_refusals(struct process *p) {
  static const struct { const char *args[4]; int status; const char *texts[3]; } bad[] = {
    { { "--json" }, 2, { "nothing to perform", "--model FILE" } },
    { { "extra" }, 2, { "extra: unknown word" } },
    { { "arm.kind=steam" }, 2, { "arm.kind=steam: must be one of kinematic, physics, mqtt" } },
    { { "arm.hold_s=0" }, 2, { "arm.hold_s=0: outside [0.001, 10]" } },
    { { "target.file=/nowhere.csv" }, 1, { "/nowhere.csv: " } },
    { { "--model", "/nowhere" }, 1, { "/nowhere: " } },
    { { "--render", "a.avi" }, 2, { "a.avi: a picture or film is" } },
    { { "--render" }, 2, { "--render: needs a value" } },
    { { "--render", "", "--json" }, 2, { "--render: needs a value" } },
    { { "" }, 2, { "an empty word among the arguments" } },
  };
  for (size_t k = 0; k < sizeof bad/sizeof *bad; k++) {
    run(p, bad[k].args);
    process_check_line(p, bad[k].status, bad[k].texts);
  }
  char target[400], out[500];
  snprintf(target, sizeof target, "target.file=%s", path);
  snprintf(out, sizeof out, "%s/none/out.csv", folder.path);
  RUN(p, target, "--out", out);
  process_check_line(p, 1, (const char *const[]){ "none", NULL });
  RUN(p, target, "--out", "/dev/full");  // what can be printed is printed, and the failure once
  const char *failure = strstr(p->err, "/dev/full: cannot write");
  CHECK(p->status == 1 && strstr(p->out, "tip distance") && failure && !strstr(failure + 1, "/dev/full"), "%d: %s%s",
        p->status, p->out, p->err);
  RUN(p, target, "arm.kind=mqtt", "link.host=127.0.0.1", "link.port=1", "link.answer_s=2");
  process_check_line(
      p, mqtt_available() ? 1 : 2,
      (const char *const[]){ mqtt_available() ? "127.0.0.1:1: no MQTT broker answers" : "libmosquitto-dev", NULL });
  RUN(p, target, "arm.kind=mqtt", "link.step_deg=0.5");
  static const char step[] = "set-point 0: base steps by 1.15 degrees from home; limit link.step_deg=0.5";
  process_check_line(p, 2, (const char *const[]){ mqtt_available() ? step : "libmosquitto-dev", NULL });
  static const char steep[] = "0,0\n0,1.3\n0,0\n0,0\n0,0\n0,0\n0,0\n0,0\n0,0\n0,0\n";
  folder_write(&folder, "p.csv", steep, sizeof steep - 1);
  RUN(p, target);
  process_check_line(p, 1, (const char *const[]){ "p.csv:2: shoulder at 74.48 degrees; limit 70", NULL });
}

int main(void) {
  static struct process p;
  if (!process_available()) return 77;
  folder = folder_make();
  prepare();
  check_kinematic(&p);
  check_physics(&p);
  check_refusals(&p);
  folder_remove(&folder);
  return test_summary();
}
