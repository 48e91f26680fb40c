// metaxbar eval arm: what it prints and writes, on software and on a chip; paths of the user's own, accepted and
// refused.
#include "base/err.h"
#include "base/file.h"
#include "base/tensorfile.h"
#include "folder.h"
#include "process.h"
#include "small_arm.h"
#include "unsealed.h"

static struct process p;
static char model[200], table[200], path[200], converted[220];

static void run(const char *const *args) {
  p = (struct process){ 0 };
  process_args(&p, (const char *[]){ "eval", "arm", "--model", model, "run.threads=1", NULL });
  process_args(&p, args);
  process_run(&p);
}
#define RUN(...) run((const char *[]){ __VA_ARGS__, NULL })

static void says(const char *const *texts) {
  CHECK(p.status == 0, "exit status %d: %s", p.status, p.err);
  for (; *texts; texts++) CHECK(strstr(p.out, *texts), "'%s' is not in: %s", *texts, p.out);
}
#define SAYS(...) says((const char *[]){ __VA_ARGS__, NULL })

// Without its checksum, a file may say other sizes than its tensors have.
static void check_recorded_sizes(const char *other) {
  static const char *const texts[][3] = {
    { "\"lsg.neurons\": \"30\"", "\"lsg.neurons\": \"31\"", "metadata: lsg.neurons=31, but its tensors have 30" },
    { "\"trainee.neurons\": \"20\"", "\"trainee.neurons\": \"21\"",
      "metadata: trainee.neurons=21, but its tensors have 20" },
  };
  for (int k = 0; k < 2; k++) {
    unsealed_copy(other, model, texts[k][0], texts[k][1]);
    p = (struct process){ 0 };
    process_args(&p, (const char *[]){ "eval", "arm", "--model", other, "eval.trajectories=1", NULL });
    process_run(&p);
    process_check_line(&p, 1, (const char *[]){ texts[k][2], NULL });
  }
}

static void check_output(void) {
  RUN("eval.trajectories=3", "--json", "--out", table);
  SAYS("\"trajectories\": 3", "\"generator\": \"consistent\"", "\"synapse\": \"exact\"", "\"rms_distance_cm\": {",
       "\"mean\":", "\"std\":", "\"ci95\":", "\"omega_rmse_rad_s\"", "\"before\": {", "\"rate_hz\": {",
       "\"lsg\":", "\"devices_total\": 0", "\"weights_changed\": {");
  CHECK(!strstr(p.out, "ledger"), "a ledger without a chip");
  RUN("eval.trajectories=4", "--json", "synapse.kind=chip", "chip.preset=joshi2020", "eval.chips=2", "eval.later_s=60");
  SAYS("\"synapse\": \"chip\"", "\"preset\": \"joshi2020\"", "\"chips\": 2", "\"later_s\": 60", "\"ledger\": {",
       "\"deployment\": {", "\"movements\": {", "\"per_movement\": {\"all\": {", "\"second_pass\": {",
       "\"preset\": \"legallo2023\"", "\"devices_total\": 2000", "\"programmed\": {");
  RUN("eval.trajectories=2", "--json", "synapse.kind=quantised", "synapse.bits=6");
  SAYS("\"synapse\": \"quantised\"", "\"bits\": 6", "\"devices_total\": 0");
  RUN("eval.trajectories=2", "synapse.kind=chip");
  SAYS("2 movements", "chips: 1 x hermes", "2000 of 2000 devices",
       "    movement =       pass 1 +       update +      waiting +       pass 2",
       "reading: at most so much (legallo2023:");
  char *csv;
  size_t size, lines = 0, commas = 0;
  CHECK(file_read(table, 1 << 20, &csv, &size) == 0, "%s", err_message());
  for (size_t k = 0; k < size; k++) {
    lines += csv[k] == '\n';
    commas += csv[k] == ',';
  }
  CHECK(lines == 250 && commas == 250*16, "%zu lines, %zu commas", lines, commas);
  CHECK(!strncmp(csv, "step,time_s,target_base_rad_s,", 30) && strstr(csv, "\n249,2.49,"), "%.60s", csv);
  free(csv);
}

// A converted model performs with the settings it was given.
static void check_convert(void) {
  p = (struct process){ 0 };
  process_args(&p, (const char *[]){ "model", "convert", "--model", model, "--out", converted, "update.grid=stochastic",
                                     "chip.scale=column", NULL });
  process_run(&p);
  CHECK(p.status == 0, "exit status %d: %s", p.status, p.err);
  p = (struct process){ 0 };
  process_args(&p, (const char *[]){ "eval", "arm", "--model", converted, "eval.trajectories=1", "run.threads=1",
                                     "--json", NULL });
  process_run(&p);
  SAYS("\"grid\": \"stochastic\"");
}

static void half_precision(const char *file, bool half) {
  struct tensorfile *tf;
  CHECK(tensorfile_open(&tf, file) == 0, "%s", err_message());
  for (int k = 0; k < tensorfile_count(tf); k++)
    CHECK((tensorfile_at(tf, k)->dtype == TENSORFILE_F16) == half, "%s: half precision or not",
          tensorfile_at(tf, k)->name);
  tensorfile_close(tf);
}

// A model in half precision, and one with a wider trainee.
static void check_resize(void) {
  char wide[220];
  snprintf(wide, sizeof wide, "%.190s.wide.safetensors", model);
  p = (struct process){ 0 };
  process_args(
      &p, (const char *[]){ "model", "resize", "--model", model, "--out", wide, "trainee.neurons=60", "--half", NULL });
  process_run(&p);
  CHECK(p.status == 0, "exit status %d: %s", p.status, p.err);
  p = (struct process){ 0 };
  process_args(&p, (const char *[]){ "model", "info", "--model", wide, NULL });
  process_run(&p);
  SAYS("60 x 60", "30 x 60", "5 x 60", "trainee.neurons=60", "update.rate=3.33333333", "update.input_rate=3");
  struct reach f;
  struct reach_model m;
  reach_init(&f);
  CHECK(reach_model_load(&m, &f, wide, &(struct run_sources){ 0 }) == 0 && m.o.trainee.n == 60, "%s", err_message());
  reach_model_release(&m);
  half_precision(wide, true);
  p = (struct process){ 0 };
  process_args(&p, (const char *[]){ "model", "resize", "--model", wide, "--out", wide, "trainee.neurons=45", NULL });
  process_run(&p);
  CHECK(p.status == 0, "exit status %d: %s", p.status, p.err);
  p = (struct process){ 0 };
  process_args(&p, (const char *[]){ "model", "info", "--model", wide, NULL });
  process_run(&p);
  SAYS("45 x 45", "30 x 45", "5 x 45", "trainee.neurons=45", "update.input_rate=2.25");
  half_precision(wide, false);
  for (int half = 0; half < 2; half++) {
    p = (struct process){ 0 };
    process_args(&p, (const char *[]){ "model", "convert", "--model", wide, "--out", wide,
                                       half ? "--half" : "update.lsg_passes=1", NULL });
    process_run(&p);
    CHECK(p.status == 0, "exit status %d: %s", p.status, p.err);
    half_precision(wide, half);
  }
  p = (struct process){ 0 };
  process_args(&p, (const char *[]){ "model", "convert", "--half", "--model", "models/sine.safetensors",
                                     "--out", wide, NULL });
  process_run(&p);
  CHECK(p.status == 2 && strstr(p.err, "--half: not for models of sines"), "%d: %s", p.status, p.err);
  static const char *const wrong[][2] = { { "trainee.neurons=50", "trainee.neurons=50: neither fewer than the 20" },
                                          { "code.bits=9", "code.bits: has no effect here; these have one: "
                                                           "trainee.neurons, code.velocity" },
                                          { "trainee.neurons=0", "trainee.neurons=0" },
                                          { "code.velocity_scale=3", "as the model has" },
                                          { "run.seed=2", "trainee.neurons=20: as the model has" } };
  for (size_t k = 0; k < sizeof wrong/sizeof *wrong; k++) {
    p = (struct process){ 0 };
    process_args(&p, (const char *[]){ "model", "resize", "--model", model, "--out", wide, wrong[k][0], NULL });
    process_run(&p);
    CHECK(p.status == 2 && strstr(p.err, wrong[k][1]), "%d: %s", p.status, p.err);
  }
  unlink(wide);
  p = (struct process){ 0 };
  process_args(&p, (const char *[]){ "train", "arm", "--run", wide, "train.start=models/sine.safetensors",
                                     "run.threads=1", NULL });
  process_run(&p);
  CHECK(p.status == 1 && strstr(p.err, "models/sine.safetensors: is a 'metaxbar sine', not a 'metaxbar arm'"), "%d: %s",
        p.status, p.err);
}

static void check_examples(void) {
  static const struct { const char *name, *said, *length; } paths[] = {
    { "circle", "249 rows of x, y, z in m (the unit assumed), without times, spread over one movement", "path" },
    { "letter", "249 rows of base, shoulder in rad (the unit assumed), without times, spread", "path" },
    { "word", "501 rows of base, shoulder in rad, 10 s by their times; begins at base -35.5, shoulder -8.6",
      "\"seconds\": 10" },
    { "pick_and_place", "401 rows of x, y, z in mm, 8 s by their times", "\"seconds\": 8" },
    { "figure_eight", "301 rows of base, shoulder in deg, 6 s by their times", "\"seconds\": 6" },
  };
  for (size_t k = 0; k < sizeof paths/sizeof *paths; k++) {
    char target[80];
    snprintf(target, sizeof target, "target.file=examples/paths/%s.csv", paths[k].name);
    RUN(target, "--json");
    SAYS("\"trajectories\": 1", paths[k].name, paths[k].length, "\"std\": 0", "\"ci95\": null");
    CHECK(strstr(p.err, paths[k].said), "'%s' is not in: %s", paths[k].said, p.err);
  }
  RUN("target.file=examples/paths/word.csv");
  SAYS("1 path of 10 s, learned in ", " movements one after the other", "after ");
  RUN("trajectory.steps=5000");
  process_check_line(&p, 2, (const char *[]){ "trajectory.steps=5000: ", "was trained on movements of ", NULL });
}

// n rows of small angles, with one row replaced.
static void write_path(int n, int at, const char *row) {
  FILE *out = fopen(path, "w");
  for (int k = 1; k <= n; k++) {
    if (k == at) fprintf(out, "%s\n", row);
    else fprintf(out, "%.4f,%.4f\n", 1e-3*k, -1e-3*k);
  }
  fclose(out);
}

static void refused(int status, const char *const *texts) {
  char target[240];
  snprintf(target, sizeof target, "target.file=%s", path);
  RUN(target, "--out", table);
  process_check_line(&p, status, texts);
}
#define REFUSED(...) refused(1, (const char *[]){ path, __VA_ARGS__, NULL })

static void check_refused(void) {
  static const struct {
    int rows, at;             // row `at` holds `row`
    const char *row, *where, *reason, *limit;
  } cases[] = {
    { 9, 0, "", "9 rows", "at least 10", NULL },
    { 249, 120, "1,0", ":120:", "base jumps", "limit" },
    { 249, 120, "nan,0", ":120:", "not finite", NULL },
    { 249, 1, "0.5,0", ":2:", "base jumps", "from the row before" },
    { 249, 120, "0,-3", ":120:", "shoulder at -171.9 degrees", "limit 70" },
    { 249, 120, "0.9,0,0.3", ":120:", "3 columns", NULL },
    { 11, 11, "0.001,x", ":11:", "column 2", NULL },
  };
  for (size_t k = 0; k < sizeof cases/sizeof *cases; k++) {
    write_path(cases[k].rows, cases[k].at, cases[k].row);
    REFUSED(cases[k].where, cases[k].reason, cases[k].limit);
  }
  FILE *out = fopen(path, "w");
  for (int k = 1; k <= 30; k++) fprintf(out, "%g,-0.033,0.3585\n", 0.92 + 0.003*k);
  fclose(out);
  REFUSED(":4:", "0.012 m", "target.reach_tolerance_m=0.01");
  unlink(path);
  REFUSED("No such file");
}

static struct process chip(const char *const *args) {
  struct process q = { 0 };
  process_args(&q, (const char *[]){ "chip", NULL });
  process_args(&q, args);
  process_args(&q, (const char *[]){ "--model", model, "run.threads=1", NULL });
  process_run(&q);
  return q;
}

// What follows "name": in the output.
static double value(const char *name) {
  const char *at = strstr(p.out, name);
  CHECK(at, "no %s in: %s", name, p.out);
  return at ? strtod(at + strlen(name), NULL) : 0;
}

// A chip that was saved performs as one that is written now, and an older one says how old it is.
static void check_state(const char *state, const char *other) {
  char use[300], wrong[300];
  snprintf(use, sizeof use, "synapse.state=%s", state);
  snprintf(wrong, sizeof wrong, "synapse.state=%s", other);
  struct process q = chip((const char *[]){ "export", "--out", state, NULL });
  CHECK(q.status == 0, "exit status %d: %s", q.status, q.err);
  RUN("eval.trajectories=3", "--json", "synapse.kind=chip");
  const double now = value("\"mean\":");
  RUN("eval.trajectories=3", "--json", "synapse.kind=chip", use);
  CHECK(value("\"mean\":") == now, "%.17g, a chip written now: %.17g", value("\"mean\":"), now);
  q = chip((const char *[]){ "import", state, "chip.time_s=1e7", "--out", state, NULL });
  CHECK(q.status == 0, "exit status %d: %s", q.status, q.err);
  RUN("eval.trajectories=3", "--json", "synapse.kind=chip", use);
  CHECK(value("\"mean\":") != now && value("\"time_s\":") == 1e7, "%.17g after %g s", value("\"mean\":"),
        value("\"time_s\":"));
  char table_state[300], use_table[330];  // devices alone: their columns are corrected when they are loaded
  snprintf(table_state, sizeof table_state, "%s.csv", state);
  snprintf(use_table, sizeof use_table, "synapse.state=%s", table_state);
  q = chip((const char *[]){ "export", "chip.time_s=1e7", "--out", table_state, NULL });
  CHECK(q.status == 0, "exit status %d: %s", q.status, q.err);
  RUN("eval.trajectories=3", "--json", "synapse.kind=chip", use_table);
  const double twice = value("\"products\":");
  CHECK(value("\"time_s\":") == 1e7, "%s", p.out);
  RUN("eval.trajectories=3", "--json", "synapse.kind=chip", use_table, "chip.correction=none");
  CHECK(twice > 0 && value("\"products\":") == twice/2,
        "%g products to calibrate a chip and then the devices of a table, %g without", twice, value("\"products\":"));
  unlink(table_state);
  RUN("eval.trajectories=3", "synapse.kind=chip", use, "chip.time_s=60");
  process_check_line(&p, 2, (const char *[]){ "chip.time_s=60", "the clock stands at 1e+07 s", NULL });
  RUN("eval.trajectories=3", "synapse.kind=chip", use, "eval.chips=2");
  process_check_line(&p, 2, (const char *[]){ use, "the state of one chip, for synapse.kind=chip eval.chips=1", NULL });
  RUN("eval.trajectories=3", use);
  process_check_line(&p, 2, (const char *[]){ use, "has an effect with synapse.kind=chip only", NULL });
  RUN("eval.trajectories=3", "synapse.kind=chip", wrong);
  process_check_line(&p, 2, (const char *[]){ wrong, ".safetensors, .npz or .csv", NULL });
  unlink(state);
  RUN("eval.trajectories=3", "synapse.kind=chip", use);
  process_check_line(&p, 1, (const char *[]){ state, "No such file", NULL });
}

static void check_settings(void) {
  unlink(table);
  RUN("synapse.kind=chip", "chip.update=nearest", "update.grid=stochastic", "--out", table);
  process_check_line(&p, 2, (const char *[]){ "chip.update=nearest", "update.grid=stochastic", NULL });
  RUN("synapse.kind=quantised", "noise.read=0.1", "--out", table);
  process_check_line(&p, 2, (const char *[]){ "synapse.kind=quantised", "noise.*", NULL });
  RUN("synapse.kind=chip", "eval.chips=3", "eval.trajectories=2", "--out", table);
  process_check_line(&p, 2, (const char *[]){ "eval.chips=3", "more chips than movements, 2", NULL });
  RUN("eval.chips=65");
  process_check_line(&p, 2, (const char *[]){ "eval.chips=65", NULL });
  static const char *const without[][2] = {
    { "code.regions=8", "code.kind=onehot or population" }, { "code.velocity_scale=3", "code.velocity" },
    { "update.step=0.1", "update.grid" },                   { "trajectory.free_below_m=0.5", "trajectory.free=yes" },
    { "noise.preset=hermes", "noise.programming or noise.read above 0" }, { "lsg.damping=0.5", "metaxbar train" },
    { "trainee.beta=1", "trainee.adaptive_fraction above 0" },
  };
  for (size_t k = 0; k < sizeof without/sizeof *without; k++) {
    RUN(without[k][0], "--out", table);
    process_check_line(&p, 2, (const char *[]){ without[k][0], ": has an effect with ", without[k][1], NULL });
  }
  CHECK(!file_exists(table), "%s is there after a refusal", table);
  RUN("eval.trajectories=1", "--out", "/nowhere/table.csv");
  process_check_line(&p, 1, (const char *[]){ "/nowhere/table.csv", NULL });
}

int main(void) {
  if (!process_available()) return 77;
  const struct folder folder = folder_make();
  snprintf(model, sizeof model, "%s", folder_path(&folder, "model.safetensors"));
  snprintf(table, sizeof table, "%s", folder_path(&folder, "table.csv"));
  snprintf(converted, sizeof converted, "%.190s.converted.safetensors", model);
  snprintf(path, sizeof path, "%s", folder_path(&folder, "path.csv"));
  small_arm_write(model, 30, 20, 249, 1);  // as many steps as the paths in examples/ have
  check_output();
  check_recorded_sizes(folder_path(&folder, "sizes.safetensors"));
  check_convert();
  check_resize();
  check_examples();
  check_refused();
  check_settings();
  check_state(folder_path(&folder, "state.safetensors"), folder_path(&folder, "state.txt"));
  folder_remove(&folder);
  return test_summary();
}
