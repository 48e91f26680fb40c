// episode.h - few-shot tasks: N distinct classes, K support and Q query drawings of each, all distinct.
// An episode says which drawings and how each is transformed; its pixels are made by episode_render. Support images are
// never test images (imageset.n_test).
// Images are class-major: support image i has label i / K, query image i has label[i], which is i / Q unless the spec
// has other numbers of queries for the classes. With K = 0 and as many ways as
// classes it is ordinary classification: way w is always class w.
#ifndef DATA_EPISODE_H
#define DATA_EPISODE_H

#include "base/real.h"
#include "base/rng.h"
#include "data/imageset.h"
#include "data/render.h"

// Half-ranges of a random affine distortion, uniform, drawn per image. All zero: none.
struct episode_distortion {
  double rotation_deg;
  double scale;           // of the natural logarithm of each axis' scale
  double shear;           // tangent of the slant
  double translation_px;  // of the final image
};

struct episode_spec {
  int ways, shots, queries;
  int random_queries;   // a random class for each of the ways x queries queries
  const int *listed;    // or, not NULL: (ways) queries of the classes as they are drawn, at most ways x queries in all
  int one_group;        // all classes of a task from one group, each that has enough of them being equally likely
  int in_order;         // way w is always class w
  int test_queries;     // where the set has test images, queries are of these alone; else no image is one of them
  // the rest for training only
  int turn;             // one random quarter turn per class; of one_group: per task
  int rotated_classes;  // instead: a class turned by 0, 90, 180 and 270 degrees is four
  struct episode_distortion distortion;
  int flip;             // every second image, by chance, is mirrored left to right
  int crop_px;          // largest shift, by whole pixels; what comes in is background
  double cutmix;        // probability that a query is mixed with one of another class
};

// CutMix (Yun et al., ICCV 2019): a box of the query is replaced by the same box of another one. With l uniform in
// [0, 1] its sides are S sqrt(1 - l) (rounded down to even), its centre is uniform; what lies outside is cut off.
struct episode_mix {
  int partner;  // the query that the box comes from
  struct render_box box;
};

struct episode {
  int ways, shots, queries;
  int n_queries;       // in all, at most ways*queries
  int *begin;          // (ways + 1) first query of each class, and n_queries
  int *label;          // (n_queries)
  int *classes;        // (ways) class indices; of rotated classes one may be there again, turned otherwise
  struct view *views;  // (ways*shots) support, then (n_queries) queries
  struct episode_mix *mixes;  // (n_queries) where share < 1
  int *other;          // (n_queries) second label of a query; the first where it is not mixed
  real *share;         // (n_queries) of the first label: the pixels left to it; 1: not mixed
};

// Room for such tasks; the queries are as many of each class until a task is drawn.
void episode_init(struct episode *e, int ways, int shots, int queries);
void episode_release(struct episode *e);
static inline int episode_images(const struct episode *e) { return e->ways * e->shots + e->n_queries; }

// All queries of a task.
int episode_queries(const struct episode_spec *spec);

// The classes that tasks are drawn from: of rotated classes four times as many.
int episode_classes(const struct episode_spec *spec, const struct imageset_classes *from);

// The group with most classes to draw a task from, and how many: of rotated classes four times as many.
int episode_largest_group(const struct episode_spec *spec, const struct imageset *set,
                          const struct imageset_classes *from, int *n_classes);

// Can every task of this kind be drawn from these classes? ERR_SETTING says what is too small.
// `what` names the split in the message ("training").
int episode_check(const struct episode_spec *spec, const struct imageset *set, const struct imageset_classes *from,
                  const char *what);

// Draw a task; e was made with the sizes of spec, which passed the check. No allocation.
void episode_draw(struct episode *e, const struct episode_spec *spec, const struct imageset *set,
                  const struct imageset_classes *from, struct rng *r);

// Pixels of all images, support first: out[((i*S + y)*S + x)*stride + channel], nothing between is touched.
void episode_render(const struct episode *e, const struct imageset *set, real *out, int stride);

// Does the spec say that views of an image vary, distorted, mirrored or shifted?
int episode_varies(const struct episode_spec *spec);
// One of these at random, of the view `of`, which is not distorted.
struct view episode_vary(const struct view *of, const struct episode_spec *spec, struct rng *r);

#endif
