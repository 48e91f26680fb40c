// The core for microcontrollers on this machine: its results beside those of the program, its sizes, and what it
// refuses. Built in float and, as test_edge_fixed, in integers.
#include "edge_fixture.h"
#include "experiment/fewshot/background.h"

enum { TASKS = TEST_SANITIZED ? 2 : 20 };

static const char *const settings[] = { "data.kind=builtin", "data.classes=40", "data.evaluation_classes=20",
                                        "eval.ways=5", "eval.shots=3", "eval.statistics_images=100", NULL };

// One unit of a number of the core.
static double unit(const struct mxa *s) {
#ifdef MXA_FIXED
  return ldexp(1, -s->bits);
#else
  return s->bits < 0;
#endif
}
static double value(const struct mxa *s, mxa_number x) { return unit(s) > 0 ? (double)x*unit(s) : (double)x; }

// ---- against the program

static void check_accuracy(struct edge_fixture *e) {
  struct fewshot_result r;
  double sum = 0;
  e->f.eval.tasks = TASKS;
  e->f.run.threads = 1;
  CHECK(fewshot_eval(&r, &e->f, &e->m, &e->data) == 0, "%s", err_message());
  for (int k = 0; k < TASKS; k++) {
    edge_fixture_draw(e, k);
    const double accuracy = edge_fixture_accuracy(e, r.n_updates);
    CHECK(fabs(accuracy - r.task_accuracy[k*(r.n_updates + 1) + r.n_updates]) < 0.13, "task %d: %.2f", k, accuracy);
    sum += accuracy/TASKS;
  }
  CHECK(fabs(sum - r.accuracy[r.n_updates]) < 0.01, "%.4f, program %.4f", sum, r.accuracy[r.n_updates]);
  fewshot_result_release(&r);
}

// Features in units of their largest code, from the float network with the same statistics.
static void check_features(struct edge_fixture *e) {
  const struct convnet *net = &e->m.net;
  const struct maml_options exact = { 0 };
  struct maml_worker w;
  struct convnet_fixed fixed;
  struct rng r = rng_stream((uint64_t)e->f.run.seed, RNG_EVALUATE, UINT32_MAX);
  const int n = (int)e->f.eval.statistics_images;
  real *x = background_images(&e->data, n, 0, 1, &r);
  maml_worker_init(&w, net, 3, 5, &exact);
  maml_program(&w, net, e->m.parameters, &exact, NULL);
  convnet_fixed_init(&fixed, net);
  convnet_measure(net, &w.work, w.layers, &fixed, x, n, &r);
  edge_fixture_draw(e, 0);
  w.work.n[0] = 15;
  for (int i = 0; i < 15*e->image_bytes; i++) w.work.y[0][i*VECTOR_PADDING] = (real)e->images[i]/255;
  convnet_forward(net, &w.work, w.layers, 0, CONVNET_FIXED, &fixed, NULL);
  double error = 0, power = 0, dot = 0;
  for (int i = 0; i < 15; i++) {
    int8_t h[512];
    mxa_features(&e->s, h, e->images + i*e->image_bytes);
    for (int c = 0; c < net->channels; c++) {
      const double a = (double)w.work.pooled[i*vector_padded(net->channels) + c];
      dot += a*h[c];
      power += (double)h[c]*h[c];
      error += a*a;
    }
  }
  const double correlation = dot/sqrt(power*error);
  CHECK(correlation > 0.998, "correlation of 8-bit and float features %.5f", correlation);
  // the constants contain the square of the unit of a code, which is the slope between the two
  const float *constant = (const float *)(const void *)e->edge.word;
  const double unit2 = dot/power*dot/power,
               rate = (double)e->m.parameters[convnet_rate(net, 0, net->readout)]/net->ways;
  CHECK_REL((double)constant[5], (double)e->m.parameters[net->scale]*unit2, 0.02);
  CHECK_REL((double)constant[7], rate*unit2, 0.02);
  CHECK_REL((double)constant[9], rate, 1e-6);
  convnet_fixed_release(&fixed);
  maml_worker_release(&w, net);
  free(x);
}

// K1 and K2 in double, of three classes of 1, 2 and 4 examples.
enum { N = 3, EXAMPLES = 7, C = 512 };
static const int labels[EXAMPLES] = { 0, 1, 1, 2, 2, 2, 2 };

static void reference(double *z, const uint32_t *model, const int8_t (*h)[C], int F, int updates) {
  static const int n[N] = { 1, 2, 4 };
  double mean[N][C] = { { 0 } }, w[N][C], b[N] = { 0 }, scale, all;
  const float *constant = (const float *)(const void *)model;
  for (int i = 0; i < EXAMPLES; i++)
    for (int c = 0; c < F; c++) mean[labels[i]][c] += (double)h[i][c]/n[labels[i]];
  scale = (double)constant[5];
  for (int c = 0; c < F; c++) {
    all = (mean[0][c] + mean[1][c] + mean[2][c])/N;
    for (int k = 0; k < N; k++) {
      w[k][c] = scale*(mean[k][c] - all);
      b[k] -= scale*mean[k][c]*mean[k][c]/2;
    }
  }
  for (int t = 0; t <= updates; t++) {
    double g[EXAMPLES][N];
    for (int i = 0; i < EXAMPLES; i++) {
      double sum = 0;
      for (int k = 0; k < N; k++) {
        z[k] = b[k];
        for (int c = 0; c < F; c++) z[k] += w[k][c]*h[i][c];
      }
      for (int k = 0; k < N; k++) sum += exp(z[k]);
      for (int k = 0; k < N; k++) g[i][k] = (exp(z[k])/sum - (labels[i] == k))/n[labels[i]];
    }
    if (t == updates) break;  // z is that of the last example
    const double rate = (double)constant[7 + 4*t], bias = (double)constant[7 + 4*t + 2];
    for (int i = 0; i < EXAMPLES; i++)
      for (int k = 0; k < N; k++) {
        b[k] -= bias*g[i][k];
        for (int c = 0; c < F; c++) w[k][c] -= rate*g[i][k]*h[i][c];
      }
  }
}

// At larger rates than the model's, which change little.
static uint32_t *fast_model(const struct edge_fixture *e) {
  enum { TIMES_LOG2 = 4 };
  const size_t bytes = 4 * (size_t)e->edge.n;
  uint32_t *word = err_calloc(1, bytes);
  memcpy(word, e->edge.word, bytes);
  for (int t = 0; t < 2*e->s.n_updates; t++) {
    float *rate = (float *)(void *)(word + 7 + 2*t);
    *rate *= 1 << TIMES_LOG2;
    word[8 + 2*t] -= TIMES_LOG2 << 16;  // of the right shift
  }
  return word;
}

static void check_rule(struct edge_fixture *e) {
  int8_t h[EXAMPLES][C];
  double z[N], moved = 0;
  uint32_t *word = fast_model(e);
  struct mxa s;
  CHECK(mxa_init(&s, word, 4 * (size_t)e->edge.n, e->ram, e->ram_bytes, N, EXAMPLES) == 0, "init");
  edge_fixture_draw(e, 1);
  for (int updates = 0; updates <= s.n_updates; updates++) {
    mxa_forget(&s);
    for (int i = 0; i < EXAMPLES; i++) {
      mxa_features(&s, h[i], e->images + 2*i*e->image_bytes);
      CHECK(mxa_add(&s, labels[i], h[i]) == 0, "example %d", i);
    }
    CHECK(mxa_learn(&s, updates) == 0 && mxa_classify(&s, h[EXAMPLES - 1]) >= 0, "learn");
    reference(z, word, h, s.channels, updates);
    for (int k = 0; k < N; k++) {
      const double found = value(&s, s.z[k]), within = unit(&s) > 0 ? 0.01 : 1e-4;
      CHECK(fabs(found - z[k]) < test_tol(within), "%d updates, class %d: %.6f, %.6f", updates, k, found, z[k]);
      if (updates == 0) moved -= z[k]*z[k];
      if (updates == s.n_updates) moved += z[k]*z[k];
    }
  }
  CHECK(fabs(moved) > 1, "the updates change the logits: %.3g", moved);
  free(word);
  CHECK(mxa_init(&e->s, e->edge.word, 4 * (size_t)e->edge.n, e->ram, e->ram_bytes, 5, 15) == 0, "init");
}

// ---- hooks

struct crossbar {
  mxa_number w[8][64];
  int F, products, updates, fails;
};

static int crossbar_product(void *context, mxa_number *z, const int8_t *h, int ways) {
  struct crossbar *x = context;
  for (int k = 0; k < ways; k++) {
    z[k] = 0;
    for (int c = 0; c < x->F; c++) z[k] += (mxa_number)h[c]*x->w[k][c];
  }
  x->products++;
  return x->fails ? -77 : 0;
}

static int crossbar_update(void *context, const mxa_number *dw, int ways) {
  struct crossbar *x = context;
  for (int k = 0; k < ways; k++)
    for (int c = 0; c < x->F; c++) x->w[k][c] += dw[k*x->F + c];
  x->updates++;
  return 0;
}

static void check_hooks(struct edge_fixture *e) {
  static struct crossbar x;
  int8_t h[C];
  mxa_number z[5];
  edge_fixture_draw(e, 2);
  const double own = edge_fixture_accuracy(e, 2);
  mxa_features(&e->s, h, e->images);
  mxa_classify(&e->s, h);
  memcpy(z, e->s.z, sizeof z);
  memset(e->s.w, 0, sizeof(mxa_number) * 5 * (size_t)e->s.channels);
  x.F = e->s.channels;
  e->s.readout = (struct mxa_readout){ &x, crossbar_product, crossbar_update };
  CHECK(edge_fixture_accuracy(e, 2) == own, "on the crossbar");
  CHECK(mxa_classify(&e->s, h) >= 0 && memcmp(z, e->s.z, sizeof z) == 0, "the same logits");
  CHECK(x.updates == 3 && x.products == 2*15 + 25 + 1, "%d updates, %d products", x.updates, x.products);
  x.fails = 1;
  CHECK(mxa_classify(&e->s, h) == -77 && mxa_learn(&e->s, 1) == -77, "an error of the hardware");
  e->s.readout = (struct mxa_readout){ 0 };
}

// ---- sizes and refusals

static void check_room(const struct edge_fixture *e) {
  enum { GUARD = 64 };
  const size_t bytes = 4 * (size_t)e->edge.n;
  struct mxa s = { .side = 7 };
  int8_t h[C];
  const size_t need = mxa_ram(e->edge.word, bytes, 3, 4);
  uint8_t *image = err_calloc(1, (size_t)e->image_bytes), *ram = err_calloc(1, need + GUARD);
  memset(ram + need, 0xa5, GUARD);
  memset(image, 200, (size_t)e->image_bytes);
  CHECK(need == MXA_RAM(10976UL, 2744UL, 504UL, 56UL, 3, 4), "%zu", need);
  CHECK(mxa_init(&s, e->edge.word, bytes, ram, need - 1, 3, 4) == MXA_MEMORY && s.side == 7, "one byte too small");
  CHECK(mxa_init(&s, e->edge.word, bytes, ram + 1, need, 3, 4) == MXA_MEMORY, "not aligned");
  CHECK(mxa_init(&s, e->edge.word, bytes, ram, need, 0, 4) == MXA_MEMORY, "no ways");
  CHECK(mxa_init(&s, e->edge.word, bytes, ram, need, MXA_MAX_WAYS + 1, 4) == MXA_MEMORY, "ways");
  CHECK(mxa_init(&s, e->edge.word, bytes, ram, need, 3, MXA_MAX_EXAMPLES + 1) == MXA_MEMORY, "examples");
  CHECK(mxa_init(&s, e->edge.word, bytes - 4, ram, need, 3, 4) == MXA_MODEL && s.side == 7, "cut off");
  CHECK(mxa_init(&s, e->edge.word, bytes, ram, need, 3, 4) == 0, "fits");
  CHECK(mxa_learn(&s, 1) == MXA_EMPTY && mxa_classify(&s, h) == MXA_EMPTY, "nothing learned");
  mxa_features(&s, h, image);
  CHECK(mxa_add(&s, 1, h) == MXA_CLASS && mxa_add(&s, -1, h) == MXA_CLASS, "no class 0 yet");
  CHECK(mxa_add(&s, 0, h) == 0 && mxa_add(&s, 1, h) == 0 && mxa_add(&s, 2, h) == 0, "three classes");
  CHECK(mxa_add(&s, 3, h) == MXA_CLASS, "a fourth class");
  CHECK(mxa_add(&s, 2, h) == 0 && mxa_add(&s, 2, h) == MXA_EXAMPLES, "a fifth example");
  CHECK(mxa_learn(&s, 3) == 0 && mxa_classify(&s, h) >= 0, "learn");
  for (int i = 0; i < GUARD; i++) CHECK(ram[need + (size_t)i] == 0xa5, "written past the end");
  free(ram);
  free(image);
}

static void check_model(const struct edge_fixture *e) {
  static const struct {
    int word;
    uint32_t value;
  } wrong[] = {
    { 0, 1 }, { 1, 0 }, { 2, 28 }, { 2, 1 | 1 << 16 }, { 2, 999 | 1 << 16 },                 // sizes
    { 3, 0 | 4 << 16 }, { 3, 56 }, { 3, 56 | 9 << 16 }, { 4, 99 }, { 4, 4 | 40 << 16 }, { 4, 4 | 0x3ff << 16 },
    { 5, 0x7fc00000 }, { 7, 0xbf800000 }, { 6, 0x8000 }, { 6, 31 << 16 }, { 8, 0x800 }, { 10, 0x1f0000 },  // constants
    { 23, 31 }, { 24, 0x7fffffff }, { 25, 0x8000 },                                          // of a block
  };
  const size_t bytes = 4 * (size_t)e->edge.n;
  uint32_t *word = err_calloc((size_t)e->edge.n, sizeof *word);
  for (size_t i = 0; i < sizeof wrong/sizeof *wrong; i++) {
    memcpy(word, e->edge.word, bytes);
    CHECK(mxa_ram(word, bytes, 5, 25) > 0, "right");
    word[wrong[i].word] = wrong[i].value;
    CHECK(mxa_ram(word, bytes, 5, 25) == 0, "word %d = %x", wrong[i].word, wrong[i].value);
  }
  for (size_t n = 0; n < 60; n++) CHECK(mxa_ram(e->edge.word, n, 5, 25) == 0, "%zu bytes", n);
  free(word);
}

static void check_refused(const char *model, const char *what) {
  struct fewshot f;
  struct fewshot_model m;
  fewshot_init(&f);
  CHECK(fewshot_model_load(&m, &f, model, &(struct run_sources){ 0 }) == 0, "%s", err_message());
  CHECK(edge_export(&f, &m, "/nowhere") == ERR_SETTING && strstr(err_message(), what), "%s", err_message());
  fewshot_model_release(&m);
}

int main(void) {
  static struct edge_fixture e;
  edge_fixture_init(&e, "models/omniglot-any.safetensors", settings);
  check_room(&e);
  check_model(&e);
  check_rule(&e);
  check_hooks(&e);
  check_features(&e);
  check_accuracy(&e);
  check_refused("models/cifar-5w5s.safetensors", "net.hidden=256");
  edge_fixture_release(&e);
  return test_summary();
}
