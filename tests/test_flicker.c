// Read noise with a memory: normal at every read, and its autocorrelation is that of its spectrum over three decades.
#include "base/err.h"
#include "base/rng.h"
#include "device/flicker.h"
#include "kernel/noise.h"
#include "test.h"

enum { OCTAVES = 25, N = 256, READS = 1 << 13, BATCH = 32 };

// Autocorrelation at m reads of a spectrum 1/f from f_low to f_high = 2^OCTAVES f_low, by summing cosines.
static double spectrum(double m, double high) {
  double sum = 0, all = 0;
  const int steps = 200*OCTAVES;
  for (int k = 0; k < steps; k++) {
    const double f = high*pow(2, -(k + 0.5)/200);  // equal steps of ln f have equal power
    sum += cos(2*3.14159265358979323846*f*m);
    all++;
  }
  return sum/all;
}

static float *record(struct flicker *f, struct rng *r) {
  float *z = err_calloc((size_t)READS*N, sizeof *z);
  for (int b = 0; b < READS; b += BATCH) {
    noise_normal(z + (size_t)b*N, (size_t)BATCH*N, r);
    flicker_take(f, z + (size_t)b*N, BATCH, r);
  }
  return z;
}

static double correlation(const float *z, int m) {
  double c = 0;
  for (int b = 0; b + m < READS; b++)
    for (int o = 0; o < N; o++) c += (double)(z[(size_t)b*N + (size_t)o]*z[((size_t)b + (size_t)m)*N + (size_t)o]);
  return c/((double)(READS - m)*N);
}

static void test_spectrum(void) {
  enum { SETS = 12 };
  static const int distances[] = { 1, 3, 10, 30, 100, 300, 1000 };
  enum { DISTANCES = sizeof distances/sizeof *distances };
  double found[DISTANCES] = { 0 }, square = 0, fourth = 0;
  float *floats = err_calloc(flicker_floats(OCTAVES, N), sizeof *floats);
  for (int s = 0; s < SETS; s++) {
    struct rng r = rng_stream(2, RNG_TEST, (uint32_t)s);
    struct flicker f;
    flicker_init(&f, OCTAVES, N, floats);
    float *z = record(&f, &r);
    for (int k = 0; k < DISTANCES; k++) found[k] += correlation(z, distances[k])/SETS;
    for (int o = 0; o < N; o++) {
      const double last = (double)z[(size_t)(READS - 1)*N + (size_t)o];
      square += last*last/(N*SETS);
      fourth += last*last*last*last/(N*SETS);
    }
    free(z);
  }
  CHECK(fabs(square - 1) < 5*sqrt(2.0/(N*SETS)), "variance %g", square);
  CHECK(fabs(fourth - 3) < 5*sqrt(96.0/(N*SETS)), "fourth moment %g", fourth);
  for (int k = 0; k < DISTANCES; k++) {  // the shortest period of the states is two reads
    const double expected = spectrum(distances[k], 0.25);
    CHECK(fabs(found[k] - expected) < 0.05, "at %d reads: %g, the spectrum has %g", distances[k], found[k], expected);
  }
  const double slope = (found[DISTANCES - 1] - found[0])/log2(distances[DISTANCES - 1]);
  CHECK(fabs(slope*OCTAVES + 1) < 0.05, "it falls by %g/K an octave", -slope*OCTAVES);
  free(floats);
}

// However reads are batched, the noise is the same; what was forgotten is drawn anew, slower octaves stay.
static void test_order(void) {
  enum { M = 64 };
  float *floats = err_calloc(2*flicker_floats(OCTAVES, M), sizeof *floats), a[40*M], b[40*M];
  struct flicker f, g;
  struct rng r = rng_stream(3, RNG_TEST, 0), q = r, z = rng_stream(3, RNG_TEST, 1);
  noise_normal(a, 40*M, &z);
  memcpy(b, a, sizeof a);
  flicker_init(&f, OCTAVES, M, floats);
  flicker_init(&g, OCTAVES, M, floats + flicker_floats(OCTAVES, M));
  flicker_take(&f, a, 40, &r);
  for (int k = 0; k < 40; k += 8) flicker_take(&g, b + k*M, 8, &q);
  CHECK(!memcmp(a, b, sizeof a), "batches matter");

  double near = 0, far = 0;
  const float *last = a + 39*M;
  flicker_forget(&f, 1024);
  noise_normal(b, M, &z);
  flicker_take(&f, b, 1, &r);
  for (int o = 0; o < M; o++) near += (double)(b[o]*last[o])/M;
  flicker_forget(&f, 1e300);
  noise_normal(b, M, &z);
  flicker_take(&f, b, 1, &r);
  for (int o = 0; o < M; o++) far += (double)(b[o]*last[o])/M;
  CHECK(near > 0.3 && fabs(far) < 0.4, "after 1024 reads %g, after all %g", near, far);
  free(floats);
}

int main(void) {
  test_spectrum();
  test_order();
  return test_summary();
}
