// The rigid-body arm: its kinematics against the closed form, its lag against the law of the real arm, its weight.
#include "arm/jointpath.h"
#include "arm/kinematics.h"
#include "arm/physics.h"
#include "base/err.h"
#include "base/rng.h"
#include "test.h"

static const double degree = 3.14159265358979323846/180;
static struct kinematics arm;
static struct physics_params physics;

static void check_kinematics(const struct kinematics *k) {
  enum { N = 50 };
  double q[4*N], model[3*N], worst = 0;
  struct rng r = rng_stream(1, RNG_TEST, 0);
  for (int i = 0; i < 4*N; i++) q[i] = 5*rng_uniform(&r) - 2.5;
  CHECK(physics_tips(model, q, N, k) == 0, "%s", err_message());
  for (int i = 0; i < N; i++) {
    double tip[3];
    kinematics_tip_q(tip, q + 4*i, k);
    for (int c = 0; c < 3; c++) worst = fmax(worst, fabs(tip[c] - model[3*i + c]));
  }
  printf("model and closed form differ by %.2g m\n", worst);
  CHECK(worst < test_tol(1e-9), "%g m", worst);
}

// One step of each joint without gravity, against the law integrated by itself.
static void check_law(void) {
  enum { N = 40 };
  const double hold_s = 0.25, to[4] = { 40*degree, -30*degree, 10*degree, 5*degree };
  struct physics_params p = physics;
  struct jointpath commanded, performed;
  double q[4] = { 0 }, worst = 0;
  p.gravity_m_s2 = 0;
  jointpath_init(&commanded, N, hold_s);
  for (int k = 0; k < N; k++) memcpy(commanded.q + 4*k, to, sizeof to);
  CHECK(physics_perform(&performed, &p, &arm, &commanded) == 0, "%s", err_message());
  for (int k = 0; k < N; k++)
    for (int j = 0; j < 4; j++) {
      for (int s = 0; s < 2500; s++)
        q[j] += 1e-4*fmin(fmax(p.gain_per_s*(to[j] - q[j]), -p.speed_deg_s*degree), p.speed_deg_s*degree);
      worst = fmax(worst, fabs(q[j] - performed.q[4*k + j]));
    }
  const double first = performed.q[0]/degree, last = performed.q[4*(N - 1)]/degree;
  printf("step of 40 degrees: %.2f after 0.25 s, %.3f after 10 s; off the law by at most %.3f degrees\n", first, last,
         worst/degree);
  CHECK(worst < test_tol(0.15*degree), "%g degrees off the law", worst/degree);
  CHECK(fabs(first - 6.25) < 0.15 && fabs(last - 40) < 0.01, "%g, %g", first, last);
  CHECK(fabs(performed.time_s[N - 1] - 10) < 1e-12, "ends at %g s", performed.time_s[N - 1]);
  jointpath_release(&commanded);
  jointpath_release(&performed);
}

// Held still the shoulder sinks by the weight on it over the stiffness: tau/(K servo), tau = g sum m x.
static void check_weight(void) {
  struct jointpath commanded, performed;
  struct physics_params p = physics;
  p.gravity_m_s2 = 9.81;
  jointpath_init(&commanded, 20, 0.25);
  CHECK(physics_perform(&performed, &p, &arm, &commanded) == 0, "%s", err_message());
  const double sunk = -performed.q[4*19 + 1]*p.gain_per_s*p.servo_Nms;
  const double torque = 9.81*(9.8*0.15 + 5.5*(0.3 + 0.175) + 2.2*(0.65 + 0.31*0.22));
  printf("stretched out it sinks by %.3f degrees: %.1f N m, by hand %.1f N m\n", -performed.q[4*19 + 1]/degree,
         sunk, torque);
  CHECK_REL(sunk, torque, 0.01);
  CHECK(fabs(performed.q[4*19]) < 1e-9, "the base turned by %g", performed.q[4*19]);
  jointpath_release(&commanded);
  jointpath_release(&performed);
}

static void check_unstable(void) {
  struct physics_params p = physics;
  struct jointpath commanded, performed;
  p.gravity_m_s2 = 100;
  p.servo_Nms = 1;
  p.gain_per_s = 100;
  p.step_s = 0.05;
  jointpath_init(&commanded, 4, 0.25);
  // may swing, may be refused, must not end the process
  const int rc = physics_perform(&performed, &p, &arm, &commanded);
  CHECK(rc == 0 || (rc == ERR_DIVERGED && strstr(err_message(), "physics.step_s")), "%d: %s", rc, err_message());
  if (rc == 0) jointpath_release(&performed);
  jointpath_release(&commanded);
}

int main(void) {
  param_defaults(kinematics_param_table, &arm);
  param_defaults(physics_param_table, &physics);
  if (!physics_available()) {
    struct jointpath none = { 0 }, out;
    CHECK(physics_perform(&out, &physics, &arm, &none) == ERR_SETTING && strstr(err_message(), "libmujoco-dev"), "%s",
          err_message());
    printf("SKIP built without MuJoCo\n");
    return test_summary() ? EXIT_FAILURE : 77;
  }
  struct kinematics other = arm;
  other.a1 = 0.07, other.a3 = 0.25, other.d = -0.02, other.d1 = 0.4;
  check_kinematics(&arm);
  check_kinematics(&other);
  check_law();
  check_weight();
  check_unstable();
  return test_summary();
}
