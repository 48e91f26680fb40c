// model.c - metaxbar model info|convert|resize|average|seal|export: inspect model files, and write changed ones.
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
#include "experiment/experiment.h"
#include "experiment/pictures.h"
#include "lab/average.h"
#include "shipped.h"

static const char text[] =
  "info     print the tensors of a file, their range, and the settings recorded in it.\n"
  "convert  read a model of any experiment (published weights too, with data.preprocessing=published) and write it in\n"
  "         the format of this program, with the settings given; synapse.kind=quantised synapse.bits=N rounds a\n"
  "         classifier to N bits, and --half stores the weights of a classifier or an arm in half precision, in half\n"
  "         the space. FILE is in the safetensors format, or a zip of NumPy arrays if its name ends in .npz; all\n"
  "         commands read both.\n"
  "resize   give an arm a trainee of trainee.neurons neurons, k times the present number, as a start for further\n"
  "         training (train arm train.start=FILE, with update.lsg_passes=1 and the other settings of FILE). If k is a\n"
  "         whole number, the new trainee performs nearly as well, and the noise of spikes averages out; if k is\n"
  "         below 1, the first neurons are kept, and the trainee is worse until it is trained, but may fit on a core.\n"
  "         update.rate, .step and .threshold are divided by k, and update.input_rate is multiplied by it.\n"
  "         code.velocity (with code.velocity_scale) gives the learning signal generator (LSG) inputs for the\n"
  "         velocity of the target.\n"
  "average  write the mean of the weights of models of one shape, with the settings of the first; settings that\n"
  "         differ are named, but for those of training alone. The mean of classifiers that were trained further\n"
  "         from one start, with other seeds or settings, is often better than each of them; that of spiking\n"
  "         networks is not.\n"
  "seal     write the same tensors and settings with the checksum and the version that older files lack.\n"
  "export   write a model for other programs. --c: a classifier as C for microcontrollers (edge/metaxbar_adapt.h),\n"
  "         NAME.c, its weights in 8 bits with the statistics of eval.statistics_images background images of data.*\n"
  "         folded in, and NAME.h, its sizes. --onnx: a classifier as ONNX, with the same statistics; with --state it\n"
  "         classifies your own classes, which 'metaxbar learn' has taught it. --nir: a spiking network of the arm as\n"
  "         NIR, the trainee or the learning signal generator (LSG); --approximate replaces neurons that NIR cannot\n"
  "         describe, and the file says how much the outputs change. A model that a format cannot describe is\n"
  "         refused.\n";

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
  struct json_t *o = json_object_new();
  struct json_t *tensors = json_add_array(o, "tensors"), *settings = json_add_object(o, "metadata");
  for (int i = 0; i < tensorfile_count(tf); i++) {
    const struct tensorfile_entry *e = tensorfile_at(tf, i);
    struct json_t *t = json_add_object(tensors, NULL);
    double least, most;
    json_put_text(t, "name", e->name);
    json_put_i64s(t, "shape", e->dims, (size_t)e->n_dims);
    if (range(tf, e, &least, &most) == 0) {
      json_put_f64(t, "min", least);
      json_put_f64(t, "max", most);
    }
  }
  for (int i = 0; i < tensorfile_metadata_count(tf); i++) {
    const char *key, *value = tensorfile_metadata_at(tf, i, &key);
    json_put_text(settings, key, value);
  }
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
    if (e->n_dims >= 2) weights += e->n_values;  // of one dimension are rates
  }
  printf("%lld weights\n", (long long)weights);
  for (int i = 0; i < tensorfile_metadata_count(tf); i++) {
    const char *key;
    char *value = err_strdup(tensorfile_metadata_at(tf, i, &key));
    text_make_plain(value);
    printf("%s=%s\n", key, value);
    free(value);
  }
}

static int info(const struct options *o) {
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, o->model));
  int rc = 0;
  if (o->json) rc = options_json(info_json(tf));
  else info_text(tf);
  tensorfile_close(tf);
  return rc;
}

static int write_again(struct experiment_case *x, const struct options *o) {
  const struct run_sources from = options_sources(o);
  static const char *const bits[] = { "synapse.bits", NULL };
  for (int k = 0; k < o->n_assignments; k++) TRY(run_check_read(x->e->convert_reads, o->assignments[k]));
  if (x->e->model_history) TRY(x->e->model_history(x->set, o->model));
  TRY(experiment_load(x, o->model, &from));
  const int64_t kind = x->settings.synapse->kind;
  if (kind == RUN_CHIP) return err_set(ERR_SETTING, "synapse.kind=chip: what a chip holds is no model (chip export)");
  if (kind != RUN_QUANTISED) TRY(run_refuse(&from, bits, "synapse.kind=quantised"));
  TRY(tensorfile_check_path(o->out));
  if (x->e->model_round) x->e->model_round(x->model, x->set);
  return x->e->model_save(x->model, x->set, o->out, o->half);
}

static int convert(const struct options *o) {
  struct experiment_case x;
  const struct experiment *e;
  TRY(experiment_of_file(&e, o->model));
  experiment_open(&x, e);
  const int rc = write_again(&x, o);
  experiment_close(&x);
  return rc;
}

static int resize(const struct options *o) {
  const struct experiment *e;
  const struct run_sources from = options_sources(o);
  TRY(experiment_of_file(&e, o->model));
  if (!e->model_resize) return err_set(ERR_SETTING, "--model %s: a model of '%s' cannot be resized", o->model, e->name);
  return e->model_resize(o->model, &from, o->out, o->half);
}

// The same tensors and texts, with what a file written today has beside them.
static int seal(const struct options *o) {
  struct tensorfile *tf;
  TRY(tensorfile_check_path(o->out));
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

static int average(const struct options *o) {
  const size_t n = (size_t)o->n_words;
  char(*found)[FILE_PATH_SIZE] = err_calloc(n, sizeof *found);
  const char **path = err_calloc(n, sizeof *path);
  for (size_t k = 0; k < n; k++) path[k] = shipped_path(found[k], o->words[k]);
  const int rc = average_models(o->out, path, o->n_words);
  free(path);
  free(found);
  return rc;
}

// The model that is to be written, and in which form.
static int form_of(const char **flag, const char **model, const struct options *o) {
  const struct { const char *flag, *model; } forms[] = { { "--c", o->c }, { "--onnx", o->onnx }, { "--nir", o->nir } };
  *model = NULL;
  for (int k = 0; k < 3; k++)
    if (forms[k].model) {
      if (*model)
        return err_set(ERR_SETTING, "%s %s: beside %s; one form at a time", forms[k].flag, forms[k].model, *flag);
      *flag = forms[k].flag;
      *model = forms[k].model;
    }
  return *model ? 0 : err_set(ERR_SETTING, "--c FILE, --onnx FILE or --nir FILE is missing");
}

static int check_form(const struct experiment_export *x, const struct options *o) {
  if (o->network && !x->takes_network) return err_set(ERR_SETTING, "--network: has no effect with %s", x->flag);
  if (o->approximate && !x->takes_approximate)
    return err_set(ERR_SETTING, "--approximate: has no effect with %s", x->flag);
  if (o->state && !x->state_reads) return err_set(ERR_SETTING, "--state: has no effect with %s", x->flag);
  for (int k = 0; k < o->n_assignments; k++)
    TRY(run_check_read(o->state ? x->state_reads : x->reads, o->assignments[k]));
  return 0;
}

static int export(const struct options *o) {
  static char shipped[FILE_PATH_SIZE];
  static const struct experiment_export none[] = { { 0 } };
  const struct run_sources from = options_sources(o);
  const struct experiment_form form = {
    .out = o->out, .network = o->network, .approximate = o->approximate, .state = o->state, .from = &from
  };
  const struct experiment *e;
  struct experiment_case x;
  const char *flag = NULL, *path;
  TRY(form_of(&flag, &path, o));
  path = shipped_path(shipped, path);
  TRY(experiment_of_file(&e, path));
  const struct experiment_export *as = e->exports ? e->exports : none;
  while (as->flag && strcmp(as->flag, flag)) as++;
  if (!as->flag) return err_set(ERR_SETTING, "%s %s: a model of '%s' cannot be written so", flag, path, e->name);
  TRY(check_form(as, o));
  experiment_open(&x, e);
  if (o->state) e->pictures->begin(x.set);
  int rc = experiment_load(&x, path, &from);
  if (rc == 0) rc = as->write(x.set, x.model, &form);
  experiment_close(&x);
  return rc;
}

static const struct options_flag info_flags[] = { OPTIONS_MODEL, OPTIONS_JSON, { 0 } };
static const struct options_flag write_flags[] = {
  OPTIONS_MODEL,  OPTIONS_NEEDED("--out", out, "FILE", "the file to write"),
  OPTIONS_CONFIG, OPTIONS_SWITCH("--half", half, "weights in half precision"),
  { 0 },
};
static const struct options_flag resize_flags[] = {
  OPTIONS_MODEL,
  OPTIONS_NEEDED("--out", out, "FILE", "the file to write"),
  OPTIONS_SWITCH("--half", half, "weights in half precision"),
  { 0 },
};
static const struct options_flag average_flags[] = { OPTIONS_NEEDED("--out", out, "FILE", "the file to write"), { 0 } };
static const struct options_flag seal_flags[] = { OPTIONS_MODEL,
                                                  OPTIONS_NEEDED("--out", out, "FILE", "the file to write"),
                                                  { 0 } };
static const struct options_flag export_flags[] = {
  OPTIONS_VALUE("--c", c, "FILE", "write this model file as C"),
  OPTIONS_VALUE("--onnx", onnx, "FILE", "write this model file as ONNX"),
  OPTIONS_VALUE("--nir", nir, "FILE", "write this model file as NIR"),
  OPTIONS_VALUE("--state", state, "FILE", "with --onnx: the classes that the model was taught ('metaxbar learn')"),
  OPTIONS_VALUE("--network", network, "NAME", "with --nir: trainee, which is the default, or lsg"),
  OPTIONS_SWITCH("--approximate", approximate, "with --nir: replace neurons that NIR cannot describe by similar ones"),
  OPTIONS_NEEDED("--out", out, "PATH", "the file to write to; with --c the folder"),
  OPTIONS_CONFIG,
  { 0 },
};
static const struct options_action actions[] = {
  { .name = "info", .flags = info_flags, .run = info },
  { .name = "convert", .replaces = "--model", .flags = write_flags, .reads = options_all, .run = convert },
  { .name = "resize", .replaces = "--model", .flags = resize_flags, .reads = options_all, .run = resize },
  { .name = "average", OPTIONS_WORDS("MODEL MODEL...", 2, OPTIONS_ANY), .flags = average_flags, .run = average },
  { .name = "seal", .replaces = "--model", .flags = seal_flags, .run = seal },
  { .name = "export", .flags = export_flags, .reads = options_all, .run = export },
  { 0 },
};
const struct options_command model_command = { "model", "inspect and convert model files", text, .actions = actions };
