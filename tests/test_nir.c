// The spiking networks of the arm as NIR, computed by another program (tests/reference/nir_run.py): outputs of all
// steps as here, and of an approximation the difference that the file states.
#include <stdlib.h>

#include "base/err.h"
#include "base/tensorfile.h"
#include "experiment/arm/batch.h"
#include "experiment/arm/nir.h"
#include "experiment/experiment.h"
#include "folder.h"
#include "python.h"
#include "test.h"

static char script[4096];

struct network {
  const struct spiking *net;
  const real *w, *w_out;
  const struct events *input;
};

static void put_matrix(struct tensorfile_writer *out, const char *name, const real *y, int T, int n, int ld) {
  float *plain = err_calloc((size_t)(T*n), sizeof *plain);
  for (int t = 0; t < T; t++)
    for (int k = 0; k < n; k++) plain[t*n + k] = (float)y[t*ld + k];
  tensorfile_put_f32(out, name, 2, (const int64_t[]){ T, n }, plain);
  free(plain);
}

// The inputs, and the outputs of the network or of its approximation.
static void put_run(struct tensorfile_writer *out, const struct network *n, int T, bool approximate) {
  const struct spiking *s = n->net;
  const struct spiking_source source = { .w = n->w };
  struct spiking_record record;
  struct arena a;
  arena_init(&a, spiking_record_bytes(s, T) + spiking_scratch_bytes(s) +
                     (size_t)(T*(s->n_in + 2*s->ld_out))*sizeof(real) + 4096);
  real *x = arena_zeros(&a, T*s->n_in), *y = ARENA_NEW(&a, (size_t)(T*s->ld_out), real),
       *exact = ARENA_NEW(&a, (size_t)(T*s->ld_out), real);
  for (int t = 0; t < T; t++)
    for (int k = n->input->first[t]; k < n->input->first[t + 1]; k++)
      x[t*s->n_in + n->input->index[k]] = n->input->value[k];
  spiking_record_init(&record, &a, s, T);
  spiking_forward(&record, exact, s, &source, n->w_out, n->input, &a);
  CHECK(spiking_rate(s, &record) > 0.02, "only %g spikes a step", spiking_rate(s, &record));
  if (approximate) nir_approximate(y, s, n->w, n->w_out, n->input, T);
  put_matrix(out, "input", x, T, s->n_in, s->n_in);
  put_matrix(out, "output", approximate ? y : exact, T, s->n_out, s->ld_out);
  if (approximate) put_matrix(out, "exact", exact, T, s->n_out, s->ld_out);
  arena_release(&a);
}

static const struct form {
  const char *network;
  bool approximate;
  const char *settings[4];
} forms[] = {
  { NULL, false, { "trainee.refractory_ms=5" } },
  { "trainee", false, { "trainee.refractory_ms=0", "trainee.tau_membrane_ms=7", "trainee.tau_output_ms=33" } },
  { "trainee", false, { "trainee.refractory_ms=2" } },
  { "lsg", false, { "lsg.adaptive_fraction=0", "lsg.v_th=0.4" } },
  { "trainee", true, { NULL } },
  { "trainee", true, { "trainee.adaptive_fraction=0.5", "trainee.beta=0.4" } },
};
enum { FORMS = sizeof forms/sizeof *forms };

static void begin(struct reach *f, struct reach_model *m, const char *const *settings) {
  static const char *const small[] = { "trainee.neurons=13", "lsg.neurons=17", "lsg.v_th=0.5",
                                       "trajectory.steps=60", NULL };
  reach_init(f);
  for (const char *const *s = small; *s; s++) CHECK(settings_set(f->sections, *s) == 0, "%s", err_message());
  for (int k = 0; k < 4 && settings[k]; k++)
    CHECK(settings_set(f->sections, settings[k]) == 0, "%s", err_message());
  CHECK(reach_model_new(m, f) == 0, "%s", err_message());
}

static void add(const struct folder *tmp, int k) {
  const struct form *form = &forms[k];
  const bool lsg = form->network && !strcmp(form->network, "lsg");
  char name[2][32];
  struct reach f;
  struct reach_model m;
  struct reach_batch b;
  begin(&f, &m, form->settings);
  snprintf(name[0], sizeof name[0], "%d.nir", k);
  snprintf(name[1], sizeof name[1], "%d.npz", k);
  const struct experiment_form as = { .out = folder_path(tmp, name[0]), .network = form->network,
                                      .approximate = form->approximate };
  CHECK(nir_export(&f, &m, &as) == 0, "%s", err_message());
  reach_batch_init(&b, &f, &m.o, 1, 1, NULL, NULL);
  CHECK(reach_batch_draw(&b, 1, RNG_EVALUATE, 3) == 0, "%s", err_message());
  const struct network n = lsg ? (struct network){ &m.o.lsg, m.parameters + m.o.lsg_w, m.parameters + m.o.lsg_w_out,
                                                   &b.item[0].input }
                               : (struct network){ &m.o.trainee, m.parameters + m.o.trainee_w,
                                                   m.parameters + m.o.trainee_w_out, &b.clock };
  struct tensorfile_writer *out = tensorfile_create(folder_path(tmp, name[1]));
  put_run(out, &n, m.o.T, form->approximate);
  CHECK(tensorfile_commit(out) == 0, "%s", err_message());
  for (int i = 0; i < 2; i++)
    snprintf(script + strlen(script), sizeof script - strlen(script), " %s", folder_path(tmp, name[i]));
  reach_batch_release(&b);
  reach_model_release(&m);
}

static void check_refused(const char *network, const char *const *settings, const char *what) {
  const struct experiment_form form = { .out = "/proc/nosuch.nir", .network = network };
  struct reach f;
  struct reach_model m;
  begin(&f, &m, settings);
  CHECK(nir_export(&f, &m, &form) == ERR_SETTING && strstr(err_message(), what), "%s", err_message());
  reach_model_release(&m);
}

int main(void) {
  struct folder tmp;
  check_refused("lsg", (const char *[4]){ NULL }, "adaptive");
  check_refused("trainee", (const char *[4]){ "trainee.adaptive_fraction=0.5" }, "trainee.adaptive_fraction=0.5");
  check_refused("both", (const char *[4]){ NULL }, "trainee or lsg");
  check_refused(NULL, (const char *[4]){ "synapse.kind=chip" }, "synapse.kind=chip");
  if (!METAXBAR_HDF5) {
    check_refused(NULL, (const char *[4]){ NULL }, "no HDF5");
    printf("SKIP built without HDF5\n");
    return test_failed ? test_summary() : 77;
  }
  tmp = folder_make();
  snprintf(script, sizeof script, "tests/reference/nir_run.py 1e-5");
  for (int k = 0; k < FORMS; k++) add(&tmp, k);
  const int status = python_run("numpy, h5py", script);
  folder_remove(&tmp);
  if (status == 77 && test_failed == 0) return 77;
  CHECK(status == 0, "the check ends with %d", status);
  return test_summary();
}
