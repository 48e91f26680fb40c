// The split of a trained model: an evaluation uses it, so that it contains no class of the training; and its test
// images, so that no query was trained on.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/note.h"
#include "base/tensorfile.h"
#include "experiment/fewshot/fewshot.h"

static const char TEST_IMAGES[] = "data.test_images";

enum { ALL = -1, FOLDER = 1 << DATASET_FOLDER, BUILTIN = 1 << DATASET_BUILTIN };
enum { CHARACTERS = BUILTIN | 1 << DATASET_OMNIGLOT };

// What decides the split and the test images, for which kinds of data, and what files mean that were written before a
// setting existed.
static const struct recorded {
  const char *name;
  int kinds;
  const char *absent;
} recorded[] = {
  { "data.protocol", CHARACTERS, "alphabets" },
  { "data.seed", ALL, NULL },         { "data.validation", ALL, NULL },         { "data.split", ALL, NULL },
  { TEST_IMAGES, ALL, "0" },
  { "data.classes", BUILTIN, NULL },  { "data.evaluation", FOLDER, NULL },      { "data.split_rule", FOLDER, "order" },
  { "data.groups", FOLDER, "class" }, { "data.layout", FOLDER, "classes" },     { "data.invert", FOLDER, NULL },
};

static bool is_assigned(const char *name, int n_assignments, char *const *assignments) {
  const size_t n = strlen(name);
  for (int k = 0; k < n_assignments; k++)
    if (!strncmp(assignments[k], name, n) && assignments[k][n] == '=') return true;
  return false;
}

// A model file holds the name of a list without its folder.
static const char *base_name(const char *value) { return strrchr(value, '/') ? strrchr(value, '/') + 1 : value; }

// Can another value let a class that was seen be evaluated? Evaluation characters are apart from the others unless both
// are dealt out together, and no share for validation changes which they are. Test images matter where training classes
// are evaluated.
static bool matters(const struct fewshot *f, const char *name) {
  if (!strcmp(name, TEST_IMAGES)) return fewshot_eval_split(f) == DATASET_TRAINING || f->eval.base_shots > 0;
  const bool dealt = f->data.protocol == DATASET_CHARACTERS && strcmp(name, "data.validation") != 0;
  return f->data.kind == DATASET_FOLDER || f->eval.split || dealt || !strcmp(name, "data.split") ||
         !strcmp(name, "data.protocol");
}

// Take over one setting unless the user gave it: on the command line, or as anything but the default.
static int take(struct fewshot *f, const struct fewshot *usual, const struct recorded *r, const struct tensorfile *tf,
                bool assigned) {
  char now[PARAM_TEXT_SIZE], of_model[PARAM_TEXT_SIZE], before[PARAM_TEXT_SIZE], text[PARAM_TEXT_SIZE + 64];
  const char *value = tensorfile_metadata(tf, r->name) ? tensorfile_metadata(tf, r->name) : r->absent;
  if (!value) return 0;
  const struct param *p = dataset_param_table;
  while (strcmp(p->name, r->name + strlen("data."))) p++;
  param_value(p, &usual->data, before);
  param_value(p, &f->data, now);
  snprintf(text, sizeof text, "%s=%s", r->name, value);
  const bool given = assigned || strcmp(now, before) != 0;
  struct fewshot model;  // its value in the spelling of the table
  fewshot_init(&model);
  if (settings_set(model.sections, text) < 0)
    return err_set(ERR_FORMAT, "%s: __metadata__: %s", tensorfile_name(tf), err_message());
  param_value(p, &model.data, of_model);
  if (!given) return settings_set(f->sections, text);
  if (strcmp(base_name(now), base_name(of_model)) && matters(f, r->name))
    note("%s=%s, but %s was trained with %s=%s: %s that it has seen may be taken for new ones", r->name, now,
         tensorfile_name(tf), r->name, of_model, strcmp(r->name, TEST_IMAGES) ? "classes" : "images");
  return 0;
}

int fewshot_split(struct fewshot *f, const struct tensorfile *tf, const struct run_sources *from) {
  struct fewshot usual, trained;
  fewshot_init(&usual);
  fewshot_init(&trained);
  const char *kind = tensorfile_metadata(tf, "data.kind");
  char text[PARAM_TEXT_SIZE];
  if (!kind || snprintf(text, sizeof text, "data.kind=%s", kind) >= (int)sizeof text ||
      settings_set(trained.sections, text) < 0)
    return 0;
  if (trained.data.kind != f->data.kind) return 0;  // other images, none of which it has seen
  for (size_t k = 0; k < sizeof recorded / sizeof *recorded; k++)
    if (recorded[k].kinds & 1 << f->data.kind)
      TRY(take(f, &usual, &recorded[k], tf, is_assigned(recorded[k].name, from->n_assignments, from->assignments)));
  return 0;
}
