#include "base/stat.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

static const double pi = 3.14159265358979323846;
static const double z95 = 1.959963984540054;  // 0.975 quantile of the normal distribution

// ---- moments

void stat_add(struct stat_moments *s, double x) {
  const double off = x - s->mean;
  s->min = s->n ? fmin(s->min, x) : x;
  s->max = s->n ? fmax(s->max, x) : x;
  s->n++;
  s->mean += off / (double)s->n;
  s->m2 += off * (x - s->mean);
}

struct stat_moments stat_of(const double *v, int n, int stride) {
  struct stat_moments s = { 0 };
  for (int k = 0; k < n; k++) stat_add(&s, v[(ptrdiff_t)k * stride]);
  return s;
}

double stat_sd(const struct stat_moments *s) { return s->n > 1 ? sqrt(s->m2 / (double)(s->n - 1)) : INFINITY; }

double stat_mean_se(const struct stat_moments *s) { return s->n > 1 ? stat_sd(s) / sqrt((double)s->n) : INFINITY; }
double stat_variance_se(const struct stat_moments *s) {
  return s->n > 1 ? stat_sd(s) * stat_sd(s) * sqrt(2 / (double)(s->n - 1)) : INFINITY;
}

static int compare(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double stat_quantile(double *v, size_t n, double q) {
  assert(n > 0 && q >= 0 && q <= 1);
  qsort(v, n, sizeof *v, compare);
  const double at = q * (double)(n - 1);
  const size_t below = (size_t)at, above = below + (below + 1 < n);
  return v[below] + (at - (double)below) * (v[above] - v[below]);
}

// ---- Student's t

// Gamma(a + 1/2)/Gamma(a): the series for large a (DLMF 5.11.13), to which Gamma(a + 1) = a Gamma(a) leads up.
static double gamma_ratio(double a) {
  double factor = 1;
  for (; a < 200; a++) factor *= a / (a + 0.5);
  return factor * sqrt(a) *
         (1 - 1 / (8 * a) + 1 / (128 * a * a) + 5 / (1024 * a * a * a) - 21 / (32768 * a * a * a * a));
}

// I_x(a, b) a B(a, b)/(x^a (1 - x)^b), the incomplete beta function without its factors, by a series of positive terms
// (DLMF 8.17.8) and by a continued fraction (DLMF 8.17.22, Lentz's method), which takes few steps for
// x < (a + 1)/(a + b + 2).
static double beta_series(double x, double a, double b) {
  double term = 1, sum = 1;
  for (int n = 0; term > 1e-17 * sum; n++) sum += term *= (a + b + n) / (a + 1 + n) * x;
  return sum;
}

static double beta_fraction(double x, double a, double b) {
  double c = 1, d = 0, product = 1;
  for (int j = 1; j < 100000 && (j == 1 || fabs(c * d - 1) > 1e-15); j++) {
    const int m = j / 2;
    const double step = (j % 2 ? -(a + m) * (a + b + m) : m * (b - m)) * x / ((a + j - 1) * (a + j));
    c = 1 + step / c;
    d = 1 / (1 + step * d);
    product *= c * d;
  }
  return 1 / product;
}

// With x = df/(df + t^2) and f(t) the density: I_x(df/2, 1/2)/2 = P(T > t), whose factors are f(t) t/df, and
// I_(1-x)(1/2, df/2)/2 = P(0 < T < t), whose factors are f(t) t.
double stat_t_tail(double t, double df) {
  assert(df > 0);
  if (t < 0) return 1 - stat_t_tail(-t, df);
  if (t > 1e100) return 0;
  const double density = gamma_ratio(df / 2) / sqrt(pi * df) * exp(-(df + 1) / 2 * log1p(t * t / df));
  if (t > 4 || t * t > df) return density * t / df * beta_fraction(df / (df + t * t), df / 2, 0.5);
  return 0.5 - density * t * beta_series(t * t / (df + t * t), 0.5, df / 2);
}

// What T exceeds with probability q, at most 0.5.
static double exceeded(double q, double df) {
  double low = 0, high = 1, middle;
  while (stat_t_tail(high, df) > q) high *= 2;
  while ((middle = 0.5 * (low + high)) > low && middle < high) {
    if (stat_t_tail(middle, df) > q) low = middle;
    else high = middle;
  }
  return middle;
}

double stat_t_quantile(double p, double df) {
  assert(p > 0 && p < 1);
  return p < 0.5 ? -exceeded(p, df) : exceeded(1 - p, df);
}

// ---- intervals

// A mean's standard error, with so many degrees of freedom.
struct error {
  double se, df;
};

static double ci95_of(struct error e) { return e.df > 0 ? stat_t_quantile(0.975, e.df) * e.se : INFINITY; }

static struct error independent(const struct stat_moments *s) {
  return (struct error){ stat_sd(s) / sqrt((double)s->n), (double)(s->n - 1) };
}

struct stat_interval stat_interval(const struct stat_moments *s) {
  return (struct stat_interval){ s->mean, ci95_of(independent(s)) };
}

struct stat_interval stat_proportion(double k, double n) {
  const double p = k / n, centre = (k + z95 * z95 / 2) / (n + z95 * z95);
  const double half = z95 / (n + z95 * z95) * sqrt(fmax(k * (1 - p), 0) + z95 * z95 / 4);
  return (struct stat_interval){ p, half + fabs(centre - p) };
}

// With the group as the unit.
static struct error between(const double *v, int n, int stride, int n_groups, double mean) {
  double square = 0;
  for (int g = 0; g < n_groups; g++) {
    double sum = 0;
    for (int k = g; k < n; k += n_groups) sum += v[(ptrdiff_t)k * stride] - mean;
    square += sum * sum;
  }
  return (struct error){ sqrt(square * n_groups / (n_groups - 1)) / n, n_groups - 1 };
}

struct stat_interval stat_grouped(const double *v, int n, int stride, int n_groups, int trials) {
  assert(n_groups >= 1 && n_groups <= n);
  const struct stat_moments s = stat_of(v, n, stride);
  struct stat_interval all = stat_interval(&s);
  if (n_groups > 1) all.ci95 = fmax(all.ci95, ci95_of(between(v, n, stride, n_groups, s.mean)));
  if (trials > 0) all.ci95 = fmax(all.ci95, stat_proportion(s.mean * n * trials, (double)n * trials).ci95);
  return all;
}

// Two-sided p-value of a mean that should be 0.
static double p_value(double mean, struct error e) {
  return e.df > 0 && mean != 0 ? 2 * stat_t_tail(fabs(mean) / e.se, e.df) : 1;
}

struct stat_difference stat_paired(const double *a, const double *b, int n, int stride, int n_groups, int trials) {
  double *d = err_calloc((unsigned long)n, sizeof *d);
  for (int k = 0; k < n; k++) d[k] = a[(ptrdiff_t)k * stride] - b[(ptrdiff_t)k * stride];
  const struct stat_moments s = stat_of(d, n, 1);
  struct stat_difference r = { s.mean, stat_grouped(d, n, 1, n_groups, 0).ci95, p_value(s.mean, independent(&s)) };
  if (n_groups > 1) r.p = fmax(r.p, p_value(s.mean, between(d, n, 1, n_groups, s.mean)));
  if (trials > 0) r.ci95 = fmax(r.ci95, stat_proportion(0, (double)n * trials).ci95);
  free(d);
  return r;
}

// ---- text

static double shown(double ci95, int decimals) { return ci95 > 0 ? fmax(ci95, pow(10, -decimals)) : ci95; }

const char *stat_ci95_text(char out[STAT_TEXT], double ci95, int decimals) {
  if (isfinite(ci95)) snprintf(out, STAT_TEXT, "%.*f", decimals, shown(ci95, decimals));
  else snprintf(out, STAT_TEXT, "?");
  return out;
}

const char *stat_text(char out[STAT_TEXT], double mean, double ci95, int decimals) {
  if (isfinite(ci95)) snprintf(out, STAT_TEXT, "%.*f +- %.*f", decimals, mean, decimals, shown(ci95, decimals));
  else snprintf(out, STAT_TEXT, "%.*f +- ?", decimals, mean);
  return out;
}
