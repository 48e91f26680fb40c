#include "report/usual.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "report/html.h"
#include "report/page.h"

struct headline {
  const char *name, *unit, *items;
  double value, ci95, before;  // NAN: not known
  int64_t n;
};

static int optional(double *v, const struct json_t *o, const char *where, const char *name) {
  *v = NAN;
  return json_has(o, name) ? json_field_f64(o, where, name, -1e300, 1e300, v) : 0;
}

static int read_headline(struct headline *h, const struct json_t *evaluation, const char *where) {
  struct json_t *o;
  TRY(json_field_object(evaluation, where, "headline", &o));
  TRY(json_field_text(o, where, "name", &h->name));
  TRY(json_field_text(o, where, "unit", &h->unit));
  TRY(json_field_text(o, where, "items", &h->items));
  TRY(json_field_f64(o, where, "value", -1e300, 1e300, &h->value));
  TRY(json_field_i64(o, where, "n", 1, INT32_MAX, &h->n));
  TRY(optional(&h->ci95, o, where, "ci95"));
  return optional(&h->before, o, where, "before");
}

static int put_row(FILE *out, const struct report_run *r, struct json_t *evaluation, const char *where, bool with_run) {
  struct headline h;
  const char *name;
  TRY(read_headline(&h, evaluation, where));
  TRY(json_field_text(evaluation, where, "name", &name));
  const int decimals = strcmp(h.unit, "%") ? 4 : 2;
  report_row(out, r, with_run, name);
  fputs("<td>", out);
  html_number(out, h.before, decimals);
  fputs("</td>", out);
  html_cell(out, h.value, h.ci95, decimals);
  fprintf(out, "<td>%d</td></tr>\n", (int)h.n);
  return 0;
}

static int put_rows(FILE *out, const struct report_run *r, bool with_run) {
  const char *path = r->facts_path;
  struct json_t *list, *o;
  TRY(json_field_array(r->facts, path, "evaluations", &list));
  for (size_t k = 0; k < json_length(list); k++) {
    TRY(json_item_object(list, path, k, &o));
    TRY(put_row(out, r, o, path, with_run));
  }
  return 0;
}

// The headline is that of the last evaluation of the first run.
static int last(struct headline *h, const char **command, const struct report_run *r) {
  const char *path = r->facts_path;
  struct json_t *list, *o;
  TRY(json_field_array(r->facts, path, "evaluations", &list));
  if (json_length(list) == 0) return err_set(ERR_FORMAT, "%s: evaluations: there are none", path);
  TRY(json_item_object(list, path, json_length(list) - 1, &o));
  TRY(json_field_text(o, path, "command", command));
  return read_headline(h, o, path);
}

static int draw(FILE *out, const struct report_run *const *runs, int n) {
  struct headline h;
  const char *command;
  char text[256];
  TRY(last(&h, &command, runs[0]));
  page_figure(out, "");
  report_table(out, n > 1);
  fputs("<th scope=\"col\">before</th><th scope=\"col\">", out);
  html_text(out, h.name);
  fputs(", ", out);
  html_text(out, h.unit);
  fputs("</th><th scope=\"col\">", out);
  html_text(out, h.items);
  fputs("</th></tr></thead><tbody>\n", out);
  for (int k = 0; k < n; k++) TRY(put_rows(out, runs[k], n > 1));
  fputs("</tbody></table></div>\n", out);
  snprintf(text, sizeof text,
           "Mean %.60s over %.40s that were not trained on, before they are learned and after, with its 95 %% "
           "confidence interval.",
           h.name, h.items);
  page_caption(out, "Before and after learning.", text, command);
  return 0;
}

struct report_kind usual_kind(const char *name, const char *about) {
  return (struct report_kind){ .name = name,
                               .task = about,
                               .title = about,
                               .draw = draw,
                               .curve = { { "Loss in training", "loss", 1, { "loss", NULL }, true } },
                               .curve_text = "Mean loss on the items of each iteration. Its axis is logarithmic." };
}
