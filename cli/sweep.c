// sweep.c - metaxbar sweep FILE: train and evaluate at all combinations of settings. Parses and prints only.
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "base/par_ranks.h"
#include "base/settings.h"
#include "base/stat.h"
#include "commands.h"
#include "lab/sweep.h"

static const char text[] =
  "FILE is an INI file. In [sweep], 'experiment' names what is trained and then evaluated, and 'seeds' lists values\n"
  "of run.seed; 'model' names a model file, which is then evaluated only. Every other setting of train and eval may\n"
  "have several values: numbers and words separated by commas, texts by '|'. A setting on the command line replaces\n"
  "the list of the file.\n"
  "\n"
  "Every combination is a run of its own, in a folder of DIR that is named by its values. At the end DIR has\n"
  "sweep.csv, sweep.json and report.html. The same command continues a sweep that was stopped, and skips what is\n"
  "done. A training that diverges is a failed point of the table; the others continue. mpirun -n N divides the points\n"
  "among N processes; N may change when a sweep is continued. SIGUSR1 ends the sweep with checkpoints and status 75.\n";

static int put_settings(struct json_t *row, const char *where, FILE *out) {
  struct json_t *settings, *v;
  const char *key, *value;
  int n = 0;
  TRY(json_field_object(row, where, "settings", &settings));
  for (void *at = NULL; (v = json_next(settings, &at, &key)) != NULL; n++)
    fprintf(out, "%s%s=%s", n ? " " : "", key, json_is_text(v, &value) ? value : "?");
  return 0;
}

static double number(const struct json_t *row, const char *where, const char *name) {
  double v;
  return json_field_f64(row, where, name, -1e300, 1e300, &v) < 0 ? INFINITY : v;
}

static int print(struct json_t *table, const char *where) {
  struct json_t *means, *row;
  const char *score;
  char mean[STAT_TEXT];
  int64_t seeds, failed;
  TRY(json_field_text(table, where, "score", &score));
  TRY(json_field_array(table, where, "means", &means));
  printf("%-20s  seeds  failed  settings\n", score);
  for (size_t k = 0; k < json_length(means); k++) {
    TRY(json_item_object(means, where, k, &row));
    TRY(json_field_i64(row, where, "seeds", 0, INT32_MAX, &seeds));
    TRY(json_field_i64(row, where, "failed", 0, INT32_MAX, &failed));
    if (seeds) stat_text(mean, number(row, where, "mean"), number(row, where, "ci95"), 4);
    printf("%-20s  %5d  %6d  ", seeds ? mean : "-", (int)seeds, (int)failed);
    TRY(put_settings(row, where, stdout));
    putchar('\n');
  }
  return 0;
}

static int finish(const struct sweepplan *p, const struct options *o) {
  struct json_t *table;
  TRY(sweep_table(&table, p, o->run));
  int rc = sweep_save(table, p, o->run);
  if (rc == 0 && !o->json) rc = print(table, o->run);
  if (rc == 0 && o->json) return options_json(table);
  json_release(table);
  return rc;
}

static int sweep(const struct options *o) {
  struct sweepplan p;
  TRY(sweepplan_read(&p, o->words[0], o->n_assignments, o->assignments));
  int rc = sweep_run(&p, o->run, o->quiet);
  if (rc == 0 && par_ranks_first()) rc = finish(&p, o);
  sweepplan_release(&p);
  return rc;
}

// Its own settings; those of train and eval are in their help.
static const struct settings_section *sections(void) {
  static struct sweepplan_params p;
  static const struct settings_section own[] = { { "sweep", sweepplan_param_table, &p }, { 0 } };
  return own;
}

static const struct options_flag flags[] = {
  OPTIONS_NEEDED("--run", run, "DIR", "folder of the sweep"),
  OPTIONS_JSON,
  OPTIONS_QUIET,
  { 0 },
};

static const struct options_action actions[] = {
  { .name = "", OPTIONS_WORDS("FILE", 1, 1), .flags = flags, .reads = options_all, .divides = true, .run = sweep },
  { 0 },
};
const struct options_command sweep_command = { "sweep", "train and evaluate at many settings and seeds", text,
                                               .actions = actions, .sections = sections };
