// The inner loop against the delta rule written out in double precision; its exact gradient in the
// features, the initial read-out and the rates; rounding on a quantised read-out.
#include "inner_fixture.h"

static const int label[S + Q] = { 0, 0, 1, 1, 2, 2, 0, 1, 2, 2 };

// Mean cross-entropy of n images; g (n, WAYS) = (p - onehot)/n.
static double plain_loss(double g[][WAYS], const real *h, const int *y, int n, double w[C][WAYS], int *correct) {
  double sum = 0;
  *correct = 0;
  for (int i = 0; i < n; i++) {
    double z[WAYS] = { 0 }, total = 0;
    int best = 0;
    for (int k = 0; k < WAYS; k++) {
      for (int c = 0; c < C; c++) z[k] += (double)h[i*CP + c] * w[c][k];
      total += exp(z[k]);
      best = z[k] > z[best] ? k : best;
    }
    for (int k = 0; k < WAYS; k++) g[i][k] = (exp(z[k])/total - (k == y[i])) / n;
    sum -= log(exp(z[y[i]]) / total) / n;
    *correct += best == y[i];
  }
  return sum;
}

static void test_plain(void) {
  const double tolerance = sizeof(real) == sizeof(double) ? 1e-13 : 3e-6;
  struct inner t;
  double w[C][WAYS], g[S][WAYS];
  int correct;
  inner_init(&t, label, synapse_exact_new(C, WAYS));
  inner_loss(&t, NULL);
  for (int c = 0; c < C; c++)
    for (int k = 0; k < WAYS; k++) w[c][k] = (double)t.at.w0[c*N + k];
  for (int s = 0; s <= STEPS; s++) {
    CHECK_REL(t.record.query_loss[s], plain_loss(g, t.at.h + S*CP, label + S, Q, w, &correct), tolerance);
    CHECK(t.record.correct[s] == correct, "%d correct after %d updates, not %d", t.record.correct[s], s, correct);
    for (int i = 0; i < C*N; i++) {
      const double expected = i % N < WAYS ? w[i/N][i%N] : 0;
      CHECK(fabs((double)t.record.w[s*C*N + i] - expected) <= test_tol(tolerance), "read-out after %d updates", s);
    }
    if (s == STEPS) break;
    CHECK_REL(t.record.support_loss[s], plain_loss(g, t.at.h, label, S, w, &correct), tolerance);
    for (int c = 0; c < C; c++)
      for (int k = 0; k < WAYS; k++)
        for (int i = 0; i < S; i++) w[c][k] -= (double)t.at.rate[s] * (double)t.at.h[i*CP + c] * g[i][k];
    CHECK(t.record.written[s] == 0, "devices written in software");
  }
  inner_release(&t);
}

static void test_gradient(void) {
  struct inner t;
  real dh[(S + Q)*CP], dw[C*N] = { 0 }, drate[STEPS] = { 0 };
  inner_init(&t, label, synapse_exact_new(C, WAYS));
  for (int which = 0; which < 2; which++) {  // all query losses; then only the last
    inner_loss(&t, NULL);
    memset(dw, 0, sizeof dw);
    memset(drate, 0, sizeof drate);
    for (int i = 0; i < (S + Q)*CP; i++) dh[i] = 7;  // overwritten
    adapt_backward(dh, dw, drate, NULL, &t.record, &t.task, t.at.weight);
    gradient_check("features", t.at.h, dh, (S + Q)*CP, 1e-3, 1e-9, 1, inner_loss, &t);
    gradient_check("initial read-out", t.at.w0, dw, C*N, 1e-3, 1e-9, 1, inner_loss, &t);
    gradient_check("rates", t.at.rate, drate, STEPS, 1e-3, 1e-9, 1, inner_loss, &t);
    real twice[C*N];
    memcpy(twice, dw, sizeof dw);
    inner_loss(&t, NULL);  // at the point itself again
    adapt_backward(dh, twice, drate, NULL, &t.record, &t.task, t.at.weight);
    for (int i = 0; i < C*N; i++) CHECK_REL(twice[i], 2*dw[i], 1e-14);  // added to
    for (int s = 0; s < STEPS; s++) t.at.weight[s] = 0;
  }
  // stopping the gradient at the updates is another gradient, and seen
  for (int i = 0; i < C*N; i++) dw[i] = 0;
  inner_loss(&t, NULL);
  struct adapt_task still = t.task;
  real zero[STEPS] = { 0 };
  still.rate = zero;
  adapt_backward(dh, dw, drate, NULL, &t.record, &still, t.at.weight);
  CHECK(gradient_compare(t.at.w0, dw, C*N, 1e-3, inner_loss, &t).worst > 0.05, "a first-order gradient passed");
  inner_release(&t);
}

// A query that is a mixture pulls at two classes: its loss by the definition, and the gradient of that.
static void test_mixtures(void) {
  static const int other[Q] = { 2, 1, 0, 2 };
  static const real share[Q] = { (real)0.7, 1, (real)0.25, 1 };
  struct inner t;
  real dh[(S + Q)*CP], dw[C*N] = { 0 }, drate[STEPS] = { 0 };
  inner_init(&t, label, synapse_exact_new(C, WAYS));
  t.task.other = other;
  t.task.share = share;
  inner_loss(&t, NULL);
  for (int s = 0; s <= STEPS; s++) {
    double expected = 0;
    for (int i = 0; i < Q; i++) {
      const real *p = t.record.pq + (s*Q + i)*N;
      expected -= (double)share[i]/Q*log((double)p[label[S + i]]) + (1 - (double)share[i])/Q*log((double)p[other[i]]);
    }
    CHECK_REL(t.record.query_loss[s], expected, sizeof(real) == sizeof(double) ? 1e-14 : 1e-6);
  }
  if (GRADIENT_CHECKED) {
    adapt_backward(dh, dw, drate, NULL, &t.record, &t.task, t.at.weight);
    gradient_check("features of mixtures", t.at.h, dh, (S + Q)*CP, 1e-3, 1e-9, 1, inner_loss, &t);
    gradient_check("read-out of mixtures", t.at.w0, dw, C*N, 1e-3, 1e-9, 1, inner_loss, &t);
    inner_loss(&t, NULL);
    t.task.other = NULL;
    memset(dw, 0, sizeof dw);
    adapt_backward(dh, dw, drate, NULL, &t.record, &t.task, t.at.weight);
    t.task.other = other;
    CHECK(gradient_compare(t.at.w0, dw, C*N, 1e-3, inner_loss, &t).worst > 0.05,
          "the gradient of unmixed queries passed");
  }
  inner_release(&t);
}

static void test_quantised(void) {
  struct inner t;
  struct rng r = rng_stream(8, RNG_QUANTISE, 0);
  real dh[(S + Q)*CP], dw[C*N] = { 0 }, drate[STEPS] = { 0 };
  long moved = 0;
  inner_init(&t, label, synapse_quantised_new(C, WAYS, 0, 4, 1.0));
  t.readout->ops->program(t.readout, t.at.w0, &r);
  adapt_run(&t.record, &t.task, t.readout, &r);
  for (int s = 0; s <= STEPS; s++)
    for (int i = 0; i < C*N; i++) {
      const double v = (double)t.record.w[s*C*N + i] * 8;
      CHECK(v == rint(v) && v >= -8 && v <= 7, "weight %g is not on the grid", v / 8);
      moved += s && t.record.w[s*C*N + i] != t.record.w[(s - 1)*C*N + i];
    }
  CHECK(moved > STEPS, "only %ld weights moved", moved);
  adapt_backward(dh, dw, drate, NULL, &t.record, &t.task, t.at.weight);
  for (int i = 0; i < C*N; i++)
    CHECK(isfinite((double)dw[i]) && (dw[i] != 0) == (i % N < WAYS), "straight-through gradient %g at %d",
          (double)dw[i], i);
  inner_release(&t);
}

int main(void) {
  test_plain();
  if (GRADIENT_CHECKED) test_gradient();
  test_mixtures();
  test_quantised();
  return test_summary();
}
