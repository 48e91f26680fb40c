// nir.h - the trainee or the learning signal generator (LSG) of the arm as a graph of NIR, to be computed in steps of
// dt = 1 ms with inputs that are constant within a step. Equations S1 to S3 (docs/equations.md) are, exactly:
//   membrane, outputs   LI with tau and r = 1/(1 - gamma), whose solution over a step is v' = gamma v + input
//   spikes              Threshold v_th; its spikes of the step before come out of a Delay of dt
//   reset               a weight of -v_th of each neuron to itself, of these spikes
//   refractory time     the spikes of the last refractory_ms - 1 steps times a weight that no membrane can overcome
// An adaptive threshold cannot be described: the reset is a product of a spike and the threshold. The approximation is
// the neuron LIF of NIR: reset to 0, neither refractory nor adaptive.
#ifndef EXPERIMENT_ARM_NIR_H
#define EXPERIMENT_ARM_NIR_H

#include "experiment/arm/reach.h"

struct experiment_form;

int nir_export(const struct reach *f, const struct reach_model *m, const struct experiment_form *form);

// T steps of the approximation from rest: output (T, ld_out). Returns the number of spikes.
long nir_approximate(real *output, const struct spiking *net, const real *w, const real *w_out,
                     const struct events *input, int T);

#endif
