#include "data/dataset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/err.h"
#include "base/file.h"
#include "base/note.h"
#include "base/text.h"
#include "data/characters.h"
#include "data/cifar.h"
#include "data/imagefolder.h"
#include "data/omniglot.h"

static const char *const dataset_kinds[] = { "omniglot", "folder", "builtin", "cifar100", NULL };
const char *const dataset_preprocessing_names[] = { "area", "published", NULL };
static const char *const dataset_rules[] = { "name", "order", NULL };
static const char *const dataset_protocols[] = { "alphabets", "characters", NULL };
const char *const dataset_task_names[] = { "mixed", "alphabet", NULL };
static const char *const dataset_groups[] = { "class", "parent", NULL };
static const char *const dataset_layouts[] = { "auto", "classes", "splits", NULL };

const struct param dataset_param_table[] = {
  PARAM_CHOICE(struct dataset_params, kind, DATASET_OMNIGLOT, dataset_kinds, "where the images come from"),
  PARAM_TEXT(struct dataset_params, path, "",
             "folder: root of the tree of class folders; omniglot, cifar100: folder of the archives, data/omniglot or "
             "data/cifar100 if none is given"),
  PARAM_TEXT(struct dataset_params, validation_path, "", "folder: root of a separate tree for the validation classes",
             .later = true),
  PARAM_TEXT(struct dataset_params, evaluation_path, "", "folder: root of a separate tree for the evaluation classes",
             .later = true),
  PARAM_I64(struct dataset_params, channels, 1, 1, 3,
            "1: grey images; 3: colour images; builtin: the same characters, each in colours of its own",
            .later = true),
  PARAM_CHOICE(struct dataset_params, preprocessing, IMAGESET_AREA, dataset_preprocessing_names,
               "how images are reduced: area: by averaging, ink is 1; published: bilinear without antialiasing, ink is "
               "0, no distortion"),
  PARAM_I64(struct dataset_params, size, 28, 8, 128, "height and width of the images"),
  PARAM_F64(struct dataset_params, validation, 0.1, 0, 1,
            "fraction of the training alphabets or classes held out for validation"),
  PARAM_F64(struct dataset_params, evaluation, 0.3, 0, 1, "folder: fraction of the classes held out for evaluation"),
  PARAM_TEXT(struct dataset_params, split, "",
             "list of classes in place of the fractions: a file with lines part<TAB>class (data split writes one), or "
             "a folder with train.txt, val.txt and test.txt"),
  PARAM_CHOICE(struct dataset_params, protocol, DATASET_ALPHABETS, dataset_protocols,
               "omniglot, builtin: how the classes are split; alphabets: the official split; characters: at random, "
               "1200 of 1623 for training and 423 for evaluation, each rotation of a character being a class of its "
               "own",
               .later = true),
  PARAM_CHOICE(struct dataset_params, tasks, DATASET_MIXED, dataset_task_names,
               "classes of a task: mixed: from all of the split; alphabet: all from one alphabet (folder: one group of "
               "data.groups), drawn among those with enough classes",
               .later = true),
  PARAM_CHOICE(struct dataset_params, split_rule, DATASET_BY_NAME, dataset_rules,
               "folder: what assigns a class to a part: its name; or number and order of all classes, as in models "
               "that do not record this setting"),
  PARAM_CHOICE(struct dataset_params, groups, IMAGEFOLDER_CLASS, dataset_groups,
               "folder: classes that a split keeps together; parent: those of one folder; class: none"),
  PARAM_CHOICE(struct dataset_params, layout, DATASET_AUTO, dataset_layouts,
               "folder: whether the topmost folders are the parts of the split, train, val and test; splits: yes; "
               "classes: no; auto: if they have these names"),
  PARAM_BOOL(struct dataset_params, invert, 0, "folder: bright pixels are ink; no: dark pixels are"),
  PARAM_I64(struct dataset_params, test_images, 0, 0, 1000000,
            "number of test images: the last ones of every class (folder: by name). Evaluation and validation draw "
            "their queries from these alone; training, support and calibration use none of them. 0: any image may be "
            "a query; cifar100: 100 gives the official test set",
            .later = true),
  PARAM_I64(struct dataset_params, classes, 1600, 1, 1000000, "builtin: characters for training and validation"),
  PARAM_I64(struct dataset_params, evaluation_classes, 400, 1, 1000000, "builtin: characters for evaluation"),
  PARAM_I64(struct dataset_params, drawings, 20, 2, 1000, "builtin: drawings of each character"),
  PARAM_I64(struct dataset_params, seed, 1, 0, 9007199254740992, "seed of the split and of the built-in characters"),
  PARAM_BOOL(struct dataset_params, turn, 1,
             "training: turn all images of a class by 0, 90, 180 or 270 degrees, drawn for each task; "
             "data.tasks=alphabet: all classes of a task by the same angle"),
  PARAM_F64(struct dataset_params, distort_rotation_deg, 10, 0, 180, "training: largest random rotation of an image"),
  PARAM_F64(struct dataset_params, distort_scale, 0.15, 0, 1,
            "training: largest random change of the scale of an axis (of its logarithm)"),
  PARAM_F64(struct dataset_params, distort_shear, 0.15, 0, 1, "training: largest random slant (tangent)"),
  PARAM_F64(struct dataset_params, distort_translation_px, 1.5, 0, 64,
            "training: largest random shift, in final pixels"),
  PARAM_BOOL(struct dataset_params, flip, 0, "training: mirror an image left to right with probability 1/2",
             .later = true),
  PARAM_I64(struct dataset_params, crop_px, 0, 0, 64, "training: largest random shift by whole pixels", .later = true),
  PARAM_BOOL(struct dataset_params, rotated_classes, 0,
             "training: a class turned by 90, 180 or 270 degrees is a class of its own; in place of data.turn",
             .later = true),
  PARAM_F64(struct dataset_params, cutmix, 0, 0, 1,
            "training: probability that a box of a query image is replaced by that of another class, the label being "
            "mixed by area (CutMix)",
            .later = true),
  PARAM_TEXT(struct dataset_params, url, "https://raw.githubusercontent.com/brendenlake/omniglot/master/python",
             "where data fetch gets the Omniglot archives"),
  PARAM_TEXT(struct dataset_params, cifar100_url, "https://www.cs.toronto.edu/~kriz",
             "where data fetch gets the CIFAR-100 archive", .later = true),
  { 0 },
};

// numbers of the first built-in characters of each use
enum { DATASET_EVALUATION_CHARACTERS = 1 << 20, DATASET_STAND_IN_CHARACTERS = 1 << 21 };
enum { DATASET_STAND_IN_CLASSES = 100, DATASET_STAND_IN_DRAWINGS = 20 };

const char *dataset_kind_name(int64_t kind) { return dataset_kinds[kind]; }

const char *dataset_path(const struct dataset_params *p) {
  static const char *const usual[] = { [DATASET_OMNIGLOT] = "data/omniglot", [DATASET_FOLDER] = "",
                                       [DATASET_BUILTIN] = "", [DATASET_CIFAR100] = "data/cifar100" };
  return p->path[0] ? p->path : usual[p->kind];
}

const char *dataset_split_name(enum dataset_split s) {
  static const char *const names[DATASET_SPLITS] = { "training", "validation", "evaluation" };
  return names[s];
}

const char *dataset_protocol(const struct dataset_params *p) {
  return p->kind == DATASET_OMNIGLOT || p->kind == DATASET_BUILTIN ? dataset_protocols[p->protocol] : NULL;
}

// Characters at random are split without regard to their alphabets, and turned they are other ones.
static int dataset_mixes_alphabets(const struct dataset_params *p) {
  return p->protocol == DATASET_CHARACTERS && dataset_protocol(p);
}

struct episode_spec dataset_spec(const struct dataset_params *p, enum dataset_split s, int ways, int shots,
                                 int queries) {
  struct episode_spec spec = { .ways = ways, .shots = shots, .queries = queries };
  spec.rotated_classes = dataset_mixes_alphabets(p);
  spec.one_group = p->tasks == DATASET_ALPHABET;
  spec.test_queries = s != DATASET_TRAINING;
  if (s != DATASET_TRAINING) return spec;
  spec.turn = (int)p->turn;
  spec.distortion = (struct episode_distortion){ p->distort_rotation_deg, p->distort_scale, p->distort_shear,
                                                 p->distort_translation_px };
  spec.flip = (int)p->flip;
  spec.crop_px = (int)p->crop_px;
  if (p->rotated_classes) spec.rotated_classes = 1;
  spec.cutmix = p->cutmix;
  return spec;
}

// ---- splits. Each finds the part of every class; -1: none.

static int dataset_parts_listed(int *part, const struct imageset *set, const char *path) {
  struct split_list list;
  if (split_list_load(&list, path) < 0) return err_set(ERR_SETTING, "data.split=%s", err_message());
  int rc = 0, n_left = set->n_classes;
  for (int i = 0; i < list.n && rc == 0; i++, n_left--) {
    const int c = imageset_find(set, list.entries[i].class_name);
    if (c < 0)
      rc = err_set(ERR_SETTING, "data.split=%s: class %s is not in the data", path, list.entries[i].class_name);
    else part[c] = list.entries[i].part;
  }
  split_list_release(&list);
  if (rc == 0 && n_left > 0)
    note("data.split=%s: %d of %d classes are not listed and left out", path, n_left, set->n_classes);
  return rc;
}

// The part that the topmost folder of a class is for; -1: none. *rest: the name below it.
static int dataset_top(const char *class_name, const char **rest) {
  const char *slash = strchr(class_name, '/');
  *rest = slash ? slash + 1 : class_name;
  return slash ? split_named(class_name, (size_t)(slash - class_name)) : -1;
}

// Are all topmost folders named after parts, training and evaluation among them?
static int dataset_has_parts(const struct imageset *set) {
  int seen[DATASET_SPLITS] = { 0 };
  const char *rest;
  for (int c = 0; c < set->n_classes; c++) {
    const int part = dataset_top(set->class_name[c], &rest);
    if (part < 0) return 0;
    seen[part] = 1;
  }
  return seen[DATASET_TRAINING] && seen[DATASET_EVALUATION];
}

// One class in two parts would be evaluated after it was learned.
static int dataset_parts_given(int *part, const struct imageset *set) {
  const char *rest, *other;
  for (int c = 0; c < set->n_classes; c++) {
    part[c] = dataset_top(set->class_name[c], &rest);
    if (part[c] < 0)
      return err_set(ERR_SETTING, "data.layout=splits: class %s is not in a folder train, val or test",
                     set->class_name[c]);
    for (int k = 0; k < c; k++)
      if (dataset_top(set->class_name[k], &other) != part[c] && strcmp(rest, other) == 0)
        return err_set(ERR_SETTING, "data.layout=splits: %s and %s are one class in two parts; "
                       "tasks are evaluated on classes of their own", set->class_name[k], set->class_name[c]);
  }
  return 0;
}

// The groups from n_background on are evaluation; of those before, a fraction may be too.
static int dataset_parts_dealt(int *part, const struct imageset *set, const struct dataset_params *p, int n_background,
                               double evaluation) {
  int *of_group = err_calloc((size_t)set->n_groups, sizeof(int));
  const int n_evaluation = split_share(evaluation, n_background);
  split_deal(of_group, n_background, n_evaluation, split_share(p->validation, n_background - n_evaluation),
             (uint64_t)p->seed);
  for (int g = n_background; g < set->n_groups; g++) of_group[g] = DATASET_EVALUATION;
  for (int c = 0; c < set->n_classes; c++) part[c] = of_group[set->group[c]];
  free(of_group);
  return 0;
}

// Classes come from up to three trees; first[s] is the first class of that of part s. The fractions are of the first.
static int dataset_parts_apart(int *part, const struct imageset *set, const struct dataset_params *p,
                               const int *first) {
  const double evaluation = p->evaluation_path[0] ? 0 : p->evaluation;
  const double validation = p->validation_path[0] ? 0 : p->validation;
  for (int c = 0; c < set->n_classes; c++)
    part[c] = c >= first[DATASET_EVALUATION] ? DATASET_EVALUATION
            : c >= first[DATASET_VALIDATION] ? DATASET_VALIDATION
            : (int)split_by_name(set->group_name[set->group[c]], (uint64_t)p->seed, evaluation, validation);
  return 0;
}

static int dataset_parts_at_random(int *part, const struct imageset *set, const struct dataset_params *p) {
  enum { ALL = 1623, EVALUATION = 423 };
  const int n_evaluation = (set->n_classes*EVALUATION + ALL/2) / ALL;
  split_deal(part, set->n_classes, n_evaluation, split_share(p->validation, set->n_classes - n_evaluation),
             (uint64_t)p->seed);
  return 0;
}

static int dataset_parts_of_cifar(int *part, const struct imageset *set) {
  for (int c = 0; c < set->n_classes; c++) part[c] = cifar_part(set->class_name[c]);
  return 0;
}

static int dataset_is_apart(const struct dataset_params *p) {
  return p->kind == DATASET_FOLDER && (p->validation_path[0] || p->evaluation_path[0]);
}

static int dataset_parts(int *part, const struct imageset *set, const struct dataset_params *p, int n_background,
                         const int *first) {
  const int folder = p->kind == DATASET_FOLDER;
  if (p->split[0]) return dataset_parts_listed(part, set, p->split);
  if (dataset_is_apart(p)) return dataset_parts_apart(part, set, p, first);
  if (dataset_mixes_alphabets(p)) return dataset_parts_at_random(part, set, p);
  if (p->kind == DATASET_CIFAR100) return dataset_parts_of_cifar(part, set);
  if (folder && (p->layout == DATASET_PARTS || (p->layout == DATASET_AUTO && dataset_has_parts(set))))
    return dataset_parts_given(part, set);
  if (!folder || p->split_rule == DATASET_BY_ORDER)
    return dataset_parts_dealt(part, set, p, n_background, folder ? p->evaluation : 0);
  for (int c = 0; c < set->n_classes; c++)
    part[c] = (int)split_by_name(set->group_name[set->group[c]], (uint64_t)p->seed, p->evaluation, p->validation);
  return 0;
}

static int dataset_split_classes(struct dataset *d, const struct dataset_params *p, int n_background,
                                 const int *first) {
  const struct imageset *set = &d->images;
  int *part = err_calloc((size_t)set->n_classes, sizeof(int));
  for (int c = 0; c < set->n_classes; c++) part[c] = -1;
  const int rc = dataset_parts(part, set, p, n_background, first);
  for (int s = 0; s < DATASET_SPLITS; s++) d->split[s].id = err_calloc((size_t)set->n_classes, sizeof(int));
  for (int c = 0; c < set->n_classes && rc == 0; c++)
    if (part[c] >= 0) d->split[part[c]].id[d->split[part[c]].n++] = c;
  free(part);
  return rc;
}

void dataset_split_print(const struct dataset *d, FILE *out) {
  int at[DATASET_SPLITS] = { 0 };
  for (int c = 0; c < d->images.n_classes; c++)
    for (int s = 0; s < DATASET_SPLITS; s++)
      if (at[s] < d->split[s].n && d->split[s].id[at[s]] == c) {
        fprintf(out, "%s\t%s\n", dataset_split_name((enum dataset_split)s), d->images.class_name[c]);
        at[s]++;
      }
}

int dataset_split_write(const struct dataset *d, const char *path) {
  struct file_out out;
  TRY(file_out_open(&out, path));
  dataset_split_print(d, out.stream);
  return file_out_commit(&out);
}

// ---- loading

static int dataset_load_omniglot(struct dataset *d, const struct dataset_params *p, int what, int *n_background) {
  if (what & DATASET_BACKGROUND_ONLY)
    TRY(omniglot_load(&d->images, dataset_path(p), "images_background", OMNIGLOT_BACKGROUND));
  *n_background = d->images.n_groups;
  if (what & DATASET_EVALUATION_ONLY)
    TRY(omniglot_load(&d->images, dataset_path(p), "images_evaluation", OMNIGLOT_EVALUATION));
  return 0;
}

static int dataset_load_cifar(struct dataset *d, const struct dataset_params *p, int what) {
  const unsigned background = what & DATASET_BACKGROUND_ONLY ? 1u << DATASET_TRAINING | 1u << DATASET_VALIDATION : 0;
  const unsigned evaluation = what & DATASET_EVALUATION_ONLY ? 1u << DATASET_EVALUATION : 0;
  return cifar_load(&d->images, dataset_path(p), background | evaluation);
}

static int dataset_load_builtin(struct dataset *d, const struct dataset_params *p, int what, int *n_background) {
  const double background = what & DATASET_BACKGROUND_ONLY ? (double)p->classes : 0,
               evaluation = what & DATASET_EVALUATION_ONLY ? (double)p->evaluation_classes : 0,
               image = (double)(p->size * p->size) * sizeof(float);
  // room that is doubled when it is full, and the half that is copied
  TRY(err_room(3 * (background + evaluation) * (double)p->drawings * image,
               "data.classes, data.evaluation_classes, data.drawings"));
  if (what & DATASET_BACKGROUND_ONLY)
    characters_load(&d->images, "background", (uint64_t)p->seed, 0, (int)p->classes, (int)p->drawings);
  *n_background = d->images.n_groups;
  if (what & DATASET_EVALUATION_ONLY)
    characters_load(&d->images, "evaluation", (uint64_t)p->seed, DATASET_EVALUATION_CHARACTERS,
                    (int)p->evaluation_classes, (int)p->drawings);
  return 0;
}

// The trees that are needed. first[s]: the first class of that of part s.
static int dataset_load_trees(struct dataset *d, const struct dataset_params *p, int what, int *first) {
  const char *const paths[DATASET_SPLITS] = { p->path, p->validation_path, p->evaluation_path };
  const struct imagefolder_options options = { .invert = p->invert, .groups = (enum imagefolder_groups)p->groups,
                                               .below_root = dataset_is_apart(p) };
  for (int s = 0; s < DATASET_SPLITS; s++) {
    const int needed = !p->evaluation_path[0] || what & (s == DATASET_EVALUATION ? DATASET_EVALUATION_ONLY
                                                                                   : DATASET_BACKGROUND_ONLY);
    first[s] = d->images.n_classes;
    if (paths[s][0] && needed) TRY(imagefolder_load(&d->images, paths[s], &options, &d->found));
  }
  return 0;
}

static int dataset_load_folder(struct dataset *d, const struct dataset_params *p, int what, int *first) {
  if (p->channels == 3 && p->invert)
    return err_set(ERR_SETTING, "data.invert=yes: says what is ink, and images in colours (data.channels=3) have none");
  if (!p->path[0]) return err_set(ERR_SETTING, "data.path: data.kind=folder needs the folder or zip file of images");
  TRY(dataset_load_trees(d, p, what, first));
  imagefolder_note(&d->found, p->path, d->images.n_images, p->invert);
  return 0;
}

// Empty, for images of these settings.
static void dataset_init_images(struct imageset *set, const struct dataset_params *p) {
  if (p->channels == 3) imageset_init_colour(set, (int)p->size);
  else imageset_init(set, (enum imageset_preprocessing)p->preprocessing, (int)p->size);
}

// Characters that neither data.kind=builtin nor an earlier model has seen. Their colours are not those of photographs.
static int dataset_load_stand_in(struct dataset *d, const struct dataset_params *p) {
  if (p->channels == 3 && p->kind != DATASET_BUILTIN)
    return err_set(ERR_SETTING, "no training class is left for background images, and the colours of built-in "
                                "characters are not theirs (data.evaluation, data.validation, data.split)");
  dataset_init_images(&d->stand_in, p);
  characters_load(&d->stand_in, "background", (uint64_t)p->seed, DATASET_STAND_IN_CHARACTERS, DATASET_STAND_IN_CLASSES,
                  DATASET_STAND_IN_DRAWINGS);
  d->standing_in.id = err_calloc(DATASET_STAND_IN_CLASSES, sizeof(int));
  for (int c = 0; c < DATASET_STAND_IN_CLASSES; c++) d->standing_in.id[d->standing_in.n++] = c;
  note("no training class is left: built-in characters serve as background images");
  return 0;
}

const struct imageset *dataset_background(const struct dataset *d, const struct imageset_classes **from) {
  const int own = d->split[DATASET_TRAINING].n > 0;
  *from = own ? &d->split[DATASET_TRAINING] : &d->standing_in;
  assert((*from)->n > 0);  // who needs background images loads them, with a stand-in
  return own ? &d->images : &d->stand_in;
}

// Mark the test images, of which every class of the split has more.
static int dataset_keep_test_images(struct dataset *d, const struct dataset_params *p) {
  for (int s = 0; s < DATASET_SPLITS; s++)
    for (int i = 0; i < d->split[s].n; i++) {
      const int c = d->split[s].id[i], n = imageset_drawings(&d->images, c);
      if (p->test_images > 0 && n <= p->test_images)
        return err_set(ERR_SETTING, "data.test_images=%d: class %s has only %d image%s", (int)p->test_images,
                       d->images.class_name[c], n, text_s(n));
    }
  d->images.n_test = (int)p->test_images;
  return 0;
}

// Settings that do not go together.
static int dataset_check_kind(const struct dataset_params *p) {
  const char *kind = dataset_kind_name(p->kind);
  if (p->kind != DATASET_FOLDER && (p->validation_path[0] || p->evaluation_path[0]))
    return err_set(ERR_SETTING, "data.%s_path: of data.kind=folder, not %s",
                   p->validation_path[0] ? "validation" : "evaluation", kind);
  if (p->protocol == DATASET_CHARACTERS && !dataset_mixes_alphabets(p))
    return err_set(ERR_SETTING, "data.protocol=characters: of data.kind=omniglot or builtin, not %s", kind);
  if (p->channels == 2) return err_set(ERR_SETTING, "data.channels=2: 1 (grey) or 3 (colours)");
  if (p->channels == 1 && p->kind == DATASET_CIFAR100)
    return err_set(ERR_SETTING, "data.channels=1: data.kind=%s is in colours: data.channels=3", kind);
  if (p->channels == 3 && p->kind == DATASET_OMNIGLOT)
    return err_set(ERR_SETTING, "data.channels=3: data.kind=%s has no colours", kind);
  if (p->channels == 3 && p->preprocessing == IMAGESET_PUBLISHED)
    return err_set(ERR_SETTING, "data.preprocessing=published: of ink; images in colours (data.channels=3) have none");
  return 0;
}

int dataset_load(struct dataset *d, const struct dataset_params *p, int what) {
  memset(d, 0, sizeof *d);
  TRY(dataset_check_kind(p));
  dataset_init_images(&d->images, p);
  int rc = 0, n_background = 0, first[DATASET_SPLITS] = { 0 };
  const int parts = p->split[0] || dataset_mixes_alphabets(p) ? DATASET_EVERYTHING : what;
  switch ((enum dataset_kind)p->kind) {
  case DATASET_OMNIGLOT: rc = dataset_load_omniglot(d, p, parts, &n_background); break;
  case DATASET_BUILTIN: rc = dataset_load_builtin(d, p, parts, &n_background); break;
  case DATASET_CIFAR100: rc = dataset_load_cifar(d, p, parts); break;
  case DATASET_FOLDER:
    rc = dataset_load_folder(d, p, parts, first);
    n_background = d->images.n_groups;
    break;
  }
  if (rc == 0) rc = dataset_split_classes(d, p, n_background, first);
  if (rc == 0) rc = dataset_keep_test_images(d, p);
  if (rc == 0 && what & DATASET_STAND_IN && d->split[DATASET_TRAINING].n == 0) rc = dataset_load_stand_in(d, p);
  if (rc < 0) dataset_release(d);
  return rc;
}

void dataset_release(struct dataset *d) {
  imageset_release(&d->images);
  imageset_release(&d->stand_in);
  free(d->standing_in.id);
  for (int s = 0; s < DATASET_SPLITS; s++) free(d->split[s].id);
  memset(d, 0, sizeof *d);
}

// ---- what was loaded

// Some group must have as many classes as a task.
static int dataset_check_groups(const struct dataset *d, const struct dataset_params *p,
                                const struct episode_spec *spec, enum dataset_split s) {
  int n;
  const int largest = episode_largest_group(spec, &d->images, &d->split[s], &n);
  if (!spec->one_group || n >= spec->ways) return 0;
  return err_set(ERR_SETTING, "data.tasks=alphabet: %d ways, but the largest group of %s classes, %s, has %d%s",
                 spec->ways, dataset_split_name(s), d->images.group_name[largest], n,
                 p->kind == DATASET_FOLDER && p->groups == IMAGEFOLDER_CLASS ? "; data.groups=parent makes them of "
                                                                               "folders" : "");
}

// What decides how many classes a part of the split has: settings and their values.
static void dataset_decides(char text[512], const struct dataset_params *p, enum dataset_split s) {
  const char *own = s == DATASET_VALIDATION ? p->validation_path : s == DATASET_EVALUATION ? p->evaluation_path : "";
  if (p->split[0]) snprintf(text, 512, "data.split=%.400s", p->split);
  else if (p->kind == DATASET_FOLDER && own[0]) snprintf(text, 512, "data.%s_path=%.400s", dataset_split_name(s), own);
  else if (p->kind == DATASET_BUILTIN && s == DATASET_EVALUATION)
    snprintf(text, 512, "data.evaluation_classes=%d", (int)p->evaluation_classes);
  else if (p->kind == DATASET_BUILTIN)
    snprintf(text, 512, "data.classes=%d, data.validation=%g", (int)p->classes, p->validation);
  else if (p->kind == DATASET_FOLDER && s == DATASET_EVALUATION)
    snprintf(text, 512, "data.evaluation=%g", p->evaluation);
  else if (p->kind == DATASET_FOLDER && s == DATASET_TRAINING)
    snprintf(text, 512, "data.validation=%g, data.evaluation=%g", p->validation, p->evaluation);
  else if (p->kind == DATASET_FOLDER || (p->kind == DATASET_OMNIGLOT && s != DATASET_EVALUATION))
    snprintf(text, 512, "data.validation=%g", p->validation);
  else snprintf(text, 512, "all of data.kind=%s", dataset_kind_name(p->kind));
}

int dataset_check(const struct dataset *d, const struct dataset_params *p, const struct episode_spec *spec,
                  enum dataset_split s) {
  struct episode_spec asked = *spec;
  if (s != DATASET_TRAINING) asked.rotated_classes = dataset_mixes_alphabets(p);
  const int n = episode_classes(&asked, &d->split[s]);
  if (spec->ways > n) {
    char decides[512];
    dataset_decides(decides, p, s);
    return err_set(ERR_SETTING, "%d ways, but there %s only %d %s class%s of %d (%s): change that, or the ways",
                   spec->ways, n == 1 ? "is" : "are", n, dataset_split_name(s), text_es(n), d->images.n_classes,
                   decides);
  }
  TRY(dataset_check_groups(d, p, &asked, s));
  return episode_check(&asked, &d->images, &d->split[s], dataset_split_name(s));
}

// Of the name and the number of images of a class.
static uint64_t checksum_class(uint64_t h, const struct imageset *set, int c) {
  const int drawings = imageset_drawings(set, c);
  const unsigned char n[2] = { (unsigned char)drawings, (unsigned char)(drawings >> 8) };
  h = checksum_bytes(h, set->class_name[c], strlen(set->class_name[c]) + 1);
  return checksum_bytes(h, n, sizeof n);
}

void dataset_fingerprint(const struct dataset *d, char text[17]) {
  const struct imageset *set = &d->images;
  const int pixels = set->S * set->S;
  uint64_t h = CHECKSUM_START;
  for (int c = 0; c < set->n_classes; c++) h = checksum_class(h, set, c);
  if (set->reduced) h ^= checksum_reals(set->reduced, set->n_images, pixels, pixels);
  else h = checksum_bytes(h, imageset_image(set, 0), (size_t)set->n_images * imageset_kept(set));
  snprintf(text, 17, "%016llx", (unsigned long long)h);
}

void dataset_split_fingerprint(const struct dataset *d, enum dataset_split s, char text[17]) {
  const struct imageset *set = &d->images;
  const struct imageset_classes *classes = &d->split[s];
  uint64_t h = CHECKSUM_START;
  for (int k = 0; k < classes->n; k++) {
    const int c = classes->id[k], first = set->first[c], n = imageset_drawings(set, c), pixels = set->S * set->S;
    h = checksum_class(h, set, c);
    if (set->reduced) h = 31*h ^ checksum_reals(set->reduced + (size_t)first * (size_t)pixels, n, pixels, pixels);
    else h = checksum_bytes(h, imageset_image(set, first), (size_t)n * imageset_kept(set));
  }
  snprintf(text, 17, "%016llx", (unsigned long long)h);
}
