// taught_fixture.h - a model that is taught drawn characters, and what it answers to others.
#ifndef TAUGHT_FIXTURE_H
#define TAUGHT_FIXTURE_H

#include "base/err.h"
#include "base/rng.h"
#include "chip/chip.h"
#include "data/characters.h"
#include "data/render.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/pictures.h"
#include "learn/classes.h"
#include "test.h"

enum { SIDE = 60, SEED = 77, QUERIES = 4 };
static struct fewshot settings;
static struct fewshot_model model;

static inline void reset(void) {
  const struct run_sources none = { 0 };
  if (model.parameters) fewshot_model_release(&model);
  fewshot_init(&settings);
  fewshot_pictures.begin(&settings);
  CHECK(fewshot_model_load(&model, &settings, "models/builtin-5w5s.safetensors", &none) == 0, "%s", err_message());
}

// Characters first, first + 1, ...: class c has n[c] drawings from `from` on.
static inline struct imageset characters(int first, int n_classes, const int *n, int from) {
  static unsigned char ink[SIDE*SIDE];
  struct imageset s;
  imageset_init(&s, IMAGESET_AREA, model.net.side[0]);
  for (int c = 0; c < n_classes; c++) {
    char name[32];
    snprintf(name, sizeof name, "character %d", first + c);
    imageset_add_class(&s, name, name);
    for (int d = 0; d < n[c]; d++) {
      characters_draw(ink, SIDE, SEED, first + c, from + d);
      imageset_add_image(&s, ink, SIDE, SIDE);
    }
  }
  return s;
}

static inline int teach_set(struct taught *t, const struct imageset *s) {
  const struct taught_lesson lesson = taught_lesson_of(s);
  return taught_teach(t, &settings, &lesson);
}

// Features, logits and distances of drawings of n characters that were not taught.
struct answers {
  int n;
  real *h, *z;
  double *distance;
};

static inline struct answers ask(const struct taught *t, int first, int n_classes) {
  int n[16];
  for (int c = 0; c < n_classes; c++) n[c] = QUERIES;
  struct imageset s = characters(first, n_classes, n, 10);
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct convnet_work work;
  struct answers a = { .n = s.n_images };
  struct rng r = rng_stream(1, RNG_TEST, 0);
  const size_t OP = (size_t)vector_padded(t->net.ways), images = (size_t)a.n;
  convnet_work_init(&work, &t->net, a.n);
  a.h = err_aligned(images * (size_t)t->CP, sizeof *a.h);
  a.z = err_aligned(images * OP, sizeof *a.z);
  a.distance = err_calloc(images, sizeof *a.distance);
  struct chip *chip = t->chip ? chip_clone(t->chip) : NULL;
  taught_layers(t, &settings, layers, chip);
  const struct taught_lesson lesson = taught_lesson_of(&s);
  taught_features(t, &work, layers, &lesson, 0, a.n, &r);
  memcpy(a.h, work.h, images * (size_t)t->CP * sizeof *a.h);
  classes_logits(a.z, layers[t->net.readout], a.h, a.n, &r);
  for (int i = 0; i < a.n; i++) a.distance[i] = taught_distance(t, a.h + i*t->CP);
  taught_layers_free(t, layers);
  chip_free(chip);
  convnet_work_release(&work);
  imageset_release(&s);
  return a;
}

static inline void answers_free(struct answers *a) {
  free(a->h);
  free(a->z);
  free(a->distance);
}

static inline double accuracy(const struct taught *t, const struct answers *a) {
  const int OP = vector_padded(t->net.ways);
  int correct = 0;
  for (int i = 0; i < a->n; i++) {
    int best = 0;
    for (int k = 1; k < t->N; k++) best = a->z[i*OP + k] > a->z[i*OP + best] ? k : best;
    correct += best == i/QUERIES;
  }
  return (double)correct / a->n;
}

#endif
