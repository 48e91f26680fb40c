#include "device/pcm.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static double polynomial(const double c[4], double x) { return c[0] + x*(c[1] + x*(c[2] + x*c[3])); }

static double clip(double v, double low, double high) { return v < low ? low : v > high ? high : v; }

static double interpolate(const struct pcm_curve *c, double x) {
  int k = 1;
  while (k < c->n - 1 && c->x[k] < x) k++;
  const double f = clip((x - c->x[k - 1]) / (c->x[k] - c->x[k - 1]), 0, 1);
  return c->value[k - 1] + f*(c->value[k] - c->value[k - 1]);
}

// ln_x is given because three curves share it.
static double curve(const struct pcm_curve *c, double x, double ln_x) {
  switch (c->form) {
  case PCM_LOGARITHM:
    if (x < c->split) return clip(c->a*ln_x + c->b, c->low, c->high);
    return polynomial(c->c, x);
  case PCM_POWER: return fmin(c->a * exp(c->b*ln_x), c->high);
  case PCM_TABLE: return interpolate(c, x);
  case PCM_POLYNOMIAL: break;
  }
  return polynomial(c->c, x);
}

// ln 0 is kept finite: far below any measured conductance every clipped curve has reached its limit.
static double logarithm(double x) { return log(fmax(x, 1e-30)); }

static double curve_at(const struct pcm_curve *c, double x) { return curve(c, x, logarithm(x)); }

double pcm_sigma_prog_uS(const struct pcm *p, double g_uS) {
  const double x = g_uS / p->g_max_uS;
  return p->prog_scale * p->g_max_uS * (x > 0 ? fmax(curve_at(&p->sigma_prog, x), 0) : p->sigma_reset);
}

double pcm_reset_at(const struct pcm *p, double z) {
  return fmax(p->reset_uS + (p->reset_uS > 0 ? p->reset_uS * p->reset_spread : pcm_sigma_prog_uS(p, 0)) * z, 0);
}

// Variance of max(0, x + s z), z standard normal.
static double rectified_variance(double x, double s) {
  if (s <= 0) return 0;
  const double a = x/s, below = 0.5*erfc(-a/sqrt(2)), density = exp(-a*a/2)/sqrt(2*3.14159265358979323846);
  const double mean = x*below + s*density, square = (x*x + s*s)*below + x*s*density;
  return fmax(square - mean*mean, 0);
}

double pcm_weight_sigma(const struct pcm *p, int units, double x) {
  const double active = pcm_sigma_prog_uS(p, x*p->g_max_uS)/p->g_max_uS, resting = pcm_sigma_prog_uS(p, 0)/p->g_max_uS;
  return sqrt((rectified_variance(x, active) + rectified_variance(0, resting))/units);
}

double pcm_drift_mean(const struct pcm *p, double g_uS) {
  return p->drift_scale * curve_at(&p->mu, g_uS / p->g_max_uS);
}

double pcm_drift_spread(const struct pcm *p, double g_uS) {
  return p->drift_scale * curve_at(&p->s, g_uS / p->g_max_uS);
}

double pcm_read_q(const struct pcm *p, double g_prog_uS) {
  return p->read_scale * curve_at(&p->q, g_prog_uS / p->g_max_uS);
}

double pcm_log_ratio(const struct pcm *p, double t_s) {
  return log(p->frozen_ratio > 0 ? p->frozen_ratio : fmax(t_s / p->t0_s, 1));
}

double pcm_read_factor(const struct pcm *p, double t_s) {
  const double t = p->frozen_ratio > 0 ? p->frozen_ratio * p->t0_s : fmax(t_s, p->t0_s);
  return log((t + p->t_read_s) / (2*p->t_read_s));
}

double pcm_drift_uS(const struct pcm *p, double g_prog_uS, double nu, double t_s) {
  return g_prog_uS * exp(fmin(-nu * pcm_log_ratio(p, t_s), PCM_MOST_RISE));
}

static double drifted(const struct pcm *p, double x, double log_ratio) {
  return x > 0 ? x * exp(-pcm_drift_mean(p, x * p->g_max_uS) * log_ratio) : 0;
}

double pcm_aim(const struct pcm *p, double wanted, double t_s) {
  const double log_ratio = pcm_log_ratio(p, t_s), target = wanted * drifted(p, 1, log_ratio);
  double low = 0, high = 1;
  for (int k = 0; k < 50; k++) {  // bisection: f need not rise everywhere, but f(0) <= target <= f(1)
    const double middle = 0.5*(low + high);
    if (drifted(p, middle, log_ratio) < target) low = middle;
    else high = middle;
  }
  return high;
}

double pcm_sigma_read_uS(const struct pcm *p, double g_uS, double q, double t_s) {
  const double white = p->read_scale * p->read_white * p->g_max_uS / sqrt(p->devices);
  return sqrt(g_uS*g_uS*q*q * pcm_read_factor(p, t_s) + white*white);
}

void pcm_settle(const struct pcm *p, float *restrict nu, float *restrict q, const float *restrict g_prog_uS,
                const float *restrict target_uS, const float *restrict z, size_t n) {
  const double over = 1 / p->g_max_uS, d = p->drift_scale;
  const double mu_reset = curve_at(&p->mu, 0), s_reset = curve_at(&p->s, 0);  // half of all targets are 0
  for (size_t i = 0; i < n; i++) {
    const double x = (double)target_uS[i] * over, x_prog = (double)g_prog_uS[i] * over;
    double mu = mu_reset, s = s_reset;
    if (x > 0) {
      const double ln_x = log(x);
      mu = curve(&p->mu, x, ln_x);
      s = curve(&p->s, x, ln_x);
    }
    const double exponent = mu + s*(double)z[i];
    nu[i] = (float)(d * (p->folded ? fabs(exponent) : exponent));
    q[i] = (float)(p->read_scale * curve(&p->q, x_prog, logarithm(x_prog)));
  }
}

void pcm_program(const struct pcm *p, float *restrict g_prog_uS, float *restrict nu, float *restrict q,
                 const float *restrict target_uS, const float *restrict z1, const float *restrict z2, size_t n,
                 bool exact) {
  const double over = 1 / p->g_max_uS, scale = exact ? 0 : p->prog_scale * p->g_max_uS;
  const bool plain = p->sigma_prog.form == PCM_POLYNOMIAL;
  for (size_t i = 0; i < n; i++) {
    const double g = (double)target_uS[i], x = g*over;
    const double sigma =
        x > 0 ? (plain ? polynomial(p->sigma_prog.c, x) : curve_at(&p->sigma_prog, x)) : p->sigma_reset;
    g_prog_uS[i] = (float)fmax(g + scale * fmax(sigma, 0) * (double)z1[i], 0);
    if (x <= 0 && p->reset_uS > 0) g_prog_uS[i] = (float)pcm_reset_at(p, exact ? 0 : (double)z1[i]);
  }
  pcm_settle(p, nu, q, g_prog_uS, target_uS, z2, n);
}

// ---- presets

const char *const pcm_preset_names[] = {
  [PCM_JOSHI2020] = "joshi2020", [PCM_HERMES] = "hermes", [PCM_HERMES1] = "hermes1", [PCM_PUBLISHED] = "published-code",
  NULL,
};

#define LOG_FORM(slope, offset, lo, hi, until, ...)                                                \
  { .form = PCM_LOGARITHM, .a = slope, .b = offset, .low = lo, .high = hi, .split = until, .c = { __VA_ARGS__ } }
#define POWER_FORM(factor, exponent, hi) { .form = PCM_POWER, .a = factor, .b = exponent, .high = hi }
#define POLYNOMIAL_FORM(...) { .form = PCM_POLYNOMIAL, .c = { __VA_ARGS__ } }
#define HERMES_MU LOG_FORM(-0.0387, -0.0182, 0.0720, 0.13, 0.0945, 0.0736, -0.0126, -0.0436)

// Programming errors stand here in uS, as published, and are divided by g_max when a preset is taken.
static const struct pcm presets[] = {
  [PCM_JOSHI2020] = { .source = "Joshi et al., Nat. Commun. 11, 2473 (2020); Nandakumar et al., ICECS 2019",
    .devices = 1, .g_max_uS = 25, .t0_s = 20, .t_read_s = 250e-9,
    .sigma_prog = POLYNOMIAL_FORM(0.26348, 1.9650, -1.1731), .sigma_reset = 0.26348,
    .mu = LOG_FORM(-0.0155, 0.0244, 0.049, 0.1, HUGE_VAL, 0),
    .s = LOG_FORM(-0.0125, -0.0059, 0.008, 0.045, HUGE_VAL, 0),
    .q = POWER_FORM(0.0088, -0.65, 0.2) },
  [PCM_HERMES] = { .source = "HERMES chips, two devices per sign; fits as released in the IBM analog hardware kit",
    .devices = 2, .g_max_uS = 20.7, .t0_s = 300, .t_read_s = 512e-9,
    .sigma_prog = POLYNOMIAL_FORM(0.16603222, 4.71806468, -8.48101252, 4.68961419), .sigma_reset = 0.16603222,
    .mu = HERMES_MU, .s = LOG_FORM(-0.0117, -0.0057, 0.0091, 0.04, 0.3055, 0.0073, 0.0093, -0.0118),
    .q = LOG_FORM(-0.0117, -0.0069, 0.015, 0.04, 0.16, 0.0123, 0.0211, -0.0280, 0.0069) },
  [PCM_HERMES1] = { .source = "HERMES chips, one device per sign; fits as released in the IBM analog hardware kit",
    .devices = 1, .g_max_uS = 10.35, .t0_s = 200, .t_read_s = 512e-9,
    .sigma_prog = POLYNOMIAL_FORM(0.15781817, 2.32443916, -2.16310839, 0.68841818), .sigma_reset = 0.15781817,
    .mu = HERMES_MU, .s = LOG_FORM(-0.0120, -0.0023, 0.0124, 0.04, 0.3039, 0.0104, 0.0116, -0.0165),
    .q = LOG_FORM(-0.0078, 0.0038, 0.0179, 0.04, 0.1591, 0.0088, 0.0768, -0.1352, 0.0664) },
  // Q was evaluated at g in uS instead of g/25 uS; all reads at t/t0 = 32; a target of 0 has no error.
  [PCM_PUBLISHED] = { .source = "released simulation of Ortner et al., Nat. Commun. 16:1243 (2025)",
    .devices = 1, .g_max_uS = 25, .t0_s = 1, .t_read_s = 250e-9,
    .sigma_prog = POLYNOMIAL_FORM(0.2635, 1.9650, -1.1731), .sigma_reset = 0,
    .mu = LOG_FORM(-0.0155, 0.0244, 0.049, 0.1, HUGE_VAL, 0),
    .s = LOG_FORM(-0.0125, -0.0059, 0.008, 0.045, HUGE_VAL, 0),
    .q = POWER_FORM(0.001085979598387217, -0.65, 0.2), .frozen_ratio = 32, .first_write = 0.01 },
};

void pcm_preset(struct pcm *p, int k) {
  assert(k >= 0 && k < (int)(sizeof presets / sizeof *presets));
  *p = presets[k];
  snprintf(p->name, sizeof p->name, "%s", pcm_preset_names[k]);
  for (int i = 0; i < 4; i++) p->sigma_prog.c[i] /= p->g_max_uS;
  p->sigma_reset /= p->g_max_uS;
  p->prog_scale = p->drift_scale = p->read_scale = 1;
  p->folded = true;
}
