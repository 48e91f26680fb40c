// fleet.h - n chips programmed independently, one after the other; every worker has a copy of the one in use.
// Item k of an evaluation belongs to chip k mod n. Its operations are counted in parts of a ledger (chip/ledger.h).
//
//   fleet_begin(f, number)            program chip `number`, load its state, let chip.time_s pass, copy it for every
//   worker fleet_restore(f, worker)          before each item: the copy as it was
//   fleet_account(f, worker, part)    its operations since the last call are of this part
//   fleet_end(f)
#ifndef RUN_FLEET_H
#define RUN_FLEET_H

#include "chip/chip.h"
#include "chip/lifetime.h"

enum { FLEET_MAX_LATER = 16 };

// A worker's copies of the chip in use.
struct fleet_place {
  struct chip *clone;
  struct chip *aged[FLEET_MAX_LATER];  // the chip at later_s, untouched by items
  struct ledger *part;                 // (n_parts)
};

struct fleet {
  int n_chips, n_workers, n_parts;
  int n_later;                      // copies at later times
  double later_s[FLEET_MAX_LATER];  // rising, after chip.time_s
  double wait_s;                    // how far fleet_wait lets a copy's clock run
  const char *state;                // file of synapse.state, ""
  // Program and calibrate chip number k, at time 0; the fleet frees it.
  int (*deploy)(void *context, int number, struct chip **chip);
  void *context;
  // written by the functions below
  int number;
  struct chip *chip;                // in use; NULL between fleet_end and fleet_begin
  struct fleet_place *place;        // (n_workers)
  struct ledger first;              // what writing the first chip took
  struct lifetime_quality quality;  // how accurately it stored its first matrix then
  double clock_s;                   // of the first chip when items begin
  struct ledger *mark;              // (n_parts) by fleet_mark, the parts so far
};

// The fields above `written by` are set.
void fleet_init(struct fleet *f);
void fleet_release(struct fleet *f);

int fleet_begin(struct fleet *f, int number);
// ERR_IO if a recording of chip.driver cannot be completed.
int fleet_end(struct fleet *f);
// The failure of the chip in use, if it has failed (chip_failure).
int fleet_failure(const struct fleet *f);

// The worker's copy as the chip is, its ledger empty.
struct chip *fleet_restore(struct fleet *f, int worker);
// Let wait_s pass on the worker's copy.
void fleet_wait(struct fleet *f, int worker, struct rng *r);

void fleet_account(struct fleet *f, int worker, int part);
// The same of another chip of the worker's.
void fleet_account_of(struct fleet *f, int worker, struct chip *c, int part);
// Around the items of a chip: what other ranks (base/par_ranks.h) did in between is added. Everything outside is done
// by each rank alike, and counts once.
void fleet_mark(struct fleet *f);
int fleet_gather(struct fleet *f);

// Sum of a part over all workers.
void fleet_part(struct ledger *sum, const struct fleet *f, int part);

#endif
