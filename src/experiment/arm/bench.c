// Times of the arm: meta-training, and learning one movement.
#include "experiment/arm/bench.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/par.h"
#include "base/text.h"
#include "experiment/arm/batch.h"
#include "experiment/arm/deploy.h"
#include "run/timings.h"

enum { REPEATS = 15, FEW = 5, MOVEMENTS = 100, CHIP_MOVEMENTS = 20 };

static const double usual_inhibition = 0.2;  // about the firing rates of trained networks

// ---- the work of events

// What the events of one iteration visit. Every event stands for a row of a matrix: read or added to.
struct visits {
  double events;             // inputs, spikes, and neurons with a derivative
  double read, changed;      // elements
  double dense;              // elements if every neuron took part in every step
  double trainee_Hz, lsg_Hz;
};

static double elements(const struct spiking *net, int T) {
  return (double)T * ((double)(net->n_in + net->n) * net->ld + (double)net->n * net->ld_out);
}

// One pass forward and back.
static void visit_pass(struct visits *v, const struct spiking *net, const struct spiking_record *rec,
                       const struct events *input) {
  const double x = input->first[input->T], z = rec->spikes.first[rec->spikes.T], h = rec->active.first[rec->active.T];
  v->events += x + z + h;
  v->read += (x + z) * net->ld + z * net->ld_out;     // v and o
  v->changed += (x + z) * net->ld + z * net->ld_out;  // dW and dW_out
  v->read += h * (net->ld + net->ld_out);             // dz
  v->dense += 3 * elements(net, input->T);
}

// The update, e-prop, and the way back through it.
static void visit_update(struct visits *v, const struct spiking *net, const struct spiking_record *rec,
                         const struct events *input) {
  const double x = input->first[input->T], z = rec->spikes.first[rec->spikes.T], h = rec->active.first[rec->active.T];
  v->changed += (x + z) * net->ld;
  v->read += (x + z + h) * net->ld;
  v->dense += 3.0 * input->T * (net->n_in + net->n) * net->ld;
}

// The first batch of movements of f.
static int count(struct visits *v, const struct reach *f, const struct reach_model *m) {
  struct reach_batch b;
  struct par *par = par_new(run_threads(&f->run));
  const int n = (int)f->train.trajectories, group = (int)(f->train.group < n ? f->train.group : n);
  struct oneshot o = m->o;
  o.update.lsg_passes = 1;
  reach_batch_init(&b, f, &o, n, group, par, NULL);
  const int rc = reach_batch_draw(&b, n, RNG_TRAJECTORY, 0);
  *v = (struct visits){ 0 };
  if (rc == 0) {
    reach_batch_forward(&b, m->parameters);
    for (int k = 0; k < b.n_firsts; k++) visit_pass(v, &m->o.trainee, &b.first[k].rec, &b.clock);
    for (int k = 0; k < n; k++) {
      visit_pass(v, &m->o.lsg, &b.item[k].lsg, &b.item[k].input);
      visit_pass(v, &m->o.trainee, &b.item[k].second, &b.clock);
      visit_update(v, &m->o.trainee, &b.item[k].first->rec, &b.clock);
    }
    v->trainee_Hz = b.trainee_Hz;
    v->lsg_Hz = b.lsg_Hz;
  }
  reach_batch_release(&b);
  par_free(par);
  return rc;
}

// ---- meta-training

// One iteration of f from the parameters of m.
static int add_iteration(struct timings *b, const char *what, struct reach *f, const struct reach_model *m, int threads,
                         int repeats) {
  struct visits v;
  double samples[REPEATS + 1];
  char name[64];
  TRY(count(&v, f, m));
  TRY(reach_train_timed(f, m, repeats + 1, samples));
  snprintf(name, sizeof name, "arm.iteration.%s%d_thread%s", what, threads, threads > 1 ? "s" : "");
  struct timings_figure *figure = timings_add(b, name, "s", samples + 1, repeats);
  timings_set_work(figure, 2 * (v.read + v.changed), threads > 1 ? b->peak : b->peak1);
  timings_note(figure,
               "%d movement%s, %d + %d neurons at %.1f and %.1f Hz; %.3g events, %.3g a second, of %.3g bytes each; a "
               "dense product would do %.0f times the work",
               (int)f->train.trajectories, text_s(f->train.trajectories), m->o.lsg.n, m->o.trainee.n,
               v.lsg_Hz, v.trainee_Hz, v.events, v.events / figure->value,
               (double)sizeof(real) * (v.read + 2 * v.changed) / v.events,
               v.dense / (v.read + v.changed));
  return 0;
}

// Meta-training goes through one pass of the LSG, also where a movement has several.
static struct reach at_rest(const struct reach *given, int threads) {
  struct reach f = *given;
  f.training.rate = 0;
  f.update.lsg_passes = 1;
  f.run.threads = threads;
  return f;
}

// Random weights less `inhibition` standard deviations: the more, the fewer spikes, as the loss of meta-training has
// it.
static void inhibit(real *w, const struct spiking *net, double inhibition) {
  for (int i = 0; i < net->n_in + net->n; i++)
    for (int j = 0; j < net->n; j++)
      w[(size_t)i * (size_t)net->ld + (size_t)j] -= (real)(inhibition / sqrt(i < net->n_in ? net->n_in : net->n));
  spiking_clear_diagonal(net, w);
}

static int add_random_iteration(struct timings *b, const char *what, const struct reach *given, double inhibition,
                                int threads) {
  struct reach f = at_rest(given, threads);
  struct reach_model m;
  TRY(reach_model_new(&m, &f));
  inhibit(m.parameters + m.o.lsg_w, &m.o.lsg, inhibition);
  inhibit(m.parameters + m.o.trainee_w, &m.o.trainee, inhibition);
  const int rc = add_iteration(b, what, &f, &m, threads, FEW);
  reach_model_release(&m);
  return rc;
}

static int add_rates(struct timings *b, const struct reach *f, int threads) {
  static const double inhibition[] = { 0, 0.1, 0.2, 0.4 };
  int rc = 0;
  for (size_t k = 0; k < sizeof inhibition / sizeof *inhibition && rc == 0; k++) {
    char what[32];
    snprintf(what, sizeof what, "inhibition_%.1f.", inhibition[k]);
    rc = add_random_iteration(b, what, f, inhibition[k], threads);
  }
  return rc;
}

static int add_sizes(struct timings *b, const struct reach *f, int threads) {
  int rc = 0;
  for (int halves = 1; halves <= 8 && rc == 0; halves *= 2) {
    struct reach g = *f;
    char what[32];
    g.lsg.neurons = (f->lsg.neurons * halves + 1) / 2;
    if (g.lsg.neurons > 32768) break;
    snprintf(what, sizeof what, "lsg_%d.", (int)g.lsg.neurons);
    rc = add_random_iteration(b, what, &g, usual_inhibition, threads);
  }
  return rc;
}

// ---- one movement

static int time_movements(double *samples, int n, const struct reach *f, const struct reach_model *m,
                          const struct reach_device *device) {
  struct reach_batch b;
  int rc = 0;
  reach_batch_init(&b, f, &m->o, 1, 1, NULL, device);
  for (int k = 0; k < n && rc == 0; k++) {
    rc = reach_batch_draw(&b, 1, RNG_EVALUATE, (uint64_t)k);
    const double begin_s = clock_s();
    if (rc == 0) reach_batch_forward(&b, m->parameters);
    samples[k] = clock_s() - begin_s;
  }
  reach_batch_release(&b);
  return rc;
}

static int add_movement(struct timings *b, const struct reach *f, const struct reach_model *m) {
  double samples[MOVEMENTS];
  TRY(time_movements(samples, MOVEMENTS, f, m, NULL));
  struct timings_figure *figure = timings_add(b, "arm.movement.1_thread", "s", samples, MOVEMENTS);
  timings_note(figure, "pass 1, generator (times %d), update, pass 2; %d steps", (int)m->o.update.lsg_passes,
               m->o.T);
  return 0;
}

static int add_chip_movement(struct timings *b, const struct reach *f, const struct reach_model *m) {
  struct reach_chip *c;
  struct reach_result r = { 0 };
  double samples[CHIP_MOVEMENTS];
  TRY(reach_chip_new(&c, f, m, 1, NULL));
  int rc = fleet_begin(reach_chip_fleet(c), 0);
  if (rc == 0) rc = time_movements(samples, CHIP_MOVEMENTS, f, m, reach_chip_device(c));
  reach_chip_report(&r, c);
  reach_chip_free(c);
  TRY(rc);
  const struct ledger_counts n = ledger_total(&r.movements);
  struct timings_figure *figure = timings_add(b, "arm.movement.chip.1_thread", "s", samples, CHIP_MOVEMENTS);
  timings_note(figure,
               "the same with the trainee on a chip, restored first: %.0f products, %.3g conversions and normal "
               "numbers, %.0f devices written",
               (double)n.products / CHIP_MOVEMENTS, (double)n.output_conversions / CHIP_MOVEMENTS,
               (double)n.devices_written / CHIP_MOVEMENTS);
  return 0;
}

int reach_bench(struct timings *b, const struct reach *f, const struct reach_model *m, const char *what) {
  const int threads = run_threads(&f->run);
  struct reach all = at_rest(f, threads), one = at_rest(f, 1);
  if (*what) return err_set(ERR_SETTING, "'%.60s': there is one bench of 'arm' only", what);
  timings_peaks(b, threads);
  TRY(add_iteration(b, "", &all, m, threads, REPEATS));
  if (threads > 1) TRY(add_iteration(b, "", &one, m, 1, FEW));
  timings_memory(b);
  TRY(add_movement(b, f, m));
  TRY(add_chip_movement(b, f, m));
  TRY(add_rates(b, f, threads));
  return add_sizes(b, f, threads);
}
