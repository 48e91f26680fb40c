// Adaptation of more layers than the read-out: the updates, the exact meta-gradient against central differences on
// every weight and rate, the first-order one against gradients at the adapted weights; and that updates of which only
// the read-out's rates are not zero are those of adapt.h.
#include "base/err.h"
#include "base/rng.h"
#include "gradient.h"
#include "learn/maml.h"

enum { SIDE = 6, SHOTS = 2, QUERIES = 2, WAYS = 3, IMAGES = WAYS*(SHOTS + QUERIES), IN = 2, STEPS = 2 };
static const int is_double = sizeof(real) == sizeof(double);

struct outer {
  struct convnet net;
  struct maml_options options;
  struct maml_worker worker;
  real *parameters, *gradient, *x;
};

static void outer_init(struct outer *t, struct convnet_params p, struct maml_options o, uint32_t stream) {
  struct rng r = rng_stream(10, RNG_TEST, stream);
  p.ways = WAYS;
  p.steps = STEPS;
  p.epsilon = 1e-3;
  o.steps = STEPS;
  CHECK(convnet_init(&t->net, &p, SIDE, IN) == 0, "%s", err_message());
  t->options = o;
  maml_worker_init(&t->worker, &t->net, SHOTS, QUERIES, &t->options);
  t->parameters = err_aligned(t->net.n, sizeof(real));
  t->gradient = err_aligned(t->net.n, sizeof(real));
  convnet_start(&t->net, t->parameters, 0, &r);
  for (int s = 0; s < STEPS; s++)
    for (int l = t->net.adapting; l <= t->net.readout; l++)
      t->parameters[convnet_rate(&t->net, s, l)] = (real)(0.1 + 0.05*s + 0.02*l);
  for (int l = t->net.blocks; l <= t->net.readout; l++)  // biases are not zero
    for (int o1 = 0; o1 < convnet_columns(&t->net, l) && convnet_has_bias(&t->net, l); o1++)
      t->parameters[t->net.offset[l] + (size_t)((convnet_rows(&t->net, l) - 1) *
                                                vector_padded(convnet_columns(&t->net, l)) + o1)] =
          (real)(0.3*o1 - 0.2);
  t->x = err_aligned(IMAGES*SIDE*SIDE*VECTOR_PADDING, sizeof(real));
  for (int i = 0; i < IMAGES*SIDE*SIDE*VECTOR_PADDING; i++)
    t->x[i] = i % VECTOR_PADDING < IN ? (real)rng_normal(&r) : 0;
}

static void outer_release(struct outer *t) {
  maml_worker_release(&t->worker, &t->net);
  free(t->parameters);
  free(t->gradient);
  free(t->x);
}

static void show(struct outer *t, struct rng *r) {
  memcpy(t->worker.work.y[0], t->x, sizeof(real) * IMAGES*SIDE*SIDE*VECTOR_PADDING);
  maml_program(&t->worker, &t->net, t->parameters, &t->options, r);
}

// On which side of its kinks every value of a group is.
static void pattern_of(uint64_t *pattern, const struct outer *t, int group) {
  const struct convnet *net = &t->net;
  const struct convnet_work *w = &t->worker.work;
  const int CP = vector_padded(net->channels), b = group ? w->n[0] : 0, n = w->n[group];
  for (int l = 1; l <= net->blocks; l++) {
    const struct conv c = convnet_shape(net, l - 1, 1);
    const int made = c.OH*c.OW*CP, kept = net->side[l]*net->side[l]*CP;
    for (int i = b*made; i < (b + n)*made; i++)
      if (i % CP < net->channels) gradient_pattern(pattern, w->a[l][i] > 0);
    for (int i = b*kept; i < (b + n)*kept && w->of[l]; i++)
      if (i % CP < net->channels) gradient_pattern(pattern, (uint64_t)w->of[l][i]);
  }
  for (int i = b*CP; i < (b + n)*CP; i++)
    if (i % CP < net->channels) gradient_pattern(pattern, (uint64_t)w->from[i]);
  const int HP = vector_padded(net->hidden);
  for (int i = b*HP; i < (b + n)*HP && net->activation == CONVNET_RELU; i++)
    if (i % HP < net->hidden) gradient_pattern(pattern, w->z[i] > 0);
}

// Step by step, to look at every pass.
static double loss(void *context, uint64_t *pattern) {
  struct outer *t = context;
  struct maml_worker *w = &t->worker;
  const struct finetune_task task = maml_finetune_task(w, &t->net, t->parameters, &t->options, NULL);
  double sum = 0;
  show(t, NULL);
  finetune_begin(&w->finetune, &task, w->held);
  for (int s = 0; s <= STEPS; s++) {
    if (finetune_needs_support(&task, s)) {
      finetune_support(&task, s, NULL);
      if (pattern) pattern_of(pattern, t, 0);
    }
    if (s == 0) finetune_start(&w->finetune, &w->record, &task, NULL);
    if (s < STEPS) finetune_logits(&w->record, &task, s, NULL);
    finetune_classify(&w->finetune, &w->record, &task, s, NULL);
    if (pattern) pattern_of(pattern, t, 1);
    if (s < STEPS) finetune_update(&w->finetune, &w->record, &task, s, NULL);
    sum += t->options.weight[s] * w->record.query_loss[s];
  }
  return sum;
}

static double meta_gradient(struct outer *t) {
  show(t, NULL);
  maml_adapt(&t->worker, &t->net, t->parameters, &t->options, NULL, NULL);
  memset(t->gradient, 0, t->net.n * sizeof *t->gradient);
  return maml_backward(&t->worker, &t->net, t->parameters, t->gradient, &t->options);
}

static const int other[WAYS*QUERIES] = { 1, 2, 0, 0, 2, 1 };
static const real share[WAYS*QUERIES] = { (real)0.7, 1, (real)0.25, (real)0.5, 1, (real)0.9 };

static void test_differences(const char *name, struct convnet_params p, enum convnet_rule rule, uint32_t stream) {
  const struct maml_options o = { .rule = rule, .weight = { 0.3, 0.25, 0.9 } };
  struct outer t;
  outer_init(&t, p, o, stream);
  if (stream % 2 == 0) {  // queries that are mixtures
    t.worker.other = other;
    t.worker.share = share;
  }
  CHECK_REL(meta_gradient(&t), loss(&t, NULL), 1e-13);
  // class means are written over the zeros of the read-out, which are no parameters; its biases are
  const long all = p.start == CONVNET_PROTOTYPE ? (long)t.net.offset[t.net.readout] : (long)t.net.n;
  const long bias = (convnet_rows(&t.net, t.net.readout) - 1)*vector_padded(WAYS);
  gradient_check(name, t.parameters, t.gradient, all, 4e-5, 1e-7, 1, loss, &t);
  if (p.start == CONVNET_PROTOTYPE)
    gradient_check("of which biases", t.parameters + all + bias, t.gradient + all + bias, WAYS, 4e-5, 1e-7, 0, loss,
                   &t);
  const long rates = (long)t.net.rates;
  gradient_check("of which rates", t.parameters + rates, t.gradient + rates, (long)t.net.n - rates, 4e-5, 1e-7, 1, loss,
                 &t);
  t.options.first_order = 1;
  meta_gradient(&t);
  CHECK(gradient_compare(t.parameters, t.gradient, 128, 1e-5, loss, &t).worst > 1e-2,
        "%s: the first-order gradient passed", name);
  outer_release(&t);
}

static void test_gradients(void) {
  const struct convnet_params all = { .channels = 4, .blocks = 2, .adapt = CONVNET_ALL };
  struct convnet_params p = all;
  test_differences("all layers", all, CONVNET_TASK, 1);
  test_differences("all layers, support", all, CONVNET_SUPPORT, 2);
  p.hidden = 5;
  p.bias = CONVNET_BIAS_ROW;
  p.halving = CONVNET_MAXIMUM;
  test_differences("all layers, hidden, maximum", p, CONVNET_SUPPORT, 3);
  test_differences("all layers, hidden, maximum", p, CONVNET_TASK, 14);
  p.adapt = CONVNET_DENSE;
  test_differences("dense layers", p, CONVNET_TASK, 16);
  p.halving = CONVNET_STRIDE;
  p.activation = CONVNET_LINEAR;
  p.bias = CONVNET_BIAS_DIGITAL;
  test_differences("dense layers, support", p, CONVNET_SUPPORT, 6);
  p.adapt = CONVNET_ALL;
  test_differences("all layers, linear", p, CONVNET_SUPPORT, 7);
  p.start = CONVNET_PROTOTYPE;
  test_differences("all layers, class means", p, CONVNET_SUPPORT, 18);
  p.mean_offset = 1;
  test_differences("all layers, class means with offset", p, CONVNET_TASK, 19);
  p.adapt = CONVNET_DENSE;
  test_differences("dense layers, class means with offset", p, CONVNET_SUPPORT, 20);
}

// Without the second derivatives the gradient is the sum of those of the query losses at the adapted weights.
static void test_first_order(struct convnet_params p, enum convnet_rule rule) {
  const struct maml_options o = { .rule = rule, .weight = { 0.3, 0.25, 0.9 }, .first_order = 1 };
  struct outer t;
  outer_init(&t, p, o, 8);
  const size_t n = t.net.rates, from = t.net.offset[t.net.adapting];
  real *found = err_aligned(n, sizeof *found), *sum = err_aligned(n, sizeof *sum);
  real *w = err_aligned((STEPS + 1)*n, sizeof *w);
  meta_gradient(&t);
  memcpy(found, t.gradient, n * sizeof *found);
  memcpy(w, t.worker.finetune.w, (STEPS + 1) * t.worker.finetune.n * sizeof *w);
  for (int s = 0; s <= STEPS; s++) {
    memcpy(t.parameters + from, w + (size_t)s*(n - from), (n - from) * sizeof *w);
    memset(t.options.weight, 0, sizeof t.options.weight);
    t.options.weight[0] = o.weight[s];
    meta_gradient(&t);
    for (size_t i = 0; i < n; i++) sum[i] += t.gradient[i];
  }
  double worst = 0, size = 0;
  for (size_t i = 0; i < n; i++) size = fmax(size, fabs((double)sum[i]));
  for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs((double)found[i] - (double)sum[i]) / size);
  CHECK(worst <= test_tol(is_double ? 1e-13 : 1e-5), "first order: off by %.2e", worst);
  free(found);
  free(sum);
  free(w);
  outer_release(&t);
}

// With rates that are zero but for the read-out's, all is as with the delta rule.
static void test_readout(struct convnet_params p, enum convnet_rule rule) {
  const struct maml_options o = { .rule = rule, .weight = { 0.3, 0.25, 0.9 } };
  struct outer t, alone;
  outer_init(&t, p, o, 9);
  p.adapt = CONVNET_READOUT;
  outer_init(&alone, p, o, 9);
  for (int s = 0; s < STEPS; s++)
    for (int l = t.net.adapting; l < t.net.readout; l++) t.parameters[convnet_rate(&t.net, s, l)] = 0;
  const double tolerance = is_double ? 1e-12 : 2e-4, a = meta_gradient(&t), b = meta_gradient(&alone);
  CHECK_REL(a, b, tolerance);
  double worst = 0, size = 0;
  for (size_t i = 0; i < t.net.rates; i++) {
    size = fmax(size, fabs((double)alone.gradient[i]));
    worst = fmax(worst, fabs((double)t.gradient[i] - (double)alone.gradient[i]));
  }
  CHECK(worst <= test_tol(tolerance) * size, "of weights: off by %.2e of %.2e", worst, size);
  for (int s = 0; s < STEPS; s++)
    CHECK_REL(t.gradient[convnet_rate(&t.net, s, t.net.readout)],
              alone.gradient[convnet_rate(&alone.net, s, alone.net.readout)], 10*tolerance);
  if (p.start == CONVNET_PROTOTYPE) CHECK_REL(t.gradient[t.net.scale], alone.gradient[alone.net.scale], tolerance);
  outer_release(&t);
  outer_release(&alone);
}

// Weights of 4 bits: they move along the grid, and a worker does not remember its last task.
static void test_quantised(struct convnet_params p) {
  const struct maml_options o = { .bits = 4, .weight = { [STEPS] = 1 } };
  struct outer t;
  outer_init(&t, p, o, 11);
  real *first = err_aligned(t.net.n, sizeof *first);
  const struct finetune *f = &t.worker.finetune;
  long moved = 0;
  for (int round = 0; round < 3; round++) {  // rounds 0 and 2 are the same task, with another between
    struct rng r = rng_stream(10, RNG_QUANTISE, (uint32_t)(round % 2));
    show(&t, &r);
    maml_adapt(&t.worker, &t.net, t.parameters, &t.options, NULL, &r);
    memset(t.gradient, 0, t.net.n * sizeof *t.gradient);
    maml_backward(&t.worker, &t.net, t.parameters, t.gradient, &t.options);
    if (!round) memcpy(first, t.gradient, t.net.n * sizeof *first);
    for (size_t i = 0; i < (STEPS + 1)*f->n; i++) {
      const double v = (double)f->w[i] * 8;
      CHECK(v == rint(v) && v >= -8 && v <= 7, "weight %g is not on the grid", v / 8);
      moved += i >= f->n && f->w[i] != f->w[i - f->n];
    }
  }
  CHECK(moved > 50, "only %ld weights moved", moved);
  CHECK(!memcmp(first, t.gradient, t.net.n * sizeof *first), "a worker remembers its last task");
  for (int l = 0; l <= t.net.readout; l++) {
    const int O = convnet_columns(&t.net, l), OP = vector_padded(O), n = convnet_rows(&t.net, l) * OP;
    double padding = 0, inside = 0;
    for (int i = 0; i < n; i++)
      *(i % OP < O ? &inside : &padding) += fabs((double)t.gradient[t.net.offset[l] + (size_t)i]);
    CHECK(padding == 0 && inside > 0 && isfinite(inside), "layer %d: gradient %g, of the padding %g", l, inside,
          padding);
  }
  free(first);
  outer_release(&t);
}

int main(void) {
  const struct convnet_params all = { .channels = 4, .blocks = 2, .adapt = CONVNET_ALL };
  struct convnet_params dense = { .channels = 5, .blocks = 2, .hidden = 6, .bias = CONVNET_BIAS_DIGITAL };
  if (GRADIENT_CHECKED) test_gradients();
  for (int adapt = CONVNET_DENSE; adapt <= CONVNET_ALL; adapt++)
    for (int rule = CONVNET_TASK; rule <= CONVNET_SUPPORT; rule++) {
      dense.adapt = adapt;
      test_first_order(dense, (enum convnet_rule)rule);
      test_readout(dense, (enum convnet_rule)rule);
      struct convnet_params means = dense;
      means.start = CONVNET_PROTOTYPE;
      test_readout(means, (enum convnet_rule)rule);
      means.mean_offset = 1;
      test_readout(means, (enum convnet_rule)rule);
    }
  test_quantised(all);
  return test_summary();
}
