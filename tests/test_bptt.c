// Back-propagation through time against central differences, the threshold replaced by the smooth function whose
// derivative is the surrogate (in that mode adaptation enters through the reset only, the path
// through which alone gradient flows). Needs the double build.
#include "learn/bptt.h"

#include <assert.h>

#include "spiking_fixture.h"
#include "test.h"

enum { N_IN = 3, N = 7, N_OUT = 2, T = 40 };

struct problem {
  struct fixture f;
  real *target, *d_output, *d_rate;
};

// 1/2 sum (o - target)^2 + sum_j rate_j (spikes of j)
static double loss(struct problem *p) {
  fixture_forward(&p->f);
  const int ld = p->f.net.ld_out;
  double sum = 0;
  for (int t = 0; t < T; t++)
    for (int j = 0; j < N_OUT; j++) {
      const double e = (double)(p->f.output[t*ld + j] - p->target[t*ld + j]);
      p->d_output[t*ld + j] = (real)e;
      sum += 0.5*e*e;
    }
  for (int k = 0; k < p->f.rec.spikes.first[T]; k++)
    sum += (double)(p->d_rate[p->f.rec.spikes.index[k]]*p->f.rec.spikes.value[k]);
  return sum;
}

static double difference(struct problem *p, real *x, double step) {
  const real kept = *x;
  *x = (real)((double)kept + step);
  const double up = loss(p);
  *x = (real)((double)kept - step);
  const double down = loss(p);
  *x = kept;
  return (up - down)/(2*step);
}

static void check_matrix(struct problem *p, const char *name, real *w, const real *gradient, int rows, int n, int ld,
                         int diagonal_from) {
  double top = 0, off = 0;
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < n; j++) {
      if (i - diagonal_from == j) continue;
      const double d = difference(p, &w[i*ld + j], 1e-5);
      top = fmax(top, fabs(d));
      off = fmax(off, fabs(d - (double)gradient[i*ld + j]));
    }
  CHECK(top > 1e-3 && off <= test_tol(1e-7)*top, "%s: %g of %g", name, off, top);
}

static void check_gradient(double adaptive, uint32_t index) {
  struct problem p;
  fixture_init(&p.f, N_IN, N, N_OUT, adaptive, T, true, index);
  const struct spiking *net = &p.f.net;
  struct rng r = rng_stream(5, RNG_TEST, index);
  p.target = fixture_zeros(&p.f.a, (size_t)(T*net->ld_out));
  p.d_output = fixture_zeros(&p.f.a, (size_t)(T*net->ld_out));
  p.d_rate = fixture_zeros(&p.f.a, (size_t)net->ld);
  for (int k = 0; k < T*net->ld_out; k++) p.target[k] = (real)rng_normal(&r);
  for (int j = 0; j < N; j++) p.d_rate[j] = (real)(0.1*rng_normal(&r));
  real *dw = fixture_zeros(&p.f.a, spiking_w_size(net)), *dw_out = fixture_zeros(&p.f.a, spiking_w_out_size(net));
  loss(&p);
  const struct bptt_loss l = { .d_output = p.d_output, .d_rate = p.d_rate };
  bptt_backward(dw, dw_out, net, p.f.w, p.f.w_out, &p.f.rec, &p.f.input, &l, &p.f.scratch);
  check_matrix(&p, "w", p.f.w, dw, N_IN + N, N, net->ld, N_IN);
  check_matrix(&p, "w_out", p.f.w_out, dw_out, N, N_OUT, net->ld_out, N_IN + N);
  const double coarse = difference(&p, &p.f.w[1], 2e-3) - (double)dw[1],
               fine = difference(&p, &p.f.w[1], 1e-3) - (double)dw[1];
  CHECK(fabs(coarse) > 2.5*fabs(fine), "halving the step: %g to %g", coarse, fine);
  fixture_release(&p.f);
}

int main(void) {
  assert(sizeof(real) == 8);  // differences need the double build
  check_gradient(0, 1);
  check_gradient(0.6, 2);
  check_gradient(1, 3);
  return test_summary();
}
