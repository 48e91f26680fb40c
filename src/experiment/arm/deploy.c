#include "experiment/arm/deploy.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/rng.h"
#include "experiment/fewshot/deploy.h"
#include "experiment/arm/batch.h"

enum { CALIBRATION_MOVEMENTS = 8 };

struct reach_chip {
  struct reach_device device;  // its context is this struct
  int n_chips, n_workers;
  double later_s;
  struct chip **chip;          // (n_chips) programmed
  struct chip **clone;         // (n_workers, n_chips)
  struct chip **current;       // (n_workers) clone of the movement under way
  struct ledger *part;         // (n_workers, REACH_PARTS)
  struct ledger deployment;
  struct deploy_quality quality;
};

// ---- calibration

// Let a chip see the inputs of one pass.
static void show_pass(struct synapse *array, const struct spiking *net, const struct events *clock, const struct events *spikes,
                      real *x, real *y) {
  const struct conv shape = conv_shape(1, 1, 1, array->I, array->O, 1, 1, 0);
  for (int t = 0; t < clock->T; t++) {
    const struct events_step in = events_at(clock, t), z = events_at(spikes, t - 1);
    if (in.n + z.n == 0) continue;  // no input, no product
    memset(x, 0, (size_t)conv_padded(array->I)*sizeof *x);
    for (int k = 0; k < in.n; k++) x[in.index[k]] = in.value[k];
    for (int k = 0; k < z.n; k++) x[net->n_in + z.index[k]] = z.value[k];
    array->ops->product(array, y, x, &shape, NULL);
  }
}

static void show(struct chip *c, const struct reach_batch *b) {
  struct synapse *array = chip_synapse(c, 0);
  real *x = err_aligned((size_t)conv_padded(array->I), sizeof *x), *y = err_aligned((size_t)conv_padded(array->O), sizeof *y);
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
  chip_add(c, "trainee", net->n_in + net->n, net->n, 0);
  const int rc = chip_build(c);
  if (rc < 0) chip_free(c);
  else *out = c;
  return rc;
}

static int program(struct chip **c, const struct reach *f, const struct reach_model *m, int number, const struct reach_batch *seen) {
  TRY(reach_chip_plan(c, f, m, (uint64_t)f->run.seed + ((uint64_t)number << 56)));
  struct synapse *array = chip_synapse(*c, 0);
  array->ops->program(array, m->parameters + m->o.trainee_w, &(*c)->rng);
  show(*c, seen);
  chip_calibrate(*c, &(*c)->rng);
  return 0;
}

int reach_chip_deploy(struct chip **chips, int n, const struct reach *f, const struct reach_model *m, int workers) {
  struct reach_batch b;
  struct oneshot exact = m->o;
  exact.noise = (struct oneshot_noise){ 0 };
  struct pool *pool = pool_new(workers);
  reach_batch_init(&b, f, &exact, CALIBRATION_MOVEMENTS, 1, pool, false, NULL);
  int rc = reach_batch_draw(&b, CALIBRATION_MOVEMENTS, RNG_TRAJECTORY, 0);
  if (rc == 0) reach_batch_forward(&b, m->parameters);
  for (int k = 0; k < n; k++) {
    chips[k] = NULL;
    if (rc == 0) rc = program(&chips[k], f, m, k, &b);
  }
  for (int k = 0; k < n && rc < 0; k++) {
    chip_free(chips[k]);
    chips[k] = NULL;
  }
  reach_batch_release(&b);
  pool_free(pool);
  return rc;
}

// The chips as the first movement finds them.
static int begin(struct reach_chip *c, const struct reach *f, const struct reach_model *m) {
  TRY(reach_chip_deploy(c->chip, c->n_chips, f, m, c->n_workers));
  for (int k = 0; k < c->n_chips; k++) TRY(deploy_resume(c->chip[k], f->synapse.state, f->eval.later_s));
  c->deployment = c->chip[0]->ledger;
  c->quality = deploy_quality(c->chip[0], 0);
  return 0;
}

static void restore(const struct reach_device *d, int worker, uint64_t movement, struct rng *r) {
  const struct reach_chip *c = d->context;
  const int k = (int)(movement % (uint64_t)c->n_chips);
  (void)r;
  c->current[worker] = c->clone[worker*c->n_chips + k];
  chip_copy(c->current[worker], c->chip[k]);
  d->array[worker] = chip_synapse(c->current[worker], 0);
}

static void wait_later(const struct reach_device *d, int worker, struct rng *r) {
  const struct reach_chip *c = d->context;
  struct chip *now = c->current[worker];
  if (c->later_s > 0 && chip_advance(now, now->clock_s + c->later_s, r) < 0) abort();  // begin has asked
}

static void account(const struct reach_device *d, int worker, enum reach_part part) {
  const struct reach_chip *c = d->context;
  ledger_add(&c->part[worker*REACH_PARTS + (int)part], &c->current[worker]->ledger);
  ledger_reset(&c->current[worker]->ledger);
}

static int check_settings(const struct reach *f) {
  static const char *const rounding[] = { [CHIP_STOCHASTIC] = "stochastic", [CHIP_NEAREST] = "nearest" };
  const int64_t u = f->chip.update;
  if ((u == CHIP_STOCHASTIC || u == CHIP_NEAREST) && f->update.grid != EPROP_EXACT)
    return err_set(ERR_SETTING, "chip.update=%s: update.grid=%s rounds the changes already; set one of the two", rounding[u],
                   eprop_grid_names[f->update.grid]);
  if (f->noise.programming > 0 || f->noise.read > 0 || f->noise.drift > 0)
    return err_set(ERR_SETTING, "synapse.kind=chip: has its own noise; leave noise.* at 0");
  return 0;
}

int reach_chip_new(struct reach_chip **out, const struct reach *f, const struct reach_model *m, int workers) {
  TRY(check_settings(f));
  struct reach_chip *c = err_calloc(1, sizeof *c);
  c->n_chips = (int)f->eval.chips;
  c->n_workers = workers;
  c->later_s = f->eval.later_s;
  c->chip = err_calloc((size_t)c->n_chips, sizeof(struct chip *));
  c->clone = err_calloc((size_t)(workers*c->n_chips), sizeof(struct chip *));
  c->current = err_calloc((size_t)workers, sizeof(struct chip *));
  c->part = err_calloc((size_t)(workers*REACH_PARTS), sizeof *c->part);
  c->device = (struct reach_device){ .array = err_calloc((size_t)workers, sizeof(struct synapse *)), .restore = restore,
                                     .wait = wait_later, .account = account, .context = c };
  const int rc = begin(c, f, m);
  if (rc < 0) {
    reach_chip_free(c);
    return rc;
  }
  for (int w = 0; w < workers; w++) {
    for (int k = 0; k < c->n_chips; k++) c->clone[w*c->n_chips + k] = chip_clone(c->chip[k]);
    c->device.array[w] = chip_synapse(c->clone[w*c->n_chips], 0);
  }
  *out = c;
  return 0;
}

void reach_chip_free(struct reach_chip *c) {
  if (!c) return;
  for (int k = 0; k < c->n_workers*c->n_chips; k++) chip_free(c->clone[k]);
  for (int k = 0; k < c->n_chips; k++) chip_free(c->chip[k]);
  free(c->device.array);
  free(c->part);
  free(c->current);
  free(c->clone);
  free(c->chip);
  free(c);
}

const struct reach_device *reach_chip_device(const struct reach_chip *c) { return &c->device; }

void reach_chip_report(struct reach_result *r, const struct reach_chip *c) {
  r->n_chips = c->n_chips;
  r->updated_s = c->chip[0]->clock_s;
  r->programmed_kept = c->quality.kept;
  r->programmed_error = c->quality.error;
  r->deployment = c->deployment;
  r->movements = (struct ledger){ .n_cores = c->deployment.n_cores };
  for (int part = 0; part < REACH_PARTS; part++) {
    r->part[part] = (struct ledger){ .n_cores = c->deployment.n_cores };
    for (int w = 0; w < c->n_workers; w++) ledger_add(&r->part[part], &c->part[w*REACH_PARTS + part]);
    ledger_add(&r->movements, &r->part[part]);
    if (r->part[part].most_writes > 0) r->part[part].most_writes -= c->deployment.most_writes;  // in its life, of which that was one part
  }
  if (r->movements.most_writes > 0) r->movements.most_writes -= c->deployment.most_writes;
}
