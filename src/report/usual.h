// usual.h - the page of an experiment that draws none of its own: before and after learning for everything it was
// evaluated on, and the loss in training. From showcase/NAME.json and metrics.csv alone.
#ifndef REPORT_USUAL_H
#define REPORT_USUAL_H

#include "report/report.h"

// name, about: of the experiment; they stay.
struct report_kind usual_kind(const char *name, const char *about);

#endif
