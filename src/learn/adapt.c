#include "learn/adapt.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kernel/softmax.h"
#include "learn/prototype.h"

void adapt_record_init(struct adapt_record *a, int ways, int steps, int S, int Q, int C) {
  const size_t N = (size_t)vector_padded(ways), T = (size_t)steps, rows = (size_t)(S > Q ? S : Q);
  const size_t n_w = (T + 1) * (size_t)C * N, n_p = T * (size_t)S * N, n_q = (T + 1) * (size_t)Q * N;
  const size_t n = n_w + 2*n_p + 2*n_q + 2*(size_t)C * N + rows * N;
  const size_t bytes = n * sizeof(real) + (2*T + 1) * sizeof(double) + T * sizeof(long) + (T + 1) * sizeof(int);
  real *p = err_aligned(bytes, 1);
  a->block = p;
  a->w = p;
  a->p = a->w + n_w;
  a->g = a->p + n_p;
  a->pq = a->g + n_p;
  a->zq = a->pq + n_q;
  a->dw = a->zq + n_q;
  a->gw = a->dw + (size_t)C * N;
  a->u = a->gw + (size_t)C * N;
  a->support_loss = (double *)(void *)(a->u + rows * N);
  a->query_loss = a->support_loss + T;
  a->written = (long *)(void *)(a->query_loss + T + 1);
  a->correct = (int *)(void *)(a->written + T);
}

void adapt_record_release(struct adapt_record *a) { free(a->block); }

static struct conv readout_shape(const struct adapt_task *t, int B) {
  return conv_shape(B, 1, 1, t->C, t->ways, 1, 1, 0);
}

// Mean cross-entropy of the queries of probabilities p, and its gradient in the logits.
static double query_loss(real *g, const real *p, const struct adapt_task *t) {
  const int N = vector_padded(t->ways), *label = t->label + t->S;
  double loss = softmax_cross_entropy(g, p, label, t->Q, t->ways, N);
  for (int i = 0; t->other && i < t->Q; i++) {
    const real moved = (1 - t->share[i]) / (real)t->Q;
    if (moved == 0) continue;
    const double first = (double)p[i*N + label[i]], second = (double)p[i*N + t->other[i]];
    g[i*N + label[i]] += moved;
    g[i*N + t->other[i]] -= moved;
    loss += (double)moved * (log(fmax(first, DBL_MIN)) - log(fmax(second, DBL_MIN)));
  }
  return loss;
}

void adapt_classify(struct adapt_record *a, const struct adapt_task *t, struct synapse *readout, int step,
                    struct rng *r) {
  const int N = vector_padded(t->ways);
  const struct conv shape = readout_shape(t, t->Q);
  real *z = a->zq + (size_t)step * (size_t)(t->Q*N), *p = a->pq + (size_t)step * (size_t)(t->Q*N);
  const int *label = t->label + t->S;
  readout->ops->weights(readout, a->w + (size_t)step * (size_t)(t->C*N));
  readout->ops->product(readout, z, t->h + (size_t)t->S * (size_t)vector_padded(t->C), &shape, r);
  softmax_forward(p, z, t->Q, t->ways, N);
  a->query_loss[step] = query_loss(a->u, p, t);
  a->correct[step] = softmax_correct(z, label, t->Q, t->ways, N);
}

// dw = -rate h^T g
static void delta_rule(real *dw, const struct adapt_task *t, const real *g, real rate) {
  const int N = vector_padded(t->ways), CP = vector_padded(t->C);
  memset(dw, 0, sizeof *dw * (size_t)(t->C*N));
  for (int i = 0; i < t->S; i++)
    for (int c = 0; c < t->C; c++) {
      const real x = -rate * t->h[(size_t)i*(size_t)CP + (size_t)c];
      for (int k = 0; k < N; k++) dw[c*N + k] += x * g[i*N + k];
    }
}

void adapt_update(struct adapt_record *a, const struct adapt_task *t, struct synapse *readout, int step,
                  struct rng *r) {
  const int N = vector_padded(t->ways);
  const struct conv shape = readout_shape(t, t->S);
  real *p = a->p + (size_t)step * (size_t)(t->S*N), *g = a->g + (size_t)step * (size_t)(t->S*N);
  readout->ops->product(readout, g, t->h, &shape, r);  // logits, in the place of g
  softmax_forward(p, g, t->S, t->ways, N);
  a->support_loss[step] = softmax_cross_entropy(g, p, t->label, t->S, t->ways, N);
  delta_rule(a->dw, t, g, t->rate[step]);
  a->written[step] = readout->ops->update(readout, a->dw, r);
}

void adapt_start(struct adapt_record *a, const struct adapt_task *t, struct synapse *readout, struct rng *r) {
  a->written_start = 0;
  if (!t->scale) return;
  prototype_change(a->dw, t);
  a->written_start = readout->ops->update(readout, a->dw, r);
}

void adapt_run(struct adapt_record *a, const struct adapt_task *t, struct synapse *readout, struct rng *r) {
  adapt_start(a, t, readout, r);
  for (int s = 0; s <= t->steps; s++) {
    if (s > 0) adapt_update(a, t, readout, s - 1, r);
    adapt_classify(a, t, readout, s, r);
  }
}

// dW += weight * d(mean query cross-entropy after `step` updates)/dW, and dh of the queries
static void query_backward(real *dh, real *dw, const struct adapt_record *a, const struct adapt_task *t, int step,
                           real weight) {
  const int N = vector_padded(t->ways), CP = vector_padded(t->C);
  const real *p = a->pq + (size_t)step * (size_t)(t->Q*N), *w = a->w + (size_t)step * (size_t)(t->C*N);
  query_loss(a->u, p, t);
  for (int i = 0; i < t->Q; i++) {
    const real *g = a->u + i*N, *h = t->h + (size_t)(t->S + i)*(size_t)CP;
    for (int c = 0; c < t->C; c++) {
      real sum = 0;
      for (int k = 0; k < N; k++) {
        sum += g[k] * w[c*N + k];
        dw[c*N + k] += weight * h[c] * g[k];
      }
      dh[(size_t)(t->S + i)*(size_t)CP + (size_t)c] += weight * sum;
    }
  }
}

// Through update s: on entry dw is the gradient in W_{s+1}, on return the part of the gradient in W_s that
// comes through the update.  W' = W - alpha h^T g,  g = (softmax(h W) - onehot)/S.
static void update_backward(real *dh, real *dw, real *drate, struct adapt_record *a, const struct adapt_task *t,
                            int s) {
  const int N = vector_padded(t->ways), CP = vector_padded(t->C);
  const real *p = a->p + (size_t)s * (size_t)(t->S*N), *g = a->g + (size_t)s * (size_t)(t->S*N);
  const real *w = a->w + (size_t)s * (size_t)(t->C*N);
  const real rate = t->first_order ? 0 : t->rate[s];
  real dot = 0, *dp = a->u, *dz = a->dw;  // scratch
  for (int i = 0; i < t->S; i++) {
    const real *h = t->h + (size_t)i*(size_t)CP;
    for (int k = 0; k < N; k++) dp[i*N + k] = 0;
    for (int c = 0; c < t->C; c++) {
      real sum = 0;  // dh from h^T g
      for (int k = 0; k < N; k++) {
        dp[i*N + k] += h[c] * dw[c*N + k];
        sum += g[i*N + k] * dw[c*N + k];
      }
      dh[(size_t)i*(size_t)CP + (size_t)c] -= rate * sum;
    }
    for (int k = 0; k < N; k++) {
      dot += dp[i*N + k] * g[i*N + k];
      dp[i*N + k] *= -rate / (real)t->S;
    }
  }
  *drate -= dot;
  for (int i = 0; i < t->S; i++) {  // one image at a time: dw may only change once every dp is known
    const real *h = t->h + (size_t)i*(size_t)CP;
    for (int k = 0; k < N; k++) dz[k] = 0;
    softmax_backward(dz, dp + i*N, p + i*N, 1, t->ways, N);
    for (int c = 0; c < t->C; c++) {
      real sum = 0;
      for (int k = 0; k < N; k++) {
        sum += dz[k] * w[c*N + k];
        dw[c*N + k] += h[c] * dz[k];
      }
      dh[(size_t)i*(size_t)CP + (size_t)c] += sum;
    }
  }
}

void adapt_backward(real *dh, real *dw0, real *drate, real *dscale, struct adapt_record *a, const struct adapt_task *t,
                    const double *weight) {
  const size_t n_w = (size_t)(t->C * vector_padded(t->ways));
  memset(dh, 0, sizeof *dh * (size_t)(t->S + t->Q) * (size_t)vector_padded(t->C));
  memset(a->gw, 0, sizeof *a->gw * n_w);
  for (int s = t->steps; s >= 0; s--) {
    if (s < t->steps) update_backward(dh, a->gw, drate + s, a, t, s);
    if (weight[s] != 0) query_backward(dh, a->gw, a, t, s, (real)weight[s]);
  }
  if (t->scale) prototype_backward(dh, dscale, a->gw, t);
  for (size_t i = 0; i < n_w; i++) dw0[i] += a->gw[i];
}
