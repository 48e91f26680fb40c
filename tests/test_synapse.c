// The two arrays in software: products against the plain loops, the grid of the quantised one, and
// that stochastic rounding of updates is unbiased where rounding to nearest loses them.
#include "base/arena.h"
#include "base/rng.h"
#include "device/synapse.h"
#include "test.h"

enum { I = 9*5, O = 7, OP = 16 };

static void fill(real *w, int n_rows, int n_columns, int ld, double scale, uint32_t stream) {
  struct rng r = rng_stream(5, RNG_TEST, stream);
  for (int i = 0; i < n_rows; i++)
    for (int o = 0; o < ld; o++) w[i*ld + o] = o < n_columns ? (real)(scale * rng_normal(&r)) : 0;
}

static void test_exact(struct arena *a) {
  const struct conv c = conv_shape(3, 6, 5, 5, O, 3, 2, 1);
  const int n_x = c.B*c.H*c.W, n_y = c.B*c.OH*c.OW;
  real *w = ARENA_NEW(a, I*OP, real), *dw = ARENA_NEW(a, I*OP, real), *x = ARENA_NEW(a, (size_t)n_x * 16, real);
  real *y = ARENA_NEW(a, (size_t)n_y * OP, real), *expected = ARENA_NEW(a, (size_t)n_y * OP, real);
  fill(w, I, O, OP, 0.3, 1);
  fill(dw, I, O, OP, 0.1, 2);
  fill(x, n_x, 5, 16, 1, 3);
  struct synapse *s = synapse_exact_new(I, O);
  CHECK(s->ops->program(s, w, NULL) == 0 && s->ops->update(s, dw, NULL) == 0 && s->n_devices == 0, "devices");
  for (int i = 0; i < I*OP; i++) w[i] += dw[i];
  conv_forward_ref(expected, x, w, &c);
  s->ops->product(s, y, x, &c, NULL);
  double worst = 0;
  for (int i = 0; i < n_y*OP; i++) worst = fmax(worst, fabs((double)(y[i] - expected[i])));
  CHECK(worst < test_tol(1e-5), "product off by %g", worst);
  s->ops->weights(s, dw);
  CHECK(!memcmp(w, dw, I*OP * sizeof *w), "weights read back");
  s->ops->free(s);
}

static void test_quantised(struct arena *a) {
  real *w = ARENA_NEW(a, I*OP, real), *held = ARENA_NEW(a, I*OP, real), *dw = ARENA_NEW(a, I*OP, real);
  fill(w, I, O, OP, 0.6, 4);
  struct synapse *s = synapse_quantised_new(I, O, 0, 4, 1.0);
  s->ops->program(s, w, NULL);
  s->ops->weights(s, held);
  for (int i = 0; i < I; i++)
    for (int o = 0; o < O; o++) {
      const double v = (double)w[i*OP + o], nearest = fmin(fmax(floor(v * 8 + 0.5), -8), 7) / 8;
      CHECK((double)held[i*OP + o] == nearest, "%g stored as %g", v, (double)held[i*OP + o]);
    }
  // 400 updates by 1/10 of a step: 40 steps on average, and on no weight exactly as nearest would (0)
  memset(w, 0, I*OP * sizeof *w);
  fill(dw, I, O, OP, 0, 0);
  struct synapse *t = synapse_quantised_new(I, O, 0, 8, 4.0);
  t->ops->program(t, w, NULL);
  for (int i = 0; i < I; i++)
    for (int o = 0; o < O; o++) dw[i*OP + o] = (real)(0.1 * 4.0 / 128);
  struct rng r = rng_stream(6, RNG_QUANTISE, 0);
  for (int n = 0; n < 400; n++) t->ops->update(t, dw, &r);
  t->ops->weights(t, held);
  double sum = 0;
  for (int i = 0; i < I; i++)
    for (int o = 0; o < O; o++) sum += (double)held[i*OP + o] / (4.0 / 128);
  const double mean = sum / (I*O), error = sqrt(400 * 0.09 / (I*O));
  CHECK(fabs(mean - 40) < 5*error, "mean of %g steps, 40 +- %g expected", mean, error);
  CHECK(fabs(mean*1.1 - 40) > 5*error, "a bias of 10%% would go unnoticed");
  CHECK(held[O] == 0, "padding stays zero");
  s->ops->free(s);
  t->ops->free(t);
}

// The last rows are kept as they are, whatever the grid.
static void test_digital(struct arena *a) {
  enum { DIGITAL = 2, FIRST = (I - DIGITAL)*OP };
  real *w = ARENA_NEW(a, I*OP, real), *held = ARENA_NEW(a, I*OP, real), *dw = ARENA_NEW(a, I*OP, real);
  fill(w, I, O, OP, 3, 5);
  fill(dw, I, O, OP, 0.01, 6);
  struct synapse *s = synapse_quantised_new(I, O, DIGITAL, 4, 1.0);
  s->ops->program(s, w, NULL);
  s->ops->weights(s, held);
  CHECK(!memcmp(held + FIRST, w + FIRST, DIGITAL*OP * sizeof *w), "digital rows are rounded");
  s->ops->update(s, dw, NULL);
  s->ops->weights(s, held);
  for (int i = FIRST; i < I*OP; i++) CHECK(held[i] == w[i] + dw[i], "a digital weight changes by %g, not %g",
                                           (double)(held[i] - w[i]), (double)dw[i]);
  for (int i = 0; i < FIRST; i++) CHECK((double)held[i]*8 == rint((double)held[i]*8), "%g is not on the grid",
                                        (double)held[i]);
  s->ops->free(s);
}

int main(void) {
  struct arena a;
  arena_init(&a, 1 << 20);
  test_exact(&a);
  test_quantised(&a);
  test_digital(&a);
  arena_release(&a);
  return test_summary();
}
