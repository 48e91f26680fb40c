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

static void net_init(struct net *t, int channels, int blocks, uint32_t stream) {
  const struct convnet_params p = { .channels = channels, .blocks = blocks, .ways = 3, .steps = 2, .epsilon = 1e-3 };
  struct rng r = rng_stream(7, RNG_TEST, stream);
  CHECK(convnet_init(&t->net, &p, S) == 0, "%s", err_message());
  convnet_work_init(&t->work, &t->net, IMAGES);
  convnet_fixed_init(&t->fixed, &t->net);
  t->work.n[0] = SUPPORT;
  t->work.n[1] = QUERY;
  for (int l = 0; l <= blocks; l++)
    t->layers[l] = synapse_exact_new(convnet_rows(&t->net, l), convnet_columns(&t->net, l));
  t->parameters = err_aligned(t->net.n, sizeof(real));
  t->gradient = err_aligned(t->net.n, sizeof(real));
  t->x = err_aligned(IMAGES*S*S*VECTOR_PADDING, sizeof(real));
  convnet_start(&t->net, t->parameters, 0.1, &r);
  for (int i = 0; i < IMAGES*S*S; i++) t->x[i*VECTOR_PADDING] = (real)rng_normal(&r);
}

static void net_release(struct net *t) {
  for (int l = 0; l <= t->net.blocks; l++) t->layers[l]->ops->free(t->layers[l]);
  convnet_work_release(&t->work);
  convnet_fixed_release(&t->fixed);
  free(t->parameters);
  free(t->gradient);
  free(t->x);
}

static void forward(struct net *t) {
  for (int l = 0; l <= t->net.blocks; l++)
    t->layers[l]->ops->program(t->layers[l], t->parameters + t->net.offset[l], NULL);
  memcpy(t->work.y[0], t->x, IMAGES*S*S*VECTOR_PADDING * sizeof(real));
  for (int group = 0; group < 2; group++)
    convnet_forward(&t->net, &t->work, t->layers, group, t->rule, &t->fixed, NULL);
}

// ---- the plain net

// y (n, OS, OS, O) = rectified convolution of x (n, IS, IS, I), 3x3, stride 2, padding 1.
static double *plain_block(const struct net *t, int l, const double *x, int n) {
  const int I = l ? t->net.channels : 1, O = t->net.channels, IS = t->net.side[l], OS = (IS - 1)/2 + 1;
  const real *w = t->parameters + t->net.offset[l];
  double *y = err_calloc((unsigned long)(n*OS*OS*O), sizeof *y);
  for (int at = 0; at < n*OS*OS*O; at++) {
    const int o = at % O, ow = at/O % OS, oh = at/O/OS % OS, b = at/O/OS/OS;
    for (int tap = 0; tap < 9; tap++) {
      const int ih = 2*oh + tap/3 - 1, iw = 2*ow + tap%3 - 1;
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

// Features (IMAGES, C). Under FIXED the statistics are those of all images, whatever their group.
static double *plain_features(const struct net *t) {
  const int C = t->net.channels;
  double *x = err_calloc(IMAGES*S*S, sizeof *x), *h = err_calloc((unsigned long)(IMAGES*C), sizeof *h);
  for (int i = 0; i < IMAGES*S*S; i++) x[i] = (double)t->x[i*VECTOR_PADDING];
  for (int l = 0; l < t->net.blocks; l++) {
    double *y = plain_block(t, l, x, IMAGES);
    const int side = (t->net.side[l] - 1)/2 + 1, image = side*side, s = SUPPORT*image, q = QUERY*image,
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
    x = y;
  }
  const int pixels = t->net.side[t->net.blocks] * t->net.side[t->net.blocks];
  for (int i = 0; i < IMAGES*C; i++) {
    h[i] = -INFINITY;
    for (int p = 0; p < pixels; p++) h[i] = fmax(h[i], x[(i/C*pixels + p)*C + i%C]);
  }
  free(x);
  return h;
}

static double worst_feature(const struct net *t, const double *h) {
  double worst = 0;
  for (int b = 0; b < IMAGES; b++)
    for (int c = 0; c < vector_padded(t->net.channels); c++) {
      const double found = (double)t->work.h[b*vector_padded(t->net.channels) + c];
      worst = fmax(worst, fabs(found - (c < t->net.channels ? h[b*t->net.channels + c] : 0)));
    }
  return worst;
}

static void test_forward(int channels, int blocks) {
  struct net t;
  double *h[3];
  net_init(&t, channels, blocks, (uint32_t)channels);
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
  const int C = t->net.channels, CP = vector_padded(C);
  double sum = 0;
  forward(t);
  for (int i = 0; i < IMAGES*CP; i++) sum += i % CP < C ? sin((double)t->work.h[i] + i) : 0;
  for (int l = 1; pattern && l <= t->net.blocks; l++)
    for (int i = 0; i < IMAGES * t->net.side[l] * t->net.side[l] * CP; i++)
      if (i % CP < C) gradient_pattern(pattern, t->work.a[l][i] > 0);
  for (int i = 0; pattern && i < IMAGES*CP; i++)
    if (i % CP < C) gradient_pattern(pattern, (uint64_t)t->work.from[i]);
  return sum;
}

static void test_gradient(int channels, int blocks, enum convnet_rule rule) {
  struct net t;
  net_init(&t, channels, blocks, 100 + (uint32_t)channels);
  t.rule = rule;
  sine_loss(&t, NULL);
  const int CP = vector_padded(channels);
  for (int i = 0; i < IMAGES*CP; i++) t.work.dh[i] = (real)(i % CP < channels ? cos((double)t.work.h[i] + i) : 0);
  convnet_backward(&t.net, &t.work, t.parameters, t.gradient, rule);
  const size_t kernels = t.net.offset[blocks];
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
  CHECK(convnet_init(&net, &p, 28) == 0 && convnet_weights(&net) == 85456, "%ld weights, 85456 published",
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
  CHECK(convnet_init(&net, &deep, 28) == ERR_SETTING && strstr(err_message(), "net.blocks=6"), "%s", err_message());
}

int main(void) {
  test_start();
  test_forward(3, 2);
  test_forward(19, 3);
  test_forward(70, 1);
  if (GRADIENT_CHECKED) {
    test_gradient(2, 3, CONVNET_TASK);
    test_gradient(3, 2, CONVNET_SUPPORT);
  }
  return test_summary();
}
