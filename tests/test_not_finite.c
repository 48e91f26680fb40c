// Numbers that are not finite: a model of any kind, the state of a chip and taught classes are refused with file,
// tensor and index; so is the evaluation of a model whose weights are finite, but whose results are not.
#include "base/err.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "chip/chip.h"
#include "chip/chipstate.h"
#include "experiment/experiment.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/pictures.h"
#include "experiment/sine/sine.h"
#include "folder.h"
#include "test.h"
#include "unsealed.h"

static struct folder tmp;
static char poisoned[300];

static size_t value_bytes(enum tensorfile_dtype t) {
  return t == TENSORFILE_F64 ? 8 : t == TENSORFILE_F32 ? 4 : t == TENSORFILE_F16 ? 2 : 0;
}

// The file, with the last value of its tensor k replaced by a NaN, into `poisoned`; name[200] of the tensor and index
// of the value. false: whole numbers.
static bool poison(const char *path, int k, char *name, long *index) {
  struct tensorfile *tf;
  char *data = NULL;
  size_t size = 0;
  CHECK(tensorfile_open(&tf, path) == 0 && file_read(path, 1 << 26, &data, &size) == 0, "%s", err_message());
  const struct tensorfile_entry *e = tensorfile_at(tf, k);
  const size_t bytes = value_bytes(e->dtype);
  *index = (long)e->n_values - 1;
  snprintf(name, 200, "%s", e->name);
  memset(data + (size_t)e->offset + (size_t)*index*bytes, 0xff, bytes);
  unseal(data, size);
  folder_write(&tmp, "poisoned.safetensors", data, size);
  free(data);
  tensorfile_close(tf);
  return bytes > 0;
}

static int n_tensors(const char *path) {
  struct tensorfile *tf;
  CHECK(tensorfile_open(&tf, path) == 0, "%s", err_message());
  const int n = tensorfile_count(tf);
  tensorfile_close(tf);
  return n;
}

static void check_refused(const char *path, int load(const char *path)) {
  for (int k = 0; k < n_tensors(path); k++) {
    char tensor[200], value[80];
    long index;
    if (!poison(path, k, tensor, &index)) continue;
    snprintf(value, sizeof value, "value %ld is not finite", index);
    const int rc = load(poisoned);
    CHECK(rc == ERR_FORMAT && strstr(err_message(), poisoned) && strstr(err_message(), tensor) &&
          strstr(err_message(), value), "%s, %s: %d %s", path, tensor, rc, rc < 0 ? err_message() : "loaded");
  }
}

// ---- models

static int load_model(const char *path) {
  const struct run_sources none = { 0 };
  const struct experiment *e;
  struct experiment_case x;
  TRY(experiment_of_file(&e, path));
  experiment_open(&x, e);
  const int rc = experiment_load(&x, path, &none);
  experiment_close(&x);
  return rc;
}

static void test_models(void) {
  check_refused("models/builtin-5w5s.safetensors", load_model);
  check_refused("models/omniglot-any.safetensors", load_model);   // a scale, and biases
  check_refused("models/cifar-5w1s.safetensors", load_model);     // a dense layer
  check_refused("models/arm.safetensors", load_model);
  check_refused("models/sine.safetensors", load_model);
}

// ---- what is learned and kept

static struct sine sine;
static struct sine_model sine_model;

static int load_state(const char *path) {
  struct chip *c;
  TRY(sine_chip_plan(&c, &sine, &sine_model));
  const int rc = chipstate_load(c, path);
  chip_free(c);
  return rc;
}

static void test_state(void) {
  const struct run_sources none = { 0 };
  struct chip *c;
  char path[300];
  snprintf(path, sizeof path, "%s", folder_path(&tmp, "state.safetensors"));
  sine_init(&sine);
  CHECK(sine_experiment.model_load(&sine_model, &sine, "models/sine.safetensors", &none) == 0, "%s", err_message());
  CHECK(sine_chip_program(&c, &sine, &sine_model) == 0 && chipstate_save(c, path) == 0, "%s", err_message());
  chip_free(c);
  check_refused(path, load_state);
  sine_experiment.model_release(&sine_model);
}

static struct fewshot fewshot;
static struct fewshot_model fewshot_model;

static int load_taught(const char *path) {
  const struct run_sources none = { 0 };
  struct tensorfile *tf;
  struct taught t;
  taught_init(&t, &fewshot_model);
  TRY(tensorfile_open(&tf, path));
  const int rc = taught_read(&t, &fewshot, &fewshot_model, tf, &none);
  tensorfile_close(tf);
  taught_release(&t);
  return rc;
}

static void render(const struct taught_lesson *lesson, const struct views *views, int i, int k, real *out) {
  const int side = fewshot_model.net.side[0];
  (void)lesson, (void)views, (void)k;
  for (int p = 0; p < side*side; p++) out[p*VECTOR_PADDING] = (real)((p/(i + 2)) % 2);
}

static void test_taught(void) {
  const struct run_sources none = { 0 };
  static char one[] = "one", two[] = "two";
  char path[300], *const names[] = { one, two };
  const struct taught_lesson lesson = { .n_classes = 2, .n = 6, .first = (const int[]){ 0, 3, 6 }, .name = names,
                                        .render = render };
  struct taught t;
  snprintf(path, sizeof path, "%s", folder_path(&tmp, "taught.safetensors"));
  fewshot_init(&fewshot);
  fewshot_pictures.begin(&fewshot);
  CHECK(fewshot_model_load(&fewshot_model, &fewshot, "models/builtin-5w5s.safetensors", &none) == 0, "%s",
        err_message());
  taught_init(&t, &fewshot_model);
  CHECK(taught_teach(&t, &fewshot, &lesson) == 0 && taught_save(&t, &fewshot, path) == 0, "%s", err_message());
  taught_release(&t);
  check_refused(path, load_taught);
  fewshot_model_release(&fewshot_model);
}

// ---- weights that are finite, of a model that is not

static void test_overflow(void) {
  const struct run_sources none = { 0 };
  struct experiment_case x;
  void *result;
  experiment_open(&x, experiment_find("sine"));
  CHECK(experiment_load(&x, "models/sine.safetensors", &none) == 0, "%s", err_message());
  struct sine_model *m = x.model;
  for (size_t i = 0; i < m->net.n; i++) m->parameters[i] *= sizeof(real) == sizeof(double) ? (real)1e200 : (real)1e30;
  const int rc = experiment_eval(&result, &x);
  CHECK(rc == ERR_DIVERGED && strstr(err_message(), "item 0: a loss, error or accuracy is"), "%d %s", rc,
        rc < 0 ? err_message() : "evaluated");
  if (rc == 0) experiment_result_free(&x, result);
  experiment_close(&x);
}

int main(void) {
  tmp = folder_make();
  snprintf(poisoned, sizeof poisoned, "%s", folder_path(&tmp, "poisoned.safetensors"));
  test_models();
  test_state();
  test_taught();
  test_overflow();
  folder_remove(&tmp);
  return test_summary();
}
