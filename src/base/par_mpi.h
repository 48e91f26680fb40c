// par_mpi.h - the one file that calls MPI, for base/par_ranks.h alone. Without MPI at configure time no process is part
// of a group, and the functions that would communicate are never called.
#ifndef BASE_PAR_MPI_H
#define BASE_PAR_MPI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/real.h"

bool par_mpi_built(void);

// All processes of the group, called by each: its number, and how many there are.
void par_mpi_open(int *number, int *count);
void par_mpi_close(void);
void par_mpi_abort(int status);  // end all processes

// all (count, bytes): every rank fills its own block and receives the others'. False if they have not come within
// patience_s; infinity: wait.
bool par_mpi_gather(void *all, size_t bytes, double patience_s);
// records (first[count], record_bytes): rank r has filled those from first[r] on, before first[r + 1].
void par_mpi_gather_records(void *records, size_t record_bytes, const int *first, int count);
void par_mpi_broadcast(void *data, size_t bytes, int from);
void par_mpi_send(const real *v, size_t n, int to);
void par_mpi_receive(real *v, size_t n, int from);
// Words that others hear while they do something else: say it to all others, at most once until par_mpi_said; the rank
// that has said something, with its word, or -1; wait for that of a rank. par_mpi_said: all others have heard.
void par_mpi_say(int word);
int par_mpi_hear(int *word);
void par_mpi_await(int from);
void par_mpi_said(void);

#endif
