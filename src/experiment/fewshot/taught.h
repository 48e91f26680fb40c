// taught.h - a classifier that is taught classes from a person's own pictures, more of them later, and tells pictures
// apart: any number of classes, of any number of pictures each.
//
//   statistics   of the normalisation: those of the first pictures, kept for all that come
//   m_k          mean feature of the pictures of class k
//   read-out     starts from these means (learn/prototype.h): w_k = s (m_k - m), b_k = -s |m_k|^2/2, as the model was
//                trained to start, or with such an s as its first update from zeros makes; then learn.updates of the
//                delta rule, in which every class counts the same (learn/classes.h)
//   distance     |h - m_k| of a picture's features from the nearest mean; beyond the threshold it is none of these
//
// Pictures are not kept. When classes are added, the read-out is learned again from the means of all; in updates those
// of the old classes stand in for their pictures. On a chip the read-out has learn.room free columns for them.
#ifndef EXPERIMENT_FEWSHOT_TAUGHT_H
#define EXPERIMENT_FEWSHOT_TAUGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/param.h"
#include "data/imageset.h"
#include "experiment/fewshot/views.h"
#include "model/convnet.h"

struct chip;
struct fewshot;
struct fewshot_model;
struct par;
struct rng;
struct run_sources;
struct tensorfile;

enum { TAUGHT_MOST = 1024, TAUGHT_NAME = 1024 };  // classes, bytes of a name with its end

struct taught_params {
  int64_t updates;   // of the delta rule; -1: as the model was trained with
  int64_t views;     // of each picture
  int64_t room;      // columns of the read-out on a chip that are left free
  double reject;     // share of held-out pictures beyond the threshold
  double threshold;  // 0: chosen by `reject`
};
extern const struct param taught_param_table[];  // section "learn"

// ERR_SETTING for a setting of the user that has no effect on classes being taught beside the others.
int taught_effects(const struct fewshot *f, const struct run_sources *from);

struct taught {
  const struct fewshot_model *model;  // that was given; must outlive this
  struct convnet net;                 // its network with a read-out for these classes, and a bias of it
  real *parameters;                   // of that network; its read-out is zero
  int N, C, CP;                       // classes; features, the last of which is the 1 of the bias; padded
  char **name;                        // (N)
  int64_t *pictures;                  // (N)
  real *mean;                         // (N, CP)
  struct convnet_fixed fixed;
  struct views views;                 // of each picture; its features are their mean
  real *w;                            // (C, padded columns) read-out as learned
  int n_held;
  double *held;                       // distances of pictures from the mean of the others of their class, see taught.c
  double threshold;                   // INFINITY: none
  int chosen_by;                      // distances of `held` that the threshold was chosen by
  long written;                       // devices, by what was taught last
  struct chip *chip;                  // NULL in software
  real *cells;                        // of a chip behind a driver, as parameters: weights that it read after learning,
                                      // over full scale (taught_look); NULL: none
};

// Images of classes that are to be taught, class by class.
struct taught_lesson {
  int n_classes, n;
  const int *first;    // (n_classes + 1) first image of each class; the last entry is n
  char *const *name;   // (n_classes)
  // Pixel (y, x) channel c of view k of image i to out[(y*S + x)*VECTOR_PADDING + c]; nothing between is touched.
  void (*render)(const struct taught_lesson *lesson, const struct views *views, int i, int k, real *out);
  const void *images;  // of which render makes it
};
struct taught_lesson taught_lesson_of(const struct imageset *set);  // a set of the model's kind of images

void taught_init(struct taught *t, const struct fewshot_model *model);
void taught_release(struct taught *t);

// Classes beside those there are.
int taught_teach(struct taught *t, const struct fewshot *f, const struct taught_lesson *lesson);

// Arrays of all layers as they are: software, or those of a chip of this state. taught_layers_free leaves those of a
// chip.
void taught_layers(const struct taught *t, const struct fewshot *f, struct synapse **layers, struct chip *chip);
void taught_layers_free(const struct taught *t, struct synapse **layers);

// Features of images first .. first + n - 1 of a lesson into w->h, by the statistics that are kept.
void taught_features(const struct taught *t, struct convnet_work *w, struct synapse *const *layers,
                     const struct taught_lesson *lesson, int first, int n, struct rng *r);
// Distance from the nearest mean of features h (CP).
double taught_distance(const struct taught *t, const real *h);

// The same network with so many columns of the read-out.
int taught_resize(struct taught *t, const struct fewshot *f, int columns);
void taught_take(struct taught *t, int n);  // room for n classes

// ---- files (taught_file.c), docs/file_formats.md

int taught_save(const struct taught *t, const struct fewshot *f, const char *path);
// Settings recorded there, but for those of the sources, into f. Refuses a file of another model. The file stays open.
int taught_read(struct taught *t, struct fewshot *f, const struct fewshot_model *model, struct tensorfile *tf,
                const struct run_sources *from);

// ---- a chip (taught_chip.c)

// Write the model on a chip of the settings, its read-out zero, and calibrate it on the images of the lesson.
int taught_deploy(struct taught *t, const struct fewshot *f, const struct taught_lesson *lesson);
// For images that it has not seen: their activations may be larger.
void taught_calibrate(struct taught *t, const struct taught_lesson *lesson);
// What a driver failed with while classes were learned; 0: nothing.
int taught_failure(const struct taught *t);
// Read the cells of a chip behind a driver into t->cells.
int taught_look(struct taught *t);
// Do the cells of the chip behind a driver hold what t->cells says? ERR_FORMAT if not, with the name of the file.
int taught_recognise(const struct taught *t, const char *file);
// Close the chip. ERR_IO if a recording of chip.driver cannot be completed.
int taught_disconnect(struct taught *t);
// Give the read-out, before it is written, a range beyond its weights t->w, for updates.
void taught_make_room(const struct taught *t);

#endif
