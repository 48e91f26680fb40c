#include "arm/arm.h"

#include <string.h>

#include "base/err.h"

const char *const arm_kind_names[] = { "kinematic", "physics", "mqtt", NULL };

const struct param arm_param_table[] = {
  PARAM_CHOICE(struct arm_params, kind, ARM_KINEMATIC, arm_kind_names,
               "which arm performs: closed-form kinematics, a simulated rigid body (MuJoCo), or the real arm (MQTT)"),
  PARAM_F64(struct arm_params, hold_s, 0.25, 0.001, 10, "time that each set-point is held"),
  { 0 },
};

int arm_check(const struct arm *a) {
  if (a->params.kind == ARM_PHYSICS && !physics_available())
    return err_set(ERR_SETTING, "arm.kind=physics: this program was built without MuJoCo (package libmujoco-dev)");
  if (a->params.kind == ARM_MQTT && !mqtt_available())
    return err_set(ERR_SETTING, "arm.kind=mqtt: this program was built without libmosquitto (package "
                                "libmosquitto-dev)");
  return 0;
}

int arm_perform(struct jointpath *performed, const struct arm *a, const struct kinematics *k,
                const struct jointpath *commanded) {
  *performed = (struct jointpath){ 0 };
  TRY(arm_check(a));
  if (a->params.kind == ARM_PHYSICS) return physics_perform(performed, &a->physics, k, commanded);
  if (a->params.kind == ARM_MQTT) return armlink_perform(performed, &a->link, commanded);
  jointpath_init(performed, commanded->n, a->params.hold_s);
  memcpy(performed->q, commanded->q, (size_t)commanded->n*JOINTPATH_JOINTS*sizeof *commanded->q);
  return 0;
}
