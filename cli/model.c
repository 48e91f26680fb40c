// model.c - metaxbar model info|convert|resize|seal: look into model files, and write them anew.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/format.h"
#include "base/json.h"
#include "base/tensorfile.h"
#include "base/text.h"
#include "commands.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/arm/reach.h"
#include "experiment/arm/resize.h"
#include "options.h"

static const char usage[] =
  "usage: metaxbar model info --model FILE [--json]\n"
  "       metaxbar model convert --model FILE --out FILE [--half] [section.name=value ...]\n"
  "       metaxbar model resize --model FILE --out FILE [--half] [trainee.neurons=N] [code.velocity=tip|joints [code.velocity_scale=X]]\n"
  "       metaxbar model seal --model FILE --out FILE\n"
  "\n"
  "info     prints the tensors of a file, their range, and the settings it carries.\n"
  "convert  reads a model of either kind (published weights too, with data.preprocessing=published) and writes it\n"
  "         in this program's form, with the settings given; synapse.kind=quantised synapse.bits=N rounds a classifier to N bits, and --half keeps\n"
  "         the weights of an arm in half precision, in half the space.\n"
  "resize   gives an arm a trainee of N neurons, k times what it has: a start for further training (train arm train.start=FILE,\n"
  "         with update.lsg_passes=1 and the other settings of FILE). With a whole k it does nearly the same, and the noise of\n"
  "         spikes averages out; with k below 1 the first N stay, which does worse until it is trained, but may fit a core.\n"
  "         update.rate, .step and .threshold are divided by k, and update.input_rate is multiplied by it. code.velocity (with\n"
  "         code.velocity_scale) gives its learning signal generator (LSG) inputs for the velocity of the target.\n"
  "seal     writes the same tensors and settings with the checksum and the version that files of older programs lack.\n";

static int range(struct tensorfile *tf, const struct tensorfile_entry *e, double *least, double *most) {
  double *v = err_calloc((size_t)e->n_values, sizeof *v);
  const int rc = tensorfile_f64(tf, e->name, e->n_dims, e->dims, v);
  *least = INFINITY;
  *most = -INFINITY;
  for (int64_t i = 0; i < e->n_values; i++) {
    *least = fmin(*least, v[i]);
    *most = fmax(*most, v[i]);
  }
  free(v);
  return e->n_values ? rc : 1;
}

static struct json_t *info_json(struct tensorfile *tf) {
  struct json_t *o = json_object_new(), *tensors = json_array_new(), *settings = json_object_new();
  for (int i = 0; i < tensorfile_count(tf); i++) {
    const struct tensorfile_entry *e = tensorfile_at(tf, i);
    struct json_t *t = json_object_new();
    double least, most;
    json_put_text(t, "name", e->name);
    json_put_i64s(t, "shape", e->dims, (size_t)e->n_dims);
    if (range(tf, e, &least, &most) == 0) {
      json_put_f64(t, "min", least);
      json_put_f64(t, "max", most);
    }
    json_put(tensors, NULL, t);
  }
  for (int i = 0; i < tensorfile_metadata_count(tf); i++) {
    const char *key, *value = tensorfile_metadata_at(tf, i, &key);
    json_put_text(settings, key, value);
  }
  json_put(o, "tensors", tensors);
  json_put(o, "metadata", settings);
  return o;
}

static void info_text(struct tensorfile *tf) {
  int64_t weights = 0;
  for (int i = 0; i < tensorfile_count(tf); i++) {
    const struct tensorfile_entry *e = tensorfile_at(tf, i);
    char shape[128] = "";
    double least, most;
    for (int d = 0; d < e->n_dims; d++)
      snprintf(shape + strlen(shape), sizeof shape - strlen(shape), "%s%lld", d ? " x " : "", (long long)e->dims[d]);
    printf("%-24s %-18s", e->name, shape);
    if (range(tf, e, &least, &most) == 0) printf(" from %.4g to %.4g", least, most);
    printf("\n");
    if (strstr(e->name, ".weight")) weights += e->n_values;
  }
  printf("%lld weights\n", (long long)weights);
  for (int i = 0; i < tensorfile_metadata_count(tf); i++) {
    const char *key;
    char *value = strdup(tensorfile_metadata_at(tf, i, &key));
    if (value) text_make_plain(value);
    printf("%s=%s\n", key, value ? value : "?");
    free(value);
  }
}

static int info(const struct options *o) {
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, o->model));
  int rc = 0;
  if (o->json) {
    struct json_t *j = info_json(tf);
    rc = json_print(j, stdout);
    json_release(j);
  } else {
    info_text(tf);
  }
  tensorfile_close(tf);
  return rc;
}

static int convert_fewshot(const struct options *o) {
  struct fewshot f;
  struct fewshot_model m;
  fewshot_init(&f);
  TRY(fewshot_history(&f, o->model));
  if (o->config) TRY(settings_load(f.sections, o->config));
  TRY(fewshot_model_load(&m, &f, o->model, o->n_assignments, o->assignments));
  fewshot_model_round(&m, &f);
  const int rc = fewshot_model_save(&m, &f, o->out);
  fewshot_model_release(&m);
  return rc;
}

static int resize(const struct options *o) {
  struct reach f;
  struct reach_model m, resized;
  if (!o->out) return err_set(ERR_SETTING, "--out FILE is missing");
  if (o->config) return err_set(ERR_SETTING, "-c %s: resize takes trainee.neurons, code.velocity and run.seed only", o->config);
  for (int k = 0; k < o->n_assignments; k++)
    if (strncmp(o->assignments[k], "trainee.neurons=", 16) && strncmp(o->assignments[k], "code.velocity", 13) && strncmp(o->assignments[k], "run.seed=", 9))
      return err_set(ERR_SETTING, "%s: resize takes trainee.neurons, code.velocity and run.seed; model convert sets the rest", o->assignments[k]);
  reach_init(&f);
  TRY(reach_model_load(&m, &f, o->model, 0, NULL));
  const struct spikecode_params told = f.code;
  int rc = 0;
  for (int k = 0; k < o->n_assignments && rc == 0; k++) rc = settings_set(f.sections, o->assignments[k]);
  if (rc == 0) rc = reach_resize(&resized, &f, &m, &told, REACH_RESIZE_SPREAD);
  if (rc == 0) {
    rc = reach_model_save(&resized, &f, o->out, o->half);
    reach_model_release(&resized);
  }
  reach_model_release(&m);
  return rc;
}

static int convert_arm(const struct options *o) {
  struct reach f;
  struct reach_model m;
  reach_init(&f);
  if (o->config) TRY(settings_load(f.sections, o->config));
  TRY(reach_model_load(&m, &f, o->model, o->n_assignments, o->assignments));
  const int rc = reach_model_save(&m, &f, o->out, o->half);
  reach_model_release(&m);
  return rc;
}

static int convert(const struct options *o) {
  bool arm;
  if (!o->out) return err_set(ERR_SETTING, "--out FILE is missing");
  TRY(reach_model_is(&arm, o->model));
  if (o->half && !arm) return err_set(ERR_SETTING, "--half: for models of the arm only");
  return arm ? convert_arm(o) : convert_fewshot(o);
}

// The same tensors and texts, with what a file written today has beside them.
static int seal(const struct options *o) {
  struct tensorfile *tf;
  if (!o->out) return err_set(ERR_SETTING, "--out FILE is missing");
  TRY(tensorfile_open(&tf, o->model));
  struct tensorfile_writer *w = tensorfile_create(o->out);
  format_copy(w, tf);
  int rc = 0;
  for (int i = 0; i < tensorfile_count(tf) && rc == 0; i++) rc = tensorfile_put_copy(w, tf, tensorfile_at(tf, i));
  tensorfile_close(tf);
  if (rc == 0) return tensorfile_commit(w);
  tensorfile_abort(w);
  return rc;
}

int model_command(int argc, char **argv) {
  struct options o;
  int rc = options_parse(&o, argc, argv);
  if (rc < 0) return options_fail("model", rc);
  const char *what = o.n_words == 1 ? o.words[0] : "";
  int (*const action)(const struct options *) = !strcmp(what, "info") ? info : !strcmp(what, "convert") ? convert : !strcmp(what, "resize") ? resize : !strcmp(what, "seal") ? seal : NULL;
  if (o.help || !action) {
    fputs(usage, o.help ? stdout : stderr);
    return o.help ? 0 : 2;
  }
  rc = o.model ? action(&o) : err_set(ERR_SETTING, "--model FILE is missing");
  return rc < 0 ? options_fail("model", rc) : options_finish("model");
}
