// dataset.h - "[data]" settings, and the images and splits they describe, ready for episodes.
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stdint.h>

#include "base/param.h"
#include "data/episode.h"
#include "data/imageset.h"

enum dataset_kind { DATASET_OMNIGLOT, DATASET_FOLDER, DATASET_BUILTIN };
enum dataset_split { DATASET_TRAINING, DATASET_VALIDATION, DATASET_EVALUATION, DATASET_SPLITS };
// what to load
enum { DATASET_BACKGROUND_ONLY = 1, DATASET_EVALUATION_ONLY = 2, DATASET_EVERYTHING = 3 };

struct dataset_params {
  int64_t kind;           // enum dataset_kind
  char path[PARAM_TEXT_SIZE];
  int64_t preprocessing;  // enum imageset_preprocessing
  int64_t size;           // S
  double validation;      // fraction of the background groups held out for validation
  double evaluation;      // folder: fraction of the classes held out for evaluation
  int64_t invert;         // folder: ink is bright
  int64_t classes, evaluation_classes, drawings;  // built-in characters
  int64_t seed;           // of the splits and the built-in characters
  int64_t turn;           // the next five: struct episode_spec, training only
  double distort_rotation_deg, distort_scale, distort_shear, distort_translation_px;
  char url[PARAM_TEXT_SIZE];  // where `data fetch` gets Omniglot
};
extern const struct param dataset_param_table[];

struct dataset {
  struct imageset images;  // background classes first, then evaluation classes
  struct imageset_classes split[DATASET_SPLITS];
};

// Load what is needed: DATASET_BACKGROUND_ONLY (training, validation), DATASET_EVALUATION_ONLY or
// DATASET_EVERYTHING. The splits do not depend on what is loaded; those not asked for are empty, except
// that a folder is always loaded whole.
int dataset_load(struct dataset *d, const struct dataset_params *p, int what);
void dataset_release(struct dataset *d);

// "training", "validation", "evaluation"
const char *dataset_split_name(enum dataset_split s);

// The kind of task: with the turns and distortions of the settings for training, without for the others.
struct episode_spec dataset_spec(const struct dataset_params *p, enum dataset_split s, int ways, int shots, int queries);

#endif
