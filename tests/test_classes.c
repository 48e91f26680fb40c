// A read-out that is taught classes: its delta rule in which every class counts the same, against that of learn/adapt.h
// and written out; means in the place of images; the start from class means; the distance.
#include "base/arena.h"
#include "base/rng.h"
#include "learn/adapt.h"
#include "learn/classes.h"
#include "test.h"

enum { C = 6, CP = 16, N = 3, O = 18, OP = 32, ROWS = 9 };
static const int equal[ROWS] = { 0, 0, 0, 1, 1, 1, 2, 2, 2 }, unequal[ROWS] = { 0, 1, 1, 1, 1, 2, 2, 2, 2 };
static _Alignas(64) real h[ROWS*CP], w[C*OP], other[C*OP], weight[ROWS], mean[N*CP];

static double tolerance(void) { return sizeof(real) == sizeof(double) ? 1e-13 : 3e-6; }

static void draw(void) {
  struct rng r = rng_stream(4, RNG_TEST, 0);
  for (int i = 0; i < ROWS*CP; i++) h[i] = i % CP < C ? (real)rng_normal(&r) : 0;
}

static void take_means(const int *label) {
  int n[N] = { 0 };
  memset(mean, 0, sizeof mean);
  for (int i = 0; i < ROWS; i++) n[label[i]]++;
  for (int i = 0; i < ROWS; i++)
    for (int c = 0; c < C; c++) mean[label[i]*CP + c] += h[i*CP + c] / (real)n[label[i]];
}

static struct classes_task task_of(const int *label) {
  classes_weights(weight, label, ROWS, N);
  return (struct classes_task){ .N = N, .O = O, .C = C, .n = ROWS, .h = h, .label = label, .weight = weight };
}

// With as many images of every class it is the rule of learn/adapt.h, and more columns than classes change nothing.
static void test_equal_shots(void) {
  struct synapse *plain = synapse_exact_new(C, N), *wide = synapse_exact_new(C, O);
  struct adapt_record record;
  const real rate[] = { (real)0.7, (real)1.1 };
  const struct adapt_task t = { .ways = N, .steps = 2, .S = ROWS, .C = C, .h = h, .label = equal, .rate = rate };
  const struct classes_task task = task_of(equal);
  adapt_record_init(&record, N, 2, ROWS, 1, C);
  for (int s = 0; s < 2; s++) {
    adapt_update(&record, &t, plain, s, NULL);
    classes_update(&task, wide, (double)rate[s], NULL);
  }
  plain->ops->weights(plain, other);
  wide->ops->weights(wide, w);
  for (int c = 0; c < C; c++)
    for (int k = 0; k < O; k++) {
      const double expected = k < N ? (double)other[c*16 + k] : 0;
      CHECK(fabs((double)w[c*OP + k] - expected) <= test_tol(tolerance()), "%d, %d: %g, not %g", c, k,
            (double)w[c*OP + k], expected);
    }
  adapt_record_release(&record);
  plain->ops->free(plain);
  wide->ops->free(wide);
}

// The second update of unequal classes, from the gradient of the mean over classes of the mean loss of each.
static double loss(const int *label) {
  double sum = 0;
  for (int i = 0; i < ROWS; i++) {
    double z[N] = { 0 }, total = 0;
    int n = 0;
    for (int k = 0; k < N; k++) {
      for (int c = 0; c < C; c++) z[k] += (double)h[i*CP + c] * (double)w[c*OP + k];
      total += exp(z[k]);
    }
    for (int j = 0; j < ROWS; j++) n += label[j] == label[i];
    sum -= log(exp(z[label[i]])/total) / (N*n);
  }
  return sum;
}

static void test_unequal_shots(void) {
  const double rate = 0.3, step = sizeof(real) == sizeof(double) ? 1e-6 : 1e-2;
  const struct classes_task task = task_of(unequal);
  struct synapse *readout = synapse_exact_new(C, O);
  classes_update(&task, readout, 1.3, NULL);
  readout->ops->weights(readout, w);
  classes_update(&task, readout, rate, NULL);
  readout->ops->weights(readout, other);
  for (int i = 0; i < C*OP; i++) {
    const real held = w[i];
    double up = 0, down = 0;
    if (i % OP >= N) continue;
    w[i] = held + (real)step, up = loss(unequal);
    w[i] = held - (real)step, down = loss(unequal);
    w[i] = held;
    const double expected = (double)held - rate*(up - down)/(2*step);
    CHECK(fabs((double)other[i] - expected) <= test_tol(sizeof(real) == sizeof(double) ? 1e-9 : 2e-4), "%d: %g, not %g",
          i, (double)other[i], expected);
  }
  readout->ops->free(readout);
}

// From zeros the first update is the same from images and from means, and is known.
static void test_means_for_images(void) {
  static const int one[N] = { 0, 1, 2 };
  const struct classes_task images = task_of(unequal);
  struct classes_task means = images;
  _Alignas(64) real v[N];
  struct synapse *a = synapse_exact_new(C, O), *b = synapse_exact_new(C, O);
  take_means(unequal);
  classes_weights(v, one, N, N);
  means.n = N, means.h = mean, means.label = one, means.weight = v;
  classes_update(&images, a, 0.9, NULL);
  classes_update(&means, b, 0.9, NULL);
  a->ops->weights(a, w);
  b->ops->weights(b, other);
  for (int i = 0; i < C*OP; i++)
    CHECK(fabs((double)(w[i] - other[i])) <= test_tol(tolerance()), "%d: %g and %g", i, (double)w[i], (double)other[i]);
  classes_means(other, mean, N, O, C, 0.9/N, 0);
  for (int i = 0; i < C*OP; i++)
    CHECK(fabs((double)(w[i] - other[i])) <= test_tol(tolerance()), "%d: %g and %g", i, (double)w[i], (double)other[i]);
  a->ops->free(a);
  b->ops->free(b);
}

// With the offset, and the 1 of a bias as last feature, differences of logits are those of squared distances.
static void test_offset(void) {
  const double s = 0.8;
  _Alignas(64) real z[ROWS*OP];
  struct synapse *readout = synapse_exact_new(C, O);
  for (int i = 0; i < ROWS; i++) h[i*CP + C - 1] = 1;
  take_means(unequal);
  classes_means(w, mean, N, O, C, s, 1);
  readout->ops->program(readout, w, NULL);
  classes_logits(z, readout, h, ROWS, NULL);
  for (int i = 0; i < ROWS; i++)
    for (int k = 1; k < N; k++) {
      const double near = classes_distance2(h + i*CP, mean + k*CP, C), first = classes_distance2(h + i*CP, mean, C);
      CHECK(fabs((double)(z[i*OP + k] - z[i*OP]) + s*(near - first)/2) <= test_tol(10*tolerance()),
            "row %d class %d: %g", i, k, (double)(z[i*OP + k] - z[i*OP]));
    }
  CHECK(z[N] == 0 && fabs(classes_distance2(h, mean, C)) < test_tol(1e-12), "a class of one image, a free column");
  readout->ops->free(readout);
}

int main(void) {
  draw();
  test_equal_shots();
  test_unequal_shots();
  test_means_for_images();
  test_offset();
  return test_summary();
}
