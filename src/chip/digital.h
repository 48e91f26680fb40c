// digital.h - arithmetic beside the cores: what a read-out learns and classifies with there, and the energy that takes.
//
// Counts are those of plain loops over a read-out of I inputs and O outputs, every operand read from memory and every
// result written there: no operand of the inner loop is kept but one. docs/equations.md (D1)-(D6). The energies of
// multiplications, additions and memory are published figures of one technology; those of exponentials and control are
// unknown, and so is the time of all of it.
#ifndef CHIP_DIGITAL_H
#define CHIP_DIGITAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/param.h"

struct json_t;

#define DIGITAL_COUNTS(X)                                                                          \
  X(multiplications, "of 32-bit floats")                                                           \
  X(additions, "of 32-bit floats")                                                                 \
  X(multiplications_8bit, "of 8-bit integers")                                                     \
  X(additions_integer, "of 32-bit integers")                                                       \
  X(memory_bytes, "read and written")                                                              \
  X(exponentials, "energy unknown")

struct digital_counts {
#define X(name, help) double name;
  DIGITAL_COUNTS(X)
#undef X
};

// How a read-out and its inputs are kept: 32-bit floats, or integers of 8 bits.
enum digital_kind { DIGITAL_FLOAT, DIGITAL_8BIT };

// Each adds to *c.
void digital_store(struct digital_counts *c, double numbers, enum digital_kind kind);  // numbers written to memory
void digital_product(struct digital_counts *c, int vectors, int I, int O, enum digital_kind kind);  // (D1)
void digital_softmax(struct digital_counts *c, int vectors, int O);                                 // (D2)
void digital_delta(struct digital_counts *c, int vectors, int I, int O, enum digital_kind inputs);  // (D3)
void digital_add(struct digital_counts *c, int I, int O, enum digital_kind weights);                // (D4)
void digital_means(struct digital_counts *c, int vectors, int I, int O);                            // (D5)
void digital_distances(struct digital_counts *c, int vectors, int I, int O);                        // (D6)

enum digital_preset { DIGITAL_HOROWITZ2014, DIGITAL_NONE };

struct digital_params {
  int64_t preset;                 // enum digital_preset
  double multiply_J, add_J;       // of 32-bit floats; 0: the preset's, as all of these
  double multiply_8bit_J, add_integer_J;
  double access_J;                // of 8 bytes of memory
};
extern const struct param digital_param_table[];

bool digital_knows_energy(const struct digital_params *p);  // all but exponentials
double digital_energy_J(const struct digital_counts *c, const struct digital_params *p);

// Where the energies come from, as ledger_source.
enum { DIGITAL_SOURCE_SIZE = 256 };
const char *digital_source(const struct digital_params *p, char text[DIGITAL_SOURCE_SIZE]);
struct json_t *digital_json(const struct digital_counts *c);

#endif
