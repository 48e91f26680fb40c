// backend.h - what stands behind a chip: simulated devices (backend_simulated.c), or a driver (backend_driven.c).
// Above it everything is the same: plan, scales, updates, corrections, account. Below it are cells that are programmed,
// and codes.
// Every operation returns 0 or a negative enum err. The first failure stays: all later operations on the chip and its
// copies return it and do nothing (chip_failure).
#ifndef CHIP_BACKEND_H
#define CHIP_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/real.h"

struct chip;
struct chip_params;
struct core_inputs;
struct door;
struct driver;
struct rng;
struct tile_count;

struct backend {
  const char *name;
  // The pieces of c->pieces are where they will be.
  int (*place)(struct chip *c);
  // Program the cells of a tile to c->cells, those with c->mask not 0 or, the first time, all. Adds to *count.
  int (*program)(struct chip *c, int tile, bool first, struct rng *r, struct tile_count *count);
  // c->work.sum (B, padded columns) = codes of c->work.level (B, padded rows), B <= CORE_BLOCK, of which core_look says
  // what they are. *saturated: conversions at the end of the range, where that is known.
  int (*codes)(struct chip *c, int tile, const struct core_inputs *in, int B, struct rng *r, int *saturated);
  // code (B, padded rows) = codes of level (B, padded columns), inputs at the columns, B <= CORE_BLOCK; *lsb: charge of
  // one code; saturated (B): conversions at the end of the range. NULL: the chip has no transposed product.
  int (*transposed)(struct chip *c, int tile, const real *level, int B, struct rng *r, real *code, double *lsb,
                    int *saturated);
  // The output range of a tile from levels (n, padded rows); its lsb is set.
  int (*range)(struct chip *c, int tile, const real *levels, int n);
  // Differences of conductance over the largest, noise-free, into g (rows, padded columns).
  int (*read)(const struct chip *c, int tile, double *g);
  // All tiles at time_s; the clock is set by the caller.
  int (*wait)(struct chip *c, double time_s);
  // The devices go on with the state that was read from a file: its clock, its output ranges.
  int (*resume)(struct chip *c);
  // The devices of a clone as those of its original are, before the rest is copied.
  int (*restore)(struct chip *clone, const struct chip *original);
};
extern const struct backend backend_simulated, backend_driven;

// ERR_SETTING for a setting of drivers where there is none.
int backend_check_no_driver(const struct chip_params *p);
// Open the driver of c->params, and take from it what the settings of simulated devices say otherwise. ERR_SETTING for
// a setting that only simulated devices have.
int backend_open_driver(struct chip *c);
// Close and release; NULL is nothing. ERR_IO if a recording cannot be completed.
int backend_close_driver(struct door *d);

// A driver with what a chip and its copies share of it.
struct door {
  struct driver *driver;
  double now_s;        // clock of the driver, last seen
  double offset_s;     // clock of the chip when that of the driver showed 0
  bool changed;        // by a clone, since it was last as its original is
  bool saved;          // the driver remembers the state of the original
  int rc;              // of the first failure
  char message[1000];
};

#endif
