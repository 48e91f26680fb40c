// tile.h - a rectangle of unit cells of one core: the devices that hold one piece of a matrix.
// A cell has `units` units for each sign of weight (device/pcm.h: a unit is written as one and is one or
// two devices). A weight w in [-1, 1] is a conductance difference of w units g_max; the units of its
// sign share it, those of the other sign rest in RESET.
// Every device has its own faults, its own drift exponent, and drifts from its own time of writing.
#ifndef DEVICE_TILE_H
#define DEVICE_TILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/real.h"
#include "device/flicker.h"
#include "device/pcm.h"
#include "device/pulses.h"
#include "device/verify.h"

struct rng;

// What all tiles of a chip have in common; constant after setup.
struct tile_design {
  struct pcm pcm;
  struct verify_params verify;
  bool by_verify;       // program-and-verify, not the statistical model
  bool by_pulses;       // all writes but the first: incremental pulses
  struct pulses_params pulses;
  bool one_phase;       // how it is read, see device/core.h
  bool read_memory;     // read noise of successive reads is that of a 1/f spectrum, device/flicker.h
  bool fault_aware;     // writing makes up for stuck devices as far as the working ones of the cell can
  int dac_bits, adc_bits;  // device/converter.h
  int units;            // per sign
  double fault_reset, fault_set, fault_dead;  // probabilities, per device
  int64_t endurance;    // writes that a unit survives; then it stays as it is; 0: any number
  double wire_ohm;      // of a segment of the wires (device/wires.h); 0: none
  double gain_spread, offset_spread;          // of the columns' converters: relative, in codes
};

enum { TILE_OCTAVES = 20, TILE_READS = 4 };  // of the memory of read noise

enum tile_fault { TILE_OK, TILE_STUCK_RESET, TILE_STUCK_SET, TILE_DEAD };

struct tile {
  int rows, columns, ld;  // ld: columns padded to full vectors
  int left, below;        // cells of its core left of it and below it; set by who places it
  // per unit, (2 signs, units, rows, ld)
  float *target_uS;       // of its working devices; tile_write. By pulses: what they are believed to conduct
  float *g_uS;            // conductance at t0 of its working devices; tile_write
  float *nu, *q;          // drift exponent, read noise (P4); tile_write
  float *stuck_uS;        // conductance of its stuck devices; tile_init
  double *written_s;      // when; tile_write
  uint32_t *writes;       // how often; tile_write
  uint8_t *fault;         // enum tile_fault, two bits per device; tile_init
  // what products see at the time of the last tile_settle, (rows, ld)
  real *g[2], *v[2];      // conductance and noise variance by sign; one-phase: [0] difference and sum
  int16_t *v_steps[2];    // v in steps of its column (kernel/dot16.h), where tile_counts_noise; else NULL
  real *v_step[2];        // (ld) of a column: the largest v of it is DOT16_W steps
  // per column (ld)
  real *converter_gain, *converter_offset;  // errors of the converters; tile_init
  real *gain, *offset;    // digital correction, y += gain codes + offset; chip_calibrate
  double lsb;             // charge of one code, uS x input steps; chip_calibrate
  double lsb_least;       // that a calibration sets; chip_keep_ranges
  struct flicker *memory; // (TILE_READS) of read noise: by sign of input, then of weight; NULL: none. Reads change it
  double settled_s;       // time of the last tile_settle
  void *block;            // owns all arrays above
  size_t size;
};

// What a write cost.
struct tile_count {
  long devices;  // written
  struct verify_count verify;
  uint32_t most_writes;  // of a single device in its life
};

size_t tile_bytes(const struct tile_design *d, int rows, int columns);  // of its arrays
// An unwritten tile; faults and converter errors are drawn from r.
void tile_init(struct tile *t, const struct tile_design *d, int rows, int columns, struct rng *r);
void tile_release(struct tile *t);
// The same as new: unwritten, with other faults and converter errors.
void tile_renew(struct tile *t, const struct tile_design *d, struct rng *r);

// The memory of read noise of dst = that of src, if tiles have one.
void tile_copy_memory(struct tile *dst, const struct tile *src);
// All arrays of dst = those of src, a tile of the same size. tile_clone makes the copy.
void tile_copy(struct tile *dst, const struct tile *src);
void tile_clone(struct tile *t, const struct tile *src, const struct tile_design *d);

// Write cells to w (rows, ld) in [-1, 1] at time_s. first: every unit of every cell. Otherwise, of the cells
// with mask (rows, ld) not 0, the units whose target changes, by_pulses those that a pulse brings nearer to it. exact:
// without programming error.
// Products see it after tile_settle_cells or tile_settle.
void tile_write(struct tile *t, const struct tile_design *d, const real *w, const uint8_t *mask, bool first, bool exact,
                double time_s, struct rng *r, struct tile_count *count);

// g and v at time_s, of all cells or of those with mask not 0.
void tile_settle(struct tile *t, const struct tile_design *d, double time_s);
void tile_settle_cells(struct tile *t, const struct tile_design *d, const uint8_t *mask, double time_s);

// Age at time_s of the unit that was written first.
double tile_oldest_s(const struct tile *t, const struct tile_design *d, double time_s);

// Whether inputs are integers of at most 8 bits, as products of 16-bit integers take their squares.
static inline bool tile_counts_noise(const struct tile_design *d) {
  return d->pcm.read_scale > 0 && d->dac_bits > 0 && d->dac_bits <= 8;
}
static inline size_t tile_plane(const struct tile *t) { return (size_t)t->rows * (size_t)t->ld; }
// Difference of conductance of a cell at weight 1, those of the other sign in RESET.
static inline double tile_full_uS(const struct tile_design *d) {
  return (d->pcm.g_max_uS - d->pcm.reset_uS) * d->units;
}
static inline size_t tile_units(const struct tile *t, const struct tile_design *d) {
  return 2 * (size_t)d->units * tile_plane(t);
}

#endif
