// resize.h - a model with another number of trainee neurons, to continue training from. An LSG that gets the
// velocity as a new input (code.velocity) begins with zero weights from it.
//
// Wider, it performs nearly as before: every neuron becomes k neurons (after Net2WiderNet: Chen, Goodfellow and Shlens,
// ICLR 2016). All k get the input weights and the learning signal of the one; their outgoing weights, W_rec and W_out,
// are divided by k, and so are update.rate, .step and .threshold, since k spikes come where one came; update.input_rate
// is multiplied by k, because the clock has not grown. Only the changes between the copies of a neuron differ
// then, where the narrow net has its diagonal; meta-training compensates for them. The k would spike together and be no
// better than one. So each weight of W_in, W_rec and the LSG's W_out gets a relative error N(0, spread^2): they differ,
// and the noise of their spikes averages out.
//
// Narrower, the first neurons are kept, and k, below 1, is their share: their outgoing weights grow, to replace the
// others. It performs worse until it is trained.
#ifndef EXPERIMENT_ARM_RESIZE_H
#define EXPERIMENT_ARM_RESIZE_H

#include "experiment/arm/reach.h"

#define REACH_RESIZE_SPREAD 0.2

// f: the settings of model but for trainee.neurons, fewer than model has or a multiple of them (no adaptive neurons; as
// many if code.velocity is new), and code.velocity; f->update is changed as above. old_code: the code of model, whose
// velocity, if there is one, must stay as it is. Wider, neuron i of model, which has n, becomes i, n + i, 2n + i ...
// Random numbers are those of run.seed. resized is released by the caller.
int reach_resize(struct reach_model *resized, struct reach *f, const struct reach_model *model,
                 const struct spikecode_params *old_code, double spread);

// The model of a file resized as the assignments say, trainee.neurons, code.velocity and run.seed; half as in
// reach_model_save.
int reach_resize_file(const char *path, const struct run_sources *from, const char *out, bool half);

#endif
