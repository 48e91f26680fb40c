// The transposed product of a matrix on a chip: exact where devices and converters are, through cuts and scales; with
// noise of the variance of its devices; corrected by what the columns were calibrated to; counted; without saturation.
#include <math.h>
#include <string.h>

#include "chip_fixture.h"

enum { I = 50, O = 20, IP = 64, OP = 32, B = 30, XP = IP };

static void exact(double y[B*IP], const real *w, const real *d) {
  for (int b = 0; b < B; b++)
    for (int i = 0; i < IP; i++) {
      y[b*IP + i] = 0;
      for (int o = 0; o < O && i < I; o++) y[b*IP + i] += (double)w[i*OP + o] * (double)d[b*OP + o];
    }
}

struct fit {
  double slope, error;
};

static struct fit fit(const real *y, const double *expected) {
  double ye = 0, ee = 0, dd = 0;
  for (int k = 0; k < B*IP; k++) {
    ye += (double)y[k] * expected[k];
    ee += expected[k] * expected[k];
    dd += pow((double)y[k] - expected[k], 2);
  }
  return (struct fit){ ye/ee, sqrt(dd/ee) };
}

static struct fit transposed(struct chip *c, const real *w, const real *d, struct rng *r) {
  real *y = ARENA_NEW(&arena, B*IP, real);
  double expected[B*IP];
  exact(expected, w, d);
  CHECK(chip_product_transposed(c, 0, y, d, B, r) == 0, "%s", err_message());
  return fit(y, expected);
}

static void test_exact(void) {
  const real *w = new_matrix(I, O, 0.2, 70), *d = new_matrix(B, O, 0.01, 71);
  struct chip_params p = ideal();
  p.rows = 20;
  p.columns = 12;
  p.cores = 6;
  for (p.phases = 1; p.phases <= 4; p.phases += 3)
    for (p.scale = CHIP_SCALE_MATRIX; p.scale <= CHIP_SCALE_CORE; p.scale++) {
      struct chip *c = one_matrix(&p, I, O, w);
      const struct fit f = transposed(c, w, d, NULL);
      CHECK(f.error < test_tol(1e-5), "%d phases, scale %d: off by %g", (int)p.phases, (int)p.scale, f.error);
      chip_free(c);
    }
}

// With errors of writing, both directions see the same weights: <x W, d> = <x, W d>.
static void test_adjoint(void) {
  const real *w = new_matrix(I, O, 0.2, 70), *d = new_matrix(B, O, 0.5, 71), *x = new_matrix(B, I, 0.5, 72);
  real *forward = ARENA_NEW(&arena, B*OP, real), *back = ARENA_NEW(&arena, B*IP, real);
  const struct conv s = conv_shape(B, 1, 1, I, O, 1, 1, 0);
  struct chip_params p = ideal();
  p.prog_scale = 1;
  p.wire_ohm = 5;
  struct chip *c = one_matrix(&p, I, O, w);
  chip_synapse(c, 0)->ops->product(chip_synapse(c, 0), forward, x, &s, NULL);
  CHECK(chip_product_transposed(c, 0, back, d, B, NULL) == 0, "%s", err_message());
  for (int b = 0; b < B; b++) {
    double left = 0, right = 0;
    for (int o = 0; o < O; o++) left += (double)forward[b*OP + o] * (double)d[b*OP + o];
    for (int i = 0; i < I; i++) right += (double)back[b*XP + i] * (double)x[b*XP + i];
    CHECK(fabs(left - right) < test_tol(1e-4), "vector %d: %g and %g", b, left, right);
  }
  chip_free(c);
}

// Eight bits, a month of drift, columns corrected; inputs of one sign, whose sums leave the range, are read again.
static void test_converters(void) {
  const real *w = new_matrix(I, O, 0.2, 70), *d = new_matrix(B, O, 0.01, 71);
  real *ones = ARENA_NEW(&arena, B*OP, real), *up = new_matrix(I, O, 0.2, 70);
  struct chip_params p = ideal();
  p.dac_bits = p.adc_bits = 8;
  p.correction = CHIP_COLUMN;
  struct chip *c = one_matrix(&p, I, O, w);
  chip_calibrate(c, &c->rng);
  ledger_reset(&c->ledger);
  const struct fit f = transposed(c, w, d, NULL);
  const struct ledger_counts *l = &c->ledger.core[0];
  CHECK(f.error < 0.03, "eight bits: error %g", f.error);
  CHECK(l->products >= B && 5*l->products < 6*B && l->phases == 4*l->products && l->output_conversions == l->phases*I &&
        l->input_conversions <= 2*O*l->products && l->devices_read <= 2*2*2*I*O*l->products,
        "%lld products, %lld phases, %lld conversions", (long long)l->products, (long long)l->phases,
        (long long)l->output_conversions);
  chip_free(c);
  p.drift_scale = 1;
  c = one_matrix(&p, I, O, w);
  chip_calibrate(c, &c->rng);
  CHECK(chip_advance(c, 2592000, &c->rng) == 0, "%s", err_message());
  const struct fit later = transposed(c, w, d, NULL);
  CHECK(fabs(later.slope - 1) < 0.05 && later.error < 0.25, "a month later: %g of it, error %g", later.slope,
        later.error);
  chip_free(c);
  p.drift_scale = 0;
  for (int k = 0; k < I*OP; k++) up[k] = (real)fabs((double)up[k]);
  for (int k = 0; k < B*OP; k++) ones[k] = k % OP < O;
  c = one_matrix(&p, I, O, up);
  chip_calibrate(c, &c->rng);
  ledger_reset(&c->ledger);
  const struct fit sums = transposed(c, up, ones, NULL);
  CHECK(sums.error < 0.03, "inputs of one sign: error %g", sums.error);
  CHECK(c->ledger.core[0].products > B && c->ledger.core[0].conversions_saturated == 0, "%lld products",
        (long long)c->ledger.core[0].products);
  chip_free(c);
}

// Read noise alone: its variance is that of the devices, each driven by its input.
static void test_noise(void) {
  enum { READS = 400 };
  const real *w = new_matrix(I, O, 0.2, 70), *d = new_matrix(B, O, 0.5, 71);
  real *y = ARENA_NEW(&arena, B*IP, real);
  double expected[B*IP], found = 0, wanted = 0;
  struct chip_params p = ideal();
  p.read_scale = 1;
  struct chip *c = one_matrix(&p, I, O, w);
  const struct tile *t = &c->tiles[0];
  const double k = (double)c->matrices[0].scale[0] / tile_full_uS(&c->design);
  exact(expected, w, d);
  for (int b = 0; b < B; b++)
    for (int i = 0; i < I; i++)
      for (int o = 0; o < O; o++) {
        const size_t cell = (size_t)i * (size_t)t->ld + (size_t)o;
        wanted += pow(k*(double)d[b*OP + o], 2) * ((double)t->v[0][cell] + (double)t->v[1][cell]);
      }
  for (int n = 0; n < READS; n++) {
    struct rng r = rng_stream(9, RNG_READ, (uint32_t)n);
    CHECK(chip_product_transposed(c, 0, y, d, B, &r) == 0, "%s", err_message());
    for (int j = 0; j < B*IP; j++) found += pow((double)y[j] - expected[j], 2)/READS;
  }
  CHECK(fabs(found/wanted - 1) < 5*sqrt(2.0/(READS*B*I)) + 0.005, "variance %g, expected %g", found, wanted);
  chip_free(c);
}

static void test_refused(void) {
  const struct chip_params p = ideal();
  struct chip *c = one_matrix(&p, I, O, new_matrix(I, O, 0.2, 70));
  real *y = ARENA_NEW(&arena, B*IP, real);
  c->backend = &backend_driven;
  CHECK(chip_product_transposed(c, 0, y, new_matrix(B, O, 1, 71), B, NULL) < 0 &&
        strstr(err_message(), "no transposed product"), "%s", err_message());
  c->backend = &backend_simulated;
  chip_free(c);
}

int main(void) {
  arena_init(&arena, 16u << 20);
  test_exact();
  test_adjoint();
  test_converters();
  test_noise();
  test_refused();
  arena_release(&arena);
  return test_summary();
}
