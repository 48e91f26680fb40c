// spiking_fixture.h - small random spiking networks for the tests.
#ifndef SPIKING_FIXTURE_H
#define SPIKING_FIXTURE_H

#include <string.h>

#include "base/rng.h"
#include "model/spiking.h"

struct fixture {
  struct spiking net;
  int T;
  struct arena a, scratch;
  real *w, *w_out;
  struct events input;
  struct spiking_record rec;
  real *output;  // (T, ld_out)
};

static inline real *fixture_zeros(struct arena *a, size_t n) {
  return memset(ARENA_NEW(a, n, real), 0, n*sizeof(real));
}

static inline void fixture_init(struct fixture *f, int n_in, int n, int n_out, double adaptive, int T, bool smooth,
                                uint32_t index) {
  struct spiking_params p = { .neurons = n, .adaptive_fraction = adaptive, .v_th = 0.6, .beta = 0.4,
                              .tau_membrane_ms = 20,
                              .tau_output_ms = 15, .tau_adapt_ms = 60, .damping = smooth ? 1.0 : 0.3,
                              .refractory_ms = smooth ? 0 : 5 };
  struct rng r = rng_stream(3, RNG_TEST, index);
  f->T = T;
  spiking_init(&f->net, &p, n_in, n_out);
  f->net.lif.smooth = smooth;
  arena_init(&f->a, (spiking_w_size(&f->net) + spiking_w_out_size(&f->net))*sizeof(real)*8 +
                        spiking_record_bytes(&f->net, T)*4 + events_bytes(T, T*n_in) +
                        (size_t)T*(size_t)(f->net.ld + f->net.ld_out)*sizeof(real)*8 + (1 << 16));
  arena_init(&f->scratch, 1 << 18);
  f->w = fixture_zeros(&f->a, spiking_w_size(&f->net));
  f->w_out = fixture_zeros(&f->a, spiking_w_out_size(&f->net));
  spiking_start(&f->net, f->w, f->w_out, 1, &r);
  events_init(&f->input, &f->a, T, T*n_in);
  for (int t = 0; t < T; t++) {
    for (int i = 0; i < n_in; i++)
      if (rng_uniform(&r) < 0.15) events_add(&f->input, t, i, 1);
    events_close(&f->input, t);
  }
  spiking_record_init(&f->rec, &f->a, &f->net, T);
  f->output = fixture_zeros(&f->a, (size_t)T*(size_t)f->net.ld_out);
}

static inline void fixture_release(struct fixture *f) {
  arena_release(&f->a);
  arena_release(&f->scratch);
}

static inline void fixture_forward(struct fixture *f) {
  const struct spiking_source source = { .w = f->w };
  spiking_forward(&f->rec, f->output, &f->net, &source, f->w_out, &f->input, &f->scratch);
}

#endif
