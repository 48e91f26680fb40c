// What a chip is, for those who cannot see inside (chip/chip.h).
#include <string.h>

#include "base/err.h"
#include "base/vector.h"
#include "chip/chipstate_private.h"

const char *chip_devices_named(const struct chip_params *p) {
  return *p->driver ? p->driver : *p->table ? p->table : pcm_preset_names[p->preset];
}

const struct chip_params *chip_settings(const struct chip *c) { return &c->params; }
const struct tile_design *chip_design(const struct chip *c) { return &c->design; }
uint64_t chip_seed(const struct chip *c) { return c->seed; }
double chip_clock(const struct chip *c) { return c->clock_s; }
int chip_cores(const struct chip *c) { return c->n_cores; }
struct rng *chip_rng(struct chip *c) { return &c->rng; }
struct ledger *chip_ledger(struct chip *c) { return &c->ledger; }
const struct ledger *chip_account(const struct chip *c) { return &c->ledger; }

int chip_matrices(const struct chip *c) { return c->n_matrices; }
const char *chip_matrix_name(const struct chip *c, int m) { return c->matrices[m].name; }
const struct synapse *chip_matrix(const struct chip *c, int m) { return &c->matrices[m].base; }
const real *chip_weights(const struct chip *c, int m) { return c->matrices[m].w; }
bool chip_programmed(const struct chip *c, int m) { return c->matrices[m].programmed; }
double chip_input_range(const struct chip *c, int m) { return c->matrices[m].range; }
double chip_calibrated(const struct chip *c, int m) { return c->matrices[m].calibrated_s; }

void chip_forget_inputs(struct chip *c, int m) {
  c->matrices[m].n_sample = 0;
  c->matrices[m].n_seen = 0;
}

void chip_over_scale(const struct chip *c, int index, real *v) {
  const struct chip_matrix *m = &c->matrices[index];
  const size_t OP = (size_t)vector_padded(m->base.O);
  for (const struct floorplan_piece *p = c->pieces + m->first; p < c->pieces + m->first + m->n_tiles; p++)
    for (size_t i = 0; i < (size_t)p->rows; i++)
      for (size_t o = 0; o < (size_t)p->columns; o++)
        v[((size_t)p->row + i)*OP + (size_t)p->column + o] /= chip_scale_of(m, p)[o];
}

int chip_unit_values(const struct chip *c, int m, const char *property, double *v) {
  const struct chip_matrix *matrix = &c->matrices[m];
  const size_t I = (size_t)matrix->base.I, O = (size_t)matrix->base.O, planes = 2 * (size_t)c->design.units;
  for (int piece = matrix->first; piece < matrix->first + matrix->n_tiles; piece++) {
    const struct floorplan_piece *p = &c->pieces[piece];
    const struct tile *t = &c->tiles[piece];
    struct chipstate_field f[CHIPSTATE_UNIT_FIELDS];
    const bool now = !strcmp(property, "now_uS");
    int k = 0;
    chipstate_unit_fields(f, t, c);
    while (k < CHIPSTATE_UNIT_FIELDS && strcmp(f[k].name, property)) k++;
    if (!now && k == CHIPSTATE_UNIT_FIELDS)
      return err_set(ERR_SETTING, "%s: there is no such property of a device", property);
    for (size_t plane = 0; plane < planes; plane++)
      for (size_t i = 0; i < (size_t)p->rows; i++)
        for (size_t o = 0; o < (size_t)p->columns; o++) {
          const size_t u = plane * tile_plane(t) + i * (size_t)t->ld + o;
          v[(plane * I + (size_t)p->row + i) * O + (size_t)p->column + o] =
            now ? (double)chipstate_now_uS(t, c, u) : chipstate_get(&f[k], u);
        }
  }
  return 0;
}

const real *chip_conductances(const struct chip *c, int sign) { return c->tiles[0].g[sign]; }

int chip_failure(const struct chip *c) {
  if (!c->door || c->door->rc == 0) return 0;
  return err_set((enum err)c->door->rc, "%s", c->door->message);
}
