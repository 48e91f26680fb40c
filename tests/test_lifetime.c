// How accurately a chip stores its weights, by hand: the part kept and the error beside it.
#include "base/err.h"
#include "chip/chip_private.h"
#include "chip/lifetime.h"
#include "test.h"

int main(void) {
  struct chip_params p;
  struct chip *c;
  param_defaults(chip_param_table, &p);
  param_defaults(verify_param_table, &p.verify);
  p.prog_scale = p.drift_scale = p.read_scale = 0;
  p.dac_bits = p.adc_bits = 0;
  CHECK(chip_new(&c, &p, 1) == 0, "%s", err_message());
  chip_add(c, "two weights", 2, 1);
  CHECK(chip_build(c) == 0, "%s", err_message());
  struct chip_matrix *m = &c->matrices[0];
  const int OP = vector_padded(1);
  real *held = err_aligned(2*(size_t)OP, sizeof *held);
  held[0] = 3;
  held[OP] = 4;
  m->base.ops->program(&m->base, held, NULL);
  chip_calibrate(c, &c->rng);
  struct lifetime_quality q = lifetime_quality(c, 0);
  CHECK(fabs(q.kept - 1) < 1e-5 && q.error < 2e-3, "as programmed: %g kept, error %g", q.kept, q.error);
  m->w[0] = 8;  // as if (8, 4) had been wanted: v w = 40, w w = 80, v v = 25
  m->w[OP] = 4;
  q = lifetime_quality(c, 0);
  CHECK_REL(q.kept, 0.5, 1e-5);
  CHECK_REL(q.error, 0.5, 1e-5);  // sqrt(25*80/40^2 - 1)
  m->w[0] = -8;
  q = lifetime_quality(c, 0);
  CHECK(q.kept == 0 && q.error == 0, "nothing kept: %g, error %g", q.kept, q.error);
  free(held);
  chip_free(c);
  return test_summary();
}
