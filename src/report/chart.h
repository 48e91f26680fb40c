// chart.h - a chart as inline SVG: axes with units, lines, marks, error bars, areas, a legend. Colours are the classes
// c0, c1 ... of page.css, so that a chart follows light and dark; marks and dashes tell series apart without colour.
#ifndef REPORT_CHART_H
#define REPORT_CHART_H

#include <stdbool.h>
#include <stdio.h>

enum { CHART_LOOKS = 6, CHART_MUTED = 6, CHART_TARGET = 7, CHART_MAX_TICKS = 32 };
enum chart_how { CHART_LINE = 1, CHART_MARKS = 2, CHART_AREA = 4 };

struct chart_series {
  const char *name;             // in the legend; NULL: not there
  const double *x, *y, *error;  // (n), `stride` apart; error: half-length of the bars, NULL: none. NaN: a gap
  int n, stride;                // stride 0: 1
  double fx, fy;                // factors of x, and of y and error; 0: 1
  int look;                     // 0 .. CHART_LOOKS-1, CHART_MUTED (before) or CHART_TARGET (what should be)
  unsigned how;                 // enum chart_how
};

struct chart_axis {
  const char *label;  // with its unit
  double low, high;   // NAN: from the data
  bool log;           // values above 0 only
  double least;       // log: smaller values stand here; 0: are left out
  int n_ticks;        // own ticks; 0: chosen
  const double *ticks;
  const char *const *names;  // of own ticks
};

struct chart {
  const char *title;  // NULL: none
  const char *about;  // text alternative, for readers who cannot see the figure
  struct chart_axis x, y;
  bool equal;         // both axes in the same scale
  int width, height;  // of the view box; 0: the usual
};

// series may be empty, a single point or not finite: axes are drawn all the same. A value beyond 1e300 is not finite
// here.
void chart_draw(FILE *out, const struct chart *c, const struct chart_series *series, int n);

// At most CHART_MAX_TICKS round numbers in [low, high], about `want`; returns how many and sets the decimals they need.
int chart_ticks(double *ticks, double low, double high, int want, int *decimals);

#endif
