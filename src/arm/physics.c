#include "arm/physics.h"

#include "arm/armxml.h"
#include "arm/jointpath.h"
#include "arm/kinematics.h"
#include "arm/offscreen.h"
#include "base/err.h"

const struct param physics_param_table[] = {
#define P struct physics_params
  PARAM_F64(P, gain_per_s, 2.5, 0.01, 100, "commanded velocity of a joint per error of its angle"),
  PARAM_F64(P, speed_deg_s, 25, 0.1, 1000, "largest speed of a joint"),
  PARAM_F64(P, servo_Nms, 5000, 1, 1e6, "torque of a joint per error of its velocity, N m s/rad"),
  PARAM_F64(P, gravity_m_s2, 9.81, 0, 100, "acceleration of gravity"),
  PARAM_F64(P, step_s, 0.002, 1e-5, 0.05, "longest step of the integration"),
#undef P
  { 0 },
};

#if METAXBAR_MUJOCO
#include <math.h>
#include <mujoco/mujoco.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

enum { REST_STEPS = 2000, MAX_GEOMS = 20000 };
static const double pi = 3.14159265358979323846;

bool physics_available(void) { return true; }

// ---- errors: MuJoCo ends the process unless its handler does not return

static _Thread_local jmp_buf on_error;
static _Thread_local char library_text[256];

static void error_handler(const char *text) {
  snprintf(library_text, sizeof library_text, "%s", text);
  longjmp(on_error, 1);
}

static void warning_handler(const char *text) { (void)text; }  // the default appends to a file in the current folder

static int library_error(void) { return err_set(ERR_IO, "MuJoCo: %s", library_text); }

// ---- the model

struct physics_arm {
  mjModel *m;
  mjData *d;
};

// What cannot be freed stays.
static void arm_release(struct physics_arm *a) {
  if (setjmp(on_error)) return;
  if (a->d) mj_deleteData(a->d);
  if (a->m) mj_deleteModel(a->m);
}

static int arm_load(struct physics_arm *a, const struct kinematics *k, const struct physics_params *p, double step_s,
                    int W, int H) {
  char reason[500] = "", *xml = armxml_text(k, p->gravity_m_s2, step_s, p->servo_Nms, W, H);
  mjVFS *files = err_calloc(1, sizeof *files);  // 2 MB: not for the stack
  mju_user_error = error_handler;
  mju_user_warning = warning_handler;
  mj_defaultVFS(files);
  mj_makeEmptyFileVFS(files, "arm.xml", (int)strlen(xml));
  memcpy(files->filedata[mj_findFileVFS(files, "arm.xml")], xml, strlen(xml));
  a->m = mj_loadXML("arm.xml", files, reason, sizeof reason);
  a->d = a->m ? mj_makeData(a->m) : NULL;
  mj_deleteVFS(files);
  free(files);
  free(xml);
  return a->d ? 0 : err_set(ERR_SETTING, "MuJoCo refuses the arm: %s", reason);
}

static int arm_new(struct physics_arm *a, const struct kinematics *k, const struct physics_params *p, double step_s,
                   int W, int H) {
  *a = (struct physics_arm){ 0 };
  if (setjmp(on_error)) return library_error();
  return arm_load(a, k, p, step_s, W, H);
}

// ---- performing

static bool diverged(const mjData *d) {
  return d->warning[mjWARN_BADQPOS].number || d->warning[mjWARN_BADQVEL].number || d->warning[mjWARN_BADQACC].number;
}

// dq/dt = clip(K (reference - q), +-v)
static void advance(struct physics_arm *a, const struct physics_params *p, const double *reference, int steps) {
  const double v = p->speed_deg_s*pi/180;
  for (int s = 0; s < steps; s++) {
    for (int j = 0; j < JOINTPATH_JOINTS; j++)
      a->d->ctrl[j] = fmin(fmax(p->gain_per_s*(reference[j] - a->d->qpos[j]), -v), v);
    mj_step(a->m, a->d);
  }
}

static int follow(struct physics_arm *a, struct jointpath *performed, const struct physics_params *p,
                  const struct jointpath *commanded, int steps) {
  static const double home[JOINTPATH_JOINTS];
  if (setjmp(on_error)) return library_error();
  advance(a, p, home, REST_STEPS);  // until it has come to rest under its weight
  for (int k = 0; k < commanded->n; k++) {
    advance(a, p, commanded->q + JOINTPATH_JOINTS*k, steps);
    if (diverged(a->d))
      return err_set(ERR_DIVERGED,
                     "the simulated arm is unstable at set-point %d; physics.step_s=%g is too long for "
                     "physics.servo_Nms=%g",
                     k, p->step_s, p->servo_Nms);
    memcpy(performed->q + JOINTPATH_JOINTS*k, a->d->qpos, JOINTPATH_JOINTS*sizeof(double));
  }
  return 0;
}

int physics_perform(struct jointpath *performed, const struct physics_params *p, const struct kinematics *k,
                    const struct jointpath *commanded) {
  const double hold_s = commanded->time_s[0];
  const int steps = (int)ceil(hold_s/p->step_s - 1e-9);
  struct physics_arm a;
  int rc = arm_new(&a, k, p, hold_s/steps, 64, 64);
  jointpath_init(performed, commanded->n, hold_s);
  if (rc == 0) rc = follow(&a, performed, p, commanded, steps);
  if (rc < 0) jointpath_release(performed);
  arm_release(&a);
  return rc;
}

static int find_tips(struct physics_arm *a, double *xyz, const double *q, int n) {
  if (setjmp(on_error)) return library_error();
  for (int i = 0; i < n; i++) {
    memcpy(a->d->qpos, q + JOINTPATH_JOINTS*i, JOINTPATH_JOINTS*sizeof(double));
    mj_kinematics(a->m, a->d);
    memcpy(xyz + 3*i, a->d->site_xpos, 3*sizeof(double));
  }
  return 0;
}

int physics_tips(double *xyz, const double *q, int n, const struct kinematics *k) {
  struct physics_params p;
  struct physics_arm a;
  param_defaults(physics_param_table, &p);
  int rc = arm_new(&a, k, &p, p.step_s, 64, 64);
  if (rc == 0) rc = find_tips(&a, xyz, q, n);
  arm_release(&a);
  return rc;
}

// ---- pictures

struct physics_scene {
  struct physics_arm arm;
  struct offscreen *gl;
  mjvScene scene;
  mjrContext context;
  mjvCamera camera;
  mjvOption option;
  int W, H;
  unsigned char *flipped;  // (H, W, 3) as OpenGL has it, bottom row first
};

static int scene_start(struct physics_scene *s) {
  if (setjmp(on_error)) return library_error();
  mjv_defaultCamera(&s->camera);
  mjv_defaultOption(&s->option);
  mjv_makeScene(s->arm.m, &s->scene, MAX_GEOMS);
  mjr_makeContext(s->arm.m, &s->context, mjFONTSCALE_100);
  mjr_setBuffer(mjFB_OFFSCREEN, &s->context);
  if (s->context.currentBuffer != mjFB_OFFSCREEN)
    return err_set(ERR_IO, "cannot draw: OpenGL gives no buffer of %d x %d", s->W, s->H);
  s->camera.lookat[0] = 0.2;
  s->camera.lookat[2] = 0.14;
  s->camera.distance = 2.75;
  s->camera.azimuth = 142;
  s->camera.elevation = -20;
  return 0;
}

int physics_scene_new(struct physics_scene **out, const struct kinematics *k, int W, int H) {
  struct physics_params p;
  struct physics_scene *s = *out = err_calloc(1, sizeof *s);
  param_defaults(physics_param_table, &p);
  s->W = W;
  s->H = H;
  s->flipped = err_calloc((size_t)W*(size_t)H, 3);
  mjv_defaultScene(&s->scene);
  mjr_defaultContext(&s->context);
  int rc = arm_new(&s->arm, k, &p, p.step_s, W, H);
  if (rc == 0) rc = offscreen_new(&s->gl);
  if (rc == 0) rc = scene_start(s);
  if (rc == 0) return 0;
  physics_scene_free(s);
  *out = NULL;
  return rc;
}

static void pictures_release(struct physics_scene *s) {
  if (setjmp(on_error)) return;
  mjv_freeScene(&s->scene);
  if (s->gl) mjr_freeContext(&s->context);
}

void physics_scene_free(struct physics_scene *s) {
  if (!s) return;
  pictures_release(s);
  offscreen_free(s->gl);
  arm_release(&s->arm);
  free(s->flipped);
  free(s);
}

// A chain of capsules; points closer than their radius are left out.
static void add_line(mjvScene *scene, const struct physics_line *l) {
  const double *from = l->xyz;
  for (int k = 1; k < l->n && scene->ngeom < scene->maxgeom; k++) {
    const double *to = l->xyz + 3*k;
    if (hypot(hypot(to[0] - from[0], to[1] - from[1]), to[2] - from[2]) < (double)l->radius_m && k < l->n - 1) continue;
    mjvGeom *g = scene->geoms + scene->ngeom++;
    mjv_initGeom(g, mjGEOM_CAPSULE, NULL, NULL, NULL, l->rgba);
    mjv_makeConnector(g, mjGEOM_CAPSULE, (double)l->radius_m, from[0], from[1], from[2], to[0], to[1], to[2]);
    g->emission = 0.35f;
    from = to;
  }
}

static int draw(struct physics_scene *s, const double *q, const struct physics_line *lines, int n_lines) {
  const mjrRect view = { 0, 0, s->W, s->H };
  if (setjmp(on_error)) return library_error();
  memcpy(s->arm.d->qpos, q, JOINTPATH_JOINTS*sizeof *q);
  mj_forward(s->arm.m, s->arm.d);
  mjv_updateScene(s->arm.m, s->arm.d, &s->option, NULL, &s->camera, mjCAT_ALL, &s->scene);
  for (int k = 0; k < n_lines; k++) add_line(&s->scene, &lines[k]);
  mjr_render(view, &s->scene, &s->context);
  mjr_readPixels(s->flipped, NULL, view, &s->context);
  return 0;
}

int physics_scene_draw(struct physics_scene *s, unsigned char *rgb, const double *q, const struct physics_line *lines,
                       int n_lines) {
  const size_t row = 3*(size_t)s->W, H = (size_t)s->H;
  TRY(draw(s, q, lines, n_lines));
  for (size_t y = 0; y < H; y++) memcpy(rgb + y*row, s->flipped + (H - 1 - y)*row, row);
  return 0;
}

#else

static int absent(void) { return err_set(ERR_SETTING, "this program was built without MuJoCo (package libmujoco-dev): "
                                                      "no arm.kind=physics, no --render"); }

bool physics_available(void) { return false; }

int physics_perform(struct jointpath *performed, const struct physics_params *p, const struct kinematics *k,
                    const struct jointpath *commanded) {
  (void)performed, (void)p, (void)k, (void)commanded;
  return absent();
}

int physics_tips(double *xyz, const double *q, int n, const struct kinematics *k) {
  (void)xyz, (void)q, (void)n, (void)k;
  return absent();
}

int physics_scene_new(struct physics_scene **s, const struct kinematics *k, int W, int H) {
  (void)k, (void)W, (void)H;
  *s = NULL;
  return absent();
}

void physics_scene_free(struct physics_scene *s) { (void)s; }

int physics_scene_draw(struct physics_scene *s, unsigned char *rgb, const double *q, const struct physics_line *lines,
                       int n_lines) {
  (void)s, (void)rgb, (void)q, (void)lines, (void)n_lines;
  return absent();
}

#endif
