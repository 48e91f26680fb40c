#include "learn/bptt.h"

#include <string.h>

struct state {
  real *dv, *d_o, *db;       // (ld), (ld_out), (ld)
  real *dot, *dot_out, *dz;  // (n) of the active neurons of one step
};

size_t bptt_scratch_bytes(const struct spiking *net) {
  return (5*(size_t)net->ld + (size_t)net->ld_out)*sizeof(real) + 6*128;
}

// db(t+1), given the spikes of step t
static void back_adaptation(struct state *s, const struct spiking *net, struct events_step z) {
  const int from = net->n - net->n_adaptive;
  for (int i = from; i < net->n; i++) s->db[i] *= net->rho;
  for (int k = 0; k < z.n; k++)
    if (z.index[k] >= from) s->db[z.index[k]] -= net->beta*z.value[k]*s->dv[z.index[k]];
}

// s->dz = dL/dz(t) of the active neurons; s->dv is still dv(t+1)
static void back_spikes(struct state *s, const struct spiking *net, const real *w, const real *w_out,
                        const struct bptt_loss *loss, const real *reset, int k0, struct events_step active) {
  events_dot(s->dot_out, w_out, s->d_o, net->ld_out, active);
  if (!loss->cut) events_dot(s->dot, w + spiking_recurrent(net), s->dv, net->ld, active);
  for (int k = 0; k < active.n; k++) {
    const int i = active.index[k];
    real dz = s->dot_out[k];
    if (!loss->cut) dz += s->dot[k] - reset[k]*s->dv[i] + s->db[i];
    if (loss->d_rate) dz += loss->d_rate[i];
    if (loss->d_spike) dz += loss->d_spike[k0 + k];
    s->dz[k] = dz;
  }
}

void bptt_backward(real *restrict dw, real *restrict dw_out, const struct spiking *net, const real *restrict w,
                   const real *restrict w_out, const struct spiking_record *rec, const struct events *input,
                   const struct bptt_loss *loss, struct arena *scratch) {
  const size_t mark = arena_mark(scratch);
  const int ld = net->ld, ld_out = net->ld_out;
  struct state s = { arena_zeros(scratch, ld), arena_zeros(scratch, ld_out), arena_zeros(scratch, ld),
                     arena_zeros(scratch, ld), arena_zeros(scratch, ld), arena_zeros(scratch, ld) };
  for (int t = rec->spikes.T - 1; t >= 0; t--) {
    const struct events_step z = events_at(&rec->spikes, t), active = events_at(&rec->active, t);
    const int k0 = rec->active.first[t];
    for (int j = 0; j < ld_out; j++)
      s.d_o[j] = net->kappa*s.d_o[j] + (loss->d_output ? loss->d_output[(size_t)t*(size_t)ld_out + (size_t)j] : 0);
    if (net->n_adaptive) back_adaptation(&s, net, z);
    back_spikes(&s, net, w, w_out, loss, rec->reset + k0, k0, active);
    events_decay(s.dv, net->gamma, ld);
    for (int k = 0; k < active.n; k++) {
      const real u = active.value[k];
      s.dv[active.index[k]] += lif_surrogate(&net->lif, u)*s.dz[k];
      if (loss->d_surrogate) s.dv[active.index[k]] += lif_surrogate_slope(&net->lif, u)*loss->d_surrogate[k0 + k];
    }
    events_outer(dw_out, s.d_o, ld_out, z);
    events_outer(dw, s.dv, ld, events_at(input, t));
    events_outer(dw + spiking_recurrent(net), s.dv, ld, events_at(&rec->spikes, t - 1));
  }
  arena_reset(scratch, mark);
}
