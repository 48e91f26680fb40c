#include "device/tile.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rng.h"
#include "base/vector.h"
#include "device/wires.h"
#include "kernel/dot16.h"
#include "kernel/noise.h"

enum { ALIGN = 64, CHUNK = 1024 };

// Lay the arrays out one behind the other; with base NULL only the size is counted.
static size_t lay_out(struct tile *t, const struct tile_design *d, char *base) {
  const size_t n = tile_units(t, d), cells = tile_plane(t), ld = (size_t)t->ld;
  size_t at = 0;
#define PLACE(field, count)                                                                        \
  do {                                                                                             \
    if (base) t->field = (void *)(base + at);                                                      \
    at += ((count) * sizeof *t->field + ALIGN - 1) / ALIGN * ALIGN;                                \
  } while (0)
  PLACE(target_uS, n);
  PLACE(g_uS, n);
  PLACE(nu, n);
  PLACE(q, n);
  PLACE(stuck_uS, n);
  PLACE(written_s, n);
  PLACE(writes, n);
  PLACE(fault, n);
  for (int s = 0; s < 2; s++) {
    PLACE(g[s], cells);
    PLACE(v[s], cells);
    if (!tile_counts_noise(d)) continue;
    PLACE(v_steps[s], dot16_size(t->rows, t->ld));
    PLACE(v_step[s], ld);
  }
  PLACE(converter_gain, ld);
  PLACE(converter_offset, ld);
  PLACE(gain, ld);
  PLACE(offset, ld);
#undef PLACE
  return at;
}

static void allocate(struct tile *t, const struct tile_design *d) {
  t->size = lay_out(t, d, NULL);
  t->block = err_aligned(t->size, 1);
  lay_out(t, d, t->block);
}

// Memory of read noise, nothing read yet.
static void begin_memory(struct tile *t) {
  float *floats = (float *)(t->memory + TILE_READS);
  for (int k = 0; k < TILE_READS; k++, floats += flicker_floats(TILE_OCTAVES, t->ld))
    flicker_init(&t->memory[k], TILE_OCTAVES, t->ld, floats);
}

static void allocate_memory(struct tile *t, const struct tile_design *d) {
  t->memory = NULL;
  if (!d->read_memory) return;
  t->memory = err_calloc(1, TILE_READS * (sizeof *t->memory + flicker_floats(TILE_OCTAVES, t->ld) * sizeof(float)));
  begin_memory(t);
}

// ---- faults

static unsigned fault_of(const struct tile *t, size_t u, int device) {
  return ((unsigned)t->fault[u] >> 2*device) & 3u;
}

// Devices that work, of unit u.
static int n_working(const struct tile *t, const struct tile_design *d, size_t u) {
  int n = 0;
  for (int k = 0; k < d->pcm.devices; k++) n += fault_of(t, u, k) == TILE_OK;
  return n;
}

static void draw_faults(struct tile *t, const struct tile_design *d, struct rng *r) {
  const double share = 1.0 / d->pcm.devices, reset = pcm_sigma_prog_uS(&d->pcm, 0) * share;
  if (d->fault_reset + d->fault_set + d->fault_dead <= 0) return;
  for (size_t u = 0; u < tile_units(t, d); u++)
    for (int k = 0; k < d->pcm.devices; k++) {
      const double p = rng_uniform(r);
      enum tile_fault f = TILE_OK;
      if (p < d->fault_reset) {
        f = TILE_STUCK_RESET;
        t->stuck_uS[u] += (float)fmax(reset * rng_normal(r), 0);
      } else if (p < d->fault_reset + d->fault_set) {
        f = TILE_STUCK_SET;
        t->stuck_uS[u] += (float)(d->pcm.g_max_uS * share);
      } else if (p < d->fault_reset + d->fault_set + d->fault_dead) {
        f = TILE_DEAD;
      }
      t->fault[u] = (uint8_t)(t->fault[u] | (unsigned)f << 2*k);
    }
}

size_t tile_bytes(const struct tile_design *d, int rows, int columns) {
  struct tile t = { .rows = rows, .columns = columns, .ld = vector_padded(columns) };
  return lay_out(&t, d, NULL);
}

void tile_init(struct tile *t, const struct tile_design *d, int rows, int columns, struct rng *r) {
  assert(rows > 0 && columns > 0 && d->units > 0 && d->pcm.devices >= 1 && d->pcm.devices <= 2);
  *t = (struct tile){ .rows = rows, .columns = columns, .ld = vector_padded(columns), .lsb = 1 };
  allocate(t, d);
  allocate_memory(t, d);
  tile_renew(t, d, r);
}

void tile_copy_memory(struct tile *dst, const struct tile *src) {
  if (!src->memory || !dst->memory) return;
  for (int k = 0; k < TILE_READS; k++) {
    struct flicker *to = &dst->memory[k];
    const struct flicker *from = &src->memory[k];
    memcpy(to->sum, from->sum, flicker_floats(TILE_OCTAVES, src->ld) * sizeof(float));
    to->reads = from->reads;
    to->forgotten = from->forgotten;
    to->slow = from->slow;
  }
}

void tile_renew(struct tile *t, const struct tile_design *d, struct rng *r) {
  if (t->memory) begin_memory(t);
  t->settled_s = 0;
  memset(t->block, 0, t->size);
  t->lsb = 1;
  t->lsb_least = 0;
  for (int o = 0; o < t->columns; o++) {
    t->converter_gain[o] = (real)(1 + d->gain_spread * rng_normal(r));
    t->converter_offset[o] = (real)(d->offset_spread * rng_normal(r));
    t->gain[o] = 1;
  }
  draw_faults(t, d, r);
}

void tile_release(struct tile *t) {
  free(t->block);
  free(t->memory);
  t->block = NULL;
}

void tile_copy(struct tile *dst, const struct tile *src) {
  assert(dst->size == src->size && dst->rows == src->rows && dst->ld == src->ld);
  memcpy(dst->block, src->block, src->size);
  dst->lsb = src->lsb;
  dst->lsb_least = src->lsb_least;
  dst->settled_s = src->settled_s;
  tile_copy_memory(dst, src);
}

void tile_clone(struct tile *t, const struct tile *src, const struct tile_design *d) {
  *t = *src;
  allocate(t, d);
  allocate_memory(t, d);
  tile_copy(t, src);
}

// ---- writing

// Units on their way to new targets: a work list of at most CHUNK, then drawn and scattered at once.
struct work {
  size_t n, unit[CHUNK];
  float target_uS[CHUNK], share[CHUNK];  // as if all devices of the unit worked; the part that does
};

static void write_list(struct tile *t, const struct tile_design *d, struct work *w, bool exact, double time_s,
                       struct rng *r, struct tile_count *count) {
  float g[CHUNK], nu[CHUNK], q[CHUNK], z1[CHUNK], z2[CHUNK];
  noise_normal(z2, w->n, r);
  if (d->by_verify && !exact) {
    verify_program(&d->verify, &d->pcm, g, w->target_uS, w->n, r, &count->verify);
    pcm_settle(&d->pcm, nu, q, g, w->target_uS, z2, w->n);
  } else {
    noise_normal(z1, w->n, r);
    pcm_program(&d->pcm, g, nu, q, w->target_uS, z1, z2, w->n, exact);
  }
  for (size_t i = 0; i < w->n; i++) {
    const size_t u = w->unit[i];
    t->g_uS[u] = g[i] * w->share[i];
    t->nu[u] = nu[i];
    t->q[u] = q[i];
    t->written_s[u] = time_s;
    if (++t->writes[u] > count->most_writes) count->most_writes = t->writes[u];
  }
  w->n = 0;
}

// Unit u, n devices of which work, by pulses from what it conducts by now; believed is what the mean drift leaves.
static void pulse_unit(struct tile *t, const struct tile_design *d, size_t u, int n, float target_uS, double time_s,
                       struct rng *r, struct tile_count *count) {
  const struct pcm *p = &d->pcm;
  const double all_uS = p->g_max_uS * n / p->devices, age_s = time_s - t->written_s[u];
  const double mu = t->target_uS[u] > 0 ? p->drift_scale * pcm_drift_mean(p, (double)t->target_uS[u]*p->devices/n) : 0;
  const double after_reset = p->reset_uS/p->g_max_uS;
  const double believed = fmax(pcm_drift_uS(p, (double)t->target_uS[u], mu, age_s) / all_uS, after_reset);
  const double now = pcm_drift_uS(p, (double)t->g_uS[u], (double)t->nu[u], age_s) / all_uS;
  const struct pulses plan = pulses_towards(&d->pulses, believed, (double)target_uS/all_uS, after_reset);
  if (pulses_count(&plan) == 0) return;
  const double reset_uS = plan.reset ? pcm_reset_at(p, rng_normal(r)) : 0;
  const float z = (float)rng_normal(r), believed_uS = (float)(plan.reaches*p->g_max_uS);
  const float g_uS = (float)(pulses_apply(&d->pulses, &plan, now, reset_uS/p->g_max_uS, r) * p->g_max_uS);
  pcm_settle(p, &t->nu[u], &t->q[u], &g_uS, &believed_uS, &z, 1);
  t->target_uS[u] = believed_uS * (float)n/(float)p->devices;
  t->g_uS[u] = g_uS * (float)n/(float)p->devices;
  t->written_s[u] = time_s;
  if (++t->writes[u] > count->most_writes) count->most_writes = t->writes[u];
  count->devices += n;
  count->verify.pulses += pulses_count(&plan);
}

// One cell: the conductance that is wanted of each working device of each sign, in uS.
static void share_out(const struct tile *t, const struct tile_design *d, size_t cell, double w,
                      double per_device_uS[2]) {
  const int all = d->units * d->pcm.devices;
  const double most = d->pcm.g_max_uS / d->pcm.devices;
  double wanted = w * d->units * d->pcm.g_max_uS;
  int working[2] = { all, all };
  if (d->fault_aware)
    for (int s = 0; s < 2; s++) {
      working[s] = 0;
      for (int k = 0; k < d->units; k++) {
        const size_t u = (size_t)(s*d->units + k) * tile_plane(t) + cell;
        working[s] += n_working(t, d, u);
        wanted -= (s ? -1 : 1) * (double)t->stuck_uS[u];
      }
    }
  const int s = wanted < 0;
  per_device_uS[!s] = 0;
  per_device_uS[s] = working[s] ? fmin(fabs(wanted) / working[s], most) : 0;
  if (per_device_uS[s] > 0 && d->pcm.reset_uS > 0)  // beside what RESET conducts on the other side (P10)
    per_device_uS[s] = d->pcm.reset_uS/d->pcm.devices + per_device_uS[s] * (1 - d->pcm.reset_uS/d->pcm.g_max_uS);
}

static void write_cell(struct tile *t, const struct tile_design *d, struct work *list, size_t cell, double w,
                       bool first, double time_s, struct rng *r, struct tile_count *count) {
  double per_device_uS[2];
  share_out(t, d, cell, w, per_device_uS);
  for (int p = 0; p < 2*d->units; p++) {
    const size_t u = (size_t)p * tile_plane(t) + cell;
    const int n = t->fault[u] ? n_working(t, d, u) : d->pcm.devices;
    const float target = (float)(per_device_uS[p >= d->units] * n);
    if (n == 0 || (!first && target == t->target_uS[u])) continue;
    if (d->endurance > 0 && t->writes[u] >= d->endurance) {
      count->verify.failed++;
      continue;
    }
    if (d->by_pulses && !first) {
      pulse_unit(t, d, u, n, target, time_s, r, count);
      continue;
    }
    t->target_uS[u] = target;
    list->unit[list->n] = u;
    list->target_uS[list->n] = target * (float)d->pcm.devices / (float)n;
    list->share[list->n++] = (float)n / (float)d->pcm.devices;
    count->devices += n;
  }
}

void tile_write(struct tile *t, const struct tile_design *d, const real *w, const uint8_t *mask, bool first, bool exact,
                double time_s, struct rng *r, struct tile_count *count) {
  struct work list;
  list.n = 0;
  for (int i = 0; i < t->rows; i++)
    for (int o = 0; o < t->columns; o++) {
      const size_t cell = (size_t)i * (size_t)t->ld + (size_t)o;
      if (!first && !mask[cell]) continue;
      if (list.n + 2 * (size_t)d->units > CHUNK) write_list(t, d, &list, exact, time_s, r, count);
      write_cell(t, d, &list, cell, (double)w[cell], first, time_s, r, count);
    }
  if (list.n > 0) write_list(t, d, &list, exact, time_s, r, count);
}

// ---- what products see

// What faults change of n units in a row: stuck devices conduct, with the read noise (P4) of a conductance as old as
// the chip; dead ones make no white noise.
static void settle_faults(const struct tile *t, const struct tile_design *d, size_t u, int n, double time_s,
                          double white2, real *g, real *v, real sign) {
  const double factor = pcm_read_factor(&d->pcm, time_s);
  for (int i = 0; i < n; i++) {
    const double stuck = (double)t->stuck_uS[u + (size_t)i], noise = stuck * pcm_read_q(&d->pcm, stuck);
    int dead = 0;
    for (int k = 0; k < d->pcm.devices; k++) dead += fault_of(t, u + (size_t)i, k) == TILE_DEAD;
    g[i] += sign * (real)stuck;
    v[i] += (real)(noise*noise * factor - white2 * dead / d->pcm.devices);
  }
}

// n units in a row at time_s: their conductances and noise variances are added to g and v.
static void settle_run(const struct tile *t, const struct tile_design *d, size_t u, int n, double time_s, real *g,
                       real *v, real sign) {
  enum { RUN = 256 };
  const double white = d->pcm.read_scale * d->pcm.read_white * d->pcm.g_max_uS;
  const float white2 = (float)(white*white / d->pcm.devices);
  double since = -1, log_ratio = 0, factor = 0;
  float decay[RUN], f[RUN];
  int faulty = 0;
  for (int at = 0; at < n; at += RUN) {
    const int m = n - at < RUN ? n - at : RUN;
    for (int i = 0; i < m; i++) {
      const double age = time_s - t->written_s[u + (size_t)(at + i)];
      if (age != since) {  // most devices are of one age
        since = age;
        log_ratio = pcm_log_ratio(&d->pcm, age);
        factor = pcm_read_factor(&d->pcm, age);
      }
      decay[i] = fminf(-t->nu[u + (size_t)(at + i)] * (float)log_ratio, (float)PCM_MOST_RISE);
      f[i] = (float)factor;
    }
    noise_exp(decay, decay, (size_t)m);
    for (int i = 0; i < m; i++) {
      const size_t k = u + (size_t)(at + i);
      const float now = t->g_uS[k] * decay[i], noise = now * t->q[k];
      faulty |= t->fault[k] != 0 || t->stuck_uS[k] > 0;
      g[at + i] += sign * (real)now;
      v[at + i] += (real)(noise*noise*f[i] + white2);
    }
  }
  if (faulty) settle_faults(t, d, u, n, time_s, (double)white2, g, v, sign);
}

static void settle_cells(struct tile *t, const struct tile_design *d, size_t cell, int n, double time_s) {
  for (int s = 0; s < 2; s++) {
    const bool together = d->one_phase && d->wire_ohm <= 0;
    const int into = together ? 0 : s;
    if (s == into) {
      memset(t->g[s] + cell, 0, (size_t)n * sizeof(real));
      memset(t->v[s] + cell, 0, (size_t)n * sizeof(real));
    }
    for (int k = 0; k < d->units; k++)
      settle_run(t, d, (size_t)(s*d->units + k) * tile_plane(t) + cell, n, time_s, t->g[into] + cell, t->v[into] + cell,
                 s && together ? -1 : 1);
  }
}

// What the wires leave of conductances and noise, sign by sign; in one phase both signs are read together.
static void settle_wires(struct tile *t, const struct tile_design *d) {
  const struct wires wires = { d->wire_ohm, t->left, t->below };
  const size_t n = tile_plane(t);
  real *factor = err_calloc(n, sizeof *factor);
  for (int s = 0; s < 2; s++) {
    wires_factor(factor, t->g[s], t->rows, t->columns, t->ld, &wires);
    for (size_t k = 0; k < n; k++) {
      t->g[s][k] *= factor[k];
      t->v[s][k] *= factor[k]*factor[k];
    }
  }
  for (size_t k = 0; d->one_phase && k < n; k++) {
    t->g[0][k] -= t->g[1][k];
    t->v[0][k] += t->v[1][k];
  }
  free(factor);
}

// What products of many vectors see of v.
static void count_noise(struct tile *t, const struct tile_design *d) {
  if (!tile_counts_noise(d)) return;
  for (int s = 0; s < (d->one_phase ? 1 : 2); s++) dot16_steps(t->v_steps[s], t->v_step[s], t->v[s], t->rows, t->ld);
}

double tile_oldest_s(const struct tile *t, const struct tile_design *d, double time_s) {
  double first_s = time_s;
  for (int row = 0; row < 2*d->units*t->rows; row++)
    for (int o = 0; o < t->columns; o++)
      first_s = fmin(first_s, t->written_s[(size_t)row * (size_t)t->ld + (size_t)o]);
  return time_s - first_s;
}

void tile_settle(struct tile *t, const struct tile_design *d, double time_s) {
  for (int i = 0; i < t->rows; i++) settle_cells(t, d, (size_t)i * (size_t)t->ld, t->columns, time_s);
  if (d->wire_ohm > 0) settle_wires(t, d);
  count_noise(t, d);
  for (int k = 0; t->memory && k < TILE_READS; k++) {
    flicker_span(&t->memory[k], pcm_read_factor(&d->pcm, time_s) / log(2));
    flicker_forget(&t->memory[k], (time_s - t->settled_s) / d->pcm.t_read_s);
  }
  t->settled_s = time_s;
}

void tile_settle_cells(struct tile *t, const struct tile_design *d, const uint8_t *mask, double time_s) {
  if (d->wire_ohm > 0) {  // every cell loads the wires of the others
    tile_settle(t, d, time_s);
    return;
  }
  for (int i = 0; i < t->rows; i++)
    for (int o = 0; o < t->columns; o++) {
      const size_t cell = (size_t)i * (size_t)t->ld + (size_t)o;
      if (mask[cell]) settle_cells(t, d, cell, 1, time_s);
    }
  count_noise(t, d);
}
