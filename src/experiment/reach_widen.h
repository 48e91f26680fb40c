// reach_widen.h - a wider model that does what a narrow one does, to go on training from. An LSG that is told the velocity too
// (code.velocity) begins with zero weights from it. In a wider trainee every neuron becomes k neurons
// (after Net2WiderNet: Chen, Goodfellow and Shlens, ICLR 2016). All k get the input weights and the learning signal of the one;
// what they send, W_rec and W_out, is divided by k, and so are update.rate, .step and .threshold, because k spikes come where one
// came; update.input_rate is multiplied by k, because the clock has not grown. Not as before are then the changes between the copies of a
// neuron, where the narrow net has its diagonal; meta-training makes up for them.
//
// The k would spike together and be no better than one. So each weight of W_in, W_rec and the LSG's W_out is off by a
// relative N(0, spread^2): they part, and the noise of their spikes averages out.
#ifndef EXPERIMENT_REACH_WIDEN_H
#define EXPERIMENT_REACH_WIDEN_H

#include "experiment/reach.h"

#define REACH_WIDEN_SPREAD 0.2

// f: the settings of narrow but for trainee.neurons, a multiple of what narrow has (no adaptive neurons), and code.velocity; f->update is
// changed as said above. told: the code of narrow, whose velocity, if there is one, must stay as it is. Neuron i of narrow becomes i, n + i, 2n + i ... of wide, n the neurons of narrow. Random numbers are those of run.seed.
// wide is released by the caller.
int reach_widen(struct reach_model *wide, struct reach *f, const struct reach_model *narrow, const struct spikecode_params *told, double spread);

#endif
