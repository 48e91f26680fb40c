#include "lab/tradeoff.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/numbers.h"
#include "base/pool.h"
#include "base/progress.h"

const struct param tradeoff_param_table[] = {
  PARAM_TEXT(struct tradeoff_params, thresholds, "0.02,0.05,0.1,0.2,0.4", "values of chip.update_threshold to try"),
  PARAM_TEXT(struct tradeoff_params, levels, "2,4,8,16,32", "values of chip.update_levels to try, rounding stochastically and to nearest"),
  { 0 },
};

const char *tradeoff_policy(const struct tradeoff_row *row) {
  static const char *const names[] = { "all", "threshold", "stochastic", "nearest" };
  return names[row->update];
}

// The rows to fill: every policy with every value.
static int plan(struct tradeoff *t, const struct tradeoff_params *p) {
  double thresholds[TRADEOFF_LIST], levels[TRADEOFF_LIST];
  const int n_thresholds = numbers_parse(thresholds, TRADEOFF_LIST, p->thresholds, 0, 10, "tradeoff.thresholds");
  if (n_thresholds < 0) return n_thresholds;
  const int n_levels = numbers_parse(levels, TRADEOFF_LIST, p->levels, 1, 1 << 20, "tradeoff.levels");
  if (n_levels < 0) return n_levels;
  for (int k = 0; k < n_levels; k++)
    if (levels[k] != floor(levels[k])) return err_set(ERR_SETTING, "tradeoff.levels=%s: %g is not a whole number", p->levels, levels[k]);
  *t = (struct tradeoff){ .n = 1, .row = { { .update = CHIP_ALL } } };
  for (int k = 0; k < n_thresholds; k++) t->row[t->n++] = (struct tradeoff_row){ .update = CHIP_THRESHOLD, .value = thresholds[k] };
  for (int u = CHIP_STOCHASTIC; u <= CHIP_NEAREST; u++)
    for (int k = 0; k < n_levels; k++) t->row[t->n++] = (struct tradeoff_row){ .update = (enum chip_update)u, .value = levels[k] };
  return 0;
}

// Mean of all - r over the tasks, and its 95 % interval.
static void compare(struct tradeoff_row *row, const struct fewshot_result *all, const struct fewshot_result *r) {
  const int n = r->n_tasks, columns = r->n_updates + 1;
  double sum = 0, square = 0;
  for (int k = 0; k < n; k++) {
    const double d = all->task_accuracy[k*columns + columns - 1] - r->task_accuracy[k*columns + columns - 1];
    sum += d;
    square += d*d;
  }
  row->below = sum / n;
  row->below_ci95 = n > 1 ? 1.96 * sqrt(fmax(square/n - sum/n * (sum/n), 0) / (n - 1)) : 0;
}

static void fill(struct tradeoff_row *row, const struct fewshot_result *r) {
  row->accuracy = r->accuracy[r->n_updates];
  row->ci95 = r->ci95[r->n_updates];
  row->written = r->task.devices_written;
  for (int s = 0; s < r->n_updates; s++) row->addressed += r->devices_addressed[s];
}

// Row k; the result of the first one is kept in *all.
static int run_row(struct tradeoff *t, int k, struct fewshot_result *all, struct fewshot *f, const struct fewshot_model *m,
                   const struct dataset *data, struct pool *pool) {
  struct tradeoff_row *row = &t->row[k];
  struct fewshot_result r;
  f->chip.update = row->update;
  if (row->update == CHIP_THRESHOLD) f->chip.update_threshold = row->value;
  else if (row->update != CHIP_ALL) f->chip.update_levels = (int64_t)row->value;
  TRY(fewshot_measure(&r, f, m, data, f->eval.split ? DATASET_VALIDATION : DATASET_EVALUATION, pool));
  fill(row, &r);
  row->share = t->row[0].written > 0 ? row->written / t->row[0].written : 1;
  compare(row, k ? all : &r, &r);
  if (k == 0) *all = r;
  else fewshot_result_release(&r);
  return 0;
}

int tradeoff_run(struct tradeoff *t, const struct tradeoff_params *p, const struct fewshot *f, const struct fewshot_model *m) {
  struct fewshot_result all = { 0 };
  struct fewshot policy = *f;
  struct dataset data;
  struct progress bar;
  policy.synapse.kind = FEWSHOT_CHIP;
  if (f->eval.method) return err_set(ERR_SETTING, "eval.method: only eval.method=adapt writes devices");
  if (f->eval.tasks_file[0]) return err_set(ERR_SETTING, "eval.tasks_file=%s: policies are compared on random tasks", f->eval.tasks_file);
  TRY(plan(t, p));
  TRY(fewshot_load(&data, &policy));
  struct pool *pool = pool_new(f->run.threads ? (int)f->run.threads : pool_cores());
  progress_start(&bar, "tradeoff", t->n, 0);
  int rc = 0;
  for (int k = 0; k < t->n && rc == 0; k++) {
    rc = run_row(t, k, &all, &policy, m, &data, pool);
    if (rc == 0) progress_update(&bar, k + 1, "%s %g", tradeoff_policy(&t->row[k]), t->row[k].value);
  }
  progress_finish(&bar);
  t->n_tasks = all.n_tasks;
  t->n_updates = all.n_updates;
  t->n_chips = all.n_chips;
  fewshot_result_release(&all);
  pool_free(pool);
  dataset_release(&data);
  return rc;
}

int tradeoff_save(const struct tradeoff *t, const char *path) {
  struct file_out o;
  TRY(file_out_open(&o, path));
  fprintf(o.stream, "policy,value,accuracy,ci95,below_all,below_all_ci95,devices_written,devices_addressed,share\n");
  for (int k = 0; k < t->n; k++) {
    const struct tradeoff_row *r = &t->row[k];
    fprintf(o.stream, "%s,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g\n", tradeoff_policy(r), r->value, r->accuracy, r->ci95, r->below,
            r->below_ci95, r->written, r->addressed, r->share);
  }
  return file_out_commit(&o);
}

struct json_t *tradeoff_json(const struct tradeoff *t) {
  struct json_t *o = json_object_new(), *list = json_array_new();
  for (int k = 0; k < t->n; k++) {
    const struct tradeoff_row *r = &t->row[k];
    struct json_t *row = json_object_new();
    json_put_text(row, "policy", tradeoff_policy(r));
    json_put_f64(row, "value", r->value);
    json_put_f64(row, "accuracy", r->accuracy);
    json_put_f64(row, "ci95", r->ci95);
    json_put_f64(row, "below_all", r->below);
    json_put_f64(row, "below_all_ci95", r->below_ci95);
    json_put_f64(row, "devices_written", r->written);
    json_put_f64(row, "devices_addressed", r->addressed);
    json_put_f64(row, "share", r->share);
    json_put(list, NULL, row);
  }
  json_put_i64(o, "tasks", t->n_tasks);
  json_put_i64(o, "updates", t->n_updates);
  json_put_i64(o, "chips", t->n_chips);
  json_put(o, "policies", list);
  return o;
}
