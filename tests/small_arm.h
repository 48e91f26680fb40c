// small_arm.h - settings of an arm that is trained and performs within milliseconds.
#ifndef TESTS_SMALL_ARM_H
#define TESTS_SMALL_ARM_H

#include <string.h>

#include "base/err.h"
#include "experiment/arm/batch.h"
#include "experiment/arm/result.h"
#include "test.h"

static inline void small_arm(struct reach *f) {
  reach_init(f);
  f->lsg.neurons = 40;
  f->trainee.neurons = 24;
  f->trajectory.steps = 60;
  f->training.iterations = 8;
  f->train.trajectories = 6;
  f->train.group = 2;
  f->training.log_every = 2;
  f->training.validate_every = 4;
  f->train.validate_trajectories = 5;
  f->training.checkpoint_every_s = 60;
  f->update.grid = EPROP_STOCHASTIC;
  f->update.rate = 1e-2;
}

// Random weights of f.
static inline struct reach_model small_arm_model(const struct reach *f) {
  struct reach_model m;
  CHECK(reach_model_new(&m, f) == 0, "%s", err_message());
  return m;
}

static inline struct reach_result small_arm_eval(const struct reach *f, const struct reach_model *m,
                                                 const struct reach_device *device) {
  struct reach_result r;
  CHECK(reach_eval(&r, f, m, device) == 0, "%s", err_message());
  return r;
}

// A model file of such sizes.
static inline void small_arm_write(const char *path, int64_t lsg, int64_t trainee, int64_t steps, int64_t seed) {
  struct reach f;
  reach_init(&f);
  f.lsg.neurons = lsg;
  f.trainee.neurons = trainee;
  f.trajectory.steps = steps;
  f.run.seed = seed;
  struct reach_model m = small_arm_model(&f);
  CHECK(reach_model_save(&m, &f, path, false) == 0, "%s", err_message());
  reach_model_release(&m);
}

// n movements of a stream, in episodes of `group`.
static inline void small_arm_batch(struct reach_batch *b, const struct reach *f, const struct reach_model *m, int n,
                                   int group, uint32_t stream) {
  reach_batch_init(b, f, &m->o, n, group, NULL, NULL);
  CHECK(reach_batch_draw(b, n, stream, 0) == 0, "%s", err_message());
}

// The gradient (b->o.n) of the loss of a batch, after reach_batch_forward.
static inline void small_arm_gradient(struct reach_batch *b, real *gradient) {
  memset(gradient, 0, b->o.n*sizeof *gradient);
  for (int k = 0; k < reach_batch_episodes(b); k++) reach_batch_backward(b, gradient, k, 0);
  reach_batch_finish(b, gradient);
}

#endif
