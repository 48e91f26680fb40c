// Meta-training: an outer update is a batch of tasks, each adapted and differentiated by one thread.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/note.h"
#include "base/par.h"
#include "base/rng.h"
#include "experiment/fewshot/result.h"
#include "experiment/fewshot/inloop.h"

// Means over tasks: loss; query accuracy after one update, after the last.
enum { LOSS, FIRST, LAST, N_COLUMNS };
enum { VALIDATION_QUERIES = 5 };

// A kind of tasks, by their ways and shots.
struct task_kind {
  struct convnet net;         // for as many ways
  struct episode_spec spec;
};

// What learning a task has shown.
struct found {
  double loss, first, last;  // first, last: share of queries classified correctly after these updates
};

// What a worker needs for tasks of a kind.
struct seat {
  struct maml_worker worker;
  struct episode episode;
  real *parameters, *gradient;  // as a network of so many ways has them; NULL: as the model
};

struct training_state {
  const struct fewshot *f;
  struct fewshot_model model;
  struct dataset data;
  struct task_kind kinds[FEWSHOT_MAX_KINDS];  // of the tasks, in turn
  int n_kinds;
  struct maml_options options[2];  // taken in turns, for n_kinds tasks each
  int n_workers;
  struct seat *seats;        // (n_workers, n_kinds)
  struct inloop *chips;            // (n_workers) train.synapse; else NULL
  struct par *par;
  int n_items, most;               // items of an update: tasks, or chips; most tasks of one
  struct found *found;             // (n_items, most)
  struct run_settings settings;
  struct training_job job;
};

static struct maml_options options_of(const struct fewshot *f, const double *sigma, int odd) {
  const struct fewshot_train_params *t = &f->train;
  struct maml_options o = { .steps = (int)f->net.steps, .bits = (int)t->bits, .first_order = t->order == 1 };
  o.rule = t->batchnorm == 2 ? (odd ? CONVNET_SUPPORT : CONVNET_TASK) : (enum convnet_rule)t->batchnorm;
  o.noise = t->noise;
  for (int k = 0; k < MAML_NOISE_POINTS; k++) o.noise_sigma[k] = (float)sigma[k];
  for (int s = 1; s <= o.steps; s++) o.weight[s] = t->query_loss ? 1.0/o.steps : s == o.steps;
  o.weight[0] = o.steps == 0;
  return o;
}

static uint32_t task_index(const struct training_state *t, int task) {
  return (uint32_t)(t->job.iteration*t->f->train.tasks + task);
}

static const struct maml_options *options_for(const struct training_state *t, int task) {
  return &t->options[task / t->n_kinds % 2];
}

static struct seat *seat_for(const struct training_state *t, int task, int worker) {
  return &t->seats[worker*t->n_kinds + task % t->n_kinds];
}

// The images of a task into the worker's input.
static void draw_task(struct training_state *t, struct seat *seat, const struct task_kind *kind, uint32_t index) {
  struct rng draw = rng_stream((uint64_t)t->f->run.seed, RNG_EPISODE, index);
  episode_draw(&seat->episode, &kind->spec, &t->data.images, &t->data.split[DATASET_TRAINING], &draw);
  episode_render(&seat->episode, &t->data.images, seat->worker.work.y[0], VECTOR_PADDING);
  seat->worker.other = seat->episode.other;
  seat->worker.share = seat->episode.share;
}

// The first task of an item; of item n_items: how many there are.
static int first_task(const struct training_state *t, int item) {
  return (int)(t->f->train.tasks*item/t->n_items);
}

// One task whose weights are in the worker's layers.
static void learn_task(struct training_state *t, int task, struct found *found, struct seat *seat,
                       const struct convnet *net, const real *parameters, struct rng *noise, real *gradient) {
  struct maml_worker *w = &seat->worker;
  const struct maml_options *o = options_for(t, task);
  maml_adapt(w, net, parameters, o, NULL, noise);
  found->loss = maml_backward(w, net, parameters, gradient, o);
  found->first = (double)w->record.correct[o->steps > 0] / w->work.n[1];
  found->last = (double)w->record.correct[o->steps] / w->work.n[1];
}

static int task_item(void *context, int task, int worker, real *gradient) {
  struct training_state *t = context;
  struct seat *seat = seat_for(t, task, worker);
  const struct task_kind *kind = &t->kinds[task % t->n_kinds];
  const real *parameters = t->model.parameters;
  struct rng noise = rng_stream((uint64_t)t->f->run.seed, RNG_QUANTISE, task_index(t, task));
  const bool nearest = t->f->train.bits && t->f->train.rounding == RUN_NEAREST;
  draw_task(t, seat, kind, task_index(t, task));
  if (seat->parameters) {
    fewshot_fit(seat->parameters, &kind->net, parameters, &t->model.net);
    memset(seat->gradient, 0, kind->net.n * sizeof *seat->gradient);
    parameters = seat->parameters;
  }
  maml_program(&seat->worker, &kind->net, parameters, options_for(t, task), nearest ? NULL : &noise);
  learn_task(t, task, &t->found[task], seat, &kind->net, parameters, &noise,
             seat->gradient ? seat->gradient : gradient);
  if (seat->gradient) fewshot_fit_backward(gradient, &t->model.net, seat->gradient, &kind->net);
  return 0;
}

// Write one chip, calibrate it on the support images of its first task, learn its tasks on it.
static int chip_item(void *context, int chip, int worker, real *gradient) {
  struct training_state *t = context;
  const struct fewshot_train_params *p = &t->f->train;
  const int first = first_task(t, chip), end = first_task(t, chip + 1);
  struct rng seeds = rng_stream((uint64_t)t->f->run.seed, RNG_PROGRAM, task_index(t, first));
  const uint64_t high = rng_u32(&seeds), seed = high << 32 | rng_u32(&seeds);
  struct seat *seat = seat_for(t, 0, worker);
  for (int task = first; task < end; task++) {
    struct rng noise = rng_stream((uint64_t)t->f->run.seed, RNG_READ, task_index(t, task));
    draw_task(t, seat, &t->kinds[0], task_index(t, task));
    if (task == first)
      inloop_write(&t->chips[worker], &seat->worker, &t->model.net, t->model.parameters, seed, p->time_max_s);
    inloop_begin(&t->chips[worker]);
    learn_task(t, task, &t->found[chip*t->most + task - first], seat, &t->model.net, t->model.parameters, &noise,
               gradient);
  }
  return 0;
}

// The mean over tasks.
static int finish_update(void *context, real *gradient, double *tally) {
  struct training_state *t = context;
  const int n = (int)t->f->train.tasks;
  for (int k = 0, item = 0; k < n; k++) {
    if (k == first_task(t, item + 1)) item++;
    const struct found *found = &t->found[item*t->most + k - first_task(t, item)];
    if (!isfinite(found->loss))
      return err_set(ERR_DIVERGED, "iteration %lld: loss of task %d is not finite", (long long)t->job.iteration + 1, k);
    tally[LOSS] += found->loss/n;
    tally[FIRST] += found->first/n;
    tally[LAST] += found->last/n;
  }
  for (size_t i = 0; i < t->model.net.n; i++) gradient[i] *= (real)1/(real)n;
  return 0;
}

static void progress(void *context, const double *mean, char *text, size_t size) {
  (void)context;
  snprintf(text, size, "loss %.4f  query accuracy %.2f %%", mean[LOSS], 100*mean[LAST]);
}

// Whether the bits of a run depend on a setting: the chip's only where it is trained for.
static bool matters(const void *context, const char *key) {
  const struct training_state *t = context;
  if (!strcmp(key, "data.path") || !strcmp(key, "data.validation_path") || !strcmp(key, "data.evaluation_path"))
    return false;
  if (!strncmp(key, "chip.", 5) || !strncmp(key, "verify.", 7))
    return t->f->train.synapse != INLOOP_NONE || t->f->train.noise > 0;
  return training_matters(context, key);
}

// Tasks of a validation: like those of training, or for a network without updates those of train.validate_ways classes,
// by nearest centroid.
static struct fewshot_eval_params validation_params(const struct fewshot *f) {
  const struct fewshot_train_params *p = &f->train;
  struct fewshot_eval_params e = { .tasks = p->validate_tasks, .chips = 1, .views = 1, .updates = f->net.steps,
                                   .queries_per_class = "equal" };
  const bool plain = f->net.steps == 0;
  e.method = plain ? FEWSHOT_CENTROID : FEWSHOT_ADAPT;
  e.ways = plain ? p->validate_ways : f->net.ways;
  e.shots = plain ? p->validate_shots : p->shots;
  e.queries = plain ? VALIDATION_QUERIES : p->queries;
  e.batchnorm = plain || p->batchnorm == CONVNET_SUPPORT ? CONVNET_SUPPORT : CONVNET_TASK;
  return e;
}

// Accuracy after the first and the last update on validation tasks.
static int validate(void *context, double *values) {
  const struct training_state *t = context;
  const struct fewshot_train_params *p = &t->f->train;
  struct fewshot f = *t->f;
  struct fewshot_result r;
  f.eval = validation_params(&f);
  f.synapse = (struct run_synapse_params){ .kind = p->bits ? RUN_QUANTISED : p->synapse ? RUN_CHIP : RUN_EXACT,
                                           .bits = p->bits };
  TRY(fewshot_measure(&r, &f, &t->model, &t->data, DATASET_VALIDATION, t->par));
  values[0] = r.accuracy[r.n_updates > 0];
  values[1] = r.accuracy[r.n_updates];
  fewshot_result_release(&r);
  return 0;
}

// The weights to be written to a chip are clipped at chip.weight_clip.
static int save(void *context, const char *path) {
  struct training_state *t = context;
  if (!t->chips) return fewshot_model_save(&t->model, t->f, path, false);
  struct fewshot_model clipped = { .net = t->model.net, .parameters = err_aligned(t->model.net.n, sizeof(real)) };
  memcpy(clipped.parameters, t->model.parameters, t->model.net.n*sizeof(real));
  inloop_clip(&t->chips[0], &clipped.net, clipped.parameters);
  const int rc = fewshot_model_save(&clipped, t->f, path, false);
  fewshot_model_release(&clipped);
  return rc;
}

// ---- beginning and end

// The kinds of tasks: those of train.mixture, or one.
static int describe_kinds(struct training_state *t, const struct fewshot *f) {
  struct fewshot_kind kinds[FEWSHOT_MAX_KINDS];
  const int n = fewshot_mixture(kinds, f);
  TRY(n);
  t->n_kinds = n;
  for (int k = 0; k < n; k++) {
    struct convnet_params p = f->net;
    p.ways = kinds[k].ways;
    TRY(convnet_init(&t->kinds[k].net, &p, (int)f->data.size, (int)f->data.channels));
    t->kinds[k].spec =
        dataset_spec(&f->data, DATASET_TRAINING, kinds[k].ways, kinds[k].shots, (int)f->train.queries);
    if (kinds[k].ways != f->net.ways && f->net.start != CONVNET_PROTOTYPE)
      return err_set(ERR_SETTING, "train.mixture=%s: other ways than net.ways=%d need net.start=prototype",
                     f->train.mixture, (int)f->net.ways);
    if (kinds[k].ways != f->net.ways && t->kinds[k].net.adapting < t->kinds[k].net.readout)
      return err_set(ERR_SETTING, "train.mixture=%s: other ways than net.ways=%d need train.adapt=readout",
                     f->train.mixture, (int)f->net.ways);
  }
  if (f->train.mixture[0] && f->train.synapse != INLOOP_NONE)
    return err_set(ERR_SETTING, "train.mixture=%s: not together with train.synapse", f->train.mixture);
  return 0;
}

// Check the settings against each other and lay out the network; no memory is taken yet.
static int describe(struct training_state *t, struct fewshot *f) {
  double sigma[MAML_NOISE_POINTS];
  *t = (struct training_state){ .f = f, .settings = fewshot_run_settings(f) };
  if ((f->train.tasks + 1)*f->training.iterations > UINT32_MAX)
    return err_set(ERR_SETTING, "train.iterations=%lld: with train.tasks=%lld more than %u tasks in all",
                   (long long)f->training.iterations, (long long)f->train.tasks, UINT32_MAX);
  if (f->train.noise > 0 && f->train.bits)
    return err_set(ERR_SETTING, "train.noise=%g: not together with train.bits=%d", f->train.noise, (int)f->train.bits);
  if (f->train.synapse != INLOOP_NONE && (f->train.bits || f->train.noise > 0))
    return err_set(ERR_SETTING, "train.synapse: not together with train.bits or train.noise");
  if (f->train.synapse != INLOOP_NONE && *f->chip.driver)
    return err_set(ERR_SETTING, "chip.driver=%s: train.synapse needs simulated chips, several at a time",
                   f->chip.driver);
  if (f->train.synapse != INLOOP_NONE && f->train.chips > f->train.tasks)
    return err_set(ERR_SETTING, "train.chips=%lld: more than train.tasks=%lld", (long long)f->train.chips,
                   (long long)f->train.tasks);
  if (f->train.shots == 0 && (f->net.steps > 0 || f->train.batchnorm != CONVNET_TASK))
    return err_set(ERR_SETTING, "train.shots=0: without support images only net.steps=0 and train.batchnorm=task");
  TRY(convnet_init(&t->model.net, &f->net, (int)f->data.size, (int)f->data.channels));
  if (f->train.synapse == INLOOP_WEIGHTS && t->model.net.adapting < t->model.net.readout)
    return err_set(ERR_SETTING, "train.adapt=%s: not with train.synapse=weights, which has the read-out alone on the "
                                "chip; with chip", convnet_adapt_names[f->net.adapt]);
  TRY(chip_weight_sigma(sigma, MAML_NOISE_POINTS, &f->chip));
  for (int odd = 0; odd < 2; odd++) t->options[odd] = options_of(f, sigma, odd);
  return describe_kinds(t, f);
}

static void allocate(struct training_state *t) {
  const struct fewshot *f = t->f;
  const int tasks = (int)f->train.tasks;
  t->n_workers = run_threads(&f->run);
  t->par = par_new(t->n_workers);
  t->seats = err_calloc((size_t)(t->n_workers*t->n_kinds), sizeof *t->seats);
  for (int k = 0; k < t->n_workers*t->n_kinds; k++) {
    const struct task_kind *kind = &t->kinds[k % t->n_kinds];
    struct seat *seat = &t->seats[k];
    maml_worker_init(&seat->worker, &kind->net, kind->spec.shots, kind->spec.queries, &t->options[0]);
    episode_init(&seat->episode, kind->spec.ways, kind->spec.shots, kind->spec.queries);
    if (kind->net.ways == t->model.net.ways) continue;
    seat->parameters = err_aligned(2*kind->net.n, sizeof(real));
    seat->gradient = seat->parameters + kind->net.n;
  }
  t->model.parameters = err_aligned(t->model.net.n, sizeof(real));
  t->n_items = f->train.synapse == INLOOP_NONE ? tasks : (int)f->train.chips;
  t->most = (tasks + t->n_items - 1) / t->n_items;
  t->found = err_calloc((size_t)(t->n_items*t->most), sizeof *t->found);
}

static void release(struct training_state *t) {
  if (!t->par) return;
  for (int k = 0; k < t->n_workers*t->n_kinds; k++) {
    maml_worker_release(&t->seats[k].worker, &t->kinds[k % t->n_kinds].net);
    if (t->chips) inloop_release(&t->chips[k]);  // after its matrices have left the worker; one kind of tasks
    episode_release(&t->seats[k].episode);
    free(t->seats[k].parameters);
  }
  par_free(t->par);
  fewshot_model_release(&t->model);
  void *const owned[] = { t->seats, t->chips, t->found };
  for (size_t k = 0; k < sizeof owned/sizeof *owned; k++) free(owned[k]);
}

// Let the kernels of each layer fill the range [-1, 1) of quantised weights: three standard deviations.
// The normalisation after a kernel removes its scale.
static void fill_range(const struct convnet *net, real *parameters) {
  for (int l = 0; l < net->blocks; l++) {
    const size_t n = net->offset[l + 1] - net->offset[l];
    const double weights = (double)convnet_rows(net, l)*convnet_columns(net, l);
    real *w = parameters + net->offset[l];
    double square = 0;
    for (size_t i = 0; i < n; i++) square += (double)w[i]*(double)w[i];
    const real scale = (real)(1/(3*sqrt(square/weights)));
    for (size_t i = 0; i < n && square > 0; i++) w[i] *= scale;
  }
}

// Take the kernels of another model (train.start), and its read-out and rates where they fit.
static int start_from(struct training_state *t, const char *path) {
  const struct convnet *net = &t->model.net;
  struct fewshot other;
  struct fewshot_model m;
  char published[] = "data.preprocessing=published", *given[] = { published };  // their files do not say it themselves
  fewshot_init(&other);
  TRY(fewshot_model_load(
      &m, &other, path,
      &(struct run_sources){ .n_assignments = t->f->data.preprocessing == IMAGESET_PUBLISHED, .assignments = given }));
  int rc = 0;
  const bool same_dense = m.net.hidden == net->hidden && m.net.activation == net->activation;
  const bool same_readout = same_dense && m.net.ways == net->ways && m.net.start == net->start &&
                            convnet_rows(&m.net, m.net.readout) == convnet_rows(net, net->readout);
  if (m.net.halving != net->halving)
    rc = err_set(ERR_SETTING, "train.start=%s: its net.halving is another one", path);
  else if (m.net.channels != net->channels || m.net.blocks != net->blocks || m.net.side[0] != net->side[0] ||
           m.net.in_channels != net->in_channels)
    rc = err_set(ERR_SETTING,
                 "train.start=%s: %d blocks of %d channels on %d x %d x %d pixels, the network has %d of %d on "
                 "%d x %d x %d",
                 path, m.net.blocks, m.net.channels, m.net.side[0], m.net.side[0], m.net.in_channels, net->blocks,
                 net->channels, net->side[0], net->side[0], net->in_channels);
  else if (other.data.preprocessing != t->f->data.preprocessing)
    rc = err_set(ERR_SETTING, "train.start=%s: its data.preprocessing is another one", path);
  else
    memcpy(t->model.parameters, m.parameters,
           (same_readout ? net->rates : net->offset[same_dense ? net->readout : net->blocks])*sizeof(real));
  // The classes of a task come in random order: no column of the read-out has a class of its own to start from, and
  // from zero the first update moves each to the mean of its class.
  if (rc == 0 && !same_readout && net->steps > 0)
    memset(t->model.parameters + net->offset[net->readout], 0,
           (net->rates - net->offset[net->readout])*sizeof(real));
  if (rc == 0 && m.net.start == CONVNET_PROTOTYPE && net->start == CONVNET_PROTOTYPE)
    t->model.parameters[net->scale] = m.parameters[m.net.scale];
  if (rc == 0 && m.net.steps == net->steps && m.net.adapting == net->adapting && other.train.learn_inner_rate)
    memcpy(t->model.parameters + net->rates, m.parameters + m.net.rates, (net->scale - net->rates)*sizeof(real));
  fewshot_model_release(&m);
  if (rc == 0 && t->f->train.bits) fill_range(net, t->model.parameters);
  return rc;
}

static int put_in_loop(struct training_state *t) {
  const struct fewshot *f = t->f;
  struct inloop *chips = err_calloc((size_t)t->n_workers, sizeof *chips);
  int rc = 0;
  for (int k = 0; k < t->n_workers && rc == 0; k++)
    rc = inloop_init(&chips[k], (enum inloop_kind)f->train.synapse, &t->seats[k].worker, &t->model.net, &f->chip);
  t->chips = chips;
  return rc;
}

// Memory, threads and the weights to start from, once the data is there.
static int prepare(struct training_state *t) {
  const struct dataset_params *data = &t->f->data;
  for (int k = 0; k < t->n_kinds; k++) TRY(dataset_check(&t->data, data, &t->kinds[k].spec, DATASET_TRAINING));
  const int n_validation = t->data.split[DATASET_VALIDATION].n;
  const bool wanted = t->f->train.validate_tasks && (n_validation > 0 || data->validation > 0);
  const struct fewshot_eval_params e = validation_params(t->f);
  const struct episode_spec validation =
      dataset_spec(data, DATASET_VALIDATION, (int)e.ways, (int)e.shots, (int)e.queries);
  const int rc = wanted ? dataset_check(&t->data, data, &validation, DATASET_VALIDATION) : 0;
  if (rc < 0 && data->kind != DATASET_FOLDER) return rc;  // more classes are to be had
  if (rc < 0) {
    note("training without validation: %s", err_message());
    t->data.split[DATASET_VALIDATION].n = 0;
  }
  double bytes = 0;
  for (int k = 0; k < t->n_kinds; k++)
    bytes += maml_worker_bytes(&t->kinds[k].net, t->kinds[k].spec.shots, t->kinds[k].spec.queries, t->model.net.steps);
  TRY(err_room(run_threads(&t->f->run)*bytes, "train.shots, train.queries, net.channels"));
  allocate(t);
  if (t->f->train.synapse != INLOOP_NONE) TRY(put_in_loop(t));
  struct rng start = rng_stream((uint64_t)t->f->run.seed, RNG_INIT, 0);
  convnet_start(&t->model.net, t->model.parameters, t->f->train.inner_rate, &start);
  return t->f->training.start[0] ? start_from(t, t->f->training.start) : 0;
}

static struct training_job job_of(struct training_state *t) {
  const struct fewshot_train_params *p = &t->f->train;
  const struct convnet *net = &t->model.net;
  return (struct training_job){
    .settings = &t->settings, .context = t, .par = t->par, .n = net->n, .parameters = t->model.parameters,
    .n_groups = 3,
    .group = { { 0, net->rates, 1, true },
               { net->rates, net->scale - net->rates, p->learn_inner_rate ? 1 : 0, false },
               { net->scale, net->n - net->scale, 1, false } },
    .n_items = t->n_items, .records = t->found, .record_bytes = (size_t)t->most*sizeof *t->found,
    .item = t->chips ? chip_item : task_item,
    .finish = finish_update,
    .n_columns = N_COLUMNS, .columns = "loss,accuracy_first,accuracy_last", .progress = progress,
    .n_validation = 2, .validation_columns = "validation_first,validation_last", .score = 1, .higher_is_better = true,
    .validate = p->validate_tasks && t->data.split[DATASET_VALIDATION].n ? validate : NULL,
    .save = save, .matters = matters,
  };
}

// folder NULL: only check.
static int train(struct fewshot *f, const char *folder, bool resume) {
  struct training_state t;
  TRY(describe(&t, f));
  int rc = dataset_load(&t.data, &f->data, DATASET_BACKGROUND_ONLY);
  if (rc == 0) rc = prepare(&t);
  if (rc == 0 && folder) {
    t.job = job_of(&t);
    dataset_fingerprint(&t.data, t.job.fingerprint);
    rc = training_run(&t.job, folder, resume);
  }
  release(&t);
  dataset_release(&t.data);
  return rc;
}

int fewshot_train(struct fewshot *f, const char *folder, bool resume) { return train(f, folder, resume); }

int fewshot_train_check(struct fewshot *f) { return train(f, NULL, false); }

int fewshot_train_timed(struct fewshot *f, struct dataset *data, int n, double *seconds, double *operations) {
  struct training_state t;
  f->training.start[0] = 0;  // of the training of a model, which may not be here; times do not depend on the weights
  TRY(describe(&t, f));
  t.data = *data;
  int rc = prepare(&t);
  *operations = 0;
  for (int k = 0; k < (int)f->train.tasks; k++)
    *operations += maml_flop(&t.kinds[k % t.n_kinds].net, t.kinds[k % t.n_kinds].spec.shots, (int)f->train.queries,
                             options_for(&t, k));
  if (rc == 0) {
    t.job = job_of(&t);
    rc = training_time(&t.job, n, seconds);
  }
  release(&t);
  return rc;
}
