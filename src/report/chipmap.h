// chipmap.h - the figure of the floor plan: where the matrices of a model are on the cores of a chip.
#ifndef REPORT_CHIPMAP_H
#define REPORT_CHIPMAP_H

#include <stdio.h>

struct report_run;

// From "chip" of the run's facts: {"map": chip_map_json, "devices"}.
int chipmap_draw(FILE *out, const struct report_run *r);

#endif
