// families.h - movements as robots and people make them, beside the paper's random ones (arm/trajectory.h); equations
// T2 to T4. Each function writes the velocities (T, 2) rad/s of base and shoulder, from the posture in q on:
//   reach    minimum jerk between random postures (Flash and Hogan, J. Neurosci. 5:1688 (1985)): at the time s from 0
//            to 1 the angles are 10 s^3 - 15 s^4 + 6 s^5 of the way; with rests, a rest before each
//   stroke   lines and arcs in the plane of both joints, one speed, a corner between them
//   ripple   two sines for each joint
#ifndef ARM_FAMILIES_H
#define ARM_FAMILIES_H

#include "arm/trajectory.h"

struct families_walk {
  const struct trajectory_params *p;
  const double *limit_rad;  // (2)
  double q[2];              // where the joints are after t steps
  int t, T;
  double *velocity;         // (T, 2)
};

void families_reach(struct families_walk *w, bool rests, struct rng *r);
void families_stroke(struct families_walk *w, struct rng *r);
void families_ripple(struct families_walk *w, struct rng *r);

#endif
