// edge.h - a classifier as an array of 32-bit words for the core of microcontrollers (edge/metaxbar_adapt.c, which
// describes the words): 8-bit weights, the normalisation with fixed statistics folded into a gain and an offset of each
// channel, and the constants of the read-out, each as a float and as a fixed-point factor.
#ifndef EXPERIMENT_FEWSHOT_EDGE_H
#define EXPERIMENT_FEWSHOT_EDGE_H

#include <stdint.h>

#include "experiment/fewshot/fewshot.h"

struct edge_model {
  uint32_t *word;  // (n)
  int n, n_updates;
};

// The statistics are those of eval.batchnorm=chip: of eval.statistics_images background images of data. ERR_SETTING
// where the core has no such network.
int edge_model_new(struct edge_model *e, const struct fewshot *f, const struct fewshot_model *m,
                   const struct dataset *data);
void edge_model_free(struct edge_model *e);

// NAME.c and NAME.h in the folder, NAME being that of the model's file.
int edge_export(const struct fewshot *f, const struct fewshot_model *m, const char *folder);

#endif
