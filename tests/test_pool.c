// Work is shared out: every item exactly once, any number of threads, many rounds; and results that
// depend on the item alone are the same for any number of threads.
#include <stdatomic.h>

#include "base/pool.h"
#include "test.h"

enum { MOST = 1000 };

struct round {
  atomic_int taken[MOST];
  int plain[MOST];         // written by whoever took the item: the thread sanitizer sees a second one
  long of_worker[16];      // per worker, no two threads at once
  atomic_int outside;      // worker numbers out of range
  int n_threads;
};

static void take(void *context, int item, int worker) {
  struct round *r = context;
  atomic_fetch_add(&r->taken[item], 1);
  r->plain[item] = item + 1;
  if (worker < 0 || worker >= r->n_threads) atomic_fetch_add(&r->outside, 1);
  else r->of_worker[worker]++;
}

static void test_once(int n_threads) {
  static struct round r;
  const int sizes[] = { 0, 1, 2, 3, 7, 64, 257, MOST };
  struct pool *p = pool_new(n_threads);
  CHECK(pool_threads(p) == n_threads, "%d threads", pool_threads(p));
  for (int round = 0; round < 200; round++) {
    const int n = sizes[round % 8];
    long total = 0, wrong = 0;
    memset(&r, 0, sizeof r);
    r.n_threads = n_threads;
    pool_run(p, n, take, &r);
    for (int i = 0; i < MOST; i++) wrong += atomic_load(&r.taken[i]) != (i < n) || r.plain[i] != (i < n ? i + 1 : 0);
    for (int k = 0; k < 16; k++) total += r.of_worker[k];
    CHECK(!wrong && total == n && !atomic_load(&r.outside), "%d threads, %d items: %ld wrong, %ld taken", n_threads, n, wrong, total);
  }
  pool_free(p);
}

struct sum {
  double term[MOST];
};

static void compute(void *context, int item, int worker) {
  double x = item;
  (void)worker;
  for (int k = 0; k < 50; k++) x = cos(x + k);
  ((struct sum *)context)->term[item] = x;
}

static void test_independent(void) {
  static struct sum s[5];
  for (int k = 0; k < 5; k++) {
    struct pool *p = pool_new(1 << k);
    pool_run(p, MOST, compute, &s[k]);
    pool_free(p);
    CHECK(!memcmp(&s[k], &s[0], sizeof s[0]), "%d threads give other results than one", 1 << k);
  }
}

int main(void) {
  for (int n = 1; n <= 8; n++) test_once(n);
  test_independent();
  for (int k = 0; k < 100; k++) pool_free(pool_new(4));  // started and stopped without work
  pool_free(NULL);
  CHECK(pool_cores() >= 1, "%d cores", pool_cores());
  return test_summary();
}
