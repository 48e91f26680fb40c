#include "experiment/arm/novelty.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "arm/kinematics.h"
#include "base/err.h"
#include "base/note.h"
#include "base/rng.h"
#include "base/stat.h"
#include "experiment/arm/chain.h"

enum { DRAWS = 500 };
static const double pi = 3.14159265358979323846, still_rad_s = 0.02;
static const char *const names[NOVELTY_MEASURES] = { "highest speed", "acceleration", "longest rest", "mean frequency",
                                                     "first angle" };
static const char *const units[NOVELTY_MEASURES] = { "rad/s", "rad/s^2", "s", "Hz", "rad" };

void novelty_measure(double measure[NOVELTY_MEASURES], const double *omega, int T, double dt_s,
                     const double begin[2]) {
  double speed = 0, squares = 0, changes = 0;
  int rest = 0, longest = 0;
  for (int t = 0; t < T; t++) {
    const double *now = omega + 2*t;
    rest = fabs(now[0]) < still_rad_s && fabs(now[1]) < still_rad_s ? rest + 1 : 0;
    longest = rest > longest ? rest : longest;
    for (int j = 0; j < 2; j++) {
      speed = fmax(speed, fabs(now[j]));
      squares += now[j]*now[j]/(2*T);
      if (t) changes += pow((now[j] - now[j - 2])/dt_s, 2)/(2*(T - 1));
    }
  }
  measure[NOVELTY_SPEED] = speed;
  measure[NOVELTY_ACCELERATION] = sqrt(changes);
  measure[NOVELTY_REST] = longest*dt_s;
  measure[NOVELTY_FREQUENCY] = sqrt(squares) > still_rad_s ? sqrt(changes/squares)/(2*pi) : 0;
  measure[NOVELTY_BEGIN] = fmax(fabs(begin[0]), fabs(begin[1]));
}

void novelty_range_of(struct novelty_range *range, const struct trajectory_params *p, const struct reach *f) {
  const double limit[2] = { kinematics_limit_rad(&f->arm, 0), kinematics_limit_rad(&f->arm, 1) };
  const int T = (int)p->steps;
  double *omega = err_calloc(4*(size_t)T + trajectory_scratch(p), sizeof *omega), *angle = omega + 2*T,
         *scratch = angle + 2*T, *found = err_calloc(NOVELTY_MEASURES*DRAWS, sizeof *found);
  for (int k = 0; k < DRAWS; k++) {
    struct rng r = rng_stream((uint64_t)f->run.seed, RNG_VALIDATE, (uint32_t)k);
    double begin[2], measure[NOVELTY_MEASURES];
    trajectory_draw(omega, angle, begin, p, trajectory_family_of(p, (uint64_t)k), limit, scratch, &r);
    novelty_measure(measure, omega, T, p->dt_s, begin);
    for (int i = 0; i < NOVELTY_MEASURES; i++) found[i*DRAWS + k] = measure[i];
  }
  for (int i = 0; i < NOVELTY_MEASURES; i++) {
    range->low[i] = stat_quantile(found + i*DRAWS, DRAWS, 0.01);
    range->high[i] = stat_quantile(found + i*DRAWS, DRAWS, 0.99);
  }
  free(found);
  free(omega);
}

// How far measure i is outside, as a ratio; at most 1 inside.
static double outside(const double measure[NOVELTY_MEASURES], const struct novelty_range *r, int i) {
  const bool downwards = i != NOVELTY_REST && i != NOVELTY_BEGIN;
  const double small = 1e-3;
  return fmax((measure[i] + small)/(r->high[i] + small), downwards ? (r->low[i] + small)/(measure[i] + small) : 0);
}

// The measure that is farthest outside, and how far.
static int farthest(double *ratio, const double measure[NOVELTY_MEASURES], const struct novelty_range *r) {
  int found = 0;
  for (int i = 1; i < NOVELTY_MEASURES; i++)
    if (outside(measure, r, i) > outside(measure, r, found)) found = i;
  *ratio = outside(measure, r, found);
  return found;
}

const char *novelty_text(char *text, size_t size, const double measure[NOVELTY_MEASURES],
                         const struct novelty_range *r) {
  double ratio;
  const int i = farthest(&ratio, measure, r);
  *text = 0;
  if (ratio > 1.1)
    snprintf(text, size, "%s %.3g %s; in 98 %% of the movements of the training it is %.3g to %.3g %s, so expect a "
             "larger error", names[i], measure[i], units[i], r->low[i], r->high[i], units[i]);
  return text;
}

// The T steps from `first` on that a piece of a path is learned from; what is past the path's end is rest.
static void measure_piece(double measure[NOVELTY_MEASURES], const struct reach *f, const struct reach_path *p,
                          int first) {
  const int T = (int)f->trajectory.steps;
  const double *begin = first ? p->q + 2*(first - 1) : p->begin;
  double *omega = err_calloc((size_t)T, 2*sizeof *omega);
  for (int t = 0; t < T && first + t < p->n; t++)
    for (int j = 0; j < 2; j++) {
      const double *q = p->q + 2*(first + t);
      omega[2*t + j] = (q[j] - (t ? q[j - 2] : begin[j]))/f->trajectory.dt_s;
    }
  novelty_measure(measure, omega, T, f->trajectory.dt_s, begin);
  free(omega);
}

void novelty_note(const struct trajectory_params *trained, const struct reach *f, const struct reach_path *p) {
  struct novelty_range range;
  double most = 0;
  char text[400] = "";
  novelty_range_of(&range, trained, f);
  for (int first = 0; first < p->n; first += reach_chain_length(p, f)) {
    double measure[NOVELTY_MEASURES], ratio;
    measure_piece(measure, f, p, first);
    farthest(&ratio, measure, &range);
    if (ratio <= most) continue;
    most = ratio;
    novelty_text(text, sizeof text, measure, &range);
  }
  if (text[0]) note("%s: %s", f->target.file, text);
}
