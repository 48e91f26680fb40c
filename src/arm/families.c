#include "arm/families.h"

#include <math.h>

#include "base/rng.h"

static const double pi = 3.14159265358979323846;

static double between(double low, double high, struct rng *r) { return low + (high - low)*rng_uniform(r); }

// The next step brings the joints to q.
static void step_to(struct families_walk *w, const double q[2]) {
  for (int j = 0; j < 2; j++) {
    w->velocity[2*w->t + j] = (q[j] - w->q[j])/w->p->dt_s;
    w->q[j] = q[j];
  }
  w->t++;
}

static int steps_of(const struct families_walk *w, double s) { return (int)fmax(1, rint(s/w->p->dt_s)); }

// ---- reaches

static void rest(struct families_walk *w, struct rng *r) {
  const double here[2] = { w->q[0], w->q[1] };
  const int n = (int)rint(between(0, w->p->rest_max_s, r)/w->p->dt_s);
  for (int k = 0; k < n && w->t < w->T; k++) step_to(w, here);
}

// To a random posture. The speed of a minimum-jerk reach over distance d in time s is 15/8 d/s halfway.
static void go(struct families_walk *w, struct rng *r) {
  double from[2], to[2], far = 0;
  for (int j = 0; j < 2; j++) {
    from[j] = w->q[j];
    to[j] = between(-w->limit_rad[j], w->limit_rad[j], r);
    far = fmax(far, fabs(to[j] - from[j]));
  }
  const double duration_s = between(w->p->reach_min_s, w->p->reach_max_s, r);
  const int n = steps_of(w, fmax(duration_s, 15.0/8*far/w->p->reach_speed_rad_s));
  for (int k = 1; k <= n && w->t < w->T; k++) {
    const double s = (double)k/n, way = s*s*s*(10 - s*(15 - 6*s));
    step_to(w, (const double[]){ from[0] + way*(to[0] - from[0]), from[1] + way*(to[1] - from[1]) });
  }
}

void families_reach(struct families_walk *w, bool rests, struct rng *r) {
  while (w->t < w->T) {
    if (rests) rest(w, r);
    go(w, r);
  }
}

// ---- strokes

// A line, or an arc that turns by `turn` on its way.
struct stroke { double direction, turn, step_rad; int n; };

// Where it is after step k: the sum of steps whose direction turns evenly.
static void along(double q[2], const struct stroke *s, int k) {
  const double direction = s->direction + s->turn*((k - 0.5)/s->n);
  q[0] += s->step_rad*cos(direction);
  q[1] += s->step_rad*sin(direction);
}

static bool stays_inside(const struct families_walk *w, const struct stroke *s) {
  double q[2] = { w->q[0], w->q[1] };
  for (int k = 1; k <= s->n; k++) {
    along(q, s, k);
    if (fabs(q[0]) > w->limit_rad[0] || fabs(q[1]) > w->limit_rad[1]) return false;
  }
  return true;
}

static struct stroke stroke_of(const struct families_walk *w, double speed_rad_s, struct rng *r) {
  const double step = speed_rad_s*w->p->dt_s, length = between(0.1, 1, r)*w->p->stroke_length_rad;
  const bool bent = rng_uniform(r) < 0.5;
  const double direction = between(-pi, pi, r), turn = bent ? between(-pi, pi, r) : 0;
  return (struct stroke){ .direction = direction, .turn = turn, .step_rad = step,
                          .n = (int)fmax(1, rint(length/step)) };
}

void families_stroke(struct families_walk *w, struct rng *r) {
  enum { TRIES = 50 };
  const double speed = between(w->p->stroke_min_rad_s, w->p->stroke_max_rad_s, r);
  while (w->t < w->T) {
    struct stroke s = stroke_of(w, speed, r);
    for (int k = 0; k < TRIES && !stays_inside(w, &s); k++) s = stroke_of(w, speed, r);
    for (int k = 1; k <= s.n && w->t < w->T; k++) {
      double q[2] = { w->q[0], w->q[1] };
      along(q, &s, k);
      step_to(w, q);
    }
  }
}

// ---- ripples

void families_ripple(struct families_walk *w, struct rng *r) {
  enum { SINES = 2 };
  double Hz[2][SINES], phase[2][SINES], speed[2][SINES];
  for (int j = 0; j < 2; j++)
    for (int k = 0; k < SINES; k++) {
      Hz[j][k] = w->p->ripple_min_Hz*pow(w->p->ripple_max_Hz/w->p->ripple_min_Hz, rng_uniform(r));
      phase[j][k] = between(-pi, pi, r);
      speed[j][k] = rng_uniform(r)*w->p->ripple_speed_rad_s/SINES;
    }
  for (; w->t < w->T; w->t++)
    for (int j = 0; j < 2; j++) {
      double *v = &w->velocity[2*w->t + j];
      *v = 0;
      for (int k = 0; k < SINES; k++) *v += speed[j][k]*cos(2*pi*Hz[j][k]*w->t*w->p->dt_s + phase[j][k]);
    }
}
