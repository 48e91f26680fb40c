#include "lab/scaling.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/par_ranks.h"
#include "base/stat.h"
#include "base/text.h"
#include "experiment/experiment.h"

enum { PINGS = 200, LARGE = 1 << 20, LARGE_PINGS = 20, ITEMS_PER_RANK = 4096 };

// Networks between machines for predictions: assumed, not measured here.
struct assumed {
  const char *name;
  struct scaling_network network;
};
static const struct assumed networks[] = {
  { "10 Gbit/s, 30 us", { 30e-6, 10e9 / 8 } },  // TCP over Ethernet
  { "100 Gbit/s, 2 us", { 2e-6, 100e9 / 8 } },  // InfiniBand, or Ethernet with RDMA
  { NULL, { 0, 0 } },
};

// ---- the model

static double steps(double n) { return n > 1 ? ceil(log2(n)) : 0; }

struct scaling_time scaling_predict(const struct scaling_load *l, const struct scaling_network *net, int ranks) {
  const double h = steps(ranks), up = fmin(h, steps(l->items)), B = net->bandwidth_Bps, L = net->latency_s;
  struct scaling_time t = { l->calls * ceil(l->items / ranks) * l->item_s + l->rest_s, 0 };
  if (ranks == 1) return t;
  t.communication_s = (l->calls + 1) * h * L + (up + h) * (L + l->gradient_B / B) +
                      l->calls * (h * L + l->records_B * (ranks - 1) / ranks / B);
  return t;
}

static double total(struct scaling_time t) { return t.computation_s + t.communication_s; }

double scaling_efficiency(const struct scaling_load *l, const struct scaling_network *net, int ranks) {
  return total(scaling_predict(l, net, 1)) / (ranks * total(scaling_predict(l, net, ranks)));
}

double scaling_items_for(const struct scaling_load *l, const struct scaling_network *net, int ranks, double least) {
  for (int k = 1; k <= ITEMS_PER_RANK; k++) {
    struct scaling_load more = *l;
    more.items = (double)k * ranks;
    more.records_B *= more.items / l->items;
    if (scaling_efficiency(&more, net, ranks) >= least) return more.items;
  }
  return 0;
}

// ---- the ranks at hand

// Seconds of one message of n numbers from rank 0 to rank 1: half the least of there and back, as all else is delay by
// other programs.
static double message_s(size_t n, int repeats) {
  real *v = err_calloc(n, sizeof *v);
  double *samples = err_calloc((unsigned long)repeats, sizeof *samples);
  const int rank = par_ranks_number();
  for (int k = 0; k < repeats && rank < 2; k++) {
    const double begin_s = clock_s();
    if (rank == 0) par_ranks_send(v, n, 1), par_ranks_receive(v, n, 1);
    else par_ranks_receive(v, n, 0), par_ranks_send(v, n, 0);
    samples[k] = (clock_s() - begin_s) / 2;
  }
  const double least = stat_quantile(samples, (size_t)repeats, 0);
  free(samples);
  free(v);
  return least;
}

static int measure_network(struct scaling_network *net) {
  if (par_ranks_count() == 1) return 0;
  TRY(par_ranks_agree(0, -1));
  net->latency_s = message_s(1, PINGS);
  net->bandwidth_Bps = LARGE * sizeof(real) / fmax(message_s(LARGE, LARGE_PINGS) - net->latency_s, 1e-9);
  return par_ranks_agree(0, -1);
}

// Rank 0 alone, one thread. Processor time, as other programs may be running; what is beside the items of an iteration
// is measured on the clock and scaled like these.
static int measure_load(struct scaling_load *l, const struct experiment_case *x, int n, double *seconds) {
  double clock = 0;
  par_ranks_reset_times();
  TRY(x->e->time_training(x->set, x->model, n, seconds));
  const struct par_ranks_times t = par_ranks_times();
  for (int k = 0; k < n; k++) clock += seconds[k];
  l->calls = (double)t.calls / n;
  l->items = (double)t.items / (double)t.calls;
  l->gradient_B = t.sum_B / n;
  l->records_B = t.records_B / (double)t.calls;
  l->item_s = t.items_processor_s / (double)t.items;
  l->rest_s = fmax(clock - t.items_s, 0) * t.items_processor_s / t.items_s / n;
  return 0;
}

// All ranks: v becomes the largest.
static int largest(double *v) {
  double *all = err_calloc((unsigned long)par_ranks_count(), sizeof *all);
  all[par_ranks_number()] = *v;
  const int rc = par_ranks_gather(all, sizeof *all);
  for (int r = 0; r < par_ranks_count() && rc == 0; r++) *v = fmax(*v, all[r]);
  free(all);
  return rc;
}

int scaling_measure(struct scaling_measured *m, const struct experiment_case *x, int n) {
  double *seconds = err_calloc((unsigned long)n, sizeof *seconds);
  *m = (struct scaling_measured){ .ranks = par_ranks_count(), .iterations = n };
  int rc = measure_network(&m->network);
  const bool first = par_ranks_first();
  par_ranks_part();
  if (rc == 0 && first) rc = measure_load(&m->load, x, n, seconds);
  rc = par_ranks_rejoin(rc);
  if (rc == 0) {
    par_ranks_reset_times();
    rc = x->e->time_training(x->set, x->model, n, seconds);
  }
  const struct par_ranks_times t = par_ranks_times();
  m->items_s = t.items_processor_s / n;
  m->waiting_s = t.waiting_s / n;
  m->sending_s = t.sending_s / n;
  m->sent_B = t.sent_B / n;
  m->meetings = (double)t.meetings / n;
  m->fastest_s = stat_quantile(seconds, (size_t)n, 0);
  m->seconds = stat_quantile(seconds, (size_t)n, 0.5);
  free(seconds);
  return rc < 0 ? rc : largest(&m->items_s);
}

// ---- text

static void print_measured(const struct scaling_measured *m, FILE *out) {
  const struct scaling_load *l = &m->load;
  const struct scaling_time p = scaling_predict(l, &m->network, m->ranks);
  fprintf(out, "rank 0 alone: %.4g calls of %.4g items, %.4g s of processor time each, and %.4g s beside them\n",
          l->calls, l->items, l->item_s, l->rest_s);
  fprintf(out, "gradient %.4g B, records %.4g B a call\n", l->gradient_B, l->records_B);
  if (m->ranks > 1)
    fprintf(out, "ranks 0 and 1: latency %.3g s, bandwidth %.3g B/s\n", m->network.latency_s, m->network.bandwidth_Bps);
  fprintf(out, "\n%d rank%s, %d iteration%s, seconds of one   computation     exchange\n", m->ranks, text_s(m->ranks),
          m->iterations, text_s(m->iterations));
  fprintf(out, "%-41s  %10.4g  %11.4g  (processor time of the slowest rank; clock of rank 0)\n", "measured", m->items_s,
          m->sending_s);
  fprintf(out, "%-41s  %10.4g  %11.4g  communication is %.2g %%\n", "predicted", p.computation_s - l->rest_s,
          p.communication_s, 100 * p.communication_s / total(p));
  fprintf(out, "on the clock: median %.4g s, fastest %.4g s, of which rank 0 waited %.4g s; predicted %.4g s\n",
          m->seconds, m->fastest_s, m->waiting_s, total(p));
  if (m->ranks > 1)
    fprintf(out, "rank 0 exchanged %.4g B and met the others %.4g times in an iteration\n", m->sent_B, m->meetings);
}

static void print_predicted(const struct scaling_load *l, const struct assumed *a, FILE *out) {
  int below = 0;
  fprintf(out, "\n%s (assumed)\n%6s  %13s  %13s  %10s  %21s\n", a->name, "ranks", "computation s", "communication",
          "efficiency", "items a call for 80 %");
  for (int ranks = 8; ranks <= 1024; ranks *= 2) {
    const struct scaling_time t = scaling_predict(l, &a->network, ranks);
    const double items = scaling_items_for(l, &a->network, ranks, 0.8);
    fprintf(out, "%6d  %13.4g  %11.2g %%  %8.1f %%", ranks, t.computation_s, 100 * t.communication_s / total(t),
            100 * scaling_efficiency(l, &a->network, ranks));
    if (items > 0) fprintf(out, "  %21.0f\n", items);
    else fprintf(out, "  %21s\n", "-");
  }
  for (int ranks = 2; ranks <= 1024 && !below; ranks *= 2)
    if (scaling_efficiency(l, &a->network, ranks) < 0.8) below = ranks;
  if (below) fprintf(out, "of 2, 4, 8, ... ranks, %d are the first below 80 %%\n", below);
  else fprintf(out, "not below 80 %% up to 1024 ranks\n");
}

void scaling_print(const struct scaling_measured *m, FILE *out) {
  print_measured(m, out);
  for (const struct assumed *a = networks; a->name; a++) print_predicted(&m->load, a, out);
}
