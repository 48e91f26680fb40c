// Rows of a matrix beside the cores: exact in every product and update, on no device, and copied with the chip.
#include "base/arena.h"
#include "base/err.h"
#include "base/rng.h"
#include "chip/chip_private.h"
#include "ideal_chip.h"
#include "test.h"

enum { ROWS = 40, DIGITAL = 1, COLUMNS = 7, OP = 16, B = 5, XP = 48, FIRST = (ROWS - DIGITAL) * OP };

static void fill(real *x, int rows, int columns, double scale, uint32_t stream) {
  struct rng r = rng_stream(5, RNG_TEST, stream);
  for (int i = 0; i < rows; i++)
    for (int o = 0; o < vector_padded(columns); o++)
      x[i * vector_padded(columns) + o] = o < columns ? (real)(scale * rng_normal(&r)) : 0;
}

// Five cores of 16 rows and exact converters; devices with their programming error, which do not change.
static struct chip *chip_of(void) {
  struct chip_params p = ideal_chip();
  struct chip *c = NULL;
  p.prog_scale = 1;
  p.scale = CHIP_SCALE_MATRIX;
  p.rows = 16;
  p.cores = 5;
  CHECK(chip_new(&c, &p, 11) == 0, "%s", err_message());
  chip_keep_digital(c, chip_add(c, "only", ROWS, COLUMNS), DIGITAL);
  CHECK(chip_build(c) == 0, "%s", err_message());
  return c;
}

static double largest_difference(const real *a, const real *b, int n) {
  double worst = 0;
  for (int i = 0; i < n; i++) worst = fmax(worst, fabs((double)(a[i] - b[i])));
  return worst;
}

int main(void) {
  struct arena arena;
  arena_init(&arena, 1 << 20);
  real *w = ARENA_NEW(&arena, ROWS * OP, real), *held = ARENA_NEW(&arena, ROWS * OP, real);
  real *dw = ARENA_NEW(&arena, ROWS * OP, real), *x = ARENA_NEW(&arena, B * XP, real);
  real *y = ARENA_NEW(&arena, B * OP, real), *other = ARENA_NEW(&arena, B * OP, real);
  const struct conv s = conv_shape(B, 1, 1, ROWS, COLUMNS, 1, 1, 0);
  struct rng r = rng_stream(1, RNG_READ, 0);
  struct chip *c = chip_of();
  struct synapse *a = chip_synapse(c, 0);
  fill(w, ROWS, COLUMNS, 0.3, 21);
  fill(x, B, ROWS, 1, 22);
  for (int o = 0; o < COLUMNS; o++) w[FIRST + o] = (real)(100 + o);  // far beyond what would set the scale of devices
  CHECK(a->n_devices == (ROWS - DIGITAL) * COLUMNS * 4, "%ld devices", a->n_devices);
  a->ops->program(a, w, &r);
  chip_calibrate(c, &r);
  chip_effective(c, 0, held);
  CHECK(!memcmp(held + FIRST, w + FIRST, (size_t)(DIGITAL * OP) * sizeof *w), "a digital row has errors");
  CHECK(largest_difference(held, w, FIRST) > 0.01, "the devices have none");
  conv_forward_ref(other, x, held, &s);
  a->ops->product(a, y, x, &s, &r);
  CHECK(largest_difference(y, other, B * OP) < 1e-3, "off by %g", largest_difference(y, other, B * OP));
  for (int i = 0; i < ROWS * OP; i++) dw[i] = i >= FIRST && i % OP < COLUMNS ? (real)1e-3 : 0;
  CHECK(a->ops->update(a, dw, &r) == 0, "a digital change writes devices");
  struct chip *copy = chip_clone(c);
  chip_synapse(copy, 0)->ops->product(chip_synapse(copy, 0), other, x, &s, &r);
  for (int i = 0; i < B * OP; i++) {
    const double change = (double)(other[i] - y[i]),
                 wanted = i % OP < COLUMNS ? 1e-3 * (double)x[i / OP * XP + ROWS - 1] : 0;
    CHECK(fabs(change - wanted) < 1e-4, "output %d changed by %g, not %g", i, change, wanted);
  }
  chip_free(copy);
  chip_free(c);
  arena_release(&arena);
  return test_summary();
}
