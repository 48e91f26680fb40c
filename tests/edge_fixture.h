// The tasks of an evaluation, learned by the core for microcontrollers on this machine.
#ifndef TESTS_EDGE_FIXTURE_H
#define TESTS_EDGE_FIXTURE_H

#include "base/err.h"
#include "base/rng.h"
#include "data/dataset.h"
#include "experiment/fewshot/edge.h"
#include "experiment/fewshot/queries.h"
#include "experiment/fewshot/result.h"
#include "metaxbar_adapt.h"
#include "test.h"

struct edge_fixture {
  struct fewshot f;
  struct fewshot_model m;
  struct dataset data;
  struct edge_model edge;
  struct episode_spec spec;
  struct episode episode;
  int n_images, image_bytes;
  uint8_t *images;  // of a task, (n_images, image_bytes), the support first
  struct mxa s;
  void *ram;
  size_t ram_bytes;
};

// A model with the statistics of the settings, which end with NULL.
static inline void edge_fixture_init(struct edge_fixture *e, const char *model, const char *const *settings) {
  fewshot_init(&e->f);
  CHECK(fewshot_model_load(&e->m, &e->f, model, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  for (; *settings; settings++) CHECK(settings_set(e->f.sections, *settings) == 0, "%s", err_message());
  e->f.eval.batchnorm = CONVNET_FIXED;
  CHECK(fewshot_load(&e->data, &e->f) == 0, "%s", err_message());
  CHECK(edge_model_new(&e->edge, &e->f, &e->m, &e->data) == 0, "%s", err_message());
  const int ways = e->f.eval.ways ? (int)e->f.eval.ways : e->m.net.ways;
  CHECK(queries_spec(&e->spec, NULL, &e->f, ways) == 0, "%s", err_message());
  episode_init(&e->episode, ways, e->spec.shots, e->spec.queries);
  e->n_images = episode_images(&e->episode);
  e->image_bytes = e->m.net.side[0]*e->m.net.side[0]*e->m.net.in_channels;
  e->images = err_calloc((size_t)e->n_images, (size_t)e->image_bytes);
  const size_t bytes = 4 * (size_t)e->edge.n;
  e->ram_bytes = mxa_ram(e->edge.word, bytes, ways, ways*e->spec.shots);
  e->ram = err_calloc(1, e->ram_bytes);
  CHECK(mxa_init(&e->s, e->edge.word, bytes, e->ram, e->ram_bytes, ways, ways*e->spec.shots) == 0, "init");
}

static inline void edge_fixture_release(struct edge_fixture *e) {
  free(e->ram);
  free(e->images);
  episode_release(&e->episode);
  edge_model_free(&e->edge);
  dataset_release(&e->data);
  fewshot_model_release(&e->m);
}

// The images of task k, as an evaluation draws it.
static inline void edge_fixture_draw(struct edge_fixture *e, int k) {
  const enum dataset_split split = fewshot_eval_split(&e->f);
  struct rng r = rng_stream((uint64_t)e->f.run.seed, split == DATASET_EVALUATION ? RNG_EVALUATE : RNG_VALIDATE,
                            (uint32_t)k);
  const size_t n = (size_t)(e->n_images * e->image_bytes);
  real *x = err_calloc(n, sizeof *x);
  episode_draw(&e->episode, &e->spec, &e->data.images, &e->data.split[split], &r);
  episode_render(&e->episode, &e->data.images, x, e->m.net.in_channels);
  for (size_t i = 0; i < n; i++) e->images[i] = (uint8_t)rint(255*(double)x[i]);
  free(x);
}

// Learn it with so many updates: the share of queries that are classified rightly.
static inline double edge_fixture_accuracy(struct edge_fixture *e, int updates) {
  const int S = e->spec.ways*e->spec.shots;
  int8_t h[512];
  int right = 0;
  mxa_forget(&e->s);
  for (int i = 0; i < S; i++) {
    mxa_features(&e->s, h, e->images + i*e->image_bytes);
    CHECK(mxa_add(&e->s, i/e->spec.shots, h) == 0, "example %d", i);
  }
  CHECK(mxa_learn(&e->s, updates) == 0, "learn");
  for (int i = S; i < e->n_images; i++) {
    mxa_features(&e->s, h, e->images + i*e->image_bytes);
    right += mxa_classify(&e->s, h) == e->episode.label[i - S];
  }
  return (double)right/(e->n_images - S);
}

#endif
