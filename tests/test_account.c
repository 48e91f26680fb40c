// What the chip computes and counts for a vector does not depend on what it is handed over with: vectors alone, in
// batches, and in another order have the same outputs (without read noise) and the same account. Inputs and conversions
// that are cut off are counted, and a note says so.
#include <math.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/note.h"
#include "base/rng.h"
#include "chip/chip_private.h"
#include "ideal_chip.h"
#include "test.h"

enum { ROWS = 100, XP = 112, COLUMNS = 30, OP = 32, N = 200 };

static struct arena arena;
static int notes;
static char last_note[200];

static void take_note(const char *line) {
  notes++;
  snprintf(last_note, sizeof last_note, "%s", line);
}

static real *drawn(int rows, int columns, int ld, double scale, uint32_t stream) {
  struct rng r = rng_stream(23, RNG_TEST, stream);
  real *x = ARENA_NEW(&arena, (size_t)(rows*ld), real);
  for (int i = 0; i < rows; i++)
    for (int o = 0; o < ld; o++) x[i*ld + o] = o < columns ? (real)(scale*rng_normal(&r)) : 0;
  return x;
}

// Vectors of every kind: of both signs, of one, with an input so small that it converts to 0, and nothing at all.
static real *inputs(void) {
  real *x = drawn(N, ROWS, XP, 0.3, 1);
  for (int n = 0; n < N; n++)
    for (int i = 0; i < ROWS; i++) {
      real *v = &x[n*XP + i];
      if (n % 5 == 1) *v = (real)fabs((double)*v);
      if (n % 5 == 2) *v = i == 3 ? (real)-1e-6 : (real)fabs((double)*v);
      if (n % 5 == 3) *v = i < 10 ? -(real)fabs((double)*v) : 0;
      if (n % 5 == 4) *v = i == 7 ? (real)1e-6 : 0;
    }
  return x;
}

static struct chip *chip_of(struct chip_params *p, int phases) {
  struct rng r = rng_stream(9, RNG_PROGRAM, 0);
  struct chip *c = NULL;
  p->phases = phases;
  CHECK(chip_new(&c, p, 4) == 0, "%s", err_message());
  chip_add(c, "only", ROWS, COLUMNS);
  CHECK(chip_build(c) == 0, "%s", err_message());
  chip_synapse(c, 0)->ops->program(chip_synapse(c, 0), drawn(ROWS, COLUMNS, OP, 0.2, 0), &r);
  chip_calibrate(c, &r);
  return c;
}

// y (N, OP) of x, `size` vectors at a time.
static struct ledger_counts products(struct chip *c, real *y, const real *x, int size) {
  const struct ledger before = c->ledger;
  for (int n = 0; n < N; n += size) {
    const struct conv s = conv_shape(size, 1, 1, ROWS, COLUMNS, 1, 1, 0);
    chip_synapse(c, 0)->ops->product(chip_synapse(c, 0), y + n*OP, x + n*XP, &s, NULL);
  }
  struct ledger since = c->ledger;
  ledger_subtract(&since, &before);
  return ledger_total(&since);
}

static void test_batches(int phases) {
  struct chip_params p = ideal_chip();
  p.prog_scale = 1;
  p.dac_bits = p.adc_bits = 8;
  p.rows = 64;  // two bands
  p.adc_offset_spread = 3;
  p.correction = CHIP_COLUMN;
  struct chip *c = chip_of(&p, phases);
  const real *x = inputs();
  real *reversed = ARENA_NEW(&arena, N*XP, real), *y = ARENA_NEW(&arena, N*OP, real);
  real *other = ARENA_NEW(&arena, N*OP, real);
  for (int n = 0; n < N; n++) memcpy(reversed + n*XP, x + (N - 1 - n)*XP, XP * sizeof *x);
  const struct ledger_counts alone = products(c, y, x, 1);
  for (int size = 2; size <= N; size *= 10) {
    const struct ledger_counts n = products(c, other, x, size);
    CHECK(!memcmp(&n, &alone, sizeof n), "%d phases, %d at once: %ld phases, alone %ld", phases, size, (long)n.phases,
          (long)alone.phases);
    CHECK(!memcmp(y, other, N*OP * sizeof *y), "%d phases, %d at once: other outputs", phases, size);
  }
  const struct ledger_counts n = products(c, other, reversed, N);
  CHECK(!memcmp(&n, &alone, sizeof n), "%d phases, in reverse: %ld phases, not %ld", phases, (long)n.phases,
        (long)alone.phases);
  for (int k = 0; k < N; k++)
    CHECK(!memcmp(y + k*OP, other + (N - 1 - k)*OP, OP * sizeof *y), "%d phases, vector %d in reverse", phases, k);
  // per band: both signs 4, one sign 2 (a small input has none), negative inputs in the first band only 2, nothing 0
  CHECK(phases == 1 || alone.phases == N/5*(8 + 4 + 4 + 2 + 0), "%ld phases", (long)alone.phases);
  CHECK(alone.output_conversions == alone.phases*COLUMNS, "%ld conversions", (long)alone.output_conversions);
  chip_free(c);
}

// By hand: of the first vector five inputs are beyond the range, of the second three.
static void test_cut_off(int phases) {
  struct chip_params p = ideal_chip();
  p.dac_bits = p.adc_bits = 8;
  struct chip *c = chip_of(&p, phases);
  const double range = c->matrices[0].range;
  real *x = ARENA_NEW(&arena, N*XP, real), *y = ARENA_NEW(&arena, N*OP, real);
  memset(x, 0, N*XP * sizeof *x);
  for (int i = 0; i < 8; i++) x[i/5*XP + i] = (real)((i % 2 ? -1.01 : 1.01)*range);
  x[2*XP] = (real)range;
  const int pulses = phases == 1 ? 1 : 2;
  struct ledger_counts n = products(c, y, x, N);
  CHECK(n.inputs_clipped == 8*pulses && n.input_conversions == 9*pulses, "%ld pulses cut off of %ld",
        (long)n.inputs_clipped, (long)n.input_conversions);
  CHECK(n.conversions_saturated == 0, "%ld conversions saturated", (long)n.conversions_saturated);
  notes = 0;
  note_to(take_note);
  ledger_note(&n);
  CHECK(notes == 1 && strstr(last_note, "89 %"), "%d notes: %s", notes, last_note);
  n.inputs_clipped = n.input_conversions/100;
  ledger_note(&n);
  CHECK(notes == 1, "a note of %ld in %ld", (long)n.inputs_clipped, (long)n.input_conversions);
  c->tiles[0].lsb = 1e-3*(double)c->design.pcm.g_max_uS;  // any weight above 0.2 % of the largest saturates
  const struct ledger_counts m = products(c, y, x, N);
  CHECK((double)m.conversions_saturated > 0.9*3*COLUMNS && m.conversions_saturated <= m.output_conversions,
        "%ld of %ld conversions saturated", (long)m.conversions_saturated, (long)m.output_conversions);
  ledger_note(&m);
  CHECK(notes == 2 && strstr(last_note, "output conversions"), "%d notes: %s", notes, last_note);
  note_to(NULL);
  chip_free(c);
}

int main(void) {
  arena_init(&arena, 16u << 20);
  for (int phases = 1; phases <= 4; phases += 3) {
    test_batches(phases);
    test_cut_off(phases);
  }
  arena_release(&arena);
  return test_summary();
}
