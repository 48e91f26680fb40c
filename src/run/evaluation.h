// evaluation.h - many numbered items (tasks, movements), each measured by one thread, on software weights or on a fleet
// of chips: item k on chip k mod n. An item fills its record, doubles only; what is made of the records is the
// experiment's, with base/stat.h.
#ifndef RUN_EVALUATION_H
#define RUN_EVALUATION_H

#include <stddef.h>

struct fleet;
struct par;

struct evaluation {
  struct par *par;
  struct fleet *fleet;  // NULL: software
  int n_items;
  size_t record_bytes;
  void *context;
  // All workers are to use the chip that the fleet has begun with (fleet->place), or, without a fleet, software. NULL:
  // nothing to do.
  int (*begin)(void *context);
  // Measure an item and fill its record. Everything follows from the number.
  int (*item)(void *context, int item, int worker, void *record);
  // Before the chip ends. NULL: nothing to do.
  void (*end)(void *context);
};

// records (n_items, record_bytes), zeroed by the caller. *seconds is increased by the time spent on items.
// ERR_INTERRUPTED on a signal, else the error of the item with the lowest number on the first chip that failed, for
// example ERR_DIVERGED if its record holds a number that is not finite.
int evaluation_run(const struct evaluation *e, void *records, double *seconds);

#endif
