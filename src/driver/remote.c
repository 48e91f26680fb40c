// A driver that is a process: a request is a line of JSON on its standard input, an answer one on its standard output.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/dialogue.h"
#include "base/err.h"
#include "base/json.h"
#include "driver/calltext.h"

struct remote {
  struct driver base;
  struct dialogue dialogue;
  double now_s;  // its last answer about the time
};

static int ask_line(struct remote *r, const char *line, size_t size, struct driver_call *c) {
  char *answer, where[300];
  struct json_t *o;
  const double wait_s = c->op == DRIVER_WAIT ? fmax(0, c->until_s - r->now_s) : 0;
  TRY(dialogue_ask(&r->dialogue, line, size, r->base.timeout_s + wait_s, &answer));
  snprintf(where, sizeof where, "%s: answer to %s", r->base.name, driver_op_names[c->op]);
  TRY(json_parse(&o, answer, strlen(answer), where));
  const int rc = calltext_take(c, o, r->base.can.random, where);
  json_release(o);
  if (rc == 0 && c->op == DRIVER_NOW && !c->failure) r->now_s = c->now_s;
  return rc;
}

static int ask(struct driver *d, struct driver_call *c) {
  char *line;
  size_t size;
  struct json_t *request = calltext_request(c, d->can.random);
  int rc = json_line(&line, &size, request);
  json_release(request);
  if (rc < 0) return rc;
  rc = ask_line((struct remote *)d, line, size - 1, c);
  free(line);
  return rc;
}

static int close_remote(struct driver *d) {
  struct remote *r = (struct remote *)d;
  dialogue_end(&r->dialogue);
  free(r);
  return 0;
}

static const struct driver_kind kind = { ask, close_remote };

int remote_open(struct driver **d, const char *command, double timeout_s) {
  struct remote *r = err_calloc(1, sizeof *r);
  r->base.kind = &kind;
  r->base.timeout_s = timeout_s;
  snprintf(r->base.name, sizeof r->base.name, "%s", command);
  const int rc = dialogue_start(&r->dialogue, command);
  if (rc < 0) free(r);
  else *d = &r->base;
  return rc;
}
