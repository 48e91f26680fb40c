#include "arm/kinematics.h"

#include <math.h>

const struct param kinematics_param_table[] = {
  PARAM_F64(struct kinematics, d1, 0.3585, -10, 10, "height of the shoulder, m"),
  PARAM_F64(struct kinematics, d, -0.033, -10, 10, "sideways offset, m"),
  PARAM_F64(struct kinematics, a1, 0.05, 0, 10, "distance from base to shoulder, m"),
  PARAM_F64(struct kinematics, a2, 0.3, 0, 10, "length of the upper arm, m"),
  PARAM_F64(struct kinematics, a3, 0.35, 0, 10, "length of the forearm, m (other sources: 0.25)"),
  PARAM_F64(struct kinematics, a4, 0.22, 0, 10, "length of the hand, m"),
  PARAM_F64(struct kinematics, limit_base_deg, 130, 1, 180, "limit of the base joint, to each side"),
  PARAM_F64(struct kinematics, limit_shoulder_deg, 70, 1, 90, "limit of the shoulder joint, to each side"),
  PARAM_BOOL(struct kinematics, stops, 1,
             "performed movements stop at the joint limits, as targets do; no: they continue, as in the published "
             "code, for trajectory.generator=published"),
  { 0 },
};

static const double pi = 3.14159265358979323846;

double kinematics_limit_rad(const struct kinematics *k, int joint) {
  return (joint ? k->limit_shoulder_deg : k->limit_base_deg)*pi/180;
}

void kinematics_tip_t(double xyz[3], const double t[4], const struct kinematics *k) {
  const double R = k->a1 + k->a2*cos(t[1]) + k->a3*cos(t[1] + t[2]) + k->a4*cos(t[1] + t[2] + t[3]);
  xyz[0] = R*cos(t[0]) - k->d*sin(t[0]);
  xyz[1] = R*sin(t[0]) + k->d*cos(t[0]);
  xyz[2] = k->d1 - k->a2*sin(t[1]) - k->a3*sin(t[1] + t[2]) - k->a4*sin(t[1] + t[2] + t[3]);
}

void kinematics_tip(double xyz[3], double base, double shoulder, const struct kinematics *k) {
  kinematics_tip_t(xyz, (const double[4]){ -base, -shoulder, 0, 0 }, k);
}

void kinematics_tip_q(double xyz[3], const double q[4], const struct kinematics *k) {
  kinematics_tip_t(xyz, (const double[4]){ -q[0], -q[1], -q[2], q[3] }, k);
}

void kinematics_jacobian(double jacobian[3][2], double base, double shoulder, const struct kinematics *k) {
  const double a = k->a2 + k->a3 + k->a4, R = k->a1 + a*cos(shoulder), dR = -a*sin(shoulder);
  const double c = cos(base), s = sin(base);  // x = R c + d s, y = -R s + d c, z = d1 + a sin(shoulder)
  jacobian[0][0] = -R*s + k->d*c;
  jacobian[1][0] = -R*c - k->d*s;
  jacobian[2][0] = 0;
  jacobian[0][1] = dR*c;
  jacobian[1][1] = -dR*s;
  jacobian[2][1] = a*cos(shoulder);
}

// In the vertical plane of the stretched arm the tip runs on a circle around the shoulder.
double kinematics_inverse(double *base, double *shoulder, const double xyz[3], const struct kinematics *k) {
  const double across = hypot(xyz[0], xyz[1]);
  const double R = across > fabs(k->d) ? sqrt(across*across - k->d*k->d) : 0;
  *shoulder = atan2(xyz[2] - k->d1, R - k->a1);
  *base = remainder(atan2(k->d, R) - atan2(xyz[1], xyz[0]), 2*pi);
  double tip[3];
  kinematics_tip(tip, *base, *shoulder, k);
  return sqrt(pow(tip[0] - xyz[0], 2) + pow(tip[1] - xyz[1], 2) + pow(tip[2] - xyz[2], 2));
}
