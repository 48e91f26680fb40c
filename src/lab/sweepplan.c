#include "lab/sweepplan.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/settings.h"
#include "experiment/experiment.h"

enum { MAX_SECTIONS = 48, MAX_SETTINGS = 1024, FILE_LIMIT = 1 << 20 };

const struct param sweepplan_param_table[] = {
  PARAM_TEXT(struct sweepplan_params, experiment, "", "what is trained and evaluated at every point: its name"),
  PARAM_TEXT(struct sweepplan_params, model, "",
             "model file that every point evaluates; empty: every point trains one"),
  PARAM_TEXT(struct sweepplan_params, seeds, "", "values of run.seed, separated by commas; empty: its default"),
  { 0 },
};

static const char absent[] = "\n";  // no file can say this

// ---- the settings of all experiments as texts

static struct settings_section sections[MAX_SECTIONS];
static struct param params[MAX_SETTINGS];
static char texts[MAX_SETTINGS][PARAM_TEXT_SIZE];

static bool has(const struct param *table, int n, const char *name) {
  for (int k = 0; k < n; k++)
    if (!strcmp(table[k].name, name)) return true;
  return false;
}

// Append the settings that a section has in any experiment to its table.
static int collect(struct param *table, int room, const char *section, struct experiment_case *x, int n_experiments) {
  int n = 0;
  for (int k = 0; k < n_experiments; k++)
    for (const struct settings_section *s = x[k].settings.sections; s->name; s++)
      for (const struct param *p = s->table; p->type != PARAM_TYPE_END && !strcmp(s->name, section); p++)
        if (n < room && !has(table, n, p->name))
          table[n] = (struct param){ .type = PARAM_TYPE_TEXT,
                                     .name = p->name,
                                     .help = p->help,
                                     .text = absent,
                                     .offset = (size_t)n * PARAM_TEXT_SIZE },
          n++;
  return n;
}

static bool is_known(const char *section) {
  for (const struct settings_section *s = sections; s->name; s++)
    if (!strcmp(s->name, section)) return true;
  return false;
}

// The sections of [sweep] and of all experiments, each setting a text: the list of its values.
static const struct settings_section *all_sections(void) {
  enum { MAX_EXPERIMENTS = 16 };
  static struct sweepplan_params own;
  struct experiment_case x[MAX_EXPERIMENTS];
  int n = 0, used = 0, n_sections = 1;
  if (sections[0].name) return sections;
  sections[0] = (struct settings_section){ "sweep", sweepplan_param_table, &own };
  for (; experiments[n] && n < MAX_EXPERIMENTS; n++) experiment_open(&x[n], experiments[n]);
  for (int k = 0; k < n; k++)
    for (const struct settings_section *s = x[k].settings.sections; s->name; s++) {
      if (is_known(s->name) || n_sections == MAX_SECTIONS - 1) continue;
      sections[n_sections++] = (struct settings_section){ s->name, &params[used], &texts[used] };
      used += collect(&params[used], MAX_SETTINGS - used - 1, s->name, x, n) + 1;  // and the end of the table
    }
  while (n > 0) experiment_close(&x[--n]);
  return sections;
}

// ---- lists of values

static const struct param *param_of(const struct settings_section *all, const char *section, const char *name,
                                    void **params_of) {
  for (const struct settings_section *s = all; s->name; s++)
    for (const struct param *p = s->table; p->type != PARAM_TYPE_END; p++)
      if (!strcmp(s->name, section) && !strcmp(p->name, name)) {
        *params_of = s->params;
        return p;
      }
  return NULL;
}

// Names of folders hold no slash.
static void as_name(char *value) {
  for (; *value; value++)
    if (*value == '/') *value = '_';
}

static bool same_name(const char *a, const char *b) {
  char x[PARAM_TEXT_SIZE], y[PARAM_TEXT_SIZE];
  snprintf(x, sizeof x, "%s", a);
  snprintf(y, sizeof y, "%s", b);
  as_name(x);
  as_name(y);
  return !strcmp(x, y);
}

// One value of a list: set it, and keep it as the program prints it.
static int take_value(struct sweepplan_setting *s, const struct experiment_case *x, const char *value) {
  char assignment[2 * PARAM_TEXT_SIZE], printed[PARAM_TEXT_SIZE], section[128];
  void *of = NULL;
  const char *dot = strchr(s->key, '.');
  snprintf(assignment, sizeof assignment, "%s=%s", s->key, value);
  TRY(settings_set(x->settings.sections, assignment));
  snprintf(section, sizeof section, "%.*s", (int)(dot - s->key), s->key);
  const struct param *p = param_of(x->settings.sections, section, dot + 1, &of);
  param_value(p, of, printed);
  for (int k = 0; k < s->n; k++)
    if (same_name(s->value[k], printed)) return err_set(ERR_SETTING, "%s: %s is in the list twice", s->key, printed);
  s->value[s->n++] = err_strdup(printed);
  return 0;
}

static bool is_text(const struct experiment_case *x, const char *key) {
  char section[128];
  void *of;
  snprintf(section, sizeof section, "%.*s", (int)strcspn(key, "."), key);
  const struct param *p = param_of(x->settings.sections, section, key + strlen(section) + 1, &of);
  return p && p->type == PARAM_TYPE_TEXT;
}

static int take_list(struct sweepplan_setting *s, const struct experiment_case *x, const char *list) {
  const char separator = is_text(x, s->key) ? '|' : ',';
  int most = 1;
  for (const char *c = list; *c; c++) most += *c == separator;
  s->value = err_calloc((unsigned long)most, sizeof *s->value);
  for (const char *at = list;;) {
    const char *end = strchr(at, separator), *last = end ? end : at + strlen(at);
    while (isspace((unsigned char)*at) && at < last) at++;
    while (last > at && isspace((unsigned char)last[-1])) last--;
    if (at == last) return err_set(ERR_SETTING, "%s=%s: %s", s->key, list, *list ? "an empty value" : "an empty list");
    char *value = err_strndup(at, (size_t)(last - at));
    const int rc = take_value(s, x, value);
    free(value);
    TRY(rc);
    if (!end) return 0;
    at = end + 1;
  }
}

// ---- a plan

static bool changes_nothing(const struct sweepplan_setting *s) { return !strcmp(s->key, "run.threads"); }

static int add_setting(struct sweepplan *p, const struct experiment_case *x, const char *key, const char *list) {
  struct sweepplan_setting *s = &p->setting[p->n_settings++];
  char assignment[160];
  snprintf(s->key, sizeof s->key, "%s", key);
  snprintf(assignment, sizeof assignment, "%s=", key);
  s->training = p->trains && settings_assigned(p->e->train_reads, assignment);
  s->evaluation = settings_assigned(p->e->eval_reads, assignment);
  TRY(take_list(s, x, list));  // first: a name that does not exist has its own message
  if (changes_nothing(s) && s->n > 1)
    return err_set(ERR_SETTING, "%s=%s: changes no result: give one value", key, list);
  if (s->training || s->evaluation) return 0;
  return err_set(ERR_SETTING, "%s: has no effect here; settings of %seval %s have one", key,
                 p->trains ? "train and " : "", p->e->name);
}

static int add_settings(struct sweepplan *p, const struct experiment_case *x) {
  char key[128];
  for (const struct settings_section *s = sections + 1; s->name; s++)
    for (const struct param *q = s->table; q->type != PARAM_TYPE_END; q++) {
      const char *list = (const char *)s->params + q->offset;
      if (!strcmp(list, absent)) continue;
      snprintf(key, sizeof key, "%s.%s", s->name, q->name);
      if (!strcmp(key, "run.seed")) return err_set(ERR_SETTING, "run.seed=%s: the seeds are sweep.seeds", list);
      TRY(add_setting(p, x, key, list));
    }
  return *p->own.seeds ? add_setting(p, x, "run.seed", p->own.seeds) : 0;
}

// The number of combinations, and whether their names are short enough.
static int count_points(struct sweepplan *p) {
  size_t length = 0;
  p->n_points = 1;
  for (int k = 0; k < p->n_settings; k++) {
    size_t longest = 0;
    if (p->n_points > SWEEPPLAN_POINTS / p->setting[k].n)
      return err_set(ERR_SETTING, "%s: more than %d points", p->setting[k].key, SWEEPPLAN_POINTS);
    p->n_points *= p->setting[k].n;
    for (int v = 0; v < p->setting[k].n; v++)
      if (strlen(p->setting[k].value[v]) > longest) longest = strlen(p->setting[k].value[v]);
    if (sweepplan_varies(p, k)) length += strlen(p->setting[k].key) + longest + 2;
    if (length >= SWEEPPLAN_NAME)
      return err_set(ERR_SETTING, "%s: the names of the points would be longer than %d", p->setting[k].key,
                     SWEEPPLAN_NAME - 1);
  }
  return 0;
}

// The settings of one point beside each other.
static int check_point(const struct sweepplan *p, int point, bool training) {
  struct experiment_case x;
  struct run_sources from = sweepplan_sources(p, point, training);
  experiment_open(&x, p->e);
  int rc = 0;
  for (int k = 0; k < from.n_assignments && rc == 0; k++) rc = settings_set(x.settings.sections, from.assignments[k]);
  if (rc == 0) rc = training ? experiment_train_effects(&x, &from) : experiment_effects(&x, &from);
  experiment_close(&x);
  sweepplan_free_sources(&from);
  return rc;
}

static int check_points(const struct sweepplan *p) {
  char name[SWEEPPLAN_NAME];
  for (int k = 0; k < p->n_points; k++) {
    int rc = p->trains ? check_point(p, k, true) : 0;
    if (rc == 0) rc = check_point(p, k, false);
    sweepplan_name(p, k, name);
    if (rc < 0) return err_set((enum err)rc, "point %s: %s", name, err_message());
  }
  return 0;
}

static int no_such_experiment(const char *name) {
  char list[200] = "";
  for (const struct experiment *const *e = experiments; *e; e++) {
    const size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", (*e)->name);
  }
  return err_set(ERR_SETTING, "sweep.experiment=%s: no such experiment; must be one of %s", name, list);
}

// From what stands in `sections`.
static int make(struct sweepplan *p) {
  struct experiment_case x;
  p->own = *(const struct sweepplan_params *)sections[0].params;
  if (!*p->own.experiment) return err_set(ERR_SETTING, "sweep.experiment is missing");
  p->e = experiment_find(p->own.experiment);
  if (!p->e) return no_such_experiment(p->own.experiment);
  p->trains = !*p->own.model;
  p->setting = err_calloc(MAX_SETTINGS, sizeof *p->setting);
  experiment_open(&x, p->e);
  const int rc = add_settings(p, &x);
  experiment_close(&x);
  TRY(rc);
  TRY(count_points(p));
  return check_points(p);
}

static int finish(struct sweepplan *p, int rc, const char *name) {
  char message[1000];
  if (rc == 0 && (rc = make(p)) < 0) {
    snprintf(message, sizeof message, "%s", err_message());
    rc = err_set((enum err)rc, "%s: %s", name, message);
  }
  if (rc < 0) sweepplan_release(p);
  return rc;
}

static void begin(struct sweepplan *p) {
  *p = (struct sweepplan){ 0 };
  settings_defaults(all_sections());
}

int sweepplan_parse(void *plan, const char *text, size_t size, const char *name) {
  begin(plan);
  return finish(plan, settings_parse(sections, text, size, name), name);
}

int sweepplan_read(struct sweepplan *p, const char *path, int n_assignments, char *const *assignments) {
  begin(p);
  int rc = settings_load(sections, path);
  for (int k = 0; k < n_assignments && rc == 0; k++) rc = settings_set(sections, assignments[k]);
  return finish(p, rc, path);
}

void sweepplan_release(struct sweepplan *p) {
  for (int k = 0; k < p->n_settings; k++) {
    for (int v = 0; v < p->setting[k].n; v++) free(p->setting[k].value[v]);
    free(p->setting[k].value);
  }
  free(p->setting);
  *p = (struct sweepplan){ 0 };
}

// ---- points

const char *sweepplan_value(const struct sweepplan *p, int point, int setting) {
  int after = 1;  // combinations of the settings behind it
  for (int k = setting + 1; k < p->n_settings; k++) after *= p->setting[k].n;
  return p->setting[setting].value[point / after % p->setting[setting].n];
}

static bool is_seed(const struct sweepplan *p, int setting) { return !strcmp(p->setting[setting].key, "run.seed"); }

bool sweepplan_varies(const struct sweepplan *p, int setting) {
  return p->setting[setting].n > 1 || is_seed(p, setting);
}

void sweepplan_name(const struct sweepplan *p, int point, char name[SWEEPPLAN_NAME]) {
  size_t used = 0;
  snprintf(name, SWEEPPLAN_NAME, "point");
  for (int k = 0; k < p->n_settings; k++)
    if (sweepplan_varies(p, k) && used < SWEEPPLAN_NAME)
      used += (size_t)snprintf(name + used, SWEEPPLAN_NAME - used, "%s%s=%s", used ? "," : "",
                               is_seed(p, k) ? "seed" : p->setting[k].key, sweepplan_value(p, point, k));
  as_name(name);
}

struct run_sources sweepplan_sources(const struct sweepplan *p, int point, bool training) {
  char **list = err_calloc((unsigned long)p->n_settings + 1, sizeof *list);
  int n = 0;
  for (int k = 0; k < p->n_settings; k++) {
    const struct sweepplan_setting *s = &p->setting[k];
    char text[2 * PARAM_TEXT_SIZE];
    if (!(training ? s->training : s->evaluation)) continue;
    snprintf(text, sizeof text, "%s=%s", s->key, sweepplan_value(p, point, k));
    list[n++] = err_strdup(text);
  }
  return (struct run_sources){ .n_assignments = n, .assignments = list };
}

void sweepplan_free_sources(struct run_sources *from) {
  for (int k = 0; k < from->n_assignments; k++) free(from->assignments[k]);
  free((void *)(uintptr_t)from->assignments);
}

// ---- as a file

static void print_list(const struct sweepplan_setting *s, bool texts_too, FILE *out) {
  for (int v = 0; v < s->n; v++) fprintf(out, "%s%s", v ? texts_too ? " | " : ", " : "", s->value[v]);
  fputc('\n', out);
}

void sweepplan_print(const struct sweepplan *p, FILE *out) {
  struct experiment_case x;
  char section[128] = "";
  fprintf(out, "[sweep]\nexperiment = %s\n", p->e->name);
  if (!p->trains) fprintf(out, "model = %s\n", p->own.model);
  for (int k = 0; k < p->n_settings; k++)
    if (is_seed(p, k)) fputs("seeds = ", out), print_list(&p->setting[k], false, out);
  experiment_open(&x, p->e);
  for (int k = 0; k < p->n_settings; k++) {
    const struct sweepplan_setting *s = &p->setting[k];
    const int n = (int)strcspn(s->key, ".");
    if (is_seed(p, k) || changes_nothing(s)) continue;
    if (strncmp(section, s->key, (size_t)n) || section[n]) fprintf(out, "\n[%.*s]\n", n, s->key);
    snprintf(section, sizeof section, "%.*s", n, s->key);
    fprintf(out, "%s = ", s->key + n + 1);
    print_list(s, is_text(&x, s->key), out);
  }
  experiment_close(&x);
}

int sweepplan_same(const struct sweepplan *then, const struct sweepplan *now, const char *path) {
  char *text[2];
  size_t size[2];
  int rc = 0;
  for (int k = 0; k < 2; k++) {
    FILE *out = open_memstream(&text[k], &size[k]);
    if (!out) abort();
    sweepplan_print(k ? now : then, out);
    fclose(out);
  }
  for (const char *a = text[0], *b = text[1]; (*a || *b) && rc == 0;) {
    const int n = (int)strcspn(a, "\n"), m = (int)strcspn(b, "\n");
    if (n != m || memcmp(a, b, (size_t)n))
      rc = err_set(ERR_SETTING, "%s: the sweep began with '%.*s', now it is '%.*s'; name another folder", path, n, a, m,
                   b);
    a += n + (a[n] != 0);
    b += m + (b[m] != 0);
  }
  free(text[0]);
  free(text[1]);
  return rc;
}
