// sweepplan.h - a sweep of settings: which experiment, which settings with which values, and so which points. An INI
// file (base/settings.h) in which a setting may have several values: numbers, choices and yes/no separated by commas,
// texts, which may contain commas, by '|'.
//
//   [sweep]
//   experiment = sine
//   seeds = 1, 2, 3        of run.seed
//   [train]
//   inner_rate = 0.01, 0.1
//
// The points are all combinations. The first setting changes slowest, the seed fastest.
#ifndef LAB_SWEEPPLAN_H
#define LAB_SWEEPPLAN_H

#include <stdbool.h>
#include <stdio.h>

#include "base/param.h"
#include "run/run.h"

struct experiment;
struct experiment_case;

enum { SWEEPPLAN_POINTS = 10000, SWEEPPLAN_NAME = 200 };

struct sweepplan_params {
  char experiment[PARAM_TEXT_SIZE], model[PARAM_TEXT_SIZE], seeds[PARAM_TEXT_SIZE];
};
extern const struct param sweepplan_param_table[];  // section "sweep"

// A setting that the file or the command line gives, and its values as the program prints them.
struct sweepplan_setting {
  char key[128];  // "train.inner_rate"
  int n;
  char **value;               // (n)
  bool training, evaluation;  // which of them it has an effect on
};

struct sweepplan {
  const struct experiment *e;
  struct sweepplan_params own;
  bool trains;  // no sweep.model
  int n_settings, n_points;
  struct sweepplan_setting *setting;  // (n_settings)
};

// Read a file and the assignments "section.name=list", which replace those of the file. Everything is checked that can
// be without data: every value, and the settings of every point beside each other. ERR_SETTING says what is wrong. On
// failure nothing need be released.
int sweepplan_read(struct sweepplan *p, const char *path, int n_assignments, char *const *assignments);
int sweepplan_parse(void *plan, const char *text, size_t size, const char *name);  // the same, of a text
void sweepplan_release(struct sweepplan *p);

// The value of a setting at a point, and the name of the point: its values of the settings that have several, and its
// seed, as in "train.inner_rate=0.1,seed=2".
const char *sweepplan_value(const struct sweepplan *p, int point, int setting);
bool sweepplan_varies(const struct sweepplan *p, int setting);  // is in the names
void sweepplan_name(const struct sweepplan *p, int point, char name[SWEEPPLAN_NAME]);

// The assignments of a point that have an effect on its training, or on its evaluation: list (n_settings), texts to be
// freed by sweepplan_free_sources.
struct run_sources sweepplan_sources(const struct sweepplan *p, int point, bool training);
void sweepplan_free_sources(struct run_sources *from);

// As an INI file, without run.threads, which changes no result, from which the same points are read; and ERR_SETTING,
// with the first line that differs, unless two plans have the same points. path: of the file that `then` is from.
void sweepplan_print(const struct sweepplan *p, FILE *out);
int sweepplan_same(const struct sweepplan *then, const struct sweepplan *now, const char *path);

#endif
