// What a user can get wrong on the command line and in model files: every time one line on standard
// error that names the thing, exit status 2 for usage and settings, 1 for the rest.
#include "base/err.h"
#include "base/tensorfile.h"
#include "experiment/fewshot/fewshot.h"
#include "folder.h"
#include "process.h"
#include "unsealed.h"

static struct folder tmp;
static struct process p;
static const char *model;  // a good model file

#define ARGS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void refused(int status, const char *text, const char *const *args) {
  p = (struct process){ 0 };
  process_args(&p, args);
  process_run(&p);
  process_check_line(&p, status, ARGS(text));
}

static void accepted(const char *text, const char *const *args) {
  p = (struct process){ 0 };
  process_args(&p, args);
  process_run(&p);
  CHECK(p.status == 0 && !p.err[0] && strstr(p.out, text), "status %d, '%s' not in: %s%s", p.status, text, p.out,
        p.err);
}

static void test_usage(void) {
  const char *const dir = folder_path(&tmp, "none");
  accepted("usage: metaxbar", ARGS("--help"));
  accepted("metaxbar ", ARGS("--version"));
  accepted("train.inner_rate", ARGS("train", "fewshot", "--help"));
  accepted("eval.batchnorm", ARGS("eval", "fewshot", "--help"));
  accepted("usage: metaxbar train", ARGS("train", "--help"));
  p = (struct process){ 0 };
  process_run(&p);
  CHECK(p.status == 2 && strstr(p.err, "usage") && !p.out[0], "without a command: status %d", p.status);
  refused(2, "nosuch", ARGS("nosuch"));
  refused(2, "nosuch", ARGS("train", "nosuch"));
  refused(2, "nosuch", ARGS("eval", "nosuch"));
  refused(2, "more", ARGS("eval", "fewshot", "more"));
  refused(2, "--nosuch", ARGS("train", "fewshot", "--nosuch"));
  refused(2, "--run", ARGS("train", "fewshot"));
  refused(2, "--run", ARGS("train", "fewshot", "--run"));
  refused(2, "--model", ARGS("eval", "fewshot"));
  refused(2, "--model", ARGS("eval", "fewshot", "--model"));
  refused(2, "train.nosuch:", ARGS("train", "fewshot", "--run", dir, "train.nosuch=3"));
  refused(2, "nosuch.rate:", ARGS("train", "fewshot", "--run", dir, "nosuch.rate=3"));
  refused(2, "train.tasks=0", ARGS("train", "fewshot", "--run", dir, "train.tasks=0"));
  refused(2, "train.tasks=4x", ARGS("train", "fewshot", "--run", dir, "train.tasks=4x"));
  refused(2, "train.tasks=", ARGS("train", "fewshot", "--run", dir, "train.tasks="));
  refused(2, "train.inner_rate=1e30", ARGS("train", "fewshot", "--run", dir, "train.inner_rate=1e30"));
  refused(2, "train.rate=nan", ARGS("train", "fewshot", "--run", dir, "train.rate=nan"));
  refused(2, "eval.batchnorm=none", ARGS("eval", "fewshot", "--model", model, "eval.batchnorm=none"));
  refused(2, "eval.tasks=-1", ARGS("eval", "fewshot", "--model", model, "eval.tasks=-1"));
  refused(1, "/nosuch.ini", ARGS("train", "fewshot", "--run", dir, "-c", folder_path(&tmp, "nosuch.ini")));
  CHECK(!file_exists(dir), "a refused command left a folder");
  setenv("METAXBAR_KERNELS", "avx", 1);
  refused(2, "METAXBAR_KERNELS=avx (environment)", ARGS("eval", "fewshot", "--model", model));
  unsetenv("METAXBAR_KERNELS");
}

static void test_sizes(void) {
  const char *const dir = folder_path(&tmp, "sizes");
#define TRAIN "train", "fewshot", "--run", dir, "data.kind=builtin", "data.classes=20", "data.validation=0"
#define EVAL "eval", "fewshot", "--model", model, "data.kind=builtin", "data.evaluation_classes=20"
  refused(2, "21 ways, but there are only 20 training classes", ARGS(TRAIN, "net.ways=21"));
  refused(2, "train.chips=3: has an effect with train.synapse=weights or chip only", ARGS(TRAIN, "train.chips=3"));
  refused(2, "train.decay=0.5: has an effect with train.schedule=steps only", ARGS(TRAIN, "train.decay=0.5"));
  refused(2, "train.validate_ways=3: has an effect with net.steps=0 only", ARGS(TRAIN, "train.validate_ways=3"));
  refused(2, "train.rounding=nearest: has an effect with train.bits only", ARGS(TRAIN, "train.rounding=nearest"));
  refused(2, "train.adapt=all: has an effect with net.steps above 0 only",
          ARGS(TRAIN, "net.steps=0", "train.shots=0", "train.adapt=all"));
  refused(2, "data.protocol=characters: of data.kind=omniglot or builtin, not folder",
          ARGS("data", "info", "data.kind=folder", "data.protocol=characters"));
  refused(2, "eval.ways=3: has an effect with tasks drawn at random, not eval.tasks_file, only",
          ARGS("eval", "fewshot", "--model", model, "eval.tasks_file=/nowhere", "eval.ways=3"));
  refused(2, "eval.queries_per_class=random: has an effect with tasks drawn at random, not eval.tasks_file, only",
          ARGS("eval", "fewshot", "--model", model, "eval.tasks_file=/nowhere", "eval.queries_per_class=random"));
  refused(2, "eval.queries=3: has an effect with eval.queries_per_class=equal or random only",
          ARGS("eval", "fewshot", "--model", model, "eval.queries=3", "eval.queries_per_class=5,0,0,0,0"));
  refused(2, "data.tasks=alphabet: has an effect with tasks drawn at random, not eval.tasks_file, only",
          ARGS("eval", "fewshot", "--model", model, "eval.tasks_file=/nowhere", "data.tasks=alphabet"));
  refused(2, "net.activation=none: has an effect with net.hidden only", ARGS(TRAIN, "net.activation=none"));
  refused(2, "11 shots and 10 queries need 21 images", ARGS(TRAIN, "train.shots=11", "train.queries=10"));
  refused(2, "net.blocks=6", ARGS(TRAIN, "net.blocks=6"));
  refused(2, "train.iterations=100000000", ARGS(TRAIN, "train.iterations=100000000", "train.tasks=64"));
  refused(2, "validation classes", ARGS(TRAIN, "data.validation=0.1"));
  refused(1, "/nosuch", ARGS("train", "fewshot", "--run", dir, "data.path=/nosuch"));
  refused(1, "/nosuch", ARGS("train", "fewshot", "--run", dir, "data.kind=folder", "data.path=/nosuch"));
  CHECK(!file_exists(folder_path(&tmp, "sizes/settings.ini")), "a refused command left settings");
  refused(2, "only 4 evaluation classes of 4 (data.evaluation_classes=4): change that, or the ways",
          ARGS(EVAL, "data.evaluation_classes=4"));
  refused(2, "18 shots and 5 queries need 23 images", ARGS(EVAL, "eval.shots=18"));
  refused(2, "eval.updates=65", ARGS(EVAL, "eval.updates=65"));
  refused(2, "train.inner_rate=0.3: has an effect with a model without inner rates of its own only",
          ARGS(EVAL, "train.inner_rate=0.3"));
  refused(2, "net.activation=none: has an effect with net.hidden only", ARGS(EVAL, "net.activation=none"));
  refused(2, "data.turn=no: has an effect with metaxbar train only", ARGS(EVAL, "data.turn=no"));
  refused(2, "eval.batchnorm=chip", ARGS(EVAL, "eval.method=scratch", "eval.batchnorm=chip"));
  refused(1, "/nosuch.json", ARGS(EVAL, "eval.tasks_file=/nosuch.json"));
  char tasks[512];
  snprintf(tasks, sizeof tasks, "eval.tasks_file=%s", folder_path(&tmp, "tasks.json"));
  static const char two[] = "{\"tasks\": [{\"classes\": [\"evaluation/character0001\", \"evaluation/character0003\"], "
                            "\"support\": [[1], [2]], \"query\": [[3], [4]], \"expect_query_accuracy\": [0.5, 1, 1]}]}";
  folder_write(&tmp, "tasks.json", two, sizeof two - 1);
  refused(1, "tasks.json: task 1: expect_query_accuracy has 3 numbers; this evaluation has 5, after 0 to 4 updates",
          ARGS(EVAL, tasks));
  refused(1, "tasks.json: task 1: expect_query_accuracy has 3 numbers; this evaluation has 1, after 0 to 0 updates",
          ARGS(EVAL, tasks, "eval.method=centroid"));
  accepted("0 of 1 task exactly as expected; expected mean", ARGS(EVAL, tasks, "eval.updates=2"));
  refused(1, "readout.weight", ARGS(EVAL, "net.ways=6"));
  accepted("\"accuracy\"", ARGS(EVAL, "eval.tasks=3", "--json"));
  accepted("3 tasks, 5-way 5-shot", ARGS(EVAL, "eval.tasks=3"));
  accepted(", batch norm 'support'\n", ARGS(EVAL, "eval.tasks=3"));
  accepted(", batch norm 'task' (needs balanced queries)\n", ARGS(EVAL, "eval.tasks=3", "eval.batchnorm=task"));
  accepted("\nprotocol alphabets, tasks mixed, queries equal (25 in all)\n", ARGS(EVAL, "eval.tasks=3"));
  accepted("\nprotocol characters, tasks mixed, queries 4,3,0,0,0 (7 in all)\n",
           ARGS(EVAL, "eval.tasks=3", "data.classes=60", "data.protocol=characters",
                "eval.queries_per_class=4,3,0,0,0"));
  accepted("\"protocol\": \"characters\", \"tasks_from\": \"alphabet\", \"split\": \"evaluation\"",
           ARGS(EVAL, "--json", "eval.tasks=3", "eval.ways=4", "eval.method=centroid", "data.classes=60",
                "data.protocol=characters", "data.tasks=alphabet"));  // the four turns of one character
}

static void test_model_files(void) {
  char *data;
  size_t size;
  refused(1, "/nosuch.safetensors", ARGS("eval", "fewshot", "--model", folder_path(&tmp, "nosuch.safetensors")));
  refused(1, tmp.path, ARGS("eval", "fewshot", "--model", tmp.path));  // a folder
  CHECK(file_read(model, 1 << 24, &data, &size) == 0, "%s", err_message());
  const char *const bad = folder_path(&tmp, "bad.safetensors");
  const size_t lengths[] = { 0, 1, 7, 8, 9, 100, 1000, size/2, size - 4, size - 1 };
  for (int k = 0; k < 10; k++) {
    folder_write(&tmp, "bad.safetensors", data, lengths[k]);
    refused(1, "/bad.safetensors", ARGS("eval", "fewshot", "--model", bad, "data.kind=builtin"));
  }
  // offsets that lie, a header longer than the file, settings out of range and misspelt
  const struct { const char *from, *to; int status; } edits[] = {
    { "data_offsets\": [0", "data_offsets\": [9", 1 }, { "\"dtype\": \"F", "\"dtype\": \"Q", 1 },
    { "[8, 5]", "[5, 8]", 1 },
    { "[8, 5]", "[8, 9]", 1 }, { "net.channels\": \"8\"", "net.channels\": \"0\"", 1 },
    { "data.size\": \"28", "data.size\": \"2x", 1 }, { "data.size\": \"28", "data.size\": \"08", 2 },
  };
  for (size_t k = 0; k <= sizeof edits / sizeof *edits; k++) {
    char *copy = malloc(size + 1);
    memcpy(copy, data, size);
    unseal(copy, size);
    if (k == sizeof edits / sizeof *edits) copy[5] = 1;
    else {
      char *at = memmem(copy, size, edits[k].from, strlen(edits[k].from));
      CHECK(at, "%s is not in the file", edits[k].from);
      if (at) memcpy(at, edits[k].to, strlen(edits[k].to));
    }
    folder_write(&tmp, "bad.safetensors", copy, size);
    const int status = k == sizeof edits / sizeof *edits ? 1 : edits[k].status;
    refused(status, k != 6 ? "/bad.safetensors" : "",
            ARGS("eval", "fewshot", "--model", bad, "data.kind=builtin", "eval.tasks=1"));
    free(copy);
  }
  free(data);
}

// What another program wrote into a file does not reach the terminal as it is.
static void test_hostile_text(void) {
  const char *const path = folder_path(&tmp, "hostile.safetensors");
  struct tensorfile_writer *w = tensorfile_create(path);
  tensorfile_put_text(w, "note", "a\x1b[31m\xc2\x9b" "31m\xe2\x80\xae" "b\nc \xc3\xa4");
  tensorfile_put_f32(w, "t", 1, (const int64_t[]){ 1 }, (const float[]){ 1 });
  CHECK(tensorfile_commit(w) == 0, "%s", err_message());
  accepted("note=a?[31m?31m?b?c \xc3\xa4\n", ARGS("model", "info", "--model", path));
  accepted("\"note\": \"a\\u001b[31m\\u009b31m\\u202eb\\u000ac \xc3\xa4\"",
           ARGS("model", "info", "--json", "--model", path));
  static const char header[] = "{\"t\xe2\x80\xaeu\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}";
  char file[8 + sizeof header] = { sizeof header - 1 };
  memcpy(file + 8, header, sizeof header - 1);
  folder_write(&tmp, "hostile.safetensors", file, sizeof file);
  refused(1, "a tensor's name is too long or has control characters", ARGS("model", "info", "--model", path));
}

// A model that is converted still says what it was trained on; settings of the command line have the last word.
static void test_convert(void) {
  struct fewshot f;
  struct fewshot_model m;
  char trained[512], converted[512];
  snprintf(trained, sizeof trained, "%s", folder_path(&tmp, "trained.safetensors"));
  snprintf(converted, sizeof converted, "%s", folder_path(&tmp, "converted.safetensors"));
  fewshot_init(&f);
  f.net.channels = 8;
  f.data.classes = 77;
  f.run.seed = 5;
  CHECK(fewshot_model_new(&m, &f) == 0 && fewshot_model_save(&m, &f, trained, false) == 0, "%s", err_message());
  fewshot_model_release(&m);
  accepted("", ARGS("model", "convert", "--model", trained, "--out", converted, "data.drawings=19"));
  accepted("\n932250 weights\n", ARGS("model", "info", "--model", "models/arm.safetensors"));
  accepted("data.classes=77\n", ARGS("model", "info", "--model", converted));
  CHECK(strstr(p.out, "run.seed=5\n") && strstr(p.out, "data.drawings=19\n"), "%s", p.out);
}

// All values of a model file, one tensor after the other; the caller frees them.
static double *values_of(const char *path, int64_t *n) {
  struct tensorfile *tf;
  double *x = NULL;
  *n = 0;
  CHECK(tensorfile_open(&tf, path) == 0, "%s", err_message());
  for (int i = 0; i < tensorfile_count(tf); i++) {
    const struct tensorfile_entry *e = tensorfile_at(tf, i);
    x = realloc(x, (size_t)(*n + e->n_values)*sizeof *x);
    CHECK(tensorfile_f64(tf, e->name, e->n_dims, e->dims, x + *n) == 0, "%s", err_message());
    *n += e->n_values;
  }
  tensorfile_close(tf);
  return x;
}

#define TASK "models/omniglot-learned.safetensors"
#define CHIP "models/omniglot-learned-chip.safetensors"
// The mean of models, in their order, with the texts of the first.
static void test_average(void) {
  char out[512], other[512], *data;
  size_t size;
  int64_t n, others;
  snprintf(out, sizeof out, "%s", folder_path(&tmp, "mean.safetensors"));
  accepted("", ARGS("model", "average", TASK, CHIP, CHIP, "--out", out));
  double *a = values_of(TASK, &n), *b = values_of(CHIP, &others), *mean = values_of(out, &others), worst = 0;
  CHECK(n == others, "%ld values, not %ld", (long)others, (long)n);
  for (int64_t i = 0; i < n && n == others; i++) worst = fmax(worst, fabs(mean[i] - (a[i] + 2*b[i])/3));
  CHECK(worst <= 1e-6, "off by %g", worst);
  accepted("format=metaxbar few-shot classifier\n", ARGS("model", "info", "--model", out));
  snprintf(other, sizeof other, "%s", folder_path(&tmp, "other.safetensors"));
  p = (struct process){ 0 };
  process_args(&p, ARGS("model", "convert", "--model", model, "--out", other, "data.drawings=19", "run.seed=5"));
  process_run(&p);
  p = (struct process){ 0 };
  process_args(&p, ARGS("model", "average", model, other, "--out", out));
  process_run(&p);
  CHECK(p.status == 0 && strstr(p.err, ", whose settings are kept: data.drawings\n"), "%d: %s", p.status, p.err);
  static const char *const taken[][2] = { { "train.bits=4", ", whose settings are kept: train.bits\n" },
                                          { "train.shots=3", ", whose settings are kept: train.shots\n" },
                                          { "train.rate=0.5", "" } };  // what an evaluation takes, and what it does not
  for (size_t k = 0; k < sizeof taken/sizeof *taken; k++) {
    p = (struct process){ 0 };
    process_args(&p, ARGS("model", "convert", "--model", model, "--out", other, taken[k][0]));
    process_run(&p);
    CHECK(p.status == 0, "%s", p.err);
    for (int swapped = 0; swapped < 2; swapped++) {
      p = (struct process){ 0 };
      process_args(&p, ARGS("model", "average", swapped ? other : model, swapped ? model : other, "--out", out));
      process_run(&p);
      CHECK(p.status == 0 && (*taken[k][1] ? strstr(p.err, taken[k][1]) != NULL : !*p.err), "%d: %s", p.status, p.err);
    }
  }
  refused(2, "MODEL MODEL... is missing", ARGS("model", "average", "--out", out));
  refused(2, "--out", ARGS("model", "average", TASK, CHIP));
  refused(2, "models/arm.safetensors: a model of 'arm'; " TASK " is one of 'fewshot'",
          ARGS("model", "average", TASK, "models/arm.safetensors", "--out", out));
  refused(1, "omniglot-any.safetensors: tensor readout.weight: missing", ARGS("model", "average", TASK,
          "models/omniglot-any.safetensors", "--out", out));
  refused(1, ": not of the shape that it has in models/arm.safetensors",
          ARGS("model", "average", "models/arm.safetensors", "models/arm-wide.safetensors", "--out", out));
  refused(1, "/nosuch", ARGS("model", "average", TASK, "/nosuch", "--out", out));
  CHECK(file_read(model, 1 << 24, &data, &size) == 0, "%s", err_message());
  folder_write(&tmp, "cut.safetensors", data, size/2);
  refused(1, "cut.safetensors", ARGS("model", "average", model, folder_path(&tmp, "cut.safetensors"), "--out",
          "/nosuch/mean.safetensors"));
  free(data);
  refused(2, "the command also reads this file", ARGS("model", "average", out, TASK, "--out", out));
  free(a);
  free(b);
  free(mean);
}

// A file of an older program, sealed: the same tensors and texts, and from then on a checksum and a version.
static void test_seal(void) {
  char *data, old[512], sealed[512];
  size_t size;
  struct tensorfile *tf;
  const char *key;
  snprintf(old, sizeof old, "%s", folder_path(&tmp, "old.safetensors"));
  snprintf(sealed, sizeof sealed, "%s", folder_path(&tmp, "sealed.safetensors"));
  CHECK(file_read(model, 1 << 24, &data, &size) == 0, "%s", err_message());
  unseal(data, size);
  char *version = memmem(data, size, "\"version\"", 9);
  CHECK(version, "no version in the file");
  if (version) memcpy(version, "\"verzion\"", 9);
  folder_write(&tmp, "old.safetensors", data, size);
  accepted("", ARGS("model", "seal", "--model", old, "--out", sealed));
  accepted("verzion=1.0\n", ARGS("model", "info", "--model", sealed));
  CHECK(strstr(p.out, "\nversion=1.0\n") && strstr(p.out, "\nchecksum="), "%s", p.out);
  CHECK(tensorfile_open(&tf, sealed) == 0, "%s", err_message());
  const struct tensorfile_entry *e = tensorfile_at(tf, tensorfile_count(tf) - 1);
  const size_t bytes = 4*(size_t)e->n_values;
  char *now;
  size_t length;
  CHECK(file_read(sealed, 1 << 24, &now, &length) == 0 && !memcmp(now + length - bytes, data + size - bytes, bytes),
        "the data of %s", e->name);
  CHECK(!strcmp(tensorfile_metadata_at(tf, 0, &key), "metaxbar few-shot classifier"), "%s", key);
  tensorfile_close(tf);
  refused(2, "--out", ARGS("model", "seal", "--model", old));
  free(now);
  free(data);
}

// Without its checksum, a file may say other sizes than its tensors have.
static void test_recorded_sizes(void) {
  static const char *const texts[][3] = {
    { "\"net.channels\": \"8\"", "\"net.channels\": \"9\"", "metadata: net.channels=9, but its tensors have 8" },
    { "\"net.ways\": \"5\"", "\"net.ways\": \"6\"", "metadata: net.ways=6, but its tensors have 5" },
    { "\"net.steps\": \"4\"", "\"net.steps\": \"3\"", "metadata: net.steps=3, but its tensors have 4" },
  };
  for (size_t k = 0; k < sizeof texts/sizeof *texts; k++) {
    const char *const path = folder_path(&tmp, "sizes.safetensors");
    unsealed_copy(path, model, texts[k][0], texts[k][1]);
    refused(1, texts[k][2], ARGS("eval", "fewshot", "--model", path, "data.kind=builtin", "data.evaluation_classes=6",
            "eval.tasks=2"));
  }
}

static void test_closed_pipe(void) {
  const char *const *const commands[] = {
    ARGS("--help"), ARGS("--version"), ARGS("train", "fewshot", "--help"),
    ARGS("eval", "fewshot", "--model", model, "data.kind=builtin", "data.evaluation_classes=6", "eval.tasks=2"),
    ARGS("eval", "fewshot", "--model", model, "data.kind=builtin", "data.evaluation_classes=6", "eval.tasks=2",
         "--json"),
  };
  for (int k = 0; k < 5; k++) {
    p = (struct process){ .closed_pipe = true };
    process_args(&p, commands[k]);
    process_run(&p);
    process_check_line(&p, 1, NULL);
  }
}

int main(void) {
  if (!process_available()) return 77;
  struct fewshot f;
  struct fewshot_model m;
  tmp = folder_make();
  fewshot_init(&f);
  f.net.channels = 8;
  char path[512];
  snprintf(path, sizeof path, "%s", folder_path(&tmp, "model.safetensors"));
  model = path;
  CHECK(fewshot_model_new(&m, &f) == 0 && fewshot_model_save(&m, &f, model, false) == 0, "%s", err_message());
  fewshot_model_release(&m);
  test_sizes();
  if (!TEST_RACES_ONLY) {
    test_usage();
    test_model_files();
    test_convert();
    test_hostile_text();
    test_seal();
    test_recorded_sizes();
    test_average();
    test_closed_pipe();
  }
  folder_remove(&tmp);
  return test_summary();
}
