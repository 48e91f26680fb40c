#include "experiment/arm/reach.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/format.h"
#include "base/note.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "kernel/adam.h"

static const char *const schedules[] = { "steps", "cosine", NULL };
static const char *const streams[] = { "evaluation", "validation", NULL };
static const char *const kinds[] = { "exact", "chip", NULL };

static const struct param loss_table[] = {
#define P struct reach_loss_params
  PARAM_F64(P, position, 0.5, 0, 1e9, "weight of the mean squared position error, per m^2"),
  PARAM_F64(P, velocity, 0.5, 0, 1e9, "weight of the mean squared velocity error, per (rad/s)^2"),
  PARAM_BOOL(P, root, 0, "of each movement, and joint, the root of these means, in m and rad/s"),
  PARAM_F64(P, rate, 0.25, 0, 1e9, "weight of the squared deviation from the firing rates, per (spikes/ms)^2 and neuron"),
  PARAM_F64(P, trainee_Hz, 20, 0, 1000, "wanted firing rate of the trainee"),
  PARAM_F64(P, lsg_Hz, 10, 0, 1000, "wanted firing rate of the learning signal generator"),
  PARAM_F64(P, sparsity, 0, 0, 1e9, "price of changing weights: times the mean of |change|/(|change| + update.step)"),
#undef P
  { 0 },
};

static const struct param train_table[] = {
#define P struct reach_train_params
  PARAM_I64(P, iterations, 100000, 1, 100000000, "outer updates"),
  PARAM_I64(P, trajectories, 90, 1, 65536, "movements of each outer update"),
  PARAM_I64(P, group, 9, 1, 65536, "movements of an episode, which one thread computes"),
  PARAM_F64(P, rate, 1.5e-3, 0, 1, "learning rate of Adam"),
  PARAM_BOOL(P, relative, 0, "a rate for each matrix: times the spread of its random start, so that all change at the same pace"),
  PARAM_F64(P, epsilon, ADAM_EPSILON, 0, 1, "of Adam; gradients below it move weights less, and noise does not carry them away"),
  PARAM_F64(P, readout_rate, 1, 0, 1e3, "times this for the trainee's W_out, whose numbers are ten times smaller than the rest"),
  PARAM_F64(P, trainee_rate, 1, 0, 1e3, "times this for the trainee's W_in and W_rec: in a wide trainee each of them counts for less, and all for more; 0 leaves them, and without noise pass 1, as they are"),
  PARAM_F64(P, recurrent_rate, 1, 0, 1e3, "times this for the LSG's W_rec: if it grows, the network is chaotic and its signals do not repeat"),
  PARAM_CHOICE(P, schedule, 0, schedules, "course of that rate; cosine ends at zero"),
  PARAM_F64(P, decay, 0.99, 0, 1, "factor of schedule 'steps'"),
  PARAM_I64(P, decay_every, 500, 1, 100000000, "iterations between its steps"),
  PARAM_F64(P, weight_decay, 0, 0, 1e3, "weights shrink by the learning rate times this, in every update"),
  PARAM_F64(P, clip, 0, 0, 1e9, "longest gradient (Euclidean norm); 0: any"),
  PARAM_F64(P, weight_max, 0, 0, 1e6, "the trainee's W_in and W_rec stay within +- this; 0: any"),
  PARAM_TEXT(P, start, "", "model to start from in place of random weights"),
  PARAM_I64(P, log_every, 50, 1, 1000000, "iterations between rows of metrics.csv"),
  PARAM_I64(P, validate_every, 1000, 1, 1000000, "iterations between validations"),
  PARAM_I64(P, validate_trajectories, 90, 0, 1000000, "movements of a validation"),
  PARAM_F64(P, checkpoint_every_s, 60, 0, 1e6, "seconds between checkpoints"),
#undef P
  { 0 },
};

static const struct param eval_table[] = {
#define P struct reach_eval_params
  PARAM_I64(P, trajectories, 500, 1, 10000000, "movements"),
  PARAM_CHOICE(P, stream, 0, streams, "which random movements"),
  PARAM_I64(P, chips, 1, 1, REACH_MAX_CHIPS, "independently programmed chips that take turns"),
  PARAM_F64(P, later_s, 0, 0, 3155760000, "seconds (at most a century) between the update and the performance, on a chip"),
#undef P
  { 0 },
};

static const struct param synapse_table[] = {
#define P struct reach_synapse_params
  PARAM_CHOICE(P, kind, REACH_EXACT, kinds, "what holds the trainee's weights"),
  PARAM_TEXT(P, state, "", "chip: use this state (chip export) in place of a chip written now"),
#undef P
  { 0 },
};

static const struct param target_table[] = {
#define P struct reach_target_params
  PARAM_TEXT(P, file, "", "path to perform: CSV of x,y,z in m or of base,shoulder in rad"),
  PARAM_F64(P, reach_tolerance_m, 0.01, 0, 10, "points may be this far from where the tip can be"),
#undef P
  { 0 },
};

static const struct param run_table[] = {
#define P struct reach_run_params
  PARAM_I64(P, threads, 0, 0, 1024, "worker threads; 0: one per core. The results do not depend on it"),
  PARAM_I64(P, seed, 1, 0, 9007199254740992, "of all random numbers"),
#undef P
  { 0 },
};

void reach_init(struct reach *f) {
  memset(f, 0, sizeof *f);
  const struct settings_section all[] = {
    { "trajectory", trajectory_param_table, &f->trajectory }, { "arm", kinematics_param_table, &f->arm },
    { "code", spikecode_param_table, &f->code },              { "lsg", spiking_lsg_param_table, &f->lsg },
    { "trainee", spiking_trainee_param_table, &f->trainee },  { "update", eprop_param_table, &f->update },
    { "noise", oneshot_noise_param_table, &f->noise },        { "loss", loss_table, &f->loss },
    { "train", train_table, &f->train },                      { "eval", eval_table, &f->eval },
    { "target", target_table, &f->target },                   { "run", run_table, &f->run },
    { "synapse", synapse_table, &f->synapse },                { "chip", chip_param_table, &f->chip },
    { "verify", verify_param_table, &f->chip.verify },        { "ledger", ledger_param_table, &f->ledger },
  };
  _Static_assert(sizeof all / sizeof *all + 1 <= sizeof f->sections / sizeof *f->sections, "one more for the end");
  memcpy(f->sections, all, sizeof all);
  settings_defaults(f->sections);
}

int reach_check_settings(const struct reach *f) {
  if (f->code.preview >= f->trajectory.steps)
    return err_set(ERR_SETTING, "code.preview=%lld: a movement has trajectory.steps=%lld", (long long)f->code.preview, (long long)f->trajectory.steps);
  if (f->code.lead_in && f->update.signal != EPROP_LSG)
    return err_set(ERR_SETTING, "code.lead_in=%lld: the error of update.signal=%s begins with the movement; only a generator can lead in", (long long)f->code.lead_in,
                   eprop_signal_names[f->update.signal]);
  return 0;
}

void reach_oneshot(struct oneshot *o, const struct reach *f) {
  *o = (struct oneshot){ .update = f->update, .noise = f->noise, .T = (int)(f->code.lead_in + f->trajectory.steps), .sparsity = f->loss.sparsity };
  spiking_init(&o->trainee, &f->trainee, (int)f->code.clock_neurons, TRAJECTORY_JOINTS);
  spiking_init(&o->lsg, &f->lsg, spikecode_inputs(&f->code), o->trainee.n);
  oneshot_layout(o);
}

// ---- the six matrices

// A matrix of a file and where it lies in the parameter block.
struct matrix {
  const char *name;
  int rows, columns, ld;
  size_t offset;
};

static void matrices(struct matrix m[6], const struct oneshot *o) {
  const struct spiking *l = &o->lsg, *t = &o->trainee;
  const struct matrix all[6] = {
    { "lsg.w_in", l->n_in, l->n, l->ld, o->lsg_w },
    { "lsg.w_rec", l->n, l->n, l->ld, o->lsg_w + spiking_recurrent(l) },
    { "lsg.w_out", l->n, l->n_out, l->ld_out, o->lsg_w_out },
    { "trainee.w_in", t->n_in, t->n, t->ld, o->trainee_w },
    { "trainee.w_rec", t->n, t->n, t->ld, o->trainee_w + spiking_recurrent(t) },
    { "trainee.w_out", t->n, t->n_out, t->ld_out, o->trainee_w_out },
  };
  memcpy(m, all, sizeof all);
}

int reach_parameters_read(real *parameters, const struct oneshot *o, struct tensorfile *tf, const char *prefix) {
  struct matrix all[6];
  matrices(all, o);
  memset(parameters, 0, o->n*sizeof *parameters);
  for (int k = 0; k < 6; k++) {
    const struct matrix *m = &all[k];
    const int64_t dims[2] = { m->rows, m->columns };
    char name[128];
    snprintf(name, sizeof name, "%s%s", prefix, m->name);
    real *plain = err_calloc((size_t)m->rows*(size_t)m->columns, sizeof *plain);
    const int rc = tensorfile_real(tf, name, 2, dims, plain);
    for (int i = 0; i < m->rows && rc == 0; i++)
      memcpy(parameters + m->offset + (size_t)i*(size_t)m->ld, plain + (size_t)i*(size_t)m->columns, (size_t)m->columns*sizeof(real));
    free(plain);
    TRY(rc);
  }
  spiking_clear_diagonal(&o->lsg, parameters + o->lsg_w);
  spiking_clear_diagonal(&o->trainee, parameters + o->trainee_w);
  return 0;
}

// put: tensorfile_put_real or _f16
static void put_matrices(struct tensorfile_writer *w, const struct oneshot *o, const real *parameters,
                         void (*put)(struct tensorfile_writer *, const char *, int, const int64_t *, const real *)) {
  struct matrix all[6];
  matrices(all, o);
  for (int k = 0; k < 6; k++) {
    const struct matrix *m = &all[k];
    const int64_t dims[2] = { m->rows, m->columns };
    real *plain = err_calloc((size_t)m->rows*(size_t)m->columns, sizeof *plain);
    for (int i = 0; i < m->rows; i++)
      memcpy(plain + (size_t)i*(size_t)m->columns, parameters + m->offset + (size_t)i*(size_t)m->ld, (size_t)m->columns*sizeof(real));
    put(w, m->name, 2, dims, plain);
    free(plain);
  }
}

// ---- models

static const char *const model_settings[] = { "trajectory", "arm", "code", "lsg", "trainee", "update", "loss", CHIP_LAYOUT_SETTINGS, NULL };

// Sizes that the tensors of a file state, also where it carries no settings.
static int sizes(struct reach *f, const struct tensorfile *tf) {
  const char *file = tensorfile_name(tf);
  const struct tensorfile_entry *lsg = tensorfile_find(tf, "lsg.w_rec"), *trainee = tensorfile_find(tf, "trainee.w_rec");
  if (!lsg || !trainee) return err_set(ERR_FORMAT, "%s: tensor %s: absent; not a model of the arm", file, lsg ? "trainee.w_rec" : "lsg.w_rec");
  const struct tensorfile_entry *const both[] = { lsg, trainee };
  for (int k = 0; k < 2; k++)
    if (both[k]->n_dims != 2 || both[k]->dims[0] < 1 || both[k]->dims[0] > 32768 || both[k]->dims[1] != both[k]->dims[0])
      return err_set(ERR_FORMAT, "%s: tensor %s: expected (neurons, neurons), at most 32768", file, both[k]->name);
  f->lsg.neurons = lsg->dims[0];
  f->trainee.neurons = trainee->dims[0];
  return 0;
}

static int take_over(struct reach *f, const struct tensorfile *tf) {
  if (tensorfile_metadata(tf, "lsg.neurons")) {
    TRY(settings_restore(f->sections, model_settings, tf));
  } else {
    note("%s: no settings in the file; taken as published weights (trajectory.generator=published, code.scale_m=1, arm.stops=no)", tensorfile_name(tf));
    f->arm.stops = 0;
    f->trajectory.generator = TRAJECTORY_PUBLISHED;
    f->code.scale_m = 1;
  }
  return sizes(f, tf);
}

int reach_model_is(bool *arm, const char *path) {
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, path));
  *arm = tensorfile_find(tf, "lsg.w_rec") != NULL;
  tensorfile_close(tf);
  return 0;
}

int reach_model_load(struct reach_model *m, struct reach *f, const char *path, int n_assignments, char *const *assignments) {
  *m = (struct reach_model){ 0 };
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, path));
  int rc = format_check(tf, FORMAT_ARM);
  if (rc == 0) rc = take_over(f, tf);
  for (int k = 0; k < n_assignments && rc == 0; k++) rc = settings_set(f->sections, assignments[k]);
  if (rc == 0) {
    reach_oneshot(&m->o, f);
    m->parameters = err_aligned(m->o.n, sizeof *m->parameters);
    rc = reach_parameters_read(m->parameters, &m->o, tf, "");
  }
  if (rc < 0) reach_model_release(m);
  tensorfile_close(tf);
  return rc;
}

void reach_model_start(struct reach_model *m, const struct reach *f) {
  reach_oneshot(&m->o, f);
  m->parameters = err_aligned(m->o.n, sizeof *m->parameters);
  struct rng r = rng_stream((uint64_t)f->run.seed, RNG_INIT, 0);
  const struct oneshot *o = &m->o;
  spiking_start(&o->lsg, m->parameters + o->lsg_w, m->parameters + o->lsg_w_out, 0, &r);
  spiking_start(&o->trainee, m->parameters + o->trainee_w, m->parameters + o->trainee_w_out, 1 - (double)o->trainee.kappa, &r);
}

void reach_model_release(struct reach_model *m) {
  free(m->parameters);
  m->parameters = NULL;
}

int reach_model_save(const struct reach_model *m, const struct reach *f, const char *path, bool half) {
  struct tensorfile_writer *w = tensorfile_create(path);
  format_put(w, FORMAT_ARM);
  settings_store(f->sections, model_settings, w);
  put_matrices(w, &m->o, m->parameters, half ? tensorfile_put_f16 : tensorfile_put_real);
  return tensorfile_commit(w);
}
