// physics.h - the arm as a rigid-body model with gravity (MuJoCo), and pictures of it. The one door to MuJoCo;
// without it (METAXBAR_MUJOCO=0) every function here fails with one line that says so.
//
// The model is written from the lengths of kinematics.h: pedestal, turret, upper arm, forearm and hand, with
// the masses of the links. Each joint follows the law that step tests of the real arm fit,
//   dq/dt = clip(K (reference - q), +-v):
// the right-hand side is the set-point of a velocity servo of finite stiffness, so that gravity shows.
#ifndef ARM_PHYSICS_H
#define ARM_PHYSICS_H

#include <stdbool.h>

#include "base/param.h"

struct jointpath;
struct kinematics;

struct physics_params {
  double gain_per_s;    // K
  double speed_deg_s;   // v
  double servo_Nms;     // torque per velocity error, N m s/rad
  double gravity_m_s2;
  double step_s;        // longest step of the integration
};
extern const struct param physics_param_table[];

bool physics_available(void);

// Begin at rest at home, hold each set-point until its time, and measure the joints there. performed: made here, the
// caller's.
int physics_perform(struct jointpath *performed, const struct physics_params *p, const struct kinematics *k,
                    const struct jointpath *commanded);

// Tip and joint positions as the model has them, for comparison with the closed form: n rows of q (n, 4).
int physics_tips(double *xyz, const double *q, int n, const struct kinematics *k);

// ---- pictures, without a display

struct physics_scene;

struct physics_line {
  const double *xyz;  // (n, 3) m
  int n;
  float rgba[4];
  float radius_m;
};

// Images of W x H pixels. *s is the caller's; only the thread that made it may use it.
int physics_scene_new(struct physics_scene **s, const struct kinematics *k, int W, int H);
void physics_scene_free(struct physics_scene *s);

// The arm with joints q (4) and lines in the air; rgb (H, W, 3), top row first.
int physics_scene_draw(struct physics_scene *s, unsigned char *rgb, const double *q, const struct physics_line *lines,
                       int n_lines);

#endif
