// report_fixture.h - the files of a run that a report is drawn from (report/report.h), as small as they may be. Where a
// text of the user's can stand stands an @, to be replaced by another one.
#ifndef REPORT_FIXTURE_H
#define REPORT_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "experiment/arm/reach.h"
#include "experiment/fewshot/fewshot.h"
#include "report/report.h"
#include "report/usual.h"

struct fixture_file {
  const char *name, *text;
};

#define FIXTURE_BUILD                                                                                                  \
  "{\"version\": \"@\", \"git\": \"@\", \"compiler\": \"@\", \"processor\": \"@\", \"date\": \"@\", \"cores\": 2}"
#define FIXTURE_FACTS                                                                                                  \
  "{\"model\": \"@\", \"program\": " FIXTURE_BUILD ", \"changed\": [\"@\"], "                                          \
  "\"settings\": {\"run\": {\"seed\": 7}, \"@\": {\"@\": \"@\"}}, "
#define FIXTURE_RESULT                                                                                                 \
  "\"command\": \"@\", \"result\": {\"data\": {\"kind\": \"cifar100\"}, \"bits\": 4, \"batchnorm\": \"@\", "          \
  "\"split\": \"@\", \"ways\": 2, \"shots\": 1, \"queries\": 1, \"tasks\": 3, "                                      \
  "\"ledger\": {\"cost_source\": \"@\"}}}"
#define FIXTURE_SCORE                                                                                                  \
  "\"rms_distance_cm\": {\"mean\": 1.5, \"std\": 0.25}, \"omega_rmse_rad_s\": [[0.1, 0.2], [0.3, 0.4]]"
#define FIXTURE_ARM                                                                                                    \
  "\"command\": \"@\", \"result\": {" FIXTURE_SCORE ", \"before\": {" FIXTURE_SCORE "}, \"devices_written\": 12, "     \
  "\"trajectories\": 3, \"generator\": \"@\", \"rate_hz\": {\"trainee\": 12.5, \"lsg\": 9}}}"
#define FIXTURE_PATHS                                                                                                  \
  "time_s,target_base_rad_s,target_shoulder_rad_s,before_base_rad_s,before_shoulder_rad_s,after_base_rad_s,"           \
  "after_shoulder_rad_s,target_y_m,target_z_m,before_y_m,before_z_m,after_y_m,after_z_m\n"                             \
  "0.01,1,2,3,4,5,6,.1,.2,.3,.4,.5,.6\n0.02,1,2,3,4,5,6,.2,.2,.3,.4,.5,.6\n"
#define FIXTURE_JOINTS(path)                                                                                           \
  "," path "_shoulder_x_m," path "_shoulder_y_m," path "_shoulder_z_m," path "_elbow_x_m," path "_elbow_y_m," path     \
  "_elbow_z_m," path "_wrist_x_m," path "_wrist_y_m," path "_wrist_z_m," path "_tip_x_m,"                              \
  path "_tip_y_m," path "_tip_z_m"
#define FIXTURE_TWELVE ",.1,.2,.3,.4,.5,.6,.7,.8,.9,.1,.2,.3"
#define FIXTURE_POSE FIXTURE_TWELVE FIXTURE_TWELVE FIXTURE_TWELVE FIXTURE_TWELVE "\n"

static const struct fixture_file fixture_fewshot[] = {
  { "showcase/fewshot.json", FIXTURE_FACTS
    "\"evaluations\": [{\"name\": \"software\", " FIXTURE_RESULT ", {\"name\": \"quantised\", " FIXTURE_RESULT
    ", {\"name\": \"chip\", " FIXTURE_RESULT "], "
    "\"centroid\": {\"accuracy\": 0.75, \"ci95\": 0.0625}, "
    "\"chip\": {\"preset\": \"@\", \"devices\": 48, \"map\": {\"rows\": 8, \"columns\": 8, \"cores\": ["
    "{\"fill\": 0.25}], \"pieces\": ["
    "{\"matrix\": \"@\", \"core\": 0, \"core_row\": 0, \"core_column\": 0, \"rows\": 8, \"columns\": 1}, "
    "{\"matrix\": \"small\", \"core\": 0, \"core_row\": 0, \"core_column\": 1, \"rows\": 1, \"columns\": 1}]}}, "
    "\"task\": {\"ways\": 2, \"shots\": 1, \"queries\": 1, \"side\": 28, \"batchnorm\": \"@\", \"classified\": ["
    "{\"classes\": [[0, 0], [0, 1]]}, {\"classes\": [[1, 0], [0, 1]]}, {\"classes\": [[1, 1], [1, 1]]}]}}\n" },
  { "showcase/accuracy.csv", "updates,software,software_ci95,quantised,quantised_ci95,chip,chip_ci95\n"
    "0,.2,.01,.2,.01,.2,.01\n1,.9,.01,.8,.01,.7,.01\n" },
  { "showcase/later.csv", "seconds,accuracy,ci95,@_kept,@_error\n0,.9,.01,1,.1\n60,.8,.01,.9,.2\n" },
  { "showcase/ledger.csv", "updates,accuracy,ci95,devices_written,devices_addressed,read_energy_J,read_time_s\n"
    "0,.2,.01,0,0,1e-6,1e-5\n1,.9,.01,7,9,2e-6,2e-5\n" },
  { "showcase/histogram.csv", "conductance_uS,@_written,@_adapted,@_month\n-1,.5,.5,.5\n1,.5,.5,.5\n" },
  { "showcase/task.png", "any bytes" },
  { "metrics.csv", "iteration,loss,accuracy_last,validation_last\n1,2.5,.2,\n2,.5,.9,.8\n" },
  { "build.json", FIXTURE_BUILD },
  { NULL, NULL },
};

static const struct fixture_file fixture_arm[] = {
  { "showcase/arm.json", FIXTURE_FACTS
    "\"dt_s\": 0.01, \"evaluations\": [{\"name\": \"software\", " FIXTURE_ARM
    ", {\"name\": \"chip\", " FIXTURE_ARM "]}\n" },
  { "showcase/arm_software.csv", FIXTURE_PATHS },
  { "showcase/arm_chip.csv", FIXTURE_PATHS },
  { "showcase/arm_joints.csv", "step" FIXTURE_JOINTS("target") FIXTURE_JOINTS("before") FIXTURE_JOINTS("software")
    FIXTURE_JOINTS("chip") "\n1" FIXTURE_POSE "2" FIXTURE_POSE },
  { "metrics.csv", "iteration,loss_task,rms_distance_cm,validation_cm\n1,2.5,20,\n2,.5,3,4\n" },
  { "build.json", FIXTURE_BUILD },
  { NULL, NULL },
};

#define FIXTURE_HEADLINE(known)                                                                                        \
  "\"command\": \"@\", \"headline\": {\"name\": \"@\", \"unit\": \"@\", \"items\": \"@\", \"n\": 3, "                  \
  "\"value\": 1.5" known "}, "                                                                                         \
  "\"result\": {}}"
#define FIXTURE_USUAL_FACTS(known)                                                                                     \
  FIXTURE_FACTS "\"evaluations\": [{\"name\": \"@\", " FIXTURE_HEADLINE(known)                                         \
  ", {\"name\": \"chip\", " FIXTURE_HEADLINE(known) "]}\n"
static const struct fixture_file fixture_usual[] = {
  { "showcase/usual.json", FIXTURE_USUAL_FACTS(", \"ci95\": 0.25, \"before\": 9") },
  { "metrics.csv", "iteration,loss\n1,2.5\n2,.5\n" },
  { "build.json", FIXTURE_BUILD },
  { NULL, NULL },
};

// An experiment that draws a page of its own, another, and one that does not; NULL ends.
enum fixture_kind { FIXTURE_FEWSHOT, FIXTURE_MOVEMENTS, FIXTURE_USUAL, FIXTURE_KINDS };
static inline const struct report_kind *const *fixture_kinds(void) {
  static struct report_kind usual;
  static const struct report_kind *const kinds[] = { &fewshot_report, &reach_report, &usual, NULL };
  usual = usual_kind("usual", "what an experiment learns");
  return kinds;
}

static inline const struct fixture_file *fixture_files(enum fixture_kind kind) {
  static const struct fixture_file *const files[] = { fixture_fewshot, fixture_arm, fixture_usual };
  return files[kind];
}

// The text with every @ replaced; to free.
static inline char *fixture_text(const char *text, const char *word) {
  char *all = NULL;
  size_t size;
  FILE *out = open_memstream(&all, &size);
  for (; *text; text++)
    if (*text == '@') fputs(word, out);
    else fputc(*text, out);
  fclose(out);
  return all;
}

// All files of a run, in `folder`/NAME.
static inline void fixture_write(const struct folder *folder, const char *name, enum fixture_kind kind,
                                 const char *word) {
  for (const struct fixture_file *f = fixture_files(kind); f->name; f++) {
    char path[256];
    char *text = fixture_text(f->text, word);
    snprintf(path, sizeof path, "%s/%s", name, f->name);
    folder_write(folder, path, text, strlen(text));
    free(text);
  }
}

#endif
