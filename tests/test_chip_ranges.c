// A matrix that is going to hold larger weights than it does: the scale and the output ranges of an example stay, also
// through a file; without them the same weights saturate. A classifier whose read-out begins at zero is written so.
#include <math.h>
#include <string.h>

#include "chip/chip_private.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/rng.h"
#include "chip/chipstate.h"
#include "experiment/fewshot/deploy.h"
#include "folder.h"
#include "ideal_chip.h"
#include "test.h"

enum { ROWS = 40, COLUMNS = 7, OP = 16, B = 64, XP = 48 };

static struct arena arena;

static real *drawn(int rows, int columns, int ld, double scale, uint32_t stream) {
  struct rng r = rng_stream(6, RNG_TEST, stream);
  real *x = ARENA_NEW(&arena, (size_t)(rows*ld), real);
  memset(x, 0, (size_t)(rows*ld) * sizeof *x);
  for (int i = 0; i < rows; i++)
    for (int o = 0; o < columns; o++) x[i*ld + o] = (real)(scale*rng_normal(&r));
  return x;
}

// Devices without errors, converters of 8 bits.
static struct chip_params params(void) {
  struct chip_params p = ideal_chip();
  p.dac_bits = p.adc_bits = 8;
  p.cores = 1;
  return p;
}

static struct chip *chip_of(void) {
  const struct chip_params p = params();
  struct chip *c = NULL;
  CHECK(chip_new(&c, &p, 3) == 0, "%s", err_message());
  chip_add(c, "only", ROWS, COLUMNS);
  CHECK(chip_build(c) == 0, "%s", err_message());
  return c;
}

// The largest error of x W on the chip once W was added to the weights there, over the largest output.
static double error_after_update(struct chip *c, const real *w, const real *x) {
  const struct conv s = conv_shape(B, 1, 1, ROWS, COLUMNS, 1, 1, 0);
  real *y = ARENA_NEW(&arena, B*OP, real), *exact = ARENA_NEW(&arena, B*OP, real);
  double worst = 0, largest = 0;
  struct rng r = rng_stream(1, RNG_READ, 0);
  struct synapse *a = chip_synapse(c, 0);
  a->ops->update(a, w, &r);
  a->ops->product(a, y, x, &s, &r);
  conv_forward_ref(exact, x, w, &s);
  for (int i = 0; i < B*OP; i++) {
    worst = fmax(worst, fabs((double)(y[i] - exact[i])));
    largest = fmax(largest, fabs((double)exact[i]));
  }
  return worst/largest;
}

static void test_ranges(void) {
  real *w = drawn(ROWS, COLUMNS, OP, 0.1, 1), *small = drawn(ROWS, COLUMNS, OP, 1e-4, 3);
  real *x = drawn(B, ROWS, XP, 0.2, 2);
  struct rng r = rng_stream(1, RNG_PROGRAM, 0);
  struct folder f = folder_make();
  struct chip *wide = chip_of(), *narrow = chip_of(), *read = chip_of();
  chip_limit(wide, 0, 0.5);
  chip_synapse(wide, 0)->ops->program(chip_synapse(wide, 0), w, &r);
  chip_calibrate(wide, &r);
  const double lsb = wide->tiles[0].lsb;
  chip_keep_ranges(wide, 0);
  chip_synapse(wide, 0)->ops->program(chip_synapse(wide, 0), small, &r);
  chip_calibrate(wide, &r);
  CHECK(wide->tiles[0].lsb == lsb && wide->matrices[0].scale[0] == (real)0.5, "lsb %g, not %g", wide->tiles[0].lsb,
        lsb);
  chip_synapse(narrow, 0)->ops->program(chip_synapse(narrow, 0), small, &r);
  chip_calibrate(narrow, &r);
  CHECK(chipstate_save(wide, folder_path(&f, "state.safetensors")) == 0, "%s", err_message());
  CHECK(chipstate_load(read, folder_path(&f, "state.safetensors")) == 0, "%s", err_message());
  chip_calibrate(read, &r);
  CHECK(read->tiles[0].lsb == lsb, "lsb %g of a file, not %g", read->tiles[0].lsb, lsb);
  const double of_wide = error_after_update(wide, w, x), of_narrow = error_after_update(narrow, w, x);
  CHECK(of_wide < 0.05 && of_narrow > 0.5, "%g with the ranges of an example, %g without", of_wide, of_narrow);
  chip_free(wide);
  chip_free(narrow);
  chip_free(read);
  folder_remove(&f);
}

static void test_classifier(void) {
  const struct convnet_params p = { .channels = 8, .blocks = 2, .ways = 3, .steps = 2, .epsilon = 1e-3, .hidden = 8,
                                    .bias = CONVNET_BIAS_DIGITAL };
  const struct chip_params of_chip = params();
  enum { SIDE = 8, GROUP = 6 };
  struct convnet net;
  struct chip *c = NULL;
  struct rng r = rng_stream(2, RNG_INIT, 0);
  CHECK(convnet_init(&net, &p, SIDE, 3) == 0, "%s", err_message());
  real *parameters = err_aligned(net.n, sizeof *parameters);
  convnet_start(&net, parameters, 0.5, &r);
  const int l = net.readout;
  memset(parameters + net.offset[l], 0, (net.rates - net.offset[l]) * sizeof *parameters);
  real *x = drawn(2*GROUP*SIDE*SIDE, 3, VECTOR_PADDING, 0.3, 4);
  CHECK(deploy_begins_small(&net, parameters), "zeros are not small");
  CHECK(deploy_convnet(&c, &of_chip, 3, &net, parameters, x, 2*GROUP, GROUP) == 0, "%s", err_message());
  const struct chip_matrix *readout = &c->matrices[l];
  CHECK(readout->weight_max > 1e-3 && readout->weight_max < 10, "weights up to %g", readout->weight_max);
  CHECK(c->tiles[readout->first].lsb_least > 0 && c->tiles[readout->first].lsb >= c->tiles[readout->first].lsb_least,
        "lsb %g", c->tiles[readout->first].lsb);
  for (int i = 0; i < readout->base.I*vector_padded(net.ways); i++) CHECK(readout->w[i] == 0, "it holds the example");
  for (int k = 0; k < l; k++) CHECK(c->matrices[k].weight_max == 0, "layer %d has a limit", k);
  chip_free(c);
  free(parameters);
}

int main(void) {
  arena_init(&arena, 1 << 22);
  test_ranges();
  test_classifier();
  arena_release(&arena);
  return test_summary();
}
