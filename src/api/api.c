#include "api/api.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/settings.h"
#include "chip/chip.h"
#include "device/tile.h"
#include "metaxbar.h"

const char *mx_version(void) { return METAXBAR_VERSION; }
const char *mx_last_error(void) { return err_message(); }

_Static_assert((int)MX_ERROR_IO == (int)ERR_IO && (int)MX_ERROR_FORMAT == (int)ERR_FORMAT &&
                 (int)MX_ERROR_ARGUMENT == (int)ERR_SETTING && (int)MX_ERROR_DIVERGED == (int)ERR_DIVERGED &&
                 (int)MX_ERROR_BUSY == (int)ERR_BUSY,
               "the public codes are those of base/err.h");

int api_settings(const struct settings_section *all, const char *const *settings) {
  for (; settings && *settings; settings++) TRY(settings_set(all, *settings));
  return 0;
}

struct run_sources api_sources(const char *const *settings) {
  int n = 0;
  while (settings && settings[n]) n++;
  return (struct run_sources){ .n_assignments = n, .assignments = (char *const *)(uintptr_t)settings };
}

int api_check_read(const char *const *reads, const char *const *settings) {
  for (; settings && *settings; settings++) TRY(run_check_read(reads, *settings));
  return 0;
}

int api_present(const char *what, int n, const void *const *pointers) {
  for (int k = 0; k < n; k++)
    if (!pointers[k]) return err_set(ERR_SETTING, "%s: a pointer is NULL", what);
  return 0;
}

int api_finite(const char *what, const float *x, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!isfinite(x[i])) return err_set(ERR_DIVERGED, "%s: value %zu is %g", what, i, (double)x[i]);
  return 0;
}

real *api_padded(const float *x, size_t rows, size_t columns, size_t ld) {
  real *padded = err_aligned(rows * ld, sizeof *padded);
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < columns; k++) padded[i * ld + k] = (real)x[i * columns + k];
  return padded;
}

void api_plain(float *x, const real *padded, size_t rows, size_t columns, size_t ld) {
  for (size_t i = 0; i < rows; i++)
    for (size_t k = 0; k < columns; k++) x[i * columns + k] = (float)padded[i * ld + k];
}

int api_chip_number(const struct chip *c, const struct ledger *l, const struct ledger_params *p, const char *name,
                    double *value) {
  const struct ledger_counts n = ledger_total(l);
  const struct ledger_cost cost = ledger_cost(l, p);
  const struct {
    const char *name;
    double value;
  } all[] = {
    { "clock_s", chip_clock(c) },
    { "cores", chip_cores(c) },
    { "devices", (double)chip_devices(c) },
    { "units_per_sign", chip_design(c)->units },
    { "g_max_uS", chip_design(c)->pcm.g_max_uS },
    { "t0_s", chip_design(c)->pcm.t0_s },
#define X(field, help) { #field, (double)n.field },
    LEDGER_COUNTS(X)
#undef X
      { "most_writes", (double)l->most_writes },
    { "read_energy_J", cost.read_energy_J },
    { "read_time_s", cost.read_time_s },
    { "write_energy_J", cost.write_energy_J },
    { "endurance_used", cost.endurance_used },
  };
  for (size_t k = 0; k < sizeof all / sizeof *all; k++)
    if (!strcmp(all[k].name, name)) {
      *value = all[k].value;
      return 0;
    }
  return err_set(ERR_SETTING, "%s: there is no such number of a chip", name);
}
