// result.h - how well a model learns and performs movements: in software, or with the trainee on a chip, or on any
// synapse array (struct reach_device). The first movement is kept step by step for figures.
#ifndef EXPERIMENT_ARM_RESULT_H
#define EXPERIMENT_ARM_RESULT_H

#include <stdio.h>

#include "experiment/arm/reach.h"

struct json_t;
struct rng;

// Over movements. std: 0 for a single one; ci95: of the mean, from the spread of the movements or of the chips,
// whichever is larger (base/stat.h).
struct reach_spread { double mean, std, ci95; };

// How well movements were performed.
struct reach_score {
  struct reach_spread rms_distance_cm;      // of the tip, over time; then over movements
  struct reach_spread omega_rmse_rad_s[2];  // per joint
};

// Parts of a movement on a chip; the performance includes the updates beyond the first of update.repeats.
enum reach_part { REACH_FIRST_PASS, REACH_UPDATE, REACH_WAIT, REACH_SECOND_PASS, REACH_PARTS };

struct reach_result {
  int n_trajectories, n_updates;
  int n_movements;                          // learned; more than n_trajectories where a path has several pieces
  int T;                                    // steps of the first movement, or of the path
  struct reach_score before, after;         // the update
  int n_families, n_of_family;              // of mixed movements; 0 else. The last one may have fewer movements
  struct reach_score family[TRAJECTORY_FAMILIES];  // after the update
  double trainee_Hz, lsg_Hz;                // firing rates, second pass and LSG
  int n_trainee, n_lsg;                     // neurons; of the LSG 0 without one
  struct spiking_activity trainee_activity, lsg_activity;  // over all movements
  double changed_in, changed_rec;           // share of the weights changed
  long devices_total;
  double devices_written;                   // mean per movement
  double devices_addressed;                 // the same of all devices of the weights that changed; on a chip
  int n_chips;                              // 0 in software; then all that follows of chips is 0
  double updated_s;                         // their clock when the movements are learned
  double programmed_kept, programmed_error; // of the first chip (experiment/arm/deploy.h)
  struct ledger deployment, movements;      // writing the first chip; all movements on all chips, the sum of
  struct ledger part[REACH_PARTS];          // their parts
  double *distance_cm;                      // (n_trajectories) after the update
  char items[17];                           // reach_path_fingerprint of target.file; "" else
  double seconds;                           // of learning and performing, all movements
  // the first movement, for figures: the angles where it begins, rad; (T, 2) rad/s, (T, 3) m
  double begin[2];
  double *target_omega, *target_xyz, *before_omega, *before_xyz, *after_omega, *after_xyz;
};
void reach_result_release(struct reach_result *r);

// Where the products of the trainee are taken, if not in software: one array of n_in + n rows and n columns for
// each worker thread, W_in with W_rec below it.
struct reach_device {
  struct synapse **array;  // (workers)
  // Give a worker the array for movement number `movement`, in its state before any update. NULL: its array is
  // programmed anew.
  void (*restore)(const struct reach_device *d, int worker, uint64_t movement, struct rng *r);
  // Let time pass between the update and the performance. NULL: none.
  void (*wait)(const struct reach_device *d, int worker, struct rng *r);
  // Assign the operations of the array since the last call, or since restore, to this part of a movement. NULL: not
  // counted.
  void (*account)(const struct reach_device *d, int worker, enum reach_part part);
  void *context;
};

// One line for the user if in 20 movements or more over 5 % of n neurons of a network never spike or over 1 % are
// saturated, in fewer over 90 % or over half; counts may be means. Returns whether there was one.
bool reach_note_activity(const char *network, double silent, double saturated, int n, int64_t movements);

// Random movements of eval.stream, or the path of target.file. device NULL: what synapse.kind says.
int reach_eval(struct reach_result *r, const struct reach *f, const struct reach_model *m,
               const struct reach_device *device);
int reach_eval_check(const struct reach *f);  // refuses settings that contradict each other
int reach_eval_ready(const struct reach *f);  // and what else is refused before the first movement: chips, target.file
void reach_result_note(const struct reach_result *r);  // the same of both networks
void reach_result_print(const struct reach_result *r, const struct reach *f, FILE *out);
struct json_t *reach_result_json(const struct reach_result *r, const struct reach *f);
// The first movement as CSV, a row per step: time, then velocities and tip of target, before and after. A row of step 0
// says where it begins, unless that is home.
int reach_result_write_csv(const struct reach_result *r, const struct reach *f, const char *path);

#endif
