#include "device/flicker.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernel/noise.h"

size_t flicker_floats(int octaves, int n) { return ((size_t)octaves + 1) * (size_t)n; }

void flicker_init(struct flicker *f, int octaves, int n, float *floats) {
  assert(octaves > 0 && octaves <= FLICKER_MAX_OCTAVES);
  *f = (struct flicker){ .octaves = octaves, .n = n, .slow = 1, .forgotten = octaves, .sum = floats,
                         .state = floats + n };
}

void flicker_forget(struct flicker *f, double reads) {
  int octaves = reads < 2 ? 0 : (int)fmin(floor(log2(reads)), f->octaves);
  if (octaves > f->forgotten) f->forgotten = octaves;
}

static float weight(const struct flicker *f, int k) { return k < f->octaves - 1 ? 1 : (float)sqrt(f->slow); }

static void add_up(struct flicker *f) {
  memset(f->sum, 0, (size_t)f->n * sizeof *f->sum);
  for (int k = 0; k < f->octaves; k++) {
    const float w = weight(f, k);
    for (int o = 0; o < f->n; o++) f->sum[o] += w * f->state[(size_t)k * (size_t)f->n + (size_t)o];
  }
}

void flicker_span(struct flicker *f, double all) {
  const double slow = fmax(all - (f->octaves - 1), 1);
  if (slow == f->slow) return;
  f->slow = slow;
  if (f->forgotten == 0) add_up(f);
}

// The octave that is drawn anew at read number `read`, from 1: the trailing zeros of the number; the last octave takes
// what is left.
static int octave_of(const struct flicker *f, uint64_t read) {
  const int k = __builtin_ctzll(read);
  return k < f->octaves ? k : f->octaves - 1;
}

void flicker_take(struct flicker *f, float *z, int B, struct rng *r) {
  enum { EXACT_FROM = 8 };  // octaves from which on the sum is added up anew, so that rounding does not gather
  const float factor = (float)(1/sqrt(f->octaves - 1 + f->slow));
  if (f->forgotten > 0) {
    noise_normal(f->state, (size_t)f->forgotten * (size_t)f->n, r);
    f->forgotten = 0;
    add_up(f);
  }
  for (int b = 0; b < B; b++, z += f->n) {
    const int k = octave_of(f, ++f->reads);
    float *restrict state = f->state + (size_t)k * (size_t)f->n, *restrict sum = f->sum;
    const float w = weight(f, k);
    for (int o = 0; o < f->n; o++) {
      sum[o] += w * (z[o] - state[o]);
      state[o] = z[o];
    }
    if (k >= EXACT_FROM) add_up(f);
    for (int o = 0; o < f->n; o++) z[o] = factor * sum[o];
  }
}
