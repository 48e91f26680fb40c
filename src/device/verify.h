// verify.h - iterative program-and-verify: how a target conductance is reached by pulses whose effect is
// random, judged by reads that are noisy (Papandreou et al., ISCAS 2011).
//   RESET; then until |g_target - read| <= tolerance sigma_prog or n pulses are spent:
//     read  = g + sigma_v N(0,1)                   a verify read, (P4) read_after_s after the pulse
//     pulse : g += gain (g_target - read) (1 + spread N(0,1))      partial SET, or RESET with its own spread
//   g_prog = g + sigma_relax N(0,1)                relaxation until the first read at t0
// The published sigma_prog is what remains at t0 after the authors' loop. The part that a loop at the
// default tolerance leaves is known; the rest no loop can remove, and it is put down to relaxation:
//   sigma_relax^2 = sigma_prog^2 - 0.66 sigma_v^2 - 0.75 (default tolerance sigma_prog)^2/3       (P7)
// With factors of 1 that would be an error uniform within the tolerance and a read that nothing was known before;
// pulses aim at the target, so less is left. The default settings reproduce the statistical model; another tolerance
// moves the error.
#ifndef DEVICE_VERIFY_H
#define DEVICE_VERIFY_H

#include <stddef.h>

#include "base/param.h"

struct pcm;
struct rng;

// What an error of writing comes from: a formula, or this loop.
enum verify_programming { VERIFY_STATISTICAL, VERIFY_PULSES };
extern const char *const verify_programming_names[];

struct verify_params {
  double tolerance;         // accepted error, in units of sigma_prog at the target
  double gain;              // of a pulse
  double spread_set;        // relative randomness of a partial SET pulse
  double spread_reset;      // of a partial RESET pulse, which is harder to control
  double read_after_s;      // from pulse to verify read
  int64_t max_pulses;
};
extern const struct param verify_param_table[];

struct verify_count {
  long pulses, reads;  // spent
  long failed;         // units not within tolerance at the end
};

// Program n units to target_uS (n). g_prog_uS (n) is what they conduct at t0. Adds to *count.
void verify_program(const struct verify_params *v, const struct pcm *p, float *g_prog_uS, const float *target_uS,
                    size_t n, struct rng *r, struct verify_count *count);

#endif
