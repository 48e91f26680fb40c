// Training runs from the command line: the same bytes for any number of threads and any number of
// interruptions; refusals that leave what is there untouched; full disks and diverging numbers.
#include "base/err.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "folder.h"
#include "process.h"
#include "unsealed.h"

static struct folder tmp;

// sanitizers see the same in fewer
#define FEWER(races, sanitized, all) (TEST_RACES_ONLY ? (races) : TEST_SANITIZED ? (sanitized) : (all))
#define ITERATIONS FEWER("train.iterations=4", "train.iterations=20", "train.iterations=30")  // of trainings that end

#define SMALL                                                                                      \
  "train", "fewshot", "data.kind=builtin", "data.classes=40", "data.drawings=10",                  \
  "net.channels=8", "train.tasks=4", "train.shots=3", "train.queries=2",                           \
  "train.validate_tasks=2", "train.log_every=5",                                                   \
  FEWER("train.validate_every=2", "train.validate_every=10", "train.validate_every=20"),           \
  "train.learn_inner_rate=yes", "train.rate=0.002", "train.batchnorm=both", "data.validation=0.2"

// Start training into folder `name`; extra settings (NULL ends) come last.
static void start(struct process *p, const char *name, bool resume, const char *const *extra) {
  static const char *const common[] = { SMALL, NULL };
  *p = (struct process){ .file_limit = p->file_limit, .work_limit_s = p->work_limit_s };
  process_args(p, common);
  process_arg(p, "--run");
  process_arg(p, folder_path(&tmp, name));
  if (resume) process_arg(p, "--resume");
  process_args(p, extra);
  process_start(p);
}

static void run(struct process *p, const char *name, bool resume, const char *const *extra) {
  start(p, name, resume, extra);
  process_end(p);
}

static char *contents(const char *folder, const char *file, size_t *size) {
  char path[512], *data = NULL;
  snprintf(path, sizeof path, "%s/%s", folder, file);
  if (file_read(folder_path(&tmp, path), 1 << 26, &data, size) < 0) *size = 0;
  return data;
}

static void check_same(const char *a, const char *b, const char *file, bool same) {
  size_t n, m;
  char *x = contents(a, file, &n), *y = contents(b, file, &m);
  CHECK(n && m && (n == m && !memcmp(x, y, n)) == same, "%s/%s (%zu bytes) and %s/%s (%zu bytes) are %s", a, file, n, b,
        file, m, same ? "different" : "the same");
  free(x);
  free(y);
}

static const char *const whole[] = { ITERATIONS, "run.threads=1", "train.checkpoint_every_s=0", "--quiet",
                                      NULL };

static double whole_s;  // work of a run of all iterations

static void test_threads(void) {
  static struct process p;
  const char *const two[] = { ITERATIONS, "run.threads=2", "train.checkpoint_every_s=0", "--quiet", NULL };
  const char *const seeded[] = { ITERATIONS, "run.threads=2", "run.seed=2", "--quiet", NULL };
  run(&p, "one", false, whole);
  CHECK(p.status == 0 && !p.err[0] && !p.out[0], "status %d: %s", p.status, p.err);
  whole_s = p.work_s;
  run(&p, "two", false, two);
  CHECK(p.status == 0, "%s", p.err);
  run(&p, "seed", false, seeded);
  CHECK(p.status == 0, "%s", p.err);
  check_same("one", "two", "model.safetensors", true);
  check_same("one", "two", "metrics.csv", true);
  check_same("one", "seed", "model.safetensors", false);
  check_same("one", "seed", "metrics.csv", false);
  run(&p, "one", true, whole);  // a finished run resumed: nothing changes
  CHECK(p.status == 0, "%s", p.err);
  check_same("one", "two", "model.safetensors", true);
  check_same("one", "two", "metrics.csv", true);
}

// Wait until the checkpoint in `folder` is another file than `inode` and return its number; 0 when p ended.
static ino_t next_checkpoint(struct process *p, const char *folder, ino_t inode) {
  char path[512];
  snprintf(path, sizeof path, "%s/checkpoint.safetensors", folder);
  path[sizeof path - 1] = 0;
  for (;;) {
    struct stat s;
    siginfo_t ended = { 0 };
    if (stat(folder_path(&tmp, path), &s) == 0 && s.st_ino != inode) return s.st_ino;
    waitid(P_PID, (id_t)p->pid, &ended, WEXITED | WNOHANG | WNOWAIT);
    if (ended.si_pid) return 0;
    process_sleep_ms(0.2);
  }
}

static void test_killed(void) {
  static struct process p;
  struct rng r = rng_stream(12, RNG_TEST, 0);
  int killed = 0, rounds = 0;
  do {  // after an eighth of the work on average
    const bool resume = file_exists(folder_path(&tmp, "killed/settings.ini"));
    p.work_limit_s = rounds < 12 ? whole_s*(0.001 + 0.25*rng_uniform(&r)) : 0;
    run(&p, "killed", resume, whole);
    killed += p.status == 128 + SIGPROF;
    CHECK(p.status == 0 || p.status == 128 + SIGPROF, "status %d: %s", p.status, p.err);
  } while (p.status && ++rounds < 14);
  CHECK(p.status == 0 && killed >= 3, "killed %d times, then: %s", killed, p.err);
  printf("killed %d times\n", killed);
  check_same("one", "killed", "model.safetensors", true);
  check_same("one", "killed", "metrics.csv", true);
}

// The same with the chip in the loop: stopped and continued, on one thread and on two.
static void test_chip_in_loop(const char *synapse) {
  static struct process p;
  char kind[64], one[32], two[32];
  snprintf(kind, sizeof kind, "train.synapse=%s", synapse);
  snprintf(one, sizeof one, "%s-one", synapse);
  snprintf(two, sizeof two, "%s-two", synapse);
#define LOOP kind, "train.chips=2", "train.time_max_s=1e6", "chip.fault_set=0.01", "chip.calibration_rows=64", \
             FEWER("train.iterations=3", "train.iterations=12", "train.iterations=20"), "train.checkpoint_every_s=0", \
             "--quiet"
  const char *const single[] = { LOOP, "run.threads=1", NULL }, *const pair[] = { LOOP, "run.threads=2", NULL };
  const char *const other[] = { LOOP, "run.threads=2", "chip.prog_scale=2", NULL };
#undef LOOP
  run(&p, one, false, single);
  CHECK(p.status == 0, "%s", p.err);
  start(&p, two, false, pair);
  next_checkpoint(&p, two, 0);
  kill(p.pid, SIGKILL);
  process_end(&p);
  CHECK(p.status == 0 || p.status == 128 + SIGKILL, "status %d: %s", p.status, p.err);
  if (p.status) {
    run(&p, two, true, other);
    process_check_line(&p, 2, (const char *const[]){ "checkpoint.safetensors: ", "chip.prog_scale=1", NULL });
    run(&p, two, true, pair);
    CHECK(p.status == 0, "%s", p.err);
  }
  check_same(one, two, "model.safetensors", true);
  check_same(one, two, "metrics.csv", true);
  check_same(one, "one", "model.safetensors", false);
}

static const char *const long_run[] = { "train.iterations=1000000", "run.threads=2", "train.checkpoint_every_s=0",
                                        NULL };

static void test_interrupted(void) {
  static struct process p, q;
  const ino_t none = 0;
  start(&p, "stopped", false, long_run);
  next_checkpoint(&p, "stopped", none);
  run(&q, "stopped", true, long_run);  // another process has it
  process_check_line(&q, 1, (const char *const[]){ "/stopped: in use by process ", NULL });
  run(&q, "stopped", false, long_run);
  process_check_line(&q, 1, (const char *const[]){ "/stopped: in use by process ", NULL });
  static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
  for (int k = 0; k < 3; k++) {
    struct stat s;
    kill(p.pid, numbers[k]);
    process_end(&p);
    process_check_line(
        &p, 128 + numbers[k],
        (const char *const[]){ "/stopped: stopped at iteration ", " of 1000000; continue with --resume", NULL });
    if (k == 2) break;
    CHECK(stat(folder_path(&tmp, "stopped/checkpoint.safetensors"), &s) == 0, "no checkpoint");
    start(&p, "stopped", true, long_run);
    next_checkpoint(&p, "stopped", s.st_ino);
  }
}

// The folder may be called anything; a setting that a checkpoint could not hold is refused before the training begins.
static void test_names(void) {
  static struct process p;
  static const char *const few[] = { "train.iterations=2", NULL }, *const latin[] = { "train.iterations=2",
                                                                                      "data.path=/tmp/l\xe4ufe", NULL };
  run(&p, "l\xe4ufe=1", false, few);
  CHECK(p.status == 0 && file_exists(folder_path(&tmp, "l\xe4ufe=1/model.safetensors")), "%s", p.err);
  run(&p, "latin", false, latin);
  process_check_line(&p, 2, (const char *const[]){ "data.path: text is not UTF-8: /tmp/l?ufe", NULL });
  CHECK(!file_exists(folder_path(&tmp, "latin")), "a refused command left a folder");
}

static void test_refused(void) {
  static struct process p;
  size_t n, m;
  char *before = contents("stopped", "settings.ini", &n);
  run(&p, "stopped", false, long_run);
  process_check_line(&p, 2, (const char *const[]){ "/stopped: holds a run already", "--resume", NULL });
  run(&p, "nothing", true, long_run);
  process_check_line(&p, 2, (const char *const[]){ "/nothing: no run to resume", NULL });
  run(&p, "stopped", true, (const char *const[]){ "train.iterations=1000000", "train.rate=0.003", NULL });
  process_check_line(&p, 2,
                     (const char *const[]){ "/stopped/checkpoint.safetensors: ", "train.rate=0.002", "0.003", NULL });
  run(&p, "stopped", true, (const char *const[]){ "train.iterations=1000000", "net.channels=9", NULL });
  process_check_line(&p, 2, (const char *const[]){ "/stopped/checkpoint.safetensors: ", "net.channels=8", "9", NULL });
  char *after = contents("stopped", "settings.ini", &m);
  CHECK(n && n == m && !memcmp(before, after, n), "a refused resume changed settings.ini");
  free(before);
  free(after);
}

static void test_damaged(void) {
  static struct process p;
  size_t size;
  char *data = contents("stopped", "checkpoint.safetensors", &size);
  const size_t lengths[] = { 0, 7, 8, 100, size / 2, size - 1 };
  for (int k = 0; k < 6; k++) {
    folder_write(&tmp, "stopped/checkpoint.safetensors", data, lengths[k]);
    run(&p, "stopped", true, long_run);
    process_check_line(&p, 1, (const char *const[]){ "/stopped/checkpoint.safetensors: ", NULL });
  }
  // a checkpoint whose weights do not fit, though its settings do
  struct tensorfile *tf;
  const char *path = folder_path(&tmp, "stopped/checkpoint.safetensors"), *key;
  folder_write(&tmp, "stopped/checkpoint.safetensors", data, size);
  CHECK(tensorfile_open(&tf, path) == 0, "%s", err_message());
  struct tensorfile_writer *w = tensorfile_create(path);
  for (int i = 0; i < tensorfile_metadata_count(tf); i++) {
    const char *value = tensorfile_metadata_at(tf, i, &key);
    tensorfile_put_text(w, key, value);
  }
  tensorfile_put_real(w, "parameters", 1, (const int64_t[]){ 2 }, (const real[]){ 1, 2 });
  tensorfile_close(tf);
  CHECK(tensorfile_commit(w) == 0, "%s", err_message());
  run(&p, "stopped", true, long_run);
  process_check_line(&p, 1, (const char *const[]){ "/stopped/checkpoint.safetensors: tensor 'parameters'", NULL });
  folder_write(&tmp, "stopped/checkpoint.safetensors", data, size);
  free(data);
}

// Weights so large that the first products overflow.
static void test_diverged(void) {
  static struct process p;
  size_t size;
  char *data = contents("stopped", "checkpoint.safetensors", &size);
  struct tensorfile *tf;
  CHECK(tensorfile_open(&tf, folder_path(&tmp, "stopped/checkpoint.safetensors")) == 0, "%s", err_message());
  const struct tensorfile_entry *e = tensorfile_find(tf, "parameters");
  const real huge = sizeof(real) == sizeof(float) ? (real)3e38 : (real)1.7e308;
  for (int64_t i = 0; e && i < e->n_values; i++)
    memcpy(data + e->offset + i * (int64_t)sizeof huge, &huge, sizeof huge);
  tensorfile_close(tf);
  folder_write(&tmp, "stopped/checkpoint.safetensors", data, size);
  run(&p, "stopped", true, long_run);
  process_check_line(&p, 1, (const char *const[]){ "/stopped/checkpoint.safetensors: damaged, ", NULL });
  unseal(data, size);
  folder_write(&tmp, "stopped/checkpoint.safetensors", data, size);
  run(&p, "stopped", true, long_run);
  process_check_line(&p, 1, (const char *const[]){ "iteration ", "not finite", NULL });
  size_t left;
  char *after = contents("stopped", "checkpoint.safetensors", &left);
  CHECK(left == size && !memcmp(after, data, size), "a diverged run replaced the checkpoint");
  free(after);
  free(data);
}

static void test_full_disk(void) {
  static struct process p;
  size_t size, left;
  const char *const more[] = { "train.iterations=40", "train.checkpoint_every_s=0", "run.threads=1", NULL };
  start(&p, "full", false, long_run);
  next_checkpoint(&p, "full", 0);
  kill(p.pid, SIGKILL);
  process_end(&p);
  char *before = contents("full", "checkpoint.safetensors", &size);
  p.file_limit = 20000;
  run(&p, "full", true, long_run);
  p.file_limit = 0;
  process_check_line(&p, 1, (const char *const[]){ "/full/checkpoint.safetensors: ", NULL });
  char *after = contents("full", "checkpoint.safetensors", &left);
  CHECK(size > 20000 && left == size && !memcmp(before, after, size), "the old checkpoint was touched");
  CHECK(!file_exists(folder_path(&tmp, "full/checkpoint.safetensors.metaxbar-0.tmp")), "a temporary file is left");
  free(before);
  free(after);
  p.file_limit = 300;  // not even the settings fit: the folder stays free for a new run
  run(&p, "fuller", false, more);
  p.file_limit = 0;
  process_check_line(&p, 1, (const char *const[]){ "/fuller/settings.ini: ", NULL });
  run(&p, "fuller", false, more);
  CHECK(p.status == 0, "after the disk had room: %s", p.err);
}

// A checkpoint of a program with vectors of another width is continued, and a line says so.
static void test_other_vectors(void) {
  static struct process p;
  size_t size;
  char *data = contents("one", "checkpoint.safetensors", &size), *key = memmem(data, size, "\"vector_bytes\"", 14);
  CHECK(key != NULL, "no width of vectors in a checkpoint");
  if (key) memcpy(strpbrk(key, "136"), "08", 2);  // of 16, 32 or 64
  unseal(data, size);
  folder_write(&tmp, "one/checkpoint.safetensors", data, size);
  free(data);
  run(&p, "one", true, whole);
  CHECK(p.status == 0 && strstr(p.err, "checkpoint.safetensors: was written by a program with vectors of 08 bytes"),
        "status %d: %s", p.status, p.err);
}

int main(void) {
  if (!process_available()) return 77;
  tmp = folder_make();
  test_threads();
  test_other_vectors();
  test_chip_in_loop("weights");
  test_chip_in_loop("chip");
  test_interrupted();
  if (!TEST_RACES_ONLY) {
    test_killed();
    test_refused();
    test_names();
    test_damaged();
    test_diverged();
    test_full_disk();
  }
  folder_remove(&tmp);
  return test_summary();
}
