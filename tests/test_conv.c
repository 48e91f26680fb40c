// The fast convolution against its slow twin on many odd shapes, its gradients against central
// differences on every coordinate, and <conv(x, w), u> = <x, data(u)> = <w, weights(u)>.
#include "base/err.h"
#include "base/rng.h"
#include "gradient.h"
#include "kernel/conv.h"

struct arrays {
  struct conv c;
  long n_x, n_w, n_y;
  real *x, *w, *y, *u, *dx, *dw;
};

// Random numbers in the first n of every ld; zero in the padding.
static real *filled(long rows, int n, struct rng *r) {
  const int ld = vector_padded(n);
  real *p = err_aligned((unsigned long)(rows * ld), sizeof *p);  // no spare room: sanitizers see every overrun
  for (long i = 0; i < rows; i++)
    for (int k = 0; k < n; k++) p[i*ld + k] = (real)rng_normal(r);
  return p;
}

static struct arrays arrays_new(struct conv c, struct rng *r) {
  struct arrays a = { .c = c };
  const long pixels = (long)c.B*c.H*c.W, outputs = (long)c.B*c.OH*c.OW, taps = (long)c.k*c.k;
  a.n_x = pixels * vector_padded(c.C);
  a.n_w = taps * c.C * vector_padded(c.O);
  a.n_y = outputs * vector_padded(c.O);
  a.x = filled(pixels, c.C, r);
  a.w = filled(taps * c.C, c.O, r);
  a.u = filled(outputs, c.O, r);
  a.y = err_aligned((unsigned long)a.n_y, sizeof(real));
  a.dx = err_aligned((unsigned long)a.n_x, sizeof(real));
  a.dw = err_aligned((unsigned long)a.n_w, sizeof(real));
  return a;
}

static void arrays_free(struct arrays *a) {
  real *const owned[] = { a->x, a->w, a->y, a->u, a->dx, a->dw };
  for (int k = 0; k < 6; k++) free(owned[k]);
}

static double dot(const real *a, const real *b, long n) {
  double sum = 0;
  for (long i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

// Largest difference relative to the largest value.
static double difference(const real *a, const real *b, long n) {
  double worst = 0, size = 1e-30;
  for (long i = 0; i < n; i++) {
    worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
    size = fmax(size, fabs((double)b[i]));
  }
  return worst / size;
}

static const double tolerance = sizeof(real) == sizeof(double) ? 1e-14 : 1e-5;
static double worst_seen;

static void compare(const char *what, const real *a, const real *b, long n, const struct conv *c) {
  const double d = difference(a, b, n);
  worst_seen = fmax(worst_seen, d);
  CHECK(d <= test_tol(tolerance), "%s off by %.2g: B %d H %d W %d C %d O %d k %d stride %d pad %d", what, d, c->B, c->H,
        c->W, c->C, c->O, c->k, c->stride, c->pad);
}

static void check_twins(struct conv c, struct rng *r) {
  struct arrays a = arrays_new(c, r);
  real *y = err_calloc((unsigned long)a.n_y, sizeof *y), *dx = err_calloc((unsigned long)a.n_x, sizeof *dx);
  real *dw = err_calloc((unsigned long)a.n_w, sizeof *dw);
  for (long i = 0; i < a.n_y; i++) a.y[i] = NAN;  // y and dx are overwritten,
  for (long i = 0; i < a.n_x; i++) a.dx[i] = NAN;
  for (long i = 0; i < a.n_w; i++) dw[i] = a.dw[i] = (real)(0.25 * (double)a.w[i]);  // dw is added to
  conv_forward(a.y, a.x, a.w, &c);
  conv_backward_data(a.dx, a.u, a.w, &c);
  conv_backward_weights(a.dw, a.x, a.u, &c);
  conv_forward_ref(y, a.x, a.w, &c);
  conv_backward_ref(dx, dw, a.u, a.x, a.w, &c);
  compare("forward", a.y, y, a.n_y, &c);
  compare("data gradient", a.dx, dx, a.n_x, &c);
  compare("weight gradient", a.dw, dw, a.n_w, &c);
  for (long i = 0; i < a.n_w; i++) a.dw[i] = 0;
  conv_backward_weights(a.dw, a.x, a.u, &c);
  const double product = dot(a.y, a.u, a.n_y), size = sqrt(dot(a.y, a.y, a.n_y) * dot(a.u, a.u, a.n_y)) + 1e-30;
  CHECK(fabs(dot(a.x, a.dx, a.n_x) - product) <= test_tol(tolerance) * size, "data gradient is not the adjoint");
  CHECK(fabs(dot(a.w, a.dw, a.n_w) - product) <= test_tol(tolerance) * size, "weight gradient is not the adjoint");
  free(y);
  free(dx);
  free(dw);
  arrays_free(&a);
}

static int below(struct rng *r, int n) { return (int)(rng_u32(r) % (unsigned)n); }

static struct conv random_shape(struct rng *r, int B, int HW, int C) {
  for (;;) {
    const int k = 1 + below(r, 3), pad = below(r, 2), H = 1 + below(r, HW), W = 1 + below(r, HW);
    if (H + 2*pad < k || W + 2*pad < k) continue;
    return conv_shape(1 + below(r, B), H, W, 1 + below(r, C), 1 + below(r, C + 1), k, 1 + below(r, 2), pad);
  }
}

static void test_twins(void) {
  struct rng r = rng_stream(1, RNG_TEST, 0);
  for (int n = 0; n < 250; n++) check_twins(random_shape(&r, 7, 9, 19), &r);
  check_twins(conv_shape(3, 5, 4, 33, 75, 3, 2, 1), &r);    // more columns than one tile
  check_twins(conv_shape(50, 1, 1, 56, 5, 1, 1, 0), &r);    // a dense layer
  check_twins(conv_shape(8, 260, 3, 2, 3, 3, 2, 1), &r);    // more rows than a band
  check_twins(conv_shape(2, 2, 6000, 1, 17, 3, 1, 1), &r);  // rows too long for a band
  check_twins(conv_shape(5, 4, 3, 300, 40, 3, 2, 1), &r);   // more terms than a panel, more channels than are packed
  check_twins(conv_shape(13, 4, 4, 80, 40, 3, 1, 1), &r);   // more pixels than are packed at once
  check_twins(conv_shape(30, 1, 1, 4700, 90, 1, 1, 0), &r); // more channels than a panel,
  check_twins(conv_shape(2, 1, 1, 5, 4700, 1, 1, 0), &r);   // and more outputs
  for (int B = 1; B <= 13; B++) {
    check_twins(conv_shape(B, 6, 5, 1, 56, 3, 2, 1), &r);
    check_twins(conv_shape(B, 5, 6, 3, 64, 3, 1, 1), &r);
    check_twins(conv_shape(B, 4, 3, 56, 56, 3, 2, 1), &r);
    check_twins(conv_shape(B, 3, 4, 64, 80, 3, 1, 1), &r);
  }
  check_twins(conv_shape(0, 4, 4, 2, 2, 3, 1, 1), &r);      // no image
  printf("largest difference of the twins %.1e\n", worst_seen);
}

// An image's output has the same bits whatever stands beside it (where a block has two chains of sums, kernel/conv.c).
static void test_alone(struct conv c, struct rng *r) {
  struct arrays a = arrays_new(c, r);
  const long image = a.n_x / c.B, out = a.n_y / c.B;
  const struct conv one = conv_shape(1, c.H, c.W, c.C, c.O, c.k, c.stride, c.pad);
  real *y = err_aligned((unsigned long)out, sizeof *y), *dx = err_aligned((unsigned long)image, sizeof *dx);
  conv_forward(a.y, a.x, a.w, &c);
  conv_backward_data(a.dx, a.u, a.w, &c);
  for (int b = 0; b < c.B; b++) {
    conv_forward(y, a.x + b*image, a.w, &one);
    conv_backward_data(dx, a.u + b*out, a.w, &one);
    CHECK(!memcmp(y, a.y + b*out, sizeof *y * (size_t)out), "C %d O %d: image %d differs alone", c.C, c.O, b);
    CHECK(!memcmp(dx, a.dx + b*image, sizeof *dx * (size_t)image), "C %d O %d: gradient %d differs", c.C, c.O, b);
  }
  free(y);
  free(dx);
  arrays_free(&a);
}

static double sine_loss(void *context, uint64_t *pattern) {
  struct arrays *a = context;
  double sum = 0;
  (void)pattern;
  conv_forward(a->y, a->x, a->w, &a->c);
  for (long i = 0; i < a->n_y; i++)
    if (i % vector_padded(a->c.O) < a->c.O) sum += sin((double)a->y[i] + (double)i);
  return sum;
}

static void test_gradients(void) {
  struct rng r = rng_stream(1, RNG_TEST, 1);
  for (int n = 0; n < 12; n++) {
    struct arrays a = arrays_new(random_shape(&r, 3, 5, 4), &r);
    sine_loss(&a, NULL);
    for (long i = 0; i < a.n_y; i++)
      a.u[i] = (real)(i % vector_padded(a.c.O) < a.c.O ? cos((double)a.y[i] + (double)i) : 0);
    conv_backward_data(a.dx, a.u, a.w, &a.c);
    conv_backward_weights(a.dw, a.x, a.u, &a.c);
    gradient_check("conv data", a.x, a.dx, a.n_x, 1e-2, 1e-6, 1, sine_loss, &a);
    gradient_check("conv weights", a.w, a.dw, a.n_w, 1e-2, 1e-6, 1, sine_loss, &a);
    // a gradient that is off by one part in ten thousand would be noticed
    long top = 0;
    for (long i = 0; i < a.n_w; i++) top = fabs((double)a.dw[i]) > fabs((double)a.dw[top]) ? i : top;
    a.dw[top] *= (real)1.0001;
    CHECK(gradient_compare(a.w, a.dw, a.n_w, 1e-2, sine_loss, &a).worst > 5e-5, "a wrong gradient passed");
    arrays_free(&a);
  }
}

static void test_flop(void) {
  const struct conv c = conv_shape(2, 5, 4, 3, 7, 3, 2, 1);
  long products = 0;
  for (int oh = 0; oh < c.OH; oh++)
    for (int ow = 0; ow < c.OW; ow++)
      for (int tap = 0; tap < 9; tap++) {
        const int ih = 2*oh + tap/3 - 1, iw = 2*ow + tap%3 - 1;
        products += ih >= 0 && iw >= 0 && ih < 5 && iw < 4;
      }
  CHECK(c.OH == 3 && c.OW == 2, "output of %d x %d", c.OH, c.OW);
  CHECK(conv_flop(&c) == 2.0 * 2 * 3 * 7 * (double)products, "%g operations", conv_flop(&c));
}

int main(void) {
  test_twins();
  struct rng r = rng_stream(1, RNG_TEST, 2);
  for (int n = 0; n < 60 && VECTOR_LANES < (int)VECTOR_PADDING; n++) test_alone(random_shape(&r, 13, 6, 70), &r);
  if (GRADIENT_CHECKED) test_gradients();
  test_flop();
  return test_summary();
}
