#include "base/par_ranks.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/par_mpi.h"
#include "base/signals.h"

static const double patience_s = 5;  // of a rank that has failed, until it ends all
static const double years_s = 1e8;  // of one whose failure the others know: they come, and it need not keep a core busy

// What a rank says where ranks meet.
struct status {
  int code, item, signal;
  int closing;  // in par_ranks_close
  int said;     // in par_ranks_rejoin: that the others should stop
};

static int number, count = 1;
static struct status *all;  // (count)
static struct par_ranks_times times;

int par_ranks_count(void) { return count; }
int par_ranks_number(void) { return number; }
bool par_ranks_first(void) { return number == 0; }
struct par_ranks_times par_ranks_times(void) {
  return times;
}
void par_ranks_reset_times(void) { times = (struct par_ranks_times){ 0 }; }

void par_ranks_add_call(int items, double seconds, double processor_s, size_t sum_bytes, size_t records_bytes) {
  times.calls++;
  times.items += items;
  times.items_s += seconds;
  times.items_processor_s += processor_s;
  times.sum_B += (double)sum_bytes;
  times.records_B += (double)records_bytes;
}

static void add_exchange(double begin_s, size_t bytes) {
  times.sending_s += clock_s() - begin_s;
  times.sent_B += (double)bytes;
}

// ---- beginning

// The first of these variables that is set, as a number; `none` without.
static int from_environment(const char *const *names, int none) {
  for (; *names; names++)
    if (getenv(*names)) return atoi(getenv(*names));
  return none;
}

static const char *const sizes[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS", NULL };
static const char *const numbers[] = { "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID", NULL };

bool par_ranks_prints(void) { return from_environment(sizes, 1) <= 1 || from_environment(numbers, 0) == 0; }

int par_ranks_open(bool divides) {
  const int started = from_environment(sizes, 1);
  if (started <= 1) return 0;
  number = from_environment(numbers, 0);
  if (!divides)
    return err_set(ERR_SETTING,
                   "started %d times; only train, eval, sweep, chip tradeoff and bench ranks divide their work among "
                   "processes",
                   started);
  if (!par_mpi_built())
    return err_set(ERR_SETTING,
                   "started %d times, but this program was built without MPI; install it (libopenmpi-dev) and build "
                   "again, or start one process",
                   started);
  int found;
  par_mpi_open(&number, &found);
  if (found != started) {
    par_mpi_close();
    number = from_environment(numbers, 0);
    return err_set(ERR_SETTING,
                   "started %d times, but MPI has %d of them in one group; start it with the mpirun of the MPI that it "
                   "was built with, or with srun --mpi=pmix",
                   started, found);
  }
  count = found;
  all = err_calloc((unsigned long)count, sizeof *all);
  signals_patient();
  return 0;
}

// ---- meeting

// The others do not come: they compute something that they need not finish.
static void end_all(void) {
  fprintf(stderr, "metaxbar: rank %d: %s\n", number, err_message());
  fflush(stderr);
  par_mpi_abort(signals_caught() ? signals_status() : 1);
}

static void meet(struct status own, double wait_s) {
  const double begin_s = clock_s();
  all[number] = own;
  if (!par_mpi_gather(all, sizeof *all, wait_s)) end_all();
  for (int r = 0; r < count; r++)
    if (all[r].signal) signals_ask(all[r].signal);
  times.waiting_s += clock_s() - begin_s;
  times.meetings++;
}

static bool comes_before(const struct status *a, const struct status *b) { return a->item < b->item; }

// What the meeting has found: the failure that all return.
static int outcome(void) {
  char message[1024];
  int failed = -1, n_failed = 0, n_closing = 0, closing = 0;
  for (int r = count - 1; r >= 0; r--) {
    if (all[r].closing) n_closing++, closing = r;
    if (all[r].code == 0) continue;
    n_failed++;
    if (failed < 0 || !comes_before(&all[failed], &all[r])) failed = r;
  }
  if (n_failed == 0 && n_closing > 0 && n_closing < count)
    return err_set(ERR_IO, "rank %d has finished before the others", closing);
  if (n_failed == 0) return 0;
  snprintf(message, sizeof message, "%s", err_message());
  par_mpi_broadcast(message, sizeof message, failed);
  const enum err code = (enum err)all[failed].code;
  return all[failed].item < 0 && n_failed < count ? err_set(code, "rank %d: %s", failed, message)
                                                  : err_set(code, "%s", message);
}

int par_ranks_agree(int code, int item) {
  if (count == 1) return code;
  meet((struct status){ .code = code, .item = item, .signal = signals_caught() }, code < 0 ? patience_s : INFINITY);
  return outcome();
}

int par_ranks_close(int rc) {
  bool over = count == 1;
  while (!over) {
    meet((struct status){ .code = rc, .item = -1, .signal = signals_caught(), .closing = 1 },
         rc < 0 ? patience_s : INFINITY);
    rc = outcome();
    over = true;
    for (int r = 0; r < count; r++) over = over && all[r].closing;
  }
  if (count > 1) par_mpi_close();
  count = 1;
  free(all);
  all = NULL;
  return rc;
}

// ---- apart

// While the ranks work for themselves; count 0: they do not.
static struct {
  int count, number;
  bool stop;    // somebody has said so
  bool *heard;  // (count) of these
} parted;

void par_ranks_part(void) {
  if (count == 1) return;
  parted.count = count;
  parted.number = number;
  parted.stop = false;
  parted.heard = err_calloc((unsigned long)count, sizeof *parted.heard);
  count = 1;
  number = 0;
}

// A word is a signal, or 0 for a failure.
static void hear(void) {
  int signal, from;
  while ((from = par_mpi_hear(&signal)) >= 0) {
    parted.heard[from] = true;
    parted.stop = true;
    if (signal) signals_ask(signal);
  }
}

int par_ranks_rejoin(int rc) {
  if (!parted.count) return rc;
  const int signal = signals_caught();
  const bool say = !parted.stop && (rc < 0 || signal);
  count = parted.count;
  number = parted.number;
  if (say) par_mpi_say(signal);
  meet((struct status){ .code = rc, .item = -1, .signal = signal, .said = say }, years_s);
  for (int r = 0; r < count; r++)
    if (r != number && all[r].said && !parted.heard[r]) par_mpi_await(r);
  if (say) par_mpi_said();
  free(parted.heard);
  parted.count = 0;
  return outcome();
}

int par_ranks_stop(bool *stop) {
  if (parted.count) hear();
  *stop = count == 1 && (signals_caught() || parted.stop);
  if (count == 1) return 0;
  TRY(par_ranks_agree(0, -1));
  for (int r = 0; r < count; r++) *stop = *stop || all[r].signal;
  return 0;
}

// ---- data

int par_ranks_share(void *data, size_t bytes) {
  if (count == 1) return 0;
  TRY(par_ranks_agree(0, -1));
  const double begin_s = clock_s();
  par_mpi_broadcast(data, bytes, 0);
  add_exchange(begin_s, bytes);
  return 0;
}

int par_ranks_gather(void *blocks, size_t bytes) {
  if (count == 1) return 0;
  TRY(par_ranks_agree(0, -1));
  const double begin_s = clock_s();
  par_mpi_gather(blocks, bytes, INFINITY);
  add_exchange(begin_s, (size_t)count * bytes);
  return 0;
}

int par_ranks_add(double *v, size_t n) {
  if (count == 1) return 0;
  double *sums = err_calloc((size_t)count * n, sizeof *sums);
  memcpy(sums + (size_t)par_ranks_number() * n, v, n * sizeof *sums);
  const int rc = par_ranks_gather(sums, n * sizeof *sums);
  for (size_t i = 0; i < n && rc == 0; i++) {
    v[i] = 0;
    for (size_t k = 0; k < (size_t)count; k++) v[i] += sums[k * n + i];
  }
  free(sums);
  return rc;
}

// The first line that differs from that of rank 0.
static int compare(const char *own, const char *other) {
  while (*own || *other) {
    const int n = (int)strcspn(own, "\n"), m = (int)strcspn(other, "\n");
    if (n != m || memcmp(own, other, (size_t)n))
      return err_set(ERR_SETTING, "%.*s, but rank 0 has %.*s", n, own, m, other);
    own += n + (own[n] != 0);
    other += m + (other[m] != 0);
  }
  return 0;
}

int par_ranks_same(const char *lines) {
  if (count == 1) return 0;
  size_t size = strlen(lines) + 1;
  TRY(par_ranks_share(&size, sizeof size));
  char *other = err_calloc(size, 1);
  if (number == 0) memcpy(other, lines, size);
  par_mpi_broadcast(other, size, 0);
  const int rc = compare(lines, other);
  free(other);
  return par_ranks_agree(rc, -1);
}

// ---- items

static int trailing_zeros(int n) { return n ? __builtin_ctz((unsigned)n) : 31; }

void par_ranks_divide(int *first, int n) {
  const int most = (n + count - 1) / count;
  first[0] = 0;
  for (int r = 1; r <= count; r++) {
    const int left = n - (count - r) * most;  // what the ranks from r on cannot take
    const int low = left > first[r - 1] ? left : first[r - 1];
    const int high = first[r - 1] + most < n ? first[r - 1] + most : n;
    first[r] = high;
    for (int at = high; at >= low && at > 0; at--)
      if (trailing_zeros(at) > trailing_zeros(first[r])) first[r] = at;
  }
}

void par_ranks_gather_records(void *records, size_t record_bytes, const int *first) {
  const double begin_s = clock_s();
  par_mpi_gather_records(records, record_bytes, first, count);
  add_exchange(begin_s, (size_t)first[count] * record_bytes);
}

void par_ranks_send(const real *v, size_t n, int to) {
  const double begin_s = clock_s();
  par_mpi_send(v, n, to);
  add_exchange(begin_s, n * sizeof *v);
}

void par_ranks_receive(real *v, size_t n, int from) {
  const double begin_s = clock_s();
  par_mpi_receive(v, n, from);
  add_exchange(begin_s, n * sizeof *v);
}

void par_ranks_spread(real *v, size_t n) {
  const double begin_s = clock_s();
  par_mpi_broadcast(v, n * sizeof *v, 0);
  add_exchange(begin_s, n * sizeof *v);
}
