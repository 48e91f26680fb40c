// path.h - the user's own path (target.file) as joint angles that the arm can follow from home.
#ifndef EXPERIMENT_ARM_PATH_H
#define EXPERIMENT_ARM_PATH_H

struct reach;

struct reach_path {
  int n;        // rows
  double *q;    // (n, 2) base, shoulder, rad; owned
  double *xyz;  // (n, 3) the tip, m, as the file has it; owned
};

// row_s: time between rows; 0: the rows fill one movement. Errors name file, line and limit: what targetpath_read
// refuses, points out of reach, angles beyond the limits of the joints, jumps (from home too) faster than
// trajectory.speed_rad_s.
int reach_path_read(struct reach_path *p, const struct reach *f, double row_s);
void reach_path_release(struct reach_path *p);

#endif
