// Wire resistance: the closed form against the exact solution of the resistor network, solved here node by node, and
// against published solutions; a tile with wires; what it costs nothing where there is none.
#include "base/err.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "device/tile.h"
#include "device/wires.h"
#include "test.h"

enum { LD = 256 };

// A network: row i from x_V over ohm*(left + 1), cells G, columns to 0 V over ohm*(below + 1) at the foot.
struct network {
  int rows, columns;
  const double *G_S, *x_V;
  double ohm, left, below;
};

static double segment(const struct network *n, double more) { return 1/(n->ohm*(more + 1)); }

// out = A v: currents out of all nodes, rows first, then columns.
static void apply(double *out, const double *v, const struct network *n) {
  const int R = n->rows, C = n->columns;
  const double *u = v, *w = v + R*C, g = 1/n->ohm;
  for (int i = 0; i < R; i++)
    for (int o = 0; o < C; o++) {
      const int k = i*C + o;
      const double cell = n->G_S[k]*(u[k] - w[k]);
      out[k] = cell + (o ? g*(u[k] - u[k - 1]) : segment(n, n->left)*u[k]) + (o < C - 1 ? g*(u[k] - u[k + 1]) : 0);
      out[R*C + k] = -cell + (i ? g*(w[k] - w[k - C]) : 0) +
                     (i < R - 1 ? g*(w[k] - w[k + C]) : segment(n, n->below)*w[k]);
    }
}

static double dot(const double *a, const double *b, int n) {
  double s = 0;
  for (int k = 0; k < n; k++) s += a[k]*b[k];
  return s;
}

// Currents into the feet (columns), by conjugate gradients.
static void solve(double *y_A, const struct network *n) {
  const int R = n->rows, C = n->columns, N = 2*R*C;
  double *v = err_calloc((size_t)N, sizeof *v), *r = err_calloc((size_t)N, sizeof *r);
  double *p = err_calloc((size_t)N, sizeof *p), *q = err_calloc((size_t)N, sizeof *q);
  for (int i = 0; i < R; i++) r[i*C] = segment(n, n->left)*n->x_V[i];
  memcpy(p, r, (size_t)N*sizeof *p);
  double rr = dot(r, r, N);
  const double enough = 1e-26*rr;
  for (int k = 0; k < 20*N && rr > enough; k++) {
    apply(q, p, n);
    const double step = rr/dot(p, q, N);
    for (int j = 0; j < N; j++) v[j] += step*p[j];
    for (int j = 0; j < N; j++) r[j] -= step*q[j];
    const double next = dot(r, r, N);
    for (int j = 0; j < N; j++) p[j] = r[j] + next/rr*p[j];
    rr = next;
  }
  for (int o = 0; o < C; o++) y_A[o] = segment(n, n->below)*v[R*C + (R - 1)*C + o];
  free(v);
  free(r);
  free(p);
  free(q);
}

// The same by the closed form; *ideal without wires.
static void closed(double *y_A, double *ideal, const struct network *n) {
  const int R = n->rows, C = n->columns;
  real *g = err_calloc((size_t)R*LD, sizeof *g), *factor = err_calloc((size_t)R*LD, sizeof *factor);
  const struct wires w = { n->ohm, (int)n->left, (int)n->below };
  for (int k = 0; k < R*C; k++) g[k/C*LD + k%C] = (real)(1e6*n->G_S[k]);
  wires_factor(factor, g, R, C, LD, &w);
  for (int o = 0; o < C; o++) {
    y_A[o] = ideal[o] = 0;
    for (int i = 0; i < R; i++) {
      y_A[o] += n->x_V[i]*n->G_S[i*C + o]*(double)factor[i*LD + o];
      ideal[o] += n->x_V[i]*n->G_S[i*C + o];
    }
  }
  free(g);
  free(factor);
}

static double worst(const double *a, const double *b, int n) {
  double largest = 0, off = 0;
  for (int k = 0; k < n; k++) {
    largest = fmax(largest, fabs(b[k]));
    off = fmax(off, fabs(a[k] - b[k]));
  }
  return off/largest;
}

static void test_exact(void) {
  static const struct { int rows, columns; double ohm, left, below, limit; } cases[] = {
    { 1, 1, 100, 0, 0, 1e-6 }, { 7, 5, 2, 0, 0, 1e-5 }, { 20, 30, 5, 10, 40, 5e-3 }, { 64, 64, 1, 0, 0, 1e-2 },
  };
  for (size_t c = 0; c < sizeof cases/sizeof *cases; c++) {
    const int R = cases[c].rows, C = cases[c].columns;
    double *G = err_calloc((size_t)(R*C), sizeof *G), *x = err_calloc((size_t)R, sizeof *x);
    double exact[64], y[64], ideal[64];
    struct rng r = rng_stream(3, RNG_TEST, (uint32_t)c);
    for (int k = 0; k < R*C; k++) G[k] = 25e-6*rng_uniform(&r)*rng_uniform(&r);
    for (int i = 0; i < R; i++) x[i] = 0.2*rng_uniform(&r);
    const struct network n = { R, C, G, x, cases[c].ohm, cases[c].left, cases[c].below };
    solve(exact, &n);
    closed(y, ideal, &n);
    CHECK(worst(y, exact, C) < cases[c].limit, "%d x %d: %g of full scale", R, C, worst(y, exact, C));
    CHECK(worst(ideal, exact, C) > 10*worst(y, exact, C), "%d x %d: wires change nothing", R, C);
    free(G);
    free(x);
  }
}

// Published solutions: the small ones are met by the solver above, all of them by the closed form.
static void test_reference(void) {
  static const struct { const char *name; int rows, columns, vectors; bool solved; } cases[] = {
    { "small", 7, 5, 4, true }, { "tall", 64, 16, 3, true }, { "core", 256, 256, 3, false },
  };
  struct tensorfile *tf;
  const char *path = "../shared/reference/ir_drop.safetensors";
  if (!file_exists(path)) {
    printf("SKIP %s is not there\n", path);
    return;
  }
  CHECK(tensorfile_open(&tf, path) == 0, "%s", err_message());
  for (size_t c = 0; c < sizeof cases/sizeof *cases; c++) {
    const int R = cases[c].rows, C = cases[c].columns, B = cases[c].vectors;
    const int64_t g_dims[] = { R, C }, x_dims[] = { B, R }, y_dims[] = { B, C };
    double *G = err_calloc((size_t)(R*C), sizeof *G), *x = err_calloc((size_t)(B*R), sizeof *x);
    double *expected = err_calloc((size_t)(B*C), sizeof *expected), y[256], ideal[256], ohm;
    double full = 0, off = 0, solved = 0;
    char name[32];
#define TAKE(field, n_dims, dims, to)                                                              \
  snprintf(name, sizeof name, "%s." field, cases[c].name);                                         \
  CHECK(tensorfile_f64(tf, name, n_dims, dims, to) == 0, "%s", err_message())
    TAKE("G_S", 2, g_dims, G);
    TAKE("x_V", 2, x_dims, x);
    TAKE("expect.y_A", 2, y_dims, expected);
    TAKE("r_ohm", 0, NULL, &ohm);
    for (int k = 0; k < B*C; k++) full = fmax(full, expected[k]);
    for (int b = 0; b < B; b++) {
      const struct network n = { R, C, G, x + b*R, ohm, 0, 0 };
      closed(y, ideal, &n);
      for (int o = 0; o < C; o++) off = fmax(off, fabs(y[o] - expected[b*C + o])/full);
      if (!cases[c].solved) continue;
      solve(y, &n);
      for (int o = 0; o < C; o++) solved = fmax(solved, fabs(y[o]/expected[b*C + o] - 1));
    }
    CHECK(off < 0.01, "%s: %g of full scale", cases[c].name, off);
    CHECK(solved < 1e-6, "%s: the solver differs by %g", cases[c].name, solved);
    printf("%s: closed form within %.2g of full scale\n", cases[c].name, off);
    free(G);
    free(x);
    free(expected);
  }
  tensorfile_close(tf);
}

// A tile reads what is left behind the wires, with less noise; in one phase the difference of both signs. A cell that
// is written changes what its neighbours give.
static void test_tile(void) {
  enum { R = 40, C = 24 };
  for (int phases = 1; phases <= 4; phases += 3) {
    struct tile_design d = { .units = 1, .one_phase = phases == 1, .dac_bits = 8, .adc_bits = 8 };
    struct tile t, plain;
    struct tile_count count = { 0 };
    struct rng r = rng_stream(4, RNG_TEST, 0);
    pcm_preset(&d.pcm, PCM_HERMES);
    tile_init(&t, &d, R, C, &r);
    real *w = err_calloc(tile_plane(&t), sizeof *w), *factor = err_calloc(tile_plane(&t), sizeof *factor);
    uint8_t *mask = err_calloc(tile_plane(&t), 1);
    t.left = 100;
    t.below = 50;
    for (size_t k = 0; k < tile_plane(&t); k++) w[k] = (real)(2*rng_uniform(&r) - 1);
    tile_write(&t, &d, w, NULL, true, false, 0, &r, &count);
    const struct tile_design apart = { .pcm = d.pcm, .units = 1, .dac_bits = 8, .adc_bits = 8 };
    tile_clone(&plain, &t, &apart);
    tile_settle(&plain, &apart, 3600);
    d.wire_ohm = 2;
    tile_settle(&t, &d, 3600);
    const struct wires wires = { 2, 100, 50 };
    double expected[2] = { 0 }, off = 0;
    for (int s = 0; s < 2; s++) {
      wires_factor(factor, plain.g[s], R, C, t.ld, &wires);
      const size_t k = 5*(size_t)t.ld + 7;
      expected[s] = (double)(plain.g[s][k]*factor[k]);
      if (phases == 4)
        off = fmax(off, fabs((double)t.v[s][k] - (double)(plain.v[s][k]*factor[k]*factor[k])));
    }
    const size_t k = 5*(size_t)t.ld + 7;
    const double found = (double)t.g[0][k] - (phases == 1 ? 0 : (double)t.g[1][k]);
    CHECK(fabs(found - (expected[0] - expected[1])) < 1e-4 && off < 1e-6, "%d phases: %g", phases, found);
    w[6*(size_t)t.ld + 7] = w[6*(size_t)t.ld + 7] > 0 ? -1 : 1;
    mask[6*(size_t)t.ld + 7] = 1;
    tile_write(&t, &d, w, mask, false, false, 3600, &r, &count);
    tile_settle_cells(&t, &d, mask, 3600);
    CHECK((double)t.g[0][k] - (phases == 1 ? 0 : (double)t.g[1][k]) != found, "the neighbour gives the same");
    free(w);
    free(factor);
    free(mask);
    tile_release(&t);
    tile_release(&plain);
  }
}

int main(void) {
  test_exact();
  test_tile();
  test_reference();
  return test_summary();
}
