// Read-outs beside the chip on features written down here: exact ones learn as learn/adapt.c does, those of 8 bits have
// multiples of 1/128 as weights and of range/127 as inputs, means classify by distances worked out by hand.
#include "base/err.h"
#include "base/rng.h"
#include "experiment/fewshot/beside.h"
#include "test.h"

enum { WAYS = 3, SHOTS = 2, QUERIES = 2, S = WAYS*SHOTS, Q = WAYS*QUERIES, STEPS = 2, CHANNELS = 5 };

static struct convnet net;
static real *h, *readout;      // (S + Q, F), (CHANNELS, padded ways)
static int label[S + Q], F;
static const real rate[STEPS] = { (real)0.7, (real)0.4 };

static struct adapt_task task_of(const real *features) {
  return (struct adapt_task){ .ways = WAYS, .steps = STEPS, .S = S, .Q = Q, .C = convnet_rows(&net, net.readout),
                              .h = features, .label = label, .rate = rate };
}

static void prepare(enum convnet_bias bias) {
  struct convnet_params p = { 0 };
  struct rng r = rng_stream(5, RNG_TEST, 0);
  param_defaults(convnet_param_table, &p);
  p.channels = CHANNELS;
  p.ways = WAYS;
  p.steps = STEPS;
  p.bias = bias;
  CHECK(convnet_init(&net, &p, 28, 1) == 0, "%s", err_message());
  const int rows = convnet_rows(&net, net.readout), N = vector_padded(WAYS);
  F = convnet_features(&net);
  h = err_aligned((size_t)((S + Q)*F), sizeof *h);
  readout = err_aligned((size_t)(rows*N), sizeof *readout);
  memset(h, 0, (size_t)((S + Q)*F)*sizeof *h);
  memset(readout, 0, (size_t)(rows*N)*sizeof *readout);
  for (int i = 0; i < S + Q; i++) {
    label[i] = i < S ? i/SHOTS : (i - S)/QUERIES;
    for (int c = 0; c < CHANNELS; c++) h[i*F + c] = (real)(0.4*rng_normal(&r) + (c == label[i]));
    if (bias != CONVNET_NO_BIAS) h[i*F + CHANNELS] = 1;
  }
  for (int i = 0; i < rows; i++)
    for (int k = 0; k < WAYS; k++) readout[i*N + k] = (real)(0.1*rng_normal(&r));
}

static void finish(void) {
  free(h);
  free(readout);
}

// Weights of the exact read-out and the share that it classifies, from adapt_run on the same task.
static void test_exact(void) {
  struct beside b;
  struct adapt_record record;
  double share[BESIDE_N];
  prepare(CONVNET_NO_BIAS);
  const struct adapt_task t = task_of(h);
  const int n = t.C*vector_padded(WAYS);
  real *v = err_aligned((size_t)n, sizeof *v), *w = err_aligned((size_t)n, sizeof *w);
  struct synapse *exact = synapse_exact_new(t.C, WAYS);
  struct rng r = rng_stream(1, RNG_TEST, 1);
  adapt_record_init(&record, WAYS, STEPS, S, Q, t.C);
  exact->ops->program(exact, readout, NULL);
  adapt_run(&record, &t, exact, NULL);
  exact->ops->weights(exact, w);

  beside_init(&b, &net, STEPS, SHOTS, QUERIES);
  beside_learn(&b, readout, &t, 2, &r);
  beside_classify(&b, share, &t);
  b.readout[BESIDE_DIGITAL]->ops->weights(b.readout[BESIDE_DIGITAL], v);
  CHECK(!memcmp(v, w, (size_t)n*sizeof *v), "other weights than the delta rule's");
  CHECK(share[BESIDE_DIGITAL] == (double)record.correct[STEPS]/Q && record.correct[STEPS] > record.correct[0],
        "%g of the queries, %d of %d before", share[BESIDE_DIGITAL], record.correct[0], Q);
  beside_learn(&b, readout, &t, 2, &r);  // the next task begins anew
  b.readout[BESIDE_DIGITAL]->ops->weights(b.readout[BESIDE_DIGITAL], v);
  CHECK(!memcmp(v, w, (size_t)n*sizeof *v), "a second task begins where the first ended");
  beside_release(&b);
  adapt_record_release(&record);
  exact->ops->free(exact);
  free(v);
  free(w);
  finish();
}

// Features beyond the range are cut off, the 1 of a bias is not.
static void test_8bit(void) {
  struct beside b;
  double share[BESIDE_N];
  struct rng r = rng_stream(1, RNG_TEST, 1);
  prepare(CONVNET_BIAS_DIGITAL);
  const double range = 0.5;
  h[0] = (real)0.3;   // 76.2 steps
  h[1] = (real)-0.9;
  h[S*F] = (real)0.01;  // 2.54 steps
  const struct adapt_task t = task_of(h);
  const int N = vector_padded(WAYS);
  real *w = err_aligned((size_t)(t.C*N), sizeof *w);
  beside_init(&b, &net, STEPS, SHOTS, QUERIES);
  beside_learn(&b, readout, &t, range, &r);
  beside_classify(&b, share, &t);
  CHECK(fabs((double)b.rounded[0] - 76*range/127) < 1e-6 && fabs((double)b.rounded[1] + range) < 1e-6 &&
            fabs((double)b.rounded[S*F] - 3*range/127) < 1e-6,
        "features %g %g %g", (double)b.rounded[0], (double)b.rounded[1], (double)b.rounded[S*F]);
  for (int i = 0; i < S + Q; i++)
    CHECK(b.rounded[i*F + CHANNELS] == 1, "a bias of %g", (double)b.rounded[i*F + CHANNELS]);
  b.readout[BESIDE_8BIT]->ops->weights(b.readout[BESIDE_8BIT], w);
  int moved = 0;
  for (int i = 0; i < CHANNELS; i++)
    for (int k = 0; k < WAYS; k++) {
      const double steps = 128*(double)w[i*N + k];
      CHECK(fabs(steps - rint(steps)) < 1e-9, "weight %d %d is %g steps", i, k, steps);
      moved += fabs((double)(w[i*N + k] - readout[i*N + k])) > 1.0/128;
    }
  CHECK(moved > CHANNELS, "%d weights moved", moved);
  // Its own features make its weights and its share.
  struct adapt_task own = t;
  struct synapse *again = convnet_array(&net, net.readout, 8);
  real *v = err_aligned((size_t)(t.C*N), sizeof *v);
  own.h = b.rounded;
  r = rng_stream(1, RNG_TEST, 1);
  again->ops->program(again, readout, NULL);
  for (int s = 0; s < STEPS; s++) adapt_update(&b.record, &own, again, s, &r);
  again->ops->weights(again, v);
  CHECK(!memcmp(v, w, (size_t)(t.C*N)*sizeof *v), "weights learned from other features");
  again->ops->free(again);
  free(v);
  adapt_classify(&b.record, &own, b.readout[BESIDE_8BIT], STEPS, NULL);
  CHECK(share[BESIDE_8BIT] == (double)b.record.correct[STEPS]/Q, "%g of the queries", share[BESIDE_8BIT]);
  beside_release(&b);
  free(w);
  finish();
}

// Two of six queries lie nearer to the mean of another class.
static void test_means(void) {
  struct beside b;
  double share[BESIDE_N];
  struct rng r = rng_stream(1, RNG_TEST, 1);
  prepare(CONVNET_NO_BIAS);
  for (int i = 0; i < S; i++)
    for (int c = 0; c < CHANNELS; c++) h[i*F + c] = c == label[i] ? (real)(i % SHOTS ? 1.5 : 0.5) : 0;
  for (int i = S; i < S + Q; i++)
    for (int c = 0; c < CHANNELS; c++) h[i*F + c] = c == (i == S || i == S + 3 ? 2 : label[i]) ? (real)0.8 : 0;
  const struct adapt_task t = task_of(h);
  beside_init(&b, &net, STEPS, SHOTS, QUERIES);
  beside_learn(&b, readout, &t, 2, &r);
  beside_classify(&b, share, &t);
  CHECK(b.means[0] == 1 && b.means[F + 1] == 1 && b.means[1] == 0, "means");
  CHECK(fabs((double)b.z[2] + 0.04) < 1e-6 && fabs((double)b.z[0] + 1.64) < 1e-6, "distances %g %g", (double)b.z[2],
        (double)b.z[0]);
  CHECK(fabs(share[BESIDE_MEANS] - 4.0/6) < 1e-12, "%g of the queries", share[BESIDE_MEANS]);
  beside_release(&b);
  finish();
}

int main(void) {
  test_exact();
  test_8bit();
  test_means();
  return test_summary();
}
