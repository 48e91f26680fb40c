// Event-driven products and the spike function against their slow twins, on unround sizes.
#include "base/rng.h"
#include "kernel/events.h"
#include "kernel/lif.h"
#include "test.h"

static const double tol = sizeof(real) == 8 ? 1e-14 : 2e-6;

static double largest(const real *a, const real *b, int n) {
  double most = 0, top = 0;
  for (int i = 0; i < n; i++) {
    most = fmax(most, fabs((double)a[i] - (double)b[i]));
    top = fmax(top, fabs((double)b[i]));
  }
  return top > 0 ? most/top : most;
}

static void check_products(int rows, int n, double density, struct rng *r) {
  const int ld = events_padded(n);
  struct arena a;
  arena_init(&a, (size_t)(2*rows*ld + 8*ld + 8*rows)*sizeof(real) + events_bytes(3, 3*rows) + 4096);
  struct events e;
  events_init(&e, &a, 3, 3*rows);
  real *w = ARENA_NEW(&a, (size_t)(rows*ld), real), *z = ARENA_NEW(&a, (size_t)rows, real),
       *other = ARENA_NEW(&a, (size_t)(rows*ld), real);
  real *y = ARENA_NEW(&a, (size_t)ld, real), *y_ref = ARENA_NEW(&a, (size_t)ld, real);
  real *d = ARENA_NEW(&a, (size_t)rows, real), *d_ref = ARENA_NEW(&a, (size_t)rows, real);
  for (int k = 0; k < rows*ld; k++) w[k] = other[k] = k % ld < n ? (real)rng_normal(r) : 0;
  for (int j = 0; j < ld; j++) y[j] = y_ref[j] = j < n ? (real)rng_normal(r) : 0;
  for (int t = 0; t < 3; t++) {
    for (int i = 0; i < rows; i++) {
      const real value = (real)(rng_uniform(r) < density ? rng_normal(r) : 0);
      if (t == 1) z[i] = value;
      if (value != 0) events_add(&e, t, i, value);
    }
    events_close(&e, t);
  }
  const struct events_step s = events_at(&e, 1);
  CHECK(events_at(&e, -1).n == 0 && events_at(&e, 1).n == s.n, "step -1 has %d events", events_at(&e, -1).n);
  events_integrate(y, (real)0.9, w, ld, s);
  events_integrate_ref(y_ref, (real)0.9, w, z, rows, ld);
  CHECK(largest(y, y_ref, ld) <= test_tol(10*tol), "integrate %d x %d: %g", rows, n, largest(y, y_ref, ld));
  events_dot(d, w, y_ref, ld, s);
  events_dot_ref(d_ref, w, y_ref, rows, ld);
  for (int k = 0; k < s.n; k++)
    CHECK(fabs((double)(d[k] - d_ref[s.index[k]])) <= test_tol(100*tol*sqrt(n)*3), "dot %d: %g vs %g", k,
          (double)d[k], (double)d_ref[s.index[k]]);
  events_outer(w, y, ld, s);
  events_outer_ref(other, y, z, rows, ld);
  CHECK(largest(w, other, rows*ld) <= test_tol(10*tol), "outer %d x %d: %g", rows, n, largest(w, other, rows*ld));
  arena_release(&a);
}

static void check_fire(bool smooth, struct rng *r) {
  enum { N = 48, USED = 37, T = 200 };
  const struct lif p = { .v_th = (real)0.7, .damping = (real)0.3, .refractory = smooth ? 0 : 5, .smooth = smooth };
  struct arena a;
  arena_init(&a, 2*events_bytes(T, T*N) + 4096);
  struct events spikes, active;
  events_init(&spikes, &a, T, T*N);
  events_init(&active, &a, T, T*N);
  real v[N] = { 0 }, threshold[N], z[N], h[N], wait_ref[N] = { 0 };
  uint8_t wait[N] = { 0 }, flag[N];
  int n_spikes = 0, n_active = 0, wrong = 0;
  for (int t = 0; t < T; t++) {
    for (int i = 0; i < N; i++) {
      threshold[i] = (real)(0.7 + (i % 3 ? 0 : 0.2));
      if (i < USED) v[i] = (real)rng_normal(r);
    }
    lif_fire(&spikes, &active, t, v, threshold, wait, flag, N, &p);
    lif_fire_ref(z, h, v, threshold, wait_ref, N, &p);
    const struct events_step s = events_at(&spikes, t), b = events_at(&active, t);
    for (int k = 0; k < s.n; k++) wrong += s.value[k] != z[s.index[k]];
    for (int k = 0; k < b.n; k++) wrong += fabs((double)(lif_surrogate(&p, b.value[k]) - h[b.index[k]])) > 10*tol;
    for (int i = 0; i < N; i++) {
      n_spikes += z[i] != 0;
      n_active += h[i] != 0;
    }
  }
  CHECK(wrong == 0, "%d spikes or derivatives differ", wrong);
  CHECK(spikes.first[T] == n_spikes && active.first[T] == n_active && n_spikes > 500,
        "%d of %d spikes, %d of %d active", spikes.first[T], n_spikes, active.first[T], n_active);
  arena_release(&a);
}

// The smooth function's derivative is the surrogate.
static void check_smooth(void) {
  const struct lif p = { .v_th = (real)0.6, .damping = (real)0.3, .smooth = true };
  const double eps = sizeof(real) == 8 ? 1e-5 : 1e-3;
  for (double u = -0.9; u < 0.9; u += 0.0137) {
    const double slope = (double)(lif_spike(&p, (real)(u + eps)) - lif_spike(&p, (real)(u - eps)))/(2*eps);
    const double h = fabs(u) < 0.6 ? (double)lif_surrogate(&p, (real)u) : 0;
    CHECK(fabs(slope - h) < (sizeof(real) == 8 ? 1e-4 : 2e-3), "at %g: %g vs %g", u, slope, h);
  }
}

int main(void) {
  struct rng r = rng_stream(7, RNG_TEST, 0);
  check_products(5, 3, 0.9, &r);
  check_products(33, 70, 0.3, &r);
  check_products(17, 129, 1.1, &r);
  check_products(40, 800, 0, &r);
  check_fire(false, &r);
  check_fire(true, &r);
  check_smooth();
  return test_summary();
}
