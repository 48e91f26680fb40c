// small_arm.h - settings of an arm that is trained and performs within milliseconds.
#ifndef TESTS_SMALL_ARM_H
#define TESTS_SMALL_ARM_H

#include "experiment/arm/reach.h"

static inline void small_arm(struct reach *f) {
  reach_init(f);
  f->lsg.neurons = 40;
  f->trainee.neurons = 24;
  f->trajectory.steps = 60;
  f->train.iterations = 8;
  f->train.trajectories = 6;
  f->train.group = 2;
  f->train.log_every = 2;
  f->train.validate_every = 4;
  f->train.validate_trajectories = 5;
  f->train.checkpoint_every_s = 60;
  f->update.grid = EPROP_STOCHASTIC;
  f->update.rate = 1e-2;
}

#endif
