// Updates of a chip that has drifted have the size that was asked for, whatever the correction, since they aim at what
// the columns conduct then; at nominal conductances they are too large.
#include <math.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/rng.h"
#include "chip/chip_private.h"
#include "chip/chip.h"
#include "ideal_chip.h"
#include "test.h"

enum { ROWS = 200, COLUMNS = 24, OP = 32, XP = 208, N = 64 };

static struct arena arena;
static const double MONTH_S = 30*86400;

static real *drawn(int rows, int columns, int ld, double scale, uint32_t stream) {
  struct rng r = rng_stream(17, RNG_TEST, stream);
  real *x = ARENA_NEW(&arena, (size_t)(rows*ld), real);
  for (int i = 0; i < rows; i++)
    for (int o = 0; o < ld; o++) x[i*ld + o] = o < columns ? (real)(scale*rng_normal(&r)) : 0;
  return x;
}

// <x dw, change of the product>/<x dw, x dw> of an update at time_s.
static double size_of_update(const struct chip_params *p, double time_s) {
  const struct conv s = conv_shape(N, 1, 1, ROWS, COLUMNS, 1, 1, 0);
  const size_t mark = arena_mark(&arena);
  const real *w = drawn(ROWS, COLUMNS, OP, 0.05, 0), *dw = drawn(ROWS, COLUMNS, OP, 0.05, 1);
  const real *x = drawn(N, ROWS, XP, 0.3, 2);
  real *before = ARENA_NEW(&arena, N*OP, real), *after = ARENA_NEW(&arena, N*OP, real);
  real *exact = ARENA_NEW(&arena, N*OP, real);
  struct rng r = rng_stream(3, RNG_PROGRAM, 0);
  struct chip *c = NULL;
  double ey = 0, ee = 0;
  CHECK(chip_new(&c, p, 2) == 0, "%s", err_message());
  chip_add(c, "only", ROWS, COLUMNS);
  CHECK(chip_build(c) == 0, "%s", err_message());
  struct synapse *a = chip_synapse(c, 0);
  a->ops->program(a, w, &r);
  chip_calibrate(c, &r);
  CHECK(chip_advance(c, time_s, &r) == 0, "%s", err_message());
  a->ops->product(a, before, x, &s, NULL);
  a->ops->update(a, dw, &r);
  a->ops->product(a, after, x, &s, NULL);
  conv_forward(exact, x, dw, &s);
  for (int i = 0; i < N*OP; i++) {
    ey += (double)exact[i] * (double)(after[i] - before[i]);
    ee += (double)exact[i] * (double)exact[i];
  }
  chip_free(c);
  arena_reset(&arena, mark);
  return ey/ee;
}

// Weights and updates are independent, so of a rewritten weight only the update counts; the spread of the exponents and
// of the columns' gains leaves some percent.
static void test_sizes(void) {
  struct chip_params p = ideal_chip();
  p.drift_scale = 1;
  p.headroom = 2.5;
  for (int correction = CHIP_NONE; correction <= CHIP_COLUMN; correction++) {
    p.correction = correction;
    for (double time_s = 0; time_s <= MONTH_S; time_s += MONTH_S/2) {
      p.update_aim = CHIP_AIM_CURRENT;
      const double found = size_of_update(&p, time_s);
      CHECK(fabs(found - 1) < test_tol(0.05), "correction %d, %g s: an update %.3f times as large as asked for",
            correction, time_s, found);
    }
    p.update_aim = CHIP_AIM_NOMINAL;
    const double nominal = size_of_update(&p, MONTH_S);
    CHECK(correction == CHIP_NONE ? fabs(nominal - 1) < 0.05 : nominal > 1.5, "correction %d: nominal %.3f", correction,
          nominal);
  }
}

// chip.aim_s is about the first write: an update, used at once, changes weights by as much with it as without, at any
// age of the chip.
static void test_aimed(void) {
  struct chip_params p = ideal_chip();
  p.drift_scale = 1;
  p.headroom = 2.5;
  p.correction = CHIP_COLUMN;
  for (int k = 0; k < 3; k++) {
    const double time_s = (double[]){ 0, 86400, MONTH_S }[k];
    for (p.aim_s = 86400; p.aim_s <= MONTH_S; p.aim_s *= 30) {
      const double found = size_of_update(&p, time_s);
      CHECK(fabs(found - 1) < test_tol(0.05), "aimed at %g s, %g s: an update %.3f times as large as asked for",
            p.aim_s, time_s, found);
    }
  }
}

// Pulses start from what a device conducts by now.
static void test_pulses(void) {
  struct chip_params p = ideal_chip();
  p.drift_scale = 1;
  p.headroom = 2.5;
  p.correction = CHIP_COLUMN;
  p.update_write = CHIP_WRITE_PULSES;
  p.pulse_step = p.pulse_reset_step = 0.005;
  for (double time_s = 0; time_s <= MONTH_S; time_s += MONTH_S) {
    const double found = size_of_update(&p, time_s);
    CHECK(fabs(found - 1) < test_tol(0.05), "%g s: an update by pulses %.3f times as large as asked for", time_s,
          found);
  }
}

// Where every read drifts alike, the correction makes up for that of new devices too.
static void test_frozen(void) {
  struct chip_params p = ideal_chip();
  p.preset = PCM_PUBLISHED;
  p.drift_scale = 1;
  p.correction = CHIP_COLUMN;
  p.headroom = 2.5;
  const double found = size_of_update(&p, MONTH_S);
  CHECK(fabs(found - 1) < test_tol(0.05), "published-code: an update %.3f times as large as asked for", found);
}

int main(void) {
  arena_init(&arena, 8u << 20);
  test_sizes();
  test_aimed();
  test_pulses();
  test_frozen();
  arena_release(&arena);
  return test_summary();
}
