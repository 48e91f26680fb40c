// path.h - the user's own path (target.file) as joint angles that the arm can follow, a row for every step of
// trajectory.dt_s.
//
// Times come from the file's column time, from its column step or from target.step_s, and rows are joined by straight
// lines. A file without any fills one movement. The path begins at its first row if the time of this row is 0 (without
// times: if it is at home), or if it is further from home than a step of trajectory.speed_rad_s; else at home, one row
// before. Angular velocities begin at home.
#ifndef EXPERIMENT_ARM_PATH_H
#define EXPERIMENT_ARM_PATH_H

struct reach;

struct reach_path {
  double begin[2];  // base, shoulder, rad, before the first step
  int n;            // steps
  double *q;        // (n, 2) base, shoulder, rad, at the end of each; owned
  double step_s;    // duration of each; 0: they are set-points, without times
};

// hold_s: where the rows are set-points for the arm, the time of each; a file without times then has a step a row. 0:
// it fills one movement. A note says what was read and assumed. Errors name file, line, column and value: what
// targetpath_read refuses, points out of reach, angles beyond the limits of the joints, rows further apart than
// trajectory.speed_rad_s allows.
int reach_path_read(struct reach_path *p, const struct reach *f, double hold_s);
void reach_path_release(struct reach_path *p);

// The same for the same path of the tip, step by step, with steps of the same duration.
void reach_path_fingerprint(char text[17], const struct reach_path *p, const struct reach *f);

#endif
