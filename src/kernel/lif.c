#include "kernel/lif.h"

#include <assert.h>
#include <string.h>

real lif_spike(const struct lif *p, real u) {
  if (!p->smooth) return u > 0;
  const real x = u/p->v_th, half = (real)0.5;
  if (x <= -1) return 0;
  if (x >= 1) return p->damping;
  return p->damping*(x < 0 ? half*(1 + x)*(1 + x) : 1 - half*(1 - x)*(1 - x));
}

// Bit 0: the surrogate is not zero; bit 1: a spike. Neurons of the padding have v = 0 and are neither.
static void flag_neurons(uint8_t *restrict flag, uint8_t *restrict wait, const real *restrict v,
                         const real *restrict threshold, int n, real v_th, real fires_above) {
  for (int i = 0; i < n; i++) {
    const real u = v[i] - threshold[i];
    const uint8_t ready = wait[i] == 0;
    const uint8_t active = (u < v_th) & (u > -v_th), spike = u > fires_above;
    flag[i] = (uint8_t)(ready*(active + 2*spike));
    wait[i] = (uint8_t)(wait[i] - !ready);
  }
}

void lif_fire(struct events *spikes, struct events *active, int t, const real *restrict v,
              const real *restrict threshold, uint8_t *restrict wait, uint8_t *restrict flag, int n,
              const struct lif *p) {
  assert(n % EVENTS_LANES == 0 && (!p->smooth || p->refractory == 0));
  flag_neurons(flag, wait, v, threshold, n, active ? p->v_th : 0, p->smooth ? -p->v_th : 0);
  for (int base = 0; base < n; base += 8) {  // most groups of eight are silent
    uint64_t any;
    memcpy(&any, flag + base, 8);
    while (any) {
      const int byte = __builtin_ctzll(any)/8, i = base + byte, f = flag[i];
      any &= ~(UINT64_C(255) << 8*byte);
      const real u = v[i] - threshold[i];
      if (f & 1) events_add(active, t, i, u);
      if (f & 2) {
        events_add(spikes, t, i, p->smooth ? lif_spike(p, u) : 1);
        if (p->refractory > 0) wait[i] = (uint8_t)(p->refractory - 1);
      }
    }
  }
  events_close(spikes, t);
  if (active) events_close(active, t);
}

void lif_fire_ref(real *z, real *h, const real *v, const real *threshold, real *r, int n, const struct lif *p) {
  for (int i = 0; i < n; i++) {
    const real u = v[i] - threshold[i], ready = r[i] <= (real)0.1;
    const real a = 1 - (u < 0 ? -u : u)/p->v_th;
    z[i] = ready*lif_spike(p, u);
    h[i] = ready*(a > 0 ? p->damping*a/p->v_th : 0);
    const real next = r[i] + (real)p->refractory*z[i] - 1, top = (real)p->refractory;
    r[i] = next < 0 ? 0 : next > top ? top : next;
  }
}
