#include "run/fleet.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/par_ranks.h"

void fleet_init(struct fleet *f) {
  f->chip = NULL;
  f->place = err_calloc((size_t)f->n_workers, sizeof *f->place);
  f->mark = err_calloc((size_t)f->n_parts, sizeof *f->mark);
  for (int k = 0; k < f->n_workers; k++) f->place[k].part = err_calloc((size_t)f->n_parts, sizeof(struct ledger));
}

// Of all that the chips did.
static void note_ranges(const struct fleet *f) {
  struct ledger all = f->first, part;
  for (int k = 0; k < f->n_parts; k++) {
    fleet_part(&part, f, k);
    ledger_add(&all, &part);
  }
  const struct ledger_counts total = ledger_total(&all);
  ledger_note(&total);
}

void fleet_release(struct fleet *f) {
  if (f->place) note_ranges(f);
  if (f->chip) fleet_end(f);
  for (int k = 0; f->place && k < f->n_workers; k++) free(f->place[k].part);
  free(f->place);
  free(f->mark);
  f->place = NULL;
}

void fleet_account_of(struct fleet *f, int worker, struct chip *c, int part) {
  ledger_add(&f->place[worker].part[part], chip_ledger(c));
  ledger_reset(chip_ledger(c));
}

void fleet_account(struct fleet *f, int worker, int part) { fleet_account_of(f, worker, f->place[worker].clone, part); }

// A worker's copies at later times: those of the first age, the others are copies of them.
static void age(struct fleet *f, int worker) {
  struct fleet_place *p = &f->place[worker];
  for (int k = 0; k < f->n_later; k++) {
    p->aged[k] = chip_clone(worker ? f->place[0].aged[k] : k ? p->aged[k - 1] : f->chip);
    const int rc = chip_advance(p->aged[k], chip_clock(f->chip) + f->later_s[k], chip_rng(p->aged[k]));
    assert(rc == 0);  // the times rise, and fleet_begin has asked for the last
  }
}

// What the items found, and what they wrote on the chip, is lost with it; a recording is not.
static int failure(const struct chip *c) {
  const char *record = chip_settings(c)->record;
  const int rc = chip_failure(c);
  if (rc == 0) return 0;
  return err_set((enum err)rc, "%s; nothing was saved%s%s", err_message(), *record ? " but the calls, in " : "",
                 record);
}

int fleet_begin(struct fleet *f, int number) {
  const double last_s = f->n_later ? f->later_s[f->n_later - 1] : f->wait_s;
  f->number = number;
  TRY(f->deploy(f->context, number, &f->chip));
  if (*chip_settings(f->chip)->driver) assert(f->n_workers == 1 && f->n_chips == 1 && f->n_later == 0);
  int rc = lifetime_resume(f->chip, f->state, last_s);
  if (rc == 0) rc = failure(f->chip);
  if (rc < 0) {
    chip_free(f->chip);
    f->chip = NULL;
    return rc;
  }
  if (number == 0) {
    f->first = *chip_account(f->chip);
    f->quality = lifetime_quality(f->chip, 0);
    f->clock_s = chip_clock(f->chip);
  }
  for (int k = 0; k < f->n_workers; k++) {
    f->place[k].clone = chip_clone(f->chip);
    age(f, k);
  }
  return 0;
}

int fleet_failure(const struct fleet *f) { return failure(f->chip); }

int fleet_end(struct fleet *f) {
  for (int k = 0; k < f->n_workers; k++) {
    for (int i = 0; i < f->n_later; i++) chip_free(f->place[k].aged[i]);
    chip_free(f->place[k].clone);
  }
  const int rc = chip_close(f->chip);
  f->chip = NULL;
  return rc;
}

struct chip *fleet_restore(struct fleet *f, int worker) {
  struct chip *clone = f->place[worker].clone;
  chip_copy(clone, f->chip);
  ledger_reset(chip_ledger(clone));
  return clone;
}

void fleet_wait(struct fleet *f, int worker, struct rng *r) {
  struct chip *clone = f->place[worker].clone;
  if (f->wait_s <= 0) return;
  const int rc = chip_advance(clone, chip_clock(clone) + f->wait_s, r);
  assert(rc == 0);  // fleet_begin has asked
}

void fleet_part(struct ledger *sum, const struct fleet *f, int part) {
  *sum = (struct ledger){ .n_cores = f->first.n_cores };
  for (int k = 0; k < f->n_workers; k++) ledger_add(sum, &f->place[k].part[part]);
}

void fleet_mark(struct fleet *f) {
  if (par_ranks_count() == 1) return;
  for (int k = 0; k < f->n_parts; k++) fleet_part(&f->mark[k], f, k);
}

int fleet_gather(struct fleet *f) {
  const int count = par_ranks_count();
  if (count == 1) return 0;
  struct ledger *of = err_calloc((size_t)count, sizeof *of), *own = &of[par_ranks_number()];
  int rc = 0;
  for (int k = 0; k < f->n_parts && rc == 0; k++) {
    fleet_part(own, f, k);
    ledger_subtract(own, &f->mark[k]);
    rc = par_ranks_gather(of, sizeof *of);
    for (int r = 0; r < count && rc == 0; r++)
      if (r != par_ranks_number()) ledger_add(&f->place[0].part[k], &of[r]);
  }
  free(of);
  return rc;
}
