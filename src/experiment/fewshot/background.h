// background.h - images of training classes, which calibrate a chip or give statistics of the normalisation, and the
// chips of an evaluation.
#ifndef EXPERIMENT_FEWSHOT_BACKGROUND_H
#define EXPERIMENT_FEWSHOT_BACKGROUND_H

#include <stdint.h>

#include "base/real.h"

struct convnet;
struct convnet_fixed;
struct convnet_work;
struct dataset;
struct fewshot;
struct rng;
struct synapse;

// n random images, undistorted, then n_classes classes of `each` images: (n + n_classes each, S, S, 16), to be
// freed by the caller.
real *background_images(const struct dataset *data, int n, int n_classes, int each, struct rng *r);

// Statistics of eval.statistics_images of them, for eval.batchnorm=chip, as these layers compute them.
void background_measure(struct convnet_fixed *fixed, const struct fewshot *f, const struct dataset *data,
                        const struct convnet *net, struct convnet_work *w, struct synapse *const *layers);

// ERR_SETTING if no training class is left: other images have other statistics.
int background_check(const struct dataset *data);

// The first chip has the seed of the run.
uint64_t background_chip_seed(const struct fewshot *f, int number);

#endif
