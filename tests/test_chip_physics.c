// Properties of devices that are off by default: weights written for a later time, a finite ratio of conductances,
// devices that wear out, read noise with a memory.
#include "chip_fixture.h"

// Written for a later time, weights are in proportion then, and not before (drift by its mean alone, no other error).
static void test_aim(void) {
  enum { I = 40, O = 8, OP = 16 };
  struct chip_params p = ideal();
  real *w = new_matrix(I, O, 0.3, 13), *v = ARENA_NEW(&arena, I*OP, real);
  p.drift_scale = 1;
  for (int aimed = 0; aimed < 2; aimed++) {
    p.aim_s = aimed ? 86400 : 0;
    struct chip *c = one_matrix(&p, I, O, w);
    for (int k = 0; k < 2; k++) {  // as written, a day later
      double spread = 0, kept = 0;
      CHECK(chip_advance(c, k ? 86400 : 0, &c->rng) == 0, "%s", err_message());
      for (size_t u = 0; u < tile_units(&c->tiles[0], &c->design); u++)  // of which (P2) draws the mean
        c->tiles[0].nu[u] = (float)pcm_drift_mean(&c->design.pcm, (double)c->tiles[0].target_uS[u]);
      tile_settle(&c->tiles[0], &c->design, c->clock_s);
      chip_effective(c, 0, v);
      for (int i = 0; i < I; i++) kept += (double)(v[i*OP]/w[i*OP])/I;
      for (int i = 0; i < I; i++) spread = fmax(spread, fabs((double)(v[i*OP]/w[i*OP])/kept - 1));
      CHECK(aimed == k ? spread < 1e-3 : spread > 0.1, "aimed %d, later %d: %g", aimed, k, spread);
    }
    chip_free(c);
  }
}

// An update written for a later time (drift by its mean alone): all weights are in proportion then, those that it
// changed and the others. Written to be used at once, the changed ones are not.
static void test_update_aim(void) {
  enum { I = 40, O = 8, OP = 16 };
  struct chip_params p = ideal();
  real *w = new_matrix(I, O, 0.1, 13), *dw = ARENA_NEW(&arena, I*OP, real), *v = ARENA_NEW(&arena, I*OP, real);
  for (int i = 0; i < I*OP; i += 3) dw[i] = 2*w[i];  // a third of the weights becomes three times as large
  p.drift_scale = 1;
  p.headroom = 4;
  p.aim_s = 86400;
  for (int aimed = 0; aimed < 2; aimed++) {
    p.update_aim_s = aimed ? 86400 : 0;
    struct chip *c = one_matrix(&p, I, O, w);
    struct synapse *a = chip_synapse(c, 0);
    a->ops->update(a, dw, &c->rng);
    CHECK(chip_advance(c, 86400, &c->rng) == 0, "%s", err_message());
    for (size_t u = 0; u < tile_units(&c->tiles[0], &c->design); u++)
      c->tiles[0].nu[u] = (float)pcm_drift_mean(&c->design.pcm, (double)c->tiles[0].target_uS[u]);
    tile_settle(&c->tiles[0], &c->design, c->clock_s);
    chip_effective(c, 0, v);
    double least = INFINITY, most = 0;
    for (int i = 0; i < I*OP; i++) {
      if (w[i] == 0) continue;
      const double share = (double)(v[i]/(w[i] + dw[i]));
      least = fmin(least, share);
      most = fmax(most, share);
    }
    CHECK(aimed ? most/least < 1.01 : most/least > 1.1, "aimed %d: shares from %g to %g", aimed, least, most);
    chip_free(c);
  }
}

// A finite ratio of conductances: the devices of both signs conduct, their difference is the weight; RESET has
// its mean and spread.
static void test_on_off_ratio(void) {
  enum { I = 100, O = 64, OP = 64 };
  struct chip_params p = ideal();
  real *w = new_matrix(I, O, 0.3, 32), *v = ARENA_NEW(&arena, I*OP, real);
  p.on_off_ratio = 10;
  for (int spread = 0; spread < 2; spread++) {
    p.reset_spread = spread ? 0.2 : 0;
    struct chip *c = one_matrix(&p, I, O, w);
    const struct tile *t = &c->tiles[0];
    const double reset_uS = c->design.pcm.g_max_uS/10, n = I*O;
    double sum = 0, square = 0;
    for (size_t cell = 0; cell < (size_t)(I*O); cell++) {
      const double g = (double)t->g[w[cell] > 0][cell];  // the side that rests; units 1
      sum += g;
      square += (g - reset_uS)*(g - reset_uS);
      CHECK((double)t->g[w[cell] <= 0][cell] > 0.99*reset_uS || spread, "cell %zu: less than RESET", cell);
    }
    chip_effective(c, 0, v);
    if (!spread) CHECK(largest_difference(v, w, I*OP) < 1e-5, "weights are off by %g", largest_difference(v, w, I*OP));
    CHECK(fabs(sum/n/reset_uS - 1) < 5*0.2/sqrt(n), "RESET conducts %g, not %g", sum/n, reset_uS);
    CHECK(fabs(sqrt(square/n)/reset_uS - p.reset_spread) < 0.2*5/sqrt(2*n), "spread %g", sqrt(square/n)/reset_uS);
    chip_free(c);
  }
}

// A device that was written as often as it survives stays as it is.
static void test_endurance(void) {
  enum { I = 20, O = 8, OP = 16 };
  struct chip_params p = ideal();
  struct rng r = rng_stream(8, RNG_TEST, 0);
  real *w = new_matrix(I, O, 0.2, 33), *dw = new_matrix(I, O, 0, 34), *v = ARENA_NEW(&arena, 2*I*OP, real);
  p.endurance = 3;
  p.headroom = 4;
  struct chip *c = one_matrix(&p, I, O, w);
  struct synapse *a = chip_synapse(c, 0);
  for (int k = 0; k < 4; k++) {  // the first write was one
    dw[0] = (real)(w[0] > 0 ? 0.01 : -0.01);
    const long written = a->ops->update(a, dw, &r);
    CHECK(written == (k < 2 ? c->design.pcm.devices : 0), "update %d: %ld devices", k, written);
    chip_effective(c, 0, v + (k == 3)*I*OP);
  }
  CHECK(v[0] == v[I*OP], "it moved");
  CHECK(fabs((double)(v[0] - w[0])) - 0.02 < 1e-5 && c->ledger.core[0].verify_failed == 2, "%lld failed",
        (long long)c->ledger.core[0].verify_failed);
  chip_free(c);
}

// Noise with a memory: over chips read once its variance is that of noise drawn anew, with and without white noise; but
// reads of one chip that follow each other share most of it, and after a wait little.
static void test_read_memory(void) {
  enum { I = 40, O = 8, OP = 16, IP = 48, B = 64, CHIPS = 1500 };
  struct chip_params p = ideal();
  p.read_scale = 1;
  real *w = new_matrix(I, O, 0.2, 30), *row = new_matrix(1, I, 0.5, 31);
  real *x = ARENA_NEW(&arena, B*IP, real), *y = ARENA_NEW(&arena, B*OP, real);
  const struct conv one = conv_shape(1, 1, 1, I, O, 1, 1, 0), many = conv_shape(B, 1, 1, I, O, 1, 1, 0);
  for (int b = 0; b < B; b++) memcpy(x + b*IP, row, IP * sizeof *x);
  for (int white = 0; white < 2; white++) {
    double single[2] = { 0 }, mean[2] = { 0 };
    p.read_white = white ? 0.02 : 0;
    for (int memory = 0; memory < 2; memory++) {
      p.read_memory = memory;
      struct chip *c = one_matrix(&p, I, O, w), *clone = chip_clone(c);
      struct synapse *a = chip_synapse(clone, 0);
      double exact[OP] = { 0 };
      for (int o = 0; o < O; o++)
        for (int i = 0; i < I; i++) exact[o] += (double)row[i] * (double)w[i*OP + o];
      for (int k = 0; k < CHIPS; k++) {
        struct rng r = rng_stream(6, RNG_READ, (uint32_t)k);
        chip_copy(clone, c);  // which was never read
        a->ops->product(a, y, x, k % 2 ? &many : &one, &r);
        for (int o = 0; o < O; o++) {
          double m = 0;
          for (int b = 0; b < B; b++) m += ((double)y[b*OP + o] - exact[o])/B;
          if (k % 2) mean[memory] += m*m;
          else single[memory] += ((double)y[o] - exact[o]) * ((double)y[o] - exact[o]);
        }
      }
      chip_free(clone);
      chip_free(c);
    }
    const double z = (single[1]/single[0] - 1) / sqrt(4.0/(O*CHIPS/2));
    CHECK(fabs(z) < 5, "white %d: variance %g with memory, %g without", white, single[1], single[0]);
    CHECK(mean[0]/single[0] < 2.0/B, "white %d: noise without memory does not average away", white);
    CHECK(mean[1]/single[1] > (white ? 0.1 : 0.6), "white %d: noise with memory averages away: %g", white,
          mean[1]/single[1]);
    CHECK(!white || mean[1]/single[1] < 0.6, "white noise has a memory: %g", mean[1]/single[1]);
  }
}

int main(void) {
  arena_init(&arena, 64u << 20);
  test_aim();
  test_update_aim();
  test_on_off_ratio();
  test_endurance();
  test_read_memory();
  arena_release(&arena);
  return test_summary();
}
