// readout_fixture.h - a task for the rules by which a read-out adapts: features, initial weights, rates, and the weight
// of each query loss.
#ifndef TESTS_READOUT_FIXTURE_H
#define TESTS_READOUT_FIXTURE_H

#include "base/rng.h"
#include "gradient.h"

enum { S = 6, Q = 4, C = 5, CP = 16, N = 16, STEPS = 3 };

struct readout_fixture {
  real h[(S + Q)*CP] __attribute__((aligned(64)));
  real w0[C*N] __attribute__((aligned(64)));
  real rate[STEPS];
  double weight[STEPS + 1];
};

// Update s has the rate  least + s by.
static inline void readout_fixture_draw(struct readout_fixture *f, int outputs, double least, double by) {
  struct rng r = rng_stream(8, RNG_TEST, 0);
  for (int i = 0; i < (S + Q)*CP; i++) f->h[i] = i % CP < C ? (real)rng_normal(&r) : 0;
  for (int i = 0; i < C*N; i++) f->w0[i] = i % N < outputs ? (real)(0.5*rng_normal(&r)) : 0;
  for (int s = 0; s < STEPS; s++) f->rate[s] = (real)(least + by*s);
  for (int s = 0; s <= STEPS; s++) f->weight[s] = 0.2 + 0.15*s;
}

#endif
