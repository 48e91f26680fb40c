#include "options.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/progress.h"
#include "base/settings.h"
#include "base/signals.h"
#include "shipped.h"

static int take_value(const char **value, int argc, char **argv, int *i) {
  if (*i + 1 >= argc) return err_set(ERR_SETTING, "%s: needs a value", argv[*i]);
  *value = argv[++*i];
  return 0;
}

static int take_flag(struct options *o, int argc, char **argv, int *i) {
  const char *a = argv[*i];
  if (!strcmp(a, "-c")) return take_value(&o->config, argc, argv, i);
  if (!strcmp(a, "--model")) return take_value(&o->model, argc, argv, i);
  if (!strcmp(a, "--run")) return take_value(&o->run, argc, argv, i);
  if (!strcmp(a, "--out")) return take_value(&o->out, argc, argv, i);
  if (!strcmp(a, "--render")) return take_value(&o->render, argc, argv, i);
  if (!strcmp(a, "--resume")) o->resume = true;
  else if (!strcmp(a, "--json")) o->json = true;
  else if (!strcmp(a, "--quiet")) o->quiet = true;
  else if (!strcmp(a, "--dry-run")) o->dry_run = true;
  else if (!strcmp(a, "--half")) o->half = true;
  else if (!strcmp(a, "--help") || !strcmp(a, "-h")) o->help = true;
  else return err_set(ERR_SETTING, "%s: no such option", a);
  return 0;
}

// Sections have no slash; a name of this form that is there is one where paths are expected.
static bool is_assignment(const char *argument, bool paths) {
  const char *equals = strchr(argument, '=');
  return equals && !memchr(argument, '/', (size_t)(equals - argument)) && !(paths && file_exists(argument));
}

static int parse(struct options *o, int argc, char **argv, bool paths) {
  static char shipped[FILE_PATH_SIZE];
  *o = (struct options){ 0 };
  for (int i = 0; i < argc; i++) {
    if (argv[i][0] == '-') {
      TRY(take_flag(o, argc, argv, &i));
    } else if (is_assignment(argv[i], paths)) {
      if (o->n_assignments == OPTIONS_MAX) return err_set(ERR_SETTING, "%s: more than %d settings", argv[i], OPTIONS_MAX);
      o->assignments[o->n_assignments++] = argv[i];
    } else {
      if (o->n_words == 8) return err_set(ERR_SETTING, "%s: too many words", argv[i]);
      o->words[o->n_words++] = argv[i];
    }
  }
  if (o->model) o->model = shipped_path(shipped, o->model);
  progress_quiet(o->quiet);
  return 0;
}

int options_parse(struct options *o, int argc, char **argv) { return parse(o, argc, argv, false); }
int options_parse_paths(struct options *o, int argc, char **argv) { return parse(o, argc, argv, true); }

int options_apply(const struct options *o, const struct settings_section *all) {
  if (o->config) TRY(settings_load(all, o->config));
  for (int k = 0; k < o->n_assignments; k++) TRY(settings_set(all, o->assignments[k]));
  return 0;
}

int options_fail(const char *command, int rc) {
  fprintf(stderr, "metaxbar %s: %s\n", command, err_message());
  if (rc == ERR_INTERRUPTED && signals_caught()) return 128 + signals_caught();
  return rc == ERR_SETTING ? 2 : 1;
}

int options_finish(const char *command) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return 0;
  fprintf(stderr, "metaxbar %s: cannot write the results: standard output failed\n", command);
  return 1;
}
