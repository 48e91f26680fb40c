// novelty.h - how far a target is from the movements that a model was trained on: its highest speed, its accelerations,
// its rests, its frequencies and where it begins, beside those of random movements by the settings of its training. A
// network meta-trained on smooth movements is several cm off on rests or ripples that it never saw.
#ifndef EXPERIMENT_ARM_NOVELTY_H
#define EXPERIMENT_ARM_NOVELTY_H

#include <stddef.h>

struct reach;
struct reach_path;
struct trajectory_params;

enum { NOVELTY_SPEED, NOVELTY_ACCELERATION, NOVELTY_REST, NOVELTY_FREQUENCY, NOVELTY_BEGIN, NOVELTY_MEASURES };

// Measures of a movement: highest speed of a joint (rad/s), root mean square of the accelerations of both joints
// (rad/s^2), longest time with both below 0.02 rad/s (s), root mean square of acceleration over that of velocity, by
// 2 pi (Hz; 0 of a movement at rest), larger angle of a joint at the begin (rad). omega (T, 2) rad/s at dt_s.
void novelty_measure(double measure[NOVELTY_MEASURES], const double *omega, int T, double dt_s, const double begin[2]);

// What 98 of 100 random movements by *p stay within; f has the arm.
struct novelty_range { double low[NOVELTY_MEASURES], high[NOVELTY_MEASURES]; };
void novelty_range_of(struct novelty_range *r, const struct trajectory_params *p, const struct reach *f);

// A text about the measure that is farthest outside the range: more than a tenth above it, or below it (not of rests
// and begins). Returns the text, "" if none is.
const char *novelty_text(char *text, size_t size, const double measure[NOVELTY_MEASURES],
                         const struct novelty_range *r);

// One line for the user (base/note.h) about the piece of a path (experiment/arm/chain.h) that is farthest outside.
void novelty_note(const struct trajectory_params *trained, const struct reach *f, const struct reach_path *p);

#endif
