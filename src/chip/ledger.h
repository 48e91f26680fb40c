// ledger.h - what a chip was asked to do, core by core, and what that costs.
// Counts are facts of the simulation. An input that is 0 once converted sends no pulse and puts no voltage on its row.
// Any other sends one in each of the two phases of its sign (1-phase reading: in the one), and every pulse reads the
// devices of one sign of weight (1-phase: of both signs) in all columns of the tile.
// Energy and time come from a preset of published figures, per phase of a whole core of 256 x 256 cells, so for partly
// filled and smaller cores they are upper bounds; of cores that exceed these (ledger_exceeds) they are known only if
// the user gives them. The cost of writing was not published: writing is counted, and its energy computed only where
// the user gives that of a pulse.
// A unit is what a device model writes as one: two devices of hermes, one of the others.
// A cost that is not known is 0 in the structs here, and left out of text and JSON.
#ifndef CHIP_LEDGER_H
#define CHIP_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/param.h"

struct json_t;

enum { LEDGER_MAX_CORES = 256, LEDGER_MAX_COLUMNS = 8 };

#define LEDGER_COUNTS(X)                                                                           \
  X(products, "vectors sent through the core")                                                     \
  X(phases, "phases of these products")                                                            \
  X(input_conversions, "input pulses: an input that is not 0, each phase of its sign")             \
  X(output_conversions, "output conversions: columns x phases")                                    \
  X(devices_read, "devices under read voltage: those that the input pulses reach")                 \
  X(weights_written, "weights that changed or were first written")                                 \
  X(devices_written, "devices written")                                                            \
  X(pulses, "programming pulses of units, program-and-verify only")                                        \
  X(verify_reads, "verify reads of units, program-and-verify only")                                        \
  X(verify_failed, "units not within tolerance when the loop gave up")                                     \
  X(inputs_clipped, "input pulses of inputs beyond the input range, which were cut off")           \
  X(conversions_saturated, "output conversions at the end of the output range")
enum { LEDGER_FIRST_COUNTS = 10 };  // so many had the first chip states

struct ledger_counts {
#define X(name, help) int64_t name;
  LEDGER_COUNTS(X)
#undef X
};

struct ledger {
  int n_cores;
  bool exceeds;         // cores of which no cost was published (ledger_exceeds); the chip says so
  int64_t most_writes;  // of a single device in its life
  struct ledger_counts core[LEDGER_MAX_CORES];
};

enum ledger_preset { LEDGER_LEGALLO2023, LEDGER_KHADDAM2022, LEDGER_NONE };

struct ledger_params {
  int64_t preset;                       // enum ledger_preset
  double phase_energy_J, phase_time_s;  // of a whole core; 0: the preset's
  double pulse_energy_J, verify_energy_J;
  double endurance;                     // writes a device survives
};
extern const struct param ledger_param_table[];

// Are cores larger than those of the published figures, or have they more devices for each sign, or converters of more
// bits?
bool ledger_exceeds(int rows, int columns, int devices_per_sign, int input_bits, int output_bits);

// Where the costs of reading come from: the publication behind the preset, and what was set by hand; of such cores.
// Written to text.
enum { LEDGER_SOURCE_SIZE = 200 };
const char *ledger_source(const struct ledger_params *p, bool exceeds, char text[LEDGER_SOURCE_SIZE]);

bool ledger_knows_energy(const struct ledger_params *p, bool exceeds);  // of reading
bool ledger_knows_time(const struct ledger_params *p, bool exceeds);
// Why the energy of what was written is not known; NULL: it is.
const char *ledger_writing_unknown(const struct ledger_params *p, double pulses, double devices_written);

struct ledger_cost {
  double read_energy_J, read_time_s;  // time: of the busiest core, the cores working side by side
  double write_energy_J;
  double endurance_used;              // fraction, of the most written device
};

void ledger_reset(struct ledger *l);
void ledger_add(struct ledger *l, const struct ledger *other);
void ledger_subtract(struct ledger *l, const struct ledger *before);  // what happened since
void ledger_repeat(struct ledger *l, const struct ledger *before, int64_t n);  // what happened since, n times more

// A note if more than 1 % of the input pulses were cut off or of the output conversions saturated.
void ledger_note(const struct ledger_counts *l);

struct ledger_counts ledger_total(const struct ledger *l);
struct ledger_cost ledger_cost(const struct ledger *l, const struct ledger_params *p);

// A part of the account, all cores together: the mean over n tasks, movements or chips.
struct ledger_mean {
#define X(name, help) double name;
  LEDGER_COUNTS(X)
#undef X
  bool exceeds;             // as that of the account
  struct ledger_cost cost;  // endurance: of the most written device, the most of any
};
struct ledger_mean ledger_mean(const struct ledger *sum, int n, const struct ledger_params *p);

void ledger_print(const struct ledger *l, const struct ledger_params *p, FILE *out);
struct json_t *ledger_json(const struct ledger *l, const struct ledger_params *p);

// Parts side by side, each under its name, with a sign before it ('=', '+'; 0: none); then where the costs come from.
struct ledger_column {
  char sign;
  const char *name;
  const struct ledger_mean *mean;
};
void ledger_print_means(const struct ledger_column *columns, int n, const struct ledger_params *p, FILE *out);
struct json_t *ledger_mean_json(const struct ledger_mean *m, const struct ledger_params *p);
// {"preset", "cost_source"}, where the costs of the means beside it come from, as of this mean.
void ledger_put_source(struct json_t *o, const struct ledger_params *p, bool exceeds);

#endif
