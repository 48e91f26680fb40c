// Records, sums and errors of numbered items are the same for any number of workers; sums are those of the tree, to the
// bit, and hold few parts at a time.
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/err.h"
#include "base/par.h"
#include "base/rng.h"
#include "test.h"

enum { MOST = 300, SIZE = 37, MAX_WORKERS = 8 };
static const int sizes[] = { 0, 1, 2, 3, 4, 5, 7, 8, 13, 64, 100, 255, MOST };
enum { N_SIZES = sizeof sizes/sizeof *sizes };

// ---- items

struct record {
  int item;
  double x;
};

struct work {
  int n_workers;
  size_t size;
  atomic_int taken[MOST];
  int of_worker[MAX_WORKERS];  // two threads with one number: seen by the thread sanitizer
  atomic_int wrong;            // workers that are none, parts that are not 0
  real *part[MOST];            // given to each item
  int fails[2];                // items that fail, the lower first
  int first;                   // which of them fails first: 0 or 1, or -1: as it comes
  atomic_int begun[2], failed[2];
};

// Element j of item k, of magnitudes 1e-4 to 1e4 and both signs.
static real element(int k, size_t j) {
  struct rng r = rng_stream(3, RNG_TEST, (uint32_t)(k*SIZE + (int)j));
  return (real)(pow(10, 8*rng_uniform(&r) - 4)*rng_normal(&r));
}

static int fill(void *context, int item, int worker, void *record) {
  struct work *w = context;
  atomic_fetch_add(&w->taken[item], 1);
  if (worker < 0 || worker >= w->n_workers) atomic_fetch_add(&w->wrong, 1);
  else w->of_worker[worker]++;
  if (record) *(struct record *)record = (struct record){ item, sin(item) };
  return 0;
}

static int fill_and_add(void *context, int item, int worker, void *record, real *part) {
  struct work *w = context;
  w->part[item] = part;
  for (size_t j = 0; j < w->size; j++) {
    if (part[j] != 0) atomic_fetch_add(&w->wrong, 1);
    part[j] += element(item, j);
  }
  return fill(context, item, worker, record);
}

static struct work work_of(const struct par *p) {
  return (struct work){ .n_workers = par_threads(p), .size = SIZE, .fails = { -1, -1 } };
}

static long not_once(struct work *w, int n) {
  long bad = atomic_load(&w->wrong);
  for (int k = 0; k < MOST; k++) bad += atomic_load(&w->taken[k]) != (k < n);
  return bad;
}

// ---- records

static void test_map(int n_threads) {
  struct par *p = par_new(n_threads);
  CHECK(par_threads(p) == n_threads, "%d threads", par_threads(p));
  for (int round = 0; round < 10*N_SIZES; round++) {
    const int n = sizes[round % N_SIZES];
    struct work w = work_of(p);
    struct record r[MOST + 1] = { 0 };
    int bad = r[n].item = -1;
    CHECK(par_map(p, n, sizeof *r, fill, &w, r) == 0, "%d items: %s", n, err_message());
    for (int k = 0; k < n; k++) bad += r[k].item != k || r[k].x != sin(k);
    CHECK(bad == -1 && r[n].item == -1, "%d threads, %d items: %d wrong records", n_threads, n, bad + 1);
    CHECK(!not_once(&w, n), "%d threads, %d items: some left out or done twice", n_threads, n);
  }
  struct work w = work_of(p);
  CHECK(par_map(p, 5, 0, fill, &w, NULL) == 0 && !not_once(&w, 5), "without records");
  par_free(p);
}

static void count(void *context, int item, int worker) { fill(context, item, worker, NULL); }

static void test_local(int n_threads) {
  struct par *p = par_new(n_threads);
  struct work w = work_of(p);
  par_local(p, 100, count, &w);
  CHECK(!not_once(&w, 100), "%d threads: an item is left out or done twice", n_threads);
  par_free(p);
}

// ---- sums

// The sum over [first, first + 2^level), as the header has it.
static void sum_ref(real *sum, int first, int level, int n) {
  real half[SIZE];
  const int middle = first + (1 << level)/2;
  for (size_t j = 0; j < SIZE && level == 0; j++) sum[j] = element(first, j);
  if (level == 0) return;
  sum_ref(sum, first, level - 1, n);
  if (middle >= n) return;
  sum_ref(half, middle, level - 1, n);
  for (size_t j = 0; j < SIZE; j++) sum[j] += half[j];
}

static void in_order(real *sum, int n) {
  for (size_t j = 0; j < SIZE; j++) sum[j] = 0;
  for (int k = 0; k < n; k++)
    for (size_t j = 0; j < SIZE; j++) sum[j] += element(k, j);
}

static int differing(const real *a, const real *b) {
  int n = 0;
  for (size_t j = 0; j < SIZE; j++) n += memcmp(a + j, b + j, sizeof *a) != 0;
  return n;
}

static void test_sum(int n_threads) {
  struct par *p = par_new(n_threads);
  for (int round = 0; round < 3*N_SIZES; round++) {
    const int n = sizes[round % N_SIZES];
    struct work w = work_of(p);
    struct record r[MOST];
    real sum[SIZE + 1], expected[SIZE] = { 0 }, other[SIZE];
    for (size_t j = 0; j <= SIZE; j++) sum[j] = 99;
    CHECK(par_sum(p, n, sizeof *r, fill_and_add, &w, r, sum, SIZE) == 0, "%d items: %s", n, err_message());
    if (n > 0) sum_ref(expected, 0, 9, n);
    in_order(other, n);
    CHECK(!differing(sum, expected) && sum[SIZE] == 99, "%d threads, %d items: %d elements are not those of the tree",
          n_threads, n, differing(sum, expected));
    CHECK(n < 8 || differing(sum, other) > SIZE/4, "%d items: the order does not show", n);
    CHECK(!not_once(&w, n), "%d threads, %d items: some left out or done twice, or parts not 0", n_threads, n);
    CHECK(n == 0 || r[n - 1].item == n - 1, "%d threads, %d items: wrong records", n_threads, n);
  }
  par_free(p);
}

// Other sizes on one par, larger and smaller than before.
static void test_sizes(void) {
  struct par *p = par_new(2);
  static const size_t some[] = { 5, SIZE, 1, 0, 20 };
  real expected[SIZE];
  sum_ref(expected, 0, 4, 11);
  for (size_t k = 0; k < sizeof some/sizeof *some; k++) {
    struct work w = work_of(p);
    real sum[SIZE];
    w.size = some[k];
    CHECK(par_sum(p, 11, 0, fill_and_add, &w, NULL, sum, some[k]) == 0, "%s", err_message());
    CHECK(!memcmp(sum, expected, some[k]*sizeof *sum) && !not_once(&w, 11), "%zu elements", some[k]);
  }
  par_free(p);
}

// Parts in existence: of one thread those on the way to the root, one a level; of more, some for each worker.
static void test_memory(int n_threads) {
  struct par *p = par_new(n_threads);
  struct work w = work_of(p);
  real sum[SIZE];
  int n_parts = 0;
  CHECK(par_sum(p, 256, 0, fill_and_add, &w, NULL, sum, SIZE) == 0, "%s", err_message());
  for (int k = 0; k < 256; k++) {
    int before = 0;
    for (int i = 0; i < k; i++) before += w.part[i] == w.part[k];
    n_parts += before == 0;
  }
  const int most = n_threads == 1 ? 9 : n_threads + (n_threads + 1)*8;
  CHECK(n_parts <= most, "%d threads: %d parts for 256 items, expected at most %d", n_threads, n_parts, most);
  par_free(p);
}

// ---- errors

// One of two items that fail: if one is to be the first, both begin before it fails, and the other fails after it.
static int fall(struct work *w, int which) {
  const int other = 1 - which;
  atomic_store(&w->begun[which], 1);
  while (w->first == which && !atomic_load(&w->begun[other])) sched_yield();
  while (w->first == other && !atomic_load(&w->failed[other])) sched_yield();
  const int rc = err_set(which ? ERR_IO : ERR_FORMAT, "item %d: 50%% done", w->fails[which]);
  atomic_store(&w->failed[which], 1);
  return rc;
}

static int stumble(void *context, int item, int worker, void *record) {
  struct work *w = context;
  fill(context, item, worker, record);
  for (int which = 0; which < 2; which++)
    if (item == w->fails[which]) return fall(w, which);
  return 0;
}

static int stumble_and_add(void *context, int item, int worker, void *record, real *part) {
  const int rc = stumble(context, item, worker, record);
  for (size_t j = 0; j < SIZE; j++) part[j] = element(item, j);
  return rc;
}

static void check_error(const struct work *w, int rc, const char *what) {
  char expected[64];
  long missing = 0;
  snprintf(expected, sizeof expected, "item %d: 50%% done", w->fails[0]);
  for (int k = 0; k < w->fails[0]; k++) missing += atomic_load(&w->taken[k]) != 1;
  CHECK(rc == ERR_FORMAT, "%s, %d threads: error %d", what, w->n_workers, rc);
  CHECK(!strcmp(err_message(), expected), "%s, %d threads: '%s'", what, w->n_workers, err_message());
  CHECK(!missing, "%s, %d threads: %ld items before that are left out", what, w->n_workers, missing);
}

static struct work failing(const struct par *p, const int fails[2], int round) {
  struct work w = work_of(p);
  memcpy(w.fails, fails, sizeof w.fails);
  w.first = w.n_workers > 1 && w.fails[1] >= 0 ? round % 3 - 1 : -1;
  return w;
}

static void test_errors(int n_threads) {
  struct par *p = par_new(n_threads);
  static const int fails[][2] = { { 0, 1 }, { 11, 37 }, { 98, 99 }, { 11, -1 } };
  real sum[SIZE], expected[SIZE];
  sum_ref(expected, 0, 7, 100);
  for (int round = 0; round < 40; round++) {
    struct work w = failing(p, fails[round % 4], round), v = w, after = work_of(p);
    err_set(ERR_BUSY, "an older error");
    check_error(&w, par_map(p, 100, 0, stumble, &w, NULL), "map");
    check_error(&v, par_sum(p, 100, 0, stumble_and_add, &v, NULL, sum, SIZE), "sum");
    CHECK(par_sum(p, 100, 0, fill_and_add, &after, NULL, sum, SIZE) == 0, "after an error: %s", err_message());
    CHECK(!differing(sum, expected), "after an error: %d elements differ", differing(sum, expected));
  }
  par_free(p);
}

int main(void) {
  static const int threads[] = { 1, 2, 3, MAX_WORKERS };
  alarm(1200);  // against hanging
  for (int k = 0; k < 4; k++) {
    test_map(threads[k]);
    test_local(threads[k]);
    test_sum(threads[k]);
    test_memory(threads[k]);
    test_errors(threads[k]);
  }
  test_sizes();
  par_free(NULL);
  return test_summary();
}
