// Meta-training: an outer update is a batch of movements in episodes, each differentiated by one thread.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/format.h"
#include "base/par.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "experiment/arm/batch.h"
#include "run/rundir.h"

enum { LOSS, TASK, BEFORE, RATE, PRICE, POSITION, TRAINEE_HZ, LSG_HZ, CHANGED_IN, CHANGED_REC,
       TRAINEE_SILENT, TRAINEE_SATURATED, LSG_SILENT, LSG_SATURATED, N_COLUMNS };
static const char columns[] =
  "loss,loss_task,loss_before,loss_rate,loss_sparsity,rms_distance_cm,trainee_Hz,lsg_Hz,changed_in,changed_rec,"
  "trainee_silent,trainee_saturated,lsg_silent,lsg_saturated";

struct training_state {
  const struct reach *f;
  struct run_settings settings;
  struct reach_model model;
  struct reach_batch batch;
  struct par *par;
  int shares[TRAJECTORY_FAMILIES];
  bool noted;  // that many neurons are silent or saturated
};

// ---- one outer update

static int begin_update(void *context, int64_t iteration) {
  struct training_state *t = context;
  const int64_t n = t->f->train.trajectories;
  t->batch.parameters = t->model.parameters;
  return reach_batch_draw_own(&t->batch, (int)n, RNG_TRAJECTORY, (uint64_t)(iteration*n));
}

static int perform_episode(void *context, int episode, int worker) {
  struct training_state *t = context;
  reach_batch_perform(&t->batch, episode, worker);
  return 0;
}

static int between(void *context) {
  struct training_state *t = context;
  reach_batch_losses(&t->batch);
  return 0;
}

static int differentiate_episode(void *context, int episode, int worker, real *gradient) {
  struct training_state *t = context;
  reach_batch_backward(&t->batch, gradient, episode, worker);
  return 0;
}

static int finish_update(void *context, real *gradient, double *tally) {
  struct training_state *t = context;
  const struct reach_batch *b = &t->batch;
  reach_batch_finish(&t->batch, gradient);
  tally[LOSS] = b->loss_task + b->loss_rate + b->loss_price;
  tally[TASK] = b->loss_task;
  tally[BEFORE] = b->loss_before;
  tally[RATE] = b->loss_rate;
  tally[PRICE] = b->loss_price;
  tally[POSITION] = b->position;
  tally[TRAINEE_HZ] = b->trainee_Hz;
  tally[LSG_HZ] = b->lsg_Hz;
  tally[CHANGED_IN] = b->changed[0];
  tally[CHANGED_REC] = b->changed[1];
  tally[TRAINEE_SILENT] = b->trainee_activity.silent;
  tally[TRAINEE_SATURATED] = b->trainee_activity.saturated;
  tally[LSG_SILENT] = b->lsg_activity.silent;
  tally[LSG_SATURATED] = b->lsg_activity.saturated;
  return 0;
}

// ---- records

// The mean square of a coordinate as the root mean square distance; the user hears once of neurons without use.
static void row(void *context, double *mean) {
  struct training_state *t = context;
  const struct oneshot *o = &t->model.o;
  const bool lsg = o->update.signal == EPROP_LSG;
  const int64_t movements = t->f->train.trajectories;
  if (!t->noted)
    t->noted =
        reach_note_activity("trainee", mean[TRAINEE_SILENT], mean[TRAINEE_SATURATED], o->trainee.n, movements) ||
        (lsg && reach_note_activity("generator", mean[LSG_SILENT], mean[LSG_SATURATED], o->lsg.n, movements));
  mean[POSITION] = 100*sqrt(3*mean[POSITION]);
}

static void progress(void *context, const double *mean, char *text, size_t size) {
  (void)context;
  snprintf(text, size, "loss %.4f  %.2f cm  %.1f/%.1f Hz", mean[TASK], mean[POSITION], mean[TRAINEE_HZ], mean[LSG_HZ]);
}

// Whether the bits of a run depend on a setting: target.* belongs to evaluations.
static bool matters(const void *context, const char *key) {
  return strncmp(key, "target.", 7) && training_matters(context, key);
}

static int validate_episode(void *context, int episode, int worker, void *record) {
  struct training_state *t = context;
  struct reach_batch *b = &t->batch;
  double *distance_cm = record, omega[2];
  reach_batch_perform(b, episode, worker);
  for (int k = episode*b->group; k < b->n && k < (episode + 1)*b->group; k++)
    reach_batch_errors(distance_cm++, omega, b, k, b->item[k].output);
  return 0;
}

// Mean RMS tip distance over a fixed set of movements that are not trained on.
static int validate(void *context, double *values) {
  struct training_state *t = context;
  const int64_t n = t->f->train.validate_trajectories;
  struct reach_batch *b = &t->batch;
  double sum = 0;
  double *distance_cm = err_calloc((size_t)(b->capacity + b->group), sizeof *distance_cm);  // whole episodes
  int rc = 0;
  for (int64_t done = 0; done < n && rc == 0; done += b->n) {
    const int64_t left = n - done;
    rc = reach_batch_draw_own(b, left < b->capacity ? (int)left : b->capacity, RNG_VALIDATE, (uint64_t)done);
    if (rc == 0)
      rc = par_map(t->par, reach_batch_episodes(b), (size_t)b->group*sizeof *distance_cm, validate_episode, t,
                   distance_cm);
    for (int k = 0; k < b->n && rc == 0; k++) sum += distance_cm[k];
  }
  free(distance_cm);
  values[0] = sum/(double)n;
  return rc;
}

static int save(void *context, const char *path) {
  const struct training_state *t = context;
  return reach_model_save(&t->model, t->f, path, false);
}

// ---- beginning and end

static int check_settings(const struct reach *f) {
  if (f->train.trajectories*f->training.iterations > UINT32_MAX)
    return err_set(ERR_SETTING, "train.iterations=%lld: with train.trajectories=%lld more than %u movements in all",
                   (long long)f->training.iterations, (long long)f->train.trajectories, UINT32_MAX);
  TRY(reach_check_settings(f));
  if (f->update.lsg_passes > 1)
    return err_set(ERR_SETTING, "update.lsg_passes=%lld: meta-training goes through one pass",
                   (long long)f->update.lsg_passes);
  if (f->update.repeats > 1)
    return err_set(ERR_SETTING, "update.repeats=%lld: meta-training goes through one update",
                   (long long)f->update.repeats);
  if (f->train.shares[0] && f->trajectory.family != TRAJECTORY_MIXED)
    return err_set(ERR_SETTING, "train.shares=%s: has an effect with trajectory.family=mixed only", f->train.shares);
  return 0;
}

static int prepare(struct training_state *t, struct reach *f) {
  const int64_t n = f->train.trajectories, group = f->train.group;
  *t = (struct training_state){ .f = f, .settings = reach_run_settings(f) };
  TRY(check_settings(f));
  TRY(trajectory_shares(t->shares, "train.shares", f->train.shares));
  TRY(reach_model_new(&t->model, f));
  const double bytes = reach_batch_bytes(f, &t->model.o, (int)n, run_threads(&f->run));
  const int rc = err_room(bytes, "train.trajectories, trajectory.steps, lsg.neurons, trainee.neurons");
  if (rc < 0) reach_model_release(&t->model);
  TRY(rc);
  t->par = par_new(run_threads(&f->run));
  reach_batch_init(&t->batch, f, &t->model.o, (int)n, (int)(group < n ? group : n), t->par, NULL);
  t->batch.shares = t->shares;
  return 0;
}

static void release(struct training_state *t) {
  if (!t->par) return;
  reach_batch_release(&t->batch);
  par_free(t->par);
  reach_model_release(&t->model);
}

// The model to start from, which may be gone by the time a run is continued from its checkpoint.
static int load_start(struct training_state *t, const char *folder, bool resume) {
  const char *start = t->f->training.start;
  char checkpoint[FILE_PATH_SIZE];
  struct tensorfile *tf;
  snprintf(checkpoint, sizeof checkpoint, "%s/" RUNDIR_CHECKPOINT, folder);
  if (!start[0] || (resume && file_exists(checkpoint))) return 0;
  TRY(tensorfile_open(&tf, start));
  int rc = format_check(tf, "metaxbar arm");
  if (rc == 0) rc = reach_parameters_read(t->model.parameters, &t->model.o, tf, "");
  tensorfile_close(tf);
  return rc;
}

// Rates of the six matrices over train.rate; the trainee's W_in and W_rec go on a chip.
static void set_groups(struct training_job *job, const struct training_state *t) {
  const struct reach_train_params *p = &t->f->train;
  const struct oneshot *o = &t->model.o;
  double rate[ONESHOT_MATRICES], *const trainee = rate + 3;
  for (int k = 0; k < ONESHOT_MATRICES; k++) rate[k] = 1;
  if (p->relative) {
    spiking_start_spread(rate, &o->lsg, 0);
    spiking_start_spread(trainee, &o->trainee, 1 - (double)o->trainee.kappa);
  }
  rate[1] *= p->recurrent_rate;
  trainee[0] *= p->trainee_rate;
  trainee[1] *= p->trainee_rate;
  trainee[2] *= p->readout_rate;
  job->n_groups = ONESHOT_MATRICES;
  for (int k = 0; k < ONESHOT_MATRICES; k++)
    job->group[k] = (struct training_group){ .first = o->matrix[k], .n = o->matrix[k + 1] - o->matrix[k],
                                             .rate = rate[k], .limited = k == 3 || k == 4 };
}

static struct training_job job_of(struct training_state *t) {
  struct training_job job = {
    .settings = &t->settings, .context = t, .par = t->par,
    .n = t->model.o.n, .parameters = t->model.parameters,
    .n_items = reach_batch_episodes(&t->batch), .begin = begin_update, .forward = perform_episode, .between = between,
    .item = differentiate_episode, .finish = finish_update,
    .records = t->batch.records, .record_bytes = t->batch.record_bytes,
    .n_columns = N_COLUMNS, .columns = columns, .row = row, .progress = progress,
    .n_validation = 1, .validation_columns = "validation_cm",
    .validate = t->f->train.validate_trajectories ? validate : NULL,
    .save = save, .matters = matters,
  };
  set_groups(&job, t);
  return job;
}

int reach_train(struct reach *f, const char *folder, bool resume) {
  struct training_state t;
  int rc = prepare(&t, f);
  if (rc == 0) rc = load_start(&t, folder, resume);
  if (rc == 0) {
    struct training_job job = job_of(&t);
    rc = training_run(&job, folder, resume);
  }
  release(&t);
  return rc;
}

int reach_train_check(struct reach *f) {
  struct training_state t;
  int rc = prepare(&t, f);
  if (rc == 0) rc = load_start(&t, "", false);
  release(&t);
  return rc;
}

int reach_train_timed(struct reach *f, const struct reach_model *m, int n, double *seconds) {
  struct training_state t;
  int rc = prepare(&t, f);
  if (rc == 0) {
    memcpy(t.model.parameters, m->parameters, m->o.n*sizeof(real));
    struct training_job job = job_of(&t);
    rc = training_time(&job, n, seconds);
  }
  release(&t);
  return rc;
}
