#include "device/ledger.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "base/json.h"

// Le Gallo et al., Nat. Electron. 6, 680 (2023): 64 cores of 256 x 256, 4-phase reading, 16.1 TOPS at 2.48 TOPS/W.
// One product of a core is 2 x 256 x 256 operations, so a phase takes 131072/(16.1e12/64)/4 s and
// 131072/2.48e12/4 J; the 1-phase figures (63.1 TOPS, 9.76 TOPS/W) give the same within 3 %. HERMES core:
// 10.5 TOPS/W (Khaddam-Aljameh et al., JSSC 2022). Endurance: no figure of these chips; order of magnitude
// of phase-change memory, an assumption.
const struct param ledger_param_table[] = {
  PARAM_F64(struct ledger_params, phase_energy_J, 13.2e-9, 0, 1, "energy of one phase of a core, J"),
  PARAM_F64(struct ledger_params, phase_time_s, 130e-9, 0, 1, "duration of one phase, s"),
  PARAM_F64(struct ledger_params, pulse_energy_J, 0, 0, 1, "energy of a programming pulse, J; 0: not priced"),
  PARAM_F64(struct ledger_params, verify_energy_J, 0, 0, 1, "energy of a verify read, J; 0: not priced"),
  PARAM_F64(struct ledger_params, endurance, 1e8, 1, 1e18, "writes that a device survives (assumption)"),
  { 0 },
};

static const char source[] = "a phase: Le Gallo et al., Nat. Electron. 6, 680 (2023)";

// Where the prices come from.
static const char *source_of(const struct ledger_params *p) {
  struct ledger_params published;
  param_defaults(ledger_param_table, &published);
  const bool same = p->phase_energy_J == published.phase_energy_J && p->phase_time_s == published.phase_time_s;
  return same ? source : "a phase: as set by ledger.phase_energy_J, ledger.phase_time_s";
}

void ledger_reset(struct ledger *l) { *l = (struct ledger){ .n_cores = l->n_cores }; }

static void add(struct ledger_counts *to, const struct ledger_counts *from, int64_t times) {
#define X(name, help) to->name += times * from->name;
  LEDGER_COUNTS(X)
#undef X
}

void ledger_add(struct ledger *l, const struct ledger *other) {
  if (l->n_cores < other->n_cores) l->n_cores = other->n_cores;
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

struct ledger_cost ledger_cost(const struct ledger *l, const struct ledger_params *p) {
  const struct ledger_counts total = ledger_total(l);
  struct ledger_cost c = { .read_energy_J = (double)total.phases * p->phase_energy_J,
                           .write_energy_J = (double)total.pulses * p->pulse_energy_J +
                                             (double)total.verify_reads * p->verify_energy_J,
                           .endurance_used = (double)l->most_writes / p->endurance };
  for (int k = 0; k < l->n_cores; k++) c.read_time_s = fmax(c.read_time_s, (double)l->core[k].phases * p->phase_time_s);
  return c;
}

void ledger_print(const struct ledger *l, const struct ledger_params *p, FILE *out) {
  const struct ledger_counts total = ledger_total(l);
  const struct ledger_cost c = ledger_cost(l, p);
  fprintf(out, "%-20s %14s", "", "total");
  for (int k = 0; k < l->n_cores; k++) fprintf(out, "   %7s %3d", "core", k);
  fputc('\n', out);
#define X(name, help)                                                                              \
  fprintf(out, "%-20s %14" PRId64, #name, total.name);                                             \
  for (int k = 0; k < l->n_cores; k++) fprintf(out, " %12" PRId64, l->core[k].name);               \
  fprintf(out, "  %s\n", help);
  LEDGER_COUNTS(X)
#undef X
  fprintf(out, "reading: at most %.4g J, %.4g s (%s)\n", c.read_energy_J, c.read_time_s, source_of(p));
  if (c.write_energy_J > 0) fprintf(out, "writing: %.4g J\n", c.write_energy_J);
  else fprintf(out, "writing: not priced (no published figure; set ledger.pulse_energy_J)\n");
  fprintf(out, "endurance: %" PRId64 " writes of the most written device, %.3g of its life\n", l->most_writes, c.endurance_used);
}

static struct json_t *counts_json(const struct ledger_counts *c) {
  struct json_t *o = json_object_new();
#define X(name, help) json_put_i64(o, #name, c->name);
  LEDGER_COUNTS(X)
#undef X
  return o;
}

struct json_t *ledger_json(const struct ledger *l, const struct ledger_params *p) {
  const struct ledger_counts total = ledger_total(l);
  const struct ledger_cost c = ledger_cost(l, p);
  struct json_t *o = json_object_new(), *cores = json_array_new();
  for (int k = 0; k < l->n_cores; k++) json_put(cores, NULL, counts_json(&l->core[k]));
  json_put(o, "total", counts_json(&total));
  json_put(o, "cores", cores);
  json_put_text(o, "cost_source", source_of(p));
  json_put_f64(o, "read_energy_J", c.read_energy_J);
  json_put_f64(o, "read_time_s", c.read_time_s);
  json_put_f64(o, "write_energy_J", c.write_energy_J);
  json_put_i64(o, "most_writes", l->most_writes);
  json_put_f64(o, "endurance_used", c.endurance_used);
  return o;
}
