// Sums, means and energies of the ledger by hand, its presets, and its JSON.
#include "base/json.h"
#include "chip/ledger.h"
#include "test.h"

static struct ledger l = { .n_cores = 2, .most_writes = 3 }, other = { .n_cores = 2, .most_writes = 7 };

static void check_source(const struct ledger_params *p, const char *expected) {
  char text[LEDGER_SOURCE_SIZE];
  CHECK(!strcmp(ledger_source(p, l.exceeds, text), expected), "'%s', not '%s'", text, expected);
}

// What each preset costs and says, and that a value set by hand goes before it.
static void test_presets(void) {
  struct ledger_params p;
  param_defaults(ledger_param_table, &p);
  check_source(&p, "legallo2023: Le Gallo et al., Nat. Electron. 6, 680 (2023)");
  p.phase_energy_J = 2e-9;
  struct ledger_cost c = ledger_cost(&l, &p);
  CHECK_REL(c.read_energy_J, 100 * 2e-9, 1e-12);
  CHECK_REL(c.read_time_s, 60 * 130e-9, 1e-12);
  check_source(&p, "legallo2023: Le Gallo et al., Nat. Electron. 6, 680 (2023); set by hand: ledger.phase_energy_J");
  p.phase_time_s = 1e-6;
  CHECK_REL(ledger_cost(&l, &p).read_time_s, 60e-6, 1e-12);
  check_source(&p, "set by hand: ledger.phase_energy_J, ledger.phase_time_s");

  param_defaults(ledger_param_table, &p);
  CHECK(param_set(ledger_param_table, &p, "preset", "khaddam2022") == 0, "khaddam2022");
  c = ledger_cost(&l, &p);
  CHECK_REL(131072 / (c.read_energy_J / 100), 10.5e12, 0.01);  // a core's product, in one phase
  CHECK_REL(131072 / (c.read_time_s / 60), 1.008e12, 0.01);
  check_source(&p, "khaddam2022: Khaddam-Aljameh et al., IEEE J. Solid-State Circuits 57, 1027 (2022)");

  CHECK(param_set(ledger_param_table, &p, "preset", "none") == 0, "none");
  c = ledger_cost(&l, &p);
  CHECK(c.read_energy_J == 0 && c.read_time_s == 0, "a cost of none");
  check_source(&p, "none: cost unknown");
  p.phase_time_s = 1e-6;
  check_source(&p, "set by hand: ledger.phase_time_s");
  CHECK(param_set(ledger_param_table, &p, "preset", "free") < 0, "a preset that does not exist");
}

// Which operations have an energy, and why writing has none.
static void test_known(void) {
  struct ledger_params p;
  param_defaults(ledger_param_table, &p);
  CHECK(ledger_knows_energy(&p, false) && ledger_knows_time(&p, false), "the costs of the preset");
  CHECK(strstr(ledger_writing_unknown(&p, 0, 5), "no published figure"), "the energy of writing");
  CHECK(!ledger_writing_unknown(&p, 0, 0), "nothing was written, and costs nothing");
  p.pulse_energy_J = 1e-12;
  CHECK(strstr(ledger_writing_unknown(&p, 0, 5), "chip.programming=verify"), "pulses that were not counted");
  CHECK(!ledger_writing_unknown(&p, 9, 5), "pulses of known energy");
  p.preset = LEDGER_NONE;
  CHECK(!ledger_knows_energy(&p, false) && !ledger_knows_time(&p, false), "a cost of none");
  p.phase_time_s = 1e-6;
  CHECK(!ledger_knows_energy(&p, false) && ledger_knows_time(&p, false), "a time by hand");
}

// Cores that exceed those of the published figures in any way cost nothing that is known, but by hand.
static void test_exceeds(void) {
  struct ledger_params p;
  struct ledger sum = { 0 };
  char text[LEDGER_SOURCE_SIZE];
  param_defaults(ledger_param_table, &p);
  CHECK(!ledger_exceeds(256, 256, 2, 8, 8) && !ledger_exceeds(32, 7, 1, 0, 4), "as published, or less");
  CHECK(ledger_exceeds(257, 256, 2, 8, 8) && ledger_exceeds(256, 257, 2, 8, 8) && ledger_exceeds(256, 256, 3, 8, 8) &&
        ledger_exceeds(256, 256, 2, 9, 8) && ledger_exceeds(256, 256, 2, 8, 9), "more than published");
  l.exceeds = true;
  ledger_add(&sum, &l);
  const struct ledger_mean m = ledger_mean(&sum, 8, &p);
  CHECK(sum.exceeds && m.exceeds && m.cost.read_energy_J == 0 && m.cost.read_time_s == 0, "a cost");
  ledger_source(&p, true, text);
  CHECK(!strncmp(text, "cost unknown: figures are of at most 256 x 256 cells", 52) &&
        text[strlen(text) - 1] == 's', "%s", text);
  struct json_t *o = ledger_mean_json(&m, &p);
  CHECK(!json_has(o, "read_energy_J") && !json_has(o, "read_time_s"), "a cost in JSON");
  json_release(o);
  p.phase_energy_J = 2e-9;
  CHECK_REL(ledger_cost(&sum, &p).read_energy_J, 100 * 2e-9, 1e-12);
  check_source(&p, "set by hand: ledger.phase_energy_J");
  l.exceeds = false;
}

// Means; JSON has only what is known.
static void test_means(void) {
  struct ledger_params p;
  param_defaults(ledger_param_table, &p);
  struct ledger_mean m = ledger_mean(&l, 8, &p);
  CHECK(m.products == 5 && m.phases == 12.5 && m.verify_reads == 0.5, "means");
  CHECK_REL(m.cost.read_energy_J, 12.5 * 13.2e-9, 1e-12);
  CHECK_REL(m.cost.read_time_s, 60 * 130e-9 / 8, 1e-12);
  p.pulse_energy_J = 2e-12;
  p.verify_energy_J = 1e-12;
  CHECK_REL(ledger_mean(&l, 8, &p).cost.write_energy_J, (9 * 2e-12 + 4e-12) / 8, 1e-12);
  p.verify_energy_J = 0;
  for (int k = 0; k < 3; k++) {
    p.preset = k;
    p.pulse_energy_J = k ? 1e-12 : 0;
    m = ledger_mean(&l, 8, &p);
    struct json_t *o = ledger_mean_json(&m, &p);
    double v;
    const bool read = json_field_f64(o, "mean", "read_energy_J", 0, 1, &v) == 0,
               write = json_field_f64(o, "mean", "write_energy_J", 0, 1, &v) == 0;
    CHECK(read == (k < 2) && write == (k > 0) && json_has(o, "read_time_s") == read, "preset %d: known %d %d", k, read,
          write);
    json_release(o);
  }
  m.pulses = 0;  // written by the statistical model: pulses that are not counted have no energy
  struct json_t *o = ledger_mean_json(&m, &p);
  CHECK(!json_has(o, "write_energy_J"), "writing without pulses costs something");
  json_release(o);
}

int main(void) {
  struct ledger_params p;
  param_defaults(ledger_param_table, &p);
  l.core[0] = (struct ledger_counts){ .products = 10, .phases = 40, .devices_written = 5, .pulses = 9 };
  l.core[1] = (struct ledger_counts){ .products = 30, .phases = 60, .verify_reads = 4 };
  other.core[1] = (struct ledger_counts){ .products = 1, .phases = 2 };
  ledger_add(&l, &other);
  struct ledger_counts total = ledger_total(&l);
  CHECK(total.products == 41 && total.phases == 102 && total.devices_written == 5 && l.most_writes == 7, "sums");
  struct ledger_cost c = ledger_cost(&l, &p);
  CHECK_REL(c.read_energy_J, 102 * 13.2e-9, 1e-12);
  CHECK_REL(c.read_time_s, 62 * 130e-9, 1e-12);  // the busier core
  CHECK(c.write_energy_J == 0, "energy of writing");
  CHECK_REL(c.endurance_used, 7e-8, 1e-12);
  // a whole core: 2 x 256 x 256 operations in 4 phases at 2.48 TOPS/W and 16.1/64 TOPS (Le Gallo et al. 2023)
  CHECK_REL(131072 / (4 * c.read_energy_J / 102), 2.48e12, 0.01);
  CHECK_REL(131072 / (4 * c.read_time_s / 62), 16.1e12 / 64, 0.01);
  p.pulse_energy_J = 2e-12;
  p.verify_energy_J = 1e-12;
  c = ledger_cost(&l, &p);
  CHECK_REL(c.write_energy_J, 9 * 2e-12 + 4e-12, 1e-12);
  ledger_subtract(&l, &other);
  CHECK(ledger_total(&l).products == 40, "difference");

  struct json_t *o = ledger_json(&l, &p), *sum;
  int64_t phases;
  CHECK(json_field_object(o, "ledger", "total", &sum) == 0 &&
            json_field_i64(sum, "total", "phases", 0, 1000, &phases) == 0 && phases == 100,
        "JSON");
  json_release(o);
  test_presets();
  test_known();
  test_exceeds();
  test_means();
  ledger_reset(&l);
  CHECK(ledger_total(&l).phases == 0 && l.n_cores == 2, "reset");
  return test_summary();
}
