// run.h - the settings that every experiment has, whatever is learned, and where settings come from.
//
// An experiment keeps plain structs of settings; struct run_settings is a view of those that the parts of run/ and the
// commands use. Priority: defaults < model file < -c FILE < command line. A note (base/note.h) says where one
// overrides another.
#ifndef RUN_RUN_H
#define RUN_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/param.h"
#include "base/settings.h"
#include "chip/chip.h"

struct tensorfile;

struct run_params {
  int64_t threads;  // 0: all cores
  int64_t seed;
};
extern const struct param run_param_table[];  // section "run"

int run_threads(const struct run_params *p);  // threads that run.threads stands for

// How the weights of an evaluation are represented.
enum run_synapse_kind { RUN_EXACT, RUN_QUANTISED, RUN_CHIP };
enum run_rounding { RUN_NEAREST, RUN_STOCHASTIC };  // stochastic: anew for each item
struct run_synapse_params {
  int64_t kind;                 // enum run_synapse_kind
  int64_t bits;                 // of quantised weights
  int64_t rounding;             // of these: enum run_rounding
  char state[PARAM_TEXT_SIZE];  // of a chip (chip/chipstate.h) to begin with; empty: one is programmed
};
extern const struct param run_synapse_param_table[];  // section "synapse"
extern const char *const run_synapse_names[], *const run_rounding_names[];

// Threads of an evaluation: one where chip.driver is used, as a driver has one chip.
int run_workers(const struct run_params *p, const struct run_synapse_params *synapse, const struct chip_params *chip);

// ERR_SETTING where these contradict each other or the evaluation: its chips, and whether it goes on later
// (eval.later_s). Asked before a chip is opened.
int run_synapse_check(const struct run_synapse_params *p, const struct chip_params *chip, int64_t n_chips, bool later);

struct training_params;

// ERR_SETTING for a setting of the user that has no effect with synapse.kind and the other settings of chips as they
// are.
struct run_sources;
int run_synapse_effects(const struct run_synapse_params *p, const struct chip_params *chip,
                        const struct run_sources *from);
// The same of the settings of every training.
int run_training_effects(const struct training_params *p, const struct run_sources *from);

// Views into the settings of an experiment, which owns all of it.
struct run_settings {
  struct settings_section *sections;
  struct run_params *run;
  struct training_params *training;
  struct run_synapse_params *synapse;
  struct chip_params *chip;
  struct ledger_params *ledger;
  int64_t *items;  // of an evaluation
};
// Sections of a chip, and views, of settings whose parts have the usual names.
#define RUN_CHIP_SECTIONS(set)                                                                                         \
  { "chip", chip_param_table, &(set)->chip }, { "verify", verify_param_table, &(set)->chip.verify }, {                 \
    "ledger", ledger_param_table, &(set)->ledger                                                                       \
  }
#define RUN_SETTINGS(set, items_)                                                                                      \
  ((struct run_settings){ .sections = (set)->sections,                                                                 \
                          .run = &(set)->run,                                                                          \
                          .training = &(set)->training,                                                                \
                          .synapse = &(set)->synapse,                                                                  \
                          .chip = &(set)->chip,                                                                        \
                          .ledger = &(set)->ledger,                                                                    \
                          .items = items_ })

// Where settings come from beside the defaults.
struct run_sources {
  const char *config;  // INI file, or NULL
  int n_assignments;
  char *const *assignments;  // section.name=value
};

// What an experiment makes of the settings of a model file before file and command line are applied: for instance that
// it is evaluated with as many updates as it was trained with. NULL: nothing.
typedef int run_adopt(void *context, const struct tensorfile *model);

// The settings of a model (NULL: none) named in `only` (settings_restore), then adopt, then the sources.
int run_resolve(const struct settings_section *sections, const struct tensorfile *model, const char *const *only,
                run_adopt *adopt, void *context, const struct run_sources *from);

// ERR_SETTING unless the setting that is assigned is in a list of what has an effect (settings_assigned).
int run_check_read(const char *const *reads, const char *assignment);

// ERR_SETTING if a setting of this list is assigned: it has an effect with `needs`
// ("synapse.kind=chip") only. run_refuse_but: those of `but` always have one.
int run_refuse(const struct run_sources *from, const char *const *settings, const char *needs);
int run_refuse_but(const struct run_sources *from, const char *const *settings, const char *const *but,
                   const char *needs);

// The settings of a training run: those it began with, if it is resumed (settings.ini of `folder`), then the sources.
int run_resolve_training(const struct settings_section *sections, const char *folder, bool resume,
                         const struct run_sources *from);

// All ranks (base/par_ranks.h): ERR_SETTING where program, data (their fingerprint) or settings differ from those of
// rank 0; matters: does "section.name" count? NULL: all but threads and paths.
int run_same_on_ranks(const struct settings_section *sections, bool (*matters)(const void *context, const char *key),
                      const void *context, const char *data);

#endif
