#include "kernel/noise.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "base/rng.h"

// LANES blocks at a time: word w of block i is word[w][i]; the four normals of a block come from the
// pairs (0, 1) and (2, 3): u = (word 0 + 1/2)/2^32, v = word 1/2^32,
// z = sqrt(-2 ln u) (cos 2 pi v, sin 2 pi v).
enum { LANES = 16, CHUNK = 4*LANES };

// Words of 32 bits in the lower halves of 64, for products.
#ifdef __AVX2__
enum { WIDE = 4 };
#else
enum { WIDE = 2 };
#endif
typedef uint64_t wide __attribute__((vector_size(8*WIDE)));
typedef uint32_t words __attribute__((vector_size(4*WIDE)));

// Of the lower halves of x: one instruction, which gcc does not find.
static inline wide product(wide x, uint32_t m) {
#if defined __AVX2__
  return (wide)_mm256_mul_epu32((__m256i)x, _mm256_set1_epi64x(m));
#elif defined __SSE2__
  return (wide)_mm_mul_epu32((__m128i)x, _mm_set1_epi64x(m));
#else
  return (x & 0xFFFFFFFFu) * m;
#endif
}

// rng_philox of LANES counters beginning at that of r. The vectors of a round do not wait for each other.
static void philox(uint32_t word[4][LANES], const struct rng *r) {
  enum { N = LANES/WIDE };
  const uint64_t at = (uint64_t)r->counter[1] << 32 | r->counter[0];
  const uint64_t counts[] = { 0, 1, 2, 3 };
  wide c[4][N], first;
  memcpy(&first, counts, sizeof first);
  uint32_t k0 = r->key[0], k1 = r->key[1];
  for (int v = 0; v < N; v++) {
    c[0][v] = at + (uint64_t)(v*WIDE) + first;
    c[1][v] = c[0][v] >> 32;
    c[2][v] = r->counter[2] + (wide){ 0 };
    c[3][v] = r->counter[3] + (wide){ 0 };
  }
  for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u)
    for (int v = 0; v < N; v++) {  // the upper halves of c[1] and c[3] are not used
      const wide p0 = product(c[0][v], 0xD2511F53u), p1 = product(c[2][v], 0xCD9E8D57u);
      c[0][v] = (p1 >> 32) ^ c[1][v] ^ k0;
      c[2][v] = (p0 >> 32) ^ c[3][v] ^ k1;
      c[1][v] = p1;
      c[3][v] = p0;
    }
  for (int w = 0; w < 4; w++)
    for (int v = 0; v < N; v++) {
      const words low = __builtin_convertvector(c[w][v], words);
      memcpy(&word[w][v*WIDE], &low, sizeof low);
    }
}

static inline float as_float(uint32_t bits) {
  float f;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static inline uint32_t as_bits(float f) {
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  return bits;
}

// -ln((w + 1/2)/2^32) = 32 ln 2 - e ln 2 - ln m with w + 1/2 = m 2^e, m in [1/sqrt 2, sqrt 2):
// ln m = 2 artanh(s), s = (m - 1)/(m + 1), as an odd polynomial.
static inline float minus_log(uint32_t w) {
  const uint32_t bits = as_bits((float)w + 0.5f) + 0x004AFB0Du;  // 1 - mantissa of sqrt(1/2) moves the split
  const float e = (float)((int32_t)(bits >> 23) - 127);
  const float m = as_float((bits & 0x007FFFFFu) + 0x3F3504F3u);
  const float s = (m - 1) / (m + 1), q = s*s;
  const float ln_m = s * (2 + q*(0.66666669f + q*(0.39999434f + q*(0.28609195f + q*0.23209630f))));
  const float log_u = (32 - e) * 0.69314718f - ln_m;
  return as_float(as_bits(log_u) & -(uint32_t)(log_u > 0));  // at least 0; a condition would keep gcc from vectors
}

// sin and cos of an angle of a in [-1/8, 1/8) turns: Taylor polynomials, cut below 1e-8.
static inline void sincos_eighth(float a, float *s, float *c) {
  const float t = 6.2831853f * a, q = t*t;
  *s = t * (1 + q*(-0.16666667f + q*(8.3333310e-3f + q*(-1.9840874e-4f + q*2.7525562e-6f))));
  *c = 1 + q*(-0.5f + q*(4.1666668e-2f + q*(-1.3888889e-3f + q*2.4801587e-5f)));
}

static inline __attribute__((always_inline)) void box_muller(float *restrict z0, float *restrict z1,
                                                              const uint32_t *restrict w0,
                                                              const uint32_t *restrict w1, int n) {
  for (int i = 0; i < n; i++) {
    const float radius = sqrtf(2 * minus_log(w0[i]));
    const uint32_t turned = w1[i] + 0x20000000u;   // an eighth of a turn on: the top bits count quarters
    float s, c;
    sincos_eighth((float)((int32_t)(turned << 2 >> 2) - 0x20000000) * 0x1p-32f, &s, &c);
    const uint32_t odd = -(turned >> 30 & 1u), sign_c = ((turned >> 30) + 1) << 30 & 0x80000000u,
                   sign_s = turned & 0x80000000u;
    const uint32_t bc = as_bits(c), bs = as_bits(s);
    z0[i] = radius * as_float(((bs & odd) | (bc & ~odd)) ^ sign_c);
    z1[i] = radius * as_float(((bc & odd) | (bs & ~odd)) ^ sign_s);
  }
}

static void advance(struct rng *r, uint32_t blocks) {
  r->left = 0;
  if ((r->counter[0] += blocks) < blocks) r->counter[1]++;
}

// The four numbers of a block, from its four words.
typedef void from_words(float out[4][LANES], uint32_t word[4][LANES]);

static inline __attribute__((always_inline)) void fill(float *restrict z, size_t n, struct rng *r, from_words *from) {
  for (size_t at = 0; at < n; at += CHUNK) {
    uint32_t word[4][LANES];
    float out[4][LANES];
    philox(word, r);
    advance(r, LANES);
    from(out, word);
    memcpy(z + at, out, sizeof(float) * (n - at < CHUNK ? n - at : CHUNK));
  }
}

static void normal(float out[4][LANES], uint32_t word[4][LANES]) {
  box_muller(out[0], out[1], word[0], word[1], LANES);
  box_muller(out[2], out[3], word[2], word[3], LANES);
}

static void uniform(float out[4][LANES], uint32_t word[4][LANES]) {
  for (int w = 0; w < 4; w++)
    for (int i = 0; i < LANES; i++) out[w][i] = ((float)(int32_t)(word[w][i] >> 9) + 0.5f)*0x1p-23f;
}

// The first n <= LANES of the next chunk: no other words than theirs are computed.
static void few_normals(float *restrict z, size_t n, struct rng *r) {
  struct rng at = *r;
  for (size_t i = 0; i < n; i++) {
    uint32_t word[4];
    float unused;
    rng_philox(at.key, at.counter, word);
    box_muller(&z[i], &unused, &word[0], &word[1], 1);
    advance(&at, 1);
  }
  advance(r, LANES);
}

void noise_normal(float *restrict z, size_t n, struct rng *r) {
  enum { FEW = 4 };
  if (n > 0 && n <= FEW) few_normals(z, n, r);
  else fill(z, n, r, normal);
}

void noise_uniform(float *restrict u, size_t n, struct rng *r) { fill(u, n, r, uniform); }

// Word w of block i has numbers (2 w, i) and (2 w + 1, i) of the 8 times LANES of a chunk.
void noise_dither(real *restrict v, size_t n, double sigma, struct rng *r) {
  const float scale = (float)(sigma*sqrt(12)*0x1p-16);
  for (size_t at = 0; at < n; at += 2*CHUNK) {
    uint32_t word[4][LANES];
    float out[8*LANES];
    philox(word, r);
    advance(r, LANES);
    for (int w = 0; w < 4; w++)
      for (int i = 0; i < LANES; i++) {
        out[2*w*LANES + i] = scale*((float)((int32_t)(word[w][i] << 16) >> 16) + 0.5f);
        out[(2*w + 1)*LANES + i] = scale*((float)((int32_t)word[w][i] >> 16) + 0.5f);
      }
    const size_t m = n - at < 2*CHUNK ? n - at : 2*CHUNK;
    for (size_t k = 0; k < m; k++) v[at + k] += (real)out[k];
  }
}

void noise_normal_ref(float *restrict z, size_t n, struct rng *r) {
  for (size_t at = 0; at < n; at += CHUNK) {
    float out[4][LANES];
    for (int i = 0; i < LANES; i++) {
      uint32_t w[4];
      rng_philox(r->key, r->counter, w);
      advance(r, 1);
      for (int k = 0; k < 4; k += 2) {
        const double radius = sqrt(-2 * log((w[k] + 0.5) * 0x1p-32)), angle = 6.283185307179586 * 0x1p-32 * w[k + 1];
        out[k][i] = (float)(radius * cos(angle));
        out[k + 1][i] = (float)(radius * sin(angle));
      }
    }
    memcpy(z + at, out, sizeof(float) * (n - at < CHUNK ? n - at : CHUNK));
  }
}

// exp(x) = 2^k exp(r), |r| <= ln(2)/2, exp(r) by its Taylor polynomial to r^6.
void noise_exp(float *y, const float *x, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const float low = x[i] > -87.0f ? x[i] : -87.0f, v = low < 88.0f ? low : 88.0f;
    const float k = rintf(v * 1.44269504f);
    const float r = (v - k*0.693145752f) - k*1.42860677e-6f;
    const float p = 1 + r*(1 + r*(0.5f + r*(0.16666667f + r*(0.041666668f + r*(8.3333333e-3f + r*1.3888889e-3f)))));
    y[i] = p * as_float((uint32_t)((int32_t)k + 127) << 23);
  }
}
