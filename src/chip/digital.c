#include "chip/digital.h"

#include <stdio.h>

#include "base/json.h"

// Of one number of each kind.
static const double bytes[] = { [DIGITAL_FLOAT] = 4, [DIGITAL_8BIT] = 1 };

void digital_store(struct digital_counts *c, double numbers, enum digital_kind kind) {
  c->memory_bytes += numbers * bytes[kind];
}

// Each vector is read once, each weight anew for every vector.
void digital_product(struct digital_counts *c, int vectors, int I, int O, enum digital_kind kind) {
  const double n = (double)vectors * I * O;
  if (kind == DIGITAL_FLOAT) {
    c->multiplications += n;
    c->additions += n;
  } else {
    c->multiplications_8bit += n;
    c->additions_integer += n;
    c->multiplications += (double)vectors * O;  // back to the scale of the logits
  }
  c->memory_bytes += bytes[kind] * ((double)vectors * I + n);
}

// With the sum, the division by it as a multiplication, and the target taken off.
void digital_softmax(struct digital_counts *c, int vectors, int O) {
  const double n = (double)vectors * O;
  c->exponentials += n;
  c->additions += 2 * n;
  c->multiplications += n;
}

// The sums over the vectors are read and written in memory.
void digital_delta(struct digital_counts *c, int vectors, int I, int O, enum digital_kind inputs) {
  const double n = (double)vectors * I, all = n * O;
  c->multiplications += n + all;
  c->additions += all;
  c->memory_bytes += bytes[inputs] * n + 2 * bytes[DIGITAL_FLOAT] * all;
}

void digital_add(struct digital_counts *c, int I, int O, enum digital_kind weights) {
  const double n = (double)I * O;
  c->additions += n;
  c->memory_bytes += (bytes[DIGITAL_FLOAT] + 2 * bytes[weights]) * n;
}

void digital_means(struct digital_counts *c, int vectors, int I, int O) {
  const double n = (double)vectors * I, means = (double)I * O;
  c->additions += n;
  c->multiplications += means;
  c->memory_bytes += 2 * bytes[DIGITAL_FLOAT] * (n + means);
}

void digital_distances(struct digital_counts *c, int vectors, int I, int O) {
  const double n = (double)vectors * I * O;
  c->multiplications += n;
  c->additions += 2 * n;
  c->memory_bytes += bytes[DIGITAL_FLOAT] * ((double)vectors * I + n);
}

// ---- energy

static const char *const preset_names[] = { "horowitz2014", "none", NULL };

// 45 nm, 0.9 V: the tables of rough energy costs. Memory: 64 bits of a cache of 8 KB.
static const struct digital_params presets[] = {
  [DIGITAL_HOROWITZ2014] = { .multiply_J = 3.7e-12, .add_J = 0.9e-12, .multiply_8bit_J = 0.2e-12,
                             .add_integer_J = 0.1e-12, .access_J = 10e-12 },
  [DIGITAL_NONE] = { 0 },
};
static const char *const sources[] = {
  [DIGITAL_HOROWITZ2014] = "horowitz2014: Horowitz, ISSCC 2014, 45 nm, memory in banks of 8 KB",
  [DIGITAL_NONE] = "none: energy unknown",
};

const struct param digital_param_table[] = {
#define P struct digital_params
  PARAM_CHOICE(P, preset, DIGITAL_HOROWITZ2014, preset_names, "energies of digital arithmetic: Horowitz 2014, 45 nm; "
                                                              "none"),
  PARAM_F64(P, multiply_J, 0, 0, 1, "energy of a multiplication of 32-bit floats, J; 0: the preset's"),
  PARAM_F64(P, add_J, 0, 0, 1, "energy of an addition of 32-bit floats, J; 0: the preset's"),
  PARAM_F64(P, multiply_8bit_J, 0, 0, 1, "energy of a multiplication of 8-bit integers, J; 0: the preset's"),
  PARAM_F64(P, add_integer_J, 0, 0, 1, "energy of an addition of 32-bit integers, J; 0: the preset's"),
  PARAM_F64(P, access_J, 0, 0, 1, "energy of reading or writing 8 bytes of memory, J; 0: the preset's"),
#undef P
  { 0 },
};

static double energy(double by_hand, double of_preset) { return by_hand > 0 ? by_hand : of_preset; }

static struct digital_params energies(const struct digital_params *p) {
  const struct digital_params *preset = &presets[p->preset];
  return (struct digital_params){
    .multiply_J = energy(p->multiply_J, preset->multiply_J), .add_J = energy(p->add_J, preset->add_J),
    .multiply_8bit_J = energy(p->multiply_8bit_J, preset->multiply_8bit_J),
    .add_integer_J = energy(p->add_integer_J, preset->add_integer_J), .access_J = energy(p->access_J, preset->access_J),
  };
}

bool digital_knows_energy(const struct digital_params *p) {
  const struct digital_params v = energies(p);
  return v.multiply_J > 0 && v.add_J > 0 && v.multiply_8bit_J > 0 && v.add_integer_J > 0 && v.access_J > 0;
}

double digital_energy_J(const struct digital_counts *c, const struct digital_params *p) {
  const struct digital_params v = energies(p);
  return c->multiplications * v.multiply_J + c->additions * v.add_J + c->multiplications_8bit * v.multiply_8bit_J +
         c->additions_integer * v.add_integer_J + c->memory_bytes / 8 * v.access_J;
}

const char *digital_source(const struct digital_params *p, char text[DIGITAL_SOURCE_SIZE]) {
  const bool by_hand = p->multiply_J > 0 || p->add_J > 0 || p->multiply_8bit_J > 0 || p->add_integer_J > 0 ||
                       p->access_J > 0;
  snprintf(text, DIGITAL_SOURCE_SIZE, "%s%s%s%s%s%s%s", sources[p->preset], by_hand ? "; set by hand:" : "",
           p->multiply_J > 0 ? " digital.multiply_J" : "", p->add_J > 0 ? " digital.add_J" : "",
           p->multiply_8bit_J > 0 ? " digital.multiply_8bit_J" : "",
           p->add_integer_J > 0 ? " digital.add_integer_J" : "", p->access_J > 0 ? " digital.access_J" : "");
  return text;
}

struct json_t *digital_json(const struct digital_counts *c) {
  struct json_t *o = json_object_new();
#define X(name, help) json_put_f64(o, #name, c->name);
  DIGITAL_COUNTS(X)
#undef X
  return o;
}
