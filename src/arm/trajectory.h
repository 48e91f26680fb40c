// trajectory.h - random target movements of two joints (Ortner et al., Nat. Commun. 16:1243 (2025), methods): Brownian
// angular velocities, smoothed by a raised-cosine window, integrated and held within the joint limits.
//   published    the velocity is left as it was where the limits cut the angle, so the two contradict
//   consistent   the velocity is the difference of the angles that remain
#ifndef ARM_TRAJECTORY_H
#define ARM_TRAJECTORY_H

#include <stdbool.h>

#include "base/param.h"

struct rng;

enum { TRAJECTORY_JOINTS = 2 };
enum trajectory_generator { TRAJECTORY_PUBLISHED, TRAJECTORY_CONSISTENT };

struct trajectory_params {
  int64_t generator;      // enum trajectory_generator
  int64_t free;           // only those that touch no limit and keep every coordinate below free_below_m
  double free_below_m;
  int64_t steps;
  double dt_s;            // arm time per step
  double diffusion;       // standard deviation of the velocity after 1 s, rad/s
  int64_t window;         // steps of the smoothing
  double speed_rad_s;     // velocities are clipped to +- this
};
extern const char *const trajectory_generator_names[];
extern const struct param trajectory_param_table[];

// One movement. omega (steps, 2) rad/s, angle (steps, 2) rad; limit_rad of each joint; scratch
// trajectory_scratch() numbers. Returns whether an angle was cut.
bool trajectory_draw(double *omega, double *angle, const struct trajectory_params *p, const double limit_rad[2],
                     double *scratch, struct rng *r);
size_t trajectory_scratch(const struct trajectory_params *p);

#endif
