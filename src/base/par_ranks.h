// par_ranks.h - the processes (ranks) of one command started by mpirun or srun. All ranks run the same program on the
// same settings and data; par_map and par_sum (base/par.h) divide their items among them, everything else is computed
// by each. Rank 0 alone prints and writes files. A process that is not one of several is rank 0 of 1, and below nothing
// is sent.
//
// The ranks meet in the functions marked "all ranks", which every rank calls in the same order, on its main thread.
// There a failure or a signal of one rank becomes that of all. A rank that has failed on its own goes on to
// par_ranks_close, where it meets the others wherever they are; if they do not come within some seconds, it prints its
// message and ends all.
#ifndef BASE_PAR_RANKS_H
#define BASE_PAR_RANKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/real.h"

// For a program, before anything else. divides: its command can be run by several ranks. ERR_SETTING where several
// processes have been started that cannot be ranks of it; only one of them is then par_ranks_first.
int par_ranks_open(bool divides);
// In its place, for a process that only prints a text: does it? The first of those that were started together does.
bool par_ranks_prints(void);
// All ranks, at the end: rc, or the error of another rank; afterwards this process is alone.
int par_ranks_close(int rc);

int par_ranks_count(void);
int par_ranks_number(void);
bool par_ranks_first(void);  // the one that prints and writes

// All ranks: 0, or the failure of one, with its message: that with the lowest item; or, as an item of -1 means that
// others may have succeeded at the same, that of a rank, which the message names.
int par_ranks_agree(int code, int item);
// All ranks: has a signal asked any of them to stop?
int par_ranks_stop(bool *stop);
// All ranks: ERR_SETTING unless these lines are those of rank 0; the message has the first that differs.
int par_ranks_same(const char *lines);
// All ranks: data becomes that of rank 0.
int par_ranks_share(void *data, size_t bytes);
// All ranks: all (count, bytes) = the blocks of all ranks; each has filled its own.
int par_ranks_gather(void *all, size_t bytes);
// All ranks: v (n) becomes the sum over ranks. For whole numbers, whose order of summation cannot be seen.
int par_ranks_add(double *v, size_t n);

// From par_ranks_part to par_ranks_rejoin every rank works for itself, on something of its own: it is rank 0 of 1 for
// all functions here, so that it writes files. par_ranks_rejoin is for all ranks: rc, or the error of another one.
// Where a rank comes with an error, or is stopped by a signal, par_ranks_stop says so to the others, which they ask at
// every safe place.
void par_ranks_part(void);
int par_ranks_rejoin(int rc);

// Items first[r] to first[r + 1] - 1 of n are those of rank r, first (count + 1). No rank has more than n/count,
// rounded up; within that limit they end where large subtrees of the sum do.
void par_ranks_divide(int *first, int n);

// For base/par.c, after par_ranks_agree.
void par_ranks_gather_records(void *records, size_t record_bytes, const int *first);
void par_ranks_send(const real *v, size_t n, int to);
void par_ranks_receive(real *v, size_t n, int from);
void par_ranks_spread(real *v, size_t n);  // from rank 0

// Of this rank, since the last reset.
struct par_ranks_times {
  double waiting_s;  // for ranks that were not yet there
  double sending_s;  // and receiving
  double sent_B;     // bytes sent or received
  long meetings;
  // of par_map and par_sum: calls, items of this rank, their time on the clock and of processors; bytes of the sums and
  // of the records of all items
  long calls, items;
  double items_s, items_processor_s, sum_B, records_B;
};
struct par_ranks_times par_ranks_times(void);
void par_ranks_reset_times(void);
void par_ranks_add_call(int items, double seconds, double processor_s, size_t sum_bytes, size_t records_bytes);

#endif
