// The programming error of a weight by pcm_weight_sigma and as a tile writes it: weights near 0, where both
// sides are cut off at zero conductance, in the middle, and at the end; both numbers of units. A table of its own is
// heard too.
#include "base/err.h"
#include "base/rng.h"
#include "chip/chip_private.h"
#include "device/tile.h"
#include "folder.h"
#include "test.h"

enum { ROWS = 128, COLUMNS = 64, CELLS = ROWS*COLUMNS };

// Spread of the conductance difference of a tile of equal weights, in units of g_max.
static double written(const struct tile_design *d, double w) {
  struct rng r = rng_stream(3, RNG_TEST, (uint32_t)(1000*w));
  struct tile t;
  struct tile_count count = { 0 };
  tile_init(&t, d, ROWS, COLUMNS, &r);
  real *weights = malloc(tile_plane(&t)*sizeof *weights);
  for (size_t i = 0; i < tile_plane(&t); i++) weights[i] = (real)w;
  tile_write(&t, d, weights, NULL, true, false, 0, &r, &count);
  tile_settle(&t, d, d->pcm.t0_s);
  double sum = 0, square = 0;
  for (int row = 0; row < ROWS; row++)
    for (int o = 0; o < COLUMNS; o++) {
      const double v = ((double)t.g[0][row*t.ld + o] - (double)t.g[1][row*t.ld + o])/(d->units*d->pcm.g_max_uS);
      sum += v;
      square += v*v;
    }
  free(weights);
  tile_release(&t);
  return sqrt((square - sum*sum/CELLS)/(CELLS - 1));
}

static void test_tile(int preset, int units) {
  static const double weights[] = { 0, 0.004, 0.02, 0.3, 0.97 };
  struct tile_design d = { .units = units, .dac_bits = 8, .adc_bits = 8 };
  pcm_preset(&d.pcm, preset);
  for (size_t k = 0; k < sizeof weights/sizeof *weights; k++) {
    const double found = written(&d, weights[k]), expected = pcm_weight_sigma(&d.pcm, units, weights[k]),
                 error = 5/sqrt(2.0*CELLS);
    CHECK(fabs(found/expected - 1) < error, "%s, %d units, w = %g: %g, expected %g", d.pcm.name, units, weights[k],
          found, expected);
    CHECK(fabs(found/(1.15*expected) - 1) > error, "a wrong error of 15 %% goes unnoticed");
  }
}

// At w = 0 both sides are max(0, s z): their difference has the variance 2 s^2 (1/2 - 1/(2 pi)).
static void test_zero(void) {
  struct pcm p;
  pcm_preset(&p, 1);
  CHECK_REL(pcm_weight_sigma(&p, 1, 0), p.sigma_reset*0.825645268, 1e-8);
  CHECK_REL(pcm_weight_sigma(&p, 2, 0), p.sigma_reset*0.825645268/sqrt(2), 1e-8);
}

static void test_table(void) {
  const struct folder f = folder_make();
  const char ini[] = "[device]\nname = mine\ndevices = 1\ng_max_uS = 20\nt0_s = 1\nt_read_s = 1e-6\ndata = mine.csv\n";
  const char csv[] = "g_uS,sigma_prog_uS,drift_mean,drift_std,read_q\n0,0,0.05,0.01,0.01\n20,4,0.05,0.01,0.01\n";
  double sigma[2];
  struct chip_params p;
  param_defaults(chip_param_table, &p);
  param_defaults(verify_param_table, &p.verify);
  p.cores = 1;
  p.rows = p.columns = 8;
  p.devices_per_sign = 2;
  folder_write(&f, "mine.ini", ini, sizeof ini - 1);
  folder_write(&f, "mine.csv", csv, sizeof csv - 1);
  snprintf(p.table, sizeof p.table, "%s", folder_path(&f, "mine.ini"));
  CHECK(chip_weight_sigma(sigma, 2, &p) == 0, "%s", err_message());
  CHECK(sigma[0] == 0, "%g", sigma[0]);
  CHECK_REL(sigma[1], 0.2/sqrt(2), 1e-4);  // 4/20 of two units; what (P1) cuts off is 5 standard deviations away
  folder_remove(&f);
}

int main(void) {
  test_tile(0, 1);
  test_tile(0, 2);
  test_tile(1, 1);
  test_zero();
  test_table();
  return test_summary();
}
