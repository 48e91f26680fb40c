// The table of all experiments.
#include "experiment/arm/reach.h"
#include "experiment/experiment.h"
#include "experiment/fewshot/fewshot.h"
#include "experiment/sine/sine.h"

const struct experiment *const experiments[] = { &fewshot_experiment, &reach_experiment, &sine_experiment, NULL };
