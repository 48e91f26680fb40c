#include "base/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clocale.h"
#include "base/err.h"
#include "base/note.h"

struct worker {
  struct pool *pool;
  int number;
  pthread_t thread;
};

struct pool {
  int n_threads;
  struct worker *workers;  // [1, n_threads) are threads; 0 is the caller
  pthread_mutex_t lock;
  pthread_cond_t start, done;
  unsigned long round;     // counts pool_run calls; guarded by lock
  int running;             // threads not yet finished with this round; guarded by lock
  int stop;                // guarded by lock
  int n_items;
  void (*fn)(void *, int, int);
  void *context;
  atomic_int next;         // first item nobody took
};

static void work(struct pool *p, int number) {
  for (int item; (item = atomic_fetch_add(&p->next, 1)) < p->n_items;) p->fn(p->context, item, number);
}

static void *thread_main(void *argument) {
  struct worker *w = argument;
  struct pool *p = w->pool;
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

struct pool *pool_new(int n_threads) {
  assert(n_threads >= 1);
  struct pool *p = err_calloc(1, sizeof *p);
  p->n_threads = n_threads;
  p->workers = err_calloc((unsigned long)n_threads, sizeof *p->workers);
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->start, NULL);
  pthread_cond_init(&p->done, NULL);
  sigset_t all, old;  // signals are for the main thread
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  for (int k = 1; k < n_threads; k++) {
    p->workers[k] = (struct worker){ .pool = p, .number = k };
    if (pthread_create(&p->workers[k].thread, NULL, thread_main, &p->workers[k])) {
      note("cannot start thread %d of %d: fewer have to do", k + 1, n_threads);
      p->n_threads = k;
      break;
    }
  }
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  return p;
}

void pool_free(struct pool *p) {
  if (!p) return;
  pthread_mutex_lock(&p->lock);
  p->stop = 1;
  pthread_cond_broadcast(&p->start);
  pthread_mutex_unlock(&p->lock);
  for (int k = 1; k < p->n_threads; k++) pthread_join(p->workers[k].thread, NULL);
  pthread_cond_destroy(&p->start);
  pthread_cond_destroy(&p->done);
  pthread_mutex_destroy(&p->lock);
  free(p->workers);
  free(p);
}

int pool_threads(const struct pool *p) { return p->n_threads; }

void pool_run(struct pool *p, int n_items, void (*fn)(void *context, int item, int worker), void *context) {
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

int pool_cores(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}
