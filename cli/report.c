// report.c - metaxbar report: one HTML page about trained models. Parses and prints only.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "commands.h"
#include "lab/showcase.h"
#include "report/report.h"
#include "shipped.h"

static const char text[] =
  "Write a self-contained HTML page about runs of 'train NAME', or about model files: the settings of the run, how\n"
  "well the model learns in software, with few bits and on the chip, one task or movement in pictures, drift, and\n"
  "energy. Measurements that are missing are made now and stored in RUN/showcase (of a model file:\n"
  "DIR/NAME/showcase), so that the page can be written again without measuring. The page is RUN/report.html or\n"
  "DIR/report.html, or the file that --out names; for several runs --out is needed.\n"
  "Settings are those of 'eval NAME', for the models that have them, and report.*. A model file is\n"
  ".safetensors or .npz.\n";

static bool is_model(const char *word) {
  const char *ending = strrchr(word, '.');
  return ending && (!strcmp(ending, ".safetensors") || !strcmp(ending, ".npz"));
}

// Folder of a word's results: itself, or DIR/NAME for a model file.
static int folder_of(char folder[FILE_PATH_SIZE], const struct options *o, const char *word) {
  const char *slash = strrchr(word, '/'), *name = slash ? slash + 1 : word;
  if (strlen(word) > FILE_PATH_SIZE / 2 - 1 || (o->run && strlen(o->run) > FILE_PATH_SIZE / 4))
    return err_set(ERR_IO, "%.60s...: path too long", word);
  const int length = is_model(word) ? (int)(strrchr(name, '.') - name) : 0;  // of the name without its ending
  if (is_model(word) && (int)strspn(name, ".") >= length)
    return err_set(ERR_SETTING, "%s: a model file without a name has no folder for its results", word);
  if (!is_model(word)) snprintf(folder, FILE_PATH_SIZE, "%s", word);
  else if (!o->run)
    return err_set(ERR_SETTING, "%s: a model file has no folder for its results: name one with --run DIR", word);
  else snprintf(folder, FILE_PATH_SIZE, "%s/%.*s", o->run, length, name);
  return 0;
}

// The page beside the results, unless --out names one.
static int out_of(char path[FILE_PATH_SIZE], const struct options *o) {
  if (o->out) snprintf(path, FILE_PATH_SIZE, "%s", o->out);
  else if (is_model(o->words[0]) && o->run) snprintf(path, FILE_PATH_SIZE, "%s/report.html", o->run);
  else if (o->n_words == 1) snprintf(path, FILE_PATH_SIZE, "%s/report.html", o->words[0]);
  else
    return err_set(ERR_SETTING, "a page about %d runs has no default name: give one with --out FILE.html", o->n_words);
  return o->out ? 0 : file_refuse_link(path);
}

// Folders of all words, each its own.
static int folders_of(char folders[][FILE_PATH_SIZE], const struct options *o) {
  const int n = o->n_words;
  if (n > REPORT_MAX_RUNS) return err_set(ERR_SETTING, "%d runs, a page holds at most %d", n, REPORT_MAX_RUNS);
  for (int k = 0; k < n; k++) {
    TRY(folder_of(folders[k], o, o->words[k]));
    for (int i = 0; i < k; i++)
      if (!strcmp(folders[i], folders[k]))
        return err_set(ERR_SETTING, "%s and %s: the results of both would be in %s", o->words[i], o->words[k],
                       folders[k]);
  }
  return 0;
}

static int check_run(const struct options *o) {
  for (int k = 0; k < o->n_words; k++)
    if (!o->run || is_model(o->words[k])) return 0;
  return err_set(ERR_SETTING, "--run %s: has an effect with model files only; %s has its results in itself", o->run,
                 o->words[0]);
}

// The command line, for the page; to free. NULL: no memory.
static char *command_of(const struct options *o) {
  char *line = NULL;
  size_t size;
  FILE *out = open_memstream(&line, &size);
  if (!out) return NULL;
  fputs("metaxbar report", out);
  for (int k = 0; k < o->n_words; k++) fputc(' ', out), showcase_word(out, o->words[k]);
  if (o->run) fputs(" --run ", out), showcase_word(out, o->run);
  if (o->out) fputs(" --out ", out), showcase_word(out, o->out);
  for (int k = 0; k < o->n_assignments; k++) fputc(' ', out), showcase_word(out, o->assignments[k]);
  fclose(out);
  return line;
}

// The page and the results name the paths that they were made from.
static int check_text(const char *path) {
  return text_is_utf8(path) ? 0 : err_set(ERR_SETTING, "%s: a path of a report must be UTF-8 text", path);
}

static int check(const struct options *o) {
  for (int k = 0; k < o->n_words; k++) TRY(check_text(o->words[k]));
  if (o->run) TRY(check_text(o->run));
  if (o->out) TRY(check_text(o->out));
  return 0;
}

static int measure(const struct options *o, const struct showcase *s, char folders[][FILE_PATH_SIZE]) {
  static struct showcase_model models[REPORT_MAX_RUNS];
  static char found[REPORT_MAX_RUNS][FILE_PATH_SIZE];
  for (int k = 0; k < o->n_words; k++)
    models[k] =
      (struct showcase_model){ folders[k], is_model(o->words[k]) ? shipped_path(found[k], o->words[k]) : NULL };
  TRY(showcase_check(s, models, o->n_words));
  for (int k = 0; k < o->n_words; k++) {
    if (!o->quiet && o->n_words > 1) fprintf(stderr, "%s\n", o->words[k]);
    TRY(showcase_measure(s, &models[k]));
  }
  return 0;
}

static int draw(const struct options *o, const char *path, char folders[][FILE_PATH_SIZE]) {
  static struct report_run runs[REPORT_MAX_RUNS];
  const struct report_kind *const *kinds = showcase_kinds();
  int n = 0, rc = 0;
  for (; n < o->n_words && rc == 0; n += rc == 0) rc = report_open(&runs[n], folders[n], kinds);
  char *command = command_of(o);
  if (rc == 0) rc = report_write(path, kinds, runs, n, command);
  free(command);
  while (n > 0) report_close(&runs[--n]);
  return rc;
}

static int report(const struct options *o) {
  static char folders[REPORT_MAX_RUNS][FILE_PATH_SIZE];
  char path[FILE_PATH_SIZE];
  struct showcase s;
  TRY(check(o));
  TRY(folders_of(folders, o));
  TRY(out_of(path, o));
  TRY(showcase_init(&s, o->n_assignments, o->assignments));
  TRY(check_run(o));
  if (o->out) TRY(file_out_check(o->out));
  TRY(measure(o, &s, folders));
  TRY(draw(o, path, folders));
  printf("%s\n", path);
  return 0;
}

static const struct settings_section *sections(void) {
  static struct showcase s;
  showcase_init(&s, 0, NULL);
  return s.sections;
}

static const struct options_flag flags[] = {
  OPTIONS_VALUE("--run", run, "DIR", "folder of the results of model files"),
  OPTIONS_VALUE("--out", out, "FILE.html", "the page"),
  OPTIONS_QUIET,
  { 0 },
};
static const struct options_action actions[] = {
  { .name = "", OPTIONS_WORDS("RUN|MODEL...", 1, OPTIONS_ANY), .flags = flags, .reads = options_all, .run = report },
  { 0 },
};
const struct options_command report_command = { "report", "write an HTML page about runs and models", text,
                                                .actions = actions, .sections = sections };
