// The event-driven network against the dense one, and against a synapse array that computes its products.
#include "spiking_fixture.h"
#include "test.h"

static void plain(real *out, const real *in, int rows, int n, int ld) {
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < n; j++) out[i*n + j] = in[i*ld + j];
}

static void check_twin(int n, double adaptive, bool smooth, uint32_t index) {
  enum { N_IN = 4, N_OUT = 3, T = 120, MAX = 64 };
  struct fixture f;
  // the smooth network is chaotic: differences of rounding double every few steps
  const int steps = smooth ? 25 : T;
  fixture_init(&f, N_IN, n, N_OUT, adaptive, steps, smooth, index);
  fixture_forward(&f);
  static real w_in[N_IN*MAX], w_rec[MAX*MAX], w_out[MAX*N_OUT], x[T*N_IN], z[T*MAX], h[T*MAX], v[T*MAX], o[T*N_OUT];
  plain(w_in, f.w, N_IN, n, f.net.ld);
  plain(w_rec, f.w + spiking_recurrent(&f.net), n, n, f.net.ld);
  for (int i = 0; i < n; i++) w_rec[i*n + i] = 5;  // the twin masks the diagonal itself
  plain(w_out, f.w_out, n, N_OUT, f.net.ld_out);
  memset(x, 0, sizeof x);
  for (int t = 0; t < steps; t++)
    for (int k = f.input.first[t]; k < f.input.first[t + 1]; k++) x[t*N_IN + f.input.index[k]] = f.input.value[k];
  spiking_forward_ref(z, h, v, o, &f.net, w_in, w_rec, w_out, x, steps);
  int n_spikes = 0, wrong = 0;
  double off = 0;
  for (int k = 0; k < steps*n; k++) n_spikes += z[k] != 0;
  for (int t = 0; t < steps; t++) {
    for (int k = f.rec.spikes.first[t]; k < f.rec.spikes.first[t + 1]; k++)
      wrong += fabs((double)(z[t*n + f.rec.spikes.index[k]] - f.rec.spikes.value[k])) > 1e-4;
    for (int j = 0; j < N_OUT; j++) off = fmax(off, fabs((double)(f.output[t*f.net.ld_out + j] - o[t*N_OUT + j])));
  }
  CHECK(n_spikes > 20 && f.rec.spikes.first[steps] == n_spikes && wrong == 0, "n %d: %d of %d spikes, %d wrong", n,
        f.rec.spikes.first[steps], n_spikes, wrong);
  CHECK(off <= test_tol(sizeof(real) == 8 ? 1e-12 : 1e-4), "n %d: outputs differ by %g", n, off);
  fixture_release(&f);
}

static void check_array(void) {
  struct fixture f;
  fixture_init(&f, 5, 50, 2, 0.3, 150, false, 9);
  fixture_forward(&f);
  struct spiking_record other;
  spiking_record_init(&other, &f.a, &f.net, f.T);
  struct synapse *array = synapse_exact_new(f.net.n_in + f.net.n, f.net.n);
  array->ops->program(array, f.w, NULL);
  const struct spiking_source source = { .array = array };
  real *output = fixture_zeros(&f.a, (size_t)f.T*(size_t)f.net.ld_out);
  spiking_forward(&other, output, &f.net, &source, f.w_out, &f.input, &f.scratch);
  CHECK(other.spikes.first[f.T] == f.rec.spikes.first[f.T], "%d spikes vs %d", other.spikes.first[f.T],
        f.rec.spikes.first[f.T]);
  double off = 0;
  for (int k = 0; k < f.T*f.net.ld_out; k++) off = fmax(off, fabs((double)(output[k] - f.output[k])));
  CHECK(off <= test_tol(sizeof(real) == 8 ? 1e-12 : 1e-4), "outputs differ by %g", off);
  f.w[spiking_recurrent(&f.net) + 1] += (real)0.5;  // negative control: another weight is noticed
  array->ops->program(array, f.w, NULL);
  spiking_forward(&other, output, &f.net, &source, f.w_out, &f.input, &f.scratch);
  CHECK(memcmp(output, f.output, (size_t)f.T*(size_t)f.net.ld_out*sizeof(real)), "a changed weight goes unnoticed");
  array->ops->free(array);
  fixture_release(&f);
}

// Inputs that were multiplied by W_in beforehand, and a record of the spikes alone: the same spikes and outputs.
static void check_drive(void) {
  struct fixture f;
  fixture_init(&f, 5, 50, 2, 0.3, 150, false, 9);
  fixture_forward(&f);
  struct spiking_record spikes;
  spiking_record_init(&spikes, &f.a, &f.net, f.T);
  spikes.reset = NULL;
  real *drive = fixture_zeros(&f.a, (size_t)f.T*(size_t)f.net.ld);
  real *output = fixture_zeros(&f.a, (size_t)f.T*(size_t)f.net.ld_out);
  spiking_drive(drive, &f.net, f.w, &f.input);
  const struct spiking_source source = { .w = f.w, .drive = drive };
  spiking_forward(&spikes, output, &f.net, &source, f.w_out, &f.input, &f.scratch);
  const int n = f.rec.spikes.first[f.T];
  CHECK(n > 20 && spikes.spikes.first[f.T] == n, "%d spikes vs %d", spikes.spikes.first[f.T], n);
  CHECK(!memcmp(spikes.spikes.index, f.rec.spikes.index, (size_t)n*sizeof *spikes.spikes.index), "other neurons spike");
  double off = 0;
  for (int k = 0; k < f.T*f.net.ld_out; k++) off = fmax(off, fabs((double)(output[k] - f.output[k])));
  CHECK(off <= test_tol(sizeof(real) == 8 ? 1e-12 : 1e-4), "outputs differ by %g", off);
  memset(drive, 0, (size_t)f.T*(size_t)f.net.ld*sizeof *drive);  // negative control: without its inputs it is silent
  spiking_forward(&spikes, output, &f.net, &source, f.w_out, &f.input, &f.scratch);
  CHECK(spikes.spikes.first[f.T] == 0, "%d spikes without inputs", spikes.spikes.first[f.T]);
  fixture_release(&f);
}

int main(void) {
  check_drive();

  check_twin(1, 0, false, 1);
  check_twin(13, 0, false, 2);
  check_twin(37, 0.3, false, 3);
  check_twin(64, 1, false, 4);
  check_twin(21, 0.5, true, 5);
  check_array();
  return test_summary();
}
