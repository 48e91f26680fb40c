#include "experiment/arm/resize.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/tensorfile.h"
#include "base/rng.h"

static int check(const struct reach *f, const struct oneshot *to, const struct oneshot *from,
                 const struct spikecode_params *old_code) {
  const int n = from->trainee.n;
  if (old_code->velocity &&
      (f->code.velocity != old_code->velocity || f->code.velocity_scale != old_code->velocity_scale))
    return err_set(ERR_SETTING, "code.velocity=%s code.velocity_scale=%g: the model has %s already, with scale %g",
                   spikecode_velocity_names[f->code.velocity], f->code.velocity_scale,
                   spikecode_velocity_names[old_code->velocity], old_code->velocity_scale);
  if (to->trainee.n > n && to->trainee.n % n)
    return err_set(ERR_SETTING,
                   "trainee.neurons=%d: neither fewer than the %d that the model has nor a multiple of them",
                   to->trainee.n, n);
  if (to->trainee.n == n && to->lsg.n_in == from->lsg.n_in)
    return err_set(ERR_SETTING, "trainee.neurons=%d: as the model has; set fewer, a multiple of them, or code.velocity",
                   to->trainee.n);
  if (to->trainee.n == n) return 0;
  if (from->trainee.n_adaptive || to->trainee.n_adaptive)
    return err_set(ERR_SETTING, "trainee.adaptive_fraction=%g: only a trainee without adaptive neurons can be resized",
                   f->trainee.adaptive_fraction);
  return 0;
}

// A setting of the update, within its limits, so that the model can be read back.
static int set(struct reach *f, const char *name, double value) {
  char text[64];
  snprintf(text, sizeof text, "%.17g", value);
  return param_set(eprop_param_table, &f->update, name, text);
}

// w (rows, ld) = factor times row i % from_rows and column j % from_columns of v, each off by spread.
static void repeat(real *w, int rows, int columns, int ld, const real *v, int from_rows, int from_columns, int from_ld,
                   double factor, double spread, struct rng *r) {
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      const real from = v[(size_t)(i % from_rows)*(size_t)from_ld + (size_t)(j % from_columns)];
      w[(size_t)i*(size_t)ld + (size_t)j] = (real)(factor*(double)from*(1 + spread*rng_normal(r)));
    }
}

int reach_resize(struct reach_model *resized, struct reach *f, const struct reach_model *model,
                 const struct spikecode_params *old_code, double spread) {
  const struct oneshot *from = &model->o, *to = &resized->o;
  *resized = (struct reach_model){ 0 };
  reach_oneshot(&resized->o, f);
  TRY(check(f, to, from, old_code));
  assert(to->lsg.n == from->lsg.n && to->trainee.n_in == from->trainee.n_in);
  const double k = (double)to->trainee.n/from->trainee.n;
  if (k <= 1) spread = 0;
  TRY(set(f, "rate", f->update.rate/k));
  TRY(set(f, "input_rate", f->update.input_rate*k));
  TRY(set(f, "step", f->update.step/k));
  TRY(set(f, "threshold", f->update.threshold/k));
  reach_oneshot(&resized->o, f);
  resized->parameters = err_aligned(to->n, sizeof *resized->parameters);
  struct rng r = rng_stream((uint64_t)f->run.seed, RNG_INIT, 1);
  const struct spiking *l = &to->lsg, *t = &to->trainee, *m = &from->trainee;
  real *const w = resized->parameters;
  const real *const v = model->parameters;
  memset(w, 0, to->n*sizeof *w);
  // new inputs begin with zero weights
  memcpy(w + to->lsg_w, v + from->lsg_w, spiking_recurrent(&from->lsg)*sizeof *w);
  memcpy(w + to->lsg_w + spiking_recurrent(l), v + from->lsg_w + spiking_recurrent(&from->lsg),
         (size_t)l->n*(size_t)l->ld*sizeof *w);
  repeat(w + to->lsg_w_out, l->n, l->n_out, l->ld_out, v + from->lsg_w_out, l->n, m->n, from->lsg.ld_out, 1, spread,
         &r);
  repeat(w + to->trainee_w, t->n_in, t->n, t->ld, v + from->trainee_w, t->n_in, m->n, m->ld, 1, spread, &r);
  repeat(w + to->trainee_w + spiking_recurrent(t), t->n, t->n, t->ld, v + from->trainee_w + spiking_recurrent(m), m->n,
         m->n, m->ld, 1/k, spread, &r);
  repeat(w + to->trainee_w_out, t->n, t->n_out, t->ld_out, v + from->trainee_w_out, m->n, m->n_out, m->ld_out, 1/k, 0,
         &r);
  spiking_clear_diagonal(t, w + to->trainee_w);
  return 0;
}

static int check_sources(const struct run_sources *from) {
  static const char *const reads[] = { "trainee.neurons", "code.velocity", "code.velocity_scale", "run.seed", NULL };
  if (from->config)
    return err_set(ERR_SETTING, "-c %s: resize takes trainee.neurons, code.velocity and run.seed only", from->config);
  for (int k = 0; k < from->n_assignments; k++) TRY(run_check_read(reads, from->assignments[k]));
  return 0;
}

int reach_resize_file(const char *path, const struct run_sources *from, const char *out, bool half) {
  struct reach f;
  struct reach_model m, resized;
  TRY(check_sources(from));
  TRY(tensorfile_check_path(out));
  reach_init(&f);
  TRY(reach_model_load(&m, &f, path, &(struct run_sources){ 0 }));
  const struct spikecode_params old_code = f.code;
  int rc = run_resolve(f.sections, NULL, NULL, NULL, NULL, from);
  if (rc == 0) rc = reach_resize(&resized, &f, &m, &old_code, REACH_RESIZE_SPREAD);
  if (rc == 0) {
    rc = reach_model_save(&resized, &f, out, half);
    reach_model_release(&resized);
  }
  reach_model_release(&m);
  return rc;
}
