// rundir.h - the folder of one training run: settings.ini (resolved), build.json (build and machine),
// metrics.csv, checkpoint.safetensors, model.safetensors. One process at a time may hold it; the lock
// ends with the process, however it ends. A run that was killed and resumed leaves the same
// settings, metrics and model as one that was not.
#ifndef RUN_RUNDIR_H
#define RUN_RUNDIR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/file.h"

struct json_t;
struct settings_section;

struct rundir {
  char path[FILE_PATH_SIZE / 2];
  int lock;       // file descriptor that holds the lock
  FILE *metrics;  // open for appending after rundir_metrics
};

// Create and lock a folder for a new run, or open and lock the one to resume. Errors: ERR_BUSY (in use,
// naming folder and process), ERR_SETTING (a run is there already / nothing to resume), ERR_IO (also for a link among
// the files of a run).
int rundir_open(struct rundir *r, const char *path, bool resume);
void rundir_close(struct rundir *r);

// Path of a file of the run.
void rundir_path(const struct rundir *r, const char *name, char path[FILE_PATH_SIZE]);
#define RUNDIR_SETTINGS "settings.ini"
#define RUNDIR_CHECKPOINT "checkpoint.safetensors"
#define RUNDIR_MODEL "model.safetensors"
#define RUNDIR_BEST "model-best.safetensors"
#define RUNDIR_METRICS "metrics.csv"
#define RUNDIR_BUILD "build.json"

// Is there a checkpoint? A run killed before its first one resumes from the start.
bool rundir_has_checkpoint(const struct rundir *r);

// Write settings.ini, and build.json where there is none yet. fingerprint: of the data trained on, "" without;
// ERR_SETTING where the run began with other data.
int rundir_describe(const struct rundir *r, const struct settings_section *all, const char *fingerprint);

// Open metrics.csv: header is its first line, without line end; the first column is the iteration, rising.
// Rows of iterations after `last` (the checkpoint's; -1 without one) and a torn last line are removed,
// so that a resumed run writes what an uninterrupted one would. A different header is an error.
int rundir_metrics(struct rundir *r, const char *header, int64_t last);

// Append one row (no line end in fmt) and flush it.
int rundir_row(struct rundir *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// Version, compiler, flags, kernels, precision, git description; processor, cores, memory, date. To release.
struct json_t *rundir_build(void);

#endif
