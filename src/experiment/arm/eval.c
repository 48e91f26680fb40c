// Movements learned from one showing and performed, each by one thread.
#include "experiment/arm/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/signals.h"
#include "chip/chipstate.h"
#include "experiment/arm/batch.h"
#include "experiment/arm/deploy.h"
#include "experiment/arm/path.h"

enum { CHUNK = 60 };  // movements held in memory at a time

// ---- the user's own path

// The path in steps of the movement, straight between rows; the last row is reached at the last step.
static void resample(struct reach_batch *b, const double *q, int n) {
  const int T = b->T;
  const double dt = b->f->trajectory.dt_s;
  for (int t = 0; t < T; t++) {
    const double at = (t + 1.0)*n/T - 1;  // row -1 is home
    const int row = (int)fmin(fmax(floor(at), -1), n - 2);
    for (int j = 0; j < 2; j++) {
      const double from = row < 0 ? 0 : q[2*row + j];
      b->angle[2*t + j] = from + (at - row)*(q[2*(row + 1) + j] - from);
      b->omega[2*t + j] = (b->angle[2*t + j] - (t ? b->angle[2*(t - 1) + j] : 0))/dt;
    }
    kinematics_tip(b->xyz + 3*t, b->angle[2*t], b->angle[2*t + 1], &b->f->arm);
  }
}

static int load_path(struct reach_batch *b) {
  struct reach_path p;
  TRY(reach_path_read(&p, b->f, 0));
  resample(b, p.q, p.n);
  b->n = 1;
  b->number = 0;
  b->noise[0] = rng_stream((uint64_t)b->f->run.seed, RNG_QUANTISE, 0);
  reach_batch_encode(b, 0, 0);
  reach_path_release(&p);
  return 0;
}

// ---- scores

// Errors of every movement: (n, 3) distance and both joints.
struct errors { double *before, *after; };

static void score(struct reach_score *s, const double *error, int n) {
  struct reach_spread *const all[3] = { &s->rms_distance_cm, &s->omega_rmse_rad_s[0], &s->omega_rmse_rad_s[1] };
  for (int c = 0; c < 3; c++) {
    double sum = 0, square = 0;
    for (int k = 0; k < n; k++) sum += error[3*k + c]/n;
    for (int k = 0; k < n; k++) square += (error[3*k + c] - sum)*(error[3*k + c] - sum);
    *all[c] = (struct reach_spread){ sum, n > 1 ? sqrt(square/(n - 1)) : 0 };
  }
}

static void keep_first(struct reach_result *r, const struct reach_batch *b) {
  const size_t T = (size_t)b->T;
  double *block = err_calloc(15*T, sizeof *block);
  r->target_omega = block;
  r->before_omega = block + 2*T;
  r->after_omega = block + 4*T;
  r->target_xyz = block + 6*T;
  r->before_xyz = block + 9*T;
  r->after_xyz = block + 12*T;
  memcpy(r->target_omega, b->omega, 2*T*sizeof *block);
  memcpy(r->target_xyz, b->xyz, 3*T*sizeof *block);
  reach_batch_path(r->before_xyz, r->before_omega, b, b->item[0].first->output);
  reach_batch_path(r->after_xyz, r->after_omega, b, b->item[0].output);
}

static void collect(struct reach_result *r, const struct errors *e, const struct reach_batch *b, int done) {
  const double share = (double)b->n/r->n_trajectories;
  if (done == 0) keep_first(r, b);
  for (int k = 0; k < b->n; k++) {
    double *before = e->before + 3*(done + k), *after = e->after + 3*(done + k);
    reach_batch_errors(before, before + 1, b, k, b->item[k].first->output);
    reach_batch_errors(after, after + 1, b, k, b->item[k].output);
    r->distance_cm[done + k] = after[0];
    r->devices_written += (double)b->item[k].n_written/r->n_trajectories;
    r->trainee_Hz += 1e3*spiking_rate(&b->o.trainee, &b->item[k].second)/r->n_trajectories;
  }
  r->lsg_Hz += share*b->lsg_Hz;
  r->changed_in += share*b->changed[0];
  r->changed_rec += share*b->changed[1];
}

static int measure(struct reach_result *r, const struct errors *e, struct reach_batch *b, const struct reach_model *m) {
  const struct reach *f = b->f;
  const uint32_t purpose = f->eval.stream ? RNG_VALIDATE : RNG_EVALUATE;
  for (int done = 0; done < r->n_trajectories; done += b->n) {
    const int left = r->n_trajectories - done;
    if (f->target.file[0]) TRY(load_path(b));
    else TRY(reach_batch_draw(b, left < b->capacity ? left : b->capacity, purpose, (uint64_t)done));
    const double begin = clock_s();
    reach_batch_forward(b, m->parameters);
    r->seconds += clock_s() - begin;
    collect(r, e, b, done);
    if (signals_caught()) return err_set(ERR_INTERRUPTED, "evaluation stopped by a signal; nothing is reported");
  }
  score(&r->before, e->before, r->n_trajectories);
  score(&r->after, e->after, r->n_trajectories);
  return 0;
}

int reach_workers(const struct reach *f) { return f->run.threads ? (int)f->run.threads : pool_cores(); }

static int eval_on(struct reach_result *r, const struct reach *f, const struct reach_model *m, const struct reach_device *device) {
  const int n = f->target.file[0] ? 1 : (int)f->eval.trajectories, capacity = n < CHUNK ? n : CHUNK;
  struct pool *pool = pool_new(reach_workers(f));
  struct reach_batch b;
  const struct errors e = { err_calloc((size_t)n, 3*sizeof(double)), err_calloc((size_t)n, 3*sizeof(double)) };
  *r = (struct reach_result){ .n_trajectories = n, .T = (int)f->trajectory.steps, .distance_cm = err_calloc((size_t)n, sizeof(double)) };
  reach_batch_init(&b, f, &m->o, capacity, oneshot_noisy(&m->o) ? 1 : capacity > 10 ? 10 : capacity, pool, false, device);
  r->devices_total = device ? device->array[0]->n_devices : 0;
  const int rc = measure(r, &e, &b, m);
  reach_batch_release(&b);
  pool_free(pool);
  free(e.before);
  free(e.after);
  if (rc < 0) reach_result_release(r);
  return rc;
}

static int eval_on_chips(struct reach_result *r, const struct reach *f, const struct reach_model *m) {
  struct reach_chip *chips;
  TRY(reach_chip_new(&chips, f, m, reach_workers(f)));
  const int rc = eval_on(r, f, m, reach_chip_device(chips));
  if (rc == 0) reach_chip_report(r, chips);
  reach_chip_free(chips);
  return rc;
}

int reach_eval_check(const struct reach *f) {
  const char *state = f->synapse.state;
  TRY(reach_check_settings(f));
  if (f->update.repeats > 1 && f->update.signal == EPROP_LSG)
    return err_set(ERR_SETTING, "update.repeats=%d: the LSG makes one update only; set update.signal", (int)f->update.repeats);
  if (*state && (f->synapse.kind != REACH_CHIP || f->eval.chips > 1))
    return err_set(ERR_SETTING, "synapse.state=%s: the state of one chip, for synapse.kind=chip eval.chips=1", state);
  return *state ? chipstate_check_path("synapse.state=", state) : 0;
}

int reach_eval(struct reach_result *r, const struct reach *f, const struct reach_model *m, const struct reach_device *device) {
  TRY(reach_eval_check(f));
  if (!device && f->synapse.kind == REACH_CHIP) return eval_on_chips(r, f, m);
  return eval_on(r, f, m, device);
}

void reach_result_release(struct reach_result *r) {
  free(r->distance_cm);
  free(r->target_omega);
  *r = (struct reach_result){ 0 };
}

// ---- output

// A row: target, before and after, n numbers each.
static void write_group(FILE *out, const double *target, const double *before, const double *after, size_t t, size_t n) {
  const double *const all[3] = { target, before, after };
  for (int k = 0; k < 3; k++)
    for (size_t j = 0; j < n; j++) fprintf(out, ",%.6f", all[k][n*t + j]);
}

int reach_result_write_csv(const struct reach_result *r, const struct reach *f, const char *path) {
  struct file_out o;
  TRY(file_out_open(&o, path));
  fprintf(o.stream, "step,time_s,target_base_rad_s,target_shoulder_rad_s,before_base_rad_s,before_shoulder_rad_s,after_base_rad_s,"
                    "after_shoulder_rad_s,target_x_m,target_y_m,target_z_m,before_x_m,before_y_m,before_z_m,after_x_m,after_y_m,after_z_m\n");
  for (int t = 0; t < r->T; t++) {
    fprintf(o.stream, "%d,%.6g", t + 1, (t + 1)*f->trajectory.dt_s);
    write_group(o.stream, r->target_omega, r->before_omega, r->after_omega, (size_t)t, 2);
    write_group(o.stream, r->target_xyz, r->before_xyz, r->after_xyz, (size_t)t, 3);
    fputc('\n', o.stream);
  }
  return file_out_commit(&o);
}

static void put_spread(struct json_t *o, const char *name, const struct reach_spread *s) {
  struct json_t *v = json_object_new();
  json_put_f64(v, "mean", s->mean);
  json_put_f64(v, "std", s->std);
  json_put(o, name, v);
}

static void put_score(struct json_t *o, const struct reach_score *s) {
  struct json_t *joints = json_array_new();
  put_spread(o, "rms_distance_cm", &s->rms_distance_cm);
  for (int j = 0; j < 2; j++) json_put_f64s(joints, NULL, (const double[]){ s->omega_rmse_rad_s[j].mean, s->omega_rmse_rad_s[j].std }, 2);
  json_put(o, "omega_rmse_rad_s", joints);
}

// A movement and its parts, means over all of them.
static struct json_t *movement_json(const struct reach_result *r, const struct ledger_params *p) {
  static const char *const names[] = { "first_pass", "update", "wait", "second_pass" };
  struct json_t *o = json_object_new();
  struct ledger_mean m = ledger_mean(&r->movements, r->n_trajectories, p);
  json_put(o, "all", ledger_mean_json(&m, p));
  for (int k = 0; k < REACH_PARTS; k++) {
    m = ledger_mean(&r->part[k], r->n_trajectories, p);
    json_put(o, names[k], ledger_mean_json(&m, p));
  }
  return o;
}

// The chips, and what they were asked to do; the counts of the movements are sums over all of them.
static void put_chips(struct json_t *o, const struct reach_result *r, const struct reach *f) {
  struct json_t *programmed = json_object_new(), *ledger = json_object_new();
  json_put_text(o, "preset", f->chip.table[0] ? f->chip.table : pcm_preset_names[f->chip.preset]);
  json_put_i64(o, "chips", r->n_chips);
  json_put_f64(o, "time_s", r->updated_s);
  json_put_f64(o, "later_s", f->eval.later_s);
  json_put_f64(programmed, "kept", r->programmed_kept);
  json_put_f64(programmed, "error", r->programmed_error);
  json_put(o, "programmed", programmed);
  json_put(ledger, "deployment", ledger_json(&r->deployment, &f->ledger));
  json_put(ledger, "movements", ledger_json(&r->movements, &f->ledger));
  json_put(ledger, "per_movement", movement_json(r, &f->ledger));
  json_put(o, "ledger", ledger);
}

struct json_t *reach_result_json(const struct reach_result *r, const struct reach *f) {
  struct json_t *o = json_object_new(), *before = json_object_new(), *rate = json_object_new(), *changed = json_object_new();
  json_put_i64(o, "trajectories", r->n_trajectories);
  json_put_text(o, "generator", f->target.file[0] ? f->target.file : f->trajectory.generator == TRAJECTORY_PUBLISHED ? "published" : "consistent");
  json_put_bool(o, "free", f->trajectory.free != 0);
  json_put_bool(o, "stops", f->arm.stops != 0);
  json_put_text(o, "synapse", r->n_chips ? "chip" : "exact");
  json_put_text(o, "signal", eprop_signal_names[f->update.signal]);
  json_put_text(o, "grid", eprop_grid_names[f->update.grid]);
  put_score(o, &r->after);
  put_score(before, &r->before);
  json_put(o, "before", before);
  json_put_f64(rate, "trainee", r->trainee_Hz);
  json_put_f64(rate, "lsg", r->lsg_Hz);
  json_put(o, "rate_hz", rate);
  json_put_i64(o, "devices_total", r->devices_total);
  json_put_f64(o, "devices_written", r->devices_written);
  json_put_f64(changed, "in", r->changed_in);
  json_put_f64(changed, "rec", r->changed_rec);
  json_put(o, "weights_changed", changed);
  if (r->n_chips) put_chips(o, r, f);
  json_put_f64(o, "seconds", r->seconds);
  json_put_i64(o, "seed", f->run.seed);
  return o;
}
