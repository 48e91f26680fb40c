// The chip that classes are taught on.
#include "experiment/fewshot/taught.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "chip/lifetime.h"
#include "experiment/fewshot/fewshot.h"

enum { GROUP = 64, SEEN = 512 };  // images at a time, and in all, that calibrate the chip

// Let the chip see images of the lesson, exactly computed.
static void show(struct chip *c, const struct convnet *net, const struct taught_lesson *lesson) {
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
    convnet_forward(net, &w, layers, 0, CONVNET_TASK, NULL, NULL);
    const struct conv shape = convnet_shape(net, net->readout, w.n[0]);
    layers[net->readout]->ops->product(layers[net->readout], z, w.h, &shape, NULL);
  }
  chip_observe(c, false);
  convnet_work_release(&w);
  free(z);
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
  struct chip *c;
  TRY(deploy_plan(&c, &f->chip, (uint64_t)f->run.seed, net));
  for (int l = 0; l <= net->readout; l++) {
    struct synapse *s = chip_synapse(c, l);
    s->ops->program(s, t->parameters + net->offset[l], chip_rng(c));
  }
  show(c, net, lesson);
  chip_calibrate(c, chip_rng(c));
  int rc = lifetime_resume(c, "", 0);
  if (rc == 0) rc = chip_failure(c);
  if (rc < 0) chip_free(c);
  else t->chip = c;
  return rc;
}
