// What an evaluation found, as text, JSON and CSV.
#include "experiment/arm/result.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/note.h"
#include "base/stat.h"
#include "base/text.h"

void reach_result_release(struct reach_result *r) {
  free(r->distance_cm);
  free(r->target_omega);
  *r = (struct reach_result){ 0 };
}

bool reach_note_activity(const char *network, double silent, double saturated, int n, int64_t movements) {
  const bool few = movements < 20;  // in which most neurons of a network may have nothing to do
  const bool found = silent > (few ? 0.9 : 0.05)*n || saturated > (few ? 0.5 : 0.01)*n;
  if (found)
    note("%.0f of %d neurons of the %s never spike and %.0f spike at 80 %% or more of the highest rate: they cannot "
         "learn (see loss.rate and train.rate)", silent, n, network, saturated);
  return found;
}

void reach_result_note(const struct reach_result *r) {
  const struct spiking_activity *t = &r->trainee_activity, *g = &r->lsg_activity;
  reach_note_activity("trainee", t->silent, t->saturated, r->n_trainee, r->n_trajectories);
  reach_note_activity("generator", g->silent, g->saturated, r->n_lsg, r->n_trajectories);
}

// ---- text

// A single movement has no spread.
static void print_score(const char *when, const struct reach_score *s, int n, FILE *out) {
  const struct reach_spread *cm = &s->rms_distance_cm, *omega = s->omega_rmse_rad_s;
  char ci95[STAT_TEXT];
  if (n > 1)
    fprintf(out, "%-7s %8.2f +- %-6.2f  %6s   %7.4f +- %-7.4f  %7.4f +- %.4f\n", when, cm->mean, cm->std,
            stat_ci95_text(ci95, cm->ci95, 2), omega[0].mean, omega[0].std, omega[1].mean, omega[1].std);
  else fprintf(out, "%-7s %8.2f            %7.4f             %7.4f\n", when, cm->mean, omega[0].mean, omega[1].mean);
}

static void print_table(const struct reach_result *r, const struct reach *f, FILE *out) {
  const int n = r->n_trajectories;
  if (r->n_movements > n)
    fprintf(out, "1 path of %.4g s, learned in %d movements one after the other\n", r->T*f->trajectory.dt_s,
            r->n_movements);
  else fprintf(out, "%d movement%s\n", n, text_s(n));
  fprintf(out, "update  tip distance, cm %sbase, rad/s         shoulder, rad/s     (RMS over time%s)\n",
          n > 1 ? "   +- 95%   " : "  ", n > 1 ? "; mean +- std over movements; 95 % interval of the mean" : "");
  print_score("before", &r->before, n, out);
  print_score("after", &r->after, n, out);
  if (r->n_families > 0) fprintf(out, "families of movements, after the update:\n");
  for (int k = 0; k < r->n_families; k++) print_score(trajectory_family_names[k], &r->family[k], n, out);
  fprintf(out, "firing rates: trainee %.1f Hz, learning signal generator %.1f Hz\n", r->trainee_Hz, r->lsg_Hz);
  fprintf(out, "neurons that never spike: trainee %d of %d, generator %d of %d; saturated: trainee %d, generator %d\n",
          r->trainee_activity.silent, r->n_trainee, r->lsg_activity.silent, r->n_lsg, r->trainee_activity.saturated,
          r->lsg_activity.saturated);
  fprintf(out, "weights changed: %.1f %% of W_in, %.1f %% of W_rec\n", 100*r->changed_in, 100*r->changed_rec);
}

static void print_chips(const struct reach_result *r, const struct reach *f, FILE *out) {
  const struct ledger_counts once = ledger_total(&r->deployment);
  fprintf(out, "chips: %d x %s, updated %.6g s after writing, performing %.6g s later\n", r->n_chips,
          chip_devices_named(&f->chip), r->updated_s, f->eval.later_s);
  fprintf(out, "written: %.1f %% error beside %.3f of the weights kept; %lld of %ld devices\n",
          100*r->programmed_error, r->programmed_kept, (long long)once.devices_written, r->devices_total);
}

// The deployment is that of the first chip, the rest are means over movements.
static void print_ledger(const struct reach_result *r, const struct reach *f, FILE *out) {
  static const char *const names[] = { "pass 1", "update", "waiting", "pass 2" };
  const struct ledger_mean once = ledger_mean(&r->deployment, 1, &f->ledger);
  const struct ledger_mean all = ledger_mean(&r->movements, r->n_movements, &f->ledger);
  struct ledger_mean part[REACH_PARTS];
  struct ledger_column columns[2 + REACH_PARTS] = { { 0, "deployment", &once }, { 0, "movement", &all } };
  for (int k = 0; k < REACH_PARTS; k++) {
    part[k] = ledger_mean(&r->part[k], r->n_movements, &f->ledger);
    columns[2 + k] = (struct ledger_column){ k ? '+' : '=', names[k], &part[k] };
  }
  fprintf(out, "\n");
  ledger_print_means(columns, 2 + REACH_PARTS, &f->ledger, out);
}

void reach_result_print(const struct reach_result *r, const struct reach *f, FILE *out) {
  print_table(r, f, out);
  reach_result_note(r);
  if (!r->n_chips) return;
  print_chips(r, f, out);
  print_ledger(r, f, out);
}

// ---- CSV

// A row: target, before and after, n numbers each.
static void write_group(FILE *out, const double *target, const double *before, const double *after, size_t t,
                        size_t n) {
  const double *const all[3] = { target, before, after };
  for (int k = 0; k < 3; k++)
    for (size_t j = 0; j < n; j++) fprintf(out, ",%.6f", all[k][n*t + j]);
}

static void write_begin(FILE *out, const struct reach_result *r, const struct reach *f) {
  double rest[2] = { 0 }, tip[3];
  kinematics_tip(tip, r->begin[0], r->begin[1], &f->arm);
  fprintf(out, "0,0");
  write_group(out, rest, rest, rest, 0, 2);
  write_group(out, tip, tip, tip, 0, 3);
  fputc('\n', out);
}

int reach_result_write_csv(const struct reach_result *r, const struct reach *f, const char *path) {
  struct file_out o;
  TRY(file_out_open(&o, path));
  fprintf(o.stream, "step,time_s,target_base_rad_s,target_shoulder_rad_s,before_base_rad_s,before_shoulder_rad_s,"
                    "after_base_rad_s,after_shoulder_rad_s,target_x_m,target_y_m,target_z_m,"
                    "before_x_m,before_y_m,before_z_m,after_x_m,after_y_m,after_z_m\n");
  if (r->begin[0] != 0 || r->begin[1] != 0) write_begin(o.stream, r, f);
  for (int t = 0; t < r->T; t++) {
    fprintf(o.stream, "%d,%.6g", t + 1, (t + 1)*f->trajectory.dt_s);
    write_group(o.stream, r->target_omega, r->before_omega, r->after_omega, (size_t)t, 2);
    write_group(o.stream, r->target_xyz, r->before_xyz, r->after_xyz, (size_t)t, 3);
    fputc('\n', o.stream);
  }
  return file_out_commit(&o);
}

// ---- JSON

static void put_distance(struct json_t *o, const struct reach_spread *s) {
  struct json_t *v = json_add_object(o, "rms_distance_cm");
  json_put_f64(v, "mean", s->mean);
  json_put_f64(v, "std", s->std);
  json_put_known(v, "ci95", s->ci95);
}

static void put_score(struct json_t *o, const struct reach_score *s) {
  put_distance(o, &s->rms_distance_cm);
  struct json_t *joints = json_add_array(o, "omega_rmse_rad_s");
  for (int j = 0; j < 2; j++)
    json_put_f64s(joints, NULL, (const double[]){ s->omega_rmse_rad_s[j].mean, s->omega_rmse_rad_s[j].std }, 2);
}

static void put_activity(struct json_t *o, const char *network, int n, const struct spiking_activity *a) {
  struct json_t *v = json_add_object(o, network);
  json_put_i64(v, "all", n);
  json_put_i64(v, "silent", a->silent);
  json_put_i64(v, "saturated", a->saturated);
}

// A row for each family of mixed movements.
static void put_families(struct json_t *o, const struct reach_result *r) {
  struct json_t *rows = r->n_families ? json_add_array(o, "families") : NULL;
  for (int k = 0; k < r->n_families; k++) {
    struct json_t *row = json_add_object(rows, NULL);
    const int left = r->n_trajectories - k*r->n_of_family;
    json_put_text(row, "family", trajectory_family_names[k]);
    json_put_i64(row, "movements", left < r->n_of_family ? left : r->n_of_family);
    put_score(row, &r->family[k]);
  }
}

// A movement and its parts, means over all of them.
static struct json_t *movement_json(const struct reach_result *r, const struct ledger_params *p) {
  static const char *const names[] = { "first_pass", "update", "wait", "second_pass" };
  struct json_t *o = json_object_new();
  struct ledger_mean m = ledger_mean(&r->movements, r->n_movements, p);
  json_put(o, "all", ledger_mean_json(&m, p));
  for (int k = 0; k < REACH_PARTS; k++) {
    m = ledger_mean(&r->part[k], r->n_movements, p);
    json_put(o, names[k], ledger_mean_json(&m, p));
  }
  return o;
}

// The chips and their operations; the counts of the movements are sums over all of them.
static void put_chips(struct json_t *o, const struct reach_result *r, const struct reach *f) {
  json_put_text(o, "preset", chip_devices_named(&f->chip));
  json_put_i64(o, "chips", r->n_chips);
  json_put_f64(o, "time_s", r->updated_s);
  json_put_f64(o, "later_s", f->eval.later_s);
  struct json_t *programmed = json_add_object(o, "programmed");
  json_put_f64(programmed, "kept", r->programmed_kept);
  json_put_f64(programmed, "error", r->programmed_error);
  struct json_t *ledger = json_add_object(o, "ledger");
  json_put(ledger, "deployment", ledger_json(&r->deployment, &f->ledger));
  json_put(ledger, "movements", ledger_json(&r->movements, &f->ledger));
  json_put(ledger, "per_movement", movement_json(r, &f->ledger));
}

// The user's path.
static void put_path(struct json_t *o, const struct reach_result *r, const struct reach *f) {
  struct json_t *path = json_add_object(o, "path");
  json_put_f64(path, "seconds", r->T*f->trajectory.dt_s);
  json_put_i64(path, "movements", r->n_movements);
  json_put_f64s(path, "begin_rad", r->begin, 2);
}

struct json_t *reach_result_json(const struct reach_result *r, const struct reach *f) {
  struct json_t *o = json_object_new();
  json_put_i64(o, "trajectories", r->n_trajectories);
  json_put_text(o, "generator", f->target.file[0] ? f->target.file
                                : trajectory_generator_names[f->trajectory.generator]);
  json_put_bool(o, "free", f->trajectory.free != 0);
  json_put_bool(o, "stops", f->arm.stops != 0);
  if (f->target.file[0]) put_path(o, r, f);
  json_put_text(o, "synapse", run_synapse_names[f->synapse.kind]);
  if (f->synapse.kind == RUN_QUANTISED) json_put_i64(o, "bits", f->synapse.bits);
  json_put_text(o, "signal", eprop_signal_names[f->update.signal]);
  json_put_text(o, "grid", eprop_grid_names[f->update.grid]);
  put_score(o, &r->after);
  put_score(json_add_object(o, "before"), &r->before);
  put_families(o, r);
  struct json_t *rate = json_add_object(o, "rate_hz");
  json_put_f64(rate, "trainee", r->trainee_Hz);
  json_put_f64(rate, "lsg", r->lsg_Hz);
  struct json_t *neurons = json_add_object(o, "neurons");
  put_activity(neurons, "trainee", r->n_trainee, &r->trainee_activity);
  put_activity(neurons, "lsg", r->n_lsg, &r->lsg_activity);
  reach_result_note(r);
  json_put_i64(o, "devices_total", r->devices_total);
  json_put_f64(o, "devices_written", r->devices_written);
  struct json_t *changed = json_add_object(o, "weights_changed");
  json_put_f64(changed, "in", r->changed_in);
  json_put_f64(changed, "rec", r->changed_rec);
  if (r->n_chips) put_chips(o, r, f);
  json_put_f64(o, "seconds", r->seconds);
  json_put_i64(o, "seed", f->run.seed);
  return o;
}
