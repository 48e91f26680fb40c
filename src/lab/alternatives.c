#include "lab/alternatives.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/numbers.h"
#include "base/text.h"
#include "experiment/experiment.h"

int alternatives_check(const struct experiment *e, const char *model) {
  const struct experiment *const *with = experiments;
  if (e->alternatives) return 0;
  while (*with && !(*with)->alternatives) with++;
  return err_set(ERR_SETTING, "%s: a model of '%s'; needed is one of '%s' (%s)", model, e->name,
                 *with ? (*with)->name : "", *with ? (*with)->about : "");
}

int alternatives_effects(struct experiment_case *x, const struct run_sources *from) {
  const int64_t kind = x->settings.synapse->kind;
  x->settings.synapse->kind = RUN_CHIP;
  const int rc = experiment_effects(x, from);
  x->settings.synapse->kind = kind;
  return rc;
}

// ---- what was found

static void compare(struct alternatives *a, int k) {
  const struct experiment_alternatives *e = &a->e;
  for (int time = 0; time <= e->n_later; time++) {
    const double *v = experiment_alternative_scores(e, k, time), *first = experiment_alternative_scores(e, 0, time);
    a->row[k].score[time] = stat_grouped(v, e->n_items, 1, e->n_chips, e->trials);
    if (k > 0) a->row[k].from_first[time] = stat_paired(v, first, e->n_items, 1, e->n_chips, e->trials);
  }
}

static struct alternatives_cost cost_of(const struct alternatives *a, const struct experiment_work *w) {
  const struct ledger_cost *c = &w->chip.cost;
  const bool written = !ledger_writing_unknown(a->ledger, w->chip.pulses, w->chip.devices_written);
  return (struct alternatives_cost){
    .chip_J = ledger_knows_energy(a->ledger, w->chip.exceeds) ? c->read_energy_J : NAN,
    .write_J = written ? c->write_energy_J : NAN,
    .digital_J = digital_knows_energy(a->digital) && !w->uncounted ? digital_energy_J(&w->digital, a->digital) : NAN,
    .chip_s = ledger_knows_time(a->ledger, w->chip.exceeds) ? c->read_time_s : NAN,
  };
}

int alternatives_run(struct alternatives *a, const struct digital_params *p, struct experiment_case *x) {
  *a = (struct alternatives){ .ledger = x->settings.ledger, .digital = p };
  TRY(alternatives_check(x->e, "the model"));
  const int64_t kind = x->settings.synapse->kind;
  x->settings.synapse->kind = RUN_CHIP;
  int rc = experiment_data(x);
  if (rc == 0) rc = x->e->alternatives(&a->e, x->set, x->model, x->data);
  x->settings.synapse->kind = kind;
  for (int k = 0; rc == 0 && k < a->e.n; k++) {
    compare(a, k);
    a->row[k].learning = cost_of(a, &a->e.of[k].learning);
    a->row[k].query = cost_of(a, &a->e.of[k].query);
  }
  return rc;
}

void alternatives_release(struct alternatives *a) {
  free(a->e.scores);
  a->e.scores = NULL;
}

// ---- text

enum { NAME_WIDTH = 8 };

// What rounds to 0 has no sign.
static double shown(double v, int decimals) { return fabs(v) < 0.5 * pow(10, -decimals) ? 0 : v; }

static void print_scores(const struct alternatives *a, int time, FILE *out) {
  const struct experiment_alternatives *e = &a->e;
  const double scale = e->trials > 0 ? 100 : 1;
  const int decimals = e->trials > 0 ? 2 : 4;
  char ci95[STAT_TEXT], difference_ci95[STAT_TEXT];
  if (time > 0) fprintf(out, "\n%.10g s later\n", e->later_s[time - 1]);
  fprintf(out, "%-*s  %8s%s   +- 95%%  difference   +- 95%%        p\n", NAME_WIDTH, "", e->score,
          e->trials > 0 ? " %" : "");
  for (int k = 0; k < e->n; k++) {
    const struct alternatives_row *r = &a->row[k];
    const struct stat_difference *d = &r->from_first[time];
    fprintf(out, "%-*s  %10.*f  %7s", NAME_WIDTH, e->of[k].name, decimals, scale * r->score[time].mean,
            stat_ci95_text(ci95, scale * r->score[time].ci95, decimals));
    if (k > 0)
      fprintf(out, "  %+10.*f  %7s  %7.2g", decimals, shown(scale * d->mean, decimals),
              stat_ci95_text(difference_ci95, scale * d->ci95, decimals), d->p);
    fprintf(out, "\n");
  }
}

// "-": unknown.
static void print_number(double v, FILE *out) {
  if (isnan(v)) fprintf(out, "  %9s", "-");
  else fprintf(out, "  %9.4g", v);
}

static void print_costs(const struct alternatives *a, FILE *out) {
  const struct experiment_alternatives *e = &a->e;
  fprintf(out, "\n%-*s  %9s  to learn a %-30.*s  to classify an %s\n", NAME_WIDTH, "", "devices",
          (int)strlen(e->items) - 1, e->items, e->query);
  fprintf(out, "%-*s  %9s  %9s  %9s  %9s  %9s  %9s  %9s  %9s\n", NAME_WIDTH, "", "written", "reading J", "writing J",
          "digital J", "chip s", "reading J", "digital J", "chip s");
  for (int k = 0; k < e->n; k++) {
    const struct alternatives_cost *learning = &a->row[k].learning, *query = &a->row[k].query;
    const double v[] = { learning->chip_J, learning->write_J, learning->digital_J, learning->chip_s,
                         query->chip_J,    query->digital_J,  query->chip_s };
    fprintf(out, "%-*s  %9.1f", NAME_WIDTH, e->of[k].name, e->of[k].learning.chip.devices_written);
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) print_number(v[i], out);
    fprintf(out, "\n");
  }
}

// The sources of the numbers, and what they do not include.
static void print_sources(const struct alternatives *a, FILE *out) {
  const struct experiment_alternatives *e = &a->e;
  const struct ledger_mean *first = &e->of[0].learning.chip;
  const char *unknown = ledger_writing_unknown(a->ledger, first->pulses, first->devices_written);
  char chip[LEDGER_SOURCE_SIZE], digital[DIGITAL_SOURCE_SIZE];
  fprintf(out, "\n");
  for (int k = 0; k < e->n; k++) fprintf(out, "%-*s  %s\n", NAME_WIDTH, e->of[k].name, e->of[k].about);
  const bool known = ledger_knows_energy(a->ledger, first->exceeds) || ledger_knows_time(a->ledger, first->exceeds);
  fprintf(out, "reading: %s(%s)\n", known ? "at most so much " : "", ledger_source(a->ledger, first->exceeds, chip));
  if (unknown) fprintf(out, "writing: cost unknown (%s)\n", unknown);
  fprintf(out, "digital: what the read-out takes beside the chip (%s)\n", digital_source(a->digital, digital));
  for (int k = 0; k < e->n; k++)
    if (e->of[k].learning.uncounted)
      fprintf(out, "%s: %s is not counted\n", e->of[k].name, e->of[k].learning.uncounted);
  fprintf(out, "not included in any: what the layers before the read-out take beside the cores, exponentials, time of "
               "writing and of arithmetic\n");
}

void alternatives_print(const struct alternatives *a, FILE *out) {
  const struct experiment_alternatives *e = &a->e;
  fprintf(out, "%d %.*s on %d chip%s, after %d update%s; difference from %s, %.*s by %.*s\n", e->n_items,
          text_named(e->n_items, e->items), e->items, e->n_chips, text_s(e->n_chips), e->n_updates,
          text_s(e->n_updates), e->of[0].name, text_named(1, e->items), e->items, text_named(1, e->items), e->items);
  for (int time = 0; time <= e->n_later; time++) print_scores(a, time, out);
  print_costs(a, out);
  print_sources(a, out);
}

// ---- files

int alternatives_save(const struct alternatives *a, const char *path) {
  const struct experiment_alternatives *e = &a->e;
  struct file_out o;
  TRY(file_out_open(&o, path));
  fprintf(o.stream, "%.*s,chip_number", (int)strlen(e->items) - 1, e->items);
  for (int k = 0; k < e->n; k++)
    for (int time = 0; time <= e->n_later; time++) {
      fprintf(o.stream, ",%s", e->of[k].name);
      if (time > 0) fprintf(o.stream, "_%.10g_s", e->later_s[time - 1]);
    }
  fputc('\n', o.stream);
  for (int i = 0; i < e->n_items; i++) {
    fprintf(o.stream, "%d,%d", i + 1, i % e->n_chips + 1);
    for (int k = 0; k < e->n; k++)
      for (int time = 0; time <= e->n_later; time++)
        numbers_cells(o.stream, &experiment_alternative_scores(e, k, time)[i], 1);
    fputc('\n', o.stream);
  }
  return file_out_commit(&o);
}

static void put_number(struct json_t *o, const char *name, double v) {
  if (!isnan(v)) json_put_f64(o, name, v);
}

static struct json_t *cost_json(const struct alternatives_cost *c, const struct experiment_work *w) {
  struct json_t *o = json_object_new();
  put_number(o, "read_energy_J", c->chip_J);
  put_number(o, "write_energy_J", c->write_J);
  put_number(o, "digital_energy_J", c->digital_J);
  put_number(o, "read_time_s", c->chip_s);
  if (w->uncounted) json_put_text(o, "uncounted", w->uncounted);
  else json_put(o, "digital", digital_json(&w->digital));
  return o;
}

static struct json_t *row_json(const struct alternatives *a, int k) {
  enum { MOST = 1 + FLEET_MAX_LATER };
  const struct experiment_alternatives *e = &a->e;
  const struct alternatives_row *r = &a->row[k];
  const size_t n = (size_t)e->n_later + 1;
  double mean[MOST], ci95[MOST], difference[MOST], difference_ci95[MOST], p[MOST];
  struct json_t *o = json_object_new();
  for (size_t i = 0; i < n; i++) {
    mean[i] = r->score[i].mean;
    ci95[i] = r->score[i].ci95;
    difference[i] = r->from_first[i].mean;
    difference_ci95[i] = r->from_first[i].ci95;
    p[i] = r->from_first[i].p;
  }
  json_put_text(o, "name", e->of[k].name);
  json_put_text(o, "about", e->of[k].about);
  json_put_f64s(o, e->score, mean, n);
  json_put_known_f64s(o, "ci95", ci95, n);
  if (k > 0) {
    json_put_f64s(o, "difference", difference, n);
    json_put_known_f64s(o, "difference_ci95", difference_ci95, n);
    json_put_f64s(o, "p", p, n);
  }
  json_put_f64(o, "devices_written", e->of[k].learning.chip.devices_written);
  json_put(o, "learning", cost_json(&r->learning, &e->of[k].learning));
  json_put(o, e->query, cost_json(&r->query, &e->of[k].query));
  return o;
}

struct json_t *alternatives_json(const struct alternatives *a) {
  const struct experiment_alternatives *e = &a->e;
  struct json_t *o = json_object_new(), *list = json_array_new();
  char digital[DIGITAL_SOURCE_SIZE];
  for (int k = 0; k < e->n; k++) json_put(list, NULL, row_json(a, k));
  json_put_i64(o, e->items, e->n_items);
  json_put_i64(o, "updates", e->n_updates);
  json_put_i64(o, "chips", e->n_chips);
  json_put_f64s(o, "later_s", e->later_s, (size_t)e->n_later);
  ledger_put_source(o, a->ledger, e->of[0].learning.chip.exceeds);
  json_put_text(o, "digital_source", digital_source(a->digital, digital));
  json_put(o, "alternatives", list);
  return o;
}
