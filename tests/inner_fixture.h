// inner_fixture.h - a task of learn/adapt.h on a read-out, and its losses after every update as a function of what is
// in it, for gradient checks.
#ifndef TESTS_INNER_FIXTURE_H
#define TESTS_INNER_FIXTURE_H

#include "learn/adapt.h"
#include "readout_fixture.h"

enum { WAYS = 3 };

struct inner {
  struct adapt_task task;
  struct adapt_record record;
  struct synapse *readout;
  struct readout_fixture at;
};

// label (S + Q); the read-out becomes the inner's.
static inline void inner_init(struct inner *t, const int *label, struct synapse *readout) {
  memset(t, 0, sizeof *t);
  readout_fixture_draw(&t->at, WAYS, 0.3, 0.1);
  t->task = (struct adapt_task){
    .ways = WAYS, .steps = STEPS, .S = S, .Q = Q, .C = C, .h = t->at.h, .label = label, .rate = t->at.rate
  };
  t->readout = readout;
  adapt_record_init(&t->record, WAYS, STEPS, S, Q, C);
}

static inline void inner_release(struct inner *t) {
  adapt_record_release(&t->record);
  t->readout->ops->free(t->readout);
}

// For gradient_check; context: a struct inner.
static inline double inner_loss(void *context, uint64_t *pattern) {
  struct inner *t = context;
  double sum = 0;
  (void)pattern;
  t->readout->ops->program(t->readout, t->at.w0, NULL);
  adapt_run(&t->record, &t->task, t->readout, NULL);
  for (int s = 0; s <= STEPS; s++) sum += t->at.weight[s] * t->record.query_loss[s];
  return sum;
}

#endif
