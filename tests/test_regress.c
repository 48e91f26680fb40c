// The inner loop of a regression against the rule written out in double precision; its exact gradient in the features,
// the initial read-out and the rates.
#include "learn/regress.h"
#include "readout_fixture.h"

enum { OUTPUTS = 2 };

struct inner {
  struct regress_task task;
  struct regress_record record;
  struct synapse *readout;
  struct readout_fixture at;
  real target[(S + Q)*N] __attribute__((aligned(64)));
};

static void inner_init(struct inner *t) {
  struct rng r = rng_stream(9, RNG_TEST, 0);
  memset(t, 0, sizeof *t);
  readout_fixture_draw(&t->at, OUTPUTS, 0.13, 0.07);
  for (int i = 0; i < (S + Q)*N; i++) t->target[i] = i % N < OUTPUTS ? (real)rng_normal(&r) : 0;
  t->task = (struct regress_task){ .outputs = OUTPUTS, .steps = STEPS, .S = S, .Q = Q, .C = C, .h = t->at.h,
                                   .target = t->target, .rate = t->at.rate };
  t->readout = synapse_exact_new(C, OUTPUTS);
  regress_record_init(&t->record, OUTPUTS, STEPS, S, Q, C);
}

static void inner_release(struct inner *t) {
  regress_record_release(&t->record);
  t->readout->ops->free(t->readout);
}

// Half the squares of the errors: each of these is of degree 2 in a weight and in a rate, without a third derivative.
static double loss(void *context, uint64_t *pattern) {
  struct inner *t = context;
  double sum = 0;
  (void)pattern;
  t->readout->ops->program(t->readout, t->at.w0, NULL);
  regress_run(&t->record, &t->task, t->readout, NULL);
  for (int s = 0; s <= STEPS; s++) sum += t->at.weight[s]*pow(t->record.query_loss[s], 2)/2;
  return sum;
}

// Mean squared error of n points from `first` on; e (n, OUTPUTS) their errors.
static double plain_loss(double e[][OUTPUTS], const struct inner *t, int first, int n, double w[C][OUTPUTS]) {
  double sum = 0;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < OUTPUTS; k++) {
      e[i][k] = -(double)t->target[(first + i)*N + k];
      for (int c = 0; c < C; c++) e[i][k] += (double)t->at.h[(first + i)*CP + c]*w[c][k];
      sum += e[i][k]*e[i][k]/(n*OUTPUTS);
    }
  return sum;
}

static void test_plain(void) {
  const double tolerance = GRADIENT_CHECKED ? 1e-13 : 3e-6;
  struct inner t;
  double w[C][OUTPUTS], e[S + Q][OUTPUTS];
  inner_init(&t);
  loss(&t, NULL);
  for (int c = 0; c < C; c++)
    for (int k = 0; k < OUTPUTS; k++) w[c][k] = (double)t.at.w0[c*N + k];
  for (int s = 0; s <= STEPS; s++) {
    CHECK_REL(t.record.query_loss[s], plain_loss(e, &t, S, Q, w), tolerance);
    for (int i = 0; i < C*N; i++) {
      const double expected = i % N < OUTPUTS ? w[i/N][i % N] : 0;
      CHECK(fabs((double)t.record.w[s*C*N + i] - expected) <= test_tol(tolerance), "read-out after %d updates", s);
    }
    for (int i = 0; i < Q*OUTPUTS; i++)
      CHECK(fabs((double)t.record.z[s*Q*N + i/OUTPUTS*N + i % OUTPUTS] -
                 (double)t.target[(S + i/OUTPUTS)*N + i % OUTPUTS] - e[i/OUTPUTS][i % OUTPUTS]) <=
                test_tol(10*tolerance),
            "value of query point %d", i/OUTPUTS);
    if (s == STEPS) break;
    CHECK_REL(t.record.support_loss[s], plain_loss(e, &t, 0, S, w), tolerance);
    for (int c = 0; c < C; c++)
      for (int k = 0; k < OUTPUTS; k++)
        for (int i = 0; i < S; i++) w[c][k] -= (double)t.at.rate[s]*(double)t.at.h[i*CP + c]*2*e[i][k]/(S*OUTPUTS);
    CHECK(t.record.written[s] == 0, "devices written in software");
  }
  inner_release(&t);
}

static void backward(struct inner *t, const struct regress_task *task, real *dh, real *dw, real *drate) {
  double weight[STEPS + 1];
  loss(t, NULL);
  for (int s = 0; s <= STEPS; s++) weight[s] = t->at.weight[s]*t->record.query_loss[s];
  regress_backward(dh, dw, drate, &t->record, task, weight);
}

static void test_gradient(void) {
  struct inner t;
  real dh[(S + Q)*CP], dw[C*N] = { 0 }, drate[STEPS] = { 0 };
  inner_init(&t);
  for (int which = 0; which < 2; which++) {  // all query losses; then only the last
    memset(dw, 0, sizeof dw);
    memset(drate, 0, sizeof drate);
    for (int i = 0; i < (S + Q)*CP; i++) dh[i] = 7;  // overwritten
    backward(&t, &t.task, dh, dw, drate);
    gradient_check("features", t.at.h, dh, (S + Q)*CP, 1e-3, 1e-9, 1, loss, &t);
    gradient_check("initial read-out", t.at.w0, dw, C*N, 1e-3, 1e-9, 1, loss, &t);
    gradient_check("rates", t.at.rate, drate, STEPS, 1e-3, 1e-9, 1, loss, &t);
    real twice[C*N];
    memcpy(twice, dw, sizeof dw);
    backward(&t, &t.task, dh, twice, drate);
    for (int i = 0; i < C*N; i++) CHECK_REL(twice[i], 2*dw[i], 1e-14);  // added to
    for (int s = 0; s < STEPS; s++) t.at.weight[s] = 0;
  }
  // stopping the gradient at the updates is another gradient, and seen
  memset(dw, 0, sizeof dw);
  struct regress_task still = t.task;
  real zero[STEPS] = { 0 };
  still.rate = zero;
  backward(&t, &still, dh, dw, drate);
  CHECK(gradient_compare(t.at.w0, dw, C*N, 1e-3, loss, &t).worst > 0.05, "a first-order gradient passed");
  inner_release(&t);
}

int main(void) {
  test_plain();
  if (GRADIENT_CHECKED) test_gradient();
  return test_summary();
}
