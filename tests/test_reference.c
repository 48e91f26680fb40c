// Meta-learning against vectors computed by an independent implementation in float64; and that the
// comparison can fail: one weight changed must be reported.
#include <stdint.h>

#include "base/err.h"
#include "base/file.h"
#include "base/tensorfile.h"
#include "reference/reference.h"
#include "test.h"


static double worst_of(void *data, size_t size) {
  struct tensorfile *tf = NULL;
  double worst = INFINITY;
  FILE *f = fmemopen(data, size, "rb");
  if (!f || tensorfile_open_stream(&tf, f, "copy") < 0) return INFINITY;
  CHECK(reference_maml(tf, NULL, &worst) == 0, "%s", err_message());
  tensorfile_close(tf);
  return worst;
}

static int64_t offset_of(void *data, size_t size, const char *name) {
  struct tensorfile *tf;
  FILE *f = fmemopen(data, size, "rb");
  if (!f || tensorfile_open_stream(&tf, f, "copy") < 0) return -1;
  const struct tensorfile_entry *e = tensorfile_find(tf, name);
  const int64_t offset = e ? e->offset : -1;
  tensorfile_close(tf);
  return offset;
}

static void test_error(void) {
  const double expected[] = { 1, -4, 2 };
  CHECK(reference_error((const double[]){ 1, -4, 2 }, expected, 3) == 0, "equal");
  CHECK_REL(reference_error((const double[]){ 1, -4, 2.5 }, expected, 3), 0.125, 1e-15);
  CHECK(reference_error((const double[]){ 1, NAN, 2 }, expected, 3) == INFINITY, "not a number");
  CHECK(reference_error((const double[]){ 1, INFINITY, 2 }, expected, 3) == INFINITY, "infinite");
}

// A file agrees; and with one number of each of these tensors changed it does not.
static void test_file(const char *name, const char *const *tensors) {
  char path[128], *data;
  size_t size;
  snprintf(path, sizeof path, "../shared/reference/%s.safetensors", name);
  CHECK(file_read(path, 1 << 24, &data, &size) == 0, "%s", err_message());
  const double bound = sizeof(real) == sizeof(double) ? 1e-9 : 1e-3, worst = worst_of(data, size);
  printf("%s: largest relative error %.2e\n", name, worst);
  CHECK(worst <= test_tol(bound), "%s: largest relative error %.2e", name, worst);
  for (; *tensors; tensors++) {
    const int64_t at = offset_of(data, size, *tensors);
    CHECK(at > 0, "%s: no such tensor", *tensors);
    if (at <= 0) continue;
    double old, changed;
    memcpy(&old, data + at, sizeof old);
    changed = old + 1;
    memcpy(data + at, &changed, sizeof changed);
    CHECK(worst_of(data, size) > bound, "%s: %s changed from %g to %g, and it went unnoticed", name, *tensors, old,
          changed);
    memcpy(data + at, &old, sizeof old);
  }
  free(data);
}

int main(void) {
  static const char *const readout[] = { "conv1.weight", "conv2.weight", "readout.weight", "support.x", "query.x",
                                         "expect.grad.readout.weight", NULL };
  static const char *const all[] = { "conv1.weight", "support.x", "expect.grad.conv2.weight",
                                     "expect.task0.adapted.conv1.weight", "expect.task1.query_loss", NULL };
  static const char *const prototype[] = { "conv1.weight", "prototype.scale", "support.x", "query.x",
                                           "expect.grad.prototype.scale", NULL };
  test_error();
  if (!file_exists("../shared/reference/maml_small.safetensors")) {
    printf("SKIP the reference vectors are absent\n");
    return test_failed ? 1 : 77;
  }
  test_file("maml_small", readout);
  test_file("maml_colour", readout);
  test_file("maml_all", all);
  test_file("maml_all_support", all);
  test_file("maml_all_first_order", all);
  test_file("maml_prototype", prototype);
  return test_summary();
}
