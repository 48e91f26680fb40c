#include "experiment/arm/deploy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "experiment/arm/batch.h"

enum { CALIBRATION_MOVEMENTS = 8 };

// Parts of the fleet's account are those of a movement, enum reach_part.
struct reach_chip {
  struct reach_device device;  // its context is this struct
  struct fleet fleet;
  const struct reach *f;
  const struct reach_model *m;
  struct reach_batch seen;     // movements in software, whose spikes calibrate every chip
};

// ---- calibration

// Let a chip see the inputs of one pass.
static void show_pass(struct synapse *array, const struct spiking *net, const struct events *clock,
                      const struct events *spikes, real *x, real *y) {
  const struct conv shape = conv_shape(1, 1, 1, array->I, array->O, 1, 1, 0);
  for (int t = 0; t < clock->T; t++) {
    const struct events_step in = events_at(clock, t), z = events_at(spikes, t - 1);
    if (in.n + z.n == 0) continue;  // no input, no product
    memset(x, 0, (size_t)vector_padded(array->I)*sizeof *x);
    for (int k = 0; k < in.n; k++) x[in.index[k]] = in.value[k];
    for (int k = 0; k < z.n; k++) x[net->n_in + z.index[k]] = z.value[k];
    array->ops->product(array, y, x, &shape, NULL);
  }
}

static void show(struct chip *c, const struct reach_batch *b) {
  struct synapse *array = chip_synapse(c, 0);
  real *x = err_aligned((size_t)vector_padded(array->I), sizeof *x),
       *y = err_aligned((size_t)vector_padded(array->O), sizeof *y);
  chip_observe(c, true);
  for (int k = 0; k < b->n; k++) {
    show_pass(array, &b->o.trainee, &b->clock, &b->item[k].first->rec.spikes, x, y);
    show_pass(array, &b->o.trainee, &b->clock, &b->item[k].second.spikes, x, y);
  }
  chip_observe(c, false);
  free(x);
  free(y);
}

// ---- making

int reach_chip_plan(struct chip **out, const struct reach *f, const struct reach_model *m, uint64_t seed) {
  const struct spiking *net = &m->o.trainee;
  struct chip *c;
  TRY(chip_new(&c, &f->chip, seed));
  chip_add(c, "trainee", net->n_in + net->n, net->n);
  const int rc = chip_build(c);
  if (rc < 0) chip_free(c);
  else *out = c;
  return rc;
}

// Movements of the training stream in exact software.
static int look(struct reach_batch *b, const struct reach *f, const struct reach_model *m, struct par *par) {
  struct oneshot exact = m->o;
  exact.noise = (struct oneshot_noise){ 0 };
  reach_batch_init(b, f, &exact, CALIBRATION_MOVEMENTS, 1, par, NULL);
  const int rc = reach_batch_draw(b, CALIBRATION_MOVEMENTS, RNG_TRAJECTORY, 0);
  if (rc == 0) reach_batch_forward(b, m->parameters);
  else reach_batch_release(b);
  return rc;
}

static int program(struct chip **c, const struct reach *f, const struct reach_model *m, int number,
                   const struct reach_batch *seen) {
  TRY(reach_chip_plan(c, f, m, (uint64_t)f->run.seed + ((uint64_t)number << 56)));
  struct synapse *array = chip_synapse(*c, 0);
  array->ops->program(array, m->parameters + m->o.trainee_w, chip_rng(*c));
  show(*c, seen);
  chip_calibrate(*c, chip_rng(*c));
  return 0;
}

int reach_chip_deploy(struct chip **chip, int number, const struct reach *f, const struct reach_model *m,
                      struct par *par) {
  struct reach_batch seen;
  TRY(look(&seen, f, m, par));
  const int rc = program(chip, f, m, number, &seen);
  reach_batch_release(&seen);
  return rc;
}

// ---- movements on the chips

static int deploy(void *context, int number, struct chip **chip) {
  const struct reach_chip *c = context;
  return program(chip, c->f, c->m, number, &c->seen);
}

static void restore(const struct reach_device *d, int worker, uint64_t movement, struct rng *r) {
  struct reach_chip *c = d->context;
  (void)movement;
  (void)r;
  d->array[worker] = chip_synapse(fleet_restore(&c->fleet, worker), 0);
}

static void wait_later(const struct reach_device *d, int worker, struct rng *r) {
  struct reach_chip *c = d->context;
  fleet_wait(&c->fleet, worker, r);
}

static void account(const struct reach_device *d, int worker, enum reach_part part) {
  struct reach_chip *c = d->context;
  fleet_account(&c->fleet, worker, (int)part);
}

static int check_settings(const struct reach *f) {
  const int64_t u = f->chip.update;
  if ((u == CHIP_STOCHASTIC || u == CHIP_NEAREST) && f->update.grid != EPROP_EXACT)
    return err_set(ERR_SETTING, "chip.update=%s: update.grid=%s rounds the changes already; set one of the two",
                   chip_update_names[u], eprop_grid_names[f->update.grid]);
  return 0;
}

int reach_chip_new(struct reach_chip **out, const struct reach *f, const struct reach_model *m, int workers,
                   struct par *par) {
  TRY(check_settings(f));
  struct reach_chip *c = err_calloc(1, sizeof *c);
  const int rc = look(&c->seen, f, m, par);
  if (rc < 0) {
    free(c);
    return rc;
  }
  c->f = f;
  c->m = m;
  c->fleet = (struct fleet){ .n_chips = (int)f->eval.chips, .n_workers = workers, .n_parts = REACH_PARTS,
                             .wait_s = f->eval.later_s, .state = f->synapse.state, .deploy = deploy, .context = c };
  fleet_init(&c->fleet);
  c->device = (struct reach_device){ .restore = restore, .wait = wait_later, .account = account, .context = c };
  c->device.array = err_calloc((size_t)workers, sizeof *c->device.array);
  *out = c;
  return 0;
}

void reach_chip_free(struct reach_chip *c) {
  if (!c) return;
  fleet_release(&c->fleet);
  reach_batch_release(&c->seen);
  free(c->device.array);
  free(c);
}

struct fleet *reach_chip_fleet(struct reach_chip *c) { return &c->fleet; }

const struct reach_device *reach_chip_device(const struct reach_chip *c) { return &c->device; }

void reach_chip_report(struct reach_result *r, const struct reach_chip *c) {
  const struct fleet *fleet = &c->fleet;
  const int64_t once = fleet->first.most_writes;  // a device's life began with the deployment
  r->n_chips = fleet->n_chips;
  r->updated_s = fleet->clock_s;
  r->programmed_kept = fleet->quality.kept;
  r->programmed_error = fleet->quality.error;
  r->deployment = fleet->first;
  r->movements = (struct ledger){ .n_cores = fleet->first.n_cores };
  for (int part = 0; part < REACH_PARTS; part++) {
    fleet_part(&r->part[part], fleet, part);
    ledger_add(&r->movements, &r->part[part]);
    if (r->part[part].most_writes > 0) r->part[part].most_writes -= once;
  }
  if (r->movements.most_writes > 0) r->movements.most_writes -= once;
}

// ---- quantised

struct quantised {
  struct reach_device device;  // its context is this struct
  const struct reach *f;
  const struct reach_model *m;
  int n_workers;
};

static void write_anew(const struct reach_device *d, int worker, uint64_t movement, struct rng *r) {
  const struct quantised *q = d->context;
  struct synapse *s = d->array[worker];
  (void)movement;
  s->ops->program(s, q->m->parameters + q->m->o.trainee_w, q->f->synapse.rounding ? r : NULL);
}

const struct reach_device *reach_quantised_new(const struct reach *f, const struct reach_model *m, int workers) {
  const struct spiking *net = &m->o.trainee;
  const real *w = m->parameters + m->o.trainee_w;
  struct quantised *q = err_calloc(1, sizeof *q);
  double most = 0;
  for (size_t i = 0; i < spiking_w_size(net); i++) most = fmax(most, fabs((double)w[i]));
  *q = (struct quantised){ { .restore = write_anew, .context = q }, f, m, workers };
  q->device.array = err_calloc((size_t)workers, sizeof *q->device.array);
  for (int k = 0; k < workers; k++)
    q->device.array[k] = synapse_quantised_new(net->n_in + net->n, net->n, 0, (int)f->synapse.bits,
                                               most > 0 ? most : 1);
  return &q->device;
}

void reach_quantised_free(const struct reach_device *d) {
  struct quantised *q = d ? d->context : NULL;
  if (!q) return;
  for (int k = 0; k < q->n_workers; k++) d->array[k]->ops->free(d->array[k]);
  free(d->array);
  free(q);
}
