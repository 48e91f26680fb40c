// The arm of metaxbar.h: one movement or path at a time, on the calling thread.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/err.h"
#include "base/rng.h"
#include "experiment/arm/batch.h"
#include "experiment/arm/chain.h"
#include "experiment/arm/deploy.h"
#include "experiment/arm/perform.h"
#include "kernel/choice.h"
#include "metaxbar.h"

static const double pi = 3.14159265358979323846;

struct mx_arm {
  struct reach f;
  struct reach_model model;
  struct reach_chip *chip;               // synapse.kind=chip
  const struct reach_device *quantised;  // synapse.kind=quantised
  struct reach_batch batch;
  bool ready, learned;     // the batch exists; it holds a movement that was learned
  uint32_t n_learned;      // movements since loading, each with random numbers of its own
  struct reach_path path;  // the last one of mx_arm_path, learned
  double *path_angles;     // (n, 2) as commanded
  double path_cm;          // of the tip from it
};

static const char *const load_reads[] = { "trajectory", "arm",     "code", "lsg",    "trainee", "update", "noise",
                                          "target",     "synapse", "chip", "verify", "run",     NULL };

static int load(struct mx_arm *a, const char *path, const char *const *settings) {
  const struct run_sources from = api_sources(settings);
  reach_init(&a->f);
  TRY(reach_model_load(&a->model, &a->f, path, &from));
  TRY(api_check_read(load_reads, settings));
  TRY(reach_model_effects(&a->f, &from));
  TRY(reach_eval_check(&a->f));
  if (a->f.synapse.kind == RUN_QUANTISED) a->quantised = reach_quantised_new(&a->f, &a->model, 1);
  if (a->f.synapse.kind == RUN_CHIP) {
    TRY(reach_chip_new(&a->chip, &a->f, &a->model, 1, NULL));
    TRY(fleet_begin(reach_chip_fleet(a->chip), 0));
  }
  reach_batch_init(&a->batch, &a->f, &a->model.o, 1, 1, NULL, a->chip ? reach_chip_device(a->chip) : a->quantised);
  a->ready = true;
  return 0;
}

int mx_arm_load(struct mx_arm **out, const char *path, const char *const *settings) {
  API_BEGIN;
  API_PRESENT("mx_arm_load", out, path);
  TRY(choice_check());
  struct mx_arm *a = err_calloc(1, sizeof *a);
  const int rc = load(a, path, settings);
  if (rc < 0) mx_arm_free(a);
  else *out = a;
  return rc;
}

void mx_arm_free(struct mx_arm *a) {
  if (!a) return;
  if (a->ready) reach_batch_release(&a->batch);
  reach_path_release(&a->path);
  free(a->path_angles);
  reach_quantised_free(a->quantised);
  reach_chip_free(a->chip);
  reach_model_release(&a->model);
  free(a);
}

int mx_arm_steps(const struct mx_arm *a) {
  return a ? a->batch.T : err_set(ERR_SETTING, "mx_arm_steps: a pointer is NULL");
}
double mx_arm_step_s(const struct mx_arm *a) {
  API_BEGIN;
  return a ? a->f.trajectory.dt_s : err_set(ERR_SETTING, "mx_arm_step_s: a pointer is NULL");
}

int mx_arm_movement(struct mx_arm *a, double *omega, int k) {
  API_BEGIN;
  API_PRESENT("mx_arm_movement", a, omega);
  if (k < 0) return err_set(ERR_SETTING, "mx_arm_movement: number %d; from 0", k);
  a->learned = false;  // the batch's memory holds the new movement now
  TRY(reach_batch_draw(&a->batch, 1, RNG_EVALUATE, (uint64_t)k));
  memcpy(omega, a->batch.omega, 2 * (size_t)a->batch.T * sizeof *omega);
  return 0;
}

int mx_arm_begin(const struct mx_arm *a, double begin[2]) {
  API_BEGIN;
  API_PRESENT("mx_arm_begin", a, begin);
  memcpy(begin, a->batch.begin, 2 * sizeof *begin);
  return 0;
}

int mx_arm_begin_at(struct mx_arm *a, const double begin[2]) {
  API_BEGIN;
  API_PRESENT("mx_arm_begin_at", a, begin);
  for (int j = 0; j < 2; j++)
    if (!(fabs(begin[j]) <= kinematics_limit_rad(&a->f.arm, j)))
      return err_set(ERR_SETTING, "mx_arm_begin_at: %s at %g rad; limit %g", j ? "shoulder" : "base", begin[j],
                     kinematics_limit_rad(&a->f.arm, j));
  a->learned = false;
  memcpy(a->batch.begin, begin, 2 * sizeof *begin);
  return 0;
}

static int check_velocities(const char *what, const struct mx_arm *a, const double *omega) {
  for (int i = 0; i < 2 * a->batch.T; i++)
    if (!isfinite(omega[i]))
      return err_set(ERR_DIVERGED, "%s: velocity %d of step %d is %g", what, i % 2, i / 2, omega[i]);
  return 0;
}

// Angles (T, 2) of a target, which must stay within the limits of the joints (and a rounding error).
static int integrate(double *angle, const struct mx_arm *a, const double *omega) {
  const double limit_deg[2] = { a->f.arm.limit_base_deg, a->f.arm.limit_shoulder_deg };
  for (int t = 0; t < a->batch.T; t++)
    for (int j = 0; j < 2; j++) {
      double *q = angle + 2 * t + j;
      *q = (t ? q[-2] : a->batch.begin[j]) + a->f.trajectory.dt_s * omega[2 * t + j];
      if (fabs(*q) > limit_deg[j] * pi / 180 + 1e-9)
        return err_set(ERR_SETTING, "mx_arm_learn: step %d: %s at %.1f degrees; limit %g", t, j ? "shoulder" : "base",
                       *q * 180 / pi, limit_deg[j]);
    }
  return 0;
}

int mx_arm_learn(struct mx_arm *a, const double *omega) {
  API_BEGIN;
  API_PRESENT("mx_arm_learn", a, omega);
  struct reach_batch *b = &a->batch;
  const size_t n = 2 * (size_t)b->T;
  TRY(check_velocities("mx_arm_learn", a, omega));
  double *angle = err_calloc(n, sizeof *angle);
  const int rc = integrate(angle, a, omega);
  if (rc == 0) {
    memcpy(b->omega, omega, n * sizeof *omega);
    memcpy(b->angle, angle, n * sizeof *angle);
    for (int t = 0; t < b->T; t++) kinematics_tip(b->xyz + 3 * t, angle[2 * t], angle[2 * t + 1], &a->f.arm);
    b->n = 1;
    b->number = a->n_learned++;
    b->noise[0] = rng_stream((uint64_t)a->f.run.seed, RNG_QUANTISE, (uint32_t)b->number);
    reach_batch_encode(b, 0, 0);
    reach_batch_forward(b, a->model.parameters);
    a->learned = true;
  }
  free(angle);
  return rc;
}

int mx_arm_perform(const struct mx_arm *a, double *omega, int updates) {
  API_BEGIN;
  API_PRESENT("mx_arm_perform", a, omega);
  if (!a->learned) return err_set(ERR_SETTING, "mx_arm_perform: mx_arm_learn comes first");
  if (updates != 0 && updates != 1) return err_set(ERR_SETTING, "mx_arm_perform: updates %d; 0 or 1", updates);
  const struct oneshot_item *it = &a->batch.item[0];
  double *xyz = err_calloc((size_t)a->batch.T, 3 * sizeof *xyz);
  reach_batch_path(xyz, omega, &a->batch, 0, updates ? it->output : it->first->output);
  free(xyz);
  return 0;
}

int mx_arm_tips(const struct mx_arm *a, double *xyz, const double *omega) {
  API_BEGIN;
  API_PRESENT("mx_arm_tips", a, xyz, omega);
  double q[2] = { a->batch.begin[0], a->batch.begin[1] };
  TRY(check_velocities("mx_arm_tips", a, omega));
  for (int t = 0; t < a->batch.T; t++) {
    for (int j = 0; j < 2; j++) q[j] += a->f.trajectory.dt_s * omega[2 * t + j];
    kinematics_tip(xyz + 3 * t, q[0], q[1], &a->f.arm);
  }
  return 0;
}

// ---- paths

static int learn_path(struct mx_arm *a) {
  const struct reach *f = &a->f;
  TRY(reach_path_read(&a->path, f, 0));
  const size_t n = (size_t)a->path.n;
  double *block = err_calloc(15 * n, sizeof *block), omega[2];
  struct reach_track target = { .omega = block, .xyz = block + 2 * n };
  struct reach_chain c = { .before = { .omega = block + 5 * n, .xyz = block + 7 * n },
                           .after = { .omega = block + 10 * n, .xyz = block + 12 * n } };
  reach_chain_target(&target, &a->path, f);
  reach_chain_begin(&c, &a->path, &a->batch);
  for (int k = 0; k < reach_chain_pieces(&a->path, f); k++) reach_chain_next(&c, a->model.parameters);
  reach_chain_errors(&a->path_cm, omega, &target, &c.after, a->path.n);
  a->path_angles = err_calloc(n, 2 * sizeof *a->path_angles);
  for (size_t i = 0; i < 2 * n; i++)
    a->path_angles[i] = (i < 2 ? a->path.begin[i] : a->path_angles[i - 2]) + f->trajectory.dt_s * c.after.omega[i];
  free(block);
  return a->path.n;
}

int mx_arm_path(struct mx_arm *a, const char *file) {
  API_BEGIN;
  API_PRESENT("mx_arm_path", a);
  struct reach_target_params *target = &a->f.target;
  if (file && strlen(file) >= sizeof target->file)
    return err_set(ERR_SETTING, "mx_arm_path: the name of the file is longer than %zu", sizeof target->file - 1);
  if (file) strcpy(target->file, file);
  if (!target->file[0]) return err_set(ERR_SETTING, "mx_arm_path: no file, and target.file is not set");
  a->learned = false;
  reach_path_release(&a->path);
  free(a->path_angles);
  a->path_angles = NULL;
  const int n = learn_path(a);
  memset(a->batch.begin, 0, 2 * sizeof *a->batch.begin);
  return n;
}

int mx_arm_path_angles(const struct mx_arm *a, double *target, double *commanded) {
  API_BEGIN;
  API_PRESENT("mx_arm_path_angles", a);
  if (!a->path.n) return err_set(ERR_SETTING, "mx_arm_path_angles: mx_arm_path comes first");
  const size_t size = 2 * (size_t)a->path.n * sizeof *target;
  if (target) memcpy(target, a->path.q, size);
  if (commanded) memcpy(commanded, a->path_angles, size);
  return 0;
}

double mx_arm_path_cm(const struct mx_arm *a) {
  API_BEGIN;
  API_PRESENT("mx_arm_path_cm", a);
  return a->path.n ? a->path_cm : err_set(ERR_SETTING, "mx_arm_path_cm: mx_arm_path comes first");
}

// ---- driving an arm

static const char *const drive_reads[] = { "arm", "physics", "link", NULL };

static int check_commands(const double *q, int n, const struct kinematics *arm) {
  if (n < 1) return err_set(ERR_SETTING, "mx_arm_drive: %d set-points; from 1", n);
  for (int i = 0; i < 2 * n; i++)
    if (!isfinite(q[i]))
      return err_set(ERR_DIVERGED, "mx_arm_drive: angle %d of set-point %d is %g", i % 2, i / 2, q[i]);
  for (int i = 0; i < 2 * n; i++)
    if (fabs(q[i]) > kinematics_limit_rad(arm, i % 2) + 1e-9)
      return err_set(ERR_SETTING, "mx_arm_drive: set-point %d: %s at %g rad; limit %g", i / 2,
                     i % 2 ? "shoulder" : "base", q[i], kinematics_limit_rad(arm, i % 2));
  return 0;
}

int mx_arm_drive(double *performed, double *time_s, int *done, const double *q, int n, const char *const *settings) {
  API_BEGIN;
  API_PRESENT("mx_arm_drive", performed, time_s, done, q);
  struct perform_result r;
  struct perform p;
  TRY(api_check_read(drive_reads, settings));
  perform_init(&p);
  TRY(api_settings(p.reach.sections, settings));
  TRY(check_commands(q, n, &p.reach.arm));
  TRY(perform_plan_angles(&r, &p, q, n));
  const int rc = perform_run(&r, &p);
  const struct jointpath *measured = &r.performed;
  *done = measured->n;
  memset(performed, 0, JOINTPATH_JOINTS * (size_t)n * sizeof *performed);
  memset(time_s, 0, (size_t)n * sizeof *time_s);
  if (measured->n) {
    memcpy(performed, measured->q, JOINTPATH_JOINTS * (size_t)measured->n * sizeof *performed);
    memcpy(time_s, measured->time_s, (size_t)measured->n * sizeof *time_s);
  }
  perform_result_release(&r);
  return rc;
}
