// Models of the sines, and their tasks.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "experiment/sine/sine.h"
#include "model/densefile.h"

static const char FORMAT[] = "metaxbar sine", VERSION[] = "1";
const char *const sine_stored[] = { "net", "train", "run.seed", CHIP_LAYOUT_SETTINGS, "chip.adc_margin", NULL };

int sine_model_new(void *model, const void *settings) {
  struct sine_model *m = model;
  const struct sine *set = settings;
  struct rng r = rng_stream((uint64_t)set->run.seed, RNG_INIT, 0);
  dense_init(&m->net, &set->net, 1, 1);
  m->parameters = err_aligned(m->net.n, sizeof(real));
  dense_start(&m->net, m->parameters, set->train.inner_rate, &r);
  return 0;
}

void sine_model_release(void *model) { free(((struct sine_model *)model)->parameters); }

bool sine_owns(const struct tensorfile *file) {
  const char *format = tensorfile_metadata(file, "format");
  return format && !strcmp(format, FORMAT);
}

static int load(struct sine_model *m, struct sine *set, struct tensorfile *tf, const struct run_sources *from) {
  const char *version = tensorfile_metadata(tf, "version");
  if (!sine_owns(tf) || !version || strcmp(version, VERSION))
    return err_set(ERR_FORMAT, "%s: expected format '%s' of version %s", tensorfile_name(tf), FORMAT, VERSION);
  TRY(run_resolve(set->sections, tf, sine_stored, NULL, NULL, from));
  sine_model_new(m, set);
  const int rc = densefile_load(tf, &m->net, m->parameters);
  if (rc < 0) sine_model_release(m);
  else tensorfile_note_unread(tf);
  return rc;
}

int sine_model_load(void *model, void *set, const char *path, const struct run_sources *from) {
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, path));
  const int rc = load(model, set, tf, from);
  tensorfile_close(tf);
  return rc;
}

int sine_model_save(const void *model, const void *settings, const char *path, bool half) {
  const struct sine_model *m = model;
  const struct sine *set = settings;
  if (half) return err_set(ERR_SETTING, "--half: not for models of sines");
  struct tensorfile_writer *w = tensorfile_create(path);
  tensorfile_put_text(w, "format", FORMAT);
  tensorfile_put_text(w, "version", VERSION);
  settings_store(set->sections, sine_stored, w);
  densefile_put(w, &m->net, m->parameters);
  return tensorfile_commit(w);
}

// ---- tasks

static const double pi = 3.14159265358979323846, X_MAX = 5, LEAST = 0.1, MOST = 5;

double sine_x(int i) { return X_MAX*(2.0*i/(SINE_CURVE - 1) - 1); }

void sine_draw(struct regressor *w, bool evenly, struct rng *r) {
  const double amplitude = LEAST + (MOST - LEAST)*rng_uniform(r), phase = pi*rng_uniform(r);
  for (int i = 0; i < w->task.S + w->task.Q; i++) {
    const double x = evenly && i >= w->task.S ? sine_x(i - w->task.S) : X_MAX*(2*rng_uniform(r) - 1);
    regressor_point(w, i, &(real){ (real)(x/X_MAX) }, &(real){ (real)(amplitude*sin(x + phase)) });
  }
}
