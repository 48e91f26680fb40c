// Checks of what a driver says about itself, of programming and of reading.
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/stat.h"
#include "base/text.h"
#include "lab/drivercheck_private.h"

static int check_info(struct bench *b) {
  const struct mx_driver_info first = b->d->info, *then = &first;
  struct driver_call call = { .op = DRIVER_INFO };
  TRY(drivercheck_ask(b, &call));
  const struct mx_driver_info *now = &call.info;
  const bool same = !strcmp(now->name, then->name) && now->cores == then->cores && now->rows == then->rows &&
                    now->columns == then->columns && now->devices == then->devices && now->g_max_uS == then->g_max_uS &&
                    now->input_bits == then->input_bits && now->output_bits == then->output_bits &&
                    now->phases == then->phases && now->vector_s == then->vector_s;
  return drivercheck_verdict(b, same, "%d core%s, %d device%s of a cell, %g uS%s", now->cores, text_s(now->cores),
                             now->devices, text_s(now->devices), now->g_max_uS,
                             same ? "" : "; the second answer differs");
}

static int check_place(struct bench *b) {
  TRY(drivercheck_place(b));
  return drivercheck_verdict(b, true, "%d regions of %d x %d cells", b->n_regions, b->R, b->C);
}

// ---- programming

// Program all cells of region 0, and see how many read within the tolerance; if too few, also within which enough do.
static int program_all(struct bench *b, const double *target) {
  const int n = drivercheck_size(b);
  double error[BENCH_CELLS];
  int within = 0;
  TRY(drivercheck_write(b, target));
  for (int k = 0; k < n; k++) {
    error[k] = fabs(b->weight[k] - target[k]);
    within += error[k] <= b->p->tolerance + 5 * b->read_sd;
  }
  const double share = (double)within / n;
  if (share >= drivercheck_least_share(b, n))
    return drivercheck_verdict(b, true, "%.1f %% of the cells within %g (needs %g %%)", 100 * share, b->p->tolerance,
                               100 * b->p->yield);
  return drivercheck_verdict(b, false, "%.1f %% of the cells within %g; %g %%, as needed, within %.2g", 100 * share,
                             b->p->tolerance, 100 * b->p->yield, stat_quantile(error, (size_t)n, b->p->yield));
}

static int check_zero(struct bench *b) { return program_all(b, (const double[BENCH_CELLS]){ 0 }); }

// Targets of magnitude 0.2 to 0.8 of one sign.
static int program_sign(struct bench *b, double sign) {
  double target[BENCH_CELLS];
  for (int k = 0; k < drivercheck_size(b); k++) target[k] = sign * (0.2 + 0.6 * rng_uniform(&b->rng));
  return program_all(b, target);
}

static int check_positive(struct bench *b) { return program_sign(b, 1); }
static int check_negative(struct bench *b) { return program_sign(b, -1); }

static int check_full(struct bench *b) {
  double target[BENCH_CELLS];
  for (int k = 0; k < drivercheck_size(b); k++) target[k] = rng_uniform(&b->rng) < 0.5 ? -1 : 1;
  return program_all(b, target);
}

// Program random targets in region 0, read b->weight.
static int write_random(struct bench *b, double *target, struct drivercheck_written *w) {
  drivercheck_random_targets(b, target);
  TRY(drivercheck_program(b, 0, target, NULL, w));
  return drivercheck_read(b, 0, b->weight);
}

static int check_repeated(struct bench *b) {
  enum { READS = 8 };
  double weight[BENCH_CELLS], target[BENCH_CELLS], sum[BENCH_CELLS] = { 0 }, square[BENCH_CELLS] = { 0 }, total = 0;
  struct drivercheck_written w;
  const int n = drivercheck_size(b);
  TRY(write_random(b, target, &w));
  for (int r = 0; r < READS; r++) {
    TRY(drivercheck_read(b, 0, weight));
    for (int k = 0; k < n; k++) {
      sum[k] += weight[k] - b->weight[k];
      square[k] += (weight[k] - b->weight[k]) * (weight[k] - b->weight[k]);
    }
  }
  for (int k = 0; k < n; k++) total += fmax(square[k] - sum[k] * sum[k] / READS, 0) / (READS - 1);
  const double sd = sqrt(total / n);
  double most = 0;
  for (int k = 0; k < n; k++) most = fmax(most, fabs(sum[k] / READS));
  const double limit = b->p->tolerance + 5 * 1.1 * sd;  // of a mean of 8 and one value
  if (sd <= b->p->tolerance) b->read_sd = sd;
  return drivercheck_verdict(b, sd <= b->p->tolerance && most <= limit,
                             "%d reads: standard deviation %.2g, largest change %.2g (accepts %.2g)", READS, sd, most,
                             limit);
}

static int check_reached(struct bench *b) {
  double target[BENCH_CELLS], square = 0;
  struct drivercheck_written w;
  const int n = drivercheck_size(b);
  TRY(write_random(b, target, &w));
  for (int k = 0; k < n; k++) square += (w.reached[k] - b->weight[k]) * (w.reached[k] - b->weight[k]);
  const double rms = sqrt(square / n);
  const double limit = b->p->tolerance / 3 + sqrt(2) * b->read_sd * (1 + 5 / sqrt(2.0 * n));
  return drivercheck_verdict(b, rms <= limit, "rms difference %.2g (accepts %.2g)", rms, limit);
}

static int check_status(struct bench *b) {
  double target[BENCH_CELLS];
  struct drivercheck_written w;
  int well = 0, within = 0;
  const int n = drivercheck_size(b);
  TRY(write_random(b, target, &w));
  for (int k = 0; k < n; k++) {
    well += w.status[k] == MX_CELL_OK;
    within += w.status[k] == MX_CELL_OK && fabs(b->weight[k] - target[k]) <= b->p->tolerance + 5 * b->read_sd;
  }
  const bool pass = (double)well / n >= drivercheck_least_share(b, n) &&
                    (double)within / (well ? well : 1) >= drivercheck_least_share(b, well ? well : 1);
  return drivercheck_verdict(b, pass, "%d of %d cells are said to be within the tolerance, %d are", well, n, within);
}

// Every third cell. Targets of the others are there to be ignored: far from what they hold.
static int write_third(struct bench *b, double *target, uint8_t *mask, struct drivercheck_written *w) {
  for (int k = 0; k < drivercheck_size(b); k++) {
    mask[k] = k % 3 == 0;
    target[k] = target[k] > 0 ? target[k] - 1 : target[k] + 1;
  }
  return drivercheck_program(b, 0, target, mask, w);
}

static int check_counts(struct bench *b) {
  double target[BENCH_CELLS];
  uint8_t mask[BENCH_CELLS];
  struct drivercheck_written all, third;
  const int n = drivercheck_size(b), devices = b->d->info.devices;
  TRY(write_random(b, target, &all));
  TRY(write_third(b, target, mask, &third));
  const bool pass = all.count.devices > 0 && all.count.devices <= (int64_t)n * devices && third.count.devices > 0 &&
                    third.count.devices <= (int64_t)((n + 2) / 3) * devices;
  return drivercheck_verdict(b, pass, "%" PRId64 " devices for %d cells, %" PRId64 " for %d", all.count.devices, n,
                             third.count.devices, (n + 2) / 3);
}

static int check_some(struct bench *b) {
  double target[BENCH_CELLS], now[BENCH_CELLS];
  uint8_t mask[BENCH_CELLS];
  struct drivercheck_written w;
  int within = 0, n = 0;
  TRY(write_random(b, target, &w));
  TRY(write_third(b, target, mask, &w));
  TRY(drivercheck_read(b, 0, now));
  for (int k = 0; k < drivercheck_size(b); k++) {
    n += mask[k];
    within += mask[k] && fabs(now[k] - target[k]) <= b->p->tolerance + 5 * b->read_sd;
  }
  return drivercheck_verdict(b, (double)within / n >= drivercheck_least_share(b, n),
                             "%d of %d programmed cells within %g", within, n, b->p->tolerance);
}

static int check_mask(struct bench *b) {
  double target[BENCH_CELLS], now[BENCH_CELLS], most = 0;
  uint8_t mask[BENCH_CELLS];
  struct drivercheck_written w;
  TRY(write_random(b, target, &w));
  TRY(write_third(b, target, mask, &w));
  TRY(drivercheck_read(b, 0, now));
  for (int k = 0; k < drivercheck_size(b); k++)
    if (!mask[k]) most = fmax(most, fabs(now[k] - b->weight[k]));
  const double limit = drivercheck_read_limit(b);
  return drivercheck_verdict(b, most <= limit, "largest change of another cell %.2g (accepts %.2g)", most, limit);
}

static int check_regions(struct bench *b) {
  double target[BENCH_CELLS], then[BENCH_REGIONS][BENCH_CELLS], now[BENCH_CELLS], most = 0;
  struct drivercheck_written w;
  for (int r = 1; r < b->n_regions; r++) {
    drivercheck_random_targets(b, target);
    TRY(drivercheck_program(b, r, target, NULL, &w));
    TRY(drivercheck_read(b, r, then[r]));
  }
  TRY(write_random(b, target, &w));
  for (int r = 1; r < b->n_regions; r++) {
    TRY(drivercheck_read(b, r, now));
    for (int k = 0; k < drivercheck_size(b); k++) most = fmax(most, fabs(now[k] - then[r][k]));
  }
  const double limit = drivercheck_read_limit(b);
  return drivercheck_verdict(b, most <= limit, "largest change in %d other region%s %.2g (accepts %.2g)",
                             b->n_regions - 1, text_s(b->n_regions - 1), most, limit);
}

const struct drivercheck_entry drivercheck_cells[] = {
  { "info", "the description of the chip is the same each time", check_info },
  { "place", "disjoint regions are accepted", check_place },
  { "zero", "targets of 0 are reached", check_zero },
  { "read", "repeated reads agree", check_repeated },
  { "positive", "positive targets are reached", check_positive },
  { "negative", "negative targets are reached", check_negative },
  { "full", "targets of -1 and 1 are reached", check_full },
  { "reached", "the weight after programming is what a later read gives", check_reached },
  { "status", "cells that are said to be within the tolerance are", check_status },
  { "counts", "the number of programmed devices fits the number of cells", check_counts },
  { "some", "the cells of a mask are programmed", check_some },
  { "mask", "the other cells keep their weights", check_mask },
  { "regions", "the other regions keep their weights", check_regions },
  { 0 },
};
