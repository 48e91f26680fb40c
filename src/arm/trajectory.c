#include "arm/trajectory.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "arm/families.h"
#include "arm/joint.h"
#include "base/err.h"
#include "base/rng.h"

const char *const trajectory_generator_names[] = {
  [TRAJECTORY_PUBLISHED] = "published", [TRAJECTORY_CONSISTENT] = "consistent", NULL };

const char *const trajectory_family_names[] = {
  [TRAJECTORY_PAPER] = "paper", [TRAJECTORY_REACH] = "reach", [TRAJECTORY_REST] = "rest",
  [TRAJECTORY_STROKE] = "stroke", [TRAJECTORY_RIPPLE] = "ripple", [TRAJECTORY_MIXED] = "mixed", NULL };

const struct param trajectory_param_table[] = {
  PARAM_CHOICE(struct trajectory_params, generator, TRAJECTORY_CONSISTENT, trajectory_generator_names,
               "consistent: the velocity is zero where a joint limit cuts the angle; published: it is not, as in the "
               "published code"),
  PARAM_BOOL(struct trajectory_params, free, 0,
             "only movements that touch no joint limit and keep all coordinates below trajectory.free_below_m"),
  PARAM_F64(struct trajectory_params, free_below_m, 1, 0.01, 100, "upper bound of the coordinates for trajectory.free"),
  PARAM_I64(struct trajectory_params, steps, 249, 10, 5000, "steps of a movement"),
  PARAM_F64(struct trajectory_params, dt_s, 0.01, 1e-6, 10, "duration of one step"),
  PARAM_F64(struct trajectory_params, diffusion, 0.65, 0, 100, "standard deviation of the velocity after 1 s, rad/s"),
  PARAM_I64(struct trajectory_params, window, 120, 1, 4096, "steps of the smoothing window"),
  PARAM_F64(struct trajectory_params, speed_rad_s, 3.14159265358979323846, 1e-3, 1e3,
            "velocities are clipped to +- this"),
  PARAM_CHOICE(struct trajectory_params, family, TRAJECTORY_PAPER, trajectory_family_names,
               "movements: paper: smoothed random velocities; reach: from one random posture to the next; rest: "
               "reaches with rests before, between and after them; stroke: lines and arcs at even speed with corners; "
               "ripple: sines; mixed: an equal share of each"),
  PARAM_F64(struct trajectory_params, elsewhere, 0, 0, 1,
            "share of the movements that begin at a random posture and any velocity; the others begin at home, at "
            "rest"),
  PARAM_F64(struct trajectory_params, reach_min_s, 0.4, 0.01, 100, "shortest duration of a reach"),
  PARAM_F64(struct trajectory_params, reach_max_s, 1.6, 0.01, 100,
            "longest duration of a reach, unless its speed needs more"),
  PARAM_F64(struct trajectory_params, reach_speed_rad_s, 1.8, 0.01, 100, "highest speed of a joint in a reach"),
  PARAM_F64(struct trajectory_params, rest_max_s, 3, 0, 100, "longest rest"),
  PARAM_F64(struct trajectory_params, stroke_min_rad_s, 0.2, 0.001, 100, "lowest speed of a stroke"),
  PARAM_F64(struct trajectory_params, stroke_max_rad_s, 1, 0.001, 100, "highest speed of a stroke"),
  PARAM_F64(struct trajectory_params, stroke_length_rad, 0.8, 0.001, 10, "longest line or arc between two corners"),
  PARAM_F64(struct trajectory_params, ripple_min_Hz, 0.5, 0.01, 50, "lowest frequency of a ripple"),
  PARAM_F64(struct trajectory_params, ripple_max_Hz, 3, 0.01, 50, "highest frequency of a ripple"),
  PARAM_F64(struct trajectory_params, ripple_speed_rad_s, 0.9, 0, 100, "highest speed of a joint in a ripple"),
  { 0 },
};

static double clip(double x, double limit) { return x > limit ? limit : x < -limit ? -limit : x; }

// Steps that a movement is cut out of, at most.
static int longest(const struct trajectory_params *p) { return (int)(p->steps + (p->elsewhere > 0 ? p->steps/2 : 0)); }

size_t trajectory_scratch(const struct trajectory_params *p) { return 3*(size_t)longest(p) + 2*(size_t)p->window + 1; }

static int check_order(const char *low, double a, const char *high, double b) {
  return a <= b ? 0 : err_set(ERR_SETTING, "trajectory.%s=%g: above trajectory.%s=%g", low, a, high, b);
}

int trajectory_check(const struct trajectory_params *p) {
  TRY(check_order("reach_min_s", p->reach_min_s, "reach_max_s", p->reach_max_s));
  TRY(check_order("stroke_min_rad_s", p->stroke_min_rad_s, "stroke_max_rad_s", p->stroke_max_rad_s));
  return check_order("ripple_min_Hz", p->ripple_min_Hz, "ripple_max_Hz", p->ripple_max_Hz);
}

enum trajectory_family trajectory_family_of(const struct trajectory_params *p, uint64_t number) {
  return (enum trajectory_family)(p->family == TRAJECTORY_MIXED ? number % TRAJECTORY_FAMILIES : (uint64_t)p->family);
}

int trajectory_shares(int shares[TRAJECTORY_FAMILIES], const char *key, const char *text) {
  enum { MOST = 1000 };
  int sum = 0;
  const char *at = *text ? text : "1,1,1,1,1";
  for (int f = 0; f < TRAJECTORY_FAMILIES; f++) {
    char *end;
    const long share = strtol(at, &end, 10);
    const bool last = f == TRAJECTORY_FAMILIES - 1;
    if (end == at || share < 0 || share > MOST || *end != (last ? 0 : ','))
      return err_set(ERR_SETTING, "%s=%s: takes %d numbers from 0 to %d, separated by commas", key, text,
                     TRAJECTORY_FAMILIES, MOST);
    shares[f] = (int)share;
    sum += shares[f];
    at = end + 1;
  }
  return sum > 0 ? 0 : err_set(ERR_SETTING, "%s=%s: no movements at all", key, text);
}

enum trajectory_family trajectory_family_by_shares(const int shares[TRAJECTORY_FAMILIES], uint64_t number) {
  int sum = 0, f = 0;
  for (int k = 0; k < TRAJECTORY_FAMILIES; k++) sum += shares[k];
  for (int left = (int)(number % (uint64_t)sum); left >= shares[f]; f++) left -= shares[f];
  return (enum trajectory_family)f;
}

// Brownian velocity of one joint with zeros in front and its end mirrored behind: W(t) is at index t + N - 1.
static void walk(double *padded, const struct trajectory_params *p, int T, struct rng *r) {
  const int N = (int)p->window;
  double *W = padded + N - 1;
  for (int t = 1 - N; t < 0; t++) W[t] = 0;
  for (int t = 0; t < T; t++) W[t] = (t ? W[t - 1] : 0) + p->diffusion*sqrt(p->dt_s)*rng_normal(r);
  for (int t = T; t < T + N/2 + 1; t++) W[t] = 2*T - 1 - t >= 0 ? W[2*T - 1 - t] : 0;
}

// smooth(t) = sum_k w_k W(t + k - (N-1)/2), w the raised cosine divided by its sum
static void smooth(double *out, const double *padded, int T, int N) {
  const double *from = padded + N - 1 - (N - 1)/2;
  double sum = 0;
  for (int t = 0; t < T; t++) out[2*t] = 0;
  for (int k = 0; k < N; k++) {
    const double w = N > 1 ? 0.5 - 0.5*cos(2*3.14159265358979323846*k/N) : 1;
    sum += w;
    for (int t = 0; t < T; t++) out[2*t] += w*from[t + k];
  }
  for (int t = 0; t < T; t++) out[2*t] /= sum;
}

// velocity (T, 2) of a movement that begins at `begin`
static void generate(double *velocity, int T, const double begin[2], const struct trajectory_params *p,
                     enum trajectory_family family, const double limit_rad[2], double *padded, struct rng *r) {
  struct families_walk w = { .p = p, .limit_rad = limit_rad, .q = { begin[0], begin[1] }, .T = T,
                             .velocity = velocity };
  if (family == TRAJECTORY_REACH) families_reach(&w, false, r);
  if (family == TRAJECTORY_REST) families_reach(&w, true, r);
  if (family == TRAJECTORY_STROKE) families_stroke(&w, r);
  if (family == TRAJECTORY_RIPPLE) families_ripple(&w, r);
  for (int j = 0; family == TRAJECTORY_PAPER && j < TRAJECTORY_JOINTS; j++) {
    walk(padded, p, T, r);
    smooth(velocity + j, padded, T, (int)p->window);
  }
}

bool trajectory_draw(double *omega, double *angle, double begin[2], const struct trajectory_params *p,
                     enum trajectory_family family, const double limit_rad[2], double *scratch, struct rng *r) {
  const int T = (int)p->steps;
  const bool elsewhere = p->elsewhere > 0 && rng_uniform(r) < p->elsewhere;
  const int left_out = elsewhere ? (int)(rng_uniform(r)*(double)(T/2)) : 0;
  double *velocity = scratch, *padded = scratch + 2*(T + left_out);
  bool cut = false;
  for (int j = 0; j < TRAJECTORY_JOINTS; j++) begin[j] = elsewhere ? (2*rng_uniform(r) - 1)*limit_rad[j] : 0;
  generate(velocity, T + left_out, begin, p, family, limit_rad, padded, r);
  for (int j = 0; j < TRAJECTORY_JOINTS; j++) {
    struct joint s = joint_at(begin[j]);  // the published angle is cut after the sum, so it can wind up
    for (int t = -left_out; t < T; t++) {
      const double w = clip(velocity[2*(left_out + t) + j], p->speed_rad_s);
      joint_move(&s, w, p->dt_s, limit_rad[j]);
      if (t < 0) {
        begin[j] = s.q;
        continue;
      }
      cut = cut || s.q != s.sum;
      omega[2*t + j] = p->generator == TRAJECTORY_CONSISTENT ? s.omega : w;
      angle[2*t + j] = s.q;
    }
  }
  return cut;
}
