// sweep.h - every point of a sweep (lab/sweepplan.h) in a folder of its own, divided among ranks, and the table of all.
//
//   DIR/sweep.ini                 what is swept; another call with the same continues
//   DIR/POINT/                    of a training, the files of its run (run/rundir.h), then
//   DIR/POINT/eval.json           the evaluation, as `metaxbar eval --json` prints it
//   DIR/POINT/scores.json         the score of every item (lab/compare.h): the point is done
//   DIR/POINT/failed.json         in its place: training or evaluation have diverged
//   DIR/sweep.csv, sweep.json, report.html   the table, written when all points are done
//
// Each rank works on points of its own, those of the unfinished that have its number modulo the number of ranks; the
// table is made by rank 0 from the files alone. A point is computed by one process, so that no bit depends on how many
// there are.
#ifndef LAB_SWEEP_H
#define LAB_SWEEP_H

#include "lab/sweepplan.h"

struct json_t;

// All ranks: compute what is missing; quiet: without a line for each point. ERR_INTERRUPTED on a signal; points under
// way have written a checkpoint. ERR_SETTING where the folder holds another sweep. Errors of a point name it.
int sweep_run(const struct sweepplan *p, const char *folder, bool quiet);

// The table of all points, from their files; the caller's to release.
int sweep_table(struct json_t **table, const struct sweepplan *p, const char *folder);
// Write it as sweep.csv, sweep.json and report.html.
int sweep_save(struct json_t *table, const struct sweepplan *p, const char *folder);

#endif
