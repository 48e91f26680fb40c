#include "base/settings.h"

#include <assert.h>
#include <ctype.h>
#include <ini.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/note.h"
#include "base/param.h"
#include "base/tensorfile.h"

enum { LINE_SIZE = PARAM_TEXT_SIZE + 128, KEY_SIZE = 128, FILE_LIMIT = 1 << 20 };

// Every setting of the list: `s` its section, `p` its row.
#define EACH(s, p, all)                                                                                                \
  for (const struct settings_section *s = (all); s->name; s++)                                                         \
    for (const struct param *p = s->table; p->type != PARAM_TYPE_END; p++)

void settings_defaults(const struct settings_section *all) {
  for (const struct settings_section *s = all; s->name; s++) param_defaults(s->table, s->params);
}

void settings_begin(struct settings_section *to, size_t room, const struct settings_section *all, size_t n) {
  assert(n < room);
  memset(to, 0, room * sizeof *to);
  memcpy(to, all, n * sizeof *to);
  settings_defaults(to);
}

// The row of a setting in a table; NULL: there is none.
static const struct param *find_param(const struct param *table, const char *name) {
  for (const struct param *p = table; p->type != PARAM_TYPE_END; p++)
    if (!strcmp(p->name, name)) return p;
  return NULL;
}

// The table of a section that has the setting, else the first of that section; NULL: no such section.
static const struct settings_section *find_section(const struct settings_section *all, const char *name,
                                                   const char *setting) {
  const struct settings_section *first = NULL;
  for (const struct settings_section *s = all; s->name; s++) {
    if (strcmp(s->name, name)) continue;
    if (!first) first = s;
    if (find_param(s->table, setting)) return s;
  }
  return first;
}

// Why a file that a program wrote cannot set this; NULL: it can.
static const char *why_ignored(const struct settings_section *s, const char *name, const char *value) {
  const struct param *p = s ? find_param(s->table, name) : NULL;
  if (!p) return "this program has no such setting";
  return p->user && *value ? "only the user may set it" : NULL;
}

// Does a section begin with this table?
static bool is_first(const struct settings_section *all, const struct settings_section *s) {
  return s == all || strcmp(s->name, s[-1].name);
}

bool settings_is_secret(const char *name) {
  const size_t n = strcspn(name, "="), of = sizeof "password" - 1;
  return n >= of && !strncmp(name + n - of, "password", of);
}

int settings_shown(const char *assignment) {
  return (int)(settings_is_secret(assignment) ? strcspn(assignment, "=") : strlen(assignment));
}

// The INI reader strips outer spaces and takes ';' after a space for a comment, except in a password. Only texts
// matter: everything else is printed anew.
static bool survives_ini(const struct param *table, const char *name, const char *value) {
  const struct param *p = table;
  while (p->type != PARAM_TYPE_END && strcmp(p->name, name)) p++;
  if (p->type != PARAM_TYPE_TEXT) return true;
  const bool comments = !settings_is_secret(name);
  if (isspace((unsigned char)*value) || (comments && *value == ';')) return false;
  for (const char *c = value; *c; c++)
    if (isspace((unsigned char)*c) && ((comments && c[1] == ';') || !c[1])) return false;
  return true;
}

// Letters to be inserted, removed or replaced to make b of a (Levenshtein); names are short.
static int distance(const char *a, const char *b) {
  enum { MOST = 100 };
  const int m = (int)strlen(b);
  int row[MOST + 1];
  if (m > MOST || strlen(a) > MOST) return INT_MAX;
  for (int j = 0; j <= m; j++) row[j] = j;
  for (int i = 1; a[i - 1]; i++)
    for (int j = 1, diagonal = row[0]++; j <= m; j++) {
      const int replaced = diagonal + (a[i - 1] != b[j - 1]), other = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
      diagonal = row[j];
      row[j] = replaced < other ? replaced : other;
    }
  return row[m];
}

// A setting that does not exist, with the nearest that does, if it is near.
static int unknown_setting(const struct settings_section *all, const char *section, const char *name) {
  char given[256], other[256], nearest[256] = "";
  snprintf(given, sizeof given, "%s.%s", section, name);
  int least = 2 + (int)strlen(given) / 8;
  EACH(s, p, all) {
    snprintf(other, sizeof other, "%s.%s", s->name, p->name);
    const int d = distance(given, other);
    if (d >= least) continue;
    least = d;
    memcpy(nearest, other, sizeof nearest);
  }
  return err_set(ERR_SETTING, "%s: no such setting%s%s", given, *nearest ? "; the nearest is " : "", nearest);
}

// Errors: "section.name=value: reason" or, without a value at fault, "section.name: reason".
static int assign(const struct settings_section *all, const char *section, const char *name, const char *value) {
  const struct settings_section *s = find_section(all, section, name);
  if (!s) {
    char list[400] = "";
    for (s = all; s->name; s++) {
      if (!is_first(all, s)) continue;
      const size_t used = strlen(list);
      snprintf(list + used, sizeof list - used, "%s%s", used ? ", " : "", s->name);
    }
    if (!*section) return err_set(ERR_SETTING, "%s: stands before the first [section]; sections are %s", name, list);
    return err_set(ERR_SETTING, "%s.%s: no section '%s'; sections are %s", section, name, section, list);
  }
  const bool secret = settings_is_secret(name);
  if (!find_param(s->table, name)) return unknown_setting(all, section, name);
  if (!survives_ini(s->table, name, value))
    return secret ? err_set(ERR_SETTING, "%s.%s: cannot begin or end with a space", section, name)
                  : err_set(ERR_SETTING, "%s.%s=%s: a text cannot begin or end with a space or hold ' ;'", section,
                            name, value);
  const int rc = param_set(s->table, s->params, name, value);
  if (rc && secret)
    return err_set(rc, "%s.%s: not UTF-8 without control characters, or longer than %d", section, name,
                   PARAM_TEXT_SIZE - 1);
  return rc ? err_set(rc, "%s.%s", section, err_message()) : 0;  // param_set begins with the name
}

int settings_set(const struct settings_section *all, const char *assignment) {
  char text[LINE_SIZE];
  const int shown = settings_shown(assignment);
  if (strlen(assignment) >= sizeof text)
    return err_set(ERR_SETTING, "%.*s...: longer than %d characters", settings_is_secret(assignment) ? shown : 60,
                   assignment, LINE_SIZE - 1);
  strcpy(text, assignment);
  char *equals = strchr(text, '=');
  if (equals) *equals = 0;
  char *dot = strchr(text, '.');
  if (!equals || !dot) return err_set(ERR_SETTING, "%.*s: expected section.name=value", shown, assignment);
  *dot = 0;
  return assign(all, text, dot + 1, equals + 1);
}

// ---- INI

struct ini {
  const struct settings_section *all;
  const char *name;      // of the file
  const char *at, *end;  // text not yet read
  const char *now;       // the line being parsed, up to `at` or its newline
  int line;              // being parsed
  int rc;                // first error
  bool *seen;            // one for each setting, in the order of EACH
  bool written;          // by a program: unknown settings are ignored
};

static int ini_error(struct ini *ini, const char *reason) {
  return ini->rc = err_set(ERR_SETTING, "%s:%d: %s", ini->name, ini->line, reason);
}

// fgets for libinih, which wants at most size - 1 characters. Ends the text at the first error.
static char *next_line(char *line, int size, void *data) {
  struct ini *ini = data;
  if (ini->rc || ini->at == ini->end) return NULL;
  ini->line++;
  const char *newline = memchr(ini->at, '\n', (size_t)(ini->end - ini->at));
  const size_t n = (size_t)((newline ? newline : ini->end) - ini->at);
  if (n + 2 > (size_t)size) {
    char reason[80];
    snprintf(reason, sizeof reason, "a line of %zu characters; at most %d", n, size - 2);
    ini_error(ini, reason);
    return NULL;
  }
  if (memchr(ini->at, 0, n)) {
    ini_error(ini, "not a text file");
    return NULL;
  }
  memcpy(line, ini->at, n);
  line[n] = 0;
  ini->now = ini->at;
  ini->at += n + (newline ? 1 : 0);
  return line;
}

// A value as it stands in the line, with what the INI reader takes for a comment.
static void whole_value(const struct ini *ini, char value[LINE_SIZE]) {
  const char *from = ini->now, *to = ini->at;
  while (from < to && *from != '=' && *from != ':') from++;
  if (from < to) from++;
  while (from < to && isspace((unsigned char)*from)) from++;
  while (from < to && isspace((unsigned char)to[-1])) to--;
  snprintf(value, LINE_SIZE, "%.*s", (int)(to - from), from);
}

static int on_value(void *data, const char *section, const char *name, const char *value) {
  struct ini *ini = data;
  const bool secret = settings_is_secret(name);
  char whole[LINE_SIZE];
  int k = 0;
  if (secret) whole_value(ini, whole), value = whole;
  EACH(s, p, ini->all) {
    if (!strcmp(s->name, section) && !strcmp(p->name, name)) {
      if (ini->seen[k])
        ini->rc = err_set(ERR_SETTING, "%s:%d: %s.%s%s%s: given twice", ini->name, ini->line, section, name,
                          secret ? "" : "=", secret ? "" : value);
      ini->seen[k] = true;
    }
    k++;
  }
  const struct settings_section *in = find_section(ini->all, section, name);
  const char *why = ini->written ? why_ignored(in, name, value) : NULL;
  if (!ini->rc && why)
    note("%s:%d: %s.%s%s%s: ignored, %s", ini->name, ini->line, section, name, secret ? "" : "=", secret ? "" : value,
         why);
  else if (!ini->rc && assign(ini->all, section, name, value)) ini_error(ini, err_message());
  return !ini->rc;
}

// The options of libinih are global: one thread at a time, and afterwards as a host that uses it too had set them.
static int parse(struct ini *ini) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&lock);
  const bool use_stack = ini_use_stack, allow_multiline = ini_allow_multiline;
  const int initial_alloc = ini_initial_alloc, max_line = ini_max_line;
  ini_use_stack = ini_allow_multiline = false;  // lines as long as the longest setting
  ini_initial_alloc = ini_max_line = LINE_SIZE;
  const int line = ini_parse_stream(next_line, ini, on_value, ini);
  ini_use_stack = use_stack;
  ini_allow_multiline = allow_multiline;
  ini_initial_alloc = initial_alloc;
  ini_max_line = max_line;
  pthread_mutex_unlock(&lock);
  return line;
}

static int read_text(const struct settings_section *all, const char *text, size_t size, const char *name,
                     bool written) {
  size_t n = 0;
  EACH(s, p, all) n++;
  struct ini ini = {
    .all = all, .name = name, .at = text, .end = text + size, .seen = err_calloc(n, sizeof(bool)), .written = written
  };
  const int line = parse(&ini);
  free(ini.seen);
  if (line > 0 && (!ini.rc || line < ini.line))  // libinih reads on after a line it cannot parse
    return err_set(ERR_SETTING, "%s:%d: expected [section] or name = value", name, line);
  return ini.rc;
}

int settings_parse(const struct settings_section *all, const char *text, size_t size, const char *name) {
  return read_text(all, text, size, name, false);
}

struct loading {
  const struct settings_section *all;
  bool written;
};

static int parse_text(void *context, const char *text, size_t size, const char *path) {
  const struct loading *l = context;
  return read_text(l->all, text, size, path, l->written);
}

int settings_load(const struct settings_section *all, const char *path) {
  return file_parse(path, FILE_LIMIT, parse_text, &(struct loading){ all, false });
}

int settings_load_written(const struct settings_section *all, const char *path) {
  return file_parse(path, FILE_LIMIT, parse_text, &(struct loading){ all, true });
}

// ---- printing

void settings_print_ini(const struct settings_section *all, FILE *out) {
  char value[PARAM_TEXT_SIZE];
  EACH(s, p, all) {
    if (p == s->table && is_first(all, s)) fprintf(out, "%s[%s]\n", s == all ? "" : "\n", s->name);
    param_value(p, s->params, value);
    fprintf(out, "%s = %s\n", p->name, value);
  }
}

void settings_print_lines(const struct settings_section *all, FILE *out) {
  char value[PARAM_TEXT_SIZE];
  EACH(s, p, all) {
    param_value(p, s->params, value);
    fprintf(out, "%s.%s=%s\n", s->name, p->name, value);
  }
}

struct json_t *settings_json(const struct settings_section *all) {
  struct json_t *root = json_object_new(), *section = NULL;
  char value[PARAM_TEXT_SIZE];
  EACH(s, p, all) {
    if (p == s->table && is_first(all, s)) json_put(root, s->name, section = json_object_new());
    param_value(p, s->params, value);
    if (p->type == PARAM_TYPE_I64) json_put_i64(section, p->name, strtoll(value, NULL, 10));
    else if (p->type == PARAM_TYPE_F64) json_put_f64(section, p->name, strtod(value, NULL));
    else if (p->type == PARAM_TYPE_BOOL) json_put_bool(section, p->name, value[0] == 'y');
    else json_put_text(section, p->name, value);
  }
  return root;
}

// ---- metadata of tensor files

bool settings_listed(const char *const *list, const char *section, const char *name) {
  const size_t n = strlen(section);
  for (; list && *list; list++)
    if (!strncmp(*list, section, n) && (!(*list)[n] || ((*list)[n] == '.' && !strcmp(*list + n + 1, name))))
      return true;
  return !list;
}

bool settings_assigned(const char *const *list, const char *assignment) {
  for (; list && *list; list++) {
    const size_t n = strlen(*list);
    if (!strncmp(assignment, *list, n) && (assignment[n] == '.' || assignment[n] == '=')) return true;
  }
  return false;
}

// Is a setting one of those to be recorded? Then its name and value.
static bool recorded(char key[KEY_SIZE], char value[PARAM_TEXT_SIZE], const struct settings_section *s,
                     const struct param *p, const char *const *only) {
  char usual[PARAM_TEXT_SIZE];
  snprintf(key, KEY_SIZE, "%s.%s", s->name, p->name);
  param_value(p, s->params, value);
  param_default_value(p, usual);
  return settings_listed(only, s->name, p->name) && !(p->later && !strcmp(value, usual));
}

struct json_t *settings_texts(const struct settings_section *all, const char *const *only) {
  struct json_t *o = json_object_new();
  char key[KEY_SIZE], value[PARAM_TEXT_SIZE];
  EACH(s, p, all) {
    if (recorded(key, value, s, p, only)) json_put_text(o, key, value);
  }
  return o;
}

void settings_store(const struct settings_section *all, const char *const *only, struct tensorfile_writer *w) {
  char key[KEY_SIZE], value[PARAM_TEXT_SIZE];
  EACH(s, p, all) {
    if (recorded(key, value, s, p, only)) tensorfile_put_text(w, key, value);
  }
}

int settings_restore(const struct settings_section *all, const char *const *only, const struct tensorfile *tf) {
  EACH(s, p, all)
  if (p->later && settings_listed(only, s->name, p->name)) param_default(p, s->params);
  for (int i = 0; i < tensorfile_metadata_count(tf); i++) {
    const char *key, *value = tensorfile_metadata_at(tf, i, &key);
    const char *dot = strchr(key, '.');
    char section[64];
    if (!dot || dot - key >= (int)sizeof section) continue;
    snprintf(section, sizeof section, "%.*s", (int)(dot - key), key);
    const struct settings_section *in = find_section(all, section, dot + 1);
    if (!in || !settings_listed(only, section, dot + 1)) continue;
    const char *why = why_ignored(in, dot + 1, value);
    if (why) {
      note("%s: __metadata__: %s=%s: ignored, %s", tensorfile_name(tf), key, value, why);
      continue;
    }
    if (assign(all, section, dot + 1, value))
      return err_set(ERR_FORMAT, "%s: __metadata__: %s", tensorfile_name(tf), err_message());
  }
  return 0;
}
