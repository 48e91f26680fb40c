// background.h - images of training classes, which calibrate a chip or give statistics of the normalisation, and the
// chips of an evaluation.
#ifndef EXPERIMENT_FEWSHOT_BACKGROUND_H
#define EXPERIMENT_FEWSHOT_BACKGROUND_H

#include <stdint.h>

#include "base/real.h"

struct dataset;
struct fewshot;
struct rng;

// n random images, undistorted, then n_classes classes of `each` images: (n + n_classes each, S, S, 16), to be
// freed by the caller.
real *background_images(const struct dataset *data, int n, int n_classes, int each, struct rng *r);

// ERR_SETTING if no training class is left: other images have other statistics.
int background_check(const struct dataset *data);

// The first chip has the seed of the run.
uint64_t background_chip_seed(const struct fewshot *f, int number);

#endif
