#include "arm/spikecode.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static const char *const kind_names[] = { "binary", "onehot", "population", NULL };
const char *const spikecode_velocity_names[] = { "none", "tip", "joints", NULL };

const struct param spikecode_param_table[] = {
  PARAM_CHOICE(struct spikecode_params, kind, SPIKECODE_BINARY, kind_names, "spike code of the target position"),
  PARAM_F64(struct spikecode_params, scale_m, 1.25, 1e-3, 1e3,
            "coordinates up to +- this fill the range of the code (published weights: 1)"),
  PARAM_I64(struct spikecode_params, bits, 16, 1, 30,
            "bits of a coordinate in the code binary"),
  PARAM_I64(struct spikecode_params, regions, 16, 2, 4096, "neurons per coordinate of the codes onehot and population"),
  PARAM_I64(struct spikecode_params, period, 10, 1, 1000, "steps between spikes of the most active of these neurons"),
  PARAM_I64(struct spikecode_params, preview, 0, 0, 10000,
            "steps by which the code is ahead of the movement, to compensate for the delay of the LSG"),
  PARAM_I64(struct spikecode_params, lead_in, 0, 0, 1000,
            "steps that the networks run before the movement begins, with the arm at rest; if clock_neurons times "
            "clock_hold is less than these and the steps of the movement, the clock starts again"),
  PARAM_CHOICE(struct spikecode_params, velocity, SPIKECODE_NO_VELOCITY, spikecode_velocity_names,
               "velocity of the target as a further input, code.bits bits for each of the 3 coordinates of the tip or "
               "the 2 joints"),
  PARAM_F64(struct spikecode_params, velocity_scale, 2, 1e-3, 1e3,
            "velocities up to +- this (m/s or rad/s) fill the range of the code; larger ones saturate"),
  PARAM_I64(struct spikecode_params, clock_neurons, 5, 1, 1000, "neurons of the clock"),
  PARAM_I64(struct spikecode_params, clock_hold, 50, 1, 10000, "steps for which each neuron of the clock is active"),
  PARAM_I64(struct spikecode_params, clock_period, 10, 1, 10000, "steps between the spikes of the active neuron"),
  { 0 },
};

static int position_neurons(const struct spikecode_params *p) {
  return 3*((int)(p->kind == SPIKECODE_BINARY ? p->bits : p->regions));
}
static int velocities(const struct spikecode_params *p) {
  return p->velocity == SPIKECODE_OF_TIP ? 3 : p->velocity == SPIKECODE_OF_JOINTS ? 2 : 0;
}
static int neurons(const struct spikecode_params *p) { return position_neurons(p) + velocities(p)*(int)p->bits; }

int spikecode_inputs(const struct spikecode_params *p) { return (int)p->clock_neurons + neurons(p); }
int spikecode_capacity(const struct spikecode_params *p, int T) { return T*(1 + neurons(p)); }

static void clock_step(struct events *e, int t, const struct spikecode_params *p) {
  const int hold = (int)p->clock_hold, phase = t % hold;
  if (phase % p->clock_period == 0) events_add(e, t, (int)(t/hold % p->clock_neurons), 1);
}

void spikecode_clock(struct events *e, const struct spikecode_params *p) {
  events_start(e);
  for (int t = 0; t < e->T; t++) {
    clock_step(e, t, p);
    events_close(e, t);
  }
}

// int((c + 1) 2^(bits-1)) modulo 2^bits, on the neurons from first
static void binary(struct events *e, int t, int first, double c, int bits) {
  const long long code = (long long)((c + 1)*(1 << (bits - 1)));
  for (int b = 0; b < bits; b++)
    if ((unsigned long long)code >> b & 1) events_add(e, t, first + b, 1);
}

static void binary_step(struct events *e, int t, const double *xyz, const struct spikecode_params *p) {
  for (int c = 0; c < 3; c++) binary(e, t, (int)(p->clock_neurons + c*p->bits), xyz[c]/p->scale_m, (int)p->bits);
}

static void onehot_step(struct events *e, int t, const double *xyz, const struct spikecode_params *p) {
  if (t % p->period) return;
  for (int c = 0; c < 3; c++) {
    const double at = floor((xyz[c]/p->scale_m + 1)/2*(double)p->regions);
    const int region = (int)fmax(0, fmin(at, (double)(p->regions - 1)));
    events_add(e, t, (int)p->clock_neurons + c*(int)p->regions + region, 1);
  }
}

static void population_step(struct events *e, int t, const double *xyz, double *drive,
                            const struct spikecode_params *p) {
  const int R = (int)p->regions;
  for (int c = 0; c < 3; c++) {
    const double at = fmax(0, fmin(1, (xyz[c]/p->scale_m + 1)/2))*(R - 1);
    for (int i = 0; i < R; i++) {
      double *d = &drive[c*R + i];
      *d += exp(-0.5*(at - i)*(at - i))/(double)p->period;
      if (*d < 1) continue;
      *d -= 1;
      events_add(e, t, (int)p->clock_neurons + c*R + i, 1);
    }
  }
}

// The velocity in step `at` of the target, as input spikes.
static void velocity_step(struct events *e, int t, int at, const struct spikecode_target *target,
                          const struct spikecode_params *p) {
  const int n = velocities(p), first = (int)p->clock_neurons + position_neurons(p), from = at > 0 ? at : 1;
  for (int c = 0; c < n; c++) {
    const double *x = target->xyz + 3*from + c;
    const double v = p->velocity == SPIKECODE_OF_TIP ? (x[0] - x[-3])/target->dt_s : target->omega[2*at + c];
    const double most = 1 - 1.0/(double)((int64_t)1 << p->bits);
    binary(e, t, first + c*(int)p->bits, fmax(-1, fmin(most, v/p->velocity_scale)), (int)p->bits);
  }
}

void spikecode_encode(struct events *e, const struct spikecode_target *target, double *drive,
                      const struct spikecode_params *p) {
  assert(e->T == target->T + p->lead_in);
  events_start(e);
  if (p->kind == SPIKECODE_POPULATION)
    for (int i = 0; i < 3*(int)p->regions; i++) drive[i] = 0.5;
  for (int t = 0; t < e->T; t++) {
    const int64_t ahead = t - p->lead_in + p->preview, last = target->T - 1;
    const int at = (int)(ahead < 0 ? 0 : ahead < last ? ahead : last);
    const double *xyz = target->xyz + 3*at;
    clock_step(e, t, p);
    switch ((enum spikecode_kind)p->kind) {
    case SPIKECODE_BINARY: binary_step(e, t, xyz, p); break;
    case SPIKECODE_ONEHOT: onehot_step(e, t, xyz, p); break;
    case SPIKECODE_POPULATION: population_step(e, t, xyz, drive, p); break;
    }
    velocity_step(e, t, at, target, p);
    events_close(e, t);
  }
}
