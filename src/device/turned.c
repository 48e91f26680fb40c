#include "device/turned.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/vector.h"
#include "device/converter.h"
#include "device/tile.h"

static void turn(real *to, int to_ld, const real *from, const struct tile *t) {
  for (int i = 0; i < t->rows; i++)
    for (int o = 0; o < t->columns; o++) to[(size_t)o * (size_t)to_ld + (size_t)i] = from[i*t->ld + o];
}

// Mean and spread of the positive part of N(0, 1) are 0.399 and 0.584; of all of it, which 1-phase reading sends at
// once, 0 and 1.
static double peak(const struct tile *t, const struct tile_design *d) {
  const double mean = d->one_phase ? 0 : 0.399/3, spread = d->one_phase ? 1.0/3 : 0.584/3;
  double largest = 0;
  for (int s = 0; s < (d->one_phase ? 1 : 2); s++)
    for (int i = 0; i < t->rows; i++) {
      double sum = 0, square = 0;
      for (int o = 0; o < t->columns; o++) {
        const double g = (double)t->g[s][i*t->ld + o];
        sum += g;
        square += g*g;
      }
      largest = fmax(largest, mean*sum + 4*spread*sqrt(square));
    }
  return largest * converter_steps(d->dac_bits);
}

void turned_init(struct tile *turned, const struct tile *t, const struct tile_design *d, double margin) {
  const int ld = vector_padded(t->rows), bits = d->adc_bits - d->one_phase;
  const size_t plane = (size_t)t->columns * (size_t)ld;
  *turned = (struct tile){ .rows = t->columns, .columns = t->rows, .ld = ld, .lsb = 1 };
  turned->size = (4*plane + 2*(size_t)ld) * sizeof(real);
  real *at = turned->block = err_aligned(turned->size, 1);
  memset(at, 0, turned->size);
  for (int s = 0; s < 2; s++, at += 2*plane) {
    turned->g[s] = at;
    turned->v[s] = at + plane;
    if (s && d->one_phase) continue;
    turn(turned->g[s], ld, t->g[s], t);
    turn(turned->v[s], ld, t->v[s], t);
  }
  turned->converter_gain = at;
  turned->converter_offset = at + ld;
  for (int i = 0; i < t->rows; i++) turned->converter_gain[i] = 1;
  const double range = peak(t, d);
  if (bits > 0 && range > 0) turned->lsb = margin*range / (ldexp(1, bits) - 1);
}
