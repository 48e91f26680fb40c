#include "experiment/fewshot/deploy.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "chip/chipstate.h"

int deploy_plan(struct chip **out, const struct chip_params *p, uint64_t seed, const struct convnet *net) {
  struct chip *c;
  TRY(chip_new(&c, p, seed));
  for (int l = 0; l <= net->blocks; l++) {
    char name[32] = "readout";
    if (l < net->blocks) snprintf(name, sizeof name, "conv%d", l + 1);
    chip_add(c, name, convnet_rows(net, l), convnet_columns(net, l), 0);
  }
  const int rc = chip_build(c);
  if (rc < 0) chip_free(c);
  else *out = c;
  return rc;
}

void deploy_layers(struct synapse **layers, struct chip *c, const struct convnet *net) {
  for (int l = 0; l <= net->blocks; l++) layers[l] = chip_synapse(c, l);
}

// Let the chip see the images, exactly computed.
static void show(struct chip *c, const struct convnet *net, const real *x, int n, int group) {
  struct convnet_work w;
  struct synapse *layers[CONVNET_MAX_LAYERS];
  const size_t image = (size_t)(net->side[0] * net->side[0]) * CONV_LANES;
  struct arena arena;
  convnet_work_init(&w, net, group);
  deploy_layers(layers, c, net);
  arena_init(&arena, (size_t)group * (size_t)conv_padded(net->ways) * sizeof(real) + 256);
  real *z = ARENA_NEW(&arena, (size_t)group * (size_t)conv_padded(net->ways), real);
  chip_observe(c, true);
  for (int at = 0; at < n; at += group) {
    w.n[0] = n - at < group ? n - at : group;
    w.n[1] = 0;
    memcpy(w.y[0], x + (size_t)at * image, (size_t)w.n[0] * image * sizeof *x);
    convnet_forward(net, &w, layers, 0, CONVNET_TASK, NULL, NULL);
    const struct conv shape = convnet_shape(net, net->blocks, w.n[0]);
    layers[net->blocks]->ops->product(layers[net->blocks], z, w.h, &shape, NULL);
  }
  chip_observe(c, false);
  arena_release(&arena);
  convnet_work_release(&w);
}

int deploy_convnet(struct chip **out, const struct chip_params *p, uint64_t seed, const struct convnet *net,
                   const real *parameters, const real *x, int n, int group) {
  struct chip *c;
  TRY(deploy_plan(&c, p, seed, net));
  for (int l = 0; l <= net->blocks; l++) {
    struct synapse *s = chip_synapse(c, l);
    s->ops->program(s, parameters + net->offset[l], &c->rng);
  }
  if (n > 0) show(c, net, x, n, group);
  chip_calibrate(c, &c->rng);
  *out = c;
  return 0;
}

static int load(struct chip *c, const char *state) {
  TRY(chipstate_read(c, state));
  for (int k = 0; k < c->n_pieces; k++)
    for (size_t u = 0; u < tile_units(&c->tiles[k], &c->design); u++)
      if (c->tiles[k].writes[u] > c->ledger.most_writes) c->ledger.most_writes = c->tiles[k].writes[u];
  if (chipstate_is_csv(state) && c->params.correction != CHIP_NONE) chip_calibrate(c, &c->rng);
  return 0;
}

int deploy_resume(struct chip *c, const char *state, double later_s) {
  if (*state) TRY(load(c, state));
  if (!*state || c->params.time_s > 0) TRY(chip_advance(c, c->params.time_s, &c->rng));
  return chip_check_time(c, c->clock_s + later_s);
}

struct deploy_devices deploy_devices(const struct chip *c, const struct convnet *net) {
  const struct synapse *readout = &c->matrices[net->blocks].base;
  const long of_weight = readout->n_devices / (readout->I * readout->O), all = chip_devices(c);
  return (struct deploy_devices){ all, readout->n_devices, all + of_weight * net->blocks * net->channels };
}

void deploy_devices_print(const struct deploy_devices *d, FILE *out) {
  fprintf(out, "%ld devices; %ld with one offset per channel (as counted by Ortner et al. 2025); %ld hold the read-out, which updates address\n",
          d->all, d->with_offsets, d->readout);
}

void deploy_devices_put(struct json_t *o, const struct deploy_devices *d) {
  json_put_i64(o, "devices_with_offsets", d->with_offsets);
  json_put_i64(o, "devices_readout", d->readout);
}

static void settle(struct chip *c, const struct chip_matrix *m, double time_s) {
  for (int k = m->first; k < m->first + m->n_tiles; k++) {
    tile_settle(&c->tiles[k], &c->design, time_s);
    chip_touch(c, k);
  }
}

void deploy_age(struct chip *c, const struct chip *from, int index, double since_s, struct rng *r) {
  struct chip_matrix *m = &c->matrices[index];
  const struct chip_matrix *earlier = &from->matrices[index];
  const size_t n = (size_t)m->base.I * (size_t)conv_padded(m->base.O) * sizeof(real);
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

struct deploy_quality deploy_quality(const struct chip *c, int index) {
  const struct chip_matrix *m = &c->matrices[index];
  const size_t n = (size_t)m->base.I * (size_t)conv_padded(m->base.O);
  real *v = err_calloc(n, sizeof *v);
  double vw = 0, ww = 0, vv = 0;
  chip_effective(c, index, v);
  for (size_t i = 0; i < n; i++) {
    vw += (double)v[i] * (double)m->w[i];
    ww += (double)m->w[i] * (double)m->w[i];
    vv += (double)v[i] * (double)v[i];
  }
  free(v);
  if (ww <= 0 || vw <= 0) return (struct deploy_quality){ 0 };
  return (struct deploy_quality){ .kept = vw / ww, .error = sqrt(fmax(vv*ww / (vw*vw) - 1, 0)) };
}

struct json_t *deploy_quality_json(const struct chip *c) {
  struct json_t *o = json_object_new(), *list = json_array_new();
  for (int k = 0; k < c->n_matrices; k++) {
    const struct chip_matrix *m = &c->matrices[k];
    const struct deploy_quality q = deploy_quality(c, k);
    struct json_t *row = json_object_new();
    json_put_text(row, "name", m->name);
    json_put_i64(row, "rows", m->base.I);
    json_put_i64(row, "columns", m->base.O);
    json_put_i64(row, "devices", m->base.n_devices);
    json_put_f64(row, "scale", (double)m->scale[0]);
    json_put_f64(row, "kept", q.kept);
    json_put_f64(row, "error", q.error);
    json_put(list, NULL, row);
  }
  json_put_f64(o, "clock_s", c->clock_s);
  json_put(o, "matrices", list);
  return o;
}
