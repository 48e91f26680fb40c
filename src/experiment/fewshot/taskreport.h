// taskreport.h - the figure of one task in the page of a report: its images, and the answers after each update.
#ifndef EXPERIMENT_FEWSHOT_TASKREPORT_H
#define EXPERIMENT_FEWSHOT_TASKREPORT_H

#include <stdio.h>

enum { TASKREPORT_WAYS = 64, TASKREPORT_SHOTS = 64 };  // most classes, and images of a class

struct report_run;

// The task of task.png and of the facts of a run. image: what its images are called. names (n) of the kinds of weights
// whose answers follow each other. ERR_FORMAT, ERR_IO.
int taskreport_draw(FILE *out, const struct report_run *r, const char *image, const char *const *names, int n);

#endif
