#include "base/par.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/pool.h"

// A sum over items [first, first + 2^level), or a spare one.
struct part {
  struct part *next;  // of the spare ones
  int level;
  real *v;            // (capacity)
};

struct par {
  struct pool *pool;
  pthread_mutex_t lock;   // guards the list `spare`, the pointers in `waiting`, and the error of a call
  struct part *spare;
  size_t capacity;        // elements of every part
  struct part **waiting;  // (n_waiting) by first item: parts whose sibling is not complete yet; NULL between calls
  int n_waiting;
};

// One call of par_map or par_sum.
struct call {
  struct par *p;
  int n;
  size_t record_bytes, size;
  int (*map)(void *context, int item, int worker, void *record);  // one of these
  int (*add)(void *context, int item, int worker, void *record, real *part);
  void *context, *records;
  real *sum;
  atomic_int failed;  // lowest item that failed; n: none
  int code;           // its error, and the message of its thread
  char message[1024];
};

struct par *par_new(int n_threads) {
  struct par *p = err_calloc(1, sizeof *p);
  p->pool = pool_new(n_threads);
  pthread_mutex_init(&p->lock, NULL);
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
  free_spare(p);
  free(p->waiting);
  pthread_mutex_destroy(&p->lock);
  pool_free(p->pool);
  free(p);
}

int par_cores(void) { return pool_cores(); }

int par_threads(const struct par *p) { return pool_threads(p->pool); }

void par_local(struct par *p, int n, void (*fn)(void *context, int item, int worker), void *context) {
  pool_run(p->pool, n, fn, context);
}

// ---- errors

static void *record_of(const struct call *c, int item) {
  return c->records ? (char *)c->records + (size_t)item*c->record_bytes : NULL;
}

// An item above one that failed cannot be the lowest that fails; those below it must run.
static bool is_left_out(struct call *c, int item) { return item > atomic_load(&c->failed); }

static void fail(struct call *c, int item, int code) {
  pthread_mutex_lock(&c->p->lock);
  if (item < atomic_load(&c->failed)) {
    atomic_store(&c->failed, item);
    c->code = code;
    snprintf(c->message, sizeof c->message, "%s", err_message());
  }
  pthread_mutex_unlock(&c->p->lock);
}

static int run(struct call *c, void (*item)(void *context, int item, int worker)) {
  atomic_init(&c->failed, c->n);
  pool_run(c->p->pool, c->n, item, c);
  return atomic_load(&c->failed) < c->n ? err_set((enum err)c->code, "%s", c->message) : 0;
}

// ---- records

static void map_item(void *context, int item, int worker) {
  struct call *c = context;
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
  pthread_mutex_lock(&p->lock);
  struct part *part = p->spare;
  if (part) p->spare = part->next;
  pthread_mutex_unlock(&p->lock);
  if (!part) {
    part = err_calloc(1, sizeof *part);
    part->v = err_aligned(p->capacity, sizeof(real));
  }
  memset(part->v, 0, size*sizeof(real));
  return part;
}

static void put_back(struct par *p, struct part *part) {
  pthread_mutex_lock(&p->lock);
  part->next = p->spare;
  p->spare = part;
  pthread_mutex_unlock(&p->lock);
}

// The sibling of a part, if it waits; else the part waits for it, and NULL.
static struct part *meet(struct par *p, struct part *part, int first, int sibling, int level) {
  pthread_mutex_lock(&p->lock);
  struct part *other = p->waiting[sibling];
  if (other && other->level == level) {
    p->waiting[sibling] = NULL;
  } else {
    part->level = level;
    p->waiting[first] = part;
    other = NULL;
  }
  pthread_mutex_unlock(&p->lock);
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
  memcpy(c->sum, part->v, c->size*sizeof(real));
  put_back(c->p, part);
}

static void sum_item(void *context, int item, int worker) {
  struct call *c = context;
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
  struct call c = { .p = p, .n = n, .record_bytes = record_bytes, .size = size, .add = fn, .context = context,
                    .records = records, .sum = sum };
  prepare(p, n, size);
  if (n == 0) memset(sum, 0, size*sizeof(real));
  const int rc = run(&c, sum_item);
  for (int k = 0; rc < 0 && k < n; k++) {
    if (p->waiting[k]) put_back(p, p->waiting[k]);
    p->waiting[k] = NULL;
  }
  return rc;
}
