// Measures of a movement against values worked out by hand, and targets inside and outside what a model was trained on.
#include "experiment/arm/novelty.h"

#include "base/rng.h"
#include "small_arm.h"
#include "test.h"

static const double pi = 3.14159265358979323846;
static double omega[2*249], angle[2*249], scratch[4096];

static void check_measures(void) {
  double m[NOVELTY_MEASURES];
  const double begin[2] = { 0.25, -0.5 };
  // 1.5 s at rest, then whole waves of 2 Hz with 0.8 rad/s of the base: root mean squares over both joints and all
  for (int t = 0; t < 200; t++) {
    omega[2*t] = t < 150 ? 0 : 0.8*sin(2*pi*2*(t - 149)*0.01);
    omega[2*t + 1] = 0;
  }
  novelty_measure(m, omega, 200, 0.01, begin);
  CHECK_REL(m[NOVELTY_SPEED], 0.8, 0.01);
  CHECK_REL(m[NOVELTY_REST], 1.5, 1e-9);
  CHECK_REL(m[NOVELTY_ACCELERATION], 0.8*2*pi*2/2*sqrt(50/200.0), 0.02);
  CHECK_REL(m[NOVELTY_FREQUENCY], 2, 0.02);
  CHECK_REL(m[NOVELTY_BEGIN], 0.5, 1e-9);
  for (int i = 0; i < 400; i++) omega[i] = 0;
  novelty_measure(m, omega, 200, 0.01, begin);
  CHECK(m[NOVELTY_SPEED] == 0 && m[NOVELTY_FREQUENCY] == 0 && fabs(m[NOVELTY_REST] - 2) < 1e-9, "rest of %g s",
        m[NOVELTY_REST]);
}

// Of other movements by the same settings about 1 in 50 is outside for each measure; with a tenth of room fewer.
static void check_inside(int family) {
  struct reach f;
  struct novelty_range range;
  double m[NOVELTY_MEASURES], begin[2];
  char text[300];
  int outside = 0;
  reach_init(&f);
  f.trajectory.family = family;
  f.trajectory.elsewhere = 0.5;
  novelty_range_of(&range, &f.trajectory, &f);
  const double limit[2] = { kinematics_limit_rad(&f.arm, 0), kinematics_limit_rad(&f.arm, 1) };
  for (uint32_t k = 0; k < 200; k++) {
    struct rng r = rng_stream(3, RNG_TEST, k);
    trajectory_draw(omega, angle, begin, &f.trajectory, trajectory_family_of(&f.trajectory, k), limit, scratch, &r);
    novelty_measure(m, omega, 249, 0.01, begin);
    outside += novelty_text(text, sizeof text, m, &range)[0] != 0;
  }
  CHECK(outside < 20, "family %d: %d of 200 movements are called outside", family, outside);
}

static void check_outside(void) {
  struct reach f;
  struct novelty_range range;
  double m[NOVELTY_MEASURES];
  const double home[2] = { 0 }, away[2] = { 1, 0 };
  char text[300];
  reach_init(&f);
  novelty_range_of(&range, &f.trajectory, &f);
  for (int t = 0; t < 249; t++) omega[2*t] = omega[2*t + 1] = t < 20 ? 0.3*sin(pi*t/20) : 0;
  novelty_measure(m, omega, 249, 0.01, home);
  CHECK(strstr(novelty_text(text, sizeof text, m, &range), "longest rest 2.2"), "%s", text);
  for (int t = 0; t < 249; t++) omega[2*t] = omega[2*t + 1] = 0.5*sin(2*pi*6*t*0.01);
  novelty_measure(m, omega, 249, 0.01, home);
  CHECK(strstr(novelty_text(text, sizeof text, m, &range), "mean frequency") ||
            strstr(text, "acceleration"), "%s", text);
  for (int t = 0; t < 249; t++) omega[2*t] = omega[2*t + 1] = 0.6*sin(pi*t/249);
  novelty_measure(m, omega, 249, 0.01, home);
  CHECK(!novelty_text(text, sizeof text, m, &range)[0], "%s", text);
  novelty_measure(m, omega, 249, 0.01, away);
  CHECK(strstr(novelty_text(text, sizeof text, m, &range), "first angle 1 rad"), "%s", text);
}

int main(void) {
  check_measures();
  check_inside(TRAJECTORY_PAPER);
  check_inside(TRAJECTORY_MIXED);
  check_outside();
  return test_summary();
}
