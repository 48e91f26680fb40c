#include "driver/calltext.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

// Has the call a stream of random numbers?
static bool draws(const struct driver_call *c, bool random) {
  return random && (c->op == DRIVER_PROGRAM || c->op == DRIVER_PRODUCT);
}

static void put_i32s(struct json_t *o, const char *name, const int32_t *v, size_t n) {
  struct json_t *list = json_add_array(o, name);
  for (size_t k = 0; k < n; k++) json_put_i64(list, NULL, v[k]);
}

static void put_bytes(struct json_t *o, const char *name, const uint8_t *v, size_t n) {
  struct json_t *list = json_add_array(o, name);
  for (size_t k = 0; k < n; k++) json_put_i64(list, NULL, v[k]);
}

static void put_random(struct json_t *o, const struct driver_call *c) {
  struct json_t *list = json_add_array(o, "random");
  for (int k = 0; k < MX_DRIVER_RANDOM; k++) json_put_i64(list, NULL, c->random[k]);
}

static void put_regions(struct json_t *o, const struct driver_call *c) {
  struct json_t *list = json_add_array(o, "regions");
  for (int k = 0; k < c->n; k++) {
    const struct mx_region *r = &c->regions[k];
    struct json_t *one = json_add_object(list, NULL);
    json_put_i64(one, "core", r->core);
    json_put_i64(one, "row", r->row);
    json_put_i64(one, "rows", r->rows);
    json_put_i64(one, "column", r->column);
    json_put_i64(one, "columns", r->columns);
  }
}

struct json_t *calltext_request(const struct driver_call *c, bool random) {
  struct json_t *o = json_object_new();
  json_put_text(o, "call", driver_op_names[c->op]);
  switch (c->op) {
  case DRIVER_PLACE: put_regions(o, c); break;
  case DRIVER_PROGRAM:
    json_put_i64(o, "region", c->region);
    json_put_f64s(o, "target", c->target, driver_cells(c));
    if (c->mask) put_bytes(o, "mask", c->mask, driver_cells(c));
    json_put_f64(o, "tolerance", c->tolerance);
    break;
  case DRIVER_READ: json_put_i64(o, "region", c->region); break;
  case DRIVER_PRODUCT:
  case DRIVER_RANGE:
    json_put_i64(o, "region", c->region);
    json_put_i64(o, "vectors", c->n);
    put_i32s(o, "input", c->input, (size_t)c->n * (size_t)c->shape.rows);
    if (c->op == DRIVER_PRODUCT) break;
    json_put_f64(o, "margin", c->margin);
    json_put_f64(o, "least", c->least);
    break;
  case DRIVER_WAIT: json_put_f64(o, "until_s", c->until_s); break;
  default: break;
  }
  if (draws(c, random)) put_random(o, c);
  return o;
}

// Of the cells that were not programmed nothing is known: 0.
static void put_programmed(struct json_t *o, const struct driver_call *c) {
  struct json_t *reached = json_add_array(o, "reached"), *status = json_add_array(o, "status");
  for (size_t k = 0; k < driver_cells(c); k++) {
    const bool asked = !c->mask || c->mask[k];
    json_put_f64(reached, NULL, asked ? c->reached[k] : 0);
    json_put_i64(status, NULL, asked ? c->status[k] : 0);
  }
  json_put_i64(o, "devices", c->count.devices);
  json_put_i64(o, "pulses", c->count.pulses);
  json_put_i64(o, "reads", c->count.reads);
  json_put_i64(o, "most_writes", c->count.most_writes);
}

static void put_info(struct json_t *o, const struct driver_call *c) {
  const struct mx_driver_info *i = &c->info;
  json_put_text(o, "name", i->name);
  json_put_i64(o, "cores", i->cores);
  json_put_i64(o, "rows", i->rows);
  json_put_i64(o, "columns", i->columns);
  json_put_i64(o, "devices", i->devices);
  json_put_f64(o, "g_max_uS", i->g_max_uS);
  json_put_i64(o, "input_bits", i->input_bits);
  json_put_i64(o, "output_bits", i->output_bits);
  json_put_i64(o, "phases", i->phases);
  json_put_f64(o, "vector_s", i->vector_s);
  json_put_bool(o, "range", c->can.range);
  json_put_bool(o, "save", c->can.save);
  json_put_bool(o, "random", c->can.random);
}

struct json_t *calltext_answer(const struct driver_call *c, bool random) {
  struct json_t *o = json_object_new();
  if (c->failure) {
    const char *name = "failed";
    for (const struct driver_failure *f = driver_failures; f->name; f++)
      if (f->code == c->failure) name = f->name;
    json_put_text(o, "error", name);
    if (*c->message) json_put_text(o, "message", c->message);
    return o;
  }
  switch (c->op) {
  case DRIVER_INFO: put_info(o, c); break;
  case DRIVER_PROGRAM: put_programmed(o, c); break;
  case DRIVER_READ: json_put_f64s(o, "weight", c->reached, driver_cells(c)); break;
  case DRIVER_PRODUCT: put_i32s(o, "output", c->output, (size_t)c->n * (size_t)c->shape.columns); break;
  case DRIVER_RANGE: json_put_f64(o, "code_uS", c->code_uS); break;
  case DRIVER_NOW: json_put_f64(o, "now_s", c->now_s); break;
  default: break;
  }
  if (draws(c, random)) put_random(o, c);
  return o;
}

// ---- reading an answer

// The list `name` of n numbers.
static int find_list(struct json_t **list, const struct json_t *o, const char *where, const char *name, size_t n) {
  TRY(json_field_array(o, where, name, list));
  if (json_length(*list) == n) return 0;
  return err_set(ERR_FORMAT, "%s: %s has %zu values, expected %zu", where, name, json_length(*list), n);
}

static int take_f64s(double *v, const struct json_t *o, const char *where, const char *name, size_t n) {
  struct json_t *list;
  TRY(find_list(&list, o, where, name, n));
  for (size_t k = 0; k < n; k++) TRY(json_item_f64(list, where, k, -1e300, 1e300, &v[k]));
  return 0;
}

static int take_i64(int *v, const struct json_t *o, const char *where, const char *name) {
  int64_t i;
  TRY(json_field_i64(o, where, name, INT32_MIN, INT32_MAX, &i));
  *v = (int)i;
  return 0;
}

static int take_info(struct driver_call *c, const struct json_t *o, const char *where) {
  struct mx_driver_info *i = &c->info;
  const char *name;
  *i = (struct mx_driver_info){ 0 };
  TRY(json_field_text(o, where, "name", &name));
  snprintf(i->name, sizeof i->name, "%s", name);
  TRY(take_i64(&i->cores, o, where, "cores"));
  TRY(take_i64(&i->rows, o, where, "rows"));
  TRY(take_i64(&i->columns, o, where, "columns"));
  TRY(take_i64(&i->devices, o, where, "devices"));
  TRY(json_field_f64(o, where, "g_max_uS", 0, 1e300, &i->g_max_uS));
  TRY(take_i64(&i->input_bits, o, where, "input_bits"));
  TRY(take_i64(&i->output_bits, o, where, "output_bits"));
  TRY(take_i64(&i->phases, o, where, "phases"));
  if (json_has(o, "vector_s")) TRY(json_field_f64(o, where, "vector_s", 0, 1e300, &i->vector_s));
  c->can = (struct driver_abilities){ 0 };
  if (json_has(o, "range")) TRY(json_field_bool(o, where, "range", &c->can.range));
  if (json_has(o, "save")) TRY(json_field_bool(o, where, "save", &c->can.save));
  if (json_has(o, "random")) TRY(json_field_bool(o, where, "random", &c->can.random));
  return 0;
}

// A count that an answer may leave out.
static int take_count(int64_t *v, const struct json_t *o, const char *where, const char *name) {
  return json_has(o, name) ? json_field_i64(o, where, name, 0, INT64_C(1) << 53, v) : 0;
}

static int take_programmed(struct driver_call *c, const struct json_t *o, const char *where) {
  struct json_t *status;
  const size_t n = driver_cells(c);
  TRY(take_f64s(c->reached, o, where, "reached", n));
  TRY(find_list(&status, o, where, "status", n));
  for (size_t k = 0; k < n; k++) {
    int64_t v;
    TRY(json_item_i64(status, where, k, 0, MX_CELL_STUCK, &v));
    c->status[k] = (uint8_t)v;
  }
  TRY(json_field_i64(o, where, "devices", 0, INT64_C(1) << 53, &c->count.devices));
  TRY(take_count(&c->count.pulses, o, where, "pulses"));
  TRY(take_count(&c->count.reads, o, where, "reads"));
  return take_count(&c->count.most_writes, o, where, "most_writes");
}

static int take_output(struct driver_call *c, const struct json_t *o, const char *where) {
  struct json_t *list;
  const size_t n = (size_t)c->n * (size_t)c->shape.columns;
  TRY(find_list(&list, o, where, "output", n));
  for (size_t k = 0; k < n; k++) {
    int64_t v;
    TRY(json_item_i64(list, where, k, INT32_MIN, INT32_MAX, &v));
    c->output[k] = (int32_t)v;
  }
  return 0;
}

static int take_random(struct driver_call *c, const struct json_t *o, const char *where) {
  struct json_t *list;
  TRY(find_list(&list, o, where, "random", MX_DRIVER_RANDOM));
  for (size_t k = 0; k < MX_DRIVER_RANDOM; k++) {
    int64_t v;
    TRY(json_item_i64(list, where, k, 0, UINT32_MAX, &v));
    c->random[k] = (uint32_t)v;
  }
  return 0;
}

static int take_failure(struct driver_call *c, const struct json_t *o, const char *where) {
  const char *name, *message = "";
  TRY(json_field_text(o, where, "error", &name));
  if (json_has(o, "message")) TRY(json_field_text(o, where, "message", &message));
  snprintf(c->message, sizeof c->message, "%s", message);
  for (const struct driver_failure *f = driver_failures; f->name; f++)
    if (!strcmp(f->name, name)) c->failure = f->code;
  return c->failure ? 0 : err_set(ERR_FORMAT, "%s: error=%s: no such error", where, name);
}

int calltext_take(struct driver_call *c, const struct json_t *o, bool random, const char *where) {
  if (json_has(o, "error")) return take_failure(c, o, where);
  switch (c->op) {
  case DRIVER_INFO: TRY(take_info(c, o, where)); break;
  case DRIVER_PROGRAM: TRY(take_programmed(c, o, where)); break;
  case DRIVER_READ: TRY(take_f64s(c->reached, o, where, "weight", driver_cells(c))); break;
  case DRIVER_PRODUCT: TRY(take_output(c, o, where)); break;
  case DRIVER_RANGE: TRY(json_field_f64(o, where, "code_uS", 0, 1e300, &c->code_uS)); break;
  case DRIVER_NOW: TRY(json_field_f64(o, where, "now_s", 0, 1e300, &c->now_s)); break;
  default: break;
  }
  return draws(c, random) ? take_random(c, o, where) : 0;
}
