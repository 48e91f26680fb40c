// kinematics.h - where the tip of the ED-Scorbot is (metres, radians).
// Joints q: base, shoulder, elbow, wrist; the experiment moves the first two. With t1 = -q1, t2 = -q2,
// t3 = -q3, t4 = q4 (the home offsets of the laboratory's own angles cancel exactly) and
//   R = a1 + a2 cos t2 + a3 cos(t2+t3) + a4 cos(t2+t3+t4):
//   x = R cos t1 - d sin t1,  y = R sin t1 + d cos t1,  z = d1 - a2 sin t2 - a3 sin(t2+t3) - a4 sin(t2+t3+t4)
#ifndef ARM_KINEMATICS_H
#define ARM_KINEMATICS_H

#include "base/param.h"

struct kinematics {
  double d1, d;           // height of the shoulder; sideways offset d2 + d3
  double a1, a2, a3, a4;  // lengths; a3 = 0.35 reproduces the paper, other sources of the lab say 0.25
  double limit_base_deg, limit_shoulder_deg;  // the experiment stays within +- these
  int64_t stops;          // do performances stop there too (arm/joint.h)?
};
extern const struct param kinematics_param_table[];

double kinematics_limit_rad(const struct kinematics *k, int joint);  // of joint 0, the base, or 1

// Tip position from the angles t of the formula above.
void kinematics_tip_t(double xyz[3], const double t[4], const struct kinematics *k);

// Tip position from joint angles; q3 = q4 = 0 for the two joints of the experiment.
void kinematics_tip(double xyz[3], double base, double shoulder, const struct kinematics *k);

// The same from all four joint angles q.
void kinematics_tip_q(double xyz[3], const double q[4], const struct kinematics *k);

// d(x,y,z)/d(base, shoulder)
void kinematics_jacobian(double jacobian[3][2], double base, double shoulder, const struct kinematics *k);

// Angles of the two joints that bring the tip closest to a point; returns the remaining distance (m).
double kinematics_inverse(double *base, double *shoulder, const double xyz[3], const struct kinematics *k);

#endif
