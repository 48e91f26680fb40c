// Own pictures (experiment/pictures.h): classes are taught, and pictures classified.
#include "experiment/pictures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/par.h"
#include "base/png.h"
#include "base/tensorfile.h"
#include "base/text.h"
#include "chip/chip.h"
#include "data/imagefolder.h"
#include "data/render.h"
#include "experiment/fewshot/fewshot.h"
#include "kernel/softmax.h"
#include "learn/classes.h"

enum { CHUNK = 16, SMALL = 64 };  // pictures classified together, side of those that are kept

static void begin(void *set) {
  struct fewshot *f = set;
  struct settings_section *s = f->sections;
  while (s->name) s++;
  s[0] = (struct settings_section){ "learn", taught_param_table, &f->learn };
  s[1] = (struct settings_section){ 0 };
  param_defaults(taught_param_table, &f->learn);
}

static void begin_set(struct imageset *set, const struct fewshot *f, const struct convnet *net) {
  if (net->in_channels == 3) imageset_init_colour(set, net->side[0]);
  else imageset_init(set, (enum imageset_preprocessing)f->data.preprocessing, net->side[0]);
}

// ---- learning

static int load_support(struct imageset *set, const struct fewshot *f, const char *path) {
  const struct imagefolder_options options = { .invert = f->data.invert, .below_root = false };
  struct imagefolder_found found = { 0 };
  if (set->channels == 3 && f->data.invert)
    return err_set(ERR_SETTING, "data.invert=yes: says what is ink, and the model takes pictures in colours");
  TRY(imagefolder_load(set, path, &options, &found));
  TRY(imagefolder_check(set, path));
  imagefolder_note(&found, path, set->n_images, f->data.invert);
  return 0;
}

static void report(struct pictures_learned *l, const struct taught *t, const struct fewshot *f, int n_new) {
  *l = (struct pictures_learned){ .n = t->N, .n_new = n_new, .views = t->views.n,
                                  .synapse = (int)f->synapse.kind,
                                  .threshold = t->threshold, .n_held = t->chosen_by, .reject = f->learn.reject,
                                  .given = f->learn.threshold > 0, .written = t->written,
                                  .devices = t->chip ? chip_devices(t->chip) : 0 };
  l->name = err_calloc((size_t)t->N, sizeof *l->name);
  l->pictures = err_calloc((size_t)t->N, sizeof *l->pictures);
  for (int k = 0; k < t->N; k++) {
    l->name[k] = err_strdup(t->name[k]);
    l->pictures[k] = t->pictures[k];
  }
}

static int teach(struct pictures_learned *l, struct taught *t, struct fewshot *f, const struct fewshot_model *model,
                 const struct pictures_lesson *lesson) {
  struct imageset set;
  begin_set(&set, f, &model->net);
  int rc = load_support(&set, f, lesson->pictures);
  const struct taught_lesson classes = taught_lesson_of(&set);
  for (int k = 0; k < set.n_classes && rc == 0; k++)
    if (!text_is_utf8(set.class_name[k]))
      rc = err_set(ERR_FORMAT, "%s: folder %s: names of classes must be UTF-8", lesson->pictures, set.class_name[k]);
  if (rc == 0) rc = taught_teach(t, f, &classes);
  if (rc == 0) rc = taught_save(t, f, lesson->out);
  if (rc == 0) report(l, t, f, set.n_classes);
  imageset_release(&set);
  return rc;
}

static int open_taught(struct taught *t, struct fewshot *f, const struct fewshot_model *model, const char *state,
                       const struct run_sources *from) {
  struct tensorfile *tf;
  taught_init(t, model);
  TRY(tensorfile_open(&tf, state));
  const int rc = taught_read(t, f, model, tf, from);
  tensorfile_close(tf);
  return rc;
}

// Settings of further classes; the others are in the file.
static int check_adding(const struct run_sources *from) {
  static const char *const reads[] = { "learn.updates", "learn.reject", "learn.threshold", "data.preprocessing",
                                       "train.inner_rate", "chip.table", "chip.driver", "chip.record",
                                       "chip.driver_faults", "chip.driver_timeout_s", "chip.driver_tolerance",
                                       "chip.time_s", "run", NULL };
  for (int k = 0; k < from->n_assignments; k++) TRY(run_check_read(reads, from->assignments[k]));
  return 0;
}

// Random are chips, the rounding of updates of quantised weights, and all views of a picture but the first.
static int check_seed(const struct fewshot *f, bool updates, const struct run_sources *from) {
  static const char *const seed[] = { "run.seed", NULL };
  if (f->learn.views > 1 || f->synapse.kind == RUN_CHIP || (updates && f->synapse.kind == RUN_QUANTISED)) return 0;
  return run_refuse(from, seed, updates ? "a chip, quantised weights or learn.views above 1"
                                        : "a chip or learn.views above 1");
}

static int learn(struct pictures_learned *l, void *set, const void *model, const struct pictures_lesson *lesson,
                 const struct run_sources *from) {
  struct fewshot *f = set;
  struct taught t;
  taught_init(&t, model);
  int rc = tensorfile_check_path(lesson->out);
  if (rc == 0 && lesson->state) rc = check_adding(from);
  if (rc == 0 && lesson->state) rc = open_taught(&t, f, model, lesson->state, from);
  if (rc == 0) rc = taught_effects(f, from);
  if (rc == 0) rc = check_seed(f, true, from);
  if (rc == 0) rc = file_out_check(lesson->out);
  if (rc == 0) rc = teach(l, &t, f, model, lesson);
  if (rc == 0) rc = taught_disconnect(&t);
  taught_release(&t);
  return rc;
}

// ---- classification

// Scratch of a worker.
struct worker {
  struct convnet_work work;
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct chip *chip;
  struct png_pixels image;
  real *z;  // logits, then probabilities (CHUNK, padded columns)
};

struct classifying {
  const struct fewshot *f;
  const struct taught *t;
  struct pictures_result *r;
  struct worker *workers;
  bool *has_colour;
};

// A small picture, ink dark on white.
static void keep_small(struct pictures_result *r, int i, const struct png_pixels *p) {
  const size_t bytes = (size_t)(r->side * r->side * r->channels);
  unsigned char *to = r->small + (size_t)i * bytes;
  if (r->channels == 3) {
    render_reduce_colour(to, r->side, p->pixels, p->H, p->W);
    return;
  }
  render_reduce_area(to, r->side, p->pixels, p->H, p->W);
  for (size_t k = 0; k < bytes; k++) to[k] = (unsigned char)(255 - to[k]);
}

static int read_picture(struct classifying *c, struct worker *w, struct imageset *set, int i) {
  char *data;
  size_t size;
  TRY(file_read(c->r->path[i], IMAGEFOLDER_MAX_FILE, &data, &size));
  const int rc = imagefolder_decode(&w->image, c->r->path[i], data, size, set->channels, c->f->data.invert);
  free(data);
  TRY(rc);
  if (set->channels == 3) imageset_add_colour(set, w->image.pixels, w->image.H, w->image.W);
  else imageset_add_image(set, w->image.pixels, w->image.H, w->image.W);
  c->has_colour[i] = set->channels == 3 && imagefolder_has_colour(&w->image);
  if (c->r->small) keep_small(c->r, i, &w->image);
  return 0;
}

static int read_chunk(struct classifying *c, struct worker *w, struct imageset *set, int first, int n) {
  begin_set(set, c->f, &c->t->net);
  imageset_add_class(set, "pictures", "pictures");
  for (int i = 0; i < n; i++) TRY(read_picture(c, w, set, first + i));
  return 0;
}

// Features of the pictures of a chunk.
static int see_chunk(struct classifying *c, struct worker *w, int first, int n, struct rng *r) {
  struct imageset set;
  const struct taught *t = c->t;
  const int rc = read_chunk(c, w, &set, first, n);
  const struct taught_lesson chunk = taught_lesson_of(&set);
  if (rc == 0) taught_features(t, &w->work, w->layers, &chunk, 0, n, r);
  imageset_release(&set);
  return rc;
}

static int classify_chunk(void *context, int item, int worker, void *record) {
  struct classifying *c = context;
  struct worker *w = &c->workers[worker];
  const struct taught *t = c->t;
  const int first = item * CHUNK, n = c->r->n - first < CHUNK ? c->r->n - first : CHUNK;
  const int OP = vector_padded(t->net.ways);
  real *p = w->z + CHUNK*OP;
  struct rng r = rng_stream((uint64_t)c->f->run.seed, RNG_READ, (uint32_t)item);
  (void)record;
  if (w->chip) chip_copy(w->chip, t->chip);
  TRY(see_chunk(c, w, first, n, &r));
  classes_logits(w->z, w->layers[t->net.readout], w->work.h, n, &r);
  softmax_forward(p, w->z, n, t->N, OP);
  for (int i = 0; i < n; i++) {
    c->r->distance[first + i] = taught_distance(t, w->work.h + (size_t)i * (size_t)t->CP);
    for (int k = 0; k < t->N; k++)
      c->r->probability[(size_t)(first + i) * (size_t)t->N + (size_t)k] = (float)p[i*OP + k];
  }
  return w->chip ? chip_failure(w->chip) : 0;
}

static void workers_new(struct classifying *c, int n) {
  c->workers = err_calloc((size_t)n, sizeof *c->workers);
  for (int k = 0; k < n; k++) {
    struct worker *w = &c->workers[k];
    if (c->t->chip) w->chip = chip_clone(c->t->chip);
    taught_layers(c->t, c->f, w->layers, w->chip);
    convnet_work_init(&w->work, &c->t->net, CHUNK);
    w->z = err_aligned((size_t)2 * CHUNK * (size_t)vector_padded(c->t->net.ways), sizeof *w->z);
  }
}

static void workers_free(struct classifying *c, int n) {
  for (int k = 0; k < n; k++) {
    struct worker *w = &c->workers[k];
    taught_layers_free(c->t, w->layers);
    chip_free(w->chip);
    convnet_work_release(&w->work);
    png_pixels_release(&w->image);
    free(w->z);
  }
  free(c->workers);
}

static int check_colours(const struct classifying *c) {
  if (c->t->net.in_channels == 1) return 0;
  for (int i = 0; i < c->r->n; i++)
    if (c->has_colour[i]) return 0;
  return err_set(ERR_FORMAT, "%s: none of %d picture%s has any colour, and %s takes pictures in colours",
                 c->r->path[0], c->r->n, text_s(c->r->n), c->t->model->path);
}

static int classify_all(struct classifying *c) {
  struct pictures_result *r = c->r;
  const size_t n = (size_t)r->n, bytes = (size_t)(r->side * r->side * r->channels);
  TRY(err_room((double)n * ((double)c->t->N * sizeof(float) + (double)bytes), "the pictures"));
  r->probability = err_calloc(n * (size_t)c->t->N, sizeof *r->probability);
  r->distance = err_calloc(n, sizeof *r->distance);
  if (r->side) r->small = err_calloc(n, bytes);
  c->has_colour = err_calloc(n, sizeof *c->has_colour);
  struct par *par = par_new(run_workers(&c->f->run, &c->f->synapse, &c->f->chip));
  workers_new(c, par_threads(par));
  int rc = par_map(par, (r->n + CHUNK - 1) / CHUNK, 0, classify_chunk, c, NULL);
  if (rc == 0) rc = check_colours(c);
  workers_free(c, par_threads(par));
  par_free(par);
  free(c->has_colour);
  return rc;
}

static int classify(struct pictures_result *r, void *set, const void *model, const char *state, char *const *words,
                    int n_words, bool small, const struct run_sources *from) {
  struct fewshot *f = set;
  struct taught t;
  *r = (struct pictures_result){ 0 };
  int rc = open_taught(&t, f, model, state, from);
  if (rc == 0) rc = check_seed(f, false, from);
  if (rc == 0) rc = pictures_list(&r->path, &r->n, words, n_words);
  if (rc == 0) {
    r->name = err_calloc((size_t)t.N, sizeof *r->name);
    for (; r->n_classes < t.N; r->n_classes++) r->name[r->n_classes] = err_strdup(t.name[r->n_classes]);
    r->threshold = t.threshold;
    r->views = t.views.n;
    r->channels = t.net.in_channels;
    r->side = small ? SMALL : 0;
    rc = classify_all(&(struct classifying){ .f = f, .t = &t, .r = r });
  }
  if (rc == 0) rc = taught_disconnect(&t);
  taught_release(&t);
  if (rc < 0) pictures_result_release(r);
  return rc;
}

const struct experiment_pictures fewshot_pictures = { .begin = begin, .learn = learn, .classify = classify };
