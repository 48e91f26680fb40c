// classify.c - metaxbar classify: tell pictures apart by what 'metaxbar learn' has learned. Parses and prints only.
#include "base/err.h"
#include "base/file.h"
#include "commands.h"
#include "pictures_case.h"

static const char text[] =
  "Classify PNG and JPEG files, and all that are in folders, by the classes that 'metaxbar learn' has taught the\n"
  "model. Every picture is classified by itself: the likeliest class and its probability (softmax of the read-out),\n"
  "and the distance of its features from the nearest class mean. A picture beyond the threshold is 'none of these';\n"
  "the threshold is that of the file, or learn.threshold.\n"
  "\n"
  "If the classes were learned on a simulated chip, the pictures are classified on that chip: its state is in the\n"
  "file, and the devices drift until chip.time_s if that is later. The file is not changed. A chip behind a driver\n"
  "(chip.driver) is not programmed either: it must still hold what was learned.\n";

static int print(const struct pictures_result *r, const struct options *o) {
  if (o->json) return options_json(pictures_json(r));
  if (o->csv) pictures_csv(r, stdout);
  else pictures_print(r, stdout);
  return 0;
}

static int classify(const struct options *o) {
  struct pictures_case c;
  struct pictures_result r;
  if (o->json && o->csv) return err_set(ERR_SETTING, "--csv: has no effect beside --json");
  if (o->sheet) TRY(file_out_check(o->sheet));
  int rc = pictures_case_open(&c, o);
  if (rc == 0)
    rc = c.x.e->pictures->classify(&r, c.x.set, c.x.model, o->state, o->words, o->n_words, o->sheet != NULL, &c.from);
  pictures_case_close(&c);
  TRY(rc);
  if (o->sheet) rc = pictures_sheet(&r, o->sheet);
  if (rc == 0) rc = print(&r, o);
  pictures_result_release(&r);
  return rc;
}

static const struct options_flag flags[] = {
  OPTIONS_MODEL,
  OPTIONS_NEEDED("--state", state, "FILE", "what was learned ('metaxbar learn --out FILE')"),
  OPTIONS_CONFIG,
  OPTIONS_JSON,
  OPTIONS_SWITCH("--csv", csv, "print a line for each picture, after a line of column names"),
  OPTIONS_VALUE("--sheet", sheet, "FILE.html", "write a page of the pictures and their classes"),
  { 0 },
};
// data.preprocessing: of a model file without settings.
static const char *const reads[] = {
  "learn.threshold",    "learn.views",           "data.preprocessing",    "chip.table",  "chip.driver", "chip.record",
  "chip.driver_faults", "chip.driver_timeout_s", "chip.driver_tolerance", "chip.time_s", "run",         NULL
};
static const struct options_action actions[] = {
  { .name = "", OPTIONS_WORDS("IMAGE|FOLDER...", 1, OPTIONS_ANY), .flags = flags, .reads = reads, .run = classify },
  { 0 },
};
const struct options_command classify_command = { "classify", "tell your own pictures apart", text, .actions = actions,
                                                  .sections = pictures_case_sections };
