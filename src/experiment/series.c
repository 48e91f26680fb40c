#include "experiment/series.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/par.h"
#include "base/text.h"
#include "run/evaluation.h"

enum { DEPLOYMENT, ITEM, PARTS };  // of the account of a chip

struct measuring {
  const struct series_job *job;
  struct fleet *fleet;
};

static int deploy(void *context, int number, struct chip **chip) {
  const struct measuring *m = context;
  return m->job->deploy(m->job->context, number, chip);
}

static int begin(void *context) {
  struct measuring *m = context;
  if (!m->fleet) return 0;
  m->job->use_chip(m->job->context, m->fleet);
  ledger_add(&m->fleet->place[0].part[DEPLOYMENT], chip_ledger(m->fleet->chip));
  return 0;
}

static int item(void *context, int number, int worker, void *record) {
  struct measuring *m = context;
  if (m->fleet) fleet_restore(m->fleet, worker);
  const int rc = m->job->item(m->job->context, m->fleet, number, worker, record);
  if (m->fleet) fleet_account(m->fleet, worker, ITEM);
  return rc;
}

static void account(struct series *s, const struct fleet *fleet) {
  struct ledger sum[PARTS];
  for (int k = 0; k < PARTS; k++) fleet_part(&sum[k], fleet, k);
  s->deployment = ledger_mean(&sum[DEPLOYMENT], s->n_chips, &s->costs);
  s->item = ledger_mean(&sum[ITEM], s->n_items, &s->costs);
  s->devices_addressed = s->item.weights_written*s->deployment.devices_written/(double)s->job.n_weights;
}

int series_check(const struct run_settings *settings, int64_t n_chips, const char *items) {
  TRY(run_synapse_check(settings->synapse, settings->chip, n_chips, false));
  if (n_chips <= *settings->items) return 0;
  return err_set(ERR_SETTING, "eval.chips=%d: more chips than %s, %d", (int)n_chips, items, (int)*settings->items);
}

int series_measure(struct series *s, const struct series_job *job) {
  const struct run_synapse_params *synapse = job->settings->synapse;
  *s = (struct series){ .job = *job, .synapse = (int)synapse->kind, .seed = job->settings->run->seed,
                        .n_items = (int)*job->settings->items, .n_chips = (int)job->n_chips,
                        .stride = (int)(job->record_bytes/sizeof(double)), .costs = *job->settings->ledger };
  TRY(series_check(job->settings, job->n_chips, job->items));
  struct measuring m = { .job = job };
  struct fleet fleet = { .n_chips = s->n_chips, .n_workers = par_threads(job->par), .n_parts = PARTS,
                         .state = synapse->state, .deploy = deploy, .context = &m };
  if (synapse->kind == RUN_CHIP) fleet_init(m.fleet = &fleet);
  s->records = err_calloc((size_t)s->n_items, job->record_bytes);
  const struct evaluation all = { .par = job->par, .fleet = m.fleet, .n_items = s->n_items,
                                  .record_bytes = job->record_bytes, .context = &m, .begin = begin, .item = item };
  const int rc = evaluation_run(&all, s->records, &s->seconds);
  if (rc == 0 && m.fleet) account(s, m.fleet);
  if (m.fleet) fleet_release(m.fleet);
  if (rc < 0) series_release(s);
  return rc;
}

void series_release(void *result) { free(((struct series *)result)->records); }

struct stat_interval series_score(const struct series *s, int updates) {
  return stat_grouped(&s->records[updates], s->n_items, s->stride, s->n_chips, 0);
}

// ---- what was found

void series_print(const void *result, const void *set, const void *model, FILE *out) {
  const struct series *s = result;
  char ci95[STAT_TEXT];
  (void)set, (void)model;
  fprintf(out, "%d %.*s, %s\n", s->n_items, text_named(s->n_items, s->job.items), s->job.items,
          run_synapse_names[s->synapse]);
  fprintf(out, "updates  %18s   +- 95%%\n", s->job.name);
  for (int k = 0; k <= s->job.n_updates; k++) {
    const struct stat_interval score = series_score(s, k);
    fprintf(out, "%7d  %18.4f  %7s\n", k, score.mean, stat_ci95_text(ci95, score.ci95, 4));
  }
  const struct ledger_column parts[] = { { 0, "deployment", &s->deployment }, { 0, "item", &s->item } };
  if (s->synapse == RUN_CHIP) ledger_print_means(parts, 2, &s->costs, out);
}

struct json_t *series_json(const void *result, const void *set, const void *model) {
  const struct series *s = result;
  struct json_t *o = json_object_new(), *mean = json_array_new(), *ci95 = json_array_new();
  (void)set, (void)model;
  for (int k = 0; k <= s->job.n_updates; k++) {
    json_put_f64(mean, NULL, series_score(s, k).mean);
    json_put_known(ci95, NULL, series_score(s, k).ci95);
  }
  json_put_i64(o, s->job.items, s->n_items);
  json_put_text(o, "synapse", run_synapse_names[s->synapse]);
  json_put(o, s->job.column, mean);
  json_put(o, "ci95", ci95);
  json_put_i64(o, "seed", s->seed);
  if (s->synapse != RUN_CHIP) return o;
  json_put_i64(o, "chips", s->n_chips);
  json_put(o, "deployment", ledger_mean_json(&s->deployment, &s->costs));
  json_put(o, "item", ledger_mean_json(&s->item, &s->costs));
  return o;
}

void series_headline(struct experiment_headline *h, const void *result) {
  const struct series *s = result;
  const struct stat_interval after = series_score(s, s->job.n_updates);
  *h = (struct experiment_headline){ .name = s->job.name, .unit = s->job.unit, .value = after.mean, .ci95 = after.ci95,
                                     .before = series_score(s, 0).mean, .higher_is_better = s->job.higher_is_better };
}

void series_scores(struct experiment_scores *scores, const void *result) {
  const struct series *s = result;
  *scores = (struct experiment_scores){
    .n = s->n_items, .n_chips = s->n_chips, .stride = s->stride,
    .first = &s->records[s->job.n_updates], .n_updates = s->job.n_updates, .seconds = s->seconds,
    .devices_written = s->item.devices_written, .devices_addressed = s->devices_addressed };
}
