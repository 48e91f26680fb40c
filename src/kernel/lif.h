// lif.h - when a leaky integrate-and-fire neuron spikes, and the derivative that stands in for that
// of its step (equations S1, S5; Bellec et al., Nat. Commun. 11:3625 (2020)). With u = v - A:
//   z = [u > 0] unless refractory          dz/du := damping max(0, 1 - |u|/v_th)/v_th = h, 0 while refractory
// For gradient checks the step can be replaced by the smooth function whose derivative is h.
#ifndef KERNEL_LIF_H
#define KERNEL_LIF_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/events.h"

struct lif {
  real v_th;       // base threshold
  real damping;    // height of the surrogate derivative times v_th
  int refractory;  // steps; a neuron is silent for refractory - 1 steps after a spike
  bool smooth;     // z = integral of h instead of the step; needs refractory = 0
};

// h(u) and its derivative; the caller knows that the neuron is not refractory and |u| < v_th.
static inline real lif_surrogate(const struct lif *p, real u) {
  const real a = (u < 0 ? -u : u)/p->v_th;
  return p->damping*(1 - a)/p->v_th;
}
static inline real lif_surrogate_slope(const struct lif *p, real u) {
  const real s = p->damping/(p->v_th*p->v_th);
  return u > 0 ? -s : u < 0 ? s : 0;
}

// z(u) of a neuron that is not refractory.
real lif_spike(const struct lif *p, real u);

// One step of n neurons (n padded): append to step t of `spikes` all z != 0, and to step t of `active`
// (NULL: none) all neurons with h != 0, with value u. threshold (n), v (n); wait (n) counts refractory steps left and
// is advanced; flag (n) is scratch.
void lif_fire(struct events *spikes, struct events *active, int t, const real *restrict v,
              const real *restrict threshold, uint8_t *restrict wait, uint8_t *restrict flag, int n,
              const struct lif *p);

void lif_fire_ref(real *z, real *h, const real *v, const real *threshold, real *r, int n, const struct lif *p);

#endif
