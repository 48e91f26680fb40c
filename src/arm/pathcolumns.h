// pathcolumns.h - the columns of a path's file by their names, in any order. A name is a quantity and its unit, as in
// base_deg, "x [cm]", time_ms or shoulder_rad_s; without a unit it is in rad, m or s.
//   base, shoulder   rad, deg; or, as angular velocities, rad/s (rad_s), deg/s (deg_s)
//   x, y, z          of the tip: m, cm, mm
//   time             s, ms; or step, which counts steps
// In the program's own tables, which have columns target_x_m, target_y_m and target_z_m, these are read, with the time
// of the target: time_s, or target_s where an arm has performed it.
#ifndef ARM_PATHCOLUMNS_H
#define ARM_PATHCOLUMNS_H

#include <stdbool.h>

enum { PATHCOLUMNS_MAX = 64, PATHCOLUMNS_TEXT = 160 };

// What a column holds. A path is all columns of one of the first three groups.
enum pathcolumns_quantity {
  PATHCOLUMNS_BASE, PATHCOLUMNS_SHOULDER,
  PATHCOLUMNS_X, PATHCOLUMNS_Y, PATHCOLUMNS_Z,
  PATHCOLUMNS_BASE_SPEED, PATHCOLUMNS_SHOULDER_SPEED,
  PATHCOLUMNS_TIME, PATHCOLUMNS_STEP,
  PATHCOLUMNS_QUANTITIES
};

struct pathcolumns {
  int n;                                 // of the file
  int at[PATHCOLUMNS_QUANTITIES];        // the column of a quantity; -1: none
  double factor[PATHCOLUMNS_QUANTITIES]; // from the file's unit to rad, m, rad/s, s
  const char *unit[PATHCOLUMNS_QUANTITIES];
  bool stated[PATHCOLUMNS_QUANTITIES];   // the name says the unit
  int first, count;                      // quantities of the path: first.. first + count - 1
};

bool pathcolumns_is_name(const char *name);

// From the names of all n columns. ERR_FORMAT, beginning with `where`: a name unknown or there twice, a quantity
// missing, more than one kind of path.
int pathcolumns_named(struct pathcolumns *c, const char *const *names, int n, const char *where);
// From their number, for a file without names: x, y, z in m or base, shoulder in rad.
int pathcolumns_assumed(struct pathcolumns *c, int n, const char *where);
// A row of units below the names. ERR_FORMAT: a unit that is unknown or not the one in the name.
int pathcolumns_units(struct pathcolumns *c, const char *const *units, const char *where);
// "base, shoulder in deg": what is read and in which units.
void pathcolumns_text(char text[PATHCOLUMNS_TEXT], const struct pathcolumns *c);

#endif
