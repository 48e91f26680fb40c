// compare.c - metaxbar compare: a paired test of two evaluations. Parses and prints only.
#include <stdio.h>

#include "base/err.h"
#include "commands.h"
#include "lab/compare.h"

static const char text[] =
  "Compare two evaluations of the same tasks or movements, each written by 'eval NAME --scores FILE.json': print the\n"
  "mean of each, the mean difference item by item with its 95 % confidence interval, and the p-value of a paired\n"
  "test. Files with different items (another seed, number, split or data set; another path or other tasks, whatever\n"
  "their files are called) are refused.\n";

static int compare(const struct options *o) {
  static struct compare_scores a, b;
  struct compare c;
  TRY(compare_load(&a, o->words[0]));
  int rc = compare_load(&b, o->words[1]);
  if (rc == 0) {
    rc = compare_run(&c, &a, &b);
    if (rc == 0 && o->json) rc = options_json(compare_json(&c));
    else if (rc == 0) compare_print(&c, stdout);
    compare_release(&b);
  }
  compare_release(&a);
  return rc;
}

static const struct options_flag flags[] = { OPTIONS_JSON, { 0 } };
static const struct options_action actions[] = {
  { .name = "", OPTIONS_WORDS("FIRST.json SECOND.json", 2, 2), .flags = flags, .run = compare },
  { 0 },
};
const struct options_command compare_command = { "compare", "compare two evaluations by a paired test", text,
                                                 .actions = actions };
