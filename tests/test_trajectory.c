// The generators: the formula of the specification written out, limits, consistency, known shares.
#include "arm/kinematics.h"
#include "base/err.h"
#include "base/rng.h"
#include "arm/trajectory.h"
#include "test.h"

static const double pi = 3.14159265358979323846;
static double omega[2*249], angle[2*249], begin[2], scratch[2048];
static const double limit[2] = { 130*3.14159265358979323846/180, 70*3.14159265358979323846/180 };

// omega_t = sum_k w_k Wpad[t+k-59], with the padding laid out
static void check_formula(void) {
  enum { T = 249, WIN = 120 };
  struct trajectory_params p;
  param_defaults(trajectory_param_table, &p);
  p.generator = TRAJECTORY_PUBLISHED;
  struct rng r = rng_stream(11, RNG_TEST, 0), again = r;
  trajectory_draw(omega, angle, begin, &p, (enum trajectory_family)p.family, limit, scratch, &r);
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
    n_cut += trajectory_draw(omega, angle, begin, &p, (enum trajectory_family)p.family, limit, scratch, &r);
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
    n_cut += trajectory_draw(omega, angle, begin, &p, (enum trajectory_family)p.family, limit, scratch, &r);
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

// ---- families

static struct trajectory_params params_of(int64_t family, double elsewhere) {
  struct trajectory_params p;
  param_defaults(trajectory_param_table, &p);
  p.family = family;
  p.elsewhere = elsewhere;
  return p;
}

// Every family, from home and from elsewhere: within the limits, and the angles are the sums of the velocities.
static void check_families(void) {
  double off = 0, beyond = 0, away = 0;
  for (int family = 0; family < TRAJECTORY_FAMILIES; family++)
    for (int elsewhere = 0; elsewhere < 2; elsewhere++)
      for (uint32_t k = 0; k < 40; k++) {
        const struct trajectory_params p = params_of(family, elsewhere);
        struct rng r = rng_stream(14, RNG_TEST, k);
        trajectory_draw(omega, angle, begin, &p, (enum trajectory_family)family, limit, scratch, &r);
        for (int j = 0; j < 2; j++) {
          double q = begin[j];
          if (!elsewhere) CHECK(q == 0, "family %d begins at %g, not at home", family, q);
          away += elsewhere*fabs(q)/limit[j]/(2*40*TRAJECTORY_FAMILIES);
          for (int t = 0; t < 249; t++) {
            q += 0.01*omega[2*t + j];
            off = fmax(off, fabs(q - angle[2*t + j]));
            beyond = fmax(beyond, fabs(angle[2*t + j]) - limit[j]);
          }
        }
      }
  CHECK(off < test_tol(1e-12) && beyond <= 1e-12, "velocities and angles differ by %g, %g beyond the limits", off,
        beyond);
  CHECK(away > 0.4 && away < 0.65, "movements begin at %g of the limits; 0.5 is expected", away);
}

// A reach of 0.5 s and no limit of speed: 50 steps, at step k 10 s^3 - 15 s^4 + 6 s^5 of the way, s = k/50; worked out
// for s = 0.2 and 0.5: 0.05792 and 0.5.
static void check_reach(void) {
  struct trajectory_params p = params_of(TRAJECTORY_REACH, 0);
  p.reach_min_s = p.reach_max_s = 0.5;
  p.reach_speed_rad_s = 100;
  struct rng r = rng_stream(15, RNG_TEST, 0);
  p.speed_rad_s = 100;
  trajectory_draw(omega, angle, begin, &p, TRAJECTORY_REACH, limit, scratch, &r);
  for (int j = 0; j < 2; j++) {
    const double end = angle[2*49 + j];
    CHECK(fabs(angle[2*9 + j] - 0.05792*end) < test_tol(1e-9) && fabs(angle[2*24 + j] - 0.5*end) < test_tol(1e-9),
          "joint %d at %g and %g of %g", j, angle[2*9 + j], angle[2*24 + j], end);
  }
  p = params_of(TRAJECTORY_REACH, 0);
  double fastest = 0;
  for (uint32_t k = 0; k < 100; k++) {
    struct rng of = rng_stream(16, RNG_TEST, k);
    trajectory_draw(omega, angle, begin, &p, TRAJECTORY_REACH, limit, scratch, &of);
    for (int i = 0; i < 2*249; i++) fastest = fmax(fastest, fabs(omega[i]));
  }
  CHECK(fastest < 1.02*p.reach_speed_rad_s && fastest > 0.98*p.reach_speed_rad_s, "fastest reach: %g rad/s", fastest);
}

// Share of steps without any movement. Rests last 1.5 s on average; reaches, between two points with a mean distance of
// two thirds of twice the limit, about 1.6 s. Reaches alone never stand still.
static double standing(int64_t family) {
  const struct trajectory_params p = params_of(family, 1);
  int n = 0;
  for (uint32_t k = 0; k < 200; k++) {
    struct rng r = rng_stream(17, RNG_TEST, k);
    trajectory_draw(omega, angle, begin, &p, (enum trajectory_family)family, limit, scratch, &r);
    for (int t = 0; t < 249; t++) n += omega[2*t] == 0 && omega[2*t + 1] == 0;
  }
  return n/(200.0*249);
}

// A stroke has one speed; a corner, and where an arc bends, only its direction changes.
static void check_stroke(void) {
  const struct trajectory_params p = params_of(TRAJECTORY_STROKE, 0);
  double least = INFINITY, most = 0, uneven = 0;
  for (uint32_t k = 0; k < 100; k++) {
    struct rng r = rng_stream(18, RNG_TEST, k);
    trajectory_draw(omega, angle, begin, &p, TRAJECTORY_STROKE, limit, scratch, &r);
    const double speed = hypot(omega[0], omega[1]);
    least = fmin(least, speed);
    most = fmax(most, speed);
    for (int t = 0; t < 200; t++) uneven = fmax(uneven, fabs(hypot(omega[2*t], omega[2*t + 1])/speed - 1));
  }
  CHECK(uneven < test_tol(1e-9), "the speed of a stroke varies by %g of it", uneven);
  CHECK(least > 0.2 && least < 0.25 && most > 0.95 && most < 1, "speeds from %g to %g rad/s; 0.2 to 1", least, most);
}

// Mean square of a joint's velocity: two sines, each with a speed uniform in 0 to 0.45: 2 (0.45^2/3)/2.
static void check_ripple(void) {
  enum { DRAWS = 1000 };
  const struct trajectory_params p = params_of(TRAJECTORY_RIPPLE, 0);
  double sum = 0;
  for (uint32_t k = 0; k < DRAWS; k++) {
    struct rng r = rng_stream(19, RNG_TEST, k);
    trajectory_draw(omega, angle, begin, &p, TRAJECTORY_RIPPLE, limit, scratch, &r);
    for (int i = 0; i < 2*249; i++) sum += omega[i]*omega[i]/(2*249*DRAWS);
  }
  CHECK(fabs(sum/(0.45*0.45/3) - 1) < 0.1, "mean square %g; %g", sum, 0.45*0.45/3);
}

static void check_limits(void) {
  struct trajectory_params p = params_of(TRAJECTORY_MIXED, 0);
  CHECK(trajectory_check(&p) == 0, "%s", err_message());
  p.reach_min_s = 2;
  CHECK(trajectory_check(&p) == ERR_SETTING && strstr(err_message(), "reach_min_s=2: above trajectory.reach_max_s=1.6"),
        "%s", err_message());
  p.reach_min_s = p.reach_max_s;
  p.stroke_max_rad_s = 0.1;
  CHECK(trajectory_check(&p) == ERR_SETTING && strstr(err_message(), "stroke_min_rad_s=0.2"), "%s", err_message());
  p.stroke_min_rad_s = 0.1;
  p.ripple_min_Hz = 4;
  CHECK(trajectory_check(&p) == ERR_SETTING && strstr(err_message(), "ripple_min_Hz=4"), "%s", err_message());
}

static void check_mixed(void) {
  const struct trajectory_params p = params_of(TRAJECTORY_MIXED, 0);
  for (uint64_t k = 0; k < 12; k++) CHECK(trajectory_family_of(&p, k) == k % 5, "movement %d", (int)k);
}

static void check_family_shares(void) {
  static const int expected[] = { 0, 2, 2, 2, 4, 0, 2 };
  static const char *const wrong[] = { "1", "1,2,3,4", "1,2,3,4,5,6", "1,2,3,4,-5", "1,2,3,4,5x", "1;2;3;4;5", ",,,,",
                                       "1,1,1,1,1001", "0,0,0,0,0" };
  int shares[TRAJECTORY_FAMILIES];
  CHECK(trajectory_shares(shares, "key", "1,0,3,0,1") == 0, "%s", err_message());
  for (uint64_t k = 0; k < sizeof expected/sizeof *expected; k++) {
    const int family = (int)trajectory_family_by_shares(shares, k);
    CHECK(family == expected[k], "movement %d: %d", (int)k, family);
  }
  CHECK(trajectory_shares(shares, "key", "") == 0 && shares[0] == 1 && shares[4] == 1, "equal shares");
  for (size_t k = 0; k < sizeof wrong/sizeof *wrong; k++)
    CHECK(trajectory_shares(shares, "key", wrong[k]) == ERR_SETTING && strstr(err_message(), wrong[k]), "%s: %s",
          wrong[k], err_message());
}

int main(void) {
  check_family_shares();
  check_formula();
  check_consistent();
  check_shares();
  check_families();
  check_reach();
  const double rests = standing(TRAJECTORY_REST), reaches = standing(TRAJECTORY_REACH);
  CHECK(rests > 0.35 && rests < 0.65 && reaches == 0, "standing still: %g of rests, %g of reaches", rests, reaches);
  check_stroke();
  check_ripple();
  check_mixed();
  check_limits();
  return test_summary();
}
