// The files for a report: the first movement in software and on the chip, and joint by joint.
//   arm_software.csv, arm_chip.csv (reach_result_write_csv), arm_joints.csv
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "experiment/arm/result.h"
#include "experiment/experiment.h"

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

static int write_joints(const struct experiment_showcase *s, const struct reach *f, const double *const omega[PATHS],
                        const double begin[2], int T) {
  struct file_out o;
  double q[PATHS][2];
  for (int p = 0; p < PATHS; p++) memcpy(q[p], begin, sizeof q[p]);
  TRY(experiment_showcase_open(&o, s, "arm_joints.csv"));
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

int reach_showcase(const struct experiment_showcase *s) {
  const struct reach *f = s->set;
  const struct reach_result *software = s->result[RUN_EXACT], *chip = s->result[RUN_CHIP];
  const double *const omega[PATHS] = { software->target_omega, software->before_omega, software->after_omega,
                                       chip->after_omega };
  char path[FILE_PATH_SIZE];
  json_put_f64(s->facts, "dt_s", f->trajectory.dt_s);
  experiment_showcase_path(s, "arm_software.csv", path);
  TRY(reach_result_write_csv(software, f, path));
  experiment_showcase_path(s, "arm_chip.csv", path);
  TRY(reach_result_write_csv(chip, f, path));
  return write_joints(s, f, omega, software->begin, software->T);
}
