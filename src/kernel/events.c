#include "kernel/events.h"

#include <string.h>

// One vector of EVENTS_LANES numbers (two registers of AVX-512 in the double build).
typedef real vec __attribute__((vector_size(EVENTS_LANES * sizeof(real)), aligned(64), may_alias));

void events_init(struct events *e, struct arena *a, int T, int capacity) {
  *e = (struct events){ .T = T, .capacity = capacity };
  e->first = ARENA_NEW(a, (size_t)T + 2, int);
  e->index = ARENA_NEW(a, (size_t)capacity, uint16_t);
  e->value = ARENA_NEW(a, (size_t)capacity, real);
  events_start(e);
}

size_t events_bytes(int T, int capacity) {
  const size_t slack = 3 * 128;  // alignment and red zones
  return ((size_t)T + 2)*sizeof(int) + (size_t)capacity*(sizeof(uint16_t) + sizeof(real)) + slack;
}

void events_close(struct events *e, int t) {
  assert(t < e->T);
  if (t + 1 < e->T) e->first[t + 2] = e->first[t + 1];
}

struct events_step events_at(const struct events *e, int t) {
  if (t < 0) return (struct events_step){ 0 };
  const int k = e->first[t];
  return (struct events_step){ events_count(e, t), e->index + k, e->value + k };
}

// Four vectors of y stay in registers while all rows pass by.
static inline void integrate_block(real *restrict y, real decay, const real *restrict w, int ld, struct events_step s, int n_vec) {
  vec acc[4], *const out = (vec *)(void *)y;
  for (int c = 0; c < n_vec; c++) acc[c] = out[c]*decay;
  for (int k = 0; k < s.n; k++) {
    const vec *const row = (const vec *)(const void *)(w + (size_t)s.index[k]*(size_t)ld);
    const real value = s.value[k];
    for (int c = 0; c < n_vec; c++) acc[c] += value*row[c];
  }
  for (int c = 0; c < n_vec; c++) out[c] = acc[c];
}

void events_integrate(real *restrict y, real decay, const real *restrict w, int ld, struct events_step s) {
  int c = 0;
  for (; c + 4*EVENTS_LANES <= ld; c += 4*EVENTS_LANES) integrate_block(y + c, decay, w + c, ld, s, 4);
  for (; c < ld; c += EVENTS_LANES) integrate_block(y + c, decay, w + c, ld, s, 1);
}

// Rows lie far apart, in the second or third level of the cache: ask for the next one in time.
static inline const real *next_row(const real *w, int ld, struct events_step s, int k) {
  return w + (size_t)s.index[k + 1 < s.n ? k + 1 : k]*(size_t)ld;
}

void events_outer(real *restrict dw, const real *restrict x, int ld, struct events_step s) {
  const vec *const in = (const vec *)(const void *)x;
  const int n_vec = ld/EVENTS_LANES;
  for (int k = 0; k < s.n; k++) {
    vec *const row = (vec *)(void *)(dw + (size_t)s.index[k]*(size_t)ld);
    const real *const next = next_row(dw, ld, s, k), value = s.value[k];
    int c = 0;
    for (; c + 4 <= n_vec; c += 4)
      for (int l = c; l < c + 4; l++) {
        __builtin_prefetch(next + (size_t)l*EVENTS_LANES, 1);
        row[l] += value*in[l];
      }
    for (; c < n_vec; c++) row[c] += value*in[c];
  }
}

static inline real sum_lanes(vec a) {
  typedef real half __attribute__((vector_size(EVENTS_LANES/2*sizeof(real))));
  typedef real quarter __attribute__((vector_size(EVENTS_LANES/4*sizeof(real))));
  const half b = __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(a, a, 8, 9, 10, 11, 12, 13, 14, 15);
  const quarter c = __builtin_shufflevector(b, b, 0, 1, 2, 3) + __builtin_shufflevector(b, b, 4, 5, 6, 7);
  return (c[0] + c[2]) + (c[1] + c[3]);
}

void events_dot(real *restrict d, const real *restrict w, const real *restrict x, int ld, struct events_step s) {
  const vec *const in = (const vec *)(const void *)x;
  const int n_vec = ld/EVENTS_LANES;
  for (int k = 0; k < s.n; k++) {
    const vec *const row = (const vec *)(const void *)(w + (size_t)s.index[k]*(size_t)ld);
    const real *const next = next_row(w, ld, s, k);
    vec acc[4] = { 0 };  // independent sums hide the latency of the additions
    int c = 0;
    for (; c + 4 <= n_vec; c += 4)
      for (int l = 0; l < 4; l++) {
        __builtin_prefetch(next + (size_t)(c + l)*EVENTS_LANES);
        acc[l] += row[c + l]*in[c + l];
      }
    for (; c < n_vec; c++) acc[0] += row[c]*in[c];
    d[k] = sum_lanes((acc[0] + acc[1]) + (acc[2] + acc[3]));
  }
}

void events_decay(real *restrict y, real decay, int ld) {
  for (int j = 0; j < ld; j++) y[j] *= decay;
}

void events_integrate_ref(real *y, real decay, const real *w, const real *z, int n_rows, int ld) {
  for (int j = 0; j < ld; j++) {
    y[j] *= decay;
    for (int i = 0; i < n_rows; i++) y[j] += z[i]*w[i*ld + j];
  }
}

void events_outer_ref(real *dw, const real *x, const real *z, int n_rows, int ld) {
  for (int i = 0; i < n_rows; i++)
    for (int j = 0; j < ld; j++) dw[i*ld + j] += z[i]*x[j];
}

void events_dot_ref(real *d, const real *w, const real *x, int n_rows, int ld) {
  for (int i = 0; i < n_rows; i++) {
    d[i] = 0;
    for (int j = 0; j < ld; j++) d[i] += w[i*ld + j]*x[j];
  }
}
