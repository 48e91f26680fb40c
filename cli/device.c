// device.c - metaxbar device: characterise a device model. Parses and prints only.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/settings.h"
#include "commands.h"
#include "lab/characterise.h"
#include "lab/devicemeasure.h"

static const char text[] =
  "Write and read a simulated crossbar, and print programming error, drift and read noise against conductance as CSV,\n"
  "by the formulas of the device model and as measured. --out draws them (needs gnuplot).\n"
  "\n"
  "With --driver, measure the device table of a chip behind a driver (what chip.driver takes): program many cells to\n"
  "each of some conductances, read them at the times of --times, and write the table that chip.table reads, TABLE.csv\n"
  "and TABLE.ini. The command waits until the last of these times has passed on the chip's clock.\n";

static struct characterise_params params;
static struct verify_params verify;
static struct devicemeasure_params measure;
static const struct settings_section all[] = { { "device", characterise_param_table, &params },
                                               { "verify", verify_param_table, &verify },
                                               { "measure", devicemeasure_param_table, &measure },
                                               { 0 } };

static const struct settings_section *sections(void) {
  settings_defaults(all);
  return all;
}

static int print(const struct characterise *c, bool as_json) {
  if (as_json) return options_json(characterise_json(c));
  characterise_csv(c, stdout);
  return 0;
}

// Settings without effect beside the others.
static int check_settings(const struct options *o) {
  static const char *const simulated[] = { "device", "verify", NULL }, *const measured[] = { "measure", NULL },
                           *const pulses[] = { "verify", NULL }, *const preset[] = { "device.preset", NULL };
  const struct run_sources from = options_sources(o);
  if (o->driver) return run_refuse(&from, simulated, "a device model");
  TRY(run_refuse(&from, measured, "--driver"));
  if (params.programming == VERIFY_STATISTICAL) TRY(run_refuse(&from, pulses, "device.programming=verify"));
  return params.table[0] ? run_refuse(&from, preset, "an empty device.table") : 0;
}

static int run_driver(const struct options *o) {
  struct devicemeasure m;
  double times_s[DEVICEMEASURE_TIMES];
  const int n = devicemeasure_times(times_s, o->times ? o->times : "1,10,100");
  TRY(n);
  if (o->out) TRY(devicemeasure_check(o->out));
  TRY(devicemeasure_run(&m, o->driver, &(struct driver_options){ .timeout_s = 60 }, &measure, times_s, n));
  int rc = o->out ? devicemeasure_save(&m, o->out) : 0;
  if (rc == 0 && o->json) rc = options_json(devicemeasure_json(&m));
  else if (rc == 0) devicemeasure_print(&m, stdout);
  devicemeasure_release(&m);
  return rc;
}

static int run(const struct options *o) {
  struct characterise c;
  TRY(options_apply(o, sections()));
  TRY(check_settings(o));
  if (o->driver) return run_driver(o);
  if (o->times) return err_set(ERR_SETTING, "--times: has an effect with --driver only");
  if (o->out) TRY(characterise_plot_check(o->out));
  TRY(characterise_run(&c, &params, &verify));
  int rc = o->out ? characterise_plot(&c, o->out) : 0;
  if (rc == 0) rc = print(&c, o->json);
  characterise_release(&c);
  return rc;
}

static const struct options_flag flags[] = {
  OPTIONS_CONFIG,
  OPTIONS_JSON,
  OPTIONS_VALUE("--out", out, "PLOT.png|.pdf|.svg|TABLE.csv", "draw what is printed; with --driver, write the table"),
  OPTIONS_VALUE("--driver", driver, "DRIVER", "measure the chip behind this driver"),
  OPTIONS_VALUE("--times", times, "S,S,...", "with --driver: seconds after programming (1,10,100)"),
  { 0 },
};
static const char *const reads[] = { "device", "verify", "measure", NULL };
static const struct options_action actions[] = { { .name = "", .flags = flags, .reads = reads, .run = run }, { 0 } };
const struct options_command device_command = { "device",
                                                "characterise a device model: programming error, drift, read noise",
                                                text, .actions = actions, .sections = sections };
