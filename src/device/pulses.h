// pulses.h - incremental updates: SET and RESET pulses that move a conductance step by step, open loop (U2).
// With x = g/g_max, z standard normal, drawn for each pulse (the spread from cycle to cycle):
//   SET    x += step (1 - x)^beta (1 + spread z)            smaller the nearer to g_max: it saturates
//   RESET  x -= reset_step x^beta (1 + spread z)            reset_step 0: abrupt, x as after RESET
// Nothing is read. What a device is believed to conduct follows the mean step from pulse to pulse (spread 0); the
// number of pulses is the one that brings this nearest to the target. Where RESET is abrupt, less is reached by RESET
// and SET pulses from there, unless the target is nearer as it is. A target of 0 is RESET.
#ifndef DEVICE_PULSES_H
#define DEVICE_PULSES_H

#include <stdbool.h>

struct rng;

enum { PULSES_MOST = 1000 };  // of a device in one update

struct pulses_params {
  double step, reset_step;  // relative to g_max
  double beta;              // of the saturation; 0: steps of one size
  double spread;
};

// RESET first, if so; then n pulses, of SET or (n < 0) of RESET. reaches: x that is believed afterwards.
struct pulses {
  bool reset;
  int n;
  double reaches;
};

// x that one pulse makes, 0 .. 1.
double pulses_set(const struct pulses_params *p, double x, double z);
double pulses_reset(const struct pulses_params *p, double x, double z);

// From x, as it is believed, to target; after_reset is x after an abrupt RESET.
struct pulses pulses_towards(const struct pulses_params *p, double x, double target, double after_reset);
// What a device at x conducts after them; after_reset is that of this RESET.
double pulses_apply(const struct pulses_params *p, const struct pulses *pulses, double x, double after_reset,
                    struct rng *r);

static inline int pulses_count(const struct pulses *p) { return p->reset + (p->n < 0 ? -p->n : p->n); }

#endif
