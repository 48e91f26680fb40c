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

#include "base/real.h"
#include "base/rng.h"
#include "chip/chipparams.h"
#include "chip/ledger.h"
#include "device/synapse.h"

enum { CHIP_NAME_SIZE = 64 };  // of a matrix

struct chip;
struct tile_design;

// A chip without matrices. ERR_SETTING, or what devicetable_load says.
int chip_new(struct chip **c, const struct chip_params *p, uint64_t seed);
void chip_free(struct chip *c);
// The same, with what cannot be completed: ERR_IO if a recording of chip.driver is not.
int chip_close(struct chip *c);

// What the devices of such chips are called: the driver, the table, or the preset.
const char *chip_devices_named(const struct chip_params *p);

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

// The first failure of chip.driver, as an error with its message; 0: none. Programming, products and calibrations after
// one do nothing, so it is enough to ask when a piece of work is done.
int chip_failure(const struct chip *c);

// Matrix m; freed with the chip (its ops->free does nothing).
struct synapse *chip_synapse(struct chip *c, int m);

// y (B, padded I) = W d of programmed matrix m, d (B, padded O): inputs at the columns. r NULL: without read noise.
// ERR_SETTING: the chip of a driver cannot.
int chip_product_transposed(struct chip *c, int m, real *y, const real *d, int B, struct rng *r);

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
// counts all. ERR_SETTING if time runs backwards or beyond 1e18 s, or for more than 1e9 calibrations.
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

// ---- what a chip is. Properties of a clone are its own.

const struct chip_params *chip_settings(const struct chip *c);
const struct tile_design *chip_design(const struct chip *c);  // what all its arrays have in common
uint64_t chip_seed(const struct chip *c);
double chip_clock(const struct chip *c);                      // seconds since the chip was made
int chip_cores(const struct chip *c);                         // in use
struct rng *chip_rng(struct chip *c);                         // for deployment; saved with the state
struct ledger *chip_ledger(struct chip *c);
const struct ledger *chip_account(const struct chip *c);

int chip_matrices(const struct chip *c);
const char *chip_matrix_name(const struct chip *c, int m);
const struct synapse *chip_matrix(const struct chip *c, int m);
const real *chip_weights(const struct chip *c, int m);   // as written, (I, padded O)
bool chip_programmed(const struct chip *c, int m);
double chip_input_range(const struct chip *c, int m);  // input at full scale; chip_calibrate
double chip_calibrated(const struct chip *c, int m);   // clock at its last calibration; -1: none
// The inputs of matrix m that were seen so far count no more.
void chip_forget_inputs(struct chip *c, int m);
// v (I, padded O), weights of matrix m, over what is written as g_max; in place.
void chip_over_scale(const struct chip *c, int m, real *v);

// A property of every unit of devices of matrix m: target_uS, g_uS, nu, q, stuck_uS, written_s, writes, fault,
// and now_uS, what it conducts at the clock. v (2 signs, units, I, O). ERR_SETTING: there is no such property.
int chip_unit_values(const struct chip *c, int m, const char *property, double *v);
// Conductances of one sign, as products of the first array read them: (rows, padded columns). For timings.
const real *chip_conductances(const struct chip *c, int sign);

#endif
