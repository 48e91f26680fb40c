// alternatives.h - what learning on the chip costs and gains against learning beside it: the same items (tasks) of an
// experiment on the same chips, learned in several ways; scores right after and later, each way compared with the first
// item by item (base/stat.h), and what one takes: devices written, energy, time of the chip.
#ifndef LAB_ALTERNATIVES_H
#define LAB_ALTERNATIVES_H

#include <stdio.h>

#include "base/stat.h"
#include "experiment/alternatives.h"

struct experiment;
struct experiment_case;
struct json_t;
struct run_sources;

// Energies in J, of reading the chip, of writing it, of arithmetic beside it; time of the chip in s. NAN: unknown.
struct alternatives_cost {
  double chip_J, write_J, digital_J, chip_s;
};

struct alternatives_row {
  struct stat_interval score[1 + FLEET_MAX_LATER];
  struct stat_difference from_first[1 + FLEET_MAX_LATER];  // this way's score - the first's; 0 for the first
  struct alternatives_cost learning, query;
};

struct alternatives {
  struct experiment_alternatives e;
  const struct ledger_params *ledger;    // borrowed
  const struct digital_params *digital;  // borrowed
  struct alternatives_row row[EXPERIMENT_ALTERNATIVES];
};

// ERR_SETTING where the experiment of this model file has no alternatives.
int alternatives_check(const struct experiment *e, const char *model);
// ERR_SETTING for a setting of the user without effect beside the others.
int alternatives_effects(struct experiment_case *x, const struct run_sources *from);
// Measure, on chips whatever synapse.kind is, which is back at the end.
int alternatives_run(struct alternatives *a, const struct digital_params *p, struct experiment_case *x);
void alternatives_release(struct alternatives *a);

void alternatives_print(const struct alternatives *a, FILE *out);
// CSV, a row an item: its number, its chip, its scores in every way, right after learning and later.
int alternatives_save(const struct alternatives *a, const char *path);
struct json_t *alternatives_json(const struct alternatives *a);

#endif
