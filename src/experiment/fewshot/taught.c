#include "experiment/fewshot/taught.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/stat.h"
#include "chip/chip.h"
#include "data/render.h"
#include "experiment/fewshot/fewshot.h"
#include "learn/classes.h"
#include "learn/prototype.h"

enum { GROUP = 64, STATISTICS = 1024 };  // images computed at a time; whose statistics are taken, at most

const struct param taught_param_table[] = {
#define P struct taught_params
  PARAM_I64(P, updates, -1, -1, CONVNET_MAX_STEPS,
            "updates of the delta rule after the start from class means; -1: those that the model was trained with, "
            "without the first, which the start replaces unless the model was trained with it (net.start=prototype)"),
  PARAM_I64(P, views, 1, 1, 256,
            "views of each picture: itself, and others that are distorted, mirrored and shifted at random "
            "(data.distort_*, data.flip, data.crop_px); its features are their mean; 16 helps where a class has one "
            "picture. Further classes have as many views as the first, and so has classify by default",
            .later = true),
  PARAM_I64(P, room, 16, 0, TAUGHT_MOST, "columns of the read-out that a chip keeps free for classes added later"),
  PARAM_F64(P, reject, 0.05, 0, 0.5,
            "share of further pictures of the classes that the threshold is expected to reject, estimated from the "
            "support pictures, each held out once; 0: no threshold"),
  PARAM_F64(P, threshold, 0, 0, 1e9,
            "distance from the nearest class mean beyond which a picture is none of the classes; 0: learn chooses "
            "it by learn.reject, classify takes that of the file"),
#undef P
  { 0 },
};

int taught_effects(const struct fewshot *f, const struct run_sources *from) {
  static const char *const chip[] = { "chip", "verify", "learn.room", NULL };
  static const char *const quantised[] = { "synapse.bits", NULL };
  static const char *const views[] = { DATASET_VARIATIONS, NULL }, *const reject[] = { "learn.reject", NULL };
  if (f->learn.views == 1) TRY(run_refuse(from, views, "learn.views above 1"));
  if (f->learn.threshold > 0) TRY(run_refuse(from, reject, "learn.threshold=0"));
  if (f->synapse.kind != RUN_CHIP) TRY(run_refuse(from, chip, "synapse.kind=chip"));
  return f->synapse.kind == RUN_QUANTISED ? 0 : run_refuse(from, quantised, "synapse.kind=quantised");
}

void taught_init(struct taught *t, const struct fewshot_model *model) {
  *t = (struct taught){ .model = model, .threshold = INFINITY, .views.n = 1 };
}

void taught_release(struct taught *t) {
  for (int k = 0; k < t->N; k++) free(t->name[k]);
  free(t->name);
  free(t->pictures);
  free(t->mean);
  free(t->w);
  free(t->held);
  free(t->parameters);
  free(t->cells);
  if (t->fixed.arena.base) convnet_fixed_release(&t->fixed);
  chip_free(t->chip);
  *t = (struct taught){ 0 };
}

// ---- the network

int taught_resize(struct taught *t, const struct fewshot *f, int columns) {
  struct convnet_params p = f->net;
  const struct convnet *of = &t->model->net;
  p.ways = columns;
  p.adapt = CONVNET_READOUT;
  p.bias = CONVNET_BIAS_DIGITAL;
  p.start = CONVNET_LEARNED;  // its start from class means is made here, from the means that are kept
  p.mean_offset = 0;
  TRY(convnet_init(&t->net, &p, of->side[0], of->in_channels));
  free(t->parameters);
  t->parameters = err_aligned(t->net.n, sizeof *t->parameters);
  memcpy(t->parameters, t->model->parameters, of->offset[of->readout] * sizeof *t->parameters);
  t->C = convnet_rows(&t->net, t->net.readout);
  t->CP = convnet_features(&t->net);
  if (!t->fixed.arena.base) convnet_fixed_init(&t->fixed, &t->net);
  free(t->w);
  t->w = err_aligned((size_t)t->C * (size_t)vector_padded(columns), sizeof *t->w);
  return 0;
}

void taught_layers(const struct taught *t, const struct fewshot *f, struct synapse **layers, struct chip *chip) {
  const struct convnet *net = &t->net;
  if (chip) deploy_layers(layers, chip, net);
  for (int l = 0; !chip && l <= net->readout; l++) {
    layers[l] = convnet_array(net, l, f->synapse.kind == RUN_QUANTISED ? (int)f->synapse.bits : 0);
    layers[l]->ops->program(layers[l], l < net->readout ? t->parameters + net->offset[l] : t->w, NULL);
  }
}

void taught_layers_free(const struct taught *t, struct synapse **layers) {
  for (int l = 0; !t->chip && l <= t->net.readout; l++) layers[l]->ops->free(layers[l]);
}

// ---- features

static void render_of_set(const struct taught_lesson *lesson, const struct views *views, int i, int k, real *out) {
  const struct view v = render_plain(i);
  views_render(views, lesson->images, &v, k, out);
}

struct taught_lesson taught_lesson_of(const struct imageset *set) {
  return (struct taught_lesson){ .n_classes = set->n_classes, .n = set->n_images, .first = set->first,
                                 .name = set->class_name, .render = render_of_set, .images = set };
}

// Views of images of a lesson: [first, first + n) of `of` that are evenly chosen.
static void render(struct convnet_work *w, const struct taught *t, const struct taught_lesson *lesson, int first, int n,
                   int of) {
  const size_t image = convnet_pixels(&t->net, 0) * VECTOR_PADDING;
  const int V = t->views.n;
  w->n[0] = n;
  w->n[1] = 0;
  for (int i = 0; i < n; i++) {
    const int from = (int)((long)(first + i) * lesson->n * V / of);
    lesson->render(lesson, &t->views, from / V, from % V, w->y[0] + (size_t)i * image);
  }
}

// Statistics of the views of the images of a lesson, evenly chosen where there are many.
static int statistics(struct taught *t, struct convnet_work *w, struct synapse *const *layers,
                      const struct taught_lesson *lesson, struct rng *r) {
  const long all = (long)lesson->n * t->views.n;
  const int n = all < STATISTICS ? (int)all : STATISTICS;
  const size_t bytes = (size_t)vector_padded(t->net.channels) * sizeof(real),
               image = convnet_pixels(&t->net, 0) * VECTOR_PADDING;
  if (n <= w->B) {
    render(w, t, lesson, 0, n, n);
    convnet_forward(&t->net, w, layers, 0, CONVNET_TASK, NULL, r);
    for (int l = 1; l <= t->net.blocks; l++) {
      memcpy(t->fixed.mean[l], w->mean[l][0], bytes);
      memcpy(t->fixed.r[l], w->r[l][0], bytes);
    }
    return 0;
  }
  TRY(err_room((double)n * (double)image * sizeof(real), "the pictures"));
  real *x = err_aligned((size_t)n * image, sizeof *x);
  for (int at = 0; at < n; at += w->B) {
    const int count = n - at < w->B ? n - at : w->B;
    render(w, t, lesson, at, count, n);
    memcpy(x + (size_t)at * image, w->y[0], (size_t)count * image * sizeof *x);
  }
  convnet_measure(&t->net, w, layers, &t->fixed, x, n, r);
  free(x);
  return 0;
}

// Some images of a lesson, from number `first` on.
struct part {
  const struct taught *t;
  const struct taught_lesson *lesson;
  int first;
};

static void render_part(const void *context, int i, int k, real *out) {
  const struct part *p = context;
  p->lesson->render(p->lesson, &p->t->views, p->first + i, k, out);
}

void taught_features(const struct taught *t, struct convnet_work *w, struct synapse *const *layers,
                     const struct taught_lesson *lesson, int first, int n, struct rng *r) {
  const struct part part = { t, lesson, first };
  const struct views_images images = { render_part, &part };
  views_forward(&t->net, w, layers, &t->fixed, &images, n, t->views.n, r);
}

// h (images, CP) of all images of a lesson.
static void features(const struct taught *t, struct convnet_work *w, struct synapse *const *layers,
                     const struct taught_lesson *lesson, real *h, struct rng *r) {
  for (int at = 0; at < lesson->n; at += w->B) {
    const int count = lesson->n - at < w->B ? lesson->n - at : w->B;
    taught_features(t, w, layers, lesson, at, count, r);
    memcpy(h + (size_t)at * (size_t)t->CP, w->h, (size_t)count * (size_t)t->CP * sizeof *h);
  }
}

// Statistics if there are none yet, then features. The caller's to free.
static int see(struct taught *t, struct synapse *const *layers, const struct taught_lesson *lesson, real **h,
               struct rng *r) {
  struct convnet_work w;
  TRY(err_room((double)lesson->n * t->CP * sizeof(real) + convnet_work_bytes(&t->net, GROUP), "the pictures"));
  convnet_work_init(&w, &t->net, GROUP);
  const bool have = !t->N && t->views.n == 1 && lesson->n <= w.B;  // the pass that takes the statistics leaves them
  const int rc = t->N ? 0 : statistics(t, &w, layers, lesson, r);
  *h = rc == 0 ? err_aligned((size_t)lesson->n * (size_t)t->CP, sizeof **h) : NULL;
  if (have) memcpy(*h, w.h, (size_t)lesson->n * (size_t)t->CP * sizeof **h);
  else if (rc == 0) features(t, &w, layers, lesson, *h, r);
  convnet_work_release(&w);
  return rc;
}

// ---- classes

void taught_take(struct taught *t, int n) {
  char **name = err_calloc((size_t)n, sizeof *name);
  int64_t *pictures = err_calloc((size_t)n, sizeof *pictures);
  real *mean = err_aligned((size_t)n * (size_t)t->CP, sizeof *mean);
  if (t->N > 0) {
    memcpy(name, t->name, (size_t)t->N * sizeof *name);
    memcpy(pictures, t->pictures, (size_t)t->N * sizeof *pictures);
    memcpy(mean, t->mean, (size_t)t->N * (size_t)t->CP * sizeof *mean);
  }
  free(t->name);
  free(t->pictures);
  free(t->mean);
  t->name = name;
  t->pictures = pictures;
  t->mean = mean;
}

// The new classes, their features h class by class.
// Classes with the same mean cannot be told apart.
static int check_distinct(const struct taught *t) {
  for (int k = 0; k < t->N; k++)
    for (int j = 0; j < k; j++)
      if (classes_distance2(t->mean + (size_t)k * (size_t)t->CP, t->mean + (size_t)j * (size_t)t->CP, t->C) == 0)
        return err_set(ERR_FORMAT, "classes '%s' and '%s': their pictures are equal", t->name[j], t->name[k]);
  return 0;
}

// Nothing is appended if it fails.
static int append(struct taught *t, const struct taught_lesson *lesson, const real *h) {
  taught_take(t, t->N + lesson->n_classes);
  for (int c = 0; c < lesson->n_classes; c++) {
    const int k = t->N++, n = lesson->first[c + 1] - lesson->first[c];
    t->name[k] = err_strdup(lesson->name[c]);
    t->pictures[k] = n;
    real *mean = t->mean + (size_t)k * (size_t)t->CP;
    prototype_means(mean, t->CP, h + (size_t)lesson->first[c] * (size_t)t->CP, t->C, NULL, n, 1, t->C - 1);
    mean[t->C - 1] = 1;
  }
  const int rc = check_distinct(t);
  for (int c = 0; c < lesson->n_classes && rc < 0; c++) {
    free(t->name[--t->N]);
    t->name[t->N] = NULL;
    memset(t->mean + (size_t)t->N * (size_t)t->CP, 0, (size_t)t->CP * sizeof *t->mean);
  }
  return rc;
}

double taught_distance(const struct taught *t, const real *h) {
  double least = INFINITY;
  for (int k = 0; k < t->N; k++)
    least = fmin(least, classes_distance2(h, t->mean + (size_t)k * (size_t)t->CP, t->C));
  return sqrt(least);
}

// A picture of n in a class, held out: with m_k the mean of all, m' that of the others, h - m' = n/(n - 1) (h - m_k).
// A new picture is less far from m_k than one held out from m', in the mean of the squares by (n^2 - 1)/n^2, so that
// distance = sqrt((n + 1)/(n - 1)) |h - m_k|.
static void hold_out(struct taught *t, const struct taught_lesson *lesson, const real *h) {
  const int first = t->N - lesson->n_classes;
  double *held = err_calloc((size_t)(t->n_held + lesson->n), sizeof *held);
  if (t->n_held) memcpy(held, t->held, (size_t)t->n_held * sizeof *held);
  free(t->held);
  t->held = held;
  for (int c = 0; c < lesson->n_classes; c++) {
    const int n = lesson->first[c + 1] - lesson->first[c];
    for (int i = lesson->first[c]; n > 1 && i < lesson->first[c + 1]; i++)
      t->held[t->n_held++] = sqrt((n + 1.0) / (n - 1.0) *
                                  classes_distance2(h + (size_t)i * (size_t)t->CP,
                                                    t->mean + (size_t)(first + c) * (size_t)t->CP, t->C));
  }
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Root of the mean squared distance of a class mean from the nearest other.
static double between(const struct taught *t) {
  double sum = 0;
  for (int k = 0; k < t->N; k++) {
    double least = INFINITY;
    for (int j = 0; j < t->N; j++)
      if (j != k)
        least = fmin(least, classes_distance2(t->mean + (size_t)k * (size_t)t->CP, t->mean + (size_t)j * (size_t)t->CP,
                                              t->C));
    sum += least / t->N;
  }
  return sqrt(sum);
}

// What a share `reject` of new pictures exceeds, if logarithms of distances are normal: the quantile of Student's t for
// one more value (K4). Of the n_k pictures of a class n_k - 1 count: two are equally far from each other. 0: unknown.
static double predicted(const struct taught *t, double reject) {
  struct stat_moments log_distance = { 0 };
  double n = 0;
  for (int k = 0; k < t->N; k++) n += (double)t->pictures[k] - 1;
  for (int i = 0; i < t->n_held; i++)
    if (t->held[i] > 0) stat_add(&log_distance, log(t->held[i]));
  if (n < 2 || log_distance.n < 2) return 0;
  const double sd = stat_sd(&log_distance) * sqrt((1 - 1.0 / (double)log_distance.n) * n / (n - 1));
  return exp(log_distance.mean - stat_t_quantile(reject, n - 1) * sd * sqrt(1 + 1 / n));
}

static double threshold(struct taught *t, const struct taught_params *p) {
  t->chosen_by = 0;
  if (p->threshold > 0) return p->threshold;
  if (p->reject <= 0) return INFINITY;
  if (t->n_held) qsort(t->held, (size_t)t->n_held, sizeof *t->held, by_size);
  const double found = predicted(t, p->reject);
  if (found <= 0) return between(t);
  if (isinf(found)) return INFINITY;  // so small a share is none
  t->chosen_by = t->n_held;
  return found;
}

// ---- the read-out

// The start from class means w_k = s (m_k - m), and the updates that follow, at the model's rates from `rate` on.
struct start {
  double s;
  int offset, rate, updates;
};

static struct start start_of(const struct fewshot_model *m, const struct taught_params *p) {
  const struct convnet *net = &m->net;
  const int own = net->start == CONVNET_PROTOTYPE;
  struct start s = { .s = 2, .offset = 1, .rate = !own };  // without updates: minus squared distances, as trained
  if (own) s.s = (double)m->parameters[net->scale], s.offset = net->mean_offset;
  else if (net->steps > 0) s.s = (double)m->parameters[convnet_rate(net, 0, net->readout)] / net->ways;
  if (net->steps > 0) s.updates = p->updates < 0 ? net->steps - s.rate : (int)p->updates;
  return s;
}

// Rows of the delta rule: means of the first `old` classes, then the images of a lesson.
static struct classes_task rows_of(const struct taught *t, int old, const struct taught_lesson *lesson, const real *h) {
  const int n = old + lesson->n;
  const size_t CP = (size_t)t->CP;
  real *rows = err_aligned((size_t)n * CP, sizeof *rows), *weight = err_aligned((size_t)n, sizeof *weight);
  int *label = err_calloc((size_t)n, sizeof *label);
  memcpy(rows, t->mean, (size_t)old * CP * sizeof *rows);
  memcpy(rows + (size_t)old * CP, h, (size_t)lesson->n * CP * sizeof *rows);
  for (int k = 0; k < old; k++) label[k] = k;
  for (int c = 0; c < lesson->n_classes; c++)
    for (int i = lesson->first[c]; i < lesson->first[c + 1]; i++) label[old + i] = old + c;
  classes_weights(weight, label, n, t->N);
  return (struct classes_task){ .N = t->N, .O = t->net.ways, .C = t->C, .n = n, .h = rows, .label = label,
                                .weight = weight };
}

static void rows_free(struct classes_task *rows) {
  free((real *)(uintptr_t)rows->h);
  free((int *)(uintptr_t)rows->label);
  free((real *)(uintptr_t)rows->weight);
}

// From the means of all classes; lesson: those that are new, of features h.
static void learn(struct taught *t, const struct fewshot *f, struct synapse *readout,
                  const struct taught_lesson *lesson, const real *h, struct rng *r) {
  const struct convnet *of = &t->model->net;
  const struct start start = start_of(t->model, &f->learn);
  classes_means(t->w, t->mean, t->N, t->net.ways, t->C, start.s, start.offset);
  if (t->chip && start.updates > 0) taught_make_room(t);
  t->written = readout->ops->program(readout, t->w, t->chip ? r : NULL);
  if (t->chip) chip_calibrate_matrix(t->chip, t->net.readout, r);
  if (start.updates > 0) {
    struct classes_task rows = rows_of(t, t->N - lesson->n_classes, lesson, h);
    for (int u = start.rate; u < start.rate + start.updates; u++) {
      const int step = u < of->steps ? u : of->steps - 1;
      const double alpha = (double)t->model->parameters[convnet_rate(of, step, of->readout)];
      t->written += classes_update(&rows, readout, alpha * t->N / of->ways, r);
    }
    rows_free(&rows);
  }
  readout->ops->weights(readout, t->w);
}

// ---- all of it

static int check(const struct taught *t, const struct taught_lesson *lesson) {
  const int n = t->N + lesson->n_classes, columns = t->N ? t->net.ways : TAUGHT_MOST;
  if (lesson->n_classes == 0) return err_set(ERR_SETTING, "no support: there are no classes to learn");
  if (n < 2) return err_set(ERR_SETTING, "one class, %s: there must be two at least", lesson->name[0]);
  if (n > TAUGHT_MOST) return err_set(ERR_SETTING, "%d classes: a read-out has at most %d", n, TAUGHT_MOST);
  if (t->chip && n > columns)
    return err_set(ERR_SETTING, "%d classes: the read-out on the chip has %d columns (learn.room)", n, columns);
  for (int c = 0; c < lesson->n_classes; c++) {
    if (strlen(lesson->name[c]) >= TAUGHT_NAME)
      return err_set(ERR_SETTING, "class %.60s...: a name has at most %d bytes", lesson->name[c], TAUGHT_NAME - 1);
    for (int k = 0; k < t->N; k++)
      if (!strcmp(t->name[k], lesson->name[c]))
        return err_set(ERR_SETTING, "class %s was taught before", t->name[k]);
  }
  return 0;
}

static int columns_of(const struct taught *t, const struct fewshot *f, int n) {
  if (t->chip) return t->net.ways;
  if (f->synapse.kind != RUN_CHIP || t->N > 0) return n;
  return n + (int)f->learn.room < TAUGHT_MOST ? n + (int)f->learn.room : TAUGHT_MOST;
}

// From pictures to the read-out, which has room for the lesson.
static int teach(struct taught *t, const struct fewshot *f, const struct taught_lesson *lesson) {
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct rng software = rng_stream((uint64_t)f->run.seed, RNG_QUANTISE, (uint32_t)t->N);
  real *h = NULL;
  if (t->chip) taught_calibrate(t, lesson);
  else if (f->synapse.kind == RUN_CHIP) TRY(taught_deploy(t, f, lesson));
  struct rng *r = t->chip ? chip_rng(t->chip) : &software;
  taught_layers(t, f, layers, t->chip);
  int rc = see(t, layers, lesson, &h, r);
  if (rc == 0) rc = append(t, lesson, h);
  if (rc == 0) {
    hold_out(t, lesson, h);
    learn(t, f, layers[t->net.readout], lesson, h, r);
    t->threshold = threshold(t, &f->learn);
  }
  free(h);
  taught_layers_free(t, layers);
  return rc;
}

int taught_teach(struct taught *t, const struct fewshot *f, const struct taught_lesson *lesson) {
  TRY(check(t, lesson));
  TRY(views_init(&t->views, f, f->learn.views, "learn.views"));
  const size_t n = t->N > 0 ? (size_t)t->C * (size_t)vector_padded(t->net.ways) : 0;
  real *before = err_calloc(n + 1, sizeof *before);
  if (n) memcpy(before, t->w, n * sizeof *before);
  int rc = taught_resize(t, f, columns_of(t, f, t->N + lesson->n_classes));
  if (rc == 0) rc = teach(t, f, lesson);
  if (rc < 0 && n && taught_resize(t, f, columns_of(t, f, t->N)) == 0)  // what was taught before stays as it was
    memcpy(t->w, before, n * sizeof *before);
  free(before);
  if (rc == 0) rc = taught_failure(t);
  return rc == 0 && t->chip ? taught_look(t) : rc;
}
