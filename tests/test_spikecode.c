// Clock and codes by hand.
#include "arm/spikecode.h"
#include "test.h"

enum { T = 300 };
static struct arena a;
static struct events e;
static double xyz[3*T], omega[2*T], drive[3*64];
static const struct spikecode_target target = { xyz, omega, T, 0.01 };

static int has(int t, int index) {
  const struct events_step s = events_at(&e, t);
  for (int k = 0; k < s.n; k++)
    if (s.index[k] == index) return 1;
  return 0;
}

static void check_clock(const struct spikecode_params *p) {
  spikecode_clock(&e, p);
  int wrong = 0;
  for (int t = 0; t < T; t++)
    for (int i = 0; i < 5; i++) wrong += has(t, i) != (t % 10 == 0 && t/50 % 5 == i);
  CHECK(wrong == 0 && e.first[249] == 25, "%d wrong, %d spikes in 249 steps", wrong, e.first[249]);
}

static void check_binary(struct spikecode_params *p) {
  p->kind = SPIKECODE_BINARY;
  p->scale_m = 1;
  for (int t = 0; t < T; t++) {
    xyz[3*t] = -1 + (t + 0.5)/32768;  // x counts up from 0
    xyz[3*t + 1] = 0.5;               // 1.5 * 2^15 = 0xc000
    xyz[3*t + 2] = 1.25;              // 2.25 * 2^15 wraps to 0x2000
  }
  spikecode_encode(&e, &target, drive, p);
  int wrong = 0;
  for (int t = 0; t < T; t++)
    for (int b = 0; b < 16; b++) {
      wrong += has(t, 5 + b) != (t >> b & 1);
      wrong += has(t, 21 + b) != (0xc000 >> b & 1);
      wrong += has(t, 37 + b) != (0x2000 >> b & 1);
    }
  CHECK(spikecode_inputs(p) == 53 && wrong == 0, "%d inputs, %d wrong", spikecode_inputs(p), wrong);
  p->scale_m = 1.25;
  spikecode_encode(&e, &target, drive, p);  // 0.5/1.25 = 0.4: int(1.4 * 2^15) = 45875 = 0xb333
  for (int b = 0; b < 16; b++) CHECK(has(7, 21 + b) == (0xb333 >> b & 1), "bit %d of 0.5 m", b);
  p->bits = 10;
  spikecode_encode(&e, &target, drive, p);  // int(1.4 * 2^9) = 716 = 0x2cc
  CHECK(spikecode_inputs(p) == 35, "%d inputs", spikecode_inputs(p));
  for (int b = 0; b < 10; b++) CHECK(has(7, 15 + b) == (0x2cc >> b & 1), "bit %d of 10 of 0.5 m", b);
  p->bits = 16;
}

// The input is ahead by the preview, and the velocity comes in the binary code after the position.
static void check_target(struct spikecode_params *p) {
  p->scale_m = 1;
  p->preview = 7;
  spikecode_encode(&e, &target, drive, p);
  int wrong = 0;
  for (int t = 0; t < T; t++)
    for (int b = 0; b < 16; b++) wrong += has(t, 5 + b) != ((t + 7 < T ? t + 7 : T - 1) >> b & 1);
  CHECK(wrong == 0, "preview: %d wrong", wrong);
  p->lead_in = 10;  // a target of T - 10 steps; before it begins, the input is its first step
  const struct spikecode_target late = { xyz, omega, T - 10, 0.01 };
  spikecode_encode(&e, &late, drive, p);
  for (int t = 0; t < T; t++)
    for (int b = 0; b < 16; b++) wrong += has(t, 5 + b) != ((t < 3 ? 0 : t - 3 < T - 10 ? t - 3 : T - 11) >> b & 1);
  CHECK(wrong == 0 && has(10, 0) && has(50, 1), "lead-in: %d wrong", wrong);
  p->lead_in = 0;
  p->bits = 10;
  p->velocity = SPIKECODE_OF_TIP;
  p->velocity_scale = 0.01;
  // 1/32768 m a step are 0.00305 m/s: int(1.305 * 2^9) = 668 = 0x29c; y and z rest: 0x200
  spikecode_encode(&e, &target, drive, p);
  CHECK(spikecode_inputs(p) == 65, "%d inputs", spikecode_inputs(p));
  for (int t = 0; t < T; t += T - 1)
    for (int b = 0; b < 10; b++)
      CHECK(has(t, 35 + b) == (0x29c >> b & 1) && has(t, 45 + b) == (b == 9) && has(t, 55 + b) == (b == 9),
            "bit %d of the velocity in step %d", b, t);
  p->velocity = SPIKECODE_OF_JOINTS;
  for (int t = 0; t < T; t++) {
    omega[2*t] = t == 17 ? -0.005 : 0.02;   // half the range below; twice what fills it
    omega[2*t + 1] = -0.02;
  }
  spikecode_encode(&e, &target, drive, p);
  CHECK(spikecode_inputs(p) == 55, "%d inputs", spikecode_inputs(p));
  for (int b = 0; b < 10; b++) {
    CHECK(has(10, 35 + b) == (b == 8) && has(11, 35 + b) == 1 && has(10, 45 + b) == 0,
          "bit %d of the velocity of the joints", b);
  }
  p->velocity = SPIKECODE_NO_VELOCITY;
  p->preview = 0;
  p->bits = 16;
}

static void check_regions(struct spikecode_params *p) {
  p->kind = SPIKECODE_ONEHOT;
  p->scale_m = 1;
  spikecode_encode(&e, &target, drive, p);  // x at the lower end, y in region 12 of 16, z beyond the upper end
  int wrong = 0;
  for (int t = 0; t < T; t++)
    for (int i = 0; i < 48; i++) wrong += has(t, 5 + i) != (t % 10 == 0 && (i == 0 || i == 16 + 12 || i == 32 + 15));
  CHECK(wrong == 0, "onehot: %d wrong", wrong);
  p->velocity = SPIKECODE_OF_TIP;  // 16 bits each after the 48 regions; y rests: half the range
  p->preview = 2*T;                // the input is always the end
  spikecode_encode(&e, &target, drive, p);
  CHECK(spikecode_inputs(p) == 5 + 48 + 48, "%d inputs", spikecode_inputs(p));
  for (int b = 0; b < 16; b++)
    CHECK(has(3, 5 + 48 + 16 + b) == (b == 15) && has(3, 5 + 32 + 15) == 0 && has(10, 5 + 32 + 15),
          "onehot with velocity, bit %d", b);
  p->velocity = SPIKECODE_NO_VELOCITY;
  p->preview = 0;
}

static void check_population(struct spikecode_params *p) {
  p->kind = SPIKECODE_POPULATION;
  spikecode_encode(&e, &target, drive, p);  // y = 0.5 at 0.75*15 = 11.25: neurons 11 and 12 of 16 lead
  int count[48] = { 0 };
  for (int k = 0; k < e.first[T]; k++)
    if (e.index[k] >= 5) count[e.index[k] - 5]++;
  for (int i = 0; i < 16; i++) {
    const double expected = T/10.0*exp(-0.5*(11.25 - i)*(11.25 - i));
    CHECK(fabs(count[16 + i] - expected) <= 1, "neuron %d: %d spikes, drive of %g", i, count[16 + i], expected);
  }
}

int main(void) {
  struct spikecode_params p;
  param_defaults(spikecode_param_table, &p);
  arena_init(&a, events_bytes(T, spikecode_capacity(&p, T)) + 4096);
  events_init(&e, &a, T, spikecode_capacity(&p, T));
  check_clock(&p);
  check_binary(&p);
  check_target(&p);
  check_regions(&p);
  check_population(&p);
  arena_release(&a);
  return test_summary();
}
