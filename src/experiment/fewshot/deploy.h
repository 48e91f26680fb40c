// deploy.h - a trained classifier written to a chip: layer l of the network is matrix l of the chip, the
// read-out the last. For tasks on several threads:
//   deploy_convnet(&c, ...);                 once: program, pass background images, calibrate
//   clone = chip_clone(c);                   one per worker, layers[l] = chip_synapse(clone, l)
//   chip_copy(clone, c);                     before each task
//   convnet_forward, adapt_run, ... with the task's stream of RNG_READ; chip_advance for later times
#ifndef EXPERIMENT_FEWSHOT_DEPLOY_H
#define EXPERIMENT_FEWSHOT_DEPLOY_H

#include <stdbool.h>
#include <stdio.h>

#include "chip/chip.h"
#include "model/convnet.h"

struct json_t;

// Describe and place the layers, nothing programmed. ERR_SETTING if they do not fit.
int deploy_plan(struct chip **c, const struct chip_params *p, uint64_t seed, const struct convnet *net);

// Whether the read-out has far smaller weights at first than after the updates of a task: one of zeros, or one behind a
// dense layer, which meta-training begins at zero (train.start).
bool deploy_begins_small(const struct convnet *net, const real *parameters);

// Give such a read-out on a chip the scale and the output ranges of an example: its weights after the
// updates of a task with features h (S, convnet_features), class by class, computed exactly. It is programmed twice.
void deploy_make_room(struct chip *c, const struct convnet *net, const real *parameters, const real *h, int S);

// Program the parameters, calibrate on n background images x (n, S, S, 16), taken `group` at a time as a task would
// be (its own statistics), the last group class by class where the read-out begins small; n = 0: calibrate without. The
// caller's chip_free.
int deploy_convnet(struct chip **c, const struct chip_params *p, uint64_t seed, const struct convnet *net,
                   const real *parameters, const real *x, int n, int group);

// layers[0..blocks] of the chip.
void deploy_layers(struct synapse **layers, struct chip *c, const struct convnet *net);

// The devices of a classifier on a chip, which chip_devices counts, and two more counts of the paper.
struct deploy_devices {
  long all, readout;
  long adapting;       // of the layers that inner updates may write
  // all, and a weight for the offset of every channel, which the network does not have and the paper counts
  long with_offsets;
};
struct deploy_devices deploy_devices(const struct chip *c, const struct convnet *net);
void deploy_devices_print(const struct deploy_devices *d, FILE *out);
// Fields devices_with_offsets, devices_readout and, where more than the read-out adapts, devices_adapting.
void deploy_devices_put(struct json_t *o, const struct deploy_devices *d);

#endif
