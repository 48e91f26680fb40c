#include "experiment/arm/path.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "arm/kinematics.h"
#include "arm/jointpath.h"
#include "base/err.h"
#include "arm/targetpath.h"
#include "experiment/arm/reach.h"

static const double degrees = 180/3.14159265358979323846;

static int take_row(double q[2], double xyz[3], const struct reach *f, const struct targetpath *t, int row) {
  const double *v = t->value + (size_t)row*(size_t)t->columns,
               limit_deg[2] = { f->arm.limit_base_deg, f->arm.limit_shoulder_deg };
  if (t->columns == 3) {
    const double off = kinematics_inverse(&q[0], &q[1], v, &f->arm);
    if (off > f->target.reach_tolerance_m)
      return err_set(ERR_FORMAT,
                     "%s:%d: (%g, %g, %g) m is %.3f m from where the tip can be; limit target.reach_tolerance_m=%g",
                     f->target.file, t->line[row], v[0], v[1], v[2], off, f->target.reach_tolerance_m);
    memcpy(xyz, v, 3*sizeof *xyz);
  } else {
    memcpy(q, v, 2*sizeof *q);
    kinematics_tip(xyz, q[0], q[1], &f->arm);
  }
  for (int j = 0; j < 2; j++)
    if (!(fabs(q[j])*degrees <= limit_deg[j]))
      return err_set(ERR_FORMAT, "%s:%d: %s at %.4g degrees; limit %g", f->target.file, t->line[row],
                     jointpath_joint_names[j], q[j]*degrees, limit_deg[j]);
  return 0;
}

static int check_step(const double q[2], const double *before, const struct reach *f, int line, double row_s) {
  const double most = f->trajectory.speed_rad_s*row_s;
  for (int j = 0; j < 2; j++) {
    const double step = q[j] - (before ? before[j] : 0);
    if (fabs(step) > most)
      return err_set(ERR_FORMAT, "%s:%d: %s jumps by %.4g degrees from %s; limit %.4g (%g rad/s, a row every %.4g s)",
                     f->target.file, line, jointpath_joint_names[j], step*degrees, before ? "the row before" : "home",
                     most*degrees, f->trajectory.speed_rad_s, row_s);
  }
  return 0;
}

int reach_path_read(struct reach_path *p, const struct reach *f, double row_s) {
  struct targetpath t;
  TRY(targetpath_read(&t, f->target.file));
  *p = (struct reach_path){ .n = t.n,
                            .q = err_calloc((size_t)t.n, 2*sizeof *p->q),
                            .xyz = err_calloc((size_t)t.n, 3*sizeof *p->xyz) };
  if (row_s <= 0) row_s = (double)f->trajectory.steps*f->trajectory.dt_s/t.n;
  int rc = 0;
  for (int row = 0; row < t.n && rc == 0; row++) {
    double *q = p->q + 2*row;
    rc = take_row(q, p->xyz + 3*row, f, &t, row);
    if (rc == 0) rc = check_step(q, row ? q - 2 : NULL, f, t.line[row], row_s);
  }
  targetpath_release(&t);
  if (rc < 0) reach_path_release(p);
  return rc;
}

void reach_path_release(struct reach_path *p) {
  free(p->q);
  free(p->xyz);
  *p = (struct reach_path){ 0 };
}
