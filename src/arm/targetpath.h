// targetpath.h - a movement of the user's own: a CSV file with one point per row, either x,y,z of the
// tip (m) or the angles base,shoulder (rad), at equal times. Empty lines and lines that begin with # are
// skipped, as is a first line that does not begin with a number. Whether the arm can follow is
// the caller's to check.
#ifndef ARM_TARGETPATH_H
#define ARM_TARGETPATH_H

#include <stddef.h>

enum { TARGETPATH_MIN_ROWS = 10, TARGETPATH_MAX_ROWS = 100000 };

struct targetpath {
  int n, columns;  // rows; 3: x,y,z, 2: base,shoulder
  double *value;   // (n, columns), owned
  int *line;       // (n) where each row stands in the file, from 1; owned
};

// Errors name file, line and limit: columns neither 2 nor 3 or changing, not a finite number, text after it,
// fewer than TARGETPATH_MIN_ROWS rows.
int targetpath_read(struct targetpath *p, const char *path);
// Into a struct targetpath (for file_parse).
int targetpath_parse(void *path, const char *text, size_t size, const char *name);
void targetpath_release(struct targetpath *p);

#endif
