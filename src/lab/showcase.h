// showcase.h - what a report shows of a trained model (report/report.h), measured once and kept in files:
//   FOLDER/showcase/NAME.json   settings, commands, results of experiment NAME; written last, so that it stands for all
//   ...                         what the experiment writes beside it (its showcase.c)
// A digest of the model, of every setting and of the version of these files is kept too: the same are not measured
// again.
#ifndef LAB_SHOWCASE_H
#define LAB_SHOWCASE_H

#include <stdio.h>

#include "base/param.h"
#include "base/settings.h"

struct report_kind;

enum { SHOWCASE_MAX = 16 };  // experiments

// Settings of the user, for all models of a report. It must stay where showcase_init found it.
struct showcase {
  struct param table[SHOWCASE_MAX + 1];  // section "report": for each experiment how many items an evaluation has
  char help[SHOWCASE_MAX][96];
  int64_t items[SHOWCASE_MAX];
  struct settings_section sections[2];
  int n_assignments;  // section.name=value, those of `report` included
  char *const *assignments;
};

// ERR_SETTING for an assignment that no experiment takes; s->assignments must stay.
int showcase_init(struct showcase *s, int n_assignments, char *const *assignments);

#define SHOWCASE_FOLDER "showcase"

// run: the run directory of a model, whose settings.ini comes before the assignments, or the folder that receives the
// results of a model file that has none. file NULL: the run's.
struct showcase_model {
  const char *run, *file;
};

// ERR_SETTING for an assignment that has an effect on none of these models (n). Where a run has no model any more,
// all are accepted.
int showcase_check(const struct showcase *s, const struct showcase_model *m, int n);
// Measure what is missing of a model. Where the run has no model any more but results, those are left as they are.
// Progress on stderr.
int showcase_measure(const struct showcase *s, const struct showcase_model *m);

// How the runs of every experiment are drawn; NULL ends.
const struct report_kind *const *showcase_kinds(void);

// A word for the shell: as it is where that is safe, else quoted.
void showcase_word(FILE *out, const char *word);

#endif
