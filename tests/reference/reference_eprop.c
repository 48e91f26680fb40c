// The code against vectors of an independent double-precision implementation.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/tensorfile.h"
#include "experiment/arm/batch.h"
#include "reference/reference.h"

double reference_round(double change, const struct eprop_params *p, double u) {
  const real c = (real)change, size = c < 0 ? -c : c, step = (real)p->step;
  const bool stochastic = p->grid == EPROP_STOCHASTIC || (p->grid == EPROP_SPARSE && size < step);
  if (size < (real)p->threshold) return 0;
  return p->grid == EPROP_NEAREST ? (double)step*rint((double)(c/step))
         : stochastic             ? (double)step*floor((double)(c/step + (real)u))
                                  : (double)c;
}

void reference_bits(struct events *e, const uint8_t *bits, int n, const struct spikecode_params *p) {
  struct arena memory;
  struct events clock;
  arena_init(&memory, events_bytes(e->T, e->capacity));
  events_init(&clock, &memory, e->T, e->capacity);
  spikecode_clock(&clock, p);
  events_start(e);
  for (int t = 0; t < e->T; t++) {
    const struct events_step step = events_at(&clock, t);
    for (int k = 0; k < step.n; k++) events_add(e, t, step.index[k], step.value[k]);
    for (int i = 0; i < n; i++)
      if (bits[(size_t)t*(size_t)n + (size_t)i]) events_add(e, t, (int)p->clock_neurons + i, 1);
    events_close(e, t);
  }
  arena_release(&memory);
}

struct checking {
  struct tensorfile *tf;
  struct reach f;
  struct reach_batch b;
  real *parameters, *gradient;
  FILE *out;
  double *worst;
};

// Print and keep the largest error relative to the largest value expected.
static int compare(struct checking *c, const char *name, const double *found, int n_dims, const int64_t *dims) {
  int64_t n = 1;
  for (int k = 0; k < n_dims; k++) n *= dims[k];
  double *expected = err_calloc((size_t)n, sizeof(double));
  const int rc = tensorfile_f64(c->tf, name, n_dims, dims, expected);
  const double error = rc == 0 ? reference_error(found, expected, (long)n) : 0;
  free(expected);
  TRY(rc);
  if (c->out) fprintf(c->out, "%-34s %.3g\n", name, error);
  *c->worst = fmax(*c->worst, error);
  return 0;
}

static int metadata_number(double *value, const struct tensorfile *tf, const char *key, double min, double max) {
  const char *text = tensorfile_metadata(tf, key);
  char *end = NULL;
  *value = text ? strtod(text, &end) : 0;
  if (!text || end == text || *end || !(*value >= min && *value <= max))
    return err_set(ERR_FORMAT, "%s: metadata %s=%s: expected a number in [%g, %g]", tensorfile_name(tf), key,
                   text ? text : "(absent)", min, max);
  return 0;
}

// Sizes and rule from the metadata.
static int configure(struct checking *c, int *B) {
  double n_lsg, n_alif, n_trainee, T, batch;
  const char *quantise = tensorfile_metadata(c->tf, "quantise_update");
  TRY(metadata_number(&n_lsg, c->tf, "n_lsg", 1, 10000));
  TRY(metadata_number(&n_alif, c->tf, "n_alif", 0, n_lsg));
  TRY(metadata_number(&n_trainee, c->tf, "n_trainee", 1, 10000));
  TRY(metadata_number(&T, c->tf, "T", 1, 10000));
  TRY(metadata_number(&batch, c->tf, "B", 1, 10000));
  TRY(metadata_number(&c->f.update.rate, c->tf, "inner_lr", 0, 1e6));
  if (!quantise || (strcmp(quantise, "True") && strcmp(quantise, "False")))
    return err_set(ERR_FORMAT, "%s: metadata quantise_update=%s: expected True or False", tensorfile_name(c->tf),
                   quantise ? quantise : "(absent)");
  c->f.arm.stops = 0;
  c->f.update.grid = quantise[0] == 'T' ? EPROP_NEAREST : EPROP_EXACT;
  c->f.lsg.neurons = (int64_t)n_lsg;
  c->f.lsg.adaptive_fraction = n_alif/n_lsg;
  c->f.trainee.neurons = (int64_t)n_trainee;
  c->f.trajectory.steps = (int64_t)T;
  *B = (int)batch;
  return 0;
}

static int read_targets(struct checking *c) {
  struct reach_batch *b = &c->b;
  const int64_t B = b->n, T = b->T, n = spikecode_inputs(&c->f.code) - c->f.code.clock_neurons;
  TRY(tensorfile_f64(c->tf, "target.omega", 3, (const int64_t[]){ B, T, 2 }, b->omega));
  TRY(tensorfile_f64(c->tf, "target.xyz", 3, (const int64_t[]){ B, T, 3 }, b->xyz));
  int64_t *whole = err_calloc((size_t)(B*T*n), sizeof *whole);
  uint8_t *bits = err_calloc((size_t)(B*T*n), sizeof *bits);
  const int rc = tensorfile_i64(c->tf, "lsg.bits", 3, (const int64_t[]){ B, T, n }, whole);
  for (int64_t k = 0; k < B*T*n; k++) bits[k] = whole[k] != 0;
  for (int k = 0; k < b->n; k++) reference_bits(&b->item[k].input, bits + k*T*n, (int)n, &c->f.code);
  free(whole);
  free(bits);
  return rc;
}

// ---- dense views of what the code keeps as lists; out (B, T, n)

static void dense(double *out, const struct events *e, int n, const struct lif *lif) {
  memset(out, 0, (size_t)(e->T*n)*sizeof *out);
  for (int t = 0; t < e->T; t++)
    for (int k = e->first[t]; k < e->first[t + 1]; k++)
      out[t*n + e->index[k]] = lif ? (double)lif_surrogate(lif, e->value[k]) : (double)e->value[k];
}

static void rows(double *out, const real *in, int n_rows, int n, int ld) {
  for (int i = 0; i < n_rows; i++)
    for (int j = 0; j < n; j++) out[i*n + j] = (double)in[(size_t)i*(size_t)ld + (size_t)j];
}

enum view { SPIKES_1, SURROGATE_1, TRACE_REC, OUTPUT_1, LSG_SPIKES, SIGNAL, OUTPUT_2, SPIKES_2 };
static const char *const view_names[] = { "expect.pass1.spikes", "expect.pass1.pseudo_derivative",
                                          "expect.pass1.trace_rec", "expect.pass1.omega",
                                          "expect.lsg.spikes", "expect.lsg.learning_signal",
                                          "expect.pass2.omega", "expect.pass2.spikes" };

static void view(double *out, struct checking *c, int k, enum view what, real *work) {
  struct reach_batch *b = &c->b;
  const struct oneshot *o = &b->o;
  struct oneshot_item *it = &b->item[k];
  const int T = o->T, n = o->trainee.n;
  switch (what) {
  case SPIKES_1: dense(out, &it->first->rec.spikes, n, NULL); break;
  case SURROGATE_1: dense(out, &it->first->rec.active, n, &o->trainee.lif); break;
  case OUTPUT_1: rows(out, it->first->output, T, o->trainee.n_out, o->trainee.ld_out); break;
  case LSG_SPIKES: dense(out, &it->lsg.spikes, o->lsg.n, NULL); break;
  case OUTPUT_2: rows(out, it->output, T, o->trainee.n_out, o->trainee.ld_out); break;
  case SPIKES_2: dense(out, &it->second.spikes, n, NULL); break;
  case SIGNAL:
    oneshot_signal(work, it, o, c->parameters, &b->scratch[0]);
    rows(out, work, T, n, o->lsg.ld_out);
    break;
  case TRACE_REC:
    eprop_traces(work + (size_t)T*(size_t)n, work, &o->trainee, &it->first->rec, &b->clock);
    rows(out, work, T, n, n);
    break;
  }
}

static int compare_passes(struct checking *c, double *out, real *work) {
  const struct oneshot *o = &c->b.o;
  const int64_t B = c->b.n, T = o->T;
  for (int what = SPIKES_1; what <= SPIKES_2; what++) {
    const int64_t n = what == LSG_SPIKES ? o->lsg.n
                      : what == OUTPUT_1 || what == OUTPUT_2 ? o->trainee.n_out
                                                             : o->trainee.n;
    for (int k = 0; k < B; k++) view(out + k*T*n, c, k, (enum view)what, work);
    TRY(compare(c, view_names[what], out, 3, (const int64_t[]){ B, T, n }));
  }
  real *e_in = work, *e_rec = work + T*o->trainee.n_in;
  eprop_traces(e_in, e_rec, &o->trainee, &c->b.first[0].rec, &c->b.clock);
  rows(out, e_in, (int)T, o->trainee.n_in, o->trainee.n_in);
  return compare(c, "expect.pass1.trace_in", out, 2, (const int64_t[]){ T, o->trainee.n_in });
}

// Diagonal of one recurrent update out (n, n): without effect, never computed elsewhere, but in the file.
static void diagonal(double *out, const struct checking *c, int k, real *work) {
  const struct oneshot_item *it = &c->b.item[k];
  const struct events *active = &it->first->rec.active;
  const int n = c->b.o.trainee.n;
  double *sum = err_calloc((size_t)n, sizeof *sum);
  eprop_traces(work + active->T*n, work, &c->b.o.trainee, &it->first->rec, &c->b.clock);
  for (int t = 0; t < active->T; t++)
    for (int a = active->first[t]; a < active->first[t + 1]; a++)
      sum[active->index[a]] += (double)(it->source[a]*work[t*n + active->index[a]]);
  for (int j = 0; j < n; j++) out[j*n + j] = reference_round(-c->f.update.rate*sum[j], &c->f.update, 0);
  free(sum);
}

static int compare_updates(struct checking *c, double *out, real *work) {
  const struct spiking *net = &c->b.o.trainee;
  const int64_t B = c->b.n, n = net->n, n_in = net->n_in;
  const real *w = c->parameters + c->b.o.trainee_w;
  for (int part = 0; part < 2; part++) {
    const int64_t n_rows = part ? n : n_in, from = part ? n_in : 0;
    for (int64_t k = 0; k < B; k++) {
      for (int64_t i = 0; i < n_rows; i++)
        for (int64_t j = 0; j < n; j++) {
          const size_t at = (size_t)((from + i)*net->ld + j);
          out[(k*n_rows + i)*n + j] = (double)(c->b.item[k].changed[at] - w[at]);
        }
      if (part) diagonal(out + k*n*n, c, (int)k, work);
    }
    TRY(compare(c, part ? "expect.update.w_rec" : "expect.update.w_in", out, 3, (const int64_t[]){ B, n_rows, n }));
  }
  return 0;
}

static int compare_gradients(struct checking *c, double *out) {
  const struct oneshot *o = &c->b.o;
  const real *g = c->gradient;
  const struct spiking *const nets[2] = { &o->lsg, &o->trainee };
  static const char *const owners[2] = { "lsg", "trainee" };
  for (int k = 0; k < 2; k++) {
    const struct spiking *net = nets[k];
    const real *w = g + (k ? o->trainee_w : o->lsg_w), *w_out = g + (k ? o->trainee_w_out : o->lsg_w_out);
    char name[64];
    snprintf(name, sizeof name, "expect.grad.%s.w_in", owners[k]);
    rows(out, w, net->n_in, net->n, net->ld);
    TRY(compare(c, name, out, 2, (const int64_t[]){ net->n_in, net->n }));
    snprintf(name, sizeof name, "expect.grad.%s.w_rec", owners[k]);
    rows(out, w + spiking_recurrent(net), net->n, net->n, net->ld);
    TRY(compare(c, name, out, 2, (const int64_t[]){ net->n, net->n }));
    snprintf(name, sizeof name, "expect.grad.%s.w_out", owners[k]);
    rows(out, w_out, net->n, net->n_out, net->ld_out);
    TRY(compare(c, name, out, 2, (const int64_t[]){ net->n, net->n_out }));
  }
  return 0;
}

static int compare_all(struct checking *c) {
  struct reach_batch *b = &c->b;
  const struct oneshot *o = &b->o;
  const size_t widest = (size_t)(o->lsg.ld > o->trainee.ld ? o->lsg.ld : o->trainee.ld), T = (size_t)o->T;
  TRY(read_targets(c));
  reach_batch_forward(b, c->parameters);
  for (int k = 0; k < reach_batch_episodes(b); k++) reach_batch_backward(b, c->gradient, k, 0);
  reach_batch_finish(b, c->gradient);
  double *out = err_calloc((size_t)b->n*(T + widest)*widest, sizeof *out);
  real *work = err_aligned(2*(T + 1)*widest, sizeof *work);
  int rc = compare_passes(c, out, work);
  if (rc == 0) rc = compare_updates(c, out, work);
  if (rc == 0) rc = compare(c, "expect.task_loss", &b->loss_task, 0, NULL);
  if (rc == 0) rc = compare(c, "expect.task_loss_before", &b->loss_before, 0, NULL);
  if (rc == 0) rc = compare(c, "expect.reg_loss", &b->loss_rate, 0, NULL);
  const double loss = b->loss_task + b->loss_rate;
  if (rc == 0) rc = compare(c, "expect.loss", &loss, 0, NULL);
  if (rc == 0) rc = compare_gradients(c, out);
  free(out);
  free(work);
  return rc;
}

int reference_eprop(struct tensorfile *tf, FILE *out, double *worst) {
  struct checking c = { .tf = tf, .out = out, .worst = worst };
  struct oneshot o;
  int B = 0;
  *worst = 0;
  reach_init(&c.f);
  TRY(configure(&c, &B));
  reach_oneshot(&o, &c.f);
  c.parameters = err_aligned(o.n, sizeof *c.parameters);
  c.gradient = err_aligned(o.n, sizeof *c.gradient);
  reach_batch_init(&c.b, &c.f, &o, B, 2, NULL, NULL);  // two movements an episode: sums over both kinds
  int rc = reach_parameters_read(c.parameters, &o, tf, "");
  if (rc == 0) rc = compare_all(&c);
  reach_batch_release(&c.b);
  free(c.parameters);
  free(c.gradient);
  return rc;
}
