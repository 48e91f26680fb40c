// joint.h - a joint driven by velocities (equation S4): its angle is their sum, clipped to a limit.
// Targets and performances follow this one rule. As in the published generator the sum itself is not clipped: a joint
// that was driven beyond its limit comes back when the sum does.
#ifndef ARM_JOINT_H
#define ARM_JOINT_H

struct joint { double sum, q, omega; };  // rad, rad, rad/s: omega is the velocity of the angle q. Zero at home

static inline struct joint joint_at(double q) { return (struct joint){ .sum = q, .q = q }; }

static inline void joint_move(struct joint *s, double told_rad_s, double dt_s, double limit_rad) {
  const double last = s->q;
  s->sum += dt_s*told_rad_s;
  s->q = s->sum > limit_rad ? limit_rad : s->sum < -limit_rad ? -limit_rad : s->sum;
  s->omega = (s->q - last)/dt_s;
}

#endif
