// Evaluation: tasks learned by software weights, or on chips.
#include "base/err.h"
#include "base/par.h"
#include "base/rng.h"
#include "experiment/sine/sine.h"

enum { CALIBRATION_TASKS = 16 };

struct measuring {
  const struct sine *set;
  const struct sine_model *model;
  uint32_t purpose;            // of the random stream of a task
  struct regressor *workers;
};

// ---- chips

static int plan(struct chip **c, const struct sine *set, const struct sine_model *m, int number) {
  TRY(chip_new(c, &set->chip, (uint64_t)set->run.seed + ((uint64_t)number << 56)));
  for (int l = 0; l < m->net.n_layers; l++) {
    char name[32];
    snprintf(name, sizeof name, "layer%d", l + 1);
    chip_add(*c, name, dense_rows(&m->net, l), m->net.size[l + 1]);
  }
  const int rc = chip_build(*c);
  if (rc < 0) chip_free(*c), *c = NULL;
  return rc;
}

static void use_chip(struct regressor *w, struct chip *c) {
  for (int l = 0; l < chip_matrices(c); l++) w->layers[l] = chip_synapse(c, l);
}

// Written, then calibrated on the support points of training tasks.
static int deploy(void *context, int number, struct chip **out) {
  const struct measuring *e = context;
  const struct dense *net = &e->model->net;
  TRY(plan(out, e->set, e->model, number));
  struct chip *c = *out;
  struct regressor *w = regressor_new(1, net, e->model->parameters, (int)e->set->train.support, 1, 0, 1);
  use_chip(w, c);
  dense_program(w->layers, net, e->model->parameters, chip_rng(c));
  chip_observe(c, true);
  for (int k = 0; k < CALIBRATION_TASKS; k++) {
    struct rng r = rng_stream((uint64_t)e->set->run.seed, RNG_EPISODE, (uint32_t)k);
    sine_draw(w, false, &r);
    dense_forward(net, &w->work, w->layers, net->n_layers, 0, w->task.S, NULL);
  }
  chip_observe(c, false);
  chip_calibrate(c, chip_rng(c));
  regressor_free(w, 1);
  return 0;
}

int sine_chip_plan(struct chip **c, const void *set, const void *model) { return plan(c, set, model, 0); }
int sine_chip_program(struct chip **c, const void *set, const void *model) {
  return deploy(&(struct measuring){ .set = set, .model = model }, 0, c);
}

// ---- tasks

static void use_fleet(void *context, struct fleet *fleet) {
  const struct measuring *e = context;
  for (int k = 0; k < fleet->n_workers; k++) use_chip(&e->workers[k], fleet->place[k].clone);
}

static int item(void *context, struct fleet *fleet, int task, int worker, void *record) {
  const struct measuring *e = context;
  struct regressor *w = &e->workers[worker];
  struct sine_record *found = record;
  struct rng draw = rng_stream((uint64_t)e->set->run.seed, e->purpose, (uint32_t)task);
  struct rng noise = rng_stream((uint64_t)e->set->run.seed, RNG_READ, (uint32_t)task);
  const int updates = w->task.steps, N = vector_padded(1);
  if (!fleet) dense_program(w->layers, w->net, w->parameters, e->set->synapse.rounding ? &noise : NULL);
  sine_draw(w, true, &draw);
  regressor_learn(w, &noise);
  for (int s = 0; s <= updates; s++) found->error[s] = w->record.query_loss[s];
  for (int i = 0; i < SINE_CURVE; i++) {
    found->target[i] = (double)w->target[(w->task.S + i)*N];
    found->before[i] = (double)w->record.z[i*N];
    found->after[i] = (double)w->record.z[(updates*SINE_CURVE + i)*N];
  }
  return 0;
}

int sine_measure(struct series *r, const struct sine *set, const struct sine_model *m, uint32_t purpose,
                 struct par *par) {
  struct sine copy = *set;
  const struct run_settings settings = sine_settings(&copy);
  const int threads = par_threads(par), bits = set->synapse.kind == RUN_QUANTISED ? (int)set->synapse.bits : 0;
  struct measuring e = { .set = set, .model = m, .purpose = purpose };
  e.workers = regressor_new(threads, &m->net, m->parameters, (int)set->train.support, SINE_CURVE, bits,
                            set->chip.headroom);
  const struct series_job job = {
    .name = "mean squared error", .column = "error", .unit = "squares of y", .items = "sines", .settings = &settings,
    .n_chips = set->eval.chips, .n_updates = m->net.updates, .n_weights = dense_weights(&m->net),
    .record_bytes = sizeof(struct sine_record), .par = par, .context = &e, .deploy = deploy,
    .use_chip = use_fleet, .item = item,
  };
  const int rc = series_measure(r, &job);
  regressor_free(e.workers, threads);
  return rc;
}

int sine_eval_check(const void *set, const void *model, const void *data) {
  struct sine copy = *(const struct sine *)set;
  const struct run_settings settings = sine_settings(&copy);
  (void)model, (void)data;
  return series_check(&settings, copy.eval.chips, "sines");
}

int sine_eval(void *result, const void *set, const void *model, const void *data) {
  const struct sine *s = set;
  struct par *par = par_new(run_workers(&s->run, &s->synapse, &s->chip));
  (void)data;
  const int rc = sine_measure(result, set, model, RNG_EVALUATE, par);
  par_free(par);
  return rc;
}

int sine_result_csv(const void *result, const void *set, const char *path) {
  const struct sine_record *first = (const void *)((const struct series *)result)->records;
  struct file_out o;
  (void)set;
  TRY(file_out_open(&o, path));
  fprintf(o.stream, "x,target,before,after\n");
  for (int i = 0; i < SINE_CURVE; i++)
    fprintf(o.stream, "%.6g,%.6g,%.6g,%.6g\n", sine_x(i), first->target[i], first->before[i], first->after[i]);
  return file_out_commit(&o);
}
