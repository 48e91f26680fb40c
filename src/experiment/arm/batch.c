#include "experiment/arm/batch.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/par.h"
#include "base/par_ranks.h"
#include "base/rng.h"
#include "arm/joint.h"

enum { MAX_TRIES = 100000 };

// ---- memory

static size_t drive_size(const struct reach *f) {
  return trajectory_scratch(&f->trajectory) + 3*(size_t)f->code.regions;
}

static void init_passes(struct reach_batch *b) {
  const struct oneshot *o = &b->o;
  const int events = spikecode_capacity(&b->f->code, o->T), clock = o->T;
  const size_t n = (size_t)b->capacity;
  arena_init(&b->arena, events_bytes(o->T, clock) + n*oneshot_item_bytes(o, events) +
                            (size_t)b->n_firsts*oneshot_first_bytes(o) + 4096);
  events_init(&b->clock, &b->arena, o->T, clock);
  spikecode_clock(&b->clock, &b->f->code);
  b->first = err_calloc((size_t)b->n_firsts, sizeof *b->first);
  b->item = err_calloc(n, sizeof *b->item);
  b->noise = err_calloc(n, sizeof *b->noise);
  for (int k = 0; k < b->n_firsts; k++) oneshot_first_init(&b->first[k], &b->arena, o);
  for (int k = 0; k < b->capacity; k++) {
    oneshot_item_init(&b->item[k], &b->arena, o, events);
    b->item[k].first = &b->first[b->n_firsts == b->capacity ? k : k/b->group];
    b->item[k].r = &b->noise[k];
  }
}

static size_t n_neurons(const struct reach_batch *b) { return (size_t)(b->o.trainee.n + b->o.lsg.n); }

// The record of an episode: its movements, and the spikes of each neuron in all of them.
static char *record(const struct reach_batch *b, int episode) {
  return (char *)b->records + (size_t)episode*b->record_bytes;
}
static struct reach_movement *movement(const struct reach_batch *b, int k) {
  return (struct reach_movement *)(void *)record(b, k/b->group) + k % b->group;
}
static double *spikes(const struct reach_batch *b, int episode) {
  return (double *)(void *)(record(b, episode) + (size_t)b->group*sizeof(struct reach_movement));
}

static int workers(const struct reach_batch *b) { return b->par ? par_threads(b->par) : 1; }

double reach_batch_bytes(const struct reach *f, const struct oneshot *o, int capacity, int workers) {
  const double of_item =
      (double)oneshot_item_bytes(o, spikecode_capacity(&f->code, o->T)) + (double)oneshot_first_bytes(o);
  return capacity*of_item + workers*(double)oneshot_scratch_bytes(o);
}

void reach_batch_init(struct reach_batch *b, const struct reach *f, const struct oneshot *o, int capacity, int group,
                      struct par *par, const struct reach_device *device) {
  const size_t n = (size_t)capacity, T = (size_t)f->trajectory.steps;
  *b = (struct reach_batch){ .f = f, .o = *o, .par = par, .device = device, .T = (int)f->trajectory.steps,
                             .n = capacity, .capacity = capacity, .group = group };
  const bool own_chip = oneshot_noisy(o) && o->noise.chips == ONESHOT_OF_MOVEMENT;
  b->n_firsts = device || own_chip ? capacity : reach_batch_episodes(b);
  init_passes(b);
  b->begin = err_calloc(n*2, sizeof(double));
  b->omega = err_calloc(n*T*2, sizeof(double));
  b->angle = err_calloc(n*T*2, sizeof(double));
  b->xyz = err_calloc(n*T*3, sizeof(double));
  b->drive = err_calloc((size_t)workers(b)*drive_size(f), sizeof(double));
  b->record_bytes = (size_t)group*sizeof(struct reach_movement) + n_neurons(b)*sizeof(double);
  b->records = err_calloc((size_t)reach_batch_episodes(b), b->record_bytes);
  b->counts = err_calloc(n_neurons(b), sizeof *b->counts);
  b->d_rate_trainee = err_aligned((size_t)o->trainee.ld, sizeof(real));
  b->d_rate_lsg = err_aligned((size_t)o->lsg.ld, sizeof(real));
  b->scratch = err_calloc((size_t)workers(b), sizeof *b->scratch);
  for (int k = 0; k < workers(b); k++)
    arena_init(&b->scratch[k], oneshot_scratch_bytes(o) + (size_t)o->T*(size_t)o->trainee.ld_out*sizeof(real) +
                                   2*T*sizeof(struct joint) + 4096);
}

void reach_batch_release(struct reach_batch *b) {
  for (int k = 0; k < workers(b); k++) arena_release(&b->scratch[k]);
  arena_release(&b->arena);
  void *const owned[] = { b->first, b->item, b->noise, b->begin, b->omega, b->angle, b->xyz, b->drive,
                          b->records, b->counts, b->d_rate_trainee, b->d_rate_lsg, b->scratch };
  for (size_t k = 0; k < sizeof owned/sizeof *owned; k++) free(owned[k]);
}

// Share items out, or compute them here.
static void all_items(struct reach_batch *b, int n, void (*fn)(void *context, int item, int worker), void *context) {
  if (b->par) par_local(b->par, n, fn, context);
  for (int k = 0; !b->par && k < n; k++) fn(context, k, 0);
}

// ---- movements

struct drawing {
  struct reach_batch *b;
  uint32_t purpose;
  int begin;  // the first that is drawn
  atomic_bool failed;
};

static void tips(double *xyz, const double *angle, int T, const struct kinematics *arm) {
  for (int t = 0; t < T; t++) kinematics_tip(xyz + 3*t, angle[2*t], angle[2*t + 1], arm);
}

static bool is_low(const double *xyz, int T, double below) {
  for (int k = 0; k < 3*T; k++)
    if (xyz[k] >= below) return false;
  return true;
}

void reach_batch_encode(struct reach_batch *b, int k, int worker) {
  const size_t T = (size_t)b->T, lead_in = (size_t)b->f->code.lead_in, ld = (size_t)b->o.trainee.ld_out;
  struct oneshot_item *it = &b->item[k];
  double *drive = b->drive + (size_t)worker*drive_size(b->f);
  memset(it->target, 0, (lead_in + T)*ld*sizeof(real));
  for (size_t t = 0; t < T; t++)
    for (size_t j = 0; j < 2; j++) it->target[(lead_in + t)*ld + j] = (real)b->omega[((size_t)k*T + t)*2 + j];
  const struct spikecode_target target = { b->xyz + (size_t)k*T*3, b->omega + (size_t)k*T*2, b->T,
                                           b->f->trajectory.dt_s };
  spikecode_encode(&it->input, &target, drive, &b->f->code);
}

static enum trajectory_family family_of(const struct reach_batch *b, enum rng_purpose purpose, uint64_t number) {
  const struct trajectory_params *p = &b->f->trajectory;
  if (p->family != TRAJECTORY_MIXED) return trajectory_family_of(p, number);
  if (b->per_family) return (enum trajectory_family)(number/(uint64_t)b->per_family);
  if (b->shares && purpose == RNG_TRAJECTORY) return trajectory_family_by_shares(b->shares, number);
  return trajectory_family_of(p, number);
}

static void draw(void *context, int drawn, int worker) {
  struct drawing *d = context;
  struct reach_batch *b = d->b;
  const int k = d->begin + drawn;
  const struct reach *f = b->f;
  const double limit[2] = { kinematics_limit_rad(&f->arm, 0), kinematics_limit_rad(&f->arm, 1) };
  const size_t T = (size_t)b->T;
  double *omega = b->omega + (size_t)k*T*2, *angle = b->angle + (size_t)k*T*2, *xyz = b->xyz + (size_t)k*T*3;
  const uint32_t number = (uint32_t)(b->number + (uint64_t)k);
  const enum trajectory_family family = family_of(b, d->purpose, number);
  struct rng r = rng_stream((uint64_t)f->run.seed, d->purpose, number);
  b->noise[k] = rng_stream((uint64_t)f->run.seed, RNG_QUANTISE, number);
  for (int tries = 0; tries < MAX_TRIES; tries++) {
    const bool cut = trajectory_draw(omega, angle, b->begin + 2*k, &f->trajectory, family, limit,
                                     b->drive + (size_t)worker*drive_size(f), &r);
    tips(xyz, angle, b->T, &f->arm);
    if (f->trajectory.free && (cut || !is_low(xyz, b->T, f->trajectory.free_below_m))) continue;
    reach_batch_encode(b, k, worker);
    return;
  }
  d->failed = true;
}

// Of n movements, those from begin on and before end.
static int draw_some(struct reach_batch *b, int n, uint32_t purpose, uint64_t first, int begin, int end) {
  assert(n <= b->capacity);
  b->n = n;
  b->number = first;
  struct drawing d = { .b = b, .purpose = purpose, .begin = begin };
  all_items(b, end - begin, draw, &d);
  if (d.failed) return err_set(ERR_SETTING, "trajectory.free=yes: %d movements in a row touched a limit", MAX_TRIES);
  return 0;
}

int reach_batch_draw(struct reach_batch *b, int n, uint32_t purpose, uint64_t first) {
  return draw_some(b, n, purpose, first, 0, n);
}

int reach_batch_draw_own(struct reach_batch *b, int n, uint32_t purpose, uint64_t first) {
  const int episodes = (n + b->group - 1)/b->group, rank = par_ranks_number();
  int *episode = err_calloc((size_t)par_ranks_count() + 1, sizeof *episode);
  par_ranks_divide(episode, episodes);
  const int begin = episode[rank]*b->group, end = episode[rank + 1]*b->group;
  free(episode);
  return draw_some(b, n, purpose, first, begin < n ? begin : n, end < n ? end : n);
}

// ---- forward

// Row t of the outputs (o.T, ld_out) of a movement, after the lead-in.
static size_t row(const struct reach_batch *b, int t) {
  return (size_t)(b->f->code.lead_in + t)*(size_t)b->o.trainee.ld_out;
}

// Both joints where movement k begins.
static void begin(struct joint s[2], const struct reach_batch *b, int k) {
  for (int j = 0; j < 2; j++) s[j] = joint_at(b->begin[2*k + j]);
}

// Both joints in step t of a performance.
static void move(struct joint s[2], const struct reach_batch *b, const real *output, int t) {
  for (int j = 0; j < 2; j++)
    joint_move(&s[j], (double)output[row(b, t) + (size_t)j], b->f->trajectory.dt_s,
               b->f->arm.stops ? kinematics_limit_rad(&b->f->arm, j) : INFINITY);
}

void reach_batch_path(double *xyz, double *omega, const struct reach_batch *b, int k, const real *output) {
  struct joint s[2];
  begin(s, b, k);
  for (int t = 0; t < b->T; t++) {
    move(s, b, output, t);
    kinematics_tip(xyz + 3*t, s[0].q, s[1].q, &b->f->arm);
    for (int j = 0; j < 2; j++) omega[2*t + j] = s[j].omega;
  }
}

static void squares(struct reach_squares *sum, const struct reach_batch *b, int k, const real *output) {
  const double *omega = b->omega + (size_t)k*(size_t)b->T*2, *xyz = b->xyz + (size_t)k*(size_t)b->T*3;
  struct joint s[2];
  double tip[3];
  begin(s, b, k);
  *sum = (struct reach_squares){ 0 };
  for (int t = 0; t < b->T; t++) {
    move(s, b, output, t);
    for (int j = 0; j < 2; j++) sum->velocity[j] += (s[j].omega - omega[2*t + j])*(s[j].omega - omega[2*t + j]);
    kinematics_tip(tip, s[0].q, s[1].q, &b->f->arm);
    for (int c = 0; c < 3; c++) sum->position += (tip[c] - xyz[3*t + c])*(tip[c] - xyz[3*t + c]);
  }
}

void reach_batch_errors(double *distance_cm, double omega[2], const struct reach_batch *b, int k, const real *output) {
  struct reach_squares sum;
  squares(&sum, b, k, output);
  *distance_cm = 100*sqrt(sum.position/b->T);
  for (int j = 0; j < 2; j++) omega[j] = sqrt(sum.velocity[j]/b->T);
}

static void account(const struct reach_device *d, int worker, enum reach_part part) {
  if (d && d->account) d->account(d, worker, part);
}

static void forward_item(struct reach_batch *b, int k, int worker) {
  struct oneshot_item *it = &b->item[k];
  struct arena *scratch = &b->scratch[worker];
  const struct reach_device *d = b->device;
  const int holder = b->worker + worker;  // of an array
  if (d && d->restore) d->restore(d, holder, b->number + (uint64_t)k, it->r);
  struct synapse *array = d ? d->array[holder] : NULL;
  if (d && !d->restore) array->ops->program(array, b->parameters + b->o.trainee_w, it->r);
  if (b->n_firsts == b->capacity || k % b->group == 0)
    oneshot_first_forward(it->first, &b->o, b->parameters, &b->clock, array, it->r, scratch);
  account(d, holder, REACH_FIRST_PASS);
  oneshot_learn(it, &b->o, b->parameters, &b->clock, array, scratch);
  account(d, holder, REACH_UPDATE);
  if (d && d->wait) d->wait(d, holder, it->r);
  account(d, holder, REACH_WAIT);
  oneshot_perform(it, &b->o, b->parameters, &b->clock, array, scratch);
  account(d, holder, REACH_SECOND_PASS);
  struct reach_movement *m = movement(b, k);
  squares(&m->before, b, k, it->first->output);
  squares(&m->after, b, k, it->output);
  memcpy(m->n_changed, it->n_changed, sizeof m->n_changed);
}

// Spikes of both passes, and of the LSG.
static void count(double *counts, const struct reach_batch *b, int k) {
  spiking_add_counts(counts, &b->item[k].first->rec);
  spiking_add_counts(counts, &b->item[k].second);
  if (b->o.update.signal == EPROP_LSG) spiking_add_counts(counts + b->o.trainee.n, &b->item[k].lsg);
}

void reach_batch_perform(struct reach_batch *b, int episode, int worker) {
  double *counts = spikes(b, episode);
  memset(counts, 0, n_neurons(b)*sizeof *counts);
  for (int k = episode*b->group; k < b->n && k < (episode + 1)*b->group; k++) {
    forward_item(b, k, worker);
    count(counts, b, k);
  }
}

// What the loss makes of a mean square, g of equation L2, and its slope.
static double of_mean_square(double x, const struct reach_loss_params *p) { return p->root ? sqrt(x) : x; }
static double slope_at(double x, const struct reach_loss_params *p) { return p->root ? 0.5/sqrt(fmax(x, 1e-12)) : 1; }

static double task_loss(struct reach_batch *b, bool after) {
  const struct reach_loss_params *w = &b->f->loss;
  double loss = 0;
  b->position = b->velocity = 0;
  for (int k = 0; k < b->n; k++) {
    const struct reach_squares *sum = after ? &movement(b, k)->after : &movement(b, k)->before;
    const double p = sum->position, *v = sum->velocity;
    b->position += p/(3.0*b->n*b->T);
    loss += w->position*of_mean_square(p/(3.0*b->T), w)/b->n;
    for (int j = 0; j < 2; j++) {
      b->velocity += v[j]/(2.0*b->n*b->T);
      loss += w->velocity*of_mean_square(v[j]/b->T, w)/(2.0*b->n);
    }
  }
  return loss;
}

// rate sum_j (rate_j - target)^2 over the neurons of one network; d_rate its derivative by one spike.
static double rate_loss(real *d_rate, double *mean_Hz, const double *counts, int n, double steps, double target_Hz,
                        double weight) {
  double loss = 0, mean = 0;
  for (int j = 0; j < n; j++) {
    const double rate = counts[j]/steps, off = rate - target_Hz*1e-3;
    loss += weight*off*off;
    mean += rate/n;
    d_rate[j] = (real)(2*weight*off/steps);
  }
  *mean_Hz = 1e3*mean;
  return loss;
}

static void rates(struct reach_batch *b) {
  const struct oneshot *o = &b->o;
  const double steps = (double)b->n*o->T;
  double *trainee = b->counts, *lsg = b->counts + o->trainee.n;
  memset(b->counts, 0, n_neurons(b)*sizeof *b->counts);
  for (int e = 0; e < reach_batch_episodes(b); e++)
    for (size_t j = 0; j < n_neurons(b); j++) b->counts[j] += spikes(b, e)[j];
  const struct reach_loss_params *p = &b->f->loss;
  b->loss_rate = rate_loss(b->d_rate_trainee, &b->trainee_Hz, trainee, o->trainee.n, 2*steps, p->trainee_Hz, p->rate);
  const double of_lsg = rate_loss(b->d_rate_lsg, &b->lsg_Hz, lsg, o->lsg.n, steps, p->lsg_Hz, p->rate);
  if (o->update.signal == EPROP_LSG) b->loss_rate += of_lsg;
  b->trainee_activity = spiking_activity_of(&o->trainee, trainee, 2*steps);
  b->lsg_activity = spiking_activity_of(&o->lsg, lsg, steps);
}

void reach_batch_losses(struct reach_batch *b) {
  b->loss_before = task_loss(b, false);
  b->loss_task = task_loss(b, true);
  rates(b);
  const struct spiking *net = &b->o.trainee;
  long changed[2] = { 0 };
  for (int k = 0; k < b->n; k++)
    for (int part = 0; part < 2; part++) changed[part] += movement(b, k)->n_changed[part];
  b->changed[0] = (double)changed[0]/((double)b->n*net->n_in*net->n);
  b->changed[1] = (double)changed[1]/((double)b->n*net->n*net->n);
}

static void perform_episode(void *context, int episode, int worker) { reach_batch_perform(context, episode, worker); }

void reach_batch_forward(struct reach_batch *b, const real *parameters) {
  b->parameters = parameters;
  all_items(b, reach_batch_episodes(b), perform_episode, b);
  reach_batch_losses(b);
}

// ---- backward

// dL/do of pass 2, through the angles: q(t) moves the tip, is in omega(t) and omega(t + 1), and sums all outputs so
// far. A joint stopped at its limit passes nothing on if the target is stopped there too; else straight through, so
// that it finds back.
static void output_gradient(real *d_output, const struct reach_batch *b, int k, struct arena *scratch) {
  const int T = b->T;
  const size_t mark = arena_mark(scratch);
  const double dt = b->f->trajectory.dt_s, *omega = b->omega + (size_t)(k*T)*2, *xyz = b->xyz + (size_t)(k*T)*3,
               *angle = b->angle + (size_t)(k*T)*2;
  const struct reach_loss_params *w = &b->f->loss;
  const struct reach_squares *sum = &movement(b, k)->after;
  const double position = 2*w->position*slope_at(sum->position/(3.0*T), w)/(3.0*b->n*T);  // what an error counts
  double velocity[2];
  for (int j = 0; j < 2; j++) velocity[j] = 2*w->velocity*slope_at(sum->velocity[j]/T, w)/(2.0*b->n*T);
  struct joint *s = ARENA_NEW(scratch, 2*(size_t)T, struct joint), now[2];
  double tip[3], jacobian[3][2], later[2] = { 0 }, next[2] = { 0 };
  begin(now, b, k);
  for (int t = 0; t < T; t++) {
    move(now, b, b->item[k].output, t);
    memcpy(s + 2*t, now, sizeof now);
  }
  memset(d_output, 0, row(b, T)*sizeof(real));
  for (int t = T - 1; t >= 0; t--) {
    kinematics_tip(tip, s[2*t].q, s[2*t + 1].q, &b->f->arm);
    kinematics_jacobian(jacobian, s[2*t].q, s[2*t + 1].q, &b->f->arm);
    for (int j = 0; j < 2; j++) {
      const struct joint *at = &s[2*t + j];
      const double off = velocity[j]*(at->omega - omega[2*t + j]);
      double d_q = (off - next[j])/dt;
      for (int c = 0; c < 3; c++) d_q += position*(tip[c] - xyz[3*t + c])*jacobian[c][j];
      if (at->q == at->sum || at->q != angle[2*t + j]) later[j] += d_q;
      next[j] = off;
      d_output[row(b, t) + (size_t)j] = (real)(dt*later[j]);
    }
  }
  arena_reset(scratch, mark);
}

// The derivative of a spike of a pass that `times` movements share.
static void backward_first(struct reach_batch *b, real *gradient, struct oneshot_first *first, int times,
                           struct arena *scratch) {
  const size_t mark = arena_mark(scratch);
  real *d_rate = ARENA_NEW(scratch, (size_t)b->o.trainee.ld, real);
  for (int j = 0; j < b->o.trainee.n; j++) d_rate[j] = (real)times*b->d_rate_trainee[j];
  oneshot_first_backward(gradient, first, &b->o, b->parameters, &b->clock, d_rate, scratch);
  arena_reset(scratch, mark);
}

void reach_batch_backward(struct reach_batch *b, real *gradient, int episode, int worker) {
  struct arena *scratch = &b->scratch[worker];
  const size_t mark = arena_mark(scratch);
  const bool own = b->n_firsts == b->capacity;
  const int begin = episode*b->group, end = b->n < begin + b->group ? b->n : begin + b->group;
  real *d_output = ARENA_NEW(scratch, (size_t)(b->o.T*b->o.trainee.ld_out), real);
  for (int k = begin; k < end; k++) {
    output_gradient(d_output, b, k, scratch);
    oneshot_backward(gradient, &b->item[k], &b->o, b->parameters, &b->clock, d_output, b->d_rate_trainee, b->d_rate_lsg,
                     1.0/b->n, scratch);
    movement(b, k)->price = b->item[k].price;
    if (own) backward_first(b, gradient, b->item[k].first, 1, scratch);
  }
  if (!own) backward_first(b, gradient, b->item[begin].first, end - begin, scratch);
  arena_reset(scratch, mark);
}

void reach_batch_finish(struct reach_batch *b, real *gradient) {
  oneshot_finish(gradient, &b->o);
  b->loss_price = 0;
  for (int k = 0; k < b->n; k++) b->loss_price += movement(b, k)->price;
}
