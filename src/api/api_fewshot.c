// Few-shot learning of metaxbar.h.
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/err.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "base/text.h"
#include "chip/lifetime.h"
#include "data/characters.h"
#include "data/imageset.h"
#include "data/render.h"
#include "experiment/experiment.h"
#include "experiment/fewshot/deploy.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/pictures.h"
#include "kernel/choice.h"
#include "kernel/softmax.h"
#include "learn/adapt.h"
#include "learn/classes.h"
#include "learn/finetune.h"
#include "metaxbar.h"

enum { MAX_IMAGES = 1024, CHUNK = 64, SMALLEST_CHARACTER = 8 };

struct mx_fewshot {
  struct fewshot f;
  struct fewshot_model trained, model;  // as loaded, which is taught; for tasks of eval.updates
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct chip *chip, *task;      // as deployed; its copy on which tasks are learned
  struct convnet_fixed support;  // statistics of the support images of the task
  struct rng r;                  // of the task
  uint64_t seed;
  uint32_t n_tasks;
  bool deployed, adapted;
  struct taught taught;  // mx_fewshot_teach
};

// The images of a caller are as small as those of the network: there is nothing to make another view of.
static int one_view(const char *setting, int views) {
  return views == 1 ? 0 : err_set(ERR_SETTING, "%s=%d: the library computes one view of an image", setting, views);
}

// Tasks are the caller's; eval.shots and data.* are of what calibrates a chip.
static int check_effects(const struct mx_fewshot *m, const char *const *settings, const struct run_sources *from) {
  static const char *const reads[] = {
    "net",           "data",       "train.inner_rate", "train.adapt", "eval.updates", "eval.batchnorm",
    "eval.correct",  "eval.shots", "eval.views",       "learn",       "synapse.kind", "synapse.bits",
    "synapse.state", "chip",       "verify",           "ledger",      "run",          NULL
  };
  static const char *const chip[] = { "eval.shots", NULL };
  TRY(api_check_read(reads, settings));
  TRY(fewshot_experiment.effects(&m->f, from));
  if (m->f.synapse.kind != RUN_CHIP) TRY(run_refuse(from, chip, "synapse.kind=chip"));
  return taught_effects(&m->f, from);
}

static int load(struct mx_fewshot *m, const char *path, const char *const *settings) {
  static const char *const defaults[] = { "data.kind=builtin", NULL };
  const struct run_sources from = api_sources(settings);
  fewshot_init(&m->f);
  fewshot_pictures.begin(&m->f);
  TRY(api_settings(m->f.sections, defaults));
  TRY(fewshot_model_load(&m->trained, &m->f, path, &from));
  m->model = m->trained;
  TRY(check_effects(m, settings, &from));
  if (m->f.eval.batchnorm == CONVNET_FIXED)
    return err_set(ERR_SETTING, "eval.batchnorm=chip: here it is support or task");
  TRY(one_view("eval.views", (int)m->f.eval.views));
  TRY(one_view("learn.views", (int)m->f.learn.views));
  if (m->f.eval.updates > 0 && m->trained.net.steps == 0)
    return err_set(ERR_SETTING, "eval.updates=%d: %s has no inner updates (net.steps=0)", (int)m->f.eval.updates, path);
  if (m->f.eval.updates > m->trained.net.steps)
    TRY(fewshot_model_ways(&m->model, &m->trained, &m->f, m->trained.net.ways, (int)m->f.eval.updates));
  convnet_fixed_init(&m->support, &m->model.net);
  taught_init(&m->taught, &m->trained);
  return 0;
}

int mx_fewshot_load(struct mx_fewshot **out, const char *path, const char *const *settings) {
  API_BEGIN;
  API_PRESENT("mx_fewshot_load", out, path);
  TRY(choice_check());
  struct mx_fewshot *m = err_calloc(1, sizeof *m);
  const int rc = load(m, path, settings);
  if (rc < 0) mx_fewshot_free(m);
  else *out = m;
  return rc;
}

// Give back what holds the weights.
static void undeploy(struct mx_fewshot *m) {
  for (int l = 0; l <= m->model.net.readout; l++) {
    if (m->layers[l]) m->layers[l]->ops->free(m->layers[l]);
    m->layers[l] = NULL;
  }
  chip_free(m->task);
  chip_free(m->chip);
  m->task = m->chip = NULL;
  m->deployed = m->adapted = false;
}

void mx_fewshot_free(struct mx_fewshot *m) {
  if (!m) return;
  if (m->model.parameters) undeploy(m);
  taught_release(&m->taught);
  if (m->support.arena.base) convnet_fixed_release(&m->support);
  if (m->model.parameters != m->trained.parameters) fewshot_model_release(&m->model);
  fewshot_model_release(&m->trained);
  free(m);
}

#define FACT(name, value)                                                                                              \
  int mx_fewshot_##name(const struct mx_fewshot *m) {                                                                  \
    return m ? value : err_set(ERR_SETTING, "mx_fewshot_" #name ": a pointer is NULL");                                \
  }
FACT(ways, m->taught.N ? m->taught.N : m->model.net.ways)
FACT(shots, (int)m->f.train.shots)
FACT(image_size, m->model.net.side[0])
FACT(channels, m->model.net.in_channels)

// ---- images

int mx_character(unsigned char *ink, int size, uint64_t seed, int character, int drawing) {
  API_BEGIN;
  API_PRESENT("mx_character", ink);
  if (size < SMALLEST_CHARACTER || size > RENDER_MAX_INK || character < 0 || drawing < 0)
    return err_set(ERR_SETTING, "mx_character: size %d, character %d, drawing %d; size from %d to %d, numbers from 0",
                   size, character, drawing, SMALLEST_CHARACTER, RENDER_MAX_INK);
  characters_draw(ink, size, seed, character, drawing);
  return 0;
}

// pixels (H, W, channels) of any size, reduced to those of the model.
static int reduce(const char *what, const struct mx_fewshot *m, float *image, const unsigned char *pixels, int H, int W,
                  int channels) {
  if (H < 1 || W < 1 || H > RENDER_MAX_INK || W > RENDER_MAX_INK)
    return err_set(ERR_SETTING, "%s: %d x %d pixels; both from 1 to %d", what, H, W, RENDER_MAX_INK);
  if (channels != m->model.net.in_channels)
    return err_set(ERR_SETTING, "%s: an image of %d channel%s; the model takes %d", what, channels, text_s(channels),
                   m->model.net.in_channels);
  const int S = m->model.net.side[0];
  const struct view plain = render_plain(0);
  const size_t n = (size_t)(S * S * channels);
  struct imageset set;
  real *seen = err_calloc(n, sizeof *seen);
  if (channels == 1) imageset_init(&set, (enum imageset_preprocessing)m->f.data.preprocessing, S);
  else imageset_init_colour(&set, S);
  imageset_add_class(&set, "image", "image");
  if (channels == 1) imageset_add_image(&set, pixels, H, W);
  else imageset_add_colour(&set, pixels, H, W);
  render_view(&set, seen, channels, &plain);
  api_plain(image, seen, 1, n, n);
  imageset_release(&set);
  free(seen);
  return 0;
}

int mx_fewshot_image(const struct mx_fewshot *m, float *image, const unsigned char *ink, int H, int W) {
  API_BEGIN;
  API_PRESENT("mx_fewshot_image", m, image, ink);
  return reduce("mx_fewshot_image", m, image, ink, H, W, 1);
}

int mx_fewshot_colours(const struct mx_fewshot *m, float *image, const unsigned char *rgb, int H, int W) {
  API_BEGIN;
  API_PRESENT("mx_fewshot_colours", m, image, rgb);
  return reduce("mx_fewshot_colours", m, image, rgb, H, W, 3);
}

// ---- deployment

static void write_layer(struct mx_fewshot *m, int l) {
  m->layers[l]->ops->program(m->layers[l], m->model.parameters + m->model.net.offset[l], NULL);
}

static int deploy_chip(struct mx_fewshot *m, struct chip **chip, uint64_t seed) {
  struct dataset data;
  TRY(fewshot_model_calibrates(&m->model, &m->f));
  TRY(dataset_load(&data, &m->f.data, DATASET_BACKGROUND_ONLY | DATASET_STAND_IN));
  int rc = fewshot_deploy(chip, &m->f, &m->model, &data, (int)m->f.eval.shots, seed);
  dataset_release(&data);
  TRY(rc);
  rc = lifetime_resume(*chip, m->f.synapse.state, 0);
  if (rc < 0) chip_free(*chip);
  return rc;
}

int mx_fewshot_deploy(struct mx_fewshot *m, uint64_t seed) {
  API_BEGIN;
  struct chip *chip = NULL;
  API_PRESENT("mx_fewshot_deploy", m);
  if (m->f.synapse.kind == RUN_CHIP) TRY(deploy_chip(m, &chip, seed));
  undeploy(m);
  for (int l = 0; !chip && l <= m->model.net.readout; l++) {
    m->layers[l] = convnet_array(&m->model.net, l, m->f.synapse.kind == RUN_QUANTISED ? (int)m->f.synapse.bits : 0);
    write_layer(m, l);
  }
  if (chip) {
    m->chip = chip;
    m->task = chip_clone(chip);
    deploy_layers(m->layers, m->task, &m->model.net);
  }
  m->seed = seed;
  m->n_tasks = 0;
  m->deployed = true;
  return 0;
}

// ---- learning

static int check_images(const char *what, const struct mx_fewshot *m, const float *images, int n, int most) {
  const size_t pixels = (size_t)(m->model.net.side[0] * m->model.net.side[0] * m->model.net.in_channels);
  if (n < 1 || n > most) return err_set(ERR_SETTING, "%s: %d images; from 1 to %d", what, n, most);
  return api_finite(what, images, (size_t)n * pixels);
}

// n images as a network takes them.
static void put_images(const struct convnet *net, real *out, const float *images, int n) {
  const size_t pixels = (size_t)(net->side[0] * net->side[0]), channels = (size_t)net->in_channels;
  for (size_t i = 0; i < (size_t)n * pixels; i++)
    for (size_t c = 0; c < channels; c++) out[i * VECTOR_PADDING + c] = (real)images[i * channels + c];
}

static void load_images(const struct mx_fewshot *m, struct convnet_work *w, const float *images, int n) {
  w->n[0] = n;
  w->n[1] = 0;
  put_images(&m->model.net, w->y[0], images, n);
}

// Features of n images, normalised by their own statistics (fixed NULL) or by given ones.
static void features(struct mx_fewshot *m, struct convnet_work *w, const float *images, int n,
                     const struct convnet_fixed *fixed) {
  load_images(m, w, images, n);
  convnet_forward(&m->model.net, w, m->layers, 0, fixed ? CONVNET_FIXED : CONVNET_TASK, fixed, &m->r);
}

// The state as deployed, with random numbers of the task's own.
static void begin_task(struct mx_fewshot *m) {
  m->r = rng_stream(m->seed, RNG_READ, m->n_tasks++);
  if (m->chip) chip_copy(m->task, m->chip);
  else
    for (int l = m->model.net.adapting; l <= m->model.net.readout; l++) write_layer(m, l);
}

// Once class means have been written into the read-out.
static void calibrate_readout(struct mx_fewshot *m, const struct adapt_task *task) {
  if (m->chip && task->scale && m->f.eval.correct) chip_calibrate_matrix(m->task, m->model.net.readout, &m->r);
}

// Several layers, from the images in w. Their statistics at the end are those of the adapted weights.
static void update_layers(struct mx_fewshot *m, struct convnet_work *w, const struct adapt_task *read) {
  const struct convnet *net = &m->model.net;
  const struct finetune_task t = {
    .net = net, .work = w, .layers = m->layers, .read = *read, .rule = (enum convnet_rule)m->f.eval.batchnorm
  };
  struct adapt_record record;
  struct finetune f;
  real *held = err_aligned(net->rates, sizeof *held);
  for (int l = 0; l <= net->readout; l++) m->layers[l]->ops->weights(m->layers[l], held + net->offset[l]);
  adapt_record_init(&record, read->ways, read->steps, read->S, 0, read->C);
  finetune_init(&f, net, read->steps, read->S, 0);
  finetune_begin(&f, &t, held);
  for (int s = 0; s <= read->steps; s++) {
    if (finetune_needs_support(&t, s)) finetune_support(&t, s, &m->r);
    if (s == 0) {
      finetune_start(&f, &record, &t, &m->r);
      calibrate_readout(m, read);
    }
    if (s == read->steps) break;
    finetune_logits(&record, &t, s, &m->r);
    finetune_update(&f, &record, &t, s, &m->r);
  }
  finetune_release(&f, net);
  adapt_record_release(&record);
  free(held);
}

static void update_readout(struct mx_fewshot *m, const struct adapt_task *task) {
  const struct convnet *net = &m->model.net;
  struct adapt_record record;
  adapt_record_init(&record, task->ways, task->steps, task->S, 0, task->C);
  adapt_start(&record, task, m->layers[net->readout], &m->r);
  calibrate_readout(m, task);
  for (int s = 0; s < task->steps; s++) adapt_update(&record, task, m->layers[net->readout], s, &m->r);
  adapt_record_release(&record);
}

static void forget(struct mx_fewshot *m) {
  taught_release(&m->taught);
  taught_init(&m->taught, &m->trained);
}

int mx_fewshot_adapt(struct mx_fewshot *m, const float *images, const int *labels, int n) {
  API_BEGIN;
  API_PRESENT("mx_fewshot_adapt", m, images, labels);
  const struct convnet *net = &m->model.net;
  const size_t bytes = (size_t)vector_padded(net->channels) * sizeof(real);
  if (!m->deployed) return err_set(ERR_SETTING, "mx_fewshot_adapt: mx_fewshot_deploy comes first");
  TRY(check_images("mx_fewshot_adapt", m, images, n, MAX_IMAGES));
  for (int i = 0; i < n; i++)
    if (labels[i] < 0 || labels[i] >= net->ways)
      return err_set(ERR_SETTING, "mx_fewshot_adapt: label %d of image %d; from 0 to %d", labels[i], i, net->ways - 1);
  struct convnet_work w;
  convnet_work_init(&w, net, n);
  begin_task(m);
  const struct adapt_task task = { .ways = net->ways,
                                   .steps = (int)m->f.eval.updates,
                                   .S = n,
                                   .C = convnet_rows(net, net->readout),
                                   .h = w.h,
                                   .label = labels,
                                   .rate = m->model.parameters + net->rates,
                                   .bias = convnet_has_bias(net, net->readout),
                                   .offset = net->mean_offset,
                                   .scale = net->start == CONVNET_PROTOTYPE ? m->model.parameters + net->scale : NULL };
  if (net->adapting < net->readout) {
    load_images(m, &w, images, n);
    update_layers(m, &w, &task);
  } else {
    features(m, &w, images, n, NULL);
    update_readout(m, &task);
  }
  for (int l = 1; l <= net->blocks; l++) {
    memcpy(m->support.mean[l], w.mean[l][0], bytes);
    memcpy(m->support.r[l], w.r[l][0], bytes);
  }
  convnet_work_release(&w);
  forget(m);
  m->adapted = true;
  return 0;
}

// labels (n) and probabilities (n, ways) of the features h, by a read-out whose first columns are the classes.
static void classify(struct mx_fewshot *m, struct synapse *readout, int classes, int *labels, float *probabilities,
                     const real *h, int n) {
  const size_t N = (size_t)vector_padded(readout->O), ways = (size_t)classes;
  real *z = err_aligned(2 * (size_t)n * N, sizeof *z), *p = z + (size_t)n * N;
  classes_logits(z, readout, h, n, &m->r);
  softmax_forward(p, z, n, classes, (int)N);
  for (size_t i = 0; i < (size_t)n; i++) {
    labels[i] = 0;
    for (int k = 1; k < classes; k++)
      if (z[i * N + (size_t)k] > z[i * N + (size_t)labels[i]]) labels[i] = k;
  }
  if (probabilities) api_plain(probabilities, p, (size_t)n, ways, N);
  free(z);
}

// Of a few images at a time: labels and probabilities, or distances; each may be NULL. Errors name the function.
static int see_taught(const char *function, struct mx_fewshot *m, int *labels, float *probabilities, double *distances,
                      const float *images, int n) {
  const struct taught *t = &m->taught;
  const size_t pixels = (size_t)(t->net.side[0] * t->net.side[0] * t->net.in_channels), N = (size_t)t->N;
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct convnet_work w;
  TRY(check_images(function, m, images, n, INT32_MAX));
  convnet_work_init(&w, &t->net, n < CHUNK ? n : CHUNK);
  taught_layers(t, &m->f, layers, t->chip);
  for (int at = 0; at < n; at += w.n[0]) {
    w.n[0] = n - at < CHUNK ? n - at : CHUNK;
    w.n[1] = 0;
    put_images(&t->net, w.y[0], images + (size_t)at * pixels, w.n[0]);
    convnet_forward(&t->net, &w, layers, 0, CONVNET_FIXED, &t->fixed, &m->r);
    for (int i = 0; distances && i < w.n[0]; i++) distances[at + i] = taught_distance(t, w.h + i * t->CP);
    if (labels)
      classify(m, layers[t->net.readout], t->N, labels + at, probabilities ? probabilities + (size_t)at * N : NULL, w.h,
               w.n[0]);
  }
  taught_layers_free(t, layers);
  convnet_work_release(&w);
  return t->chip ? chip_failure(t->chip) : 0;
}

int mx_fewshot_classify(struct mx_fewshot *m, int *labels, float *probabilities, const float *images, int n) {
  API_BEGIN;
  API_PRESENT("mx_fewshot_classify", m, labels, images);
  const struct convnet *net = &m->model.net;
  const bool together = m->f.eval.batchnorm == CONVNET_TASK && !m->taught.N;
  if (m->taught.N) return see_taught("mx_fewshot_classify", m, labels, probabilities, NULL, images, n);
  if (!m->adapted) return err_set(ERR_SETTING, "mx_fewshot_classify: mx_fewshot_adapt comes first");
  TRY(check_images("mx_fewshot_classify", m, images, n, together ? MAX_IMAGES : INT32_MAX));
  const int chunk = together || n < CHUNK ? n : CHUNK;
  const size_t pixels = (size_t)(net->side[0] * net->side[0] * net->in_channels), ways = (size_t)net->ways;
  struct convnet_work w;
  convnet_work_init(&w, net, chunk);
  for (int at = 0; at < n; at += chunk) {
    const int count = n - at < chunk ? n - at : chunk;
    features(m, &w, images + (size_t)at * pixels, count, together ? NULL : &m->support);
    classify(m, m->layers[net->readout], net->ways, labels + at,
             probabilities ? probabilities + (size_t)at * ways : NULL, w.h, count);
  }
  convnet_work_release(&w);
  return 0;
}

// ---- classes that are taught one after another

// A caller's images, in the order of their classes.
struct lesson_images {
  const struct convnet *net;
  const float *images;
  int *order;
};

static void render_image(const struct taught_lesson *lesson, const struct views *views, int i, int k, real *out) {
  const struct lesson_images *own = lesson->images;
  (void)views, (void)k;  // one view
  const size_t pixels = (size_t)(own->net->side[0] * own->net->side[0] * own->net->in_channels);
  put_images(own->net, out, own->images + (size_t)own->order[i] * pixels, 1);
}

// first (classes + 1), order (n). ERR_SETTING for a class without images.
static int sort_labels(int *first, int *order, int classes, const int *labels, int n) {
  for (int c = 0, at = 0; c < classes; c++) {
    first[c] = at;
    for (int i = 0; i < n; i++)
      if (labels[i] == c) order[at++] = i;
    first[c + 1] = at;
    if (at == first[c]) return err_set(ERR_SETTING, "mx_fewshot_teach: class %d has no image", c);
  }
  return 0;
}

static int teach(struct mx_fewshot *m, int classes, const float *images, const int *labels, int n) {
  struct lesson_images own = { .net = &m->model.net, .images = images, .order = err_calloc((size_t)n, sizeof(int)) };
  int *first = err_calloc((size_t)classes + 1, sizeof *first);
  char **name = err_calloc((size_t)classes, sizeof *name);
  const struct taught_lesson lesson = {
    .n_classes = classes, .n = n, .first = first, .name = name, .render = render_image, .images = &own
  };
  for (int c = 0; c < classes; c++) {
    name[c] = err_calloc(32, 1);
    snprintf(name[c], 32, "class %d", m->taught.N + c);
  }
  int rc = sort_labels(first, own.order, classes, labels, n);
  if (rc == 0) rc = taught_teach(&m->taught, &m->f, &lesson);
  for (int c = 0; c < classes; c++) free(name[c]);
  free(name);
  free(first);
  free(own.order);
  return rc;
}

int mx_fewshot_teach(struct mx_fewshot *m, int classes, const float *images, const int *labels, int n) {
  API_BEGIN;
  API_PRESENT("mx_fewshot_teach", m, images, labels);
  TRY(check_images("mx_fewshot_teach", m, images, n, INT32_MAX));
  if (classes < 1 || classes > TAUGHT_MOST)
    return err_set(ERR_SETTING, "mx_fewshot_teach: %d classes; from 1 to %d", classes, TAUGHT_MOST);
  for (int i = 0; i < n; i++)
    if (labels[i] < 0 || labels[i] >= classes)
      return err_set(ERR_SETTING, "mx_fewshot_teach: label %d of image %d; from 0 to %d", labels[i], i, classes - 1);
  if (!m->taught.N) m->r = rng_stream((uint64_t)m->f.run.seed, RNG_READ, 0);
  return teach(m, classes, images, labels, n);
}

int mx_fewshot_distances(struct mx_fewshot *m, double *distances, double *threshold, const float *images, int n) {
  API_BEGIN;
  API_PRESENT("mx_fewshot_distances", m, distances, images);
  if (!m->taught.N) return err_set(ERR_SETTING, "mx_fewshot_distances: mx_fewshot_teach comes first");
  if (threshold) *threshold = m->taught.threshold;
  return see_taught("mx_fewshot_distances", m, NULL, NULL, distances, images, n);
}

int mx_fewshot_save_classes(const struct mx_fewshot *m, const char *path) {
  API_BEGIN;
  API_PRESENT("mx_fewshot_save_classes", m, path);
  if (!m->taught.N) return err_set(ERR_SETTING, "mx_fewshot_save_classes: mx_fewshot_teach comes first");
  TRY(tensorfile_check_path(path));
  return taught_save(&m->taught, &m->f, path);
}

int mx_fewshot_load_classes(struct mx_fewshot *m, const char *path) {
  API_BEGIN;
  API_PRESENT("mx_fewshot_load_classes", m, path);
  const struct run_sources none = { 0 };
  const struct fewshot before = m->f;
  struct tensorfile *tf;
  struct taught t;
  TRY(tensorfile_open(&tf, path));
  int rc = taught_read(&t, &m->f, &m->trained, tf, &none);
  if (rc == 0) rc = one_view("learn.views", t.views.n);
  tensorfile_close(tf);
  if (rc < 0) {
    taught_release(&t);
    m->f = before;
    return rc;
  }
  taught_release(&m->taught);
  m->taught = t;
  m->r = rng_stream((uint64_t)m->f.run.seed, RNG_READ, 0);
  return 0;
}

int mx_fewshot_number(const struct mx_fewshot *m, const char *name, double *value) {
  API_BEGIN;
  API_PRESENT("mx_fewshot_number", m, name, value);
  if (!m->chip) return err_set(ERR_SETTING, "mx_fewshot_number: the model is not deployed on a chip");
  struct ledger all = *chip_account(m->chip);
  ledger_add(&all, chip_ledger(m->task));
  return api_chip_number(m->task, &all, &m->f.ledger, name, value);
}
