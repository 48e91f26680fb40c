// published.h - accuracies published by others, for comparison in a report.
#ifndef EXPERIMENT_FEWSHOT_PUBLISHED_H
#define EXPERIMENT_FEWSHOT_PUBLISHED_H

#include "data/dataset.h"

// Networks of four blocks of convolution, tasks of five classes; accuracy in % as printed, "" where none is.
struct published {
  enum dataset_kind data;
  const char *method;  // NULL ends
  const char *channels, *one_shot, *five_shots;
};
extern const struct published published[];
// Where these figures were read, and how their protocol differs from ours; NULL: none are known for this data.kind.
const char *published_source(const char *data);

#endif
