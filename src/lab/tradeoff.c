#include "lab/tradeoff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/note.h"
#include "base/numbers.h"
#include "base/progress.h"
#include "base/stat.h"
#include "experiment/experiment.h"

const struct param tradeoff_param_table[] = {
  PARAM_TEXT(struct tradeoff_params, thresholds, "0.02,0.05,0.1,0.2,0.4", "values of chip.update_threshold to try"),
  PARAM_TEXT(struct tradeoff_params, levels, "2,4,8,16,32",
             "values of chip.update_levels to try, with stochastic and with nearest rounding"),
  { 0 },
};

const char *tradeoff_policy(const struct tradeoff_row *row) { return chip_update_names[row->update]; }

const char *tradeoff_worse(const struct tradeoff *t) { return t->higher_is_better ? "below" : "above"; }

// The rows to fill: every policy with every value.
static int plan(struct tradeoff *t, const struct tradeoff_params *p) {
  double thresholds[TRADEOFF_LIST], levels[TRADEOFF_LIST];
  const int n_thresholds = numbers_parse(thresholds, TRADEOFF_LIST, p->thresholds, 0, 10, "tradeoff.thresholds");
  if (n_thresholds < 0) return n_thresholds;
  const int n_levels = numbers_parse(levels, TRADEOFF_LIST, p->levels, 1, 1 << 20, "tradeoff.levels");
  if (n_levels < 0) return n_levels;
  for (int k = 0; k < n_levels; k++)
    if (levels[k] != floor(levels[k]))
      return err_set(ERR_SETTING, "tradeoff.levels=%s: %g is not a whole number", p->levels, levels[k]);
  *t = (struct tradeoff){ .n = 1, .row = { { .update = CHIP_ALL } } };
  for (int k = 0; k < n_thresholds; k++)
    t->row[t->n++] = (struct tradeoff_row){ .update = CHIP_THRESHOLD, .value = thresholds[k] };
  for (int u = CHIP_STOCHASTIC; u <= CHIP_NEAREST; u++)
    for (int k = 0; k < n_levels; k++)
      t->row[t->n++] = (struct tradeoff_row){ .update = (enum chip_update)u, .value = levels[k] };
  return 0;
}

static void fill(struct tradeoff_row *row, const struct experiment_scores *all, const struct experiment_scores *s,
                 double written, bool higher_is_better) {
  const struct stat_interval mean = stat_grouped(s->first, s->n, s->stride, s->n_chips, s->trials);
  const double *better = higher_is_better ? all->first : s->first, *other = higher_is_better ? s->first : all->first;
  row->score = mean.mean;
  row->ci95 = mean.ci95;
  row->written = s->devices_written;
  row->addressed = s->devices_addressed;
  row->share = written > 0 ? row->written / written : 1;
  if (s == all) return;
  const struct stat_difference d = stat_paired(better, other, s->n, s->stride, s->n_chips, s->trials);
  row->worse = d.mean;
  row->worse_ci95 = d.ci95;
}

// Row k; the result of the first one is kept in *all.
static int run_row(struct tradeoff *t, int k, void **all, struct experiment_case *x) {
  struct tradeoff_row *row = &t->row[k];
  struct chip_params *chip = x->settings.chip;
  struct experiment_scores first, s;
  void *result;
  chip->update = row->update;
  if (row->update == CHIP_THRESHOLD) chip->update_threshold = row->value;
  else if (row->update != CHIP_ALL) chip->update_levels = (int64_t)row->value;
  TRY(experiment_eval(&result, x));
  if (k == 0) *all = result;
  x->e->scores(&first, *all);
  x->e->scores(&s, result);
  fill(row, &first, k ? &s : &first, k ? t->row[0].written : first.devices_written, x->e->higher_is_better);
  if (k > 0) experiment_result_free(x, result);
  if (k > 0 || first.devices_written > 0) return 0;
  return err_set(ERR_SETTING, "tradeoff: with these settings no device is written in learning");
}

// A policy that the settings do not allow.
static int leave_out(const struct tradeoff_row *row, const struct tradeoff_row *before) {
  if (row->update != before->update) note("tradeoff: %s left out: %s", tradeoff_policy(row), err_message());
  return 0;
}

static void describe(struct tradeoff *t, const struct experiment_case *x, const void *all) {
  struct experiment_scores s;
  x->e->scores(&s, all);
  t->items = x->e->items;
  t->score = x->e->score;
  t->higher_is_better = x->e->higher_is_better;
  t->proportion = s.trials > 0;
  t->n_items = s.n;
  t->n_updates = s.n_updates;
  t->n_chips = s.n_chips;
}

int tradeoff_run(struct tradeoff *t, const struct tradeoff_params *p, struct experiment_case *x) {
  const struct chip_params chip = *x->settings.chip;
  struct progress bar;
  void *all = NULL;
  if (!x->e->chip_plan) return err_set(ERR_SETTING, "tradeoff: %s does not run on a chip", x->e->name);
  TRY(plan(t, p));
  const int64_t kind = x->settings.synapse->kind;
  x->settings.synapse->kind = RUN_CHIP;
  progress_start(&bar, "tradeoff", t->n, 0);
  const int planned = t->n;
  int rc = 0;
  t->n = 0;
  for (int k = 0; k < planned && rc == 0; k++) {
    t->row[t->n] = t->row[k];
    rc = run_row(t, t->n, &all, x);
    if (rc == 0) progress_update(&bar, k + 1, "%s %g", tradeoff_policy(&t->row[k]), t->row[k].value);
    if (rc == 0) t->n++;
    else if (rc == ERR_SETTING && k > 0) rc = leave_out(&t->row[k], &t->row[k - 1]);
  }
  progress_finish(&bar);
  if (rc == 0) describe(t, x, all);
  if (all) experiment_result_free(x, all);
  *x->settings.chip = chip;
  x->settings.synapse->kind = kind;
  return rc;
}

int tradeoff_save(const struct tradeoff *t, const char *path) {
  struct file_out o;
  TRY(file_out_open(&o, path));
  fprintf(o.stream, "policy,value,%s,ci95,%s_all,%s_all_ci95,devices_written,devices_addressed,share\n", t->score,
          tradeoff_worse(t), tradeoff_worse(t));
  for (int k = 0; k < t->n; k++) {
    const struct tradeoff_row *r = &t->row[k];
    const double v[] = { r->value, r->score, r->ci95, r->worse, r->worse_ci95, r->written, r->addressed, r->share };
    fputs(tradeoff_policy(r), o.stream);
    numbers_cells(o.stream, v, sizeof v / sizeof *v);
    fputc('\n', o.stream);
  }
  return file_out_commit(&o);
}

struct json_t *tradeoff_json(const struct tradeoff *t) {
  struct json_t *o = json_object_new();
  char worse[32], ci95[32];
  snprintf(worse, sizeof worse, "%s_all", tradeoff_worse(t));
  snprintf(ci95, sizeof ci95, "%s_all_ci95", tradeoff_worse(t));
  json_put_i64(o, t->items, t->n_items);
  json_put_i64(o, "updates", t->n_updates);
  json_put_i64(o, "chips", t->n_chips);
  struct json_t *list = json_add_array(o, "policies");
  for (int k = 0; k < t->n; k++) {
    struct json_t *row = json_add_object(list, NULL);
    const struct tradeoff_row *r = &t->row[k];
    json_put_text(row, "policy", tradeoff_policy(r));
    json_put_f64(row, "value", r->value);
    json_put_f64(row, t->score, r->score);
    json_put_known(row, "ci95", r->ci95);
    json_put_f64(row, worse, r->worse);
    json_put_known(row, ci95, r->worse_ci95);
    json_put_f64(row, "devices_written", r->written);
    json_put_f64(row, "devices_addressed", r->addressed);
    json_put_f64(row, "share", r->share);
  }
  return o;
}
