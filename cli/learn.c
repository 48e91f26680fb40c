// learn.c - metaxbar learn: teach a model the classes of a person's own pictures. Parses and prints only.
#include "base/err.h"
#include "commands.h"
#include "data/dataset.h"
#include "pictures_case.h"

static const char text[] =
  "Teach a classifier the classes of a folder (or zip file) that holds a folder of PNG and JPEG pictures for each\n"
  "class, any number of classes and of pictures, and write what it has learned to a file, for 'metaxbar classify'.\n"
  "--add teaches further classes; it needs the file of the first ones and none of their pictures.\n"
  "\n"
  "The read-out of the model starts from the mean features of the classes; learn.updates updates follow. With\n"
  "synapse.kind=chip this happens on a simulated chip, whose state is in the file too, or with chip.driver on a chip\n"
  "behind a driver, which keeps its cells itself: the file remembers the rest.\n"
  "\n"
  "A picture whose features are farther from every class mean than a threshold is 'none of these'. The threshold is\n"
  "estimated so that the fraction learn.reject of further pictures of the classes exceeds it: each picture is held\n"
  "out once, and its distance from the mean of the others of its class is measured. With too few pictures for that,\n"
  "for instance one of each class, the threshold is the distance of a class mean from the nearest other.\n";

static int learn(const struct options *o) {
  struct pictures_case c;
  struct pictures_learned l;
  const struct pictures_lesson lesson = { .pictures = o->add ? o->add : o->support, .state = o->state, .out = o->out };
  if (!o->add == !o->support)
    return err_set(ERR_SETTING, "--support DIR or --add DIR: one of them says where the pictures are");
  if (!o->add != !o->state)
    return err_set(ERR_SETTING, "--add DIR, --state FILE: further classes need both, the first ones neither");
  int rc = pictures_case_open(&c, o);
  if (rc == 0) rc = c.x.e->pictures->learn(&l, c.x.set, c.x.model, &lesson, &c.from);
  if (rc == 0) {
    if (o->json) rc = options_json(pictures_learned_json(&l, o->out));
    else pictures_learned_print(&l, o->out, stdout);
    pictures_learned_release(&l);
  }
  pictures_case_close(&c);
  return rc;
}

static const struct options_flag flags[] = {
  OPTIONS_MODEL,
  OPTIONS_VALUE("--support", support, "DIR", "pictures of the first classes, a folder for each"),
  OPTIONS_VALUE("--add", add, "DIR", "pictures of further classes"),
  OPTIONS_VALUE("--state", state, "FILE", "what was learned before; with --add"),
  OPTIONS_NEEDED("--out", out, "FILE", "file to write"),
  OPTIONS_CONFIG,
  OPTIONS_JSON,
  { 0 },
};
// A chip is calibrated on the pictures themselves: data.* has no part in it. data.distort_* are those of learn.views.
static const char *const reads[] = { "learn",
                                     "synapse.kind",
                                     "synapse.bits",
                                     "chip",
                                     "verify",
                                     "data.invert",
                                     "data.preprocessing",
                                     DATASET_VARIATIONS,
                                     "train.inner_rate",
                                     "run",
                                     NULL };
static const struct options_action actions[] = {
  { .name = "", .replaces = "--state", .flags = flags, .reads = reads, .run = learn }, { 0 }
};
const struct options_command learn_command = { "learn", "teach a model the classes of your own pictures", text,
                                               .actions = actions, .sections = pictures_case_sections };
