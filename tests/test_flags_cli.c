// Each action takes the flags and the settings that have an effect on it and refuses all others, whatever else is
// given: exit status 2 and one line that names it. What has an effect is written down here once more, as a user would
// read it.
#include <string.h>

#include "folder.h"
#include "process.h"

#define main metaxbar_main
int main(int argc, char **argv);
#include "../cli/main.c"
#undef main

#define CLASSIFIER "models/builtin-5w5s.safetensors"
#define REACH "models/arm.safetensors"

enum { MOST_WORDS = 4 };

static const struct action {
  const char *words[MOST_WORDS];
  const char *flags;     // that it takes
  const char *sections;  // and settings
  const char *model;     // that decides which these are; NULL: none does
} actions[] = {
  { { "train", "fewshot" }, "--run --resume -c --quiet", "data net train run chip verify", NULL },
  { { "train", "arm" }, "--run --resume -c --quiet", "trajectory arm code lsg trainee update noise loss train run chip",
    NULL },
  { { "eval", "fewshot" }, "--model -c --json --scores", "data net eval synapse run chip verify ledger", NULL },
  { { "eval", "arm" }, "--model -c --json --out --scores",
    "trajectory arm code lsg trainee update noise eval target synapse run chip verify ledger", NULL },
  { { "learn" }, "--model --support --add --state --out -c --json", "learn data train synapse run chip verify",
    CLASSIFIER },
  { { "classify", "/nosuch" }, "--model --state -c --json --csv --sheet", "learn data run chip", CLASSIFIER },
  { { "data", "info" }, "-c --json --out", "data", NULL },
  { { "data", "split" }, "-c --out", "data", NULL },
  { { "data", "fetch", "omniglot" }, "-c --quiet", "", NULL },
  { { "data", "fetch", "cifar100" }, "-c --quiet", "", NULL },
  { { "model", "info" }, "--model --json", "", NULL },
  { { "model", "convert" }, "--model --out --half -c", "data net train synapse run", CLASSIFIER },
  { { "model", "convert" }, "--model --out --half -c", "trajectory arm code lsg trainee update loss synapse", REACH },
  { { "model", "resize" }, "--model --out --half", "run", REACH },
  { { "model", "average", "/nosuch", "/nosuch" }, "--out", "", NULL },
  { { "model", "seal" }, "--model --out", "", NULL },
  { { "compare", "/nosuch", "/nosuch" }, "--json", "", NULL },
  { { "demo" }, "--run --quiet", "", NULL },
  { { "device" }, "-c --json --out --driver --times", "device verify measure", NULL },
  { { "driver", "check", "exec:/nosuch" }, "-c --json --record --timeout", "driver", NULL },
  { { "chip", "map" }, "--model -c --json", "chip verify ledger net data run", CLASSIFIER },
  { { "chip", "map" }, "--model -c --json", "trajectory arm code lsg trainee update run chip verify ledger", REACH },
  { { "chip", "program" }, "--model -c --json", "chip verify ledger net data run", CLASSIFIER },
  { { "chip", "drift" }, "--model -c --json", "chip verify ledger net data run", CLASSIFIER },
  { { "chip", "tradeoff" }, "--model -c --json --out --quiet",
    "data net train eval synapse run chip verify ledger tradeoff", CLASSIFIER },
  { { "chip", "alternatives" }, "--model -c --json --out", "data net eval run chip verify ledger digital", CLASSIFIER },
  { { "chip", "export" }, "--model -c --out", "chip verify ledger net data run", CLASSIFIER },
  { { "chip", "import", "/nosuch.csv" }, "--model -c --json --out", "chip verify ledger net data run", CLASSIFIER },
  { { "arm" }, "--model -c --json --out --render --dry-run --quiet",
    "trajectory arm code lsg trainee update noise target synapse run chip verify physics link", NULL },
  { { "report", "/nosuch" }, "--run --out --quiet", "report data net trajectory arm code lsg trainee update noise loss "
                                                    "train eval target run synapse chip verify ledger", NULL },
  { { "bench" }, "--model -c --json --quiet", "data net train eval synapse run chip verify ledger", CLASSIFIER },
  { { "bench", "chip" }, "--model -c --json --quiet", "data net train eval synapse run chip verify ledger",
    CLASSIFIER },
  { { "bench", "arm" }, "--model -c --json --quiet",
    "trajectory arm code lsg trainee update noise loss train eval target run synapse chip verify ledger", REACH },
  { { "bench", "ranks" }, "-c", "data net train eval synapse run chip verify ledger", NULL },
  { { "bench", "learn" }, "--model -c --json --quiet", "data net train eval synapse run chip verify ledger",
    CLASSIFIER },
};
enum { N_ACTIONS = sizeof actions/sizeof *actions };

static const struct { const char *name, *value; } flags[] = {
  { "-c", "/nosuch.ini" }, { "--model", "/nosuch.safetensors" }, { "--run", "/proc/nosuch" },
  { "--out", "/proc/nosuch.png" }, { "--scores", "/proc/nosuch.json" }, { "--render", "/proc/nosuch.png" },
  { "--record", "/proc/nosuch" }, { "--timeout", "1" }, { "--driver", "./nosuch.so" },
  { "--times", "1" }, { "--support", "/nosuch" }, { "--add", "/nosuch" }, { "--state", "/nosuch" },
  { "--sheet", "/proc/nosuch.html" }, { "--csv", NULL },
  { "--resume", NULL }, { "--json", NULL }, { "--quiet", NULL }, { "--dry-run", NULL }, { "--half", NULL },
};
enum { N_FLAGS = sizeof flags/sizeof *flags };

// A setting of each section that every command with that section has.
static const char *const settings[] = {
  "data.size=28", "net.ways=5", "train.iterations=1", "eval.trajectories=1", "synapse.kind=exact",
  "run.seed=1", "chip.preset=hermes", "verify.gain=1", "ledger.x=1",          "trajectory.steps=60",
  "arm.stops=no", "code.scale_m=1", "lsg.neurons=5", "trainee.seed=5", "update.rate=1",
  "noise.pass1=1", "loss.root=no", "target.file=x",      "report.tasks=1", "tradeoff.levels=8",
  "device.preset=hermes", "physics.gain=1", "link.host=x", "digital.preset=none",
  "driver.yield=1", "measure.cells=64", "learn.updates=1",
};
enum { N_SETTINGS = sizeof settings/sizeof *settings };

static struct process p;

static bool among(const char *list, const char *word, size_t n) {
  for (const char *at = list; (at = strstr(at, word)); at += n)
    if ((at == list || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return true;
  return false;
}

// The value of flag k: a model that exists, and a name that the file to write may have.
static const char *value_of(const struct action *a, int k) {
  if (a->model && !strcmp(flags[k].name, "--model")) return a->model;
  const bool model = !strcmp(a->words[0], "model") && !strcmp(flags[k].name, "--out");
  return model ? "/proc/nosuch.safetensors" : flags[k].value;
}

// The action with these two more words and all its other flags that need a value, but for -c beside a setting, since it
// is read before. None of it can be done.
static void run(const struct action *a, const char *more, const char *value) {
  p = (struct process){ .main = metaxbar_main };
  for (int k = 0; k < MOST_WORDS && a->words[k]; k++) process_arg(&p, a->words[k]);
  for (int k = 0; k < N_FLAGS; k++)
    if (flags[k].value && strcmp(flags[k].name, more) && (*more == '-' || strcmp(flags[k].name, "-c")) &&
        among(a->flags, flags[k].name, strlen(flags[k].name))) {
      process_arg(&p, flags[k].name);
      process_arg(&p, value_of(a, k));
    }
  process_arg(&p, more);
  if (value) process_arg(&p, value);
  process_run(&p);
}

static void test_flags(void) {
  for (int k = 0; k < N_ACTIONS; k++)
    for (int i = 0; i < N_FLAGS; i++) {
      if (among(actions[k].flags, flags[i].name, strlen(flags[i].name))) continue;
      run(&actions[k], flags[i].name, flags[i].value);
      process_check_line(&p, 2, (const char *[]){ flags[i].name, NULL });
      CHECK(strstr(p.err, "has no effect") || strstr(p.err, "no such option"), "%s", p.err);
    }
}

// Has an earlier action the same sections?
static bool seen(int k) {
  int i = 0;
  while (strcmp(actions[i].sections, actions[k].sections)) i++;
  return i < k;
}

static void test_settings(void) {
  for (int k = 0; k < N_ACTIONS; k++)
    for (int i = 0; i < N_SETTINGS; i++) {
      char section[32], name[64];
      snprintf(section, sizeof section, "%.*s", (int)strcspn(settings[i], "."), settings[i]);
      snprintf(name, sizeof name, "%.*s:", (int)strcspn(settings[i], "="), settings[i]);
      if (among(actions[k].sections, section, strlen(section)) || (seen(k) && i)) continue;
      run(&actions[k], settings[i], NULL);
      process_check_line(&p, 2, (const char *[]){ name, NULL });
      CHECK(strstr(p.err, "has no effect") || strstr(p.err, "no section") || strstr(p.err, "no such setting"), "%s",
            p.err);
    }
}

// The usage of an action names its flags and no others.
static void test_help(void) {
  for (int k = 0; k < N_ACTIONS; k++) {
    p = (struct process){ .main = metaxbar_main };
    for (int i = 0; i < MOST_WORDS && actions[k].words[i] && !strchr(actions[k].words[i], '/'); i++)
      process_arg(&p, actions[k].words[i]);
    process_arg(&p, "--help");
    process_run(&p);
    CHECK(p.status == 0 && !p.err[0] && !strncmp(p.out, "usage: metaxbar ", 16), "%d: %s", p.status, p.err);
    for (int i = 0; i < N_FLAGS; i++) {
      char line[32];
      snprintf(line, sizeof line, "\n  %s ", flags[i].name);
      const bool has = among(actions[k].flags, flags[i].name, strlen(flags[i].name));
      CHECK(!strstr(p.out, line) == !has, "%s %s: %s in --help", actions[k].words[0], actions[k].words[1],
            flags[i].name);
    }
  }
}

static void refused(const char *text, const char *const *args) {
  p = (struct process){ .main = metaxbar_main };
  process_args(&p, args);
  process_run(&p);
  process_check_line(&p, 2, (const char *[]){ text, NULL });
}

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define FEWSHOT "eval", "fewshot", "--model", CLASSIFIER, "data.kind=builtin"

// What has an effect on one kind of evaluation alone.
static void test_kinds(void) {
  refused("chip.preset=hermes: has an effect with synapse.kind=chip only", ARGS(FEWSHOT, "chip.preset=hermes"));
  refused("verify.gain=1: has an effect with synapse.kind=chip only",
          ARGS(FEWSHOT, "synapse.kind=quantised", "verify.gain=1"));
  refused("synapse.bits=3: has an effect with synapse.kind=quantised only", ARGS(FEWSHOT, "synapse.bits=3"));
  refused("eval.scratch_rate=1: has an effect with eval.method=scratch only", ARGS(FEWSHOT, "eval.scratch_rate=1"));
  refused("eval.updates=2: has an effect with eval.method=adapt only",
          ARGS(FEWSHOT, "eval.method=centroid", "eval.updates=2"));
  refused("eval.statistics_images=50: has an effect with eval.batchnorm=chip only",
          ARGS(FEWSHOT, "eval.batchnorm=task", "eval.statistics_images=50"));
  refused("data.evaluation=0.4: has an effect with data.kind=folder only", ARGS(FEWSHOT, "data.evaluation=0.4"));
  refused("data.validation=0.4: has an effect with an empty data.validation_path only",
          ARGS("eval", "fewshot", "--model", CLASSIFIER, "data.kind=folder", "data.path=tests",
               "data.validation_path=tests", "data.validation=0.4"));
  refused("eval.trajectories=9: has an effect with random movements, not target.file, only",
          ARGS("eval", "arm", "--model", REACH, "target.file=examples/paths/circle.csv", "eval.trajectories=9"));
  refused("chip.time_s=60: has an effect with synapse.kind=chip only",
          ARGS("eval", "arm", "--model", REACH, "chip.time_s=60"));
  refused("eval.chips=2: has an effect with synapse.kind=chip only",
          ARGS("eval", "arm", "--model", REACH, "eval.chips=2"));
  refused("--out: nothing is performed with --dry-run",
          ARGS("arm", "target.file=examples/paths/circle.csv", "--dry-run", "--out", "/proc/x.csv"));
  refused("synapse.kind=quantised: has an effect with --model only",
          ARGS("arm", "target.file=examples/paths/circle.csv", "synapse.kind=quantised"));
  refused("target.piece_s=1: has an effect with --model only",
          ARGS("arm", "target.file=examples/paths/word.csv", "target.piece_s=1"));
  refused("run.seed=3: has an effect with --model only",
          ARGS("arm", "target.file=examples/paths/circle.csv", "run.seed=3"));
  refused("trajectory.family=rest: has an effect with random movements, not target.file, only",
          ARGS("eval", "arm", "--model", REACH, "target.file=examples/paths/circle.csv", "trajectory.family=rest"));
  refused("trajectory.dt_s=0.02: " REACH " was trained with steps of 0.01 s",
          ARGS("eval", "arm", "--model", REACH, "trajectory.dt_s=0.02"));
  refused("target.piece_s=5: a piece is a step of 0.01 s at least and a movement of 2.49 s at most",
          ARGS("eval", "arm", "--model", REACH, "target.file=examples/paths/word.csv", "target.piece_s=5"));
  refused("target.file=x: has an effect with a movement, not --release, only",
          ARGS("arm", "--release", "me", "target.file=x"));
  refused("link.client=me: has an effect with a movement, not --release, only",
          ARGS("arm", "--release", "me", "link.client=me"));
  refused("update.pursuit_gain=0.3: has an effect with update.grid=pursuit only",
          ARGS("train", "arm", "--run", "/proc/x", "update.pursuit_gain=0.3"));
  refused("update.step=0.3: has an effect with update.grid=nearest, stochastic or sparse only",
          ARGS("train", "arm", "--run", "/proc/x", "update.step=0.3"));
  refused("trajectory.rest_max_s=1: has an effect with trajectory.family=rest or mixed only",
          ARGS("train", "arm", "--run", "/proc/x", "trajectory.rest_max_s=1"));
  refused("train.shares=1,2,1,1,1: has an effect with trajectory.family=mixed only",
          ARGS("train", "arm", "--run", "/proc/x", "train.shares=1,2,1,1,1"));
  refused("chip.preset: has no effect here", ARGS("train", "arm", "--run", "/proc/x", "chip.preset=hermes"));
#define TRAIN_FEWSHOT "train", "fewshot", "--run", "/proc/x", "data.kind=builtin"
  refused("chip.preset=hermes: has an effect with train.synapse=weights or chip, or train.noise only",
          ARGS(TRAIN_FEWSHOT, "chip.preset=hermes"));
  refused("verify.gain=0.4: has an effect with train.synapse=weights or chip, or train.noise only",
          ARGS(TRAIN_FEWSHOT, "verify.gain=0.4"));
  refused("chip.time_s=60: has an effect with metaxbar eval only",
          ARGS(TRAIN_FEWSHOT, "train.synapse=chip", "chip.time_s=60"));
  refused("train.query_loss=last: has an effect with net.steps above 0 only",
          ARGS(TRAIN_FEWSHOT, "net.steps=0", "train.query_loss=last"));
#define CONVERT "model", "convert", "--model", CLASSIFIER, "--out", "/proc/nosuch.safetensors"
  refused("synapse.bits=3: has an effect with synapse.kind=quantised only", ARGS(CONVERT, "synapse.bits=3"));
  refused("synapse.kind=chip: what a chip holds is no model", ARGS(CONVERT, "synapse.kind=chip"));
  refused("synapse.rounding: has no effect here", ARGS(CONVERT, "synapse.rounding=stochastic"));
  refused("device.points=3: has an effect with a device model only",
          ARGS("device", "--driver", "./nosuch.so", "device.points=3"));
  refused("verify.gain=0.4: has an effect with device.programming=verify only", ARGS("device", "verify.gain=0.4"));
  refused("device.preset=hermes: has an effect with an empty device.table only",
          ARGS("device", "device.table=examples/device/lab.ini", "device.preset=hermes"));
  refused("chip.read_memory=yes: there is no read noise with chip.read_scale=0",
          ARGS(FEWSHOT, "synapse.kind=chip", "chip.read_memory=yes", "chip.read_scale=0"));
  refused("chip.aim_s=60: there is no drift with chip.drift_scale=0",
          ARGS(FEWSHOT, "synapse.kind=chip", "chip.aim_s=60", "chip.drift_scale=0"));
  refused("chip.update_aim_s=60: there is no drift with chip.drift_scale=0",
          ARGS(FEWSHOT, "synapse.kind=chip", "chip.update_aim_s=60", "chip.drift_scale=0"));
  refused("measure.points=3: has an effect with --driver only", ARGS("device", "measure.points=3"));
  refused("--times: has an effect with --driver only", ARGS("device", "--times", "1"));
  refused("--json: given twice", ARGS("device", "--json", "--json"));
#define CHIP FEWSHOT, "synapse.kind=chip"
  refused("verify.gain=0.4: has an effect with chip.programming=verify only", ARGS(CHIP, "verify.gain=0.4"));
  refused("chip.preset=hermes: has an effect with an empty chip.table only",
          ARGS(CHIP, "chip.table=examples/device/lab.ini", "chip.preset=hermes"));
  refused("chip.update_threshold=0.5: has an effect with chip.update=threshold only",
          ARGS(CHIP, "chip.update_threshold=0.5"));
  refused("chip.pulse_spread=0: has an effect with chip.update_write=pulses only", ARGS(CHIP, "chip.pulse_spread=0"));
  refused("chip.update_levels=5: has an effect with chip.update=stochastic or nearest only",
          ARGS(CHIP, "chip.update_levels=5"));
  refused("chip.recalibrate_s=20: has an effect with chip.correction=column or global only",
          ARGS(CHIP, "chip.correction=none", "chip.recalibrate_s=20"));
  refused("data.path=x: has an effect with data.kind=omniglot, folder or cifar100 only", ARGS(FEWSHOT, "data.path=x"));
  refused("data.layout=splits: has an effect with data.kind=folder only", ARGS(FEWSHOT, "data.layout=splits"));
  refused("data.drawings=5: has an effect with data.kind=builtin only",
          ARGS("eval", "fewshot", "--model", CLASSIFIER, "data.kind=folder", "data.drawings=5"));
  refused("data.url=x: has an effect with metaxbar data fetch only", ARGS(FEWSHOT, "data.url=x"));
  refused("data.flip=yes: has an effect with eval.views above 1 only", ARGS(FEWSHOT, "data.flip=yes"));
  refused("data.cutmix=0.5: has an effect with metaxbar train only", ARGS(FEWSHOT, "data.cutmix=0.5"));
  refused("target.step_s=5: has an effect with target.file only",
          ARGS("eval", "arm", "--model", REACH, "target.step_s=5"));
  refused("trajectory.ripple_min_Hz=2: has an effect with trajectory.family=ripple or mixed only",
          ARGS("eval", "arm", "--model", REACH, "trajectory.family=reach", "trajectory.ripple_min_Hz=2"));
  refused("trajectory.reach_min_s=1: has an effect with trajectory.family=reach, rest or mixed only",
          ARGS("eval", "arm", "--model", REACH, "trajectory.reach_min_s=1"));
  refused("noise.scale=column: has an effect with noise.programming or noise.read above 0 only",
          ARGS("eval", "arm", "--model", REACH, "noise.scale=column"));
  refused("chip.preset=hermes: has an effect with synapse.kind=chip only",
          ARGS("arm", "--model", REACH, "chip.preset=hermes"));
  refused("link.host=nosuch: has an effect with arm.kind=mqtt only", ARGS("arm", "--model", REACH, "link.host=nosuch"));
  refused("physics.step_s=0.001: has an effect with arm.kind=physics only",
          ARGS("arm", "--model", REACH, "physics.step_s=0.001"));
}

// Of two values of a setting the last counts, and one line says so; a secret is not shown.
static void test_repeated(void) {
  p = (struct process){ .main = metaxbar_main };
  process_args(&p, ARGS("device", "device.points=4", "device.points=3", "device.points=3"));
  process_run(&p);
  CHECK(p.status == 0 && !strcmp(p.err, "metaxbar: device.points=3 overrides device.points=4 before it\n"), "%d: %s",
        p.status, p.err);
  p = (struct process){ .main = metaxbar_main };
  process_args(&p, ARGS("arm", "link.password=first", "link.password=second"));
  process_run(&p);
  CHECK(strstr(p.err, "link.password") && !strstr(p.err, "first") && !strstr(p.err, "second"), "%s", p.err);
}

#define READS(what) ": the command also reads this file, as " what

// What is written is none of what is read, under whatever name, and two outputs are two files.
static void test_outputs(void) {
  struct folder f = folder_make();
  char model[400], other[400], state[400], picture[400], folder[400], path[420], record[420], replay[420];
  snprintf(model, sizeof model, "%s", folder_path(&f, "model.safetensors"));
  snprintf(other, sizeof other, "%s", folder_path(&f, "other.safetensors"));
  snprintf(state, sizeof state, "%s", folder_path(&f, "state"));
  snprintf(picture, sizeof picture, "%s", folder_path(&f, "set/a/0.png"));
  snprintf(folder, sizeof folder, "data.path=%s", folder_path(&f, "set"));
  snprintf(path, sizeof path, "target.file=%s", state);
  snprintf(record, sizeof record, "chip.record=%s", state);
  snprintf(replay, sizeof replay, "chip.driver=replay:%s", state);
  folder_write(&f, "model.safetensors", "x", 1);
  folder_write(&f, "state", "x", 1);
  folder_write(&f, "set/a/0.png", "x", 1);
  CHECK(link(model, other) == 0, "%s", other);
  refused(READS("--model "), ARGS("eval", "arm", "--model", model, "--scores", other));
  refused(READS("--model "), ARGS("chip", "export", "--model", model, "--out", model));
  refused(READS("-c "), ARGS("data", "split", "-c", state, "--out", state));
  refused(READS("--nir "), ARGS("model", "export", "--nir", model, "--out", other));
  refused(READS("--state "), ARGS("classify", picture, "--model", model, "--state", state, "--sheet", state));
  refused(READS(""), ARGS("classify", picture, "--model", model, "--state", state, "--sheet", picture));
  refused(READS(""), ARGS("classify", folder + 10, "--model", model, "--state", state, "--sheet", picture));
  refused(READS("--support "), ARGS("learn", "--model", model, "--support", state, "--out", state));
  refused(READS("part of --support "),
          ARGS("learn", "--model", model, "--support", folder + 10, "--out", picture));
  refused(READS("data.path="), ARGS("data", "info", "data.kind=folder", folder, "--out", picture));
  refused(READS("target.file="), ARGS("eval", "arm", "--model", model, path, "--out", state));
  refused(READS("chip.driver=replay:"), ARGS("eval", "fewshot", "--model", model, replay, record));
  refused(": the command also writes this file, as --out ",
          ARGS("eval", "arm", "--model", model, "--out", picture, "--scores", picture));
  p = (struct process){ .main = metaxbar_main };
  process_args(&p, ARGS("learn", "--model", model, "--add", "x", "--state", state, "--out", state));
  process_run(&p);
  CHECK(!strstr(p.err, "the command also"), "what was learned cannot be replaced: %s", p.err);
  folder_remove(&f);
}

// No file that is opened later takes the number of a closed standard stream, and writing to that fails.
static void test_closed(void) {
  int status = 0;
  const pid_t child = fork();
  if (child == 0) {
    close(0), close(2);
    keep_closed();
    const int fd = open("/dev/null", O_RDWR);
    _exit((fd > 2) + 2*(write(2, "x", 1) < 0) + 4*(fcntl(1, F_GETFD) >= 0));
  }
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%x", (unsigned)status);
}

int main(void) {
  test_flags();
  test_closed();
  test_settings();
  test_help();
  test_kinds();
  test_repeated();
  test_outputs();
  return test_summary();
}
