// A read-out that starts from class means: its logits by definition, the nearest class mean with the offset, and the
// exact gradient through the start and the updates.
#include "inner_fixture.h"

static const int label[S + Q] = { 0, 0, 1, 1, 2, 1, 0, 1, 2, 2 };  // unequal shots
static real scale;

static void init(struct inner *t, int offset) {
  inner_init(t, label, synapse_exact_new(C, WAYS));
  scale = (real)0.4;
  for (int i = 0; i < S + Q; i++) t->at.h[i*CP + C - 1] = 1;  // the input of the bias
  for (int i = 0; i < C*N; i++) t->at.w0[i] = i/N == C - 1 ? t->at.w0[i] : 0;
  t->task.scale = &scale;
  t->task.offset = offset;
  t->task.bias = 1;
}

// m (WAYS + 1, C - 1): class means of the support features, and the mean of all.
static void means(double m[][C - 1], const real *h) {
  int n[WAYS] = { 0 };
  memset(m, 0, (WAYS + 1)*sizeof *m);
  for (int i = 0; i < S; i++) n[label[i]]++;
  for (int i = 0; i < S; i++)
    for (int c = 0; c < C - 1; c++) {
      m[label[i]][c] += (double)h[i*CP + c]/n[label[i]];
      m[WAYS][c] += (double)h[i*CP + c]/S;
    }
}

// Before any update the logits are s (m_k - m).h + b_k, with the offset - s |m_k|^2/2 more: then the class is that of
// the nearest mean.
static void test_start(int offset) {
  const double tolerance = sizeof(real) == sizeof(double) ? 1e-13 : 3e-6;
  struct inner t;
  double m[WAYS + 1][C - 1];
  init(&t, offset);
  for (int k = 0; offset && k < WAYS; k++) t.at.w0[(C - 1)*N + k] = 0;  // no bias but the offset
  inner_loss(&t, NULL);
  means(m, t.at.h);
  for (int i = 0; i < Q; i++) {
    double nearest = INFINITY;
    int class = 0, best = 0;
    for (int k = 0; k < WAYS; k++) {
      const real *h = t.at.h + (S + i)*CP, *z = t.record.zq + i*N;
      double expected = (double)t.at.w0[(C - 1)*N + k], distance = 0;
      for (int c = 0; c < C - 1; c++) {
        expected += (double)scale*((m[k][c] - m[WAYS][c])*(double)h[c] - (offset ? m[k][c]*m[k][c]/2 : 0));
        distance += ((double)h[c] - m[k][c])*((double)h[c] - m[k][c]);
      }
      CHECK(fabs((double)z[k] - expected) < test_tol(tolerance), "logit %g, not %g", (double)z[k], expected);
      class = distance < nearest ? k : class;
      nearest = fmin(nearest, distance);
      best = z[k] > z[best] ? k : best;
    }
    if (offset) CHECK(best == class, "class %d, the nearest mean is %d", best, class);
  }
  CHECK(t.record.written_start == 0, "devices written in software");
  inner_release(&t);
}

static void test_gradient(int offset) {
  struct inner t;
  real dh[(S + Q)*CP], dw[C*N] = { 0 }, drate[STEPS] = { 0 }, dscale = 0;
  init(&t, offset);
  inner_loss(&t, NULL);
  adapt_backward(dh, dw, drate, &dscale, &t.record, &t.task, t.at.weight);
  gradient_check("features", t.at.h, dh, (S + Q)*CP, 1e-3, 1e-9, 1, inner_loss, &t);
  gradient_check("scale", &scale, &dscale, 1, 1e-3, 1e-9, 1, inner_loss, &t);
  gradient_check("rates", t.at.rate, drate, STEPS, 1e-3, 1e-9, 1, inner_loss, &t);
  gradient_check("bias", t.at.w0 + (C - 1)*N, dw + (C - 1)*N, N, 1e-3, 1e-9, 1, inner_loss, &t);
  for (int i = 0; i < (C - 1)*N; i++) CHECK(dw[i] == 0, "a gradient of weights that are no parameters");
  inner_release(&t);
}

int main(void) {
  for (int offset = 0; offset < 2; offset++) {
    test_start(offset);
    if (GRADIENT_CHECKED) test_gradient(offset);
  }
  return test_summary();
}
