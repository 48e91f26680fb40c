// small_arm.h - settings of an arm that is trained and performs within milliseconds.
#ifndef TESTS_SMALL_ARM_H
#define TESTS_SMALL_ARM_H

#include <string.h>

#include "experiment/arm/batch.h"

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

// The gradient (b->o.n) of the loss of a batch, after reach_batch_forward.
static inline void small_arm_gradient(struct reach_batch *b, real *gradient) {
  memset(gradient, 0, b->o.n*sizeof *gradient);
  for (int k = 0; k < reach_batch_episodes(b); k++) reach_batch_backward(b, gradient, k, 0);
  reach_batch_finish(b, gradient);
}

#endif
