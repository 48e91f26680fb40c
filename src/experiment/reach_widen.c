#include "experiment/reach_widen.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"

static int check(const struct reach *f, const struct oneshot *wide, const struct oneshot *narrow, const struct spikecode_params *told) {
  const int n = narrow->trainee.n;
  if (told->velocity && (f->code.velocity != told->velocity || f->code.velocity_scale != told->velocity_scale))
    return err_set(ERR_SETTING, "code.velocity=%s code.velocity_scale=%g: the model is told %s already, of scale %g", spikecode_velocity_names[f->code.velocity],
                   f->code.velocity_scale, spikecode_velocity_names[told->velocity], told->velocity_scale);
  if (wide->trainee.n % n) return err_set(ERR_SETTING, "trainee.neurons=%d: not a multiple of the %d that the model has", wide->trainee.n, n);
  if (wide->trainee.n == n && wide->lsg.n_in == narrow->lsg.n_in)
    return err_set(ERR_SETTING, "trainee.neurons=%d: as the model has; set twice it at least, or code.velocity", wide->trainee.n);
  if (wide->trainee.n == n) return 0;
  if (narrow->trainee.n_adaptive || wide->trainee.n_adaptive)
    return err_set(ERR_SETTING, "trainee.adaptive_fraction=%g: only a trainee without adaptive neurons can be widened", f->trainee.adaptive_fraction);
  return 0;
}

// A setting of the update, within its limits, so that the model can be read back.
static int set(struct reach *f, const char *name, double value) {
  char text[64];
  snprintf(text, sizeof text, "%.17g", value);
  return param_set(eprop_param_table, &f->update, name, text);
}

// w (rows, ld) = factor times row i % narrow_rows and column j % narrow_columns of narrow_w, each off by spread.
static void repeat(real *w, int rows, int columns, int ld, const real *narrow_w, int narrow_rows, int narrow_columns, int narrow_ld,
                   double factor, double spread, struct rng *r) {
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) {
      const real from = narrow_w[(size_t)(i % narrow_rows)*(size_t)narrow_ld + (size_t)(j % narrow_columns)];
      w[(size_t)i*(size_t)ld + (size_t)j] = (real)(factor*(double)from*(1 + spread*rng_normal(r)));
    }
}

int reach_widen(struct reach_model *wide, struct reach *f, const struct reach_model *narrow, const struct spikecode_params *told, double spread) {
  const struct oneshot *from = &narrow->o, *to = &wide->o;
  *wide = (struct reach_model){ 0 };
  reach_oneshot(&wide->o, f);
  TRY(check(f, to, from, told));
  assert(to->lsg.n == from->lsg.n && to->trainee.n_in == from->trainee.n_in);
  const int k = to->trainee.n/from->trainee.n;
  if (k == 1) spread = 0;
  TRY(set(f, "rate", f->update.rate/k));
  TRY(set(f, "input_rate", f->update.input_rate*k));
  TRY(set(f, "step", f->update.step/k));
  TRY(set(f, "threshold", f->update.threshold/k));
  reach_oneshot(&wide->o, f);
  wide->parameters = err_aligned(to->n, sizeof *wide->parameters);
  struct rng r = rng_stream((uint64_t)f->run.seed, RNG_INIT, 1);
  const struct spiking *l = &to->lsg, *t = &to->trainee, *m = &from->trainee;
  real *const w = wide->parameters;
  const real *const v = narrow->parameters;
  memset(w, 0, to->n*sizeof *w);
  memcpy(w + to->lsg_w, v + from->lsg_w, spiking_recurrent(&from->lsg)*sizeof *w);  // what is told in addition begins with zero weights
  memcpy(w + to->lsg_w + spiking_recurrent(l), v + from->lsg_w + spiking_recurrent(&from->lsg), (size_t)l->n*(size_t)l->ld*sizeof *w);
  repeat(w + to->lsg_w_out, l->n, l->n_out, l->ld_out, v + from->lsg_w_out, l->n, m->n, from->lsg.ld_out, 1, spread, &r);
  repeat(w + to->trainee_w, t->n_in, t->n, t->ld, v + from->trainee_w, t->n_in, m->n, m->ld, 1, spread, &r);
  repeat(w + to->trainee_w + spiking_recurrent(t), t->n, t->n, t->ld, v + from->trainee_w + spiking_recurrent(m), m->n, m->n, m->ld,
         1.0/k, spread, &r);
  repeat(w + to->trainee_w_out, t->n, t->n_out, t->ld_out, v + from->trainee_w_out, m->n, m->n_out, m->ld_out, 1.0/k, 0, &r);
  spiking_clear_diagonal(t, w + to->trainee_w);
  return 0;
}
