#include "experiment/arm/perform.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/numbers.h"
#include "experiment/arm/path.h"
#include "experiment/arm/result.h"
#include "arm/joint.h"

static const double pi = 3.14159265358979323846;
static const double approach_deg_s = 5, approach_deg = 1.25;  // fastest on the way to the path: a second, a set-point

// The settings of the arms: `arm` in two tables that stand together, and two sections at the end.
void perform_init(struct perform *p) {
  struct settings_section *s = p->reach.sections;
  enum { CAPACITY = sizeof p->reach.sections/sizeof *p->reach.sections };
  int n = 0, arm = 0;
  reach_init(&p->reach);
  while (s[n].name) n++;
  while (strcmp(s[arm].name, "arm")) arm++;
  assert(n + 4 <= CAPACITY);
  memmove(s + arm + 2, s + arm + 1, (size_t)(n - arm)*sizeof *s);
  s[arm + 1] = (struct settings_section){ "arm", arm_param_table, &p->arm.params };
  s[n + 1] = (struct settings_section){ "physics", physics_param_table, &p->arm.physics };
  s[n + 2] = (struct settings_section){ "link", armlink_param_table, &p->arm.link };
  s[n + 3] = (struct settings_section){ 0 };
  settings_defaults(s);
}

// ---- the plan

// From home to where the path begins, slowly, with minimum jerk; its last set-point is one before that.
static void approach(struct jointpath *way, const double begin[2], double hold_s) {
  const double fastest_deg = fmin(approach_deg_s*hold_s, approach_deg);
  const double most_deg = fmax(fabs(begin[0]), fabs(begin[1]))*180/pi;
  const int n = (int)ceil(1.875*most_deg/fastest_deg);  // where it is fastest, 1.875 times its mean speed
  jointpath_init(way, n > 1 ? n - 1 : 0, hold_s);
  for (int k = 0; k < way->n; k++) {
    const double x = (k + 1.0)/n;
    for (int j = 0; j < 2; j++) way->q[JOINTPATH_JOINTS*k + j] = begin[j]*x*x*x*(10 - x*(15 - 6*x));
  }
}

// Room for n steps. Where they begin away from home this posture is the first set-point, and the way to it goes before.
static void plan_new(struct perform_result *r, const struct perform *p, const double begin[2], int n) {
  const int first = begin[0] != 0 || begin[1] != 0;
  *r = (struct perform_result){ .n = first + n, .first = first,
                                .target_xyz = err_calloc((size_t)(first + n), 3*sizeof(double)) };
  jointpath_init(&r->commanded, r->n, p->arm.params.hold_s);
  approach(&r->approach, begin, p->arm.params.hold_s);
  if (first) memcpy(r->commanded.q, begin, 2*sizeof *begin);
  kinematics_tip(r->target_xyz, begin[0], begin[1], &p->reach.arm);
}

static int learn(struct perform_result *r, const struct perform *p, const struct reach_model *m) {
  const struct reach *f = &p->reach;
  struct reach_result learned;
  TRY(reach_eval(&learned, f, m, NULL));
  reach_result_note(&learned);
  plan_new(r, p, learned.begin, learned.T);
  r->step_s = f->trajectory.dt_s;
  memcpy(r->target_xyz + 3*r->first, learned.target_xyz, 3*(size_t)learned.T*sizeof(double));
  struct joint s[2] = { joint_at(learned.begin[0]), joint_at(learned.begin[1]) };
  for (int t = 0; t < learned.T; t++)
    for (int j = 0; j < 2; j++) {
      joint_move(&s[j], learned.after_omega[2*t + j], f->trajectory.dt_s, kinematics_limit_rad(&f->arm, j));
      r->commanded.q[JOINTPATH_JOINTS*(r->first + t) + j] = s[j].q;
    }
  reach_result_release(&learned);
  return 0;
}

static int take_file(struct perform_result *r, const struct perform *p) {
  struct reach_path path;
  if (!p->reach.target.file[0])
    return err_set(ERR_SETTING, "nothing to perform: --model FILE learns a movement, target.file=FILE alone is "
                                "performed as it is");
  TRY(reach_path_read(&path, &p->reach, p->arm.params.hold_s));
  plan_new(r, p, path.begin, path.n);
  r->step_s = path.step_s;
  for (int t = 0; t < path.n; t++)
    memcpy(r->commanded.q + JOINTPATH_JOINTS*(r->first + t), path.q + 2*t, 2*sizeof(double));
  jointpath_tips(r->target_xyz, &r->commanded, &p->reach.arm);
  reach_path_release(&path);
  return 0;
}

int perform_plan_angles(struct perform_result *r, const struct perform *p, const double *q, int n) {
  const double home[2] = { 0 }, near = approach_deg*pi/180;
  const bool away = fabs(q[0]) > near || fabs(q[1]) > near;
  TRY(arm_check(&p->arm));
  plan_new(r, p, away ? q : home, n - away);
  for (int k = 0; k < n; k++) memcpy(r->commanded.q + JOINTPATH_JOINTS*k, q + 2*k, 2*sizeof *q);
  jointpath_tips(r->target_xyz, &r->commanded, &p->reach.arm);
  return 0;
}

int perform_effects(const struct perform *p, bool with_model, const struct run_sources *from) {
  static const char *const link[] = { "link", NULL }, *const physics[] = { "physics", NULL };
  static const char *const learning[] = {
    "code", "lsg", "trainee", "update", "noise", "synapse", "chip", "verify", "run", "target.piece_s", "target.blend_s",
    "trajectory.steps", "arm.stops", NULL };
  if (!with_model) TRY(run_refuse(from, learning, "--model"));
  TRY(reach_effects(&p->reach, from));
  if (p->arm.params.kind != ARM_MQTT) TRY(run_refuse(from, link, "arm.kind=mqtt"));
  return p->arm.params.kind == ARM_PHYSICS ? 0 : run_refuse(from, physics, "arm.kind=physics");
}

int perform_plan(struct perform_result *r, const struct perform *p, const struct reach_model *m) {
  TRY(arm_check(&p->arm));  // before minutes go into learning
  return m ? learn(r, p, m) : take_file(r, p);
}

// ---- the run

static double rms_distance_cm(const double *a, const double *b, int n) {
  double sum = 0;
  for (int i = 0; i < 3*n; i++) sum += (a[i] - b[i])*(a[i] - b[i]);
  return 100*sqrt(sum/n);
}

static double rms_angle_deg(const struct jointpath *a, const struct jointpath *b, int joint) {
  double sum = 0;
  for (int k = 0; k < b->n; k++) sum += pow(a->q[JOINTPATH_JOINTS*k + joint] - b->q[JOINTPATH_JOINTS*k + joint], 2);
  return sqrt(sum/b->n)*180/pi;
}

void perform_measure(struct perform_result *r, const struct kinematics *k) {
  r->commanded_xyz = err_calloc((size_t)r->n, 3*sizeof(double));
  r->performed_xyz = err_calloc((size_t)r->n, 3*sizeof(double));
  const int n = r->performed.n;
  jointpath_tips(r->commanded_xyz, &r->commanded, k);
  jointpath_tips(r->performed_xyz, &r->performed, k);
  r->target_commanded_cm = rms_distance_cm(r->target_xyz, r->commanded_xyz, n);
  r->commanded_performed_cm = rms_distance_cm(r->commanded_xyz, r->performed_xyz, n);
  r->target_performed_cm = rms_distance_cm(r->target_xyz, r->performed_xyz, n);
  r->base_deg = rms_angle_deg(&r->commanded, &r->performed, 0);
  r->shoulder_deg = rms_angle_deg(&r->commanded, &r->performed, 1);
  r->arm_s = r->performed.time_s[n - 1];
}

void perform_commands(struct jointpath *all, const struct perform_result *r, const struct perform *p) {
  const size_t way = (size_t)r->approach.n*JOINTPATH_JOINTS, path = (size_t)r->n*JOINTPATH_JOINTS;
  jointpath_init(all, r->approach.n + r->n, p->arm.params.hold_s);
  memcpy(all->q, r->approach.q, way*sizeof *all->q);
  memcpy(all->q + way, r->commanded.q, path*sizeof *all->q);
}

// Leave out the way to the path; times count from its end.
static void cut_approach(struct jointpath *performed, int n) {
  const int left = performed->n > n ? performed->n - n : 0;
  const double since_s = n && left ? performed->time_s[n - 1] : 0;
  for (int k = 0; k < left; k++) performed->time_s[k] = performed->time_s[n + k] - since_s;
  memmove(performed->q, performed->q + (size_t)(performed->n - left)*JOINTPATH_JOINTS,
          (size_t)left*JOINTPATH_JOINTS*sizeof *performed->q);
  performed->n = left;
}

int perform_run(struct perform_result *r, const struct perform *p) {
  struct jointpath all;
  perform_commands(&all, r, p);
  const int rc = arm_perform(&r->performed, &p->arm, &p->reach.arm, &all);
  jointpath_release(&all);
  if (r->performed.n) cut_approach(&r->performed, r->approach.n);
  if (r->performed.n) perform_measure(r, &p->reach.arm);
  return rc;
}

void perform_result_release(struct perform_result *r) {
  free(r->target_xyz);
  free(r->commanded_xyz);
  free(r->performed_xyz);
  jointpath_release(&r->approach);
  jointpath_release(&r->commanded);
  jointpath_release(&r->performed);
  *r = (struct perform_result){ 0 };
}

// ---- output

struct json_t *perform_result_json(const struct perform_result *r, const struct perform *p) {
  struct json_t *o = json_object_new();
  json_put_text(o, "kind", arm_kind_names[p->arm.params.kind]);
  json_put_text(o, "target", p->reach.target.file[0] ? p->reach.target.file : "random");
  json_put_bool(o, "complete", r->performed.n == r->n);
  json_put_i64(o, "steps", r->n);
  json_put_i64(o, "steps_before", r->approach.n);
  json_put_i64(o, "steps_performed", r->performed.n);
  json_put_f64(o, "hold_s", p->arm.params.hold_s);
  json_put_f64(o, "arm_s", r->arm_s);
  struct json_t *cm = json_add_object(o, "rms_distance_cm"), *deg = json_add_object(o, "rms_angle_deg");
  json_put_f64(cm, "target_performed", r->target_performed_cm);
  json_put_f64(cm, "commanded_performed", r->commanded_performed_cm);
  json_put_f64(cm, "target_commanded", r->target_commanded_cm);
  json_put_f64(deg, "base", r->base_deg);
  json_put_f64(deg, "shoulder", r->shoulder_deg);
  json_put_i64(o, "seed", p->reach.run.seed);
  return o;
}

enum { CSV_CELL = 24, CSV_CELLS = 3 + 3 + 2*JOINTPATH_JOINTS + 3 };

size_t perform_result_csv_size(const struct perform_result *r) {
  return (1 + (size_t)r->n)*CSV_CELLS*CSV_CELL;  // no name of a column is longer either
}

void perform_result_write_csv(const struct perform_result *r, FILE *out) {
  static const char *const when[] = { "commanded", "performed" };
  fprintf(out, "step,time_s,%starget_x_m,target_y_m,target_z_m", r->step_s > 0 ? "target_s," : "");
  for (int w = 0; w < 2; w++)
    for (int j = 0; j < JOINTPATH_JOINTS; j++) fprintf(out, ",%s_%s_rad", when[w], jointpath_joint_names[j]);
  fprintf(out, ",performed_x_m,performed_y_m,performed_z_m\n");
  for (int k = 0; k < r->n; k++) {
    const bool performed = k < r->performed.n;
    fprintf(out, "%d,", k + 1 - r->first);
    if (performed) fprintf(out, "%.6f", r->performed.time_s[k]);
    if (r->step_s > 0) fprintf(out, ",%.9g", (k + 1 - r->first)*r->step_s);
    numbers_cells(out, r->target_xyz + 3*k, 3);
    numbers_cells(out, r->commanded.q + JOINTPATH_JOINTS*k, JOINTPATH_JOINTS);
    if (performed) {
      numbers_cells(out, r->performed.q + JOINTPATH_JOINTS*k, JOINTPATH_JOINTS);
      numbers_cells(out, r->performed_xyz + 3*k, 3);
    } else {
      fputs(",,,,,,,", out);
    }
    fputc('\n', out);
  }
}
