// trajectory.h - random target movements of two joints, of five families (arm/families.h). The paper's (Ortner et al.,
// Nat. Commun. 16:1243 (2025), methods) has Brownian angular velocities, smoothed by a raised-cosine window (T1). The
// velocities of all families are integrated and kept within the joint limits.
//   published    the velocity is left as it was where the limits cut the angle, so the two contradict
//   consistent   the velocity is the difference of the angles that remain
// A movement begins at home, or it is cut out of a longer one that began at a random posture, so that it begins
// anywhere and at any velocity.
#ifndef ARM_TRAJECTORY_H
#define ARM_TRAJECTORY_H

#include <stdbool.h>

#include "base/param.h"

struct rng;

enum { TRAJECTORY_JOINTS = 2 };
enum trajectory_generator { TRAJECTORY_PUBLISHED, TRAJECTORY_CONSISTENT };
enum trajectory_family { TRAJECTORY_PAPER, TRAJECTORY_REACH, TRAJECTORY_REST, TRAJECTORY_STROKE, TRAJECTORY_RIPPLE,
                         TRAJECTORY_FAMILIES, TRAJECTORY_MIXED = TRAJECTORY_FAMILIES };

struct trajectory_params {
  int64_t generator;      // enum trajectory_generator
  int64_t free;           // only those that touch no limit and keep every coordinate below free_below_m
  double free_below_m;
  int64_t steps;
  double dt_s;            // arm time per step
  double diffusion;       // standard deviation of the velocity after 1 s, rad/s
  int64_t window;         // steps of the smoothing
  double speed_rad_s;     // velocities are clipped to +- this
  int64_t family;         // enum trajectory_family
  double elsewhere;       // share of movements that begin at a random posture
  double reach_min_s, reach_max_s, reach_speed_rad_s;
  double rest_max_s;
  double stroke_min_rad_s, stroke_max_rad_s, stroke_length_rad;
  double ripple_min_Hz, ripple_max_Hz, ripple_speed_rad_s;
};
extern const char *const trajectory_generator_names[];
extern const char *const trajectory_family_names[];
extern const struct param trajectory_param_table[];

// ERR_SETTING where a lower limit is above its upper limit.
int trajectory_check(const struct trajectory_params *p);

// The family of movement `number`: that of the settings; of mixed ones each family in turn.
enum trajectory_family trajectory_family_of(const struct trajectory_params *p, uint64_t number);

// How many movements of each family follow each other, from a text such as 1,2,1,2,1; "" is one each. ERR_SETTING, with
// `key` in the message, if it is no such text or if there are no movements at all.
int trajectory_shares(int shares[TRAJECTORY_FAMILIES], const char *key, const char *text);
// The family of movement `number` where families follow each other like that.
enum trajectory_family trajectory_family_by_shares(const int shares[TRAJECTORY_FAMILIES], uint64_t number);

// One movement. omega (steps, 2) rad/s, angle (steps, 2) rad after each step, begin: the angles before the first;
// limit_rad of each joint; scratch trajectory_scratch() numbers. Returns whether an angle was cut.
bool trajectory_draw(double *omega, double *angle, double begin[2], const struct trajectory_params *p,
                     enum trajectory_family family, const double limit_rad[2], double *scratch, struct rng *r);
size_t trajectory_scratch(const struct trajectory_params *p);

#endif
