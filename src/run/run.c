#include "run/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/note.h"
#include "base/par.h"
#include "base/par_ranks.h"
#include "base/tensorfile.h"
#include "chip/chipstate.h"
#include "kernel/peak.h"
#include "run/rundir.h"
#include "run/training.h"
#include "build_info.h"

const char *const run_synapse_names[] = { "exact", "quantised", "chip", NULL };
const char *const run_rounding_names[] = { "nearest", "stochastic", NULL };

const struct param run_param_table[] = {
#define P struct run_params
  PARAM_I64(P, threads, 0, 0, 1024, "worker threads; 0: one per core. The results do not depend on it"),
  PARAM_I64(P, seed, 1, 0, 9007199254740992, "seed of all random numbers"),
#undef P
  { 0 },
};

const struct param run_synapse_param_table[] = {
#define P struct run_synapse_params
  PARAM_CHOICE(P, kind, RUN_EXACT, run_synapse_names,
               "representation of the weights: exact or quantised numbers, or the devices of a chip"),
  PARAM_I64(P, bits, 4, 2, 16, "bits of quantised weights"),
  PARAM_CHOICE(P, rounding, RUN_NEAREST, run_rounding_names,
               "rounding of quantised weights in an evaluation; stochastic: anew for each task"),
  PARAM_TEXT(P, state, "", "chip: file of a chip's state (chip export), used in place of a newly programmed chip"),
#undef P
  { 0 },
};

int run_workers(const struct run_params *p, const struct run_synapse_params *synapse, const struct chip_params *chip) {
  return synapse->kind == RUN_CHIP && *chip->driver ? 1 : run_threads(p);
}

int run_threads(const struct run_params *p) { return p->threads ? (int)p->threads : par_cores(); }

// A driver has one chip, whose time is everybody's, and programs it anew.
static int check_driver(const struct run_synapse_params *p, const char *driver, int64_t n_chips, bool later) {
  if (n_chips > 1) return err_set(ERR_SETTING, "eval.chips=%d: chip.driver=%s is one chip", (int)n_chips, driver);
  if (par_ranks_count() > 1)
    return err_set(ERR_SETTING, "chip.driver=%s: is one chip, and cannot be divided among %d ranks", driver,
                   par_ranks_count());
  if (later)
    return err_set(ERR_SETTING, "eval.later_s: chip.driver=%s cannot be put back in time for the next item", driver);
  if (p->state[0])
    return err_set(ERR_SETTING,
                   "synapse.state=%s: chip.driver=%s is programmed anew; a state belongs to a simulated chip", p->state,
                   driver);
  return 0;
}

int run_synapse_check(const struct run_synapse_params *p, const struct chip_params *chip, int64_t n_chips, bool later) {
  if (n_chips > 1 && p->kind != RUN_CHIP)
    return err_set(ERR_SETTING, "eval.chips=%lld: there are chips with synapse.kind=chip only", (long long)n_chips);
  if (p->kind == RUN_CHIP && *chip->driver) TRY(check_driver(p, chip->driver, n_chips, later));
  if (!p->state[0]) return 0;
  if (p->kind != RUN_CHIP || n_chips > 1)
    return err_set(ERR_SETTING, "synapse.state=%s: the state of one chip, for synapse.kind=chip eval.chips=1",
                   p->state);
  return chipstate_check_path("synapse.state=", p->state);
}

// A setting of chips that another one makes superfluous.
static int chip_effects(const struct chip_params *p, const struct run_sources *from) {
  static const char *const verify[] = { "verify", NULL }, *const preset[] = { "chip.preset", NULL },
                           *const threshold[] = { "chip.update_threshold", NULL },
                           *const levels[] = { "chip.update_levels", NULL },
                           *const again[] = { "chip.recalibrate_s", NULL };
  if (p->programming == VERIFY_STATISTICAL) TRY(run_refuse(from, verify, "chip.programming=verify"));
  if (p->table[0]) TRY(run_refuse(from, preset, "an empty chip.table"));
  if (p->update != CHIP_THRESHOLD) TRY(run_refuse(from, threshold, "chip.update=threshold"));
  if (p->update == CHIP_ALL || p->update == CHIP_THRESHOLD)
    TRY(run_refuse(from, levels, "chip.update=stochastic or nearest"));
  return p->correction == CHIP_NONE ? run_refuse(from, again, "chip.correction=column or global") : 0;
}

int run_synapse_effects(const struct run_synapse_params *p, const struct chip_params *c,
                        const struct run_sources *from) {
  static const char *const chip[] = { "chip", "verify", "ledger", "eval.chips", "eval.later_s", "synapse.state", NULL };
  static const char *const quantised[] = { "synapse.bits", "synapse.rounding", NULL };
  if (p->kind != RUN_CHIP) TRY(run_refuse(from, chip, "synapse.kind=chip"));
  else TRY(chip_effects(c, from));
  return p->kind == RUN_QUANTISED ? 0 : run_refuse(from, quantised, "synapse.kind=quantised");
}

int run_training_effects(const struct training_params *p, const struct run_sources *from) {
  static const char *const steps[] = { "train.decay", "train.decay_every", NULL };
  return p->schedule == TRAINING_STEPS ? 0 : run_refuse(from, steps, "train.schedule=steps");
}

// ---- priority of the sources

// All settings as lines section.name=value.
struct snapshot {
  char *text;
  size_t size;
};

static struct snapshot snapshot(const struct settings_section *sections) {
  struct snapshot s = { 0 };
  FILE *out = open_memstream(&s.text, &s.size);
  if (!out) abort();
  settings_print_lines(sections, out);
  fclose(out);
  return s;
}

// Where a setting stood before: in the model file or in the INI file.
struct origin {
  const struct tensorfile *model;
  const char *const *only;
  const char *config;
};

// One line for each setting that differs between `before` and `after` and that somebody had set: the INI file, where
// `before` differs from `first`, or the model file.
static void report_hidden(const struct snapshot *before, const struct snapshot *after, const struct snapshot *first,
                          const struct origin *origin, const char *by) {
  const char *b = before->text, *a = after->text, *f = first->text;
  while (*b && *a && *f) {
    const int nb = (int)strcspn(b, "\n"), na = (int)strcspn(a, "\n"), nf = (int)strcspn(f, "\n");
    const int key = (int)strcspn(b, "=");
    char name[128], section[128];
    snprintf(name, sizeof name, "%.*s", key, b);
    snprintf(section, sizeof section, "%.*s", (int)strcspn(name, "."), name);
    const int shown_a = settings_is_secret(name) ? key : na, shown_b = settings_is_secret(name) ? 0 : nb - key - 1;
    const bool differs = na != nb || memcmp(a, b, (size_t)na), by_file = nf != nb || memcmp(f, b, (size_t)nb);
    if (differs && by_file)
      note_setting("%.*s (%s) overrides %.*s of %s", shown_a, a, by, shown_b, b + key + 1, origin->config);
    else if (differs && origin->model && settings_listed(origin->only, section, name + strlen(section) + 1) &&
             tensorfile_metadata(origin->model, name))
      note_setting("%.*s (%s) overrides %.*s of %s", shown_a, a, by, shown_b, b + key + 1,
                   tensorfile_name(origin->model));
    b += nb + 1, a += na + 1, f += nf + 1;
  }
}

static int apply(const struct settings_section *sections, const struct run_sources *from, const struct origin *origin) {
  struct snapshot first = snapshot(sections), second = { 0 }, last = { 0 };
  int rc = from->config ? settings_load(sections, from->config) : 0;
  if (rc == 0) {
    second = snapshot(sections);
    report_hidden(&first, &second, &first, origin, from->config ? from->config : "");
  }
  for (int k = 0; k < from->n_assignments && rc == 0; k++) rc = settings_set(sections, from->assignments[k]);
  if (rc == 0) {
    last = snapshot(sections);
    report_hidden(&second, &last, &first, origin, "command line");
  }
  free(first.text);
  free(second.text);
  free(last.text);
  return rc;
}

int run_resolve(const struct settings_section *sections, const struct tensorfile *model, const char *const *only,
                run_adopt *adopt, void *context, const struct run_sources *from) {
  if (model) TRY(settings_restore(sections, only, model));
  if (model && adopt) TRY(adopt(context, model));
  return apply(sections, from, &(struct origin){ model, only, from->config });
}

int run_check_read(const char *const *reads, const char *assignment) {
  char list[300] = "nothing";
  if (settings_assigned(reads, assignment)) return 0;
  for (size_t k = 0, used = 0; reads && reads[k]; k++, used = strlen(list))
    snprintf(list + used, sizeof list - used, "%s%s", k ? ", " : "", reads[k]);
  return err_set(ERR_SETTING, "%.*s: has no effect here; these have one: %s", (int)strcspn(assignment, "="), assignment,
                 list);
}

int run_refuse(const struct run_sources *from, const char *const *settings, const char *needs) {
  static const char *const none[] = { NULL };
  return run_refuse_but(from, settings, none, needs);
}

int run_refuse_but(const struct run_sources *from, const char *const *settings, const char *const *but,
                   const char *needs) {
  for (int k = 0; k < from->n_assignments; k++)
    if (settings_assigned(settings, from->assignments[k]) && !settings_assigned(but, from->assignments[k]))
      return err_set(ERR_SETTING, "%.*s: has an effect with %s only", settings_shown(from->assignments[k]),
                     from->assignments[k], needs);
  return 0;
}

int run_resolve_training(const struct settings_section *sections, const char *folder, bool resume,
                         const struct run_sources *from) {
  char stored[FILE_PATH_SIZE];
  if (!folder) return err_set(ERR_SETTING, "--run DIR is missing");
  if (snprintf(stored, sizeof stored, "%s/" RUNDIR_SETTINGS, folder) >= (int)sizeof stored)
    return err_set(ERR_IO, "%.60s...: path too long", folder);
  if (resume && file_exists(stored)) TRY(settings_load_written(sections, stored));
  return apply(sections, from, &(struct origin){ .config = from->config });
}

// ---- the same on all ranks

static bool is_path(const char *key) { return strlen(key) >= 4 && !strcmp(key + strlen(key) - 4, "path"); }

int run_same_on_ranks(const struct settings_section *sections, bool (*matters)(const void *context, const char *key),
                      const void *context, const char *data) {
  char key[128], value[PARAM_TEXT_SIZE], *lines;
  size_t size;
  if (par_ranks_count() == 1) return 0;
  FILE *out = open_memstream(&lines, &size);
  if (!out) abort();
  fprintf(out, "program=%s %s, real numbers of %d bits in vectors of %d bytes\ndata=%s\n", BUILD_INFO_VERSION,
          BUILD_INFO_GIT, (int)(8 * sizeof(real)), peak_vector_bytes(), data);  // others round sums otherwise
  for (const struct settings_section *s = sections; s->name; s++)
    for (const struct param *p = s->table; p->type != PARAM_TYPE_END; p++) {
      snprintf(key, sizeof key, "%s.%s", s->name, p->name);
      if (matters ? !matters(context, key) : !strcmp(key, "run.threads") || is_path(key)) continue;
      param_value(p, s->params, value);
      fprintf(out, "%s=%s\n", key, value);
    }
  fclose(out);
  const int rc = par_ranks_same(lines);
  free(lines);
  return rc;
}
