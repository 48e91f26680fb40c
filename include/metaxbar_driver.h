/// @file
/// What a driver of a crossbar chip provides, so that metaxbar can write, read and use the chip.
///
/// A driver is a shared object that exports metaxbar_driver(), which returns this table of functions
/// (`chip.driver=./libmine.so:ARGUMENTS`), or a process that speaks the same calls as lines of JSON
/// (`chip.driver=exec:COMMAND`). docs/drivers.md describes both; examples/driver has one of each.
///
/// A chip is `cores` arrays of rows x columns cells. A cell holds a weight between -1 and 1: the difference of the
/// conductances of its two signs over g_max_uS. metaxbar decides where matrices lie (regions), scales weights, converts
/// inputs to whole steps and corrects the output codes; the driver programs cells and multiplies.
///
/// Functions return 0 or a negative enum mx_driver_error. One thread calls at a time. Arrays are row-major, without
/// padding, and belong to the caller.
#ifndef METAXBAR_DRIVER_H
#define METAXBAR_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Version of this table; another one is refused.
enum { MX_DRIVER_ABI = 1 };

/// Words of the state of a stream of random numbers, for simulators: eleven of the stream, and which signs the inputs
/// of a product have that is asked for in several calls (1 positive, 2 negative, 3 both; 0 unknown).
enum { MX_DRIVER_RANDOM = 12 };

/// Why a call failed.
enum mx_driver_error {
  MX_DRIVER_TIMEOUT = -1,   ///< no answer in time
  MX_DRIVER_BUSY = -2,      ///< in use by another program
  MX_DRIVER_ARGUMENT = -3,  ///< a value that this chip cannot take
  MX_DRIVER_LOST = -4,      ///< the connection to the chip is gone
  MX_DRIVER_WORN = -5,      ///< too many cells can no longer be programmed
  MX_DRIVER_FAILED = -6,    ///< anything else
};

/// What became of a cell that was programmed.
enum mx_driver_status {
  MX_CELL_OK,      ///< within the tolerance
  MX_CELL_MISSED,  ///< not within the tolerance
  MX_CELL_STUCK,   ///< does not respond to pulses
};

/// What a chip is.
struct mx_driver_info {
  char name[64];    ///< of the chip, plain text
  int cores;        ///< 1 to 256
  int rows;         ///< of a core, 1 to 1024
  int columns;      ///< of a core, 1 to 1024
  int devices;      ///< memory devices of a cell, both signs together
  double g_max_uS;  ///< largest conductance of one sign of a cell, microsiemens
  int input_bits;   ///< of an input, sign included: -(2^(bits-1) - 1) to 2^(bits-1) - 1; 2 to 16
  int output_bits;  ///< of one conversion; 1 to 16
  int phases;       ///< 1: a product is one conversion per column, from -2^(bits-1) to 2^(bits-1) - 1; 4: the
                    ///< digital sum of four, each from 0 to 2^bits - 1, of one sign of input and of weight
  double vector_s;  ///< duration of one product of one vector; 0: unknown
};

/// A rectangle of cells of one core.
struct mx_region {
  int core;     ///< its number
  int row;      ///< the first
  int rows;     ///< how many
  int column;   ///< the first
  int columns;  ///< how many
};

/// What programming took.
struct mx_program_count {
  int64_t devices;      ///< memory devices that were programmed
  int64_t pulses;       ///< programming pulses; 0: unknown
  int64_t reads;        ///< verify reads; 0: unknown
  int64_t most_writes;  ///< of the most often programmed device in its life; 0: unknown
};

/// The functions of a driver. Those marked optional may be NULL.
struct mx_driver {
  int abi;  ///< MX_DRIVER_ABI

  /// Connect to the chip.
  /// @param[out] device  handed to all other functions
  /// @param arguments    what stands behind the colon of chip.driver; "" if nothing
  int (*open)(void **device, const char *arguments);
  /// Describe the chip.
  int (*info)(void *device, struct mx_driver_info *info);
  /// Announce the regions that later calls name by their number, from 0. They do not overlap. Once, after info. The
  /// cells stay as they are, so that a later session can go on with a chip (docs/drivers.md).
  int (*place)(void *device, int n, const struct mx_region *regions);
  /// Program cells of a region.
  /// @param target       (rows, columns) weights from -1 to 1
  /// @param mask         (rows, columns) 1: program this cell, 0: leave it as it is; NULL: all, for the first time
  /// @param tolerance    accepted error, in weight
  /// @param[out] reached (rows, columns) weight after programming, of the programmed cells
  /// @param[out] status  (rows, columns) enum mx_driver_status, of the programmed cells
  /// @param[out] count   what it took; zero before the call
  int (*program)(void *device, int region, const double *target, const uint8_t *mask, double tolerance, double *reached,
                 uint8_t *status, struct mx_program_count *count);
  /// Read the weights that the cells hold now.
  /// @param[out] weight  (rows, columns)
  int (*read)(void *device, int region, double *weight);
  /// Multiply vectors with a region.
  /// @param n            vectors
  /// @param input        (n, rows) steps, within the range of input_bits
  /// @param[out] output  (n, columns) codes, the digital sum of the phases
  int (*product)(void *device, int region, int n, const int32_t *input, int32_t *output);
  /// Optional. Choose the output range of a region so that `margin` times the largest charge of any phase of these
  /// vectors is converted without saturation.
  /// @param least     the smallest range allowed, as code_uS
  /// @param[out] code_uS  charge of one code, microsiemens x steps
  int (*range)(void *device, int region, int n, const int32_t *input, double margin, double least, double *code_uS);
  /// Seconds since open.
  int (*now)(void *device, double *now_s);
  /// Wait until the clock shows until_s; returns at once if it does already.
  int (*wait)(void *device, double until_s);
  /// All cells to weight 0; the regions are forgotten.
  int (*reset)(void *device);
  /// Disconnect. Hardware keeps its cells.
  void (*close)(void *device);

  /// Optional. One line about the last failure, or NULL.
  const char *(*message)(void *device);
  /// Optional. Remember the state of all cells, and go back to it: for simulators. Without these metaxbar programs the
  /// cells that a task changed.
  int (*save)(void *device);
  /// Optional. See save.
  int (*restore)(void *device);
  /// Optional. The state of the stream of random numbers that the next call draws from (set = 1), or that the last left
  /// (set = 0): for simulators that answer a task alike whatever was asked before.
  int (*random)(void *device, uint32_t state[MX_DRIVER_RANDOM], int set);
};

/// The one function that a shared object exports.
/// @return the table, which stays valid
const struct mx_driver *metaxbar_driver(void);

#ifdef __cplusplus
}
#endif

#endif
