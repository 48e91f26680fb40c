// report.c - metaxbar report: one HTML page about trained models. Parses and prints only.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/rundir.h"
#include "commands.h"
#include "experiment/showcase.h"
#include "options.h"
#include "report/report.h"

static const char usage[] =
  "usage: metaxbar report RUN... [--out FILE.html] [section.name=value ...]\n"
  "       metaxbar report MODEL.safetensors... --run DIR [--out FILE.html] [section.name=value ...]\n"
  "\n"
  "Write a self-contained HTML page about runs of 'train fewshot' and 'train arm', or about model files: what was run, how\n"
  "well it learns in software, with few bits and on the chip, one task or movement in pictures, drift and cost.\n"
  "What has not been measured yet is measured now and kept in RUN/showcase (of a model file: DIR/NAME/showcase), so that\n"
  "the page can be drawn again from files alone. FILE: RUN/report.html, DIR/report.html; of several runs it must be named.\n"
  "\n"
  "Settings: those of 'eval fewshot' and 'eval arm', for the models that have them, and\n";

static bool is_model(const char *word) {
  const char *ending = strrchr(word, '.');
  return ending && !strcmp(ending, ".safetensors");
}

// Folder of a word's results: itself, or DIR/NAME for a model file.
static int folder_of(char folder[FILE_PATH_SIZE], const struct options *o, const char *word) {
  const char *slash = strrchr(word, '/'), *name = slash ? slash + 1 : word;
  if (strlen(word) > FILE_PATH_SIZE/2 - 1 || (o->run && strlen(o->run) > FILE_PATH_SIZE/4)) return err_set(ERR_IO, "%.60s...: path too long", word);
  if (!is_model(word)) snprintf(folder, FILE_PATH_SIZE, "%s", word);
  else if (!o->run) return err_set(ERR_SETTING, "%s: a model file has no folder for its results: name one with --run DIR", word);
  else snprintf(folder, FILE_PATH_SIZE, "%s/%.*s", o->run, (int)(strlen(name) - strlen(".safetensors")), name);
  return 0;
}

// The page beside the results, unless --out names one.
static int out_of(char path[FILE_PATH_SIZE], const struct options *o) {
  if (o->out) snprintf(path, FILE_PATH_SIZE, "%s", o->out);
  else if (is_model(o->words[0]) && o->run) snprintf(path, FILE_PATH_SIZE, "%s/report.html", o->run);
  else if (o->n_words == 1) snprintf(path, FILE_PATH_SIZE, "%s/report.html", o->words[0]);
  else return err_set(ERR_SETTING, "a page about %d runs belongs to none of them: name it with --out FILE.html", o->n_words);
  return 0;
}

static void command_of(char *text, size_t size, const struct options *o) {
  size_t n = (size_t)snprintf(text, size, "metaxbar report");
  for (int k = 0; k < o->n_words && n < size; k++) n += (size_t)snprintf(text + n, size - n, " %s", o->words[k]);
  if (o->run && n < size) n += (size_t)snprintf(text + n, size - n, " --run %s", o->run);
  if (o->out && n < size) n += (size_t)snprintf(text + n, size - n, " --out %s", o->out);
  for (int k = 0; k < o->n_assignments && n < size; k++) n += (size_t)snprintf(text + n, size - n, " %s", o->assignments[k]);
}

static int check(const struct options *o) {
  if (o->n_words == 0) return err_set(ERR_SETTING, "name a run directory or a model file");
  if (o->n_words > REPORT_MAX_RUNS) return err_set(ERR_SETTING, "%d runs, a page holds at most %d", o->n_words, REPORT_MAX_RUNS);
  if (o->model) return err_set(ERR_SETTING, "--model %s: model files are named without --model", o->model);
  if (o->config) return err_set(ERR_SETTING, "-c %s: settings of a report are given as section.name=value", o->config);
  return 0;
}

static int measure(const struct options *o, const struct showcase *s) {
  for (int k = 0; k < o->n_words; k++) {
    char folder[FILE_PATH_SIZE];
    TRY(folder_of(folder, o, o->words[k]));
    if (!o->quiet && o->n_words > 1) fprintf(stderr, "%s\n", o->words[k]);
    TRY(showcase_measure(s, folder, is_model(o->words[k]) ? o->words[k] : NULL));
  }
  return 0;
}

static int draw(const struct options *o, const char *path) {
  static struct report_run runs[REPORT_MAX_RUNS];
  char folder[FILE_PATH_SIZE], command[4096];
  int n = 0, rc = 0;
  for (; n < o->n_words && rc == 0; n += rc == 0) {
    rc = folder_of(folder, o, o->words[n]);
    if (rc == 0) rc = report_open(&runs[n], folder);
  }
  command_of(command, sizeof command, o);
  if (rc == 0) rc = report_write(path, runs, n, command);
  while (n > 0) report_close(&runs[--n]);
  return rc;
}

static int report(const struct options *o) {
  char path[FILE_PATH_SIZE];
  struct showcase s;
  TRY(check(o));
  TRY(out_of(path, o));
  TRY(showcase_init(&s, o->n_assignments, o->assignments));
  TRY(measure(o, &s));
  TRY(draw(o, path));
  printf("%s\n", path);
  return 0;
}

int report_command(int argc, char **argv) {
  struct options o;
  int rc = options_parse(&o, argc, argv);
  if (rc < 0) return options_fail("report", rc);
  if (o.help) {
    fputs(usage, stdout);
    param_help(showcase_param_table, "report", stdout);
    return options_finish("report");
  }
  rc = report(&o);
  return rc < 0 ? options_fail("report", rc) : options_finish("report");
}
