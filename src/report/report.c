#include "report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/page.h"

enum { JSON_LIMIT = 1 << 26, IMAGE_LIMIT = 1 << 24 };
static const char *const kind_files[] = { "fewshot.json", "arm.json" };

// ---- reading a run

void report_path(const struct report_run *r, const char *name, char path[FILE_PATH_SIZE]) {
  snprintf(path, FILE_PATH_SIZE, "%s/showcase/%s", r->folder, name);
}

static void own_path(const struct report_run *r, const char *name, char path[FILE_PATH_SIZE]) {
  snprintf(path, FILE_PATH_SIZE, "%s/%s", r->folder, name);
}

static int read_table(struct csvtable *t, const struct report_run *r, const char *name) {
  char path[FILE_PATH_SIZE], file[64];
  snprintf(file, sizeof file, "%s.csv", name);
  report_path(r, file, path);
  return csvtable_read(t, path);
}

static int read_all(struct report_run *r) {
  char path[FILE_PATH_SIZE];
  for (r->kind = REPORT_FEWSHOT; r->kind <= REPORT_ARM; r->kind++) {
    report_path(r, kind_files[r->kind], path);
    if (file_exists(path)) break;
  }
  if (r->kind > REPORT_ARM) return err_set(ERR_IO, "%s: no results to draw (no showcase/%s or %s)", r->folder, kind_files[0], kind_files[1]);
  TRY(json_read(&r->facts, path, JSON_LIMIT));
#define X(table, of) if (r->kind == of) TRY(read_table(&r->table, r, #table));
  REPORT_TABLES(X)
#undef X
  own_path(r, "metrics.csv", path);
  if (file_exists(path)) TRY(csvtable_read(&r->metrics, path));
  own_path(r, "build.json", path);
  if (file_exists(path)) TRY(json_read(&r->build, path, JSON_LIMIT));
  report_path(r, "task.png", path);
  return r->kind == REPORT_FEWSHOT ? file_read(path, IMAGE_LIMIT, &r->image, &r->image_size) : 0;
}

int report_open(struct report_run *r, const char *folder) {
  *r = (struct report_run){ 0 };
  if (strlen(folder) >= sizeof r->folder) return err_set(ERR_IO, "%.60s...: path too long", folder);
  strcpy(r->folder, folder);
  for (size_t n = strlen(r->folder); n > 1 && r->folder[n - 1] == '/'; n--) r->folder[n - 1] = 0;
  const char *slash = strrchr(r->folder, '/');
  snprintf(r->name, sizeof r->name, "%.*s", (int)sizeof r->name - 1, slash && slash[1] ? slash + 1 : r->folder);
  const int rc = read_all(r);
  if (rc < 0) report_close(r);
  return rc;
}

void report_close(struct report_run *r) {
  if (r->facts) json_release(r->facts);
  if (r->build) json_release(r->build);
  csvtable_release(&r->metrics);
#define X(table, kind) csvtable_release(&r->table);
  REPORT_TABLES(X)
#undef X
  free(r->image);
  *r = (struct report_run){ 0 };
}

int report_evaluation(struct json_t **result, const char **command, const struct report_run *r, const char *name) {
  struct json_t *list, *o;
  char path[FILE_PATH_SIZE];
  const char *found;
  report_path(r, kind_files[r->kind], path);
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

const char *report_price_source(const struct json_t *result) {
  struct json_t *ledger;
  const char *source = "source not recorded";
  if (json_has(result, "ledger") && json_field_object(result, "result", "ledger", &ledger) == 0 && json_has(ledger, "cost_source"))
    json_field_text(ledger, "ledger", "cost_source", &source);
  return source;
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
  fprintf(out, ", %lld core%s; ", (long long)cores, cores == 1 ? "" : "s");
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
  char path[FILE_PATH_SIZE];
  const char *model;
  struct json_t *program, *settings, *run;
  int64_t seed;
  report_path(r, kind_files[r->kind], path);
  TRY(json_field_text(r->facts, path, "model", &model));
  TRY(json_field_object(r->facts, path, "program", &program));
  TRY(json_field_object(r->facts, path, "settings", &settings));
  TRY(json_field_object(settings, path, "run", &run));
  TRY(json_field_i64(run, path, "seed", INT64_MIN, INT64_MAX, &seed));
  fputs("<div>", out);
  page_heading(out, r->name);
  fputs("<dl>\n", out);
  fact(out, "task", r->kind == REPORT_ARM ? "the arm learns a movement from one showing" : "few-shot classification");
  fact(out, "model", model);
  fprintf(out, "<dt>seed</dt><dd>%lld</dd>\n", (long long)seed);
  if (r->build) {
    own_path(r, "build.json", path);
    TRY(put_build(out, r->build, path, "trained"));
  }
  report_path(r, kind_files[r->kind], path);
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

struct curve {
  const char *title, *axis;
  double factor;             // of the values
  const char *column[2];     // of metrics.csv: training, validation; NULL: none
  bool log;
};
static const struct curve curves[2][2] = {
  { { "Query loss in training", "cross-entropy, nat", 1, { "loss", NULL }, true },
    { "Accuracy after the last update", "accuracy, %", 100, { "accuracy_last", "validation_last" }, false } },
  { { "Task loss in training", "loss", 1, { "loss_task", NULL }, true },
    { "Distance of the tip after the update", "RMS distance, cm", 1, { "rms_distance_cm", "validation_cm" }, true } },
};

static bool any_finite(const struct csvtable *t, const double *column) {
  for (int i = 0; i < t->n_rows; i++)
    if (isfinite(column[i*t->n_columns])) return true;
  return false;
}

// Training as a line, validation, measured now and then, as marks.
static void put_curve(FILE *out, const struct curve *c, const struct report_run *const *runs, int n) {
  struct chart_series series[2*REPORT_MAX_RUNS];
  char names[2*REPORT_MAX_RUNS][160];
  int m = 0;
  for (int k = 0; k < n; k++)
    for (int j = 0; j < 2; j++) {
      const struct csvtable *t = &runs[k]->metrics;
      const double *y = c->column[j] ? csvtable_column(t, c->column[j]) : NULL, *x = csvtable_column(t, "iteration");
      if (!x || !y || !any_finite(t, y)) continue;
      snprintf(names[m], sizeof names[m], "%s%s%s", n > 1 ? runs[k]->name : "", n > 1 ? ", " : "", j ? "validation" : "training");
      series[m] = (struct chart_series){ .name = names[m], .x = x, .y = y, .n = t->n_rows, .stride = t->n_columns, .fy = c->factor, .look = k,
                                         .how = j ? CHART_MARKS : CHART_LINE };
      m++;
    }
  chart_draw(out, &(struct chart){ .title = c->title, .about = c->title, .x = { "iteration", 0, NAN, .log = false },
                                   .y = { c->axis, NAN, NAN, .log = c->log } }, series, m);
}

static void put_learning(FILE *out, const struct report_run *const *runs, int n) {
  int with = 0;
  for (int k = 0; k < n; k++) with += runs[k]->metrics.n_rows > 0;
  if (!with) return;
  page_figure(out, "");
  fputs("<div class=\"grid\">\n", out);
  for (int c = 0; c < 2; c++) put_curve(out, &curves[runs[0]->kind][c], runs, n);
  fputs("</div>\n", out);
  page_caption(out, "Meta-training.", runs[0]->kind == REPORT_ARM ?
    "Loss on the movements of each iteration, and how far the tip was from its target after the one update; marks: on movements held out. Axes of loss and distance are logarithmic." :
    "Loss and accuracy on the queries of the training tasks; marks: on tasks held out for validation. The axis of the loss is logarithmic.",
    runs[0]->kind == REPORT_ARM ? "metaxbar train arm" : "metaxbar train fewshot");
}

// ---- the page

static int put_kind(FILE *out, const struct report_run *runs, int n, enum report_kind kind) {
  const struct report_run *of[REPORT_MAX_RUNS];
  int m = 0;
  for (int k = 0; k < n; k++)
    if (runs[k].kind == kind) of[m++] = &runs[k];
  if (m == 0) return 0;
  page_section(out, kind == REPORT_ARM ? "The arm learns a movement from one showing" : "New classes from a few drawings");
  put_learning(out, of, m);
  return kind == REPORT_ARM ? report_arm(out, of, m) : report_fewshot(out, of, m);
}

static int put_page(FILE *out, const struct report_run *runs, int n, const char *command) {
  char title[2*sizeof runs->name] = "";
  snprintf(title, sizeof title, n > 1 ? "metaxbar: %s and %d more" : "metaxbar: %s", runs->name, n - 1);
  page_begin(out, title, "Networks meta-trained in software, written to phase-change memory, and adapted there to a new task "
                         "by a few simple updates. Everything below was computed by the program from the files of the run.");
  for (int kind = REPORT_FEWSHOT; kind <= REPORT_ARM; kind++) TRY(put_kind(out, runs, n, (enum report_kind)kind));
  TRY(put_runs(out, runs, n, command));
  page_end(out);
  return 0;
}

int report_write(const char *path, const struct report_run *runs, int n, const char *command) {
  struct file_out o;
  TRY(file_out_open(&o, path));
  const int rc = put_page(o.stream, runs, n, command);
  if (rc < 0) {
    file_out_abort(&o);
    return rc;
  }
  return file_out_commit(&o);
}
