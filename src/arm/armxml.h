// armxml.h - the arm as a model file of MuJoCo (MJCF), written from the lengths of kinematics.h. Bodies sit one on
// another at (0, 0, 0.17), (a1, 0, d1 - 0.17), (a2, -0.098, 0), (a3, d + 0.098, 0), the tip at (a4, 0, 0); axes
// (0 0 -1), (0 -1 0), (0 -1 0), (0 1 0): joint positions are the angles q. The origin is the plane that the
// base stands on; a pedestal carries it, since the tip reaches below.
#ifndef ARM_ARMXML_H
#define ARM_ARMXML_H

struct kinematics;

// gain: torque of the servos per velocity error, N m s/rad; W x H: largest picture. The text is the caller's to free.
char *armxml_text(const struct kinematics *k, double gravity_m_s2, double step_s, double gain, int W, int H);

#endif
