// devicemeasure.h - a device table (device/devicetable.h) measured on a chip behind a driver: many cells are programmed
// to each of some conductances, read at several times, and multiplied with single inputs.
//   sigma_prog   standard deviation over cells at the first time; that of the resting sign is subtracted
//   nu           minus the slope of ln g over ln t of each cell: mean and standard deviation over cells
//   Q            spread of repeated products of one input with one cell, over its conductance (P4)
// A driver shows weights, differences of two signs. Where nothing is programmed both signs rest, with conductances
// max(0, sigma_0 N(0,1)): variance 0.3408 sigma_0^2, mean 0.3989 sigma_0 (devices as in P1).
#ifndef LAB_DEVICEMEASURE_H
#define LAB_DEVICEMEASURE_H

#include <stdio.h>

#include "base/param.h"
#include "driver/driver.h"

struct json_t;

struct devicemeasure_params {
  int64_t points;    // conductances
  int64_t cells;     // of each
  int64_t repeats;   // products
  double tolerance;  // of programming
  double t_read_s;   // duration of a read
  int64_t seed;      // of drivers that take random numbers
};
extern const struct param devicemeasure_param_table[];

enum { DEVICEMEASURE_TIMES = 32 };

// A value with its standard error; INFINITY: not measured.
struct devicemeasure_value {
  double value, error;
};

struct devicemeasure_row {
  double target_uS;
  struct devicemeasure_value sigma_prog_uS, drift_mean, drift_std, read_q;
};

struct devicemeasure {
  struct mx_driver_info info;
  double t0_s, t_read_s;  // first time of reading after programming
  double rest_mean_uS;    // of a sign that rests
  int n;
  struct devicemeasure_row *rows;  // owned
  char missing[600];               // what could not be measured, a line each
};

// Times after programming from a text "1, 10, 100", rising; their number or an error that names --times.
int devicemeasure_times(double times_s[DEVICEMEASURE_TIMES], const char *text);

// Programs cells of the chip. ERR_SETTING if the chip has not so many cells; else what the driver says.
int devicemeasure_of(struct devicemeasure *m, struct driver *d, const struct devicemeasure_params *p,
                     const double *times_s, int n_times);
// The same with the driver that a text names (driver_open).
int devicemeasure_run(struct devicemeasure *m, const char *driver, const struct driver_options *o,
                      const struct devicemeasure_params *p, const double *times_s, int n_times);
void devicemeasure_release(struct devicemeasure *m);

// TABLE.csv and beside it TABLE.ini, as chip.table reads them. What is not measured is taken from the nearest row.
// ERR_SETTING unless the path ends in .csv; devicemeasure_check: would it be so?
int devicemeasure_check(const char *path);
int devicemeasure_save(const struct devicemeasure *m, const char *path);

void devicemeasure_print(const struct devicemeasure *m, FILE *out);
struct json_t *devicemeasure_json(const struct devicemeasure *m);

#endif
