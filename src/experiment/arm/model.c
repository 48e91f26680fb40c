// Model files of the arm.
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/format.h"
#include "base/note.h"
#include "base/rng.h"
#include "base/tensorfile.h"
#include "base/text.h"
#include "experiment/arm/deploy.h"

void reach_oneshot(struct oneshot *o, const struct reach *f) {
  *o = (struct oneshot){ .update = f->update, .noise = f->noise, .T = (int)(f->code.lead_in + f->trajectory.steps),
                         .sparsity = f->loss.sparsity };
  spiking_init(&o->trainee, &f->trainee, (int)f->code.clock_neurons, TRAJECTORY_JOINTS);
  spiking_init(&o->lsg, &f->lsg, spikecode_inputs(&f->code), o->trainee.n);
  oneshot_layout(o);
}

// ---- the six matrices

// A matrix of a file and where it lies in the parameter block.
struct matrix {
  const char *name;
  int rows, columns, ld;
  size_t offset;
};

static void matrices(struct matrix m[6], const struct oneshot *o) {
  const struct spiking *l = &o->lsg, *t = &o->trainee;
  const struct matrix all[6] = {
    { "lsg.w_in", l->n_in, l->n, l->ld, o->lsg_w },
    { "lsg.w_rec", l->n, l->n, l->ld, o->lsg_w + spiking_recurrent(l) },
    { "lsg.w_out", l->n, l->n_out, l->ld_out, o->lsg_w_out },
    { "trainee.w_in", t->n_in, t->n, t->ld, o->trainee_w },
    { "trainee.w_rec", t->n, t->n, t->ld, o->trainee_w + spiking_recurrent(t) },
    { "trainee.w_out", t->n, t->n_out, t->ld_out, o->trainee_w_out },
  };
  memcpy(m, all, sizeof all);
}

// No neuron feeds itself here; other programs may store numbers there, which theirs ignore too or not.
static void clear_diagonal(const struct spiking *net, real *w, const char *name, const struct tensorfile *tf) {
  int n = 0;
  for (int i = 0; i < net->n; i++) n += w[(size_t)(net->n_in + i)*(size_t)net->ld + (size_t)i] != 0;
  if (n)
    note("%s: left out: the diagonal of %s, %d number%s other than 0, since no neuron feeds itself",
         tensorfile_name(tf), name, n, text_s(n));
  spiking_clear_diagonal(net, w);
}

int reach_parameters_read(real *parameters, const struct oneshot *o, struct tensorfile *tf, const char *prefix) {
  struct matrix all[6];
  matrices(all, o);
  memset(parameters, 0, o->n*sizeof *parameters);
  for (int k = 0; k < 6; k++) {
    const struct matrix *m = &all[k];
    const int64_t dims[2] = { m->rows, m->columns };
    char name[128];
    snprintf(name, sizeof name, "%s%s", prefix, m->name);
    real *plain = err_calloc((size_t)m->rows*(size_t)m->columns, sizeof *plain);
    const int rc = tensorfile_real(tf, name, 2, dims, plain);
    for (int i = 0; i < m->rows && rc == 0; i++)
      memcpy(parameters + m->offset + (size_t)i*(size_t)m->ld, plain + (size_t)i*(size_t)m->columns,
             (size_t)m->columns*sizeof(real));
    free(plain);
    TRY(rc);
  }
  clear_diagonal(&o->lsg, parameters + o->lsg_w, "lsg.w_rec", tf);
  clear_diagonal(&o->trainee, parameters + o->trainee_w, "trainee.w_rec", tf);
  return 0;
}

// put: tensorfile_put_real or _f16
static void put_matrices(struct tensorfile_writer *w, const struct oneshot *o, const real *parameters,
                         void (*put)(struct tensorfile_writer *, const char *, int, const int64_t *, const real *)) {
  struct matrix all[6];
  matrices(all, o);
  for (int k = 0; k < 6; k++) {
    const struct matrix *m = &all[k];
    const int64_t dims[2] = { m->rows, m->columns };
    real *plain = err_calloc((size_t)m->rows*(size_t)m->columns, sizeof *plain);
    for (int i = 0; i < m->rows; i++)
      memcpy(plain + (size_t)i*(size_t)m->columns, parameters + m->offset + (size_t)i*(size_t)m->ld,
             (size_t)m->columns*sizeof(real));
    put(w, m->name, 2, dims, plain);
    free(plain);
  }
}

// ---- models

static const char *const stored[] = { REACH_STORED, NULL };

// Sizes that the tensors of a file state, also where no settings are recorded in it.
static int sizes(struct reach *f, const struct tensorfile *tf) {
  const char *file = tensorfile_name(tf);
  const struct tensorfile_entry *lsg = tensorfile_find(tf, "lsg.w_rec");
  const struct tensorfile_entry *trainee = tensorfile_find(tf, "trainee.w_rec");
  if (!lsg || !trainee)
    return err_set(ERR_FORMAT, "%s: tensor %s: absent; not a model of the arm", file,
                   lsg ? "trainee.w_rec" : "lsg.w_rec");
  const struct tensorfile_entry *const both[] = { lsg, trainee };
  for (int k = 0; k < 2; k++)
    if (both[k]->n_dims != 2 || both[k]->dims[0] < 1 || both[k]->dims[0] > 32768 ||
        both[k]->dims[1] != both[k]->dims[0])
      return err_set(ERR_FORMAT, "%s: tensor %s: expected (neurons, neurons), at most 32768", file, both[k]->name);
  TRY(format_check_size(tf, "lsg.neurons", f->lsg.neurons, lsg->dims[0]));
  TRY(format_check_size(tf, "trainee.neurons", f->trainee.neurons, trainee->dims[0]));
  f->lsg.neurons = lsg->dims[0];
  f->trainee.neurons = trainee->dims[0];
  return 0;
}

struct adopting {
  struct reach *f;
  struct trajectory_params *trained;
};

// A file without settings holds published weights.
static int adopt(void *context, const struct tensorfile *tf) {
  struct adopting *a = context;
  struct reach *f = a->f;
  if (!tensorfile_metadata(tf, "lsg.neurons")) {
    note("%s: no settings in the file; taken as published weights (trajectory.generator=published, code.scale_m=1, "
         "arm.stops=no)",
         tensorfile_name(tf));
    f->arm.stops = 0;
    f->trajectory.generator = TRAJECTORY_PUBLISHED;
    f->code.scale_m = 1;
  }
  *a->trained = f->trajectory;
  return sizes(f, tf);
}

// Longer movements and other steps than it was trained with are beyond a model.
static int check_steps(const struct adopting *a, const char *path) {
  const struct trajectory_params *now = &a->f->trajectory, *then = a->trained;
  if (now->steps > then->steps)
    return err_set(ERR_SETTING, "trajectory.steps=%lld: %s was trained on movements of %lld steps; a longer path "
                   "(target.file) is learned as a chain of them", (long long)now->steps, path, (long long)then->steps);
  if (now->dt_s != then->dt_s)
    return err_set(ERR_SETTING, "trajectory.dt_s=%g: %s was trained with steps of %g s; a slower or faster path is "
                   "resampled by its times", now->dt_s, path, then->dt_s);
  return 0;
}

int reach_model_load(struct reach_model *m, struct reach *f, const char *path, const struct run_sources *from) {
  struct adopting a = { .f = f, .trained = &m->trained };
  *m = (struct reach_model){ 0 };
  struct tensorfile *tf;
  TRY(tensorfile_open(&tf, path));
  int rc = format_check(tf, "metaxbar arm");
  if (rc == 0) rc = run_resolve(f->sections, tf, stored, adopt, &a, from);
  if (rc == 0) rc = check_steps(&a, path);
  if (rc == 0) {
    reach_oneshot(&m->o, f);
    m->parameters = err_aligned(m->o.n, sizeof *m->parameters);
    rc = reach_parameters_read(m->parameters, &m->o, tf, "");
  }
  if (rc < 0) reach_model_release(m);
  else tensorfile_note_unread(tf);
  tensorfile_close(tf);
  return rc;
}

int reach_model_new(struct reach_model *m, const struct reach *f) {
  struct rng r = rng_stream((uint64_t)f->run.seed, RNG_INIT, 0);
  const struct oneshot *o = &m->o;
  reach_oneshot(&m->o, f);
  m->trained = f->trajectory;
  m->parameters = err_aligned(m->o.n, sizeof *m->parameters);
  spiking_start(&o->lsg, m->parameters + o->lsg_w, m->parameters + o->lsg_w_out, 0, &r);
  spiking_start(&o->trainee, m->parameters + o->trainee_w, m->parameters + o->trainee_w_out,
                1 - (double)o->trainee.kappa, &r);
  return 0;
}

void reach_model_release(struct reach_model *m) {
  free(m->parameters);
  m->parameters = NULL;
}

int reach_model_save(const struct reach_model *m, const struct reach *f, const char *path, bool half) {
  struct tensorfile_writer *w = tensorfile_create(path);
  format_put(w, "metaxbar arm");
  settings_store(f->sections, stored, w);
  put_matrices(w, &m->o, m->parameters, half ? tensorfile_put_f16 : tensorfile_put_real);
  return tensorfile_commit(w);
}

void reach_model_round(struct reach_model *m, const struct reach *f) {
  if (f->synapse.kind != RUN_QUANTISED) return;  // what a chip holds is no model
  const struct reach_device *d = reach_quantised_new(f, m, 1);
  struct synapse *s = d->array[0];
  s->ops->program(s, m->parameters + m->o.trainee_w, NULL);
  s->ops->weights(s, m->parameters + m->o.trainee_w);
  reach_quantised_free(d);
}
