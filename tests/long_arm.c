// The documented errors of the shipped models of the arm; published weights over 500 free movements of the published
// generator: in software with exact, rounded and stochastically rounded updates, and on four simulated chips of each
// device model. Some four minutes.
#include "base/err.h"
#include "base/file.h"
#include "experiment/arm/result.h"
#include "test.h"

#define MODEL "../shared/reference/paper_arm.safetensors"

struct expected {
  const char *what;
  double cm, within;                   // mean RMS distance of the tip
  double changed_low, changed_high;    // share of the weights
  char settings[6][32];
};

// An independent simulation, with one scale a matrix and columns corrected at a time it does not name, has 6.1 cm for
// joshi2020 and 5.5 cm for hermes. The update rewrites four devices in five under column gains that were fitted before
// it: at once it is 5.8 and 7.9 cm here. Corrected again (eval.later_s) it is a second later 4.5 and 5.9, an hour
// later, when such an arm is to perform too, 5.1 and 6.3.
static struct expected all[] = {
  { "exact", 2.2, 0.2, 0.65, 0.85, { "" } },
  { "nearest 1/16", 14, 2, 0.02, 0.05, { "update.grid=nearest" } },
  { "stochastic 1/16", 2.8, 0.4, 0.06, 0.10, { "update.grid=stochastic" } },
  { "joshi2020, 1 h", 6.1, 1.5, 0.65, 0.85, { "synapse.kind=chip", "eval.chips=4", "chip.preset=joshi2020",
                                              "eval.later_s=3600" } },
  { "hermes, 1 h", 5.5, 1.5, 0.65, 0.85, { "synapse.kind=chip", "eval.chips=4", "chip.preset=hermes",
                                           "eval.later_s=3600" } },
  { "joshi2020", 6.1, 1.5, 0.65, 0.85, { "synapse.kind=chip", "eval.chips=4", "chip.preset=joshi2020" } },
  { "hermes", 8.1, 1.5, 0.65, 0.85, { "synapse.kind=chip", "eval.chips=4", "chip.preset=hermes" } },
  { "hermes, 1 s", 5.5, 1.5, 0.65, 0.85, { "synapse.kind=chip", "eval.chips=4", "chip.preset=hermes",
                                           "eval.later_s=1" } },
  { "hermes, columns", 4.5, 1.0, 0.65, 0.85, { "synapse.kind=chip", "eval.chips=4", "chip.preset=hermes",
                                               "chip.scale=column" } },
  { "without noise", 2.2, 0.2, 0.65, 0.85,
    { "synapse.kind=chip", "chip.prog_scale=0", "chip.read_scale=0", "chip.drift_scale=0", "chip.dac_bits=0",
      "chip.adc_bits=0" } },
};

// Load a model file with these settings and measure it; false: it could not be loaded.
static bool evaluate(struct reach_result *r, struct reach_model *m, const char *path, int n, char **assignments) {
  struct reach f;
  reach_init(&f);
  const int rc = reach_model_load(m, &f, path, &(struct run_sources){ .n_assignments = n, .assignments = assignments });
  CHECK(rc == 0, "%s", err_message());
  if (rc < 0) return false;
  CHECK(reach_eval(r, &f, m, NULL) == 0, "%s", err_message());
  return true;
}

static void check(struct expected *e) {
  char free_only[] = "trajectory.free=yes", trajectories[] = "eval.trajectories=500";
  char *assignments[8] = { free_only, trajectories };
  int n = 2;
  struct reach_model m;
  struct reach_result r;
  while (n < 8 && e->settings[n - 2][0]) {
    assignments[n] = e->settings[n - 2];
    n++;
  }
  if (!evaluate(&r, &m, MODEL, n, assignments)) return;
  const double cm = r.after.rms_distance_cm.mean;
  printf("%-18s %6.2f +- %.2f cm  (before %.1f)  %4.1f / %4.1f %% of the weights changed, %.0f devices, trainee %.1f "
         "Hz, LSG %.1f Hz, %.1f ms\n",
         e->what, cm, r.after.rms_distance_cm.std, r.before.rms_distance_cm.mean, 100*r.changed_in,
         100*r.changed_rec, r.devices_written, r.trainee_Hz, r.lsg_Hz, 1e3*r.seconds/r.n_trajectories);
  CHECK(fabs(cm - e->cm) < test_tol(e->within), "%s: %.2f cm, expected %.1f +- %.1f", e->what, cm, e->cm, e->within);
  CHECK(r.changed_rec > e->changed_low && r.changed_rec < e->changed_high, "%s: %.3f of the weights changed", e->what,
        r.changed_rec);
  CHECK(r.before.rms_distance_cm.mean > 40, "%s: %.1f cm before the update", e->what, r.before.rms_distance_cm.mean);
  reach_result_release(&r);
  reach_model_release(&m);
}

// A shipped model over 500 movements of the consistent generator, none left out: at most so many cm, rad/s, and of the
// weights changed. The trainee's 20 Hz are those of both passes; in the second, which counts here, it fires less.
static void promise(const char *what, const char *path, double cm, double omega, double changed, int n,
                    char **assignments) {
  struct reach_model m;
  struct reach_result r;
  if (!evaluate(&r, &m, path, n, assignments)) return;
  const struct reach_score *s = &r.after;
  printf("ours, %-12s %6.2f +- %.2f cm, %.4f / %.4f rad/s, %4.1f / %4.1f %% of the weights changed, trainee %.1f Hz, "
         "LSG %.1f Hz\n",
         what, s->rms_distance_cm.mean, s->rms_distance_cm.std, s->omega_rmse_rad_s[0].mean,
         s->omega_rmse_rad_s[1].mean, 100*r.changed_in, 100*r.changed_rec, r.trainee_Hz, r.lsg_Hz);
  const double inputs = (double)m.o.trainee.n_in, neurons = (double)m.o.trainee.n,
               share = (inputs*r.changed_in + neurons*r.changed_rec)/(inputs + neurons);
  CHECK(s->rms_distance_cm.mean <= cm && share <= changed, "%s: %.2f cm, %.3f changed", what, s->rms_distance_cm.mean,
        share);
  for (int j = 0; j < 2; j++)
    CHECK(s->omega_rmse_rad_s[j].mean <= omega, "%s: joint %d off by %.4f rad/s", what, j, s->omega_rmse_rad_s[j].mean);
  CHECK(fabs(r.trainee_Hz - 20) < 6 && fabs(r.lsg_Hz - 10) < 1, "%s: %.1f and %.1f Hz", what, r.trainee_Hz, r.lsg_Hz);
  reach_result_release(&r);
  reach_model_release(&m);
}

// The mean distance of every family, from home, over 500 movements of each: at most so many cm.
static void families(const char *what, const char *path, const double cm[TRAJECTORY_FAMILIES], int n,
                     char *const *assignments) {
  struct reach_model m;
  struct reach_result r;
  char movements[] = "eval.trajectories=2500", home[] = "trajectory.elsewhere=0";
  char *settings[8] = { movements, home };
  for (int k = 0; k < n; k++) settings[2 + k] = assignments[k];
  if (!evaluate(&r, &m, path, 2 + n, settings)) return;
  CHECK(r.n_families == TRAJECTORY_FAMILIES && r.n_of_family == 500, "%d families", r.n_families);
  for (int k = 0; k < r.n_families; k++) {
    printf("ours, %s, %s: %.2f cm\n", what, trajectory_family_names[k], r.family[k].rms_distance_cm.mean);
    CHECK(r.family[k].rms_distance_cm.mean <= cm[k], "%s, %s: %.2f cm", what, trajectory_family_names[k],
          r.family[k].rms_distance_cm.mean);
  }
  reach_result_release(&r);
  reach_model_release(&m);
}

static void promises(void) {
  static const char software[] = "models/arm.safetensors", on_chip[] = "models/arm-chip.safetensors";
  static const char wide[] = "models/arm-wide.safetensors", wide_on_chip[] = "models/arm-wide-chip.safetensors";
  char chip[] = "synapse.kind=chip", chips[] = "eval.chips=10", later[] = "eval.later_s=3600",
       cores[] = "chip.cores=16";
  promise("software", software, 1.3, 0.06, 1, 0, NULL);
  promise("chip", on_chip, 1.75, 0.06, 0.09, 2, (char *[]){ chip, chips });
  promise("an hour later", on_chip, 1.75, 0.06, 0.09, 3, (char *[]){ chip, chips, later });
  promise("wide", wide, 0.85, 0.036, 1, 0, NULL);
  promise("wide, 16 cores", wide_on_chip, 1.35, 0.055, 0.04, 3, (char *[]){ chip, chips, cores });
  families("any movement", "models/arm-any.safetensors", (const double[]){ 1.1, 1.5, 0.8, 1.65, 1.6 }, 0, NULL);
  families("any movement, the paper's inputs", "models/arm-any-paper.safetensors",
           (const double[]){ 2.1, 2.9, 1.8, 3.4, 2.7 }, 0, NULL);
  families("any movement, wide", "models/arm-any-wide.safetensors", (const double[]){ 0.85, 1.45, 0.8, 1.7, 1.65 }, 0,
           NULL);
  families("any movement, chip", "models/arm-any-chip.safetensors", (const double[]){ 1.8, 2.5, 1.6, 2.5, 2.3 }, 2,
           (char *[]){ chip, chips });
  promise("... an hour later", wide_on_chip, 1.4, 0.055, 0.04, 4, (char *[]){ chip, chips, cores, later });
}

int main(void) {
  promises();
  if (!file_exists(MODEL)) {
    printf("SKIP %s: absent\n", MODEL);
    return 77;
  }
  for (size_t k = 0; k < sizeof all/sizeof *all; k++) check(&all[k]);
  return test_summary();
}
