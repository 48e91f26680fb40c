// Forward kinematics by hand, its derivative by differences, its inverse, and the recording of the real arm.
#include "arm/kinematics.h"
#include "base/rng.h"
#include "test.h"

static struct kinematics arm;
static const double pi = 3.14159265358979323846;

// Joint angles q (rad) from the encoder counts of the recording (the first four of six joints).
static void from_counts(double q[4], const long counts[4]) {
  static const double per_degree[4] = { 125.5, 131, 132.5, 1/0.012391573729863692 };
  for (int j = 0; j < 4; j++) q[j] = (double)(counts[j] - 32768)/per_degree[j]*pi/180;
}

// The laboratory's t from q, home offsets included.
static void lab_angles(double t[4], const double q[4]) {
  const double degree = pi/180;
  t[0] = -q[0] + 23.6*degree;
  t[1] = -q[1] - 22*degree;
  t[2] = q[2] + 22.4*degree;
  t[3] = q[3];
}

static void check_known(void) {
  double tip[3];
  kinematics_tip(tip, 0, 0, &arm);
  CHECK(fabs(tip[0] - 0.92) < 1e-15 && fabs(tip[1] + 0.033) < 1e-15 && fabs(tip[2] - 0.3585) < 1e-15,
        "home (%g, %g, %g)", tip[0], tip[1], tip[2]);
  kinematics_tip(tip, asin(1), 0, &arm);  // a quarter to the right: x = d, y = -R
  CHECK(fabs(tip[0] + 0.033) < 1e-15 && fabs(tip[1] + 0.92) < 1e-15, "quarter (%g, %g)", tip[0], tip[1]);
  kinematics_tip(tip, 0, asin(1), &arm);  // straight up
  CHECK(fabs(tip[0] - 0.05) < 1e-15 && fabs(tip[2] - 1.2285) < 1e-15, "up (%g, %g)", tip[0], tip[2]);
}

// Degrees and counts of the encoders as radians, by hand; the laboratory's home.
static void check_units(void) {
  // 2, -1, 2 and 1.2391573729863692 degrees
  const long counts[4] = { 32768 + 251, 32768 - 131, 32768 + 265, 32768 + 100 };
  const double expected[4] = { 0.034906585, -0.017453293, 0.034906585, 0.021627376 },
               home[4] = { 0.411897703, -0.383972435, 0.390953752, 0 };
  double q[4], t[4];
  CHECK_REL(kinematics_limit_rad(&arm, 0), 2.268928028, 1e-9);  // 130 degrees
  CHECK_REL(kinematics_limit_rad(&arm, 1), 1.221730476, 1e-9);  // 70
  from_counts(q, counts);
  lab_angles(t, (const double[4]){ 0 });
  for (int j = 0; j < 4; j++)
    CHECK(fabs(q[j] - expected[j]) < 1e-9 && fabs(t[j] - home[j]) < 1e-9, "joint %d: %.9f rad, home %.9f", j, q[j],
          t[j]);
}

static void check_jacobian(void) {
  struct rng r = rng_stream(1, RNG_TEST, 0);
  for (int k = 0; k < 20; k++) {
    const double q[2] = { 4*rng_uniform(&r) - 2, 2*rng_uniform(&r) - 1 }, eps = 1e-6;
    double jacobian[3][2];
    kinematics_jacobian(jacobian, q[0], q[1], &arm);
    for (int j = 0; j < 2; j++) {
      double up[3], down[3];
      kinematics_tip(up, q[0] + (j == 0)*eps, q[1] + (j == 1)*eps, &arm);
      kinematics_tip(down, q[0] - (j == 0)*eps, q[1] - (j == 1)*eps, &arm);
      for (int c = 0; c < 3; c++)
        CHECK(fabs((up[c] - down[c])/(2*eps) - jacobian[c][j]) < test_tol(1e-9), "d%c/dq%d: %g vs %g", 'x' + c, j,
              (up[c] - down[c])/(2*eps), jacobian[c][j]);
    }
  }
}

static void check_inverse(void) {
  struct rng r = rng_stream(1, RNG_TEST, 1);
  for (int k = 0; k < 50; k++) {
    const double q[2] = { 4.5*(rng_uniform(&r) - 0.5), 2.4*(rng_uniform(&r) - 0.5) };
    double tip[3], base, shoulder;
    kinematics_tip(tip, q[0], q[1], &arm);
    const double off = kinematics_inverse(&base, &shoulder, tip, &arm);
    CHECK(off < test_tol(1e-12) && fabs(base - q[0]) < 1e-12 && fabs(shoulder - q[1]) < 1e-12,
          "(%g, %g) became (%g, %g), off %g", q[0], q[1], base, shoulder, off);
    const double out[3] = { tip[0]*1.1, tip[1]*1.1, tip[2] };
    CHECK(kinematics_inverse(&base, &shoulder, out, &arm) > 1e-3, "a point off the reach");
  }
}

static void check_recording(void) {
  FILE *counts = fopen("../shared/robot/probe_out_cont.csv", "r"), *xyz = fopen("../shared/robot/probe_xyz.csv", "r");
  long c[4];
  double x[3], worst = 0, without = 0;
  int n = 0;
  if (!counts || !xyz) printf("SKIP the recording of the arm: ../shared/robot is absent\n");
  while (counts && xyz && fscanf(counts, "%ld,%ld,%ld,%ld%*[^\n]", &c[0], &c[1], &c[2], &c[3]) == 4 &&
         fscanf(xyz, "%lf,%lf,%lf", &x[0], &x[1], &x[2]) == 3) {
    double q[4], t[4], tip[3], plain[3];
    from_counts(q, c);
    lab_angles(t, q);
    kinematics_tip_t(tip, t, &arm);
    kinematics_tip(plain, q[0], q[1], &arm);
    for (int k = 0; k < 3; k++) worst = fmax(worst, fabs(tip[k] - x[k]));
    for (int k = 0; k < 3; k++) without = fmax(without, fabs(plain[k] - x[k]));
    n++;
  }
  if (n) printf("recording: %d points, largest difference %.3g m\n", n, worst);
  if (counts && xyz)
    CHECK(n == 500 && worst < test_tol(1e-12) && without > 0.1, "%d points, %g m; without home offsets %g m", n, worst,
          without);
  if (counts) fclose(counts);
  if (xyz) fclose(xyz);
}

int main(void) {
  param_defaults(kinematics_param_table, &arm);
  check_known();
  check_units();
  check_jacobian();
  check_inverse();
  check_recording();
  return test_summary();
}
