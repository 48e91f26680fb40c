// deploy.h - a trained classifier written to a chip: layer l of the network is matrix l of the chip, the
// read-out the last. For tasks on several threads:
//   deploy_convnet(&c, ...);                 once: program, show background images, calibrate
//   clone = chip_clone(c);                   one per worker, layers[l] = chip_synapse(clone, l)
//   chip_copy(clone, c);                     before each task
//   convnet_forward, adapt_run, ... with the task's stream of RNG_READ; chip_advance for later times
#ifndef EXPERIMENT_FEWSHOT_DEPLOY_H
#define EXPERIMENT_FEWSHOT_DEPLOY_H

#include <stdio.h>

#include "chip/chip.h"
#include "model/convnet.h"

struct json_t;

// Describe and place the layers, nothing programmed. ERR_SETTING if they do not fit.
int deploy_plan(struct chip **c, const struct chip_params *p, uint64_t seed, const struct convnet *net);

// Program the parameters, calibrate on n background images x (n, S, S, 16), taken `group` at a time as a task would
// be (its own statistics); n = 0: calibrate without. The caller's chip_free.
int deploy_convnet(struct chip **c, const struct chip_params *p, uint64_t seed, const struct convnet *net,
                   const real *parameters, const real *x, int n, int group);

// What a state file ("": none) and chip.time_s ask of a chip just written: it becomes the chip that was saved, then time
// passes. A saved chip stays at its own time if chip.time_s is 0. The devices of a CSV, which has no corrections, are calibrated anew
// unless chip.correction=none. later_s: how far the caller will let time run from there; ERR_SETTING if the chip cannot.
int deploy_resume(struct chip *c, const char *state, double later_s);

// layers[0..blocks] of the chip.
void deploy_layers(struct synapse **layers, struct chip *c, const struct convnet *net);

// Matrix m of c becomes that of `from`, the same chip at an earlier time, as c's clock finds it: drifted, and calibrated
// when c was last calibrated if that was later. Of calibrations
// on a schedule the ledger counts those after since_s. What has not changed on `from` since c was made of it need not be aged again.
void deploy_age(struct chip *c, const struct chip *from, int m, double since_s, struct rng *r);

// The devices of a classifier on a chip, which chip_devices counts, and two more counts of the paper.
struct deploy_devices {
  long all, readout;   // readout: what the inner updates may write
  long with_offsets;   // all, and a weight for the offset of every channel, which the network does not have and the paper counts
};
struct deploy_devices deploy_devices(const struct chip *c, const struct convnet *net);
void deploy_devices_print(const struct deploy_devices *d, FILE *out);
// Fields devices_with_offsets and devices_readout.
void deploy_devices_put(struct json_t *o, const struct deploy_devices *d);

// How well matrix m is held at the chip's clock, without read noise: with w the weights meant and v those conducted,
// kept = <v, w>/<w, w> (drift), error = |v/kept - w|/|w| (what no common gain corrects).
struct deploy_quality {
  double kept, error;
};
struct deploy_quality deploy_quality(const struct chip *c, int m);

// {"clock_s", "matrices": [{"name", "rows", "columns", "devices", "scale", "kept", "error"}]}
struct json_t *deploy_quality_json(const struct chip *c);

#endif
