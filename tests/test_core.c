// One tile read by hand-made devices: phases and their signs, codes against a plain sum over devices, the
// peak; drift, faults and stuck devices as conductances.
#include "base/rng.h"
#include "device/core.h"
#include "base/vector.h"
#include "test.h"

enum { I = 20, O = 9, LD = 16, IP = 32, B = 5 };

static struct tile_design design(int phases, int bits) {
  struct tile_design d = { .units = 1, .one_phase = phases == 1, .dac_bits = 8, .adc_bits = bits, .fault_aware = true };
  pcm_preset(&d.pcm, 1);
  param_defaults(verify_param_table, &d.verify);
  return d;
}

static void write_random(struct tile *t, const struct tile_design *d, struct rng *r) {
  _Alignas(64) real w[I*LD] = { 0 };
  struct tile_count count = { 0 };
  for (int i = 0; i < I; i++)
    for (int o = 0; o < O; o++) w[i*LD + o] = (real)(2*rng_uniform(r) - 1);
  tile_write(t, d, w, NULL, true, false, 0, r, &count);
  CHECK(count.devices == 4*I*O && count.most_writes == 1, "%ld devices", count.devices);
  tile_settle(t, d, 4321);
}

// Current of sign s of the weights at 4321 s, straight from the devices.
static double conductance(const struct tile *t, const struct tile_design *d, int s, int i, int o) {
  const size_t u = (size_t)s * tile_plane(t) + (size_t)(i*LD + o);
  return pcm_drift_uS(&d->pcm, (double)t->g_uS[u], (double)t->nu[u], 4321) + (double)t->stuck_uS[u];
}

static void test_codes(int phases, int bits) {
  const struct tile_design d = design(phases, bits);
  struct tile t;
  struct core_work w;
  struct rng r = rng_stream(31, RNG_TEST, (uint32_t)(phases*16 + bits));
  tile_init(&t, &d, I, O, &r);
  write_random(&t, &d, &r);
  core_work_init(&w, I, O);
  t.lsb = 100;
  memset(w.level, 0, B*IP * sizeof *w.level);
  for (int b = 0; b < B; b++)
    for (int i = 0; i < I; i++) w.level[b*IP + i] = (real)floor(rng_uniform(&r) * 255 - 127);
  struct core_inputs in;
  core_look(&in, &d, w.level, I, B);
  CHECK(in.signs == (CORE_POSITIVE | CORE_NEGATIVE) && in.phases == B*phases, "%d phases", in.phases);
  double peak = 0, worst = 0;
  const double found = core_peak(&w, &t, &d, &in, B);
  core_codes(&w, &t, &d, &in, B, NULL);
  for (int b = 0; b < B; b++)
    for (int o = 0; o < O; o++) {
      double charge[2][2] = { { 0 } }, sum = 0;  // sign of input, sign of weight
      for (int i = 0; i < I; i++)
        for (int s = 0; s < 2; s++) {
          const double x = (double)w.level[b*IP + i];
          charge[x < 0][s] += fabs(x) * conductance(&t, &d, s, i, o);
        }
      if (phases == 1) {
        const double all = charge[0][0] - charge[0][1] - charge[1][0] + charge[1][1];
        peak = fmax(peak, fabs(all));
        sum = bits ? fmin(fmax(rint(all / 100), -ldexp(1, bits - 1)), ldexp(1, bits - 1) - 1) : all / 100;
      } else {
        for (int k = 0; k < 4; k++) {
          const double c = charge[k / 2][k % 2];
          peak = fmax(peak, c);
          sum += (k == 0 || k == 3 ? 1 : -1) * (bits ? fmin(rint(c / 100), ldexp(1, bits) - 1) : c / 100);
        }
      }
      worst = fmax(worst, fabs((double)w.sum[b*LD + o] - sum));
    }
  CHECK(worst < test_tol(bits ? 1e-9 : 1e-3), "%d phases, %d bits: codes off by %g", phases, bits, worst);
  CHECK_REL(found, peak, 1e-5);
  core_work_release(&w);
  tile_release(&t);
}

static void test_signs(void) {
  const struct tile_design four = design(4, 8), one = design(1, 8);
  const real level[3*IP] = { 0, 3, 1, [IP] = -1, 0, 2, [2*IP] = 0, 0, 0 };
  struct core_inputs in;
  core_look(&in, &four, level, I, 3);
  CHECK(in.of[0] == CORE_POSITIVE && in.of[1] == (CORE_POSITIVE | CORE_NEGATIVE) && in.of[2] == 0, "signs");
  CHECK(in.phases == 2 + 4 && in.driven == 4, "no input, no phase: %d phases, %d driven", in.phases, in.driven);
  core_look(&in, &one, level, I, 3);
  CHECK(in.phases == 2, "1-phase: %d", in.phases);
}

// Faults come at their rates, conduct what they should, and are written around when known.
static void test_faults(void) {
  enum { N = 128 };
  struct tile_design d = design(4, 8);
  d.fault_reset = 0.05;
  d.fault_set = 0.03;
  d.fault_dead = 0.02;
  d.pcm.prog_scale = d.pcm.drift_scale = 0;
  struct tile t;
  struct rng r = rng_stream(33, RNG_FAULT, 0);
  tile_init(&t, &d, N, N, &r);
  double count[4] = { 0 };
  for (size_t u = 0; u < tile_units(&t, &d); u++)
    for (int k = 0; k < 2; k++) count[t.fault[u] >> 2*k & 3]++;
  const double all = 4.0 * N * N, rate[] = { 0.9, 0.05, 0.03, 0.02 };
  for (int k = 0; k < 4; k++)
    CHECK(fabs(count[k] - all*rate[k]) < 5 * sqrt(all * rate[k] * (1 - rate[k])), "fault %d: %g of %g", k, count[k],
          all);
  static _Alignas(64) real w[N*N];
  for (int aware = 0; aware < 2; aware++) {
    struct tile_count n = { 0 };
    double error = 0;
    d.fault_aware = aware;
    for (int i = 0; i < N*N; i++) w[i] = (real)(rng_uniform(&r) - 0.5);
    tile_write(&t, &d, w, NULL, true, false, 0, &r, &n);
    tile_settle(&t, &d, 300);
    for (int i = 0; i < N*N; i++) error += fabs((double)(t.g[0][i] - t.g[1][i]) / 20.7 - (double)w[i]) > 1e-5;
    error /= N*N;
    // unaware, one of the two devices at work is enough; aware, only several faults in one cell are too many
    CHECK(aware ? error < 0.03 : error > 1 - pow(0.9, 2), "aware %d: %.4f of the cells are off", aware, error);
    CHECK((double)n.devices < 4.0*N*N*0.92 && (double)n.devices > 4.0*N*N*0.88, "stuck devices are not written");
  }
  tile_release(&t);
}

// Read noise of faulty units: a stuck device has that of its conductance, as old as the chip; a dead one has none.
static void test_fault_noise(void) {
  struct tile_design d = design(4, 8);
  d.pcm.read_scale = 1;
  d.pcm.read_white = 0.01;
  struct tile t;
  struct tile_count n = { 0 };
  struct rng r = rng_stream(34, RNG_FAULT, 0);
  static const _Alignas(64) real w[VECTOR_PADDING] = { 0 };
  tile_init(&t, &d, 1, 4, &r);
  t.fault[0] = t.fault[1] = TILE_DEAD | TILE_DEAD << 2;
  t.fault[1] = TILE_STUCK_SET | TILE_DEAD << 2;
  t.stuck_uS[1] = 10.35f;
  t.fault[2] = TILE_STUCK_SET | TILE_STUCK_SET << 2;
  t.stuck_uS[2] = 20.7f;
  tile_write(&t, &d, w, NULL, true, true, 1000, &r, &n);
  tile_settle(&t, &d, 1300);
  // hermes: Q(1) = 0.0123, Q(1/2) = 0.0167125; 1/f over ln((1300 s + 512 ns)/(1.024 us)) = 20.9619; white 1 % of 20.7
  // uS, of a pair
  const double white = 0.207*0.207/2, factor = 20.9619, half = 10.35*0.0167125, full = 20.7*0.0123;
  const double expected[] = { 0, half*half*factor + white/2, full*full*factor + white };
  for (int o = 0; o < 3; o++)
    CHECK(fabs((double)t.v[0][o] - expected[o]) < 1e-3*expected[o] + 1e-7, "column %d: variance %g, expected %g", o,
          t.v[0][o], expected[o]);
  tile_release(&t);
}

// A single vector of few inputs is read row by row: the same codes as beside another vector, where all rows are
// visited; and the same noise, once per column and phase.
static void test_few(int phases, int bits, int inputs) {
  enum { N = 64, WIDE = 64, DRAWS = 4000 };
  const struct tile_design d = design(phases, bits);
  static _Alignas(64) real cells[N*WIDE];
  struct tile t;
  struct core_work w;
  struct tile_count count = { 0 };
  struct rng r = rng_stream(35, RNG_TEST, (uint32_t)(phases*64 + bits*2 + inputs));
  double mean = 0, square = 0, variance = 0;
  tile_init(&t, &d, N, N, &r);
  for (int i = 0; i < N*N; i++) cells[i] = (real)(2*rng_uniform(&r) - 1);
  tile_write(&t, &d, cells, NULL, true, false, 0, &r, &count);
  tile_settle(&t, &d, 4321);
  core_work_init(&w, N, N);
  t.lsb = 100;
  memset(w.level, 0, 2*WIDE * sizeof *w.level);
  for (int k = 0; k < inputs; k++) w.level[(11*k + 3) % N] = (real)(k % 2 ? 127 : phases == 4 && k % 4 == 0 ? -127 : 1);
  struct core_inputs in;
  core_look(&in, &d, w.level, N, 2);
  core_codes(&w, &t, &d, &in, 1, NULL);
  real alone[N];
  memcpy(alone, w.sum, sizeof alone);
  core_codes(&w, &t, &d, &in, 2, NULL);
  for (int o = 0; o < N; o++)
    CHECK(alone[o] == w.sum[o], "%d inputs, column %d: %g alone, %g beside another", inputs, o, (double)alone[o],
          (double)w.sum[o]);
  for (int k = 0; k < DRAWS; k++) {
    core_codes(&w, &t, &d, &in, 1, &r);
    mean += ((double)w.sum[5] - (double)alone[5]) / DRAWS;
    square += pow((double)w.sum[5] - (double)alone[5], 2) / DRAWS;
  }
  for (int i = 0; i < N; i++)
    for (int s = 0; s < (phases == 1 ? 1 : 2); s++)
      variance += pow((double)w.level[i] / t.lsb, 2) * (double)t.v[s][i*WIDE + 5];
  if (bits == 0) {
    CHECK(fabs(mean) < 5*sqrt(variance / DRAWS) + 1e-6, "mean %g", mean);
    CHECK(fabs(square / variance - 1) < 5*sqrt(2.0 / DRAWS), "variance %g, %g expected", square, variance);
  }
  core_work_release(&w);
  tile_release(&t);
}

// The variance of the last phase, of negative inputs and weights: sums of integers where inputs have at most 8 bits,
// also after a cell was written anew; with more bits floating point.
static void test_variance(int dac_bits) {
  struct tile_design d = design(4, 8);
  struct tile t;
  struct core_work w;
  struct core_inputs in;
  struct tile_count count = { 0 };
  struct rng r = rng_stream(36, RNG_TEST, (uint32_t)dac_bits);
  static const _Alignas(64) real cells[I*LD] = { [3*LD + 2] = -1 };
  static const uint8_t mask[I*LD] = { [3*LD + 2] = 1 };
  d.dac_bits = dac_bits;
  tile_init(&t, &d, I, O, &r);
  write_random(&t, &d, &r);
  core_work_init(&w, I, O);
  memset(w.level, 0, B*IP * sizeof *w.level);
  for (int b = 0; b < B; b++)
    for (int i = 0; i < I; i++) w.level[b*IP + i] = (real)floor(rng_uniform(&r) * 255 - 127);
  core_look(&in, &d, w.level, I, B);
  CHECK(tile_counts_noise(&d) == (dac_bits <= 8), "%d bits", dac_bits);
  for (int again = 0; again < 2; again++) {
    double worst = 0;
    core_codes(&w, &t, &d, &in, B, &r);
    for (int b = 0; b < B; b++)
      for (int o = 0; o < O; o++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < I; i++) {
          const double x = fmin((double)w.level[b*IP + i], 0);
          sum += x*x * (double)t.v[1][i*LD + o];
          squares += x*x;
        }
        const double most = 1e-5*sum + (tile_counts_noise(&d) ? squares * (double)t.v_step[1][o]/2 : 0);
        worst = fmax(worst, fabs((double)w.variance[b*LD + o] - sum) / most);
      }
    CHECK(worst < 1, "%d bits: variance off by %g times half a step", dac_bits, worst);
    const float g_uS = t.g_uS[tile_plane(&t) + 3*LD + 2];
    tile_write(&t, &d, cells, mask, false, false, 4321, &r, &count);
    tile_settle_cells(&t, &d, mask, 4321 + 60);
    CHECK(again || t.g_uS[tile_plane(&t) + 3*LD + 2] != g_uS, "the cell is not written");
  }
  core_work_release(&w);
  tile_release(&t);
}

int main(void) {
  test_codes(4, 8);
  test_codes(4, 0);
  test_codes(1, 8);
  test_codes(1, 0);
  test_signs();
  test_faults();
  test_fault_noise();
  test_variance(8);
  test_variance(10);
  for (int inputs = 1; inputs <= 40; inputs += 13) {  // 40 of 64 are not few
    test_few(4, 8, inputs);
    test_few(4, 0, inputs);
    test_few(1, 0, inputs);
  }
  return test_summary();
}
