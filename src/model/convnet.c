#include "model/convnet.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "kernel/maxpool.h"
#include "kernel/norm.h"

const char *const convnet_rule_names[] = { "task", "support", "chip", NULL };
static const char *const halvings[] = { "stride", "maximum", NULL };
static const char *const activations[] = { "relu", "none", NULL };
static const char *const starts[] = { "learned", "prototype", NULL };
static const char *const biases[] = { "none", "digital", "row", NULL };

const char *const convnet_adapt_names[] = { "readout", "dense", "all", NULL };

const struct param convnet_param_table[] = {
  PARAM_I64(struct convnet_params, channels, 56, 1, 1024, "feature maps of every block"),
  PARAM_I64(struct convnet_params, blocks, 4, 1, CONVNET_MAX_BLOCKS,
            "blocks of convolution, rectification, normalisation"),
  PARAM_CHOICE(struct convnet_params, halving, 0, halvings,
               "how a block halves the image: by stride 2, or by the maximum of 2 x 2 pixels", .later = true),
  PARAM_I64(struct convnet_params, hidden, 0, 0, 1024, "neurons of a dense layer before the read-out; 0: none",
            .later = true),
  PARAM_CHOICE(struct convnet_params, activation, 0, activations, "activation of the dense layer",
               .later = true),
  PARAM_CHOICE(struct convnet_params, bias, 0, biases,
               "bias of the read-out: none, kept digitally, or one more row of the array; a dense layer always has a "
               "bias, kept digitally unless this is row",
               .later = true),
  PARAM_CHOICE(struct convnet_params, start, 0, starts,
               "weights of the read-out at the start of a task: learned, or the class means of the support images less "
               "their mean, times a learned scale, for any number of classes (prototype)",
               .later = true),
  PARAM_BOOL(struct convnet_params, mean_offset, 0,
             "with net.start=prototype, begin the bias of a class at minus half its squared mean, times the scale, so "
             "that without updates the nearest class mean decides; needs net.bias=digital", .later = true),
  PARAM_I64(struct convnet_params, ways, 5, 2, 1024, "classes of a task"),
  PARAM_I64(struct convnet_params, steps, 4, 0, CONVNET_MAX_STEPS,
            "inner updates that have a learning rate of their own"),
  PARAM_F64(struct convnet_params, epsilon, 1e-3, 1e-8, 1, "added to the variance in the normalisation"),
  { 0 },
};

enum { KERNEL = 3, PAD = 1 };

static int check_start(const struct convnet *net) {
  if (net->mean_offset && (net->start != CONVNET_PROTOTYPE || net->bias != CONVNET_BIAS_DIGITAL))
    return err_set(ERR_SETTING, "net.mean_offset=yes: needs net.start=prototype and net.bias=digital");
  return 0;
}

int convnet_init(struct convnet *net, const struct convnet_params *p, int size, int in_channels) {
  assert(in_channels > 0 && in_channels <= VECTOR_PADDING);
  *net = (struct convnet){ .ways = (int)p->ways, .channels = (int)p->channels, .blocks = (int)p->blocks,
                           .steps = (int)p->steps, .epsilon = (real)p->epsilon, .in_channels = in_channels,
                           .hidden = (int)p->hidden, .halving = (enum convnet_halving)p->halving,
                           .activation = (enum convnet_activation)p->activation,
                           .bias = (enum convnet_bias)p->bias,
                           .start = (enum convnet_readout_start)p->start,
                           .mean_offset = (int)p->mean_offset };
  net->readout = net->blocks + (net->hidden > 0);
  net->adapting = p->adapt == CONVNET_ALL ? 0 : p->adapt == CONVNET_DENSE ? net->blocks : net->readout;
  if (net->steps == 0) net->adapting = net->readout;
  net->side[0] = size;
  for (int l = 0; l < net->blocks; l++) {
    if (net->side[l] < 2)
      return err_set(ERR_SETTING, "net.blocks=%d: images of %d pixels are used up after %d blocks", net->blocks, size,
                     l);
    net->side[l + 1] = net->halving == CONVNET_MAXIMUM ? net->side[l] / 2 : convnet_shape(net, l, 1).OH;
  }
  for (int l = 0; l <= net->readout; l++) {
    net->offset[l] = net->n;
    net->n += (size_t)convnet_rows(net, l) * (size_t)vector_padded(convnet_columns(net, l));
  }
  net->rates = net->n;
  net->n += (size_t)vector_padded(net->steps * convnet_n_adapting(net));
  net->scale = net->n;
  if (net->start == CONVNET_PROTOTYPE) net->n += VECTOR_PADDING;
  return check_start(net);
}

int convnet_has_bias(const struct convnet *net, int l) {
  return l >= net->blocks && (l < net->readout || net->bias != CONVNET_NO_BIAS);
}

int convnet_digital_rows(const struct convnet *net, int l) {
  return convnet_has_bias(net, l) && net->bias != CONVNET_BIAS_ROW;
}

int convnet_rows(const struct convnet *net, int l) {
  if (l < net->blocks) return KERNEL*KERNEL * (l ? net->channels : net->in_channels);
  return (l > net->blocks ? net->hidden : net->channels) + convnet_has_bias(net, l);
}

int convnet_columns(const struct convnet *net, int l) {
  return l == net->readout ? net->ways : l == net->blocks ? net->hidden : net->channels;
}

double convnet_range(const struct convnet *net, int l) {
  const double deviation = sqrt(2.0/(convnet_rows(net, l) - convnet_has_bias(net, l)));
  return !net->hidden || l < net->blocks ? 1 : l < net->readout ? 3*deviation : 1.5*deviation;
}

struct synapse *convnet_array(const struct convnet *net, int l, int bits) {
  const int I = convnet_rows(net, l), O = convnet_columns(net, l), digital = convnet_digital_rows(net, l);
  return bits ? synapse_quantised_new(I, O, digital, bits, convnet_range(net, l)) : synapse_exact_new(I, O);
}

int convnet_features(const struct convnet *net) { return vector_padded(convnet_rows(net, net->readout)); }

long convnet_weights(const struct convnet *net) {
  long n = 0;
  for (int l = 0; l <= net->readout; l++) n += (long)convnet_rows(net, l) * convnet_columns(net, l);
  return n;
}

void convnet_layer_name(char name[32], const struct convnet *net, int l) {
  if (l < net->blocks) snprintf(name, 32, "conv%d", l + 1);
  else snprintf(name, 32, "%s", l < net->readout ? "hidden" : "readout");
}

struct conv convnet_shape(const struct convnet *net, int l, int B) {
  if (l >= net->blocks) return conv_shape(B, 1, 1, convnet_rows(net, l), convnet_columns(net, l), 1, 1, 0);
  return conv_shape(B, net->side[l], net->side[l], l ? net->channels : net->in_channels, net->channels, KERNEL,
                    net->halving == CONVNET_STRIDE ? 2 : 1, PAD);
}

real convnet_mean_scale(const struct convnet *net) { return (real)(4.0/convnet_rows(net, net->readout)); }

void convnet_start(const struct convnet *net, real *parameters, double rate, struct rng *r) {
  memset(parameters, 0, net->n * sizeof *parameters);
  for (int l = 0; l <= net->readout; l++) {
    const int I = convnet_rows(net, l) - convnet_has_bias(net, l), O = convnet_columns(net, l);
    const int taps = l < net->blocks ? KERNEL*KERNEL : 1;
    const double limit = sqrt(6.0 / (I + O*taps));  // Glorot and Bengio, AISTATS 2010: fan-in + fan-out
    for (int i = 0; i < I; i++)
      for (int o = 0; o < O; o++)
        parameters[net->offset[l] + (size_t)(i*vector_padded(O) + o)] = (real)(limit * (2*rng_uniform(r) - 1));
  }
  if (net->start == CONVNET_PROTOTYPE) {
    memset(parameters + net->offset[net->readout], 0, (net->rates - net->offset[net->readout]) * sizeof *parameters);
    parameters[net->scale] = convnet_mean_scale(net);
  }
  for (int s = 0; s < net->steps * convnet_n_adapting(net); s++) parameters[net->rates + (size_t)s] = (real)rate;
}

size_t convnet_produced(const struct convnet *net, int l) {
  const struct conv shape = convnet_shape(net, l - 1, 1);
  return (size_t)shape.OH * (size_t)shape.OW;
}

// Whether the gradients of all blocks are kept: only then are all layers differentiated twice (model/hessian.h).
static int keeps(const struct convnet *net) { return net->adapting == 0; }

// Numbers in all arrays of a work for B images, those of maxima as if they were reals; largest: of a gradient.
static double work_reals(const struct convnet *net, int B, double *largest) {
  const double CP = vector_padded(net->channels), F = convnet_features(net), HP = vector_padded(net->hidden + 1);
  double total = (double)convnet_pixels(net, 0)*VECTOR_PADDING;
  *largest = fmax(HP, CP + VECTOR_PADDING)*B;
  for (int l = 1; l <= net->blocks; l++) {
    total += ((keeps(net) ? 4 : 2)*(double)convnet_produced(net, l) + 2*(double)convnet_pixels(net, l))*CP;
    *largest = fmax(*largest, (double)convnet_produced(net, l)*CP*B);
  }
  return B*(total + 6*CP + 3*F + 3*HP) + 2 * *largest + 64*fmax(CP, HP)*CONVNET_MAX_LAYERS;
}

double convnet_work_bytes(const struct convnet *net, int B) {
  double largest;
  return work_reals(net, B, &largest)*sizeof(real) + 256*64;
}

// Where the gradients of the blocks go. Those that are not kept take turns in two arrays: what is read is not written,
// but for the normalisation without maxima, which goes backward in place.
static void place_gradients(struct convnet_work *w, const struct convnet *net, size_t largest) {
  const size_t CP = (size_t)vector_padded(net->channels), images = (size_t)w->B;
  const int maximum = net->halving == CONVNET_MAXIMUM;
  real *g = ARENA_NEW(&w->arena, largest, real), *other = ARENA_NEW(&w->arena, largest, real);
  for (int l = net->blocks; l > 0; l--) {
    const size_t n = images * convnet_produced(net, l) * CP;
    w->du[l] = keeps(net) ? ARENA_NEW(&w->arena, n, real) : maximum ? other : g;
    w->dz[l] = keeps(net) ? ARENA_NEW(&w->arena, n, real) : g;
    w->dy[l] = maximum ? g : w->du[l];
    real *swap = g;
    g = other;
    other = swap;
  }
}

void convnet_work_init(struct convnet_work *w, const struct convnet *net, int B) {
  *w = (struct convnet_work){ .B = B };
  const size_t CP = (size_t)vector_padded(net->channels), images = (size_t)B, F = (size_t)convnet_features(net);
  double largest;
  struct arena *a = &w->arena;
  work_reals(net, B, &largest);
  arena_init(a, (size_t)convnet_work_bytes(net, B));
  w->y[0] = ARENA_NEW(a, images * convnet_pixels(net, 0) * VECTOR_PADDING, real);
  memset(w->y[0], 0, images * convnet_pixels(net, 0) * VECTOR_PADDING * sizeof(real));
  for (int l = 1; l <= net->blocks; l++) {
    w->a[l] = ARENA_NEW(a, images * convnet_produced(net, l) * CP, real);
    w->y[l] = w->u[l] = ARENA_NEW(a, images * convnet_produced(net, l) * CP, real);
    if (net->halving == CONVNET_MAXIMUM) {
      w->y[l] = ARENA_NEW(a, images * convnet_pixels(net, l) * CP, real);
      w->of[l] = ARENA_NEW(a, images * convnet_pixels(net, l) * CP, int32_t);
    }
    for (int k = 0; k < 2; k++) {
      w->mean[l][k] = ARENA_NEW(a, CP, real);
      w->r[l][k] = ARENA_NEW(a, CP, real);
    }
  }
  place_gradients(w, net, (size_t)largest);
  w->pooled = w->h = ARENA_NEW(a, images * CP, real);
  w->dpooled = w->dh = ARENA_NEW(a, images * CP, real);
  w->from = ARENA_NEW(a, images * CP, int32_t);
  if (net->hidden > 0) {
    w->x = ARENA_NEW(a, images * (size_t)vector_padded(net->channels + 1), real);
    w->z = ARENA_NEW(a, images * (size_t)vector_padded(net->hidden), real);
    w->t[0] = ARENA_NEW(a, images * (size_t)vector_padded(net->hidden), real);
    w->t[1] = ARENA_NEW(a, images * (size_t)vector_padded(net->channels + 1), real);
  }
  if (convnet_has_bias(net, net->readout) || net->hidden > 0) {
    w->h = ARENA_NEW(a, images * F, real);
    w->dh = ARENA_NEW(a, images * F, real);
  }
  w->sums = ARENA_NEW(a, 5 * CP, real);
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
  const size_t in = convnet_pixels(net, l - 1) * (size_t)vector_padded(shape.C),
               out = convnet_produced(net, l) * (size_t)vector_padded(shape.O);
  layer->ops->product(layer, w->a[l] + (size_t)b*out, w->y[l - 1] + (size_t)b*in, &shape, r);
}

// Output of block l of images [b, b + n), from what the normalisation gave.
static void halve(const struct convnet *net, struct convnet_work *w, int l, int b, int n) {
  if (net->halving != CONVNET_MAXIMUM) return;
  const int C = vector_padded(net->channels), H = convnet_shape(net, l - 1, 1).OH;
  const size_t in = (size_t)b * convnet_produced(net, l) * (size_t)C,
               out = (size_t)b * convnet_pixels(net, l) * (size_t)C;
  maxpool_quarter(w->y[l] + out, w->of[l] + out, w->u[l] + in, n, H, H, C);
}

// to (n, padded columns + extra) from rows of `columns` numbers at stride ld, and a 1 after them where extra is 1.
static void append_one(real *to, const real *from, int n, int columns, int ld, int extra) {
  const int width = vector_padded(columns + extra);
  for (int i = 0; i < n; i++, to += width, from += ld) {
    memcpy(to, from, (size_t)columns * sizeof *to);
    memset(to + columns, 0, (size_t)(width - columns) * sizeof *to);
    if (extra) to[columns] = 1;
  }
}

void convnet_forward_dense(const struct convnet *net, struct convnet_work *w, struct synapse *const *layers, int group,
                           struct rng *r) {
  const int b = group ? w->n[0] : 0, n = w->n[group];
  const int C = net->channels, CP = vector_padded(C), HP = vector_padded(net->hidden), F = convnet_features(net);
  const int bias = convnet_has_bias(net, net->readout);
  if (net->hidden == 0) {
    if (bias) append_one(w->h + b*F, w->pooled + b*CP, n, C, CP, 1);
    return;
  }
  const struct conv shape = convnet_shape(net, net->blocks, n);
  real *x = w->x + b*vector_padded(C + 1), *z = w->z + b*HP;
  append_one(x, w->pooled + b*CP, n, C, CP, 1);
  layers[net->blocks]->ops->product(layers[net->blocks], z, x, &shape, r);
  if (net->activation == CONVNET_RELU) norm_rectify(z, n, HP);
  append_one(w->h + b*F, z, n, net->hidden, HP, bias);
}

void convnet_forward(const struct convnet *net, struct convnet_work *w, struct synapse *const *layers, int group,
                     enum convnet_rule rule, const struct convnet_fixed *fixed, struct rng *r) {
  const int CP = vector_padded(net->channels), b = group ? w->n[0] : 0, n = w->n[group];
  assert(b + n <= w->B);
  for (int l = 1; l <= net->blocks; l++) {
    const int m = n * (int)convnet_produced(net, l);
    const size_t first = (size_t)b * convnet_produced(net, l) * (size_t)CP;
    real *a = w->a[l] + first, *u = w->u[l] + first;
    const real *mean = w->mean[l][group], *inverse = w->r[l][group];
    block_product(net, w, layers[l - 1], l, b, n, r);
    if (rule == CONVNET_TASK || (rule == CONVNET_SUPPORT && group == 0)) {
      norm_statistics(w->mean[l][group], w->r[l][group], a, m, CP, net->epsilon);
    } else {
      norm_rectify(a, m, CP);
      mean = rule == CONVNET_FIXED ? fixed->mean[l] : w->mean[l][0];
      inverse = rule == CONVNET_FIXED ? fixed->r[l] : w->r[l][0];
    }
    norm_forward(u, a, mean, inverse, m, CP);
    halve(net, w, l, b, n);
  }
  const size_t last = convnet_pixels(net, net->blocks) * (size_t)CP;
  maxpool_forward(w->pooled + b*CP, w->from + b*CP, w->y[net->blocks] + (size_t)b*last, n,
                  (int)convnet_pixels(net, net->blocks), CP);
  convnet_forward_dense(net, w, layers, group, r);
}

void convnet_measure(const struct convnet *net, struct convnet_work *w, struct synapse *const *layers,
                     struct convnet_fixed *fixed, const real *x, int n, struct rng *r) {
  const int CP = vector_padded(net->channels);
  const size_t image = convnet_pixels(net, 0) * VECTOR_PADDING;
  for (int top = 1; top <= net->blocks; top++) {  // the statistics below `top` are known
    real *mean = fixed->mean[top], *inverse = fixed->r[top], *sum = w->sums, *square = w->sums + CP;
    memset(sum, 0, 2 * (size_t)CP * sizeof *sum);
    for (int done = 0; done < n; done += w->B) {
      const int count = n - done < w->B ? n - done : w->B;
      memcpy(w->y[0], x + (size_t)done*image, (size_t)count * image * sizeof *x);
      for (int l = 1; l <= top; l++) {
        const int m = count * (int)convnet_produced(net, l);
        block_product(net, w, layers[l - 1], l, 0, count, r);
        norm_rectify(w->a[l], m, CP);
        if (l == top) {
          norm_sums(sum, square, w->a[l], w->a[l], m, CP);
          break;
        }
        norm_forward(w->u[l], w->a[l], fixed->mean[l], fixed->r[l], m, CP);
        halve(net, w, l, 0, count);
      }
    }
    const real over = (real)1 / (real)((double)n * (double)convnet_produced(net, top));
    for (int c = 0; c < CP; c++) {
      mean[c] = sum[c] * over;
      const double variance = fmax((double)(square[c]*over - mean[c]*mean[c]), 0);
      inverse[c] = (real)(1 / sqrt(variance + (double)net->epsilon));
    }
  }
}

// ---- gradients, of images [b, b + n): of all, or of one group

static void normalisation_backward(const struct convnet *net, struct convnet_work *w, int l, enum convnet_rule rule,
                                   int b, int n) {
  const int CP = vector_padded(net->channels), pixels_each = (int)convnet_produced(net, l);
  real *sums[2] = { w->sums, w->sums + 2*CP };
  memset(w->sums, 0, 4 * (size_t)CP * sizeof *w->sums);
  for (int pass = 0; pass < 2; pass++)
    for (int group = b > 0; group <= (b + n > w->n[0]); group++) {
      const int m = w->n[group]*pixels_each, of = rule == CONVNET_SUPPORT ? 0 : group;
      const size_t at = (size_t)(group ? w->n[0]*pixels_each : 0) * (size_t)CP;
      real *s1 = sums[group], *s2 = s1 + CP;
      // the gradient of the queries goes through the statistics of the support images too
      if (pass == 0) norm_sums(sums[of], sums[of] + CP, w->du[l] + at, w->u[l] + at, m, CP);
      else norm_backward(w->dz[l] + at, w->du[l] + at, w->u[l] + at, w->a[l] + at, w->r[l][of], s1, s2, m ? m : 1, m,
                         CP);
    }
}

// The gradient of a constant input is left out.
static void dense_backward(const struct convnet *net, struct convnet_work *w, const real *parameters, real *gradient,
                           int b, int n) {
  const int F = convnet_features(net), CP = vector_padded(net->channels);
  if (w->dh == w->dpooled) return;
  if (net->hidden == 0) {
    append_one(w->dpooled + b*CP, w->dh + b*F, n, net->channels, F, 0);
    return;
  }
  const struct conv shape = convnet_shape(net, net->blocks, n);
  const int HP = vector_padded(net->hidden), XP = vector_padded(shape.C);
  real *dz = w->t[0], *dx = w->t[1];
  append_one(dz, w->dh + b*F, n, net->hidden, F, 0);
  for (int i = 0; net->activation == CONVNET_RELU && i < n*HP; i++) dz[i] = w->z[b*HP + i] > 0 ? dz[i] : 0;
  if (gradient) conv_backward_weights(gradient + net->offset[net->blocks], w->x + b*XP, dz, &shape);
  conv_backward_data(dx, dz, parameters + net->offset[net->blocks], &shape);
  append_one(w->dpooled + b*CP, dx, n, net->channels, XP, 0);
}

static void blocks_backward(const struct convnet *net, struct convnet_work *w, const real *parameters, real *gradient,
                            enum convnet_rule rule, int b, int n) {
  const int C = vector_padded(net->channels), last = (int)convnet_pixels(net, net->blocks);
  maxpool_backward(w->dy[net->blocks] + b*last*C, w->dpooled + b*C, w->from + b*C, n, last, C);
  for (int l = net->blocks; l > 0; l--) {
    const struct conv shape = convnet_shape(net, l - 1, n);
    const size_t in = (size_t)b * convnet_pixels(net, l - 1) * (size_t)vector_padded(shape.C),
                 made = (size_t)b * convnet_produced(net, l) * (size_t)C,
                 out = (size_t)b * convnet_pixels(net, l) * (size_t)C;
    if (net->halving == CONVNET_MAXIMUM)
      maxpool_quarter_backward(w->du[l] + made, w->dy[l] + out, w->of[l] + out, n, shape.OH, shape.OW, C);
    normalisation_backward(net, w, l, rule, b, n);
    if (gradient) conv_backward_weights(gradient + net->offset[l - 1], w->y[l - 1] + in, w->dz[l] + made, &shape);
    if (l == 1) break;
    conv_backward_data(w->dy[l - 1] + in, w->dz[l] + made, parameters + net->offset[l - 1], &shape);
  }
}

void convnet_backward_dense(const struct convnet *net, struct convnet_work *w, const real *parameters, real *gradient,
                            int group) {
  dense_backward(net, w, parameters, gradient, group ? w->n[0] : 0, w->n[group]);
}

void convnet_backward_blocks(const struct convnet *net, struct convnet_work *w, const real *parameters, real *gradient,
                             enum convnet_rule rule) {
  assert(rule != CONVNET_FIXED);
  blocks_backward(net, w, parameters, gradient, rule, 0, w->n[0] + w->n[1]);
}

void convnet_backward_group(const struct convnet *net, struct convnet_work *w, const real *parameters, real *gradient,
                            int group) {
  convnet_backward_dense(net, w, parameters, gradient, group);
  blocks_backward(net, w, parameters, gradient, CONVNET_TASK, group ? w->n[0] : 0, w->n[group]);
}

void convnet_backward(const struct convnet *net, struct convnet_work *w, const real *parameters, real *gradient,
                      enum convnet_rule rule) {
  dense_backward(net, w, parameters, gradient, 0, w->n[0] + w->n[1]);
  convnet_backward_blocks(net, w, parameters, gradient, rule);
}
