// core.h - one product of a crossbar core: input steps on the word lines, currents summed on the columns,
// noise, one conversion per column and phase, digital sum and correction.
//   4-phase: one sign of input on one sign of weight per phase; codes of ++ and -- count up, of +- and -+ down.
//            A sign that no input of a vector has costs it no phase.
//   1-phase: everything at once, charge = x (G+ - G-).
// Read noise is drawn per column, vector and phase with variance sum_i x_i^2 sigma_i^2, which is exactly the
// distribution of independent noise in every device (equation P5).
// A single vector with few inputs that are not 0, such as spikes, visits only their rows.
#ifndef DEVICE_CORE_H
#define DEVICE_CORE_H

#include "base/arena.h"
#include "base/real.h"
#include "device/tile.h"

struct rng;

enum { CORE_BLOCK = 96 };  // input vectors handled at once

// Signs among the inputs of a vector, or-ed.
enum { CORE_POSITIVE = 1, CORE_NEGATIVE = 2 };
int core_signs(const real *x, size_t n);

// What vectors ask for once their inputs are steps: the same of each, whichever are handed over together.
struct core_inputs {
  int signs;               // of all of them, or-ed: noise is drawn for these phases
  int phases;              // sum over the vectors
  int driven;              // inputs that are not 0: the rest send no pulse
  int clipped;             // of these, beyond the input range; set by the caller
  uint8_t of[CORE_BLOCK];  // signs of each vector
};
// Of level (B, padded rows), B <= CORE_BLOCK.
void core_look(struct core_inputs *in, const struct tile_design *d, const real *level, int rows, int B);

// Scratch for tiles of at most rows x columns.
struct core_work {
  real *level;             // (CORE_BLOCK, padded rows) input steps, written by the caller
  real *part, *square;     // of one sign
  int16_t *square_steps;   // the same squares, of integers
  uint16_t *index;         // (padded rows) inputs of one sign that are not 0, and their values
  real *few, *few_square;  // (padded rows)
  int n_few;               // -1: not listed
  real *charge, *variance, *sum;  // (CORE_BLOCK, padded columns)
  float *z, *white;        // noise; the part of it without memory
  struct arena arena;
};
void core_work_init(struct core_work *w, int rows, int columns);
void core_work_release(struct core_work *w);

// w->sum (B, ld) = codes of w->level (B, padded rows), B <= CORE_BLOCK, which core_look has looked at. r NULL: without
// read noise. Returns the conversions that saturated.
int core_codes(struct core_work *w, const struct tile *t, const struct tile_design *d, const struct core_inputs *in,
               int B, struct rng *r);

// y (B rows at stride ld_y) += gain w->sum + offset: the digital correction (equation P6).
void core_correct(const struct core_work *w, real *y, int ld_y, const struct tile *t, int B);

// The charge of one code, uS x steps, at which `margin` times the largest charge of levels (n, padded rows) is the last
// code; at least `least`. 1 for ideal converters.
double core_range(struct core_work *w, const struct tile *t, const struct tile_design *d, const real *levels, int n,
                  double margin, double least);

// Largest charge of any phase of w->level (B, padded rows), without noise: what the output range must hold.
double core_peak(struct core_work *w, const struct tile *t, const struct tile_design *d, const struct core_inputs *in,
                 int B);

#endif
