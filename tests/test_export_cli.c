// metaxbar model export: one form at a time, with the flags and settings that it has.
#include "base/err.h"
#include "base/file.h"
#include "folder.h"
#include "image_tree.h"
#include "process.h"

#define CLASSIFIER "models/builtin-5w5s.safetensors"
#define OTHER "models/omniglot-learned.safetensors"
#define REACH "models/arm.safetensors"
#define FEW "data.kind=builtin", "data.classes=20", "data.evaluation_classes=10"
#define RUN(...) run((const char *[]){ "model", "export", __VA_ARGS__, NULL })
#define REFUSED(status, text, ...)                                                                                     \
  do {                                                                                                                 \
    RUN(__VA_ARGS__);                                                                                                  \
    process_check_line(&p, status, (const char *[]){ text, NULL });                                                    \
  } while (0)

static struct process p;

static void run(const char *const *args) {
  p = (struct process){ 0 };
  process_args(&p, args);
  process_run(&p);
}

static void check_refusals(const struct folder *tmp) {
  const char *out = folder_path(tmp, "refused");
  REFUSED(2, "--c FILE, --onnx FILE or --nir FILE is missing", "--out", out);
  REFUSED(2, "--onnx b: beside --c", "--onnx", "b", "--c", "a", "--out", out);
  REFUSED(2, "--out PATH is missing", "--onnx", CLASSIFIER);
  REFUSED(2, "--model: has no effect here; these have one: --c, --onnx, --nir", "--model", CLASSIFIER, "--out", out);
  REFUSED(1, "/nosuch", "--onnx", "/nosuch.safetensors", "--out", out);
  REFUSED(2, "a model of 'arm' cannot be written so", "--onnx", REACH, "--out", out);
  REFUSED(2, "a model of 'fewshot' cannot be written so", "--nir", CLASSIFIER, "--out", out);
  REFUSED(2, "a model of 'sine' cannot be written so", "--c", "models/sine.safetensors", "--out", out);
  REFUSED(2, "--network: has no effect with --onnx", "--onnx", CLASSIFIER, "--out", out, "--network", "lsg");
  REFUSED(2, "--approximate: has no effect with --c", "--c", CLASSIFIER, "--out", out, "--approximate");
  REFUSED(2, "eval.tasks: has no effect here", "--onnx", CLASSIFIER, "--out", out, "eval.tasks=3");
  REFUSED(2, "synapse.kind: has no effect here", "--c", CLASSIFIER, "--out", out, "synapse.kind=quantised");
  REFUSED(2, "synapse.kind=chip", "--onnx", CLASSIFIER, "--out", out, "synapse.kind=chip");
  REFUSED(2, "synapse.kind=chip", "--nir", REACH, "--out", out, "synapse.kind=chip");
  REFUSED(1, "/proc/nosuch.onnx", "--onnx", CLASSIFIER, "--out", "/proc/nosuch.onnx", FEW);
  REFUSED(2, "lsg.adaptive_fraction=0.3", "--nir", REACH, "--out", out, "--network", "lsg");
  CHECK(!file_exists(out), "%s was written", out);
}

// Classes that were taught, in a file; those that ONNX cannot describe.
static void check_taught(const struct folder *tmp) {
  static const char *const more[][2] = { { "learn.reject=0.05", "learn.updates=1" },
                                         { "synapse.kind=chip", "learn.updates=0" }, { "learn.views=2", NULL } };
  char state[3][300], support[300];
  snprintf(support, sizeof support, "%s", folder_path(tmp, "support"));
  image_tree_fill(tmp, "support/", 3, 2);
  for (int k = 0; k < 3; k++) {
    snprintf(state[k], sizeof state[k], "%s/state%d", tmp->path, k);
    run((const char *[]){ "learn", "--model", CLASSIFIER, "--support", support, "--out", state[k], more[k][0],
                          more[k][1], NULL });
    CHECK(p.status == 0, "%s", p.err);
  }
  const char *out = folder_path(tmp, "refused");
  REFUSED(2, "synapse.kind=chip: ONNX has no operator", "--onnx", CLASSIFIER, "--state", state[1], "--out", out);
  REFUSED(2, "learn.views=2: the graph has one view", "--onnx", CLASSIFIER, "--state", state[2], "--out", out);
  REFUSED(2, "--state: has no effect with --c", "--c", CLASSIFIER, "--state", state[0], "--out", out);
  REFUSED(2, "data.kind: has no effect here", "--onnx", CLASSIFIER, "--state", state[0], "--out", out, FEW);
  REFUSED(1, "/nosuch", "--onnx", CLASSIFIER, "--state", "/nosuch", "--out", out);
  REFUSED(1, "not a file of taught classes", "--onnx", CLASSIFIER, "--state", CLASSIFIER, "--out", out);
  REFUSED(1, "taught to another model", "--onnx", OTHER, "--state", state[0], "--out", out);
  REFUSED(1, "/proc/nosuch.onnx", "--onnx", CLASSIFIER, "--state", state[0], "--out", "/proc/nosuch.onnx");
  CHECK(!file_exists(out), "%s was written", out);
  RUN("--onnx", CLASSIFIER, "--state", state[0], "--out", out, "learn.threshold=12.5");
  CHECK(p.status == 0 && !p.out[0] && !p.err[0] && file_exists(out), "%d: %s%s", p.status, p.out, p.err);
}

// Bytes of a file, at most so many.
enum { MOST = 1 << 20 };
static size_t read_file(char *bytes, const char *path) {
  FILE *in = fopen(path, "rb");
  const size_t n = in ? fread(bytes, 1, MOST, in) : 0;
  if (in) fclose(in);
  return n;
}

// The same file each time, another one with other weights.
static void check_files(const struct folder *tmp, const char *flag, const char *model) {
  static const char *const bits[] = { "run.seed=1", "run.seed=1", "synapse.kind=quantised" };
  static char bytes[3][MOST];
  size_t n[3];
  for (int k = 0; k < 3; k++) {
    char name[32];
    snprintf(name, sizeof name, "%d.out", k);
    const char *out = folder_path(tmp, name);
    if (!strcmp(flag, "--onnx")) RUN(flag, model, "--out", out, bits[k], FEW);
    else RUN(flag, model, "--out", out, bits[k], "trainee.refractory_ms=5");
    CHECK(p.status == 0 && !p.out[0] && !p.err[0], "%d: %s%s", p.status, p.out, p.err);
    n[k] = read_file(bytes[k], out);
    CHECK(n[k] > 1000, "%zu bytes", n[k]);
  }
  CHECK(n[0] == n[1] && !memcmp(bytes[0], bytes[1], n[0]), "%s: two files of one model differ", flag);
  CHECK(n[0] != n[2] || memcmp(bytes[0], bytes[2], n[0]), "%s: rounded weights are the same", flag);
}

// A model of any name becomes C that compiles, in files of the name that the array has.
static void check_identifiers(const struct folder *tmp) {
  static const char *const names[][2] = { { "int", "model_int" },           { "new", "model_new" },
                                          { "uint32_t", "model_uint32_t" }, { "5way", "model_5way" },
                                          { "\xc3\xa4", "model___" },       { "_Bool", "model__Bool" },
                                          { "a-b.c", "a_b_c" },             { "marks", "marks" } };
  char *data, model[600], out[300], command[1500];
  size_t size;
  snprintf(out, sizeof out, "%s", folder_path(tmp, "c"));
  CHECK(file_read(CLASSIFIER, 1 << 24, &data, &size) == 0, "%s", err_message());
  for (size_t k = 0; k < sizeof names/sizeof *names; k++) {
    snprintf(model, sizeof model, "%s.safetensors", names[k][0]);
    folder_write(tmp, model, data, size);
    snprintf(model, sizeof model, "%s/%s.safetensors", tmp->path, names[k][0]);
    RUN("--c", model, "--out", out, "eval.statistics_images=2", FEW);
    CHECK(p.status == 0 && !p.err[0], "%d: %s", p.status, p.err);
    snprintf(command, sizeof command, "cc -std=gnu11 -Wall -Werror -c -o %s/x.o %s/%s.c && nm %s/x.o | grep -q ' %s$'",
             out, out, names[k][1], out, names[k][1]);
    CHECK(system(command) == 0, "%s", command);
    snprintf(command, sizeof command, "echo '#include \"%s.h\"' | c++ -I%s -x c++ -Wall -Werror -c -o %s/x.o -",
             names[k][1], out, out);
    CHECK(system(command) == 0, "%s", command);
  }
  free(data);
}

int main(void) {
  if (!process_available()) return 77;
  const struct folder tmp = folder_make();
  check_refusals(&tmp);
  check_taught(&tmp);
  if (system("cc --version >/dev/null 2>&1 && c++ --version >/dev/null 2>&1") == 0) check_identifiers(&tmp);
  else printf("SKIP check_identifiers: no compiler here\n");
  check_files(&tmp, "--onnx", CLASSIFIER);
  if (METAXBAR_HDF5) check_files(&tmp, "--nir", REACH);
  folder_remove(&tmp);
  return test_summary();
}
