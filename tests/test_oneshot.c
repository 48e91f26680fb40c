// The whole gradient - second pass, update, learning signals, traces, first pass - against central differences,
// with the threshold of both networks replaced by the smooth function whose derivative is the
// surrogate. Needs the double build.
#include <assert.h>

#include "base/rng.h"
#include "base/err.h"
#include "small_arm.h"
#include "test.h"

static struct reach f;
static struct reach_batch b;
static real *slope;  // of the last loss

static double loss(const real *parameters) {
  reach_batch_forward(&b, parameters);
  small_arm_gradient(&b, slope);
  return b.loss_task + b.loss_rate + b.loss_price;
}

static double difference(real *parameters, size_t k, double step) {
  const real kept = parameters[k];
  parameters[k] = (real)((double)kept + step);
  const double up = loss(parameters);
  parameters[k] = (real)((double)kept - step);
  const double down = loss(parameters);
  parameters[k] = kept;
  return (up - down)/(2*step);
}

static void check_matrix(const char *name, real *parameters, const real *gradient, size_t offset, int rows, int n,
                         int ld, int diagonal_from) {
  double top = 0, off = 0;
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < n; j++) {
      const size_t k = offset + (size_t)(i*ld + j);
      if (i - diagonal_from == j) {
        CHECK(gradient[k] == 0, "%s: gradient of the diagonal", name);
        continue;
      }
      const double d = difference(parameters, k, 1e-5);
      top = fmax(top, fabs(d));
      off = fmax(off, fabs(d - (double)gradient[k]));
    }
  printf("%-16s largest gradient %.3g, error %.3g of it\n", name, top, off/top);
  CHECK(top > 0 && off <= test_tol(1e-5)*top, "%s: %g of %g", name, off, top);
}

// noisy: 1 each movement, 2 each episode has a chip of its own
static void check(double sparsity, int noisy) {
  struct reach_model m;
  reach_init(&f);
  f.lsg.neurons = 6;
  f.lsg.adaptive_fraction = 0.5;
  f.lsg.beta = 0.3;
  f.trainee.neurons = 5;
  f.trainee.v_th = f.lsg.v_th = 0.5;
  f.trainee.refractory_ms = f.lsg.refractory_ms = 0;
  f.trainee.damping = f.lsg.damping = 0.9;
  f.trajectory.steps = 25;
  f.trajectory.diffusion = 3;
  f.update.rate = 0.05;
  f.update.input_rate = 3;
  f.loss.sparsity = sparsity;
  f.noise.drift = noisy ? 1e-12 : 0;
  f.noise.chips = noisy == 2 ? ONESHOT_OF_EPISODE : ONESHOT_OF_MOVEMENT;
  CHECK(reach_model_new(&m, &f) == 0, "%s", err_message());
  m.o.lsg.lif.smooth = m.o.trainee.lif.smooth = true;
  reach_batch_init(&b, &f, &m.o, 3, 2, NULL, NULL);
  CHECK(b.n_firsts == (noisy == 1 ? 3 : 2), "%d first passes", b.n_firsts);
  CHECK(reach_batch_draw(&b, 3, RNG_TEST, 0) == 0, "no movements");
  slope = err_aligned(m.o.n, sizeof *slope);
  loss(m.parameters);
  real *gradient = malloc(m.o.n*sizeof *gradient);
  memcpy(gradient, slope, m.o.n*sizeof *gradient);
  const struct spiking *const nets[2] = { &m.o.lsg, &m.o.trainee };
  for (int k = 0; k < 2; k++) {
    const struct spiking *net = nets[k];
    check_matrix(k ? "trainee w" : "lsg w", m.parameters, gradient, k ? m.o.trainee_w : m.o.lsg_w, net->n_in + net->n,
                 net->n, net->ld, net->n_in);
    check_matrix(k ? "trainee w_out" : "lsg w_out", m.parameters, gradient, k ? m.o.trainee_w_out : m.o.lsg_w_out,
                 net->n, net->n_out, net->ld_out, net->n + net->n_out);
  }
  free(gradient);
  free(slope);
  reach_batch_release(&b);
  reach_model_release(&m);
}

int main(void) {
  assert(sizeof(real) == 8);  // differences need the double build
  check(0, 0);
  check(0.5, 0);
  check(0, 1);
  check(0, 2);
  return test_summary();
}
