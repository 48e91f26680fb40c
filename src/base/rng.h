// rng.h - counter-based random numbers (Philox 4x32-10; Salmon et al., SC 2011).
// A stream is named by what it is for, never by the thread or rank that draws from it,
// so results do not depend on how the work is divided.
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
  uint32_t key[2];      // from the seed
  uint32_t counter[4];  // [0..1] position, [2] index, [3] purpose
  uint32_t block[4];    // last output
  unsigned left;        // unread words of block
};

// What a stream is for; one list, so that no two uses share numbers.
enum rng_purpose {
  RNG_INIT = 1,         // initial weights
  RNG_EPISODE,          // classes, drawings, rotations, distortions of a training task
  RNG_EVALUATE,         // the same of an evaluation task
  RNG_VALIDATE,         // the same of a validation task
  RNG_QUANTISE,         // stochastic rounding
  RNG_GENERATE,         // built-in characters
  RNG_SPLIT,            // classes held out for validation
  RNG_PROGRAM,          // programming of devices
  RNG_DRIFT,            // drift exponents
  RNG_READ,             // read noise
  RNG_FAULT,            // faulty devices
  RNG_TRAJECTORY,       // target movements
  RNG_TEST,             // tests
  RNG_OBSERVE,          // which inputs calibrate a chip
  RNG_IMAGE_VIEW = 16,  // further views of an image, whatever task it is in; 15 was a stream for each task
  RNG_COLOUR,           // colours of built-in characters
};

// Stream number `index` of a purpose (an enum owned by the caller), under the run's seed.
struct rng rng_stream(uint64_t seed, uint32_t purpose, uint32_t index);

uint32_t rng_u32(struct rng *r);
double rng_uniform(struct rng *r);  // in (0, 1)
double rng_normal(struct rng *r);   // N(0, 1)

// The state of a stream as words, and back.
enum { RNG_WORDS = 11 };
void rng_words(uint32_t words[RNG_WORDS], const struct rng *r);
void rng_from_words(struct rng *r, const uint32_t words[RNG_WORDS]);

// One bijection of the counter; exposed for the known-answer test.
void rng_philox(const uint32_t key[2], const uint32_t counter[4], uint32_t out[4]);

#endif
