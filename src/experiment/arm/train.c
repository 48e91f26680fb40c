// Meta-training: the outer loop over batches of movements, its checkpoints and its records.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/pool.h"
#include "base/progress.h"
#include "base/rng.h"
#include "run/rundir.h"
#include "base/signals.h"
#include "base/tensorfile.h"
#include "run/checkpoint.h"
#include "experiment/arm/batch.h"
#include "kernel/adam.h"

enum { SLICES = 16 };

// Sums since the last row of metrics.csv.
enum { LOSS, TASK, BEFORE, RATE, PRICE, POSITION, TRAINEE_HZ, LSG_HZ, CHANGED_IN, CHANGED_REC, N_TALLY };
static const char header[] =
  "iteration,rate,loss,loss_task,loss_before,loss_rate,loss_sparsity,rms_distance_cm,trainee_Hz,lsg_Hz,changed_in,changed_rec,validation_cm";

struct training {
  const struct reach *f;
  struct reach_model model;
  struct reach_batch batch;
  struct pool *pool;
  struct rundir run;
  real *moment1, *moment2;
  double step_rate;      // of the Adam update under way
  double rate_of[ONESHOT_MATRICES];  // times that
  double tally[N_TALLY];
  int64_t tallied;       // iterations in tally
  int64_t iteration;     // finished
};

static double learning_rate(const struct reach_train_params *p, int64_t iteration) {
  if (p->schedule == 0) return p->rate*pow(p->decay, (double)(iteration/p->decay_every));
  return p->rate*0.5*(1 + cos(3.14159265358979323846*(double)iteration/(double)p->iterations));
}

// Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019).
static void adam_range(struct training *t, size_t begin, size_t end, double rate) {
  const struct reach_train_params *p = &t->f->train;
  const real keep = (real)(1 - rate*p->weight_decay);
  for (size_t i = begin; i < end && keep < 1; i++) t->model.parameters[i] *= keep;
  adam_step(t->model.parameters + begin, t->moment1 + begin, t->moment2 + begin, t->batch.gradient + begin, end - begin, rate, p->epsilon,
            (long)t->iteration + 1);
}

// Hold the weights that go on a chip, trainee w, within +-train.weight_max.
static void clip_weights(struct training *t, size_t begin, size_t end) {
  const real most = (real)t->f->train.weight_max;
  if (most <= 0 || begin < t->model.o.trainee_w || begin >= t->model.o.trainee_w_out) return;
  for (size_t i = begin; i < end; i++) {
    real *w = &t->model.parameters[i];
    *w = *w > most ? most : *w < -most ? -most : *w;
  }
}

// A slice of each of the six matrices, which may have rates of their own.
static void adam_slice(void *context, int slice, int worker) {
  struct training *t = context;
  (void)worker;
  for (int k = 0; k < ONESHOT_MATRICES; k++) {
    const size_t first = t->model.o.matrix[k], n = t->model.o.matrix[k + 1] - first;
    const size_t begin = first + n*(size_t)slice/SLICES, end = first + n*(size_t)(slice + 1)/SLICES;
    adam_range(t, begin, end, t->step_rate*t->rate_of[k]);
    clip_weights(t, begin, end);
  }
}

// Rates of the matrices over train.rate.
static void set_rates(struct training *t) {
  const struct reach_train_params *p = &t->f->train;
  const struct oneshot *o = &t->model.o;
  double *const lsg = t->rate_of, *const trainee = t->rate_of + 3;
  for (int k = 0; k < ONESHOT_MATRICES; k++) t->rate_of[k] = 1;
  if (p->relative) {
    spiking_start_spread(lsg, &o->lsg, 0);
    spiking_start_spread(trainee, &o->trainee, 1 - (double)o->trainee.kappa);
  }
  lsg[1] *= p->recurrent_rate;
  trainee[0] *= p->trainee_rate;
  trainee[1] *= p->trainee_rate;
  trainee[2] *= p->readout_rate;
}

// Shorten the gradient to train.clip; returns its length, which is not finite if any element is not.
static double clip_gradient(struct training *t) {
  double square = 0;
  for (size_t i = 0; i < t->model.o.n; i++) square += (double)t->batch.gradient[i]*(double)t->batch.gradient[i];
  const double length = sqrt(square), most = t->f->train.clip;
  if (most > 0 && length > most)
    for (size_t i = 0; i < t->model.o.n; i++) t->batch.gradient[i] *= (real)(most/length);
  return length;
}

static void tally(struct training *t) {
  const struct reach_batch *b = &t->batch;
  const double loss = b->loss_task + b->loss_rate + b->loss_price;
  const double now[N_TALLY] = { loss, b->loss_task, b->loss_before, b->loss_rate, b->loss_price, b->position,
                                b->trainee_Hz, b->lsg_Hz, b->changed[0], b->changed[1] };
  for (int k = 0; k < N_TALLY; k++) t->tally[k] += now[k];
  t->tallied++;
}

static int outer_update(struct training *t) {
  const struct reach_train_params *p = &t->f->train;
  struct reach_batch *b = &t->batch;
  TRY(reach_batch_draw(b, (int)p->trajectories, RNG_TRAJECTORY, (uint64_t)(t->iteration*p->trajectories)));
  reach_batch_forward(b, t->model.parameters);
  reach_batch_backward(b);
  const double length = clip_gradient(t);
  if (!isfinite(length) || !isfinite(b->loss_task))
    return err_set(ERR_DIVERGED, "iteration %lld: loss %g, gradient of length %g", (long long)t->iteration + 1, b->loss_task, length);
  t->step_rate = learning_rate(p, t->iteration);
  pool_run(t->pool, SLICES, adam_slice, t);
  tally(t);
  t->iteration++;
  return 0;
}

// ---- checkpoints

// Whether the bits of a run depend on a setting.
static bool matters(const void *context, const char *key) {
  static const char *const never[] = { "run.threads", "train.checkpoint_every_s", "eval.", "target.", "synapse.", "chip.", "verify.", "ledger.", NULL };
  (void)context;
  for (int k = 0; never[k]; k++)
    if (!strncmp(key, never[k], strlen(never[k]))) return false;
  return true;
}

static struct checkpoint checkpoint_of(struct training *t) {
  return (struct checkpoint){
    .run = &t->run, .sections = t->f->sections, .matters = matters, .n = t->model.o.n,
    .parameters = t->model.parameters, .moment1 = t->moment1, .moment2 = t->moment2, .iterations = t->f->train.iterations,
    .iteration = &t->iteration, .n_tally = N_TALLY, .tally = t->tally, .tallied = &t->tallied,
  };
}

static int load_checkpoint(struct training *t) {
  const struct checkpoint checkpoint = checkpoint_of(t);
  return checkpoint_load(&checkpoint);
}

static int load_start(struct training *t) {
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, t->f->train.start));
  const int rc = reach_parameters_read(t->model.parameters, &t->model.o, tf, "");
  tensorfile_close(tf);
  return rc;
}

// ---- records

// Mean RMS tip distance over a fixed set of movements that are not trained on.
static int validate(struct training *t, double *mean_cm) {
  const struct reach_train_params *p = &t->f->train;
  struct reach_batch *b = &t->batch;
  double sum = 0;
  for (int64_t done = 0; done < p->validate_trajectories; done += b->n) {
    const int64_t left = p->validate_trajectories - done;
    TRY(reach_batch_draw(b, left < b->capacity ? (int)left : b->capacity, RNG_VALIDATE, (uint64_t)done));
    reach_batch_forward(b, t->model.parameters);
    for (int k = 0; k < b->n; k++) {
      double distance_cm, omega[2];
      reach_batch_errors(&distance_cm, omega, b, k, b->item[k].output);
      sum += distance_cm;
    }
  }
  *mean_cm = sum/(double)p->validate_trajectories;
  return 0;
}

// A row of metrics.csv, with validation where it is due; the tally starts anew.
static int record(struct training *t) {
  const struct reach_train_params *p = &t->f->train;
  const bool last = t->iteration == p->iterations;
  if (t->iteration % p->log_every && !last) return 0;
  char validation[32] = "";
  if (p->validate_trajectories && (t->iteration % p->validate_every == 0 || last)) {
    double mean_cm;
    TRY(validate(t, &mean_cm));
    snprintf(validation, sizeof validation, "%.6f", mean_cm);
  }
  const double *s = t->tally, n = (double)t->tallied;
  TRY(rundir_row(&t->run, "%lld,%.6g,%.8g,%.8g,%.8g,%.8g,%.8g,%.6f,%.4f,%.4f,%.5f,%.5f,%s", (long long)t->iteration,
                 learning_rate(p, t->iteration - 1), s[LOSS]/n, s[TASK]/n, s[BEFORE]/n, s[RATE]/n, s[PRICE]/n,
                 100*sqrt(3*s[POSITION]/n), s[TRAINEE_HZ]/n, s[LSG_HZ]/n, s[CHANGED_IN]/n, s[CHANGED_REC]/n, validation));
  memset(t->tally, 0, sizeof t->tally);
  t->tallied = 0;
  return 0;
}

static int save_model(const struct training *t) {
  char path[FILE_PATH_SIZE];
  rundir_path(&t->run, RUNDIR_MODEL, path);
  return reach_model_save(&t->model, t->f, path, false);
}

static double clock_s(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9*(double)now.tv_nsec;
}

static int loop(struct training *t) {
  const struct checkpoint checkpoint = checkpoint_of(t);
  const struct reach_train_params *p = &t->f->train;
  struct progress bar;
  progress_start(&bar, "train", p->iterations, t->iteration);
  double saved_s = clock_s();
  int rc = 0;
  while (rc == 0 && t->iteration < p->iterations && !signals_caught()) {
    rc = outer_update(t);
    progress_update(&bar, t->iteration, "loss %.4f  %.2f cm  %.1f/%.1f Hz", t->batch.loss_task, 100*sqrt(3*t->batch.position), t->batch.trainee_Hz, t->batch.lsg_Hz);
    if (rc == 0) rc = record(t);
    if (rc == 0 && clock_s() - saved_s >= p->checkpoint_every_s) {
      rc = checkpoint_save(&checkpoint);
      saved_s = clock_s();
    }
  }
  progress_finish(&bar);
  TRY(rc);
  TRY(checkpoint_save(&checkpoint));
  TRY(save_model(t));
  if (t->iteration < p->iterations)
    return err_set(ERR_INTERRUPTED, "%s: stopped at iteration %lld of %lld; continue with --resume", t->run.path, (long long)t->iteration, (long long)p->iterations);
  return 0;
}

static void allocate(struct training *t) {
  const struct reach *f = t->f;
  const int64_t n = f->train.trajectories, group = f->train.group;
  t->pool = pool_new(reach_workers(f));
  reach_model_start(&t->model, f);
  t->moment1 = err_aligned(t->model.o.n, sizeof(real));
  t->moment2 = err_aligned(t->model.o.n, sizeof(real));
  set_rates(t);
  reach_batch_init(&t->batch, f, &t->model.o, (int)n, (int)(group < n ? group : n), t->pool, true, NULL);
}

static void release(struct training *t) {
  reach_batch_release(&t->batch);
  pool_free(t->pool);
  reach_model_release(&t->model);
  free(t->moment1);
  free(t->moment2);
}

static int check_settings(const struct reach *f) {
  if (f->train.trajectories*f->train.iterations > UINT32_MAX)
    return err_set(ERR_SETTING, "train.iterations=%lld: with train.trajectories=%lld more than %u movements in all",
                   (long long)f->train.iterations, (long long)f->train.trajectories, UINT32_MAX);
  TRY(reach_check_settings(f));
  if (f->update.lsg_passes > 1)
    return err_set(ERR_SETTING, "update.lsg_passes=%lld: meta-training goes through one pass", (long long)f->update.lsg_passes);
  if (f->update.repeats > 1)
    return err_set(ERR_SETTING, "update.repeats=%lld: meta-training goes through one update", (long long)f->update.repeats);
  return 0;
}

static int prepare_and_loop(struct training *t, int resume) {
  TRY(rundir_describe(&t->run, t->f->sections));
  if (resume && rundir_has_checkpoint(&t->run)) TRY(load_checkpoint(t));
  else if (t->f->train.start[0]) TRY(load_start(t));
  TRY(rundir_metrics(&t->run, header, t->iteration));
  signals_watch();
  const int rc = loop(t);
  signals_unwatch();
  return rc;
}

int reach_train(struct reach *f, const char *folder, int resume) {
  struct training t = { .f = f };
  TRY(check_settings(f));
  TRY(rundir_open(&t.run, folder, resume));
  allocate(&t);
  const int rc = prepare_and_loop(&t, resume);
  rundir_close(&t.run);
  release(&t);
  return rc;
}

int reach_train_timed(const struct reach *f, const struct reach_model *m, int n, double *seconds) {
  struct training t = { .f = f };
  TRY(check_settings(f));
  allocate(&t);
  memcpy(t.model.parameters, m->parameters, m->o.n*sizeof(real));
  int rc = 0;
  for (int k = 0; k < n && rc == 0; k++) {
    const double begin = clock_s();
    rc = outer_update(&t);
    seconds[k] = clock_s() - begin;
  }
  release(&t);
  return rc;
}
