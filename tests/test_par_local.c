// Work is divided: every item exactly once, any number of threads, many rounds; and results that
// depend on the item alone are the same for any number of threads.
#include <pthread.h>
#include <stdatomic.h>

#include "base/note.h"
#include "base/par.h"
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

// A par of which only so many threads come.
static void test_few(int n_threads, int n_come) {
  static struct round r;
  long wrong = 0;
  struct par *p = par_new(n_threads);
  CHECK(par_threads(p) == n_come, "%d threads", par_threads(p));
  r.n_threads = n_come;
  par_local(p, MOST, take, &r);
  for (int i = 0; i < MOST; i++) wrong += r.plain[i] != i + 1;
  CHECK(wrong == 0 && !atomic_load(&r.outside), "%ld wrong", wrong);
  par_free(p);
}

static void test_once(int n_threads) {
  static struct round r;
  const int sizes[] = { 0, 1, 2, 3, 7, 64, 257, MOST };
  struct par *p = par_new(n_threads);
  CHECK(par_threads(p) == n_threads, "%d threads", par_threads(p));
  for (int round = 0; round < 200; round++) {
    const int n = sizes[round % 8];
    long total = 0, wrong = 0;
    memset(&r, 0, sizeof r);
    r.n_threads = n_threads;
    par_local(p, n, take, &r);
    for (int i = 0; i < MOST; i++) wrong += atomic_load(&r.taken[i]) != (i < n) || r.plain[i] != (i < n ? i + 1 : 0);
    for (int k = 0; k < 16; k++) total += r.of_worker[k];
    CHECK(!wrong && total == n && !atomic_load(&r.outside), "%d threads, %d items: %ld wrong, %ld taken", n_threads, n,
          wrong, total);
  }
  par_free(p);
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
    struct par *p = par_new(1 << k);
    par_local(p, MOST, compute, &s[k]);
    par_free(p);
    CHECK(!memcmp(&s[k], &s[0], sizeof s[0]), "%d threads give other results than one", 1 << k);
  }
}

static int n_notes;
static void count_note(const char *text) { n_notes += strstr(text, "cannot start thread 2 of 4") != NULL; }

// A system that gives no more threads (here: none has a stack so large) gets the work done by those there are.
static void test_no_threads(void) {
  pthread_attr_t usual, huge;
  pthread_getattr_default_np(&usual);
  pthread_attr_init(&huge);
  pthread_attr_setstacksize(&huge, (size_t)1 << 61);
  CHECK(pthread_setattr_default_np(&huge) == 0, "stack size");
  note_to(count_note);
  test_few(4, 1);
  note_to(NULL);
  pthread_setattr_default_np(&usual);
  CHECK(n_notes == 1, "%d notes", n_notes);
}

int main(void) {
  for (int n = 1; n <= 8; n++) test_once(n);
  test_independent();
  for (int k = 0; k < 100; k++) par_free(par_new(4));  // started and stopped without work
  par_free(NULL);
  CHECK(par_cores() >= 1, "%d cores", par_cores());
  test_no_threads();
  return test_summary();
}
