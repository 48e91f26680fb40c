#include "model/convnet.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "kernel/maxpool.h"
#include "kernel/norm.h"

const char *const convnet_rule_names[] = { "task", "support", "chip", NULL };

const struct param convnet_param_table[] = {
  PARAM_I64(struct convnet_params, channels, 56, 1, 1024, "feature maps of every block"),
  PARAM_I64(struct convnet_params, blocks, 4, 1, CONVNET_MAX_BLOCKS,
            "blocks of convolution, rectification, normalisation"),
  PARAM_I64(struct convnet_params, ways, 5, 2, 256, "classes of a task"),
  PARAM_I64(struct convnet_params, steps, 4, 1, CONVNET_MAX_STEPS,
            "inner updates that have a learning rate of their own"),
  PARAM_F64(struct convnet_params, epsilon, 1e-3, 1e-8, 1, "added to the variance in the normalisation"),
  { 0 },
};

enum { KERNEL = 3, STRIDE = 2, PAD = 1 };

int convnet_init(struct convnet *net, const struct convnet_params *p, int size) {
  *net = (struct convnet){ .ways = (int)p->ways, .channels = (int)p->channels, .blocks = (int)p->blocks,
                           .steps = (int)p->steps, .epsilon = (real)p->epsilon };
  net->side[0] = size;
  for (int l = 0; l < net->blocks; l++) {
    if (net->side[l] < 2)
      return err_set(ERR_SETTING, "net.blocks=%d: images of %d pixels are used up after %d blocks", net->blocks, size,
                     l);
    net->side[l + 1] = convnet_shape(net, l, 1).OH;
  }
  for (int l = 0; l <= net->blocks; l++) {
    net->offset[l] = net->n;
    net->n += (size_t)convnet_rows(net, l) * (size_t)vector_padded(convnet_columns(net, l));
  }
  net->rates = net->n;
  net->n += (size_t)vector_padded(net->steps);
  return 0;
}

int convnet_rows(const struct convnet *net, int l) {
  return l == net->blocks ? net->channels : KERNEL*KERNEL * (l ? net->channels : 1);
}

int convnet_columns(const struct convnet *net, int l) { return l == net->blocks ? net->ways : net->channels; }

long convnet_weights(const struct convnet *net) {
  long n = 0;
  for (int l = 0; l <= net->blocks; l++) n += (long)convnet_rows(net, l) * convnet_columns(net, l);
  return n;
}

struct conv convnet_shape(const struct convnet *net, int l, int B) {
  if (l == net->blocks) return conv_shape(B, 1, 1, net->channels, net->ways, 1, 1, 0);
  return conv_shape(B, net->side[l], net->side[l], l ? net->channels : 1, net->channels, KERNEL, STRIDE, PAD);
}

void convnet_start(const struct convnet *net, real *parameters, double rate, struct rng *r) {
  memset(parameters, 0, net->n * sizeof *parameters);
  for (int l = 0; l <= net->blocks; l++) {
    const int I = convnet_rows(net, l), O = convnet_columns(net, l), taps = l == net->blocks ? 1 : KERNEL*KERNEL;
    const double limit = sqrt(6.0 / (I + O*taps));  // Glorot and Bengio, AISTATS 2010: fan-in + fan-out
    for (int i = 0; i < I; i++)
      for (int o = 0; o < O; o++)
        parameters[net->offset[l] + (size_t)(i*vector_padded(O) + o)] = (real)(limit * (2*rng_uniform(r) - 1));
  }
  for (int s = 0; s < net->steps; s++) parameters[net->rates + (size_t)s] = (real)rate;
}

static size_t pixels(const struct convnet *net, int l) { return (size_t)net->side[l] * (size_t)net->side[l]; }

double convnet_work_bytes(const struct convnet *net, int B) {
  const double CP = vector_padded(net->channels), images = B;
  double total = images*(double)pixels(net, 0)*VECTOR_PADDING + 2*images*(double)pixels(net, 1)*CP;
  for (int l = 1; l <= net->blocks; l++) total += 2*images*(double)pixels(net, l)*CP;
  return (total + 64*CP*CONVNET_MAX_LAYERS + 3*images*CP)*sizeof(real) + 128*64;
}

void convnet_work_init(struct convnet_work *w, const struct convnet *net, int B) {
  *w = (struct convnet_work){ .B = B };
  const size_t CP = (size_t)vector_padded(net->channels), images = (size_t)B;
  size_t total = images * pixels(net, 0) * VECTOR_PADDING, largest = 0;
  for (int l = 1; l <= net->blocks; l++) total += 2 * images * pixels(net, l) * CP;
  largest = images * pixels(net, 1) * CP;
  const size_t small = 64 * CP * CONVNET_MAX_LAYERS;
  arena_init(&w->arena, (total + 2*largest + small + 3 * images * CP) * sizeof(real) + 128 * 64);
  w->y[0] = ARENA_NEW(&w->arena, images * pixels(net, 0) * VECTOR_PADDING, real);
  memset(w->y[0], 0, images * pixels(net, 0) * VECTOR_PADDING * sizeof(real));
  for (int l = 1; l <= net->blocks; l++) {
    w->a[l] = ARENA_NEW(&w->arena, images * pixels(net, l) * CP, real);
    w->y[l] = ARENA_NEW(&w->arena, images * pixels(net, l) * CP, real);
    for (int k = 0; k < 2; k++) {
      w->mean[l][k] = ARENA_NEW(&w->arena, CP, real);
      w->r[l][k] = ARENA_NEW(&w->arena, CP, real);
    }
  }
  for (int k = 0; k < 2; k++) w->g[k] = ARENA_NEW(&w->arena, largest, real);
  w->h = ARENA_NEW(&w->arena, images * CP, real);
  w->dh = ARENA_NEW(&w->arena, images * CP, real);
  w->from = ARENA_NEW(&w->arena, images * CP, int32_t);
  w->sums = ARENA_NEW(&w->arena, 5 * CP, real);
}

void convnet_work_release(struct convnet_work *w) { arena_release(&w->arena); }

void convnet_fixed_init(struct convnet_fixed *f, const struct convnet *net) {
  const size_t CP = (size_t)vector_padded(net->channels);
  arena_init(&f->arena, 2 * CONVNET_MAX_LAYERS * (CP * sizeof(real) + 128));
  for (int l = 1; l <= net->blocks; l++) {
    f->mean[l] = ARENA_NEW(&f->arena, CP, real);
    f->r[l] = ARENA_NEW(&f->arena, CP, real);
  }
}

void convnet_fixed_release(struct convnet_fixed *f) { arena_release(&f->arena); }

// Block l of images [b, b + n), up to the rectification; statistics and normalisation follow.
static void block_product(const struct convnet *net, struct convnet_work *w, struct synapse *layer, int l, int b, int n,
                          struct rng *r) {
  const struct conv shape = convnet_shape(net, l - 1, n);
  const size_t in = pixels(net, l - 1) * (size_t)vector_padded(shape.C),
               out = pixels(net, l) * (size_t)vector_padded(shape.O);
  layer->ops->product(layer, w->a[l] + (size_t)b*out, w->y[l - 1] + (size_t)b*in, &shape, r);
}

void convnet_forward(const struct convnet *net, struct convnet_work *w, struct synapse *const *layers, int group,
                     enum convnet_rule rule, const struct convnet_fixed *fixed, struct rng *r) {
  const int CP = vector_padded(net->channels), b = group ? w->n[0] : 0, n = w->n[group];
  assert(b + n <= w->B);
  for (int l = 1; l <= net->blocks; l++) {
    const int m = n * (int)pixels(net, l);
    real *a = w->a[l] + (size_t)b * pixels(net, l) * (size_t)CP, *y = w->y[l] + (size_t)b * pixels(net, l) * (size_t)CP;
    const real *mean = w->mean[l][group], *inverse = w->r[l][group];
    block_product(net, w, layers[l - 1], l, b, n, r);
    if (rule == CONVNET_TASK || (rule == CONVNET_SUPPORT && group == 0)) {
      norm_statistics(w->mean[l][group], w->r[l][group], a, m, CP, net->epsilon);
    } else {
      norm_rectify(a, m, CP);
      mean = rule == CONVNET_FIXED ? fixed->mean[l] : w->mean[l][0];
      inverse = rule == CONVNET_FIXED ? fixed->r[l] : w->r[l][0];
    }
    norm_forward(y, a, mean, inverse, m, CP);
  }
  const size_t last = pixels(net, net->blocks) * (size_t)CP;
  maxpool_forward(w->h + b*CP, w->from + b*CP, w->y[net->blocks] + (size_t)b*last, n,
                  (int)pixels(net, net->blocks), CP);
}

void convnet_measure(const struct convnet *net, struct convnet_work *w, struct synapse *const *layers,
                     struct convnet_fixed *fixed, const real *x, int n, struct rng *r) {
  const int CP = vector_padded(net->channels);
  const size_t image = pixels(net, 0) * VECTOR_PADDING;
  for (int top = 1; top <= net->blocks; top++) {  // the statistics below `top` are known
    real *mean = fixed->mean[top], *inverse = fixed->r[top], *sum = w->sums, *square = w->sums + CP;
    memset(sum, 0, 2 * (size_t)CP * sizeof *sum);
    for (int done = 0; done < n; done += w->B) {
      const int count = n - done < w->B ? n - done : w->B;
      memcpy(w->y[0], x + (size_t)done*image, (size_t)count * image * sizeof *x);
      for (int l = 1; l <= top; l++) {
        const int m = count * (int)pixels(net, l);
        block_product(net, w, layers[l - 1], l, 0, count, r);
        norm_rectify(w->a[l], m, CP);
        if (l < top) norm_forward(w->y[l], w->a[l], fixed->mean[l], fixed->r[l], m, CP);
        else norm_sums(sum, square, w->a[l], w->a[l], m, CP);
      }
    }
    const real over = (real)1 / (real)((double)n * (double)pixels(net, top));
    for (int c = 0; c < CP; c++) {
      mean[c] = sum[c] * over;
      const double variance = fmax((double)(square[c]*over - mean[c]*mean[c]), 0);
      inverse[c] = (real)(1 / sqrt(variance + (double)net->epsilon));
    }
  }
}

// Through the normalisation of block l: w->g[1] = gradient before the rectification, from w->g[0].
static void normalisation_backward(const struct convnet *net, struct convnet_work *w, int l, enum convnet_rule rule) {
  const int CP = vector_padded(net->channels), side2 = (int)pixels(net, l), m0 = w->n[0]*side2, m1 = w->n[1]*side2;
  const size_t at = (size_t)m0 * (size_t)CP;
  real *s1 = w->sums, *s2 = s1 + CP, *t1 = s2 + CP, *t2 = t1 + CP;
  memset(w->sums, 0, 4 * (size_t)CP * sizeof *w->sums);
  norm_sums(s1, s2, w->g[0], w->y[l], m0, CP);
  if (rule == CONVNET_SUPPORT) {  // the support's statistics carry the queries' gradient too
    norm_sums(s1, s2, w->g[0] + at, w->y[l] + at, m1, CP);
  } else {
    norm_sums(t1, t2, w->g[0] + at, w->y[l] + at, m1, CP);
  }
  norm_backward(w->g[1], w->g[0], w->y[l], w->a[l], w->r[l][0], s1, s2, m0, m0, CP);
  norm_backward(w->g[1] + at, w->g[0] + at, w->y[l] + at, w->a[l] + at, w->r[l][rule == CONVNET_SUPPORT ? 0 : 1],
                t1, t2, m1 ? m1 : 1, m1, CP);
}

void convnet_backward(const struct convnet *net, struct convnet_work *w, const real *parameters, real *gradient,
                      enum convnet_rule rule) {
  assert(rule != CONVNET_FIXED);
  const int CP = vector_padded(net->channels), B = w->n[0] + w->n[1];
  maxpool_backward(w->g[0], w->dh, w->from, B, (int)pixels(net, net->blocks), CP);
  for (int l = net->blocks; l > 0; l--) {
    const struct conv shape = convnet_shape(net, l - 1, B);
    normalisation_backward(net, w, l, rule);
    conv_backward_weights(gradient + net->offset[l - 1], w->y[l - 1], w->g[1], &shape);
    if (l == 1) break;
    conv_backward_data(w->g[0], w->g[1], parameters + net->offset[l - 1], &shape);
  }
}
