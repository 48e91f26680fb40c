// Evaluation: movements learned from one demonstration and performed. An item is one movement, or a few that share
// pass 1.
#include "experiment/arm/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/par.h"
#include "base/par_ranks.h"
#include "base/rng.h"
#include "base/stat.h"
#include "experiment/arm/batch.h"
#include "experiment/arm/chain.h"
#include "experiment/arm/deploy.h"
#include "experiment/arm/novelty.h"
#include "run/evaluation.h"

enum { GROUP = 10 };  // movements that share the first pass in software

// ---- movements

// What a movement found; all columns are doubles. Errors: distance and both joints.
struct record {
  double before[3], after[3];
  double trainee_Hz, lsg_Hz, changed[2], written;
};

struct measuring {
  const struct reach *f;
  const struct reach_model *m;
  struct reach_result *r;
  const struct reach_device *device;  // what the trainee is on; NULL: real numbers
  struct reach_chip *chips;           // synapse.kind=chip, else NULL
  const struct reach_device *quantised;  // synapse.kind=quantised, else NULL
  struct reach_path path;             // of target.file
  int group, n_workers;
  struct reach_batch *batches;        // (workers) of `group` movements
  double *counts;                     // (workers, trainee n + LSG n) spikes of all movements
};

static void kept_new(struct reach_result *r) {
  const size_t T = (size_t)r->T;
  double *block = err_calloc(15*T, sizeof *block);
  r->target_omega = block;
  r->before_omega = block + 2*T;
  r->after_omega = block + 4*T;
  r->target_xyz = block + 6*T;
  r->before_xyz = block + 9*T;
  r->after_xyz = block + 12*T;
}

static void keep_first(struct reach_result *r, const struct reach_batch *b) {
  const size_t T = (size_t)b->T;
  kept_new(r);
  memcpy(r->begin, b->begin, sizeof r->begin);
  memcpy(r->target_omega, b->omega, 2*T*sizeof *b->omega);
  memcpy(r->target_xyz, b->xyz, 3*T*sizeof *b->xyz);
  reach_batch_path(r->before_xyz, r->before_omega, b, 0, b->item[0].first->output);
  reach_batch_path(r->after_xyz, r->after_omega, b, 0, b->item[0].output);
}

static void measure(struct record *out, const struct reach_batch *b, int k) {
  const struct oneshot_item *it = &b->item[k];
  const struct spiking *net = &b->o.trainee;
  reach_batch_errors(out->before, out->before + 1, b, k, it->first->output);
  reach_batch_errors(out->after, out->after + 1, b, k, it->output);
  out->trainee_Hz = 1e3*spiking_rate(net, &it->second);
  if (b->o.update.signal == EPROP_LSG) out->lsg_Hz = 1e3*spiking_rate(&b->o.lsg, &it->lsg);
  out->changed[0] = (double)it->n_changed[0]/((double)net->n_in*net->n);
  out->changed[1] = (double)it->n_changed[1]/((double)net->n*net->n);
  out->written = (double)it->n_written;
}

static int n_neurons(const struct reach_model *m) { return m->o.trainee.n + m->o.lsg.n; }

static void add_counts(double *counts, const struct reach_batch *b) {
  for (int j = 0; j < b->o.trainee.n + b->o.lsg.n; j++) counts[j] += b->counts[j];
}

// What a movement is, without its errors.
static void add_facts(struct record *sum, const struct record *x, int n) {
  sum->trainee_Hz += x->trainee_Hz/n;
  sum->lsg_Hz += x->lsg_Hz/n;
  for (int k = 0; k < 2; k++) sum->changed[k] += x->changed[k]/n;
  sum->written += x->written/n;
}

// The user's path: its errors over the whole length, means over its pieces.
static void run_path(struct measuring *x, struct reach_batch *b, double *counts, struct record *out) {
  struct reach_result *r = x->r;
  kept_new(r);
  memcpy(r->begin, x->path.begin, sizeof r->begin);
  struct reach_track target = { .omega = r->target_omega, .xyz = r->target_xyz };
  struct reach_chain c = { .before = { .omega = r->before_omega, .xyz = r->before_xyz },
                           .after = { .omega = r->after_omega, .xyz = r->after_xyz } };
  reach_chain_target(&target, &x->path, x->f);
  reach_chain_begin(&c, &x->path, b);
  for (int k = 0; k < r->n_movements; k++) {
    struct record piece = { 0 };
    reach_chain_next(&c, x->m->parameters);
    measure(&piece, b, 0);
    add_counts(counts, b);
    add_facts(out, &piece, r->n_movements);
  }
  reach_chain_errors(out->before, out->before + 1, &target, &c.before, r->T);
  reach_chain_errors(out->after, out->after + 1, &target, &c.after, r->T);
}

static int run_item(void *context, int item, int worker, void *record) {
  struct measuring *x = context;
  struct reach_batch *b = &x->batches[worker];
  struct record *records = record;
  const int first = item*x->group, left = x->r->n_trajectories - first;
  const uint32_t purpose = x->f->eval.stream ? RNG_VALIDATE : RNG_EVALUATE;
  double *counts = x->counts + worker*n_neurons(x->m);
  if (x->path.n) {
    run_path(x, b, counts, records);
    return 0;
  }
  TRY(reach_batch_draw(b, left < x->group ? left : x->group, purpose, (uint64_t)first));
  reach_batch_forward(b, x->m->parameters);
  for (int k = 0; k < b->n; k++) measure(&records[k], b, k);
  add_counts(counts, b);
  if (item == 0) keep_first(x->r, b);
  return 0;
}

static int begin(void *context) {
  struct measuring *x = context;
  if (x->chips) x->r->devices_total = chip_devices(reach_chip_fleet(x->chips)->chip);
  else if (x->device) x->r->devices_total = x->device->array[0]->n_devices;
  return 0;
}

// ---- what was found

enum { STRIDE = sizeof(struct record)/sizeof(double) };

// A column over n movements, which share the errors of their chip.
static struct reach_spread over(const struct reach_result *r, const double *first, int n) {
  const struct stat_moments s = stat_of(first, n, STRIDE);
  const int chips = r->n_chips && r->n_chips <= n ? r->n_chips : 1;
  return (struct reach_spread){ .mean = s.mean, .std = s.n > 1 ? stat_sd(&s) : 0,
                                .ci95 = stat_grouped(first, n, STRIDE, chips, 0).ci95 };
}

static struct reach_spread over_movements(const struct reach_result *r, const double *first) {
  return over(r, first, r->n_trajectories);
}

static void score(struct reach_score *s, const struct reach_result *r, const double *errors, int n) {
  s->rms_distance_cm = over(r, errors, n);
  for (int j = 0; j < 2; j++) s->omega_rmse_rad_s[j] = over(r, errors + 1 + j, n);
}

// Mixed movements: n_of_family of each family one after the other.
static void score_families(struct reach_result *r, const struct record *records) {
  for (int k = 0; k < r->n_families; k++) {
    const int first = k*r->n_of_family, left = r->n_trajectories - first;
    score(&r->family[k], r, records[first].after, left < r->n_of_family ? left : r->n_of_family);
  }
}

// The spikes of all workers and ranks, as those of the first worker.
static int gather_counts(struct measuring *x) {
  const int n = n_neurons(x->m);
  for (int k = 1; k < x->n_workers; k++)
    for (int j = 0; j < n; j++) x->counts[j] += x->counts[k*n + j];
  return par_ranks_add(x->counts, (size_t)n);
}

// Neurons that learning cannot use, over both passes of all movements.
static void find_activity(struct measuring *x) {
  struct reach_result *r = x->r;
  const struct oneshot *o = &x->m->o;
  const double steps = (double)r->n_movements*o->T;
  r->n_trainee = o->trainee.n;
  r->trainee_activity = spiking_activity_of(&o->trainee, x->counts, 2*steps);
  if (o->update.signal != EPROP_LSG) return;
  r->n_lsg = o->lsg.n;
  r->lsg_activity = spiking_activity_of(&o->lsg, x->counts + o->trainee.n, steps);
}

static void summarise(struct measuring *x, const struct record *records) {
  struct reach_result *r = x->r;
  const struct spiking *net = &x->m->o.trainee;
  if (x->chips) reach_chip_report(r, x->chips);
  const double weights = (double)(net->n_in + net->n)*net->n;
  const double written = (double)ledger_total(&r->movements).weights_written;
  r->devices_addressed = (double)r->devices_total/weights*written/r->n_movements;
  score(&r->before, r, records[0].before, r->n_trajectories);
  score(&r->after, r, records[0].after, r->n_trajectories);
  score_families(r, records);
  find_activity(x);
  r->trainee_Hz = over_movements(r, &records[0].trainee_Hz).mean;
  r->lsg_Hz = over_movements(r, &records[0].lsg_Hz).mean;
  r->changed_in = over_movements(r, &records[0].changed[0]).mean;
  r->changed_rec = over_movements(r, &records[0].changed[1]).mean;
  r->devices_written = over_movements(r, &records[0].written).mean;
  for (int k = 0; k < r->n_trajectories; k++) r->distance_cm[k] = records[k].after[0];
}

// ---- all of them

// The device for the trainee by the settings: software or chips.
static int choose_device(struct measuring *x, struct par *par) {
  if (x->device || x->f->synapse.kind == RUN_EXACT) return 0;
  if (x->f->synapse.kind == RUN_CHIP) TRY(reach_chip_new(&x->chips, x->f, x->m, x->n_workers, par));
  else x->quantised = reach_quantised_new(x->f, x->m, x->n_workers);
  x->device = x->chips ? reach_chip_device(x->chips) : x->quantised;
  return 0;
}

static void batches_new(struct measuring *x) {
  const int n = x->r->n_trajectories;
  x->group = x->device || oneshot_noisy(&x->m->o) ? 1 : n < GROUP ? n : GROUP;
  x->batches = err_calloc((size_t)x->n_workers, sizeof *x->batches);
  x->counts = err_calloc((size_t)(x->n_workers*n_neurons(x->m)), sizeof *x->counts);
  for (int k = 0; k < x->n_workers; k++) {
    reach_batch_init(&x->batches[k], x->f, &x->m->o, x->group, x->group, NULL, x->device);
    x->batches[k].worker = k;
    x->batches[k].per_family = x->r->n_of_family;
  }
}

static void release(struct measuring *x) {
  for (int k = 0; x->batches && k < x->n_workers; k++) reach_batch_release(&x->batches[k]);
  free(x->batches);
  free(x->counts);
  reach_path_release(&x->path);
  reach_quantised_free(x->quantised);
  reach_chip_free(x->chips);
}

// Before minutes go into writing chips.
static int take_path(struct measuring *x) {
  struct reach_result *r = x->r;
  if (!x->f->target.file[0]) return 0;
  TRY(reach_path_read(&x->path, x->f, 0));
  novelty_note(&x->m->trained, x->f, &x->path);
  r->T = x->path.n;
  r->n_movements = reach_chain_pieces(&x->path, x->f);
  reach_path_fingerprint(r->items, &x->path, x->f);
  return 0;
}

static int measure_all(struct measuring *x, struct par *par) {
  TRY(take_path(x));
  TRY(choose_device(x, par));
  batches_new(x);
  const struct evaluation evaluation = {
    .par = par, .fleet = x->chips ? reach_chip_fleet(x->chips) : NULL,
    .n_items = (x->r->n_trajectories + x->group - 1)/x->group, .record_bytes = (size_t)x->group*sizeof(struct record),
    .context = x, .begin = begin, .item = run_item,
  };
  struct record *records = err_calloc((size_t)(evaluation.n_items*x->group), sizeof *records);
  int rc = evaluation_run(&evaluation, records, &x->r->seconds);
  if (rc == 0) rc = gather_counts(x);
  if (rc == 0) summarise(x, records);
  free(records);
  return rc;
}

int reach_eval_check(const struct reach *f) {
  TRY(reach_check_settings(f));
  if (f->update.repeats > 1 && f->update.signal == EPROP_LSG)
    return err_set(ERR_SETTING, "update.repeats=%d: the LSG makes one update only; set update.signal",
                   (int)f->update.repeats);
  if (f->synapse.kind != RUN_EXACT && (f->noise.programming > 0 || f->noise.read > 0 || f->noise.drift > 0))
    return err_set(ERR_SETTING, "synapse.kind=%s: noise.* is for exact weights; leave it at 0",
                   run_synapse_names[f->synapse.kind]);
  return run_synapse_check(&f->synapse, &f->chip, f->eval.chips, f->eval.later_s > 0);
}

static int n_items(const struct reach *f) { return f->target.file[0] ? 1 : (int)f->eval.trajectories; }

static int check_chips(const struct reach *f) {
  if (f->eval.chips <= n_items(f)) return 0;
  return err_set(ERR_SETTING, "eval.chips=%d: more chips than movements, %d", (int)f->eval.chips, n_items(f));
}

int reach_eval_ready(const struct reach *f) {
  struct reach_path path;
  TRY(reach_eval_check(f));
  TRY(check_chips(f));
  if (!f->target.file[0]) return 0;
  TRY(reach_path_read(&path, f, 0));
  reach_path_release(&path);
  return 0;
}

int reach_eval(struct reach_result *r, const struct reach *f, const struct reach_model *m,
               const struct reach_device *device) {
  const int n = n_items(f);
  TRY(reach_eval_check(f));
  TRY(check_chips(f));
  struct par *par = par_new(run_workers(&f->run, &f->synapse, &f->chip));
  struct measuring x = { .f = f, .m = m, .r = r, .device = device, .n_workers = par_threads(par) };
  *r = (struct reach_result){ .n_trajectories = n, .n_movements = n, .T = (int)f->trajectory.steps,
                              .n_updates = (int)f->update.repeats };
  r->distance_cm = err_calloc((size_t)n, sizeof(double));
  if (f->trajectory.family == TRAJECTORY_MIXED && !f->target.file[0]) {
    r->n_of_family = (n + TRAJECTORY_FAMILIES - 1)/TRAJECTORY_FAMILIES;
    r->n_families = (n + r->n_of_family - 1)/r->n_of_family;
  }
  const int rc = measure_all(&x, par);
  release(&x);
  par_free(par);
  if (rc < 0) reach_result_release(r);
  return rc;
}
