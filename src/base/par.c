#include "base/par.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clocale.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/note.h"
#include "base/par_ranks.h"

// ---- threads that divide numbered items

struct worker {
  struct par *par;
  int number;
  pthread_t thread;
};

// A sum over items [first, first + 2^level), or a spare one.
struct part {
  struct part *next;  // of the spare ones
  int level;
  real *v;  // (capacity)
};

struct par {
  int n_threads;
  struct worker *workers;  // [1, n_threads) are threads; 0 is the caller
  pthread_mutex_t lock;
  pthread_cond_t start, done;
  unsigned long round;  // counts par_local calls; guarded by lock
  int running;          // threads not yet finished with this round; guarded by lock
  int stop;             // guarded by lock
  int n_items;
  void (*fn)(void *, int, int);
  void *context;
  atomic_int next;  // first item nobody took
  // of par_map and par_sum
  pthread_mutex_t call_lock;  // guards the list `spare`, the pointers in `waiting`, and the error of a call
  struct part *spare;
  size_t capacity;        // elements of every part
  struct part **waiting;  // (n_waiting) by first item: parts whose sibling is not complete yet; NULL between calls
  int n_waiting;
  int *first;  // (ranks + 1) items of a call that each rank computes
};

static void work(struct par *p, int number) {
  for (int item; (item = atomic_fetch_add(&p->next, 1)) < p->n_items;) p->fn(p->context, item, number);
}

static void *thread_main(void *argument) {
  struct worker *w = argument;
  struct par *p = w->par;
  clocale_enter();  // a new thread begins with the locale of the process
  for (unsigned long seen = 0;;) {
    pthread_mutex_lock(&p->lock);
    while (p->round == seen && !p->stop) pthread_cond_wait(&p->start, &p->lock);
    const int stop = p->stop;
    seen = p->round;
    pthread_mutex_unlock(&p->lock);
    if (stop) return NULL;
    work(p, w->number);
    pthread_mutex_lock(&p->lock);
    if (--p->running == 0) pthread_cond_signal(&p->done);
    pthread_mutex_unlock(&p->lock);
  }
}

struct par *par_new(int n_threads) {
  assert(n_threads >= 1);
  struct par *p = err_calloc(1, sizeof *p);
  p->n_threads = n_threads;
  p->workers = err_calloc((unsigned long)n_threads, sizeof *p->workers);
  p->first = err_calloc((unsigned long)par_ranks_count() + 1, sizeof *p->first);
  pthread_mutex_init(&p->lock, NULL);
  pthread_mutex_init(&p->call_lock, NULL);
  pthread_cond_init(&p->start, NULL);
  pthread_cond_init(&p->done, NULL);
  sigset_t all, old;  // signals are for the main thread
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  for (int k = 1; k < n_threads; k++) {
    p->workers[k] = (struct worker){ .par = p, .number = k };
    if (pthread_create(&p->workers[k].thread, NULL, thread_main, &p->workers[k])) {
      note("cannot start thread %d of %d: continuing with fewer", k + 1, n_threads);
      p->n_threads = k;
      break;
    }
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return p;
}

static void free_spare(struct par *p) {
  for (struct part *next; p->spare; p->spare = next) {
    next = p->spare->next;
    free(p->spare->v);
    free(p->spare);
  }
}

void par_free(struct par *p) {
  if (!p) return;
  pthread_mutex_lock(&p->lock);
  p->stop = 1;
  pthread_cond_broadcast(&p->start);
  pthread_mutex_unlock(&p->lock);
  for (int k = 1; k < p->n_threads; k++) pthread_join(p->workers[k].thread, NULL);
  pthread_cond_destroy(&p->start);
  pthread_cond_destroy(&p->done);
  pthread_mutex_destroy(&p->lock);
  pthread_mutex_destroy(&p->call_lock);
  free_spare(p);
  free(p->waiting);
  free(p->first);
  free(p->workers);
  free(p);
}

int par_threads(const struct par *p) { return p->n_threads; }

int par_cores(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

void par_local(struct par *p, int n_items, void (*fn)(void *context, int item, int worker), void *context) {
  pthread_mutex_lock(&p->lock);
  p->n_items = n_items;
  p->fn = fn;
  p->context = context;
  atomic_store(&p->next, 0);
  p->running = p->n_threads - 1;
  p->round++;
  pthread_cond_broadcast(&p->start);
  pthread_mutex_unlock(&p->lock);
  work(p, 0);
  pthread_mutex_lock(&p->lock);
  while (p->running > 0) pthread_cond_wait(&p->done, &p->lock);
  pthread_mutex_unlock(&p->lock);
}

// One call of par_map or par_sum.
struct call {
  struct par *p;
  int n, first;  // items; that of this rank which comes first
  size_t record_bytes, size;
  int (*map)(void *context, int item, int worker, void *record);  // one of these
  int (*add)(void *context, int item, int worker, void *record, real *part);
  void *context, *records;
  real *sum;
  atomic_int failed;  // lowest item that failed; n: none
  int code;           // its error, and the message of its thread
  char message[1024];
};

// ---- errors

static void *record_of(const struct call *c, int item) {
  return c->records ? (char *)c->records + (size_t)item * c->record_bytes : NULL;
}

// An item above one that failed cannot be the lowest that fails; those below it must run.
static bool is_left_out(struct call *c, int item) { return item > atomic_load(&c->failed); }

static void fail(struct call *c, int item, int code) {
  pthread_mutex_lock(&c->p->call_lock);
  if (item < atomic_load(&c->failed)) {
    atomic_store(&c->failed, item);
    c->code = code;
    snprintf(c->message, sizeof c->message, "%s", err_message());
  }
  pthread_mutex_unlock(&c->p->call_lock);
}

// The items of this rank; then the outcome of all.
static int run(struct call *c, void (*item)(void *context, int item, int worker)) {
  int *const first = c->p->first, rank = par_ranks_number();
  par_ranks_divide(first, c->n);
  c->first = first[rank];
  atomic_init(&c->failed, c->n);
  const double begin_s = clock_s(), processor_s = clock_processor_s();
  par_local(c->p, first[rank + 1] - c->first, item, c);
  par_ranks_add_call(first[rank + 1] - c->first, clock_s() - begin_s, clock_processor_s() - processor_s,
                     c->size * sizeof(real), (size_t)c->n * c->record_bytes);
  const int failed = atomic_load(&c->failed);
  TRY(par_ranks_agree(failed < c->n ? err_set((enum err)c->code, "%s", c->message) : 0, failed));
  if (par_ranks_count() > 1 && c->records) par_ranks_gather_records(c->records, c->record_bytes, first);
  return 0;
}

// ---- records

static void map_item(void *context, int k, int worker) {
  struct call *c = context;
  const int item = c->first + k;
  if (is_left_out(c, item)) return;
  const int rc = c->map(c->context, item, worker, record_of(c, item));
  if (rc < 0) fail(c, item, rc);
}

int par_map(struct par *p, int n, size_t record_bytes, int (*fn)(void *context, int item, int worker, void *record),
            void *context, void *records) {
  struct call c = { .p = p, .n = n, .record_bytes = record_bytes, .map = fn, .context = context, .records = records };
  return run(&c, map_item);
}

// ---- sums

static struct part *take(struct par *p, size_t size) {
  pthread_mutex_lock(&p->call_lock);
  struct part *part = p->spare;
  if (part) p->spare = part->next;
  pthread_mutex_unlock(&p->call_lock);
  if (!part) {
    part = err_calloc(1, sizeof *part);
    part->v = err_aligned(p->capacity, sizeof(real));
  }
  memset(part->v, 0, size * sizeof(real));
  return part;
}

static void put_back(struct par *p, struct part *part) {
  pthread_mutex_lock(&p->call_lock);
  part->next = p->spare;
  p->spare = part;
  pthread_mutex_unlock(&p->call_lock);
}

// The sibling of a part, if it waits; else the part waits for it, and NULL.
static struct part *meet(struct par *p, struct part *part, int first, int sibling, int level) {
  pthread_mutex_lock(&p->call_lock);
  struct part *other = p->waiting[sibling];
  if (other && other->level == level) {
    p->waiting[sibling] = NULL;
  } else {
    part->level = level;
    p->waiting[first] = part;
    other = NULL;
  }
  pthread_mutex_unlock(&p->call_lock);
  return other;
}

static void add(real *restrict to, const real *restrict from, size_t size) {
  for (size_t i = 0; i < size; i++) to[i] += from[i];
}

// Up the tree from the part of one item, as far as both halves are complete; at the root it is the sum.
static void climb(struct call *c, struct part *part, int item) {
  for (int level = 0, first = item; 1L << level < c->n; level++) {
    const int sibling = first ^ 1 << level;
    if (sibling >= c->n) continue;  // left out
    struct part *other = meet(c->p, part, first, sibling, level);
    if (!other) return;
    add(part->v, other->v, c->size);  // either way round gives the same bits
    put_back(c->p, other);
    if (sibling < first) first = sibling;
  }
  memcpy(c->sum, part->v, c->size * sizeof(real));
  put_back(c->p, part);
}

static void sum_item(void *context, int k, int worker) {
  struct call *c = context;
  const int item = c->first + k;
  if (is_left_out(c, item)) return;
  struct part *part = take(c->p, c->size);
  const int rc = c->add(c->context, item, worker, record_of(c, item), part->v);
  if (rc < 0) {
    put_back(c->p, part);
    fail(c, item, rc);
  } else {
    climb(c, part, item);
  }
}

static int rank_of(const struct par *p, int item) {
  int r = 0;
  while (item >= p->first[r + 1]) r++;
  return r;
}

// Add the sum that begins with item `second` to that which begins with `first`, at the rank of `first`.
static void bring(struct call *c, int first, int second) {
  struct par *p = c->p;
  const int me = par_ranks_number(), to = rank_of(p, first), from = rank_of(p, second);
  if (me == to && me != from) {
    p->waiting[second] = take(p, c->size);
    par_ranks_receive(p->waiting[second]->v, c->size, from);
  }
  if (me == from && me != to) par_ranks_send(p->waiting[second]->v, c->size, to);
  if (me == to) add(p->waiting[first]->v, p->waiting[second]->v, c->size);
  if (me != to && me != from) return;
  put_back(p, p->waiting[second]);
  p->waiting[second] = NULL;
}

// The upper part of the tree, whose sums are over items of several ranks. All ranks go through it in the same order.
static void join(struct call *c, int first, int level) {
  const long end = first + (1L << level), last = end < c->n ? end - 1 : c->n - 1;
  if (rank_of(c->p, first) == rank_of(c->p, (int)last)) return;  // complete
  const int second = first + (1 << (level - 1));
  join(c, first, level - 1);
  if (second >= c->n) return;
  join(c, second, level - 1);
  bring(c, first, second);
}

// What every rank has summed, to the sum of all.
static void sum_ranks(struct call *c) {
  struct par *p = c->p;
  int level = 0;
  while (1L << level < c->n) level++;
  join(c, 0, level);
  if (par_ranks_first() && p->waiting[0]) {
    memcpy(c->sum, p->waiting[0]->v, c->size * sizeof(real));
    put_back(p, p->waiting[0]);
    p->waiting[0] = NULL;
  }
  par_ranks_spread(c->sum, c->size);
}

// Room for the parts of n items.
static void prepare(struct par *p, int n, size_t size) {
  if (size > p->capacity) {
    free_spare(p);
    p->capacity = size;
  }
  if (n > p->n_waiting) {
    free(p->waiting);
    p->waiting = err_calloc((unsigned long)n, sizeof *p->waiting);
    p->n_waiting = n;
  }
}

int par_sum(struct par *p, int n, size_t record_bytes,
            int (*fn)(void *context, int item, int worker, void *record, real *part), void *context, void *records,
            real *sum, size_t size) {
  struct call c = { .p = p,
                    .n = n,
                    .record_bytes = record_bytes,
                    .size = size,
                    .add = fn,
                    .context = context,
                    .records = records,
                    .sum = sum };
  prepare(p, n, size);
  if (n == 0) memset(sum, 0, size * sizeof(real));
  const int rc = run(&c, sum_item);
  if (rc == 0 && n > 0 && par_ranks_count() > 1) sum_ranks(&c);
  for (int k = 0; rc < 0 && k < n; k++) {
    if (p->waiting[k]) put_back(p, p->waiting[k]);
    p->waiting[k] = NULL;
  }
  return rc;
}
