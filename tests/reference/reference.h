// reference.h - hold a file of independently computed vectors against this code, tensor by tensor.
#ifndef REFERENCE_REFERENCE_H
#define REFERENCE_REFERENCE_H

#include <stdio.h>

#include "arm/spikecode.h"
#include "learn/eprop.h"

struct tensorfile;

// Largest difference of two arrays relative to the largest magnitude of the second.
double reference_error(const double *found, const double *expected, long n);

// Few-shot learning: inputs, weights, and what must come out of them (tensors "expect.*"): losses,
// adapted read-outs, query logits, all meta-gradients. Sizes, ways, shots, steps and rate come from
// the file. Prints the error of each tensor to out (may be NULL) and keeps the largest in *worst.
int reference_maml(struct tensorfile *tf, FILE *out, double *worst);

// The same for one update of the arm (files in the form of eprop_small*.safetensors): spikes, traces, learning signals,
// updates, both passes, losses, gradients of all six matrices.
int reference_eprop(struct tensorfile *tf, FILE *out, double *worst);

// Q of one change (E4); u uniform in (0, 1) for the stochastic grids.
double reference_round(double change, const struct eprop_params *p, double u);

// The clock and, on the neurons after it, given inputs of 0 and 1, bits (T, n).
void reference_bits(struct events *e, const uint8_t *bits, int n, const struct spikecode_params *p);

#endif
