// jointpath.h - what every arm is given and what it gives back: the angles of its four joints at one set-point
// after another. Angles q in radians as in kinematics.h; the experiment moves base and shoulder, elbow and
// wrist are commanded to stay at 0 and only measured.
#ifndef ARM_JOINTPATH_H
#define ARM_JOINTPATH_H

#include <stddef.h>

struct kinematics;

enum { JOINTPATH_JOINTS = 4 };
extern const char *const jointpath_joint_names[JOINTPATH_JOINTS];

struct jointpath {
  int n;           // set-points
  double *q;       // (n, 4) rad
  double *time_s;  // (n) since the start: when the hold of each point ends, or when it was measured
};

// All angles 0, point k at (k + 1) hold_s.
void jointpath_init(struct jointpath *p, int n, double hold_s);
void jointpath_release(struct jointpath *p);

// Tip of the arm at every point, xyz (n, 3) m.
void jointpath_tips(double *xyz, const struct jointpath *p, const struct kinematics *k);

#endif
