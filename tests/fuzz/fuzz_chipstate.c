// The state of a chip from arbitrary bytes, as safetensors (first byte even) or CSV (odd). Whatever is accepted must
// leave a chip that works and whose conductances are finite.
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "chip/chip_private.h"
#include "chip/chipstate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct chip *chip;
static const real *start;

static void make(void) {
  static _Alignas(64) real w[2*16] = { (real)0.5, (real)-0.25, [16] = (real)0.125 };
  struct chip_params p;
  param_defaults(chip_param_table, &p);
  param_defaults(verify_param_table, &p.verify);
  p.calibration_rows = 4;
  p.rows = p.columns = 4;
  if (chip_new(&chip, &p, 1) < 0) abort();
  chip_add(chip, "a", 2, 2);
  if (chip_build(chip) < 0) abort();
  start = w;
  chip_synapse(chip, 0)->ops->program(chip_synapse(chip, 0), start, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static _Alignas(64) real x[16] = { 1, -1 }, y[16];
  if (!chip) make();
  if (size < 2) return 0;
  int rc = -1;
  if (data[0] % 2) {
    rc = chipstate_parse_csv(chip, (const char *)data + 1, size - 1, "fuzz");
  } else {
    FILE *copy = tmpfile();
    if (!copy || fwrite(data + 1, 1, size - 1, copy) != size - 1) abort();
    rewind(copy);
    rc = chipstate_load_stream(chip, copy, "fuzz");
  }
  if (rc < 0) return 0;
  struct synapse *s = chip_synapse(chip, 0);
  const struct conv shape = conv_shape(1, 1, 1, 2, 2, 1, 1, 0);
  if (!chip->matrices[0].programmed) s->ops->program(s, start, NULL);
  chip_calibrate(chip, &chip->rng);
  s->ops->product(s, y, x, &shape, &chip->rng);
  for (size_t i = 0; i < tile_plane(&chip->tiles[0]); i++)
    if (!isfinite((double)chip->tiles[0].g[0][i])) abort();
  chip_free(chip);
  chip = NULL;
  return 0;
}
