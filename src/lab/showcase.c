#include "lab/showcase.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "run/rundir.h"
#include "data/md5.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/arm/reach.h"

enum { VERSION = 1, MODEL_LIMIT = 1 << 30, JSON_LIMIT = 1 << 26 };

const struct param showcase_param_table[] = {
  PARAM_I64(struct showcase_params, tasks, 200, 1, 1000000, "few-shot tasks of each evaluation"),
  PARAM_I64(struct showcase_params, movements, 100, 1, 1000000, "movements of each evaluation of an arm model"),
  { 0 },
};

// ---- settings

static bool knows(const struct settings_section *all, const char *assignment) {
  const char *dot = strchr(assignment, '.'), *equals = strchr(assignment, '=');
  if (!dot || !equals || dot > equals) return false;
  for (const struct settings_section *s = all; s->name; s++)
    for (const struct param *p = s->table; p->type != PARAM_TYPE_END; p++)
      if (strlen(s->name) == (size_t)(dot - assignment) && !strncmp(s->name, assignment, (size_t)(dot - assignment)) &&
          strlen(p->name) == (size_t)(equals - dot - 1) && !strncmp(p->name, dot + 1, (size_t)(equals - dot - 1)))
        return true;
  return false;
}

int showcase_init(struct showcase *s, int n_assignments, char *const *assignments) {
  struct fewshot f;
  struct reach a;
  *s = (struct showcase){ .n_assignments = n_assignments, .assignments = assignments };
  s->sections[0] = (struct settings_section){ "report", showcase_param_table, &s->params };
  settings_defaults(s->sections);
  fewshot_init(&f);
  reach_init(&a);
  for (int k = 0; k < n_assignments; k++) {
    const struct settings_section *known = knows(s->sections, assignments[k]) ? s->sections : knows(a.sections, assignments[k]) ? a.sections : f.sections;
    TRY(settings_set(known, assignments[k]));
  }
  return 0;
}

int showcase_assignments(char **list, const struct showcase *s, const struct settings_section *sections) {
  int n = 0;
  for (int k = 0; k < s->n_assignments; k++)
    if (knows(sections, s->assignments[k])) list[n++] = s->assignments[k];
  return n;
}

// Where a section has several tables, `same` is the one of the defaults that stands at the same place.
static bool differs(const struct settings_section *s, const struct settings_section *same, const struct param *p, char value[PARAM_TEXT_SIZE]) {
  char usual[PARAM_TEXT_SIZE];
  param_value(p, s->params, value);
  param_value(p, same->params, usual);
  return strcmp(value, usual) != 0;
}

static bool listed(const char *const *names, const char *name) {
  while (*names && strcmp(*names, name)) names++;
  return *names != NULL;
}

static struct json_t *changed_json(const struct showcase_work *w) {
  struct json_t *list = json_array_new();
  for (int k = 0; w->sections[k].name; k++)
    for (const struct param *p = w->sections[k].table; p->type != PARAM_TYPE_END; p++) {
      char value[PARAM_TEXT_SIZE], text[2*PARAM_TEXT_SIZE];
      if (!differs(&w->sections[k], &w->defaults[k], p, value)) continue;
      snprintf(text, sizeof text, "%s.%s=%s", w->sections[k].name, p->name, value);
      json_put_text(list, NULL, text);
    }
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

static void put_command(FILE *out, const struct showcase_work *w, const char *kind, const char *const *sections) {
  fprintf(out, "metaxbar eval %s --model ", kind);
  showcase_word(out, w->model);
  for (int k = 0; w->sections[k].name; k++) {
    if (!listed(sections, w->sections[k].name)) continue;
    for (const struct param *p = w->sections[k].table; p->type != PARAM_TYPE_END; p++) {
      char value[PARAM_TEXT_SIZE], text[2*PARAM_TEXT_SIZE];
      if (!differs(&w->sections[k], &w->defaults[k], p, value)) continue;
      snprintf(text, sizeof text, "%s.%s=%s", w->sections[k].name, p->name, value);
      fputc(' ', out);
      showcase_word(out, text);
    }
  }
}

struct json_t *showcase_evaluation(const struct showcase_work *w, const char *name, const char *kind, const char *const *sections, struct json_t *result) {
  struct json_t *o = json_object_new();
  char *command = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&command, &size);
  if (out) {
    put_command(out, w, kind, sections);
    fclose(out);
  }
  json_put_text(o, "name", name);
  json_put_text(o, "command", command ? command : "");
  json_put(o, "result", result);
  free(command);
  return o;
}

// ---- files

void showcase_path(const struct showcase_work *w, const char *name, char path[FILE_PATH_SIZE]) {
  snprintf(path, FILE_PATH_SIZE, "%.*s/%s", FILE_PATH_SIZE - 64, w->folder, name);
}

// Digest of the model's bytes and of all settings.
static int digest(const struct showcase_work *w, char key[33]) {
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
  settings_print_lines(w->sections, out);
  fclose(out);
  md5_update(&m, text, n);
  free(text);
  md5_final(&m, key);
  return 0;
}

int showcase_known(const struct showcase_work *w, const char *json, char key[33]) {
  char path[FILE_PATH_SIZE];
  struct json_t *facts;
  const char *found;
  showcase_path(w, json, path);
  TRY(digest(w, key));
  if (!file_exists(path)) return 0;
  bool same = false;
  if (json_read(&facts, path, JSON_LIMIT) == 0) {
    same = json_field_text(facts, path, "key", &found) == 0 && !strcmp(found, key);
    json_release(facts);
  }
  if (!same) unlink(path);
  return same;
}

struct json_t *showcase_facts(const struct showcase_work *w, const char *key) {
  struct json_t *o = json_object_new();
  json_put_text(o, "key", key);
  json_put_text(o, "model", w->model);
  json_put(o, "program", rundir_build());
  json_put(o, "changed", changed_json(w));
  json_put(o, "settings", settings_json(w->sections));
  return o;
}

int showcase_save(const struct showcase_work *w, const char *json, struct json_t *facts) {
  char path[FILE_PATH_SIZE];
  struct file_out out;
  showcase_path(w, json, path);
  TRY(file_out_open(&out, path));
  const int rc = json_print(facts, out.stream);
  if (rc < 0) {
    file_out_abort(&out);
    return rc;
  }
  return file_out_commit(&out);
}

// ---- one model

static bool has(const char *folder, const char *name) {
  char path[FILE_PATH_SIZE];
  snprintf(path, sizeof path, "%s/" SHOWCASE_FOLDER "/%s", folder, name);
  return file_exists(path);
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

int showcase_measure(const struct showcase *s, const char *run, const char *model) {
  char own[FILE_PATH_SIZE];
  struct showcase_work w = { .s = s, .model = model ? model : own };
  bool arm;
  if (strlen(run) > FILE_PATH_SIZE/2) return err_set(ERR_IO, "%.60s...: path too long", run);
  snprintf(own, sizeof own, "%s/" RUNDIR_MODEL, run);
  snprintf(w.folder, sizeof w.folder, "%s/" SHOWCASE_FOLDER, run);
  snprintf(w.settings, sizeof w.settings, "%s/" RUNDIR_SETTINGS, run);
  if (model || !file_exists(w.settings)) w.settings[0] = 0;
  if (!file_exists(w.model)) {
    if (!model && (has(run, "fewshot.json") || has(run, "arm.json"))) return 0;
    if (!model && !file_exists(run)) return err_set(ERR_IO, "%s: no such run", run);
    return model ? err_set(ERR_IO, "%s: no such model", model) : err_set(ERR_IO, "%s: no %s and no " SHOWCASE_FOLDER " to draw from", run, RUNDIR_MODEL);
  }
  TRY(reach_model_is(&arm, w.model));
  TRY(refuse_links(w.folder));
  TRY(file_make_dirs(w.folder));
  char other[FILE_PATH_SIZE];  // of a model of the other kind that stood here before
  showcase_path(&w, arm ? "fewshot.json" : "arm.json", other);
  unlink(other);
  return arm ? showcase_arm(&w) : showcase_fewshot(&w);
}
