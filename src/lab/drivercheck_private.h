// drivercheck_private.h - what the checks of drivercheck_cells.c, drivercheck_product.c and drivercheck_life.c share.
#ifndef LAB_DRIVERCHECK_PRIVATE_H
#define LAB_DRIVERCHECK_PRIVATE_H

#include <stdbool.h>

#include "base/rng.h"
#include "lab/drivercheck.h"

enum {
  BENCH_ROWS = 24,  // of the regions, at most
  BENCH_COLUMNS = 16,
  BENCH_CELLS = BENCH_ROWS * BENCH_COLUMNS,
  BENCH_VECTORS = 72,  // of one call, at most
  BENCH_REGIONS = 4,
};

// A driver on the bench: region 0 is used, the others must not change.
struct bench {
  struct driver *d;
  const struct drivercheck_params *p;
  struct rng rng, draws;  // choices of the checks; random numbers of drivers that take them
  struct mx_region region[BENCH_REGIONS];
  int n_regions, R, C;          // R x C cells of each
  bool placed, dead;            // dead: the driver cannot be used any more
  bool unrecorded;              // it is a recording that has no further answers
  bool written[BENCH_REGIONS];  // programmed before
  double read_sd;               // of repeated reads; check `read`
  int32_t step, top;            // inputs of the checks, and the largest
  double code_uS;               // of the last fit; 0: unknown
  double end;                   // largest code of one sign of inputs
  double se;                    // largest standard error of the last measure
  double weight[BENCH_CELLS];   // of region 0, as drivercheck_write read them
  char *measured;               // of the row of this check
};

// A check: enum drivercheck_result, or what a call returned that failed.
typedef int drivercheck_function(struct bench *b);
struct drivercheck_entry {
  const char *name, *about;
  drivercheck_function *run;
};
extern const struct drivercheck_entry drivercheck_cells[], drivercheck_products[], drivercheck_life[];

// The verdict of a check, with what was measured.
int drivercheck_verdict(struct bench *b, bool pass, const char *format, ...) __attribute__((format(printf, 3, 4)));
int drivercheck_skip(struct bench *b, const char *why);

// Ask the driver, with random numbers of the bench; for calls that have their own, what driver_ask returned.
int drivercheck_ask(struct bench *b, struct driver_call *c);
int drivercheck_asked(struct bench *b, const struct driver_call *c, int rc);
int drivercheck_place(struct bench *b);

static inline int drivercheck_size(const struct bench *b) { return b->R * b->C; }

// Program cells of a region, all where mask is NULL; call has the answer, with reached and status in these arrays.
struct drivercheck_written {
  double reached[BENCH_CELLS];
  uint8_t status[BENCH_CELLS];
  struct mx_program_count count;
};
int drivercheck_program(struct bench *b, int region, const double *target, const uint8_t *mask,
                        struct drivercheck_written *w);
int drivercheck_read(struct bench *b, int region, double *weight);
// Program region 0 to these targets and read b->weight.
int drivercheck_write(struct bench *b, const double *target);

// Weights of both signs, no magnitude below 0.1, into target.
void drivercheck_random_targets(struct bench *b, double *target);

// Accepted difference of two reads of a cell that was not touched.
double drivercheck_read_limit(const struct bench *b);
// The share of cells from which on, in n of them, the yield is missed by no more than five standard errors.
double drivercheck_least_share(const struct bench *b, int n);

#endif
