// The model is an array of 32-bit words; packed words have one number in the low and one in the high half. The machine
// is little-endian and shifts negative numbers arithmetically.
//   0 "MXA1"   1 bytes in all   2 side, inputs   3 channels, blocks   4 updates, bits | 256 if there are offsets
//   5 s as float, 6 as fixed-point factor; for each update: a as float, as factor, a' as float, as factor
//   for each block: right shift of the sums; for each channel: offset, factor; weights (channels, inputs of a sum)
// A fixed-point factor has a mantissa in its low and a right shift in its high half. The inputs of a sum are ordered
// (ky, kx, channel), with zeros up to a multiple of four.
#include "metaxbar_adapt.h"

enum { MAGIC = 0x3141584d, HEAD = 7, MAX_CHANNELS = 512, MAX_BLOCKS = 8, MAX_SIDE = 256, MAX_INPUTS = 4 };
enum { MAX_UPDATES = 64, MANTISSA = 1 << 15, RATE = 1 << 11, MAX_SHIFT = 30 };

#ifdef __GNUC__
#define MXA_APART __attribute__((noinline))  // inner loops, which need all registers; what would be copied
#else
#define MXA_APART
#endif

static int low(uint32_t word) { return (int)(word & 0xffff); }
static int high(uint32_t word) { return (int)(word >> 16); }
static int rows(int inputs) { return (9 * inputs + 3) & ~3; }
static int half(int side) { return (side + 1) / 2; }
static size_t words_of_block(int inputs, int channels) {
  return 1 + 2 * (size_t)channels + (size_t)channels * (size_t)rows(inputs) / 4;
}

#ifdef MXA_BRING_MEMORY
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);
void *memcpy(void *to, const void *from, size_t n) {
  for (size_t i = 0; i < n; i++) {
    ((char *)to)[i] = ((const char *)from)[i];
    __asm__ volatile("" ::: "memory");  // so that no compiler makes a call of memcpy out of this loop
  }
  return to;
}
void *memset(void *to, int value, size_t n) {
  for (size_t i = 0; i < n; i++) {
    ((char *)to)[i] = (char)value;
    __asm__ volatile("" ::: "memory");
  }
  return to;
}
#endif

// ---- sums of products: define MXA_DOTS as the name of a function like these to bring your own
// sum[0], sum[1] = products of rows w0, w1 with x; n is a multiple of four, all pointers are at multiples of four.

#ifdef MXA_DOTS
void MXA_DOTS(int32_t sum[2], const int8_t *w0, const int8_t *w1, const int8_t *x, int n);
#elif defined __ARM_FEATURE_SIMD32 && !defined MXA_PLAIN
#define MXA_DOTS dots_smlad
typedef uint32_t __attribute__((may_alias)) four;

static inline uint32_t evens(uint32_t v) {
  uint32_t r;
  __asm__("sxtb16 %0, %1" : "=r"(r) : "r"(v));
  return r;
}

static inline uint32_t odds(uint32_t v) {
  uint32_t r;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(r) : "r"(v));
  return r;
}

static inline uint32_t smlad(uint32_t a, uint32_t b, uint32_t sum) {
  uint32_t r;
  __asm__("smlad %0, %1, %2, %3" : "=r"(r) : "r"(a), "r"(b), "r"(sum));
  return r;
}

static MXA_APART void dots_smlad(int32_t sum[2], const int8_t *w0, const int8_t *w1, const int8_t *x, int n) {
  const four *v0 = (const four *)(const void *)w0, *v1 = (const four *)(const void *)w1,
             *u = (const four *)(const void *)x, *end = u + n / 4;
  uint32_t s0 = 0, s1 = 0;
  do {
    const uint32_t a = *u++, b = *v0++, c = *v1++, ae = evens(a), ao = odds(a);
    s0 = smlad(odds(b), ao, smlad(evens(b), ae, s0));
    s1 = smlad(odds(c), ao, smlad(evens(c), ae, s1));
  } while (u < end);
  sum[0] = (int32_t)s0;
  sum[1] = (int32_t)s1;
}
#else
#define MXA_DOTS dots_plain
static MXA_APART void dots_plain(int32_t sum[2], const int8_t *w0, const int8_t *w1, const int8_t *x, int n) {
  int32_t s0 = 0, s1 = 0;
  const int8_t *end = x + n;
  do {
    s0 += x[0]*w0[0];
    s1 += x[0]*w1[0];
    s0 += x[1]*w0[1];
    s1 += x[1]*w1[1];
    x += 2;
    w0 += 2;
    w1 += 2;
  } while (x < end);
  sum[0] = s0;
  sum[1] = s1;
}
#endif

// ---- the model

static int factor_ok(uint32_t word, int limit) { return low(word) < limit && high(word) <= MAX_SHIFT; }

// A constant of the read-out: a float in [0, 256), and as a factor.
static int constant_ok(const uint32_t *word, int limit) { return word[0] < 0x43800000U && factor_ok(word[1], limit); }

static int block_ok(const uint32_t *block, int channels) {
  if (block[0] > MAX_SHIFT) return 0;
  for (int o = 0; o < channels; o++)
    if (!factor_ok(block[2 + 2*o], MANTISSA) || block[1 + 2*o] + (1U << 30) > 1U << 31) return 0;
  return 1;
}

// Fill in what the model says.
static int open(struct mxa *s, const uint32_t *model, size_t bytes) {
  if ((uintptr_t)model % 4 != 0 || bytes < 4*HEAD || model[0] != MAGIC || model[1] != bytes) return MXA_MODEL;
  s->model = model;
  s->side = low(model[2]);
  s->inputs = high(model[2]);
  s->channels = low(model[3]);
  s->n_blocks = high(model[3]);
  s->n_updates = low(model[4]);
  s->bits = high(model[4]) & 255;
  s->offset = high(model[4]) >> 8;
  if (s->side < 2 || s->side > MAX_SIDE || s->inputs < 1 || s->inputs > MAX_INPUTS || s->channels < 1 ||
      s->channels > MAX_CHANNELS || s->n_blocks < 1 || s->n_blocks > MAX_BLOCKS || s->n_updates > MAX_UPDATES ||
      s->bits < 8 || s->bits > 24 || s->offset > 1)
    return MXA_MODEL;
  size_t words = HEAD + 4*(size_t)s->n_updates;
  s->blocks = model + words;
  for (int b = 0; b < s->n_blocks; b++) words += words_of_block(b ? s->channels : s->inputs, s->channels);
  if (bytes != 4*words || !constant_ok(model + 5, MANTISSA)) return MXA_MODEL;
  for (int t = 0; t < 2*s->n_updates; t++)
    if (!constant_ok(model + HEAD + 2*t, RATE)) return MXA_MODEL;
  const uint32_t *block = s->blocks;
  for (int b = 0; b < s->n_blocks; b++) {
    if (!block_ok(block, s->channels)) return MXA_MODEL;
    block += words_of_block(b ? s->channels : s->inputs, s->channels);
  }
  return 0;
}

// Bytes of the outputs of odd blocks, and of those of even blocks and the image.
static size_t activations(const struct mxa *s, int odd) {
  int side = s->side, inputs = s->inputs;
  size_t most = 0;
  for (int b = 0; b <= s->n_blocks; b++) {
    const size_t n = (size_t)(side * side * inputs);
    if ((b & 1) == odd && n > most) most = n;
    side = half(side);
    inputs = s->channels;
  }
  return most;
}

static size_t patch(const struct mxa *s) {
  return (size_t)rows(s->n_blocks > 1 && s->channels > s->inputs ? s->channels : s->inputs);
}

static size_t ram(const struct mxa *s, int ways, int examples) {
  if (ways < 1 || ways > MXA_MAX_WAYS || examples < 1 || examples > MXA_MAX_EXAMPLES) return 0;
  return MXA_RAM(activations(s, 1), activations(s, 0), patch(s), (size_t)s->channels, (size_t)ways, (size_t)examples);
}

size_t mxa_ram(const uint32_t *model, size_t model_bytes, int ways, int examples) {
  struct mxa s;
  return open(&s, model, model_bytes) < 0 ? 0 : ram(&s, ways, examples);
}

static void zero(mxa_number *x, int n) {
  while (n-- > 0) *x++ = 0;
}

static void *take(char **at, size_t bytes) {
  void *p = *at;
  *at += MXA_ROUND(bytes);
  return p;
}

int mxa_init(struct mxa *s, const uint32_t *model, size_t model_bytes, void *memory, size_t ram_bytes, int ways,
             int examples) {
  struct mxa new;
  if (open(&new, model, model_bytes) < 0) return MXA_MODEL;
  const size_t need = ram(&new, ways, examples), matrix = 4 * (size_t)ways * (size_t)new.channels;
  if (need == 0 || ram_bytes < need || (uintptr_t)memory % 4 != 0) return MXA_MEMORY;
  char *at = memory;
  new.readout.context = NULL;
  new.readout.product = NULL;
  new.readout.update = NULL;
  new.max_ways = ways;
  new.max_examples = examples;
  new.ways = new.examples = 0;
  new.odd = take(&at, activations(&new, 1));
  new.even = take(&at, activations(&new, 0));
  new.patch = take(&at, patch(&new));
  new.h = take(&at, (size_t)(examples * new.channels));
  new.label = take(&at, (size_t)examples);
  new.w = take(&at, matrix);
  new.dw = take(&at, matrix);
  new.b = take(&at, 4 * (size_t)ways);
  new.db = take(&at, 4 * (size_t)ways);
  new.z = take(&at, 4 * (size_t)ways);
  new.n = take(&at, 4 * (size_t)ways);
  zero(new.w, ways * new.channels);
  *s = new;
  return 0;
}

// ---- features

// The inputs of output pixel (y, x): 3 x 3 pixels of in (side, side, C), zeros outside.
static MXA_APART void gather(int8_t *to, const int8_t *in, int side, int C, int y, int x) {
  for (int row = 2*y - 1; row < 2*y + 2; row++)
    for (int column = 2*x - 1; column < 2*x + 2; column++) {
      const int inside = (unsigned)row < (unsigned)side && (unsigned)column < (unsigned)side;
      const int8_t *from = in + (row*side + column)*C;
      for (int c = 0; c < C; c++) *to++ = inside ? from[c] : 0;
    }
}

// Rectified, then normalised (C2).
static MXA_APART int8_t normalise(int32_t sum, int shift, const uint32_t *channel) {
  int32_t a = sum < 0 ? 0 : sum >> shift;
  if (a > MANTISSA - 1) a = MANTISSA - 1;
  a = (a*low(channel[1]) + (int32_t)channel[0]) >> high(channel[1]);
  return (int8_t)(a < -128 ? -128 : a > 127 ? 127 : a);
}

static MXA_APART void block_forward(int8_t *out, const int8_t *in, int8_t *inputs, const uint32_t *block, int side,
                                    int C, int O) {
  const int n = rows(C), S = half(side);
  for (int i = 9*C; i < n; i++) inputs[i] = 0;
  for (int y = 0; y < S; y++)
    for (int x = 0; x < S; x++) {
      const int8_t *w = (const int8_t *)(block + 1 + 2*O);
      gather(inputs, in, side, C, y, x);
      for (int o = 0; o < O; o += 2, w += 2*n) {
        int32_t sum[2];
        const int more = o + 1 < O;
        MXA_DOTS(sum, w, more ? w + n : w, inputs, n);
        *out++ = normalise(sum[0], (int)block[0], block + 1 + 2*o);
        if (more) *out++ = normalise(sum[1], (int)block[0], block + 3 + 2*o);
      }
    }
}

void mxa_features(const struct mxa *s, int8_t *h, const uint8_t *image) {
  int8_t *in = s->even, *out = s->odd;
  const uint32_t *block = s->blocks;
  int side = s->side, C = s->inputs;
  for (int i = 0; i < side*side*C; i++) in[i] = (int8_t)(image[i] >> 1);
  for (int b = 0; b < s->n_blocks; b++) {
    block_forward(out, in, s->patch, block, side, C, s->channels);
    block += words_of_block(C, s->channels);
    side = half(side);
    C = s->channels;
    int8_t *swap = in;
    in = out;
    out = swap;
  }
  for (int c = 0; c < C; c++) {
    h[c] = in[c];
    for (int p = 1; p < side*side; p++)
      if (in[p*C + c] > h[c]) h[c] = in[p*C + c];
  }
}

// ---- arithmetic of the read-out: integers, or float

#ifdef MXA_FIXED
static MXA_APART int32_t clamp(int32_t x, int32_t limit) { return x > limit ? limit : x < -limit ? -limit : x; }
static int32_t scaled(int32_t x, uint32_t factor) {
  const int shift = high(factor);
  return (x*low(factor) + (shift ? 1 << (shift - 1) : 0)) >> shift;
}

// a 2^n/b, for a <= b < 2^31 (n = 0: a < b)
static int32_t ratio(uint32_t a, uint32_t b, int n) {
  uint32_t q = a >= b;
  if (q) a -= b;
  while (n-- > 0) {
    a <<= 1;
    q <<= 1;
    if (a >= b) {
      a -= b;
      q |= 1;
    }
  }
  return (int32_t)q;
}

// The largest weight: then no sum of products overflows.
static int32_t weight_limit(const struct mxa *s) {
  const int32_t limit = ratio(1, (uint32_t)s->channels, 23);
  return limit > 1 << 20 ? 1 << 20 : limit;
}

enum { BIAS_LIMIT = 1 << 29 };

// exp(-d), d in units of 2^-bits, the result in those of 2^-15
static int32_t exponential(uint32_t d, int bits) {
  if (d >> bits > 10) return 0;
  const uint32_t x = bits > 15 ? d >> (bits - 15) : d << (15 - bits), t = x + ((x >> 4) * 14506U >> 11);  // 1/ln 2
  const uint32_t f = t & 32767;
  uint32_t p = 7575 - (1297*f >> 15);  // 2^-f within 1e-4
  p = 22662 - (p*f >> 15);
  p = 32768 - (p*f >> 15);
  return (int32_t)(p >> (t >> 15));
}

// p (ways) of z, in units of 2^-16
static void softmax(const struct mxa *s, int32_t *z) {
  int32_t most = z[0], sum = 0;
  for (int k = 1; k < s->ways; k++)
    if (z[k] > most) most = z[k];
  for (int k = 0; k < s->ways; k++) sum += z[k] = exponential((uint32_t)most - (uint32_t)z[k], s->bits);
  for (int k = 0; k < s->ways; k++) z[k] = ratio((uint32_t)z[k], (uint32_t)sum, 16);
}

// Sums of a class in dw become means, in units of 2^-7.
static MXA_APART int32_t over(int32_t n) { return ratio(1, (uint32_t)n, 20); }
static int32_t mean_of(int32_t sum, int32_t share) { return (sum*share + (1 << 12)) >> 13; }
static int32_t mean_over_classes(int32_t sum, int32_t share) { return (sum * (share >> 5) + (1 << 14)) >> 15; }
static int32_t error_of(int32_t p, int32_t share) { return (p >> 1) * (share >> 5) >> 14; }

// From means to the start of a weight; and to what the bias of its class gets.
static int32_t start_weight(const struct mxa *s, int32_t difference, int32_t limit) {
  return clamp(scaled(difference, s->model[6]), limit);
}
static int32_t start_bias(const struct mxa *s, int32_t mean, int32_t limit) {
  return (start_weight(s, mean, limit) * (mean >> 4) + 8) >> 4;
}

// From the sums of an update to the changes of a weight and of a bias.
static int32_t weight_change(int32_t w, int32_t sum, const uint32_t *rates, int32_t limit) {
  return clamp(w - scaled(sum >> 11, rates[1]), limit) - w;
}
static int32_t bias_change(int32_t b, int32_t sum, const uint32_t *rates) {
  return clamp(b - scaled(sum >> 4, rates[3]), BIAS_LIMIT) - b;
}
enum { ONE = 1 << 16 };
#else
static float real_of(uint32_t bits) {
  union {
    uint32_t bits;
    float value;
  } u;
  u.bits = bits;
  return u.value;
}

// exp(x), x <= 0
static float exponential(float x) {
  if (!(x > -60)) return 0;
  union {
    uint32_t bits;
    float value;
  } u;
  const float t = x * 1.44269504f;
  const int n = (int)t;
  const float f = t - (float)n;  // in (-1, 0]
  u.value = 1 + f*(0.693147181f + f*(0.240226507f + f*(0.0555041087f + f*(0.00961812911f + f*0.00133335581f))));
  u.bits += (uint32_t)n << 23;
  return u.value;
}

static void softmax(const struct mxa *s, float *z) {
  float most = z[0], sum = 0;
  for (int k = 1; k < s->ways; k++)
    if (z[k] > most) most = z[k];
  for (int k = 0; k < s->ways; k++) sum += z[k] = exponential(z[k] - most);
  for (int k = 0; k < s->ways; k++) z[k] /= sum;
}

static float weight_limit(const struct mxa *s) {
  (void)s;
  return 0;  // there is none
}
static float over(int32_t n) { return 1.0f / (float)n; }
static float mean_of(float sum, float share) { return sum*share; }
static float mean_over_classes(float sum, float share) { return sum*share; }
static float error_of(float p, float share) { return p*share; }
static float start_weight(const struct mxa *s, float difference, float limit) {
  (void)limit;
  return real_of(s->model[5])*difference;
}
static float start_bias(const struct mxa *s, float mean, float limit) { return start_weight(s, mean, limit)*mean/2; }
static float weight_change(float w, float sum, const uint32_t *rates, float limit) {
  (void)w;
  (void)limit;
  return -real_of(rates[0])*sum;
}
static float bias_change(float b, float sum, const uint32_t *rates) {
  (void)b;
  return -real_of(rates[2])*sum;
}
enum { ONE = 1 };
#endif

// ---- learning and classification

// Logits into s->z.
static int product(struct mxa *s, const int8_t *h) {
  int rc = 0;
  if (s->readout.product) rc = s->readout.product(s->readout.context, s->z, h, s->ways);
  if (rc != 0) return rc;
  const int8_t *end = h + (s->readout.product ? 0 : s->channels);
  const mxa_number *w = s->w;
  for (int k = 0; k < s->ways; k++) {
    mxa_number sum = s->readout.product ? s->z[k] : 0;
    for (const int8_t *x = h; x < end; x++) sum += (mxa_number)*x * *w++;
    s->z[k] = sum + s->b[k];
  }
  return 0;
}

// Hardware, if there is any, gets the change of the weights.
static int tell(struct mxa *s) {
  return s->readout.update ? s->readout.update(s->readout.context, s->dw, s->ways) : 0;
}

static void clear(struct mxa *s) {
  zero(s->dw, s->ways * s->channels);
  zero(s->db, s->ways);
}

// K1
static MXA_APART int start(struct mxa *s) {
  const int C = s->channels;
  const mxa_number limit = weight_limit(s), share = over(s->ways);
  clear(s);
  for (int i = 0; i < s->examples; i++)
    for (int c = 0; c < C; c++) s->dw[s->label[i]*C + c] += (mxa_number)s->h[i*C + c];
  for (int k = 0; k < s->ways; k++) {
    const mxa_number of_class = over(s->n[k]);
    s->b[k] = 0;
    for (int c = 0; c < C; c++) {
      const mxa_number mean = s->dw[k*C + c] = mean_of(s->dw[k*C + c], of_class);
      if (s->offset) s->b[k] -= start_bias(s, mean, limit);
    }
  }
  for (int c = 0; c < C; c++) {
    mxa_number all = 0;
    for (int k = 0; k < s->ways; k++) all += s->dw[k*C + c];
    all = mean_over_classes(all, share);
    for (int k = 0; k < s->ways; k++) {
      mxa_number *w = &s->w[k*C + c], *dw = &s->dw[k*C + c], begin = start_weight(s, *dw - all, limit);
      *dw = begin - *w;
      *w = begin;
    }
  }
  return tell(s);
}

// K2
static MXA_APART int delta_rule(struct mxa *s, const uint32_t *rates) {
  const mxa_number limit = weight_limit(s);
  clear(s);
  for (int i = 0; i < s->examples; i++) {
    const int8_t *h = s->h + i*s->channels, *end = h + s->channels;
    const mxa_number share = over(s->n[s->label[i]]);
    mxa_number *dw = s->dw;
    const int rc = product(s, h);
    if (rc != 0) return rc;
    softmax(s, s->z);
    s->z[s->label[i]] -= ONE;
    for (int k = 0; k < s->ways; k++) {
      const mxa_number g = error_of(s->z[k], share);
      for (const int8_t *x = h; x < end; x++) *dw++ += g * (mxa_number)*x;
      s->db[k] += g;
    }
  }
  for (int i = 0; i < s->ways * s->channels; i++)
    s->w[i] += s->dw[i] = weight_change(s->w[i], s->dw[i], rates, limit);
  for (int k = 0; k < s->ways; k++) s->b[k] += bias_change(s->b[k], s->db[k], rates);
  return tell(s);
}

int mxa_add(struct mxa *s, int label, const int8_t *h) {
  if (label < 0 || label > s->ways || label >= s->max_ways) return MXA_CLASS;
  if (s->examples == s->max_examples) return MXA_EXAMPLES;
  if (label == s->ways) s->n[s->ways++] = 0;
  s->n[label]++;
  s->label[s->examples] = (uint8_t)label;
  for (int c = 0; c < s->channels; c++) s->h[s->examples*s->channels + c] = h[c];
  s->examples++;
  return 0;
}

int mxa_learn(struct mxa *s, int updates) {
  if (s->examples == 0) return MXA_EMPTY;
  int rc = start(s);
  for (int t = 0; t < updates && s->n_updates > 0 && rc == 0; t++)
    rc = delta_rule(s, s->model + HEAD + 4*(t < s->n_updates ? t : s->n_updates - 1));
  return rc;
}

int mxa_classify(struct mxa *s, const int8_t *h) {
  int best = 0;
  if (s->examples == 0) return MXA_EMPTY;
  const int rc = product(s, h);
  if (rc != 0) return rc;
  for (int k = 1; k < s->ways; k++)
    if (s->z[k] > s->z[best]) best = k;
  return best;
}

void mxa_forget(struct mxa *s) { s->ways = s->examples = 0; }
