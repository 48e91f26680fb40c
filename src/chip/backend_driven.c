#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/vector.h"
#include "chip/backend.h"
#include "chip/chip_private.h"
#include "chip/chiparray.h"
#include "driver/driver.h"

// ---- opening

// Settings that say nothing about devices, or that a driver obeys.
static const char *const allowed[] = {
  "driver", "record", "driver_faults", "driver_timeout_s", "driver_tolerance", "cores", "adc_margin", "input_quantile",
  "calibration_rows", "correction", "recalibrate_s", "scale", "weight_clip", "headroom", "update", "update_threshold",
  "update_levels", "update_aim", "time_s", NULL,
};

static bool in_list(const char *const *list, const char *name) {
  while (*list && strcmp(*list, name)) list++;
  return *list != NULL;
}

// The first setting that is not as it is by default, of those in the list or of those not in it; NULL: none.
static const struct param *changed(const struct chip_params *p, const char *const *list, bool listed) {
  for (const struct param *q = chip_param_table; q->name; q++) {
    char value[PARAM_TEXT_SIZE], usual[PARAM_TEXT_SIZE];
    param_value(q, p, value);
    param_default_value(q, usual);
    if (strcmp(value, usual) && in_list(list, q->name) == listed) return q;
  }
  return NULL;
}

static int refuse(const struct chip_params *p, const struct param *q, const char *why) {
  char value[PARAM_TEXT_SIZE];
  if (!q) return 0;
  param_value(q, p, value);
  return err_set(ERR_SETTING, "chip.%s=%s: %s", q->name, value, why);
}

int backend_check_no_driver(const struct chip_params *p) {
  static const char *const list[] = { "record", "driver_faults", "driver_timeout_s", "driver_tolerance", NULL };
  return refuse(p, changed(p, list, true), "has an effect with chip.driver only");
}

static int check_settings(const struct chip_params *p) {
  static const char *const timeout[] = { "driver_timeout_s", NULL };
  if (!driver_is_process(p->driver))
    TRY(refuse(p, changed(p, timeout, true), "has an effect with chip.driver=exec:COMMAND only"));
  return refuse(p, changed(p, allowed, false), "with chip.driver the driver says what its devices are");
}

static int check_abilities(const struct chip_params *p, const struct driver *d) {
  static const char *const margin[] = { "adc_margin", NULL };
  if (d->can.range) return 0;
  TRY(refuse(p, changed(p, margin, true), "this driver does not choose output ranges; set chip.adc_margin=1.1"));
  return p->correction == CHIP_NONE
             ? err_set(ERR_SETTING, "chip.correction=none: %s does not say what its codes mean", d->info.name)
             : 0;
}

// The chip is as the driver describes it: one device of a cell's sign is a unit.
static int take_info(struct chip *c, const struct mx_driver_info *i) {
  struct chip_params *p = &c->params;
  struct pcm *pcm = &c->design.pcm;
  const int per_sign = i->devices > 1 ? i->devices/2 : 1;
  struct chip_params usual;
  param_defaults(chip_param_table, &usual);
  if (p->cores != usual.cores && p->cores > i->cores)
    return err_set(ERR_SETTING, "chip.cores=%d: %s has %d", (int)p->cores, i->name, i->cores);
  if (p->cores == usual.cores) p->cores = i->cores;
  p->rows = i->rows;
  p->columns = i->columns;
  p->phases = i->phases;
  p->dac_bits = i->input_bits;
  p->adc_bits = i->output_bits;
  p->devices_per_sign = per_sign;
  snprintf(pcm->name, sizeof pcm->name, "%.63s", i->name);
  pcm->source = p->driver;
  pcm->devices = 1;
  pcm->g_max_uS = i->g_max_uS/per_sign;
  return 0;
}

// Keep the first failure.
static int keep(struct door *d, int rc) {
  if (rc < 0 && d->rc == 0) {
    d->rc = rc;
    snprintf(d->message, sizeof d->message, "%s", err_message());
  }
  return rc;
}

int backend_open_driver(struct chip *c) {
  const struct chip_params *p = &c->params;
  const struct driver_options o = { p->record, p->driver_faults, p->driver_timeout_s };
  TRY(check_settings(p));
  struct driver *driver;
  TRY(driver_open(&driver, p->driver, &o));
  c->door = err_calloc(1, sizeof *c->door);
  c->door->driver = driver;
  c->backend = &backend_driven;
  TRY(check_abilities(p, driver));
  return take_info(c, &driver->info);
}

int backend_close_driver(struct door *d) {
  if (!d) return 0;
  const int rc = driver_close(d->driver);
  free(d);
  return rc;
}

// ---- the operations

static int ask(const struct chip *c, struct driver_call *call) {
  TRY(chip_failure(c));
  return keep(c->door, driver_ask(c->door->driver, call));
}

static int place(struct chip *c) {
  struct mx_region *regions = err_calloc((size_t)c->n_pieces, sizeof *regions);
  for (int k = 0; k < c->n_pieces; k++) {
    const struct floorplan_piece *p = &c->pieces[k];
    regions[k] = (struct mx_region){ p->core, p->core_row, p->rows, p->core_column, p->columns };
  }
  struct driver_call call = { .op = DRIVER_PLACE, .n = c->n_pieces, .regions = regions };
  const int rc = ask(c, &call);
  free(regions);
  return rc;
}

static int ask_drawing(const struct chip *c, struct driver_call *call, struct rng *r) {
  TRY(chip_failure(c));
  return keep(c->door, driver_ask_drawing(c->door->driver, call, r));
}

static int simple(const struct chip *c, enum driver_op op) {
  struct driver_call call = { .op = op };
  return ask(c, &call);
}

// Before a clone changes what its original has: a driver that can remembers that.
static int remember(struct chip *c) {
  struct door *d = c->door;
  if (!c->origin) {
    d->saved = false;
    return 0;
  }
  if (d->driver->can.save && !d->saved) {
    TRY(simple(c, DRIVER_SAVE));
    d->saved = true;
  }
  d->changed = true;
  return 0;
}

// Cells of weights that were not reached are counted as a loop that gave up counts them.
static void count_cells(struct tile_count *count, const struct driver_call *call) {
  count->devices += (long)call->count.devices;
  count->verify.pulses += (long)call->count.pulses;
  count->verify.reads += (long)call->count.reads;
  if (call->count.most_writes > count->most_writes) count->most_writes = (uint32_t)call->count.most_writes;
  for (size_t k = 0; k < driver_cells(call); k++)
    count->verify.failed += (!call->mask || call->mask[k]) && call->status[k] != MX_CELL_OK;
}

// When cells were written says which updates come before any drift (tile_oldest_s).
static void stamp(struct chip *c, int k, const uint8_t *mask) {
  const struct tile *t = &c->tiles[k];
  for (int row = 0; row < 2*c->design.units*t->rows; row++)
    for (int o = 0; o < t->columns; o++)
      if (!mask || mask[row % t->rows * t->columns + o])
        t->written_s[(size_t)row * (size_t)t->ld + (size_t)o] = c->clock_s;
}

static int program(struct chip *c, int k, bool first, struct rng *r, struct tile_count *count) {
  const struct floorplan_piece *p = &c->pieces[k];
  const size_t n = (size_t)p->rows * (size_t)p->columns, ld = (size_t)vector_padded(p->columns);
  TRY(chip_failure(c));
  TRY(remember(c));
  double *target = err_calloc(2*n, sizeof *target);
  uint8_t *bytes = err_calloc(2*n, 1);
  for (size_t i = 0; i < n; i++) {
    const size_t cell = i / (size_t)p->columns * ld + i % (size_t)p->columns;
    target[i] = (double)c->cells[cell];
    bytes[i] = first || c->mask[cell];
  }
  struct driver_call call = { .op = DRIVER_PROGRAM, .region = k, .target = target, .mask = first ? NULL : bytes,
                              .tolerance = c->params.driver_tolerance, .reached = target + n, .status = bytes + n };
  const int rc = ask_drawing(c, &call, r);
  if (rc == 0) {
    count_cells(count, &call);
    stamp(c, k, call.mask);
  }
  free(bytes);
  free(target);
  return rc;
}

// Levels (n, padded rows) as steps (n, rows).
static int32_t *steps_of(const real *levels, int n, const struct floorplan_piece *p) {
  const int ip = vector_padded(p->rows);
  int32_t *steps = err_calloc((size_t)n * (size_t)p->rows, sizeof *steps);
  for (int b = 0; b < n; b++)
    for (int i = 0; i < p->rows; i++) steps[b*p->rows + i] = (int32_t)levels[b*ip + i];
  return steps;
}

static int codes(struct chip *c, int k, const struct core_inputs *seen, int B, struct rng *r, int *saturated) {
  *saturated = 0;  // the driver does not say
  const struct floorplan_piece *p = &c->pieces[k];
  const int ld = vector_padded(p->columns);
  TRY(chip_failure(c));
  if (c->origin && c->door->driver->can.save && c->door->driver->can.random) TRY(remember(c));  // reads leave traces
  int32_t *in = steps_of(c->work.level, B, p), *out = err_calloc((size_t)B * (size_t)p->columns, sizeof *out);
  struct driver_call call = { .op = DRIVER_PRODUCT, .region = k, .n = B, .input = in, .output = out };
  call.random[RNG_WORDS] = (uint32_t)seen->signs;
  const int rc = ask_drawing(c, &call, r);
  if (rc == 0) {
    memset(c->work.sum, 0, (size_t)B * (size_t)ld * sizeof *c->work.sum);
    for (int b = 0; b < B; b++)
      for (int o = 0; o < p->columns; o++) c->work.sum[b*ld + o] = (real)out[b*p->columns + o];
  }
  free(in);
  free(out);
  return rc;
}

static int range(struct chip *c, int k, const real *levels, int n) {
  struct tile *t = &c->tiles[k];
  if (!c->door->driver->can.range) return chip_failure(c);  // of one code nothing but its regression is known
  int32_t *in = steps_of(levels, n, &c->pieces[k]);
  struct driver_call call = { .op = DRIVER_RANGE, .region = k, .n = n, .input = in, .margin = c->params.adc_margin,
                              .least = t->lsb_least };
  const int rc = ask(c, &call);
  if (rc == 0) t->lsb = call.code_uS;
  free(in);
  return rc;
}

static int read(const struct chip *c, int k, double *g) {
  const struct floorplan_piece *p = &c->pieces[k];
  const size_t n = (size_t)p->rows * (size_t)p->columns, ld = (size_t)vector_padded(p->columns);
  double *weight = err_calloc(n, sizeof *weight);
  struct driver_call call = { .op = DRIVER_READ, .region = k, .reached = weight };
  const int rc = ask(c, &call);
  for (size_t i = 0; rc == 0 && i < n; i++)
    g[i / (size_t)p->columns * ld + i % (size_t)p->columns] = weight[i];
  free(weight);
  return rc;
}

static int wait(struct chip *c, double time_s) {
  struct driver_call call = { .op = DRIVER_WAIT, .until_s = time_s - c->door->offset_s }, now = { .op = DRIVER_NOW };
  TRY(ask(c, &call));
  TRY(ask(c, &now));
  c->door->now_s = now.now_s;
  return 0;
}

// The output range that region k was calibrated with: the least that is allowed, and no input asks for more.
static int keep_range(struct chip *c, int k) {
  const struct tile *t = &c->tiles[k];
  const struct driver *d = c->door->driver;
  if (!d->can.range || c->matrices[c->pieces[k].matrix].calibrated_s < 0) return 0;
  int32_t *none = err_calloc((size_t)c->pieces[k].rows, sizeof *none);
  struct driver_call call = { .op = DRIVER_RANGE, .region = k, .n = 1, .input = none, .margin = c->params.adc_margin,
                              .least = t->lsb };
  const int rc = ask(c, &call);
  free(none);
  TRY(rc);
  if (fabs(call.code_uS - t->lsb) <= 1e-6*t->lsb) return 0;
  return keep(c->door, err_set(ERR_FORMAT, "%s: range of region %d: code_uS=%g: the chip was calibrated with %g",
                               d->name, k, call.code_uS, t->lsb));
}

static int resume(struct chip *c) {
  struct driver_call now = { .op = DRIVER_NOW };
  TRY(ask(c, &now));
  c->door->now_s = now.now_s;
  c->door->offset_s = c->clock_s - now.now_s;
  for (int k = 0; k < c->n_pieces; k++) TRY(keep_range(c, k));
  return 0;
}

// Program what a clone has changed to what its original says: for drivers that cannot go back.
static int rewrite(struct chip *c, const struct chip *original) {
  for (int k = 0; k < c->n_pieces; k++) {
    const struct floorplan_piece *p = &c->pieces[k];
    const struct chip_matrix *now = &c->matrices[p->matrix], *then = &original->matrices[p->matrix];
    const size_t OP = (size_t)vector_padded(now->base.O), ld = (size_t)vector_padded(p->columns);
    struct tile_count count = { 0 };
    int changed = 0;
    if (c->version[k] == 0) continue;
    for (size_t i = 0; i < (size_t)p->rows; i++)
      for (size_t o = 0; o < (size_t)p->columns; o++) {
        const size_t at = ((size_t)p->row + i)*OP + (size_t)p->column + o;
        changed += c->mask[i*ld + o] = now->w[at] != then->w[at];
      }
    if (!changed) continue;
    chiparray_cells(c, then, k, false, NULL);
    TRY(program(c, k, false, &c->rng, &count));
  }
  return 0;
}

static int restore(struct chip *c, const struct chip *original) {
  TRY(chip_failure(c));
  if (!c->door->changed) return 0;
  TRY(c->door->driver->can.save ? simple(c, DRIVER_RESTORE) : rewrite(c, original));
  c->door->changed = false;
  return 0;
}

const struct backend backend_driven = { "driver", place, program, codes, NULL, range, read, wait, resume, restore };
