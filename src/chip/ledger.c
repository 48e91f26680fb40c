#include "chip/ledger.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>

#include "base/json.h"
#include "base/note.h"

static const char *const preset_names[] = { "legallo2023", "khaddam2022", "none", NULL };

struct phase_cost {
  double energy_J, time_s;
  const char *source;
};

// One product of a core of 256 x 256 is 2 x 256 x 256 = 131072 operations.
static const struct phase_cost presets[] = {
  // 64 cores, 4-phase reading, 16.1 TOPS at 2.48 TOPS/W: a phase takes 131072/2.48e12/4 J and 131072/(16.1e12/64)/4 s.
  // The 1-phase figures, 63.1 TOPS at 9.76 TOPS/W, give the same within 3 %.
  [LEDGER_LEGALLO2023] = { 13.2e-9, 130e-9, "legallo2023: Le Gallo et al., Nat. Electron. 6, 680 (2023)" },
  // One core, 10.5 TOPS/W at 1.008 TOPS (1.59 TOPS/mm2), all signs of inputs and weights at once, so a product is one
  // phase: 131072/10.5e12 J, 131072/1.008e12 s. That core has no phases by sign; in 4-phase reading each counts as one
  // of its products.
  [LEDGER_KHADDAM2022] = { 12.5e-9, 130e-9,
                           "khaddam2022: Khaddam-Aljameh et al., IEEE J. Solid-State Circuits 57, 1027 (2022)" },
  [LEDGER_NONE] = { 0, 0, "none: cost unknown" },
};

// Endurance: no figure of these chips; order of magnitude of phase-change memory, an assumption.
const struct param ledger_param_table[] = {
  PARAM_CHOICE(struct ledger_params, preset, LEDGER_LEGALLO2023, preset_names,
               "published energy and time of reading: Le Gallo et al. 2023, 64 cores; Khaddam-Aljameh et al. 2022, one "
               "core; none"),
  PARAM_F64(struct ledger_params, phase_energy_J, 0, 0, 1, "energy of one phase of a core, J; 0: as in the preset"),
  PARAM_F64(struct ledger_params, phase_time_s, 0, 0, 1, "duration of one phase, s; 0: as in the preset"),
  PARAM_F64(struct ledger_params, pulse_energy_J, 0, 0, 1, "energy of a programming pulse, J; 0: not counted"),
  PARAM_F64(struct ledger_params, verify_energy_J, 0, 0, 1, "energy of a verify read, J; 0: not counted"),
  PARAM_F64(struct ledger_params, endurance, 1e8, 1, 1e18, "number of writes that a device is assumed to survive"),
  { 0 },
};

// Both presets are of cores of 256 x 256 cells, two devices for each sign, and converters of 8 bits.
bool ledger_exceeds(int rows, int columns, int devices_per_sign, int input_bits, int output_bits) {
  return rows > 256 || columns > 256 || devices_per_sign > 2 || input_bits > 8 || output_bits > 8;
}

static struct phase_cost phase_cost(const struct ledger_params *p, bool exceeds) {
  struct phase_cost v = exceeds ? (struct phase_cost){ 0 } : presets[p->preset];
  if (p->phase_energy_J > 0) v.energy_J = p->phase_energy_J;
  if (p->phase_time_s > 0) v.time_s = p->phase_time_s;
  return v;
}

// Writing by the statistical model counts no pulses, so its energy is not known even if that of a pulse is.
static bool knows_writing(const struct ledger_params *p, double pulses, double devices_written) {
  return (p->pulse_energy_J > 0 || p->verify_energy_J > 0) && (pulses > 0 || devices_written <= 0);
}

bool ledger_knows_energy(const struct ledger_params *p, bool exceeds) { return phase_cost(p, exceeds).energy_J > 0; }

bool ledger_knows_time(const struct ledger_params *p, bool exceeds) { return phase_cost(p, exceeds).time_s > 0; }

static const char *why_unknown(const struct ledger_params *p) {
  return p->pulse_energy_J > 0 || p->verify_energy_J > 0 ? "pulses are counted with chip.programming=verify"
                                                         : "no published figure; set ledger.pulse_energy_J, with "
                                                           "chip.programming=verify";
}

const char *ledger_writing_unknown(const struct ledger_params *p, double pulses, double devices_written) {
  return knows_writing(p, pulses, devices_written) || devices_written <= 0 ? NULL : why_unknown(p);
}

static void print_unknown(const struct ledger_params *p, FILE *out) {
  fprintf(out, "writing: cost unknown (%s)\n", why_unknown(p));
}

const char *ledger_source(const struct ledger_params *p, bool exceeds, char text[LEDGER_SOURCE_SIZE]) {
  const bool energy = p->phase_energy_J > 0, time = p->phase_time_s > 0, by_hand = energy || time;
  const bool none = exceeds || p->preset == LEDGER_NONE, preset = !(energy && time) && !(by_hand && none);
  const char *source = exceeds && p->preset != LEDGER_NONE
                           ? "cost unknown: figures are of at most 256 x 256 cells, 2 devices a sign, 8 bits; set "
                             "ledger.phase_energy_J, ledger.phase_time_s"
                           : presets[p->preset].source;
  snprintf(text, LEDGER_SOURCE_SIZE, "%s%s%s%s%s%s", preset ? source : "",
           preset && by_hand ? "; " : "", by_hand ? "set by hand: " : "", energy ? "ledger.phase_energy_J" : "",
           energy && time ? ", " : "", time ? "ledger.phase_time_s" : "");
  return text;
}

void ledger_reset(struct ledger *l) { *l = (struct ledger){ .n_cores = l->n_cores, .exceeds = l->exceeds }; }

static void add(struct ledger_counts *to, const struct ledger_counts *from, int64_t times) {
#define X(name, help) to->name += times * from->name;
  LEDGER_COUNTS(X)
#undef X
}

void ledger_add(struct ledger *l, const struct ledger *other) {
  if (l->n_cores < other->n_cores) l->n_cores = other->n_cores;
  l->exceeds |= other->exceeds;
  for (int k = 0; k < other->n_cores; k++) add(&l->core[k], &other->core[k], 1);
  if (other->most_writes > l->most_writes) l->most_writes = other->most_writes;
}

void ledger_subtract(struct ledger *l, const struct ledger *before) {
  assert(l->n_cores == before->n_cores);
  for (int k = 0; k < l->n_cores; k++) add(&l->core[k], &before->core[k], -1);
}

void ledger_repeat(struct ledger *l, const struct ledger *before, int64_t n) {
  struct ledger once = *l;
  ledger_subtract(&once, before);
  for (int k = 0; k < l->n_cores; k++) add(&l->core[k], &once.core[k], n);
}

struct ledger_counts ledger_total(const struct ledger *l) {
  struct ledger_counts total = { 0 };
  for (int k = 0; k < l->n_cores; k++) add(&total, &l->core[k], 1);
  return total;
}

void ledger_note(const struct ledger_counts *l) {
  const double clipped = (double)l->inputs_clipped / fmax((double)l->input_conversions, 1);
  const double saturated = (double)l->conversions_saturated / fmax((double)l->output_conversions, 1);
  if (clipped <= 0.01 && saturated <= 0.01) return;
  note("of the inputs of the chip %.2g %% were cut off at the input range, of its output conversions %.2g %% at the "
       "output range: larger than those of the calibration", 100*clipped, 100*saturated);
}

struct ledger_cost ledger_cost(const struct ledger *l, const struct ledger_params *p) {
  const struct ledger_counts total = ledger_total(l);
  const struct phase_cost v = phase_cost(p, l->exceeds);
  struct ledger_cost c = { .read_energy_J = (double)total.phases * v.energy_J,
                           .write_energy_J = (double)total.pulses * p->pulse_energy_J +
                                             (double)total.verify_reads * p->verify_energy_J,
                           .endurance_used = (double)l->most_writes / p->endurance };
  for (int k = 0; k < l->n_cores; k++) c.read_time_s = fmax(c.read_time_s, (double)l->core[k].phases * v.time_s);
  return c;
}

struct ledger_mean ledger_mean(const struct ledger *sum, int n, const struct ledger_params *p) {
  const struct ledger_counts total = ledger_total(sum);
  struct ledger_mean m = { .exceeds = sum->exceeds, .cost = ledger_cost(sum, p) };
#define X(name, help) m.name = (double)total.name / n;
  LEDGER_COUNTS(X)
#undef X
  m.cost.read_energy_J /= n;
  m.cost.read_time_s /= n;
  m.cost.write_energy_J /= n;
  return m;
}

// ---- text

// " at most 1 J, 2 s", as far as they are known.
static void print_reading(const struct ledger_cost *c, const struct ledger_params *p, bool exceeds, FILE *out) {
  const bool energy = ledger_knows_energy(p, exceeds), time = ledger_knows_time(p, exceeds);
  char source[LEDGER_SOURCE_SIZE];
  fprintf(out, "reading:");
  if (energy || time) fprintf(out, " at most");
  if (energy) fprintf(out, " %.4g J%s", c->read_energy_J, time ? "," : "");
  if (time) fprintf(out, " %.4g s", c->read_time_s);
  fprintf(out, " (%s)\n", ledger_source(p, exceeds, source));
}

void ledger_print(const struct ledger *l, const struct ledger_params *p, FILE *out) {
  const struct ledger_counts total = ledger_total(l);
  const struct ledger_cost c = ledger_cost(l, p);
  fprintf(out, "%-22s %14s", "", "total");
  for (int k = 0; k < l->n_cores; k++) fprintf(out, "   %7s %3d", "core", k);
  fputc('\n', out);
#define X(name, help)                                                                              \
  fprintf(out, "%-22s %14" PRId64, #name, total.name);                                             \
  for (int k = 0; k < l->n_cores; k++) fprintf(out, " %12" PRId64, l->core[k].name);               \
  fprintf(out, "  %s\n", help);
  LEDGER_COUNTS(X)
#undef X
  print_reading(&c, p, l->exceeds, out);
  if (knows_writing(p, (double)total.pulses, (double)total.devices_written))
    fprintf(out, "writing: %.4g J\n", c.write_energy_J);
  else print_unknown(p, out);
  fprintf(out, "endurance: %" PRId64 " writes of the most written device, %.3g of its life\n", l->most_writes,
          c.endurance_used);
}

static void print_row(const char *name, const struct ledger_column *columns, const double *v, int n, FILE *out) {
  fprintf(out, "%-22s", name);
  for (int k = 0; k < n; k++) fprintf(out, "%s %12.9g", columns[k].sign ? "  " : "", v[k]);
  fputc('\n', out);
}

void ledger_print_means(const struct ledger_column *columns, int n, const struct ledger_params *p, FILE *out) {
  char source[LEDGER_SOURCE_SIZE];
  double v[LEDGER_MAX_COLUMNS] = { 0 }, pulses = 0, written = 0;
  bool exceeds = false;
  assert(n <= LEDGER_MAX_COLUMNS);
  for (int k = 0; k < n; k++) {
    exceeds |= columns[k].mean->exceeds;
    pulses += columns[k].mean->pulses;
    written += columns[k].mean->devices_written;
  }
  const bool energy = ledger_knows_energy(p, exceeds), time = ledger_knows_time(p, exceeds);
  const bool writing = knows_writing(p, pulses, written);
  fprintf(out, "%-22s", "");
  for (int k = 0; k < n; k++) {
    if (columns[k].sign) fprintf(out, " %c", columns[k].sign);
    fprintf(out, " %12s", columns[k].name);
  }
  fputc('\n', out);
#define ROW(field, name)                                                                           \
  for (int k = 0; k < n; k++) v[k] = columns[k].mean->field;                                       \
  print_row(name, columns, v, n, out);
#define X(field, help) ROW(field, #field)
  LEDGER_COUNTS(X)
#undef X
  if (energy) { ROW(cost.read_energy_J, "read_energy_J") }
  if (time) { ROW(cost.read_time_s, "read_time_s") }
  if (writing) { ROW(cost.write_energy_J, "write_energy_J") }
  ROW(cost.endurance_used, "endurance_used")
#undef ROW
  fprintf(out, "reading: %s(%s)\n", energy || time ? "at most so much " : "", ledger_source(p, exceeds, source));
  if (!writing) print_unknown(p, out);
}

// ---- JSON

static struct json_t *counts_json(const struct ledger_counts *c) {
  struct json_t *o = json_object_new();
#define X(name, help) json_put_i64(o, #name, c->name);
  LEDGER_COUNTS(X)
#undef X
  return o;
}

static void put_cost(struct json_t *o, const struct ledger_cost *c, const struct ledger_params *p, bool exceeds,
                     double pulses, double written) {
  if (ledger_knows_energy(p, exceeds)) json_put_f64(o, "read_energy_J", c->read_energy_J);
  if (ledger_knows_time(p, exceeds)) json_put_f64(o, "read_time_s", c->read_time_s);
  if (knows_writing(p, pulses, written)) json_put_f64(o, "write_energy_J", c->write_energy_J);
  json_put_f64(o, "endurance_used", c->endurance_used);
}

void ledger_put_source(struct json_t *o, const struct ledger_params *p, bool exceeds) {
  char source[LEDGER_SOURCE_SIZE];
  json_put_text(o, "preset", preset_names[p->preset]);
  json_put_text(o, "cost_source", ledger_source(p, exceeds, source));
}

struct json_t *ledger_mean_json(const struct ledger_mean *m, const struct ledger_params *p) {
  struct json_t *o = json_object_new();
#define X(name, help) json_put_f64(o, #name, m->name);
  LEDGER_COUNTS(X)
#undef X
  put_cost(o, &m->cost, p, m->exceeds, m->pulses, m->devices_written);
  return o;
}

struct json_t *ledger_json(const struct ledger *l, const struct ledger_params *p) {
  const struct ledger_counts total = ledger_total(l);
  const struct ledger_cost c = ledger_cost(l, p);
  struct json_t *o = json_object_new();
  json_put(o, "total", counts_json(&total));
  struct json_t *cores = json_add_array(o, "cores");
  for (int k = 0; k < l->n_cores; k++) json_put(cores, NULL, counts_json(&l->core[k]));
  ledger_put_source(o, p, l->exceeds);
  put_cost(o, &c, p, l->exceeds, (double)total.pulses, (double)total.devices_written);
  json_put_i64(o, "most_writes", l->most_writes);
  return o;
}
