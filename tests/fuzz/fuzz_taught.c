// Files of taught classes from arbitrary bytes, for a small model. Whatever is accepted classifies, and takes a further
// class.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "chip/chip.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/pictures.h"
#include "learn/classes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fewshot f;
static struct fewshot_model model;

static void begin(void) {
  static const char *const small[] = { "net.channels=2", "net.blocks=1", "net.ways=2", "net.steps=2", "data.size=8" };
  fewshot_init(&f);
  fewshot_pictures.begin(&f);
  for (size_t k = 0; k < sizeof small/sizeof *small; k++)
    if (settings_set(f.sections, small[k]) < 0) abort();
  if (!model.parameters && fewshot_model_new(&model, &f) < 0) abort();
}

static void use(struct taught *t) {
  static _Alignas(64) real h[16] = { 1, -1, 1 }, z[2048];
  static const unsigned char ink[8*8] = { [9] = 255, [20] = 99 };
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct rng r = rng_stream(1, RNG_TEST, 0);
  struct imageset set;
  taught_layers(t, &f, layers, t->chip);
  classes_logits(z, layers[t->net.readout], h, 1, &r);
  if (taught_distance(t, h) < 0) abort();
  taught_layers_free(t, layers);
  imageset_init(&set, IMAGESET_AREA, 8);
  imageset_add_class(&set, "one more", "one more");
  imageset_add_image(&set, ink, 8, 8);
  const struct taught_lesson lesson = taught_lesson_of(&set);
  taught_teach(t, &f, &lesson);
  imageset_release(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const struct run_sources none = { 0 };
  struct tensorfile *tf;
  struct taught t;
  FILE *in = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
  begin();
  if (!in || tensorfile_open_stream(&tf, in, "fuzz")) return 0;
  taught_init(&t, &model);
  const int rc = taught_read(&t, &f, &model, tf, &none);
  tensorfile_close(tf);
  if (rc == 0) use(&t);
  taught_release(&t);
  return 0;
}
