#include "experiment/fewshot/deploy.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "chip/chipstate.h"
#include "learn/adapt.h"

int deploy_plan(struct chip **out, const struct chip_params *p, uint64_t seed, const struct convnet *net) {
  struct chip *c;
  TRY(chip_new(&c, p, seed));
  for (int l = 0; l <= net->readout; l++) {
    char name[32];
    convnet_layer_name(name, net, l);
    chip_keep_digital(c, chip_add(c, name, convnet_rows(net, l), convnet_columns(net, l)),
                      convnet_digital_rows(net, l));
  }
  const int rc = chip_build(c);
  if (rc < 0) chip_free(c);
  else *out = c;
  return rc;
}

bool deploy_begins_small(const struct convnet *net, const real *parameters) {
  bool zeros = true;
  for (size_t i = net->offset[net->readout]; i < net->rates; i++) zeros = zeros && parameters[i] == 0;
  return net->start == CONVNET_PROTOTYPE || ((zeros || net->hidden > 0) && net->steps > 0);
}

void deploy_layers(struct synapse **layers, struct chip *c, const struct convnet *net) {
  for (int l = 0; l <= net->readout; l++) layers[l] = chip_synapse(c, l);
}

// What the read-out holds after the updates of a task with features h (S, padded rows), class by class.
static void adapted(real *w, const struct convnet *net, const real *parameters, const real *h, int S) {
  struct adapt_record record;
  const int rows = convnet_rows(net, net->readout), n_adapting = convnet_n_adapting(net);
  real rate[CONVNET_MAX_STEPS];
  int *label = err_calloc((size_t)S, sizeof *label);
  struct synapse *readout = convnet_array(net, net->readout, 0);
  for (int i = 0; i < S; i++) label[i] = i * net->ways / S;
  for (int s = 0; s < net->steps; s++) rate[s] = parameters[net->rates + (size_t)((s + 1)*n_adapting - 1)];
  const struct adapt_task task = { .ways = net->ways, .steps = net->steps, .S = S, .C = rows, .h = h, .label = label,
                                   .rate = rate, .bias = convnet_has_bias(net, net->readout),
                                   .offset = net->mean_offset,
                                   .scale = net->start == CONVNET_PROTOTYPE ? parameters + net->scale : NULL };
  adapt_record_init(&record, net->ways, net->steps, S, 1, rows);  // no query is classified
  readout->ops->program(readout, parameters + net->offset[net->readout], NULL);
  adapt_start(&record, &task, readout, NULL);
  for (int s = 0; s < net->steps; s++) adapt_update(&record, &task, readout, s, NULL);
  readout->ops->weights(readout, w);
  readout->ops->free(readout);
  adapt_record_release(&record);
  free(label);
}

void deploy_make_room(struct chip *c, const struct convnet *net, const real *parameters, const real *h, int S) {
  const double margin = 1.5;  // tasks differ
  const int l = net->readout, devices = convnet_rows(net, l) - convnet_digital_rows(net, l);
  const int OP = vector_padded(net->ways);
  struct synapse *s = chip_synapse(c, l);
  real *w = err_aligned((size_t)(convnet_rows(net, l)*OP), sizeof *w);
  double largest = 0;
  adapted(w, net, parameters, h, S);
  for (int i = 0; i < devices*OP; i++) largest = fmax(largest, fabs((double)w[i]));
  if (largest > 0) {
    chip_limit(c, l, margin*largest);
    s->ops->program(s, w, chip_rng(c));
    chip_calibrate_matrix(c, l, chip_rng(c));
    chip_keep_ranges(c, l);
    s->ops->program(s, parameters + net->offset[l], chip_rng(c));
  }
  free(w);
}

// Let the chip see the images, exactly computed.
static void show(struct chip *c, const struct convnet *net, const real *parameters, const real *x, int n, int group) {
  struct convnet_work w;
  struct synapse *layers[CONVNET_MAX_LAYERS];
  const size_t image = (size_t)(net->side[0] * net->side[0]) * VECTOR_PADDING;
  struct arena arena;
  convnet_work_init(&w, net, group);
  deploy_layers(layers, c, net);
  arena_init(&arena, (size_t)group * (size_t)vector_padded(net->ways) * sizeof(real) + 256);
  real *z = ARENA_NEW(&arena, (size_t)group * (size_t)vector_padded(net->ways), real);
  chip_observe(c, true);
  for (int at = 0; at < n; at += group) {
    w.n[0] = n - at < group ? n - at : group;
    w.n[1] = 0;
    memcpy(w.y[0], x + (size_t)at * image, (size_t)w.n[0] * image * sizeof *x);
    convnet_forward(net, &w, layers, 0, CONVNET_TASK, NULL, NULL);
    const struct conv shape = convnet_shape(net, net->readout, w.n[0]);
    layers[net->readout]->ops->product(layers[net->readout], z, w.h, &shape, NULL);
  }
  chip_observe(c, false);
  if (deploy_begins_small(net, parameters)) deploy_make_room(c, net, parameters, w.h, w.n[0]);
  arena_release(&arena);
  convnet_work_release(&w);
}

int deploy_convnet(struct chip **out, const struct chip_params *p, uint64_t seed, const struct convnet *net,
                   const real *parameters, const real *x, int n, int group) {
  struct chip *c;
  TRY(deploy_plan(&c, p, seed, net));
  for (int l = 0; l <= net->readout; l++) {
    struct synapse *s = chip_synapse(c, l);
    s->ops->program(s, parameters + net->offset[l], chip_rng(c));
  }
  if (n > 0) show(c, net, parameters, x, n, group);
  chip_calibrate(c, chip_rng(c));
  *out = c;
  return 0;
}

struct deploy_devices deploy_devices(const struct chip *c, const struct convnet *net) {
  const struct synapse *readout = chip_matrix(c, net->readout);
  const long of_weight = readout->n_devices / ((readout->I - readout->digital) * readout->O), all = chip_devices(c);
  struct deploy_devices d = { .all = all, .readout = readout->n_devices,
                              .with_offsets = all + of_weight * net->blocks * net->channels };
  for (int l = net->adapting; l <= net->readout; l++) d.adapting += chip_matrix(c, l)->n_devices;
  return d;
}

void deploy_devices_print(const struct deploy_devices *d, FILE *out) {
  fprintf(out,
          "%ld devices; %ld with one offset per channel (as counted by Ortner et al. 2025); %ld hold the %s, "
          "which updates address\n",
          d->all, d->with_offsets, d->adapting, d->adapting > d->readout ? "layers that adapt" : "read-out");
}

void deploy_devices_put(struct json_t *o, const struct deploy_devices *d) {
  json_put_i64(o, "devices_with_offsets", d->with_offsets);
  json_put_i64(o, "devices_readout", d->readout);
  if (d->adapting > d->readout) json_put_i64(o, "devices_adapting", d->adapting);
}
