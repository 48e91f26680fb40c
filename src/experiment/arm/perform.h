// perform.h - a movement performed by an arm: learned by a model from one demonstration (experiment/arm/result.h), or
// read from a file, then sent set-point by set-point to the kinematic, the simulated or the real arm (arm/arm.h).
// The trainee's angular velocities are integrated and cut at the limits of the joints: q = clip(dt cumsum(omega)).
// One step of the network, trajectory.dt_s of the movement, is one set-point and takes the arm arm.hold_s.
#ifndef EXPERIMENT_ARM_PERFORM_H
#define EXPERIMENT_ARM_PERFORM_H

#include <stdio.h>

#include "arm/arm.h"
#include "experiment/arm/reach.h"

struct perform {
  struct reach reach;  // its list of sections is the whole one
  struct arm arm;
};

// Defaults; *p must stay put.
void perform_init(struct perform *p);

// ERR_SETTING for a setting of the user that has no effect beside the others. with_model: one learns the movement.
int perform_effects(const struct perform *p, bool with_model, const struct run_sources *from);

struct perform_result {
  int n;                              // set-points
  int first;                          // the set-point of the first step: 1 if the path begins away from home, in 0
  double *target_xyz;                 // (n, 3) m
  double step_s;                      // between set-points by the time of the target; 0: it has none
  struct jointpath approach;          // from home to where the path begins, before the first set-point; not measured
  struct jointpath commanded, performed;  // performed.n < n: an incomplete movement, which the rest is about
  double *commanded_xyz, *performed_xyz;
  // root mean squares over the set-points: distances of the tip, angles of base and shoulder from their commands
  double target_commanded_cm, commanded_performed_cm, target_performed_cm;
  double base_deg, shoulder_deg;
  double arm_s;                       // from the first set-point to the end of the last
};

// Target and commanded path: learned by m from a random movement of run.seed or the path in target.file; m NULL: the
// path in target.file itself. Afterwards the result is the caller's to release.
int perform_plan(struct perform_result *r, const struct perform *p, const struct reach_model *m);

// The same for angles (n, 2) of base and shoulder, rad, which are target and commands.
int perform_plan_angles(struct perform_result *r, const struct perform *p, const double *q, int n);

// All set-points of a plan, those of the approach too. The caller's to release.
void perform_commands(struct jointpath *all, const struct perform_result *r, const struct perform *p);
// Drive the arm along a plan and measure, also what came before a failure.
int perform_run(struct perform_result *r, const struct perform *p);
// Measure a performed path: fill what depends on it.
void perform_measure(struct perform_result *r, const struct kinematics *k);

void perform_result_release(struct perform_result *r);

struct json_t *perform_result_json(const struct perform_result *r, const struct perform *p);
// A row per set-point: step (0: where the path begins, unless that is home), time of the arm, that of the target where
// it has one, target, commanded and performed joint angles (rad), performed tip (m). Of set-points that were not
// performed the measured cells are empty.
void perform_result_write_csv(const struct perform_result *r, FILE *out);
// At most so many bytes.
size_t perform_result_csv_size(const struct perform_result *r);

#endif
