// inloop.h - chip in the loop: the chip on which a few-shot task of meta-training is learned, one per worker.
//
//   w in devices:       v = P(w; errors, faults, drift at a random time),  chip_effective
//   column corrected:   v~_o = v_o <w_o,w_o>/<v_o,w_o>                  what the calibration does to white inputs
//   gradient:           d loss/dw := d loss/dv~                         straight through, as for rounding
//
// The forward pass runs on v~ in exact arithmetic with the read-out alone on the chip (INLOOP_WEIGHTS), or entirely on
// the chip with its converters and read noise (INLOOP_CHIP). The read-out adapts on the chip either way.
// Everything follows from chip.* and from the seed of each chip, never from the thread.
#ifndef EXPERIMENT_FEWSHOT_INLOOP_H
#define EXPERIMENT_FEWSHOT_INLOOP_H

#include <stdint.h>

#include "chip/chip.h"
#include "learn/maml.h"

enum inloop_kind { INLOOP_NONE, INLOOP_WEIGHTS, INLOOP_CHIP };

struct inloop {
  enum inloop_kind kind;
  struct chip *chip, *task;  // as written and calibrated; its copy that a task may change
};

// Puts the chip's matrices in place of w->layers, which must be released before it. ERR_SETTING as chip_build.
int inloop_init(struct inloop *c, enum inloop_kind kind, struct maml_worker *w, const struct convnet *net,
                const struct chip_params *p);
void inloop_release(struct inloop *c);

// A new chip (errors, faults, converters of `seed`) with these parameters, log-uniformly between t0 and time_max_s old
// (0: just written), calibrated on the support images in w->work.y[0].
void inloop_write(struct inloop *c, struct maml_worker *w, const struct convnet *net, const real *parameters,
                  uint64_t seed, double time_max_s);

// Before each task: the chip as inloop_write left it.
void inloop_begin(struct inloop *c);

// parameters = the weights to be written to the chip: clipped at chip.weight_clip.
void inloop_clip(struct inloop *c, const struct convnet *net, real *parameters);

#endif
