// The settings of the arm.
#include <string.h>

#include "base/err.h"
#include "experiment/arm/reach.h"
#include "kernel/adam.h"

static const char *const streams[] = { "evaluation", "validation", NULL };

static const struct param loss_table[] = {
#define P struct reach_loss_params
  PARAM_F64(P, position, 0.5, 0, 1e9, "weight of the mean squared position error, per m^2"),
  PARAM_F64(P, velocity, 0.5, 0, 1e9, "weight of the mean squared velocity error, per (rad/s)^2"),
  PARAM_BOOL(P, root, 0, "take the root of these means, for each movement and joint, so that they are in m and rad/s"),
  PARAM_F64(P, rate, 0.25, 0, 1e9,
            "weight of the squared deviation from the firing rates, per (spikes/ms)^2 and neuron"),
  PARAM_F64(P, trainee_Hz, 20, 0, 1000, "target firing rate of the trainee"),
  PARAM_F64(P, lsg_Hz, 10, 0, 1000, "target firing rate of the learning signal generator"),
  PARAM_F64(P, sparsity, 0, 0, 1e9,
            "weight of a penalty for changed weights, the mean of |change|/(|change| + update.step)"),
#undef P
  { 0 },
};

static const struct param training_table[] = {
  TRAINING_PARAMS(100000, 1.5e-3, TRAINING_STEPS, 60),
  PARAM_TEXT(struct training_params, start, "", "model to start from in place of random weights"),
  { 0 },
};

static const struct param train_table[] = {
#define P struct reach_train_params
  PARAM_I64(P, trajectories, 90, 1, 65536, "movements of each outer update"),
  PARAM_I64(P, group, 9, 1, 65536, "movements of an episode, which one thread computes together"),
  PARAM_BOOL(P, relative, 0,
             "multiply the rate of each matrix by the spread of its random initial weights, so that all change at the "
             "same pace"),
  PARAM_F64(P, readout_rate, 1, 0, 1e3,
            "factor of the learning rate of the trainee's W_out, whose weights are ten times smaller than the rest"),
  PARAM_F64(P, trainee_rate, 1, 0, 1e3,
            "factor of the learning rate of the trainee's W_in and W_rec, lower for a wide trainee; 0: they are kept "
            "fixed"),
  PARAM_F64(P, recurrent_rate, 1, 0, 1e3,
            "factor of the learning rate of the LSG's W_rec; if these weights grow, the network becomes chaotic"),
  PARAM_TEXT(P, shares, "",
             "with trajectory.family=mixed, how many movements of the families paper, reach, rest, stroke and ripple "
             "follow each other in training, such as 1,2,1,2,1; empty: one of each", .later = true),
  PARAM_I64(P, validate_trajectories, 90, 0, 1000000, "movements of a validation"),
#undef P
  { 0 },
};

static const struct param eval_table[] = {
#define P struct reach_eval_params
  PARAM_I64(P, trajectories, 500, 1, 10000000, "number of movements"),
  PARAM_CHOICE(P, stream, 0, streams, "which random movements are evaluated"),
  PARAM_I64(P, chips, 1, 1, REACH_MAX_CHIPS,
            "number of chips, programmed independently; the movements are divided among them"),
  PARAM_F64(P, later_s, 0, 0, 3155760000,
            "seconds (at most a century) between the update and the performance; on a chip"),
#undef P
  { 0 },
};

static const struct param target_table[] = {
#define P struct reach_target_params
  PARAM_TEXT(P, file, "", "path to perform: CSV of base,shoulder or x,y,z, with or without time; names of columns may "
                          "say the unit, as in base_deg or x_mm"),
  PARAM_TEXT(P, columns, "", "names of the columns of a file without them, as in base_rad_s,shoulder_rad_s"),
  PARAM_F64(P, step_s, 0, 0, 1e6, "seconds between rows of a file without times; 0: they fill one movement"),
  PARAM_F64(P, piece_s, 0, 0, 1e3,
            "longest piece of a path in seconds; each piece is learned by one update; 0: a whole movement"),
  PARAM_F64(P, blend_s, 0.5, 0.001, 1e3,
            "seconds in which a piece of a longer path returns to it from where the piece before ended"),
  PARAM_F64(P, reach_tolerance_m, 0.01, 0, 10, "largest distance of a point from the surface on which the tip moves"),
#undef P
  { 0 },
};

void reach_init(struct reach *f) {
  memset(f, 0, sizeof *f);
  const struct settings_section all[] = {
    { "trajectory", trajectory_param_table, &f->trajectory }, { "arm", kinematics_param_table, &f->arm },
    { "code", spikecode_param_table, &f->code },              { "lsg", spiking_lsg_param_table, &f->lsg },
    { "trainee", spiking_trainee_param_table, &f->trainee },  { "update", eprop_param_table, &f->update },
    { "noise", oneshot_noise_param_table, &f->noise },        { "loss", loss_table, &f->loss },
    { "train", training_table, &f->training },                { "train", train_table, &f->train },
    { "eval", eval_table, &f->eval },                         { "target", target_table, &f->target },
    { "run", run_param_table, &f->run },                      { "synapse", run_synapse_param_table, &f->synapse },
    RUN_CHIP_SECTIONS(f),
  };
  settings_begin(f->sections, sizeof f->sections/sizeof *f->sections, all, sizeof all/sizeof *all);
}

struct run_settings reach_run_settings(struct reach *f) {
  return RUN_SETTINGS(f, &f->eval.trajectories);
}

int reach_check_settings(const struct reach *f) {
  TRY(trajectory_check(&f->trajectory));
  if (f->code.preview >= f->trajectory.steps)
    return err_set(ERR_SETTING, "code.preview=%lld: a movement has trajectory.steps=%lld", (long long)f->code.preview,
                   (long long)f->trajectory.steps);
  if (f->code.lead_in && f->update.signal != EPROP_LSG)
    return err_set(ERR_SETTING, "code.lead_in=%lld: the error of update.signal=%s begins with the movement; "
                   "only a generator can lead in", (long long)f->code.lead_in, eprop_signal_names[f->update.signal]);
  if (f->update.grid == EPROP_PURSUIT && f->update.repeats > 1)
    return err_set(ERR_SETTING, "update.repeats=%lld: with update.grid=pursuit there is one update",
                   (long long)f->update.repeats);
  const double movement_s = (double)f->trajectory.steps*f->trajectory.dt_s;
  if (f->target.piece_s > 0 && !(f->target.piece_s >= f->trajectory.dt_s && f->target.piece_s < movement_s + 1e-9))
    return err_set(ERR_SETTING, "target.piece_s=%g: a piece is a step of %g s at least and a movement of %g s at most",
                   f->target.piece_s, f->trajectory.dt_s, movement_s);
  return 0;
}

// Of random movements by the family.
static int family_effects(const struct trajectory_params *p, const struct run_sources *from) {
  static const char *const free_below[] = { "trajectory.free_below_m", NULL };
  static const struct {
    unsigned families;  // bits 1 << enum trajectory_family
    const char *settings[4], *needs;
  } rows[] = {
    { 1 << TRAJECTORY_REACH | 1 << TRAJECTORY_REST,
      { "trajectory.reach_min_s", "trajectory.reach_max_s", "trajectory.reach_speed_rad_s" },
      "trajectory.family=reach, rest or mixed" },
    { 1 << TRAJECTORY_REST, { "trajectory.rest_max_s" }, "trajectory.family=rest or mixed" },
    { 1 << TRAJECTORY_STROKE,
      { "trajectory.stroke_min_rad_s", "trajectory.stroke_max_rad_s", "trajectory.stroke_length_rad" },
      "trajectory.family=stroke or mixed" },
    { 1 << TRAJECTORY_RIPPLE,
      { "trajectory.ripple_min_Hz", "trajectory.ripple_max_Hz", "trajectory.ripple_speed_rad_s" },
      "trajectory.family=ripple or mixed" },
  };
  if (!p->free) TRY(run_refuse(from, free_below, "trajectory.free=yes"));
  for (size_t k = 0; k < sizeof rows/sizeof *rows; k++)
    if (!((rows[k].families | 1 << TRAJECTORY_MIXED) >> p->family & 1))
      TRY(run_refuse(from, rows[k].settings, rows[k].needs));
  return 0;
}

// Of the networks and the update, in training and afterwards.
static int network_effects(const struct reach *f, const struct run_sources *from) {
  static const char *const noise[] = { "noise.scale", "noise.preset", NULL },
                           *const graded[] = { "code.regions", "code.period", NULL },
                           *const velocity[] = { "code.velocity_scale", NULL },
                           *const grid[] = { "update.step", NULL },
                           *const pursuit[] = { "update.pursuit_gain", "update.pursuit_ridge", NULL },
                           *const adaptive[2][3] = { { "lsg.beta", "lsg.tau_adapt_ms", NULL },
                                                     { "trainee.beta", "trainee.tau_adapt_ms", NULL } };
  if (f->noise.programming <= 0 && f->noise.read <= 0)
    TRY(run_refuse(from, noise, "noise.programming or noise.read above 0"));
  if (f->code.kind == SPIKECODE_BINARY) TRY(run_refuse(from, graded, "code.kind=onehot or population"));
  if (f->code.velocity == SPIKECODE_NO_VELOCITY) TRY(run_refuse(from, velocity, "code.velocity"));
  if ((f->update.grid == EPROP_EXACT || f->update.grid == EPROP_PURSUIT) && f->loss.sparsity <= 0)
    TRY(run_refuse(from, grid, "update.grid=nearest, stochastic or sparse"));
  if (f->update.grid != EPROP_PURSUIT) TRY(run_refuse(from, pursuit, "update.grid=pursuit"));
  if (f->lsg.adaptive_fraction <= 0) TRY(run_refuse(from, adaptive[0], "lsg.adaptive_fraction above 0"));
  return f->trainee.adaptive_fraction > 0 ? 0 : run_refuse(from, adaptive[1], "trainee.adaptive_fraction above 0");
}

int reach_train_effects(const void *set, const struct run_sources *from) {
  const struct reach *f = set;
  TRY(network_effects(f, from));
  return family_effects(&f->trajectory, from);
}

int reach_model_effects(const struct reach *f, const struct run_sources *from) {
  static const char *const training[] = { "lsg.damping", "noise.chips", NULL };
  TRY(run_synapse_effects(&f->synapse, &f->chip, from));
  TRY(run_refuse(from, training, "metaxbar train"));
  TRY(network_effects(f, from));
  return family_effects(&f->trajectory, from);
}

int reach_effects(const void *set, const struct run_sources *from) {
  static const char *const target[] = { "target.columns", "target.step_s", "target.piece_s", "target.blend_s",
                                        "target.reach_tolerance_m", NULL },
                           *const random[] = { "eval.trajectories", "eval.stream", "trajectory.generator",
                                               "trajectory.free", "trajectory.diffusion", "trajectory.window",
                                               "trajectory.family", "trajectory.elsewhere", NULL };
  const struct reach *f = set;
  if (f->target.file[0]) TRY(run_refuse(from, random, "random movements, not target.file,"));
  else TRY(run_refuse(from, target, "target.file"));
  return reach_model_effects(f, from);
}
