// flicker.h - read noise with a memory: reads that follow each other share most of a 1/f noise.
// A state per octave of period is kept for every output: octave k is drawn anew every 2^(k + 1) reads, at reads that no
// other octave uses (Voss and Clarke, J. Acoust. Soc. Am. 63, 258 (1978); McCartney's order). With K octaves
//   (F1) z = sum_k state_k / sqrt(K)
// is normal with spread 1 at every read, and its autocorrelation falls by 1/K for every doubling of the distance,
// 1 - (log2 m + 1)/K at m reads, as that of a spectrum 1/f over K octaves does. Octaves slower than those kept change
// so rarely that the last state stands for all of them, with their weight.
#ifndef DEVICE_FLICKER_H
#define DEVICE_FLICKER_H

#include <stddef.h>
#include <stdint.h>

struct rng;

enum { FLICKER_MAX_OCTAVES = 64 };

// The noise of n outputs that are read together. All zero: nothing was read yet.
struct flicker {
  int octaves, n;
  double slow;    // octaves that the last state stands for
  int forgotten;  // the first octaves, which are drawn at the next read
  uint64_t reads;
  float *state;  // (octaves, n)
  float *sum;    // (n)
};

size_t flicker_floats(int octaves, int n);  // that state and sum take
// Over floats of this number; all states are drawn before the first read.
void flicker_init(struct flicker *f, int octaves, int n, float *floats);
// The spectrum has `all` octaves from now on, at least those kept.
void flicker_span(struct flicker *f, double all);
// The octaves with periods up to that many reads are to be drawn anew: so many reads could have been made.
void flicker_forget(struct flicker *f, double reads);

// z (B, n): independent normal numbers; they become the noise of B reads one after the other. Draws from r at the first
// read and after flicker_forget.
void flicker_take(struct flicker *f, float *z, int B, struct rng *r);

#endif
