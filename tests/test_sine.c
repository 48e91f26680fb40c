// The sines without the program: an error is the mean square of the curve it belongs to, devices are those of the
// weights rewritten, and a row of metrics.csv is the mean over tasks learned one by one here.
#include "base/err.h"
#include "base/par.h"
#include "base/rng.h"
#include "experiment/sine/sine.h"
#include "folder.h"
#include "test.h"

static void test_errors(int kind) {
  struct sine set;
  struct sine_model m;
  struct series r;
  struct experiment_headline h;
  sine_init(&set);
  set.eval.tasks = 6;
  set.synapse.kind = kind;
  CHECK(sine_model_new(&m, &set) == 0, "%s", err_message());
  struct par *par = par_new(1);
  CHECK(sine_measure(&r, &set, &m, RNG_EVALUATE, par) == 0, "%s", err_message());
  const int last = r.job.n_updates;
  double mean[2] = { 0 };
  for (int k = 0; k < 6; k++) {
    const struct sine_record *t = (const struct sine_record *)(const void *)(r.records + k*r.stride);
    double square[2] = { 0 };
    for (int i = 0; i < SINE_CURVE; i++) {
      square[0] += pow(t->before[i] - t->target[i], 2)/SINE_CURVE;
      square[1] += pow(t->after[i] - t->target[i], 2)/SINE_CURVE;
    }
    CHECK(rel_diff(t->error[0], square[0]) < 1e-4 && rel_diff(t->error[last], square[1]) < 1e-4,
          "task %d: %g and %g, not %g and %g", k, t->error[0], t->error[last], square[0], square[1]);
    for (int when = 0; when < 2; when++) mean[when] += t->error[when*last]/6;
  }
  series_headline(&h, &r);
  CHECK_REL(h.before, mean[0], 1e-12);
  CHECK_REL(h.value, mean[1], 1e-12);
  if (kind == RUN_CHIP) CHECK_REL(r.devices_addressed, 4*r.item.weights_written, 1e-12);  // two of each sign
  series_release(&r);
  sine_model_release(&m);
  par_free(par);
}

// The loss of the first outer update: 0 after the last inner update, 1 the mean over all.
static void test_row(int loss) {
  const struct folder tmp = folder_make();
  struct sine set;
  struct sine_model m;
  char path[512], *text;
  size_t size;
  double found = 0, expected = 0;
  sine_init(&set);
  set.train.tasks = 3;
  set.train.loss = loss;
  set.train.validate_tasks = 0;
  set.training.iterations = set.training.log_every = 1;
  CHECK(sine_train(&set, folder_path(&tmp, "run"), false) == 0 && sine_model_new(&m, &set) == 0, "%s", err_message());
  snprintf(path, sizeof path, "%s/metrics.csv", folder_path(&tmp, "run"));
  if (file_read(path, 1 << 20, &text, &size) < 0) abort();
  CHECK(sscanf(text, "%*[^\n]\n1,%*[^,],%lf", &found) == 1, "%s", text);
  free(text);
  struct regressor *w = regressor_new(1, &m.net, m.parameters, 10, 10, 0, 1);
  for (uint32_t k = 0; k < 3; k++) {
    struct rng r = rng_stream((uint64_t)set.run.seed, RNG_EPISODE, k);
    sine_draw(w, false, &r);
    dense_program(w->layers, &m.net, m.parameters, NULL);
    regressor_learn(w, NULL);
    for (int s = loss ? 1 : m.net.updates; s <= m.net.updates; s++)
      expected += w->record.query_loss[s]/(loss ? m.net.updates : 1)/3;
  }
  CHECK(rel_diff(found, expected) < 1e-5, "loss %g, not %g", found, expected);
  regressor_free(w, 1);
  sine_model_release(&m);
  folder_remove(&tmp);
}

int main(void) {
  test_errors(RUN_EXACT);
  test_errors(RUN_CHIP);
  test_row(0);
  test_row(1);
  return test_summary();
}
