// Digital arithmetic by hand: the counts of a read-out of 7 inputs and 3 outputs, their energy, and what has none.
#include "base/json.h"
#include "chip/digital.h"
#include "test.h"

static struct digital_params defaults(void) {
  struct digital_params p;
  param_defaults(digital_param_table, &p);
  return p;
}

static void check(const char *what, const struct digital_counts *c, struct digital_counts expected) {
#define X(name, help) CHECK(c->name == expected.name, "%s: %s is %g, not %g", what, #name, c->name, expected.name);
  DIGITAL_COUNTS(X)
#undef X
}

static void test_counts(void) {
  struct digital_counts c = { 0 };
  digital_store(&c, 35, DIGITAL_FLOAT);
  digital_store(&c, 35, DIGITAL_8BIT);
  check("store", &c, (struct digital_counts){ .memory_bytes = 175 });
  c = (struct digital_counts){ 0 };
  digital_product(&c, 5, 7, 3, DIGITAL_FLOAT);  // 35 inputs, 105 weights
  check("product", &c, (struct digital_counts){ .multiplications = 105, .additions = 105, .memory_bytes = 560 });
  c = (struct digital_counts){ 0 };
  digital_product(&c, 5, 7, 3, DIGITAL_8BIT);
  check("product of 8 bits", &c, (struct digital_counts){ .multiplications_8bit = 105, .additions_integer = 105,
                                                          .multiplications = 15, .memory_bytes = 140 });
  c = (struct digital_counts){ 0 };
  digital_softmax(&c, 5, 3);
  check("softmax", &c, (struct digital_counts){ .exponentials = 15, .additions = 30, .multiplications = 15 });
  c = (struct digital_counts){ 0 };
  digital_delta(&c, 5, 7, 3, DIGITAL_FLOAT);  // 35 features times a rate; 105 sums of 4 bytes read and written
  check("delta", &c, (struct digital_counts){ .multiplications = 140, .additions = 105, .memory_bytes = 140 + 840 });
  c = (struct digital_counts){ 0 };
  digital_delta(&c, 5, 7, 3, DIGITAL_8BIT);
  check("delta of 8 bits", &c, (struct digital_counts){ .multiplications = 140, .additions = 105,
                                                        .memory_bytes = 35 + 840 });
  c = (struct digital_counts){ 0 };
  digital_add(&c, 7, 3, DIGITAL_FLOAT);
  digital_add(&c, 7, 3, DIGITAL_8BIT);
  check("add", &c, (struct digital_counts){ .additions = 42, .memory_bytes = 21*12 + 21*6 });
  c = (struct digital_counts){ 0 };
  digital_means(&c, 5, 7, 3);
  check("means", &c, (struct digital_counts){ .additions = 35, .multiplications = 21, .memory_bytes = 8*(35 + 21) });
  c = (struct digital_counts){ 0 };
  digital_distances(&c, 5, 7, 3);
  check("distances", &c, (struct digital_counts){ .multiplications = 105, .additions = 210, .memory_bytes = 560 });
}

static const struct digital_counts some = { 100, 200, 300, 400, 800, 50 };

static void check_source(const struct digital_params *p, const char *expected) {
  char text[DIGITAL_SOURCE_SIZE];
  CHECK(!strcmp(digital_source(p, text), expected), "'%s', not '%s'", text, expected);
}

// 45 nm: 3.7, 0.9, 0.2, 0.1 pJ, 10 pJ for 8 bytes. Exponentials cost nothing.
static void test_energies(void) {
  struct digital_params p = defaults();
  CHECK_REL(digital_energy_J(&some, &p), (370 + 180 + 60 + 40 + 1000)*1e-12, 1e-12);
  CHECK(digital_knows_energy(&p), "a preset");
  check_source(&p, "horowitz2014: Horowitz, ISSCC 2014, 45 nm, memory in banks of 8 KB");
  p.access_J = 1e-12;
  p.add_J = 2e-12;
  CHECK_REL(digital_energy_J(&some, &p), (370 + 400 + 60 + 40 + 100)*1e-12, 1e-12);
  check_source(&p, "horowitz2014: Horowitz, ISSCC 2014, 45 nm, memory in banks of 8 KB; set by hand: "
                   "digital.add_J digital.access_J");
  p = defaults();
  CHECK(param_set(digital_param_table, &p, "preset", "none") == 0, "none");
  CHECK(!digital_knows_energy(&p) && digital_energy_J(&some, &p) == 0, "the energy of none");
  check_source(&p, "none: energy unknown");
  p.access_J = 1e-12;
  p.add_J = p.multiply_J = 1e-12;
  CHECK(!digital_knows_energy(&p), "integers of unknown energy");
  p.multiply_8bit_J = p.add_integer_J = 1e-12;
  CHECK(digital_knows_energy(&p), "all are known");
}

static void test_json(void) {
  struct json_t *o = digital_json(&some);
  double v;
  CHECK(json_field_f64(o, "json", "exponentials", 0, 100, &v) == 0 && v == 50, "exponentials");
  CHECK(json_field_f64(o, "json", "memory_bytes", 0, 1000, &v) == 0 && v == 800, "memory_bytes");
  json_release(o);
}

int main(void) {
  test_counts();
  test_energies();
  test_json();
  return test_summary();
}
