// report.h - one self-contained HTML page about trained models, drawn from the files beside them alone:
//   RUN/build.json, RUN/metrics.csv (run/rundir.h)   either may be absent
//   RUN/showcase/...                                  (lab/showcase.h)
// All texts in these files are taken for hostile. Nothing is computed here but the shape of figures.
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/file.h"
#include "report/csvtable.h"

struct chart_series;
struct json_t;
struct report_run;

enum { REPORT_MAX_RUNS = 6, REPORT_MAX_TABLES = 8, REPORT_CURVES = 2 };  // as many runs as a chart has looks

// Columns of metrics.csv over the iterations.
struct report_curve {
  const char *title, *axis;  // title NULL: no curve
  double factor;             // of the values
  const char *column[2];     // training, validation; NULL: none
  bool log;
};

// What a run is about, where the runs of one experiment differ in it.
struct report_subject {
  const char *title;  // the heading of its section; runs with the same heading are drawn together
  const char *note;   // ends the captions of learning curves and scores; NULL: none
};

// The runs of one experiment, and how they are drawn.
struct report_kind {
  const char *name;           // of the experiment: results in showcase/NAME.json
  const char *task, *title;   // what it learns, in a few words; the heading of its section
  const char *const *tables;  // showcase/TABLE.csv; NULL ends, or NULL: none
  struct report_curve curve[REPORT_CURVES];
  const char *curve_text;                                        // below them
  struct report_subject (*subject)(const struct report_run *r);  // NULL: all are about `title`
  int (*draw)(FILE *out, const struct report_run *const *runs, int n);
};

struct report_run {
  const struct report_kind *kind;
  char name[128];  // last part of the folder's name
  char folder[FILE_PATH_SIZE / 2];
  struct json_t *facts;  // NAME.json
  char facts_path[FILE_PATH_SIZE];
  struct json_t *build;                      // NULL: no build.json
  struct csvtable metrics;                   // no rows: no metrics.csv
  struct csvtable table[REPORT_MAX_TABLES];  // in the order of kind->tables
};

// Read a run of one of these kinds (NULL ends); afterwards report_close. ERR_IO, ERR_FORMAT naming file and field;
// then nothing is open.
int report_open(struct report_run *r, const char *folder, const struct report_kind *const *kinds);
void report_close(struct report_run *r);

// Write the page about n runs, at most REPORT_MAX_RUNS, kind after kind, to a file (base/file.h). command: that
// writes the page.
int report_write(const char *path, const struct report_kind *const *kinds, const struct report_run *runs, int n,
                 const char *command);

// ---- for the parts

// A note of the run's subject, to end a caption; "": none.
const char *report_note(const struct report_run *r);
// A file of the results.
void report_path(const struct report_run *r, const char *name, char path[FILE_PATH_SIZE]);
// A column of a table (its number in kind->tables); two columns as a series, a third as its error bars unless NULL.
int report_column(const double **v, const struct report_run *r, int table, const char *name);
int report_series(struct chart_series *s, const struct report_run *r, int table, const char *x, const char *y,
                  const char *error);
// The evaluation of that name ("software", "quantised", "chip"): its result and command.
int report_evaluation(struct json_t **result, const char **command, const struct report_run *r, const char *name);
const char *report_cost_source(const struct json_t *result);  // where its costs come from; older results do not say

// The beginning of a table of weights, with a column for the run where there are several; that of a row. The caller
// goes on with the head, or the cells.
void report_table(FILE *out, bool with_run);
void report_row(FILE *out, const struct report_run *r, bool with_run, const char *weights);

#endif
