// The chip that classes are taught on.
#include "experiment/fewshot/taught.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "chip/lifetime.h"
#include "experiment/fewshot/fewshot.h"

enum { GROUP = 64, SEEN = 512 };  // images at a time, and in all, that calibrate the chip

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
      lesson->render(lesson, (int)((long)(at + i) * lesson->n / n), w.y[0] + (size_t)i * image);
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

int taught_deploy(struct taught *t, const struct fewshot *f, const struct taught_lesson *lesson) {
  const struct convnet *net = &t->net;
  TRY(deploy_plan(&t->chip, &f->chip, (uint64_t)f->run.seed, net));
  for (int l = 0; l <= net->readout; l++) {
    struct synapse *s = chip_synapse(t->chip, l);
    s->ops->program(s, t->parameters + net->offset[l], chip_rng(t->chip));
  }
  taught_calibrate(t, lesson);
  int rc = lifetime_resume(t->chip, "", 0);
  if (rc == 0) rc = chip_failure(t->chip);
  if (rc == 0) return 0;
  chip_free(t->chip);
  t->chip = NULL;
  return rc;
}
