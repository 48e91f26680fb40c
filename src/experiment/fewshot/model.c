// Model files of the classifier.
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/format.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "base/text.h"
#include "experiment/fewshot/fewshot.h"
#include "model/convnetfile.h"

// The settings a model file speaks about.
static const char *const model_settings[] = { "net", "train", "data.preprocessing", "data.size", "data.channels",
                                              CHIP_LAYOUT_SETTINGS, NULL };

struct adopting {
  struct fewshot *f;
  const struct run_sources *from;
};

// A file without settings may be the published weights, or a model that another program has saved again.
static int check_given(const struct tensorfile *tf, const struct run_sources *from) {
  for (int k = 0; k < from->n_assignments; k++)
    if (!strncmp(from->assignments[k], "data.preprocessing=", 19)) return 0;
  return err_set(ERR_SETTING,
                 "%s: no settings in the file: data.preprocessing=published (published weights) or area must be given; "
                 "model convert records it",
                 tensorfile_name(tf));
}

static int sizes(struct fewshot *f, const struct tensorfile *tf) {
  const struct convnet_params recorded = f->net;
  int in_channels;
  TRY(convnetfile_sizes(&f->net, &in_channels, tf));
  TRY(format_check_size(tf, "net.channels", recorded.channels, f->net.channels));
  TRY(format_check_size(tf, "net.blocks", recorded.blocks, f->net.blocks));
  TRY(format_check_size(tf, "net.hidden", recorded.hidden, f->net.hidden));
  TRY(format_check_size(tf, "net.ways", recorded.ways, f->net.ways));
  TRY(format_check_size(tf, "net.steps", recorded.steps, f->net.steps));
  if (in_channels != 1 && in_channels != 3)
    return err_set(ERR_FORMAT, "%s: tensor conv1.weight: images of %d channels; 1 or 3", tensorfile_name(tf),
                   in_channels);
  f->data.channels = in_channels;
  return 0;
}

// An evaluation is as the training was, unless the user says otherwise.
static int adopt(void *context, const struct tensorfile *tf) {
  const struct adopting *a = context;
  struct fewshot *f = a->f;
  if (!tensorfile_metadata(tf, "data.preprocessing")) {
    TRY(check_given(tf, a->from));
    return sizes(f, tf);
  }
  if (f->train.shots > 0) f->eval.shots = f->train.shots;
  f->eval.updates = f->net.steps;
  if (f->train.bits) {  // trained for weights of so many bits: used with them
    f->synapse.kind = RUN_QUANTISED;
    f->synapse.bits = f->train.bits;
  }
  return sizes(f, tf);
}

// What the user gave has come last.
static int check_channels(const struct fewshot *f, const struct tensorfile *tf) {
  struct convnet_params p = f->net;
  int in_channels;
  TRY(convnetfile_sizes(&p, &in_channels, tf));
  if (in_channels == f->data.channels) return 0;
  return err_set(ERR_SETTING, "data.channels=%d: %s was trained on images of %d channel%s", (int)f->data.channels,
                 tensorfile_name(tf), in_channels, text_s(in_channels));
}

int fewshot_model_load(struct fewshot_model *m, struct fewshot *f, const char *path, const struct run_sources *from) {
  *m = (struct fewshot_model){ 0 };
  snprintf(m->path, sizeof m->path, "%s", path);
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, path));
  int rc = format_check(tf, "metaxbar few-shot classifier");
  if (rc == 0) rc = run_resolve(f->sections, tf, model_settings, adopt, &(struct adopting){ f, from }, from);
  if (rc == 0) rc = check_channels(f, tf);
  if (rc == 0) rc = fewshot_split(f, tf, from);
  if (rc == 0) rc = convnet_init(&m->net, &f->net, (int)f->data.size, (int)f->data.channels);
  if (rc == 0) {
    const char *kind = tensorfile_metadata(tf, "data.kind");
    m->of_photographs = m->net.in_channels == 3 && kind && strcmp(kind, dataset_kind_name(DATASET_BUILTIN)) != 0;
    m->parameters = err_aligned(m->net.n, sizeof *m->parameters);
    rc = convnetfile_load(tf, &m->net, m->parameters, f->train.inner_rate);
  }
  if (rc == 0 && tensorfile_find(tf, "inner_rate"))
    rc = run_refuse(from, (const char *const[]){ "train.inner_rate", NULL }, "a model without inner rates of its own");
  if (rc < 0) fewshot_model_release(m);
  else tensorfile_note_unread(tf);
  tensorfile_close(tf);
  return rc;
}

int fewshot_model_calibrates(const struct fewshot_model *m, const struct fewshot *f) {
  if (!m->of_photographs || f->data.kind != DATASET_BUILTIN) return 0;
  return err_set(ERR_SETTING, "data.kind=builtin: %s was trained on other colour images than invented ones, and a chip "
                              "for it is calibrated on such: name them (data.kind=folder or cifar100)", m->path);
}

int fewshot_history(struct fewshot *f, const char *path) {
  static const char *const history[] = { "data", "run.seed", NULL };
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, path));
  const int rc = tensorfile_metadata(tf, "data.preprocessing") ? settings_restore(f->sections, history, tf) : 0;
  tensorfile_close(tf);
  return rc;
}

int fewshot_model_new(struct fewshot_model *m, const struct fewshot *f) {
  struct rng r = rng_stream((uint64_t)f->run.seed, RNG_INIT, 0);
  *m = (struct fewshot_model){ 0 };
  TRY(convnet_init(&m->net, &f->net, (int)f->data.size, (int)f->data.channels));
  m->parameters = err_aligned(m->net.n, sizeof *m->parameters);
  convnet_start(&m->net, m->parameters, f->train.inner_rate, &r);
  return 0;
}

void fewshot_fit(real *out, const struct convnet *to, const real *parameters, const struct convnet *net) {
  memset(out, 0, to->n * sizeof *out);
  memcpy(out, parameters, net->offset[net->readout] * sizeof *out);
  if (to->ways == net->ways && to->start == net->start)
    memcpy(out + to->offset[to->readout], parameters + net->offset[net->readout],
           (net->rates - net->offset[net->readout]) * sizeof *out);
  for (int s = 0; s < to->steps && net->steps > 0; s++)
    for (int l = net->adapting; l <= net->readout; l++) {
      const real rate = parameters[convnet_rate(net, s < net->steps ? s : net->steps - 1, l)];
      out[convnet_rate(to, s, l)] = l < net->readout ? rate : rate * (real)to->ways/(real)net->ways;
    }
  if (to->start == CONVNET_PROTOTYPE)
    out[to->scale] = net->start == CONVNET_PROTOTYPE ? parameters[net->scale] : convnet_mean_scale(to);
}

void fewshot_fit_backward(real *gradient, const struct convnet *net, const real *of, const struct convnet *to) {
  for (size_t i = 0; i < net->offset[net->readout]; i++) gradient[i] += of[i];
  for (int s = 0; s < net->steps; s++)
    gradient[net->rates + (size_t)s] += of[to->rates + (size_t)s] * (real)to->ways/(real)net->ways;
  gradient[net->scale] += of[to->scale];
}

int fewshot_model_ways(struct fewshot_model *m, const struct fewshot_model *of, const struct fewshot *f, int ways,
                       int steps) {
  struct convnet_params p = f->net;
  *m = *of;
  p.ways = ways;
  p.steps = steps;
  TRY(convnet_init(&m->net, &p, of->net.side[0], of->net.in_channels));
  m->parameters = err_aligned(m->net.n, sizeof *m->parameters);
  fewshot_fit(m->parameters, &m->net, of->parameters, &of->net);
  return 0;
}

int fewshot_model_readout(struct fewshot_model *m, const struct fewshot_model *of, const struct fewshot *f) {
  struct convnet_params p = f->net;
  *m = *of;
  p.adapt = CONVNET_READOUT;
  TRY(convnet_init(&m->net, &p, of->net.side[0], of->net.in_channels));
  m->parameters = err_aligned(m->net.n, sizeof *m->parameters);
  memcpy(m->parameters, of->parameters, of->net.rates * sizeof *m->parameters);
  for (int s = 0; s < m->net.steps; s++)
    m->parameters[convnet_rate(&m->net, s, m->net.readout)] =
        of->parameters[convnet_rate(&of->net, s, of->net.readout)];
  if (m->net.start == CONVNET_PROTOTYPE) m->parameters[m->net.scale] = of->parameters[of->net.scale];
  return 0;
}

void fewshot_model_release(struct fewshot_model *m) {
  free(m->parameters);
  m->parameters = NULL;
}

int fewshot_model_save(const struct fewshot_model *m, const struct fewshot *f, const char *path, bool half) {
  static const char *const stored[] = { FEWSHOT_STORED, NULL };
  struct tensorfile_writer *w = tensorfile_create(path);
  struct fewshot portable = *f;  // where the data lay and how many threads ran is nobody's business
  fewshot_init(&portable);
  portable.data = f->data;
  portable.net = f->net;
  portable.training = f->training;
  portable.train = f->train;
  portable.run.seed = f->run.seed;
  portable.chip = f->chip;
  memset(portable.data.path, 0, sizeof portable.data.path);
  memset(portable.data.validation_path, 0, sizeof portable.data.validation_path);
  memset(portable.data.evaluation_path, 0, sizeof portable.data.evaluation_path);
  const char *list = strrchr(f->data.split, '/');
  snprintf(portable.data.split, sizeof portable.data.split, "%s", list ? list + 1 : f->data.split);
  format_put(w, "metaxbar few-shot classifier");
  settings_store(portable.sections, stored, w);
  convnetfile_put(w, &m->net, m->parameters, half);
  return tensorfile_commit(w);
}

void fewshot_model_round(struct fewshot_model *m, const struct fewshot *f) {
  const struct convnet *net = &m->net;
  if (f->synapse.kind != RUN_QUANTISED) return;  // what a chip holds is no model
  for (int l = 0; l <= net->readout; l++) {
    struct synapse *s = convnet_array(net, l, (int)f->synapse.bits);
    s->ops->program(s, m->parameters + net->offset[l], NULL);
    s->ops->weights(s, m->parameters + net->offset[l]);
    s->ops->free(s);
  }
}
