// spikecode.h - the inputs of the networks as spikes (equation L1). A clock of a few
// neurons that spike one after the other, and the target position in one of three codes:
//   binary      the bits of each coordinate, least significant first, present in every step (published weights: 16)
//   onehot      the region of each coordinate, its neuron spiking every 10 steps (paper)
//   population  bell-shaped tuning curves; a neuron spikes whenever its summed drive reaches one
// Coordinates of +-scale_m fill the range; beyond it the binary code wraps, the others saturate. The input in step t
// is the target of step t - lead_in + preview, constant before its beginning and past its end. The velocity of the
// target may be an input too, always in the binary code; that of the tip is the distance from the step before, in the
// first step the distance to the next.
#ifndef ARM_SPIKECODE_H
#define ARM_SPIKECODE_H

#include "base/param.h"
#include "kernel/events.h"

enum spikecode_kind { SPIKECODE_BINARY, SPIKECODE_ONEHOT, SPIKECODE_POPULATION };
enum spikecode_velocity { SPIKECODE_NO_VELOCITY, SPIKECODE_OF_TIP, SPIKECODE_OF_JOINTS };

struct spikecode_params {
  int64_t kind;           // enum spikecode_kind
  double scale_m;         // 1 for the published weights
  int64_t bits;           // per coordinate of binary
  int64_t regions;        // neurons per coordinate of onehot and population
  int64_t period;         // steps between spikes of the most active neuron of these
  int64_t preview;        // steps that the code is ahead of the movement
  int64_t lead_in;        // steps of clock and code before the movement begins
  int64_t velocity;       // enum spikecode_velocity: coded too, in the binary code after the position
  double velocity_scale;  // m/s or rad/s; velocities of +- this fill the range and saturate beyond
  int64_t clock_neurons, clock_hold, clock_period;  // each spikes every clock_period steps for clock_hold steps
};
extern const struct param spikecode_param_table[];
extern const char *const spikecode_velocity_names[];

int spikecode_inputs(const struct spikecode_params *p);            // clock and code
int spikecode_capacity(const struct spikecode_params *p, int T);   // events that can occur

// The clock alone, on neurons 0 .. clock_neurons - 1; begins again when all have had their turn.
void spikecode_clock(struct events *e, const struct spikecode_params *p);

// A target: xyz (T, 3) m, omega (T, 2) rad/s, dt_s between steps.
struct spikecode_target { const double *xyz, *omega; int T; double dt_s; };

// Clock and target, lead_in and target->T steps; drive: 3 regions numbers of scratch.
void spikecode_encode(struct events *e, const struct spikecode_target *target, double *drive,
                      const struct spikecode_params *p);

#endif
