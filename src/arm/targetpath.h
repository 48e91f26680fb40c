// targetpath.h - a movement of the user's own: a CSV file with one point per row, its columns named in the first line
// (arm/pathcolumns.h). Between columns: commas, tabs, blanks, or semicolons, with which numbers may have a decimal
// comma. A byte order mark, empty lines and lines that begin with # are skipped, but a comment before the first row may
// hold the names; a row of units may follow them.
// A first line that is neither names nor numbers is refused, so that no point is ever taken for a title. Whether the
// arm can follow is the caller's to check.
#ifndef ARM_TARGETPATH_H
#define ARM_TARGETPATH_H

#include <stddef.h>

#include "arm/pathcolumns.h"

enum { TARGETPATH_MIN_ROWS = 10, TARGETPATH_MAX_ROWS = 100000 };  // at least two with times
enum targetpath_kind { TARGETPATH_ANGLES, TARGETPATH_POINTS, TARGETPATH_SPEEDS };
enum targetpath_clock { TARGETPATH_NO_TIMES, TARGETPATH_SECONDS, TARGETPATH_STEPS };

struct targetpath {
  const char *names;            // the columns of a file without names, "base_rad_s,shoulder_rad_s"; NULL or "": assumed
  enum targetpath_kind kind;
  enum targetpath_clock clock;
  int n, columns;               // rows; 3 for points, else 2
  double *value;                // (n, columns) rad, m, rad/s; owned
  double *time;                 // (n) rising: s, or numbers of steps; 0 without times; owned
  int *line;                    // (n) where each row stands in the file, from 1; owned
  bool seconds_assumed;         // of the times
  char text[2*PATHCOLUMNS_TEXT];  // "base, shoulder in rad (assumed)"
};

// Errors name file, line, column and value: names unknown or missing, rows of another length, not a finite number,
// times that do not rise, fewer than TARGETPATH_MIN_ROWS rows.
int targetpath_read(struct targetpath *p, const char *path, const char *names);
// Into a struct targetpath whose `names` is set (for file_parse).
int targetpath_parse(void *path, const char *text, size_t size, const char *name);
void targetpath_release(struct targetpath *p);

#endif
