// queries.h - the tasks of an evaluation as its settings say: eval.queries_per_class, the queries of each class.
//   equal     eval.queries of each class
//   random    a random class for each of ways x eval.queries
//   15,0,...  so many of the classes, in the order in which they are drawn
#ifndef EXPERIMENT_FEWSHOT_QUERIES_H
#define EXPERIMENT_FEWSHOT_QUERIES_H

#include <stdbool.h>

#include "data/episode.h"
#include "experiment/fewshot/fewshot.h"

enum { QUERIES_MAX_LISTED = PARAM_TEXT_SIZE / 2 };

// Is it a list, with the total of its own?
bool queries_is_list(const struct fewshot_eval_params *p);

// Images are as they are, also those of training classes. listed (QUERIES_MAX_LISTED) is the caller's, and holds a list
// for as long as spec is used. spec->queries x ways have room for all queries. ERR_SETTING says what is wrong with a
// list.
int queries_spec(struct episode_spec *spec, int *listed, const struct fewshot *f, int ways);

#endif
