// The chip of metaxbar.h.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/err.h"
#include "base/json.h"
#include "base/settings.h"
#include "chip/chip.h"
#include "chip/chipstate.h"
#include "chip/lifetime.h"
#include "chip/simulateddriver.h"
#include "device/tile.h"
#include "kernel/choice.h"
#include "kernel/conv.h"
#include "metaxbar.h"

enum stage { OPEN, BUILT, FAILED };  // matrices can be added; chip_build succeeded; it did not

struct mx_chip {
  struct chip *chip;
  struct json_t *names;  // of the matrices, as the fields of an object
  struct ledger_params ledger;
  enum stage stage;
};

enum { MAX_SIDE = 65536, MAX_BATCH = 1 << 20 };

int mx_chip_new(struct mx_chip **out, const char *const *settings, uint64_t seed) {
  API_BEGIN;
  struct chip_params p;
  struct ledger_params ledger;
  const struct settings_section all[] = {
    { "chip", chip_param_table, &p },
    { "verify", verify_param_table, &p.verify },
    { "ledger", ledger_param_table, &ledger },
    { 0 },
  };
  const struct run_sources from = api_sources(settings);
  const struct run_synapse_params on_chip = { .kind = RUN_CHIP };
  struct chip *chip;
  API_PRESENT("mx_chip_new", out);
  TRY(choice_check());
  settings_defaults(all);
  TRY(api_settings(all, settings));
  if (p.time_s != 0)
    return err_set(ERR_SETTING, "chip.time_s=%g: the clock of this chip is set by mx_chip_advance", p.time_s);
  TRY(run_synapse_effects(&on_chip, &p, &from));
  TRY(chip_new(&chip, &p, seed));
  *out = err_calloc(1, sizeof **out);
  **out = (struct mx_chip){ .chip = chip, .names = json_object_new(), .ledger = ledger };
  return 0;
}

void mx_chip_free(struct mx_chip *c) {
  if (!c) return;
  chip_free(c->chip);
  json_release(c->names);
  free(c);
}

static int check_name(const struct mx_chip *c, const char *name) {
  const size_t length = strlen(name);
  bool good = length > 0 && length < CHIP_NAME_SIZE;
  for (size_t i = 0; i < length && good; i++) good = isalnum((unsigned char)name[i]) || strchr("_-.", name[i]);
  if (!good) return err_set(ERR_SETTING, "matrix '%.64s': a name has 1 to 63 letters, digits and _ - .", name);
  return json_has(c->names, name) ? err_set(ERR_SETTING, "matrix '%s': the chip has one of that name", name) : 0;
}

int mx_chip_add(struct mx_chip *c, const char *name, int I, int O) {
  API_BEGIN;
  API_PRESENT("mx_chip_add", c, name);
  const struct chip_params *p = chip_settings(c->chip);
  if (c->stage != OPEN) return err_set(ERR_SETTING, "mx_chip_add: the chip is built");
  TRY(check_name(c, name));
  if (I < 1 || O < 1 || I > MAX_SIDE || O > MAX_SIDE)
    return err_set(ERR_SETTING, "matrix '%s': %d x %d; both from 1 to %d", name, I, O, MAX_SIDE);
  if ((int64_t)I * O > p->cores * p->rows * p->columns)
    return err_set(ERR_SETTING, "matrix '%s': %d x %d has more weights than %d cores of %d x %d cells", name, I, O,
                   (int)p->cores, (int)p->rows, (int)p->columns);
  json_put_bool(c->names, name, true);
  return chip_add(c->chip, name, I, O);
}

int mx_chip_build(struct mx_chip *c) {
  API_BEGIN;
  API_PRESENT("mx_chip_build", c);
  if (c->stage != OPEN) return err_set(ERR_SETTING, "mx_chip_build: the chip is built");
  if (chip_matrices(c->chip) == 0)
    return err_set(ERR_SETTING, "mx_chip_build: the chip has no matrix; mx_chip_add comes first");
  const int rc = chip_build(c->chip);
  c->stage = rc < 0 ? FAILED : BUILT;
  return rc;
}

// ---- one matrix

static int check_matrix(const char *what, const struct mx_chip *c, int m, bool programmed) {
  API_PRESENT(what, c);
  if (c->stage != BUILT) return err_set(ERR_SETTING, "%s: the chip is not built", what);
  if (m < 0 || m >= chip_matrices(c->chip))
    return err_set(ERR_SETTING, "%s: matrix %d of %d", what, m, chip_matrices(c->chip));
  if (programmed && !chip_programmed(c->chip, m))
    return err_set(ERR_SETTING, "%s: matrix '%s' has not been programmed", what, chip_matrix_name(c->chip, m));
  return 0;
}

// Sums of products of such weights are finite.
static int check_size(const char *what, const float *w, size_t n) {
  const float most = 1e30f;
  for (size_t i = 0; i < n; i++)
    if (w[i] > most || w[i] < -most)
      return err_set(ERR_SETTING, "%s: value %zu is %g: at most %g", what, i, (double)w[i], (double)most);
  return 0;
}

// Weights (program) or changes (I, O) into the array.
static int write_matrix(const char *what, struct mx_chip *c, int m, bool program, const float *w) {
  TRY(check_matrix(what, c, m, !program));
  struct synapse *s = chip_synapse(c->chip, m);
  API_PRESENT(what, w);
  TRY(api_finite(what, w, (size_t)s->I * (size_t)s->O));
  TRY(check_size(what, w, (size_t)s->I * (size_t)s->O));
  real *padded = api_padded(w, (size_t)s->I, (size_t)s->O, (size_t)vector_padded(s->O));
  if (program) s->ops->program(s, padded, chip_rng(c->chip));
  else s->ops->update(s, padded, chip_rng(c->chip));
  free(padded);
  return chip_failure(c->chip);
}

int mx_chip_program(struct mx_chip *c, int m, const float *w) {
  API_BEGIN;
  return write_matrix("mx_chip_program", c, m, true, w);
}

int mx_chip_update(struct mx_chip *c, int m, const float *dw) {
  API_BEGIN;
  return write_matrix("mx_chip_update", c, m, false, dw);
}

// Product of B checked vectors; y NULL: only observed.
static void multiply(struct mx_chip *c, int m, float *y, const float *x, int B) {
  struct synapse *s = chip_synapse(c->chip, m);
  const size_t OP = (size_t)vector_padded(s->O), n = (size_t)B;
  const struct conv shape = conv_shape(B, 1, 1, s->I, s->O, 1, 1, 0);
  real *in = api_padded(x, n, (size_t)s->I, (size_t)vector_padded(s->I)), *out = err_aligned(n * OP, sizeof *out);
  s->ops->product(s, out, in, &shape, chip_rng(c->chip));
  if (y) api_plain(y, out, n, (size_t)s->O, OP);
  free(in);
  free(out);
}

int mx_chip_calibrate(struct mx_chip *c, int m, const float *x, int n) {
  API_BEGIN;
  TRY(check_matrix("mx_chip_calibrate", c, m, true));
  const int most = (int)chip_settings(c->chip)->calibration_rows;
  if (x) {
    if (n < 2 || n > most)
      return err_set(ERR_SETTING, "mx_chip_calibrate: %d input vectors; from 2 to chip.calibration_rows=%d", n, most);
    TRY(api_finite("mx_chip_calibrate", x, (size_t)n * (size_t)chip_matrix(c->chip, m)->I));
    chip_forget_inputs(c->chip, m);
    chip_observe(c->chip, true);
    multiply(c, m, NULL, x, n);
    chip_observe(c->chip, false);
  }
  chip_calibrate_matrix(c->chip, m, chip_rng(c->chip));
  return chip_failure(c->chip);
}

int mx_chip_product(struct mx_chip *c, int m, float *y, const float *x, int B) {
  API_BEGIN;
  TRY(check_matrix("mx_chip_product", c, m, true));
  API_PRESENT("mx_chip_product", y, x);
  if (B < 1 || B > MAX_BATCH) return err_set(ERR_SETTING, "mx_chip_product: %d vectors; from 1 to %d", B, MAX_BATCH);
  TRY(api_finite("mx_chip_product", x, (size_t)B * (size_t)chip_matrix(c->chip, m)->I));
  multiply(c, m, y, x, B);
  return chip_failure(c->chip);
}

int mx_chip_product_transposed(struct mx_chip *c, int m, float *y, const float *d, int B) {
  API_BEGIN;
  static const char what[] = "mx_chip_product_transposed";
  TRY(check_matrix(what, c, m, true));
  API_PRESENT(what, y, d);
  if (B < 1 || B > MAX_BATCH) return err_set(ERR_SETTING, "%s: %d vectors; from 1 to %d", what, B, MAX_BATCH);
  const struct synapse *s = chip_matrix(c->chip, m);
  const size_t n = (size_t)B, I = (size_t)s->I, O = (size_t)s->O, IP = (size_t)vector_padded(s->I);
  TRY(api_finite(what, d, n * O));
  real *in = api_padded(d, n, O, (size_t)vector_padded(s->O)), *out = err_aligned(n * IP, sizeof *out);
  const int rc = chip_product_transposed(c->chip, m, out, in, B, chip_rng(c->chip));
  if (rc == 0) api_plain(y, out, n, I, IP);
  free(in);
  free(out);
  return rc;
}

// The weights as the array holds them, or what its devices conduct.
static int read_matrix(const char *what, const struct mx_chip *c, int m, bool conducted, float *w) {
  TRY(check_matrix(what, c, m, true));
  API_PRESENT(what, w);
  const struct synapse *s = chip_matrix(c->chip, m);
  const size_t I = (size_t)s->I, O = (size_t)s->O, OP = (size_t)vector_padded(s->O);
  real *padded = err_aligned(I * OP, sizeof *padded);
  if (conducted) chip_effective(c->chip, m, padded);
  else s->ops->weights(s, padded);
  api_plain(w, padded, I, O, OP);
  free(padded);
  return conducted ? chip_failure(c->chip) : 0;
}

int mx_chip_weights(const struct mx_chip *c, int m, float *w) {
  API_BEGIN;
  return read_matrix("mx_chip_weights", c, m, false, w);
}

int mx_chip_conducted(const struct mx_chip *c, int m, float *w) {
  API_BEGIN;
  return read_matrix("mx_chip_conducted", c, m, true, w);
}

// ---- devices

int mx_chip_devices(const struct mx_chip *c, int m, const char *property, double *v, size_t n) {
  API_BEGIN;
  TRY(check_matrix("mx_chip_devices", c, m, true));
  API_PRESENT("mx_chip_devices", property, v);
  const struct synapse *s = chip_matrix(c->chip, m);
  const size_t units = 2 * (size_t)chip_design(c->chip)->units * (size_t)s->I * (size_t)s->O;
  if (n != units)
    return err_set(ERR_SETTING, "mx_chip_devices: room for %zu values, '%s' has %zu units", n,
                   chip_matrix_name(c->chip, m), units);
  if (*chip_settings(c->chip)->driver)
    return err_set(ERR_SETTING, "mx_chip_devices: %s: chip.driver does not tell its devices", property);
  return chip_unit_values(c->chip, m, property, v);
}

// ---- the whole chip

static int check_built(const char *what, const struct mx_chip *c) {
  API_PRESENT(what, c);
  return c->stage == BUILT ? 0 : err_set(ERR_SETTING, "%s: the chip is not built", what);
}

int mx_chip_advance(struct mx_chip *c, double time_s) {
  API_BEGIN;
  TRY(check_built("mx_chip_advance", c));
  return chip_advance(c->chip, time_s, chip_rng(c->chip));
}

int mx_chip_number(const struct mx_chip *c, const char *name, double *value) {
  API_BEGIN;
  TRY(check_built("mx_chip_number", c));
  API_PRESENT("mx_chip_number", name, value);
  return api_chip_number(c->chip, chip_ledger(c->chip), &c->ledger, name, value);
}

int mx_chip_save(const struct mx_chip *c, const char *path) {
  API_BEGIN;
  TRY(check_built("mx_chip_save", c));
  API_PRESENT("mx_chip_save", path);
  return chipstate_write(c->chip, path);
}

int mx_chip_load(struct mx_chip *c, const char *path) {
  API_BEGIN;
  TRY(check_built("mx_chip_load", c));
  API_PRESENT("mx_chip_load", path);
  const char *driver = chip_settings(c->chip)->driver;
  if (*driver)
    return err_set(ERR_SETTING, "mx_chip_load: %s: the cells of chip.driver=%s cannot be restored from a file", path,
                   driver);
  TRY(chipstate_check_path("", path));
  return chipstate_is_csv(path) ? lifetime_load(c->chip, path) : chipstate_load(c->chip, path);
}

const struct mx_driver *mx_driver_simulated(void) { return simulateddriver(); }
