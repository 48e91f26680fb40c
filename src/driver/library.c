// A driver as a table of functions: of a shared object, or of this program.
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "driver/driver.h"

struct library {
  struct driver base;
  const struct mx_driver *table;
  void *device, *object;  // object: of dlopen, NULL if none
};

static void take_message(const struct library *l, struct driver_call *c) {
  const char *text = l->table->message ? l->table->message(l->device) : NULL;
  snprintf(c->message, sizeof c->message, "%s", text ? text : "");
}

static int dispatch(const struct library *l, struct driver_call *c) {
  const struct mx_driver *t = l->table;
  void *const device = l->device;
  switch (c->op) {
  case DRIVER_INFO:
    c->can = (struct driver_abilities){ .range = t->range, .save = t->save && t->restore, .random = t->random };
    return t->info(device, &c->info);
  case DRIVER_PLACE: return t->place(device, c->n, c->regions);
  case DRIVER_PROGRAM:
    return t->program(device, c->region, c->target, c->mask, c->tolerance, c->reached, c->status, &c->count);
  case DRIVER_READ: return t->read(device, c->region, c->reached);
  case DRIVER_PRODUCT: return t->product(device, c->region, c->n, c->input, c->output);
  case DRIVER_RANGE: return t->range(device, c->region, c->n, c->input, c->margin, c->least, &c->code_uS);
  case DRIVER_NOW: return t->now(device, &c->now_s);
  case DRIVER_WAIT: return t->wait(device, c->until_s);
  case DRIVER_RESET: return t->reset(device);
  case DRIVER_SAVE: return t->save(device);
  case DRIVER_RESTORE: return t->restore(device);
  case DRIVER_OPS: break;
  }
  return MX_DRIVER_FAILED;
}

static int ask(struct driver *d, struct driver_call *c) {
  const struct library *l = (struct library *)d;
  const bool draws = d->can.random && (c->op == DRIVER_PROGRAM || c->op == DRIVER_PRODUCT);
  if (draws) c->failure = l->table->random(l->device, c->random, 1);
  if (!c->failure) c->failure = dispatch(l, c);
  if (draws && !c->failure) c->failure = l->table->random(l->device, c->random, 0);
  if (c->failure) take_message(l, c);
  return 0;
}

static int close_library(struct driver *d) {
  struct library *l = (struct library *)d;
  l->table->close(l->device);
  if (l->object) dlclose(l->object);
  free(l);
  return 0;
}

static const struct driver_kind kind = { ask, close_library };

static int check_table(const struct mx_driver *t, const char *name) {
  if (!t) return err_set(ERR_FORMAT, "chip.driver=%s: metaxbar_driver() returned no table", name);
  if (t->abi != MX_DRIVER_ABI)
    return err_set(ERR_FORMAT, "chip.driver=%s: made for version %d of metaxbar_driver.h, this program has %d", name,
                   t->abi, MX_DRIVER_ABI);
  const struct {
    const char *name;
    int present;
  } needed[] = {
    { "open", t->open != NULL },       { "info", t->info != NULL }, { "place", t->place != NULL },
    { "program", t->program != NULL }, { "read", t->read != NULL }, { "product", t->product != NULL },
    { "now", t->now != NULL },         { "wait", t->wait != NULL }, { "reset", t->reset != NULL },
    { "close", t->close != NULL },
  };
  for (size_t k = 0; k < sizeof needed / sizeof *needed; k++)
    if (!needed[k].present)
      return err_set(ERR_FORMAT, "chip.driver=%s: the function %s is missing", name, needed[k].name);
  return 0;
}

int library_wrap(struct driver **d, const struct mx_driver *table, const char *name, const char *arguments) {
  TRY(check_table(table, name));
  struct library *l = err_calloc(1, sizeof *l);
  *l = (struct library){ .base.kind = &kind, .table = table };
  snprintf(l->base.name, sizeof l->base.name, "%s", name);
  const int failure = table->open(&l->device, arguments);
  if (failure) {
    struct driver_call c = { .failure = failure };
    take_message(l, &c);
    free(l);
    return err_set(failure == MX_DRIVER_BUSY ? ERR_BUSY : ERR_IO, "chip.driver=%s:%s: cannot be opened%s%s", name,
                   arguments, *c.message ? ": " : "", c.message);
  }
  *d = &l->base;
  return 0;
}

int library_open(struct driver **d, const char *text) {
  const char *colon = strchr(text, ':');
  char path[4096];
  if (!colon) colon = text + strlen(text);
  const int length = (int)(colon - text);
  snprintf(path, sizeof path, "%s%.*s", memchr(text, '/', (size_t)length) ? "" : "./", length, text);
  TRY(file_refuse_pipe(path));
  void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!object) return err_set(ERR_IO, "chip.driver=%s: %s", text, dlerror());
  const struct mx_driver *(*get)(void);
  void *symbol = dlsym(object, "metaxbar_driver");
  memcpy(&get, &symbol, sizeof get);
  int rc = symbol ? library_wrap(d, get(), path, *colon ? colon + 1 : "")
                  : err_set(ERR_FORMAT, "chip.driver=%s: no driver: it does not export metaxbar_driver", text);
  if (rc < 0) dlclose(object);
  else ((struct library *)*d)->object = object;
  return rc;
}
