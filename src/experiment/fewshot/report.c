// The page of a report: accuracy, one task image by image, map and conductances of the chip, drift, cost.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "experiment/experiment.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/fewshot/published.h"
#include "experiment/fewshot/taskreport.h"
#include "report/chart.h"
#include "report/chipmap.h"
#include "report/html.h"
#include "report/page.h"
#include "report/report.h"

enum { KINDS = RUN_CHIP + 1, MAX_LAYERS = 16, NAME = 64, SMALL_WIDTH = 360, SMALL_HEIGHT = 250 };
enum { ACCURACY, LATER, LEDGER, HISTOGRAM };
static const char *const tables[] = { "accuracy", "later", "ledger", "histogram", NULL };

// Of grey drawings or of colour images; files of older programs do not say, and are of drawings.
static bool in_colours(const struct report_run *r, const char **kind) {
  const char *path = r->facts_path;
  struct json_t *settings, *data;
  int64_t channels = 1;
  *kind = "";
  if (!json_has(r->facts, "settings") || json_field_object(r->facts, path, "settings", &settings) < 0) return false;
  if (!json_has(settings, "data") || json_field_object(settings, path, "data", &data) < 0) return false;
  if (!json_has(data, "channels") || json_field_i64(data, path, "channels", 1, 3, &channels) < 0) return false;
  return channels == 3 && json_field_text(data, path, "kind", kind) == 0;
}

static struct report_subject subject(const struct report_run *r) {
  const char *kind;
  if (!in_colours(r, &kind)) return (struct report_subject){ .title = "New classes from a few drawings" };
  struct report_subject s = { .title = "New classes from a few colour images" };
  if (!strcmp(kind, dataset_kind_name(DATASET_BUILTIN))) {
    s.title = "New classes from a few invented colour images";
    s.note = "The images are invented characters in colours (data.kind=builtin data.channels=3), not CIFAR100-FS, of "
             "which the paper shows the same in its figures 3d and 3e; docs/cifar.md has those of this program.";
  }
  return s;
}

static const char *image_word(const struct report_run *r) {
  const char *kind;
  return in_colours(r, &kind) ? "image" : "drawing";
}

// "software", "4-bit weights", "chip (hermes)"
static int kind_name(char name[NAME], const struct report_run *r, int kind) {
  struct json_t *result, *chip;
  const char *command, *preset, *path = r->facts_path;
  int64_t bits;
  TRY(report_evaluation(&result, &command, r, experiment_kind_names[kind]));
  if (kind == 0) snprintf(name, NAME, "software");
  if (kind == 1) {
    TRY(json_field_i64(result, path, "bits", 1, 64, &bits));
    snprintf(name, NAME, "%d-bit weights", (int)bits);
  }
  if (kind == 2) {
    TRY(json_field_object(r->facts, path, "chip", &chip));
    TRY(json_field_text(chip, path, "preset", &preset));
    snprintf(name, NAME, "chip (%.40s)", preset);
  }
  return 0;
}

static int accuracy_series(struct chart_series *s, const struct report_run *r, int kind, const char *name, int look) {
  char error[32];
  snprintf(error, sizeof error, "%s_ci95", experiment_kind_names[kind]);
  TRY(report_series(s, r, ACCURACY, "updates", experiment_kind_names[kind], error));
  s->name = name;
  s->look = look;
  s->fy = 100;
  return 0;
}

// ---- accuracy after each update

static const double whole[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
static const char *const whole_names[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8",
                                           "9", "10", "11", "12", "13", "14", "15", "16" };

static struct chart_axis updates_axis(int n_updates) {
  struct chart_axis a = { .label = "updates of the read-out", .low = -0.2, .high = n_updates + 0.2 };
  if (n_updates < (int)(sizeof whole/sizeof *whole)) a.n_ticks = n_updates + 1, a.ticks = whole, a.names = whole_names;
  return a;
}

static void accuracy_chart(FILE *out, const char *title, const struct chart_series *series, int n, int n_updates,
                           bool close, bool small) {
  double low = 100;
  for (int s = 0; s < n && close; s++)
    for (int k = 1; k < series[s].n; k++) {
      const double v = 100*(series[s].y[k*series[s].stride] - series[s].error[k*series[s].stride]);
      if (v < low) low = v;
    }
  struct chart c = { .title = title,
                     .about = "Accuracy on the queries after each update of the read-out",
                     .x = updates_axis(n_updates),
                     .y = { "accuracy, %", close ? fmax(0, floor(low - 0.5)) : 0, close ? 100.05 : 102,
                            .log = false } };
  if (close) c.x.low = 0.8;
  if (small) c.width = SMALL_WIDTH, c.height = SMALL_HEIGHT;
  chart_draw(out, &c, series, n);
}

// One run: its three kinds of weights, whole and close. Several: a chart for each kind, a line for each run.
static int put_accuracy_charts(FILE *out, const struct report_run *const *runs, int n) {
  char names[KINDS][NAME];
  for (int kind = 0; kind < KINDS; kind++) TRY(kind_name(names[kind], runs[0], kind));
  struct chart_series series[REPORT_MAX_RUNS];
  fputs("<div class=\"grid\">\n", out);
  if (n == 1) {
    for (int kind = 0; kind < KINDS; kind++) TRY(accuracy_series(&series[kind], runs[0], kind, names[kind], kind));
    accuracy_chart(out, "All updates", series, KINDS, runs[0]->table[ACCURACY].n_rows - 1, false, false);
    if (runs[0]->table[ACCURACY].n_rows > 1)
      accuracy_chart(out, "After the first update, enlarged", series, KINDS, runs[0]->table[ACCURACY].n_rows - 1, true,
                     false);
  }
  for (int kind = 0; kind < KINDS && n > 1; kind++) {
    int most = 0;
    for (int k = 0; k < n; k++) {
      TRY(accuracy_series(&series[k], runs[k], kind, runs[k]->name, k));
      if (series[k].n - 1 > most) most = series[k].n - 1;
    }
    accuracy_chart(out, names[kind], series, n, most, false, true);
  }
  fputs("</div>\n", out);
  return 0;
}

static int put_accuracy_row(FILE *out, const struct report_run *r, int kind, bool with_run) {
  struct json_t *result;
  struct chart_series s;
  const char *command, *rule, *path = r->facts_path;
  char name[NAME];
  int64_t tasks;
  TRY(kind_name(name, r, kind));
  TRY(report_evaluation(&result, &command, r, experiment_kind_names[kind]));
  TRY(json_field_text(result, path, "batchnorm", &rule));
  TRY(json_field_i64(result, path, "tasks", 1, INT32_MAX, &tasks));
  TRY(accuracy_series(&s, r, kind, name, 0));
  report_row(out, r, with_run, name);
  fputs("<td class=\"text\">", out);
  html_text(out, rule);
  fprintf(out, "</td><td>%d</td>", (int)tasks);
  for (int k = 0; k < s.n; k++) html_cell(out, 100*s.y[k*s.stride], 100*s.error[k*s.stride], 2);
  fputs("</tr>\n", out);
  return 0;
}

// Nearest class means have no updates: one number, below that after the last.
static int put_centroid_row(FILE *out, const struct report_run *r, int n_updates, bool with_run) {
  struct json_t *centroid, *result;
  const char *command, *rule, *path = r->facts_path;
  double accuracy, ci95 = INFINITY;
  int64_t tasks;
  TRY(report_evaluation(&result, &command, r, experiment_kind_names[0]));
  TRY(json_field_text(result, path, "batchnorm", &rule));
  TRY(json_field_i64(result, path, "tasks", 1, INT32_MAX, &tasks));
  TRY(json_field_object(r->facts, path, "centroid", &centroid));
  TRY(json_field_f64(centroid, path, "accuracy", 0, 1, &accuracy));
  if (tasks > 1) TRY(json_field_f64(centroid, path, "ci95", 0, 1e9, &ci95));
  report_row(out, r, with_run, "software, nearest class mean");
  fputs("<td class=\"text\">", out);
  html_text(out, rule);
  fprintf(out, "</td><td>%d</td>", (int)tasks);
  for (int s = 0; s < n_updates; s++) fputs("<td></td>", out);
  html_cell(out, 100*accuracy, 100*ci95, 2);
  fputs("</tr>\n", out);
  return 0;
}

static int put_accuracy_table(FILE *out, const struct report_run *const *runs, int n) {
  int most = 0;
  for (int k = 0; k < n; k++)
    if (runs[k]->table[ACCURACY].n_rows > most) most = runs[k]->table[ACCURACY].n_rows;
  report_table(out, n > 1);
  fputs("<th scope=\"col\" class=\"text\">batch norm</th><th scope=\"col\">tasks</th>", out);
  for (int s = 0; s < most; s++) fprintf(out, "<th scope=\"col\">%d update%s</th>", s, text_s(s));
  fputs("</tr></thead><tbody>\n", out);
  for (int k = 0; k < n; k++) {
    for (int kind = 0; kind < KINDS; kind++) TRY(put_accuracy_row(out, runs[k], kind, n > 1));
    TRY(put_centroid_row(out, runs[k], runs[k]->table[ACCURACY].n_rows - 1, n > 1));
  }
  fputs("</tbody></table></div>\n", out);
  return 0;
}

// What others printed for data of the first run's kind; nothing for data that is the user's own.
static int put_published(FILE *out, const struct json_t *result, const char *path) {
  struct json_t *data;
  const char *kind;
  TRY(json_field_object(result, path, "data", &data));
  TRY(json_field_text(data, path, "kind", &kind));
  if (!published_source(kind)) return 0;
  page_figure(out, "");
  fputs("<div class=\"scroll\"><table><thead><tr><th scope=\"col\" class=\"text\">method</th><th scope=\"col\" "
        "class=\"text\">channels</th><th scope=\"col\">5-way 1-shot</th><th scope=\"col\">5-way 5-shot</th></tr>"
        "</thead><tbody>\n", out);
  for (const struct published *p = published; p->method; p++)
    if (!strcmp(dataset_kind_name(p->data), kind)) {
      const char *const cells[] = { p->method, p->channels, p->one_shot, p->five_shots };
      fputs("<tr>", out);
      for (int k = 0; k < 4; k++) {
        fputs(k < 2 ? "<td class=\"text\">" : "<td>", out);
        html_text(out, cells[k]);
        fputs("</td>", out);
      }
      fputs("</tr>\n", out);
    }
  fputs("</tbody></table></div>\n", out);
  page_caption(out, "Published results, accuracy in %.", published_source(kind), NULL);
  return 0;
}

// How many ways and shots, and whose statistics normalise.
static int accuracy_text(char *text, size_t size, const struct report_run *r, const struct json_t *result) {
  const char *path = r->facts_path, *rule, *split, *said = "those of fixed statistics measured on background images";
  const char *protocol = NULL, *from = NULL;  // not in older files
  const char *word = image_word(r), *note = report_note(r);
  int64_t ways, shots, queries, tasks;
  TRY(json_field_text(result, path, "batchnorm", &rule));
  TRY(json_field_text(result, path, "split", &split));
  if (json_has(result, "protocol")) TRY(json_field_text(result, path, "protocol", &protocol));
  if (json_has(result, "tasks_from")) TRY(json_field_text(result, path, "tasks_from", &from));
  TRY(json_field_i64(result, path, "ways", 1, TASKREPORT_WAYS, &ways));
  TRY(json_field_i64(result, path, "shots", 1, TASKREPORT_SHOTS, &shots));
  TRY(json_field_i64(result, path, "queries", 1, TASKREPORT_SHOTS, &queries));
  TRY(json_field_i64(result, path, "tasks", 1, INT32_MAX, &tasks));
  if (!strcmp(rule, "task")) said = "their own batch statistics (transductive, as in the paper)";
  if (!strcmp(rule, "support")) said = "the statistics of the support images, so that nothing is learned from them";
  snprintf(text, size,
           "Mean over %d task%s of %d %sclasses (%.20s split%s%.20s%s%.20s), learned from %d %s%s each, on %d "
           "other %s%s of each; bars: 95 %% confidence interval of the mean. Batch norm rule %.20s: the "
           "queries are normalised by %s. Chance is %.0f %%.%s%s",
           (int)tasks, text_s(tasks), (int)ways, strcmp(split, "training") ? "unseen " : "", split,
           protocol ? ", protocol " : "", protocol ? protocol : "", from ? ", tasks " : "", from ? from : "",
           (int)shots, word, text_s(shots), (int)queries, word, text_s(queries), rule, said, 100.0/(double)ways,
           *note ? " " : "", note);
  return 0;
}

static int put_accuracy(FILE *out, const struct report_run *const *runs, int n, const struct json_t *result,
                        const char *command) {
  char text[1024];
  page_figure(out, "");
  TRY(put_accuracy_charts(out, runs, n));
  TRY(put_accuracy_table(out, runs, n));
  TRY(accuracy_text(text, sizeof text, runs[0], result));
  page_caption(out, "Accuracy after each update.", text, command);
  return put_published(out, result, runs[0]->facts_path);
}

// ---- conductances

// Names of the layers, from the columns NAME_written.
static int layers_of(char names[MAX_LAYERS][NAME], const struct csvtable *t) {
  int n = 0;
  for (int c = 0; c < t->n_columns && n < MAX_LAYERS; c++) {
    const char *end = strstr(t->name[c], "_written");
    if (!end || end[8] || end - t->name[c] >= NAME - 16) continue;
    snprintf(names[n++], NAME, "%.*s", (int)(end - t->name[c]), t->name[c]);
  }
  return n;
}

static int put_layer(FILE *out, const struct report_run *r, const char *layer, bool plastic) {
  static const char *const states[] = { "written", "adapted", "month" };
  static const char *const names[] = { "as written", "after the updates", "30 days later" };
  static const int looks[] = { CHART_MUTED, 0, 1 };
  struct chart_series s[3];
  int n = 0;
  for (int k = 0; k < 3; k++) {
    char column[NAME + 16];
    if (k == 1 && !plastic) continue;
    snprintf(column, sizeof column, "%.*s_%s", NAME - 1, layer, states[k]);
    TRY(report_series(&s[n], r, HISTOGRAM, "conductance_uS", column, NULL));
    s[n].name = names[k];
    s[n].look = looks[k];
    s[n].how = k ? CHART_LINE : CHART_AREA;
    s[n++].fy = 100;
  }
  chart_draw(out, &(struct chart){ .title = layer, .about = "Distribution of the conductance differences of a layer",
                                   .x = { "conductance, \xc2\xb5S", NAN, NAN, .log = false },
                                   .y = { "cells, %", 0, NAN, .log = false }, .width = SMALL_WIDTH,
                                   .height = SMALL_HEIGHT }, s, n);
  return 0;
}

static int put_histograms(FILE *out, const struct report_run *r) {
  char names[MAX_LAYERS][NAME];
  const int n = layers_of(names, &r->table[HISTOGRAM]);
  page_figure(out, "");
  fputs("<div class=\"grid\">\n", out);
  for (int l = 0; l < n; l++) TRY(put_layer(out, r, names[l], l == n - 1));
  fputs("</div>\n", out);
  page_caption(out, "Conductances.", "Difference of the conductances for positive and for negative weights in every "
                                     "cell of a layer, without read noise: as written, after the "
               "updates for the task above (they rewrite the read-out alone; all other layers stay as written), and 30 "
               "days after writing, before any correction.",
               NULL);
  return 0;
}

// A line for each run, the accuracy in percent.
static int runs_series(struct chart_series *series, const struct report_run *const *runs, int n, int table,
                       const char *x) {
  for (int k = 0; k < n; k++) {
    TRY(report_series(&series[k], runs[k], table, x, "accuracy", "ci95"));
    series[k].name = n > 1 ? runs[k]->name : NULL;
    series[k].look = n > 1 ? k : 2;
    series[k].fy = 100;
  }
  return 0;
}

// ---- drift

static const double time_ticks[] = { 6, 60, 3600, 86400, 2592000 };
static const char *const time_names[] = { "at once", "1 min", "1 h", "1 day", "30 days" };

// Time axis: logarithmic, "at once" a decade before a minute.
static struct chart_axis time_axis(void) {
  return (struct chart_axis){ .label = "time after writing and learning", .low = 3, .high = 6e6, .log = true,
                              .least = 6, .n_ticks = 5, .ticks = time_ticks, .names = time_names };
}

static int put_later(FILE *out, const struct report_run *const *runs, int n) {
  struct chart_series series[REPORT_MAX_RUNS];
  double low = 100;
  TRY(runs_series(series, runs, n, LATER, "seconds"));
  for (int k = 0; k < n; k++)
    for (int i = 0; i < series[k].n; i++)
      low = fmin(low, 100*(series[k].y[i*series[k].stride] - series[k].error[i*series[k].stride]));
  chart_draw(out, &(struct chart){ .title = "Accuracy of what was learned", .about = "Accuracy at later times",
                                   .x = time_axis(),
                                   .y = { "accuracy, %", fmax(0, floor(low - 0.5)), 100.05, .log = false },
                                   .width = SMALL_WIDTH, .height = SMALL_HEIGHT }, series, n);
  return 0;
}

static int put_kept(FILE *out, const struct report_run *r, bool error, bool with_run) {
  struct chart_series series[MAX_LAYERS];
  char names[MAX_LAYERS][NAME], title[256];
  int n = layers_of(names, &r->table[HISTOGRAM]);
  n = n > CHART_LOOKS ? CHART_LOOKS : n;
  for (int l = 0; l < n; l++) {
    char column[NAME + 16];
    snprintf(column, sizeof column, "%.*s_%s", NAME - 1, names[l], error ? "error" : "kept");
    TRY(report_series(&series[l], r, LATER, "seconds", column, NULL));
    series[l].name = names[l];
    series[l].look = l;
    series[l].fy = 100;
  }
  snprintf(title, sizeof title, "%s%s%s", error ? "Error of the weights beside it" : "Weights kept",
           with_run ? ", " : "", with_run ? r->name : "");
  chart_draw(out, &(struct chart){ .title = title, .about = "Weights at later times", .x = time_axis(),
                                   .y = { error ? "relative error, %" : "of the weights written, %", NAN, NAN,
                                          .log = false },
                                   .width = SMALL_WIDTH, .height = SMALL_HEIGHT }, series, n);
  return 0;
}

static int put_drift(FILE *out, const struct report_run *const *runs, int n, const char *command) {
  page_figure(out, "");
  fputs("<div class=\"grid\">\n", out);
  TRY(put_later(out, runs, n));
  for (int k = 0; k < n; k++)
    for (int error = 0; error < 2; error++) TRY(put_kept(out, runs[k], error, n > 1));
  fputs("</div>\n", out);
  page_caption(out, "Drift.", "First: the queries classified again at later times by the same adapted chip, its "
                              "columns calibrated anew, nothing rewritten; bars: 95 % "
               "confidence interval. Then, without that correction: the share of the written weights that the "
               "conductances still carry, and the error that no common gain corrects.",
               command);
  return 0;
}

// ---- cost

static int put_cost_chart(FILE *out, const struct report_run *const *runs, int n, const char *title, const char *column,
                          double factor, const char *axis) {
  struct chart_series series[REPORT_MAX_RUNS];
  TRY(runs_series(series, runs, n, LEDGER, column));
  for (int k = 0; k < n; k++) series[k].fx = factor;
  chart_draw(out, &(struct chart){ .title = title, .about = title, .x = { axis, NAN, NAN, .log = false },
                                   .y = { "accuracy, %", 0, 102, .log = false } }, series, n);
  return 0;
}

static int put_cost_row(FILE *out, const struct report_run *r, int k) {
  static const char *const names[] = { "devices_addressed", "devices_written", "read_energy_J", "read_time_s" };
  static const char *const units[] = { NULL, NULL, "J", "s" };
  const struct csvtable *t = &r->table[LEDGER];
  const double *v;
  fprintf(out, "<tr><th scope=\"row\">%d</th>", k);
  for (int c = 0; c < 4; c++) {
    TRY(report_column(&v, r, LEDGER, names[c]));
    fputs("<td>", out);
    if (units[c] && v[k*t->n_columns] == 0) fputs("unknown", out);
    else if (units[c]) html_quantity(out, v[k*t->n_columns], 3, units[c]);
    else html_number(out, v[k*t->n_columns], 0);
    fputs("</td>", out);
  }
  TRY(report_column(&v, r, LEDGER, "accuracy"));
  fputs("<td>", out);
  html_number(out, 100*v[k*t->n_columns], 2);
  fputs("</td></tr>\n", out);
  return 0;
}

static int put_cost_table(FILE *out, const struct report_run *r, bool with_run) {
  fputs("<div>", out);
  if (with_run) page_heading(out, r->name);
  fputs("<div class=\"scroll\"><table><thead><tr><th scope=\"col\">updates</th><th scope=\"col\">devices "
        "addressed</th><th scope=\"col\">rewritten</th>"
        "<th scope=\"col\">energy of reading</th><th scope=\"col\">time</th><th scope=\"col\">accuracy, "
        "%</th></tr></thead><tbody>\n", out);
  for (int k = 0; k < r->table[LEDGER].n_rows; k++) TRY(put_cost_row(out, r, k));
  fputs("</tbody></table></div></div>\n", out);
  return 0;
}

// Nothing where the energy of reading is known in none of the runs.
static int put_energy_chart(FILE *out, const struct report_run *const *runs, int n) {
  double energy_J = 0;
  for (int k = 0; k < n; k++) {
    const double *v;
    TRY(report_column(&v, runs[k], LEDGER, "read_energy_J"));
    for (int row = 0; row < runs[k]->table[LEDGER].n_rows; row++) energy_J += v[row*runs[k]->table[LEDGER].n_columns];
  }
  return energy_J == 0 ? 0
                       : put_cost_chart(out, runs, n, "Energy of reading", "read_energy_J", 1e6,
                                        "energy of reading, up to each update, \xc2\xb5J");
}

static int put_cost(FILE *out, const struct report_run *const *runs, int n, const struct json_t *result,
                    const char *command) {
  page_figure(out, "");
  fputs("<div class=\"grid\">\n", out);
  TRY(put_cost_chart(out, runs, n, "Devices rewritten", "devices_written", 1, "devices rewritten, up to each update"));
  TRY(put_energy_chart(out, runs, n));
  fputs("</div>\n", out);
  for (int k = 0; k < n; k++) TRY(put_cost_table(out, runs[k], n > 1));
  char text[640];
  snprintf(text, sizeof text, "Means per task, summed from its beginning to 0, 1, 2 ... updates. Energy and time are "
                              "those of reading, from the support images to the last "
           "update, by the phases of a whole core (upper bounds for cores in part use; %.200s). What writing a "
           "device takes was not published; writing is counted, its energy unknown.",
           report_cost_source(result));
  page_caption(out, "What learning costs.", text, command);
  return 0;
}

static int put_task(FILE *out, const struct report_run *r) {
  char name[KINDS][NAME];
  const char *names[KINDS];
  for (int kind = 0; kind < KINDS; kind++) {
    TRY(kind_name(name[kind], r, kind));
    names[kind] = name[kind];
  }
  return taskreport_draw(out, r, image_word(r), names, KINDS);
}

static int draw(FILE *out, const struct report_run *const *runs, int n) {
  struct json_t *result;  // of the first run on the chip
  const char *command;
  TRY(report_evaluation(&result, &command, runs[0], "chip"));
  TRY(put_accuracy(out, runs, n, result, command));
  for (int k = 0; k < n; k++) {
    if (n > 1) page_heading(out, runs[k]->name);
    TRY(put_task(out, runs[k]));
  }
  for (int k = 0; k < n; k++) {
    if (n > 1) page_heading(out, runs[k]->name);
    TRY(chipmap_draw(out, runs[k]));
    TRY(put_histograms(out, runs[k]));
  }
  TRY(put_drift(out, runs, n, command));
  return put_cost(out, runs, n, result, command);
}

const struct report_kind fewshot_report = {
  .name = "fewshot",
  .task = "few-shot classification",
  .title = "New classes from a few drawings",
  .tables = tables,
  .curve = { { "Query loss in training", "cross-entropy, nat", 1, { "loss", NULL }, true },
             { "Accuracy after the last update", "accuracy, %", 100, { "accuracy_last", "validation_last" }, false } },
  .curve_text = "Loss and accuracy on the queries of the training tasks; marks: on tasks held out for validation. The "
                "axis of the loss is logarithmic.",
  .subject = subject,
  .draw = draw,
};
