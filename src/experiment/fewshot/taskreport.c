#include "experiment/fewshot/taskreport.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/text.h"
#include "report/html.h"
#include "report/page.h"
#include "report/report.h"

enum { MAX_STEPS = 64, IMAGE_LIMIT = 1 << 24 };

struct task {
  int64_t ways, shots, queries, side;
  const char *rule;
  struct json_t *classified;
  char *image;               // all drawings
  size_t image_size;
};

static int read_task(struct task *t, const struct report_run *r) {
  struct json_t *o;
  const char *path = r->facts_path;
  TRY(json_field_object(r->facts, path, "task", &o));
  TRY(json_field_i64(o, path, "ways", 1, TASKREPORT_WAYS, &t->ways));
  TRY(json_field_i64(o, path, "shots", 1, TASKREPORT_SHOTS, &t->shots));
  TRY(json_field_i64(o, path, "queries", 1, TASKREPORT_SHOTS, &t->queries));
  TRY(json_field_i64(o, path, "side", 1, 4096, &t->side));
  TRY(json_field_text(o, path, "batchnorm", &t->rule));
  return json_field_array(o, path, "classified", &t->classified);
}

// A part of the sheet of drawings: `columns` of it from `first`, at (x, y), `cell` px for each.
static void put_drawings(FILE *out, const struct task *t, int first, int columns, double x, double y, double cell) {
  const double all = (double)(t->shots + t->queries), w = columns*cell, h = (double)t->ways*cell;
  fprintf(out,
          "<svg x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" viewBox=\"%d 0 %d %d\"><image width=\"%g\" "
          "height=\"%d\" preserveAspectRatio=\"none\" href=\"",
          x, y, w, h, first, columns, (int)t->ways, all, (int)t->ways);
  html_data_uri(out, "image/png", t->image, t->image_size);
  fprintf(out, "\"/></svg><path class=\"frame\" d=\"M%.1f %.1fh%.1fv%.1fh%.1fz\"/>", x, y, w, h, -w);
}

// Support and query drawings beside each other, a row for each class.
static void put_sheet(FILE *out, const struct task *t) {
  const double cell = fmin(30, 380.0/(double)(t->shots + t->queries)), gap = 34, left = 26, top = 20;
  const double second = left + cell*(double)t->shots + gap, width = second + cell*(double)t->queries + 2,
               height = top + cell*(double)t->ways + 4;
  fprintf(out,
          "<svg class=\"task\" viewBox=\"0 0 %.0f %.0f\" style=\"max-width:%.0fpx\" role=\"img\" aria-label=\"The "
          "images of the task: support and queries\">",
          width, height, 1.35*width);
  fprintf(out, "<text class=\"title\" x=\"%.1f\" y=\"12\">learned from</text><text class=\"title\" x=\"%.1f\" "
               "y=\"12\">to classify</text>", left, second);
  for (int c = 0; c < t->ways; c++)
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%d</text>", left - 13, top + cell*(c + 0.5) + 4,
            c + 1);
  put_drawings(out, t, 0, (int)t->shots, left, top, cell);
  put_drawings(out, t, (int)t->shots, (int)t->queries, second, top, cell);
  fputs("</svg>\n", out);
}

// The answer for one query: a quiet dot where it is right, a square with the class given where it is wrong.
static void put_answer(FILE *out, double x, double y, double cell, int answer, bool right) {
  if (right) {
    fprintf(out, "<path class=\"right\" d=\"M%.1f %.1fl%.1f %.1fl%.1f %.1f\"/>", x - 0.2*cell, y, 0.16*cell,
            0.18*cell, 0.27*cell, -0.38*cell);
    return;
  }
  fprintf(out, "<rect class=\"wrong\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", x - 0.42*cell,
          y - 0.42*cell, 0.84*cell, 0.84*cell);
  fprintf(out, "<text class=\"wrongtext\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%d</text>", x, y + 4,
          answer + 1);
}

// All queries after `step` updates; returns how many are right.
static int put_step(FILE *out, const struct task *t, const struct json_t *classes, const char *where, size_t step,
                    double x, double y, double cell) {
  struct json_t *row;
  int correct = 0;
  TRY(json_item_array(classes, where, step, &row));
  fprintf(out, "<path class=\"frame\" d=\"M%.1f %.1fh%.1fv%.1fh%.1fz\"/>", x, y, cell*(double)t->queries,
          cell*(double)t->ways, -cell*(double)t->queries);
  for (int64_t q = 0; q < t->ways*t->queries; q++) {
    int64_t answer;
    TRY(json_item_i64(row, where, (size_t)q, 0, t->ways - 1, &answer));
    const bool right = answer == q/t->queries;
    put_answer(out, x + cell*((double)(q%t->queries) + 0.5), y + cell*((double)(q/t->queries) + 0.5), cell,
               (int)answer, right);
    correct += right;
  }
  return correct;
}

// One kind of weights: a square of answers for each update, beside each other.
static int put_answers(FILE *out, const struct report_run *r, const struct task *t, int kind,
                       const char *name) {
  struct json_t *o, *classes;
  const char *path = r->facts_path;
  TRY(json_item_object(t->classified, path, (size_t)kind, &o));
  TRY(json_field_array(o, path, "classes", &classes));
  const size_t steps = json_length(classes);
  if (steps < 1 || steps > MAX_STEPS)
    return err_set(ERR_FORMAT, "%s: classes: %zu rows, expected 1 to %d", path, steps, MAX_STEPS);
  const double cell = 19, box = cell*(double)t->queries, gap = 22, top = 36,
               width = (box + gap)*(double)steps - gap + 4, height = top + cell*(double)t->ways + 22;
  fprintf(out, "<div class=\"scroll\"><svg class=\"task\" viewBox=\"0 0 %.0f %.0f\" "
               "style=\"max-width:%.0fpx;min-width:%.0fpx\" role=\"img\" aria-label=\"Answers for each query after "
               "each update\">",
          width, height, 1.2*width, 0.8*width);
  fputs("<text class=\"title\" x=\"2\" y=\"12\">", out);
  html_text(out, name);
  fputs("</text>", out);
  for (size_t s = 0; s < steps; s++) {
    const double x = 2 + (box + gap)*(double)s;
    fprintf(out, "<text class=\"small\" x=\"%.1f\" y=\"%.1f\">%zu update%s</text>", x, top - 6, s, text_s((int64_t)s));
    const int correct = put_step(out, t, classes, path, s, x, top, cell);
    if (correct < 0) return correct;
    fprintf(out, "<text class=\"small\" x=\"%.1f\" y=\"%.1f\">%d of %d right</text>", x,
            top + cell*(double)t->ways + 14, correct, (int)(t->ways*t->queries));
  }
  fputs("</svg></div>\n", out);
  return 0;
}

int taskreport_draw(FILE *out, const struct report_run *r, const char *image, const char *const *names, int n) {
  struct task t;
  char text[512], path[FILE_PATH_SIZE];
  TRY(read_task(&t, r));
  report_path(r, "task.png", path);
  TRY(file_read(path, IMAGE_LIMIT, &t.image, &t.image_size));
  page_figure(out, "");
  put_sheet(out, &t);
  free(t.image);
  for (int kind = 0; kind < n; kind++) TRY(put_answers(out, r, &t, kind, names[kind]));
  snprintf(text, sizeof text,
           "The first task of the evaluation. Left: the %ss that are learned, a row for each class; right: the "
           "queries. Below: the answer for each query, at its place, after each update (batch norm rule %.20s); a tick "
           "where it is right, the number of the class chosen where it is wrong.", image, t.rule);
  page_caption(out, "One task.", text, NULL);
  return 0;
}
