#include "arm/jointpath.h"

#include <stdlib.h>

#include "arm/kinematics.h"
#include "base/err.h"

const char *const jointpath_joint_names[JOINTPATH_JOINTS] = { "base", "shoulder", "elbow", "wrist" };

void jointpath_init(struct jointpath *p, int n, double hold_s) {
  *p = (struct jointpath){ n, err_calloc((size_t)n, JOINTPATH_JOINTS*sizeof(double)),
                           err_calloc((size_t)n, sizeof(double)) };
  for (int k = 0; k < n; k++) p->time_s[k] = (k + 1)*hold_s;
}

void jointpath_release(struct jointpath *p) {
  free(p->q);
  free(p->time_s);
  *p = (struct jointpath){ 0 };
}

void jointpath_tips(double *xyz, const struct jointpath *p, const struct kinematics *k) {
  for (int i = 0; i < p->n; i++) kinematics_tip_q(xyz + 3*i, p->q + JOINTPATH_JOINTS*i, k);
}
