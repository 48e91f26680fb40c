// device.c - metaxbar device: characterise a device model. Parses and prints only.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/settings.h"
#include "commands.h"
#include "lab/characterise.h"

static const char text[] =
  "Write and read a simulated crossbar, and print programming error, drift and read noise against conductance as CSV,\n"
  "by the formulas of the device model and as measured. --out draws them (needs gnuplot).\n";

static struct characterise_params params;
static struct verify_params verify;
static const struct settings_section all[] = { { "device", characterise_param_table, &params },
                                               { "verify", verify_param_table, &verify },
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

static int run(const struct options *o) {
  struct characterise c;
  TRY(options_apply(o, sections()));
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
  OPTIONS_VALUE("--out", out, "PLOT.png|.pdf|.svg", "draw what is printed"),
  { 0 },
};
static const char *const reads[] = { "device", "verify", NULL };
static const struct options_action actions[] = {
  { .name = "", .flags = flags, .reads = reads, .sections = sections, .run = run }, { 0 }
};
const struct options_command device_command = { "device",
                                                "characterise a device model: programming error, drift, read noise",
                                                text, actions, NULL };
