// What an evaluation found, as JSON and as text.
#include <math.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/stat.h"
#include "base/text.h"
#include "experiment/fewshot/result.h"

void fewshot_result_release(struct fewshot_result *r) {
  free(r->task_accuracy);
  free(r->expected);
  free(r->chip_accuracy);
  free(r->task_later);
  free(r->task_beside);
  r->task_accuracy = r->expected = r->chip_accuracy = r->task_later = NULL;
  r->task_beside = NULL;
}

static struct json_t *later_parts_json(const struct fewshot_result *r, const struct ledger_params *p) {
  struct json_t *o = json_object_new();
  json_put(o, "chip", ledger_mean_json(&r->later_chip, p));
  json_put(o, "readout", ledger_mean_json(&r->later_readout, p));
  json_put(o, "inference", ledger_mean_json(&r->later_inference, p));
  return o;
}

static struct json_t *parts_json(const struct fewshot_result *r, const struct ledger_params *p) {
  struct json_t *o = json_object_new();
  ledger_put_source(o, p, r->task.exceeds);
  json_put(o, "deployment", ledger_mean_json(&r->deployment, p));
  json_put(o, "per_task", ledger_mean_json(&r->task, p));
  if (r->n_base > 0) json_put(o, "base", ledger_mean_json(&r->base, p));
  json_put(o, "support", ledger_mean_json(&r->support, p));
  if (r->devices_written_start > 0) json_put(o, "start", ledger_mean_json(&r->start, p));
  struct json_t *updates = json_add_array(o, "per_update");
  for (int s = 0; s < r->n_updates; s++) json_put(updates, NULL, ledger_mean_json(&r->update[s], p));
  json_put(o, "inference", ledger_mean_json(&r->inference, p));
  if (r->n_later > 0) json_put(o, "later", later_parts_json(r, p));
  return o;
}

static struct json_t *later_json(const struct fewshot_result *r) {
  struct json_t *list = json_array_new();
  for (int k = 0; k < r->n_later; k++) {
    struct json_t *o = json_add_object(list, NULL);
    json_put_f64(o, "seconds", r->later_s[k]);
    json_put_f64(o, "accuracy", r->later_accuracy[k]);
    json_put_known(o, "ci95", r->later_ci95[k]);
  }
  return list;
}

// What was evaluated on.
static struct json_t *data_json(const struct fewshot_result *r, const struct dataset_params *p) {
  struct json_t *o = json_object_new();
  json_put_text(o, "kind", dataset_kind_name(p->kind));
  if (p->kind != DATASET_BUILTIN) json_put_text(o, "path", p->path);
  json_put_i64(o, "classes", r->n_classes);
  if (p->test_images > 0) json_put_i64(o, "test_images", p->test_images);
  json_put_i64(o, "seed", p->seed);
  json_put_text(o, "fingerprint", r->data);
  return o;
}

static struct json_t *tasks_json(const struct fewshot_result *r) {
  struct json_t *list = json_array_new();
  const size_t columns = (size_t)r->n_updates + 1;
  for (size_t k = 0; k < (size_t)r->n_tasks; k++) json_put_f64s(list, NULL, r->task_accuracy + k*columns, columns);
  return list;
}

// For each update an object: devices written in each layer that adapts.
static struct json_t *layers_json(const struct fewshot_result *r, const struct convnet *net) {
  struct json_t *list = json_array_new();
  for (int s = 0; s < r->n_updates; s++) {
    struct json_t *o = json_add_object(list, NULL);
    for (int l = net->adapting; l <= net->readout; l++) {
      char name[32];
      convnet_layer_name(name, net, l);
      json_put_f64(o, name, r->devices_written_layers[s][l]);
    }
  }
  return list;
}

// Where the classes of a task come from.
static const char *tasks_from(const struct fewshot *f) {
  return f->eval.tasks_file[0] ? "file" : dataset_task_names[f->data.tasks];
}

static const char *queries_per_class(const struct fewshot *f) {
  return f->eval.tasks_file[0] ? "equal" : f->eval.queries_per_class;
}

struct json_t *fewshot_result_json(const struct fewshot_result *r, const struct fewshot *f,
                                   const struct fewshot_model *m) {
  struct json_t *o = json_object_new();
  const size_t n = (size_t)r->n_updates + 1;
  json_put_text(o, "version", METAXBAR_VERSION);
  json_put_text(o, "model", m->path);
  json_put(o, "data", data_json(r, &f->data));
  json_put_text(o, "preprocessing", f->data.preprocessing == IMAGESET_PUBLISHED ? "published" : "area");
  json_put_i64(o, "tasks", r->n_tasks);
  json_put_i64(o, "ways", r->ways);
  json_put_i64(o, "shots", r->shots);
  if (r->queries > 0) json_put_i64(o, "queries", r->queries);
  else json_put_known(o, "queries", INFINITY);
  json_put_text(o, "queries_per_class", queries_per_class(f));
  json_put_i64(o, "queries_total", r->n_queries);
  if (f->eval.views > 1) json_put_i64(o, "views", f->eval.views);
  if (dataset_protocol(&f->data)) json_put_text(o, "protocol", dataset_protocol(&f->data));
  json_put_text(o, "tasks_from", tasks_from(f));
  json_put_text(o, "split", dataset_split_name(fewshot_eval_split(f)));
  json_put_text(o, "method", fewshot_method_names[f->eval.method]);
  if (f->net.adapt != CONVNET_READOUT) json_put_text(o, "adapt", convnet_adapt_names[f->net.adapt]);
  json_put_text(o, "batchnorm", convnet_rule_names[f->eval.batchnorm]);
  json_put_bool(o, "balanced_queries", f->eval.batchnorm == CONVNET_TASK);  // needed: the rule normalises them together
  json_put_text(o, "synapse", run_synapse_names[f->synapse.kind]);
  if (f->synapse.kind == RUN_QUANTISED) json_put_i64(o, "bits", f->synapse.bits);
  if (r->n_stages > 0) incremental_put(o, r, f);
  json_put_f64s(o, "accuracy", r->accuracy, n);
  json_put_known_f64s(o, "ci95", r->ci95, n);
  if (f->eval.per_task) json_put(o, "task_accuracy", tasks_json(r));
  if (r->n_stages == 0) json_put_f64s(o, "loss", r->loss, n);
  json_put_i64(o, "devices_total", r->devices.all);
  if (f->synapse.kind == RUN_CHIP) deploy_devices_put(o, &r->devices);
  if (m->net.start == CONVNET_PROTOTYPE) json_put_f64(o, "devices_written_start", r->devices_written_start);
  json_put_f64s(o, "devices_written", r->devices_written, n - 1);
  if (f->synapse.kind == RUN_CHIP) {
    json_put_f64s(o, "devices_addressed", r->devices_addressed, n - 1);
    if (m->net.adapting < m->net.readout) json_put(o, "devices_written_layers", layers_json(r, &m->net));
    json_put_f64s(o, "chips", r->chip_accuracy, (size_t)r->n_chips);
    json_put_f64(o, "chips_std", r->chip_std);
    json_put(o, "later", later_json(r));
    json_put(o, "ledger", parts_json(r, &f->ledger));
  }
  json_put_f64(o, "seconds", r->seconds);
  json_put_i64(o, "seed", f->run.seed);
  return o;
}

// ---- text

static void print_tasks(const struct fewshot_result *r, FILE *out) {
  const int columns = r->n_updates + 1;
  int same = 0;
  fprintf(out, "task  accuracy after 0..%d updates%s\n", r->n_updates, r->expected ? "  | expected" : "");
  for (int k = 0; k < r->n_tasks; k++) {
    const double *a = r->task_accuracy + k*columns, *e = r->expected ? r->expected + k*columns : NULL;
    int equal = 1;
    fprintf(out, "%4d ", k + 1);
    for (int s = 0; s < columns; s++) fprintf(out, " %5.3f", a[s]);
    for (int s = 0; e && s < columns; s++) {
      fprintf(out, "%s %5.3f", s ? "" : "  |", e[s]);
      equal = equal && fabs(a[s] - e[s]) < 1e-6;
    }
    fprintf(out, "%s\n", e && !equal ? "  differs" : "");
    same += equal;
  }
  if (!r->expected) return;
  fprintf(out, "%d of %d task%s exactly as expected; expected mean", same, r->n_tasks, text_s(r->n_tasks));
  for (int s = 0; s < columns; s++) {
    double sum = 0;
    for (int k = 0; k < r->n_tasks; k++) sum += r->expected[k*columns + s];
    fprintf(out, " %.2f", 100 * sum / r->n_tasks);
  }
  fprintf(out, " %%\n");
}

// The deployment is a mean over chips, the rest are means over tasks.
static void print_ledger(const struct fewshot_result *r, const struct fewshot *f, FILE *out) {
  const struct ledger_column parts[] = { { 0, "deployment", &r->deployment }, { 0, "task", &r->task },
                                         { '=', "support", &r->support },
                                         { '+', "updates", &r->updates }, { '+', "inference", &r->inference } };
  fprintf(out, "\n");
  deploy_devices_print(&r->devices, out);
  ledger_print_means(parts, sizeof parts / sizeof *parts, &f->ledger, out);
  const bool layers = r->devices.adapting > r->devices.readout;
  if (r->n_later == 0) return;
  const struct ledger_column later[] = { { 0, "chip", &r->later_chip },
                                         { 0, layers ? "layers" : "read-out", &r->later_readout },
                                         { '+', "inference", &r->later_inference } };
  fprintf(out, "\n%d time%s later: the chip recalibrated (once for all tasks); in a task, the %s recalibrated, "
               "then the queries\n", r->n_later, text_s(r->n_later), layers ? "layers that adapt" : "read-out");
  ledger_print_means(later, sizeof later / sizeof *later, &f->ledger, out);
}

// Mean over updates.
static void print_layers(const struct fewshot_result *r, const struct convnet *net, FILE *out) {
  fprintf(out, "devices written by an update:");
  for (int l = net->adapting; l <= net->readout; l++) {
    char name[32];
    double sum = 0;
    convnet_layer_name(name, net, l);
    for (int s = 0; s < r->n_updates; s++) sum += r->devices_written_layers[s][l];
    fprintf(out, "%s %s %.1f", l > net->adapting ? "," : "", name, sum / r->n_updates);
  }
  fprintf(out, "\n");
}

static void print_chips(const struct fewshot_result *r, FILE *out) {
  fprintf(out, "%d chips:", r->n_chips);
  for (int c = 0; c < r->n_chips && c < 16; c++) fprintf(out, " %.2f", 100 * r->chip_accuracy[c]);
  fprintf(out, "%s %%, standard deviation %.2f\n", r->n_chips > 16 ? " ..." : "", 100 * r->chip_std);
}

void fewshot_result_print(const struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m,
                          FILE *out) {
  char ci95[STAT_TEXT];
  const bool chip = f->synapse.kind == RUN_CHIP;
  if (r->n_stages > 0) {
    incremental_print(r, f, out);
    return;
  }
  if (f->eval.tasks_file[0]) print_tasks(r, out);
  static const char *const adapting[] = { "", ", dense layers adapt", ", all layers adapt" };
  fprintf(out, "%d task%s, %d-way %d-shot, %d %s classes%s%s, batch norm '%s'%s\n", r->n_tasks, text_s(r->n_tasks),
          r->ways, r->shots, r->n_classes, dataset_split_name(fewshot_eval_split(f)),
          f->data.preprocessing == IMAGESET_PUBLISHED ? ", published preprocessing" : "", adapting[f->net.adapt],
          convnet_rule_names[f->eval.batchnorm], f->eval.batchnorm == CONVNET_TASK ? " (needs balanced queries)" : "");
  if (dataset_protocol(&f->data)) fprintf(out, "protocol %s, ", dataset_protocol(&f->data));
  fprintf(out, "tasks %s, queries %s (%d in all)", tasks_from(f), queries_per_class(f), r->n_queries);
  if (f->eval.views > 1) fprintf(out, ", %d views of each image", (int)f->eval.views);
  fprintf(out, "\n");
  fprintf(out, "updates  accuracy %%   +- 95%%   query loss%s\n", chip ? "   devices written  addressed" : "");
  for (int s = 0; s <= r->n_updates; s++) {
    fprintf(out, "%7d  %10.2f  %7s   %10.4f", s, 100 * r->accuracy[s], stat_ci95_text(ci95, 100 * r->ci95[s], 2),
            r->loss[s]);
    if (chip && s == 0 && r->devices_written_start > 0) fprintf(out, "   %15.1f", r->devices_written_start);
    if (chip && s > 0) fprintf(out, "   %15.1f  %9.1f", r->devices_written[s - 1], r->devices_addressed[s - 1]);
    fprintf(out, "\n");
  }
  for (int k = 0; k < r->n_later; k++)
    fprintf(out, "%s%12.10g %10.2f  %7s\n", k ? "" : "seconds later\n", r->later_s[k], 100 * r->later_accuracy[k],
            stat_ci95_text(ci95, 100 * r->later_ci95[k], 2));
  if (chip && r->n_updates > 0 && m->net.adapting < m->net.readout) print_layers(r, &m->net, out);
  if (r->n_chips > 1) print_chips(r, out);
  if (chip) print_ledger(r, f, out);
}
