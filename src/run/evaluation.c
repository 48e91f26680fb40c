#include "run/evaluation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/note.h"
#include "base/par.h"
#include "base/signals.h"
#include "run/fleet.h"

// The items of the chip in use.
struct share {
  const struct evaluation *e;
  int first, step;
};

// Weights that are finite, but so large that their products are not, make no result.
static int check_finite(const double *record, size_t n, int item) {
  for (size_t i = 0; i < n; i++)
    if (!isfinite(record[i]))
      return err_set(ERR_DIVERGED,
                     "item %d: a loss, error or accuracy is %g: the weights or rates of the model are too "
                     "large",
                     item, record[i]);
  return 0;
}

static int run_item(void *context, int k, int worker, void *record) {
  const struct share *s = context;
  const int item = s->first + k * s->step;
  if (signals_caught()) return err_set(ERR_INTERRUPTED, "evaluation stopped by a signal; nothing is reported");
  TRY(s->e->item(s->e->context, item, worker, record));
  if (s->e->fleet) TRY(fleet_failure(s->e->fleet));
  return check_finite(record, s->e->record_bytes / sizeof(double), item);
}

// The records of the items first, first + step, ...
static int run_items(const struct evaluation *e, struct share *share, unsigned char *records) {
  const size_t size = e->record_bytes;
  const int n = (e->n_items - share->first + share->step - 1) / share->step;
  unsigned char *found = err_calloc((size_t)n, size);
  const int rc = par_map(e->par, n, size, run_item, share, found);
  for (int k = 0; k < n; k++)
    memcpy(records + (size_t)(share->first + k * share->step) * size, found + (size_t)k * size, size);
  free(found);
  return rc;
}

static int run_chip(const struct evaluation *e, int number, unsigned char *records, double *seconds) {
  const int step = e->fleet ? e->fleet->n_chips : 1;
  struct share share = { e, number, step };
  if (e->fleet) TRY(fleet_begin(e->fleet, number));
  int rc = e->begin ? e->begin(e->context) : 0;
  const double begin_s = clock_s();
  if (rc == 0) note_release(true);
  if (rc == 0 && e->fleet) fleet_mark(e->fleet);
  if (rc == 0) rc = run_items(e, &share, records);
  if (rc == 0 && e->fleet) rc = fleet_gather(e->fleet);
  *seconds += clock_s() - begin_s;
  if (e->end) e->end(e->context);
  char message[1000];
  snprintf(message, sizeof message, "%s", err_message());
  const int ended = e->fleet ? fleet_end(e->fleet) : 0;
  return rc < 0 ? err_set((enum err)rc, "%s", message) : ended;
}

int evaluation_run(const struct evaluation *e, void *records, double *seconds) {
  const int n_chips = e->fleet ? e->fleet->n_chips : 1;
  int rc = 0;
  signals_watch();
  for (int number = 0; number < n_chips && rc == 0; number++) rc = run_chip(e, number, records, seconds);
  signals_unwatch();
  return rc;
}
