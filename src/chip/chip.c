#include "chip/chip_private.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "chip/backend.h"
#include "chip/calibration.h"
#include "chip/chiparray.h"
#include "device/converter.h"
#include "device/devicetable.h"
#include "base/vector.h"

static const char *const correction_names[] = { "none", "global", "column", NULL };
static const char *const scale_names[] = { "matrix", "column", "unit", "core", NULL };
const char *const chip_update_names[] = {
  [CHIP_ALL] = "all", [CHIP_THRESHOLD] = "threshold", [CHIP_STOCHASTIC] = "stochastic", [CHIP_NEAREST] = "nearest", NULL
};
static const char *const write_names[] = { [CHIP_WRITE_PROGRAM] = "program", [CHIP_WRITE_PULSES] = "pulses", NULL };
static const char *const aim_names[] = { [CHIP_AIM_CURRENT] = "current", [CHIP_AIM_NOMINAL] = "nominal", NULL };
static const double MOST_CALIBRATIONS = 1e9, SHORTEST_INTERVAL_S = 10;  // a century has fewer

const struct param chip_param_table[] = {
#define F(field, value, low, high, help) PARAM_F64(struct chip_params, field, value, low, high, help)
#define I(field, value, low, high, help) PARAM_I64(struct chip_params, field, value, low, high, help)
  PARAM_CHOICE(struct chip_params, preset, PCM_HERMES, pcm_preset_names, "device model"),
  PARAM_TEXT(struct chip_params, driver, "",
             "chip in place of simulated devices: LIBRARY.so:ARGUMENTS, exec:COMMAND or replay:FILE (docs/drivers.md)",
             .user = true),
  PARAM_TEXT(struct chip_params, record, "", "file to which every call of chip.driver and its answer are written",
             .user = true),
  PARAM_TEXT(struct chip_params, driver_faults, "",
             "faults of chip.driver to try out: CALL@NUMBER=WHAT, separated by commas, such as product@100=timeout"),
  F(driver_timeout_s, 60, 1e-3, 1e6, "chip.driver: longest time that a process may take to answer"),
  F(driver_tolerance, 0.02, 0, 1, "chip.driver: accepted error of a programmed weight, relative to the largest"),
  PARAM_TEXT(struct chip_params, table, "", "INI file of a measured device model, used instead of the preset"),
  I(cores, 2, 1, LEDGER_MAX_CORES, "crossbar cores"),
  I(rows, 256, 1, CHIP_MAX_SIDE, "rows of a core"),
  I(columns, 256, 1, CHIP_MAX_SIDE, "columns of a core"),
  I(devices_per_sign, 0, 0, 8,
    "devices in parallel for each sign of a weight; 0: 1 for hermes1 and published-code, 2 for others and tables"),
  PARAM_CHOICE(struct chip_params, programming, VERIFY_STATISTICAL, verify_programming_names,
               "how devices are written: with the error of a statistical model, or pulse by pulse with verify reads"),
  I(phases, 4, 1, 4, "phases of a product: 4 (each of one sign of input and one sign of weight) or 1"),
  I(dac_bits, 8, 0, 16, "bits of the input converters, sign included; 0: ideal"),
  I(adc_bits, 8, 0, 16, "bits of the output converters, which convert once per column and phase; 0: ideal"),
  F(adc_margin, 1.1, 0.01, 100, "output range, relative to the largest charge of the calibration"),
  F(adc_gain_spread, 0, 0, 1, "relative spread of the converters' gains"),
  F(adc_offset_spread, 0, 0, 1000, "spread of the converters' offsets, codes"),
  F(input_quantile, 1, 0.5, 1, "quantile of the calibration inputs that becomes the largest input"),
  I(calibration_rows, 512, 2, 65536, "input vectors kept for calibration"),
  PARAM_CHOICE(struct chip_params, correction, CHIP_COLUMN, correction_names, "digital correction of drift and gain"),
  F(recalibrate_s, 0, 0, 1e18, "seconds between calibrations, at least 10; 0: one whenever the clock is set"),
  PARAM_CHOICE(struct chip_params, scale, CHIP_SCALE_MATRIX, scale_names,
               "what is written as g_max: the largest weight of the matrix, of each column, or (core) of each column "
               "on each core; unit: 1"),
  F(weight_clip, 0, 0, 100, "clip weights at this many standard deviations; 0: never"),
  F(headroom, 1, 0.01, 100, "scale, relative to the largest weight; above 1 it leaves room for updates"),
  F(aim_s, 0, 0, 1e12,
    "seconds after the first write at which conductances are in proportion to the weights, as far as the mean drift is "
    "known; 0: when written"),
  PARAM_CHOICE(struct chip_params, update, CHIP_ALL, chip_update_names,
               "which changes of an update are written: all, those above a threshold, or all rounded to a grid"),
  F(update_threshold, 0.02, 0, 10, "chip.update=threshold: smallest change that is written, relative to the scale"),
  I(update_levels, 16, 1, 1 << 20, "chip.update=stochastic or nearest: steps of the grid from 0 to the scale"),
  PARAM_CHOICE(struct chip_params, update_aim, CHIP_AIM_CURRENT, aim_names,
               "what an update of a drifted chip aims at: the conductances that its columns have now (current), or "
               "those of a chip just written (nominal)"),
  F(update_aim_s, 0, 0, 1e12, "seconds after an update at which the weights it changed are in proportion; 0: at once"),
  PARAM_CHOICE(struct chip_params, update_write, CHIP_WRITE_PROGRAM, write_names,
               "how an update is written: as the first write (program), or by single pulses without a read (pulses)"),
  F(pulse_step, 0.05, 1e-4, 1,
    "chip.update_write=pulses: what a SET pulse adds to a device in RESET, relative to its g_max"),
  F(pulse_reset_step, 0, 0, 1, "what a RESET pulse takes from a device at g_max, relative to that; 0: all"),
  F(pulse_saturation, 1, 0, 10, "exponent by which pulses have less effect the nearer a device is to an end"),
  F(pulse_spread, 0.3, 0, 10, "relative spread of the effect of a pulse, from pulse to pulse"),
  F(prog_scale, 1, 0, 100, "multiplies the programming error"),
  F(drift_scale, 1, 0, 100, "multiplies the drift exponents"),
  F(read_scale, 1, 0, 100, "multiplies the read noise"),
  F(read_white, 0, 0, 1, "white read noise of a device, relative to its g_max, added to that of the device model"),
  PARAM_BOOL(struct chip_params, read_memory, 0,
             "correlate the read noise of successive reads as a 1/f spectrum does; no: independent noise"),
  F(on_off_ratio, 0, 0, 1e9, "largest conductance over the mean one after RESET; 0: that of the device model"),
  F(reset_spread, 0, 0, 10, "relative spread of the conductance after RESET, with chip.on_off_ratio"),
  I(endurance, 0, 0, 1000000000, "writes after which a device can no longer be changed; 0: any number"),
  F(wire_ohm, 0, 0, 1000, "resistance of the wires between neighbouring cells, ohm"),
  F(fault_reset, 0, 0, 1, "fraction of the devices that are stuck at RESET, without conductance"),
  F(fault_set, 0, 0, 1, "fraction of the devices that are stuck at SET, the largest conductance"),
  F(fault_dead, 0, 0, 1, "fraction of the devices without contact"),
  PARAM_BOOL(struct chip_params, fault_aware, 1, "let the working devices of a cell compensate for its stuck ones"),
  F(time_s, 0, 0, 1e12, "time between writing and use, s"),
#undef F
#undef I
  { 0 },
};

// ---- making a chip

static int take_pulses(struct tile_design *d, const struct chip_params *p) {
  struct chip_params usual;
  param_defaults(chip_param_table, &usual);
  const struct { const char *name; double value, usual; } pulses[] = {
    { "step", p->pulse_step, usual.pulse_step },
    { "reset_step", p->pulse_reset_step, usual.pulse_reset_step },
    { "saturation", p->pulse_saturation, usual.pulse_saturation },
    { "spread", p->pulse_spread, usual.pulse_spread },
  };
  d->pulses = (struct pulses_params){ p->pulse_step, p->pulse_reset_step, p->pulse_saturation, p->pulse_spread };
  d->by_pulses = p->update_write == CHIP_WRITE_PULSES;
  if (d->by_pulses && d->pcm.frozen_ratio > 0)
    return err_set(ERR_SETTING, "chip.update_write=pulses: %s writes as the released simulation does", d->pcm.name);
  for (size_t k = 0; k < sizeof pulses/sizeof *pulses && !d->by_pulses; k++)
    if (pulses[k].value != pulses[k].usual)
      return err_set(ERR_SETTING, "chip.pulse_%s=%g: has an effect with chip.update_write=pulses only", pulses[k].name,
                     pulses[k].value);
  return 0;
}

static int design_init(struct chip *c) {
  const struct chip_params *p = &c->params;
  struct tile_design *d = &c->design;
  if (*p->table) TRY(devicetable_load(&d->pcm, p->table));
  else if (!c->door) pcm_preset(&d->pcm, (int)p->preset);
  if (p->phases != 1 && p->phases != 4) return err_set(ERR_SETTING, "chip.phases=%d: must be 1 or 4", (int)p->phases);
  if (p->fault_reset + p->fault_set + p->fault_dead > 1)
    return err_set(ERR_SETTING, "chip.fault_reset + fault_set + fault_dead = %g: must not exceed 1",
                   p->fault_reset + p->fault_set + p->fault_dead);
  if (p->recalibrate_s > 0 && p->recalibrate_s < SHORTEST_INTERVAL_S)
    return err_set(ERR_SETTING, "chip.recalibrate_s=%g: must be 0 or at least %g", p->recalibrate_s,
                   SHORTEST_INTERVAL_S);
  const int single = !*p->table && (p->preset == PCM_HERMES1 || p->preset == PCM_PUBLISHED);
  const int per_sign = p->devices_per_sign ? (int)p->devices_per_sign : single ? 1 : 2;
  if (per_sign % d->pcm.devices)
    return err_set(ERR_SETTING, "chip.devices_per_sign=%d: %s describes %d devices at once", per_sign, d->pcm.name,
                   d->pcm.devices);
  d->pcm.prog_scale = p->prog_scale;
  d->pcm.drift_scale = p->drift_scale;
  d->pcm.read_scale = p->read_scale;
  d->pcm.read_white = hypot(d->pcm.read_white, p->read_white);
  d->verify = p->verify;
  d->by_verify = p->programming == VERIFY_PULSES;
  d->one_phase = p->phases == 1;
  d->fault_aware = p->fault_aware;
  d->dac_bits = (int)p->dac_bits;
  d->adc_bits = (int)p->adc_bits;
  d->units = per_sign / d->pcm.devices;
  d->fault_reset = p->fault_reset;
  d->fault_set = p->fault_set;
  d->fault_dead = p->fault_dead;
  d->gain_spread = p->adc_gain_spread;
  d->offset_spread = p->adc_offset_spread;
  d->wire_ohm = p->wire_ohm;
  d->endurance = p->endurance;
  d->pcm.reset_uS = p->on_off_ratio > 0 ? d->pcm.g_max_uS/p->on_off_ratio : 0;
  d->pcm.reset_spread = p->reset_spread;
  if (p->on_off_ratio > 0 && p->on_off_ratio < 1.5)
    return err_set(ERR_SETTING, "chip.on_off_ratio=%g: must be 0 or at least 1.5", p->on_off_ratio);
  if (p->reset_spread > 0 && p->on_off_ratio <= 0)
    return err_set(ERR_SETTING, "chip.reset_spread=%g: RESET conducts only with chip.on_off_ratio", p->reset_spread);
  TRY(take_pulses(d, p));
  d->read_memory = p->read_memory && d->pcm.frozen_ratio <= 0;
  if (p->read_memory && d->pcm.frozen_ratio > 0)
    return err_set(ERR_SETTING, "chip.read_memory=yes: the read noise of %s is that of the released simulation, white",
                   d->pcm.name);
  if (p->drift_scale <= 0 && (p->aim_s > 0 || p->update_aim_s > 0))
    return err_set(ERR_SETTING, "chip.%s=%g: there is no drift with chip.drift_scale=0",
                   p->aim_s > 0 ? "aim_s" : "update_aim_s", p->aim_s > 0 ? p->aim_s : p->update_aim_s);
  if (p->read_memory && p->read_scale <= 0)
    return err_set(ERR_SETTING, "chip.read_memory=yes: there is no read noise with chip.read_scale=0");
  return p->dac_bits == 1 ? err_set(ERR_SETTING, "chip.dac_bits=1: a signed input needs at least 2") : 0;
}

int chip_new(struct chip **out, const struct chip_params *p, uint64_t seed) {
  struct chip *c = err_calloc(1, sizeof *c);
  c->backend = &backend_simulated;
  c->params = *p;
  c->seed = seed;
  c->rng = rng_stream(seed, RNG_PROGRAM, 0);
  int rc = *p->driver ? backend_open_driver(c) : backend_check_no_driver(p);
  if (rc == 0) rc = design_init(c);
  if (rc == 0) {
    c->aim = chiparray_aim(&c->design.pcm, p->aim_s);
    c->update_aim = chiparray_aim(&c->design.pcm, p->update_aim_s);
  }
  if (rc < 0) {
    chip_free(c);
    return rc;
  }
  *out = c;
  return 0;
}

int chip_weight_sigma(double *sigma, int n, const struct chip_params *p) {
  struct chip *c;
  if (*p->driver)
    return err_set(ERR_SETTING, "chip.driver=%s: only of simulated devices is the error of writing known", p->driver);
  TRY(chip_new(&c, p, 0));
  for (int k = 0; k < n; k++) sigma[k] = pcm_weight_sigma(&c->design.pcm, c->design.units, (double)k/(n - 1));
  chip_free(c);
  return 0;
}

int chip_add(struct chip *c, const char *name, int I, int O) {
  assert(!c->tiles && I > 0 && O > 0);
  if ((c->n_matrices & (c->n_matrices - 1)) == 0) {  // there is room for the next power of two
    struct chip_matrix *grown = err_calloc(2 * (size_t)c->n_matrices + 1, sizeof *grown);
    if (c->n_matrices > 0) memcpy(grown, c->matrices, (size_t)c->n_matrices * sizeof *grown);
    free(c->matrices);
    c->matrices = grown;
  }
  struct chip_matrix *m = &c->matrices[c->n_matrices];
  m->base = (struct synapse){ .ops = &chiparray_ops, .I = I, .O = O,
                              .n_devices = 2L * I * O * c->design.units * c->design.pcm.devices };
  m->range = 1;
  m->calibrated_s = -1;
  const size_t length = strlen(name) < sizeof m->name ? strlen(name) : sizeof m->name - 1;
  memcpy(m->name, name, length);
  return c->n_matrices++;
}

void chip_limit(struct chip *c, int m, double weight_max) {
  assert(weight_max > 0);
  c->matrices[m].weight_max = weight_max;
}

void chip_keep_digital(struct chip *c, int m, int rows) {
  struct synapse *s = &c->matrices[m].base;
  assert(!c->tiles && rows >= 0 && rows < s->I);
  s->digital = rows;
  s->n_devices = 2L * (s->I - rows) * s->O * c->design.units * c->design.pcm.devices;
}

static int place(struct chip *c) {
  const int rows = (int)c->params.rows, columns = (int)c->params.columns;
  for (int m = 0; m < c->n_matrices; m++) {
    struct chip_matrix *x = &c->matrices[m];
    x->first = c->n_pieces;
    x->n_tiles = floorplan_cut(NULL, m, chip_rows(x), x->base.O, rows, columns);
    c->n_pieces += x->n_tiles;
  }
  c->pieces = err_calloc((size_t)c->n_pieces, sizeof *c->pieces);
  for (int m = 0; m < c->n_matrices; m++) {
    const struct chip_matrix *x = &c->matrices[m];
    floorplan_cut(c->pieces + x->first, m, chip_rows(x), x->base.O, rows, columns);
  }
  for (int k = 0; k < c->n_pieces; k++) c->matrices[c->pieces[k].matrix].n_bands = c->pieces[k].band + 1;
  c->n_cores = floorplan_place(c->pieces, c->n_pieces, rows, columns);
  if (c->n_cores > c->params.cores)
    return err_set(ERR_SETTING, "chip.cores=%d: the model needs %d cores of %d x %d cells", (int)c->params.cores,
                   c->n_cores, rows, columns);
  c->ledger.n_cores = c->n_cores;
  c->ledger.exceeds = ledger_exceeds(rows, columns, c->design.units * c->design.pcm.devices, c->design.dac_bits,
                                     c->design.adc_bits);
  return 0;
}

// All arrays whose size follows from the plan; tiles and samples apart.
static void allocate(struct chip *c) {
  size_t reals = 0;
  for (int m = 0; m < c->n_matrices; m++)
    reals += (2 * (size_t)c->matrices[m].base.I + (size_t)c->matrices[m].n_bands) *
                 (size_t)vector_padded(c->matrices[m].base.O) +
             3*64;
  const size_t cells = (size_t)c->params.rows * (size_t)vector_padded((int)c->params.columns);
  arena_init(&c->arena, (reals + cells) * sizeof(real) + cells + (size_t)(c->n_matrices + 4) * 1024);
  for (int k = 0; k < c->n_matrices; k++) {
    struct chip_matrix *m = &c->matrices[k];
    const size_t OP = (size_t)vector_padded(m->base.O), n = (size_t)m->base.I * OP, scales = (size_t)m->n_bands * OP;
    m->chip = c;
    m->w = ARENA_NEW(&c->arena, n, real);
    m->wanted = ARENA_NEW(&c->arena, n, real);
    m->scale = ARENA_NEW(&c->arena, scales, real);
    memset(m->w, 0, n * sizeof(real));
    memset(m->wanted, 0, n * sizeof(real));
    for (size_t o = 0; o < scales; o++) m->scale[o] = 1;
  }
  c->cells = ARENA_NEW(&c->arena, cells, real);
  c->mask = ARENA_NEW(&c->arena, cells, uint8_t);
  core_work_init(&c->work, (int)c->params.rows, (int)c->params.columns);
  c->tiles = err_calloc((size_t)c->n_pieces, sizeof *c->tiles);
  c->version = err_calloc((size_t)c->n_pieces, sizeof *c->version);
  c->seen = err_calloc((size_t)c->n_pieces, sizeof *c->seen);
}

void chip_renew(struct chip *c, uint64_t seed) {
  assert(c->tiles && !c->origin);
  c->seed = seed;
  c->rng = rng_stream(seed, RNG_PROGRAM, 0);
  c->clock_s = 0;
  for (int k = 0; k < c->n_pieces; k++) {
    struct rng faults = rng_stream(seed, RNG_FAULT, (uint32_t)k);
    tile_renew(&c->tiles[k], &c->design, &faults);
    chip_touch(c, k);
  }
  for (int m = 0; m < c->n_matrices; m++) {
    c->matrices[m].range = 1;
    c->matrices[m].calibrated_s = -1;
    c->matrices[m].programmed = false;
    c->matrices[m].checksum = 0;
    c->matrices[m].n_sample = 0;
    c->matrices[m].n_seen = 0;
  }
}

// The cells of all cores, the matrices and the inputs kept for calibration fit into memory.
static int check_room(const struct chip *c) {
  double bytes = 0;
  for (int k = 0; k < c->n_pieces; k++)
    bytes += (double)tile_bytes(&c->design, c->pieces[k].rows, c->pieces[k].columns);
  for (int m = 0; m < c->n_matrices; m++) {
    const struct synapse *s = &c->matrices[m].base;
    bytes += (2.0*s->I*vector_padded(s->O) + (double)c->params.calibration_rows*vector_padded(s->I))*sizeof(real);
  }
  return err_room(bytes, "chip");
}

static void add_tiles(struct chip *c) {
  for (int k = 0; k < c->n_pieces; k++) {
    struct rng faults = rng_stream(c->seed, RNG_FAULT, (uint32_t)k);
    const struct floorplan_piece *p = &c->pieces[k];
    tile_init(&c->tiles[k], &c->design, p->rows, p->columns, &faults);
    c->tiles[k].left = p->core_column;
    c->tiles[k].below = (int)c->params.rows - p->core_row - p->rows;
  }
}

int chip_build(struct chip *c) {
  assert(c->n_matrices > 0 && !c->tiles);
  TRY(place(c));
  TRY(check_room(c));
  allocate(c);
  add_tiles(c);
  for (int m = 0; m < c->n_matrices; m++)
    c->matrices[m].sample =
        err_aligned((size_t)c->params.calibration_rows * (size_t)vector_padded(c->matrices[m].base.I), sizeof(real));
  return c->backend->place(c);
}

int chip_build_pieces(struct chip *c, int n, const struct floorplan_piece *pieces) {
  assert(c->n_matrices == 0 && !c->tiles);
  c->n_pieces = n;
  c->pieces = err_calloc((size_t)n, sizeof *c->pieces);
  memcpy(c->pieces, pieces, (size_t)n * sizeof *pieces);
  TRY(check_room(c));
  allocate(c);
  add_tiles(c);
  return 0;
}

void chip_free(struct chip *c) { chip_close(c); }

int chip_close(struct chip *c) {
  int rc = 0;
  if (!c) return 0;
  for (int k = 0; c->tiles && k < c->n_pieces; k++) tile_release(&c->tiles[k]);
  for (int m = 0; !c->origin && m < c->n_matrices; m++) free(c->matrices[m].sample);
  if (!c->origin) free(c->aim), free(c->update_aim);
  if (!c->origin) rc = backend_close_driver(c->door);
  if (c->tiles) {
    core_work_release(&c->work);
    arena_release(&c->arena);
  }
  void *const owned[] = { c->tiles, c->version, c->seen, c->pieces, c->matrices, c };
  for (size_t k = 0; k < sizeof owned/sizeof *owned; k++) free(owned[k]);
  return rc;
}

struct synapse *chip_synapse(struct chip *c, int m) {
  assert(c->tiles && m >= 0 && m < c->n_matrices);
  return &c->matrices[m].base;
}

void chip_touch(struct chip *c, int tile) { c->version[tile]++; }

struct chip *chip_clone(const struct chip *original) {
  struct chip *c = err_calloc(1, sizeof *c);
  *c = *original;
  c->origin = original;
  c->matrices = err_calloc((size_t)c->n_matrices, sizeof *c->matrices);
  c->pieces = err_calloc((size_t)c->n_pieces, sizeof *c->pieces);
  for (int k = 0; k < c->n_matrices; k++) c->matrices[k] = original->matrices[k];  // a driver's chip has none
  memcpy(c->pieces, original->pieces, (size_t)c->n_pieces * sizeof *c->pieces);
  allocate(c);
  ledger_reset(&c->ledger);
  for (int k = 0; k < c->n_pieces; k++) {
    tile_clone(&c->tiles[k], &original->tiles[k], &c->design);
    c->version[k] = 0;
    c->seen[k] = original->version[k];
  }
  chip_copy(c, original);
  return c;
}

// Everything but tiles, samples and ledger.
static void copy_rest(struct chip *c, const struct chip *from_chip) {
  for (int k = 0; k < c->n_matrices; k++) {
    struct chip_matrix *m = &c->matrices[k];
    const struct chip_matrix *from = &from_chip->matrices[k];
    const size_t OP = (size_t)vector_padded(m->base.O), n = (size_t)m->base.I * OP;
    memcpy(m->w, from->w, n * sizeof(real));
    memcpy(m->wanted, from->wanted, n * sizeof(real));
    memcpy(m->scale, from->scale, (size_t)m->n_bands * OP * sizeof(real));
    m->range = from->range;
    m->calibrated_s = from->calibrated_s;
    m->programmed = from->programmed;
    m->checksum = from->checksum;
    m->n_sample = from->n_sample;
    m->n_seen = from->n_seen;
  }
  c->clock_s = from_chip->clock_s;
  c->rng = from_chip->rng;
}

// A clone's version counts its own changes since it was last equal to the original.
void chip_copy(struct chip *c, const struct chip *original) {
  assert(c->origin == original);
  if (c->backend->restore(c, original) < 0) return;
  for (int k = 0; k < c->n_pieces; k++) tile_copy_memory(&c->tiles[k], &original->tiles[k]);
  for (int k = 0; k < c->n_pieces; k++) {
    if (c->version[k] == 0 && c->seen[k] == original->version[k]) continue;
    tile_copy(&c->tiles[k], &original->tiles[k]);
    c->version[k] = 0;
    c->seen[k] = original->version[k];
  }
  copy_rest(c, original);
}

void chip_adopt(struct chip *original, const struct chip *clone) {
  assert(clone->origin == original);
  for (int k = 0; k < original->n_pieces; k++) {
    tile_copy(&original->tiles[k], &clone->tiles[k]);
    chip_touch(original, k);
  }
  copy_rest(original, clone);
  original->ledger = clone->ledger;
  if (original->door) original->door->changed = original->door->saved = false;
}

// ---- time and calibration

void chip_calibrate_matrix(struct chip *c, int m, struct rng *r) {
  calibration_run(c, m, r);
  c->matrices[m].calibrated_s = c->clock_s;
}

void chip_calibrate(struct chip *c, struct rng *r) {
  for (int m = 0; m < c->n_matrices; m++)
    if (c->matrices[m].programmed) chip_calibrate_matrix(c, m, r);
}

void chip_keep_ranges(struct chip *c, int m) {
  for (int k = 0; k < c->matrices[m].n_tiles; k++) {
    struct tile *t = &c->tiles[c->matrices[m].first + k];
    t->lsb_least = t->lsb;
    chip_touch(c, c->matrices[m].first + k);
  }
}

static int settle(struct chip *c, double time_s) {
  TRY(c->backend->wait(c, time_s));
  c->clock_s = time_s;
  for (int k = 0; k < c->n_pieces; k++) chip_touch(c, k);
  return 0;
}

// How many calibrations of m are due until time_s; *last: when the last of them is.
static double calibrations_due(double *last, const struct chip *c, const struct chip_matrix *m, double time_s) {
  const double interval = c->params.recalibrate_s, since = time_s - m->calibrated_s;
  if (m->calibrated_s < 0 || c->params.correction == CHIP_NONE || since <= 0) return 0;
  const double n = interval > 0 ? floor(since / interval) : 1;
  *last = interval > 0 ? fmin(m->calibrated_s + n*interval, time_s) : time_s;
  return n;
}

void chip_calibrate_times(struct chip *c, int m, int64_t n, struct rng *r) {
  const struct ledger before = c->ledger;
  chip_calibrate_matrix(c, m, r);
  ledger_repeat(&c->ledger, &before, n - 1);
}

int chip_check_time(const struct chip *c, double time_s) {
  double last;
  if (!(time_s <= CHIP_LAST_S))
    return err_set(ERR_SETTING, "chip.time_s=%g: a clock runs to %g s", time_s, CHIP_LAST_S);
  if (time_s < c->clock_s)
    return err_set(ERR_SETTING, "chip.time_s=%g: the clock stands at %g s and cannot run backwards", time_s,
                   c->clock_s);
  for (int m = 0; m < c->n_matrices; m++) {
    const double due = calibrations_due(&last, c, &c->matrices[m], time_s);
    if (due > MOST_CALIBRATIONS)
      return err_set(ERR_SETTING, "chip.recalibrate_s=%g: %.3g calibrations until %g s; at most %g",
                     c->params.recalibrate_s, due, time_s, MOST_CALIBRATIONS);
  }
  return 0;
}

int chip_advance(struct chip *c, double time_s, struct rng *r) {
  TRY(chip_check_time(c, time_s));
  for (;;) {
    int next = -1;
    double at = 0, n = 0, last = 0;
    for (int m = 0; m < c->n_matrices; m++) {
      const double due = calibrations_due(&last, c, &c->matrices[m], time_s);
      if (due < 1 || (next >= 0 && last >= at)) continue;
      next = m;
      at = last;
      n = due;
    }
    if (next < 0) break;
    if (at > c->clock_s) TRY(settle(c, at));
    chip_calibrate_times(c, next, (int64_t)n, r);
    TRY(chip_failure(c));
  }
  return time_s > c->clock_s ? settle(c, time_s) : 0;
}

// ---- what the device layer asks

double chip_code_weight(const struct chip *c, const struct chip_matrix *m, int tile, int column) {
  const double steps = converter_steps(c->design.dac_bits), g_all = tile_full_uS(&c->design);
  const double scale = (double)chip_scale_of(m, &c->pieces[tile])[column];
  return c->tiles[tile].lsb * m->range / steps * scale / g_all;
}

// Each of n vectors with so many outputs.
static void count_reads(struct chip *c, int tile, const struct core_inputs *in, int n, int outputs, int saturated) {
  struct ledger_counts *l = &c->ledger.core[c->pieces[tile].core];
  const int64_t per_cell = 2 * c->design.units * c->design.pcm.devices, pulses = c->design.one_phase ? 1 : 2;
  l->products += n;
  l->phases += in->phases;
  l->input_conversions += in->driven * pulses;
  l->inputs_clipped += in->clipped * pulses;
  l->output_conversions += (int64_t)in->phases * outputs;
  l->conversions_saturated += saturated;
  l->devices_read += in->driven * outputs * per_cell;  // the two signs of weight, at once or one after the other
}

void chip_count_products(struct chip *c, int tile, const struct core_inputs *in, int n, int saturated) {
  count_reads(c, tile, in, n, c->pieces[tile].columns, saturated);
}

void chip_count_transposed(struct chip *c, int tile, const struct core_inputs *in, int n, int saturated) {
  count_reads(c, tile, in, n, c->pieces[tile].rows, saturated);
}

void chip_observe(struct chip *c, bool on) {
  assert(!c->origin || !on);  // the sample belongs to the original
  c->observing = on;
}

void chip_effective(const struct chip *c, int index, real *w) {
  const struct chip_matrix *m = &c->matrices[index];
  const size_t OP = (size_t)vector_padded(m->base.O);
  memcpy(w, m->w, (size_t)m->base.I * OP * sizeof *w);  // what is kept digitally stays
  for (int k = m->first; k < m->first + m->n_tiles; k++) {
    const struct floorplan_piece *p = &c->pieces[k];
    const size_t ld = (size_t)vector_padded(p->columns);
    double *g = err_calloc((size_t)p->rows * ld, sizeof *g);
    c->backend->read(c, k, g);  // after a failure 0
    for (size_t i = 0; i < (size_t)p->rows; i++)
      for (size_t o = 0; o < (size_t)p->columns; o++)
        w[((size_t)p->row + i)*OP + (size_t)p->column + o] = (real)(g[i*ld + o] * (double)chip_scale_of(m, p)[o]);
    free(g);
  }
}

// ---- maps

long chip_devices(const struct chip *c) {
  long n = 0;
  for (int m = 0; m < c->n_matrices; m++) n += c->matrices[m].base.n_devices;
  return n;
}

static const char **names(const struct chip *c) {
  const char **list = err_calloc((size_t)c->n_matrices, sizeof *list);
  for (int m = 0; m < c->n_matrices; m++) list[m] = c->matrices[m].name;
  return list;
}

void chip_map_print(const struct chip *c, FILE *out) {
  const char **list = names(c);
  floorplan_print(c->pieces, c->n_pieces, list, c->n_cores, (int)c->params.rows, (int)c->params.columns, out);
  fprintf(out, "devices: %s (%s", c->design.pcm.name, c->design.pcm.source);
  if (*c->params.table) fprintf(out, ", %d for each sign", c->design.units * c->design.pcm.devices);
  fprintf(out, ")\n");
  free(list);
}

struct json_t *chip_map_json(const struct chip *c) {
  const char **list = names(c);
  struct json_t *map =
      floorplan_json(c->pieces, c->n_pieces, list, c->n_cores, (int)c->params.rows, (int)c->params.columns);
  json_put_i64(map, "devices", chip_devices(c));
  free(list);
  return map;
}
