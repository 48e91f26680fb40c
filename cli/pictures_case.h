// pictures_case.h - the model of --model, where it is of an experiment that learns a person's own pictures; for learn.c
// and classify.c.
#ifndef CLI_PICTURES_CASE_H
#define CLI_PICTURES_CASE_H

#include "experiment/experiment.h"
#include "experiment/pictures.h"
#include "options.h"

struct pictures_case {
  struct experiment_case x;
  struct run_sources from;
};

// To be closed on failure too.
int pictures_case_open(struct pictures_case *c, const struct options *o);
void pictures_case_close(struct pictures_case *c);

const struct settings_section *pictures_case_sections(void);  // for --help

#endif
