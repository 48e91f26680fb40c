// stat.h - statistics of samples: means, spreads, quantiles, and 95 % confidence intervals.
// An interval is given by its half-width, ci95: in 95 of 100 repetitions the true mean is within +- ci95 of the mean
// found. A spread or half-width that n values do not determine (n = 1) is INFINITY, never 0 and never NaN: it stays the
// largest of any maximum; texts show it as '?', JSON as null. A sample is n numbers v[0], v[stride], v[2 stride] ...
//
// Sources: Welford, Technometrics 4 (1962): moments in one pass. Student, Biometrika 6 (1908): the interval of a mean.
// NIST Digital Library of Mathematical Functions (DLMF), 5.11 and 8.17: his distribution. Hyndman and Fan, American
// Statistician 50 (1996): quantiles. Wilson, J. Am. Stat. Assoc. 22 (1927), and Brown, Cai and DasGupta, Statistical
// Science 16 (2001): proportions. Liang and Zeger, Biometrika 73 (1986), and Cameron and Miller, J. Human Resources 50
// (2015): groups.
#ifndef BASE_STAT_H
#define BASE_STAT_H

#include <stddef.h>

// ---- moments

// Begin with { 0 } and add value after value.
struct stat_moments {
  long n;
  double mean, m2;  // m2: sum of (x - mean)^2
  double min, max;  // all 0 while n = 0
};

void stat_add(struct stat_moments *s, double x);
struct stat_moments stat_of(const double *v, int n, int stride);
// Standard deviation of what the sample is drawn from, sqrt(m2/(n - 1)); INFINITY for n < 2.
double stat_sd(const struct stat_moments *s);
// Standard errors, of normal values: of the mean, sd/sqrt(n), and of the variance sd^2, sd^2 sqrt(2/(n - 1)); INFINITY
// for n < 2.
double stat_mean_se(const struct stat_moments *s);
double stat_variance_se(const struct stat_moments *s);

// The value below which a share q in [0, 1] of the n >= 1 values lies: at (n - 1) q in the sorted values v[0..n-1],
// linear between two of them (definition 7 of Hyndman and Fan, the usual one of R and NumPy). q = 1/2 is the median.
// Sorts v.
double stat_quantile(double *v, size_t n, double q);

// ---- Student's t distribution with df > 0 degrees of freedom, not necessarily whole

double stat_t_tail(double t, double df);      // P(T > t); relative error below 1e-10 for df up to 1e6
double stat_t_quantile(double p, double df);  // t with P(T < t) = p, 0 < p < 1

// ---- intervals

struct stat_interval {
  double mean, ci95;
};

// Of the mean of independent values: t(0.975, n - 1) sd/sqrt(n); INFINITY for n < 2.
struct stat_interval stat_interval(const struct stat_moments *s);

// Of a proportion, k of n > 0 independent trials, by Wilson's score; k need not be whole. It is never 0 wide: where all
// are right the lower end is n/(n + 3.84). Brown et al. recommend it; the exact one of Clopper and Pearson is too wide
// for most k. It is not symmetric about k/n; ci95 is its longer side.
struct stat_interval stat_proportion(double k, double n);

// Of the mean of n values in groups with something in common, value k in group k mod n_groups (tasks on chips).
// ci95 is the largest of
// - stat_interval of all values, as if independent. With n_groups = 1 nothing is known of other groups: the interval
//   holds for this one, and the caller says so.
// - n_groups > 1: the interval with the group as the unit: t(0.975, n_groups - 1) times the standard error
//   sqrt(n_groups/(n_groups - 1) sum_g r_g^2)/n, r_g the sum of the deviations in group g. With groups of one size this
//   is t sd/sqrt(n_groups) of the means of groups, which for normal values is exact whatever the variances within and
//   between groups. Few means can agree by chance, but groups never make the mean more certain than independent
//   values: hence the first.
// - trials > 0, every value the share of right ones in `trials` trials: stat_proportion of n*trials. It counts near 0
//   and 1, where few or no values differ from the others and t would give too little, or 0.
struct stat_interval stat_grouped(const double *v, int n, int stride, int n_groups, int trials);

// The mean of a - b over pairs; its interval, as in stat_grouped; and the two-sided p-value of the hypothesis that it
// is 0: the larger of those of both units, 1 for n < 2. trials > 0: ci95 is at least stat_proportion(0, n*trials), what
// is left when no trial differs.
struct stat_difference {
  double mean, ci95, p;
};
struct stat_difference stat_paired(const double *a, const double *b, int n, int stride, int n_groups, int trials);

// ---- text

enum { STAT_TEXT = 64 };

// "0.12", or "?" where unknown. What is not 0 is shown as at least one unit of the last decimal. Returns out.
const char *stat_ci95_text(char out[STAT_TEXT], double ci95, int decimals);
// "98.53 +- 0.12", "98.53 +- ?".
const char *stat_text(char out[STAT_TEXT], double mean, double ci95, int decimals);

#endif
