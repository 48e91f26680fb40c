#include "experiment/fewshot/views.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/err.h"
#include "experiment/fewshot/fewshot.h"

int views_init(struct views *v, const struct fewshot *f, int64_t n, const char *setting) {
  assert(n >= 1);
  *v = (struct views){ .n = (int)n, .spec = dataset_spec(&f->data, DATASET_TRAINING, 2, 1, 1),
                       .seed = (uint64_t)f->run.seed };
  if (n == 1) return 0;
  if (f->data.preprocessing == IMAGESET_PUBLISHED)
    return err_set(ERR_SETTING, "%s=%d: data.preprocessing=published distorts no images", setting, v->n);
  if (!episode_varies(&v->spec))
    return err_set(ERR_SETTING, "%s=%d: all views are the same: data.distort_*, data.flip and data.crop_px say that "
                                "images stay as they are", setting, v->n);
  return 0;
}

void views_render(const struct views *v, const struct imageset *set, const struct view *of, int k, real *out) {
  struct view view = *of;
  if (k > 0) {
    const uint64_t pixels = checksum_bytes(CHECKSUM_START, imageset_image(set, of->image), imageset_kept(set));
    const uint64_t name = checksum_bytes(pixels, &(unsigned char){ (unsigned char)k }, 1);
    struct rng r = rng_stream(v->seed, RNG_IMAGE_VIEW, (uint32_t)(name ^ name >> 32));
    view = episode_vary(of, &v->spec, &r);
  }
  render_view(set, out, VECTOR_PADDING, &view);
}

void views_mean(const struct convnet *net, struct convnet_work *w, const struct views_images *images, int n_views,
                void (*pass)(const void *context), const void *context) {
  const int n = w->n[0] + w->n[1];
  const size_t image = convnet_pixels(net, 0) * VECTOR_PADDING, values = (size_t)(n * convnet_features(net));
  real *sum = n_views > 1 ? err_calloc(values, sizeof *sum) : NULL;
  for (int k = 0; k < n_views; k++) {
    for (int i = 0; i < n; i++) images->render(images->context, i, k, w->y[0] + (size_t)i * image);
    pass(context);
    for (size_t j = 0; sum && j < values; j++) sum[j] += w->h[j];
  }
  for (size_t j = 0; sum && j < values; j++) w->h[j] = sum[j] / (real)n_views;
  free(sum);
}

struct forward {
  const struct convnet *net;
  struct convnet_work *w;
  struct synapse *const *layers;
  const struct convnet_fixed *fixed;
  struct rng *r;
};

static void run_forward(const void *context) {
  const struct forward *f = context;
  convnet_forward(f->net, f->w, f->layers, 0, CONVNET_FIXED, f->fixed, f->r);
}

void views_forward(const struct convnet *net, struct convnet_work *w, struct synapse *const *layers,
                   const struct convnet_fixed *fixed, const struct views_images *images, int n, int n_views,
                   struct rng *r) {
  const struct forward f = { net, w, layers, fixed, r };
  w->n[0] = n;
  w->n[1] = 0;
  views_mean(net, w, images, n_views, run_forward, &f);
}
