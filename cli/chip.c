// chip.c - metaxbar chip: put a model on a chip, look at it, let it age, exchange its state. Parses and prints only.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/settings.h"
#include "commands.h"
#include "chip/chipstate.h"
#include "experiment/fewshot/deploy.h"
#include "experiment/deployable.h"
#include "lab/tradeoff.h"
#include "options.h"

static const char usage[] =
  "usage: metaxbar chip map     --model FILE [chip.name=value ...] [--json]\n"
  "       metaxbar chip program --model FILE [chip.name=value ...] [ledger.name=value ...] [--json]\n"
  "       metaxbar chip drift   --model FILE [chip.name=value ...] [--json]\n"
  "       metaxbar chip tradeoff --model FILE [--out FILE.csv] [eval.name=value ...] [chip.name=value ...] [--json]\n"
  "       metaxbar chip export  --model FILE --out STATE.safetensors|STATE.csv [chip.name=value ...]\n"
  "       metaxbar chip import STATE.safetensors|STATE.csv --model FILE [--out STATE] [chip.name=value ...] [--json]\n"
  "\n"
  "The model is a classifier, every layer a matrix on the chip, or one of the arm, whose trainee is the only matrix and\n"
  "whose settings are those of 'eval arm': chip, verify, ledger and run as below, and the movements'.\n"
  "\n"
  "map      where each matrix lies on the cores, and how full they are\n"
  "program  write the model, calibrate it on background images (invented characters, or those that data.* names), an arm on\n"
  "         the spikes of training movements, and print how well its weights are held, and what it cost\n"
  "drift    the same from a minute to a month after writing\n"
  "tradeoff accuracy and devices written under several write policies, on the same tasks and chips; classifiers only\n"
  "export   write the model, let chip.time_s pass, and save every device\n"
  "import   load such a state (a CSV replaces the devices alone), let it age to chip.time_s, and print how well the weights\n"
  "         are held. eval fewshot or eval arm synapse.kind=chip synapse.state=STATE adapts on it. A state written with\n"
  "         the weights of another model is refused\n";

static const double times_s[] = { 0, 60, 3600, 86400, 30*86400.0 };
static const char *const time_names[] = { "written", "1 minute", "1 hour", "1 day", "30 days" };
enum { N_TIMES = sizeof times_s / sizeof *times_s };

struct command {
  struct options o;
  struct deployable model;
  struct tradeoff_params tradeoff;
  struct chip *chip;
};

// The settings of a classifier, and those of the tradeoff behind them.
static void init(struct command *c) {
  struct settings_section *s = c->model.fewshot.sections;
  deployable_init(&c->model);
  while (s->name) s++;
  s[0] = (struct settings_section){ "tradeoff", tradeoff_param_table, &c->tradeoff };
  s[1] = (struct settings_section){ 0 };
  settings_defaults(s);
}

static int print_json(struct json_t *j) {
  const int rc = json_print(j, stdout);
  json_release(j);
  return rc;
}

static void print_quality(const struct chip *c, const char *when) {
  printf("%-10s", when);
  for (int m = 0; m < c->n_matrices; m++) {
    const struct deploy_quality q = deploy_quality(c, m);
    printf("  %6.3f %6.3f", q.kept, q.error);
  }
  printf("\n");
}

static void print_quality_head(const struct chip *c) {
  printf("%-10s", "");
  for (int m = 0; m < c->n_matrices; m++) printf("  %13s", c->matrices[m].name);
  printf("\n%-10s", "after");
  for (int m = 0; m < c->n_matrices; m++) printf("  %6s %6s", "kept", "error");
  printf("\n");
}

static int run_map(struct command *c) {
  TRY(deployable_plan(&c->chip, &c->model));
  if (c->o.json) return print_json(deployable_map_json(c->chip, &c->model));
  deployable_map_print(c->chip, &c->model, stdout);
  return 0;
}

static int report(struct command *c, const char *when) {
  const struct ledger_params *costs = deployable_ledger(&c->model);
  if (c->o.json) {
    struct json_t *j = deploy_quality_json(c->chip);
    json_put(j, "map", deployable_map_json(c->chip, &c->model));
    json_put(j, "ledger", ledger_json(&c->chip->ledger, costs));
    return print_json(j);
  }
  print_quality_head(c->chip);
  print_quality(c->chip, when);
  printf("\n");
  ledger_print(&c->chip->ledger, costs, stdout);
  return 0;
}

static int run_program(struct command *c) {
  TRY(deployable_program(&c->chip, &c->model));
  return report(c, "written");
}

static int run_drift(struct command *c) {
  TRY(deployable_program(&c->chip, &c->model));
  struct json_t *list = c->o.json ? json_array_new() : NULL;
  if (!list) print_quality_head(c->chip);
  for (int k = 0; k < N_TIMES; k++) {
    TRY(chip_advance(c->chip, times_s[k], &c->chip->rng));
    if (list) json_put(list, NULL, deploy_quality_json(c->chip));
    else print_quality(c->chip, time_names[k]);
  }
  return list ? print_json(list) : 0;
}

static int run_export(struct command *c) {
  if (!c->o.out) return err_set(ERR_SETTING, "--out STATE is missing");
  TRY(chipstate_check_path("--out ", c->o.out));
  TRY(deployable_program(&c->chip, &c->model));
  TRY(deploy_resume(c->chip, "", 0));
  TRY(chipstate_write(c->chip, c->o.out));
  fprintf(stderr, "%s: %ld devices, %.6g s after writing\n", c->o.out, chip_devices(c->chip), c->chip->clock_s);
  return 0;
}

static int run_import(struct command *c) {
  if (c->o.n_words < 2) return err_set(ERR_SETTING, "import: name the STATE to load");
  TRY(chipstate_check_path("", c->o.words[1]));
  if (c->o.out) TRY(chipstate_check_path("--out ", c->o.out));
  TRY(deployable_program(&c->chip, &c->model));
  TRY(deploy_resume(c->chip, c->o.words[1], 0));
  if (c->o.out) TRY(chipstate_write(c->chip, c->o.out));
  return report(c, "loaded");
}

static void print_tradeoff(const struct tradeoff *t) {
  printf("%d tasks on %d chip%s, after %d updates; devices per task\n", t->n_tasks, t->n_chips, t->n_chips > 1 ? "s" : "", t->n_updates);
  printf("policy         value  accuracy %%   +- 95%%   below all   +- 95%%   written  addressed   share %%\n");
  for (int k = 0; k < t->n; k++) {
    const struct tradeoff_row *r = &t->row[k];
    printf("%-11s %8.6g  %10.2f  %7.2f  %10.2f  %7.2f  %8.1f  %9.1f  %8.1f\n", tradeoff_policy(r), r->value, 100 * r->accuracy,
           100 * r->ci95, 100 * r->below, 100 * r->below_ci95, r->written, r->addressed, 100 * r->share);
  }
}

static int run_tradeoff(struct command *c) {
  struct tradeoff t;
  TRY(tradeoff_run(&t, &c->tradeoff, &c->model.fewshot, &c->model.classifier));
  if (c->o.out) TRY(tradeoff_save(&t, c->o.out));
  if (c->o.json) return print_json(tradeoff_json(&t));
  print_tradeoff(&t);
  return 0;
}

static const struct action {
  const char *name;
  int (*run)(struct command *c);
} actions[] = { { "map", run_map }, { "program", run_program }, { "drift", run_drift }, { "tradeoff", run_tradeoff },
                { "export", run_export }, { "import", run_import } };
enum { N_ACTIONS = sizeof actions / sizeof *actions };

static int help(struct command *c) {
  fputs(usage, stdout);
  fprintf(stdout, "\nsettings:\n");
  for (const struct settings_section *s = c->model.fewshot.sections; s->name; s++)
    if (strcmp(s->name, "train") && strcmp(s->name, "net")) param_help(s->table, s->name, stdout);
  return options_finish("chip");
}

// Invented characters calibrate the chip unless the settings name other images; the tradeoff adapts to those of the settings.
static int run(struct command *c, const struct action *a) {
  if (!c->o.model) return err_set(ERR_SETTING, "--model FILE is missing");
  TRY(deployable_open(&c->model, c->o.model));
  if (a->run == run_tradeoff && c->model.arm)
    return err_set(ERR_SETTING, "tradeoff: --model %s: a model of the arm; write policies are compared on the tasks of a classifier", c->o.model);
  if (a->run != run_tradeoff) c->model.fewshot.data.kind = DATASET_BUILTIN;
  TRY(deployable_load(&c->model, c->o.config, c->o.n_assignments, c->o.assignments));
  return a->run(c);
}

int chip_command(int argc, char **argv) {
  static struct command c;
  init(&c);
  int rc = options_parse_paths(&c.o, argc, argv);
  if (rc < 0) return options_fail("chip", rc);
  if (c.o.help) return help(&c);
  if (!c.o.n_words) {
    fputs(usage, stderr);
    return 2;
  }
  int k = 0;
  while (k < N_ACTIONS && strcmp(actions[k].name, c.o.words[0])) k++;
  if (k == N_ACTIONS) rc = err_set(ERR_SETTING, "%s: no such action; there are map, program, drift, tradeoff, export, import", c.o.words[0]);
  else rc = run(&c, &actions[k]);
  chip_free(c.chip);
  deployable_release(&c.model);
  return rc < 0 ? options_fail("chip", rc) : options_finish("chip");
}
