#include "model/hessian.h"

#include <string.h>

#include "kernel/maxpool.h"
#include "kernel/normtangent.h"
#include "kernel/softmax.h"

// What every step below needs. S: images.
struct along {
  struct hessian *s;
  const struct convnet *net;
  const struct hessian_loss *loss;
  const real *v;
  real *out;
  int S;
};

// Widths of rows, and the largest array of an image.
struct widths {
  size_t C, X, H, F, N, image;
};

static struct widths widths_of(const struct convnet *net) {
  struct widths w = { .C = (size_t)vector_padded(net->channels), .X = (size_t)vector_padded(net->channels + 1),
                      .H = (size_t)vector_padded(net->hidden), .F = (size_t)convnet_features(net),
                      .N = (size_t)vector_padded(net->ways) };
  w.image = w.X + w.H + w.F + w.N;
  for (int l = 1; l <= net->blocks; l++) {
    const size_t made = convnet_produced(net, l)*w.C;
    w.image = made > w.image ? made : w.image;
  }
  return w;
}

double hessian_bytes(const struct convnet *net, int B) {
  const struct widths w = widths_of(net);
  double image = 2*(double)w.C + 2*(double)w.X + 2*(double)w.F + 3*(double)(w.H + w.N) + 3*(double)w.image;
  for (int l = 1; l <= net->blocks && net->adapting == 0; l++)
    image += (double)((convnet_produced(net, l) + convnet_pixels(net, l))*w.C);
  return (B*image + (CONVNET_MAX_BLOCKS + 4)*(double)w.C) * sizeof(real) + 64*64;
}

void hessian_init(struct hessian *s, const struct convnet *net, int B) {
  const struct widths w = widths_of(net);
  const size_t n = (size_t)B, dense = w.H > w.N ? w.H : w.N;
  struct arena *a = &s->arena;
  *s = (struct hessian){ 0 };
  arena_init(a, (size_t)hessian_bytes(net, B));
  for (int l = 1; l <= net->blocks && net->adapting == 0; l++) {
    s->y[l] = s->u[l] = ARENA_NEW(a, n*convnet_produced(net, l)*w.C, real);
    if (net->halving == CONVNET_MAXIMUM) s->y[l] = ARENA_NEW(a, n*convnet_pixels(net, l)*w.C, real);
    s->s2[l] = ARENA_NEW(a, w.C, real);
  }
  real **const rows[] = { &s->pooled, &s->dpooled, &s->x, &s->dx, &s->h, &s->dh, &s->z, &s->dz, &s->dz_plain,
                          &s->t[0], &s->t[1], &s->second };
  const size_t width[] = { w.C, w.C, w.X, w.X, w.F, w.F, dense, dense, w.H, w.image, w.image, w.image };
  for (size_t k = 0; k < sizeof width/sizeof *width; k++) *rows[k] = ARENA_NEW(a, n*width[k], real);
  s->sums = ARENA_NEW(a, 3*w.C, real);
}

void hessian_release(struct hessian *s) { arena_release(&s->arena); }

static void add(real *restrict to, const real *restrict from, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] += from[i];
}

// to (n, width) from (n, ld): the first `columns` numbers of each row, zeros after them.
static void copy_rows(real *to, int width, const real *from, int ld, int n, int columns) {
  for (int i = 0; i < n; i++, to += width, from += ld) {
    memcpy(to, from, (size_t)columns * sizeof *to);
    memset(to + columns, 0, (size_t)(width - columns) * sizeof *to);
  }
}

// ---- products of layer l

// t = x V, and in s->second xdot W, if there is an xdot.
static void product_forward(const struct along *k, int l, real *t, const real *x, const real *xdot) {
  const struct conv shape = convnet_shape(k->net, l, k->S);
  const size_t at = k->net->offset[l];
  conv_forward(t, x, k->v + at, &shape);
  if (xdot) conv_forward(k->s->second, xdot, k->loss->weights + at, &shape);
}

// out += x^T dzdot + xdot^T dz. dxdot = dzdot W^T, and in s->second dz V^T; dxdot NULL: not needed.
static void product_backward(const struct along *k, int l, real *dxdot, const real *x, const real *xdot,
                             const real *dz, const real *dzdot) {
  const struct conv shape = convnet_shape(k->net, l, k->S);
  const size_t at = k->net->offset[l];
  conv_backward_weights(k->out + at, x, dzdot, &shape);
  if (xdot) conv_backward_weights(k->out + at, xdot, dz, &shape);
  if (!dxdot) return;
  conv_backward_data(dxdot, dzdot, k->loss->weights + at, &shape);
  conv_backward_data(k->s->second, dz, k->v + at, &shape);
}

// ---- the passes

static void blocks_forward(const struct along *k) {
  const struct convnet *net = k->net;
  const struct convnet_work *w = k->loss->w;
  struct hessian *s = k->s;
  const int C = vector_padded(net->channels);
  real *s1 = s->sums;
  for (int l = 1; l <= net->blocks; l++) {
    const int n = k->S * (int)convnet_produced(net, l);
    product_forward(k, l - 1, s->u[l], w->y[l - 1], l > 1 ? s->y[l - 1] : NULL);
    memset(s1, 0, (size_t)C * sizeof *s1);
    memset(s->s2[l], 0, (size_t)C * sizeof *s1);
    normtangent_sums(s1, s->s2[l], s->u[l], l > 1 ? s->second : NULL, w->a[l], w->u[l], n, C);
    normtangent_forward(s->u[l], w->u[l], w->r[l][0], s1, s->s2[l], n, C);
    if (s->y[l] != s->u[l])
      maxpool_tangent(s->y[l], s->u[l], w->of[l], k->S, (int)convnet_pixels(net, l), (int)convnet_produced(net, l), C);
  }
  maxpool_tangent(s->pooled, s->y[net->blocks], w->from, k->S, 1, (int)convnet_pixels(net, net->blocks), C);
}

// To the features: s->h; s->x is the input of the dense layer, zero where the blocks do not adapt.
static void dense_forward(const struct along *k) {
  const struct convnet *net = k->net;
  const struct convnet_work *w = k->loss->w;
  struct hessian *s = k->s;
  const int C = vector_padded(net->channels), H = vector_padded(net->hidden), F = convnet_features(net), S = k->S;
  if (net->hidden == 0) {
    copy_rows(s->h, F, s->pooled, C, S, net->channels);
    return;
  }
  if (net->adapting == 0) copy_rows(s->x, vector_padded(net->channels + 1), s->pooled, C, S, net->channels);
  product_forward(k, net->blocks, s->z, w->x, net->adapting == 0 ? s->x : NULL);
  if (net->adapting == 0) add(s->z, s->second, (size_t)(S*H));
  for (int i = 0; net->activation == CONVNET_RELU && i < S*H; i++) s->z[i] = w->z[i] > 0 ? s->z[i] : 0;
  copy_rows(s->h, F, s->z, H, S, net->hidden);
}

// The derivative of the logits' gradient g = (p - onehot)/S is that of p, whose matrix is symmetric: softmax_backward.
static void readout(const struct along *k) {
  const struct convnet *net = k->net;
  struct hessian *s = k->s;
  const int N = vector_padded(net->ways), S = k->S;
  product_forward(k, net->readout, s->z, k->loss->w->h, s->h);
  for (int i = 0; i < S*N; i++) {
    s->z[i] = (s->z[i] + s->second[i]) / (real)S;
    s->dz[i] = 0;
  }
  softmax_backward(s->dz, s->z, k->loss->p, S, net->ways, N);
  product_backward(k, net->readout, s->dh, k->loss->w->h, s->h, k->loss->g, s->dz);
  add(s->dh, s->second, (size_t)(S * convnet_features(net)));
}

// From s->dh to s->dpooled. The derivatives of constant inputs are left out.
static void dense_backward(const struct along *k) {
  const struct convnet *net = k->net;
  const struct convnet_work *w = k->loss->w;
  struct hessian *s = k->s;
  const int C = vector_padded(net->channels), H = vector_padded(net->hidden), F = convnet_features(net), S = k->S;
  const int X = vector_padded(net->channels + 1);
  if (net->hidden == 0) {
    copy_rows(s->dpooled, C, s->dh, F, S, net->channels);
    return;
  }
  copy_rows(s->dz, H, s->dh, F, S, net->hidden);
  copy_rows(s->dz_plain, H, w->dh, F, S, net->hidden);
  for (int i = 0; net->activation == CONVNET_RELU && i < S*H; i++)
    if (!(w->z[i] > 0)) s->dz[i] = s->dz_plain[i] = 0;
  product_backward(k, net->blocks, s->dx, w->x, net->adapting == 0 ? s->x : NULL, s->dz_plain, s->dz);
  add(s->dx, s->second, (size_t)(S*X));
  copy_rows(s->dpooled, C, s->dx, X, S, net->channels);
}

static void swap(real **a, real **b) {
  real *c = *a;
  *a = *b;
  *b = c;
}

static void blocks_backward(const struct along *k) {
  const struct convnet *net = k->net;
  const struct convnet_work *w = k->loss->w;
  struct hessian *s = k->s;
  const int C = vector_padded(net->channels), S = k->S;
  const struct normtangent_sums sums = { s->sums, s->sums + C, s->sums + 2*C };
  real *t = s->t[0], *other = s->t[1];
  const real *second = NULL;
  maxpool_backward(t, s->dpooled, w->from, S, (int)convnet_pixels(net, net->blocks), C);
  for (int l = net->blocks; l > 0; l--) {
    const int n = S * (int)convnet_produced(net, l);
    const struct conv shape = convnet_shape(net, l - 1, S);
    if (net->halving == CONVNET_MAXIMUM) {
      if (second) add(t, second, (size_t)S * convnet_pixels(net, l) * (size_t)C);
      maxpool_quarter_backward(other, t, w->of[l], S, shape.OH, shape.OW, C);
      swap(&t, &other);
      second = NULL;
    }
    memset(s->sums, 0, 3 * (size_t)C * sizeof *s->sums);
    normtangent_backward_sums(&sums, t, second, w->du[l], w->u[l], s->u[l], n, C);
    normtangent_backward(t, w->dz[l], w->u[l], s->u[l], w->a[l], w->r[l][0], s->s2[l], &sums, n, C);
    product_backward(k, l - 1, l > 1 ? other : NULL, w->y[l - 1], l > 1 ? s->y[l - 1] : NULL, w->dz[l], t);
    second = s->second;
    swap(&t, &other);
  }
}

void hessian_product(struct hessian *s, const struct convnet *net, const struct hessian_loss *loss, const real *v,
                     real *out, real *dpooled) {
  const struct along k = { s, net, loss, v, out, loss->w->n[0] };
  const int blocks = net->adapting == 0;
  if (blocks) blocks_forward(&k);
  dense_forward(&k);
  readout(&k);
  dense_backward(&k);
  if (blocks) blocks_backward(&k);
  else add(dpooled, s->dpooled, (size_t)k.S * (size_t)vector_padded(net->channels));
}
