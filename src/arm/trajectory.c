#include "arm/trajectory.h"

#include <math.h>

#include "base/rng.h"
#include "arm/joint.h"

const char *const trajectory_generator_names[] = {
  [TRAJECTORY_PUBLISHED] = "published", [TRAJECTORY_CONSISTENT] = "consistent", NULL };

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
  { 0 },
};

static double clip(double x, double limit) { return x > limit ? limit : x < -limit ? -limit : x; }

size_t trajectory_scratch(const struct trajectory_params *p) { return 2*(size_t)(p->steps + p->window); }

// Brownian velocity of one joint with zeros in front and its end mirrored behind: W(t) is at index t + N - 1.
static void walk(double *padded, const struct trajectory_params *p, struct rng *r) {
  const int T = (int)p->steps, N = (int)p->window;
  double *W = padded + N - 1;
  for (int t = 1 - N; t < 0; t++) W[t] = 0;
  for (int t = 0; t < T; t++) W[t] = (t ? W[t - 1] : 0) + p->diffusion*sqrt(p->dt_s)*rng_normal(r);
  for (int t = T; t < T + N/2 + 1; t++) W[t] = 2*T - 1 - t >= 0 ? W[2*T - 1 - t] : 0;
}

// smooth(t) = sum_k w_k W(t + k - (N-1)/2), w the raised cosine divided by its sum
static void smooth(double *out, const double *padded, int T, int N) {
  const double *from = padded + N - 1 - (N - 1)/2;
  double sum = 0;
  for (int t = 0; t < T; t++) out[t] = 0;
  for (int k = 0; k < N; k++) {
    const double w = N > 1 ? 0.5 - 0.5*cos(2*3.14159265358979323846*k/N) : 1;
    sum += w;
    for (int t = 0; t < T; t++) out[t] += w*from[t + k];
  }
  for (int t = 0; t < T; t++) out[t] /= sum;
}

bool trajectory_draw(double *omega, double *angle, const struct trajectory_params *p, const double limit_rad[2],
                     double *scratch, struct rng *r) {
  const int T = (int)p->steps, N = (int)p->window;
  double *velocity = scratch, *padded = scratch + T;
  bool cut = false;
  for (int j = 0; j < TRAJECTORY_JOINTS; j++) {
    walk(padded, p, r);
    smooth(velocity, padded, T, N);
    struct joint s = { 0 };  // the published angle is cut after the sum, so it can wind up
    for (int t = 0; t < T; t++) {
      const double w = clip(velocity[t], p->speed_rad_s);
      joint_move(&s, w, p->dt_s, limit_rad[j]);
      cut = cut || s.q != s.sum;
      omega[2*t + j] = p->generator == TRAJECTORY_CONSISTENT ? s.omega : w;
      angle[2*t + j] = s.q;
    }
  }
  return cut;
}
