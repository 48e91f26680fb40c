// driver.c - metaxbar driver: check a driver of a chip. Parses and prints only.
#include <stdlib.h>

#include "base/err.h"
#include "base/settings.h"
#include "commands.h"
#include "lab/drivercheck.h"

static const char text[] =
  "Check that a driver of a chip works as metaxbar_driver.h and docs/drivers.md describe; small regions of the chip\n"
  "are programmed for this. DRIVER is what chip.driver takes: LIBRARY.so:ARGUMENTS, exec:COMMAND or replay:FILE.\n"
  "Print what each check measured; the exit status is 1 if one fails.\n";

static struct drivercheck_params params;
static const struct settings_section all[] = { { "driver", drivercheck_param_table, &params }, { 0 } };

static const struct settings_section *sections(void) {
  settings_defaults(all);
  return all;
}

static int parse_timeout(double *timeout_s, const char *given, const char *driver) {
  char *end;
  if (given && !driver_is_process(driver))
    return err_set(ERR_SETTING, "--timeout %s: has an effect with a driver exec:COMMAND only", given);
  *timeout_s = given ? strtod(given, &end) : 60;
  if (!given || (end != given && !*end && *timeout_s >= 0.001 && *timeout_s <= 1e6)) return 0;
  return err_set(ERR_SETTING, "--timeout %s: must be a number of seconds from 0.001 to 1e6", given);
}

static int check(const struct options *o) {
  static struct drivercheck c;
  struct driver_options how = { .record = o->record };
  TRY(parse_timeout(&how.timeout_s, o->timeout, o->words[0]));
  TRY(options_apply(o, sections()));
  TRY(drivercheck_run(&c, o->words[0], &how, &params));
  if (o->json) TRY(options_json(drivercheck_json(&c)));
  else drivercheck_print(&c, stdout);
  return c.failed ? err_set(ERR_FORMAT, "%d of %d checks failed", c.failed, c.n) : 0;
}

static const struct options_flag flags[] = {
  OPTIONS_CONFIG,
  OPTIONS_JSON,
  OPTIONS_VALUE("--record", record, "FILE", "record every call and its answer"),
  OPTIONS_VALUE("--timeout", timeout, "SECONDS", "longest time that exec:COMMAND may take to answer (60)"),
  { 0 },
};
static const char *const reads[] = { "driver", NULL };
static const struct options_action actions[] = {
  { .name = "check", OPTIONS_WORDS("DRIVER", 1, 1), .flags = flags, .reads = reads, .run = check },
  { 0 },
};
const struct options_command driver_command = { "driver", "check a driver of a chip", text, .actions = actions,
                                                .sections = sections };
