// What an evaluation found, as JSON.
#include <stdlib.h>

#include "base/json.h"
#include "experiment/fewshot/fewshot.h"

void fewshot_result_release(struct fewshot_result *r) {
  free(r->task_accuracy);
  free(r->expected);
  free(r->chip_accuracy);
  r->task_accuracy = r->expected = r->chip_accuracy = NULL;
}

static struct json_t *later_parts_json(const struct fewshot_result *r, const struct ledger_params *p) {
  struct json_t *o = json_object_new();
  json_put(o, "chip", ledger_mean_json(&r->later_chip, p));
  json_put(o, "readout", ledger_mean_json(&r->later_readout, p));
  json_put(o, "inference", ledger_mean_json(&r->later_inference, p));
  return o;
}

static struct json_t *parts_json(const struct fewshot_result *r, const struct ledger_params *p) {
  struct json_t *o = json_object_new(), *updates = json_array_new();
  for (int s = 0; s < r->n_updates; s++) json_put(updates, NULL, ledger_mean_json(&r->update[s], p));
  ledger_put_source(o, p);
  json_put(o, "deployment", ledger_mean_json(&r->deployment, p));
  json_put(o, "per_task", ledger_mean_json(&r->task, p));
  json_put(o, "support", ledger_mean_json(&r->support, p));
  json_put(o, "per_update", updates);
  json_put(o, "inference", ledger_mean_json(&r->inference, p));
  if (r->n_later > 0) json_put(o, "later", later_parts_json(r, p));
  return o;
}

static struct json_t *later_json(const struct fewshot_result *r) {
  struct json_t *list = json_array_new();
  for (int k = 0; k < r->n_later; k++) {
    struct json_t *o = json_object_new();
    json_put_f64(o, "seconds", r->later_s[k]);
    json_put_f64(o, "accuracy", r->later_accuracy[k]);
    json_put_f64(o, "ci95", r->later_ci95[k]);
    json_put(list, NULL, o);
  }
  return list;
}

// What was evaluated on.
static struct json_t *data_json(const struct fewshot_result *r, const struct dataset_params *p) {
  struct json_t *o = json_object_new();
  json_put_text(o, "kind", dataset_kind_name(p->kind));
  if (p->kind != DATASET_BUILTIN) json_put_text(o, "path", p->path);
  json_put_i64(o, "classes", r->n_classes);
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

struct json_t *fewshot_result_json(const struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *m) {
  static const char *const kinds[] = { "exact", "quantised", "chip" }, *const methods[] = { "adapt", "centroid", "scratch" };
  struct json_t *o = json_object_new();
  const size_t n = (size_t)r->n_updates + 1;
  json_put_text(o, "version", METAXBAR_VERSION);
  json_put_text(o, "model", m->path);
  json_put(o, "data", data_json(r, &f->data));
  json_put_text(o, "preprocessing", f->data.preprocessing == IMAGESET_PUBLISHED ? "published" : "area");
  json_put_i64(o, "tasks", r->n_tasks);
  json_put_i64(o, "ways", m->net.ways);
  json_put_i64(o, "shots", r->shots);
  json_put_i64(o, "queries", r->queries);
  json_put_text(o, "split", dataset_split_name(f->eval.split ? DATASET_VALIDATION : DATASET_EVALUATION));
  json_put_text(o, "method", methods[f->eval.method]);
  json_put_text(o, "batchnorm", convnet_rule_names[f->eval.batchnorm]);
  json_put_bool(o, "balanced_queries", f->eval.batchnorm == CONVNET_TASK);  // needed: the rule normalises them together
  json_put_text(o, "synapse", kinds[f->synapse.kind]);
  if (f->synapse.kind == FEWSHOT_QUANTISED) json_put_i64(o, "bits", f->synapse.bits);
  json_put_f64s(o, "accuracy", r->accuracy, n);
  json_put_f64s(o, "ci95", r->ci95, n);
  if (f->eval.per_task) json_put(o, "task_accuracy", tasks_json(r));
  json_put_f64s(o, "loss", r->loss, n);
  json_put_i64(o, "devices_total", r->devices.all);
  if (f->synapse.kind == FEWSHOT_CHIP) deploy_devices_put(o, &r->devices);
  json_put_f64s(o, "devices_written", r->devices_written, n - 1);
  if (f->synapse.kind == FEWSHOT_CHIP) {
    json_put_f64s(o, "devices_addressed", r->devices_addressed, n - 1);
    json_put_f64s(o, "chips", r->chip_accuracy, (size_t)r->n_chips);
    json_put_f64(o, "chips_std", r->chip_std);
    json_put(o, "later", later_json(r));
    json_put(o, "ledger", parts_json(r, &f->ledger));
  }
  json_put_f64(o, "seconds", r->seconds);
  json_put_i64(o, "seed", f->run.seed);
  return o;
}
