// report.h - one self-contained HTML page about trained models, drawn from the files beside them alone:
//   RUN/build.json, RUN/metrics.csv (run/rundir.h)   either may be absent
//   RUN/showcase/...                                  (lab/showcase.h)
// All texts in these files are taken for hostile. Nothing is computed here but the shape of figures.
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdio.h>

#include "base/file.h"
#include "report/csvtable.h"

struct json_t;

enum { REPORT_MAX_RUNS = 6 };  // as many looks as a chart has
enum report_kind { REPORT_FEWSHOT, REPORT_ARM };

// Tables of a run; those of the other kind are empty.
#define REPORT_TABLES(X)                                                                           \
  X(accuracy, REPORT_FEWSHOT) X(later, REPORT_FEWSHOT) X(ledger, REPORT_FEWSHOT) X(histogram, REPORT_FEWSHOT)                       \
  X(arm_software, REPORT_ARM) X(arm_chip, REPORT_ARM) X(arm_joints, REPORT_ARM)

struct report_run {
  enum report_kind kind;
  char name[128];               // last part of the folder's name
  char folder[FILE_PATH_SIZE/2];
  struct json_t *facts;         // fewshot.json or arm.json
  struct json_t *build;         // NULL: no build.json
  struct csvtable metrics;      // no rows: no metrics.csv
#define X(table, kind) struct csvtable table;
  REPORT_TABLES(X)
#undef X
  char *image;                  // task.png
  size_t image_size;
};

// Read a run; afterwards report_close. ERR_IO, ERR_FORMAT naming file and field; then nothing is open.
int report_open(struct report_run *r, const char *folder);
void report_close(struct report_run *r);

// Write the page about n runs, at most REPORT_MAX_RUNS, to a file (base/file.h). command: that writes the page.
int report_write(const char *path, const struct report_run *runs, int n, const char *command);

// ---- the parts

// A file of the results, for messages.
void report_path(const struct report_run *r, const char *name, char path[FILE_PATH_SIZE]);
int report_fewshot(FILE *out, const struct report_run *const *runs, int n);
int report_arm(FILE *out, const struct report_run *const *runs, int n);
// The evaluation of that name ("software", "quantised", "chip"): its result and command.
int report_evaluation(struct json_t **result, const char **command, const struct report_run *r, const char *name);
const char *report_price_source(const struct json_t *result);  // where its prices come from; older results do not say

#endif
