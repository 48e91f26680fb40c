// The simulated devices of device/tile.h behind a chip.
#include <math.h>
#include <string.h>

#include "base/vector.h"
#include "chip/backend.h"
#include "chip/chip_private.h"
#include "device/turned.h"

static int place(struct chip *c) {
  (void)c;
  return 0;
}

static int program(struct chip *c, int k, bool first, struct rng *r, struct tile_count *count) {
  struct tile *t = &c->tiles[k];
  const bool exact = first && c->design.pcm.first_write > 0;
  tile_write(t, &c->design, c->cells, first ? NULL : c->mask, first, exact, c->clock_s, r, count);
  if (first) tile_settle(t, &c->design, c->clock_s);
  else tile_settle_cells(t, &c->design, c->mask, c->clock_s);
  return 0;
}

static int codes(struct chip *c, int k, const struct core_inputs *in, int B, struct rng *r, int *saturated) {
  *saturated = core_codes(&c->work, &c->tiles[k], &c->design, in, B, r);
  return 0;
}

static int transposed(struct chip *c, int k, const real *level, int B, struct rng *r, real *code, double *lsb,
                      int *saturated) {
  const size_t cp = (size_t)vector_padded(c->pieces[k].columns), rp = (size_t)vector_padded(c->pieces[k].rows);
  struct core_work work;
  struct tile turned;
  turned_init(&turned, &c->tiles[k], &c->design, c->params.adc_margin);
  core_work_init(&work, turned.rows, turned.columns);
  *lsb = turned.lsb;
  for (size_t b = 0; b < (size_t)B; b++) {  // one by one: each may saturate by itself
    struct core_inputs in;
    memcpy(work.level, level + b*cp, cp * sizeof *level);
    core_look(&in, &c->design, work.level, turned.rows, 1);
    saturated[b] = core_codes(&work, &turned, &c->design, &in, 1, r);
    memcpy(code + b*rp, work.sum, rp * sizeof *code);
  }
  core_work_release(&work);
  tile_release(&turned);
  return 0;
}

static int range(struct chip *c, int k, const real *levels, int n) {
  struct tile *t = &c->tiles[k];
  t->lsb = core_range(&c->work, t, &c->design, levels, n, c->params.adc_margin, t->lsb_least);
  return 0;
}

static int read(const struct chip *c, int k, double *g) {
  const struct tile *t = &c->tiles[k];
  const double g_all = tile_full_uS(&c->design);
  for (size_t cell = 0; cell < tile_plane(t); cell++)
    g[cell] = ((double)t->g[0][cell] - (c->design.one_phase ? 0 : (double)t->g[1][cell])) / g_all;
  return 0;
}

static int wait(struct chip *c, double time_s) {
  for (int k = 0; k < c->n_pieces; k++) tile_settle(&c->tiles[k], &c->design, time_s);
  return 0;
}

static int resume(struct chip *c) { return wait(c, c->clock_s); }

static int restore(struct chip *c, const struct chip *original) {
  (void)c, (void)original;  // chip_copy copies the tiles
  return 0;
}

const struct backend backend_simulated = {
  "simulated", place, program, codes, transposed, range, read, wait, resume, restore,
};
