#include "kernel/events.h"

#include <string.h>

#include "base/vector.h"

enum { TOGETHER = VECTOR_REGISTERS/4 };  // vectors of a row in flight at a time
enum { ROWS = 4 };                       // added in one turn
static_assert(EVENTS_LANES % VECTOR_LANES == 0, "rows are whole vectors");

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
  return (struct events_step){ e->first[t + 1] - k, e->index + k, e->value + k };
}

#define INLINE static inline __attribute__((always_inline))

// y += sum_k value_k row_k for n rows of W, which are read side by side: each is a stream that the processor fetches
// ahead, and few enough streams at a time for it to follow.
INLINE void add_rows(real *restrict y, const real *restrict w, int ld, struct events_step s, int from, int n) {
  const vector *row[ROWS];
  real value[ROWS];
#pragma GCC unroll 8
  for (int k = 0; k < n; k++) {
    row[k] = (const vector *)(const void *)(w + (size_t)s.index[from + k]*(size_t)ld);
    value[k] = s.value[from + k];
  }
  vector *const out = (vector *)(void *)y;
  for (int c = 0; c < ld/VECTOR_LANES; c++) {
    vector sum = out[c];
#pragma GCC unroll 8
    for (int k = 0; k < n; k++) sum += value[k]*row[k][c];
    out[c] = sum;
  }
}

void events_integrate(real *restrict y, real decay, const real *restrict w, int ld, struct events_step s) {
  int k = 0;
  if (decay != 1) events_decay(y, decay, ld);
  for (; k + ROWS <= s.n; k += ROWS) add_rows(y, w, ld, s, k, ROWS);
  switch (s.n - k) {
  case 3: add_rows(y, w, ld, s, k, 3); break;
  case 2: add_rows(y, w, ld, s, k, 2); break;
  case 1: add_rows(y, w, ld, s, k, 1); break;
  default: break;
  }
}

// Rows lie far apart, in the second or third level of the cache: ask for the next one in time.
static inline const vector *next_row(const real *w, int ld, struct events_step s, int k) {
  return (const vector *)(const void *)(w + (size_t)s.index[k + 1 < s.n ? k + 1 : k]*(size_t)ld);
}

void events_outer(real *restrict dw, const real *restrict x, int ld, struct events_step s) {
  const vector *const in = (const vector *)(const void *)x;
  const int n = ld/VECTOR_LANES;
  for (int k = 0; k < s.n; k++) {
    vector *const row = (vector *)(void *)(dw + (size_t)s.index[k]*(size_t)ld);
    const vector *const next = next_row(dw, ld, s, k);
    const real value = s.value[k];
    int c = 0;
    for (; c + TOGETHER <= n; c += TOGETHER)
#pragma GCC unroll 8
      for (int l = c; l < c + TOGETHER; l++) {
        __builtin_prefetch(next + l, 1);
        row[l] += value*in[l];
      }
    for (; c < n; c++) row[c] += value*in[c];
  }
}

static inline real sum_lanes(vector a) {
  real sum[VECTOR_LANES];
  memcpy(sum, &a, sizeof a);
  for (int n = VECTOR_LANES/2; n > 0; n /= 2)
    for (int l = 0; l < n; l++) sum[l] += sum[l + n];
  return sum[0];
}

void events_dot(real *restrict d, const real *restrict w, const real *restrict x, int ld, struct events_step s) {
  const vector *const in = (const vector *)(const void *)x;
  const int n = ld/VECTOR_LANES;
  for (int k = 0; k < s.n; k++) {
    const vector *const row = (const vector *)(const void *)(w + (size_t)s.index[k]*(size_t)ld);
    const vector *const next = next_row(w, ld, s, k);
    vector sum[4] = { 0 };  // independent sums hide the latency of the additions
    int c = 0;
    for (; c + 4 <= n; c += 4)
#pragma GCC unroll 4
      for (int l = 0; l < 4; l++) {
        __builtin_prefetch(next + c + l);
        sum[l] += row[c + l]*in[c + l];
      }
    for (; c < n; c++) sum[0] += row[c]*in[c];
    d[k] = sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3]));
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
