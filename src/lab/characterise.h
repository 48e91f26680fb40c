// characterise.h - what a device model does, measured on a simulated crossbar beside its formulas:
// programming error, drift and read noise over conductance.
#ifndef LAB_CHARACTERISE_H
#define LAB_CHARACTERISE_H

#include <stdio.h>

#include "base/param.h"
#include "device/verify.h"

struct json_t;

struct characterise_params {
  int64_t preset;
  char table[PARAM_TEXT_SIZE];  // instead of the preset
  int64_t programming;          // enum verify_programming
  int64_t points;               // conductances
  int64_t seed;
};
extern const struct param characterise_param_table[];

enum { CHARACTERISE_TIMES = 4 };  // t0, an hour, a day, 30 days after writing

// One conductance: each property as the formula has it and as it was measured on 4096 units. Of the read noise and
// the drift the formula is that of a unit exactly at the target.
struct characterise_row {
  double target_uS;
  double prog_mean_uS, prog_sigma_uS[2];  // [0] formula, [1] measured
  double drift_mu[2], drift_s[2];
  double kept[CHARACTERISE_TIMES][2];  // mean conductance over the one at t0
  double read_sigma_uS[CHARACTERISE_TIMES][2];
  double pulses;  // per unit, program-and-verify only
};

struct characterise {
  char name[64], source[256];
  double g_max_uS, t0_s, t_read_s;
  int devices, n;
  struct characterise_row *rows;  // owned
};

int characterise_run(struct characterise *c, const struct characterise_params *p, const struct verify_params *v);
void characterise_release(struct characterise *c);

void characterise_csv(const struct characterise *c, FILE *out);
struct json_t *characterise_json(const struct characterise *c);

// ERR_SETTING unless the path ends in .png, .pdf or .svg.
int characterise_plot_check(const char *path);
// Four panels in that form, by gnuplot. ERR_IO when it is not installed or fails; an older file then stays as it was.
int characterise_plot(const struct characterise *c, const char *path);

#endif
