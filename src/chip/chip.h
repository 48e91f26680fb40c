// chip.h - a chip of crossbar cores that holds the matrices of a model, with a clock.
//
//   chip_new, chip_add ... chip_build     describe the matrices, cut and place them
//   chip_synapse(c, m)                    matrix m as a synapse array: program, update, product
//   chip_observe(c, true), run the model on background data, chip_observe(c, false)
//   chip_calibrate                        input and output ranges, column corrections, from what was seen
//   chip_advance                          let time pass: everything drifts from its own time of writing
//   chip_clone, chip_copy                 the same programmed chip for another thread or task
//
// A weight w is w/scale of the conductance range, scale = the largest |w| of its matrix, its column, or its column on
// one core. A product reads the input steps of every pixel (im2col rows, only gathered a block at a time), tile by
// tile, and adds the corrected partial sums. It changes nothing but scratch, ledger and the stream it is given.
// Programming a matrix anew forgets its correction: calibrate after it.
// Threads: one clone each. The same streams give the same answers in any number of threads.
#ifndef CHIP_CHIP_H
#define CHIP_CHIP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"
#include "device/core.h"
#include "chip/chipparams.h"
#include "chip/floorplan.h"
#include "chip/ledger.h"
#include "device/synapse.h"
#include "device/tile.h"

struct chip;
struct chip_matrix {
  struct synapse base;          // first: a chip matrix is a synapse array
  struct chip *chip;
  char name[64];
  double weight_max;            // chip_limit; 0: from the weights
  double range;                 // input at full scale; chip_calibrate
  double calibrated_s;          // chip's clock at its last calibration; -1: none
  bool programmed;
  uint64_t checksum;            // of the weights it was last programmed with (base/checksum.h); 0: none
  int first, n_tiles;           // of chip->pieces and chip->tiles
  real *w;                      // (I, padded O) weights as written
  real *wanted;                 // (I, padded O) with the updates that wait below the threshold
  int n_bands;                  // pieces above each other
  real *scale;                  // (n_bands, padded O); all bands alike but for CHIP_SCALE_CORE
  real *sample;                 // (calibration_rows, padded I) inputs seen; owned by the original, shared with clones
  int n_sample;
  int64_t n_seen;
};

enum { CHIP_AIMS = 1024 };

struct chip {
  struct chip_params params;
  struct tile_design design;
  uint64_t seed;
  double clock_s;               // since the chip was made
  bool observing;
  int n_matrices, n_pieces, n_cores;  // cores in use
  struct chip_matrix *matrices;
  struct floorplan_piece *pieces;
  struct tile *tiles;           // one per piece
  int64_t *version, *seen;      // of each tile: changes so far; version of the original when last copied
  const struct chip *origin;    // NULL: an original
  struct ledger ledger;
  struct rng rng;               // for deployment, saved with the state
  struct core_work work;
  real *aim;                    // (CHIP_AIMS + 1) what is written for |w|/scale = k/CHIP_AIMS; NULL: the same
  real *cells;                  // (rows, padded columns) scratch: weights of one tile
  uint8_t *mask;                // (rows, padded columns) scratch: which change
  struct arena arena;           // owns all arrays of the matrices but the samples
};

// A chip without matrices. ERR_SETTING, or what devicetable_load says.
int chip_new(struct chip **c, const struct chip_params *p, uint64_t seed);
void chip_free(struct chip *c);

// Programming error of a weight as chips of these settings write it statistically: its standard deviation at |w|/scale
// = k/(n - 1), k = 0 .. n - 1, in units of the scale. For training with noise.
int chip_weight_sigma(double *sigma, int n, const struct chip_params *p);

// Announce an I x O matrix; returns its number.
int chip_add(struct chip *c, const char *name, int I, int O);
// Keep the last rows of matrix m beside the cores, as exact numbers; before chip_build.
void chip_keep_digital(struct chip *c, int m, int rows);

// Matrix m is to hold weights up to weight_max: they set its scales, and larger ones are clipped. Otherwise the largest
// that is programmed does. Before it is programmed.
void chip_limit(struct chip *c, int m, double weight_max);

// Cut, place, draw faults. ERR_SETTING if the matrices need more than params.cores.
int chip_build(struct chip *c);

// The same plan as chip_new, chip_add and chip_build under another seed give: unwritten, clock 0, ledger kept. Not for
// clones.
void chip_renew(struct chip *c, uint64_t seed);

// Matrix m; freed with the chip (its ops->free does nothing).
struct synapse *chip_synapse(struct chip *c, int m);

// While observing, products are exact and a sample of their inputs is kept for chip_calibrate.
void chip_observe(struct chip *c, bool on);

// Ranges and corrections of all programmed matrices, or of one, at the current clock. A matrix that has seen
// nothing is calibrated with normal inputs of spread 1/3.
void chip_calibrate(struct chip *c, struct rng *r);
void chip_calibrate_matrix(struct chip *c, int m, struct rng *r);
// The same, put down n times in the ledger: for calibrations that a later one made superfluous.
void chip_calibrate_times(struct chip *c, int m, int64_t n, struct rng *r);

// The output ranges of matrix m as they are now are the least that later calibrations set: for a matrix that is going
// to hold larger weights than it does.
void chip_keep_ranges(struct chip *c, int m);

// Whether chip_advance to time_s would succeed.
int chip_check_time(const struct chip *c, double time_s);
// Set the clock, with the calibrations due on the way: of several of a matrix the last is carried out, the ledger
// counts all. ERR_SETTING if time runs backwards or is not finite, or for more than 1e9 calibrations.
int chip_advance(struct chip *c, double time_s, struct rng *r);

// An independent chip in the same state; the original must outlive it.
struct chip *chip_clone(const struct chip *c);
// Bring a clone back to the state of its original; only tiles that differ are copied. The ledger stays.
void chip_copy(struct chip *clone, const struct chip *original);

// The other way: the original takes over the state of one of its clones, samples apart.
void chip_adopt(struct chip *original, const struct chip *clone);

// The conductance difference of every cell as a weight, noise-free, at the clock: w (I, padded O).
void chip_effective(const struct chip *c, int m, real *w);

long chip_devices(const struct chip *c);  // that hold weights
void chip_map_print(const struct chip *c, FILE *out);
struct json_t *chip_map_json(const struct chip *c);

static inline int chip_rows(const struct chip_matrix *m) { return m->base.I - m->base.digital; }  // on devices
// The scales of the columns of a piece of m.
static inline real *chip_scale_of(const struct chip_matrix *m, const struct floorplan_piece *p) {
  return m->scale + p->band*vector_padded(m->base.O) + p->column;
}

// For the device layer. A tile changed; n vectors went through one, `driven` of their inputs not 0; one code of a tile
// of m as a weight.
void chip_touch(struct chip *c, int tile);
void chip_count_products(struct chip *c, int tile, int phases, int n, int driven);
double chip_code_weight(const struct chip *c, const struct chip_matrix *m, int tile, int column);

#endif
