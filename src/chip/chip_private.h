// chip_private.h - the inside of a chip (chip/chip.h), for this folder and its tests.
#ifndef CHIP_CHIP_PRIVATE_H
#define CHIP_CHIP_PRIVATE_H

#include "base/arena.h"
#include "base/rng.h"
#include "chip/backend.h"
#include "chip/chip.h"
#include "chip/floorplan.h"
#include "device/core.h"
#include "device/tile.h"

struct chip_matrix {
  struct synapse base;          // first: a chip matrix is a synapse array
  struct chip *chip;
  char name[CHIP_NAME_SIZE];
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
#define CHIP_LAST_S 1e18  // where every clock ends

struct chip {
  const struct backend *backend;
  struct door *door;            // of a driver, shared with clones; NULL: simulated
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
  real *update_aim;             // the same for updates
  real *cells;                  // (rows, padded columns) scratch: weights of one tile
  uint8_t *mask;                // (rows, padded columns) scratch: which change
  struct arena arena;           // owns all arrays of the matrices but the samples
};

static inline int chip_rows(const struct chip_matrix *m) { return m->base.I - m->base.digital; }  // on devices
// The scales of the columns of a piece of m.
static inline real *chip_scale_of(const struct chip_matrix *m, const struct floorplan_piece *p) {
  return m->scale + p->band*vector_padded(m->base.O) + p->column;
}

// In place of chip_add and chip_build: tiles without matrices, where these pieces say. For a chip behind a driver.
int chip_build_pieces(struct chip *c, int n, const struct floorplan_piece *pieces);

// Has the chip failed (chip_failure)? Then nothing is asked of it any more.
static inline bool chip_failed(const struct chip *c) { return c->door && c->door->rc < 0; }

// For the device layer. A tile changed; n vectors went through one, and so many conversions saturated; one code of a
// tile of m as a weight.
void chip_touch(struct chip *c, int tile);
void chip_count_products(struct chip *c, int tile, const struct core_inputs *in, int n, int saturated);
void chip_count_transposed(struct chip *c, int tile, const struct core_inputs *in, int n, int saturated);
double chip_code_weight(const struct chip *c, const struct chip_matrix *m, int tile, int column);

#endif
