// par.h - numbered items of work divided among workers, and sums over items that do not depend on who computed them.
// Which worker takes an item is left to chance; what an item computes must depend on its number alone. Then records,
// sums and errors are the same, to the bit, for any number of workers.
//
// par_sum adds along one binary tree over the item numbers: the sum over [a, a + 2^k), a being a multiple of 2^k, is
// that over its first half plus that over its second; items from n on are left out. A worker that has finished an item
// adds up what is complete and leaves the rest to others, so that at most about (workers + 1) log2(n) parts exist at a
// time, not n.
//
// The workers are the threads of this process and of the other ranks, if there are any (base/par_ranks.h): a rank
// computes a range of items, the same range of the same n in every call, so that what an item leaves in the memory of
// its rank is there for the next call. A record is plain bytes without pointers, and all that others need of an item is
// in its record or in the sum. All ranks make the same calls of par_map and par_sum in the same order; each gets all
// records and the sum.
#ifndef BASE_PAR_H
#define BASE_PAR_H

#include <stddef.h>

#include "base/real.h"

struct par;

// n_threads workers of this rank, the caller being one of them; fewer, with a note, where the system gives no more. A
// par is used by one thread, never from inside its own items.
struct par *par_new(int n_threads);
void par_free(struct par *p);
int par_threads(const struct par *p);
int par_cores(void);  // threads that this machine runs at once (affinity respected)

// Call fn(context, item, worker, record) once for every item in [0, n), to fill record number `item` of `records`, of
// record_bytes each (0 and NULL: none). worker in [0, par_threads) names the scratch memory to use. fn returns 0 or a
// negative enum err. par_map returns 0, or the error of the lowest item that fails, with its message; the records are
// then incomplete, as items above one that failed may be left out.
int par_map(struct par *p, int n, size_t record_bytes, int (*fn)(void *context, int item, int worker, void *record),
            void *context, void *records);

// The same for items that also write into part (size), all 0 before: sum (size) = the sum of the parts along the tree,
// 0 for n = 0. After an error the sum is undefined. Parts are kept for the next call; one is allocated only when more
// are in use at a time than ever before.
int par_sum(struct par *p, int n, size_t record_bytes,
            int (*fn)(void *context, int item, int worker, void *record, real *part), void *context, void *records,
            real *sum, size_t size);

// Call fn once for every item in [0, n) on the workers of this process, for loops over memory that it alone holds.
void par_local(struct par *p, int n, void (*fn)(void *context, int item, int worker), void *context);

#endif
