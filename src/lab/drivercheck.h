// drivercheck.h - a conformance run: does a driver (metaxbar_driver.h) do what the header says? One check is one short
// function; drivercheck.c has the table of them. Statistical checks repeat products and accept five standard errors.
#ifndef LAB_DRIVERCHECK_H
#define LAB_DRIVERCHECK_H

#include <stdio.h>

#include "base/param.h"
#include "driver/driver.h"

struct json_t;

struct drivercheck_params {
  double tolerance;   // accepted error of a programmed weight
  double yield;       // share of the cells that must be within it
  double code_error;  // accepted error of the converters, relative to the largest code
  int64_t repeats;    // products of every vector
  int64_t seed;       // of targets and inputs
};
extern const struct param drivercheck_param_table[];

enum drivercheck_result { DRIVERCHECK_FAIL, DRIVERCHECK_PASS, DRIVERCHECK_SKIP };

enum { DRIVERCHECK_MAX = 48 };

struct drivercheck_row {
  const char *name, *about;
  enum drivercheck_result result;
  char measured[200];
};

struct drivercheck {
  struct mx_driver_info info;
  int n, failed;
  struct drivercheck_row row[DRIVERCHECK_MAX];
};

// All checks on the driver that `text` names (driver_open). Cells of the chip are programmed. Failures are rows; an
// error is a driver that cannot be opened or a chip smaller than 4 x 8, a recording that cannot be completed, or one
// that is replayed and has no answer to a call of the checks.
int drivercheck_run(struct drivercheck *c, const char *text, const struct driver_options *o,
                    const struct drivercheck_params *p);

void drivercheck_print(const struct drivercheck *c, FILE *out);
struct json_t *drivercheck_json(const struct drivercheck *c);

#endif
