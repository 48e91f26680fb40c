// onnx.h - a classifier as ONNX: the features of an image, normalised by fixed statistics, and the logits of the
// read-out as the model file holds it. A read-out that starts from class means has no weights there: features alone.
#ifndef EXPERIMENT_FEWSHOT_ONNX_H
#define EXPERIMENT_FEWSHOT_ONNX_H

#include "experiment/fewshot/fewshot.h"

// The weights as synapse.kind=exact or quantised holds them, and the statistics of eval.batchnorm=chip: of
// eval.statistics_images background images. ERR_SETTING with a chip, whose products ONNX has no operator for.
int onnx_export(const struct fewshot *f, const struct fewshot_model *m, const char *path);
// The same with given statistics.
int onnx_write(const struct fewshot *f, const struct fewshot_model *m, const struct convnet_fixed *fixed,
               const char *path);

#endif
