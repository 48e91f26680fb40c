// device.c - metaxbar device: characterise a device model. Parses and prints only.
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"
#include "base/settings.h"
#include "commands.h"
#include "lab/characterise.h"
#include "options.h"

static const char usage[] =
  "usage: metaxbar device [-c FILE] [device.preset=NAME | device.table=FILE.ini] [verify.name=value ...]\n"
  "                       [--json] [--out PLOT.png|.pdf|.svg]\n"
  "\n"
  "Write and read a simulated crossbar and print, over conductance, programming error, drift and read noise as the\n"
  "formulas have them and as measured, in CSV. --out draws them (needs gnuplot).\n";

int device_command(int argc, char **argv) {
  struct options o;
  struct characterise_params p;
  struct verify_params v;
  struct characterise c;
  const struct settings_section all[] = {
    { "device", characterise_param_table, &p }, { "verify", verify_param_table, &v }, { 0 },
  };
  settings_defaults(all);
  int rc = options_parse(&o, argc, argv);
  if (rc == 0 && o.n_words) rc = err_set(ERR_SETTING, "%s: unknown word", o.words[0]);
  if (rc == 0 && o.help) {
    fputs(usage, stdout);
    fprintf(stdout, "\nsettings:\n");
    settings_help(all, stdout);
    return options_finish("device");
  }
  if (rc == 0) rc = options_apply(&o, all);
  if (rc == 0 && o.out) rc = characterise_plot_check(o.out);
  if (rc == 0) rc = characterise_run(&c, &p, &v);
  if (rc < 0) return options_fail("device", rc);
  if (o.out) rc = characterise_plot(&c, o.out);
  if (rc == 0 && o.json) {
    struct json_t *j = characterise_json(&c);
    rc = json_print(j, stdout);
    json_release(j);
  } else if (rc == 0) {
    characterise_csv(&c, stdout);
  }
  characterise_release(&c);
  return rc < 0 ? options_fail("device", rc) : options_finish("device");
}
