#include "experiment/arm/chain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"

int reach_chain_pieces(const struct reach_path *p, const struct reach *f) {
  const int T = (int)f->trajectory.steps;
  const double longest = f->target.piece_s/f->trajectory.dt_s + 1e-9;  // steps of exactly piece_s count
  const int most = f->target.piece_s > 0 && longest < T ? (int)fmax(longest, 1) : T;
  return (p->n + most - 1)/most;
}

int reach_chain_length(const struct reach_path *p, const struct reach *f) {
  const int pieces = reach_chain_pieces(p, f);
  return (p->n + pieces - 1)/pieces;
}

void reach_chain_begin(struct reach_chain *c, const struct reach_path *p, struct reach_batch *b) {
  c->path = p;
  c->b = b;
  c->piece = 0;
  c->length = reach_chain_length(p, b->f);
  memcpy(c->before.q, p->begin, sizeof p->begin);
  memcpy(c->after.q, p->begin, sizeof p->begin);
}

// What is left of the offset at a time.
static double left(double time_s, double blend_s) {
  const double x = fmin(time_s/blend_s, 1);
  return 1 - x*x*x*(10 - x*(15 - 6*x));
}

// The piece and what follows as the batch's movement, from where the last one ended.
static void show(const struct reach_chain *c) {
  struct reach_batch *b = c->b;
  const struct reach *f = b->f;
  const struct reach_path *p = c->path;
  const int first = c->piece*c->length;
  const double *from = first ? p->q + 2*(first - 1) : p->begin, dt = f->trajectory.dt_s;
  memcpy(b->begin, c->after.q, 2*sizeof *b->begin);
  for (int t = 0; t < b->T; t++) {
    const double *q = p->q + 2*(first + t < p->n ? first + t : p->n - 1);
    for (int j = 0; j < 2; j++) {
      const double limit = kinematics_limit_rad(&f->arm, j);
      const double at = q[j] + (b->begin[j] - from[j])*left((t + 1)*dt, f->target.blend_s);
      b->angle[2*t + j] = fmin(fmax(at, -limit), limit);
      b->omega[2*t + j] = (b->angle[2*t + j] - (t ? b->angle[2*(t - 1) + j] : b->begin[j]))/dt;
    }
    kinematics_tip(b->xyz + 3*t, b->angle[2*t], b->angle[2*t + 1], &f->arm);
  }
  b->n = 1;
  b->number = (uint64_t)c->piece;
  b->noise[0] = rng_stream((uint64_t)f->run.seed, RNG_QUANTISE, (uint32_t)c->piece);
  reach_batch_encode(b, 0, 0);
}

// Perform the piece from where the track ended.
static void follow(struct reach_track *track, const struct reach_chain *c, const real *output) {
  struct reach_batch *b = c->b;
  const int first = c->piece*c->length, rest = c->path->n - first, n = rest < c->length ? rest : c->length;
  double *omega = err_calloc((size_t)b->T, 5*sizeof *omega), *xyz = omega + 2*b->T;
  memcpy(b->begin, track->q, 2*sizeof *b->begin);
  reach_batch_path(xyz, omega, b, 0, output);
  memcpy(track->omega + 2*first, omega, 2*(size_t)n*sizeof *omega);
  memcpy(track->xyz + 3*first, xyz, 3*(size_t)n*sizeof *xyz);
  for (int t = 0; t < n; t++)
    for (int j = 0; j < 2; j++) track->q[j] += b->f->trajectory.dt_s*omega[2*t + j];
  free(omega);
}

void reach_chain_next(struct reach_chain *c, const real *parameters) {
  show(c);
  reach_batch_forward(c->b, parameters);
  follow(&c->before, c, c->b->item[0].first->output);
  follow(&c->after, c, c->b->item[0].output);
  c->piece++;
}

void reach_chain_target(struct reach_track *target, const struct reach_path *p, const struct reach *f) {
  for (int t = 0; t < p->n; t++) {
    const double *q = p->q + 2*t, *last = t ? q - 2 : p->begin;
    for (int j = 0; j < 2; j++) target->omega[2*t + j] = (q[j] - last[j])/f->trajectory.dt_s;
    kinematics_tip(target->xyz + 3*t, q[0], q[1], &f->arm);
  }
}

void reach_chain_errors(double *distance_cm, double omega[2], const struct reach_track *target,
                        const struct reach_track *performed, int n) {
  double position = 0, velocity[2] = { 0 };
  for (int i = 0; i < 3*n; i++) position += pow(performed->xyz[i] - target->xyz[i], 2);
  for (int i = 0; i < 2*n; i++) velocity[i % 2] += pow(performed->omega[i] - target->omega[i], 2);
  *distance_cm = 100*sqrt(position/n);
  for (int j = 0; j < 2; j++) omega[j] = sqrt(velocity[j]/n);
}
