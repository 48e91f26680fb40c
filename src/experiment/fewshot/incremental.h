// incremental.h - classes that keep coming (eval.method=incremental): each class in turn is learned from its support
// images, none of which is kept. It adds one column to the read-out (docs/equations.md (A4), (A5)),
//   w_k = s (m_k - m0),  b_k = -s |m_k|^2/2        m0 the mean feature of background images
// and no other column changes. All images are normalised by statistics of background images. The queries of all classes
// so far are classified after each stage, on a chip after the new columns have been corrected by background images; and
// those of all classes again at later times, when the chip has been calibrated and the statistics measured anew.
//
// With base classes (eval.base_shots) all training classes come first, and are queried with test images, as in few-shot
// class-incremental learning (Tao et al., CVPR 2020). A model with a read-out of its own is taken by its features.
#ifndef EXPERIMENT_FEWSHOT_INCREMENTAL_H
#define EXPERIMENT_FEWSHOT_INCREMENTAL_H

#include <stdio.h>

struct dataset;
struct fewshot;
struct fewshot_model;
struct fewshot_result;
struct json_t;
struct par;

enum { INCREMENTAL_MAX_STAGES = 64 };

// Into r: accuracy[0] is that over all classes, after the last stage. par NULL: only check.
int incremental_eval(struct fewshot_result *r, const struct fewshot *f, const struct fewshot_model *model,
                     const struct dataset *data, struct par *par);
void incremental_print(const struct fewshot_result *r, const struct fewshot *f, FILE *out);
void incremental_put(struct json_t *o, const struct fewshot_result *r, const struct fewshot *f);

#endif
