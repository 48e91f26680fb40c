// Sums and prices of the ledger by hand, and its JSON.
#include "base/json.h"
#include "device/ledger.h"
#include "test.h"

int main(void) {
  static struct ledger l = { .n_cores = 2, .most_writes = 3 }, other = { .n_cores = 2, .most_writes = 7 };
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
  CHECK(c.write_energy_J == 0, "not priced");
  CHECK_REL(c.endurance_used, 7e-8, 1e-12);
  // a whole core: 2 x 256 x 256 operations in 4 phases at 2.48 TOPS/W and 16.1/64 TOPS, SPEC
  CHECK_REL(131072 / (4 * p.phase_energy_J), 2.48e12, 0.01);
  CHECK_REL(131072 / (4 * p.phase_time_s), 16.1e12 / 64, 0.01);
  p.pulse_energy_J = 2e-12;
  p.verify_energy_J = 1e-12;
  c = ledger_cost(&l, &p);
  CHECK_REL(c.write_energy_J, 9 * 2e-12 + 4e-12, 1e-12);
  ledger_subtract(&l, &other);
  CHECK(ledger_total(&l).products == 40, "difference");

  struct json_t *o = ledger_json(&l, &p), *sum;
  int64_t phases;
  CHECK(json_field_object(o, "ledger", "total", &sum) == 0 && json_field_i64(sum, "total", "phases", 0, 1000, &phases) == 0 && phases == 100, "JSON");
  json_release(o);
  ledger_reset(&l);
  CHECK(ledger_total(&l).phases == 0 && l.n_cores == 2, "reset");
  return test_summary();
}
