#include "lab/compare.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/settings.h"
#include "base/text.h"
#include "experiment/experiment.h"

enum { MOST_ITEMS = 10000000, MOST_TRIALS = 1000000, MOST_CHIPS = 65536, FILE_LIMIT = 1 << 28 };

// ---- writing

int compare_save(const char *path, const struct experiment_case *x, const void *result) {
  struct experiment_scores s;
  struct json_t *o = json_object_new(), *values = json_array_new();
  x->e->scores(&s, result);
  for (int k = 0; k < s.n; k++) json_put_f64(values, NULL, s.first[k * s.stride]);
  json_put_text(o, "experiment", x->e->name);
  json_put_text(o, "score", x->e->score);
  json_put_bool(o, "higher_is_better", x->e->higher_is_better);
  json_put_i64(o, "chips", s.n_chips);
  json_put_i64(o, "trials", s.trials);
  json_put_text(o, "data", s.data ? s.data : "");
  json_put(o, "items", settings_texts(x->settings.sections, x->e->item_settings(x->set)));
  json_put(o, "values", values);
  const int rc = json_write(o, path);
  json_release(o);
  return rc;
}

// ---- reading

static int read_values(struct compare_scores *s) {
  struct json_t *values;
  const double most = s->trials ? 1 : HUGE_VAL;
  char where[FILE_PATH_SIZE + 16];
  TRY(json_field_array(s->file, s->path, "values", &values));
  const size_t n = json_length(values);
  if (n < 1 || n > MOST_ITEMS)
    return err_set(ERR_FORMAT, "%s: values has %zu numbers, 1 to %d are allowed", s->path, n, MOST_ITEMS);
  s->n = (int)n;
  s->value = err_calloc(n, sizeof *s->value);
  snprintf(where, sizeof where, "%s: values", s->path);
  for (size_t k = 0; k < n; k++) TRY(json_item_f64(values, where, k, -most, most, &s->value[k]));
  return 0;
}

static int read_fields(struct compare_scores *s) {
  const char *name, *data;
  struct json_t *items;
  int64_t chips, trials;
  TRY(json_field_text(s->file, s->path, "experiment", &name));
  TRY(json_field_text(s->file, s->path, "score", &name));
  if (!*name || strlen(name) >= sizeof s->name) return err_set(ERR_FORMAT, "%s: score is no name of a score", s->path);
  snprintf(s->name, sizeof s->name, "%s", name);
  TRY(json_field_text(s->file, s->path, "data", &data));
  TRY(json_field_object(s->file, s->path, "items", &items));
  TRY(json_field_bool(s->file, s->path, "higher_is_better", &s->higher_is_better));
  TRY(json_field_i64(s->file, s->path, "chips", 1, MOST_CHIPS, &chips));
  TRY(json_field_i64(s->file, s->path, "trials", 0, MOST_TRIALS, &trials));
  s->chips = (int)chips;
  s->trials = (int)trials;
  TRY(read_values(s));
  if (s->chips <= s->n) return 0;
  return err_set(ERR_FORMAT, "%s: chips=%d: more chips than values, %d", s->path, s->chips, s->n);
}

int compare_parse(void *scores, const char *text, size_t size, const char *path) {
  struct compare_scores *s = scores;
  *s = (struct compare_scores){ 0 };
  snprintf(s->path, sizeof s->path, "%s", path);
  TRY(json_parse(&s->file, text, size, path));
  const int rc = read_fields(s);
  if (rc < 0) compare_release(s);
  else s->mean = stat_grouped(s->value, s->n, 1, s->chips, s->trials);
  return rc;
}

int compare_load(struct compare_scores *s, const char *path) { return file_parse(path, FILE_LIMIT, compare_parse, s); }

void compare_release(struct compare_scores *s) {
  free(s->value);
  json_release(s->file);
  s->value = NULL;
  s->file = NULL;
}

// ---- comparing

// A text of both, or of objects in both.
static int same_text(const struct compare *c, struct json_t *a, struct json_t *b, const char *field) {
  const char *of_a = "(default)", *of_b = of_a;
  if (json_has(a, field)) TRY(json_field_text(a, c->a->path, field, &of_a));
  if (json_has(b, field)) TRY(json_field_text(b, c->b->path, field, &of_b));
  if (!strcmp(of_a, of_b)) return 0;
  return err_set(ERR_SETTING, "%s has %s=%s, %s has %s: not the same items", c->a->path, field, of_a, c->b->path, of_b);
}

static int same_number(const struct compare *c, const char *field, int of_a, int of_b) {
  if (of_a == of_b) return 0;
  return err_set(ERR_SETTING, "%s has %d %s, %s has %d: not the same items", c->a->path, of_a, field, c->b->path, of_b);
}

static int same_items(const struct compare *c) {
  struct json_t *of_a, *of_b;
  const char *name;
  static const char *const texts[] = { "experiment", "score", "data", NULL };
  for (int k = 0; texts[k]; k++) TRY(same_text(c, c->a->file, c->b->file, texts[k]));
  if (c->a->higher_is_better != c->b->higher_is_better)
    return err_set(ERR_SETTING, "%s and %s have different higher_is_better: not the same score", c->a->path,
                   c->b->path);
  TRY(json_field_object(c->a->file, c->a->path, "items", &of_a));
  TRY(json_field_object(c->b->file, c->b->path, "items", &of_b));
  for (void *at = NULL; json_next(of_a, &at, &name);) TRY(same_text(c, of_a, of_b, name));
  for (void *at = NULL; json_next(of_b, &at, &name);) TRY(same_text(c, of_a, of_b, name));
  TRY(same_number(c, "items", c->a->n, c->b->n));
  TRY(same_number(c, "trials", c->a->trials, c->b->trials));
  return c->a->chips > 1 && c->b->chips > 1 ? same_number(c, "chips", c->a->chips, c->b->chips) : 0;
}

int compare_run(struct compare *c, const struct compare_scores *a, const struct compare_scores *b) {
  *c = (struct compare){ .a = a, .b = b };
  TRY(same_items(c));
  const int chips = a->chips > b->chips ? a->chips : b->chips;  // software is the same on every one
  c->difference = stat_paired(a->value, b->value, a->n, 1, chips, a->trials);
  return 0;
}

// Which is better at the 5 % level: 1 the first, 2 the second, 0 not known.
static int better(const struct compare *c) {
  const struct stat_difference *d = &c->difference;
  if (!(d->p < 0.05) || !(fabs(d->mean) > d->ci95)) return 0;
  return (d->mean > 0) == c->a->higher_is_better ? 1 : 2;
}

void compare_print(const struct compare *c, FILE *out) {
  static const char *const verdicts[] = { "no difference is shown at the 5 % level", "the first is better",
                                          "the second is better" };
  char text[STAT_TEXT];
  fprintf(out, "%d item%s, %s (%s is better)\n", c->a->n, text_s(c->a->n), c->a->name,
          c->a->higher_is_better ? "higher" : "lower");
  fprintf(out, "first       %s  %s\n", stat_text(text, c->a->mean.mean, c->a->mean.ci95, 4), c->a->path);
  fprintf(out, "second      %s  %s\n", stat_text(text, c->b->mean.mean, c->b->mean.ci95, 4), c->b->path);
  fprintf(out, "difference  %s  p = %.2g: %s\n", stat_text(text, c->difference.mean, c->difference.ci95, 4),
          c->difference.p, verdicts[better(c)]);
}

struct json_t *compare_json(const struct compare *c) {
  static const char *const names[] = { "unknown", "first", "second" };
  struct json_t *o = json_object_new();
  json_put_text(o, "score", c->a->name);
  json_put_i64(o, "items", c->a->n);
  json_put_f64(o, "first", c->a->mean.mean);
  json_put_known(o, "first_ci95", c->a->mean.ci95);
  json_put_f64(o, "second", c->b->mean.mean);
  json_put_known(o, "second_ci95", c->b->mean.ci95);
  json_put_f64(o, "difference", c->difference.mean);
  json_put_known(o, "difference_ci95", c->difference.ci95);
  json_put_f64(o, "p", c->difference.p);
  json_put_text(o, "better", names[better(c)]);
  return o;
}
