#include "report/sweeppage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "report/chart.h"
#include "report/html.h"
#include "report/page.h"

enum { MAX_POINTS = 64, NAME = 200 };

// What is not known is null or absent.
static double number(const struct json_t *o, const char *where, const char *name) {
  double v;
  return json_field_f64(o, where, name, -1e300, 1e300, &v) < 0 ? NAN : v;
}

static int row_of(struct json_t **row, struct json_t **settings, struct json_t *list, const char *where, size_t k) {
  TRY(json_item_object(list, where, k, row));
  return json_field_object(*row, where, "settings", settings);
}

static bool is_number(struct json_t *v, double *x) {
  const char *text;
  char *end;
  if (!json_is_text(v, &text)) return false;
  *x = strtod(text, &end);
  return end > text && !*end && isfinite(*x);
}

// ---- chart

struct line {
  char name[NAME];
  int n;
  double x[MAX_POINTS], y[MAX_POINTS], error[MAX_POINTS];
};

struct lines {
  const char *axis;  // the setting along x; NULL: none is a number
  int n;
  double least, most;
  struct line line[CHART_LOOKS];
};

// The first setting that is a number in every row and differs.
static int find_axis(struct lines *l, struct json_t *means, const char *where) {
  struct json_t *row, *first, *settings, *value;
  const char *key;
  if (json_length(means) < 2) return 0;
  TRY(row_of(&row, &first, means, where, 0));
  void *at = NULL;
  while (!l->axis && json_next(first, &at, &key)) {
    bool numbers = true;
    l->least = INFINITY, l->most = -INFINITY;
    for (size_t k = 0; k < json_length(means); k++) {
      double x = NAN;
      bool found = false;
      void *in = NULL;
      const char *name;
      TRY(row_of(&row, &settings, means, where, k));
      while ((value = json_next(settings, &in, &name)) != NULL)
        if (!strcmp(name, key)) found = is_number(value, &x);
      numbers = numbers && found;
      l->least = fmin(l->least, x), l->most = fmax(l->most, x);
    }
    if (numbers && l->least < l->most) l->axis = key;
  }
  return 0;
}

// The line of a row: its settings but for the axis, whose value is *x.
static void name_line(char name[NAME], double *x, struct json_t *settings, const char *axis) {
  const char *key, *text;
  size_t used = 0;
  void *at = NULL;
  name[0] = 0;
  for (struct json_t *v; (v = json_next(settings, &at, &key)) != NULL;) {
    if (!strcmp(key, axis)) is_number(v, x);
    else if (json_is_text(v, &text) && used < NAME)
      used += (size_t)snprintf(name + used, NAME - used, "%s%s=%s", used ? ", " : "", key, text);
  }
}

static int add_row(struct lines *l, struct json_t *row, struct json_t *settings, const char *where) {
  char name[NAME];
  double x = NAN;
  int k = 0;
  name_line(name, &x, settings, l->axis);
  while (k < l->n && strcmp(l->line[k].name, name)) k++;
  if (k == CHART_LOOKS || (k < l->n && l->line[k].n == MAX_POINTS)) return 0;
  struct line *line = &l->line[k];
  if (k == l->n) snprintf(l->line[l->n++].name, NAME, "%s", name);
  line->x[line->n] = x;
  line->y[line->n] = number(row, where, "mean");
  line->error[line->n++] = number(row, where, "ci95");
  return 0;
}

static int put_chart(FILE *out, struct json_t *means, const char *where, const char *score) {
  static struct lines l;
  struct chart_series series[CHART_LOOKS];
  struct json_t *row, *settings;
  l = (struct lines){ 0 };
  TRY(find_axis(&l, means, where));
  if (!l.axis) return 0;
  for (size_t k = 0; k < json_length(means); k++) {
    TRY(row_of(&row, &settings, means, where, k));
    TRY(add_row(&l, row, settings, where));
  }
  for (int k = 0; k < l.n; k++)
    series[k] = (struct chart_series){ .name = *l.line[k].name ? l.line[k].name : NULL,
                                       .x = l.line[k].x,
                                       .y = l.line[k].y,
                                       .error = l.line[k].error,
                                       .n = l.line[k].n,
                                       .look = k,
                                       .how = CHART_LINE | CHART_MARKS };
  page_figure(out, "");
  chart_draw(out,
             &(struct chart){ .title = score,
                              .about = score,
                              .x = { l.axis, NAN, NAN, .log = l.least > 0 && l.most >= 10 * l.least },
                              .y = { score, NAN, NAN, .log = false } },
             series, l.n);
  page_caption(out, "Score.",
               "Means over the seeds; bars are 95 % intervals of these means. At most six lines are drawn.", NULL);
  return 0;
}

// ---- tables

static void head(FILE *out, const char *text) {
  fputs("<th scope=\"col\">", out);
  html_text(out, text);
  fputs("</th>", out);
}

static int put_means(FILE *out, struct json_t *means, const char *where, const char *score) {
  struct json_t *row, *settings, *v;
  const char *key, *text;
  page_section(out, "Means over the seeds");
  fputs("<div class=\"scroll\"><table><thead><tr>", out);
  for (size_t k = 0; k < json_length(means); k++) {
    int64_t seeds, failed;
    TRY(row_of(&row, &settings, means, where, k));
    TRY(json_field_i64(row, where, "seeds", 0, INT32_MAX, &seeds));
    TRY(json_field_i64(row, where, "failed", 0, INT32_MAX, &failed));
    for (void *at = NULL; k == 0 && json_next(settings, &at, &key);) head(out, key);
    if (k == 0) head(out, score), head(out, "seeds"), head(out, "failed"), fputs("</tr></thead><tbody>\n", out);
    fputs("<tr>", out);
    for (void *at = NULL; (v = json_next(settings, &at, &key)) != NULL;) {
      fputs("<td>", out);
      html_text(out, json_is_text(v, &text) ? text : "?");
      fputs("</td>", out);
    }
    html_cell(out, number(row, where, "mean"), number(row, where, "ci95"), 4);
    fprintf(out, "<td>%lld</td><td>%lld</td></tr>\n", (long long)seeds, (long long)failed);
  }
  fputs("</tbody></table></div>\n", out);
  return 0;
}

static int put_points(FILE *out, struct json_t *points, const char *where, const char *score) {
  struct json_t *row;
  const char *name, *status, *message;
  page_section(out, "Points");
  fputs("<div class=\"scroll\"><table><thead><tr>", out);
  head(out, "point"), head(out, "status"), head(out, score);
  fputs("</tr></thead><tbody>\n", out);
  for (size_t k = 0; k < json_length(points); k++) {
    TRY(json_item_object(points, where, k, &row));
    TRY(json_field_text(row, where, "point", &name));
    TRY(json_field_text(row, where, "status", &status));
    fputs("<tr><th scope=\"row\">", out);
    html_text(out, name);
    fputs("</th><td class=\"text\">", out);
    html_text(out, status);
    if (json_has(row, "message")) {
      TRY(json_field_text(row, where, "message", &message));
      fputs(": ", out);
      html_text(out, message);
    }
    fputs("</td>", out);
    html_cell(out, number(row, where, "score"), number(row, where, "ci95"), 4);
    fputs("</tr>\n", out);
  }
  fputs("</tbody></table></div>\n", out);
  return 0;
}

// ---- the page

static int put_page(FILE *out, struct json_t *table, const char *where) {
  const char *experiment, *score;
  char title[256];
  bool higher;
  struct json_t *means, *points;
  TRY(json_field_text(table, where, "experiment", &experiment));
  TRY(json_field_text(table, where, "score", &score));
  TRY(json_field_bool(table, where, "higher_is_better", &higher));
  TRY(json_field_array(table, where, "means", &means));
  TRY(json_field_array(table, where, "points", &points));
  snprintf(title, sizeof title, "metaxbar: sweep of %.100s", experiment);
  page_begin(out, title, higher ? "Higher scores are better." : "Lower scores are better.");
  TRY(put_chart(out, means, where, score));
  TRY(put_means(out, means, where, score));
  TRY(put_points(out, points, where, score));
  page_end(out);
  return 0;
}

int sweeppage_write(const char *path, struct json_t *table, const char *where) {
  struct file_out o;
  TRY(file_out_open(&o, path));
  const int rc = put_page(o.stream, table, where);
  if (rc < 0) file_out_abort(&o);
  return rc < 0 ? rc : file_out_commit(&o);
}
