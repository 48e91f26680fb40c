// e-prop: summed by parts against the traces of the paper; equal to back-propagation through time with the
// recurrent and reset paths cut; rounding of updates.
#include "base/err.h"
#include "base/rng.h"
#include "kernel/noise.h"
#include "learn/bptt.h"
#include "learn/eprop.h"
#include "reference/reference.h"
#include "spiking_fixture.h"
#include "test.h"

static double apart(const real *a, const real *b, size_t n) {
  double off = 0, top = 0;
  for (size_t k = 0; k < n; k++) {
    off = fmax(off, fabs((double)a[k] - (double)b[k]));
    top = fmax(top, fabs((double)b[k]));
  }
  return off/top;
}

static void check_identities(bool smooth, double adaptive, uint32_t index) {
  const double tol = sizeof(real) == 8 ? 1e-13 : 2e-5;
  struct fixture f;
  fixture_init(&f, 4, 30, 2, adaptive, 150, smooth, index);
  fixture_forward(&f);
  const struct spiking *net = &f.net;
  const size_t n = spiking_w_size(net), n_out = spiking_w_out_size(net);
  struct rng r = rng_stream(6, RNG_TEST, index);
  real *error = fixture_zeros(&f.a, (size_t)(f.T*net->ld_out)), *learning = fixture_zeros(&f.a, (size_t)(f.T*net->ld));
  real *source = fixture_zeros(&f.a, (size_t)(f.T*net->n));
  real *dw = fixture_zeros(&f.a, n), *ref = fixture_zeros(&f.a, n), *cut = fixture_zeros(&f.a, n),
       *full = fixture_zeros(&f.a, n);
  real *dw_out = fixture_zeros(&f.a, n_out);
  for (int t = 0; t < f.T; t++)
    for (int j = 0; j < net->n_out; j++) error[t*net->ld_out + j] = (real)rng_normal(&r);
  eprop_broadcast(learning, net, f.w_out, error, f.T, &f.scratch);
  eprop_source(source, net, &f.rec, learning);
  eprop_gradient(dw, net, &f.rec, &f.input, source, &f.scratch);
  eprop_gradient_ref(ref, net, &f.rec, &f.input, learning);
  CHECK(apart(dw, ref, n) <= test_tol(tol), "by parts and by traces differ by %g", apart(dw, ref, n));
  struct bptt_loss loss = { .d_output = error, .cut = true };
  bptt_backward(cut, dw_out, net, f.w, f.w_out, &f.rec, &f.input, &loss, &f.scratch);
  spiking_clear_diagonal(net, cut);
  CHECK(apart(dw, cut, n) <= test_tol(tol), "e-prop and cut back-propagation differ by %g", apart(dw, cut, n));
  loss.cut = false;  // negative control: the full gradient is another one
  bptt_backward(full, dw_out, net, f.w, f.w_out, &f.rec, &f.input, &loss, &f.scratch);
  spiking_clear_diagonal(net, full);
  CHECK(apart(dw, full, n) > 1e-3, "full back-propagation differs by %g only", apart(dw, full, n));
  fixture_release(&f);
}

static void check_rounding(void) {
  struct eprop_params p = { .rate = 2, .grid = EPROP_NEAREST, .step = 0.25 };
  CHECK(reference_round(0.13, &p, 0) == 0.25 && reference_round(-0.12, &p, 0) == 0 &&
            reference_round(0.125, &p, 0) == 0,
        "nearest");
  p.threshold = 0.2;
  CHECK(reference_round(0.13, &p, 0) == 0 && reference_round(-0.21, &p, 0) == -0.25, "threshold");
  p.grid = EPROP_EXACT;
  CHECK(reference_round(0.19, &p, 0) == 0 && reference_round(0.21, &p, 0) == (double)(real)0.21,
        "threshold of exact changes");
  p.threshold = 0;
  enum { DRAWS = 100000 };
  struct rng r = rng_stream(8, RNG_TEST, 0);
  const double change = -0.0777, share = 0.0777/0.25, spread = 0.25*sqrt(share*(1 - share)/DRAWS);
  for (p.grid = EPROP_STOCHASTIC; p.grid <= EPROP_SPARSE; p.grid++) {
    double sum = 0;
    int off_grid = 0;
    for (int k = 0; k < DRAWS; k++) {
      const double q = reference_round(change, &p, rng_uniform(&r));
      off_grid += q != 0 && q != -0.25;
      sum += q/DRAWS;
    }
    CHECK(off_grid == 0, "%s: %d values are not on the grid", eprop_grid_names[p.grid], off_grid);
    CHECK(fabs(sum - change) < 5*spread, "%s: mean %g of %g", eprop_grid_names[p.grid], sum, change);
    CHECK(fabs(sum - 1.05*change) > 5*spread, "a bias of 5 %% would be seen");
  }
  p.grid = EPROP_SPARSE;
  CHECK(reference_round(0.3125, &p, 0.5) == 0.3125 && reference_round(-0.25, &p, 0.5) == -0.25 &&
            reference_round(0, &p, 0.999) == 0,
        "sparse: larger changes are exact");
  const real w[3] = { 1, 2, 3 }, dw[3] = { (real)0.25, 0, (real)-0.5 };
  real changed[3];
  eprop_update(changed, w, dw, 3, &(struct eprop_params){ .rate = 2 }, NULL);
  CHECK(changed[0] == (real)0.5 && changed[1] == 2 && changed[2] == 4, "W - rate dW: %g %g %g", (double)changed[0],
        (double)changed[1], (double)changed[2]);
}

// The vectors of eprop_update are the formula of reference_round: all grids, with and without threshold, across chunks.
static void check_update(void) {
  enum { N = 600 };
  real w[N], dw[N], changed[N];
  float u[N];
  struct rng r = rng_stream(9, RNG_TEST, 0);
  for (int k = 0; k < N; k++) {
    w[k] = (real)rng_normal(&r);
    dw[k] = k % 7 ? (real)rng_normal(&r) : 0;
  }
  for (int c = 0; c < 8; c++) {
    const struct eprop_params p = {
      .rate = 0.03, .grid = c % (EPROP_SPARSE + 1), .step = 0.05, .threshold = c < 4 ? 0 : 0.01
    };
    struct rng a = rng_stream(10, RNG_TEST, (uint32_t)c), b = a;
    eprop_update(changed, w, dw, N, &p, &a);
    for (int from = 0; from < N; from += 256) noise_uniform(u + from, N - from < 256 ? (size_t)(N - from) : 256, &b);
    int wrong = 0, made = 0;
    for (int k = 0; k < N; k++) {
      const real expected = w[k] + (real)reference_round(-p.rate*(double)dw[k], &p, (double)u[k]);
      wrong += fabs((double)(changed[k] - expected)) > 1e-6;
      made += changed[k] != w[k];
      wrong += dw[k] == 0 && changed[k] != w[k];
    }
    CHECK(wrong == 0 && made > N/10, "%s, threshold %g: %d of %d wrong, %d made", eprop_grid_names[p.grid],
          p.threshold, wrong, N, made);
  }
}

// What is left of changes D onto all neurons if D' replace them, by the traces of the paper.
static double remaining(const struct fixture *f, const real *d, const real *few, double ridge) {
  const struct spiking *net = &f->net;
  real *e_in = err_calloc((size_t)(f->T*net->n_in), sizeof *e_in);
  real *e_rec = err_calloc((size_t)(f->T*net->n), sizeof *e_rec);
  double sum = 0;
  eprop_traces(e_in, e_rec, net, &f->rec, &f->input);
  for (int j = 0; j < net->n; j++)
    for (int t = 0; t < f->T; t++) {
      double v = 0;
      for (int i = 0; i < net->n_in + net->n; i++) {
        const double e = (double)(i < net->n_in ? e_in[t*net->n_in + i] : e_rec[t*net->n + i - net->n_in]);
        const double off = (double)d[i*net->ld + j] - (double)few[i*net->ld + j];
        v += off*e;
        sum += t ? 0 : ridge*off*off;
      }
      sum += v*v;
    }
  free(e_in);
  free(e_rec);
  return sum;
}

// Few changes: each was worth it; with any gain, however small, all come back.
static void check_pursuit(void) {
  struct fixture f;
  fixture_init(&f, 4, 30, 2, 0, 150, false, 4);
  fixture_forward(&f);
  const struct spiking *net = &f.net;
  const size_t n = spiking_w_size(net);
  real *d = fixture_zeros(&f.a, n), *few = fixture_zeros(&f.a, n), *none = fixture_zeros(&f.a, n);
  struct rng r = rng_stream(11, RNG_TEST, 0);
  struct arena scratch;
  arena_init(&scratch, eprop_pursuit_bytes(net, f.T));
  for (int i = 0; i < net->n_in + net->n; i++)
    for (int j = 0; j < net->n; j++) d[i*net->ld + j] = i == net->n_in + j ? 0 : (real)rng_normal(&r);
  const double gains[] = { 0, 1, 30 };
  int before = 0;
  for (int k = 0; k < 3; k++) {
    const struct eprop_params p = { .pursuit_gain = gains[k], .pursuit_ridge = 0.5 };
    int made = 0, diagonal = 0;
    memcpy(few, d, n*sizeof *few);
    eprop_pursue(few, net, &f.rec, &f.input, &p, &scratch);
    for (size_t i = 0; i < n; i++) made += few[i] != 0;
    for (int j = 0; j < net->n; j++) diagonal += few[(net->n_in + j)*net->ld + j] != 0;
    const double all = remaining(&f, d, none, 0.5), left = remaining(&f, d, few, 0.5);
    printf("gain %g: %d of %d changes leave %.3g of %.3g\n", gains[k], made, (net->n_in + net->n - 1)*net->n, left,
           all);
    CHECK(left <= all - 0.999*made*gains[k] && made > 0 && diagonal == 0, "%d changes leave %g of %g", made, left,
          all);
    CHECK(k == 0 || made < before, "a gain of %g allows %d changes", gains[k], made);
    if (k == 0) CHECK(left < test_tol(1e-6)*all, "without a gain %g of %g are left", left, all);
    before = made;
  }
  arena_release(&scratch);
  fixture_release(&f);
}

int main(void) {
  check_identities(false, 0, 1);
  check_identities(false, 0.5, 2);
  check_identities(true, 0, 3);
  check_rounding();
  check_update();
  check_pursuit();
  return test_summary();
}
