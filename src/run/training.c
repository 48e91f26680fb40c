#include "run/training.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/note.h"
#include "base/par.h"
#include "base/par_ranks.h"
#include "base/progress.h"
#include "base/signals.h"
#include "base/text.h"
#include "kernel/adam.h"
#include "run/checkpoint.h"
#include "run/run.h"
#include "run/rundir.h"

enum { SLICES = 16 };
static const double pi = 3.14159265358979323846;

const char *const training_schedule_names[] = { "constant", "steps", "cosine", NULL };

// A training under way.
struct training {
  struct training_job *job;
  const struct training_params *p;
  real *gradient, *moment1, *moment2;
  struct checkpoint_state state;
  struct rundir run;
};

double training_rate(const struct training_params *p, int64_t iteration) {
  switch ((enum training_schedule)p->schedule) {
  case TRAINING_CONSTANT: return p->rate;
  case TRAINING_STEPS: return p->rate * pow(p->decay, (double)(iteration / p->decay_every));
  case TRAINING_COSINE: return p->rate * 0.5 * (1 + cos(pi * (double)iteration / (double)p->iterations));
  }
  return 0;
}

// ---- one update

struct step {
  const struct training_job *job;
  const real *gradient;
  real *moment1, *moment2;
  double rate;
  int64_t number;
};

static void step_range(const struct step *s, const struct training_group *group, size_t begin, size_t end) {
  const struct training_params *p = s->job->settings->training;
  real *const w = s->job->parameters;
  const double rate = s->rate * group->rate;
  const real keep = (real)(1 - rate * p->weight_decay), most = (real)p->weight_max;
  for (size_t i = begin; i < end && keep < 1; i++) w[i] *= keep;
  adam_step(w + begin, s->moment1 + begin, s->moment2 + begin, s->gradient + begin, end - begin, rate, p->epsilon,
            (long)s->number);
  if (most > 0 && group->limited)
    for (size_t i = begin; i < end; i++) w[i] = w[i] > most ? most : w[i] < -most ? -most : w[i];
}

// A slice of each group.
static void step_slice(void *context, int slice, int worker) {
  const struct step *s = context;
  (void)worker;
  for (int k = 0; k < s->job->n_groups; k++) {
    const struct training_group *g = &s->job->group[k];
    step_range(s, g, g->first + g->n * (size_t)slice / SLICES, g->first + g->n * (size_t)(slice + 1) / SLICES);
  }
}

double training_step(const struct training_job *job, real *gradient, real *moment1, real *moment2, int64_t number) {
  const struct training_params *p = job->settings->training;
  double square = 0;
  for (size_t i = 0; i < job->n; i++) square += (double)gradient[i] * (double)gradient[i];
  const double length = sqrt(square);
  if (!isfinite(length)) return length;
  if (p->clip > 0 && length > p->clip)
    for (size_t i = 0; i < job->n; i++) gradient[i] *= (real)(p->clip / length);
  struct step s = { job, gradient, moment1, moment2, training_rate(p, number - 1), number };
  par_local(job->par, SLICES, step_slice, &s);
  return length;
}

static int forward_item(void *context, int item, int worker, void *record) {
  const struct training_job *job = context;
  (void)record;
  return job->forward(job->context, item, worker);
}

static int gradient_item(void *context, int item, int worker, void *record, real *gradient) {
  const struct training_job *job = context;
  (void)record;
  return job->item(job->context, item, worker, gradient);
}

// Means over items.
static int finish_means(struct training_job *job, real *gradient, double *tally) {
  for (int k = 0; k < job->n_items; k++)
    for (int c = 0; c < job->n_columns; c++) tally[c] += job->tally[k * job->n_columns + c] / job->n_items;
  for (size_t i = 0; i < job->n; i++) gradient[i] /= (real)job->n_items;
  return 0;
}

bool training_matters(const void *context, const char *key) {
  static const char *const not [] = {
    "run.threads", "train.checkpoint_every_s", "eval.", "synapse.", "chip.", "verify.", "ledger.", NULL
  };
  (void)context;
  for (int k = 0; not [k]; k++)
    if (!strncmp(key, not [k], strlen(not [k]))) return false;
  return true;
}

static int check_weights(const struct training *t) {
  const real *const w = t->job->parameters;
  int bad = 0;
  for (size_t i = 0; i < t->job->n; i++) bad |= !(w[i] - w[i] == 0);  // in vectors, which isfinite keeps gcc from
  if (bad) return err_set(ERR_DIVERGED, "iteration %lld: a weight is not finite", (long long)t->state.iteration + 1);
  return 0;
}

static int outer_update(struct training *t) {
  struct training_job *job = t->job;
  double tally[TRAINING_MAX_COLUMNS] = { 0 };
  job->iteration = t->state.iteration;
  if (job->begin) TRY(job->begin(job->context, t->state.iteration));
  if (job->forward) TRY(par_map(job->par, job->n_items, job->record_bytes, forward_item, job, job->records));
  if (job->between) TRY(job->between(job->context));
  TRY(par_sum(job->par, job->n_items, job->record_bytes, gradient_item, job, job->records, t->gradient, job->n));
  TRY(job->finish ? job->finish(job->context, t->gradient, tally) : finish_means(job, t->gradient, tally));
  if (!isfinite(tally[0]))
    return err_set(ERR_DIVERGED, "iteration %lld: the loss is not finite", (long long)t->state.iteration + 1);
  const double length = training_step(job, t->gradient, t->moment1, t->moment2, t->state.iteration + 1);
  if (!isfinite(length))
    return err_set(ERR_DIVERGED, "iteration %lld: the gradient is not finite; loss %g",
                   (long long)t->state.iteration + 1, tally[0]);
  TRY(check_weights(t));
  for (int k = 0; k < job->n_columns; k++) t->state.tally[k] += tally[k];
  t->state.tallied++;
  t->state.iteration++;
  return 0;
}

// ---- records

// Means of the tally since the last row.
static void means(const struct training *t, double *mean) {
  const double n = t->state.tallied > 0 ? (double)t->state.tallied : 1;
  for (int k = 0; k < t->job->n_columns; k++) mean[k] = t->state.tally[k] / n;
  if (t->job->row) t->job->row(t->job->context, mean);
}

// The result of writing a file of the run: a file that would hold numbers that are not finite is not written.
static int explain_divergence(const struct training *t, int rc) {
  if (rc != ERR_DIVERGED) return rc;
  char why[512];
  snprintf(why, sizeof why, "%s", err_message());
  return err_set(ERR_DIVERGED, "the training has diverged by iteration %lld: %s", (long long)t->state.iteration, why);
}

static int save_model(struct training *t, const char *name) {
  char path[FILE_PATH_SIZE];
  if (!par_ranks_first()) return 0;
  rundir_path(&t->run, name, path);
  return explain_divergence(t, t->job->save(t->job->context, path));
}

// Validation values as columns of the row; the best model so far is kept.
static int validate(struct training *t, char *text, size_t size) {
  const struct training_job *job = t->job;
  double values[TRAINING_MAX_COLUMNS];
  size_t used = 0;
  TRY(job->validate(job->context, values));
  for (int k = 0; k < job->n_validation; k++) used += (size_t)snprintf(text + used, size - used, ",%.8g", values[k]);
  const double score = job->higher_is_better ? values[job->score] : -values[job->score];
  if (t->state.best_iteration > 0 && score <= t->state.best) return 0;
  TRY(save_model(t, RUNDIR_BEST));
  t->state.best = score;
  t->state.best_iteration = t->state.iteration;
  return 0;
}

// A row of metrics.csv where one or a validation is due; the tally starts anew.
static int record(struct training *t) {
  const struct training_job *job = t->job;
  const bool last = t->state.iteration == t->p->iterations;
  const bool validates = job->validate && (t->state.iteration % t->p->validate_every == 0 || last);
  if (t->state.iteration % t->p->log_every && !validates && !last) return 0;
  char validation[40 * TRAINING_MAX_COLUMNS] = "", row[40 * TRAINING_MAX_COLUMNS] = "";
  double mean[TRAINING_MAX_COLUMNS];
  if (validates) TRY(validate(t, validation, sizeof validation));
  else
    for (int k = 0; k < job->n_validation; k++) strcat(validation, ",");
  means(t, mean);
  size_t used = 0;
  for (int k = 0; k < job->n_columns; k++) used += (size_t)snprintf(row + used, sizeof row - used, ",%.8g", mean[k]);
  if (par_ranks_first())
    TRY(rundir_row(&t->run, "%lld,%.6g%s%s", (long long)t->state.iteration, training_rate(t->p, t->state.iteration - 1),
                   row, validation));
  memset(t->state.tally, 0, sizeof t->state.tally);
  t->state.tallied = 0;
  return 0;
}

// ---- the loop

static struct checkpoint checkpoint_of(struct training *t) {
  const struct training_job *job = t->job;
  return (struct checkpoint){
    .run = &t->run,
    .sections = job->settings->sections,
    .matters = job->matters ? job->matters : training_matters,
    .context = job->context,
    .n = job->n,
    .parameters = job->parameters,
    .moment1 = t->moment1,
    .moment2 = t->moment2,
    .iterations = t->p->iterations,
    .n_tally = job->n_columns,
    .state = &t->state,
  };
}

static void show(const struct training *t, struct progress *bar) {
  char text[128] = "";
  double mean[TRAINING_MAX_COLUMNS];
  if (t->state.tallied == 0) return;
  means(t, mean);
  if (t->job->progress) t->job->progress(t->job->context, mean, text, sizeof text);
  else snprintf(text, sizeof text, "%.*s %.4f", (int)strcspn(t->job->columns, ","), t->job->columns, mean[0]);
  progress_update(bar, t->state.iteration, "%s", text);
}

static int save_checkpoint(struct training *t) {
  const struct checkpoint checkpoint = checkpoint_of(t);
  return par_ranks_first() ? explain_divergence(t, checkpoint_save(&checkpoint)) : 0;
}

// Is there another iteration?
static int next(const struct training *t, bool *another) {
  bool stop = true;
  if (t->state.iteration < t->p->iterations) TRY(par_ranks_stop(&stop));
  *another = !stop;
  return 0;
}

// Where the time went, if there are several ranks. Those that have fewer items wait for the others.
static void note_times(double seconds, int64_t iterations) {
  const struct par_ranks_times times = par_ranks_times();
  const double per_iteration = iterations > 0 ? 1.0 / (double)iterations : 0;
  if (par_ranks_count() == 1) return;
  note(
    "%d ranks, %lld iteration%s: %.4g s each, of which rank 0 computed %.4g s, waited for others %.4g s and exchanged "
    "data %.4g s",
    par_ranks_count(), (long long)iterations, text_s(iterations), seconds * per_iteration,
    (seconds - times.waiting_s - times.sending_s) * per_iteration, times.waiting_s * per_iteration,
    times.sending_s * per_iteration);
}

static int iterate(struct training *t) {
  struct progress bar;
  const int64_t first = t->state.iteration;
  const double begin_s = clock_s();
  double saved_s = begin_s;
  bool another = true;
  par_ranks_reset_times();
  progress_start(&bar, "train", t->p->iterations, t->state.iteration);
  int rc = t->state.tallied ? record(t) : 0;  // stopped during a validation, the row is still to be written
  while (rc == 0 && (rc = next(t, &another)) == 0 && another) {
    rc = outer_update(t);
    show(t, &bar);
    if (rc == 0) rc = record(t);
    if (rc == 0 && clock_s() - saved_s >= t->p->checkpoint_every_s) {
      rc = save_checkpoint(t);
      saved_s = clock_s();
    }
  }
  progress_finish(&bar);
  if (rc == 0) note_times(clock_s() - begin_s, t->state.iteration - first);
  return rc;
}

static int loop(struct training *t) {
  const int rc = iterate(t);
  const bool stopped = rc == ERR_INTERRUPTED || t->state.iteration < t->p->iterations;
  if (rc != ERR_INTERRUPTED) TRY(rc);
  TRY(save_checkpoint(t));
  TRY(save_model(t, RUNDIR_MODEL));
  if (stopped)
    return err_set(ERR_INTERRUPTED, "%s: stopped at iteration %lld of %lld; continue with --resume", t->run.path,
                   (long long)t->state.iteration, (long long)t->p->iterations);
  return 0;
}

static void allocate(struct training *t, struct training_job *job) {
  *t = (struct training){ .job = job, .p = job->settings->training };
  t->gradient = err_aligned(job->n, sizeof(real));
  t->moment1 = err_aligned(job->n, sizeof(real));
  t->moment2 = err_aligned(job->n, sizeof(real));
  job->tally = err_calloc((size_t)(job->n_items * job->n_columns), sizeof *job->tally);
  if (!job->finish) {
    job->records = job->tally;
    job->record_bytes = (size_t)job->n_columns * sizeof *job->tally;
  }
}

static void release(struct training *t) {
  free(t->gradient);
  free(t->moment1);
  free(t->moment2);
  free(t->job->tally);
}

// All ranks begin with the weights and the checkpoint of rank 0.
static int share(struct training *t) {
  const size_t bytes = t->job->n * sizeof(real);
  TRY(par_ranks_share(&t->state, sizeof t->state));
  TRY(par_ranks_share(t->job->parameters, bytes));
  TRY(par_ranks_share(t->moment1, bytes));
  return par_ranks_share(t->moment2, bytes);
}

static int describe(struct training *t) {
  const struct training_job *job = t->job;
  char header[1024];
  snprintf(header, sizeof header, "iteration,rate,%s%s%s", job->columns, job->n_validation ? "," : "",
           job->n_validation ? job->validation_columns : "");
  TRY(rundir_describe(&t->run, job->settings->sections, job->fingerprint));
  return rundir_metrics(&t->run, header, t->state.iteration);
}

// Nothing is written into the folder before all that may be refused has been looked at.
static int prepare_and_loop(struct training *t, bool resume) {
  const struct checkpoint checkpoint = checkpoint_of(t);
  TRY(run_same_on_ranks(checkpoint.sections, checkpoint.matters, checkpoint.context, t->job->fingerprint));
  if (par_ranks_first() && resume && rundir_has_checkpoint(&t->run)) TRY(checkpoint_load(&checkpoint));
  TRY(share(t));
  if (par_ranks_first()) TRY(describe(t));
  return loop(t);
}

int training_run(struct training_job *job, const char *folder, bool resume) {
  struct training t;
  allocate(&t, job);
  int rc = par_ranks_first() ? rundir_open(&t.run, folder, resume) : 0;
  if (rc == 0) {
    signals_watch();
    rc = prepare_and_loop(&t, resume);
    signals_unwatch();
    rundir_close(&t.run);
  }
  release(&t);
  return rc;
}

int training_time(struct training_job *job, int n, double *seconds) {
  struct training t;
  allocate(&t, job);
  int rc = 0;
  for (int k = 0; k < n && rc == 0; k++) {
    const double begin = clock_s();
    rc = outer_update(&t);
    if (seconds) seconds[k] = clock_s() - begin;
  }
  release(&t);
  return rc;
}
