#include "base/par_mpi.h"

#include <assert.h>

#if METAXBAR_MPI

#include <mpi.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"

enum { PIECE = 1 << 30, TAG = 1, TAG_WORD = 2 };  // bytes of one message: MPI counts in int

bool par_mpi_built(void) { return true; }

void par_mpi_open(int *number, int *count) {
  int provided;
  MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);  // an error of MPI ends all, with its own message
  MPI_Comm_rank(MPI_COMM_WORLD, number);
  MPI_Comm_size(MPI_COMM_WORLD, count);
}

void par_mpi_close(void) { MPI_Finalize(); }

void par_mpi_abort(int status) {
  MPI_Abort(MPI_COMM_WORLD, status);
  _Exit(status);
}

bool par_mpi_gather(void *all, size_t bytes, double patience_s) {
  const struct timespec pause = { .tv_nsec = 5000000 };
  const double begin_s = clock_s();
  MPI_Request request;
  int done = 0;
  MPI_Iallgather(MPI_IN_PLACE, 0, MPI_BYTE, all, (int)bytes, MPI_BYTE, MPI_COMM_WORLD, &request);
  if (!(patience_s < 1e9)) return MPI_Wait(&request, MPI_STATUS_IGNORE) == MPI_SUCCESS;
  for (MPI_Test(&request, &done, MPI_STATUS_IGNORE); !done && clock_s() - begin_s < patience_s;
       MPI_Test(&request, &done, MPI_STATUS_IGNORE))
    nanosleep(&pause, NULL);
  return done;
}

void par_mpi_gather_records(void *records, size_t record_bytes, const int *first, int count) {
  int *length = err_calloc((unsigned long)count, sizeof *length);
  MPI_Datatype record;
  for (int r = 0; r < count; r++) length[r] = first[r + 1] - first[r];
  MPI_Type_contiguous((int)record_bytes, MPI_BYTE, &record);
  MPI_Type_commit(&record);
  MPI_Allgatherv(MPI_IN_PLACE, 0, record, records, length, first, record, MPI_COMM_WORLD);
  MPI_Type_free(&record);
  free(length);
}

static int piece(size_t left) { return left < PIECE ? (int)left : PIECE; }

void par_mpi_broadcast(void *data, size_t bytes, int from) {
  for (size_t done = 0; done < bytes; done += PIECE)
    MPI_Bcast((char *)data + done, piece(bytes - done), MPI_BYTE, from, MPI_COMM_WORLD);
}

void par_mpi_send(const real *v, size_t n, int to) {
  const size_t bytes = n * sizeof *v;
  for (size_t done = 0; done < bytes; done += PIECE)
    MPI_Send((const char *)v + done, piece(bytes - done), MPI_BYTE, to, TAG, MPI_COMM_WORLD);
}

void par_mpi_receive(real *v, size_t n, int from) {
  const size_t bytes = n * sizeof *v;
  for (size_t done = 0; done < bytes; done += PIECE)
    MPI_Recv((char *)v + done, piece(bytes - done), MPI_BYTE, from, TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

static struct {
  int word, n;
  MPI_Request *to;  // (n) messages under way
} saying;

void par_mpi_say(int word) {
  int number;
  MPI_Comm_rank(MPI_COMM_WORLD, &number);
  MPI_Comm_size(MPI_COMM_WORLD, &saying.n);
  saying.word = word;
  saying.to = err_calloc((unsigned long)saying.n, sizeof *saying.to);
  for (int r = 0; r < saying.n; r++) {
    saying.to[r] = MPI_REQUEST_NULL;
    if (r != number) MPI_Isend(&saying.word, 1, MPI_INT, r, TAG_WORD, MPI_COMM_WORLD, &saying.to[r]);
  }
}

int par_mpi_hear(int *word) {
  MPI_Status status;
  int there = 0;
  MPI_Iprobe(MPI_ANY_SOURCE, TAG_WORD, MPI_COMM_WORLD, &there, &status);
  if (!there) return -1;
  MPI_Recv(word, 1, MPI_INT, status.MPI_SOURCE, TAG_WORD, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  return status.MPI_SOURCE;
}

void par_mpi_await(int from) {
  int word;
  MPI_Recv(&word, 1, MPI_INT, from, TAG_WORD, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

void par_mpi_said(void) {
  MPI_Waitall(saying.n, saying.to, MPI_STATUSES_IGNORE);
  free(saying.to);
  saying.n = 0;
  saying.to = NULL;
}

#else

bool par_mpi_built(void) { return false; }
void par_mpi_open(int *number, int *count) { (void)number, (void)count, assert(0); }
void par_mpi_close(void) { assert(0); }
void par_mpi_abort(int status) { (void)status, assert(0); }
bool par_mpi_gather(void *all, size_t bytes, double patience_s) {
  (void)all, (void)bytes, (void)patience_s, assert(0);
  return false;
}
void par_mpi_gather_records(void *records, size_t record_bytes, const int *first, int count) {
  (void)records, (void)record_bytes, (void)first, (void)count, assert(0);
}
void par_mpi_broadcast(void *data, size_t bytes, int from) { (void)data, (void)bytes, (void)from, assert(0); }
void par_mpi_send(const real *v, size_t n, int to) { (void)v, (void)n, (void)to, assert(0); }
void par_mpi_receive(real *v, size_t n, int from) { (void)v, (void)n, (void)from, assert(0); }
void par_mpi_say(int word) { (void)word, assert(0); }
int par_mpi_hear(int *word) {
  (void)word, assert(0);
  return -1;
}
void par_mpi_await(int from) { (void)from, assert(0); }
void par_mpi_said(void) { assert(0); }

#endif
