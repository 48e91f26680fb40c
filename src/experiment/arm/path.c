#include "experiment/arm/path.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arm/joint.h"
#include "arm/jointpath.h"
#include "arm/kinematics.h"
#include "arm/targetpath.h"
#include "base/checksum.h"
#include "base/err.h"
#include "base/note.h"
#include "base/text.h"
#include "experiment/arm/reach.h"

static const double degrees = 180/3.14159265358979323846;

// Tables are rounded: what is beyond a limit by less than this is at the limit.
static const double rounding_deg = 1e-3, rounding_speed = 1e-3;

// The path at the file's rows: knot k + 1 is row k, knot 0 home.
struct knots {
  const struct reach *f;
  struct targetpath file;
  double *q;       // (rows + 1, 2) rad
  double row_s;    // between rows of a file without times
  double off_m;    // largest distance of a point from the surface
  int n_held;      // rows in which velocities drive a joint beyond its limit, where it stays
  int first;       // the knot where the path begins: 0 or 1
};

// ---- times

static bool has_times(const struct knots *k) {
  return k->file.clock != TARGETPATH_NO_TIMES || k->f->target.step_s > 0;
}

static int check_times(const struct knots *k) {
  const struct reach_target_params *p = &k->f->target;
  if (p->step_s > 0 && k->file.clock == TARGETPATH_SECONDS)
    return err_set(ERR_SETTING, "target.step_s=%g: %s has a column of times", p->step_s, p->file);
  if (k->file.kind == TARGETPATH_SPEEDS && !has_times(k))
    return err_set(ERR_SETTING, "%s: angular velocities need times: a column time_s, or target.step_s", p->file);
  return 0;
}

// Time of a row after the first; -1 is one interval before it.
static double row_time(const struct knots *k, int row) {
  const double *time = k->file.time, step_s = k->f->target.step_s;
  if (k->file.clock == TARGETPATH_NO_TIMES) return row*k->row_s;
  const double since = row < 0 ? time[0] - time[1] : time[row] - time[0];
  return k->file.clock == TARGETPATH_SECONDS ? since : since*(step_s > 0 ? step_s : k->f->trajectory.dt_s);
}

static double knot_time(const struct knots *k, int knot) { return row_time(k, knot - 1) - row_time(k, k->first - 1); }

// ---- angles

static int take_point(double q[2], struct knots *k, int row) {
  const struct reach *f = k->f;
  const double *v = k->file.value + 3*(size_t)row, off = kinematics_inverse(&q[0], &q[1], v, &f->arm);
  if (off > f->target.reach_tolerance_m)
    return err_set(ERR_FORMAT,
                   "%s:%d: (%g, %g, %g) m is %.3f m from where the tip can be; limit target.reach_tolerance_m=%g",
                   f->target.file, k->file.line[row], v[0], v[1], v[2], off, f->target.reach_tolerance_m);
  k->off_m = fmax(k->off_m, off);
  return 0;
}

static int hold_limits(double q[2], const struct knots *k, int row) {
  const struct kinematics *arm = &k->f->arm;
  for (int j = 0; j < 2; j++) {
    const double limit = kinematics_limit_rad(arm, j), beyond = fabs(q[j]) - limit;
    if (!(beyond*degrees <= rounding_deg))
      return err_set(ERR_FORMAT, "%s:%d: %s at %.4g degrees; limit %g", k->f->target.file, k->file.line[row],
                     jointpath_joint_names[j], q[j]*degrees, limit*degrees);
    if (beyond > 0) q[j] = copysign(limit, q[j]);
  }
  return 0;
}

// A row of velocities moves the joints as in targets and performances.
static void take_velocities(struct joint s[2], double q[2], struct knots *k, int row) {
  bool held = false;
  for (int j = 0; j < 2; j++) {
    joint_move(&s[j], k->file.value[2*row + j], row_time(k, row) - row_time(k, row - 1),
               kinematics_limit_rad(&k->f->arm, j));
    q[j] = s[j].q;
    held = held || s[j].q != s[j].sum;
  }
  k->n_held += held;
}

static int take_rows(struct knots *k) {
  const struct targetpath *t = &k->file;
  struct joint s[2] = { 0 };
  for (int row = 0; row < t->n; row++) {
    double *q = k->q + 2*((size_t)row + 1);
    if (t->kind == TARGETPATH_POINTS) TRY(take_point(q, k, row));
    else if (t->kind == TARGETPATH_ANGLES) memcpy(q, t->value + 2*(size_t)row, 2*sizeof *q);
    else take_velocities(s, q, k, row);
    TRY(hold_limits(q, k, row));
  }
  return 0;
}

// Is the first row one interval after time 0, as in tables that begin with step 1?
static bool is_after_home(const struct targetpath *t) {
  return fabs(2*t->time[0] - t->time[1]) < 1e-6*t->time[0];
}

// At the first row if it is too far from home for one step; by its time, if it has one; or if it is home itself. Else
// at home before it.
static int find_first(const struct knots *k, bool set_points) {
  const struct trajectory_params *p = &k->f->trajectory;
  const double most = p->speed_rad_s*p->dt_s, at_home = 1e-9, off = fmax(fabs(k->q[2]), fabs(k->q[3]));
  if (k->file.kind == TARGETPATH_SPEEDS) return 0;
  if (off > most) return 1;
  return k->file.clock != TARGETPATH_NO_TIMES ? !is_after_home(&k->file) : off < at_home && !set_points;
}

static int check_speed(const struct knots *k) {
  const double limit = k->f->trajectory.speed_rad_s;
  for (int knot = k->first + 1; knot <= k->file.n; knot++) {
    const double *q = k->q + 2*(size_t)knot, since = knot_time(k, knot) - knot_time(k, knot - 1), most = limit*since;
    for (int j = 0; j < 2; j++) {
      const double moved = q[j] - q[j - 2];
      if (fabs(moved) <= most*(1 + rounding_speed)) continue;
      if (k->file.kind == TARGETPATH_SPEEDS)
        return err_set(ERR_FORMAT, "%s:%d: %s moves at %.4g rad/s; limit trajectory.speed_rad_s=%g",
                       k->f->target.file, k->file.line[knot - 1], jointpath_joint_names[j], moved/since, limit);
      return err_set(ERR_FORMAT,
                       "%s:%d: %s jumps by %.4g degrees from %s; limit %.4g (trajectory.speed_rad_s=%g, %.4g s)",
                       k->f->target.file, k->file.line[knot - 1], jointpath_joint_names[j], moved*degrees,
                       knot > 1 ? "the row before" : "home", most*degrees, limit, since);
    }
  }
  return 0;
}

// ---- steps

// Straight between knots; what is at a knot but for rounding is the knot.
static int resample(struct reach_path *p, const struct knots *k, double dt_s) {
  const double near = 1e-9, last_s = knot_time(k, k->file.n), steps = ceil(last_s/dt_s - 1e-6);
  if (!(steps <= TARGETPATH_MAX_ROWS))
    return err_set(ERR_FORMAT, "%s: %g s are %g steps of %g s; at most %d", k->f->target.file, last_s, steps, dt_s,
                   TARGETPATH_MAX_ROWS);
  if (steps < 1)
    return err_set(ERR_FORMAT, "%s: lasts %g s, less than a step of %g s", k->f->target.file, last_s, dt_s);
  p->n = (int)steps;
  p->q = err_calloc((size_t)p->n, 2*sizeof *p->q);
  for (int t = 0, knot = k->first; t < p->n; t++) {
    const double at = fmin((t + 1)*dt_s, last_s);
    while (knot + 2 <= k->file.n && knot_time(k, knot + 1) < at*(1 - near)) knot++;
    const double from = knot_time(k, knot), w = (at - from)/(knot_time(k, knot + 1) - from), *q = k->q + 2*knot;
    for (int j = 0; j < 2; j++) p->q[2*t + j] = w > 1 - near ? q[2 + j] : q[j] + w*(q[2 + j] - q[j]);
  }
  return 0;
}

static void say(const struct reach_path *p, const struct knots *k, double hold_s) {
  const struct targetpath *t = &k->file;
  const double seconds = knot_time(k, t->n), step_s = k->f->target.step_s, dt_s = k->f->trajectory.dt_s;
  char times[160], begins[96] = "", off[96] = "", held[96] = "";
  if (t->clock == TARGETPATH_SECONDS)
    snprintf(times, sizeof times, "%.4g s by their times%s", seconds, t->seconds_assumed ? " (s assumed)" : "");
  else if (t->clock == TARGETPATH_STEPS)
    snprintf(times, sizeof times, "%.4g s, a step every %g s", seconds, step_s > 0 ? step_s : dt_s);
  else if (step_s > 0) snprintf(times, sizeof times, "%.4g s, one every %g s", seconds, step_s);
  else if (hold_s > 0) snprintf(times, sizeof times, "without times, each a set-point");
  else
    snprintf(times, sizeof times,
             "without times, spread over one movement of %.4g s (target.step_s or a column time_s sets the speed)",
             seconds);
  if (fmax(fabs(p->begin[0]), fabs(p->begin[1])) > 0)
    snprintf(begins, sizeof begins, "; begins at base %.1f, shoulder %.1f degrees", p->begin[0]*degrees,
             p->begin[1]*degrees);
  if (k->off_m > 1e-3) snprintf(off, sizeof off, "; points up to %.1f mm off the surface, moved to it", 1e3*k->off_m);
  if (k->n_held) snprintf(held, sizeof held, "; in %d row%s a joint stays at its limit", k->n_held, text_s(k->n_held));
  note("%s: %d rows of %s, %s%s%s%s", k->f->target.file, t->n, t->text, times, begins, off, held);
}

static int take(struct reach_path *p, struct knots *k, double hold_s) {
  const double dt_s = k->f->trajectory.dt_s, step_s = k->f->target.step_s;
  const bool set_points = hold_s > 0 && !has_times(k);
  TRY(check_times(k));
  if (step_s > 0) k->row_s = step_s;
  TRY(take_rows(k));
  k->first = find_first(k, set_points);
  if (!has_times(k))
    k->row_s = set_points ? hold_s : (double)k->f->trajectory.steps*dt_s/(k->file.n - k->first);
  TRY(check_speed(k));
  memcpy(p->begin, k->q + 2*k->first, sizeof p->begin);
  TRY(resample(p, k, set_points ? hold_s : dt_s));
  p->step_s = set_points ? 0 : dt_s;
  say(p, k, hold_s);
  return 0;
}

int reach_path_read(struct reach_path *p, const struct reach *f, double hold_s) {
  struct knots k = { .f = f };
  TRY(targetpath_read(&k.file, f->target.file, f->target.columns));
  *p = (struct reach_path){ 0 };
  k.q = err_calloc((size_t)k.file.n + 1, 2*sizeof *k.q);
  const int rc = take(p, &k, hold_s);
  free(k.q);
  targetpath_release(&k.file);
  return rc;
}

void reach_path_release(struct reach_path *p) {
  free(p->q);
  *p = (struct reach_path){ 0 };
}

void reach_path_fingerprint(char text[17], const struct reach_path *p, const struct reach *f) {
  real *row = err_calloc((size_t)p->n + 2, 3*sizeof *row);  // where it begins, the steps, their duration
  for (int t = 0; t <= p->n; t++) {
    double xyz[3];
    const double *q = t ? p->q + 2*(t - 1) : p->begin;
    kinematics_tip(xyz, q[0], q[1], &f->arm);
    for (int j = 0; j < 3; j++) row[3*t + j] = (real)xyz[j];
  }
  row[3*(p->n + 1)] = (real)f->trajectory.dt_s;
  snprintf(text, 17, "%016llx", (unsigned long long)checksum_reals(row, p->n + 2, 3, 3));
  free(row);
}
