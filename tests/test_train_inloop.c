// Meta-training with the chip in the loop: on an ideal chip the loss and the meta-gradient are those of software; a
// renewed chip is a new one; what trains is the weights of the chip, corrected; the result follows from the seed.
#include "chip/chip_private.h"
#include "base/err.h"
#include "base/rng.h"
#include "experiment/fewshot/deploy.h"
#include "experiment/fewshot/inloop.h"
#include "ideal_chip.h"
#include "test.h"

enum { SIDE = 12, SHOTS = 2, QUERIES = 3, CHANNELS = 7, STEPS = 2 };

struct bench {
  struct convnet net;
  struct maml_options options;
  struct maml_worker worker;
  struct inloop loop;
  real *parameters, *gradient, *x;
  size_t n_x;
};

static struct chip_params ideal(void) {
  struct chip_params p = ideal_chip();
  p.correction = CHIP_COLUMN;
  p.headroom = 8;  // no update is cut off
  return p;
}

static void bench_init_net(struct bench *b, enum inloop_kind kind, const struct chip_params *p,
                           enum convnet_adapt adapt, int hidden) {
  const struct convnet_params shape = { .channels = CHANNELS, .blocks = 2, .ways = 3, .steps = STEPS, .epsilon = 1e-3,
                                        .adapt = adapt, .hidden = hidden };
  struct rng r = rng_stream(9, RNG_TEST, 1);
  CHECK(convnet_init(&b->net, &shape, SIDE, 1) == 0, "%s", err_message());
  b->options = (struct maml_options){ .steps = STEPS, .weight = { 0, 0.5, 0.5 } };
  maml_worker_init(&b->worker, &b->net, SHOTS, QUERIES, &b->options);
  b->parameters = err_aligned(b->net.n, sizeof(real));
  b->gradient = err_aligned(b->net.n, sizeof(real));
  convnet_start(&b->net, b->parameters, 0.4, &r);
  b->n_x = (size_t)(3 * (SHOTS + QUERIES) * SIDE*SIDE * VECTOR_PADDING);
  b->x = err_aligned(b->n_x, sizeof(real));
  for (size_t i = 0; i < b->n_x; i += VECTOR_PADDING) b->x[i] = (real)rng_normal(&r);
  b->loop = (struct inloop){ 0 };
  if (kind != INLOOP_NONE) CHECK(inloop_init(&b->loop, kind, &b->worker, &b->net, p) == 0, "%s", err_message());
}

static void bench_init(struct bench *b, enum inloop_kind kind, const struct chip_params *p) {
  bench_init_net(b, kind, p, CONVNET_READOUT, 0);
}

static void bench_release(struct bench *b) {
  maml_worker_release(&b->worker, &b->net);
  if (b->loop.kind != INLOOP_NONE) inloop_release(&b->loop);
  free(b->parameters);
  free(b->gradient);
  free(b->x);
}

static double learn(struct bench *b, uint64_t seed, double time_max_s) {
  struct rng noise = rng_stream(seed, RNG_READ, 0);
  memcpy(b->worker.work.y[0], b->x, b->n_x * sizeof(real));
  memset(b->gradient, 0, b->net.n * sizeof(real));
  if (b->loop.kind == INLOOP_NONE) maml_program(&b->worker, &b->net, b->parameters, &b->options, NULL);
  else {
    inloop_write(&b->loop, &b->worker, &b->net, b->parameters, seed, time_max_s);
    inloop_begin(&b->loop);
  }
  maml_adapt(&b->worker, &b->net, b->parameters, &b->options, NULL, &noise);
  return maml_backward(&b->worker, &b->net, b->parameters, b->gradient, &b->options);
}

static double distance(const real *a, const real *b, size_t n) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < n; i++) {
    difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    size += (double)b[i] * (double)b[i];
  }
  return sqrt(difference / size);
}

static void test_ideal(void) {
  struct bench software, loop;
  const struct chip_params p = ideal();
  bench_init(&software, INLOOP_NONE, NULL);
  const double expected = learn(&software, 1, 0);
  for (int kind = INLOOP_WEIGHTS; kind <= INLOOP_CHIP; kind++) {
    bench_init(&loop, (enum inloop_kind)kind, &p);
    CHECK_REL(learn(&loop, 1, 1e6), expected, 1e-4);
    const double d = distance(loop.gradient, software.gradient, software.net.n);
    CHECK(d < test_tol(1e-3), "kind %d: gradients differ by %g", kind, d);
    bench_release(&loop);
  }
  bench_release(&software);
}

// A read-out that begins near zero gets the range of its weights after a task, with 8-bit converters and no headroom.
static void test_begins_small(void) {
  struct bench software, loop;
  struct chip_params p = ideal();
  p.headroom = 1;
  p.dac_bits = p.adc_bits = 8;
  bench_init_net(&software, INLOOP_NONE, NULL, CONVNET_READOUT, 12);
  const struct convnet *net = &software.net;
  for (size_t i = net->offset[net->readout]; i < net->rates; i++) software.parameters[i] *= (real)1e-3;
  for (int s = 0; s < STEPS; s++) software.parameters[net->rates + (size_t)s] = 3;
  const double expected = learn(&software, 1, 0);
  for (int kind = INLOOP_WEIGHTS; kind <= INLOOP_CHIP; kind++) {
    bench_init_net(&loop, (enum inloop_kind)kind, &p, CONVNET_READOUT, 12);
    memcpy(loop.parameters, software.parameters, net->n * sizeof(real));
    const double loss = learn(&loop, 1, 1e6);
    CHECK(fabs(loss - expected) < 0.05*expected, "kind %d: loss %g, in software %g", kind, loss, expected);
    bench_release(&loop);
  }
  bench_release(&software);
}

// All layers adapt, on the chip.
static void test_layers(void) {
  struct bench software, loop;
  const struct chip_params p = ideal();
  bench_init_net(&software, INLOOP_NONE, NULL, CONVNET_ALL, 0);
  bench_init_net(&loop, INLOOP_CHIP, &p, CONVNET_ALL, 0);
  CHECK_REL(learn(&loop, 1, 1e6), learn(&software, 1, 0), 1e-4);
  const double d = distance(loop.gradient, software.gradient, software.net.n);
  CHECK(d < test_tol(1e-3), "gradients differ by %g", d);
  for (int s = 0; s < STEPS; s++) {
    const long *written = loop.worker.finetune.written + s*convnet_n_adapting(&loop.net);
    long sum = 0;
    for (int l = 0; l <= loop.net.readout; l++) {
      CHECK(written[l] > 0, "update %d writes nothing in layer %d", s, l);
      sum += written[l];
    }
    CHECK(sum == loop.worker.record.written[s], "layers %ld, all %ld", sum, loop.worker.record.written[s]);
  }
  bench_release(&loop);
  bench_release(&software);
}

// Under errors, drift, faults, converters and noise.
static struct chip_params real_chip(void) {
  struct chip_params p;
  param_defaults(chip_param_table, &p);
  param_defaults(verify_param_table, &p.verify);
  p.fault_reset = p.fault_set = 0.01;
  p.adc_gain_spread = 0.02;
  p.scale = CHIP_SCALE_COLUMN;
  return p;
}

static void test_renewed(void) {
  const struct chip_params p = real_chip();
  struct bench b;
  struct chip *fresh;
  bench_init(&b, INLOOP_CHIP, &p);
  learn(&b, 3, 1e6);
  learn(&b, 4, 0);
  CHECK(deploy_plan(&fresh, &p, 4, &b.net) == 0, "%s", err_message());
  for (int l = 0; l <= b.net.blocks; l++)
    chip_synapse(fresh, l)->ops->program(chip_synapse(fresh, l), b.parameters + b.net.offset[l], &fresh->rng);
  for (int l = 0; l <= b.net.blocks; l++) {
    const size_t n = (size_t)convnet_rows(&b.net, l) * (size_t)vector_padded(convnet_columns(&b.net, l));
    real *v = err_aligned(2*n, sizeof *v);
    chip_effective(b.loop.chip, l, v);
    chip_effective(fresh, l, v + n);
    CHECK(!memcmp(v, v + n, n * sizeof *v), "matrix %d of the renewed chip is not that of a new one", l);
    free(v);
  }
  chip_free(fresh);
  bench_release(&b);
}

// Outputs of the read-out for the support images, (3*SHOTS, padded ways), on these arrays.
static void forward(real *z, struct bench *b, struct synapse *const *layers) {
  struct convnet_work *w = &b->worker.work;
  const struct conv shape = convnet_shape(&b->net, b->net.readout, 3*SHOTS);
  struct rng r = rng_stream(4, RNG_READ, 0);
  memcpy(w->y[0], b->x, b->n_x * sizeof(real));
  w->n[0] = 3*SHOTS;
  w->n[1] = 0;
  convnet_forward(&b->net, w, layers, 0, CONVNET_TASK, NULL, &r);
  layers[b->net.readout]->ops->product(layers[b->net.readout], z, w->h, &shape, &r);
}

// The chip of a task of training computes what the chip of an evaluation does, bit for bit: with resistance of the
// wires and noise with a memory, which both change what it computes.
static void test_forward(void) {
  enum { N = 3*SHOTS * VECTOR_PADDING };
  real *z = err_aligned(4*N, sizeof *z);
  for (int without = 0; without < 3; without++) {
    struct chip_params p = real_chip();
    struct synapse *layers[CONVNET_MAX_LAYERS];
    struct chip *fresh;
    struct bench b;
    p.wire_ohm = without == 1 ? 0 : 20;
    p.read_memory = without != 2;
    bench_init(&b, INLOOP_CHIP, &p);
    learn(&b, 3, 1e6);
    memcpy(b.worker.work.y[0], b.x, b.n_x * sizeof(real));
    b.worker.work.n[0] = 3*SHOTS;
    inloop_write(&b.loop, &b.worker, &b.net, b.parameters, 4, 0);
    inloop_begin(&b.loop);
    forward(z, &b, b.worker.layers);
    CHECK(deploy_convnet(&fresh, &p, 4, &b.net, b.parameters, b.x, 3*SHOTS, 3*SHOTS) == 0, "%s", err_message());
    deploy_layers(layers, fresh, &b.net);
    forward(z + N, &b, layers);
    CHECK(!memcmp(z, z + N, N * sizeof *z), "without %d: training computes other outputs than evaluation", without);
    if (without == 0) memcpy(z + 2*N, z, N * sizeof *z);
    else CHECK(distance(z, z + 2*N, N) > 1e-4, "without %d: nothing changes", without);
    chip_free(fresh);
    bench_release(&b);
  }
  free(z);
}

// With exact products the kernels are those behind the wires.
static void test_wires_held(void) {
  struct chip_params p = real_chip();
  real *held[2];
  for (int k = 0; k < 2; k++) {
    struct bench b;
    p.wire_ohm = 20*k;
    bench_init(&b, INLOOP_WEIGHTS, &p);
    learn(&b, 5, 0);
    held[k] = err_aligned(b.net.n, sizeof(real));
    memcpy(held[k], b.worker.held, b.net.offset[b.net.readout] * sizeof(real));
    if (k) CHECK(distance(held[1], held[0], b.net.offset[b.net.readout]) > 1e-4, "wires change nothing");
    bench_release(&b);
  }
  free(held[0]);
  free(held[1]);
}

// All layers adapt: the weights in use are what the chip conducts, moved as it moves what it means to hold.
static void test_layers_held(void) {
  const struct chip_params p = real_chip();
  struct bench b;
  bench_init_net(&b, INLOOP_CHIP, &p, CONVNET_ALL, 0);
  learn(&b, 3, 1e6);
  const real *last = b.worker.finetune.w + STEPS*b.worker.finetune.n;
  for (int l = 0; l < b.net.blocks; l++) {
    const size_t n = (size_t)convnet_rows(&b.net, l) * (size_t)vector_padded(convnet_columns(&b.net, l));
    real *first_meant = err_aligned(2*n, sizeof *first_meant), *last_meant = first_meant + n;
    struct synapse *s = chip_synapse(b.loop.chip, l), *adapted = b.worker.layers[l];
    s->ops->weights(s, first_meant);
    adapted->ops->weights(adapted, last_meant);
    double apart = 0, moved = 0;
    for (size_t i = 0; i < n; i++) {
      const double held = (double)b.worker.held[b.net.offset[l] + i], in_use = (double)last[b.net.offset[l] + i];
      apart = fmax(apart, fabs(in_use - (double)last_meant[i] - (held - (double)first_meant[i])));
      moved = fmax(moved, fabs((double)last_meant[i] - (double)first_meant[i]));
    }
    CHECK(moved > 1e-3 && apart < 1e-6, "layer %d: moved by %g, off by %g", l, moved, apart);
    free(first_meant);
  }
  bench_release(&b);
}

// The same bits after any past; others under another seed or without drift.
static void test_seed_alone(void) {
  const struct chip_params p = real_chip();
  for (int kind = INLOOP_WEIGHTS; kind <= INLOOP_CHIP; kind++) {
    struct bench a, b;
    bench_init(&a, (enum inloop_kind)kind, &p);
    bench_init(&b, (enum inloop_kind)kind, &p);
    const double first = learn(&a, 7, 1e6);
    learn(&b, 8, 1e7);
    const double second = learn(&b, 7, 1e6);
    CHECK(first == second && !memcmp(a.gradient, b.gradient, a.net.n * sizeof(real)), "kind %d: the past shows", kind);
    CHECK(learn(&b, 8, 1e6) != first, "kind %d: the seed does not matter", kind);
    CHECK(learn(&b, 7, 0) != first, "kind %d: the age does not matter", kind);
    bench_release(&a);
    bench_release(&b);
  }
}

// v~ = v after the common decay of a column is taken out: <v~,w> = <w,w>, and v~ is not w.
static void test_corrected(void) {
  const struct chip_params p = real_chip();
  struct bench b;
  bench_init(&b, INLOOP_WEIGHTS, &p);
  learn(&b, 5, 1e7);
  for (int l = 0; l < b.net.blocks; l++) {
    const int I = convnet_rows(&b.net, l), O = convnet_columns(&b.net, l), OP = vector_padded(O);
    const real *w = b.parameters + b.net.offset[l], *v = b.worker.held + b.net.offset[l];
    for (int o = 0; o < O; o++) {
      double ww = 0, vw = 0, dd = 0;
      for (int i = 0; i < I; i++) {
        const double x = (double)w[i*OP + o], y = (double)v[i*OP + o];
        ww += x*x;
        vw += x*y;
        dd += (x - y)*(x - y);
      }
      CHECK_REL(vw, ww, 1e-5);
      CHECK(dd > 1e-4 * ww, "column %d of layer %d is held without error", o, l);
    }
  }
  const double age_s = b.loop.chip->clock_s;
  CHECK(age_s > 300 && age_s < 1e7, "the chip is %g s old", age_s);
  struct rng r = rng_stream(5, RNG_DRIFT, 0);
  CHECK_REL(age_s, 300*pow(1e7/300, rng_uniform(&r)), 1e-12);  // log-uniform
  bench_release(&b);
}

static void test_clip(void) {
  struct chip_params p = real_chip();
  p.weight_clip = 1.5;
  struct bench b;
  bench_init(&b, INLOOP_WEIGHTS, &p);
  const int O = b.net.channels, OP = vector_padded(O), I = convnet_rows(&b.net, 0);
  double square = 0;
  b.parameters[0] = 3;
  for (int i = 0; i < I; i++) square += (double)b.parameters[i*OP] * (double)b.parameters[i*OP];
  const real other = b.parameters[1];
  inloop_clip(&b.loop, &b.net, b.parameters);
  CHECK_REL(b.parameters[0], 1.5 * sqrt(square / I), 1e-5);
  CHECK_REL(b.parameters[1], other, 1e-6);
  bench_release(&b);
}

int main(void) {
  test_ideal();
  test_begins_small();
  test_layers();
  test_layers_held();
  test_renewed();
  test_forward();
  test_wires_held();
  test_seed_alone();
  test_corrected();
  test_clip();
  return test_summary();
}
