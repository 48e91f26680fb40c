#include "experiment/fewshot/incremental.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/par.h"
#include "base/rng.h"
#include "base/stat.h"
#include "base/text.h"
#include "data/render.h"
#include "experiment/fewshot/background.h"
#include "experiment/fewshot/result.h"
#include "experiment/fewshot/views.h"
#include "kernel/softmax.h"
#include "learn/prototype.h"
#include "run/evaluation.h"

enum { BATCH = 64 };  // images that pass through the network together, at most

enum { PART_DEPLOYMENT, PART_BASE, PART_SUPPORT, PART_WRITE, PART_CALIBRATION, PART_QUERIES, PART_LATER_CHIP,
       PART_LATER_READOUT, PART_LATER_INFERENCE, N_PARTS };

// What a worker needs: a batch of images at a time, the features of all queries.
struct seat {
  struct convnet_work work;
  struct episode base, episode;  // base and new classes
  struct synapse *layers[CONVNET_MAX_LAYERS], *software[CONVNET_MAX_LAYERS];
  real *h, *dw, *z;  // (ways queries, padded features), (features, padded ways), (ways queries, padded ways)
  real *mean;        // (features) of a class
  int *label;        // (ways queries)
};

struct sequence_record {
  double accuracy[INCREMENTAL_MAX_STAGES], later[FLEET_MAX_LATER], written;
  double over_stages, of_base, of_new, written_base;  // with base classes
};

struct measuring {
  const struct fewshot *f;
  struct fewshot_model model;  // with a column for every class
  const struct dataset *data;
  enum dataset_split split;
  struct episode_spec base, spec;  // of base classes, of which there may be none, and of new ones
  struct views views;              // of each image of a sequence
  struct fewshot_result *result;
  struct convnet_fixed fixed, fixed_later[FLEET_MAX_LATER];  // of the chip when it learns, and at later times
  real *centre;                // (features) m0, then the least and the largest features of background images
  int scales;                  // the model has not learned the scale of class means
  int n_workers;
  struct seat *seats;
  struct fleet *fleet;         // or NULL
};

// ---- one sequence

// Some images of a class of the sequence: base classes come first.
static const struct view *images_of(const struct measuring *m, const struct seat *seat, int class, int queries) {
  const int n_base = m->result->n_base, way = class < n_base ? class : class - n_base;
  const struct episode *e = class < n_base ? &seat->base : &seat->episode;
  return e->views + (queries ? e->ways*e->shots + e->begin[way] : way*e->shots);
}

// Images that pass through the network.
struct passing {
  const struct measuring *m;
  const struct view *of;
};

static void render_passing(const void *context, int i, int k, real *out) {
  const struct passing *p = context;
  views_render(&p->m->views, &p->m->data->images, &p->of[i], k, out);
}

// Features of n images, at most a batch, into the worker's work.h.
static void forward(const struct measuring *m, struct seat *seat, struct synapse *const *layers,
                    const struct convnet_fixed *fixed, const struct view *of, int n, struct rng *noise) {
  const struct passing p = { m, of };
  const struct views_images images = { render_passing, &p };
  views_forward(&m->model.net, &seat->work, layers, fixed, &images, n, m->views.n, noise);
}

static int batch(const struct seat *seat, int left) { return left < seat->work.B ? left : seat->work.B; }

static void account(const struct measuring *m, int worker, int part) {
  if (m->fleet) fleet_account(m->fleet, worker, part);
}

// The mean feature of the support images of a class.
static void measure_mean(const struct measuring *m, struct seat *seat, int class, struct rng *noise) {
  const int F = convnet_features(&m->model.net), K = class < m->result->n_base ? m->base.shots : m->spec.shots;
  const struct view *support = images_of(m, seat, class, 0);
  memset(seat->mean, 0, (size_t)F * sizeof *seat->mean);
  for (int at = 0, n; at < K; at += n) {
    n = batch(seat, K - at);
    forward(m, seat, seat->layers, &m->fixed, support + at, n, noise);
    for (int i = 0; i < n*F; i++) seat->mean[i % F] += seat->work.h[i]/(real)K;
  }
}

// The column of a class from its mean; the devices written.
static long write_class(const struct measuring *m, struct seat *seat, int class, struct rng *noise) {
  const struct convnet *net = &m->model.net;
  const int N = vector_padded(net->ways), bias = convnet_has_bias(net, net->readout);
  const int C = convnet_rows(net, net->readout) - bias;
  const real s = m->model.parameters[net->scale];
  struct synapse *readout = seat->layers[net->readout];
  prototype_column(seat->dw, N, class, seat->mean, m->centre, C, s, net->mean_offset);
  const long written = readout->ops->update(readout, seat->dw, noise);
  for (int c = 0; c < C + bias; c++) seat->dw[c*N + class] = 0;
  return written;
}

// Classify the queries of the first n classes by the columns of these.
static void classify(const struct measuring *m, struct seat *seat, struct synapse *readout, int n, struct rng *noise) {
  const struct conv shape = convnet_shape(&m->model.net, m->model.net.readout, n*m->spec.queries);
  readout->ops->product(readout, seat->z, seat->h, &shape, noise);
}

// The share of the queries of classes first .. end - 1 that were classified correctly, among the first n classes.
static double share(const struct measuring *m, const struct seat *seat, int first, int end, int n) {
  const int N = vector_padded(m->model.net.ways), at = first*m->spec.queries, B = (end - first)*m->spec.queries;
  return (double)softmax_correct(seat->z + (size_t)at*(size_t)N, seat->label + at, B, n, N) / B;
}

// Features of a class's queries into seat->h.
static void keep_queries(const struct measuring *m, struct seat *seat, struct synapse *const *layers,
                         const struct convnet_fixed *fixed, int class, struct rng *noise) {
  const size_t F = (size_t)convnet_features(&m->model.net);
  const struct view *queries = images_of(m, seat, class, 1);
  real *h = seat->h + (size_t)(class*m->spec.queries) * F;
  for (int at = 0, n; at < m->spec.queries; at += n) {
    n = batch(seat, m->spec.queries - at);
    forward(m, seat, layers, fixed, queries + at, n, noise);
    memcpy(h + (size_t)at*F, seat->work.h, (size_t)n*F * sizeof *h);
  }
}

// All queries are read again by the chip at later times.
static void run_later(const struct measuring *m, struct sequence_record *record, int worker, struct rng *noise) {
  const struct convnet *net = &m->model.net;
  struct seat *seat = &m->seats[worker];
  const struct fleet_place *p = &m->fleet->place[worker];
  struct synapse *layers[CONVNET_MAX_LAYERS];
  for (int k = 0; k < m->fleet->n_later; k++) {
    deploy_layers(layers, p->aged[k], net);
    lifetime_age(p->aged[k], p->clone, net->readout, chip_calibrated(k ? p->aged[k - 1] : p->clone, net->readout),
                 noise);
    fleet_account_of(m->fleet, worker, p->aged[k], PART_LATER_READOUT);
    for (int class = 0; class < net->ways; class++) keep_queries(m, seat, layers, &m->fixed_later[k], class, noise);
    classify(m, seat, layers[net->readout], net->ways, noise);
    record->later[k] = share(m, seat, 0, net->ways, net->ways);
    fleet_account_of(m->fleet, worker, p->aged[k], PART_LATER_INFERENCE);
  }
}

static void draw_sequence(const struct measuring *m, struct seat *seat, int item) {
  const enum rng_purpose purpose = m->split == DATASET_EVALUATION ? RNG_EVALUATE : RNG_VALIDATE;
  struct rng draw = rng_stream((uint64_t)m->f->run.seed, purpose, (uint32_t)item);
  const struct imageset *set = &m->data->images;
  if (m->result->n_base > 0) episode_draw(&seat->base, &m->base, set, &m->data->split[DATASET_TRAINING], &draw);
  episode_draw(&seat->episode, &m->spec, set, &m->data->split[m->split], &draw);
}

static void finish_stage(const struct measuring *m, struct sequence_record *record, int worker, int stage,
                         struct rng *noise) {
  struct seat *seat = &m->seats[worker];
  const struct fewshot_result *r = m->result;
  const int readout = m->model.net.readout, n = r->stage_classes[stage], ways = m->model.net.ways;
  // the new columns are corrected by the background images with which the chip was calibrated
  if (m->fleet && m->f->eval.correct) chip_calibrate_matrix(m->fleet->place[worker].clone, readout, noise);
  account(m, worker, n == r->n_base ? PART_BASE : PART_CALIBRATION);
  classify(m, seat, seat->layers[readout], n, noise);
  account(m, worker, PART_QUERIES);
  record->accuracy[stage] = share(m, seat, 0, n, n);
  record->over_stages += record->accuracy[stage]/r->n_stages;
  if (n < ways || r->n_base == 0) return;
  record->of_base = share(m, seat, 0, r->n_base, n);
  record->of_new = share(m, seat, r->n_base, n, n);
}

static int run_sequence(void *context, int item, int worker, void *result) {
  const struct measuring *m = context;
  const struct convnet *net = &m->model.net;
  struct sequence_record *record = result;
  struct seat *seat = &m->seats[worker];
  struct rng noise = rng_stream((uint64_t)m->f->run.seed, RNG_READ, (uint32_t)item);
  struct synapse *readout = seat->layers[net->readout];
  if (m->fleet) fleet_restore(m->fleet, worker);
  else readout->ops->program(readout, m->model.parameters + net->offset[net->readout], NULL);
  draw_sequence(m, seat, item);
  for (int class = 0, stage = 0; class < net->ways; class++) {
    const int base = class < m->result->n_base;
    measure_mean(m, seat, class, &noise);
    account(m, worker, base ? PART_BASE : PART_SUPPORT);
    record->written += (double)write_class(m, seat, class, &noise);
    if (base) record->written_base = record->written;
    account(m, worker, base ? PART_BASE : PART_WRITE);
    keep_queries(m, seat, seat->layers, &m->fixed, class, &noise);
    account(m, worker, PART_QUERIES);
    if (class + 1 == m->result->stage_classes[stage]) finish_stage(m, record, worker, stage++, &noise);
  }
  if (m->fleet) run_later(m, record, worker, &noise);
  return 0;
}

// ---- one chip after the other

static int deploy_chip(void *context, int number, struct chip **chip) {
  const struct measuring *m = context;
  return fewshot_deploy(chip, m->f, &m->model, m->data, 1, background_chip_seed(m->f, number));
}

// The statistics of the normalisation on every later chip, as a calibration measures them.
static void measure_later(struct measuring *m, const real *x, int n, struct rng *r) {
  struct synapse *layers[CONVNET_MAX_LAYERS];
  for (int k = 0; m->fleet && k < m->fleet->n_later; k++) {
    struct chip *aged = m->fleet->place[0].aged[k];
    deploy_layers(layers, aged, &m->model.net);
    convnet_measure(&m->model.net, &m->seats[0].work, layers, &m->fixed_later[k], x, n, r);
    fleet_account_of(m->fleet, 0, aged, PART_LATER_CHIP);
  }
}

// The scale of class means where the model has not learned one and weights have few bits: that with which the feature
// furthest from the mean gives the largest weight. Class means are nearer.
static void scale_means(struct measuring *m) {
  const struct convnet *net = &m->model.net;
  const int F = convnet_features(net);
  double most = 0;
  for (int c = 0; c < convnet_rows(net, net->readout) - 1; c++) {
    const real above = m->centre[2*F + c] - m->centre[c], below = m->centre[c] - m->centre[F + c];
    most = fmax(most, (double)(above > below ? above : below));
  }
  if (most > 0) m->model.parameters[net->scale] = (real)(convnet_range(net, net->readout) / most);
}

// Mean, least and largest features of background images.
static void measure_centre(struct measuring *m, const real *x, int n, struct rng *r) {
  const struct convnet *net = &m->model.net;
  struct seat *seat = &m->seats[0];
  const int F = convnet_features(net), K = batch(seat, m->spec.shots);
  const size_t image = convnet_pixels(net, 0) * VECTOR_PADDING;
  real *least = m->centre + F, *largest = least + F;
  memset(m->centre, 0, (size_t)F * sizeof *m->centre);
  for (int at = 0; at < n; at += K) {
    seat->work.n[0] = n - at < K ? n - at : K;
    memcpy(seat->work.y[0], x + (size_t)at*image, (size_t)seat->work.n[0] * image * sizeof *x);
    convnet_forward(net, &seat->work, seat->layers, 0, CONVNET_FIXED, &m->fixed, r);
    for (int i = 0; i < seat->work.n[0]*F; i++) {
      const real h = seat->work.h[i];
      const int c = i % F, first = at == 0 && i < F;
      m->centre[c] += h/(real)n;
      least[c] = first || h < least[c] ? h : least[c];
      largest[c] = first || h > largest[c] ? h : largest[c];
    }
  }
}

// The statistics and the mean feature of background images, as the layers in use compute them.
static void measure_background(struct measuring *m) {
  struct seat *seat = &m->seats[0];
  const int n = (int)m->f->eval.statistics_images;
  struct rng r = rng_stream((uint64_t)m->f->run.seed, RNG_EVALUATE, UINT32_MAX);
  real *x = background_images(m->data, n, 0, 1, &r);
  convnet_measure(&m->model.net, &seat->work, seat->layers, &m->fixed, x, n, &r);
  measure_centre(m, x, n, &r);
  if (!m->fleet && m->scales) scale_means(m);
  measure_later(m, x, n, &r);
  free(x);
  account(m, 0, PART_DEPLOYMENT);
}

static int begin(void *context) {
  struct measuring *m = context;
  for (int k = 0; m->fleet && k < m->n_workers; k++) {
    const struct fleet_place *p = &m->fleet->place[k];
    deploy_layers(m->seats[k].layers, p->clone, &m->model.net);
    for (int i = 0; i < m->fleet->n_later; i++) fleet_account_of(m->fleet, k, p->aged[i], PART_LATER_CHIP);
  }
  if (m->fleet) ledger_add(&m->fleet->place[0].part[PART_DEPLOYMENT], chip_ledger(m->fleet->chip));
  if (m->fleet) m->result->devices = deploy_devices(m->fleet->chip, &m->model.net);
  measure_background(m);
  return 0;
}

// ---- all sequences

static int seat_images(const struct measuring *m) {
  const int K = m->base.shots > m->spec.shots ? m->base.shots : m->spec.shots, n = K + m->spec.queries;
  return n < BATCH ? n : BATCH;
}

static double seat_bytes(const struct measuring *m) {
  const struct convnet *net = &m->model.net;
  const double of_query = convnet_features(net) + vector_padded(net->ways);
  return convnet_work_bytes(net, seat_images(m)) + of_query*m->result->n_queries*sizeof(real);
}

static void seats_new(struct measuring *m) {
  const struct convnet *net = &m->model.net;
  const size_t F = (size_t)convnet_features(net), N = (size_t)vector_padded(net->ways);
  const size_t queries = (size_t)(net->ways*m->spec.queries), rows = (size_t)convnet_rows(net, net->readout);
  const int bits = m->f->synapse.kind == RUN_QUANTISED ? (int)m->f->synapse.bits : 0;
  m->seats = err_calloc((size_t)m->n_workers, sizeof *m->seats);
  for (struct seat *seat = m->seats; seat < m->seats + m->n_workers; seat++) {
    convnet_work_init(&seat->work, net, seat_images(m));
    episode_init(&seat->episode, m->spec.ways, m->spec.shots, m->spec.queries);
    if (m->result->n_base > 0) episode_init(&seat->base, m->base.ways, m->base.shots, m->base.queries);
    for (int l = 0; l <= net->readout; l++) {
      seat->layers[l] = seat->software[l] = convnet_array(net, l, bits);
      seat->layers[l]->ops->program(seat->layers[l], m->model.parameters + net->offset[l], NULL);
    }
    seat->h = err_aligned(queries*F + rows*N + queries*N + F, sizeof *seat->h);
    seat->dw = seat->h + queries*F;
    seat->z = seat->dw + rows*N;
    seat->mean = seat->z + queries*N;
    memset(seat->dw, 0, rows*N * sizeof *seat->dw);
    seat->label = err_calloc(queries, sizeof *seat->label);
    for (size_t i = 0; i < queries; i++) seat->label[i] = (int)i / m->spec.queries;
  }
  convnet_fixed_init(&m->fixed, net);
  for (int k = 0; k < m->result->n_later; k++) convnet_fixed_init(&m->fixed_later[k], net);
  m->centre = err_aligned(3*F, sizeof *m->centre);
}

static void seats_free(struct measuring *m) {
  for (struct seat *seat = m->seats; seat < m->seats + m->n_workers; seat++) {
    for (int l = 0; l <= m->model.net.readout; l++) seat->software[l]->ops->free(seat->software[l]);
    convnet_work_release(&seat->work);
    episode_release(&seat->episode);
    episode_release(&seat->base);
    free(seat->h);
    free(seat->label);
  }
  convnet_fixed_release(&m->fixed);
  for (int k = 0; k < m->result->n_later; k++) convnet_fixed_release(&m->fixed_later[k]);
  free(m->seats);
  free(m->centre);
}

static struct stat_interval over_sequences(const struct fewshot_result *r, const double *first, int trials) {
  return stat_grouped(first, r->n_tasks, sizeof(struct sequence_record)/sizeof(double), r->n_chips, trials);
}

static void summarise(struct fewshot_result *r, const struct measuring *m, const struct sequence_record *records) {
  const int Q = m->spec.queries;
  for (int s = 0; s < r->n_stages; s++) {
    const struct stat_interval i = over_sequences(r, &records[0].accuracy[s], r->stage_classes[s]*Q);
    r->stage_accuracy[s] = i.mean;
    r->stage_ci95[s] = i.ci95;
  }
  r->accuracy[0] = r->stage_accuracy[r->n_stages - 1];
  r->ci95[0] = r->stage_ci95[r->n_stages - 1];
  for (int k = 0; k < r->n_later; k++) {
    const struct stat_interval i = over_sequences(r, &records[0].later[k], r->ways*Q);
    r->later_accuracy[k] = i.mean;
    r->later_ci95[k] = i.ci95;
  }
  fewshot_summarise_chips(r, &records[0].accuracy[r->n_stages - 1], (int)(sizeof *records/sizeof(double)));
  r->devices_written_start = over_sequences(r, &records[0].written, 0).mean;
  r->devices_written_base = over_sequences(r, &records[0].written_base, 0).mean;
  r->over_stages = over_sequences(r, &records[0].over_stages, r->stage_classes[0]*Q);
  r->of_base = over_sequences(r, &records[0].of_base, r->n_base*Q);
  r->of_new = over_sequences(r, &records[0].of_new, (r->ways - r->n_base)*Q);
  for (int k = 0; k < r->n_tasks; k++) r->task_accuracy[k] = records[k].accuracy[r->n_stages - 1];
}

static void summarise_ledger(struct fewshot_result *r, const struct measuring *m) {
  const struct ledger_params *p = &m->f->ledger;
  struct ledger part[N_PARTS], task = { 0 };
  for (int k = 0; k < N_PARTS; k++) fleet_part(&part[k], m->fleet, k);
  task.n_cores = part[0].n_cores;
  for (int k = PART_BASE; k <= PART_QUERIES; k++) ledger_add(&task, &part[k]);
  r->deployment = ledger_mean(&part[PART_DEPLOYMENT], r->n_chips, p);
  r->task = ledger_mean(&task, r->n_tasks, p);
  r->base = ledger_mean(&part[PART_BASE], r->n_tasks, p);
  r->support = ledger_mean(&part[PART_SUPPORT], r->n_tasks, p);
  ledger_add(&part[PART_WRITE], &part[PART_CALIBRATION]);
  r->start = r->updates = ledger_mean(&part[PART_WRITE], r->n_tasks, p);
  r->inference = ledger_mean(&part[PART_QUERIES], r->n_tasks, p);
  r->later_chip = ledger_mean(&part[PART_LATER_CHIP], r->n_chips, p);
  r->later_readout = ledger_mean(&part[PART_LATER_READOUT], r->n_tasks, p);
  r->later_inference = ledger_mean(&part[PART_LATER_INFERENCE], r->n_tasks, p);
}

// The classes after which the queries are classified.
static int place_stages(struct fewshot_result *r, const struct fewshot *f, int ways) {
  const int every = (int)f->eval.stage,
            first = r->n_base > 0 ? r->n_base : f->eval.first_stage ? (int)f->eval.first_stage : every;
  for (int classes = first; r->n_stages == 0 || r->stage_classes[r->n_stages - 1] < ways; classes += every) {
    if (r->n_stages == INCREMENTAL_MAX_STAGES)
      return err_set(ERR_SETTING, "eval.stage=%d: more than %d stages up to %d classes", every, INCREMENTAL_MAX_STAGES,
                     ways);
    r->stage_classes[r->n_stages++] = classes < ways ? classes : ways;
  }
  return 0;
}

static int check(const struct fewshot *f, const struct fewshot_model *model, const struct dataset *data) {
  if (model->net.start != CONVNET_PROTOTYPE && model->net.bias == CONVNET_BIAS_ROW)
    return err_set(ERR_SETTING, "net.bias=row: class means in place of the read-out of %s need biases beside the array "
                                "(net.bias=digital)", model->path[0] ? model->path : "the model");
  if (f->eval.batchnorm != CONVNET_FIXED)
    return err_set(ERR_SETTING, "eval.method=incremental: needs eval.batchnorm=chip: the statistics of the images of "
                                "one class are not those of all");
  TRY(background_check(data));
  if (f->eval.chips > f->eval.tasks)
    return err_set(ERR_SETTING, "eval.chips=%d: more chips than sequences, eval.tasks=%d", (int)f->eval.chips,
                   (int)f->eval.tasks);
  return run_synapse_check(&f->synapse, &f->chip, f->eval.chips, f->eval.later_s[0] != 0);
}

// Base classes were trained on: only images that were kept from the training tell how well they are known.
static int check_base(const struct fewshot *f) {
  const int K = (int)f->eval.base_shots;
  if (K > 0 && f->data.test_images == 0)
    return err_set(ERR_SETTING, "eval.base_shots=%d: needs data.test_images, images of the base classes that were not "
                                "trained on", K);
  if (K > 0 && fewshot_eval_split(f) == DATASET_TRAINING)
    return err_set(ERR_SETTING, "eval.base_shots=%d: eval.split=training are the base classes; new ones are to follow",
                   K);
  return 0;
}

static int measure(struct fewshot_result *r, struct measuring *m, struct par *par) {
  if (!par) return 0;
  struct fleet fleet = { .n_chips = r->n_chips, .n_workers = par_threads(par), .n_parts = N_PARTS,
                         .n_later = r->n_later, .state = m->f->synapse.state, .deploy = deploy_chip, .context = m };
  memcpy(fleet.later_s, r->later_s, sizeof fleet.later_s);
  m->n_workers = fleet.n_workers;
  TRY(err_room(m->n_workers*seat_bytes(m), "eval.queries, eval.ways"));
  if (m->f->synapse.kind == RUN_CHIP) {
    m->fleet = &fleet;
    fleet_init(&fleet);
  }
  seats_new(m);
  struct sequence_record *records = err_calloc((size_t)r->n_tasks, sizeof *records);
  r->task_accuracy = err_calloc((size_t)r->n_tasks, sizeof(double));
  const struct evaluation evaluation = { .par = par, .fleet = m->fleet, .n_items = r->n_tasks,
                                         .record_bytes = sizeof *records, .context = m,
                                         .begin = begin, .item = run_sequence };
  const int rc = evaluation_run(&evaluation, records, &r->seconds);
  if (rc == 0) summarise(r, m, records);
  if (rc == 0 && m->fleet) summarise_ledger(r, m);
  seats_free(m);
  if (m->fleet) fleet_release(&fleet);
  free(records);
  if (rc < 0) fewshot_result_release(r);
  return rc;
}

// The network with a column for every class, from class means: the model itself, or its features.
static int class_means(struct measuring *m, const struct fewshot_model *model, const struct fewshot *f) {
  struct fewshot means = *f;
  m->scales = model->net.start != CONVNET_PROTOTYPE;
  if (m->scales) {
    means.net.start = CONVNET_PROTOTYPE;
    means.net.bias = CONVNET_BIAS_DIGITAL;
    means.net.mean_offset = 1;
  }
  return fewshot_model_ways(&m->model, model, &means, m->result->ways, m->scales ? 0 : model->net.steps);
}

// The kinds of classes of a sequence; their data must have them.
static int specs(struct measuring *m, const struct dataset *data, const struct fewshot *f, int n_new) {
  struct fewshot_result *r = m->result;
  m->spec = dataset_spec(&f->data, DATASET_EVALUATION, n_new, r->shots, r->queries);
  m->spec.in_order = r->base_shots > 0;
  TRY(dataset_check(data, &f->data, &m->spec, m->split));
  if (r->base_shots == 0) return 0;
  m->base = dataset_spec(&f->data, DATASET_EVALUATION, 0, r->base_shots, r->queries);
  m->base.in_order = 1;
  m->base.ways = r->n_base = episode_classes(&m->base, &data->split[DATASET_TRAINING]);
  return dataset_check(data, &f->data, &m->base, DATASET_TRAINING);
}

int incremental_eval(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *model,
                     const struct dataset *data, struct par *par) {
  struct measuring m = { .f = f, .data = data, .split = fewshot_eval_split(f), .result = r };
  TRY(check(f, model, data));
  TRY(check_base(f));
  TRY(views_init(&m.views, f, f->eval.views, "eval.views"));
  const int classes = data->split[m.split].n, n_new = f->eval.ways ? (int)f->eval.ways : classes;
  *r = (struct fewshot_result){ .n_tasks = (int)f->eval.tasks, .shots = (int)f->eval.shots,
                                .queries = (int)f->eval.queries, .n_classes = classes,
                                .base_shots = (int)f->eval.base_shots,
                                .n_chips = f->synapse.kind == RUN_CHIP ? (int)f->eval.chips : 1 };
  TRY(specs(&m, data, f, n_new));
  r->ways = r->n_base + n_new;
  r->n_queries = r->ways*r->queries;
  TRY(place_stages(r, f, r->ways));
  TRY(fewshot_later_times(r, f));
  TRY(class_means(&m, model, f));
  const int rc = measure(r, &m, par);
  fewshot_model_release(&m.model);
  return rc;
}

// ---- what was found

static double written_class(const struct fewshot_result *r) {
  return (r->devices_written_start - r->devices_written_base)/(r->ways - r->n_base);
}

// The account of learning a new class: its images through the network, its column written and corrected.
static struct ledger_mean per_class(const struct fewshot_result *r) {
  struct ledger_mean m = r->support;
  const double n = r->ways - r->n_base;
#define X(name, help) m.name = (r->support.name + r->start.name) / n;
  LEDGER_COUNTS(X)
#undef X
  m.cost.read_energy_J = (r->support.cost.read_energy_J + r->start.cost.read_energy_J) / n;
  m.cost.read_time_s = (r->support.cost.read_time_s + r->start.cost.read_time_s) / n;
  m.cost.write_energy_J = (r->support.cost.write_energy_J + r->start.cost.write_energy_J) / n;
  return m;
}

static void print_base(const struct fewshot_result *r, FILE *out) {
  const struct { const char *name; struct stat_interval of; } rows[] = {
    { "mean over the stages", r->over_stages }, { "at the end, base classes", r->of_base },
    { "at the end, new classes", r->of_new },
  };
  char ci95[STAT_TEXT];
  for (size_t k = 0; k < sizeof rows/sizeof *rows; k++)
    fprintf(out, "%s: %.2f +- %s\n", rows[k].name, 100*rows[k].of.mean, stat_ci95_text(ci95, 100*rows[k].of.ci95, 2));
}

void incremental_print(const struct fewshot_result *r, const struct fewshot *f, FILE *out) {
  char ci95[STAT_TEXT], base[64] = "", views[64] = "";
  if (r->n_base > 0)
    snprintf(base, sizeof base, "%d base class%s, %d image%s of each, then ", r->n_base, text_es(r->n_base),
             r->base_shots, text_s(r->base_shots));
  if (f->eval.views > 1) snprintf(views, sizeof views, ", %d views of each image", (int)f->eval.views);
  fprintf(out, "%d sequence%s of %s%d class%s of %d %s classes, one class after the other, %d image%s of each, none "
               "kept; batch norm 'chip'%s\n", r->n_tasks, text_s(r->n_tasks), base, r->ways - r->n_base,
          text_es(r->ways - r->n_base), r->n_classes, dataset_split_name(fewshot_eval_split(f)), r->shots,
          text_s(r->shots), views);
  fprintf(out, "classes  accuracy %%   +- 95%%\n");
  for (int s = 0; s < r->n_stages; s++)
    fprintf(out, "%7d  %10.2f  %7s\n", r->stage_classes[s], 100*r->stage_accuracy[s],
            stat_ci95_text(ci95, 100*r->stage_ci95[s], 2));
  if (r->n_base > 0) print_base(r, out);
  for (int k = 0; k < r->n_later; k++)
    fprintf(out, "%s%12.10g %10.2f  %7s\n", k ? "" : "seconds later, all classes\n", r->later_s[k],
            100*r->later_accuracy[k], stat_ci95_text(ci95, 100*r->later_ci95[k], 2));
  if (f->synapse.kind != RUN_CHIP) return;
  const struct ledger_mean class = per_class(r);
  const struct ledger_column columns[] = { { 0, "deployment", &r->deployment }, { 0, "a class", &class },
                                           { 0, "sequence", &r->task }, { 0, "base", &r->base } };
  fprintf(out, "\n");
  deploy_devices_print(&r->devices, out);
  fprintf(out, "learning a class writes %.1f devices\n", written_class(r));
  ledger_print_means(columns, r->n_base > 0 ? 4 : 3, &f->ledger, out);
}

static void put_interval(struct json_t *o, const char *name, struct stat_interval of, int classes) {
  struct json_t *part = json_add_object(o, name);
  if (classes > 0) json_put_i64(part, "classes", classes);
  json_put_f64(part, "accuracy", of.mean);
  json_put_known(part, "ci95", of.ci95);
}

static void put_base(struct json_t *o, const struct fewshot_result *r) {
  json_put_i64(o, "base_shots", r->base_shots);
  put_interval(o, "over_stages", r->over_stages, 0);
  put_interval(o, "base", r->of_base, r->n_base);
  put_interval(o, "new", r->of_new, r->ways - r->n_base);
}

void incremental_put(struct json_t *o, const struct fewshot_result *r, const struct fewshot *f) {
  struct json_t *list = json_add_array(o, "stages");
  for (int s = 0; s < r->n_stages; s++) {
    struct json_t *stage = json_add_object(list, NULL);
    json_put_i64(stage, "classes", r->stage_classes[s]);
    json_put_f64(stage, "accuracy", r->stage_accuracy[s]);
    json_put_known(stage, "ci95", r->stage_ci95[s]);
  }
  if (r->n_base > 0) put_base(o, r);
  if (f->synapse.kind != RUN_CHIP) return;
  const struct ledger_mean class = per_class(r);
  json_put_f64(o, "devices_written_class", written_class(r));
  json_put(o, "per_class", ledger_mean_json(&class, &f->ledger));
}
