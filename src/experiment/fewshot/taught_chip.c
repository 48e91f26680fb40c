// The chip that classes are taught on.
#include "experiment/fewshot/taught.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "chip/lifetime.h"
#include "experiment/fewshot/fewshot.h"

enum { GROUP = 64, SEEN = 512 };  // images at a time, and in all, that calibrate the chip

int taught_failure(const struct taught *t) {
  const int rc = t->chip ? chip_failure(t->chip) : 0;
  if (rc == 0) return 0;
  const char *record = chip_settings(t->chip)->record;
  return err_set((enum err)rc, "%s; nothing was saved%s%s, and cells may have been programmed", err_message(),
                 *record ? " but the calls, in " : "", record);
}

// Let the chip see images of the lesson, exactly computed, with the statistics of the first classes if there are some.
static void show(struct taught *t, const struct taught_lesson *lesson) {
  const struct convnet *net = &t->net;
  struct chip *c = t->chip;
  const int n = lesson->n < SEEN ? lesson->n : SEEN;
  const size_t image = convnet_pixels(net, 0) * VECTOR_PADDING;
  struct synapse *layers[CONVNET_MAX_LAYERS];
  struct convnet_work w;
  real *z = err_aligned((size_t)GROUP * (size_t)vector_padded(net->ways), sizeof *z);
  convnet_work_init(&w, net, GROUP);
  deploy_layers(layers, c, net);
  chip_observe(c, true);
  for (int at = 0; at < n; at += w.n[0]) {
    w.n[0] = n - at < GROUP ? n - at : GROUP;
    w.n[1] = 0;
    for (int i = 0; i < w.n[0]; i++)
      lesson->render(lesson, &t->views, (int)((long)(at + i) * lesson->n / n), 0, w.y[0] + (size_t)i * image);
    convnet_forward(net, &w, layers, 0, t->N ? CONVNET_FIXED : CONVNET_TASK, &t->fixed, NULL);
    const struct conv shape = convnet_shape(net, net->readout, w.n[0]);
    layers[net->readout]->ops->product(layers[net->readout], z, w.h, &shape, NULL);
  }
  chip_observe(c, false);
  convnet_work_release(&w);
  free(z);
}

void taught_calibrate(struct taught *t, const struct taught_lesson *lesson) {
  show(t, lesson);
  chip_calibrate(t->chip, chip_rng(t->chip));
}

void taught_make_room(const struct taught *t) {
  const double margin = 1.5;
  const int devices = (t->C - 1) * vector_padded(t->net.ways);
  double largest = 0;
  for (int i = 0; i < devices; i++) largest = fmax(largest, fabs((double)t->w[i]));
  if (largest > 0) chip_limit(t->chip, t->net.readout, margin*largest);
}

// ---- a chip behind a driver, which keeps its cells itself

// What the cells of layer l conduct, over full scale.
static void look(real *v, const struct taught *t, int l) {
  chip_effective(t->chip, l, v);
  chip_over_scale(t->chip, l, v);
}

int taught_look(struct taught *t) {
  if (!*chip_settings(t->chip)->driver) return 0;
  free(t->cells);
  t->cells = err_aligned(t->net.n, sizeof *t->cells);
  for (int l = 0; l <= t->net.readout; l++) look(t->cells + t->net.offset[l], t, l);
  return taught_failure(t);
}

// Root of the mean square of v - kept*then, or of v, in rows of a column.
static double rms(const real *v, const real *then, double kept, int rows, int ld) {
  double sum = 0;
  for (int i = 0; i < rows; i++) {
    const double d = (double)v[i*ld] - kept*(double)then[i*ld];
    sum += d*d / rows;
  }
  return sqrt(sum);
}

// A column that was programmed since differs by more than the spread of its layer; drift of all is a common factor.
static int recognise(const struct taught *t, int l, const real *then, const real *now, const char *file) {
  const double most = 0.5, least_kept = 0.25, most_kept = 2;
  const struct chip_params *p = chip_settings(t->chip);
  const int columns = convnet_columns(&t->net, l), ld = vector_padded(columns);
  const int rows = convnet_rows(&t->net, l) - convnet_digital_rows(&t->net, l);
  double both = 0, square = 0;
  for (int o = 0; o < columns; o++)
    for (int i = 0; i < rows; i++) {
      both += (double)now[i*ld + o] * (double)then[i*ld + o];
      square += (double)then[i*ld + o] * (double)then[i*ld + o];
    }
  const double spread = fmax(sqrt(square / ((double)rows * columns)), p->driver_tolerance);
  const double common = square > 0 ? both / square : 1, kept = common < least_kept || common > most_kept ? 1 : common;
  for (int o = 0; o < columns; o++) {
    const double error = rms(now + o, then + o, kept, rows, ld) / spread;
    if (error <= most) continue;
    return err_set(ERR_FORMAT, "%s: chip.driver=%s: column %d of %s differs by %.2g of the spread of weights (at most "
                               "%g) from what was learned: it is another chip, was programmed since, or does not keep "
                               "its cells when the driver is closed; learn anew",
                   file, p->driver, o, chip_matrix_name(t->chip, l), error, most);
  }
  return 0;
}

int taught_recognise(const struct taught *t, const char *file) {
  real *now = err_aligned(t->net.n, sizeof *now);
  int rc = 0;
  for (int l = 0; l <= t->net.readout && rc == 0; l++) {
    look(now + t->net.offset[l], t, l);
    rc = chip_failure(t->chip);
    if (rc == 0) rc = recognise(t, l, t->cells + t->net.offset[l], now + t->net.offset[l], file);
  }
  free(now);
  return rc;
}

int taught_disconnect(struct taught *t) {
  const int rc = chip_close(t->chip);
  t->chip = NULL;
  return rc;
}

// ---- writing

int taught_deploy(struct taught *t, const struct fewshot *f, const struct taught_lesson *lesson) {
  const struct convnet *net = &t->net;
  TRY(deploy_plan(&t->chip, &f->chip, (uint64_t)f->run.seed, net));
  for (int l = 0; l <= net->readout; l++) {
    struct synapse *s = chip_synapse(t->chip, l);
    s->ops->program(s, t->parameters + net->offset[l], chip_rng(t->chip));
  }
  taught_calibrate(t, lesson);
  int rc = lifetime_resume(t->chip, "", 0);
  const int failed = taught_failure(t);
  if (failed < 0) rc = failed;
  if (rc == 0) return 0;
  chip_free(t->chip);
  t->chip = NULL;
  return rc;
}
