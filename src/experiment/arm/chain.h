// chain.h - a path of any length, learned and performed in the fewest pieces of equal length that fit a
// movement, and target.piece_s, each.
// A piece is learned by one update from the weights of the model, and performed from the posture e where the
// performance before it ended. The input of the learning signal generator is a whole movement: the path from there on,
// beyond the piece too, then rest at its end; and an offset that leads back to it, so that errors do not add up
// (equation T5):
//   q(t) = path(t) + (e - path(0)) (1 - s(t/target.blend_s)),   s(x) = 10 x^3 - 15 x^4 + 6 x^5, minimum jerk
#ifndef EXPERIMENT_ARM_CHAIN_H
#define EXPERIMENT_ARM_CHAIN_H

#include "experiment/arm/batch.h"
#include "experiment/arm/path.h"

// Steps of a path, with room for all of them.
struct reach_track {
  double *omega, *xyz;  // (n, 2) rad/s, (n, 3) m; the caller's
  double q[2];          // after the last step so far
};

struct reach_chain {
  const struct reach_path *path;
  struct reach_batch *b;             // of one movement, which becomes that of the piece
  int piece, length;                 // the next; steps of each but the last
  struct reach_track before, after;  // performed without updates, and with them
};

int reach_chain_pieces(const struct reach_path *p, const struct reach *f);
int reach_chain_length(const struct reach_path *p, const struct reach *f);  // steps of each piece but the last
// before and after: omega and xyz are set.
void reach_chain_begin(struct reach_chain *c, const struct reach_path *p, struct reach_batch *b);
// Learn and perform the next piece with the parameters of a model.
void reach_chain_next(struct reach_chain *c, const real *parameters);

// The path itself.
void reach_chain_target(struct reach_track *target, const struct reach_path *p, const struct reach *f);
// Root mean squares over the path: cm and rad/s of each joint.
void reach_chain_errors(double *distance_cm, double omega[2], const struct reach_track *target,
                        const struct reach_track *performed, int n);

#endif
