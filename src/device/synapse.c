#include "device/synapse.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/rng.h"

// Both arrays of software weights: the quantised one is the exact one whose numbers are rounded.
struct software {
  struct synapse base;
  struct arena arena;  // owns w
  real *w;             // (I, padded O)
  double step, scale;  // of the grid; step 0: exact
};

static size_t length(const struct synapse *s) { return (size_t)s->I * (size_t)vector_padded(s->O); }

static long exact_program(struct synapse *s, const real *w, struct rng *r) {
  (void)r;
  memcpy(((struct software *)s)->w, w, length(s) * sizeof *w);
  return 0;
}

static long exact_update(struct synapse *s, const real *dw, struct rng *r) {
  (void)r;
  real *w = ((struct software *)s)->w;
  for (size_t i = 0; i < length(s); i++) w[i] += dw[i];
  return 0;
}

// v on the grid, offset in [0, 1): 1/2 rounds to nearest, a random one stochastically.
static real on_grid(const struct software *q, double v, double offset) {
  return (real)fmin(fmax(floor(v / q->step + offset) * q->step, -q->scale), q->scale - q->step);
}

static long quantised_program(struct synapse *s, const real *w, struct rng *r) {
  struct software *q = (struct software *)s;
  const size_t OP = (size_t)vector_padded(s->O), rows = (size_t)(s->I - s->digital);
  for (size_t i = 0; i < rows; i++)
    for (size_t o = 0; o < (size_t)s->O; o++)
      q->w[i*OP + o] = on_grid(q, (double)w[i*OP + o], r ? rng_uniform(r) : 0.5);
  memcpy(q->w + rows*OP, w + rows*OP, (size_t)s->digital*OP * sizeof *w);
  return 0;
}

static long quantised_update(struct synapse *s, const real *dw, struct rng *r) {
  struct software *q = (struct software *)s;
  const int OP = vector_padded(s->O);
  for (int i = 0; i < s->I; i++)
    for (int o = 0; o < s->O; o++) {
      real *w = &q->w[(size_t)i * (size_t)OP + (size_t)o];
      const real change = dw[(size_t)i * (size_t)OP + (size_t)o];
      if (i >= s->I - s->digital) *w += change;
      else if (change != 0) *w = on_grid(q, (double)*w + (double)change, r ? rng_uniform(r) : 0.5);
    }
  return 0;
}

static void software_product(struct synapse *s, real *y, const real *x, const struct conv *shape, struct rng *r) {
  (void)r;
  assert(shape->k*shape->k*shape->C == s->I && shape->O == s->O);
  conv_forward(y, x, ((struct software *)s)->w, shape);
}

static void software_weights(const struct synapse *s, real *w) {
  memcpy(w, ((const struct software *)s)->w, length(s) * sizeof *w);
}

static void software_free(struct synapse *s) {
  arena_release(&((struct software *)s)->arena);
  free(s);
}

static struct synapse *software_new(const struct synapse_ops *ops, int I, int O) {
  assert(I > 0 && O > 0);
  struct software *s = err_calloc(1, sizeof *s);
  s->base = (struct synapse){ .ops = ops, .I = I, .O = O };
  arena_init(&s->arena, length(&s->base) * sizeof(real) + 256);
  s->w = ARENA_NEW(&s->arena, length(&s->base), real);
  memset(s->w, 0, length(&s->base) * sizeof(real));
  return &s->base;
}

struct synapse *synapse_exact_new(int I, int O) {
  static const struct synapse_ops ops = { "exact",          exact_program,    exact_update,
                                          software_product, software_weights, software_free };
  return software_new(&ops, I, O);
}

struct synapse *synapse_quantised_new(int I, int O, int digital, int bits, double scale) {
  static const struct synapse_ops ops = { "quantised",      quantised_program, quantised_update,
                                          software_product, software_weights,  software_free };
  assert(bits >= 1 && bits <= 24 && scale > 0);
  struct synapse *s = software_new(&ops, I, O);
  s->digital = digital;
  ((struct software *)s)->scale = scale;
  ((struct software *)s)->step = ldexp(scale, 1 - bits);
  return s;
}
