// views.h - several views of an image, the mean of whose features are its features (C6): the image as it is, and others
// that are distorted, mirrored and shifted at random as in training.
//
// The random numbers of a view are named by the seed, the pixels of the image and the number of the view. They depend
// on no task, order or thread, and the same image has the same views wherever it is seen.
#ifndef EXPERIMENT_FEWSHOT_VIEWS_H
#define EXPERIMENT_FEWSHOT_VIEWS_H

#include <stdint.h>

#include "base/real.h"
#include "data/episode.h"

struct convnet;
struct convnet_fixed;
struct convnet_work;
struct fewshot;
struct imageset;
struct rng;
struct synapse;
struct view;

struct views {
  int n;                     // of each image; 1: the image alone
  struct episode_spec spec;  // how the others vary: as the images of a training
  uint64_t seed;
};

// So many views of the settings; `setting` is the name of the number. ERR_SETTING where there are no others.
int views_init(struct views *v, const struct fewshot *f, int64_t n, const char *setting);

// View k of the image `of`; view 0 is `of`. Pixels as of render_view.
void views_render(const struct views *v, const struct imageset *set, const struct view *of, int k, real *out);

// The images of a pass: render writes view k of image i.
struct views_images {
  void (*render)(const void *context, int i, int k, real *out);
  const void *context;
};
// Features of the w->n images into w->h: the mean over n_views views of the features that pass makes of the images
// w->y[0], a view of each.
void views_mean(const struct convnet *net, struct convnet_work *w, const struct views_images *images, int n_views,
                void (*pass)(const void *context), const void *context);
// The same of n images, with given statistics of the normalisation.
void views_forward(const struct convnet *net, struct convnet_work *w, struct synapse *const *layers,
                   const struct convnet_fixed *fixed, const struct views_images *images, int n, int n_views,
                   struct rng *r);

#endif
