// Products with the transpose of a matrix (chip/chip.h), as back-propagation through it wants them:
//   (P9)  y_i = sum_o g_io k_o d_o,  k_o = gain_o steps/(lsb range)
// k_o is what column o makes of a conductance, scale, drift and correction included, so that nothing is calibrated
// anew. Every vector k d is stretched over the input range; where an output saturates it is read again at half the
// size.
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/vector.h"
#include "chip/chip_private.h"
#include "device/converter.h"

enum { MOST_HALVINGS = 8 };

// A block of vectors at one tile.
struct passage {
  int n, cp, rp;           // vectors; padded columns and rows of the tile
  real *input;             // (n, cp) k d
  double largest[CORE_BLOCK];
  int pending[CORE_BLOCK], n_pending;
  real *level, *code;      // (n_pending, cp), (n_pending, rp)
  int saturated[CORE_BLOCK];
};

static void take_inputs(struct passage *a, const struct chip *c, const struct chip_matrix *m, int k, const real *d) {
  const struct floorplan_piece *p = &c->pieces[k];
  const struct tile *t = &c->tiles[k];
  const int OP = vector_padded(m->base.O);
  const double over = converter_steps(c->design.dac_bits) / (t->lsb * m->range);
  a->n_pending = 0;
  for (int b = 0; b < a->n; b++) {
    a->largest[b] = 0;
    for (int o = 0; o < p->columns; o++) {
      const real v = (real)((double)d[b*OP + p->column + o] * (double)t->gain[o] * over);
      a->input[b*a->cp + o] = v;
      a->largest[b] = fmax(a->largest[b], fabs((double)v));
    }
    if (a->largest[b] > 0) a->pending[a->n_pending++] = b;  // zeros send no pulse
  }
}

// One read of the vectors that are pending, 1/stretch of the input range wide; those that saturate stay pending.
static int read_once(struct passage *a, struct chip *c, int k, double stretch, bool last, real *y, int ld_y,
                     struct rng *r) {
  const struct floorplan_piece *p = &c->pieces[k];
  const double steps = converter_steps(c->design.dac_bits);
  struct core_inputs in;
  double lsb = 1;
  int left = 0, saturated = 0;
  for (int j = 0; j < a->n_pending; j++)
    converter_levels(a->level + j*a->cp, a->input + a->pending[j]*a->cp, a->cp,
                     converter_input(c->design.dac_bits, a->largest[a->pending[j]] * stretch));
  core_look(&in, &c->design, a->level, p->columns, a->n_pending);
  TRY(c->backend->transposed(c, k, a->level, a->n_pending, r, a->code, &lsb, a->saturated));
  for (int j = 0; j < a->n_pending; j++) {
    const int b = a->pending[j];
    if (a->saturated[j] && !last) {
      a->pending[left++] = b;
      continue;
    }
    saturated += a->saturated[j];
    for (int i = 0; i < p->rows; i++)
      y[b*ld_y + p->row + i] += (real)((double)a->code[j*a->rp + i] * lsb * a->largest[b] * stretch / steps);
  }
  chip_count_transposed(c, k, &in, a->n_pending, saturated);
  a->n_pending = left;
  return 0;
}

static int pass(struct chip *c, const struct chip_matrix *m, int k, real *y, const real *d, int n, struct rng *r) {
  struct passage a = { .n = n, .cp = vector_padded(c->pieces[k].columns), .rp = vector_padded(c->pieces[k].rows) };
  const size_t inputs = (size_t)n * (size_t)a.cp;
  a.input = err_aligned((2*inputs + (size_t)n * (size_t)a.rp) * sizeof(real), 1);
  memset(a.input, 0, 2*inputs * sizeof(real));
  a.level = a.input + inputs;
  a.code = a.level + inputs;
  take_inputs(&a, c, m, k, d);
  int rc = 0;
  for (int h = 0; rc == 0 && a.n_pending > 0; h++)
    rc = read_once(&a, c, k, ldexp(1, h), h == MOST_HALVINGS, y, vector_padded(m->base.I), r);
  free(a.input);
  return rc;
}

int chip_product_transposed(struct chip *c, int index, real *y, const real *d, int B, struct rng *r) {
  const struct chip_matrix *m = &c->matrices[index];
  const size_t I = (size_t)m->base.I, IP = (size_t)vector_padded(m->base.I), OP = (size_t)vector_padded(m->base.O);
  assert(m->programmed);
  memset(y, 0, (size_t)B * IP * sizeof *y);
  if (!c->backend->transposed)
    return err_set(ERR_SETTING, "%s: this chip has no transposed product", chip_devices_named(&c->params));
  for (int k = m->first; k < m->first + m->n_tiles; k++)
    for (int b = 0; b < B; b += CORE_BLOCK)
      TRY(pass(c, m, k, y + (size_t)b*IP, d + (size_t)b*OP, B - b < CORE_BLOCK ? B - b : CORE_BLOCK, r));
  for (size_t b = 0; b < (size_t)B; b++)
    for (size_t i = (size_t)chip_rows(m); i < I; i++)
      for (size_t o = 0; o < OP; o++) y[b*IP + i] += d[b*OP + o] * m->w[i*OP + o];
  return 0;
}
