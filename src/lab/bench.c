#include "lab/bench.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/pool.h"
#include "kernel/peak.h"

enum { PEAK_ROUNDS = 1000000 };  // some 20 ms, so that the best of several has the processor to itself

static int by_value(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

struct bench_figure *bench_add(struct bench *b, const char *name, const char *unit, double *samples, int n) {
  assert(b->n < BENCH_MAX);
  struct bench_figure *f = &b->figure[b->n++];
  *f = (struct bench_figure){ 0 };
  snprintf(f->name, sizeof f->name, "%s", name);
  snprintf(f->unit, sizeof f->unit, "%s", unit);
  qsort(samples, (size_t)n, sizeof *samples, by_value);
  f->value = samples[n/2];
  f->fastest = samples[0];
  return f;
}

void bench_set_work(struct bench_figure *f, double operations, double peak) {
  f->work = operations;
  f->fraction = operations / f->value / peak;
}

struct peak_share {
  double operations[64], sink[64];
};

static void peak_thread(void *context, int item, int worker) {
  struct peak_share *s = context;
  (void)worker;
  s->operations[item] = peak_run(PEAK_ROUNDS, &s->sink[item]);
}

double bench_peak(int n_threads) {
  struct peak_share share = { { 0 }, { 0 } };
  if (n_threads > 64) n_threads = 64;
  struct pool *pool = pool_new(n_threads);
  double best = 0;
  for (int k = 0; k < 7; k++) {
    const double begin = clock_s();
    pool_run(pool, n_threads, peak_thread, &share);
    const double seconds = clock_s() - begin;
    double operations = 0;
    for (int i = 0; i < n_threads; i++) operations += share.operations[i];
    best = fmax(best, operations / seconds);
  }
  pool_free(pool);
  return best;
}

void bench_start(struct bench *b, int n_threads) {
  double one = bench_peak(1), all = bench_peak(n_threads);
  *b = (struct bench){ .peak1 = one, .peak = all };
  bench_add(b, "peak.1_thread", "flop/s", &one, 1);
  struct bench_figure *figure = bench_add(b, "peak", "flop/s", &all, 1);
  snprintf(figure->note, sizeof figure->note, "multiply-adds in registers, %d threads", n_threads);
}

void bench_memory(struct bench *b) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double most_bytes = 1024.0 * (double)usage.ru_maxrss;
  bench_add(b, "memory", "byte", &most_bytes, 1);
}
