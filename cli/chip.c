// chip.c - metaxbar chip: put a model on a chip, look at it, let it age, exchange its state. Parses and prints only.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/settings.h"
#include "commands.h"
#include "device/chipstate.h"
#include "experiment/deploy.h"
#include "experiment/fewshot.h"
#include "options.h"

static const char usage[] =
  "usage: metaxbar chip map     --model FILE [chip.name=value ...] [--json]\n"
  "       metaxbar chip program --model FILE [chip.name=value ...] [ledger.name=value ...] [--json]\n"
  "       metaxbar chip drift   --model FILE [chip.name=value ...] [--json]\n"
  "       metaxbar chip export  --model FILE --out STATE.safetensors|STATE.csv [chip.name=value ...]\n"
  "       metaxbar chip import STATE.safetensors|STATE.csv --model FILE [--out STATE] [chip.name=value ...] [--json]\n"
  "\n"
  "map      where each layer lies on the cores, and how full they are\n"
  "program  write the model and print how well its weights are held, and what it cost\n"
  "drift    the same from a minute to a month after writing\n"
  "export   write the model, let chip.time_s pass, and save every device\n"
  "import   load such a state (a CSV replaces the devices alone) and print how well the weights are held\n";

static const double times_s[] = { 0, 60, 3600, 86400, 30*86400.0 };
static const char *const time_names[] = { "written", "1 minute", "1 hour", "1 day", "30 days" };
enum { N_TIMES = sizeof times_s / sizeof *times_s };

struct command {
  struct options o;
  struct fewshot f;
  struct fewshot_model model;
  struct ledger_params ledger;
  struct settings_section ledger_section[2];
  struct chip *chip;
};

// Settings of the ledger are this command's own; the rest belongs to the model's experiment.
static int load(struct command *c) {
  char *rest[OPTIONS_MAX];
  int n = 0;
  for (int k = 0; k < c->o.n_assignments; k++) {
    if (!strncmp(c->o.assignments[k], "ledger.", 7)) TRY(settings_set(c->ledger_section, c->o.assignments[k]));
    else rest[n++] = c->o.assignments[k];
  }
  if (!c->o.model) return err_set(ERR_SETTING, "--model FILE is missing");
  if (c->o.config) TRY(settings_load(c->f.sections, c->o.config));
  return fewshot_model_load(&c->model, &c->f, c->o.model, n, rest);
}

static int program(struct command *c) {
  return deploy_convnet(&c->chip, &c->f.chip, (uint64_t)c->f.run.seed, &c->model.net, c->model.parameters, NULL, 0, 1);
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
  TRY(deploy_plan(&c->chip, &c->f.chip, (uint64_t)c->f.run.seed, &c->model.net));
  if (c->o.json) return print_json(chip_map_json(c->chip));
  chip_map_print(c->chip, stdout);
  return 0;
}

static int report(struct command *c, const char *when) {
  if (c->o.json) {
    struct json_t *j = deploy_quality_json(c->chip);
    json_put(j, "map", chip_map_json(c->chip));
    json_put(j, "ledger", ledger_json(&c->chip->ledger, &c->ledger));
    return print_json(j);
  }
  print_quality_head(c->chip);
  print_quality(c->chip, when);
  printf("\n");
  ledger_print(&c->chip->ledger, &c->ledger, stdout);
  return 0;
}

static int run_program(struct command *c) {
  TRY(program(c));
  return report(c, "written");
}

static int run_drift(struct command *c) {
  TRY(program(c));
  struct json_t *list = c->o.json ? json_array_new() : NULL;
  if (!list) print_quality_head(c->chip);
  for (int k = 0; k < N_TIMES; k++) {
    TRY(chip_advance(c->chip, times_s[k], &c->chip->rng));
    if (list) json_put(list, NULL, deploy_quality_json(c->chip));
    else print_quality(c->chip, time_names[k]);
  }
  return list ? print_json(list) : 0;
}

static bool is_csv(const char *path) {
  const char *ending = strrchr(path, '.');
  return ending && !strcmp(ending, ".csv");
}

static int save(const struct command *c) {
  return is_csv(c->o.out) ? chipstate_save_csv(c->chip, c->o.out) : chipstate_save(c->chip, c->o.out);
}

static int run_export(struct command *c) {
  if (!c->o.out) return err_set(ERR_SETTING, "--out STATE is missing");
  TRY(program(c));
  TRY(chip_advance(c->chip, c->f.chip.time_s, &c->chip->rng));
  TRY(save(c));
  fprintf(stderr, "%s: %ld devices, %.6g s after writing\n", c->o.out, chip_devices(c->chip), c->chip->clock_s);
  return 0;
}

static int run_import(struct command *c) {
  if (c->o.n_words < 2) return err_set(ERR_SETTING, "import: name the STATE to load");
  TRY(program(c));
  TRY(is_csv(c->o.words[1]) ? chipstate_load_csv(c->chip, c->o.words[1]) : chipstate_load(c->chip, c->o.words[1]));
  if (c->o.out) TRY(save(c));
  return report(c, "loaded");
}

static const struct action {
  const char *name;
  int (*run)(struct command *c);
} actions[] = { { "map", run_map }, { "program", run_program }, { "drift", run_drift }, { "export", run_export }, { "import", run_import } };
enum { N_ACTIONS = sizeof actions / sizeof *actions };

static int help(struct command *c) {
  fputs(usage, stdout);
  fprintf(stdout, "\nsettings:\n");
  for (const struct settings_section *s = c->f.sections; s->name; s++)
    if (!strcmp(s->name, "chip") || !strcmp(s->name, "verify")) param_help(s->table, s->name, stdout);
  settings_help(c->ledger_section, stdout);
  return options_finish("chip");
}

int chip_command(int argc, char **argv) {
  static struct command c;
  c = (struct command){ .ledger_section = { { "ledger", ledger_param_table, &c.ledger } } };
  settings_defaults(c.ledger_section);
  fewshot_init(&c.f);
  int rc = options_parse(&c.o, argc, argv);
  if (rc < 0) return options_fail("chip", rc);
  if (c.o.help) return help(&c);
  int k = 0;
  while (c.o.n_words && k < N_ACTIONS && strcmp(actions[k].name, c.o.words[0])) k++;
  if (!c.o.n_words) {
    fputs(usage, stderr);
    return 2;
  }
  if (k == N_ACTIONS) rc = err_set(ERR_SETTING, "%s: no such action; there are map, program, drift, export, import", c.o.words[0]);
  if (rc == 0) rc = load(&c);
  if (rc == 0) rc = actions[k].run(&c);
  chip_free(c.chip);
  fewshot_model_release(&c.model);
  return rc < 0 ? options_fail("chip", rc) : options_finish("chip");
}
