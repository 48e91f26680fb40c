#include "outputs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "options.h"

struct named {
  const char *name, *path;  // "--model"; NULL: of a word or a setting
};

// Are they one file? Devices such as /dev/null are none.
static bool same_file(const char *a, const char *b) {
  struct stat s, t;
  if (stat(a, &s) || stat(b, &t)) return !strcmp(a, b);
  return S_ISREG(s.st_mode) && s.st_dev == t.st_dev && s.st_ino == t.st_ino;
}

// Is there a file of this name somewhere below the folder?
static bool in_folder(const char *path, const char *folder) {
  char file[PATH_MAX], above[PATH_MAX];
  struct stat s;
  if (stat(path, &s) || !S_ISREG(s.st_mode) || !realpath(path, file) || !realpath(folder, above)) return false;
  const size_t n = strlen(above);
  return !strncmp(file, above, n) && file[n] == '/';
}

static int refuse(const struct named *out, const char *reads, const struct named *in) {
  return err_set(ERR_SETTING, "%s %s: the command also %s this file, as %s%s%s", out->name, out->path, reads,
                 in->name ? in->name : "", in->name ? " " : "", in->path);
}

// What a setting names: the file behind "replay:", otherwise its value.
static const char *file_of(const char *value) {
  static const char replay[] = "replay:";
  return strncmp(value, replay, sizeof replay - 1) ? value : value + sizeof replay - 1;
}

static int check_inputs(const struct named *out, const struct options *o, const char *replaces) {
  const struct named in[] = { { "--model", o->model },   { "-c", o->config },         { "--state", o->state },
                              { "--c", o->c },           { "--onnx", o->onnx },       { "--nir", o->nir },
                              { "--driver", o->driver }, { "--support", o->support }, { "--add", o->add } };
  const bool sheet = !strcmp(out->name, "--sheet");  // of pictures, which are in the folders of the words
  const struct named folders[] = { { "part of --support", o->support }, { "part of --add", o->add } };
  for (size_t k = 0; k < sizeof in / sizeof *in; k++)
    if (in[k].path && !(replaces && !strcmp(replaces, in[k].name)) && same_file(out->path, file_of(in[k].path)))
      return refuse(out, "reads", &in[k]);
  for (size_t k = 0; k < sizeof folders / sizeof *folders; k++)
    if (folders[k].path && in_folder(out->path, folders[k].path)) return refuse(out, "reads", &folders[k]);
  for (int k = 0; k < o->n_words && !(replaces && !*replaces); k++)
    if (same_file(out->path, file_of(o->words[k])) || (sheet && in_folder(out->path, o->words[k])))
      return refuse(out, "reads", &(struct named){ NULL, o->words[k] });
  for (int k = 0; k < o->n_assignments; k++) {
    const char *value = strchr(o->assignments[k], '=') + 1;
    const bool images = !strncmp(o->assignments[k], "data.", 5) && in_folder(out->path, value);
    if (value != out->path && (images || same_file(out->path, file_of(value))))
      return refuse(out, "reads", &(struct named){ NULL, o->assignments[k] });
  }
  return 0;
}

int outputs_check(const struct options *o, const char *replaces) {
  enum { MOST = 6 };
  static const char record[] = "chip.record=";
  struct named out[MOST] = { { "--out", o->out },
                             { "--scores", o->scores },
                             { "--render", o->render },
                             { "--record", o->record },
                             { "--sheet", o->sheet } };
  for (int k = 0; k < o->n_assignments; k++)
    if (!strncmp(o->assignments[k], record, sizeof record - 1))
      out[MOST - 1] = (struct named){ "chip.record", o->assignments[k] + sizeof record - 1 };
  for (int k = 0; k < MOST; k++) {
    if (!out[k].path || !*out[k].path) continue;
    for (int i = 0; i < k; i++)
      if (out[i].path && same_file(out[k].path, out[i].path)) return refuse(&out[k], "writes", &out[i]);
    TRY(check_inputs(&out[k], o, replaces));
  }
  return 0;
}
