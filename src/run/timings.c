#include "run/timings.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/par.h"
#include "base/stat.h"
#include "base/text.h"
#include "kernel/peak.h"

enum { PEAK_ROUNDS = 1000000, PEAK_REPEATS = 7, PEAK_THREADS = 64 };

struct timings_figure *timings_add(struct timings *t, const char *name, const char *unit, double *samples, int n) {
  assert(t->n < TIMINGS_MAX);
  struct timings_figure *f = &t->figure[t->n++];
  *f = (struct timings_figure){ .value = stat_quantile(samples, (size_t)n, 0.5) };
  f->fastest = samples[0];
  snprintf(f->name, sizeof f->name, "%s", name);
  snprintf(f->unit, sizeof f->unit, "%s", unit);
  return f;
}

void timings_set_work(struct timings_figure *f, double operations, double peak) {
  f->work = operations;
  f->fraction = operations / f->value / peak;
}

void timings_note(struct timings_figure *f, const char *fmt, ...) {
  va_list args;
  va_start(args, fmt);
  vsnprintf(f->note, sizeof f->note, fmt, args);
  va_end(args);
}

struct peak_record {
  double operations, sink;
};

static int peak_item(void *context, int item, int worker, void *record) {
  struct peak_record *r = record;
  (void)context, (void)item, (void)worker;
  r->operations = peak_run(PEAK_ROUNDS, &r->sink);
  return 0;
}

// Single-precision (double build: double-precision) operations per second of n threads at once.
static double peak_of(int n_threads) {
  struct peak_record records[PEAK_THREADS] = { { 0 } };
  const int n = n_threads < PEAK_THREADS ? n_threads : PEAK_THREADS;
  struct par *par = par_new(n);
  double best = 0;
  for (int k = 0; k < PEAK_REPEATS; k++) {
    const double begin_s = clock_s();
    const int rc = par_map(par, n, sizeof *records, peak_item, NULL, records);
    assert(rc == 0);  // no item fails
    const double seconds = clock_s() - begin_s;
    double operations = 0;
    for (int i = 0; i < n; i++) operations += records[i].operations;
    best = fmax(best, operations / seconds);
  }
  par_free(par);
  return best;
}

void timings_peaks(struct timings *t, int n_threads) {
  if (t->peak > 0) return;
  double one = peak_of(1), all = peak_of(n_threads);
  t->peak1 = one;
  t->peak = all;
  timings_add(t, "peak.1_thread", "flop/s", &one, 1);
  timings_note(timings_add(t, "peak", "flop/s", &all, 1), "multiply-adds in registers, %d thread%s", n_threads,
               text_s(n_threads));
}

void timings_memory(struct timings *t) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double most_bytes = 1024.0 * (double)usage.ru_maxrss;
  timings_add(t, "memory", "byte", &most_bytes, 1);
}
