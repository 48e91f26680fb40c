// The classifier as a file: what is written reads back to the same numbers; every damaged or hostile
// file is refused by name before memory is taken for it.
#include "base/err.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "folder.h"
#include "model/convnetfile.h"
#include "test.h"

static struct folder tmp;

static void test_round_trip(int channels, int blocks, int ways, int steps, enum convnet_adapt adapt, int hidden,
                            enum convnet_readout_start start) {
  const int colours = hidden ? 3 : 1;
  const struct convnet_params p = {
    .channels = channels, .blocks = blocks, .ways = ways, .steps = steps, .epsilon = 1e-3, .adapt = adapt,
    .hidden = hidden, .bias = hidden ? CONVNET_BIAS_DIGITAL : CONVNET_NO_BIAS, .start = start
  };
  struct convnet_params q = { .steps = 99, .epsilon = 1e-3, .adapt = adapt, .ways = ways };
  struct convnet net, again;
  struct tensorfile *tf;
  struct rng r = rng_stream(14, RNG_TEST, 0);
  const char *path = folder_path(&tmp, "model.safetensors");
  CHECK(convnet_init(&net, &p, 28, colours) == 0, "%s", err_message());
  real *w = err_aligned(net.n, sizeof *w), *v = err_aligned(net.n, sizeof *v);
  convnet_start(&net, w, 0.17, &r);
  for (int l = blocks; l <= net.readout; l++)  // biases too
    for (int o = 0; convnet_has_bias(&net, l) && o < convnet_columns(&net, l); o++)
      w[net.offset[l] + (size_t)((convnet_rows(&net, l) - 1) * vector_padded(convnet_columns(&net, l)) + o)] =
          (real)(0.1 * (o + 1));
  for (int s = 0; s < steps * convnet_n_adapting(&net); s++) w[net.rates + (size_t)s] = (real)(0.1 * s - 0.05);
  struct tensorfile_writer *out = tensorfile_create(path);
  convnetfile_put(out, &net, w, false);
  CHECK(tensorfile_commit(out) == 0 && tensorfile_open(&tf, path) == 0, "%s", err_message());
  int in_channels;
  CHECK(convnetfile_sizes(&q, &in_channels, tf) == 0, "%s", err_message());
  CHECK(q.channels == channels && q.blocks == blocks && q.ways == ways && q.steps == steps && q.hidden == hidden &&
            in_channels == colours && q.bias == p.bias && q.start == (int64_t)start,
        "sizes %d %d %d %d %d %d", (int)q.channels, (int)q.blocks, (int)q.ways, (int)q.steps, (int)q.hidden,
        in_channels);
  CHECK(convnet_init(&again, &q, 28, in_channels) == 0, "%s", err_message());
  for (size_t i = 0; i < net.n; i++) v[i] = 9;  // padding is set to zero too
  CHECK(convnetfile_load(tf, &again, v, 0.5) == 0, "%s", err_message());
  CHECK(again.n == net.n && !memcmp(v, w, net.n * sizeof *w), "read back to other numbers");
  // (out, in, 3, 3) and (channels, ways), as every other program writes them
  const struct tensorfile_entry *e = tensorfile_find(tf, blocks > 1 ? "conv2.weight" : "conv1.weight");
  const int l = blocks > 1, I = l ? channels : colours, O = channels, o = O - 1, i = I - 1, tap = 5;
  real *plain = err_calloc((unsigned long)e->n_values, sizeof *plain);
  CHECK(tensorfile_real(tf, e->name, 4, (const int64_t[]){ O, I, 3, 3 }, plain) == 0, "%s", err_message());
  CHECK(plain[(o*I + i)*9 + tap] == w[net.offset[l] + (size_t)((tap*I + i)*vector_padded(O) + o)],
        "order of the kernel");
  free(plain);
  tensorfile_close(tf);
  // half precision keeps 11 bits of the weights and all of the rates
  out = tensorfile_create(path);
  convnetfile_put(out, &net, w, true);
  CHECK(tensorfile_commit(out) == 0 && tensorfile_open(&tf, path) == 0, "%s", err_message());
  CHECK(convnetfile_load(tf, &again, v, 0.5) == 0, "%s", err_message());
  long changed = 0;
  for (size_t n = 0; n < net.n; n++) {
    changed += v[n] != w[n];
    CHECK(fabs((double)(v[n] - w[n])) <= (n < net.rates ? ldexp(fabs((double)w[n]), -11) + 1e-7 : 0),
          "%g becomes %g in half precision", (double)w[n], (double)v[n]);
  }
  CHECK(changed > (long)net.rates/20, "only %ld numbers are rounded", changed);
  tensorfile_close(tf);
  free(w);
  free(v);
}

// Rates of other layers than those that adapt now: their mean.
static void test_other_rates(enum convnet_adapt before, enum convnet_adapt now) {
  struct convnet_params p = { .channels = 2, .blocks = 2, .ways = 3, .steps = 2, .epsilon = 1e-3, .adapt = before };
  struct convnet net;
  struct tensorfile *tf = NULL;
  struct rng r = rng_stream(14, RNG_TEST, 1);
  const char *path = folder_path(&tmp, "rates.safetensors");
  CHECK(convnet_init(&net, &p, 28, 1) == 0, "%s", err_message());
  real *w = err_aligned(net.n, sizeof *w);
  convnet_start(&net, w, 0, &r);
  for (int s = 0; s < 2; s++)
    for (int l = net.adapting; l <= net.readout; l++)
      w[convnet_rate(&net, s, l)] = (real)(s + 1 + 0.25*(l - net.adapting));
  struct tensorfile_writer *out = tensorfile_create(path);
  convnetfile_put(out, &net, w, false);
  CHECK(tensorfile_commit(out) == 0 && tensorfile_open(&tf, path) == 0, "%s", err_message());
  free(w);
  p.adapt = now;
  CHECK(convnet_init(&net, &p, 28, 1) == 0, "%s", err_message());
  w = err_aligned(net.n, sizeof *w);
  CHECK(convnetfile_load(tf, &net, w, 9) == 0, "%s", err_message());
  for (int s = 0; s < 2; s++)
    for (int l = net.adapting; l <= net.readout; l++)
      CHECK_REL(w[convnet_rate(&net, s, l)], s + 1 + (before == CONVNET_ALL ? 0.25 : 0), 1e-6);
  tensorfile_close(tf);
  free(w);
}

struct shape {
  const char *name;
  int n_dims;
  int64_t dims[5];
};

// Sizes and, where they are accepted, the loading of a file of these tensors.
static int load(const struct shape *shapes, int with_steps, double rate, real *rates) {
  struct convnet_params p = { .steps = with_steps, .epsilon = 1e-3 };
  struct convnet net;
  struct tensorfile *tf;
  const char *path = folder_path(&tmp, "odd.safetensors");
  struct tensorfile_writer *out = tensorfile_create(path);
  for (const struct shape *s = shapes; s->name; s++) {
    int64_t n = 1;
    for (int k = 0; k < s->n_dims; k++) n *= s->dims[k];
    real *zeros = err_calloc((unsigned long)n + 1, sizeof *zeros);
    for (int64_t k = 0; k < n; k++) zeros[k] = (real)0.5;
    tensorfile_put_real(out, s->name, s->n_dims, s->dims, zeros);
    free(zeros);
  }
  TRY(tensorfile_commit(out));
  TRY(tensorfile_open(&tf, path));
  int in_channels, rc = convnetfile_sizes(&p, &in_channels, tf);
  if (rc == 0) rc = convnet_init(&net, &p, 28, in_channels);
  if (rc == 0) {
    real *w = err_aligned(net.n, sizeof *w);
    rc = convnetfile_load(tf, &net, w, rate);
    if (rates) memcpy(rates, w + net.rates, (size_t)net.steps * sizeof *rates);
    free(w);
  }
  tensorfile_close(tf);
  return rc;
}

#define REFUSED(text, ...)                                                                         \
  do {                                                                                             \
    const int rc = load((const struct shape[]){ __VA_ARGS__, { 0 } }, 4, 0.1, NULL);               \
    CHECK(rc < 0 && strstr(err_message(), text) && strstr(err_message(), "odd.safetensors"), "%d: %s (not '%s')", \
          rc, err_message(), text); \
  } while (0)

static void test_shapes(void) {
  const struct shape conv1 = { "conv1.weight", 4, { 8, 1, 3, 3 } }, readout = { "readout.weight", 2, { 8, 5 } };
  real rates[4] = { 0 };
  CHECK(load((const struct shape[]){ conv1, readout, { 0 } }, 4, 0.375, rates) == 0, "%s", err_message());
  CHECK(rates[0] == (real)0.375 && rates[3] == (real)0.375, "rate of a file without inner_rate");
  REFUSED("conv1.weight", readout);
  REFUSED("readout.weight", conv1);
  REFUSED("readout.weight", conv1, { "readout.weight", 1, { 40 } });
  REFUSED("readout.weight", conv1, { "readout.weight", 2, { 8, 1 } });
  REFUSED("readout.weight", conv1, { "readout.weight", 2, { 8, 1025 } });
  REFUSED("readout.weight", conv1, { "readout.weight", 2, { 1025, 5 } });
  REFUSED("readout.weight", conv1, { "readout.weight", 2, { 0, 5 } });
  REFUSED("conv1.weight", readout, { "conv1.weight", 2, { 8, 9 } });
  REFUSED("conv1.weight", readout, { "conv1.weight", 4, { 8, 17, 3, 3 } });
  REFUSED("conv1.weight", readout, { "conv1.weight", 4, { 8, 1, 5, 5 } });
  REFUSED("readout.weight: shape (8, 5), expected (9, ways 2 to 1024)", readout, { "conv1.weight", 4, { 9, 1, 3, 3 } });
  REFUSED("conv2.weight", readout, conv1, { "conv2.weight", 4, { 8, 7, 3, 3 } });
  REFUSED("conv2.weight", readout, conv1, { "conv2.weight", 5, { 8, 8, 3, 3, 1 } });
  REFUSED("hidden.weight: shape (7, 6), expected (8, neurons up to 1024)", readout, conv1,
          { "hidden.weight", 2, { 7, 6 } });
  REFUSED("readout.weight: shape (8, 5), expected (6,", readout, conv1, { "hidden.weight", 2, { 8, 6 } });
  REFUSED("hidden.bias: absent", conv1, { "hidden.weight", 2, { 8, 6 } }, { "readout.weight", 2, { 6, 5 } });
  REFUSED("readout.bias: shape (4), expected (5)", readout, conv1, { "readout.bias", 1, { 4 } });
  REFUSED("inner_rate", readout, conv1, { "inner_rate", 2, { 2, 3 } });
  REFUSED("inner_rate", readout, conv1, { "inner_rate", 3, { 2, 2, 1 } });
  REFUSED("inner_rate", readout, conv1, { "inner_rate", 1, { 65 } });
  REFUSED("inner_rate", readout, conv1, { "inner_rate", 1, { 0 } });
  CHECK(load((const struct shape[]){ conv1, readout, { "unknown", 1, { 3 } }, { 0 } }, 4, 0.1, NULL) == 0,
        "other tensors are no error");
}

int main(void) {
  tmp = folder_make();
  test_round_trip(5, 2, 3, 2, CONVNET_READOUT, 7, CONVNET_LEARNED);
  test_round_trip(56, 4, 5, 4, CONVNET_READOUT, 0, CONVNET_LEARNED);
  test_round_trip(3, 1, 2, 1, CONVNET_READOUT, 0, CONVNET_LEARNED);
  test_round_trip(17, 2, 33, 20, CONVNET_READOUT, 0, CONVNET_LEARNED);
  test_round_trip(17, 2, 33, 20, CONVNET_ALL, 0, CONVNET_LEARNED);
  test_round_trip(5, 2, 3, 2, CONVNET_READOUT, 7, CONVNET_PROTOTYPE);
  test_other_rates(CONVNET_READOUT, CONVNET_ALL);
  test_other_rates(CONVNET_ALL, CONVNET_READOUT);
  test_shapes();
  folder_remove(&tmp);
  return test_summary();
}
