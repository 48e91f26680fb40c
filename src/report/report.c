#include "report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/page.h"

enum { JSON_LIMIT = 1 << 26 };

// ---- reading a run

void report_path(const struct report_run *r, const char *name, char path[FILE_PATH_SIZE]) {
  snprintf(path, FILE_PATH_SIZE, "%s/showcase/%s", r->folder, name);
}

static void own_path(const struct report_run *r, const char *name, char path[FILE_PATH_SIZE]) {
  snprintf(path, FILE_PATH_SIZE, "%s/%s", r->folder, name);
}

static void table_path(const struct report_run *r, int table, char path[FILE_PATH_SIZE]) {
  char file[64];
  snprintf(file, sizeof file, "%s.csv", r->kind->tables[table]);
  report_path(r, file, path);
}

static int no_results(const struct report_run *r, const struct report_kind *const *kinds) {
  char names[256] = "";
  size_t used = 0;
  for (const struct report_kind *const *k = kinds; *k && used < sizeof names; k++)
    used += (size_t)snprintf(names + used, sizeof names - used, "%s%s.json", k > kinds ? " or " : "", (*k)->name);
  return err_set(ERR_IO, "%s: no results to draw (no showcase/%s)", r->folder, names);
}

static int read_all(struct report_run *r, const struct report_kind *const *kinds) {
  char path[FILE_PATH_SIZE];
  for (const struct report_kind *const *k = kinds; *k; k++) {
    snprintf(r->facts_path, sizeof r->facts_path, "%s/showcase/%s.json", r->folder, (*k)->name);
    if (file_exists(r->facts_path)) r->kind = *k;
    if (r->kind) break;
  }
  if (!r->kind) return no_results(r, kinds);
  TRY(json_read(&r->facts, r->facts_path, JSON_LIMIT));
  for (int k = 0; r->kind->tables && r->kind->tables[k]; k++) {
    table_path(r, k, path);
    TRY(csvtable_read(&r->table[k], path));
  }
  own_path(r, "metrics.csv", path);
  if (file_exists(path)) TRY(csvtable_read(&r->metrics, path));
  own_path(r, "build.json", path);
  return file_exists(path) ? json_read(&r->build, path, JSON_LIMIT) : 0;
}

int report_open(struct report_run *r, const char *folder, const struct report_kind *const *kinds) {
  *r = (struct report_run){ 0 };
  if (strlen(folder) >= sizeof r->folder) return err_set(ERR_IO, "%.60s...: path too long", folder);
  strcpy(r->folder, folder);
  for (size_t n = strlen(r->folder); n > 1 && r->folder[n - 1] == '/'; n--) r->folder[n - 1] = 0;
  const char *slash = strrchr(r->folder, '/');
  snprintf(r->name, sizeof r->name, "%.*s", (int)sizeof r->name - 1, slash && slash[1] ? slash + 1 : r->folder);
  const int rc = read_all(r, kinds);
  if (rc < 0) report_close(r);
  return rc;
}

void report_close(struct report_run *r) {
  if (r->facts) json_release(r->facts);
  if (r->build) json_release(r->build);
  csvtable_release(&r->metrics);
  for (int k = 0; k < REPORT_MAX_TABLES; k++) csvtable_release(&r->table[k]);
  *r = (struct report_run){ 0 };
}

int report_evaluation(struct json_t **result, const char **command, const struct report_run *r, const char *name) {
  struct json_t *list, *o;
  const char *path = r->facts_path, *found;
  TRY(json_field_array(r->facts, path, "evaluations", &list));
  for (size_t k = 0; k < json_length(list); k++) {
    TRY(json_item_object(list, path, k, &o));
    TRY(json_field_text(o, path, "name", &found));
    if (strcmp(found, name)) continue;
    TRY(json_field_text(o, path, "command", command));
    return json_field_object(o, path, "result", result);
  }
  return err_set(ERR_FORMAT, "%s: evaluations: '%s' is missing", path, name);
}

const char *report_cost_source(const struct json_t *result) {
  struct json_t *ledger;
  const char *source = "source not recorded";
  if (json_has(result, "ledger") && json_field_object(result, "result", "ledger", &ledger) == 0 &&
      json_has(ledger, "cost_source"))
    json_field_text(ledger, "ledger", "cost_source", &source);
  return source;
}

static struct report_subject subject(const struct report_run *r) {
  return r->kind->subject ? r->kind->subject(r) : (struct report_subject){ .title = r->kind->title };
}

const char *report_note(const struct report_run *r) {
  const char *note = subject(r).note;
  return note ? note : "";
}

// ---- tables and series

int report_column(const double **v, const struct report_run *r, int table, const char *name) {
  char path[FILE_PATH_SIZE];
  table_path(r, table, path);
  return csvtable_need(v, &r->table[table], name, path);
}

int report_series(struct chart_series *s, const struct report_run *r, int table, const char *x, const char *y,
                  const char *error) {
  const struct csvtable *t = &r->table[table];
  *s = (struct chart_series){ .n = t->n_rows, .stride = t->n_columns, .how = CHART_LINE | CHART_MARKS };
  TRY(report_column(&s->x, r, table, x));
  TRY(report_column(&s->y, r, table, y));
  return error ? report_column(&s->error, r, table, error) : 0;
}

void report_table(FILE *out, bool with_run) {
  fprintf(out, "<div class=\"scroll\"><table><thead><tr>%s<th scope=\"col\"%s>weights</th>",
          with_run ? "<th scope=\"col\">run</th>" : "", with_run ? " class=\"text\"" : "");
}

void report_row(FILE *out, const struct report_run *r, bool with_run, const char *weights) {
  fputs("<tr><th scope=\"row\">", out);
  if (with_run) html_text(out, r->name);
  if (with_run) fputs("</th><td class=\"text\">", out);
  html_text(out, weights);
  fputs(with_run ? "</td>" : "</th>", out);
}

// ---- what was run

static void fact(FILE *out, const char *name, const char *value) {
  fprintf(out, "<dt>%s</dt><dd>", name);
  html_text(out, value);
  fputs("</dd>\n", out);
}

// Version, compiler, machine and date out of build.json or its like.
static int put_build(FILE *out, const struct json_t *b, const char *where, const char *what) {
  const char *version, *git, *compiler, *processor, *date;
  int64_t cores;
  TRY(json_field_text(b, where, "version", &version));
  TRY(json_field_text(b, where, "git", &git));
  TRY(json_field_text(b, where, "compiler", &compiler));
  TRY(json_field_text(b, where, "processor", &processor));
  TRY(json_field_text(b, where, "date", &date));
  TRY(json_field_i64(b, where, "cores", 0, 1 << 20, &cores));
  fprintf(out, "<dt>%s</dt><dd>metaxbar ", what);
  html_text(out, version);
  fputs(", commit ", out);
  html_text(out, git);
  fputs("; ", out);
  html_text(out, compiler);
  fputs("; ", out);
  html_text(out, processor);
  fprintf(out, ", %lld core%s; ", (long long)cores, text_s(cores));
  html_text(out, date);
  fputs("</dd>\n", out);
  return 0;
}

static int put_changed(FILE *out, struct json_t *facts, const char *where) {
  struct json_t *list;
  const char *text;
  TRY(json_field_array(facts, where, "changed", &list));
  fputs("<dt>not the default</dt><dd>", out);
  for (size_t k = 0; k < json_length(list); k++) {
    TRY(json_item_text(list, where, k, &text));
    fputs(k ? "<br><code>" : "<code>", out);
    html_text(out, text);
    fputs("</code>", out);
  }
  fputs(json_length(list) ? "</dd>\n" : "nothing</dd>\n", out);
  return 0;
}

// A line for each section, as settings_json writes them.
static void put_settings(FILE *out, struct json_t *settings) {
  char *text = NULL;
  size_t size = 0;
  fputs("<details><summary>All settings</summary>\n<pre>", out);
  const char *section;
  void *at = NULL;
  for (struct json_t *s; (s = json_next(settings, &at, &section)) != NULL;) {
    FILE *memory = open_memstream(&text, &size);
    if (!memory) continue;
    const int rc = json_print(s, memory);
    fclose(memory);
    html_text(out, section);
    fputs(": ", out);
    html_text(out, rc == 0 ? text : "?");
    free(text);
  }
  fputs("</pre></details>\n", out);
}

static int put_run(FILE *out, const struct report_run *r) {
  const char *model, *path = r->facts_path;
  struct json_t *program, *settings, *run;
  int64_t seed;
  TRY(json_field_text(r->facts, path, "model", &model));
  TRY(json_field_object(r->facts, path, "program", &program));
  TRY(json_field_object(r->facts, path, "settings", &settings));
  TRY(json_field_object(settings, path, "run", &run));
  TRY(json_field_i64(run, path, "seed", INT64_MIN, INT64_MAX, &seed));
  fputs("<div>", out);
  page_heading(out, r->name);
  fputs("<dl>\n", out);
  fact(out, "task", r->kind->task);
  fact(out, "model", model);
  fprintf(out, "<dt>seed</dt><dd>%lld</dd>\n", (long long)seed);
  if (r->build) {
    char build[FILE_PATH_SIZE];
    own_path(r, "build.json", build);
    TRY(put_build(out, r->build, build, "trained"));
  }
  TRY(put_build(out, program, path, "evaluated"));
  TRY(put_changed(out, r->facts, path));
  fputs("</dl>\n", out);
  put_settings(out, settings);
  fputs("</div>\n", out);
  return 0;
}

static int put_runs(FILE *out, const struct report_run *runs, int n, const char *command) {
  page_section(out, "What was run");
  fputs("<div class=\"runs\">\n", out);
  for (int k = 0; k < n; k++) TRY(put_run(out, &runs[k]));
  fputs("</div>\n", out);
  if (!command) return 0;
  fputs("<p>This page: <code>", out);
  html_text(out, command);
  fputs("</code></p>\n", out);
  return 0;
}

// ---- learning curves

static bool any_finite(const struct csvtable *t, const double *column) {
  for (int i = 0; i < t->n_rows; i++)
    if (isfinite(column[i * t->n_columns])) return true;
  return false;
}

// Training as a line, validation, measured now and then, as marks.
static void put_curve(FILE *out, const struct report_curve *c, const struct report_run *const *runs, int n) {
  struct chart_series series[2 * REPORT_MAX_RUNS];
  char names[2 * REPORT_MAX_RUNS][160];
  int m = 0;
  for (int k = 0; k < n; k++)
    for (int j = 0; j < 2; j++) {
      const struct csvtable *t = &runs[k]->metrics;
      const double *y = c->column[j] ? csvtable_column(t, c->column[j]) : NULL, *x = csvtable_column(t, "iteration");
      if (!x || !y || !any_finite(t, y)) continue;
      snprintf(names[m], sizeof names[m], "%s%s%s", n > 1 ? runs[k]->name : "", n > 1 ? ", " : "",
               j ? "validation" : "training");
      series[m] = (struct chart_series){ .name = names[m],
                                         .x = x,
                                         .y = y,
                                         .n = t->n_rows,
                                         .stride = t->n_columns,
                                         .fy = c->factor,
                                         .look = k,
                                         .how = j ? CHART_MARKS : CHART_LINE };
      m++;
    }
  chart_draw(out,
             &(struct chart){ .title = c->title,
                              .about = c->title,
                              .x = { "iteration", 0, NAN, .log = false },
                              .y = { c->axis, NAN, NAN, .log = c->log } },
             series, m);
}

static void put_learning(FILE *out, const struct report_run *const *runs, int n) {
  const struct report_kind *kind = runs[0]->kind;
  const char *note = report_note(runs[0]);
  char command[64], caption[1024];
  int with = 0;
  for (int k = 0; k < n; k++) with += runs[k]->metrics.n_rows > 0;
  if (!with) return;
  page_figure(out, "");
  fputs("<div class=\"grid\">\n", out);
  for (int c = 0; c < REPORT_CURVES; c++)
    if (kind->curve[c].title) put_curve(out, &kind->curve[c], runs, n);
  fputs("</div>\n", out);
  snprintf(command, sizeof command, "metaxbar train %s", kind->name);
  snprintf(caption, sizeof caption, "%s%s%s", kind->curve_text, *note ? " " : "", note);
  page_caption(out, "Meta-training.", caption, command);
}

// ---- the page

// Runs about the same subject, in a section of their own.
static int put_subject(FILE *out, const struct report_run *const *runs, int n, const char *title) {
  page_section(out, title);
  put_learning(out, runs, n);
  return runs[0]->kind->draw(out, runs, n);
}

static int put_kind(FILE *out, const struct report_run *runs, int n, const struct report_kind *kind) {
  bool drawn[REPORT_MAX_RUNS] = { false };
  for (int k = 0; k < n; k++) {
    const struct report_run *of[REPORT_MAX_RUNS];
    int m = 0;
    if (drawn[k] || runs[k].kind != kind) continue;
    const char *title = subject(&runs[k]).title;
    for (int i = k; i < n; i++)
      if (runs[i].kind == kind && !strcmp(subject(&runs[i]).title, title)) {
        drawn[i] = true;
        of[m++] = &runs[i];
      }
    TRY(put_subject(out, of, m, title));
  }
  return 0;
}

static int put_page(FILE *out, const struct report_kind *const *kinds, const struct report_run *runs, int n,
                    const char *command) {
  char title[2 * sizeof runs->name] = "";
  snprintf(title, sizeof title, n > 1 ? "metaxbar: %s and %d more" : "metaxbar: %s", runs->name, n - 1);
  page_begin(out, title,
             "Networks meta-trained in software, written to phase-change memory, and adapted there to a new task "
             "by a few simple updates. Everything below was computed by the program from the files of the run.");
  for (; *kinds; kinds++) TRY(put_kind(out, runs, n, *kinds));
  TRY(put_runs(out, runs, n, command));
  page_end(out);
  return 0;
}

int report_write(const char *path, const struct report_kind *const *kinds, const struct report_run *runs, int n,
                 const char *command) {
  struct file_out o;
  TRY(file_out_open(&o, path));
  const int rc = put_page(o.stream, kinds, runs, n, command);
  if (rc < 0) {
    file_out_abort(&o);
    return rc;
  }
  return file_out_commit(&o);
}
