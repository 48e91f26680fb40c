// onnx.h - a classifier as ONNX: the features of an image, normalised by fixed statistics, and the logits of the
// read-out as the model file holds it. A read-out that starts from class means has no weights there: features alone.
// Of classes that it was taught (taught.h): also their probabilities, and the distance from the nearest class mean.
#ifndef EXPERIMENT_FEWSHOT_ONNX_H
#define EXPERIMENT_FEWSHOT_ONNX_H

#include "experiment/fewshot/fewshot.h"

// The weights as synapse.kind=exact or quantised holds them, and the statistics of eval.batchnorm=chip: of
// eval.statistics_images background images. ERR_SETTING with a chip, whose products ONNX has no operator for.
int onnx_export(const struct fewshot *f, const struct fewshot_model *m, const char *path);
// What the model was taught, of the file `state`, whose settings f then has. ERR_SETTING for classes on a chip, and for
// features that are a mean over views.
int onnx_export_taught(struct fewshot *f, const struct fewshot_model *m, const char *state,
                       const struct run_sources *from, const char *path);
// The model with given statistics; taught: the classes of its read-out, or NULL.
int onnx_write(const struct fewshot *f, const struct fewshot_model *m, const struct convnet_fixed *fixed,
               const struct taught *taught, const char *path);

#endif
