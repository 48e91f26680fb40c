#include "device/wires.h"

#include <stdlib.h>

#include "base/err.h"

// In series with a conductance y: a resistance r.
static double behind(double y, double r) { return y / (1 + r*y); }

// factor = a (W1): conductances looking right from each cell, then voltages from the left.
static void row_voltages(real *factor, const real *g_uS, int columns, double r, double first, double *right) {
  for (int o = columns - 1; o >= 0; o--)
    right[o] = (double)g_uS[o]*1e-6 + (o < columns - 1 ? behind(right[o + 1], r) : 0);
  double u = 1;
  for (int o = 0; o < columns; o++) {
    u /= 1 + (o ? r : first)*right[o];
    factor[o] = (real)u;
  }
}

// factor *= b (W1): what leads up from each cell, then what leads down and the share of it that reaches the foot.
static void column_shares(real *factor, const real *g_uS, int rows, size_t ld, double r, double last, double *up) {
  up[0] = 0;
  for (int i = 1; i < rows; i++) up[i] = behind(up[i - 1] + (double)g_uS[(size_t)(i - 1)*ld]*1e-6, r);
  double down = 1/last, foot = 1/last;  // of the node in row i: conductance downwards, current into the foot per volt
  for (int i = rows - 1; i >= 0; i--) {
    if (i < rows - 1) {
      const double below = down + (double)g_uS[(size_t)(i + 1)*ld]*1e-6;
      foot /= 1 + r*below;
      down = behind(below, r);
    }
    factor[(size_t)i*ld] *= (real)(foot / (up[i] + down + (double)g_uS[(size_t)i*ld]*1e-6));
  }
}

void wires_factor(real *factor, const real *g_uS, int rows, int columns, int ld, const struct wires *w) {
  double *scratch = err_calloc((size_t)(rows > columns ? rows : columns), sizeof *scratch);
  for (int i = 0; i < rows; i++)
    row_voltages(factor + (size_t)i*(size_t)ld, g_uS + (size_t)i*(size_t)ld, columns, w->ohm, w->ohm*(w->left + 1),
                 scratch);
  for (int o = 0; o < columns; o++)
    column_shares(factor + o, g_uS + o, rows, (size_t)ld, w->ohm, w->ohm*(w->below + 1), scratch);
  free(scratch);
}
