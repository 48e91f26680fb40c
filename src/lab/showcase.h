// showcase.h - what a report shows of a trained model (report/report.h), measured once and kept in files:
//   FOLDER/showcase/fewshot.json | arm.json   settings, commands, results; written last, so that it stands for all
//   few-shot: accuracy.csv, later.csv, ledger.csv, histogram.csv, task.png
//   arm:      arm_software.csv, arm_chip.csv (reach_result_write_csv), arm_joints.csv
// A digest of the model, of every setting and of the version of these files is kept too: the same are not measured again.
#ifndef LAB_SHOWCASE_H
#define LAB_SHOWCASE_H

#include <stdio.h>

#include "base/file.h"
#include "base/param.h"
#include "base/settings.h"

struct json_t;

struct showcase_params {
  int64_t tasks;      // few-shot, of each evaluation
  int64_t movements;  // arm, of each evaluation
};
extern const struct param showcase_param_table[];  // section "report"

// Settings of the user, for all models of a report.
struct showcase {
  struct showcase_params params;
  struct settings_section sections[2];
  int n_assignments;             // section.name=value, those of `report` included
  char *const *assignments;
};

// ERR_SETTING for an assignment that neither kind of model knows; s->assignments must stay.
int showcase_init(struct showcase *s, int n_assignments, char *const *assignments);

#define SHOWCASE_FOLDER "showcase"
// Measure what is missing of a model. run: its run directory, whose settings.ini comes before the assignments, or the
// folder that receives the results of a model that has none. model NULL: the run's. Where the run has no model any more
// but results, those are left as they are. Progress on stderr.
int showcase_measure(const struct showcase *s, const char *run, const char *model);

// A word for the shell: as it is where that is safe, else quoted.
void showcase_word(FILE *out, const char *word);

// ---- the parts

// One model being measured.
struct showcase_work {
  const struct showcase *s;
  const struct settings_section *sections, *defaults;  // as resolved, as they are without any setting
  const char *model;
  char settings[FILE_PATH_SIZE];  // settings.ini, "" where there is none
  char folder[FILE_PATH_SIZE];    // RUN/showcase
};
int showcase_fewshot(struct showcase_work *w);
int showcase_arm(struct showcase_work *w);

// The assignments that these sections know; list has room for all. Returns how many.
int showcase_assignments(char **list, const struct showcase *s, const struct settings_section *sections);
// Path of a file of the results.
void showcase_path(const struct showcase_work *w, const char *name, char path[FILE_PATH_SIZE]);
// Have these been measured already? If not, what is there is taken back. key: of the model and settings.
int showcase_known(const struct showcase_work *w, const char *json, char key[33]);
// {"key", "model", "program", "changed": ["section.name=value"], "settings"}; to be completed and given to showcase_save.
struct json_t *showcase_facts(const struct showcase_work *w, const char *key);
int showcase_save(const struct showcase_work *w, const char *json, struct json_t *facts);
// {"name", "command", "result"}. command: metaxbar eval ... with all settings of these sections (NULL ends) that differ.
struct json_t *showcase_evaluation(const struct showcase_work *w, const char *name, const char *kind, const char *const *sections, struct json_t *result);

#endif
