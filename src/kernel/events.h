// events.h - sparse activity: for every step the few rows of a weight matrix that are driven, and the
// matrix products that visit only these rows. About 1-2 % of the neurons spike in a step, and for
// about as many the derivative of a spike is not zero; no product here costs more than that.
//
// Matrices are (from, to), row-major with row length ld, a multiple of EVENTS_LANES; vectors have ld
// elements. Padding is zero and stays zero. Everything is 64-byte aligned.
#ifndef KERNEL_EVENTS_H
#define KERNEL_EVENTS_H

#include <assert.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/real.h"

enum { EVENTS_LANES = 16 };

// n rounded up to full vectors.
static inline int events_padded(int n) { return (n + EVENTS_LANES - 1) / EVENTS_LANES * EVENTS_LANES; }

// The events of step t are index[first[t]] .. index[first[t + 1] - 1], rising within a step.
struct events {
  int T;            // steps
  int capacity;     // events that fit
  int *first;       // (T + 1)
  uint16_t *index;  // (capacity) row of the matrix
  real *value;      // (capacity) size of the event; 1 for a spike
};

// Empty lists of T steps, memory from the arena.
void events_init(struct events *e, struct arena *a, int T, int capacity);
size_t events_bytes(int T, int capacity);  // of arena that events_init takes

// Writing goes step by step: events_add any number of times, then events_close(e, t).
static inline void events_start(struct events *e) { e->first[0] = e->first[1] = 0; }
static inline void events_add(struct events *e, int t, int index, real value) {
  const int k = e->first[t + 1]++;
  assert(k < e->capacity);
  e->index[k] = (uint16_t)index;
  e->value[k] = value;
}
void events_close(struct events *e, int t);  // step t is complete, step t + 1 empty

// The rows driven in one step, as a view.
struct events_step {
  int n;
  const uint16_t *index;
  const real *value;
};
struct events_step events_at(const struct events *e, int t);  // empty for t < 0

// y = decay y + sum_k value_k w[index_k, :]
void events_integrate(real *restrict y, real decay, const real *restrict w, int ld, struct events_step s);

// dw[index_k, :] += value_k x
void events_outer(real *restrict dw, const real *restrict x, int ld, struct events_step s);

// d_k = w[index_k, :] . x
void events_dot(real *restrict d, const real *restrict w, const real *restrict x, int ld, struct events_step s);

// y = decay y
void events_decay(real *restrict y, real decay, int ld);

// The obvious slow twins: the same with a dense vector z (n_rows) of event sizes.
void events_integrate_ref(real *y, real decay, const real *w, const real *z, int n_rows, int ld);
void events_outer_ref(real *dw, const real *x, const real *z, int n_rows, int ld);
void events_dot_ref(real *d, const real *w, const real *x, int n_rows, int ld);

#endif
