// compare.h - two evaluations of the same items (tasks, movements), item by item: a file with the score of every item
// of an evaluation, and the paired test of the difference between two of them (base/stat.h).
#ifndef LAB_COMPARE_H
#define LAB_COMPARE_H

#include <stdbool.h>
#include <stdio.h>

#include "base/file.h"
#include "base/stat.h"

struct experiment_case;
struct json_t;

// Write the scores of a result, and what decides which items these are, as JSON.
int compare_save(const char *path, const struct experiment_case *x, const void *result);

struct compare_scores {
  char path[FILE_PATH_SIZE];
  char name[32];  // of a score: "accuracy"
  bool higher_is_better;
  int n, chips, trials;       // trials of a score that is a proportion, else 0
  double *value;              // (n), owned
  struct stat_interval mean;  // of these
  struct json_t *file;        // owned
};

// ERR_IO, or ERR_FORMAT with file and field. On failure nothing need be released.
int compare_load(struct compare_scores *s, const char *path);
int compare_parse(void *scores, const char *text, size_t size, const char *path);  // for file_parse
void compare_release(struct compare_scores *s);

struct compare {
  const struct compare_scores *a, *b;
  struct stat_difference difference;  // of a - b
};

// ERR_SETTING where the items or the scores are not the same ones, with the first difference.
int compare_run(struct compare *c, const struct compare_scores *a, const struct compare_scores *b);
void compare_print(const struct compare *c, FILE *out);
struct json_t *compare_json(const struct compare *c);

#endif
