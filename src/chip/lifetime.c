#include "chip/lifetime.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "chip/chip_private.h"
#include "chip/chipstate.h"
#include "base/vector.h"

int lifetime_load(struct chip *c, const char *state) {
  TRY(chipstate_read(c, state));
  for (int k = 0; k < c->n_pieces; k++)
    for (size_t u = 0; u < tile_units(&c->tiles[k], &c->design); u++)
      if (c->tiles[k].writes[u] > c->ledger.most_writes) c->ledger.most_writes = c->tiles[k].writes[u];
  if (chipstate_is_csv(state) && c->params.correction != CHIP_NONE) chip_calibrate(c, &c->rng);
  return 0;
}

int lifetime_resume(struct chip *c, const char *state, double later_s) {
  if (*state && c->door)
    return err_set(ERR_SETTING, "%s: chip.driver=%s is programmed anew; a state belongs to a simulated chip", state,
                   c->params.driver);
  if (*state) TRY(lifetime_load(c, state));
  if (!*state || c->params.time_s > 0) TRY(chip_advance(c, c->params.time_s, &c->rng));
  return chip_check_time(c, c->clock_s + later_s);
}

static void settle(struct chip *c, const struct chip_matrix *m, double time_s) {
  for (int k = m->first; k < m->first + m->n_tiles; k++) {
    tile_settle(&c->tiles[k], &c->design, time_s);
    chip_touch(c, k);
  }
}

void lifetime_age(struct chip *c, const struct chip *from, int index, double since_s, struct rng *r) {
  struct chip_matrix *m = &c->matrices[index];
  const struct chip_matrix *earlier = &from->matrices[index];
  const size_t n = (size_t)m->base.I * (size_t)vector_padded(m->base.O) * sizeof(real);
  assert(c->clock_s >= from->clock_s);
  memcpy(m->w, earlier->w, n);
  memcpy(m->wanted, earlier->wanted, n);
  for (int k = m->first; k < m->first + m->n_tiles; k++) tile_copy(&c->tiles[k], &from->tiles[k]);
  if (m->calibrated_s > from->clock_s) {
    const double at_s = m->calibrated_s, interval = c->params.recalibrate_s;
    settle(c, m, at_s);
    chip_calibrate_times(c, index, interval > 0 ? (int64_t)rint((at_s - since_s)/interval) : 1, r);
    m->calibrated_s = at_s;
  }
  settle(c, m, c->clock_s);
}

struct lifetime_quality lifetime_quality(const struct chip *c, int index) {
  const struct chip_matrix *m = &c->matrices[index];
  const size_t n = (size_t)m->base.I * (size_t)vector_padded(m->base.O);
  real *v = err_calloc(n, sizeof *v);
  double vw = 0, ww = 0, vv = 0;
  chip_effective(c, index, v);
  for (size_t i = 0; i < n; i++) {
    vw += (double)v[i] * (double)m->w[i];
    ww += (double)m->w[i] * (double)m->w[i];
    vv += (double)v[i] * (double)v[i];
  }
  free(v);
  if (ww <= 0 || vw <= 0) return (struct lifetime_quality){ 0 };
  return (struct lifetime_quality){ .kept = vw / ww, .error = sqrt(fmax(vv*ww / (vw*vw) - 1, 0)) };
}

struct json_t *lifetime_quality_json(const struct chip *c) {
  struct json_t *o = json_object_new();
  json_put_f64(o, "clock_s", c->clock_s);
  struct json_t *list = json_add_array(o, "matrices");
  for (int k = 0; k < c->n_matrices; k++) {
    const struct chip_matrix *m = &c->matrices[k];
    const struct lifetime_quality q = lifetime_quality(c, k);
    struct json_t *row = json_add_object(list, NULL);
    json_put_text(row, "name", m->name);
    json_put_i64(row, "rows", m->base.I);
    json_put_i64(row, "columns", m->base.O);
    json_put_i64(row, "devices", m->base.n_devices);
    json_put_f64(row, "scale", (double)m->scale[0]);
    json_put_f64(row, "kept", q.kept);
    json_put_known(row, "error", q.kept > 0 ? q.error : INFINITY);
  }
  return o;
}
