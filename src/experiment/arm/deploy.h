// reach_chip.h - the trainee of a model on simulated chips: W_in with W_rec below it is the one matrix of a chip
// (255 x 250 of one core of 256 x 256 cells), and all its products in both passes are the chip's, with spikes as
// inputs. W_out, the learning signal generator and the rest stay in software.
//
// A chip is programmed once, calibrated (input and output ranges, columns) on the spikes of software passes over
// movements of the training stream, and set to chip.time_s. Every movement begins with that state, is learned by
// rewriting the weights that change, and is performed after eval.later_s. Passes take no time.
#ifndef EXPERIMENT_ARM_DEPLOY_H
#define EXPERIMENT_ARM_DEPLOY_H

#include "experiment/arm/result.h"

struct reach_chip;

// The plan of a chip for m, nothing programmed. ERR_SETTING if it does not fit.
int reach_chip_plan(struct chip **c, const struct reach *f, const struct reach_model *m, uint64_t seed);

// n chips, each programmed with random numbers of its own (chip 0 has the seed of the run) and calibrated, at time 0. The
// caller's chip_free; on failure all are NULL. workers: threads of the software passes.
int reach_chip_deploy(struct chip **chips, int n, const struct reach *f, const struct reach_model *m, int workers);

// eval.chips chips (or the one of synapse.state) at chip.time_s, each programmed with random numbers of its own, and a copy of each for `workers` threads.
int reach_chip_new(struct reach_chip **c, const struct reach *f, const struct reach_model *m, int workers);
void reach_chip_free(struct reach_chip *c);

// Movement k is chip k mod eval.chips's. Valid as long as c.
const struct reach_device *reach_chip_device(const struct reach_chip *c);

// How well the first chip held the weights when it was calibrated (experiment/fewshot/deploy.h), what writing it took, and
// what all movements so far took on all chips.
void reach_chip_report(struct reach_result *r, const struct reach_chip *c);

#endif
