// The arm: the same movements in software and on the chip, the first one joint by joint.
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/progress.h"
#include "experiment/arm/result.h"
#include "lab/showcase.h"

enum { PATHS = 4, POINTS = 4 };
static const char *const path_names[PATHS] = { "target", "before", "software", "chip" };
static const char *const point_names[POINTS] = { "shoulder", "elbow", "wrist", "tip" };

// Shoulder, elbow, wrist and tip: the tips of arms that end there.
static void points(double xyz[POINTS][3], double base, double shoulder, const struct kinematics *k) {
  struct kinematics part = *k;
  for (int j = 0; j < POINTS; j++) {
    part.a2 = j > 0 ? k->a2 : 0;
    part.a3 = j > 1 ? k->a3 : 0;
    part.a4 = j > 2 ? k->a4 : 0;
    kinematics_tip(xyz[j], base, shoulder, &part);
  }
}

static int write_joints(const struct showcase_work *w, const struct reach *f, const double *const omega[PATHS], int T) {
  char path[FILE_PATH_SIZE];
  struct file_out o;
  double q[PATHS][2] = { { 0 } };
  showcase_path(w, "arm_joints.csv", path);
  TRY(file_out_open(&o, path));
  fprintf(o.stream, "step,time_s");
  for (int p = 0; p < PATHS; p++)
    for (int j = 0; j < POINTS; j++)
      for (int c = 0; c < 3; c++) fprintf(o.stream, ",%s_%s_%c_m", path_names[p], point_names[j], "xyz"[c]);
  for (int t = 0; t < T; t++) {
    fprintf(o.stream, "\n%d,%.6g", t + 1, (t + 1)*f->trajectory.dt_s);
    for (int p = 0; p < PATHS; p++) {
      double xyz[POINTS][3];
      for (int j = 0; j < 2; j++) q[p][j] += f->trajectory.dt_s*omega[p][2*t + j];
      points(xyz, q[p][0], q[p][1], &f->arm);
      for (int j = 0; j < POINTS; j++) fprintf(o.stream, ",%.5f,%.5f,%.5f", xyz[j][0], xyz[j][1], xyz[j][2]);
    }
  }
  fputc('\n', o.stream);
  return file_out_commit(&o);
}

static int measure(struct reach_result *r, struct json_t *list, const struct showcase_work *w, struct reach *f, const struct reach_model *m,
                   enum reach_synapse_kind kind, const char *csv) {
  static const char *const sections[] = { "trajectory", "arm", "code", "update", "eval", "target", "synapse", "chip", "verify", "ledger", "run", NULL };
  char path[FILE_PATH_SIZE];
  f->synapse.kind = kind;
  TRY(reach_eval(r, f, m, NULL));
  json_put(list, NULL, showcase_evaluation(w, kind == REACH_CHIP ? "chip" : "software", "arm", sections, reach_result_json(r, f)));
  showcase_path(w, csv, path);
  return reach_result_write_csv(r, f, path);
}

static int run(const struct showcase_work *w, struct reach *f, const struct reach_model *m, struct json_t *facts) {
  struct reach_result software = { 0 }, chip = { 0 };
  struct progress bar;
  struct json_t *list = json_array_new();
  json_put_f64(facts, "dt_s", f->trajectory.dt_s);
  json_put(facts, "evaluations", list);
  progress_start(&bar, "report", 2, 0);
  int rc = measure(&software, list, w, f, m, REACH_EXACT, "arm_software.csv");
  progress_update(&bar, 1, "software");
  if (rc == 0) rc = measure(&chip, list, w, f, m, REACH_CHIP, "arm_chip.csv");
  if (rc == 0) {
    progress_update(&bar, 2, "chip");
    const double *const omega[PATHS] = { software.target_omega, software.before_omega, software.after_omega, chip.after_omega };
    rc = write_joints(w, f, omega, software.T);
  }
  progress_finish(&bar);
  reach_result_release(&software);
  reach_result_release(&chip);
  return rc;
}

static int load(struct reach *f, struct reach_model *m, struct showcase_work *w) {
  char **list = err_calloc((size_t)w->s->n_assignments + 1, sizeof *list);
  reach_init(f);
  const int n = showcase_assignments(list, w->s, f->sections);
  int rc = *w->settings ? settings_load(f->sections, w->settings) : 0;
  if (rc == 0) rc = reach_model_load(m, f, w->model, n, list);
  free(list);
  f->eval.trajectories = w->s->params.movements;
  f->synapse.kind = REACH_EXACT;
  return rc;
}

int showcase_arm(struct showcase_work *w) {
  struct reach f, usual;
  struct reach_model m;
  char key[33];
  reach_init(&usual);
  TRY(load(&f, &m, w));
  w->sections = f.sections;
  w->defaults = usual.sections;
  int rc = showcase_known(w, "arm.json", key);
  if (rc == 0) {
    struct json_t *facts = showcase_facts(w, key);
    rc = run(w, &f, &m, facts);
    if (rc == 0) rc = showcase_save(w, "arm.json", facts);
    json_release(facts);
  }
  reach_model_release(&m);
  return rc < 0 ? rc : 0;
}
