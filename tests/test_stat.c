// Statistics against worked examples: tables, published data and sums done by hand.
#include "base/rng.h"
#include "base/stat.h"
#include "test.h"

#define CHECK_NEAR(a, b, tol) CHECK(fabs((a) - (b)) <= test_tol(tol), "%.12g, expected %.12g", (double)(a), (double)(b))

static void test_moments(void) {
  // sum 23.5, mean 4.7; deviations -2, -1.6, -0.1, 0.3, 3.4; their squares 4, 2.56, 0.01, 0.09, 11.56 add up to 18.22
  const double v[] = { 2.7, 3.1, 4.6, 5.0, 8.1 };
  const struct stat_moments s = stat_of(v, 5, 1);
  CHECK(s.n == 5 && s.min == 2.7 && s.max == 8.1, "%ld values from %g to %g", s.n, s.min, s.max);
  CHECK_REL(s.mean, 4.7, 1e-14);
  CHECK_REL(stat_sd(&s), sqrt(4.555), 1e-14);
  CHECK_REL(stat_mean_se(&s), sqrt(0.911), 1e-14);
  CHECK_REL(stat_variance_se(&s), 4.555 * sqrt(0.5), 1e-14);
  const struct stat_interval i = stat_interval(&s);
  CHECK_REL(i.mean, 4.7, 1e-14);
  CHECK_REL(i.ci95, 2.7764451052 * sqrt(0.911), 1e-10);  // t of 4 degrees of freedom; 4.555/5 = 0.911
}

// Far from 0, where the difference of two sums would leave nothing: variance (36 + 9 + 9 + 36)/3 = 30.
static void test_offset(void) {
  const double v[] = { 1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16 };
  const struct stat_moments s = stat_of(v, 4, 1);
  CHECK_REL(stat_sd(&s), sqrt(30), 1e-12);
}

// A column of a table of three; negative values; min and max of the first values.
static void test_stride(void) {
  const double table[] = { 9, -1.5, 9, 9, 2, 9, 9, -2.5, 9 };
  const struct stat_moments s = stat_of(table + 1, 3, 3), first = stat_of(table + 1, 1, 3);
  CHECK_NEAR(s.mean, -2.0/3, 1e-15);
  CHECK(s.min == -2.5 && s.max == 2, "from %g to %g", s.min, s.max);
  CHECK(first.min == -1.5 && first.max == -1.5, "one value: from %g to %g", first.min, first.max);
}

static void test_few(void) {
  const double one = 0.9853;
  const struct stat_moments none = { 0 }, s = stat_of(&one, 1, 1);
  CHECK(none.mean == 0 && isinf(stat_sd(&none)), "no value");
  CHECK(isinf(stat_interval(&none).ci95), "no value");
  CHECK(stat_mean_se(&s) == INFINITY && stat_variance_se(&s) == INFINITY, "one value has errors");
  CHECK(s.mean == one && stat_sd(&s) == INFINITY, "one value: %g, %g", s.mean, stat_sd(&s));
  CHECK(stat_interval(&s).ci95 == INFINITY, "one value: +- %g", stat_interval(&s).ci95);
  CHECK(stat_grouped(&one, 1, 1, 1, 25).ci95 == INFINITY, "one value of 25 trials");
}

// Definition 7 of Hyndman and Fan.
static void test_quantile(void) {
  double v[] = { 7, 1.5, 11.5, 4, 2.25 }, even[] = { 5, 1, 2, 10 }, one = 3.5;
  CHECK_REL(stat_quantile(v, 5, 0.3), 2.6, 1e-14);  // at 1.2: 2.25 + 0.2 * 1.75
  CHECK(v[0] == 1.5 && v[4] == 11.5, "not sorted: %g ... %g", v[0], v[4]);
  CHECK_REL(stat_quantile(v, 5, 0.95), 10.6, 1e-14);  // at 3.8: 7 + 0.8 * 4.5
  CHECK(stat_quantile(v, 5, 0) == 1.5 && stat_quantile(v, 5, 1) == 11.5, "least and largest");
  CHECK(stat_quantile(v, 5, 0.5) == 4, "median %g", v[2]);
  CHECK(stat_quantile(even, 4, 0.5) == 3.5 && stat_quantile(&one, 1, 0.7) == 3.5, "median of 4; of one");
}

// Tables, closed forms (df 1, 2), and mpmath with 40 digits where df is not whole or large.
static void test_t_quantile(void) {
  static const struct { double p, df, t; } known[] = {
    { 0.975, 1, 12.7062047361747 },       { 0.975, 2, 4.30265272974946 },  { 0.975, 2.5, 3.57465484200368 },
    { 0.975, 3, 3.18244630528371 },       { 0.975, 4, 2.77644510519779 },  { 0.975, 7.3, 2.34506673654770 },
    { 0.975, 9, 2.26215716279820 },       { 0.975, 30, 2.04227245630124 }, { 0.975, 999, 1.96234146113345 },
    { 0.975, 24999, 1.96005888370157 },   { 0.025, 4, -2.77644510519779 }, { 0.6, 5, 0.267180865704145 },
    { 0.9995, 3.7, 9.47424013712437 },    { 0.5, 3, 0 },
  };
  for (size_t k = 0; k < sizeof known/sizeof *known; k++)
    CHECK_NEAR(stat_t_quantile(known[k].p, known[k].df), known[k].t, 1e-12*(1 + fabs(known[k].t)));
}

static void test_t_tail(void) {
  static const struct { double t, df, tail; } known[] = {
    { 0.3, 1.5, 0.400236098401792426 }, { 1.7, 6.5, 0.0681095825884890915 },  { 40, 3.2, 9.89539185902148252e-6 },
    { 8, 50, 8.31648301416069182e-11 }, { 1.96, 1e6, 0.0249980337926348933 }, { -1.7, 6.5, 0.9318904174115109085 },
    { 7, 100, 1.49178330180460138e-10 },
  };
  for (size_t k = 0; k < sizeof known/sizeof *known; k++)
    CHECK_REL(stat_t_tail(known[k].t, known[k].df), known[k].tail, 1e-11);
  for (double t = 0.1; t < 1e4; t *= 1.7) {
    CHECK_REL(stat_t_tail(t, 1), atan2(1, t)/M_PI, 1e-12);  // Cauchy
    CHECK_REL(stat_t_tail(t, 2), 1/(sqrt(t*t + 2)*(sqrt(t*t + 2) + t)), 1e-12);
  }
  CHECK(stat_t_tail(0, 3) == 0.5 && stat_t_tail(INFINITY, 3) == 0, "at 0 and far out");
}

// Table I of Newcombe, Statistics in Medicine 17 (1998), method 3.
static void test_proportion(void) {
  static const struct { double k, n, low, high; } known[] = {
    { 81, 263, 0.2553, 0.3662 }, { 15, 148, 0.0624, 0.1605 }, { 0, 20, 0, 0.1611 },
    { 1, 29, 0.0061, 0.1718 },   { 28, 29, 0.8282, 0.9939 },  // the last is the one before, mirrored
  };
  for (size_t k = 0; k < sizeof known/sizeof *known; k++) {
    const struct stat_interval i = stat_proportion(known[k].k, known[k].n);
    CHECK_REL(i.mean, known[k].k/known[k].n, 1e-15);
    CHECK_NEAR(i.ci95, fmax(i.mean - known[k].low, known[k].high - i.mean), 5.1e-5);
  }
  CHECK_REL(stat_proportion(200, 200).ci95, 3.8414588207/203.8414588207, 1e-10);
}

// Three chips, two tasks each: means 0.84, 0.92, 0.73 about 0.83, of squares 0.0001 + 0.0081 + 0.01 = 0.0182.
static void test_grouped(void) {
  const double v[] = { 0.82, 0.90, 0.71, 0.86, 0.94, 0.75 };
  const struct stat_interval i = stat_grouped(v, 6, 1, 3, 0);
  CHECK_REL(i.mean, 0.83, 1e-14);
  CHECK_REL(i.ci95, 4.3026527297 * sqrt(0.0091/3), 1e-10);
  // as one group, deviations of squares 0.0001 + 0.0049 + 0.0144 + 0.0009 + 0.0121 + 0.0064 = 0.0388
  CHECK_REL(stat_grouped(v, 6, 1, 1, 0).ci95, 2.5705818356 * sqrt(0.00776/6), 1e-10);
  CHECK_REL(stat_grouped(v, 6, 1, 3, 25).ci95, i.ci95, 1e-15);  // 150 independent trials would say 0.066
  // means that agree by chance: sum of squares 4, variance 0.8
  const double same[] = { 1, 2, 3, 3, 2, 1 };
  CHECK_REL(stat_grouped(same, 6, 1, 2, 0).ci95, 2.5705818356 * sqrt(0.8/6), 1e-10);
}

// Groups of 3 and 2 about 5.3: sums of deviations -6.4 and 6.4, sqrt(2 * 2 * 6.4^2)/5 = 2.56.
static const double uneven[] = { 2, 7, 4, 10, 3.5 };

static void test_uneven(void) {
  const struct stat_interval i = stat_grouped(uneven, 5, 1, 2, 0), each = stat_grouped(uneven, 5, 1, 5, 0);
  CHECK_REL(i.mean, 5.3, 1e-14);
  CHECK_REL(i.ci95, 12.7062047362 * 2.56, 1e-10);
  CHECK_REL(each.ci95, 2.7764451052 * sqrt(40.8/4/5), 1e-10);  // every value a group: independent
  double table[15];
  for (int k = 0; k < 15; k++) table[k] = k % 3 == 2 ? uneven[k/3] : 99;
  CHECK_REL(stat_grouped(table + 2, 5, 3, 2, 0).ci95, i.ci95, 1e-14);
}

// Nothing and little wrong: by trials, not by the spread.
static void test_all_right(void) {
  double v[] = { 1, 1, 1, 1, 1, 1, 1, 1 };
  CHECK_REL(stat_grouped(v, 8, 1, 4, 25).ci95, 3.8414588207/203.8414588207, 1e-10);
  CHECK(stat_grouped(v, 8, 1, 4, 0).ci95 == 0, "without trials");
  v[5] = 0.96;  // 199 of 200 right: Wilson's interval is 0.9722 to 0.9991, t would say +- 0.0118
  CHECK_NEAR(stat_grouped(v, 8, 1, 1, 25).ci95, 0.022774, 1e-6);
  memset(v, 0, sizeof v);
  CHECK_REL(stat_grouped(v, 8, 1, 1, 25).ci95, 3.8414588207/203.8414588207, 1e-10);
}

// Hours of sleep gained with two drugs (Student 1908): t = -4.0621 with 9 degrees of freedom, p = 0.002833, interval
// -2.4598858 to -0.7001142.
static void test_paired(void) {
  const double a[] = { 0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0 };
  const double b[] = { 1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4 };
  const struct stat_difference d = stat_paired(a, b, 10, 1, 1, 0);
  CHECK_NEAR(d.mean, -1.58, 1e-14);
  CHECK_NEAR(d.ci95, (2.4598858 - 0.7001142)/2, 6e-8);
  CHECK_NEAR(d.p, 0.002833, 5e-7);
  // differences `uneven`: chips as the unit, t = 5.3/2.56 with one degree of freedom
  double more[10], less[10];
  for (int k = 0; k < 5; k++) {
    less[2*k] = 0.25*k;
    more[2*k] = 0.25*k + uneven[k];
    less[2*k + 1] = more[2*k + 1] = 77;
  }
  const struct stat_difference e = stat_paired(more, less, 5, 2, 2, 0);
  CHECK_REL(e.mean, 5.3, 1e-14);
  CHECK_REL(e.ci95, 12.7062047362 * 2.56, 1e-10);
  CHECK_REL(e.p, 2/M_PI*atan(2.56/5.3), 1e-11);
}

static void test_paired_edges(void) {
  const double a[] = { 0.5, 0.75, 1, 0.25 }, b[] = { 0.25, 0.5, 0.75, 0 };
  const struct stat_difference same = stat_paired(a, a, 4, 1, 2, 25), sure = stat_paired(a, b, 4, 1, 1, 0);
  const struct stat_difference one = stat_paired(a, b, 1, 1, 1, 25);
  CHECK(same.mean == 0 && same.p == 1, "no difference: %g, p %g", same.mean, same.p);
  CHECK_REL(same.ci95, 3.8414588207/103.8414588207, 1e-10);
  CHECK(sure.mean == 0.25 && sure.ci95 == 0 && sure.p == 0, "always 0.25: +- %g, p %g", sure.ci95, sure.p);
  CHECK(one.mean == 0.25 && isinf(one.ci95) && one.p == 1, "one pair: +- %g, p %g", one.ci95, one.p);
}

// How often the true mean is inside: 4 chips with a spread of their own, 5 tasks each.
static void test_coverage(void) {
  enum { TIMES = 4000, CHIPS = 4, TASKS = 20 };
  struct rng r = rng_stream(7, RNG_TEST, 0);
  int inside = 0, as_tasks = 0;
  for (int k = 0; k < TIMES; k++) {
    double v[TASKS], chip[CHIPS];
    for (int c = 0; c < CHIPS; c++) chip[c] = 2*rng_normal(&r);
    for (int i = 0; i < TASKS; i++) v[i] = chip[i % CHIPS] + rng_normal(&r);
    const struct stat_interval i = stat_grouped(v, TASKS, 1, CHIPS, 0);
    inside += fabs(i.mean) <= i.ci95;
    as_tasks += fabs(i.mean) <= stat_grouped(v, TASKS, 1, 1, 0).ci95;
  }
  // 95 % within 5 standard errors of 0.345 %, a little more by the floor
  CHECK(inside > 0.933*TIMES && inside < 0.970*TIMES, "%g %% of 4 chips", 100.0*inside/TIMES);
  CHECK(as_tasks < 0.75*TIMES, "%g %% of tasks taken as independent", 100.0*as_tasks/TIMES);
}

static void test_text(void) {
  char s[STAT_TEXT];
  static const struct { double mean, ci95; int decimals; const char *text; } known[] = {
    { 98.534, 0.1249, 2, "98.53 +- 0.12" }, { 98.534, INFINITY, 2, "98.53 +- ?" }, { 98.534, NAN, 2, "98.53 +- ?" },
    { 100, 0.0015, 2, "100.00 +- 0.01" },   { 100, 0, 2, "100.00 +- 0.00" },       { -7.82, 2.5, 1, "-7.8 +- 2.5" },
  };
  for (size_t k = 0; k < sizeof known/sizeof *known; k++)
    CHECK(!strcmp(stat_text(s, known[k].mean, known[k].ci95, known[k].decimals), known[k].text), "'%s', not '%s'", s,
          known[k].text);
  CHECK(!strcmp(stat_ci95_text(s, 0.1251, 3), "0.125"), "'%s'", s);
  CHECK(!strcmp(stat_ci95_text(s, 1e-9, 3), "0.001"), "'%s'", s);
  CHECK(!strcmp(stat_ci95_text(s, INFINITY, 3), "?"), "'%s'", s);
  CHECK(strlen(stat_text(s, 1e300, 1e300, 2)) < STAT_TEXT, "a long text");
}

int main(void) {
  test_moments();
  test_offset();
  test_stride();
  test_few();
  test_quantile();
  test_t_quantile();
  test_t_tail();
  test_proportion();
  test_grouped();
  test_uneven();
  test_all_right();
  test_paired();
  test_paired_edges();
  test_coverage();
  test_text();
  return test_summary();
}
