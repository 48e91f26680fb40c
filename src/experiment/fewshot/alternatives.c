// Tasks learned on the chip and beside it: the read-out of the chip, digital read-outs on the same features of the
// same tasks (beside.h), and, of a model that adapts more layers, these on chips of the same seeds.
#include "experiment/alternatives.h"

#include <stdlib.h>

#include "base/err.h"
#include "experiment/fewshot/result.h"

// A read-out of I inputs and O classes learns S support images in n_updates updates.
struct shape {
  int I, O, S, n_updates;
};

// The gradient of the logits and the change of the weights; the features are kept for it in memory.
static void count_updates(struct digital_counts *c, const struct shape *s, enum digital_kind features,
                          enum digital_kind weights) {
  digital_store(c, (double)s->S * s->I, features);
  for (int k = 0; k < s->n_updates; k++) {
    digital_softmax(c, s->S, s->O);
    digital_delta(c, s->S, s->I, s->O, features);
    digital_add(c, s->I, s->O, weights);
  }
}

static void count_digital(struct experiment_alternative *a, const struct shape *s, enum digital_kind kind) {
  count_updates(&a->learning.digital, s, kind, kind);
  for (int k = 0; k < s->n_updates; k++) digital_product(&a->learning.digital, s->S, s->I, s->O, kind);
  digital_product(&a->query.digital, 1, s->I, s->O, kind);
}

// a, then an n-th of b, but for the endurance, which is no sum.
static struct ledger_mean sum(const struct ledger_mean *a, const struct ledger_mean *b, double n) {
  struct ledger_mean m = *a;
  m.exceeds |= b->exceeds;
#define X(name, help) m.name += b->name / n;
  LEDGER_COUNTS(X)
#undef X
  m.cost.read_energy_J += b->cost.read_energy_J / n;
  m.cost.read_time_s += b->cost.read_time_s / n;
  m.cost.write_energy_J += b->cost.write_energy_J / n;
  return m;
}

static struct ledger_mean share(const struct ledger_mean *a, double n) { return sum(&(struct ledger_mean){ 0 }, a, n); }

static struct ledger_mean learning_of(const struct fewshot_result *r) { return sum(&r->support, &r->updates, 1); }

// What the chip does for one query: its features, and, where the chip has the read-out, these classified once.
static struct ledger_mean query_of(const struct fewshot_result *r, bool readout) {
  const struct ledger_mean task = readout ? sum(&r->query_features, &r->classify, r->n_updates + 1) : r->query_features;
  return share(&task, r->n_queries);
}

static void describe(struct experiment_alternatives *a, const struct fewshot_result *r, const struct convnet *net) {
  const struct shape s = { convnet_rows(net, net->readout), net->ways, r->ways * r->shots, r->n_updates };
  struct experiment_alternative *chip = &a->of[0], *digital = &a->of[1], *few_bits = &a->of[2], *means = &a->of[3];
  *chip = (struct experiment_alternative){ "chip", "the read-out on the chip, its devices rewritten",
                                           { .chip = learning_of(r) }, { .chip = query_of(r, true) } };
  *digital = (struct experiment_alternative){ "digital", "the same updates of a read-out of 32-bit floats",
                                              { .chip = r->support }, { .chip = query_of(r, false) } };
  *few_bits = *means = *digital;
  few_bits->name = "8bit";
  few_bits->about = "the same updates of a read-out of 8 bits on features of 8 bits";
  means->name = "means";
  means->about = "nearest class mean, 32-bit floats";
  count_updates(&chip->learning.digital, &s, DIGITAL_FLOAT, DIGITAL_FLOAT);
  count_digital(digital, &s, DIGITAL_FLOAT);
  count_digital(few_bits, &s, DIGITAL_8BIT);
  digital_means(&means->learning.digital, s.S, s.I, s.O);
  for (int k = 0; k < 3 && net->start == CONVNET_PROTOTYPE; k++)
    digital_means(&a->of[k].learning.digital, s.S, s.I, s.O);
  digital_distances(&means->query.digital, 1, s.I, s.O);
}

static void fill_scores(struct experiment_alternatives *a, int k, const struct fewshot_result *r, int beside) {
  for (int time = 0; time <= a->n_later; time++) {
    double *to = experiment_alternative_scores(a, k, time);
    for (int i = 0; i < a->n_items; i++)
      to[i] = beside >= 0 ? r->task_beside[i * (1 + a->n_later) + time][beside]
              : time > 0  ? r->task_later[i * a->n_later + time - 1]
                          : r->task_accuracy[i * (r->n_updates + 1) + r->n_updates];
  }
}

static void take_readouts(struct experiment_alternatives *a, const struct fewshot_result *r,
                          const struct convnet *net) {
  *a = (struct experiment_alternatives){ .items = "tasks", .score = "accuracy", .query = "image",
                                         .higher_is_better = true, .n = 1 + BESIDE_N, .n_items = r->n_tasks,
                                         .n_chips = r->n_chips, .n_updates = r->n_updates, .n_later = r->n_later,
                                         .trials = r->n_queries };
  for (int k = 0; k < r->n_later; k++) a->later_s[k] = r->later_s[k];
  a->scores = err_calloc((size_t)((a->n + 1) * (1 + a->n_later) * a->n_items), sizeof *a->scores);
  describe(a, r, net);
  for (int k = 0; k < a->n; k++) fill_scores(a, k, r, k - 1);
}

// The passes of back-propagation are computed beside the chip.
static void take_layers(struct experiment_alternatives *a, const struct fewshot_result *r, bool all) {
  struct experiment_alternative *layers = &a->of[a->n++];
  *layers = (struct experiment_alternative){
    all ? "layers" : "dense", all ? "all layers on the chip, by back-propagation, their devices rewritten"
                                  : "the dense layers on the chip, by back-propagation, their devices rewritten",
    { .chip = learning_of(r), .uncounted = "back-propagation" }, { .chip = query_of(r, true) }
  };
  fill_scores(a, a->n - 1, r, -1);
}

static int check(const struct fewshot *f, const struct fewshot_model *m) {
  if (f->eval.method != FEWSHOT_ADAPT)
    return err_set(ERR_SETTING, "eval.method=%s: has no effect on alternatives",
                   fewshot_method_names[f->eval.method]);
  if (f->eval.ways && f->eval.ways != m->net.ways)
    return err_set(ERR_SETTING, "eval.ways=%d: the read-out of %s has %d", (int)f->eval.ways, m->path, m->net.ways);
  if (m->net.steps == 0) return err_set(ERR_SETTING, "net.steps=0: %s makes no updates", m->path);
  return 0;
}

int fewshot_alternatives(struct experiment_alternatives *a, const struct fewshot *f, const struct fewshot_model *m,
                         const struct dataset *data) {
  const bool layers = m->net.adapting < m->net.readout;
  struct fewshot beside = *f;  // its list of sections is not used
  struct fewshot_model readout;
  struct fewshot_result of_layers, r;
  TRY(check(f, m));
  if (layers) TRY(fewshot_eval(&of_layers, f, m, data));  // first, as it may be refused
  beside.eval.beside = true;
  int rc = fewshot_model_readout(&readout, m, f);
  if (rc == 0) {
    rc = fewshot_eval(&r, &beside, &readout, data);
    if (rc == 0) take_readouts(a, &r, &readout.net);
    if (rc == 0) fewshot_result_release(&r);
    fewshot_model_release(&readout);
  }
  if (rc == 0 && layers) take_layers(a, &of_layers, m->net.adapting == 0);
  if (layers) fewshot_result_release(&of_layers);
  return rc;
}
