// Device models of metaxbar.h.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/err.h"
#include "base/settings.h"
#include "device/devicetable.h"
#include "device/pcm.h"
#include "kernel/choice.h"
#include "lab/characterise.h"
#include "metaxbar.h"

struct mx_device {
  struct pcm pcm;
};

static const char *const reads[] = { "device.preset", "device.table", NULL };

int mx_device_new(struct mx_device **out, const char *const *settings) {
  API_BEGIN;
  struct characterise_params p;
  const struct settings_section all[] = { { "device", characterise_param_table, &p }, { 0 } };
  API_PRESENT("mx_device_new", out);
  TRY(choice_check());
  settings_defaults(all);
  TRY(api_settings(all, settings));
  const struct run_sources from = api_sources(settings);
  TRY(api_check_read(reads, settings));
  if (p.table[0]) TRY(run_refuse(&from, (const char *const[]){ "device.preset", NULL }, "an empty device.table"));
  struct mx_device *d = err_calloc(1, sizeof *d);
  const int rc = p.table[0] ? devicetable_load(&d->pcm, p.table) : 0;
  if (!p.table[0]) pcm_preset(&d->pcm, (int)p.preset);
  if (rc < 0) free(d);
  else *out = d;
  return rc;
}

void mx_device_free(struct mx_device *d) { free(d); }

int mx_device_number(const struct mx_device *d, const char *name, double *value) {
  API_BEGIN;
  API_PRESENT("mx_device_number", d, name, value);
  const struct {
    const char *name;
    double value;
  } all[] = {
    { "g_max_uS", d->pcm.g_max_uS },
    { "t0_s", d->pcm.t0_s },
    { "t_read_s", d->pcm.t_read_s },
    { "devices", d->pcm.devices },
  };
  for (size_t k = 0; k < sizeof all / sizeof *all; k++)
    if (!strcmp(all[k].name, name)) {
      *value = all[k].value;
      return 0;
    }
  return err_set(ERR_SETTING, "%s: there is no such number of a device", name);
}

int mx_device_at(const struct mx_device *d, double g_uS, double time_s, double *programming_sigma_uS,
                 double *drift_mean, double *drift_spread, double *read_sigma_uS) {
  API_BEGIN;
  API_PRESENT("mx_device_at", d);
  const struct pcm *p = &d->pcm;
  if (!(g_uS >= 0 && g_uS <= p->g_max_uS))
    return err_set(ERR_SETTING, "mx_device_at: %g uS; from 0 to %g", g_uS, p->g_max_uS);
  if (!(time_s >= 0 && isfinite(time_s)))
    return err_set(ERR_SETTING, "mx_device_at: %g s after writing; from 0", time_s);
  const double mean = pcm_drift_mean(p, g_uS), now_uS = pcm_drift_uS(p, g_uS, mean, fmax(time_s, p->t0_s));
  if (programming_sigma_uS) *programming_sigma_uS = pcm_sigma_prog_uS(p, g_uS);
  if (drift_mean) *drift_mean = mean;
  if (drift_spread) *drift_spread = pcm_drift_spread(p, g_uS);
  if (read_sigma_uS) *read_sigma_uS = pcm_sigma_read_uS(p, now_uS, pcm_read_q(p, g_uS), fmax(time_s, p->t0_s));
  return 0;
}
