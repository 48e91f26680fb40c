#include "chip/simulateddriver.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/format.h"
#include "base/note.h"
#include "base/settings.h"
#include "base/tensorfile.h"
#include "base/vector.h"
#include "chip/backend.h"
#include "chip/chip_private.h"
#include "chip/chipstate.h"
#include "metaxbar_driver.h"

// A chip without matrices: its pieces are the regions.
struct simulation {
  struct chip *chip;
  struct chip *saved;
  char *keep;       // file of the cells between sessions; NULL: none
  bool taken;       // from there, or not there
  double opened_s;  // clock of the chip when the session began
  char message[500];
  int signs;  // of the inputs of a product that is asked for in several calls; 0: unknown
};
static char open_message[500];  // of an open that failed: one thread opens at a time

static int fail(struct simulation *s, int failure) {
  snprintf(s ? s->message : open_message, sizeof open_message, "%s", err_message());
  return failure;
}

// ---- opening

static int take_argument(const struct settings_section *all, uint64_t *seed, char **keep, const char *one) {
  char *end;
  if (!strncmp(one, "keep=", 5)) {
    free(*keep);
    *keep = err_strdup(one + 5);
    return file_out_check(one + 5);
  }
  if (strncmp(one, "seed=", 5)) return settings_set(all, one);
  *seed = strtoull(one + 5, &end, 10);
  return end == one + 5 || *end ? err_set(ERR_SETTING, "%s: must be a whole number", one) : 0;
}

static int take_arguments(struct chip_params *p, uint64_t *seed, char **keep, const char *arguments) {
  const struct settings_section all[] = { { "chip", chip_param_table, p }, { "verify", verify_param_table, &p->verify },
                                          { 0 } };
  char *text = err_strdup(arguments), *rest = text;
  int rc = 0;
  settings_defaults(all);
  for (char *one; rc == 0 && (one = strsep(&rest, " \t")) != NULL;)
    if (*one) rc = take_argument(all, seed, keep, one);
  free(text);
  if (rc == 0 && *p->driver) rc = err_set(ERR_SETTING, "chip.driver=%s: a simulated chip has none", p->driver);
  if (rc == 0 && (p->dac_bits == 0 || p->adc_bits == 0))
    rc = err_set(ERR_SETTING, "chip.dac_bits, chip.adc_bits: a driver has converters of at least one bit");
  return rc;
}

static int open(void **device, const char *arguments) {
  struct chip_params p;
  struct chip *c;
  char *keep = NULL;
  uint64_t seed = 1;
  if (take_arguments(&p, &seed, &keep, arguments) < 0 || chip_new(&c, &p, seed) < 0) {
    free(keep);
    return fail(NULL, MX_DRIVER_ARGUMENT);
  }
  struct simulation *s = err_calloc(1, sizeof *s);
  s->chip = c;
  s->keep = keep;
  *device = s;
  return 0;
}

static void release(struct chip **c) {
  if (*c) chip_free(*c);
  *c = NULL;
}

// Where the regions are, (n, 5). The caller's to free.
static int64_t *corners(const struct chip *c) {
  int64_t *v = err_calloc((size_t)c->n_pieces * 5, sizeof *v);
  for (int k = 0; k < c->n_pieces; k++) {
    const struct floorplan_piece *p = &c->pieces[k];
    const int64_t all[] = { p->core, p->core_row, p->rows, p->core_column, p->columns };
    memcpy(v + (size_t)k*5, all, sizeof all);
  }
  return v;
}

// Of a file of other regions nothing is taken: those cells are as new.
static int take_kept(struct simulation *s) {
  struct tensorfile *tf;
  if (s->taken || !s->keep) return 0;
  s->taken = true;
  if (!file_exists(s->keep)) return 0;
  TRY(tensorfile_open(&tf, s->keep));
  const struct tensorfile_entry *e = tensorfile_find(tf, "regions");
  const int64_t n = s->chip->n_pieces, dims[] = { n, 5 };
  int64_t *now = corners(s->chip), *then = err_calloc((size_t)n * 5, sizeof *then);
  int rc = format_check(tf, "metaxbar chip state");
  if (rc == 0 && e && e->n_dims == 2 && e->dims[0] == n) {
    rc = tensorfile_i64(tf, "regions", 2, dims, then);
    if (rc == 0 && !memcmp(now, then, (size_t)n * 5 * sizeof *now)) rc = chipstate_take(s->chip, tf);
  }
  s->opened_s = s->chip->clock_s;
  free(now);
  free(then);
  tensorfile_close(tf);
  return rc;
}

static void keep(const struct simulation *s) {
  const int64_t dims[] = { s->chip->n_pieces, 5 };
  if (!s->keep || !s->taken) return;
  struct tensorfile_writer *w = tensorfile_create(s->keep);
  int64_t *all = corners(s->chip);
  format_put(w, "metaxbar chip state");
  chipstate_put(s->chip, w);
  tensorfile_put_i64(w, "regions", 2, dims, all);
  free(all);
  if (tensorfile_commit(w) < 0) note("%s", err_message());  // closing returns nothing
}

static void close_simulation(void *device) {
  struct simulation *s = device;
  if (s->chip->tiles) keep(s);
  free(s->keep);
  release(&s->saved);
  release(&s->chip);
  free(s);
}

static const char *message(void *device) { return device ? ((struct simulation *)device)->message : open_message; }

static int info(void *device, struct mx_driver_info *i) {
  const struct chip *c = ((struct simulation *)device)->chip;
  *i = (struct mx_driver_info){
    .cores = (int)c->params.cores, .rows = (int)c->params.rows, .columns = (int)c->params.columns,
    .devices = 2 * c->design.units * c->design.pcm.devices, .g_max_uS = tile_full_uS(&c->design),
    .input_bits = c->design.dac_bits, .output_bits = c->design.adc_bits, .phases = c->design.one_phase ? 1 : 4,
  };
  snprintf(i->name, sizeof i->name, "%.40s, simulated", c->design.pcm.name);
  return 0;
}

// ---- regions

static int check_region(struct simulation *s, const struct mx_region *r, int k) {
  const struct chip_params *p = &s->chip->params;
  if (r->core >= 0 && r->core < p->cores && r->row >= 0 && r->rows > 0 && r->rows <= p->rows - r->row &&
      r->column >= 0 && r->columns > 0 && r->columns <= p->columns - r->column)
    return 0;
  snprintf(s->message, sizeof s->message, "region %d: core %d, rows %d + %d, columns %d + %d: not on this chip", k,
           r->core, r->row, r->rows, r->column, r->columns);
  return MX_DRIVER_ARGUMENT;
}

static int place(void *device, int n, const struct mx_region *regions) {
  struct simulation *s = device;
  if (s->chip->tiles) {
    snprintf(s->message, sizeof s->message, "the regions are placed already");
    return MX_DRIVER_ARGUMENT;
  }
  struct floorplan_piece *pieces = err_calloc((size_t)n, sizeof *pieces);
  int rc = n > 0 ? 0 : MX_DRIVER_ARGUMENT;
  for (int k = 0; k < n && rc == 0; k++) {
    rc = check_region(s, &regions[k], k);
    pieces[k] = (struct floorplan_piece){ .rows = regions[k].rows, .columns = regions[k].columns,
                                          .core = regions[k].core, .core_row = regions[k].row,
                                          .core_column = regions[k].column };
  }
  if (rc == 0 && (chip_build_pieces(s->chip, n, pieces) < 0 || take_kept(s) < 0)) rc = fail(s, MX_DRIVER_ARGUMENT);
  free(pieces);
  return rc;
}

static int reset(void *device) {
  struct simulation *s = device;
  struct chip_params p = s->chip->params;
  const uint64_t seed = s->chip->seed;
  const double clock_s = s->chip->clock_s;
  struct chip *fresh;
  if (chip_new(&fresh, &p, seed) < 0) return fail(s, MX_DRIVER_FAILED);
  release(&s->saved);
  release(&s->chip);
  s->chip = fresh;
  s->chip->clock_s = clock_s;
  return 0;
}

// ---- cells

static int check_placed(struct simulation *s, int region) {
  if (s->chip->tiles && region >= 0 && region < s->chip->n_pieces) return 0;
  snprintf(s->message, sizeof s->message, "region %d: there is no such region", region);
  return MX_DRIVER_ARGUMENT;
}

static void take_weights(double *weight, const struct chip *c, int k, const uint8_t *mask) {
  const struct tile *t = &c->tiles[k];
  double *g = err_calloc(tile_plane(t), sizeof *g);
  c->backend->read(c, k, g);
  for (int i = 0; i < t->rows; i++)
    for (int o = 0; o < t->columns; o++)
      if (!mask || mask[i*t->columns + o]) weight[i*t->columns + o] = g[i*t->ld + o];
  free(g);
}

static int program(void *device, int region, const double *target, const uint8_t *mask, double tolerance,
                   double *reached, uint8_t *status, struct mx_program_count *count) {
  struct simulation *s = device;
  struct chip *c = s->chip;
  struct tile_count n = { 0 };
  const int rc = check_placed(s, region);
  if (rc) return rc;
  const struct tile *t = &c->tiles[region];
  for (int i = 0; i < t->rows; i++)
    for (int o = 0; o < t->columns; o++) {
      const int at = i*t->columns + o, cell = i*t->ld + o;
      if (!(target[at] >= -1 && target[at] <= 1)) {
        snprintf(s->message, sizeof s->message, "target[%d]=%g: must be in [-1, 1]", at, target[at]);
        return MX_DRIVER_ARGUMENT;
      }
      c->cells[cell] = (real)target[at];
      c->mask[cell] = !mask || mask[at];
    }
  c->backend->program(c, region, !mask, &c->rng, &n);
  take_weights(reached, c, region, mask);
  for (int at = 0; at < t->rows * t->columns; at++)  // chip.programming and section verify say what is reached
    if (!mask || mask[at]) status[at] = fabs(reached[at] - target[at]) <= tolerance ? MX_CELL_OK : MX_CELL_MISSED;
  *count = (struct mx_program_count){ n.devices, n.verify.pulses, n.verify.reads, n.most_writes };
  return 0;
}

static int read_weights(void *device, int region, double *weight) {
  struct simulation *s = device;
  const int rc = check_placed(s, region);
  if (rc) return rc;
  take_weights(weight, s->chip, region, NULL);
  return 0;
}

static int check_steps(struct simulation *s, const int32_t *steps, int n, const struct tile *t) {
  const int most = (1 << (s->chip->design.dac_bits - 1)) - 1;
  for (size_t k = 0; k < (size_t)n * (size_t)t->rows; k++)
    if (steps[k] < -most || steps[k] > most) {
      snprintf(s->message, sizeof s->message, "input[%zu]=%d: must be in [%d, %d]", k, (int)steps[k], -most, most);
      return MX_DRIVER_ARGUMENT;
    }
  return 0;
}

// Steps (n, rows) as levels (n, padded rows).
static void take_levels(real *levels, const int32_t *steps, int n, const struct tile *t) {
  const int ip = vector_padded(t->rows);
  memset(levels, 0, (size_t)n * (size_t)ip * sizeof *levels);
  for (int b = 0; b < n; b++)
    for (int i = 0; i < t->rows; i++) levels[b*ip + i] = (real)steps[b*t->rows + i];
}

static int product(void *device, int region, int n, const int32_t *input, int32_t *output) {
  struct simulation *s = device;
  struct chip *c = s->chip;
  int rc = check_placed(s, region);
  if (rc == 0) rc = check_steps(s, input, n, &c->tiles[region]);
  if (rc) return rc;
  const struct tile *t = &c->tiles[region];
  for (int first = 0; first < n; first += CORE_BLOCK) {
    const int B = n - first < CORE_BLOCK ? n - first : CORE_BLOCK;
    take_levels(c->work.level, input + (size_t)first * (size_t)t->rows, B, t);
    struct core_inputs in;
    int saturated;
    core_look(&in, &c->design, c->work.level, t->rows, B);
    if (s->signs) in.signs = s->signs;  // phases that nothing drives draw noise as well
    c->backend->codes(c, region, &in, B, &c->rng, &saturated);
    for (int b = 0; b < B; b++)
      for (int o = 0; o < t->columns; o++)
        output[(first + b)*t->columns + o] = (int32_t)c->work.sum[b*t->ld + o];
  }
  return 0;
}

static int range(void *device, int region, int n, const int32_t *input, double margin, double least, double *code_uS) {
  struct simulation *s = device;
  struct chip *c = s->chip;
  int rc = check_placed(s, region);
  if (rc == 0) rc = check_steps(s, input, n, &c->tiles[region]);
  if (rc) return rc;
  struct tile *t = &c->tiles[region];
  real *levels = err_aligned((size_t)n * (size_t)vector_padded(t->rows), sizeof *levels);
  take_levels(levels, input, n, t);
  c->params.adc_margin = margin;
  t->lsb_least = least;
  c->backend->range(c, region, levels, n);
  *code_uS = t->lsb;
  free(levels);
  return 0;
}

// ---- time, and going back

static int now(void *device, double *now_s) {
  const struct simulation *s = device;
  *now_s = s->chip->clock_s - s->opened_s;
  return 0;
}

static int wait(void *device, double until_s) {
  const struct simulation *s = device;
  struct chip *c = s->chip;
  const double clock_s = s->opened_s + until_s;
  if (clock_s <= c->clock_s) return 0;
  if (c->tiles) c->backend->wait(c, clock_s);
  c->clock_s = clock_s;
  return 0;
}

static int copy_tiles(struct chip *to, const struct chip *from) {
  for (int k = 0; k < from->n_pieces; k++) tile_copy(&to->tiles[k], &from->tiles[k]);
  to->clock_s = from->clock_s;
  return 0;
}

static int save(void *device) {
  struct simulation *s = device;
  if (!s->chip->tiles) return MX_DRIVER_ARGUMENT;
  if (!s->saved) s->saved = chip_clone(s->chip);
  return copy_tiles(s->saved, s->chip);
}

static int restore(void *device) {
  struct simulation *s = device;
  return s->saved ? copy_tiles(s->chip, s->saved) : MX_DRIVER_ARGUMENT;
}

static int random_state(void *device, uint32_t state[MX_DRIVER_RANDOM], int set) {
  struct simulation *s = device;
  if (set) {
    rng_from_words(&s->chip->rng, state);
    s->signs = (int)(state[RNG_WORDS] & (CORE_POSITIVE | CORE_NEGATIVE));
  } else {
    rng_words(state, &s->chip->rng);
    state[RNG_WORDS] = (uint32_t)s->signs;
  }
  return 0;
}

static const struct mx_driver table = {
  MX_DRIVER_ABI, open, info, place, program, read_weights, product, range, now, wait, reset, close_simulation, message,
  save, restore, random_state,
};
const struct mx_driver *simulateddriver(void) { return &table; }
