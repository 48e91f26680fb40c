#include "experiment/fewshot/inloop.h"

#include <assert.h>
#include <math.h>

#include "base/err.h"
#include "base/rng.h"
#include "device/tile.h"
#include "experiment/fewshot/deploy.h"

int inloop_init(struct inloop *c, enum inloop_kind kind, struct maml_worker *w, const struct convnet *net,
                const struct chip_params *p) {
  *c = (struct inloop){ .kind = kind };
  TRY(deploy_plan(&c->chip, p, 0, net));
  c->task = chip_clone(c->chip);
  for (int l = kind == INLOOP_CHIP ? 0 : net->readout; l <= net->readout; l++) {
    w->layers[l]->ops->free(w->layers[l]);
    w->layers[l] = chip_synapse(c->task, l);
  }
  return 0;
}

void inloop_release(struct inloop *c) {
  chip_free(c->task);
  chip_free(c->chip);
}

// The support images through the meant weights, for the inputs that each matrix sees.
static void observe(struct inloop *c, struct maml_worker *w, const struct convnet *net) {
  struct synapse *layers[CONVNET_MAX_LAYERS];
  const struct conv shape = convnet_shape(net, net->readout, w->work.n[0]);
  deploy_layers(layers, c->chip, net);
  chip_observe(c->chip, true);
  convnet_forward(net, &w->work, layers, 0, CONVNET_TASK, NULL, NULL);
  layers[net->readout]->ops->product(layers[net->readout], w->record.g, w->work.h, &shape, NULL);
  chip_observe(c->chip, false);
}

// w (I, padded O): each column of what matrix l conducts, scaled back along the weights meant.
static void corrected(const struct chip *c, int l, real *v) {
  const struct synapse *s = chip_matrix(c, l);
  const real *w = chip_weights(c, l);
  const int I = s->I, O = s->O, OP = vector_padded(O);
  chip_effective(c, l, v);
  for (int o = 0; o < O; o++) {
    double ww = 0, vw = 0;
    for (int i = 0; i < I; i++) {
      ww += (double)w[i*OP + o] * (double)w[i*OP + o];
      vw += (double)v[i*OP + o] * (double)w[i*OP + o];
    }
    for (int i = 0; i < I && vw > 0; i++) v[i*OP + o] *= (real)(ww / vw);
  }
}

static double random_age(const struct chip *c, double time_max_s) {
  struct rng r = rng_stream(chip_seed(c), RNG_DRIFT, 0);
  const double t0 = chip_design(c)->pcm.t0_s;
  return time_max_s > t0 ? t0 * pow(time_max_s / t0, rng_uniform(&r)) : 0;
}

static void program(struct chip *c, const struct convnet *net, const real *parameters) {
  for (int l = 0; l <= net->readout; l++) {
    struct synapse *s = chip_synapse(c, l);
    s->ops->program(s, parameters + net->offset[l], chip_rng(c));
  }
}

void inloop_write(struct inloop *c, struct maml_worker *w, const struct convnet *net, const real *parameters,
                  uint64_t seed, double time_max_s) {
  chip_renew(c->chip, seed);
  program(c->chip, net, parameters);
  observe(c, w, net);
  if (deploy_begins_small(net, parameters)) deploy_make_room(c->chip, net, parameters, w->work.h, w->work.n[0]);
  const int rc = chip_advance(c->chip, random_age(c->chip, time_max_s), chip_rng(c->chip));
  assert(rc == 0);
  if (c->kind == INLOOP_CHIP) chip_calibrate(c->chip, chip_rng(c->chip));
  else chip_calibrate_matrix(c->chip, net->readout, chip_rng(c->chip));
  for (int l = 0; l < net->readout; l++) {
    real *held = w->held + net->offset[l];
    corrected(c->chip, l, held);
    if (c->kind == INLOOP_WEIGHTS) w->layers[l]->ops->program(w->layers[l], held, NULL);
  }
  const struct synapse *readout = chip_synapse(c->chip, net->readout);
  readout->ops->weights(readout, w->held + net->offset[net->readout]);
}

void inloop_begin(struct inloop *c) { chip_copy(c->task, c->chip); }

void inloop_clip(struct inloop *c, const struct convnet *net, real *parameters) {
  chip_renew(c->chip, 0);
  program(c->chip, net, parameters);
  for (int l = 0; l <= net->readout; l++) {
    const struct synapse *s = chip_synapse(c->chip, l);
    s->ops->weights(s, parameters + net->offset[l]);
  }
}
