// A layer that spoils the answers of the driver it stands around, to see how a program copes.
// A list, separated by commas, of CALL@NUMBER=WHAT: the NUMBER-th call (from 1) of that name, or of any, named "call".
//   WHAT: timeout, busy, argument, lost, worn, failed   the call fails so; after lost every later call does
//         delay:SECONDS                                 the answer comes later
//         saturate                                      all output codes are the largest (product)
//         zero                                          all output codes or weights are 0 (product, read)
// Example: chip.driver_faults=product@100=timeout,program@3=worn
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "driver/driver.h"

enum { FAULTS_MAX = 32 };
enum effect { EFFECT_FAIL, EFFECT_DELAY, EFFECT_SATURATE, EFFECT_ZERO };

struct fault {
  int op;  // enum driver_op; DRIVER_OPS: any
  int64_t number;
  enum effect effect;
  int failure;
  double delay_s;
};

struct faults {
  struct driver base, *around;
  struct fault fault[FAULTS_MAX];
  int n;
  int64_t calls[DRIVER_OPS + 1];
  bool lost;
};

static int parse_effect(struct fault *f, const char *what) {
  char *end;
  for (const struct driver_failure *k = driver_failures; k->name; k++)
    if (!strcmp(what, k->name)) {
      f->effect = EFFECT_FAIL;
      f->failure = k->code;
      return 0;
    }
  if (!strcmp(what, "saturate")) f->effect = EFFECT_SATURATE;
  else if (!strcmp(what, "zero")) f->effect = EFFECT_ZERO;
  else if (!strncmp(what, "delay:", 6)) {
    f->effect = EFFECT_DELAY;
    f->delay_s = strtod(what + 6, &end);
    if (end == what + 6 || *end || !(f->delay_s >= 0 && f->delay_s <= 3600)) return -1;
  } else return -1;
  return 0;
}

// CALL@NUMBER=WHAT, in place.
static int parse_fault(struct fault *f, char *text) {
  char *number = strchr(text, '@'), *what = strchr(text, '='), *end;
  if (!number || !what || what < number) return -1;
  *number++ = 0;
  *what++ = 0;
  f->op = 0;
  while (f->op < DRIVER_OPS && strcmp(driver_op_names[f->op], text)) f->op++;
  if (f->op == DRIVER_OPS && strcmp(text, "call")) return -1;
  f->number = strtoll(number, &end, 10);
  if (end == number || *end || f->number < 1) return -1;
  return parse_effect(f, what);
}

static int parse(struct faults *f, const char *list) {
  char *text = err_strdup(list), *rest = text;
  int rc = 0;
  for (char *one; rc == 0 && (one = strsep(&rest, ",")) != NULL; f->n++) {
    char copy[100];
    snprintf(copy, sizeof copy, "%s", one);
    if (f->n == FAULTS_MAX) rc = err_set(ERR_SETTING, "chip.driver_faults: more than %d faults", FAULTS_MAX);
    else if (parse_fault(&f->fault[f->n], one) < 0)
      rc =
        err_set(ERR_SETTING, "chip.driver_faults: '%s': must be CALL@NUMBER=WHAT, such as product@100=timeout", copy);
  }
  free(text);
  return rc;
}

static void wait_s(double s) {
  const struct timespec t = { .tv_sec = (time_t)s, .tv_nsec = (long)((s - floor(s)) * 1e9) };
  nanosleep(&t, NULL);
}

static void fail(struct faults *f, struct driver_call *c, int failure) {
  c->failure = failure;
  snprintf(c->message, sizeof c->message, "as chip.driver_faults asks");
  f->lost |= failure == MX_DRIVER_LOST;
}

static void spoil(const struct driver *d, struct driver_call *c, enum effect effect) {
  const int bits = d->info.output_bits;
  const double most = d->info.phases == 1 ? ldexp(1, bits - 1) - 1 : 2 * (ldexp(1, bits) - 1);
  for (size_t k = 0; c->op == DRIVER_PRODUCT && k < (size_t)c->n * (size_t)c->shape.columns; k++)
    c->output[k] = effect == EFFECT_ZERO ? 0 : (int32_t)most;
  for (size_t k = 0; c->op == DRIVER_READ && effect == EFFECT_ZERO && k < driver_cells(c); k++) c->reached[k] = 0;
}

static int ask(struct driver *d, struct driver_call *c) {
  struct faults *f = (struct faults *)d;
  f->calls[c->op]++;
  f->calls[DRIVER_OPS]++;
  if (f->lost) {
    fail(f, c, MX_DRIVER_LOST);
    return 0;
  }
  const struct fault *due = NULL;
  for (const struct fault *k = f->fault; k < f->fault + f->n; k++)
    if ((k->op == (int)c->op || k->op == DRIVER_OPS) && k->number == f->calls[k->op]) due = k;
  if (due && due->effect == EFFECT_FAIL) {
    fail(f, c, due->failure);
    return 0;
  }
  TRY(driver_forward(f->around, c));
  if (due && due->effect == EFFECT_DELAY) wait_s(due->delay_s);
  else if (due && !c->failure) spoil(d, c, due->effect);
  return 0;
}

static int close_faults(struct driver *d) {
  struct faults *f = (struct faults *)d;
  const int rc = driver_close(f->around);
  free(f);
  return rc;
}

static const struct driver_kind kind = { ask, close_faults };

int faults_open(struct driver **d, struct driver *around, const char *list) {
  struct faults *f = err_calloc(1, sizeof *f);
  f->base = (struct driver){ .kind = &kind };
  snprintf(f->base.name, sizeof f->base.name, "%s", around->name);
  f->around = around;
  const int rc = parse(f, list);
  if (rc < 0) free(f);
  else *d = &f->base;
  return rc;
}
