// The command chip: what its actions print, and one clear line for every refusal.

#include "base/err.h"
#include "experiment/fewshot/fewshot.h"
#include "folder.h"
#include "process.h"
#include "small_arm.h"

#define MODEL "--model", "models/builtin-5w5s.safetensors"
#define SMALL "data.kind=builtin", "data.classes=30", "data.evaluation_classes=30", "chip.calibration_rows=32"
#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const char *command = "chip";

static char small[512], second[512];  // classifiers of 8 channels, of different weights

static void write_classifiers(const struct folder *f) {
  char *const paths[] = { small, second };
  struct fewshot fewshot;
  struct fewshot_model m;
  fewshot_init(&fewshot);
  fewshot.net.channels = 8;
  for (int k = 0; k < 2; k++) {
    snprintf(paths[k], sizeof small, "%s/classifier%d.safetensors", f->path, k);
    fewshot.run.seed = k + 1;
    CHECK(fewshot_model_new(&m, &fewshot) == 0 && fewshot_model_save(&m, &fewshot, paths[k], false) == 0, "%s",
          err_message());
    fewshot_model_release(&m);
  }
}

static struct process run(const char *const *args) {
  struct process p = { 0 };
  process_arg(&p, command);
  process_args(&p, args);
  process_run(&p);
  return p;
}

static void says(const char *const *args, const char *expected) {
  static struct process p;
  p = run(args);
  CHECK(p.status == 0 && strstr(p.out, expected), "exit status %d, no '%s' in: %s%s", p.status, expected, p.out, p.err);
  CHECK(!strstr(p.err, "was trained with"), "nothing is evaluated on what calibrates a chip: %s", p.err);
}

static void refuses(int status, const char *const *args, const char *expected) {
  static struct process p;
  if (TEST_RACES_ONLY) return;  // nothing is shared out
  p = run(args);
  process_check_line(&p, status, ARGS(expected));
}

// A state as NumPy arrays and back: the same bytes.
static void check_arrays(const struct folder *f, const char *state) {
  char arrays[512], again[512], *a = NULL, *b = NULL;
  size_t n = 0, m = 0;
  snprintf(arrays, sizeof arrays, "%s/state.npz", f->path);
  snprintf(again, sizeof again, "%s/again.safetensors", f->path);
  says(ARGS("export", "--model", small, SMALL, "--out", arrays), "");
  says(ARGS("import", arrays, "--model", small, SMALL, "--json", "--out", again), "\"clock_s\": 0.0,");
  CHECK(file_read(state, 1 << 26, &a, &n) == 0 && file_read(again, 1 << 26, &b, &m) == 0, "files");
  CHECK(n == m && n && !memcmp(a, b, n), "%zu and %zu bytes", n, m);
  free(a);
  free(b);
}

// Export and import of a classifier, and an evaluation of what was exported.
static void check_states(const struct folder *f) {
  char state[512], table[512], later[512], use[600], other[512];
  snprintf(state, sizeof state, "%s/state.safetensors", f->path);
  snprintf(table, sizeof table, "%s/state.csv", f->path);
  snprintf(later, sizeof later, "%s/later.csv", f->path);
  snprintf(other, sizeof other, "%s/state.txt", f->path);
  snprintf(use, sizeof use, "synapse.state=%s", state);
  says(ARGS("export", "--model", small, SMALL, "--out", state), "");
  check_arrays(f, state);
  says(ARGS("export", "--model", small, SMALL, "--out", table, "chip.time_s=60"), "");
  says(ARGS("import", state, "--model", small, SMALL, "--json"), "\"clock_s\": 0.0,");
  says(ARGS("import", table, "--model", small, SMALL, "--json", "chip.time_s=3600", "--out", later),
       "\"clock_s\": 3600.0,");
  CHECK(file_exists(later), "%s is missing", later);
  refuses(1, ARGS("import", state, "--model", second, SMALL),
          "another model: chip.matrix.0.weights, the checksum of matrix conv1");
  refuses(1, ARGS("import", table, "--model", second, SMALL),
          "another model: chip.matrix.0.weights, the checksum of matrix conv1");
  refuses(1, ARGS("import", state, MODEL, SMALL), "another chip: chip.matrix.0 is conv1 9 x 8, here conv1 9 x 56");
  refuses(2, ARGS("export", MODEL, SMALL, "--out", other), "--out ");
  refuses(2, ARGS("export", MODEL, SMALL), "--out STATE.safetensors|STATE.csv is missing");
  refuses(2, ARGS("import", state, MODEL, SMALL, "--out", other),
          "state.txt: the state of a chip must end in .safetensors, .npz or .csv");
  refuses(2, ARGS("import", other, MODEL, SMALL),
          "state.txt: the state of a chip must end in .safetensors, .npz or .csv");
  refuses(2, ARGS("import", MODEL, SMALL), "STATE.safetensors|STATE.csv is missing");
  CHECK(!file_exists(other), "%s was written", other);
  command = "eval";
  says(ARGS("fewshot", "--model", small, SMALL, "synapse.kind=chip", use, "eval.tasks=2"), "2 tasks");
  refuses(1, ARGS("fewshot", "--model", second, SMALL, "synapse.kind=chip", use, "eval.tasks=2"), "another model");
  command = "chip";  // a chip so old that its schedule has no end
  says(ARGS("export", "--model", small, SMALL, "--out", state, "chip.correction=none", "chip.time_s=1e11"), "");
  command = "eval";
  refuses(2, ARGS("fewshot", "--model", small, SMALL, "synapse.kind=chip", use, "eval.tasks=2", "chip.recalibrate_s=10",
                  "eval.later_s=3600"), "chip.recalibrate_s=10: 1e+10 calibrations");
  refuses(2, ARGS("fewshot", "--model", small, SMALL, "synapse.kind=chip", "synapse.state=a.txt", "eval.tasks=2"),
          "synapse.state=a.txt: the state");
  command = "chip";
}

// The same commands for a model of the arm: 25 x 20 weights in one matrix.
static void check_arm(const struct folder *f) {
  char arm[512], other[512], state[512];
  snprintf(arm, sizeof arm, "%s/arm.safetensors", f->path);
  snprintf(other, sizeof other, "%s/second.safetensors", f->path);
  snprintf(state, sizeof state, "%s/arm-state.safetensors", f->path);
  small_arm_write(arm, 30, 20, 60, 1);
  small_arm_write(other, 30, 20, 60, 2);
  says(ARGS("map", "--model", "models/arm.safetensors"), "255000 devices");
  says(ARGS("map", "--model", arm), "2000 devices\n");
  says(ARGS("map", "--model", arm, "--json"), "\"devices\": 2000}");
  says(ARGS("program", "--model", arm, "ledger.endurance=10", "--json"), "\"endurance_used\": 0.1");
  says(ARGS("program", "--model", arm, "run.threads=1"), "trainee");
  says(ARGS("drift", "--model", arm), "30 days");
  says(ARGS("export", "--model", arm, "--out", state, "chip.time_s=60"), "");
  says(ARGS("import", state, "--model", arm, "chip.time_s=3600", "--json"), "\"clock_s\": 3600.0,");
  refuses(2, ARGS("import", state, "--model", arm, "chip.time_s=5"), "chip.time_s=5: the clock stands at 60 s");
  refuses(1, ARGS("import", state, "--model", other),
          "another model: chip.matrix.0.weights, the checksum of matrix trainee");
  refuses(1, ARGS("import", state, "--model", small, SMALL), "another chip: chip.matrices is 1, here 5");
  refuses(2, ARGS("program", "--model", arm, "chip.rows=8", "chip.columns=8"), "chip.cores=2: the model needs");
  refuses(2, ARGS("program", "--model", arm, "data.kind=builtin"), "data.kind: has no effect here");
  refuses(2, ARGS("program", "--model", "models/cifar-5w5s-chip.safetensors", "chip.cores=64"),
          "data.kind=builtin: models/cifar-5w5s-chip.safetensors was trained on other colour images");
  refuses(2, ARGS("tradeoff", "--model", arm, "eval.tasks=2"), "eval.tasks: no such setting");
}

static void check_alternatives(const struct folder *f) {
  char out[512], arm[512];
  snprintf(out, sizeof out, "%s/scores.csv", f->path);
  snprintf(arm, sizeof arm, "%s/arm.safetensors", f->path);
  small_arm_write(arm, 30, 20, 60, 1);
  says(ARGS("alternatives", "--model", small, SMALL, "eval.tasks=4", "--out", out), "\n2592000 s later\n");
  CHECK(file_exists(out), "%s is missing", out);
  says(ARGS("alternatives", "--model", small, SMALL, "eval.tasks=4", "eval.later_s=", "train.adapt=all"),
       "\nlayers  ");
  says(ARGS("alternatives", "--model", small, SMALL, "eval.tasks=2", "digital.access_J=1e-12", "--json"),
       "\"digital_source\": \"horowitz2014: Horowitz, ISSCC 2014, 45 nm, memory in banks of 8 KB; set by "
       "hand: digital.access_J\"");
  refuses(2, ARGS("alternatives", "--model", small, SMALL, "eval.method=centroid"), "eval.method: has no effect here");
  refuses(2, ARGS("alternatives", "--model", small, SMALL, "synapse.kind=exact"), "synapse.kind: has no effect here");
  refuses(2, ARGS("alternatives", "--model", small, SMALL, "eval.tasks=2", "eval.tasks_file=x.json"),
          "eval.tasks=2: has an effect with tasks drawn at random");
  refuses(2, ARGS("alternatives", "--model", small, SMALL, "tradeoff.levels=8"), "tradeoff.levels: has no effect here");
  refuses(2, ARGS("tradeoff", "--model", small, SMALL, "digital.preset=none"),
          "digital.preset: no section 'digital'");
  refuses(2, ARGS("alternatives", "--model", arm), "a model of 'arm'; needed is one of 'fewshot' (new");
  static const char settings[] = "[eval]\nmethod = centroid\n";
  folder_write(f, "a.ini", settings, sizeof settings - 1);
  refuses(2, ARGS("alternatives", "-c", folder_path(f, "a.ini"), "--model", small, SMALL), "eval.method=centroid");
}

// What maps and programs a chip, on one thread.
static void check_chip(const struct folder *f) {
  char missing[512];
  snprintf(missing, sizeof missing, "%s/absent", f->path);
  says(ARGS("map", MODEL), "341824 devices; 342720 with one offset per channel (as counted by Ortner et al. 2025); "
                           "1120 hold the read-out");
  says(ARGS("map", MODEL, "chip.preset=hermes1"), "170912 devices; 171360 with one offset");
  says(ARGS("map", MODEL, "--json"), "\"devices\": 341824, \"devices_with_offsets\": 342720, \"devices_readout\": "
                                     "1120}");
  says(ARGS("program", MODEL, SMALL, "--json"), "\"devices_with_offsets\": 342720");
  says(ARGS("program", "--model", small, SMALL), "endurance: 1 writes");
  says(ARGS("program", "--model", small, SMALL, "ledger.endurance=10", "--json"), "\"endurance_used\": 0.1");
  says(ARGS("program", "--model", small, SMALL, "ledger.preset=khaddam2022"), "s (khaddam2022: Khaddam-Aljameh et al.");
  says(ARGS("program", "--model", small, SMALL, "ledger.preset=none"), "reading: (none: cost unknown)");
  says(ARGS("program", "--model", small, SMALL, "ledger.preset=none", "--json"),
       "\"cost_source\": \"none: cost unknown\", \"endurance_used\"");
  says(ARGS("program", "--model", small, SMALL, "ledger.phase_time_s=1e-6", "--json"),
       "(2023); set by hand: ledger.phase_time_s\"");
  says(ARGS("--help"), "ledger.preset              published energy and time of reading: Le Gallo et al. 2023, 64 "
                       "cores; Khaddam-Aljameh et al. 2022, one core; none "
                       "(legallo2023|khaddam2022|none, default legallo2023)");
  says(ARGS("drift", "--model", small, SMALL), "30 days");
  says(ARGS("program", "--model", small, SMALL, "chip.fault_dead=1"), "written      0.000      -   0.000      -");
  says(ARGS("program", "--model", small, SMALL, "chip.fault_dead=1", "--json"), "\"kept\": 0.0, \"error\": null");
  refuses(2, ARGS("program", "--model", small, SMALL, "chip.time_s=60"), "chip.time_s=60: has no effect here");
  refuses(2, ARGS("drift", "--model", small, SMALL, "chip.time_s=60"), "chip.time_s=60: has no effect here");
  refuses(2, ARGS("map", "--model", small, "chip.time_s=60"), "chip.time_s=60: has no effect here");
  refuses(2, ARGS("program", MODEL, SMALL, "chip.cores=1"), "chip.cores=1: the model needs 2 cores");
  refuses(1, ARGS("program", MODEL, "data.kind=omniglot", "data.path=/nowhere"), "data.path=/nowhere");
  refuses(2, ARGS("drift", "--model", small, SMALL, "ledger.price=1"), "ledger.price");
  refuses(2, ARGS("erase", MODEL), "erase: no such action");
  refuses(1, ARGS("map", "--model", missing), missing);
}

static void check_tradeoff(const struct folder *f) {
  char out[512], missing[512];
  snprintf(out, sizeof out, "%s/t.csv", f->path);
  snprintf(missing, sizeof missing, "%s/absent/t.csv", f->path);
  says(ARGS("tradeoff", "--model", small, SMALL, "eval.tasks=4", "tradeoff.thresholds=0.1", "tradeoff.levels=8",
            "--quiet", "--out", out),
       "stochastic         8");
  CHECK(file_exists(out), "%s is missing", out);
  refuses(1, ARGS("tradeoff", "--model", small, SMALL, "eval.tasks=2", "tradeoff.thresholds=", "tradeoff.levels=",
                  "--quiet", "--out", missing), "absent");
  static const char settings[] = "[tradeoff]\nthresholds = 0.25\nlevels = 8\n";
  folder_write(f, "t.ini", settings, sizeof settings - 1);
  says(ARGS("tradeoff", "-c", folder_path(f, "t.ini"), "--model", small, SMALL, "eval.tasks=2", "--quiet"),
       "threshold       0.25");
  refuses(2, ARGS("tradeoff", "--model", small, SMALL, "tradeoff.levels=8,4"),
          "tradeoff.levels=8,4: item 2 is 4, not above 8");
  refuses(2, ARGS("tradeoff", "--model", small, SMALL, "eval.tasks=2", "eval.chips=3", "--quiet"),
          "eval.chips=3: more chips than tasks, 2");
}

int main(void) {
  if (!process_available()) return 77;
  struct folder f = folder_make();
  write_classifiers(&f);
  if (!TEST_RACES_ONLY) {  // test_tradeoff and test_alternatives look for races there
    check_chip(&f);
    check_tradeoff(&f);
    check_alternatives(&f);
    check_states(&f);
  }
  check_arm(&f);
  folder_remove(&f);
  return test_summary();
}
