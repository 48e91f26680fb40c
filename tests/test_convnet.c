// The classifier against a plain double-precision net written from the definition, for the three
// batch-norm rules; its start; and the gradient of every kernel.
#include "base/err.h"
#include "base/rng.h"
#include "gradient.h"
#include "model/convnet.h"

enum { S = 9, SUPPORT = 5, QUERY = 4, IMAGES = SUPPORT + QUERY };

struct net {
  struct convnet net;
  struct convnet_work work;
  struct convnet_fixed fixed;
  struct synapse *layers[CONVNET_MAX_LAYERS];
  real *parameters, *gradient;
  real *x;  // (IMAGES, S, S, 16)
  enum convnet_rule rule;
};

// What differs between networks besides their size.
struct variant {
  int in_channels;
  enum convnet_halving halving;
  int hidden;
  enum convnet_activation activation;
  enum convnet_bias bias;
};
static const struct variant paper = { .in_channels = 1 };
static const struct variant colours = { 3, CONVNET_STRIDE, 5, CONVNET_RELU, CONVNET_BIAS_DIGITAL };
static const struct variant maximum = { 2, CONVNET_MAXIMUM, 17, CONVNET_LINEAR, CONVNET_NO_BIAS };
static const struct variant readout_bias = { 1, CONVNET_MAXIMUM, 0, CONVNET_RELU, CONVNET_BIAS_ROW };

static real *bias_of(const struct net *t, int l, int o) {
  const int row = convnet_rows(&t->net, l) - 1, OP = vector_padded(convnet_columns(&t->net, l));
  return t->parameters + t->net.offset[l] + (size_t)(row*OP + o);
}

static void net_init(struct net *t, int channels, int blocks, const struct variant *v, uint32_t stream) {
  const struct convnet_params p = {
    .channels = channels, .blocks = blocks, .ways = 3, .steps = 2, .epsilon = 1e-3, .halving = v->halving,
    .hidden = v->hidden, .activation = v->activation, .bias = v->bias
  };
  struct rng r = rng_stream(7, RNG_TEST, stream);
  CHECK(convnet_init(&t->net, &p, S, v->in_channels) == 0, "%s", err_message());
  convnet_work_init(&t->work, &t->net, IMAGES);
  convnet_fixed_init(&t->fixed, &t->net);
  t->work.n[0] = SUPPORT;
  t->work.n[1] = QUERY;
  for (int l = 0; l <= t->net.readout; l++)
    t->layers[l] = synapse_exact_new(convnet_rows(&t->net, l), convnet_columns(&t->net, l));
  t->parameters = err_aligned(t->net.n, sizeof(real));
  t->gradient = err_aligned(t->net.n, sizeof(real));
  t->x = err_aligned(IMAGES*S*S*VECTOR_PADDING, sizeof(real));
  convnet_start(&t->net, t->parameters, 0.1, &r);
  for (int l = blocks; l <= t->net.readout; l++)
    for (int o = 0; convnet_has_bias(&t->net, l) && o < convnet_columns(&t->net, l); o++)
      *bias_of(t, l, o) = (real)(rng_normal(&r) / 2);
  for (int i = 0; i < IMAGES*S*S; i++)
    for (int c = 0; c < v->in_channels; c++) t->x[i*VECTOR_PADDING + c] = (real)rng_normal(&r);
}

static void net_release(struct net *t) {
  for (int l = 0; l <= t->net.readout; l++) t->layers[l]->ops->free(t->layers[l]);
  convnet_work_release(&t->work);
  convnet_fixed_release(&t->fixed);
  free(t->parameters);
  free(t->gradient);
  free(t->x);
}

static void forward(struct net *t) {
  for (int l = 0; l <= t->net.readout; l++)
    t->layers[l]->ops->program(t->layers[l], t->parameters + t->net.offset[l], NULL);
  memcpy(t->work.y[0], t->x, IMAGES*S*S*VECTOR_PADDING * sizeof(real));
  for (int group = 0; group < 2; group++)
    convnet_forward(&t->net, &t->work, t->layers, group, t->rule, &t->fixed, NULL);
}

// ---- the plain net

// Side of the image that the convolution of block l gives.
static int plain_side(const struct net *t, int l) {
  return t->net.halving == CONVNET_STRIDE ? (t->net.side[l] - 1)/2 + 1 : t->net.side[l];
}

// y (n, OS, OS, O) = rectified convolution of x (n, IS, IS, I), 3x3, stride 2 or 1, padding 1.
static double *plain_block(const struct net *t, int l, const double *x, int n) {
  const int I = l ? t->net.channels : t->net.in_channels, O = t->net.channels, IS = t->net.side[l];
  const int OS = plain_side(t, l), stride = t->net.halving == CONVNET_STRIDE ? 2 : 1;
  const real *w = t->parameters + t->net.offset[l];
  double *y = err_calloc((unsigned long)(n*OS*OS*O), sizeof *y);
  for (int at = 0; at < n*OS*OS*O; at++) {
    const int o = at % O, ow = at/O % OS, oh = at/O/OS % OS, b = at/O/OS/OS;
    for (int tap = 0; tap < 9; tap++) {
      const int ih = stride*oh + tap/3 - 1, iw = stride*ow + tap%3 - 1;
      if (ih < 0 || iw < 0 || ih >= IS || iw >= IS) continue;
      for (int i = 0; i < I; i++) y[at] += x[((b*IS + ih)*IS + iw)*I + i] * (double)w[(tap*I + i)*vector_padded(O) + o];
    }
    y[at] = fmax(y[at], 0);
  }
  return y;
}

// Normalise n rows of C by the statistics of the m rows of `from`.
static void plain_normalise(double *y, int n, const double *from, int m, int C, double epsilon) {
  for (int c = 0; c < C; c++) {
    double mean = 0, variance = 0;
    for (int p = 0; p < m; p++) mean += from[p*C + c] / m;
    for (int p = 0; p < m; p++) variance += pow(from[p*C + c] - mean, 2) / m;
    for (int p = 0; p < n; p++) y[p*C + c] = (y[p*C + c] - mean) / sqrt(variance + epsilon);
  }
}

// The maximum of 2 x 2 pixels of x (n, side, side, C); x is freed.
static double *plain_maximum(double *x, int n, int side, int C) {
  const int half = side/2;
  double *y = err_calloc((unsigned long)(n*half*half*C), sizeof *y);
  for (int at = 0; at < n*half*half*C; at++) {
    const int c = at % C, ow = at/C % half, oh = at/C/half % half, b = at/C/half/half;
    y[at] = -INFINITY;
    for (int k = 0; k < 4; k++) y[at] = fmax(y[at], x[((b*side + 2*oh + k/2)*side + 2*ow + k%2)*C + c]);
  }
  free(x);
  return y;
}

// The dense layer from h (IMAGES, C), which is freed.
static double *plain_dense(const struct net *t, double *h) {
  const int C = t->net.channels, O = t->net.hidden, OP = vector_padded(O);
  const real *w = t->parameters + t->net.offset[t->net.blocks];
  double *y = err_calloc((unsigned long)(IMAGES*O), sizeof *y);
  for (int at = 0; at < IMAGES*O; at++) {
    y[at] = (double)w[C*OP + at%O];
    for (int c = 0; c < C; c++) y[at] += h[at/O*C + c] * (double)w[c*OP + at%O];
    if (t->net.activation == CONVNET_RELU) y[at] = fmax(y[at], 0);
  }
  free(h);
  return y;
}

static int width(const struct net *t) { return t->net.hidden ? t->net.hidden : t->net.channels; }  // of the features

// Features (IMAGES, width). Under FIXED the statistics are those of all images, whatever their group.
static double *plain_features(const struct net *t) {
  const int C = t->net.channels;
  const int in = t->net.in_channels;
  double *x = err_calloc((unsigned long)(IMAGES*S*S*in), sizeof *x);
  double *h = err_calloc((unsigned long)(IMAGES*C), sizeof *h);
  for (int i = 0; i < IMAGES*S*S*in; i++) x[i] = (double)t->x[i/in*VECTOR_PADDING + i%in];
  for (int l = 0; l < t->net.blocks; l++) {
    double *y = plain_block(t, l, x, IMAGES);
    const int side = plain_side(t, l), image = side*side, s = SUPPORT*image, q = QUERY*image,
              n = IMAGES*image;
    double *copy = err_calloc((unsigned long)(n*C), sizeof *copy);
    memcpy(copy, y, sizeof *y * (size_t)(n*C));
    if (t->rule == CONVNET_FIXED) plain_normalise(y, n, copy, n, C, 1e-3);
    else {
      plain_normalise(y, s, copy, s, C, 1e-3);
      if (t->rule == CONVNET_TASK) plain_normalise(y + s*C, q, copy + s*C, q, C, 1e-3);
      else plain_normalise(y + s*C, q, copy, s, C, 1e-3);
    }
    free(copy);
    free(x);
    x = t->net.halving == CONVNET_MAXIMUM ? plain_maximum(y, IMAGES, side, C) : y;
  }
  const int pixels = t->net.side[t->net.blocks] * t->net.side[t->net.blocks];
  for (int i = 0; i < IMAGES*C; i++) {
    h[i] = -INFINITY;
    for (int p = 0; p < pixels; p++) h[i] = fmax(h[i], x[(i/C*pixels + p)*C + i%C]);
  }
  free(x);
  return t->net.hidden ? plain_dense(t, h) : h;
}

static double worst_feature(const struct net *t, const double *h) {
  double worst = 0;
  const int C = width(t), F = convnet_features(&t->net), one = t->net.bias != CONVNET_NO_BIAS;
  for (int b = 0; b < IMAGES; b++)
    for (int c = 0; c < F; c++) {
      const double expected = c < C ? h[b*C + c] : c == C && one;
      worst = fmax(worst, fabs((double)t->work.h[b*F + c] - expected));
    }
  return worst;
}

static void test_forward(int channels, int blocks, const struct variant *v) {
  struct net t;
  double *h[3];
  net_init(&t, channels, blocks, v, (uint32_t)channels);
  for (int rule = 0; rule < 3; rule++) {
    t.rule = (enum convnet_rule)rule;
    forward(&t);  // programs the layers
    if (t.rule == CONVNET_FIXED) {
      convnet_measure(&t.net, &t.work, t.layers, &t.fixed, t.x, IMAGES, NULL);
      forward(&t);
    }
    h[rule] = plain_features(&t);
    const double worst = worst_feature(&t, h[rule]);
    CHECK(worst <= test_tol(sizeof(real) == sizeof(double) ? 1e-11 : 5e-4),
          "%d channels, %d blocks, rule %s: features off by %.2g", channels, blocks, convnet_rule_names[rule], worst);
    if (rule && blocks < 4)
      CHECK(worst_feature(&t, h[rule - 1]) > 1e-2, "rules %d and %d cannot be told apart", rule - 1, rule);
  }
  // the statistics do not depend on how many images fit the work at once
  struct convnet_work small;
  struct convnet_fixed other;
  convnet_work_init(&small, &t.net, 2);
  convnet_fixed_init(&other, &t.net);
  convnet_measure(&t.net, &small, t.layers, &other, t.x, IMAGES, NULL);
  for (int l = 1; l <= blocks; l++)
    for (int c = 0; c < channels; c++) {
      CHECK(fabs((double)(other.mean[l][c] - t.fixed.mean[l][c])) < 1e-4, "mean of block %d", l);
      CHECK(rel_diff((double)other.r[l][c], (double)t.fixed.r[l][c]) < 1e-3, "spread of block %d", l);
    }
  convnet_work_release(&small);
  convnet_fixed_release(&other);
  for (int rule = 0; rule < 3; rule++) free(h[rule]);
  net_release(&t);
}

static double sine_loss(void *context, uint64_t *pattern) {
  struct net *t = context;
  const int C = t->net.channels, CP = vector_padded(C), F = convnet_features(&t->net);
  double sum = 0;
  forward(t);
  for (int i = 0; i < IMAGES*F; i++) sum += i % F < width(t) ? sin((double)t->work.h[i] + i) : 0;
  for (int l = 1; pattern && l <= t->net.blocks; l++) {
    for (int i = 0; i < IMAGES * plain_side(t, l - 1) * plain_side(t, l - 1) * CP; i++)
      if (i % CP < C) gradient_pattern(pattern, t->work.a[l][i] > 0);
    for (int i = 0; t->net.halving == CONVNET_MAXIMUM && i < IMAGES * t->net.side[l] * t->net.side[l] * CP; i++)
      if (i % CP < C) gradient_pattern(pattern, (uint64_t)t->work.of[l][i]);
  }
  for (int i = 0; pattern && t->net.hidden && i < IMAGES * vector_padded(t->net.hidden); i++)
    if (i % vector_padded(t->net.hidden) < t->net.hidden) gradient_pattern(pattern, t->work.z[i] > 0);
  for (int i = 0; pattern && i < IMAGES*CP; i++)
    if (i % CP < C) gradient_pattern(pattern, (uint64_t)t->work.from[i]);
  return sum;
}

static void test_gradient(int channels, int blocks, const struct variant *v, enum convnet_rule rule,
                          uint32_t stream) {
  struct net t;
  net_init(&t, channels, blocks, v, stream);
  t.rule = rule;
  sine_loss(&t, NULL);
  const int F = convnet_features(&t.net);
  for (int i = 0; i < IMAGES*F; i++) t.work.dh[i] = (real)(i % F < width(&t) ? cos((double)t.work.h[i] + i) : 0);
  convnet_backward(&t.net, &t.work, t.parameters, t.gradient, rule);
  const size_t kernels = t.net.offset[t.net.readout];
  for (size_t i = kernels; i < t.net.n; i++) CHECK(t.gradient[i] == 0, "gradient beyond the kernels");
  gradient_check(convnet_rule_names[rule], t.parameters, t.gradient, (long)kernels, 2e-5, 2e-8, 1, sine_loss, &t);
  const real first = t.gradient[0];  // it is added to
  convnet_backward(&t.net, &t.work, t.parameters, t.gradient, rule);
  CHECK(fabs((double)(t.gradient[0] - 2*first)) <= 1e-12 * fabs((double)first), "gradients are not added");
  net_release(&t);
}

static void test_start(void) {
  const struct convnet_params p = { .channels = 56, .blocks = 4, .ways = 5, .steps = 4, .epsilon = 1e-3 };
  struct convnet net;
  struct rng r = rng_stream(7, RNG_INIT, 0);
  CHECK(convnet_init(&net, &p, 28, 1) == 0 && convnet_weights(&net) == 85456, "%ld weights, 85456 published",
        convnet_weights(&net));
  CHECK(net.side[1] == 14 && net.side[2] == 7 && net.side[3] == 4 && net.side[4] == 2, "sizes");
  real *w = err_aligned(net.n, sizeof *w);
  convnet_start(&net, w, 0.125, &r);
  const double fan[] = { 9 + 504, 504 + 504, 504 + 504, 504 + 504, 56 + 5 };
  for (int l = 0; l <= 4; l++) {
    const int I = convnet_rows(&net, l), O = convnet_columns(&net, l), OP = vector_padded(O);
    const double limit = sqrt(6 / fan[l]);
    double top = 0, square = 0, padding = 0;
    for (int i = 0; i < I*OP; i++) {
      const double v = (double)w[net.offset[l] + (size_t)i];
      if (i % OP < O) top = fmax(top, fabs(v));
      else padding = fmax(padding, fabs(v));
      square += v*v;
    }
    CHECK(top <= limit && top > 0.95*limit && padding == 0, "layer %d: up to %g, limit %g, padding %g", l, top, limit,
          padding);
    const double variance = square / (I*O), expected = limit*limit / 3, error = expected * sqrt(0.8 / (I*O));
    CHECK(fabs(variance - expected) < 5*error, "layer %d: variance %g, %g expected", l, variance, expected);
  }
  for (int s = 0; s < 4; s++) CHECK(w[net.rates + (size_t)s] == (real)0.125, "rate");
  free(w);
  struct convnet_params deep = p;
  deep.blocks = 6;
  CHECK(convnet_init(&net, &deep, 28, 1) == ERR_SETTING && strstr(err_message(), "net.blocks=6"), "%s", err_message());
}

// Weights of 4 bits: kernels in steps of 1/8, the dense layer of 32 inputs in steps of 3/32 (3 sqrt(2/32) = 3/4 either
// way), the read-out of 8 in steps of 3/32 as well (1.5 sqrt(2/8) = 3/4); biases as they are.
static void test_grid(void) {
  const struct convnet_params p = { .channels = 32, .blocks = 1, .ways = 3, .steps = 1, .epsilon = 1e-3, .hidden = 8,
                                    .bias = CONVNET_BIAS_DIGITAL };
  const double step[] = { 0.125, 0.09375, 0.09375 };
  struct convnet net;
  CHECK(convnet_init(&net, &p, 8, 3) == 0, "%s", err_message());
  for (int l = 0; l <= net.readout; l++) {
    const int I = convnet_rows(&net, l), OP = vector_padded(convnet_columns(&net, l));
    const int fixed = convnet_has_bias(&net, l);
    struct synapse *s = convnet_array(&net, l, 4), *exact = convnet_array(&net, l, 0);
    real *w = err_aligned((size_t)(I*OP), sizeof *w), *kept = err_aligned((size_t)(I*OP), sizeof *w);
    memset(w, 0, (size_t)(I*OP) * sizeof *w);
    for (int i = 0; i < I; i++) w[i*OP] = (real)(0.01*i);
    s->ops->program(s, w, NULL);
    s->ops->weights(s, kept);
    for (int i = 0; i < I - fixed; i++) {
      const double v = (double)w[i*OP], nearest = fmin(rint(v/step[l]), 7)*step[l];
      CHECK(fabs((double)kept[i*OP] - nearest) < 1e-6, "layer %d: %g became %g", l, v, (double)kept[i*OP]);
    }
    if (fixed) CHECK(kept[(I - 1)*OP] == w[(I - 1)*OP], "layer %d: the bias was rounded", l);
    exact->ops->program(exact, w, NULL);
    exact->ops->weights(exact, kept);
    CHECK(!memcmp(kept, w, (size_t)(I*OP) * sizeof *w), "layer %d: exact weights were rounded", l);
    s->ops->free(s);
    exact->ops->free(exact);
    free(w);
    free(kept);
  }
}

int main(void) {
  test_start();
  test_grid();
  test_forward(3, 2, &paper);
  test_forward(19, 3, &paper);
  test_forward(70, 1, &paper);
  test_forward(3, 2, &colours);
  test_forward(18, 2, &maximum);
  test_forward(16, 2, &readout_bias);
  if (GRADIENT_CHECKED) {
    test_gradient(2, 3, &paper, CONVNET_TASK, 102);
    test_gradient(3, 2, &paper, CONVNET_SUPPORT, 11);
    test_gradient(3, 2, &colours, CONVNET_SUPPORT, 8);
    test_gradient(4, 2, &maximum, CONVNET_TASK, 8);
    test_gradient(2, 2, &readout_bias, CONVNET_SUPPORT, 9);
  }
  return test_summary();
}
