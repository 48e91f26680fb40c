#include "data/dataset.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "data/characters.h"
#include "data/imagefolder.h"
#include "data/omniglot.h"

static const char *const dataset_kinds[] = { "omniglot", "folder", "builtin", NULL };
static const char *const dataset_preprocessings[] = { "area", "published", NULL };

const struct param dataset_param_table[] = {
  PARAM_CHOICE(struct dataset_params, kind, DATASET_OMNIGLOT, dataset_kinds, "where the images come from"),
  PARAM_TEXT(struct dataset_params, path, "data/omniglot", "folder of the Omniglot archives, or root of a tree of class folders"),
  PARAM_CHOICE(struct dataset_params, preprocessing, IMAGESET_AREA, dataset_preprocessings,
               "area: ink 1, antialiased; published: ink 0, bilinear without antialiasing, never distorted"),
  PARAM_I64(struct dataset_params, size, 28, 8, 128, "height and width of the images"),
  PARAM_F64(struct dataset_params, validation, 0.1, 0, 1, "fraction of the training alphabets or classes held out for validation"),
  PARAM_F64(struct dataset_params, evaluation, 0.3, 0, 1, "folder: fraction of the classes held out for evaluation"),
  PARAM_BOOL(struct dataset_params, invert, 0, "folder: bright pixels are ink, not dark ones"),
  PARAM_I64(struct dataset_params, classes, 1600, 1, 1000000, "builtin: characters for training and validation"),
  PARAM_I64(struct dataset_params, evaluation_classes, 400, 1, 1000000, "builtin: characters for evaluation"),
  PARAM_I64(struct dataset_params, drawings, 20, 2, 1000, "builtin: drawings of each character"),
  PARAM_I64(struct dataset_params, seed, 1, 0, 9007199254740992, "of the split and of the built-in characters"),
  PARAM_BOOL(struct dataset_params, turn, 1, "training: one random quarter turn per class and task"),
  PARAM_F64(struct dataset_params, distort_rotation_deg, 10, 0, 180, "training: largest random rotation of an image"),
  PARAM_F64(struct dataset_params, distort_scale, 0.15, 0, 1, "training: largest random change of an axis' scale (of its logarithm)"),
  PARAM_F64(struct dataset_params, distort_shear, 0.15, 0, 1, "training: largest random slant (tangent)"),
  PARAM_F64(struct dataset_params, distort_translation_px, 1.5, 0, 64, "training: largest random shift, in final pixels"),
  PARAM_TEXT(struct dataset_params, url, "https://raw.githubusercontent.com/brendenlake/omniglot/master/python",
             "where data fetch gets the Omniglot archives"),
  { 0 },
};

enum { DATASET_EVALUATION_CHARACTERS = 1 << 20 };  // number of the first built-in evaluation character

const char *dataset_split_name(enum dataset_split s) {
  static const char *const names[DATASET_SPLITS] = { "training", "validation", "evaluation" };
  return names[s];
}

struct episode_spec dataset_spec(const struct dataset_params *p, enum dataset_split s, int ways, int shots, int queries) {
  struct episode_spec spec = { .ways = ways, .shots = shots, .queries = queries };
  if (s != DATASET_TRAINING) return spec;
  spec.turn = (int)p->turn;
  spec.distortion = (struct episode_distortion){ p->distort_rotation_deg, p->distort_scale, p->distort_shear,
                                                 p->distort_translation_px };
  return spec;
}

// ---- splits

// A fraction of n as a count: something when asked for anything.
static int dataset_share(double fraction, int n) {
  const int k = (int)lround(fraction * n);
  return fraction > 0 && k == 0 && n > 1 ? 1 : k;
}

// Deal the groups 0 .. n-1 in random order: the first to evaluation, the next to validation, the rest to training.
static void dataset_deal(int *split_of_group, int n, int n_evaluation, int n_validation, uint64_t seed) {
  int *order = err_calloc((size_t)n, sizeof(int));
  struct rng r = rng_stream(seed, RNG_SPLIT, 0);
  for (int i = 0; i < n; i++) {  // inside-out shuffle
    const int k = (int)((uint64_t)rng_u32(&r) * (uint64_t)(i + 1) >> 32);
    order[i] = order[k];
    order[k] = i;
  }
  for (int i = 0; i < n; i++)
    split_of_group[order[i]] = i < n_evaluation ? DATASET_EVALUATION
                             : i < n_evaluation + n_validation ? DATASET_VALIDATION
                                                               : DATASET_TRAINING;
  free(order);
}

// Sort the classes into splits. The groups from n_background on are evaluation; of those before, a fraction may be too.
static void dataset_split_classes(struct dataset *d, const struct dataset_params *p, int n_background, double evaluation) {
  const struct imageset *set = &d->images;
  int *split_of_group = err_calloc((size_t)set->n_groups, sizeof(int));
  const int n_evaluation = dataset_share(evaluation, n_background);
  dataset_deal(split_of_group, n_background, n_evaluation, dataset_share(p->validation, n_background - n_evaluation),
               (uint64_t)p->seed);
  for (int g = n_background; g < set->n_groups; g++) split_of_group[g] = DATASET_EVALUATION;
  for (int s = 0; s < DATASET_SPLITS; s++) d->split[s].id = err_calloc((size_t)set->n_classes, sizeof(int));
  for (int c = 0; c < set->n_classes; c++) {
    struct imageset_classes *split = d->split + split_of_group[set->group[c]];
    split->id[split->n++] = c;
  }
  free(split_of_group);
}

// ---- loading

static int dataset_load_omniglot(struct dataset *d, const struct dataset_params *p, int what, int *n_background) {
  if (what & DATASET_BACKGROUND_ONLY)
    TRY(omniglot_load(&d->images, p->path, "images_background", OMNIGLOT_BACKGROUND));
  *n_background = d->images.n_groups;
  if (what & DATASET_EVALUATION_ONLY)
    TRY(omniglot_load(&d->images, p->path, "images_evaluation", OMNIGLOT_EVALUATION));
  return 0;
}

static void dataset_load_builtin(struct dataset *d, const struct dataset_params *p, int what, int *n_background) {
  if (what & DATASET_BACKGROUND_ONLY)
    characters_load(&d->images, "background", (uint64_t)p->seed, 0, (int)p->classes, (int)p->drawings);
  *n_background = d->images.n_groups;
  if (what & DATASET_EVALUATION_ONLY)
    characters_load(&d->images, "evaluation", (uint64_t)p->seed, DATASET_EVALUATION_CHARACTERS, (int)p->evaluation_classes,
                    (int)p->drawings);
}

int dataset_load(struct dataset *d, const struct dataset_params *p, int what) {
  memset(d, 0, sizeof *d);
  imageset_init(&d->images, (enum imageset_preprocessing)p->preprocessing, (int)p->size);
  int rc = 0, n_background = 0;
  double evaluation = 0;
  switch ((enum dataset_kind)p->kind) {
  case DATASET_OMNIGLOT: rc = dataset_load_omniglot(d, p, what, &n_background); break;
  case DATASET_BUILTIN: dataset_load_builtin(d, p, what, &n_background); break;
  case DATASET_FOLDER:
    rc = imagefolder_load(&d->images, p->path, (int)p->invert);
    n_background = d->images.n_groups;
    evaluation = p->evaluation;
    break;
  }
  if (rc == 0) dataset_split_classes(d, p, n_background, evaluation);
  else dataset_release(d);
  return rc;
}

void dataset_release(struct dataset *d) {
  imageset_release(&d->images);
  for (int s = 0; s < DATASET_SPLITS; s++) free(d->split[s].id);
  memset(d, 0, sizeof *d);
}
