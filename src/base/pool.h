// pool.h - a fixed set of worker threads that share out numbered items of work.
// Which worker takes an item is left to chance; what an item computes must depend on its number
// alone. Then results do not depend on the number of threads.
#ifndef BASE_POOL_H
#define BASE_POOL_H

struct pool;

// n_threads workers, the caller of pool_run being one of them; fewer, with a note, where the system gives no more.
struct pool *pool_new(int n_threads);
void pool_free(struct pool *p);
int pool_threads(const struct pool *p);

// Call fn(context, item, worker) once for every item in [0, n_items); worker in [0, n_threads) names
// the scratch memory to use. Returns when all are done.
void pool_run(struct pool *p, int n_items, void (*fn)(void *context, int item, int worker), void *context);

// Threads this machine can run at once (affinity respected).
int pool_cores(void);

#endif
