// chip.c - metaxbar chip: put a model on a chip, map it, let it age, exchange its state. Parses and prints only.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/par_ranks.h"
#include "base/settings.h"
#include "base/stat.h"
#include "base/text.h"
#include "commands.h"
#include "chip/chipstate.h"
#include "chip/lifetime.h"
#include "experiment/experiment.h"
#include "lab/alternatives.h"
#include "lab/tradeoff.h"

static const char text[] =
  "Every layer of a classifier is a matrix on the chip; of the two networks of an arm, only the trainee is on it.\n"
  "\n"
  "map      print where each matrix is on the cores, and how much of each core is used\n"
  "program  program the model and calibrate it (a classifier on background images: invented characters, or those\n"
  "         that data.* names; an arm on the spikes of training movements), and print how accurately the chip\n"
  "         stores the weights, and the operations, energy and time this took\n"
  "drift    print the same accuracy from a minute to a month after writing\n"
  "tradeoff print accuracy and devices written under several write policies, on the same tasks and chips; mpirun -n N\n"
  "         divides the tasks among N processes\n"
  "alternatives\n"
  "         let a few-shot model learn the same tasks on the same chips in several ways: by its read-out on the chip,\n"
  "         by a digital read-out beside it (32-bit floats, or 8 bits), by class means and, with train.adapt=all, by\n"
  "         all layers on the chip. Print the accuracy, also after eval.later_s (a month), devices written,\n"
  "         energy and time\n"
  "export   write the model, let chip.time_s pass, and save every device\n"
  "import   load such a state (a CSV replaces only the devices), advance it to chip.time_s, and print how\n"
  "         accurately the chip stores the weights. eval fewshot or eval arm synapse.kind=chip synapse.state=STATE\n"
  "         adapts on it. A state written with the weights of another model is refused\n";

static const double times_s[] = { 0, 60, 3600, 86400, 30 * 86400.0 };
static const char *const time_names[] = { "written", "1 minute", "1 hour", "1 day", "30 days" };
enum { N_TIMES = sizeof times_s / sizeof *times_s };

struct command {
  const struct options *o;
  struct experiment_case x;
  struct tradeoff_params tradeoff;
  struct digital_params digital;
  struct chip *chip;
};

static void print_quality(const struct chip *c, const char *when) {
  printf("%-10s", when);
  for (int m = 0; m < chip_matrices(c); m++) {
    const struct lifetime_quality q = lifetime_quality(c, m);
    if (q.kept > 0) printf("  %6.3f %6.3f", q.kept, q.error);
    else printf("  %6.3f %6s", q.kept, "-");
  }
  printf("\n");
}

static void print_quality_head(const struct chip *c) {
  printf("%-10s", "");
  for (int m = 0; m < chip_matrices(c); m++) printf("  %13s", chip_matrix_name(c, m));
  printf("\n%-10s", "after");
  for (int m = 0; m < chip_matrices(c); m++) printf("  %6s %6s", "kept", "error");
  printf("\n");
}

static struct json_t *map_json(const struct command *c) {
  struct json_t *map = chip_map_json(c->chip);
  if (c->x.e->chip_count) c->x.e->chip_count(map, NULL, c->chip, c->x.model);
  return map;
}

static int program_model(struct command *c) {
  TRY(c->x.e->chip_program(&c->chip, c->x.set, c->x.model));
  return chip_failure(c->chip);
}

static int run_map(struct command *c) {
  TRY(c->x.e->chip_plan(&c->chip, c->x.set, c->x.model));
  if (c->o->json) return options_json(map_json(c));
  chip_map_print(c->chip, stdout);
  if (c->x.e->chip_count) c->x.e->chip_count(NULL, stdout, c->chip, c->x.model);
  else printf("%ld devices\n", chip_devices(c->chip));
  return 0;
}

static int report(struct command *c, const char *when) {
  const struct ledger_params *costs = c->x.settings.ledger;
  const struct ledger_counts total = ledger_total(chip_account(c->chip));
  ledger_note(&total);
  if (c->o->json) {
    struct json_t *j = lifetime_quality_json(c->chip);
    json_put(j, "map", map_json(c));
    json_put(j, "ledger", ledger_json(chip_ledger(c->chip), costs));
    return options_json(j);
  }
  print_quality_head(c->chip);
  print_quality(c->chip, when);
  printf("\n");
  ledger_print(chip_ledger(c->chip), costs, stdout);
  return 0;
}

static int run_program(struct command *c) {
  TRY(program_model(c));
  return report(c, "written");
}

static int run_drift(struct command *c) {
  TRY(program_model(c));
  struct json_t *list = c->o->json ? json_array_new() : NULL;
  if (!list) print_quality_head(c->chip);
  for (int k = 0; k < N_TIMES; k++) {
    TRY(chip_advance(c->chip, times_s[k], chip_rng(c->chip)));
    if (list) json_put(list, NULL, lifetime_quality_json(c->chip));
    else print_quality(c->chip, time_names[k]);
  }
  return list ? options_json(list) : 0;
}

static int run_export(struct command *c) {
  TRY(chipstate_check_path("--out ", c->o->out));
  TRY(program_model(c));
  TRY(lifetime_resume(c->chip, "", 0));
  TRY(chipstate_write(c->chip, c->o->out));
  fprintf(stderr, "%s: %ld devices, %.6g s after writing\n", c->o->out, chip_devices(c->chip), chip_clock(c->chip));
  return 0;
}

static int run_import(struct command *c) {
  TRY(chipstate_check_path("", c->o->words[0]));
  if (c->o->out) TRY(chipstate_check_path("--out ", c->o->out));
  TRY(program_model(c));
  TRY(lifetime_resume(c->chip, c->o->words[0], 0));
  if (c->o->out) TRY(chipstate_write(c->chip, c->o->out));
  return report(c, "loaded");
}

static void print_tradeoff(const struct tradeoff *t) {
  const double scale = t->proportion ? 100 : 1;
  const int decimals = t->proportion ? 2 : 4;
  char score[32], worse[32], ci95[STAT_TEXT], worse_ci95[STAT_TEXT];
  const int length = snprintf(score, sizeof score, "%s%s", t->score, t->proportion ? " %" : "");
  const int width = length < 10 ? 10 : length;
  snprintf(worse, sizeof worse, "%s all", tradeoff_worse(t));
  printf("%d %.*s on %d chip%s, after %d update%s; devices per %.*s\n", t->n_items, text_named(t->n_items, t->items),
         t->items, t->n_chips, text_s(t->n_chips), t->n_updates, text_s(t->n_updates), text_named(1, t->items),
         t->items);
  printf("policy         value  %*s   +- 95%%  %10s   +- 95%%   written  addressed   share %%\n", width, score, worse);
  for (int k = 0; k < t->n; k++) {
    const struct tradeoff_row *r = &t->row[k];
    stat_ci95_text(ci95, scale * r->ci95, decimals);
    stat_ci95_text(worse_ci95, scale * r->worse_ci95, decimals);
    printf("%-11s %8.6g  %*.*f  %7s  %10.*f  %7s  %8.1f  %9.1f  %8.1f\n", tradeoff_policy(r), r->value, width, decimals,
           scale * r->score, ci95, decimals, scale * r->worse, worse_ci95, r->written, r->addressed, 100 * r->share);
  }
}

static int run_tradeoff(struct command *c) {
  struct tradeoff t;
  const bool writes = c->o->out && par_ranks_first();
  if (writes) TRY(file_out_check(c->o->out));
  TRY(tradeoff_run(&t, &c->tradeoff, &c->x));
  if (writes) TRY(tradeoff_save(&t, c->o->out));
  if (c->o->json) return options_json(tradeoff_json(&t));
  print_tradeoff(&t);
  return 0;
}

static int run_alternatives(struct command *c) {
  struct alternatives a;
  if (c->o->out) TRY(file_out_check(c->o->out));
  TRY(alternatives_run(&a, &c->digital, &c->x));
  int rc = c->o->out ? alternatives_save(&a, c->o->out) : 0;
  if (rc == 0 && c->o->json) rc = options_json(alternatives_json(&a));
  else if (rc == 0) alternatives_print(&a, stdout);
  alternatives_release(&a);
  return rc;
}

// The settings of the trade-off and of the alternatives behind those of the experiment, whose list has room for them.
static void open_case(struct command *c, const struct experiment *e, bool digital) {
  experiment_open(&c->x, e);
  struct settings_section *s = c->x.settings.sections;
  while (s->name) s++;
  s[0] = (struct settings_section){ "tradeoff", tradeoff_param_table, &c->tradeoff };
  s[1] = (struct settings_section){ 0 };
  if (digital) s[1] = (struct settings_section){ "digital", digital_param_table, &c->digital };
  s[2] = (struct settings_section){ 0 };
  settings_defaults(s);
}

// A setting without effect on an action is refused: these stop when the chip is written, or have times of their own.
static int check_time(const struct run_sources *from, int (*action)(struct command *c)) {
  if (action != run_map && action != run_program && action != run_drift) return 0;
  for (int k = 0; k < from->n_assignments; k++)
    if (!strncmp(from->assignments[k], "chip.time_s=", 12))
      return err_set(ERR_SETTING, "%s: has no effect here; chip export and import let time pass", from->assignments[k]);
  return 0;
}

static int load(struct command *c, int (*action)(struct command *c)) {
  const struct experiment *e;
  const struct run_sources from = options_sources(c->o);
  TRY(experiment_of_file(&e, c->o->model));
  TRY(check_time(&from, action));
  const bool tradeoff = action == run_tradeoff, alternatives = action == run_alternatives;
  if (alternatives) TRY(alternatives_check(e, c->o->model));
  open_case(c, e, !tradeoff);
  const char *const *reads = alternatives ? e->alternatives_reads : e->chip_reads;
  void (*defaults)(void *set) = alternatives ? e->alternatives_defaults : e->chip_defaults;
  for (int k = 0; !tradeoff && k < from.n_assignments; k++) TRY(run_check_read(reads, from.assignments[k]));
  if (!tradeoff && defaults) defaults(c->x.set);
  TRY(experiment_load(&c->x, c->o->model, &from));
  return alternatives ? alternatives_effects(&c->x, &from) : 0;
}

static int run(const struct options *o, int (*action)(struct command *c)) {
  static struct command c;
  c = (struct command){ .o = o };
  int rc = load(&c, action);
  if (rc == 0) rc = action(&c);
  if (rc == 0 && c.chip) rc = chip_failure(c.chip);
  if (rc < 0) chip_free(c.chip);
  else rc = chip_close(c.chip);
  if (c.x.e) experiment_close(&c.x);
  return rc;
}

static int map(const struct options *o) { return run(o, run_map); }
static int program(const struct options *o) { return run(o, run_program); }
static int drift(const struct options *o) { return run(o, run_drift); }
static int tradeoff(const struct options *o) { return run(o, run_tradeoff); }
static int alternatives(const struct options *o) { return run(o, run_alternatives); }
static int export(const struct options *o) { return run(o, run_export); }
static int import(const struct options *o) { return run(o, run_import); }

// Settings that every model has.
static const struct settings_section *sections(void) {
  static struct command c;
  open_case(&c, experiments[0], true);
  return c.x.settings.sections;
}

#define STATE "STATE.safetensors|STATE.csv"
static const struct options_flag flags[] = { OPTIONS_MODEL, OPTIONS_CONFIG, OPTIONS_JSON, { 0 } };
static const struct options_flag tradeoff_flags[] = {
  OPTIONS_MODEL, OPTIONS_CONFIG, OPTIONS_JSON, OPTIONS_VALUE("--out", out, "FILE.csv", "write the table of tradeoff"),
  OPTIONS_QUIET, { 0 },
};
static const struct options_flag alternatives_flags[] = {
  OPTIONS_MODEL, OPTIONS_CONFIG,
  OPTIONS_JSON,  OPTIONS_VALUE("--out", out, "FILE.csv", "write the score of every task in every way"),
  { 0 },
};
static const struct options_flag export_flags[] = {
  OPTIONS_MODEL, OPTIONS_NEEDED("--out", out, STATE, "save every device"), OPTIONS_CONFIG, { 0 }
};
static const struct options_flag import_flags[] = {
  OPTIONS_MODEL, OPTIONS_CONFIG, OPTIONS_JSON, OPTIONS_VALUE("--out", out, STATE, "save every device"), { 0 }
};

static const struct options_action actions[] = {
  { .name = "map", .flags = flags, .reads = options_all, .run = map },
  { .name = "program", .flags = flags, .reads = options_all, .run = program },
  { .name = "drift", .flags = flags, .reads = options_all, .run = drift },
  { .name = "tradeoff", .flags = tradeoff_flags, .reads = options_all, .divides = true, .run = tradeoff },
  { .name = "alternatives", .flags = alternatives_flags, .reads = options_all, .run = alternatives },
  { .name = "export", .flags = export_flags, .reads = options_all, .run = export },
  { .name = "import",
    OPTIONS_WORDS(STATE, 1, 1),
    .replaces = "",
    .flags = import_flags,
    .reads = options_all,
    .run = import },
  { 0 },
};
const struct options_command chip_command = { "chip",
                                              "put a model on a chip: map, errors, drift, state of every device", text,
                                              .actions = actions, .sections = sections };
