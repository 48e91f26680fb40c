#include "driver/driver.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/text.h"

const char *const driver_op_names[] = {
  [DRIVER_INFO] = "info",       [DRIVER_PLACE] = "place", [DRIVER_PROGRAM] = "program", [DRIVER_READ] = "read",
  [DRIVER_PRODUCT] = "product", [DRIVER_RANGE] = "range", [DRIVER_NOW] = "now",         [DRIVER_WAIT] = "wait",
  [DRIVER_RESET] = "reset",     [DRIVER_SAVE] = "save",   [DRIVER_RESTORE] = "restore", NULL,
};

const struct driver_failure driver_failures[] = {
  { "timeout", MX_DRIVER_TIMEOUT, "no answer in time" },
  { "busy", MX_DRIVER_BUSY, "busy: in use by another program" },
  { "argument", MX_DRIVER_ARGUMENT, "a value that this chip cannot take" },
  { "lost", MX_DRIVER_LOST, "the connection to the chip is lost" },
  { "worn", MX_DRIVER_WORN, "cells are worn out" },
  { "failed", MX_DRIVER_FAILED, "failed" },
  { 0 },
};

// ---- checks of what a driver answers; they name the driver, the call and the field

static int wrong(const struct driver *d, const struct driver_call *c, const char *field, double value, double low,
                 double high) {
  return err_set(ERR_FORMAT, "%s: %s: %s=%g: must be in [%g, %g]", d->name, driver_op_names[c->op], field, value, low,
                 high);
}

static int wrong_item(const struct driver *d, const struct driver_call *c, const char *field, size_t at, double value,
                      double low, double high) {
  return err_set(ERR_FORMAT, "%s: %s of region %d: %s[%zu]=%g: must be in [%g, %g]", d->name, driver_op_names[c->op],
                 c->region, field, at, value, low, high);
}

static bool inside(double v, double low, double high) { return v >= low && v <= high; }

static int check_info(const struct driver *d, struct driver_call *c) {
  struct mx_driver_info *i = &c->info;
  const struct {
    const char *field;
    double value, low, high;
  } all[] = {
    { "cores", i->cores, 1, 256 },
    { "rows", i->rows, 1, 1024 },
    { "columns", i->columns, 1, 1024 },
    { "devices", i->devices, 1, 64 },
    { "g_max_uS", i->g_max_uS, 1e-6, 1e6 },
    { "input_bits", i->input_bits, 2, 16 },
    { "output_bits", i->output_bits, 1, 16 },
    { "phases", i->phases, 1, 4 },
    { "vector_s", i->vector_s, 0, 1e6 },
  };
  for (size_t k = 0; k < sizeof all / sizeof *all; k++)
    if (!inside(all[k].value, all[k].low, all[k].high))
      return wrong(d, c, all[k].field, all[k].value, all[k].low, all[k].high);
  if (i->phases != 1 && i->phases != 4)
    return err_set(ERR_FORMAT, "%s: info: phases=%d: must be 1 or 4", d->name, i->phases);
  i->name[sizeof i->name - 1] = 0;
  if (!*i->name || !text_is_plain(i->name)) return err_set(ERR_FORMAT, "%s: info: name: must be plain text", d->name);
  return 0;
}

// A weight that a cell is said to have: beyond full scale by no more than a device may be.
static int check_weights(const struct driver *d, const struct driver_call *c, const char *field) {
  const double most = 4;
  for (size_t k = 0; k < driver_cells(c); k++)
    if ((c->op != DRIVER_PROGRAM || !c->mask || c->mask[k]) && !inside(c->reached[k], -most, most))
      return wrong_item(d, c, field, k, c->reached[k], -most, most);
  return 0;
}

static int check_program(const struct driver *d, const struct driver_call *c) {
  TRY(check_weights(d, c, "reached"));
  for (size_t k = 0; k < driver_cells(c); k++)
    if ((!c->mask || c->mask[k]) && c->status[k] > MX_CELL_STUCK)
      return wrong_item(d, c, "status", k, c->status[k], 0, MX_CELL_STUCK);
  const struct {
    const char *field;
    int64_t value;
  } counts[] = {
    { "devices", c->count.devices },
    { "pulses", c->count.pulses },
    { "reads", c->count.reads },
    { "most_writes", c->count.most_writes },
  };
  for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
    if (counts[k].value < 0) return wrong(d, c, counts[k].field, (double)counts[k].value, 0, 9e18);
  return 0;
}

static int check_product(const struct driver *d, const struct driver_call *c) {
  const int bits = d->info.output_bits;
  const double low = d->info.phases == 1 ? -ldexp(1, bits - 1) : -2 * (ldexp(1, bits) - 1);
  const double high = d->info.phases == 1 ? ldexp(1, bits - 1) - 1 : -low;
  for (size_t k = 0; k < (size_t)c->n * (size_t)c->shape.columns; k++)
    if (!inside(c->output[k], low, high)) return wrong_item(d, c, "output", k, c->output[k], low, high);
  return 0;
}

static int check_time(struct driver *d, const struct driver_call *c) {
  if (!inside(c->now_s, d->now_s, 1e18)) return wrong(d, c, "now_s", c->now_s, d->now_s, 1e18);
  d->now_s = c->now_s;
  return 0;
}

int driver_check(struct driver *d, struct driver_call *c) {
  switch (c->op) {
  case DRIVER_INFO: return check_info(d, c);
  case DRIVER_PROGRAM: return check_program(d, c);
  case DRIVER_READ: return check_weights(d, c, "weight");
  case DRIVER_PRODUCT: return check_product(d, c);
  case DRIVER_RANGE: return inside(c->code_uS, 1e-300, 1e300) ? 0 : wrong(d, c, "code_uS", c->code_uS, 1e-300, 1e300);
  case DRIVER_NOW: return check_time(d, c);
  default: return 0;
  }
}

static const char *failure_text(int code) {
  for (const struct driver_failure *f = driver_failures; f->name; f++)
    if (f->code == code) return f->about;
  return "failed for an unknown reason";
}

static int failed(const struct driver *d, const struct driver_call *c) {
  char where[40] = "";
  if (c->op == DRIVER_PROGRAM || c->op == DRIVER_READ || c->op == DRIVER_PRODUCT || c->op == DRIVER_RANGE)
    snprintf(where, sizeof where, " of region %d", c->region);
  return err_set(c->failure == MX_DRIVER_BUSY ? ERR_BUSY : ERR_IO, "%s: %s%s: %s%s%s", d->name, driver_op_names[c->op],
                 where, failure_text(c->failure), *c->message ? ": " : "", c->message);
}

int driver_forward(struct driver *d, struct driver_call *c) {
  TRY(d->kind->ask(d, c));
  c->message[sizeof c->message - 1] = 0;
  text_make_plain(c->message);
  if (c->op == DRIVER_INFO && !c->failure) {
    d->info = c->info;
    d->can = c->can;
  }
  return 0;
}

int driver_ask_drawing(struct driver *d, struct driver_call *c, struct rng *r) {
  if (!d->can.random || !r) return driver_ask(d, c);
  rng_words(c->random, r);
  TRY(driver_ask(d, c));
  rng_from_words(r, c->random);
  return 0;
}

int driver_ask(struct driver *d, struct driver_call *c) {
  if (c->op != DRIVER_PLACE && c->region >= 0 && c->region < d->n_regions) c->shape = d->regions[c->region];
  c->failure = 0;
  c->unrecorded = false;
  *c->message = 0;
  c->count = (struct mx_program_count){ 0 };
  TRY(driver_forward(d, c));
  if (c->failure) return failed(d, c);
  TRY(driver_check(d, c));
  if (c->op == DRIVER_PLACE) {
    free(d->regions);
    d->regions = err_calloc((size_t)c->n, sizeof *d->regions);
    memcpy(d->regions, c->regions, (size_t)c->n * sizeof *d->regions);
    d->n_regions = c->n;
  }
  return 0;
}

// ---- opening

// Layers around *d, then what it is. On failure all of it is closed.
static int finish(struct driver **d, const struct driver_options *o) {
  struct driver_call info = { .op = DRIVER_INFO };
  int rc = 0;
  if (o->faults && *o->faults) rc = faults_open(d, *d, o->faults);
  if (rc == 0 && o->record && *o->record) rc = recording_open(d, *d, o->record);
  if (rc == 0) rc = driver_ask(*d, &info);
  if (rc < 0) {
    char message[1000];
    snprintf(message, sizeof message, "%s", err_message());
    driver_close(*d);
    *d = NULL;
    err_set((enum err)rc, "%s", message);
  }
  return rc;
}

bool driver_is_process(const char *text) { return !strncmp(text, "exec:", 5); }

int driver_open(struct driver **d, const char *text, const struct driver_options *o) {
  if (driver_is_process(text)) TRY(remote_open(d, text + 5, o->timeout_s));
  else if (!strncmp(text, "replay:", 7)) TRY(recording_replay(d, text + 7));
  else TRY(library_open(d, text));
  return finish(d, o);
}

int driver_open_table(struct driver **d, const struct mx_driver *table, const char *name, const char *arguments,
                      const struct driver_options *o) {
  TRY(library_wrap(d, table, name, arguments));
  return finish(d, o);
}

int driver_close(struct driver *d) {
  if (!d) return 0;
  free(d->regions);
  return d->kind->close(d);
}
