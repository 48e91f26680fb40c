// The shipped models of colour images on images of flat colours, which they classify with any random numbers:
// each with the ways, shots, updates and bits that it was trained for.
#include <string.h>

#include "base/err.h"
#include "base/png.h"
#include "experiment/fewshot/result.h"
#include "folder.h"
#include "test.h"

enum { CLASSES = 6, IMAGES = 8, SIDE = 32 };

// Class c: images of one colour, with stripes that differ from image to image.
static void write_classes(const struct folder *f) {
  static const int colours[CLASSES][3] = { { 230, 30, 30 }, { 30, 200, 40 }, { 30, 60, 230 },
                                           { 240, 230, 40 }, { 20, 20, 20 }, { 240, 240, 240 } };
  unsigned char pixels[SIDE*SIDE*3];
  char name[64];
  for (int c = 0; c < CLASSES; c++)
    for (int i = 0; i < IMAGES; i++) {
      for (int k = 0; k < SIDE*SIDE*3; k++)
        pixels[k] = (unsigned char)abs(colours[c][k % 3] - (k / 3 % SIDE % (i + 3) ? 0 : 10));
      snprintf(name, sizeof name, "class%d/%d.png", c, i);
      if (png_rgb_write(folder_path(f, name), pixels, SIDE, SIDE) < 0) abort();
    }
}

static double accuracy_of(const struct folder *f, const char *path, const char *more, int bits) {
  struct fewshot set;
  struct fewshot_model m;
  struct fewshot_result r;
  char text[10][400];
  char *assignments[10];
  const char *const given[10] = { "data.kind=folder", "data.evaluation=1", "data.validation=0", "data.validation_path=",
                                  "data.evaluation_path=", "eval.tasks=2", "eval.queries=2", "eval.batchnorm=support",
                                  more, f->path };
  for (int k = 0; k < 10; k++) {
    snprintf(text[k], sizeof text[k], "%s%s", k == 9 ? "data.path=" : "", given[k]);
    assignments[k] = text[k];
  }
  fewshot_init(&set);
  const struct run_sources from = { .n_assignments = 10, .assignments = assignments };
  CHECK(fewshot_model_load(&m, &set, path, &from) == 0, "%s", err_message());
  CHECK(m.net.in_channels == 3 && m.net.channels == 256 && m.net.hidden == 256, "%s: another network", path);
  CHECK((set.synapse.kind == RUN_QUANTISED) == (bits > 0) && (!bits || set.synapse.bits == bits), "%s: %d bits", path,
        (int)set.synapse.bits);
  CHECK(fewshot_load_and_eval(&r, &set, &m) == 0, "%s: %s", path, err_message());
  const double accuracy = r.accuracy[r.n_updates];
  CHECK(set.eval.method == FEWSHOT_CENTROID || r.n_updates == 5, "%s: %d updates", path, r.n_updates);
  fewshot_result_release(&r);
  fewshot_model_release(&m);
  return accuracy;
}

int main(void) {
  static const struct {
    const char *path, *more;
    int bits;
  } models[] = {
    { "models/cifar-5w5s.safetensors", "eval.shots=5", 0 },
    { "models/cifar-5w5s-4bit.safetensors", "eval.shots=5", 4 },
    { "models/cifar-5w5s-chip.safetensors", "eval.shots=5", 0 },
    { "models/cifar-5w1s.safetensors", "eval.shots=1", 0 },
  };
  struct folder f = folder_make();
  write_classes(&f);
  for (size_t k = 0; k < (TEST_RACES_ONLY ? 1 : sizeof models/sizeof *models); k++) {
    const double accuracy = accuracy_of(&f, models[k].path, models[k].more, models[k].bits);
    CHECK(accuracy > 0.8, "%s: %g", models[k].path, accuracy);
  }
  folder_remove(&f);
  return test_summary();
}
