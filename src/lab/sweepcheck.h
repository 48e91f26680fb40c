// sweepcheck.h - what would end a sweep (lab/sweep.h) hours after its start, before it starts: values that only a
// training or an evaluation refuses, models, data and other files that are not there.
//
// Checked are the first point, and for every further value of a setting but the seed the point that differs from the
// first in this value alone. Of a point that trains, the evaluation is checked with an untrained model of its settings,
// in a temporary folder.
#ifndef LAB_SWEEPCHECK_H
#define LAB_SWEEPCHECK_H

struct sweepplan;

// For one process. Errors name the point. Nothing is left behind, and no note made.
int sweepcheck(const struct sweepplan *p);

#endif
