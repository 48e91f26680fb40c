// The generators: the formula of the specification written out, limits, consistency, known shares.
#include "arm/kinematics.h"
#include "base/rng.h"
#include "arm/trajectory.h"
#include "test.h"

static const double pi = 3.14159265358979323846;
static double omega[2*249], angle[2*249], scratch[1024];
static const double limit[2] = { 130*3.14159265358979323846/180, 70*3.14159265358979323846/180 };

// omega_t = sum_k w_k Wpad[t+k-59], with the padding laid out
static void check_formula(void) {
  enum { T = 249, WIN = 120 };
  struct trajectory_params p;
  param_defaults(trajectory_param_table, &p);
  p.generator = TRAJECTORY_PUBLISHED;
  struct rng r = rng_stream(11, RNG_TEST, 0), again = r;
  trajectory_draw(omega, angle, &p, limit, scratch, &r);
  for (int j = 0; j < 2; j++) {
    double padded[119 + T + 119] = { 0 }, sum = 0, q = 0, off = 0;
    for (int t = 0; t < T; t++) padded[119 + t] = (t ? padded[118 + t] : 0) + rng_normal(&again)*0.65*0.1;
    for (int t = 0; t < 119; t++) padded[119 + T + t] = padded[119 + T - 1 - t];
    for (int k = 0; k < WIN; k++) sum += 0.5 - 0.5*cos(2*pi*k/WIN);
    for (int t = 0; t < T; t++) {
      double w = 0;
      for (int k = 0; k < WIN; k++) w += (0.5 - 0.5*cos(2*pi*k/WIN))/sum*padded[119 + t + k - 59];
      q += 0.01*w;
      off = fmax(off, fmax(fabs(w - omega[2*t + j]), fabs(fmin(fmax(q, -limit[j]), limit[j]) - angle[2*t + j])));
    }
    CHECK(off < test_tol(1e-12), "joint %d differs by %g", j, off);
  }
}

static void check_consistent(void) {
  struct trajectory_params p;
  param_defaults(trajectory_param_table, &p);
  int n_cut = 0;
  double off = 0, beyond = 0;
  for (uint32_t k = 0; k < 100; k++) {
    struct rng r = rng_stream(12, RNG_TEST, k);
    n_cut += trajectory_draw(omega, angle, &p, limit, scratch, &r);
    for (int j = 0; j < 2; j++) {
      double q = 0;
      for (int t = 0; t < 249; t++) {
        q += 0.01*omega[2*t + j];
        off = fmax(off, fabs(q - angle[2*t + j]));
        beyond = fmax(beyond, fabs(angle[2*t + j]) - limit[j]);
      }
    }
  }
  CHECK(n_cut > 20 && off < test_tol(1e-12) && beyond <= 0,
        "%d cut, velocity and angle differ by %g, %g beyond the limits", n_cut, off, beyond);
}

// An independent program finds that 49 % of the published movements touch a limit and 30 % reach z >= 1 m.
static void check_shares(void) {
  enum { DRAWS = 1500 };
  struct trajectory_params p;
  struct kinematics arm;
  param_defaults(trajectory_param_table, &p);
  param_defaults(kinematics_param_table, &arm);
  p.generator = TRAJECTORY_PUBLISHED;
  int n_cut = 0, n_high = 0;
  for (uint32_t k = 0; k < DRAWS; k++) {
    struct rng r = rng_stream(13, RNG_TEST, k);
    n_cut += trajectory_draw(omega, angle, &p, limit, scratch, &r);
    int high = 0;
    for (int t = 0; t < 249; t++) {
      double tip[3];
      kinematics_tip(tip, angle[2*t], angle[2*t + 1], &arm);
      high |= tip[2] >= 1;
    }
    n_high += high;
  }
  const double cut = (double)n_cut/DRAWS, high = (double)n_high/DRAWS, error = 5*sqrt(0.25/DRAWS);
  printf("published generator: %.1f %% touch a limit, %.1f %% reach 1 m\n", 100*cut, 100*high);
  CHECK(fabs(cut - 0.488) < error && fabs(high - 0.296) < error, "%g touch a limit, %g reach 1 m", cut, high);
}

int main(void) {
  check_formula();
  check_consistent();
  check_shares();
  return test_summary();
}
