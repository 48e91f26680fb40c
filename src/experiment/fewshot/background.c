#include "experiment/fewshot/background.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/rng.h"
#include "data/render.h"
#include "experiment/fewshot/deploy.h"
#include "experiment/fewshot/fewshot.h"

enum { CALIBRATION_GROUPS = 8 };

real *background_images(const struct dataset *data, int n, int n_classes, int each, struct rng *r) {
  const struct imageset_classes *from;
  const struct imageset *set = dataset_background(data, &from);
  const size_t image = (size_t)(set->S*set->S) * VECTOR_PADDING;
  real *x = err_aligned((size_t)(n + n_classes*each) * image, sizeof *x);
  for (int i = 0, class = 0; i < n + n_classes*each; i++) {
    if (i < n || (i - n) % each == 0) class = from->id[(int)(rng_uniform(r) * from->n)];
    const struct view v = render_plain(set->first[class] + (int)(rng_uniform(r) * imageset_training(set, class)));
    render_view(set, x + (size_t)i * image, VECTOR_PADDING, &v);
  }
  return x;
}

void background_measure(struct convnet_fixed *fixed, const struct fewshot *f, const struct dataset *data,
                        const struct convnet *net, struct convnet_work *w, struct synapse *const *layers) {
  const int n = (int)f->eval.statistics_images;
  struct rng r = rng_stream((uint64_t)f->run.seed, RNG_EVALUATE, UINT32_MAX);
  real *x = background_images(data, n, 0, 1, &r);
  convnet_measure(net, w, layers, fixed, x, n, &r);
  free(x);
}

int background_check(const struct dataset *data) {
  if (data->split[DATASET_TRAINING].n > 0) return 0;
  return err_set(ERR_SETTING, "eval.batchnorm=chip: measures statistics of training classes, and none are left "
                              "(data.evaluation, data.validation, data.split)");
}

int fewshot_deploy(struct chip **c, const struct fewshot *f, const struct fewshot_model *m, const struct dataset *data,
                   int shots, uint64_t seed) {
  const int group = m->net.ways * shots, n = CALIBRATION_GROUPS * group;
  struct rng r = rng_stream((uint64_t)f->run.seed, RNG_EVALUATE, UINT32_MAX - 1);
  const int classes = deploy_begins_small(&m->net, m->parameters) ? m->net.ways : 0;
  real *x = background_images(data, n, classes, shots, &r);
  const int rc = deploy_convnet(c, &f->chip, seed, &m->net, m->parameters, x, n + classes*shots, group);
  free(x);
  return rc;
}

uint64_t background_chip_seed(const struct fewshot *f, int number) {
  struct rng r = rng_stream((uint64_t)f->run.seed, RNG_PROGRAM, (uint32_t)number);
  const uint64_t high = rng_u32(&r), low = rng_u32(&r);
  return number > 0 ? high << 32 | low : (uint64_t)f->run.seed;
}
