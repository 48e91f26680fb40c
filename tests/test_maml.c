// The meta-gradient through the whole inner loop, images to query losses, against central differences
// on every kernel, read-out and rate coordinate; and what does not need differences: independence of
// the worker's past, padding, the loss returned.
#include "base/err.h"
#include "base/rng.h"
#include "gradient.h"
#include "learn/maml.h"

enum { SIDE = 8, SHOTS = 2, QUERIES = 2 };

struct outer {
  struct convnet net;
  struct maml_options options;
  struct maml_worker worker;
  real *parameters, *gradient;
  real *x;
  int images;
};

static const struct convnet_params paper = { .ways = 3, .epsilon = 1e-3 };
static const struct convnet_params dense = {
  .ways = 3, .epsilon = 1e-3, .halving = CONVNET_MAXIMUM, .hidden = 5, .bias = CONVNET_BIAS_DIGITAL
};

static void outer_init(struct outer *t, const struct convnet_params *kind, int channels, int blocks,
                       struct maml_options options, uint32_t stream) {
  struct convnet_params p = *kind;
  p.channels = channels;
  p.blocks = blocks;
  p.steps = options.steps;
  struct rng r = rng_stream(9, RNG_TEST, stream);
  CHECK(convnet_init(&t->net, &p, SIDE, 1) == 0, "%s", err_message());
  t->options = options;
  maml_worker_init(&t->worker, &t->net, SHOTS, QUERIES, &t->options);
  t->parameters = err_aligned(t->net.n, sizeof(real));
  t->gradient = err_aligned(t->net.n, sizeof(real));
  convnet_start(&t->net, t->parameters, 0.4, &r);
  t->parameters[t->net.rates + 1] = (real)0.25;
  t->images = 3 * (SHOTS + QUERIES);
  t->x = err_aligned((unsigned long)(t->images*SIDE*SIDE*VECTOR_PADDING), sizeof(real));
  for (int i = 0; i < t->images*SIDE*SIDE; i++) t->x[i*VECTOR_PADDING] = (real)rng_normal(&r);
}

static void outer_release(struct outer *t) {
  maml_worker_release(&t->worker, &t->net);
  free(t->parameters);
  free(t->gradient);
  free(t->x);
}

static double loss(void *context, uint64_t *pattern) {
  struct outer *t = context;
  const struct convnet_work *w = &t->worker.work;
  const int CP = vector_padded(t->net.channels);
  double sum = 0;
  memcpy(w->y[0], t->x, sizeof(real) * (size_t)(t->images*SIDE*SIDE*VECTOR_PADDING));
  maml_program(&t->worker, &t->net, t->parameters, &t->options, NULL);
  maml_adapt(&t->worker, &t->net, t->parameters, &t->options, NULL, NULL);
  for (int s = 0; s <= t->options.steps; s++) sum += t->options.weight[s] * t->worker.record.query_loss[s];
  for (int l = 1; pattern && l <= t->net.blocks; l++) {
    const int side = convnet_shape(&t->net, l - 1, 1).OH;
    for (int i = 0; i < t->images*side*side*CP; i++)
      if (i % CP < t->net.channels) gradient_pattern(pattern, w->a[l][i] > 0);
    for (int i = 0; w->of[l] && i < t->images * t->net.side[l] * t->net.side[l] * CP; i++)
      if (i % CP < t->net.channels) gradient_pattern(pattern, (uint64_t)w->of[l][i]);
  }
  for (int i = 0; pattern && w->z && i < t->images * vector_padded(t->net.hidden); i++)
    if (i % vector_padded(t->net.hidden) < t->net.hidden) gradient_pattern(pattern, w->z[i] > 0);
  for (int i = 0; pattern && i < t->images*CP; i++)
    if (i % CP < t->net.channels) gradient_pattern(pattern, (uint64_t)w->from[i]);
  return sum;
}

static double meta_gradient(struct outer *t) {
  loss(t, NULL);
  memset(t->gradient, 0, t->net.n * sizeof *t->gradient);
  return maml_backward(&t->worker, &t->net, t->parameters, t->gradient, &t->options);
}

static void test_differences(const char *name, const struct convnet_params *kind, int channels, int blocks,
                             enum convnet_rule rule, int last_only, uint32_t stream) {
  struct maml_options o = { .steps = 2, .rule = rule, .weight = { 0.3, 0.25, 0.9 } };
  struct outer t;
  if (last_only) o.weight[0] = o.weight[1] = 0;
  outer_init(&t, kind, channels, blocks, o, stream);
  meta_gradient(&t);
  gradient_check(name, t.parameters, t.gradient, (long)t.net.n, 2e-5, 2e-8, 1, loss, &t);
  const long readout = (long)t.net.offset[t.net.readout], rates = (long)t.net.rates;
  gradient_check("of which read-out and rates", t.parameters + readout, t.gradient + readout, (long)t.net.n - readout,
                 1e-3, 1e-9, 1, loss, &t);
  gradient_check("of which rates", t.parameters + rates, t.gradient + rates, (long)t.net.n - rates, 1e-3, 1e-9, 1, loss,
                 &t);
  t.options.rule = rule == CONVNET_TASK ? CONVNET_SUPPORT : CONVNET_TASK;  // the other rule's gradient is another
  meta_gradient(&t);
  t.options.rule = rule;
  CHECK(gradient_compare(t.parameters, t.gradient, readout, 2e-5, loss, &t).worst > 1e-2,
        "%s: the other rule's gradient passed", name);
  outer_release(&t);
}

static void test_worker(int bits) {
  const struct maml_options o = { .steps = 4,
                                  .bits = bits,
                                  .weight = { [1] = 0.25, [2] = 0.25, [3] = 0.25, [4] = 0.25 } };
  struct outer t;
  outer_init(&t, &paper, 7, 2, o, 1);
  struct maml_worker *w = &t.worker;
  real *first = err_aligned(t.net.n, sizeof *first), *input = w->work.y[0];
  double total[3] = { 0 };
  for (int round = 0; round < 3; round++) {  // rounds 0 and 2 are the same task, with another between
    struct rng r = rng_stream(9, RNG_QUANTISE, (uint32_t)(round % 2));
    memcpy(input, t.x, sizeof(real) * (size_t)(t.images*SIDE*SIDE*VECTOR_PADDING));
    for (int i = 0; i < t.images*SIDE*SIDE && round == 1; i++) input[i*VECTOR_PADDING] = (real)(0.1 * i);
    maml_program(w, &t.net, t.parameters, &t.options, &r);
    maml_adapt(w, &t.net, t.parameters, &t.options, NULL, &r);
    memset(t.gradient, 0, t.net.n * sizeof *t.gradient);
    total[round] = maml_backward(w, &t.net, t.parameters, t.gradient, &t.options);
    CHECK_REL(total[round], 0.25 * (w->record.query_loss[1] + w->record.query_loss[2] +
                                      w->record.query_loss[3] + w->record.query_loss[4]), 1e-15);
    if (!round) memcpy(first, t.gradient, t.net.n * sizeof *first);
  }
  CHECK(total[0] == total[2] && !memcmp(first, t.gradient, t.net.n * sizeof *first),
        "%d bits: a worker remembers its last task", bits);
  CHECK(total[0] != total[1], "tasks cannot be told apart");
  for (int l = 0; l <= t.net.blocks; l++) {
    const int O = convnet_columns(&t.net, l), OP = vector_padded(O), n = convnet_rows(&t.net, l) * OP;
    double padding = 0, inside = 0;
    for (int i = 0; i < n; i++)
      *(i % OP < O ? &inside : &padding) += fabs((double)t.gradient[t.net.offset[l] + (size_t)i]);
    CHECK(padding == 0 && inside > 0 && isfinite(inside), "%d bits, layer %d: gradient %g, of the padding %g", bits, l,
          inside, padding);
  }
  free(first);
  outer_release(&t);
}

// Spread of the programming error on the first kernel, over many tasks, in units of what is expected.
static double noise_ratio(double noise, double expected) {
  struct maml_options o = { .steps = 2, .rule = CONVNET_TASK, .noise = noise, .weight = { 0, 0, 1 } };
  for (int k = 0; k < MAML_NOISE_POINTS; k++) o.noise_sigma[k] = 0.03f;
  struct outer t;
  outer_init(&t, &paper, 7, 2, o, 1);
  const int n = 9 * vector_padded(7);
  double most = 0, square = 0;
  long count = 0;
  for (int i = 0; i < n; i++) most = fmax(most, fabs((double)t.parameters[i]));
  for (uint32_t task = 0; task < 2000; task++) {
    struct rng r = rng_stream(3, RNG_QUANTISE, task);
    maml_program(&t.worker, &t.net, t.parameters, &t.options, &r);
    for (int i = 0; i < n; i++) {
      const double d = (double)(t.worker.held[i] - t.parameters[i]);
      if (i % vector_padded(7) < 7) count++;
      else CHECK(d == 0, "padding %d disturbed by %g", i, d);
      square += d*d;
    }
  }
  outer_release(&t);
  return sqrt(square / (double)count) / (expected * most);
}

static void test_noise(void) {
  const double bound = 5 / sqrt(2.0 * 2000 * 63);  // five standard errors of a standard deviation
  const double right = noise_ratio(1.5, 1.5 * 0.03), wrong = noise_ratio(1.5, 1.5 * 0.03 * 1.02);
  CHECK(fabs(right - 1) < bound, "ratio %g", right);
  CHECK(fabs(wrong - 1) > bound, "a 2 %% wrong sigma goes unnoticed: %g", wrong);
}

int main(void) {
  test_noise();
  test_worker(0);
  test_worker(4);
  if (GRADIENT_CHECKED) {
    test_differences("task, all steps", &paper, 3, 2, CONVNET_TASK, 0, 2);
    test_differences("task, last step", &paper, 2, 3, CONVNET_TASK, 1, 3);
    test_differences("support, all steps", &paper, 3, 2, CONVNET_SUPPORT, 0, 4);
    test_differences("support, last step", &paper, 2, 2, CONVNET_SUPPORT, 1, 5);
    test_differences("dense layer, all steps", &dense, 3, 2, CONVNET_SUPPORT, 0, 1);
  }
  return test_summary();
}
