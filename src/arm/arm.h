// arm.h - one small door to every arm: a path of joint angles in, the path that was measured out.
//   kinematic  what is commanded is what happens: the arm of the training
//   physics    a rigid-body model with the lag of the real joints and gravity (arm/physics.h)
//   mqtt       the real arm, or the laboratory's simulator of it (arm/armlink.h)
#ifndef ARM_ARM_H
#define ARM_ARM_H

#include <stdio.h>

#include "arm/armlink.h"
#include "arm/jointpath.h"
#include "arm/physics.h"

enum arm_kind { ARM_KINEMATIC, ARM_PHYSICS, ARM_MQTT };
extern const char *const arm_kind_names[];

struct arm_params {
  int64_t kind;   // enum arm_kind
  double hold_s;  // of every set-point; 0.25 s in the paper
};
extern const struct param arm_param_table[];

struct arm {
  struct arm_params params;
  struct physics_params physics;
  struct armlink_params link;
};

// ERR_SETTING if this program was built without that kind.
int arm_check(const struct arm *a);

// Hold each set-point for its time. performed: made here, the caller's to release; after a failure of the real arm it
// holds the points that came before it, otherwise none.
int arm_perform(struct jointpath *performed, const struct arm *a, const struct kinematics *k,
                const struct jointpath *commanded);

#endif
