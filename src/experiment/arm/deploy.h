// deploy.h - the trainee of a model on something else than real numbers: W_in with W_rec below it is the one matrix of
// a chip (255 x 250 of one core of 256 x 256 cells) or a quantised array, and all its products in both passes are that
// array's, with spikes as inputs. W_out, the learning signal generator and the rest stay in software.
//
// A chip is programmed once, calibrated (input and output ranges, columns) on the spikes of software passes over
// movements of the training stream, and set to chip.time_s. Every movement begins with that state, is learned by
// rewriting the weights that change, and is performed after eval.later_s. Passes take no time.
#ifndef EXPERIMENT_ARM_DEPLOY_H
#define EXPERIMENT_ARM_DEPLOY_H

#include "experiment/arm/result.h"
#include "run/fleet.h"

struct par;

// The plan of a chip for m, nothing programmed. ERR_SETTING if it does not fit.
int reach_chip_plan(struct chip **c, const struct reach *f, const struct reach_model *m, uint64_t seed);

// One chip programmed and calibrated, at time 0. Number 0 has the seed of the run, the others random numbers of their
// own. The caller's chip_free. par: for the software passes; NULL: on this thread.
int reach_chip_deploy(struct chip **chip, int number, const struct reach *f, const struct reach_model *m,
                      struct par *par);

// eval.chips such chips one after the other (or the one of synapse.state) for so many workers: fleet_begin before a
// movement. f and m must outlive it.
struct reach_chip;
int reach_chip_new(struct reach_chip **c, const struct reach *f, const struct reach_model *m, int workers,
                   struct par *par);
void reach_chip_free(struct reach_chip *c);
struct fleet *reach_chip_fleet(struct reach_chip *c);
// What a worker's movements are learned on: its copy of the chip in use. Valid as long as c.
const struct reach_device *reach_chip_device(const struct reach_chip *c);
// What the chips are and did: the fields of a result that are 0 in software.
void reach_chip_report(struct reach_result *r, const struct reach_chip *c);

// Quantised arrays of synapse.bits for so many workers, whose range is the largest weight of W_in and W_rec; they are
// written anew for each movement. f and m must outlive them.
const struct reach_device *reach_quantised_new(const struct reach *f, const struct reach_model *m, int workers);
void reach_quantised_free(const struct reach_device *d);

#endif
