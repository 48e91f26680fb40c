// average.h - the mean of the weights of several models of one shape ("model soup", Wortsman et al., ICML 2022). Models
// that were trained further from one start often have a mean that is better than each of them; the spiking networks of
// the arm have not.
#ifndef LAB_AVERAGE_H
#define LAB_AVERAGE_H

// Write to `out` the mean of n >= 2 model files, tensor by tensor, with the texts of the first. A note names the
// settings of others that differ, but for those of training (train.*, run.*). ERR_SETTING if the models are of
// different experiments, ERR_FORMAT if their tensors are not of the same names and shapes, or are whole numbers.
int average_models(const char *out, const char *const *path, int n);

#endif
