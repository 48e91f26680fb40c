// bptt.h - back-propagation through time of a spiking network (model/spiking.h). The derivative of a
// spike is the surrogate h, zero while refractory; the adaptive threshold passes gradient through the reset
// -z A only. With dv = dL/dv, do = dL/do and db = dL/db, t running backwards:
//   do(t) = kappa do(t+1) + d_output(t)
//   dz(t) = W_out do(t) + W_rec dv(t+1) - A(t+1) dv(t+1) + db(t+1) + d_rate + d_spike(t)
//   db(t) = rho db(t+1) - beta z(t-1) dv(t)
//   dv(t) = gamma dv(t+1) + h(t) dz(t) + h'(t) d_surrogate(t)
// dz is needed only where h is not zero, about 2 % of neurons, and dW gains z(t-1) dv(t) only where there
// are spikes: nothing costs more than the events it concerns.
#ifndef LEARN_BPTT_H
#define LEARN_BPTT_H

#include "model/spiking.h"

// What the loss depends on, all optional (NULL).
struct bptt_loss {
  const real *d_output;     // (T, ld_out) dL/do, directly, not through later outputs
  const real *d_rate;       // (n) dL/dz(t), the same in every step
  const real *d_spike;      // (active) further dL/dz
  const real *d_surrogate;  // (active) dL/dh
  bool cut;                 // leave out W_rec, reset and adaptation: what e-prop neglects
};

// dw (n_in + n, ld) and dw_out (n, ld_out) are added to; the diagonal of dW_rec is not touched up:
// spiking_clear_diagonal once all is summed. w is that of the forward pass.
void bptt_backward(real *restrict dw, real *restrict dw_out, const struct spiking *net, const real *restrict w,
                   const real *restrict w_out, const struct spiking_record *rec, const struct events *input,
                   const struct bptt_loss *loss, struct arena *scratch);
size_t bptt_scratch_bytes(const struct spiking *net);

#endif
