// chipstate_private.h - what both forms of a chip's state share: which chip it is, and the arrays of its devices.
#ifndef CHIP_CHIPSTATE_PRIVATE_H
#define CHIP_CHIPSTATE_PRIVATE_H

#include "chip/chip_private.h"
#include "chip/chipstate.h"

enum { CHIPSTATE_KEY = 64, CHIPSTATE_SUM = 17 };  // characters of a name, of a checksum as text

// X(key, format, value...) for each property that another chip may have otherwise; of struct chip *c.
#define CHIPSTATE_IDENTITY(X)                                                                                \
  X("chip.device", "%s", c->design.pcm.name)                                                       \
  X("chip.constants", "%.17g uS %.17g s %.17g s", c->design.pcm.g_max_uS, c->design.pcm.t0_s, c->design.pcm.t_read_s) \
  X("chip.cell", "2 x %d units of %d", c->design.units, c->design.pcm.devices)                     \
  X("chip.core", "%d x %d", (int)c->params.rows, (int)c->params.columns)                           \
  X("chip.converters", "%d bits in, %d bits out, %d phases", (int)c->params.dac_bits,              \
    (int)c->params.adc_bits, (int)c->params.phases)                                                \
  X("chip.matrices", "%d", c->n_matrices)


// ERR_FORMAT: a file found another value for this key than this chip has.
int chipstate_compare(const char *file, const char *key, const char *found, const char *expected);
// Key and value of the checksum of the weights that matrix m was written with.
void chipstate_weights_text(char key[CHIPSTATE_KEY], char text[CHIPSTATE_SUM], const struct chip *c, int m);
// The checksum that a file has for matrix m: that of the model's weights, or taken over where none are written yet.
int chipstate_take_weights(struct chip *c, int m, const char *file, const char *found);

// An array of a chip. Each is read and written as double, which holds float, uint32 and uint8 exactly.
enum chipstate_kind { F32, F64, U32, U8, REAL };
struct chipstate_field {
  const char *name;
  enum chipstate_kind kind;
  void *data;
  double low, high;  // what a file may hold
};
double chipstate_get(const struct chipstate_field *f, size_t i);
void chipstate_set(const struct chipstate_field *f, size_t i, double v);

// Of every unit of devices, (2 signs, units, rows, padded columns).
enum { CHIPSTATE_UNIT_FIELDS = 8 };
void chipstate_unit_fields(struct chipstate_field f[CHIPSTATE_UNIT_FIELDS], const struct tile *t,
                           const struct chip *c);
// What unit u conducts at the clock, with its stuck devices.
float chipstate_now_uS(const struct tile *t, const struct chip *c, size_t u);

#endif
