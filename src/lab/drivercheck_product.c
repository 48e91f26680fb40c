// Checks of products. Inputs are patterns of -1, 0 and 1 times a step; codes are means over repeated products.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "lab/drivercheck_private.h"

enum { DRIVEN = 4, PATTERNS = 8, BENCH_CODES = BENCH_VECTORS * BENCH_COLUMNS };

struct patterns {
  int n;
  int8_t of[BENCH_VECTORS][BENCH_ROWS];
};

// ---- products

static void scale(int32_t *input, const struct bench *b, const struct patterns *p, int32_t step) {
  for (int v = 0; v < p->n; v++)
    for (int i = 0; i < b->R; i++) input[v * b->R + i] = p->of[v][i] * step;
}

static int product(struct bench *b, int n, const int32_t *input, int32_t *output) {
  struct driver_call call = { .op = DRIVER_PRODUCT, .n = n, .input = input, .output = output };
  return drivercheck_ask(b, &call);
}

struct sums {
  double of[BENCH_CODES], square[BENCH_CODES];
};

static void add_codes(struct sums *s, const int32_t *output, int first, int n) {
  for (int k = 0; k < n; k++) {
    s->of[first + k] += output[k];
    s->square[first + k] += (double)output[k] * output[k];
  }
}

// Means of n codes over the repeats. The largest standard error of any stands for all: no single estimate is too small.
static void take_means(struct bench *b, double *mean, const struct sums *s, int n) {
  const double m = (double)b->p->repeats;
  double most = 0;
  for (int k = 0; k < n; k++) {
    mean[k] = s->of[k] / m;
    most = fmax(most, (s->square[k] - m * mean[k] * mean[k]) / (m - 1));
  }
  b->se = sqrt(most / m);
}

// Mean codes (n, C) of the patterns at this step: all in one call, or one call each.
static int measure(struct bench *b, const struct patterns *p, int32_t step, bool singly, double *mean) {
  int32_t input[BENCH_VECTORS * BENCH_ROWS], output[BENCH_CODES];
  struct sums *s = err_calloc(1, sizeof *s);
  const int n = singly ? 1 : p->n;
  int rc = 0;
  scale(input, b, p, step);
  for (int64_t r = 0; r < b->p->repeats; r++)
    for (int v = 0; v < p->n && rc == 0; v += n) {
      rc = product(b, n, input + v * b->R, output);
      if (rc == 0) add_codes(s, output, v * b->C, n * b->C);
    }
  take_means(b, mean, s, p->n * b->C);
  free(s);
  return rc;
}

// The range of region 0 for these patterns at full step, code_uS being 1 at least `least`.
static int choose_range(struct bench *b, const struct patterns *p, double margin, double least, double *code_uS) {
  int32_t input[BENCH_VECTORS * BENCH_ROWS];
  scale(input, b, p, b->top);
  struct driver_call call = { .op = DRIVER_RANGE, .n = p->n, .input = input, .margin = margin, .least = least };
  TRY(drivercheck_ask(b, &call));
  *code_uS = call.code_uS;
  return 0;
}

// Let the patterns fill most of the output range: by the range, or by a step that is small enough.
static int fit(struct bench *b, const struct patterns *p) {
  double mean[BENCH_CODES], most = 0;
  b->step = b->top;
  if (b->d->can.range) return choose_range(b, p, 1.2, 0, &b->code_uS);
  for (;; b->step /= 2) {
    TRY(measure(b, p, b->step, false, mean));
    most = 0;
    for (int k = 0; k < p->n * b->C; k++) most = fmax(most, fabs(mean[k]));
    if (most <= 0.8 * b->end || b->step == 1) return 0;
  }
}

// Accepted error of a sum of means whose factors have this sum of magnitudes and of squares: each code is rounded in
// each phase.
static double accepted(const struct bench *b, double magnitudes, double squares) {
  return 0.5 * b->d->info.phases * magnitudes + 5 * b->se * sqrt(squares) + b->p->code_error * b->end;
}

// ---- patterns

// One row each, then none.
static void unit_patterns(struct patterns *p, int rows) {
  *p = (struct patterns){ .n = rows + 1 };
  for (int i = 0; i < rows; i++) p->of[i][i] = 1;
}

// DRIVEN rows each, of any sign, then none.
static void random_patterns(struct bench *b, struct patterns *p) {
  *p = (struct patterns){ .n = PATTERNS + 1 };
  for (int v = 0; v < PATTERNS; v++)
    for (int k = 0; k < DRIVEN;) {
      const int i = (int)(rng_uniform(&b->rng) * b->R);
      if (p->of[v][i]) continue;
      p->of[v][i] = rng_uniform(&b->rng) < 0.5 ? -1 : 1;
      k++;
    }
}

// Random weights in region 0 and random patterns that fill the range.
static int prepare(struct bench *b, struct patterns *p) {
  double target[BENCH_CELLS];
  drivercheck_random_targets(b, target);
  TRY(drivercheck_write(b, target));
  random_patterns(b, p);
  return fit(b, p);
}

static int same_weights(struct bench *b, double weight) {
  double target[BENCH_CELLS];
  for (int k = 0; k < drivercheck_size(b); k++) target[k] = weight;
  return drivercheck_write(b, target);
}

// ---- checks of one row or column

static int check_no_input(struct bench *b) {
  struct patterns p;
  double mean[BENCH_CODES], most = 0;
  TRY(prepare(b, &p));
  p = (struct patterns){ .n = 1 };
  TRY(measure(b, &p, 0, false, mean));
  for (int o = 0; o < b->C; o++) most = fmax(most, fabs(mean[o]));
  return drivercheck_verdict(b, most <= accepted(b, 1, 1), "largest mean code %.2g (accepts %.2g)", most,
                             accepted(b, 1, 1));
}

// Weights rise from line to line, in random order; mean codes of a line against its mean weight, line by line.
static int check_order(struct bench *b, bool rows) {
  struct patterns p;
  double target[BENCH_CELLS], mean[BENCH_CODES], code[BENCH_ROWS] = { 0 }, weight[BENCH_ROWS] = { 0 };
  double both = 0, square = 0, most = 0, largest = 0;
  int rank[BENCH_ROWS];
  const int n = rows ? b->R : b->C, others = rows ? b->C : b->R;
  for (int k = 0; k < n; k++) {
    const int i = (int)(rng_uniform(&b->rng) * (k + 1));
    rank[k] = rank[i];
    rank[i] = k;
  }
  for (int k = 0; k < drivercheck_size(b); k++) target[k] = 0.1 + 0.8 * rank[rows ? k / b->C : k % b->C] / (n - 1);
  TRY(drivercheck_write(b, target));
  unit_patterns(&p, b->R);
  TRY(fit(b, &p));
  TRY(measure(b, &p, b->step, false, mean));
  for (int k = 0; k < drivercheck_size(b); k++) {
    code[rows ? k / b->C : k % b->C] += (mean[k] - mean[b->R * b->C + k % b->C]) / others;
    weight[rows ? k / b->C : k % b->C] += b->weight[k] / others;
  }
  for (int k = 0; k < n; k++) {
    both += code[k] * weight[k];
    square += weight[k] * weight[k];
  }
  for (int k = 0; k < n; k++) {
    most = fmax(most, fabs(code[k] - both / square * weight[k]));
    largest = fmax(largest, fabs(code[k]));
  }
  const double limit = accepted(b, 2, 2);
  return drivercheck_verdict(b, most <= limit && largest > 2 * limit, "largest error %.2g of %.3g codes (accepts %.2g)",
                             most, largest, limit);
}

static int check_rows(struct bench *b) { return check_order(b, true); }
static int check_columns(struct bench *b) { return check_order(b, false); }

static int check_weight_sign(struct bench *b) {
  struct patterns p;
  double target[BENCH_CELLS], mean[BENCH_CODES];
  int right = 0;
  for (int k = 0; k < drivercheck_size(b); k++) target[k] = rng_uniform(&b->rng) < 0.5 ? -0.6 : 0.6;
  TRY(drivercheck_write(b, target));
  unit_patterns(&p, b->R);
  TRY(fit(b, &p));
  TRY(measure(b, &p, b->step, false, mean));
  for (int k = 0; k < drivercheck_size(b); k++) right += (mean[k] - mean[b->R * b->C + k % b->C]) * b->weight[k] > 0;
  const int n = drivercheck_size(b);
  return drivercheck_verdict(b, right >= drivercheck_least_share(b, n) * n,
                             "%d of %d codes have the sign of the weight", right, n);
}

static int check_input_sign(struct bench *b) {
  struct patterns p;
  double mean[BENCH_CODES], opposite[BENCH_CODES];
  int right = 0;
  const int n = drivercheck_size(b);
  TRY(same_weights(b, 0.6));
  unit_patterns(&p, b->R);
  TRY(fit(b, &p));
  TRY(measure(b, &p, b->step, false, mean));
  TRY(measure(b, &p, -b->step, false, opposite));
  for (int k = 0; k < n; k++) {
    const double zero = mean[b->R * b->C + k % b->C];
    right += (mean[k] - zero) * (opposite[k] - zero) < 0;
  }
  return drivercheck_verdict(b, right >= drivercheck_least_share(b, n) * n,
                             "%d of %d codes change their sign with the input", right, n);
}

// ---- checks of sums

// Largest magnitude of f1 one + f2 two + f3 three + f4 (codes without input) over the patterns.
struct term {
  double factor;
  const double *mean;
};

static int check_sum(struct bench *b, int n_patterns, const struct term *t, int n, const double *zero) {
  double most = 0, all = 0, magnitudes = 0, squares = 0;
  for (int i = 0; i < n; i++) {
    all += t[i].factor;
    magnitudes += fabs(t[i].factor);
    squares += t[i].factor * t[i].factor;
  }
  for (int k = 0; k < n_patterns * b->C; k++) {
    double sum = -all * zero[k % b->C];
    for (int i = 0; i < n; i++) sum += t[i].factor * t[i].mean[k];
    most = fmax(most, fabs(sum));
  }
  const double limit = accepted(b, magnitudes + fabs(all), squares + all * all);
  return drivercheck_verdict(b, most <= limit, "largest error %.2g codes of %g (accepts %.2g)", most, b->end, limit);
}

static int check_linear(struct bench *b) {
  struct patterns p;
  double half[BENCH_CODES], whole[BENCH_CODES];
  TRY(prepare(b, &p));
  if (b->step < 2) return drivercheck_skip(b, "inputs have a single step");
  TRY(measure(b, &p, b->step / 2, false, half));
  const double se = b->se;
  TRY(measure(b, &p, b->step / 2 * 2, false, whole));
  b->se = fmax(b->se, se);
  return check_sum(b, PATTERNS, (const struct term[]){ { 1, whole }, { -2, half } }, 2, whole + PATTERNS * b->C);
}

static int check_additive(struct bench *b) {
  struct patterns p, parts[2] = { { .n = PATTERNS }, { .n = PATTERNS } };
  double whole[BENCH_CODES], part[2][BENCH_CODES], se;
  TRY(prepare(b, &p));
  for (int v = 0; v < PATTERNS; v++)
    for (int i = 0, driven = 0; i < b->R; i++)
      if (p.of[v][i]) parts[driven++ < DRIVEN / 2].of[v][i] = p.of[v][i];
  TRY(measure(b, &p, b->step, false, whole));
  se = b->se;
  for (int k = 0; k < 2; k++) {
    TRY(measure(b, &parts[k], b->step, false, part[k]));
    se = b->se = fmax(b->se, se);
  }
  return check_sum(b, PATTERNS, (const struct term[]){ { 1, whole }, { -1, part[0] }, { -1, part[1] } }, 3,
                   whole + PATTERNS * b->C);
}

static int check_negated(struct bench *b) {
  struct patterns p;
  double mean[BENCH_CODES], opposite[BENCH_CODES];
  TRY(prepare(b, &p));
  TRY(measure(b, &p, b->step, false, mean));
  const double se = b->se;
  TRY(measure(b, &p, -b->step, false, opposite));
  b->se = fmax(b->se, se);
  return check_sum(b, PATTERNS, (const struct term[]){ { 1, mean }, { 1, opposite } }, 2, mean + PATTERNS * b->C);
}

// ---- the ends of the code range

// The code of so many driven rows: near the sum of their single codes within 0.8 of the range, at least 0.9 of the
// range where the sum is above 1.2.
static bool plausible(const struct bench *b, double code, double sum, double limit) {
  if (fabs(sum) <= 0.8 * b->end) return fabs(code - sum) <= limit + 0.1 * b->end;
  if (fabs(sum) >= 1.2 * b->end) return code * (sum > 0 ? 1 : -1) >= 0.9 * b->end - limit;
  return code * (sum > 0 ? 1 : -1) > 0;
}

// Weights of 1; one row alone nearly fills the range, 1 to 8 rows are driven with either sign.
static int check_saturation(struct bench *b) {
  enum { MOST = 8 };
  struct patterns p, unit;
  double mean[BENCH_CODES], most = 0, least = 0;
  const int rows = b->R < MOST ? b->R : MOST;
  int bad = 0, falls = 0;
  TRY(same_weights(b, 1));
  unit_patterns(&unit, rows);
  TRY(fit(b, &unit));
  p = unit;
  p.n = 3 * rows + 1;
  for (int j = 0; j < rows; j++)
    for (int i = 0; i <= j; i++) {
      p.of[rows + 1 + j][i] = 1;
      p.of[2 * rows + 1 + j][i] = -1;
    }
  TRY(measure(b, &p, b->step, false, mean));
  for (int o = 0; o < b->C; o++) {
    const double zero = mean[rows * b->C + o], limit = accepted(b, 2, 2);
    double sum = 0, up = 0, down = 0;
    for (int j = 0; j < rows; j++) {
      const double rising = mean[(rows + 1 + j) * b->C + o] - zero,
                   falling = mean[(2 * rows + 1 + j) * b->C + o] - zero;
      sum += mean[j * b->C + o] - zero;
      bad += !plausible(b, rising, sum, limit) + !plausible(b, falling, -sum, limit);
      falls += (rising < up - limit) + (falling > down + limit);
      up = rising, down = falling;
    }
    most = fmax(most, up);
    least = fmin(least, down);
  }
  return drivercheck_verdict(b, bad == 0 && falls == 0,
                             "%d rows at full step: codes %.4g to %.4g; %d implausible, %d not "
                             "monotone",
                             rows, least, most, bad, falls);
}

static int check_batch(struct bench *b) {
  struct patterns p, all = { .n = BENCH_VECTORS };
  double single[BENCH_CODES], together[BENCH_CODES], most = 0;
  TRY(prepare(b, &p));
  p.n = PATTERNS;
  for (int v = 0; v < BENCH_VECTORS; v++) memcpy(all.of[v], p.of[v % PATTERNS], sizeof p.of[0]);
  TRY(measure(b, &p, b->step, true, single));
  const double se = b->se;
  TRY(measure(b, &all, b->step, false, together));
  for (int k = 0; k < BENCH_VECTORS * b->C; k++) most = fmax(most, fabs(together[k] - single[k % (PATTERNS * b->C)]));
  const double limit = 0.5 + 5 * sqrt(2) * fmax(se, b->se);
  return drivercheck_verdict(b, most <= limit, "%d vectors at once: largest difference %.2g codes (accepts %.2g)",
                             BENCH_VECTORS, most, limit);
}

static int check_largest(struct bench *b) {
  int32_t input[4 * BENCH_ROWS], output[4 * BENCH_COLUMNS];
  for (int i = 0; i < b->R; i++) {
    input[i] = b->top;
    input[b->R + i] = -b->top;
    input[2 * b->R + i] = i % 2 ? b->top : -b->top;
    input[3 * b->R + i] = i < b->R / 2 ? b->top : -b->top;
  }
  TRY(product(b, 4, input, output));
  return drivercheck_verdict(b, true, "inputs of -%d and %d on all %d rows are taken", (int)b->top, (int)b->top, b->R);
}

// ---- the range

// Charges over what weights and inputs say, by regression.
static int charge_ratio(struct bench *b, const struct patterns *p, double code_uS, double *ratio) {
  double mean[BENCH_CODES], both = 0, square = 0;
  TRY(measure(b, p, b->top, false, mean));
  for (int v = 0; v < PATTERNS; v++)
    for (int o = 0; o < b->C; o++) {
      double expected = 0;
      for (int i = 0; i < b->R; i++) expected += p->of[v][i] * b->weight[i * b->C + o];
      expected *= b->top * b->d->info.g_max_uS;
      both += expected * (mean[v * b->C + o] - mean[PATTERNS * b->C + o]) * code_uS;
      square += expected * expected;
    }
  *ratio = both / square;
  return 0;
}

static const char no_range[] = "the driver does not choose ranges";

static int check_charge(struct bench *b) {
  struct patterns p;
  double ratio[2];
  if (!b->d->can.range) return drivercheck_skip(b, no_range);
  TRY(prepare(b, &p));
  for (int k = 0; k < 2; k++) {
    double code_uS;
    TRY(choose_range(b, &p, k ? 2.4 : 1.2, 0, &code_uS));
    TRY(charge_ratio(b, &p, code_uS, &ratio[k]));
  }
  return drivercheck_verdict(b, fabs(ratio[0] - 1) <= 0.1 && fabs(ratio[1] - 1) <= 0.1,
                             "codes x code_uS over weights x inputs: %.3f and %.3f (accepts 0.9 to 1.1)", ratio[0],
                             ratio[1]);
}

static int check_margin(struct bench *b) {
  struct patterns p;
  double one, two;
  if (!b->d->can.range) return drivercheck_skip(b, no_range);
  TRY(prepare(b, &p));
  TRY(choose_range(b, &p, 1, 0, &one));
  TRY(choose_range(b, &p, 2, 0, &two));
  return drivercheck_verdict(b, two / one >= 1.6 && two / one <= 2.4,
                             "twice the margin gives %.2f times code_uS (accepts 1.6 to 2.4)", two / one);
}

static int check_least(struct bench *b) {
  struct patterns p;
  double usual, raised;
  if (!b->d->can.range) return drivercheck_skip(b, no_range);
  TRY(prepare(b, &p));
  TRY(choose_range(b, &p, 1, 0, &usual));
  TRY(choose_range(b, &p, 1, 4 * usual, &raised));
  return drivercheck_verdict(b, raised >= 4 * usual * (1 - 1e-9), "code_uS %.4g, and %.4g with a least of %.4g", usual,
                             raised, 4 * usual);
}

const struct drivercheck_entry drivercheck_products[] = {
  { "no_input", "codes without input are 0", check_no_input },
  { "rows", "inputs belong to the rows in their order", check_rows },
  { "columns", "outputs belong to the columns in their order", check_columns },
  { "weight_sign", "a positive input gives the sign of the weight", check_weight_sign },
  { "input_sign", "a negative input changes the sign", check_input_sign },
  { "linear", "twice the input gives twice the code", check_linear },
  { "additive", "codes of two groups of rows add up", check_additive },
  { "negated", "the negated input gives the negated code", check_negated },
  { "saturation", "codes rise up to the ends of their range, and stay there", check_saturation },
  { "batch", "vectors of one call give what each gives alone", check_batch },
  { "largest", "the largest inputs on all rows are accepted", check_largest },
  { "charge", "codes times code_uS are charges", check_charge },
  { "margin", "code_uS is proportional to the margin", check_margin },
  { "least", "code_uS is not below the least that is asked for", check_least },
  { 0 },
};
