#include "experiment/arm/nir.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/nirfile.h"
#include "base/rng.h"
#include "experiment/arm/batch.h"
#include "experiment/experiment.h"

enum { MOVEMENTS = 10 };  // on which an approximation is measured

static const double dt_s = 1e-3;

struct network {
  const char *name, *input;
  const struct spiking *net;
  const struct spiking_params *params;
  const real *w, *w_out;
};

static int network_of(struct network *n, const struct reach *f, const struct oneshot *o, const real *parameters,
                      const char *name) {
  *n = (struct network){ "trainee", "clock", &o->trainee, &f->trainee, parameters + o->trainee_w,
                         parameters + o->trainee_w_out };
  if (!name || !strcmp(name, "trainee")) return 0;
  *n = (struct network){ "lsg", "clock, then code of the target path", &o->lsg, &f->lsg, parameters + o->lsg_w,
                         parameters + o->lsg_w_out };
  return strcmp(name, "lsg") ? err_set(ERR_SETTING, "--network %s: trainee or lsg", name) : 0;
}

// ---- nodes

static void put_constant(struct nirfile *g, const char *name, int n, double value) {
  float *v = err_calloc((size_t)n, sizeof *v);
  for (int i = 0; i < n; i++) v[i] = (float)value;
  nirfile_array(g, name, 1, (const int64_t[]){ n }, v);
  free(v);
}

// W (from, to) as (to, from), with `self` on the diagonal.
static void put_linear(struct nirfile *g, const char *name, const real *w, int from, int to, int ld, double self) {
  float *v = err_calloc((size_t)from*(size_t)to, sizeof *v);
  for (int i = 0; i < from; i++)
    for (int j = 0; j < to; j++) v[j*from + i] = (float)w[(size_t)i*(size_t)ld + (size_t)j];
  for (int i = 0; self != 0 && i < to; i++) v[i*from + i] = (float)self;
  nirfile_node(g, name, "Linear");
  nirfile_array(g, "weight", 2, (const int64_t[]){ to, from }, v);
  free(v);
}

// A leaky integrator, or a neuron.
static void put_leaky(struct nirfile *g, const char *name, const char *type, int n, double tau_ms, double decay) {
  nirfile_node(g, name, type);
  put_constant(g, "tau", n, 1e-3*tau_ms);
  put_constant(g, "r", n, 1/(1 - decay));
  put_constant(g, "v_leak", n, 0);
}

// What no membrane can reach: spikes and inputs are at most 1.
static double out_of_reach(const struct network *n) {
  const struct spiking *s = n->net;
  double most = 0;
  for (int j = 0; j < s->n; j++) {
    double sum = 0;
    for (int i = 0; i < s->n_in + s->n; i++) sum += fabs((double)n->w[(size_t)i*(size_t)s->ld + (size_t)j]);
    most = fmax(most, sum);
  }
  return 1.01*most/(1 - (double)s->gamma);
}

// Spikes of the last refractory - 1 steps: each Delay passes them on to the next.
static void put_refractory(struct nirfile *g, const struct network *n) {
  const int N = n->net->n;
  char name[32], before[32] = "delay1";
  if (n->net->lif.refractory < 2) return;
  nirfile_node(g, "refractory", "Scale");
  put_constant(g, "scale", N, -out_of_reach(n));
  nirfile_edge(g, "refractory", "spikes");
  nirfile_edge(g, before, "refractory");
  for (int k = 2; k < n->net->lif.refractory; k++) {
    snprintf(name, sizeof name, "delay%d", k);
    nirfile_node(g, name, "Delay");
    put_constant(g, "delay", N, dt_s);
    nirfile_edge(g, before, name);
    nirfile_edge(g, name, "refractory");
    snprintf(before, sizeof before, "%s", name);
  }
}

static void put_exact_neurons(struct nirfile *g, const struct network *n) {
  const struct spiking *s = n->net;
  put_leaky(g, "membrane", "LI", s->n, n->params->tau_membrane_ms, (double)s->gamma);
  nirfile_node(g, "spikes", "Threshold");
  put_constant(g, "threshold", s->n, (double)s->lif.v_th);
  nirfile_node(g, "delay1", "Delay");
  put_constant(g, "delay", s->n, dt_s);
  nirfile_edge(g, "membrane", "spikes");
  nirfile_edge(g, "spikes", "delay1");
  nirfile_edge(g, "delay1", "w_rec");
  put_refractory(g, n);
}

static void put_lif_neurons(struct nirfile *g, const struct network *n) {
  const struct spiking *s = n->net;
  put_leaky(g, "spikes", "LIF", s->n, n->params->tau_membrane_ms, (double)s->gamma);
  put_constant(g, "v_threshold", s->n, (double)s->lif.v_th);
  put_constant(g, "v_reset", s->n, 0);
  nirfile_edge(g, "spikes", "w_rec");
}

static void put_graph(struct nirfile *g, const struct network *n, bool exact) {
  const struct spiking *s = n->net;
  const char *driven = exact ? "membrane" : "spikes";
  nirfile_node(g, "input", "Input");
  nirfile_shape(g, s->n_in);
  put_linear(g, "w_in", n->w, s->n_in, s->n, s->ld, 0);
  if (exact) put_exact_neurons(g, n);
  else put_lif_neurons(g, n);
  put_linear(g, "w_rec", n->w + spiking_recurrent(s), s->n, s->n, s->ld, exact ? -(double)s->lif.v_th : 0);
  put_linear(g, "w_out", n->w_out, s->n, s->n_out, s->ld_out, 0);
  put_leaky(g, "outputs", "LI", s->n_out, n->params->tau_output_ms, (double)s->kappa);
  nirfile_node(g, "output", "Output");
  nirfile_shape(g, s->n_out);
  nirfile_edge(g, "input", "w_in");
  nirfile_edge(g, "w_in", driven);
  nirfile_edge(g, "w_rec", driven);
  nirfile_edge(g, "spikes", "w_out");
  nirfile_edge(g, "w_out", "outputs");
  nirfile_edge(g, "outputs", "output");
}

// ---- the approximation

long nir_approximate(real *output, const struct spiking *net, const real *w, const real *w_out,
                     const struct events *input, int T) {
  struct events spikes;
  struct arena a;
  arena_init(&a, events_bytes(T, T*net->n) + (size_t)(net->ld + net->ld_out)*sizeof(real) + 1024);
  events_init(&spikes, &a, T, T*net->n);
  real *v = arena_zeros(&a, net->ld), *o = arena_zeros(&a, net->ld_out);
  events_start(&spikes);
  for (int t = 0; t < T; t++) {
    events_integrate(v, net->gamma, w, net->ld, events_at(input, t));
    events_integrate(v, 1, w + spiking_recurrent(net), net->ld, events_at(&spikes, t - 1));
    for (int i = 0; i < net->n; i++)
      if (v[i] > net->lif.v_th) {
        events_add(&spikes, t, i, 1);
        v[i] = 0;
      }
    events_close(&spikes, t);
    events_integrate(o, net->kappa, w_out, net->ld_out, events_at(&spikes, t));
    memcpy(output + (size_t)t*(size_t)net->ld_out, o, (size_t)net->ld_out*sizeof *o);
  }
  const long n = spikes.first[T];
  arena_release(&a);
  return n;
}

// Outputs of both networks for the same inputs.
struct difference {
  double squares, power;   // sums over steps and outputs: of the difference, of the network's own
  long spikes, own_spikes;
};

static void compare(struct difference *d, const struct network *n, const struct events *input, int T) {
  const struct spiking *s = n->net;
  const struct spiking_source source = { .w = n->w };
  const size_t values = (size_t)T*(size_t)s->ld_out;
  struct spiking_record record;
  struct arena a;
  arena_init(&a, spiking_record_bytes(s, T) + spiking_scratch_bytes(s) + 2*values*sizeof(real) + 1024);
  real *own = ARENA_NEW(&a, values, real), *other = ARENA_NEW(&a, values, real);
  spiking_record_init(&record, &a, s, T);
  spiking_forward(&record, own, s, &source, n->w_out, input, &a);
  d->spikes += nir_approximate(other, s, n->w, n->w_out, input, T);
  d->own_spikes += record.spikes.first[T];
  for (size_t i = 0; i < values; i++) {
    d->squares += pow((double)(other[i] - own[i]), 2);
    d->power += (double)own[i]*(double)own[i];
  }
  arena_release(&a);
}

// The trainee has one input, the clock; the LSG those of the first movements of an evaluation.
static int measure(struct difference *d, const struct network *n, const struct reach *f, const struct oneshot *o,
                   const real *parameters) {
  const bool clock = n->net == &o->trainee;
  struct reach_batch b;
  reach_batch_init(&b, f, o, MOVEMENTS, MOVEMENTS, NULL, NULL);
  b.parameters = parameters;
  const int rc = reach_batch_draw(&b, MOVEMENTS, RNG_EVALUATE, 0);
  for (int k = 0; rc == 0 && k < (clock ? 1 : MOVEMENTS); k++)
    compare(d, n, clock ? &b.clock : &b.item[k].input, o->T);
  reach_batch_release(&b);
  return rc;
}

static void put_difference(struct nirfile *g, const struct network *n, const struct difference *d) {
  char text[200];
  snprintf(text, sizeof text, "neurons LIF: reset to 0 in place of a subtraction%s%s",
           n->net->lif.refractory > 1 ? ", no refractory time" : "",
           n->net->n_adaptive ? ", no adaptive thresholds" : "");
  nirfile_text(g, "approximation", text);
  nirfile_number(g, "relative_difference", sqrt(d->squares/d->power));
  nirfile_number(g, "spikes", (double)d->spikes);
  nirfile_number(g, "spikes_exact", (double)d->own_spikes);
}

// ---- files

static int check(const struct network *n, bool approximate) {
  if (approximate || n->net->n_adaptive == 0) return 0;
  return err_set(ERR_SETTING,
                 "--nir: %s.adaptive_fraction=%g: NIR has no adaptive threshold (--approximate leaves it out)", n->name,
                 n->params->adaptive_fraction);
}

static int put(struct nirfile *g, const struct network *n, const struct reach *f, const struct oneshot *o,
               const real *parameters, bool approximate) {
  struct difference d = { 0 };
  if (approximate) TRY(measure(&d, n, f, o, parameters));
  put_graph(g, n, !approximate);
  nirfile_text(g, "program", "metaxbar " METAXBAR_VERSION);
  nirfile_text(g, "network", n->name);
  nirfile_text(g, "inputs", n->input);
  nirfile_number(g, "dt", dt_s);
  if (approximate) put_difference(g, n, &d);
  return 0;
}

static int write(const struct reach *f, const struct oneshot *o, const real *parameters,
                 const struct experiment_form *form) {
  struct network n;
  struct nirfile *g;
  TRY(network_of(&n, f, o, parameters, form->network));
  TRY(check(&n, form->approximate));
  TRY(nirfile_new(&g));
  int rc = file_out_check(form->out);
  if (rc == 0) rc = put(g, &n, f, o, parameters, form->approximate);
  if (rc == 0) rc = nirfile_write(g, form->out);
  nirfile_free(g);
  return rc;
}

int nir_export(const struct reach *f, const struct reach_model *m, const struct experiment_form *form) {
  struct reach_model rounded = *m;
  if (f->synapse.kind == RUN_CHIP)
    return err_set(ERR_SETTING, "--nir: synapse.kind=chip: NIR has no node for products of a chip");
  rounded.parameters = err_aligned(m->o.n, sizeof *rounded.parameters);
  memcpy(rounded.parameters, m->parameters, m->o.n*sizeof *rounded.parameters);
  reach_model_round(&rounded, f);
  const int rc = write(f, &rounded.o, rounded.parameters, form);
  reach_model_release(&rounded);
  return rc;
}
