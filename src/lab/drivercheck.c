#include "lab/drivercheck.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "lab/drivercheck_private.h"

const struct param drivercheck_param_table[] = {
  PARAM_F64(struct drivercheck_params, tolerance, 0.02, 1e-4, 1,
            "accepted error of a programmed weight, relative to the largest"),
  PARAM_F64(struct drivercheck_params, yield, 0.95, 0.01, 1, "share of the cells that must be within driver.tolerance"),
  PARAM_F64(struct drivercheck_params, code_error, 0.02, 0, 1,
            "accepted error of the output codes, relative to the largest code"),
  PARAM_I64(struct drivercheck_params, repeats, 32, 4, 10000, "products of every vector, to average over read noise"),
  PARAM_I64(struct drivercheck_params, seed, 1, 0, 9007199254740992, "seed of the targets and inputs"),
  { 0 },
};

static const char *const result_names[] = {
  [DRIVERCHECK_FAIL] = "FAIL",
  [DRIVERCHECK_PASS] = "pass",
  [DRIVERCHECK_SKIP] = "-",
  NULL,
};

// ---- for the checks

int drivercheck_verdict(struct bench *b, bool pass, const char *format, ...) {
  va_list list;
  va_start(list, format);
  vsnprintf(b->measured, sizeof((struct drivercheck_row *)0)->measured, format, list);
  va_end(list);
  return pass ? DRIVERCHECK_PASS : DRIVERCHECK_FAIL;
}

int drivercheck_skip(struct bench *b, const char *why) {
  drivercheck_verdict(b, true, "%s", why);
  return DRIVERCHECK_SKIP;
}

// An input or output error without a failure of the chip is the end of the driver: a process that is gone.
int drivercheck_asked(struct bench *b, const struct driver_call *c, int rc) {
  if (rc < 0) b->dead = c->failure ? c->failure == MX_DRIVER_LOST : rc == ERR_IO;
  b->unrecorded |= c->unrecorded;
  return rc;
}

int drivercheck_ask(struct bench *b, struct driver_call *c) {
  return drivercheck_asked(b, c, driver_ask_drawing(b->d, c, &b->draws));
}

int drivercheck_place(struct bench *b) {
  struct driver_call call = { .op = DRIVER_PLACE, .n = b->n_regions, .regions = b->region };
  TRY(drivercheck_ask(b, &call));
  memset(b->written, 0, sizeof b->written);
  b->placed = true;
  return 0;
}

int drivercheck_program(struct bench *b, int region, const double *target, const uint8_t *mask,
                        struct drivercheck_written *w) {
  uint8_t all[BENCH_CELLS];
  memset(all, 1, sizeof all);
  struct driver_call call = { .op = DRIVER_PROGRAM,
                              .region = region,
                              .target = target,
                              .tolerance = b->p->tolerance,
                              .mask = mask                 ? mask
                                      : b->written[region] ? all
                                                           : NULL,
                              .reached = w->reached,
                              .status = w->status };
  TRY(drivercheck_ask(b, &call));
  b->written[region] = true;
  w->count = call.count;
  return 0;
}

int drivercheck_read(struct bench *b, int region, double *weight) {
  struct driver_call call = { .op = DRIVER_READ, .region = region, .reached = weight };
  return drivercheck_ask(b, &call);
}

int drivercheck_write(struct bench *b, const double *target) {
  struct drivercheck_written w;
  TRY(drivercheck_program(b, 0, target, NULL, &w));
  return drivercheck_read(b, 0, b->weight);
}

void drivercheck_random_targets(struct bench *b, double *target) {
  for (int k = 0; k < drivercheck_size(b); k++) {
    const double sign = rng_uniform(&b->rng) < 0.5 ? -1 : 1, size = rng_uniform(&b->rng);
    target[k] = sign * (0.1 + 0.85 * size);
  }
}

double drivercheck_read_limit(const struct bench *b) { return b->p->tolerance + 5 * sqrt(2) * b->read_sd; }

double drivercheck_least_share(const struct bench *b, int n) {
  return b->p->yield - 5 * sqrt(b->p->yield * (1 - b->p->yield) / n);
}

// ---- the run

// Regions side by side, one below the first where there is room, and one on the last of several cores.
static int plan(struct bench *b, const struct mx_driver_info *i) {
  b->R = i->rows < BENCH_ROWS ? i->rows : BENCH_ROWS;
  b->C = i->columns / 2 < BENCH_COLUMNS ? i->columns / 2 : BENCH_COLUMNS;
  if (b->R < 4 || b->C < 4)
    return err_set(ERR_SETTING, "%s: a core of %d x %d cells: the checks need 4 x 8", i->name, i->rows, i->columns);
  b->region[b->n_regions++] = (struct mx_region){ 0, 0, b->R, 0, b->C };
  b->region[b->n_regions++] = (struct mx_region){ 0, 0, b->R, b->C, b->C };
  if (i->rows >= 2 * b->R) b->region[b->n_regions++] = (struct mx_region){ 0, b->R, b->R, 0, b->C };
  if (i->cores > 1)
    b->region[b->n_regions++] = (struct mx_region){ i->cores - 1, i->rows - b->R, b->R, i->columns - b->C, b->C };
  b->top = b->step = (1 << (i->input_bits - 1)) - 1;
  b->end = ldexp(1, i->phases == 1 ? i->output_bits - 1 : i->output_bits) - 1;
  return 0;
}

// An error: the driver is a recording that has no answers to this.
static int run_check(struct bench *b, struct drivercheck *c, const struct drivercheck_entry *e, bool needs_regions) {
  struct drivercheck_row *row = &c->row[c->n++];
  *row = (struct drivercheck_row){ .name = e->name, .about = e->about };
  b->measured = row->measured;
  int result;
  if (b->dead) result = drivercheck_verdict(b, false, "the driver has ended");
  else if (needs_regions && !b->placed) result = drivercheck_verdict(b, false, "no regions are placed");
  else result = e->run(b);
  if (b->unrecorded) return ERR_FORMAT;
  if (result < 0) result = drivercheck_verdict(b, false, "%s", err_message());
  row->result = (enum drivercheck_result)result;
  c->failed += result == DRIVERCHECK_FAIL;
  return 0;
}

int drivercheck_run(struct drivercheck *c, const char *text, const struct driver_options *o,
                    const struct drivercheck_params *p) {
  static const struct drivercheck_entry *const parts[] = { drivercheck_cells, drivercheck_products, drivercheck_life };
  struct bench b = { .p = p,
                     .rng = rng_stream((uint64_t)p->seed, RNG_TEST, 0),
                     .draws = rng_stream((uint64_t)p->seed, RNG_READ, 0) };
  *c = (struct drivercheck){ 0 };
  TRY(driver_open(&b.d, text, o));
  c->info = b.d->info;
  int rc = plan(&b, &c->info);
  for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
    for (const struct drivercheck_entry *e = parts[k]; rc == 0 && e->name; e++)
      rc = run_check(&b, c, e, e > &drivercheck_cells[1] || k > 0);  // info and place come first
  const int closed = driver_close(b.d);
  return rc < 0 ? rc : closed;
}

// ---- printing

void drivercheck_print(const struct drivercheck *c, FILE *out) {
  const struct mx_driver_info *i = &c->info;
  fprintf(out, "%s: %d core%s of %d x %d cells, %d-bit inputs, %d-bit outputs, %d phase%s\n", i->name, i->cores,
          text_s(i->cores), i->rows, i->columns, i->input_bits, i->output_bits, i->phases, text_s(i->phases));
  for (int k = 0; k < c->n; k++)
    fprintf(out, "%-4s  %-16s  %s\n", result_names[c->row[k].result], c->row[k].name, c->row[k].measured);
}

struct json_t *drivercheck_json(const struct drivercheck *c) {
  struct json_t *o = json_object_new();
  json_put_text(o, "name", c->info.name);
  json_put_i64(o, "failed", c->failed);
  struct json_t *list = json_add_array(o, "checks");
  for (int k = 0; k < c->n; k++) {
    static const char *const words[] = { "fail", "pass", "skipped" };
    struct json_t *one = json_add_object(list, NULL);
    json_put_text(one, "name", c->row[k].name);
    json_put_text(one, "about", c->row[k].about);
    json_put_text(one, "measured", c->row[k].measured);
    json_put_text(one, "result", words[c->row[k].result]);
  }
  return o;
}
