// What an evaluation found, of all its tasks.
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/par_ranks.h"
#include "base/stat.h"
#include "experiment/fewshot/eval_private.h"

enum { STRIDE = sizeof(struct task_record) / sizeof(double) };

// Over tasks, which share the errors of their chip. trials: queries behind an accuracy, 0 for what is none.
static struct stat_interval over_tasks(const struct fewshot_result *r, const double *first, int trials) {
  return stat_grouped(first, r->n_tasks, STRIDE, r->n_chips, trials);
}

void fewshot_summarise_chips(struct fewshot_result *r, const double *accuracy, int stride) {
  struct stat_moments chips = { 0 };
  r->chip_accuracy = err_calloc((size_t)r->n_chips, sizeof(double));
  for (int c = 0; c < r->n_chips; c++) {
    const int n = (r->n_tasks - c + r->n_chips - 1) / r->n_chips;
    r->chip_accuracy[c] = stat_of(accuracy + c*stride, n, stride * r->n_chips).mean;
    stat_add(&chips, r->chip_accuracy[c]);
  }
  r->chip_std = r->n_chips > 1 ? stat_sd(&chips) : 0;
}

int eval_gather_written(struct measuring *m) {
  enum { N = CONVNET_MAX_STEPS*CONVNET_MAX_LAYERS };
  double sum[N] = { 0 };
  for (int k = 0; k < m->n_workers*N; k++) sum[k % N] += (double)m->written[k];
  TRY(par_ranks_add(sum, N));
  for (int k = 0; k < m->n_workers*N; k++) m->written[k] = k < N ? (long)sum[k] : 0;
  return 0;
}

// Devices that update s wrote in each layer; whole numbers, so that the order of tasks cannot be seen.
static void summarise_layers(struct fewshot_result *r, const struct measuring *m, int s) {
  const struct convnet *net = &m->model->net;
  const int layers = convnet_n_adapting(net);
  for (int l = net->adapting; l <= net->readout; l++) {
    long sum = 0;
    for (int k = 0; k < m->n_workers; k++)
      sum += m->written[k*CONVNET_MAX_STEPS*CONVNET_MAX_LAYERS + s*layers + l - net->adapting];
    r->devices_written_layers[s][l] = layers > 1 ? (double)sum / r->n_tasks : r->devices_written[s];
  }
}

void eval_summarise(struct fewshot_result *r, const struct measuring *m, const struct task_record *records) {
  const int columns = m->n_updates + 1, queries = r->n_queries;
  for (int s = 0; s < columns; s++) {
    const struct stat_interval accuracy = over_tasks(r, &records[0].accuracy[s], queries);
    r->accuracy[s] = accuracy.mean;
    r->ci95[s] = accuracy.ci95;
    r->loss[s] = over_tasks(r, &records[0].loss[s], 0).mean;
    if (s < m->n_updates) r->devices_written[s] = over_tasks(r, &records[0].written[s], 0).mean;
    if (s < m->n_updates) summarise_layers(r, m, s);
    for (int k = 0; k < r->n_tasks; k++) r->task_accuracy[k*columns + s] = records[k].accuracy[s];
  }
  r->devices_written_start = over_tasks(r, &records[0].written_start, 0).mean;
  for (int k = 0; k < m->n_later; k++) {
    const struct stat_interval later = over_tasks(r, &records[0].later[k], queries);
    r->later_accuracy[k] = later.mean;
    r->later_ci95[k] = later.ci95;
    for (int i = 0; i < r->n_tasks; i++) r->task_later[i*m->n_later + k] = records[i].later[k];
  }
  if (m->beside) r->task_beside = err_calloc((size_t)(r->n_tasks * (1 + m->n_later)), sizeof *r->task_beside);
  for (int i = 0; m->beside && i < r->n_tasks; i++)
    memcpy(r->task_beside[i * (1 + m->n_later)], records[i].beside, (size_t)(1 + m->n_later) * sizeof *r->task_beside);
  fewshot_summarise_chips(r, &records[0].accuracy[r->n_updates], STRIDE);
}

// A device is written at most once in an update, and its life began with the deployment.
void eval_summarise_ledger(struct fewshot_result *r, const struct measuring *m) {
  const struct ledger_params *p = &m->f->ledger;
  const double devices = (double)r->devices.all / (double)convnet_weights(&m->model->net);  // of a weight
  const int n_parts = PART_UPDATE + m->n_updates;
  struct ledger *sum = err_calloc((size_t)n_parts + 3, sizeof *sum), *updates = &sum[n_parts],
                *task = &sum[n_parts + 1], *inference = &sum[n_parts + 2];
  for (int i = 0; i < n_parts; i++) fleet_part(&sum[i], m->fleet, i);
  ledger_add(updates, &sum[PART_START]);
  r->start = ledger_mean(&sum[PART_START], r->n_tasks, p);
  for (int s = 0; s < m->n_updates; s++) {
    struct ledger *update = &sum[PART_UPDATE + s];
    ledger_add(updates, update);
    update->most_writes = update->most_writes > 0;
    r->update[s] = ledger_mean(update, r->n_tasks, p);
    r->devices_addressed[s] = r->update[s].weights_written * devices;
  }
  if (updates->most_writes > 0) updates->most_writes -= sum[PART_DEPLOYMENT].most_writes;
  ledger_add(inference, &sum[PART_QUERIES]);
  ledger_add(inference, &sum[PART_CLASSIFY]);
  ledger_add(task, &sum[PART_SUPPORT]);
  ledger_add(task, updates);
  ledger_add(task, inference);
  r->deployment = ledger_mean(&sum[PART_DEPLOYMENT], r->n_chips, p);
  r->task = ledger_mean(task, r->n_tasks, p);
  r->support = ledger_mean(&sum[PART_SUPPORT], r->n_tasks, p);
  r->updates = ledger_mean(updates, r->n_tasks, p);
  r->inference = ledger_mean(inference, r->n_tasks, p);
  r->query_features = ledger_mean(&sum[PART_QUERIES], r->n_tasks, p);
  r->classify = ledger_mean(&sum[PART_CLASSIFY], r->n_tasks, p);
  r->later_chip = ledger_mean(&sum[PART_LATER_CHIP], r->n_chips, p);
  r->later_readout = ledger_mean(&sum[PART_LATER_READOUT], r->n_tasks, p);
  r->later_inference = ledger_mean(&sum[PART_LATER_INFERENCE], r->n_tasks, p);
  free(sum);
}
