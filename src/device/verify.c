#include "device/verify.h"

#include <math.h>
#include <stdbool.h>

#include "base/rng.h"
#include "device/pcm.h"
#include "kernel/noise.h"

#define TOLERANCE 0.5
// What the default loop leaves of the errors that accepting anything within tolerance would: simulated over all presets
// and conductances, sigma_v/sigma_prog from 0.08 to 0.41 (tests/test_verify.c holds the sum to 2 %).
#define LEFT_TOLERANCE 0.75
#define LEFT_READ 0.66

const char *const verify_programming_names[] = {
  [VERIFY_STATISTICAL] = "statistical", [VERIFY_PULSES] = "verify", NULL
};

const struct param verify_param_table[] = {
  PARAM_F64(struct verify_params, tolerance, TOLERANCE, 1e-3, 100, "accepted error, relative to sigma_prog"),
  PARAM_F64(struct verify_params, gain, 1.0, 0.01, 2, "fraction of the error that a pulse is meant to remove"),
  PARAM_F64(struct verify_params, spread_set, 0.3, 0, 10, "relative spread of the effect of a partial SET pulse"),
  PARAM_F64(struct verify_params, spread_reset, 0.5, 0, 10, "relative spread of the effect of a partial RESET pulse"),
  PARAM_F64(struct verify_params, read_after_s, 1e-5, 1e-9, 1e3, "time from pulse to verify read, s"),
  PARAM_I64(struct verify_params, max_pulses, 30, 1, 10000,
            "largest number of pulses for a device, after that of its RESET"),
  { 0 },
};

// One unit on its way to the target.
struct unit {
  double g, target, sigma, sigma_v;
};

// z: three normal numbers. Returns whether the unit was found within tolerance; if not, and there is one left, a pulse
// follows.
static bool step(const struct verify_params *v, struct unit *u, const float z[3], bool pulse) {
  const double read = u->g + u->sigma_v * (double)z[0], error = u->target - read;
  if (fabs(error) <= v->tolerance * u->sigma) return true;
  if (!pulse) return false;
  const double spread = error > 0 ? v->spread_set : v->spread_reset;
  u->g = fmax(u->g + v->gain * error * (1 + spread * (double)z[1]), 0);
  return false;
}

static double verify_noise_uS(const struct verify_params *v, const struct pcm *p, double g_uS) {
  const double t = fmax(v->read_after_s, p->t_read_s);
  return g_uS * pcm_read_q(p, g_uS) * sqrt(log((t + p->t_read_s) / (2*p->t_read_s)));
}

static struct unit start(const struct verify_params *v, const struct pcm *p, double target, double z) {
  return (struct unit){ .g = pcm_reset_at(p, z), .target = target,
                        .sigma = pcm_sigma_prog_uS(p, target), .sigma_v = verify_noise_uS(v, p, target) };
}

// (P7)
static double relaxed(const struct unit *u, double z) {
  const double rest =
      u->sigma*u->sigma * (1 - LEFT_TOLERANCE * TOLERANCE*TOLERANCE / 3) - LEFT_READ * u->sigma_v*u->sigma_v;
  return fmax(u->g + sqrt(fmax(rest, 0)) * z, 0);
}

void verify_program(const struct verify_params *v, const struct pcm *p, float *g_prog_uS, const float *target_uS,
                    size_t n, struct rng *r, struct verify_count *count) {
  enum { CHUNK = 21 };  // rounds whose normal numbers are drawn at once
  for (size_t i = 0; i < n; i++) {
    float z[3*CHUNK + 1];
    noise_normal(z, 3*CHUNK + 1, r);
    struct unit u = start(v, p, (double)target_uS[i], (double)z[3*CHUNK]);
    count->pulses++;  // RESET
    g_prog_uS[i] = (float)u.g;
    if (u.sigma <= 0 && target_uS[i] > 0) g_prog_uS[i] = target_uS[i];  // no errors: nothing to iterate about
    if (target_uS[i] <= 0 || u.sigma <= 0) continue;
    bool done = false;
    long pulses = 0;
    for (int round = 0; !done && round <= v->max_pulses; round++) {  // after the last pulse comes a read
      if (round > 0 && round % CHUNK == 0) noise_normal(z, 3*CHUNK + 1, r);
      done = step(v, &u, z + 3*(round % CHUNK), pulses < v->max_pulses);
      count->reads++;
      pulses += !done && pulses < v->max_pulses;
    }
    count->pulses += pulses;
    count->failed += !done;
    noise_normal(z, 1, r);
    g_prog_uS[i] = (float)relaxed(&u, (double)z[0]);
  }
}
