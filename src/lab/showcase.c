#include "lab/showcase.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/note.h"
#include "base/progress.h"
#include "data/md5.h"
#include "experiment/experiment.h"
#include "report/report.h"
#include "report/usual.h"
#include "run/rundir.h"

enum { VERSION = 2, MODEL_LIMIT = 1 << 30, JSON_LIMIT = 1 << 26, KINDS = RUN_CHIP + 1 };

// One model being measured.
struct work {
  const struct showcase *s;
  struct experiment_case x, usual;  // as resolved, as they are without any setting
  char model[FILE_PATH_SIZE];
  char settings[FILE_PATH_SIZE];  // settings.ini, "" where there is none
  char folder[FILE_PATH_SIZE];    // RUN/showcase
  char key[33];                   // digest of model and settings
};

// ---- settings

// What an assignment assigns; NULL: no setting of these. *stored: where its value is.
static const struct param *assigned(const struct settings_section *all, const char *assignment, const void **stored) {
  for (const struct settings_section *s = all; s->name; s++)
    for (const struct param *p = s->table; p->type != PARAM_TYPE_END; p++) {
      char name[128];
      const int n = snprintf(name, sizeof name, "%s.%s=", s->name, p->name);
      if (strncmp(assignment, name, (size_t)n)) continue;
      *stored = (const char *)s->params + p->offset;
      return p;
    }
  return NULL;
}

static bool knows(const struct settings_section *all, const char *assignment) {
  const void *stored;
  return assigned(all, assignment, &stored) != NULL;
}

// The row of an experiment's items: the first of that name.
static int row_of(const struct showcase *s, const struct experiment *e) {
  int k = 0;
  while (strcmp(s->table[k].name, e->items)) k++;
  return k;
}

static void describe(struct showcase *s) {
  for (const struct experiment *const *e = experiments; *e; e++) {
    const int k = (int)(e - experiments);
    snprintf(s->help[k], sizeof s->help[k], "%s of each evaluation of a model of '%s'", (*e)->items, (*e)->name);
    s->table[k] = (struct param){ .type = PARAM_TYPE_I64,
                                  .name = (*e)->items,
                                  .offset = (size_t)k * sizeof *s->items,
                                  .value = (*e)->showcase_items,
                                  .min = 1,
                                  .max = 1000000,
                                  .help = s->help[k] };
  }
  s->sections[0] = (struct settings_section){ "report", s->table, s->items };
  settings_defaults(s->sections);
}

// Does an experiment accept it? If none does, the error is that of the last one.
static int check(const char *assignment) {
  int rc = 1;
  for (const struct experiment *const *e = experiments; *e && rc != 0; e++) {
    struct experiment_case x;
    experiment_open(&x, *e);
    if (knows(x.settings.sections, assignment) || (rc > 0 && !e[1])) rc = settings_set(x.settings.sections, assignment);
    experiment_close(&x);
  }
  return rc;
}

int showcase_init(struct showcase *s, int n_assignments, char *const *assignments) {
  *s = (struct showcase){ .n_assignments = n_assignments, .assignments = assignments };
  describe(s);
  for (int k = 0; k < n_assignments; k++)
    TRY(knows(s->sections, assignments[k]) ? settings_set(s->sections, assignments[k]) : check(assignments[k]));
  return 0;
}

// Settings as in the run and from the user, but for the number of items and what is the same for all models.
static int load(struct work *w) {
  const struct experiment *e = w->x.e;
  const struct settings_section *sections = w->x.settings.sections;
  char **list = err_calloc((size_t)w->s->n_assignments + 1, sizeof *list);
  int n = 0;
  for (int k = 0; k < w->s->n_assignments; k++)
    if (knows(sections, w->s->assignments[k])) list[n++] = w->s->assignments[k];
  int rc = *w->settings ? settings_load_written(sections, w->settings) : 0;
  if (rc == 0) rc = experiment_load(&w->x, w->model, &(struct run_sources){ .n_assignments = n, .assignments = list });
  free(list);
  *w->x.settings.items = w->s->items[row_of(w->s, e)];
  w->x.settings.synapse->kind = RUN_EXACT;
  if (e->showcase_set) e->showcase_set(w->x.set, RUN_EXACT);
  return rc;
}

// A setting that is not the default, as section.name=value.
static bool changed(const struct work *w, int k, const struct param *p, char text[2 * PARAM_TEXT_SIZE]) {
  const struct settings_section *s = &w->x.settings.sections[k], *usual = &w->usual.settings.sections[k];
  char value[PARAM_TEXT_SIZE], usual_value[PARAM_TEXT_SIZE];
  param_value(p, s->params, value);
  param_value(p, usual->params, usual_value);
  snprintf(text, 2 * PARAM_TEXT_SIZE, "%s.%s=%s", s->name, p->name, value);
  return strcmp(value, usual_value) != 0;
}

static struct json_t *changed_json(const struct work *w) {
  struct json_t *list = json_array_new();
  char text[2 * PARAM_TEXT_SIZE];
  const struct settings_section *s = w->x.settings.sections;
  for (int k = 0; s[k].name; k++)
    for (const struct param *p = s[k].table; p->type != PARAM_TYPE_END; p++)
      if (changed(w, k, p, text)) json_put_text(list, NULL, text);
  return list;
}

// ---- the command that measures the same

void showcase_word(FILE *out, const char *word) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/=,+:@%";
  if (*word && strspn(word, plain) == strlen(word)) {
    fputs(word, out);
    return;
  }
  fputc('\'', out);
  for (; *word; word++)
    if (*word == '\'') fputs("'\\''", out);
    else fputc(*word, out);
  fputc('\'', out);
}

// Does an evaluation depend on this section beside the model?
static bool concerns_eval(const struct experiment *e, const char *section) {
  const char *const *name = e->eval_sections;
  if (!name) return strcmp(section, "train") != 0;
  while (*name && strcmp(*name, section)) name++;
  return *name != NULL;
}

static void put_command(FILE *out, const struct work *w) {
  char text[2 * PARAM_TEXT_SIZE];
  const struct settings_section *s = w->x.settings.sections;
  fprintf(out, "metaxbar eval %s --model ", w->x.e->name);
  showcase_word(out, w->model);
  for (int k = 0; s[k].name; k++)
    for (const struct param *p = s[k].table; concerns_eval(w->x.e, s[k].name) && p->type != PARAM_TYPE_END; p++)
      if (changed(w, k, p, text)) fputc(' ', out), showcase_word(out, text);
}

// ---- results

static struct json_t *headline_json(const struct work *w, const void *result) {
  struct json_t *o = json_object_new();
  struct experiment_headline h = { .before = NAN };
  struct experiment_scores s;
  w->x.e->headline(&h, result);
  w->x.e->scores(&s, result);
  json_put_text(o, "name", h.name);
  json_put_text(o, "unit", h.unit);
  json_put_f64(o, "value", h.value);
  if (isfinite(h.ci95)) json_put_f64(o, "ci95", h.ci95);
  if (isfinite(h.before)) json_put_f64(o, "before", h.before);
  json_put_text(o, "items", w->x.e->items);
  json_put_i64(o, "n", s.n);
  return o;
}

// {"name", "command", "headline", "result"}
static struct json_t *evaluation_json(const struct work *w, int kind, const void *result) {
  struct json_t *o = json_object_new();
  char *command = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&command, &size);
  if (out) {
    put_command(out, w);
    fclose(out);
  }
  json_put_text(o, "name", experiment_kind_names[kind]);
  json_put_text(o, "command", command ? command : "");
  json_put(o, "headline", headline_json(w, result));
  json_put(o, "result", w->x.e->result_json(result, w->x.set, w->x.model));
  free(command);
  return o;
}

// {"key", "model", "program", "changed": ["section.name=value"], "settings"}, to be completed by the evaluations and
// "data", the fingerprint of theirs.
static struct json_t *facts_json(const struct work *w) {
  struct json_t *o = json_object_new();
  json_put_text(o, "key", w->key);
  json_put_text(o, "model", w->model);
  json_put(o, "program", rundir_build());
  json_put(o, "changed", changed_json(w));
  json_put(o, "settings", settings_json(w->x.settings.sections));
  return o;
}

static void set_kind(struct work *w, int kind) {
  w->x.settings.synapse->kind = kind;
  if (w->x.e->showcase_set) w->x.e->showcase_set(w->x.set, kind);
}

// For all evaluations; those on the chip need most.
static int load_data(struct work *w) {
  if (w->x.e->showcase_kinds >> RUN_CHIP & 1) set_kind(w, RUN_CHIP);
  return experiment_data(&w->x);
}

// Of the data that are loaded; "" where there is none.
static void fingerprint(const struct work *w, char text[17]) {
  *text = '\0';
  if (w->x.e->data_fingerprint) w->x.e->data_fingerprint(w->x.data, text);
}

// All evaluations.
static int evaluate(struct work *w, void *result[KINDS], struct json_t *list, struct progress *bar) {
  const struct experiment *e = w->x.e;
  int done = 0;
  TRY(load_data(w));
  for (int kind = 0; kind < KINDS; kind++) {
    if (!(e->showcase_kinds >> kind & 1)) continue;
    set_kind(w, kind);
    TRY(experiment_eval(&result[kind], &w->x));
    json_put(list, NULL, evaluation_json(w, kind, result[kind]));
    progress_update(bar, ++done, "%s", experiment_kind_names[kind]);
  }
  return 0;
}

static int measure(struct work *w, struct json_t *facts) {
  const struct experiment *e = w->x.e;
  void *result[KINDS] = { NULL };
  struct progress bar;
  struct json_t *list = json_add_array(facts, "evaluations");
  const int n = __builtin_popcount(e->showcase_kinds) + (e->showcase != NULL);
  progress_start(&bar, "report", n, 0);
  int rc = evaluate(w, result, list, &bar);
  if (rc == 0) {
    char text[17];
    fingerprint(w, text);
    json_put_text(facts, "data", text);
  }
  const struct experiment_showcase own = { .folder = w->folder,
                                           .facts = facts,
                                           .set = w->x.set,
                                           .model = w->x.model,
                                           .data = w->x.data,
                                           .result = (const void *const *)result };
  if (rc == 0 && e->showcase) rc = e->showcase(&own);
  if (rc == 0) progress_update(&bar, n, e->showcase ? "figures" : NULL);
  progress_finish(&bar);
  for (int kind = 0; kind < KINDS; kind++)
    if (result[kind]) experiment_result_free(&w->x, result[kind]);
  return rc;
}

// ---- files

static void path_of(const struct work *w, const struct experiment *e, char path[FILE_PATH_SIZE]) {
  snprintf(path, FILE_PATH_SIZE, "%.*s/%s.json", FILE_PATH_SIZE - 64, w->folder, e->name);
}

// Digest of the model's bytes and of all settings.
static int digest(struct work *w) {
  char *data, *text = NULL;
  size_t size, n = 0;
  struct md5 m;
  TRY(file_read(w->model, MODEL_LIMIT, &data, &size));
  md5_init(&m);
  md5_update(&m, data, size);
  free(data);
  FILE *out = open_memstream(&text, &n);
  if (!out) return err_set(ERR_IO, "no memory for the settings");
  fprintf(out, "showcase %d\n", VERSION);
  settings_print_lines(w->s->sections, out);
  settings_print_lines(w->x.settings.sections, out);
  fclose(out);
  md5_update(&m, text, n);
  free(text);
  md5_final(&m, w->key);
  return 0;
}

// Are the data those of the facts? Where they cannot be read any more, what was measured stays.
static bool same_data(struct work *w, const struct json_t *facts, const char *path) {
  char now[17];
  const char *then;
  if (!w->x.e->data_fingerprint) return true;
  if (load_data(w) < 0) {
    note("%s stays as it is: %s", path, err_message());
    return true;
  }
  fingerprint(w, now);
  return json_field_text(facts, path, "data", &then) == 0 && !strcmp(now, then);
}

// Have these been measured already? If not, what is there is taken back.
static bool known(struct work *w, const char *path) {
  struct json_t *facts;
  const char *found;
  bool same = false;
  if (!file_exists(path)) return false;
  if (json_read(&facts, path, JSON_LIMIT) == 0) {
    same = json_field_text(facts, path, "key", &found) == 0 && !strcmp(found, w->key) && same_data(w, facts, path);
    json_release(facts);
  }
  if (!same) unlink(path);
  return same;
}

// ---- one model

static int measure_missing(struct work *w) {
  char path[FILE_PATH_SIZE];
  path_of(w, w->x.e, path);
  TRY(load(w));
  TRY(digest(w));
  if (known(w, path)) return 0;
  struct json_t *facts = facts_json(w);
  int rc = measure(w, facts);
  if (rc == 0) rc = json_write(facts, path);
  json_release(facts);
  return rc;
}

// A run without a model may have results.
static int without_model(const struct work *w, const char *run, const char *model) {
  char path[FILE_PATH_SIZE];
  if (model) return err_set(ERR_IO, "%s: no such model", model);
  if (!file_exists(run)) return err_set(ERR_IO, "%s: no such run", run);
  for (const struct experiment *const *e = experiments; *e; e++) {
    path_of(w, *e, path);
    if (file_exists(path)) return 0;
  }
  return err_set(ERR_IO, "%s: no %s and no " SHOWCASE_FOLDER " to draw from", run, RUNDIR_MODEL);
}

// Neither the folder of the results nor a file in it may lead elsewhere: the run may be a folder that was received.
static int refuse_links(const char *folder) {
  TRY(file_refuse_link(folder));
  DIR *d = opendir(folder);
  int rc = 0;
  for (struct dirent *e; d && rc == 0 && (e = readdir(d));) {
    char path[FILE_PATH_SIZE];
    snprintf(path, sizeof path, "%.*s/%s", FILE_PATH_SIZE - 260, folder, e->d_name);
    rc = file_refuse_link(path);
  }
  if (d) closedir(d);
  return rc;
}

static int begin(struct work *w, const struct showcase *s, const struct showcase_model *m) {
  *w = (struct work){ .s = s };
  if (strlen(m->run) > FILE_PATH_SIZE / 2) return err_set(ERR_IO, "%.60s...: path too long", m->run);
  if (m->file) snprintf(w->model, sizeof w->model, "%s", m->file);
  else snprintf(w->model, sizeof w->model, "%s/" RUNDIR_MODEL, m->run);
  snprintf(w->folder, sizeof w->folder, "%s/" SHOWCASE_FOLDER, m->run);
  snprintf(w->settings, sizeof w->settings, "%s/" RUNDIR_SETTINGS, m->run);
  if (m->file || !file_exists(w->settings)) w->settings[0] = 0;
  return 0;
}

int showcase_measure(const struct showcase *s, const struct showcase_model *m) {
  char other[FILE_PATH_SIZE];
  struct work w;
  const struct experiment *e;
  TRY(begin(&w, s, m));
  if (!file_exists(w.model)) return without_model(&w, m->run, m->file);
  TRY(experiment_of_file(&e, w.model));
  TRY(refuse_links(w.folder));
  TRY(file_make_dirs(w.folder));
  for (const struct experiment *const *k = experiments; *k; k++) {  // of a model of another kind that was here before
    path_of(&w, *k, other);
    if (*k != e) unlink(other);
  }
  experiment_open(&w.x, e);
  experiment_open(&w.usual, e);
  const int rc = measure_missing(&w);
  experiment_close(&w.x);
  experiment_close(&w.usual);
  return rc;
}

// ---- settings without effect

static int no_effect(const char *assignment, const char *why) {
  return err_set(ERR_SETTING, "%.*s: has no effect here: %s", (int)strcspn(assignment, "="), assignment, why);
}

// Has a setting of the user an effect on the evaluations with this kind of synapse?
static int check_kind(struct work *w, int kind, char *assignment) {
  const struct run_sources from = { .n_assignments = 1, .assignments = &assignment };
  const struct run_settings *set = &w->x.settings;
  const void *is = NULL, *wanted = NULL;
  char text[2][PARAM_TEXT_SIZE];
  set_kind(w, kind);
  const struct param *p = assigned(set->sections, assignment, &is);
  assigned(w->usual.settings.sections, assignment, &wanted);
  TRY(settings_set(w->usual.settings.sections, assignment));
  param_value(p, (const char *)is - p->offset, text[0]);
  param_value(p, (const char *)wanted - p->offset, text[1]);
  if (is == set->items || is == &set->synapse->kind || strcmp(text[0], text[1]) != 0)
    return no_effect(assignment, "a report sets it");
  return experiment_effects(&w->x, &from);
}

// The number of items is a setting of the experiment, in its words.
static int check_items(const struct work *w, const char *assignment) {
  const struct experiment *e = w->x.e;
  char own[128], *as_eval = own;
  const struct run_sources from = { .n_assignments = 1, .assignments = &as_eval };
  snprintf(own, sizeof own, "report.%s=", e->items);
  if (strncmp(assignment, own, strlen(own)) != 0) return no_effect(assignment, "it is of other models");
  for (const struct settings_section *s = w->x.settings.sections; s->name; s++)
    for (const struct param *p = s->table; p->type != PARAM_TYPE_END; p++) {
      if ((const void *)((const char *)s->params + p->offset) != w->x.settings.items) continue;
      snprintf(own, sizeof own, "%s.%s=1", s->name, p->name);
      return experiment_effects(&w->x, &from);
    }
  return 0;
}

static int check_assignment(struct work *w, char *assignment) {
  const struct experiment *e = w->x.e;
  int rc = 0;
  if (knows(w->s->sections, assignment)) return check_items(w, assignment);
  if (!knows(w->x.settings.sections, assignment)) return no_effect(assignment, "it is of other models");
  TRY(run_check_read(e->eval_reads, assignment));
  for (int kind = 0; kind < KINDS; kind++)
    if (e->showcase_kinds >> kind & 1 && (rc = check_kind(w, kind, assignment)) == 0) return 0;
  return rc;
}

// The last assignment of a setting counts.
static bool is_replaced(const struct showcase *s, int k) {
  const size_t n = strcspn(s->assignments[k], "=") + 1;
  for (int i = k + 1; i < s->n_assignments; i++)
    if (!strncmp(s->assignments[i], s->assignments[k], n)) return true;
  return false;
}

// Mark the assignments that have an effect on a model; why: of the first that is not marked.
static int mark(bool *used, char why[1000], struct work *w) {
  const struct experiment *e;
  TRY(experiment_of_file(&e, w->model));
  experiment_open(&w->x, e);
  experiment_open(&w->usual, e);
  const int rc = load(w);
  why[0] = 0;
  for (int k = 0; k < w->s->n_assignments && rc == 0; k++) {
    used[k] = used[k] || is_replaced(w->s, k) || check_assignment(w, w->s->assignments[k]) == 0;
    if (!used[k] && !why[0]) snprintf(why, 1000, "%s", err_message());
  }
  experiment_close(&w->x);
  experiment_close(&w->usual);
  return rc;
}

int showcase_check(const struct showcase *s, const struct showcase_model *m, int n) {
  char why[1000] = "";
  bool *used = err_calloc((unsigned long)s->n_assignments + 1, sizeof *used), missing = false;
  note_handler *const handler = note_to(NULL);
  int rc = 0;
  for (int k = 0; k < n && rc == 0 && s->n_assignments > 0; k++) {
    struct work w;
    rc = begin(&w, s, &m[k]);
    if (rc == 0 && !file_exists(w.model)) missing = true;
    else if (rc == 0) rc = mark(used, why, &w);
  }
  note_to(handler);
  free(used);
  return rc < 0 || missing || !why[0] ? rc : err_set(ERR_SETTING, "%s", why);
}

// ---- the page

const struct report_kind *const *showcase_kinds(void) {
  static struct report_kind usual[SHOWCASE_MAX];
  static const struct report_kind *kinds[SHOWCASE_MAX + 1];
  for (int k = 0; experiments[k]; k++) {
    usual[k] = usual_kind(experiments[k]->name, experiments[k]->about);
    kinds[k] = experiments[k]->report ? experiments[k]->report : &usual[k];
  }
  return kinds;
}
