// pcm.h - statistical model of phase-change memory: programming error, drift, read noise.
// Symbols: docs/equations.md, section "PCM". Conductances are in microsiemens (_uS), x = g/g_max is
// dimensionless, times are seconds since the device was written, logarithms natural.
//   (P1) g_prog = max(0, g + sigma_prog(x) N(0,1))
//   (P2) nu = |N(mu(x), s(x))| of the presets, N(mu(x), s(x)) of measured tables
//   (P3) g(t) = g_prog min((t/t0)^-nu, 1000)                            t >= t0
//   (P4) sigma_read(t) = g(t) Q(x_prog) sqrt(ln((t + t_read)/(2 t_read)))   1/f noise, one read
// The model is a table of constants: presets below, measured tables in device/devicetable.h.
#ifndef DEVICE_PCM_H
#define DEVICE_PCM_H

#include <stdbool.h>
#include <stddef.h>

struct rng;

enum pcm_form {
  PCM_POLYNOMIAL,  // c0 + c1 x + c2 x^2 + c3 x^3
  PCM_LOGARITHM,   // clip(a ln x + b, low, high) for x < split, the polynomial from there on
  PCM_POWER,       // min(a x^b, high)
  PCM_TABLE,       // linear between points
};

enum { PCM_MAX_POINTS = 256 };

// A property as a function of x in [0, 1].
struct pcm_curve {
  enum pcm_form form;
  double c[4];
  double a, b, low, high, split;
  int n;                                        // points of a table: (x, value)
  double x[PCM_MAX_POINTS], value[PCM_MAX_POINTS];
};

// One kind of device. A unit is what is written and verified together: `devices` devices in parallel,
// g_max_uS their common maximum. A pair measured as a pair is one unit of two devices.
struct pcm {
  char name[64];
  const char *source;
  int devices;
  double g_max_uS, t0_s, t_read_s;
  struct pcm_curve sigma_prog;   // in units of g_max
  double sigma_reset;            // the same for a target of exactly 0
  struct pcm_curve mu, s, q;
  bool folded;                   // (P2) with the absolute value, as the presets were fitted
  double reset_uS, reset_spread;  // RESET conducts N(reset_uS, reset_spread reset_uS); reset_uS 0: as the model says
  double prog_scale, drift_scale, read_scale;  // multiply errors, exponents and noise; 1, or 0 for none
  double read_white;             // white noise of one device in one read, in units of g_max
  // Only in "published-code", the released simulation of the paper, as it is:
  double frozen_ratio;           // t/t0 of every read, whatever the clock says; 0: the clock
  double first_write;            // deployment writes w + U(-first_write, first_write) without error (P1); 0: no
};

enum pcm_preset_kind { PCM_JOSHI2020, PCM_HERMES, PCM_HERMES1, PCM_PUBLISHED };
extern const char *const pcm_preset_names[];

// Preset k of this list, all scales 1. hermes is written in pairs, hermes1 device by device.
void pcm_preset(struct pcm *p, int k);

// The formulas, by conductance.
double pcm_sigma_prog_uS(const struct pcm *p, double g_uS);
// Programming error of a weight x in [0, 1] held by `units` units for each sign, those of the other sign in RESET: the
// standard deviation of the conductance difference over units g_max, both sides cut off at 0 by (P1).
double pcm_weight_sigma(const struct pcm *p, int units, double x);
// Conductance of a unit after RESET, z standard normal: (P1) at 0, or what reset_uS says (P10).
double pcm_reset_at(const struct pcm *p, double z);
double pcm_drift_mean(const struct pcm *p, double g_uS);    // mu, before any absolute value
double pcm_drift_spread(const struct pcm *p, double g_uS);  // s
double pcm_read_q(const struct pcm *p, double g_prog_uS);
double pcm_drift_uS(const struct pcm *p, double g_prog_uS, double nu, double t_s);
// Of one unit that conducts g_uS at time t; white noise included.
double pcm_sigma_read_uS(const struct pcm *p, double g_uS, double q, double t_s);

// The largest exponent of (P3): ln 1000. A device whose conductance rises does not do so for ever.
#define PCM_MOST_RISE 6.9077552789821

// ln(t/t0), 0 before t0, and the variance factor of (P4), ln((t + t_read)/(2 t_read)), both at max(t, t0).
double pcm_log_ratio(const struct pcm *p, double t_s);
double pcm_read_factor(const struct pcm *p, double t_s);

// The x to write so that, by the mean drift, units conduct in proportion to `wanted` (0 .. 1) t_s after writing:
// f(x) = wanted f(1), f(x) = x (t/t0)^-mu(x) (P8). The largest stays the largest.
double pcm_aim(const struct pcm *p, double wanted, double t_s);

// Statistical programming of n units: g_prog (P1), nu (P2) and q of (P4) from targets in uS; z1, z2 (n) are
// standard normal numbers. exact: without error (P1).
void pcm_program(const struct pcm *p, float *restrict g_prog_uS, float *restrict nu, float *restrict q,
                 const float *restrict target_uS, const float *restrict z1, const float *restrict z2, size_t n,
                 bool exact);

// nu and q alone, of units whose g_prog is known.
void pcm_settle(const struct pcm *p, float *restrict nu, float *restrict q, const float *restrict g_prog_uS,
                const float *restrict target_uS, const float *restrict z, size_t n);

#endif
