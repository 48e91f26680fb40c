// dataset.h - "[data]" settings, and the images and splits they describe, ready for episodes.
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stdint.h>
#include <stdio.h>

#include "base/param.h"
#include "data/episode.h"
#include "data/imagefolder.h"
#include "data/imageset.h"
#include "data/split.h"

enum dataset_kind { DATASET_OMNIGLOT, DATASET_FOLDER, DATASET_BUILTIN, DATASET_CIFAR100 };
enum dataset_rule { DATASET_BY_NAME, DATASET_BY_ORDER };
// Omniglot and built-in characters: the official split by alphabets; or 1200 of 1623 characters, drawn at random, to
// train and 423 to evaluate, whose rotations by 90 degrees are classes of their own (Finn et al., ICML 2017).
enum dataset_protocol { DATASET_ALPHABETS, DATASET_CHARACTERS };
// Where the classes of a task come from: anywhere in the split, or all from one group (alphabet) of it.
enum dataset_tasks { DATASET_MIXED, DATASET_ALPHABET };
enum dataset_layout { DATASET_AUTO, DATASET_CLASSES, DATASET_PARTS };
// What to load. With DATASET_STAND_IN also some built-in characters if no training class is left.
enum { DATASET_BACKGROUND_ONLY = 1, DATASET_EVALUATION_ONLY = 2, DATASET_EVERYTHING = 3, DATASET_STAND_IN = 4 };

struct dataset_params {
  int64_t kind;           // enum dataset_kind
  char path[PARAM_TEXT_SIZE];
  char validation_path[PARAM_TEXT_SIZE], evaluation_path[PARAM_TEXT_SIZE];  // folder: of these parts alone
  int64_t channels;       // 1 | 3
  int64_t preprocessing;  // enum imageset_preprocessing
  int64_t size;           // S
  double validation;      // fraction of the background groups held out for validation
  double evaluation;      // folder: fraction of the classes held out for evaluation
  char split[PARAM_TEXT_SIZE];  // a list in place of the fractions (split.h)
  int64_t protocol;       // enum dataset_protocol
  int64_t tasks;          // enum dataset_tasks
  int64_t split_rule;     // folder: enum dataset_rule
  int64_t groups;         // folder: enum imagefolder_groups
  int64_t layout;         // folder: enum dataset_layout
  int64_t invert;         // folder: ink is bright
  int64_t test_images;    // of every class
  int64_t classes, evaluation_classes, drawings;  // built-in characters
  int64_t seed;           // of the splits and the built-in characters
  int64_t turn;           // the next nine: struct episode_spec, training only
  double distort_rotation_deg, distort_scale, distort_shear, distort_translation_px;
  int64_t flip, crop_px, rotated_classes;
  double cutmix;
  char url[PARAM_TEXT_SIZE], cifar100_url[PARAM_TEXT_SIZE];  // where `data fetch` gets Omniglot and CIFAR-100
};
extern const struct param dataset_param_table[];
// The names of those that say how an image varies (episode_varies).
#define DATASET_VARIATIONS                                                                                             \
  "data.distort_rotation_deg", "data.distort_scale", "data.distort_shear", "data.distort_translation_px", "data.flip", \
      "data.crop_px"

struct dataset {
  struct imageset images;  // background classes first, then evaluation classes
  struct imageset_classes split[DATASET_SPLITS];
  struct imageset stand_in;         // built-in characters; no classes: none were needed
  struct imageset_classes standing_in;
  struct imagefolder_found found;   // folder
};

// Load what is needed: DATASET_BACKGROUND_ONLY (training, validation), DATASET_EVALUATION_ONLY or
// DATASET_EVERYTHING. The splits do not depend on what is loaded; those not needed are empty, except
// that a folder without an evaluation_path, and anything that a list splits, is always loaded whole. A note says what
// was ignored or looks wrong.
int dataset_load(struct dataset *d, const struct dataset_params *p, int what);
void dataset_release(struct dataset *d);

// Where background images come from, which calibrate a chip or measure statistics: the training classes; where there
// are none, built-in characters (loaded with DATASET_STAND_IN). Never a class for validation or evaluation, and no test
// image is to be taken (imageset_training).
const struct imageset *dataset_background(const struct dataset *d, const struct imageset_classes **from);

// Can every task of this kind be drawn from this split? ERR_SETTING says what is too small and which setting
// made it so. Classes are rotated for training alone.
int dataset_check(const struct dataset *d, const struct dataset_params *p, const struct episode_spec *spec,
                  enum dataset_split s);

// 16 hexadecimal digits that name what was loaded: FNV-1a over name, number of images and pixels of every class, in
// their order.
void dataset_fingerprint(const struct dataset *d, char text[17]);
// The same of the classes of one part, whatever else is loaded.
void dataset_split_fingerprint(const struct dataset *d, enum dataset_split s, char text[17]);

// Write the split as a list that data.split takes.
int dataset_split_write(const struct dataset *d, const char *path);
void dataset_split_print(const struct dataset *d, FILE *out);

extern const char *const dataset_task_names[];
extern const char *const dataset_preprocessing_names[];
const char *dataset_kind_name(int64_t kind);  // as data.kind
const char *dataset_protocol(const struct dataset_params *p);  // as data.protocol; NULL: not of this kind
const char *dataset_path(const struct dataset_params *p);  // data.path, or the usual folder of the kind
// "training", "validation", "evaluation"
const char *dataset_split_name(enum dataset_split s);

// The kind of task: with the turns, distortions and shifts of the settings for training, without for the others.
struct episode_spec dataset_spec(const struct dataset_params *p, enum dataset_split s, int ways, int shots,
                                 int queries);

#endif
