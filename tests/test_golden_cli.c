// test_golden_cli.c - compares what the program prints and writes with tests/golden/, one file per case, one line
// "name value" per fact. A build like the one that wrote the files must give the same bits. Other compilers, vectors
// and precisions round differently; there, numbers must agree within the tolerances below. The result must not depend
// on the number of threads, nor on a training being killed and resumed. With sanitizers, the quick cases run once; for
// races, those that have threads, with 8 of them.
//
//   METAXBAR=build/metaxbar build/test_golden_cli [CASE ...]                  these cases only
//   METAXBAR=build/metaxbar GOLDEN_UPDATE=1 build/test_golden_cli [CASE ...]  write what is found; read the diff
#include <inttypes.h>

#include "base/err.h"
#include "base/tensorfile.h"
#include "base/vector.h"
#include "folder.h"
#include "process.h"

#if GOLDEN_RELEASE && __GNUC__ == 12 && !defined __clang__ && !defined REAL_DOUBLE && defined __FMA__
enum { EXACT = VECTOR_BYTES == 32 };
#else
enum { EXACT = 0 };
#endif

enum { QUICK = 1, THREADS = 2 };  // in every build; compare 1, 2 and 8 threads (unless EXACT, with QUICK only)

#define CHARACTERS " data.kind=builtin data.classes=60 data.evaluation_classes=40 eval.tasks=6"
#define FEWSHOT(model) "eval fewshot --json --model models/" model ".safetensors" CHARACTERS
#define TASK " eval.batchnorm=task"
#define CHIP " synapse.kind=chip chip.calibration_rows=64"
#define AGED CHIP " eval.batchnorm=chip eval.statistics_images=40 eval.chips=2 eval.tasks=4 chip.time_s=86400 " \
  "eval.later_s=60,3600"
#define BASE " data.classes=20 data.test_images=8 eval.method=incremental eval.base_shots=10 eval.ways=12 " \
  "eval.stage=5 eval.batchnorm=chip eval.statistics_images=40 eval.tasks=3"
#define ARM_PATH(model) "eval arm --json --model models/" model ".safetensors"
#define ARM(model) ARM_PATH(model) " eval.trajectories=4"
#define SINE "eval sine --json --model models/sine.safetensors eval.tasks=8"
#define LETTER " target.file=examples/paths/letter.csv"
#define TRAIN_FEWSHOT "train fewshot data.kind=builtin data.classes=40 data.drawings=10 data.validation=0.2 " \
  "net.channels=8 train.iterations=20 train.tasks=4 train.shots=3 train.queries=2 train.validate_every=10 " \
  "train.validate_tasks=2 train.log_every=5 train.rate=0.002"
#define TRAIN_ARM "train arm lsg.neurons=40 trainee.neurons=24 trajectory.steps=60 train.iterations=20 " \
  "train.trajectories=6 train.group=2 train.log_every=5 train.validate_every=10 train.validate_trajectories=5 " \
  "update.rate=1e-2"
#define RUN "model.safetensors metrics.csv"
#define CLASSIFIER " --model models/omniglot-learned-chip.safetensors data.kind=builtin data.classes=60 " \
  "chip.calibration_rows=64"
#define TRAINEE " --model models/arm-chip.safetensors"

#define OTHER_KINDS(name, model)                                                              \
  { "fewshot-" name "-support", 0, NULL, FEWSHOT(model) " eval.batchnorm=support" },          \
      { "fewshot-" name "-quantised", 0, NULL, FEWSHOT(model) " synapse.kind=quantised" TASK },  \
      { "fewshot-" name "-chip", 0, NULL, FEWSHOT(model) AGED }

// Each case is a command; @ stands for a temporary folder. Its facts are the JSON or CSV on standard output and the
// contents of `files`, in that folder or, of a training, in the run directory. Cases run in this order.
static const struct golden {
  const char *name;
  int flags;
  const char *files, *args;
} cases[] = {
  { "fewshot-builtin-task", QUICK | THREADS, NULL, FEWSHOT("builtin-5w5s") TASK },
  OTHER_KINDS("builtin", "builtin-5w5s"),
  { "fewshot-5w5s-task", 0, NULL, FEWSHOT("omniglot-learned") TASK },
  OTHER_KINDS("5w5s", "omniglot-learned"),
  { "fewshot-any-task", 0, NULL, FEWSHOT("omniglot-any") " eval.ways=5" TASK },
  OTHER_KINDS("any", "omniglot-any"),
  { "fewshot-alphabets", 0, NULL, FEWSHOT("omniglot-alphabets") " eval.shots=1 eval.batchnorm=chip eval.views=3" },
  { "fewshot-characters-task", 0, NULL, FEWSHOT("omniglot-characters") TASK },
  { "fewshot-any-4bit", 0, NULL, FEWSHOT("omniglot-any-4bit") " eval.batchnorm=support" },
  { "fewshot-any-start", 0, NULL, FEWSHOT("omniglot-any") AGED " eval.tasks=3 eval.updates=0" },
  { "fewshot-incremental", 0, NULL, FEWSHOT("omniglot-any") " eval.method=incremental eval.ways=12 eval.stage=5 "
    "eval.batchnorm=chip eval.tasks=2" },
  { "fewshot-base-classes", QUICK | THREADS, NULL, FEWSHOT("builtin-5w5s") BASE },
  { "fewshot-base-classes-chip", 0, NULL, FEWSHOT("omniglot-any") BASE CHIP " eval.chips=2 eval.later_s=3600" },
  { "fewshot-4bit-task", 0, NULL, FEWSHOT("omniglot-learned-4bit") TASK },
  { "fewshot-4bit-support", 0, NULL, FEWSHOT("omniglot-learned-4bit") " eval.batchnorm=support synapse.bits=6" },
  { "fewshot-4bit-stochastic", THREADS, NULL, FEWSHOT("omniglot-learned-4bit") " synapse.rounding=stochastic" TASK },
  { "fewshot-4bit-chip", 0, NULL, FEWSHOT("omniglot-learned-4bit") AGED },
  { "fewshot-chip-task", 0, NULL, FEWSHOT("omniglot-learned-chip") TASK },
  { "fewshot-chip-support", 0, NULL, FEWSHOT("omniglot-learned-chip") " eval.batchnorm=support" },
  { "fewshot-chip-quantised", 0, NULL, FEWSHOT("omniglot-learned-chip") " synapse.kind=quantised" TASK },
  { "fewshot-chip-chip", THREADS, NULL, FEWSHOT("omniglot-learned-chip") AGED },
  { "fewshot-layers", 0, NULL, FEWSHOT("omniglot-learned") " train.adapt=all eval.batchnorm=support eval.tasks=4" },
  { "fewshot-layers-chip", 0, NULL, FEWSHOT("omniglot-learned-chip") CHIP " train.adapt=all eval.tasks=2 "
    "eval.later_s=3600" TASK },
  { "fewshot-shots", 0, NULL, FEWSHOT("omniglot-learned") " eval.shots=3 eval.queries=4 eval.updates=2 "
    "eval.split=validation" TASK },
  { "fewshot-seed", 0, NULL, FEWSHOT("omniglot-learned") " run.seed=7 data.seed=3 data.size=24" TASK },
  { "fewshot-centroid", QUICK, NULL, FEWSHOT("omniglot-learned") " eval.method=centroid" TASK },
  { "fewshot-scratch", 0, NULL, FEWSHOT("omniglot-learned") " eval.method=scratch eval.tasks=2 "
    "eval.scratch_updates=5" TASK },
  { "fewshot-verify", 0, NULL, FEWSHOT("omniglot-learned-chip") CHIP " eval.tasks=2 chip.programming=verify "
    "chip.update=threshold" TASK },
  { "fewshot-nearest", 0, NULL, FEWSHOT("omniglot-learned-chip") CHIP " eval.tasks=2 chip.preset=hermes1 "
    "chip.update=nearest chip.scale=column" TASK },
  { "fewshot-faults", 0, NULL, FEWSHOT("omniglot-learned-chip") CHIP " eval.tasks=2 chip.preset=joshi2020 "
    "chip.fault_set=0.01 chip.fault_dead=0.01 chip.adc_gain_spread=0.02 chip.correction=global chip.update=stochastic "
    "eval.batchnorm=support" },
  { "fewshot-one-phase", 0, NULL, FEWSHOT("omniglot-learned-chip") CHIP " eval.tasks=2 chip.preset=published-code "
    "chip.phases=1 chip.cores=4 chip.rows=128 chip.recalibrate_s=1000 eval.later_s=5000 "
    "ledger.preset=khaddam2022" TASK },

  { "arm-task", QUICK | THREADS, NULL, ARM("arm") " eval.trajectories=23" },
  { "arm-letter", 0, NULL, ARM_PATH("arm") LETTER },
  { "arm-free", 0, NULL, ARM("arm") " trajectory.generator=published trajectory.free=yes eval.stream=validation "
    "run.seed=5" },
  { "arm-nearest", 0, NULL, ARM("arm") " update.grid=nearest update.step=0.01 update.lsg_passes=1" },
  { "arm-stochastic", 0, NULL, ARM("arm") " update.grid=stochastic update.threshold=0.001 arm.stops=no" },
  { "arm-symmetric", 0, NULL, ARM("arm") " update.signal=symmetric update.repeats=3" },
  { "arm-random", 0, NULL, ARM("arm") " update.signal=random update.repeats=3" },
  { "arm-chip", 0, NULL, ARM("arm") " synapse.kind=chip eval.later_s=3600" },
  { "arm-chip-task", 0, NULL, ARM("arm-chip") },
  { "arm-chip-sparse", 0, NULL, ARM("arm-chip") " update.grid=sparse" },
  { "arm-chip-letter", 0, NULL, ARM_PATH("arm-chip") LETTER " synapse.kind=chip" },
  { "arm-chip-chip", QUICK | THREADS, NULL, ARM("arm-chip") " synapse.kind=chip eval.chips=2 chip.time_s=86400 "
    "eval.later_s=3600" },
  { "arm-chip-verify", 0, NULL, ARM("arm-chip") " synapse.kind=chip chip.programming=verify chip.fault_set=0.01 "
    "chip.recalibrate_s=600 eval.later_s=3600 eval.trajectories=2" },
  { "arm-any-task", 0, NULL, ARM("arm-any") " eval.trajectories=10" },
  { "arm-any-paper-task", 0, NULL, ARM("arm-any-paper") " eval.trajectories=10" },
  { "arm-any-chip-task", 0, NULL, ARM("arm-any-chip") " eval.trajectories=10" },
  { "arm-wide-task", 0, NULL, ARM("arm-wide") },
  { "arm-wide-chip-task", 0, NULL, ARM("arm-wide-chip") },
  { "arm-wide-chip-chip", 0, NULL, ARM("arm-wide-chip") " synapse.kind=chip chip.cores=16 eval.trajectories=1" },
  { "arm-any-wide-task", 0, NULL, ARM("arm-any-wide") },
  { "arm-any-wide-chip", 0, NULL, ARM("arm-any-wide") " synapse.kind=chip chip.cores=20 eval.trajectories=1" },
  { "arm-kinematic", 0, NULL, "arm --json --model models/arm.safetensors" LETTER },

  { "sine-task", QUICK | THREADS, NULL, SINE },
  { "sine-chip", QUICK | THREADS, NULL, SINE " synapse.kind=chip eval.chips=2" },

  { "train-fewshot", QUICK | THREADS, RUN, TRAIN_FEWSHOT },
  { "train-fewshot-noise", THREADS, RUN, TRAIN_FEWSHOT " train.noise=1 train.batchnorm=both "
    "train.learn_inner_rate=yes" },
  { "train-fewshot-4bit", THREADS, RUN, TRAIN_FEWSHOT " train.bits=4 train.batchnorm=support train.query_loss=last" },
  { "train-fewshot-weights", THREADS, RUN, TRAIN_FEWSHOT " train.synapse=weights train.chips=2 "
    "train.time_max_s=1e6 chip.calibration_rows=64" },
  { "train-fewshot-chip", THREADS, RUN, TRAIN_FEWSHOT " train.synapse=chip train.chips=2 chip.calibration_rows=64 "
    "chip.fault_set=0.01" },
  { "train-fewshot-layers", THREADS, RUN, TRAIN_FEWSHOT " train.adapt=all train.learn_inner_rate=yes "
    "train.batchnorm=both train.iterations=10" },
  { "train-fewshot-means", THREADS, RUN, TRAIN_FEWSHOT " net.start=prototype net.bias=digital net.mean_offset=yes "
    "train.learn_inner_rate=yes train.mixture=5x3,3x1 train.batchnorm=support train.iterations=10" },
  { "train-fewshot-layers-means", THREADS, RUN, TRAIN_FEWSHOT " train.adapt=all net.start=prototype net.bias=digital "
    "net.mean_offset=yes train.learn_inner_rate=yes train.batchnorm=support train.iterations=5" },
  { "train-fewshot-start", 0, RUN, TRAIN_FEWSHOT " net.channels=56 train.start=models/builtin-5w5s.safetensors "
    "train.iterations=5" },
  { "train-arm", QUICK | THREADS, RUN, TRAIN_ARM },
  { "train-arm-stochastic", THREADS, RUN, TRAIN_ARM " update.grid=stochastic train.schedule=cosine "
    "train.relative=yes train.clip=1 train.weight_decay=0.01" },
  { "train-arm-noise", THREADS, RUN, TRAIN_ARM " noise.preset=hermes noise.programming=1 noise.read=0.01 "
    "noise.drift=0.05 noise.chips=episode update.grid=sparse code.velocity=joints loss.root=yes loss.sparsity=0.01" },
  { "train-arm-shares", 0, RUN, TRAIN_ARM " trajectory.family=mixed train.shares=1,3,0,3,2" },

  { "chip-map", QUICK, NULL, "chip map --json" CLASSIFIER },
  { "chip-map-small", 0, NULL, "chip map --json" CLASSIFIER " chip.rows=100 chip.columns=60 chip.cores=40" },
  { "chip-map-arm", QUICK, NULL, "chip map --json" TRAINEE },
  { "chip-program", THREADS, NULL, "chip program --json" CLASSIFIER },
  { "chip-program-verify", 0, NULL, "chip program --json" CLASSIFIER " chip.programming=verify "
    "ledger.pulse_energy_J=1e-12 ledger.verify_energy_J=1e-13" },
  { "chip-program-arm", QUICK | THREADS, NULL, "chip program --json" TRAINEE },
  { "chip-export", THREADS, "state.safetensors", "chip export --out @/state.safetensors" CLASSIFIER " chip.time_s=60" },
  { "chip-import", 0, "later.safetensors", "chip import @/state.safetensors --json --out @/later.safetensors"
    CLASSIFIER " chip.time_s=3600" },
  { "chip-eval", 0, NULL, FEWSHOT("omniglot-learned-chip") CHIP TASK
    " synapse.state=@/state.safetensors chip.time_s=3600" },
  { "chip-export-arm", THREADS, "arm.safetensors", "chip export --out @/arm.safetensors" TRAINEE },
  { "chip-eval-arm", 0, NULL, ARM("arm-chip") " synapse.kind=chip synapse.state=@/arm.safetensors" },
  { "chip-drift", THREADS, NULL, "chip drift --json" CLASSIFIER },
  { "chip-drift-arm", 0, NULL, "chip drift --json" TRAINEE " chip.correction=global" },
  { "chip-tradeoff", THREADS, "tradeoff.csv", "chip tradeoff --json --quiet --out @/tradeoff.csv" CLASSIFIER
    " eval.tasks=2 tradeoff.thresholds=0.1 tradeoff.levels=8" TASK },
  { "chip-alternatives", THREADS, "scores.csv", "chip alternatives --json --out @/scores.csv" CLASSIFIER
    " train.adapt=all eval.tasks=4 eval.chips=2 eval.batchnorm=support" },

  { "device-hermes", QUICK, NULL, "device --json device.points=3" },
  { "device-hermes1", 0, NULL, "device device.points=3 device.preset=hermes1" },
  { "device-joshi2020", 0, NULL, "device device.points=3 device.preset=joshi2020 device.programming=verify" },
  { "device-published", 0, NULL, "device device.points=3 device.preset=published-code device.seed=5" },
  { "device-table", 0, NULL, "device device.points=3 device.table=examples/device/lab.ini" },

  { "model-info", 0, NULL, "model info --json --model models/omniglot-learned-4bit.safetensors" },
  { "model-convert", 0, "bits.safetensors", "model convert --model models/builtin-5w5s.safetensors --out "
    "@/bits.safetensors synapse.kind=quantised synapse.bits=3" },
  { "model-resize", 0, "resized.safetensors", "model resize --model models/arm-chip.safetensors --out "
    "@/resized.safetensors trainee.neurons=60" },
};
enum { N_CASES = sizeof cases / sizeof *cases };

enum { LINE = 1024 };

static struct folder tmp;

// ---- the facts of a run

// The JSON value at s, under this name; returns what follows it. "seconds" of the whole, the time it took, is left out.
static const char *json_facts(FILE *out, const char *s, const char *name) {
  char inner[LINE];
  const char *const gap = ", \n", close = *s == '{' ? '}' : ']';
  if (*s != '{' && *s != '[') {
    const size_t n = *s == '"' ? strcspn(s + 1, "\"") + 2 : strcspn(s, ",]}\n");
    if (strcmp(name, "seconds")) fprintf(out, "%s %.*s\n", name, (int)n, s);
    return s + n;
  }
  s += 1;
  for (int k = 0; *(s += strspn(s, gap)) && *s != close; k++) {
    const size_t n = close == '}' ? strcspn(s + 1, "\"") : 0;
    if (close == '}') snprintf(inner, sizeof inner, "%s%s%.*s", name, *name ? "." : "", (int)n, s + 1);
    else snprintf(inner, sizeof inner, "%s[%d]", name, k);
    if (close == '}') s += n + 2 + strspn(s + n + 2, ": ");
    s = json_facts(out, s, inner);
  }
  return s + (*s != 0);
}

// "column[row] value", from a table whose first line names the columns; empty fields are left out.
static void csv_facts(FILE *out, const char *text) {
  const char *const head = text;
  int row = -1;
  for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n', row++) {
    const char *name = head, *field = line;
    for (bool more = row >= 0; more;) {
      const int n = (int)strcspn(name, ",\n"), size = (int)strcspn(field, ",\n");
      if (size) fprintf(out, "%.*s[%d] %.*s\n", n, name, row, size, field);
      more = field[size] == ',' && name[n] == ',';
      name += n + 1, field += size + 1;
    }
  }
}

// 64-bit FNV-1a of all bytes, as base/checksum.h has it for weights.
static uint64_t checksum(const void *data, size_t size) {
  uint64_t h = 14695981039346656037u;
  for (const unsigned char *byte = data, *end = byte + size; byte < end; byte++) h = (h ^ *byte) * 1099511628211u;
  return h;
}

static void tensor_facts(FILE *out, struct tensorfile *tf, const struct tensorfile_entry *e) {
  const size_t n = (size_t)e->n_values;
  const bool bits = e->dtype == TENSORFILE_U64;  // of a random stream
  void *const values = err_calloc(n + 1, 8);
  double sum = 0;
  const int rc = bits ? tensorfile_u64(tf, e->name, e->n_dims, e->dims, values)
                      : tensorfile_f64(tf, e->name, e->n_dims, e->dims, values);
  CHECK(rc == 0, "%s", err_message());
  for (const double *v = values; !bits && v < (double *)values + n; v++) sum += *v * *v;
  fprintf(out, "%s.shape%s", e->name, e->n_dims ? "" : " scalar");
  for (int k = 0; k < e->n_dims; k++) fprintf(out, " %" PRId64, e->dims[k]);
  if (!bits) fprintf(out, "\n%s.rms %.9g", e->name, sqrt(sum / (double)n));
  fprintf(out, "\n%s.checksum %016" PRIx64 "\n", e->name, checksum(values, 8*n));
  free(values);
}

// The metadata and, of each tensor, the shape, the root mean square and a checksum of the values in double precision.
static void tensorfile_facts(FILE *out, const char *path) {
  struct tensorfile *tf;
  const int rc = tensorfile_open(&tf, path);
  CHECK(rc == 0, "%s", err_message());
  if (rc) return;
  for (int k = 0; k < tensorfile_metadata_count(tf); k++) {
    const char *key, *value = tensorfile_metadata_at(tf, k, &key);
    if (*value) fprintf(out, "%s %s\n", key, value);
  }
  for (int k = 0; k < tensorfile_count(tf); k++) tensor_facts(out, tf, tensorfile_at(tf, k));
  tensorfile_close(tf);
}

static void file_facts(FILE *out, const char *path) {
  char *text;
  size_t size;
  if (strstr(path, ".safetensors")) {
    tensorfile_facts(out, path);
    return;
  }
  const int rc = file_read(path, 1 << 20, &text, &size);
  CHECK(rc == 0, "%s", err_message());
  if (rc) return;
  csv_facts(out, text);
  free(text);
}

// ---- running a case

static bool trains(const struct golden *g) { return !strncmp(g->args, "train ", 6); }

// The process of a case, with a number of threads unless 0 and the run directory of a training unless NULL.
static void prepare(struct process *p, const struct golden *g, int threads, const char *run) {
  static char words[4096], extra[512];
  char *to = words;
  *p = (struct process){ 0 };
  *extra = 0;
  if (threads) snprintf(extra, sizeof extra, " run.threads=%d", threads);
  if (run)
    snprintf(extra + strlen(extra), sizeof extra - strlen(extra), " --quiet train.checkpoint_every_s=0 --run %s", run);
  for (const char *from = g->args; *from; from++)
    to += *from == '@' ? sprintf(to, "%s", tmp.path) : sprintf(to, "%c", *from);
  strcpy(to, extra);
  for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) process_arg(p, word);
}

// Kill the training once it has written a checkpoint. False: it had ended, and the folder is removed.
static bool start_and_kill(struct process *p, const struct golden *g, int threads, const char *run) {
  char checkpoint[600];
  struct folder folder;
  siginfo_t ended = { 0 };
  snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint.safetensors", run);
  prepare(p, g, threads, run);
  process_start(p);
  while (!file_exists(checkpoint) && !ended.si_pid) {
    waitid(P_PID, (id_t)p->pid, &ended, WEXITED | WNOHANG | WNOWAIT);
    process_sleep_ms(0.2);
  }
  kill(p->pid, SIGKILL);
  process_end(p);
  snprintf(folder.path, sizeof folder.path, "%s", run);
  if (p->status == 0) folder_remove(&folder);
  return p->status != 0;
}

static void kill_and_resume(struct process *p, const struct golden *g, int threads, const char *run) {
  int left = 50;
  while (!start_and_kill(p, g, threads, run) && --left) {}
  CHECK(left, "%s: every training ended before it was killed", g->name);
  prepare(p, g, threads, run);
  process_arg(p, "--resume");
  process_run(p);
}

// The facts of a case, the caller's to free; NULL where the program failed.
static char *run_case(const struct golden *g, int threads, bool killed) {
  static struct process p;
  char folder[512], path[1024], names[128], *facts;
  size_t size;
  snprintf(folder, sizeof folder, "%s", tmp.path);
  if (trains(g)) snprintf(folder, sizeof folder, "%s/%s-%d", tmp.path, g->name, threads);
  if (killed) kill_and_resume(&p, g, threads, folder);
  else {
    prepare(&p, g, threads, trains(g) ? folder : NULL);
    process_run(&p);
  }
  CHECK(p.status == 0, "%s: exit status %d: %s", g->name, p.status, p.err);
  if (p.status) return NULL;
  FILE *out = open_memstream(&facts, &size);
  fprintf(out, "command %s\n", g->args);
  if (*p.out == '{' || *p.out == '[') json_facts(out, p.out, "");
  else if (!g->files) csv_facts(out, p.out);
  snprintf(names, sizeof names, "%s", g->files ? g->files : "");
  for (char *name = strtok(names, " "); name; name = strtok(NULL, " ")) {
    snprintf(path, sizeof path, "%s/%s", folder, name);
    file_facts(out, path);
  }
  fclose(out);
  return facts;
}

// ---- comparing

// Tolerances of other builds: the first whose text is part of the fact's name; both 0: not compared. They are up to
// three times the largest differences of clang, of double precision and of gcc without fused multiply-add. The most
// sensitive is models/arm on a chip, which it was not trained for.
static const struct tolerance {
  const char *name;
  double absolute, relative;
} tolerances[] = {
  { "checksum", 0, 0 },
  { "ci95", 0, 0 },
  { "std", 0, 0 },
  { "][1]", 0, 0 },  // a standard deviation too
  { "before.", 0, 0.02 },
  { "rms_distance_cm.", 0, 0.4 },
  { "omega_rmse", 0, 0.2 },
  { "validation_cm", 0, 0.1 },
  { "validation_", 0.1, 0 },
  { "accuracy", 0.06, 0 },
  { "below_all", 0.06, 0 },
  { ".difference[", 0.06, 0 },
  { ".p[", 0, 0 },
  { "chips[", 0.06, 0 },
  { "per_update", 0, 0.25 },
  { "_written", 0, 0.25 },
  { "_addressed", 0, 0.25 },
  { "_measured", 0, 1e-4 },
  { "kept", 0, 1e-4 },
  { "error", 0, 1e-4 },
  { ".rms", 0, 0.03 },
  { "", 0, 0.15 },
};

// Is `found` what was expected of fact `name`, to the bit or within its tolerance?
static bool same(const char *name, const char *expected, const char *found, bool exact) {
  const struct tolerance *t = tolerances;
  char *end[2];
  if (exact || !strcmp(expected, found)) return !strcmp(expected, found);
  while (!strstr(name, t->name)) t++;
  if (t->absolute <= 0 && t->relative <= 0) return true;
  const double a = strtod(expected, &end[0]), b = strtod(found, &end[1]);
  const bool numbers = end[0] != expected && !*end[0] && end[1] != found && !*end[1];
  return numbers && fabs(a - b) <= test_tol(t->absolute + t->relative * fmax(fabs(a), fabs(b)));
}

// The next line of *facts cut into name and value; false at the end.
static bool next_fact(const char **facts, char *name, char *value) {
  const size_t line = strcspn(*facts, "\n"), n = strcspn(*facts, " \n");
  if (!line) return false;
  snprintf(name, LINE, "%.*s", (int)n, *facts);
  snprintf(value, LINE, "%.*s", (int)(line > n ? line - n - 1 : 0), *facts + n + 1);
  *facts += line + ((*facts)[line] == '\n');
  return true;
}

// The value of fact `name`, up to the end of its line; NULL: there is none.
static const char *fact(const char *facts, const char *name, int *length) {
  char key[LINE + 4];
  const int n = snprintf(key, sizeof key, "\n%s ", name);
  const char *at = strncmp(facts, key + 1, (size_t)n - 1) ? strstr(facts, key) : facts - 1;
  if (at) *length = (int)strcspn(at + n, "\n");
  return at ? at + n : NULL;
}

// Print the first ten facts that differ.
static void compare(const char *where, const char *expected, const char *found, bool exact) {
  char name[LINE], value[LINE], other[LINE];
  int n = 0, differences = 0;
  for (const char *rest = expected; next_fact(&rest, name, value);) {
    const char *v = fact(found, name, &n);
    snprintf(other, sizeof other, "%.*s", n, v ? v : "");
    if (v && same(name, value, other, exact)) continue;
    if (differences++ < 10) printf("%s: %s: expected %s, found %s\n", where, name, value, v ? other : "nothing");
  }
  for (const char *rest = found; next_fact(&rest, name, value);)
    if (!fact(expected, name, &n) && differences++ < 10)
      printf("%s: %s: expected nothing, found %s\n", where, name, value);
  CHECK(differences == 0, "%s: %d facts differ", where, differences);
}

static void check_expected(const struct golden *g, const char *found) {
  char path[256], *expected;
  size_t size;
  snprintf(path, sizeof path, "tests/golden/%s.txt", g->name);
  if (getenv("GOLDEN_UPDATE")) {
    FILE *out = fopen(path, "w");
    if (!out || fputs(found, out) < 0 || fclose(out)) abort();
  }
  const int rc = file_read(path, 1 << 20, &expected, &size);
  CHECK(rc == 0, "%s", err_message());
  if (rc) return;
  compare(path, expected, found, EXACT);
  free(expected);
}

static void check_case(const struct golden *g) {
  const bool repeat = g->flags & THREADS && (EXACT || g->flags & QUICK) && !TEST_SANITIZED;
  char where[256], *again, *found = run_case(g, repeat ? 1 : TEST_RACES_ONLY ? 8 : 0, false);
  if (!found) return;
  check_expected(g, found);
  for (int threads = 2; repeat && threads <= 8; threads += 6) {
    const bool killed = trains(g) && threads == 2;
    snprintf(where, sizeof where, "%s, 1 thread and %d%s", g->name, threads, killed ? ", killed and resumed" : "");
    again = run_case(g, threads, killed);
    if (again) compare(where, found, again, true);
    free(again);
  }
  free(found);
}

static bool wanted(const struct golden *g, int argc, char **argv) {
  if (argc < 2) return GOLDEN_RELEASE || (g->flags & QUICK && (!TEST_RACES_ONLY || g->flags & THREADS));
  for (int k = 1; k < argc; k++)
    if (!strcmp(argv[k], g->name)) return true;
  return false;
}

int main(int argc, char **argv) {
  if (!process_available()) return 77;
  if (!EXACT) {
    puts("SKIP test_golden_cli: bits are compared in release builds of gcc 12 with 32-byte vectors, elsewhere numbers");
    if (getenv("GOLDEN_UPDATE")) return EXIT_FAILURE;
  }
  tmp = folder_make();
  for (const struct golden *g = cases; g < cases + N_CASES; g++)
    if (wanted(g, argc, argv)) check_case(g);
  folder_remove(&tmp);
  return test_summary();
}
