// The arm in the public interface, as a program of its own uses it, compared with the library itself; and what it
// refuses.
#include <unistd.h>

#include "api_fixture.h"
#include "arm/mqtt.h"
#include "base/err.h"
#include "experiment/arm/result.h"
#include "folder.h"

static void check_quantised_arm(const char *path, struct reach *r, const struct reach_model *model) {
  struct reach_result result;
  struct mx_arm *arm = NULL;
  r->synapse.kind = RUN_QUANTISED;
  r->synapse.bits = 3;
  CHECK(reach_eval(&result, r, model, NULL) == 0, "%s", err_message());
  double *omega = malloc(2*(size_t)result.T*sizeof *omega);
  WORKS(mx_arm_load(&arm, path, LIST("synapse.kind=quantised", "synapse.bits=3")));
  WORKS(mx_arm_learn(arm, result.target_omega));
  WORKS(mx_arm_perform(arm, omega, 1));
  CHECK(!memcmp(omega, result.after_omega, 2*(size_t)result.T*sizeof *omega),
        "weights of 3 bits perform otherwise than in the library");
  mx_arm_free(arm);
  free(omega);
  reach_result_release(&result);
}

// A small untrained model as a file; what the library makes of its first movement must be what the interface makes of
// it.
// A path of three movements through the interface is what the evaluation makes of it; then an arm performs it.
static void check_path(const struct folder *f, const char *model_path, struct reach *r,
                       const struct reach_model *model) {
  enum { STEPS = 150 };
  static double target[2*STEPS], commanded[2*STEPS], performed[4*STEPS], time_s[STEPS];
  int done = 0;
  struct reach_result result;
  struct mx_arm *arm = NULL;
  snprintf(r->target.file, sizeof r->target.file, "%s/path.csv", f->path);
  FILE *out = fopen(r->target.file, "w");
  fprintf(out, "step,base_deg,shoulder_deg\n");
  for (int k = 0; k <= STEPS; k++) fprintf(out, "%d,%.6f,%.6f\n", k, 20 + 10*sin(0.05*k), 5*cos(0.05*k));
  fclose(out);
  CHECK(reach_eval(&result, r, model, NULL) == 0, "%s", err_message());
  WORKS(mx_arm_load(&arm, model_path, NULL));
  REFUSES(mx_arm_path(arm, NULL), MX_ERROR_ARGUMENT, "target.file is not set");
  REFUSES(mx_arm_path_angles(arm, target, NULL), MX_ERROR_ARGUMENT, "mx_arm_path comes first");
  REFUSES(mx_arm_path(arm, "/nonexistent.csv"), MX_ERROR_IO, "/nonexistent.csv");
  CHECK(mx_arm_path(arm, r->target.file) == STEPS, "%s", mx_last_error());
  WORKS(mx_arm_path_angles(arm, target, commanded));
  CHECK(mx_arm_path_cm(arm) == result.after.rms_distance_cm.mean, "%g cm, evaluation %g", mx_arm_path_cm(arm),
        result.after.rms_distance_cm.mean);
  double q[2] = { result.begin[0], result.begin[1] };
  for (int i = 0; i < 2*STEPS; i++) {
    q[i % 2] += 0.01*result.after_omega[i];
    CHECK(fabs(commanded[i] - q[i % 2]) < 1e-12, "command %d: %g, evaluation %g", i, commanded[i], q[i % 2]);
  }
  CHECK(fabs(target[0] - (20 + 10*sin(0.05))*3.14159265358979/180) < 1e-7, "target from %g", target[0]);
  mx_arm_free(arm);
  WORKS(mx_arm_drive(performed, time_s, &done, commanded, STEPS, NULL));
  for (int k = 0; k < STEPS; k++)
    CHECK(!memcmp(performed + 4*k, commanded + 2*k, 2*sizeof *performed), "the kinematic arm does something else");
  commanded[7] = 1.5;
  REFUSES(mx_arm_drive(performed, time_s, &done, commanded, STEPS, NULL), MX_ERROR_ARGUMENT,
          "set-point 3: shoulder at 1.5 rad");
  const int rc = mx_arm_drive(performed, time_s, &done, target, STEPS, LIST("arm.kind=physics", "arm.hold_s=0.1"));
  CHECK(rc == MX_ERROR_ARGUMENT ? strstr(mx_last_error(), "libmujoco") != NULL
                                : fabs(performed[4*STEPS - 4] - target[2*STEPS - 2]) < 0.2, "%s", mx_last_error());
  reach_result_release(&result);
  r->target.file[0] = 0;
}

// Movements learned one after the other have the random numbers of those of an evaluation, so that each is performed as
// there; the same movement is learned otherwise a second time.
static void check_repeated(const char *path) {
  enum { T = 60, MOVEMENTS = 3 };
  static double target[2*T], omega[2*T], again[2*T], xyz[3*T], reached[3*T];
  static char chip[] = "synapse.kind=chip", rows[] = "chip.calibration_rows=32", movements[] = "eval.trajectories=3";
  char *const settings[] = { chip, rows, movements };
  struct reach f;
  struct reach_model model;
  struct reach_result result;
  struct mx_arm *arm = NULL;
  reach_init(&f);
  CHECK(reach_model_load(&model, &f, path, &(struct run_sources){ .n_assignments = 3, .assignments = settings }) == 0 &&
            reach_eval(&result, &f, &model, NULL) == 0,
        "%s", err_message());
  WORKS(mx_arm_load(&arm, path, LIST(chip, rows)));
  for (int k = 0; k < MOVEMENTS; k++) {
    double square = 0;
    WORKS(mx_arm_movement(arm, target, k));
    WORKS(mx_arm_learn(arm, target));
    WORKS(mx_arm_perform(arm, omega, 1));
    WORKS(mx_arm_tips(arm, xyz, target));
    WORKS(mx_arm_tips(arm, reached, omega));
    for (int i = 0; i < 3*T; i++) square += pow(reached[i] - xyz[i], 2);
    CHECK_REL(100*sqrt(square/T), result.distance_cm[k], 1e-6);
  }
  WORKS(mx_arm_learn(arm, target));
  WORKS(mx_arm_perform(arm, again, 1));
  CHECK(memcmp(omega, again, sizeof omega), "the same noise twice");
  mx_arm_free(arm);
  reach_result_release(&result);
  reach_model_release(&model);
}

static void check_arm(const struct folder *f) {
  enum { T = 60 };
  static double target[2*T], omega[2*T], xyz[3*T];
  struct reach r;
  struct reach_model model;
  struct reach_result result;
  struct mx_arm *arm = NULL;
  char path[512];
  snprintf(path, sizeof path, "%s/arm.safetensors", f->path);
  reach_init(&r);
  static const char *const small[] = { "trajectory.steps=60", "lsg.neurons=40", "trainee.neurons=30",
                                       "eval.trajectories=1", "trajectory.window=10", "code.lead_in=12" };
  for (size_t k = 0; k < sizeof small/sizeof *small; k++)
    CHECK(settings_set(r.sections, small[k]) == 0, "%s", err_message());
  CHECK(reach_model_new(&model, &r) == 0, "%s", err_message());
  CHECK(reach_model_save(&model, &r, path, false) == 0 && reach_eval(&result, &r, &model, NULL) == 0, "%s",
        err_message());
  WORKS(mx_arm_load(&arm, path, NULL));
  CHECK(mx_arm_steps(arm) == T && mx_arm_step_s(arm) == 0.01, "%d steps", mx_arm_steps(arm));
  REFUSES(mx_arm_perform(arm, omega, 1), MX_ERROR_ARGUMENT, "learn");
  WORKS(mx_arm_movement(arm, target, 0));
  WORKS(mx_arm_learn(arm, target));
  for (int updates = 0; updates < 2; updates++) {
    const double *e = updates ? result.after_omega : result.before_omega,
                 *e_xyz = updates ? result.after_xyz : result.before_xyz;
    WORKS(mx_arm_perform(arm, omega, updates));
    WORKS(mx_arm_tips(arm, xyz, omega));
    for (int i = 0; i < 2*T; i++)
      CHECK(omega[i] == e[i], "%d updates, velocity %d: %g, library %g", updates, i, omega[i], e[i]);
    for (int i = 0; i < 3*T; i++) CHECK(fabs(xyz[i] - e_xyz[i]) < 1e-12, "%d updates, tip %d", updates, i);
  }
  REFUSES(mx_arm_perform(arm, omega, 2), MX_ERROR_ARGUMENT, "updates 2");
  for (int i = 0; i < 2*T; i++) target[i] = 5;
  REFUSES(mx_arm_learn(arm, target), MX_ERROR_ARGUMENT, "limit 70");
  target[11] = NAN;
  REFUSES(mx_arm_learn(arm, target), MX_ERROR_DIVERGED, "velocity 1 of step 5");
  REFUSES(mx_arm_load(&arm, "models/builtin-5w5s.safetensors", NULL), MX_ERROR_FORMAT, "not a 'metaxbar arm'");
  mx_arm_free(arm);
  static const char *const without[][2] = { { "eval.later_s=100", "eval.later_s: has no effect here" },
                                            { "eval.trajectories=100", "eval.trajectories: has no effect here" },
                                            { "ledger.phase_time_s=1", "ledger.phase_time_s: has no effect here" },
                                            { "lsg.damping=0.5", "lsg.damping=0.5: has an effect with metaxbar train" },
                                            { "chip.time_s=3", "has an effect with synapse.kind=chip only" },
                                            { "synapse.bits=3", "has an effect with synapse.kind=quantised only" } };
  for (size_t k = 0; k < sizeof without/sizeof *without; k++)
    REFUSES(mx_arm_load(&arm, path, LIST(without[k][0])), MX_ERROR_ARGUMENT, without[k][1]);
  WORKS(mx_arm_load(&arm, path, LIST("synapse.kind=chip", "chip.calibration_rows=32")));
  WORKS(mx_arm_learn(arm, result.target_omega));
  WORKS(mx_arm_perform(arm, omega, 1));
  mx_arm_free(arm);
  check_repeated(path);
  check_path(f, path, &r, &model);
  check_quantised_arm(path, &r, &model);
  reach_result_release(&result);
  reach_model_release(&model);
}

static void check_drive(void) {
  const double q[] = { 0.02, -0.01, 0.04, -0.02, 0.06, -0.03 };
  double performed[12], time_s[3];
  int done = -1;
  WORKS(mx_arm_drive(performed, time_s, &done, q, 3, LIST("arm.hold_s=0.5")));
  for (int k = 0; k < 3; k++)
    CHECK(done == 3 && performed[4*k] == q[2*k] && performed[4*k + 1] == q[2*k + 1] && performed[4*k + 2] == 0 &&
              time_s[k] == 0.5*(k + 1),
          "%d points; %d: %g, %g at %g", done, k, performed[4*k], performed[4*k + 1], time_s[k]);
  REFUSES(mx_arm_drive(performed, time_s, &done, q, 0, NULL), MX_ERROR_ARGUMENT, "0 set-points");
  REFUSES(mx_arm_drive(performed, time_s, &done, q, 3, LIST("eval.stream=1")), MX_ERROR_ARGUMENT, "no effect here");
  if (mqtt_available()) {
    REFUSES(mx_arm_drive(performed, time_s, &done, q, 3, LIST("arm.kind=mqtt", "arm.hold_s=0.01")), MX_ERROR_ARGUMENT,
            "limit link.speed_deg_s=25");
    CHECK(done == 0 && performed[4] == 0, "%d points", done);
  }
  const double bad[] = { 0, NAN };
  REFUSES(mx_arm_drive(performed, time_s, &done, bad, 1, NULL), MX_ERROR_DIVERGED, "angle 1 of set-point 0");
}

int main(void) {
  struct folder f = folder_make();
  check_arm(&f);
  if (!TEST_RACES_ONLY) check_drive();  // makes no threads
  folder_remove(&f);
  return test_summary();
}
