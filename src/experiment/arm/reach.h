// reach.h - the arm learns a movement in one shot, end to end: meta-training of the learning signal
// generator (LSG) and the trainee. Equations S1 to E4 of docs/equations.md. Evaluation is in experiment/arm/result.h.
// Model files hold lsg.w_in, lsg.w_rec, lsg.w_out, trainee.w_in, trainee.w_rec, trainee.w_out, (from, to).
#ifndef EXPERIMENT_ARM_REACH_H
#define EXPERIMENT_ARM_REACH_H

#include "arm/kinematics.h"
#include "base/settings.h"
#include "arm/spikecode.h"
#include "arm/trajectory.h"
#include "chip/chip.h"
#include "learn/oneshot.h"
#include "run/run.h"
#include "run/training.h"

struct experiment;
struct experiment_showcase;
struct report_kind;
struct tensorfile;

extern const struct experiment reach_experiment;  // experiment/experiment.h
extern const struct report_kind reach_report;     // report/report.h
int reach_showcase(const struct experiment_showcase *s);

struct reach_loss_params {
  double position, velocity;     // weights of mean(error^2), m^2 and (rad/s)^2, or of their roots
  int64_t root;                  // of each movement (and joint) the root of the mean square
  double rate;                   // of sum_j (rate_j - target)^2, rates in spikes per ms
  double trainee_Hz, lsg_Hz;     // targets
  double sparsity;               // of the share of weights changed (oneshot_backward)
};

// What only the arm has beside struct training_params.
struct reach_train_params {
  int64_t trajectories;              // movements of each outer update
  int64_t group;                     // movements of an episode, the unit that one thread computes
  int64_t relative;                  // rates of the matrices in proportion to the spread of their random start
  char shares[PARAM_TEXT_SIZE];      // of the families of mixed movements
  double readout_rate;               // that of the trainee's W_out over what it would be
  double trainee_rate;               // the same of the trainee's W_in and W_rec
  double recurrent_rate;             // the same of the LSG's W_rec
  int64_t validate_trajectories;
};

struct reach_eval_params {
  int64_t trajectories;
  int64_t stream;                    // evaluation | validation: which random movements
  int64_t chips;                     // independently programmed ones that take turns
  double later_s;                    // between the update and the performance, on a chip
};

enum { REACH_MAX_CHIPS = 64 };

struct reach_target_params {
  char file[PARAM_TEXT_SIZE];        // a path to perform (arm/targetpath.h)
  char columns[PARAM_TEXT_SIZE];     // of a file without names
  double step_s;                     // between its rows, or a step of its column `step`; 0: not said
  double piece_s, blend_s;           // experiment/arm/chain.h
  double reach_tolerance_m;          // points may be off the arm's reach by this
};

// All settings of an arm command.
struct reach {
  struct trajectory_params trajectory;
  struct kinematics arm;
  struct spikecode_params code;
  struct spiking_params lsg, trainee;
  struct eprop_params update;
  struct oneshot_noise noise;
  struct reach_loss_params loss;
  struct training_params training;
  struct reach_train_params train;
  struct reach_eval_params eval;
  struct reach_target_params target;
  struct run_params run;
  struct run_synapse_params synapse;
  struct chip_params chip;
  struct ledger_params ledger;
  struct settings_section sections[24];
};

// Defaults, and the list of sections that settings.h works on (it points into *f, which must stay put).
void reach_init(struct reach *f);
struct run_settings reach_run_settings(struct reach *f);

// Refuses settings that contradict each other.
int reach_check_settings(const struct reach *f);
// ERR_SETTING for a setting of the user that has no effect beside the others: on an evaluation, on a training, and on a
// model that learns random movements or paths. set: struct reach.
int reach_effects(const void *set, const struct run_sources *from);
int reach_train_effects(const void *set, const struct run_sources *from);
int reach_model_effects(const struct reach *f, const struct run_sources *from);

// Both networks and the update as the settings describe them.
void reach_oneshot(struct oneshot *o, const struct reach *f);

// Train until done or a signal asks to stop: then a checkpoint is written and ERR_INTERRUPTED returned.
int reach_train(struct reach *f, const char *folder, bool resume);
int reach_train_check(struct reach *f);  // what it would refuse before the first iteration

struct reach_model {
  struct oneshot o;
  real *parameters;  // (o.n)
  struct trajectory_params trained;  // what its training drew movements by
};

// Time n outer updates without a run directory, beginning from m, made with the settings of f: seconds (n), all
// included.
int reach_train_timed(struct reach *f, const struct reach_model *m, int n, double *seconds);

// Load a model file and the settings recorded in it, then those of the sources (run_resolve). A file without any is
// taken as published weights (binary code, scale_m = 1, trajectory.generator=published, arm.stops=no).
int reach_model_load(struct reach_model *m, struct reach *f, const char *path, const struct run_sources *from);
int reach_model_new(struct reach_model *m, const struct reach *f);  // random weights of run.seed
void reach_model_release(struct reach_model *m);
// Settings that a model file records.
#define REACH_STORED "trajectory", "arm", "code", "lsg", "trainee", "update", "loss", CHIP_LAYOUT_SETTINGS
// half: weights in 16 bits
int reach_model_save(const struct reach_model *m, const struct reach *f, const char *path, bool half);
// Replace the trainee's W_in and W_rec by what synapse.kind=quantised holds once written.
void reach_model_round(struct reach_model *m, const struct reach *f);

// The six matrices of a file into a parameter block laid out by o; prefix goes before their names.
int reach_parameters_read(real *parameters, const struct oneshot *o, struct tensorfile *tf, const char *prefix);

#endif
