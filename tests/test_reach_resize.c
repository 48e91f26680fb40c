// A wider trainee performs like the narrow one, a narrower one has its first neurons; what cannot be resized is
// refused.
#include "base/err.h"
#include "base/rng.h"
#include "experiment/arm/batch.h"
#include "experiment/arm/resize.h"
#include "small_arm.h"
#include "test.h"

static const bool precise = sizeof(real) == 8;

// Without a spread, a trainee of twice as many neurons does before the update what the narrow one does, spike for
// spike, and the update changes what each copy sends by half as much.
static void check_widening(int64_t grid) {
  struct reach f, g;
  struct reach_model narrow, wide;
  small_arm(&f);
  f.update.grid = grid;
  f.update.step = f.update.threshold = 0.003;
  narrow = small_arm_model(&f);
  g = f;
  g.trainee.neurons = 2*f.trainee.neurons;
  CHECK(reach_resize(&wide, &g, &narrow, &f.code, 0) == 0 && g.update.rate == f.update.rate/2, "%s", err_message());
  struct reach_batch a, b;
  reach_batch_init(&a, &f, &narrow.o, 1, 1, NULL, NULL);
  reach_batch_init(&b, &g, &wide.o, 1, 1, NULL, NULL);
  CHECK(reach_batch_draw(&a, 1, RNG_EVALUATE, 0) == 0 && reach_batch_draw(&b, 1, RNG_EVALUATE, 0) == 0, "%s",
        err_message());
  reach_batch_forward(&a, narrow.parameters);
  reach_batch_forward(&b, wide.parameters);
  const int n = narrow.o.trainee.n, T = narrow.o.T;
  const struct spiking *from = &narrow.o.trainee, *to = &wide.o.trainee;
  const struct events *x = &a.item[0].first->rec.spikes, *y = &b.item[0].first->rec.spikes;
  int wrong = 0, spikes = 0;
  for (int t = 0; t < T; t++) {
    const struct events_step s = events_at(x, t), w = events_at(y, t);
    spikes += s.n;
    wrong += w.n != 2*s.n;
    for (int k = 0; k < w.n && w.n == 2*s.n; k++) wrong += w.index[k] % n != s.index[k % s.n];
    for (int j = 0; j < 2; j++)
      CHECK_REL(a.item[0].first->output[t*narrow.o.trainee.ld_out + j],
                b.item[0].first->output[t*wide.o.trainee.ld_out + j], precise ? 1e-12 : 1e-4);
  }
  CHECK(spikes > 20 && wrong == 0, "%d spikes, %d steps or spikes differ", spikes, wrong);
  // changes: half of the narrow one's, in every copy, and the same from the clock
  const real *const w = b.item[0].changed, *const v = wide.parameters + wide.o.trainee_w;
  const real *const narrow_w = a.item[0].changed, *const narrow_v = narrow.parameters + narrow.o.trainee_w;
  double most = 0, off = 0;
  for (int i = 0; i < 2*n; i++)
    for (int j = 0; j < 2*n; j++) {
      if (i % n == j % n) continue;
      const size_t at = spiking_recurrent(to) + (size_t)(i*to->ld + j),
                   from_at = spiking_recurrent(from) + (size_t)(i % n*from->ld + j % n);
      const double change = (double)(narrow_w[from_at] - narrow_v[from_at])/2;
      most = fmax(most, fabs(change));
      off = fmax(off, fabs((double)(w[at] - v[at]) - change));
    }
  CHECK(most > 0 && off <= test_tol(precise ? 1e-12 : 1e-4)*most, "changes of up to %g, off by %g", most, off);
  most = off = 0;
  for (int i = 0; i < from->n_in; i++)
    for (int j = 0; j < 2*n; j++) {
      const size_t at = (size_t)(i*to->ld + j), from_at = (size_t)(i*from->ld + j % n);
      const double change = (double)(narrow_w[from_at] - narrow_v[from_at]);
      most = fmax(most, fabs(change));
      off = fmax(off, fabs((double)(w[at] - v[at]) - change));
    }
  CHECK(most > 0 && off <= test_tol(precise ? 1e-12 : 1e-4)*most, "changes from the clock of up to %g, off by %g",
        most, off);
  // with a spread, W_out stays as it is, and W_in is off by it
  struct reach_model rough;
  g = f;
  g.trainee.neurons = 4*f.trainee.neurons;
  CHECK(reach_resize(&rough, &g, &narrow, &f.code, 0.2) == 0, "%s", err_message());
  const struct spiking *r = &rough.o.trainee;
  double square = 0, count = 0, out = 0;
  for (int j = 0; j < r->n; j++) {
    for (int i = 0; i < r->n_in; i++) {
      const double was = (double)narrow_v[i*from->ld + j % n],
                   is = (double)rough.parameters[rough.o.trainee_w + (size_t)(i*r->ld + j)];
      square += (is/was - 1)*(is/was - 1);
      count++;
    }
    for (int k = 0; k < r->n_out; k++)
      out = fmax(out, fabs(4*(double)rough.parameters[rough.o.trainee_w_out + (size_t)(j*r->ld_out + k)] -
                           (double)narrow.parameters[narrow.o.trainee_w_out + (size_t)(j % n*from->ld_out + k)]));
  }
  CHECK(fabs(sqrt(square/count) - 0.2) < 5*0.2/sqrt(2*count) && out <= 1e-6, "spread %g, W_out off by %g",
        sqrt(square/count), out);
  reach_model_release(&rough);
  g.trainee.adaptive_fraction = 0.3;
  CHECK(reach_resize(&rough, &g, &narrow, &f.code, 0) == ERR_SETTING && strstr(err_message(), "adaptive_fraction=0.3"),
        "%s", err_message());
  g.trainee.adaptive_fraction = 0;
  // the velocity as a new input, the trainee unchanged: the same signals
  struct reach_model told;
  g = f;
  g.code.velocity = SPIKECODE_OF_TIP;
  CHECK(reach_resize(&told, &g, &narrow, &f.code, 0.2) == 0 && g.update.rate == f.update.rate &&
            told.o.lsg.n_in == narrow.o.lsg.n_in + 48,
        "%s", err_message());
  struct reach_batch c;
  small_arm_batch(&c, &g, &told, 1, 1, RNG_EVALUATE);
  reach_batch_forward(&c, told.parameters);
  CHECK(c.item[0].input.first[T] > a.item[0].input.first[T], "%d events in, and %d with the velocity",
        a.item[0].input.first[T], c.item[0].input.first[T]);
  CHECK(!memcmp(c.item[0].changed, a.item[0].changed, spiking_w_size(from)*sizeof(real)),
        "velocities with zero weights change the update");
  told.parameters[told.o.lsg_w + (size_t)(told.o.lsg.n_in - 1)*(size_t)told.o.lsg.ld] = (real)5;
  reach_batch_forward(&c, told.parameters);
  CHECK(memcmp(c.item[0].changed, a.item[0].changed, spiking_w_size(from)*sizeof(real)),
        "velocities with weights change nothing");
  reach_batch_release(&c);
  reach_model_release(&told);
  struct reach same = f, other = g;
  CHECK(reach_resize(&told, &same, &narrow, &f.code, 0) == ERR_SETTING && strstr(err_message(), "as the model has"),
        "%s", err_message());
  other.trainee.neurons = 2*f.trainee.neurons;
  other.code.velocity = SPIKECODE_OF_JOINTS;  // from the tip's
  CHECK(reach_resize(&told, &other, &narrow, &g.code, 0) == ERR_SETTING && strstr(err_message(), "has tip already"),
        "%s", err_message());
  other.code.velocity = g.code.velocity;
  other.code.velocity_scale = 3;
  CHECK(reach_resize(&told, &other, &narrow, &g.code, 0) == ERR_SETTING && strstr(err_message(), "with scale 2"), "%s",
        err_message());
  other = f;
  other.trainee.neurons = 2*f.trainee.neurons;
  other.update.input_rate = 6e5;  // doubled it could not be read back
  CHECK(reach_resize(&told, &other, &narrow, &f.code, 0) == ERR_SETTING && strstr(err_message(), "input_rate=1200000"),
        "%s", err_message());
  g.trainee.neurons = 2*f.trainee.neurons + 1;
  struct reach_model none;
  CHECK(reach_resize(&none, &g, &narrow, &f.code, 0) == ERR_SETTING && strstr(err_message(), "multiple"), "%s",
        err_message());
  reach_batch_release(&a);
  reach_batch_release(&b);
  reach_model_release(&narrow);
  reach_model_release(&wide);
}

// A narrower one has the first neurons, whose outgoing weights grow to replace the others. 40 and 30 differ in their
// padding.
static void check_narrowing(void) {
  struct reach f, g;
  struct reach_model whole, part;
  small_arm(&f);
  f.trainee.neurons = 40;
  f.update.step = f.update.threshold = 0.003;
  whole = small_arm_model(&f);
  g = f;
  g.trainee.neurons = 30;
  const double k = 0.75;
  CHECK(reach_resize(&part, &g, &whole, &f.code, 0.2) == 0, "%s", err_message());
  CHECK_REL(g.update.rate, f.update.rate/k, 1e-12);
  CHECK_REL(g.update.step, f.update.step/k, 1e-12);
  CHECK_REL(g.update.threshold, f.update.threshold/k, 1e-12);
  CHECK_REL(g.update.rate*g.update.input_rate, f.update.rate*f.update.input_rate, 1e-12);
  const struct spiking *from = &whole.o.trainee, *to = &part.o.trainee, *lsg = &part.o.lsg;
  CHECK(to->n == 30 && to->n_in == from->n_in && to->ld != from->ld, "%d neurons, %d inputs", to->n, to->n_in);
  const real *const v = whole.parameters, *const w = part.parameters;
  CHECK(!memcmp(w + part.o.lsg_w, v + whole.o.lsg_w, spiking_w_size(lsg)*sizeof(real)), "weights of the LSG");
  double in = 0, rec = 0, out = 0, signal = 0, padding = 0;
  for (int j = 0; j < to->ld; j++) {
    const bool real_one = j < to->n;
    const size_t rows = (size_t)(to->n_in + to->n);
    for (size_t i = 0; i < rows && !real_one; i++)
      padding = fmax(padding, fabs((double)w[part.o.trainee_w + i*(size_t)to->ld + (size_t)j]));
    if (!real_one) continue;
    for (int i = 0; i < to->n_in; i++)
      in = fmax(in, fabs((double)(w[part.o.trainee_w + (size_t)(i*to->ld + j)] -
                                  v[whole.o.trainee_w + (size_t)(i*from->ld + j)])));
    for (int i = 0; i < to->n; i++)
      rec = fmax(rec, fabs(k*(double)w[part.o.trainee_w + spiking_recurrent(to) + (size_t)(i*to->ld + j)] -
                           (double)v[whole.o.trainee_w + spiking_recurrent(from) + (size_t)(i*from->ld + j)]));
    for (int i = 0; i < to->n_out; i++)
      out = fmax(out, fabs(k*(double)w[part.o.trainee_w_out + (size_t)(j*to->ld_out + i)] -
                           (double)v[whole.o.trainee_w_out + (size_t)(j*from->ld_out + i)]));
    for (int i = 0; i < lsg->n; i++)
      signal = fmax(signal, fabs((double)(w[part.o.lsg_w_out + (size_t)(i*lsg->ld_out + j)] -
                                          v[whole.o.lsg_w_out + (size_t)(i*whole.o.lsg.ld_out + j)])));
  }
  CHECK(in == 0 && signal == 0 && padding == 0, "off by %g from the clock, %g from the LSG; padding %g", in, signal,
        padding);
  CHECK(rec < 1e-6 && out < 1e-6, "W_rec off by %g, W_out by %g", rec, out);
  reach_model_release(&whole);
  reach_model_release(&part);
}

int main(void) {
  check_widening(EPROP_EXACT);
  check_widening(EPROP_NEAREST);
  check_narrowing();
  return test_summary();
}
