#include "options.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/note.h"
#include "base/par_ranks.h"
#include "base/param.h"
#include "base/progress.h"
#include "base/settings.h"
#include "base/signals.h"
#include "experiment/experiment.h"
#include "kernel/choice.h"
#include "outputs.h"
#include "shipped.h"

enum { LINE_WIDTH = 118, MAX_FLAGS = 32 };

// A command line taken apart, before it is known whose flags they are.
struct line {
  const char *flags[MAX_FLAGS], *values[MAX_FLAGS];
  int n_flags;
  bool help;
};

static const struct options_flag *flag_of(const struct options_action *a, const char *name) {
  const struct options_flag *f = a->flags;
  while (f->name && strcmp(f->name, name)) f++;
  return f->name ? f : NULL;
}

static const struct options_flag *flag_of_any(const struct options_command *c, const char *name) {
  const struct options_flag *f = NULL;
  for (const struct options_action *a = c->actions; a->name && !f; a++) f = flag_of(a, name);
  return f;
}

// A name of a setting has no slash, colon or blank: that is a path or a driver, whatever else it holds; so is what
// exists, where words are paths.
static bool is_assignment(const char *word, bool paths) {
  return word[strcspn(word, "=/: ")] == '=' && !(paths && file_exists(word));
}

static int take_flag(struct line *line, const struct options_command *c, int argc, char **argv, int *i) {
  const char *name = argv[*i];
  if (!strcmp(name, "--help") || !strcmp(name, "-h")) {
    line->help = true;
    return 0;
  }
  const struct options_flag *f = flag_of_any(c, name);
  if (!f) return err_set(ERR_SETTING, "%s: no such option", name);
  for (int k = 0; k < line->n_flags; k++)
    if (!strcmp(line->flags[k], name)) return err_set(ERR_SETTING, "%s: given twice", name);
  const bool optional = f->value && f->value[0] == '[', last = *i + 1 >= argc;
  if (f->value && !optional && (last || !argv[*i + 1][0])) return err_set(ERR_SETTING, "%s: needs a value", name);
  const bool given = f->value && !(optional && (last || argv[*i + 1][0] == '-' || is_assignment(argv[*i + 1], false)));
  line->flags[line->n_flags] = name;
  line->values[line->n_flags++] = given ? argv[++*i] : f->value ? "" : NULL;
  return 0;
}

static bool takes_words(const struct options_command *c) {
  for (const struct options_action *a = c->actions; a->name; a++)
    if (a->most > 0) return true;
  return false;
}

static int take_apart(struct options *o, struct line *line, const struct options_command *c, int argc, char **argv) {
  *o = (struct options){ .words = argv };  // moved together in place
  *line = (struct line){ 0 };
  for (int i = 0; i < argc; i++) {
    if (!argv[i][0]) return err_set(ERR_SETTING, "an empty word among the arguments");
    if (argv[i][0] == '-') {
      TRY(take_flag(line, c, argc, argv, &i));
    } else if (is_assignment(argv[i], takes_words(c))) {
      if (o->n_assignments == OPTIONS_MAX)
        return err_set(ERR_SETTING, "%.*s: more than %d settings", settings_shown(argv[i]), argv[i], OPTIONS_MAX);
      o->assignments[o->n_assignments++] = argv[i];
    } else {
      o->words[o->n_words++] = argv[i];
    }
  }
  return 0;
}

// ---- which action

// How many of the words name the action; -1: they do not.
static int named_by(const struct options_action *a, const struct options *o) {
  char name[64];
  int n = 0;
  snprintf(name, sizeof name, "%s", a->name);
  for (char *rest, *word = strtok_r(name, " ", &rest); word; word = strtok_r(NULL, " ", &rest), n++)
    if (n == o->n_words || strcmp(o->words[n], word)) return -1;
  return n;
}

static const struct options_action *action_of(const struct options_command *c, const struct options *o) {
  const struct options_action *best = NULL;
  for (const struct options_action *a = c->actions; a->name; a++)
    if (named_by(a, o) >= (best ? named_by(best, o) : 0)) best = a;
  return best;
}

// Do the names of some actions begin with this word and go on?
static bool begins_action(const struct options_action *a, const char *word) {
  const size_t length = strlen(word);
  return !strncmp(a->name, word, length) && a->name[length] == ' ';
}

static bool begins_some(const struct options_command *c, const char *word) {
  const struct options_action *a = c->actions;
  while (a->name && !begins_action(a, word)) a++;
  return a->name;
}

static int no_such_action(const struct options_command *c, const char *word) {
  const bool partly = begins_some(c, word);
  char list[200] = "";
  for (const struct options_action *a = c->actions; a->name; a++) {
    const size_t used = strlen(list);
    if (*a->name && (!partly || begins_action(a, word)))
      snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "; must be one of ", a->name);
  }
  return err_set(ERR_SETTING, "%s: %s%s", word,
                 partly  ? "not a whole action"
                 : *list ? "no such action"
                         : "unknown word",
                 list);
}

// The words that are left are the action's arguments.
static int take_words(struct options *o, const struct options_command *c, const struct options_action *a) {
  const int named = named_by(a, o);
  assert(named >= 0);
  o->n_words -= named;
  o->words += named;
  if (o->n_words > a->most && !named) return no_such_action(c, o->words[a->most]);
  if (o->n_words > a->most) return err_set(ERR_SETTING, "%s: one word too many", o->words[a->most]);
  if (o->n_words < a->least) return err_set(ERR_SETTING, "%s is missing", a->arguments);
  return 0;
}

// ---- what the action knows

static int has_no_effect(const char *flag, const struct options_action *a) {
  char list[300] = "";
  for (const struct options_flag *f = a->flags; f->name; f++) {
    const size_t used = strlen(list);
    snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "; these have one: ", f->name);
  }
  return err_set(ERR_SETTING, "%s: has no effect here%s", flag, list);
}

static int set_flags(struct options *o, const struct line *line, const struct options_action *a) {
  for (int k = 0; k < line->n_flags; k++) {
    const struct options_flag *f = flag_of(a, line->flags[k]);
    if (!f) return has_no_effect(line->flags[k], a);
    if (f->value) *(const char **)((char *)o + f->field) = line->values[k];
    else *(bool *)((char *)o + f->field) = true;
  }
  for (const struct options_flag *f = a->flags; f->name; f++)
    if (f->needed && !*(const char **)((char *)o + f->field))
      return err_set(ERR_SETTING, "%s %s is missing", f->name, f->value);
  return 0;
}

const char *const options_all[] = { "*", NULL };

static bool listed(const char *const *list, const char *assignment) {
  return list == options_all || settings_assigned(list, assignment);
}

// The last of several values of a setting counts, so that a script can add to what a variable holds; a line says so.
static void note_repeated(const struct options *o, int last) {
  const char *it = o->assignments[last];
  const size_t key = strcspn(it, "=") + 1;
  int k = last - 1;
  while (k >= 0 && strncmp(o->assignments[k], it, key)) k--;
  if (k >= 0 && strcmp(o->assignments[k], it))
    note_setting("%.*s overrides %.*s before it", settings_shown(it), it, settings_shown(o->assignments[k]),
                 o->assignments[k]);
}

static int check_assignments(const struct options *o, const struct options_action *a) {
  for (int k = 0; k < o->n_assignments; k++) {
    const char *it = o->assignments[k];
    if (!strchr(it, '.') || strchr(it, '.') > strchr(it, '='))
      return err_set(ERR_SETTING, "%.*s: expected section.name=value", settings_shown(it), it);
    if (a->reads != options_all) TRY(run_check_read(a->reads, it));
    note_repeated(o, k);
  }
  return 0;
}

struct run_sources options_sources(const struct options *o) {
  return (struct run_sources){ .config = o->config, .n_assignments = o->n_assignments, .assignments = o->assignments };
}

int options_apply(const struct options *o, const struct settings_section *all) {
  if (o->config) TRY(settings_load(all, o->config));
  for (int k = 0; k < o->n_assignments; k++) TRY(settings_set(all, o->assignments[k]));
  return 0;
}

// ---- help

// One part of a usage, on the next line where this one is full.
static void put_part(FILE *out, int *column, const char *text) {
  if (*column + 1 + (int)strlen(text) > LINE_WIDTH) *column = fprintf(out, "\n%*s", 19, "") - 1;
  *column += fprintf(out, " %s", text);
}

static void put_usage(FILE *out, const struct options_command *c, const struct options_action *a, bool first) {
  int column = fprintf(out, "%s metaxbar %s%s%s", first ? "usage:" : "      ", c->name, *a->name ? " " : "", a->name);
  if (a->arguments) put_part(out, &column, a->arguments);
  for (int needed = 1; needed >= 0; needed--)
    for (const struct options_flag *f = a->flags; f->name; f++) {
      char text[160];
      snprintf(text, sizeof text, "%s%s%s%s%s", f->needed ? "" : "[", f->name, f->value ? " " : "",
               f->value ? f->value : "", f->needed ? "" : "]");
      if (f->needed == needed) put_part(out, &column, text);
    }
  if (a->reads) put_part(out, &column, "[section.name=value ...]");
  fputc('\n', out);
}

static void put_usages(FILE *out, const struct options_command *c, const struct options_action *only) {
  for (const struct options_action *a = c->actions; a->name; a++)
    if (!only || a == only) put_usage(out, c, a, only || a == c->actions);
}

// Has an earlier action the same line about this flag?
static bool put_before(const struct options_command *c, const struct options_action *a, const struct options_flag *f) {
  for (const struct options_action *b = c->actions; b < a; b++) {
    const struct options_flag *g = flag_of(b, f->name);
    if (g && !strcmp(g->help, f->help) && (!f->value || !strcmp(g->value, f->value))) return true;
  }
  return false;
}

static void put_flags(const struct options_command *c, const struct options_action *only) {
  printf("\nflags:\n");
  for (const struct options_action *a = c->actions; a->name; a++)
    for (const struct options_flag *f = a->flags; f->name && (!only || a == only); f++) {
      char text[160];
      snprintf(text, sizeof text, "%s%s%s", f->name, f->value ? " " : "", f->value ? f->value : "");
      if (only || !put_before(c, a, f)) printf("  %-25s  %s\n", text, f->help);
    }
  printf("  %-25s  print this\n", "--help");
}

// The settings that an action (NULL: any) reads. Of several experiments every one has its own.
static void put_settings(const struct options_command *c, const struct options_action *only) {
  struct experiment_case x = { 0 };
  if (!c->sections && !(only && only->experiment)) return;
  if (!c->sections) experiment_open(&x, only->experiment);
  printf("\nsettings:\n");
  for (const struct settings_section *s = c->sections ? c->sections() : x.settings.sections; s->name; s++)
    for (const struct param *p = s->table; p->type != PARAM_TYPE_END; p++) {
      const struct param one[2] = { *p };
      char name[100];
      bool read = false;
      snprintf(name, sizeof name, "%s.%s=", s->name, p->name);
      for (const struct options_action *a = c->actions; a->name; a++)
        read = read || ((!only || a == only) && listed(a->reads, name));
      if (read) param_help(one, s->name, stdout);
    }
  if (x.e) experiment_close(&x);
}

static void help(const struct options_command *c, const struct options_action *only) {
  put_usages(stdout, c, only);
  if (c->text) printf("\n%s", c->text);
  for (const struct options_action *a = c->actions; a->name; a++)
    if (a->text && (!only || a == only)) printf("\n%s", a->text);
  put_flags(c, only);
  put_settings(c, only);
}

// ---- the whole

// The status of rank 0 is that of all.
static int fail(const char *command, int rc) {
  if (!par_ranks_first()) return 0;
  fprintf(stderr, "metaxbar %s: %s\n", command, err_message());
  if (rc == ERR_INTERRUPTED && signals_caught()) return signals_status();
  return rc == ERR_SETTING ? 2 : 1;
}

int options_json(struct json_t *j) {
  const int rc = json_print(j, stdout);
  json_release(j);
  return rc;
}

int options_finish(const char *command) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
  fprintf(stderr, "metaxbar %s: cannot write the results: standard output failed\n", command);
  return 1;
}

static int run(struct options *o, const struct line *line, const struct options_command *c,
               const struct options_action *a) {
  static char shipped[FILE_PATH_SIZE];
  TRY(take_words(o, c, a));
  TRY(set_flags(o, line, a));
  TRY(check_assignments(o, a));
  if (o->model) o->model = shipped_path(shipped, o->model);
  TRY(outputs_check(o, a->replaces));
  progress_quiet(o->quiet || !par_ranks_first());
  return a->experiment ? a->run_experiment(a->experiment, o) : a->run(o);
}

// The command with its actions for each experiment.
static struct options_command expanded(const struct options_command *c) {
  enum { MAX_ACTIONS = 32 };
  static struct options_action list[MAX_ACTIONS];
  struct options_command all = *c;
  int n = 0;
  if (!c->each) return all;
  for (const struct experiment *const *e = experiments; *e; e++) {
    list[n] = c->actions[0];
    list[n].experiment = *e;
    c->each(&list[n++], *e);
  }
  for (const struct options_action *a = c->actions + 1; a->name; a++) list[n++] = *a;
  assert(n < MAX_ACTIONS);
  list[n] = (struct options_action){ 0 };
  all.actions = list;
  return all;
}

// Rank 0 alone prints. a: NULL where the words name none.
static int start_ranks(const struct options_command *c, const struct options_action *a) {
  bool divides = false;
  for (const struct options_action *any = a ? a : c->actions; any->name && !divides; any++) {
    divides = any->divides;
    if (any == a) break;
  }
  TRY(par_ranks_open(divides));
  if (par_ranks_first()) return 0;
  note_to(NULL);
  return freopen("/dev/null", "w", stdout) ? 0 : err_set(ERR_IO, "/dev/null: cannot be opened");
}

// Help, or the usage of a command without words: nothing that ranks would do.
static bool only_text(const struct options_command *c, const struct options *o, const struct line *line,
                      const struct options_action *a) {
  return line->help ? a || !o->n_words || begins_some(c, o->words[0]) : !a && !o->n_words;
}

static int print_text(const struct options_command *c, const struct options_action *a, bool in_full, const char *name) {
  if (!par_ranks_prints()) return 0;
  if (!in_full) return put_usages(stderr, c, NULL), 2;
  help(c, a && *a->name ? a : NULL);
  return options_finish(name);
}

// The action that the line names, NULL without; whatever is wrong with it is said by one rank.
static int begin(struct options *o, struct line *line, const struct options_action **a, const struct options_command *c,
                 int argc, char **argv) {
  char message[1000];
  const int rc = take_apart(o, line, c, argc, argv);
  snprintf(message, sizeof message, "%s", err_message());
  *a = rc == 0 ? action_of(c, o) : NULL;
  if (rc == 0 && only_text(c, o, line, *a)) return 0;
  TRY(start_ranks(c, *a));
  return rc == 0 ? 0 : err_set((enum err)rc, "%s", message);
}

int options_main(const struct options_command *command, int argc, char **argv) {
  const struct options_command all = expanded(command), *const c = &all;
  const struct options_action *a;
  struct options o;
  struct line line;
  char name[96];
  note_hold();
  int rc = begin(&o, &line, &a, c, argc, argv);
  snprintf(name, sizeof name, "%s%s%s", c->name, a && *a->name ? " " : "", a ? a->name : "");
  if (rc == 0 && only_text(c, &o, &line, a)) return print_text(c, a, line.help, name);
  if (rc == 0) rc = choice_check();
  if (rc == 0) rc = a ? run(&o, &line, c, a) : no_such_action(c, o.words[0]);
  rc = par_ranks_close(rc);
  note_release(rc != ERR_SETTING);
  return rc < 0 ? fail(name, rc) : options_finish(name);
}
