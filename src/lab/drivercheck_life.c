// Checks of time, of what simulators can do, of refusals, and of the reset.
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "lab/drivercheck_private.h"

static const double WAIT_S = 0.05;  // short on a real chip
static const double AT_ONCE_S = 5;  // long for a driver that need not wait, on a busy machine too

static int simple(struct bench *b, enum driver_op op) {
  struct driver_call call = { .op = op };
  return drivercheck_ask(b, &call);
}

static int now(struct bench *b, double *now_s) {
  struct driver_call call = { .op = DRIVER_NOW };
  TRY(drivercheck_ask(b, &call));
  *now_s = call.now_s;
  return 0;
}

static int wait_until(struct bench *b, double until_s) {
  struct driver_call call = { .op = DRIVER_WAIT, .until_s = until_s };
  return drivercheck_ask(b, &call);
}

static int check_clock(struct bench *b) {
  double first = 0, last;
  for (int k = 0; k < 10; k++) {
    TRY(now(b, &last));  // one that runs backwards is refused
    if (k == 0) first = last;
  }
  return drivercheck_verdict(b, true, "%.6g s, and %.2g s in 10 calls", first, last - first);
}

static int check_wait(struct bench *b) {
  double from, to;
  TRY(now(b, &from));
  TRY(wait_until(b, from + WAIT_S));
  TRY(now(b, &to));
  return drivercheck_verdict(b, to >= (from + WAIT_S) * (1 - 1e-12), "waits %.3g s where %g s are asked for", to - from,
                             WAIT_S);
}

static int check_no_wait(struct bench *b) {
  double from, to;
  TRY(now(b, &from));
  TRY(wait_until(b, fmax(from - 1, 0)));
  TRY(now(b, &to));
  return drivercheck_verdict(b, to - from <= AT_ONCE_S, "%.2g s for a time that is past (accepts %g)", to - from,
                             AT_ONCE_S);
}

static int check_save(struct bench *b) {
  double target[BENCH_CELLS], now_w[BENCH_CELLS], most = 0;
  struct drivercheck_written w;
  if (!b->d->can.save) return drivercheck_skip(b, "the driver cannot go back");
  drivercheck_random_targets(b, target);
  TRY(drivercheck_write(b, target));
  TRY(simple(b, DRIVER_SAVE));
  for (int k = 0; k < 2; k++) {  // it can go back more than once
    for (int i = 0; i < drivercheck_size(b); i++) target[i] = -target[i];
    TRY(drivercheck_program(b, 0, target, NULL, &w));
    TRY(simple(b, DRIVER_RESTORE));
    TRY(drivercheck_read(b, 0, now_w));
    for (int i = 0; i < drivercheck_size(b); i++) most = fmax(most, fabs(now_w[i] - b->weight[i]));
    if (k == 0) drivercheck_random_targets(b, target);
  }
  const double limit = drivercheck_read_limit(b);
  return drivercheck_verdict(b, most <= limit, "largest difference of a weight %.2g (accepts %.2g)", most, limit);
}

static int check_random(struct bench *b) {
  int32_t input[BENCH_ROWS], output[2][BENCH_COLUMNS];
  struct driver_call call = { .op = DRIVER_PRODUCT, .n = 1, .input = input };
  int differ = 0;
  if (!b->d->can.random) return drivercheck_skip(b, "the driver takes no random numbers");
  for (int i = 0; i < b->R; i++) input[i] = b->top;
  for (int k = 0; k < 2; k++) {
    rng_words(call.random, &b->draws);
    call.output = output[k];
    TRY(drivercheck_asked(b, &call, driver_ask(b->d, &call)));
  }
  for (int o = 0; o < b->C; o++) differ += output[1][o] != output[0][o];
  return drivercheck_verdict(b, differ == 0, "%d of %d codes differ from the same state of the stream", differ, b->C);
}

// ---- refusals

// This call must fail as one with a bad argument, and after it the cells are what they were.
static int refused(struct bench *b, struct driver_call *bad) {
  double then[BENCH_CELLS], after[BENCH_CELLS], most = 0;
  char message[120];
  TRY(drivercheck_read(b, 0, then));
  const int rc = drivercheck_ask(b, bad);
  if (rc == 0) return drivercheck_verdict(b, false, "it is accepted");
  if (bad->failure != MX_DRIVER_ARGUMENT)
    return drivercheck_verdict(b, false, "not refused as a bad argument: %.120s", err_message());
  snprintf(message, sizeof message, "%.100s", *bad->message ? bad->message : "no message");
  TRY(drivercheck_read(b, 0, after));
  for (int k = 0; k < drivercheck_size(b); k++) most = fmax(most, fabs(after[k] - then[k]));
  if (most > drivercheck_read_limit(b))
    return drivercheck_verdict(b, false, "refused, but a weight has changed by %.2g", most);
  return drivercheck_verdict(b, true, "refused: %s", message);
}

static int check_bad_region(struct bench *b) {
  double weight[BENCH_CELLS];
  struct driver_call bad = { .op = DRIVER_READ, .region = b->n_regions, .reached = weight };
  return refused(b, &bad);
}

static int check_bad_target(struct bench *b) {
  double target[BENCH_CELLS] = { 0 };
  struct drivercheck_written w;
  uint8_t mask[BENCH_CELLS] = { 0 };
  mask[1] = 1;
  target[1] = 1.5;
  struct driver_call bad = { .op = DRIVER_PROGRAM,
                             .target = target,
                             .mask = mask,
                             .tolerance = b->p->tolerance,
                             .reached = w.reached,
                             .status = w.status };
  return refused(b, &bad);
}

static int check_bad_input(struct bench *b) {
  int32_t input[BENCH_ROWS] = { 0 }, output[BENCH_COLUMNS];
  input[1] = b->top + 1;
  struct driver_call bad = { .op = DRIVER_PRODUCT, .n = 1, .input = input, .output = output };
  return refused(b, &bad);
}

static int check_reset(struct bench *b) {
  double target[BENCH_CELLS];
  const int n = drivercheck_size(b);
  int within = 0;
  drivercheck_random_targets(b, target);
  TRY(drivercheck_write(b, target));
  TRY(simple(b, DRIVER_RESET));
  b->placed = false;
  TRY(drivercheck_place(b));
  TRY(drivercheck_read(b, 0, b->weight));
  for (int k = 0; k < n; k++) within += fabs(b->weight[k]) <= b->p->tolerance + 5 * b->read_sd;
  return drivercheck_verdict(b, (double)within / n >= drivercheck_least_share(b, n),
                             "regions are placed again; %d of %d cells within %g of 0", within, n, b->p->tolerance);
}

const struct drivercheck_entry drivercheck_life[] = {
  { "clock", "the clock does not run backwards", check_clock },
  { "wait", "wait ends when the clock shows the time", check_wait },
  { "no_wait", "wait returns at once for a time that is past", check_no_wait },
  { "save", "restore brings the saved weights back", check_save },
  { "random", "the same state of the random numbers gives the same codes", check_random },
  { "bad_region", "a region that was not placed is refused", check_bad_region },
  { "bad_target", "a target beyond 1 is refused", check_bad_target },
  { "bad_input", "an input beyond input_bits is refused", check_bad_input },
  { "reset", "reset sets all cells to 0 and forgets the regions", check_reset },
  { 0 },
};
