#include "learn/regress.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

void regress_record_init(struct regress_record *a, int outputs, int steps, int S, int Q, int C) {
  const size_t N = (size_t)vector_padded(outputs), T = (size_t)steps, W = (size_t)C*N, rows = (size_t)(S > Q ? S : Q);
  const size_t n_w = (T + 1)*W, n_g = T*(size_t)S*N, n_z = (T + 1)*(size_t)Q*N, n = n_w + n_g + n_z + W + rows*N;
  real *p = err_aligned(n*sizeof(real) + (2*T + 1)*sizeof(double) + T*sizeof(long), 1);
  a->block = a->w = p;
  a->g = a->w + n_w;
  a->z = a->g + n_g;
  a->dw = a->z + n_z;
  a->u = a->dw + W;
  a->support_loss = (double *)(void *)(a->u + rows*N);
  a->query_loss = a->support_loss + T;
  a->written = (long *)(void *)(a->query_loss + T + 1);
}

void regress_record_release(struct regress_record *a) { free(a->block); }

static struct conv shape_of(const struct regress_task *t, int B) {
  return conv_shape(B, 1, 1, t->C, t->outputs, 1, 1, 0);
}

// g = scale dL/dz of n points; returns L. g may be z.
static double squared_error(real *g, const real *z, const real *target, int n, const struct regress_task *t,
                            real scale) {
  const int N = vector_padded(t->outputs);
  const double count = (double)n*t->outputs;
  double sum = 0;
  for (int i = 0; i < n; i++)
    for (int k = 0; k < N; k++) {
      const real error = k < t->outputs ? z[i*N + k] - target[i*N + k] : 0;
      sum += (double)error*(double)error;
      g[i*N + k] = scale*(real)2*error/(real)count;
    }
  return sum/count;
}

static const real *query_targets(const struct regress_task *t) { return t->target + t->S*vector_padded(t->outputs); }

// The query points after `step` updates.
static void query(struct regress_record *a, const struct regress_task *t, struct synapse *readout, int step,
                  struct rng *r) {
  const int N = vector_padded(t->outputs);
  const struct conv shape = shape_of(t, t->Q);
  real *z = a->z + step*t->Q*N;
  readout->ops->weights(readout, a->w + step*t->C*N);
  readout->ops->product(readout, z, t->h + t->S*vector_padded(t->C), &shape, r);
  a->query_loss[step] = squared_error(a->u, z, query_targets(t), t->Q, t, 1);
}

static void update(struct regress_record *a, const struct regress_task *t, struct synapse *readout, int step,
                   struct rng *r) {
  const int N = vector_padded(t->outputs);
  const struct conv shape = shape_of(t, t->S);
  real *g = a->g + step*t->S*N;
  readout->ops->product(readout, g, t->h, &shape, r);  // values, in the place of g
  a->support_loss[step] = squared_error(g, g, t->target, t->S, t, 1);
  memset(a->dw, 0, (size_t)(t->C*N)*sizeof *a->dw);
  conv_backward_weights(a->dw, t->h, g, &shape);
  for (int i = 0; i < t->C*N; i++) a->dw[i] *= -t->rate[step];
  a->written[step] = readout->ops->update(readout, a->dw, r);
}

void regress_run(struct regress_record *a, const struct regress_task *t, struct synapse *readout, struct rng *r) {
  for (int s = 0; s <= t->steps; s++) {
    if (s > 0) update(a, t, readout, s - 1, r);
    query(a, t, readout, s, r);
  }
}

// dh += dz w^T of n points; dw += h^T dz. w and dw must not be the same.
static void product_backward(real *dh, real *dw, const real *dz, const real *h, const real *w, int n,
                             const struct regress_task *t) {
  const int N = vector_padded(t->outputs), CP = vector_padded(t->C);
  for (int i = 0; i < n; i++)
    for (int c = 0; c < t->C; c++) {
      real sum = 0;
      for (int k = 0; k < t->outputs; k++) {
        sum += dz[i*N + k]*w[c*N + k];
        dw[c*N + k] += h[i*CP + c]*dz[i*N + k];
      }
      dh[i*CP + c] += sum;
    }
}

// Through W' = W - rate h^T g(h W): on entry dw is the gradient in W', on return that in W.
static void update_backward(real *dh, real *dw, real *drate, struct regress_record *a, const struct regress_task *t,
                            int s) {
  const int N = vector_padded(t->outputs), CP = vector_padded(t->C);
  const real *g = a->g + s*t->S*N, rate = t->rate[s];
  const struct conv shape = shape_of(t, t->S);
  real dot = 0;
  conv_forward(a->u, t->h, dw, &shape);  // h dw, of which the gradient in g is -rate times
  for (int i = 0; i < t->S; i++)
    for (int c = 0; c < t->C; c++) {
      real sum = 0;
      for (int k = 0; k < t->outputs; k++) sum += g[i*N + k]*dw[c*N + k];
      dh[i*CP + c] -= rate*sum;
    }
  for (int i = 0; i < t->S*N; i++) {
    dot += a->u[i]*g[i];
    a->u[i] *= -rate*(real)2/(real)(t->S*t->outputs);
  }
  *drate -= dot;
  product_backward(dh, dw, a->u, t->h, a->w + s*t->C*N, t->S, t);
}

void regress_backward(real *dh, real *dw0, real *drate, struct regress_record *a, const struct regress_task *t,
                      const double *weight) {
  const int N = vector_padded(t->outputs), CP = vector_padded(t->C);
  memset(dh, 0, (size_t)((t->S + t->Q)*CP)*sizeof *dh);
  memset(a->dw, 0, (size_t)(t->C*N)*sizeof *a->dw);
  for (int s = t->steps; s >= 0; s--) {
    if (s < t->steps) update_backward(dh, a->dw, drate + s, a, t, s);
    if (weight[s] == 0) continue;
    squared_error(a->u, a->z + s*t->Q*N, query_targets(t), t->Q, t, (real)weight[s]);
    product_backward(dh + t->S*CP, a->dw, a->u, t->h + t->S*CP, a->w + s*t->C*N, t->Q, t);
  }
  for (int i = 0; i < t->C*N; i++) dw0[i] += a->dw[i];
}
