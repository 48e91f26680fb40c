// tasksfile.h - fixed few-shot tasks from a JSON file:
//   {"tasks": [{"classes": ["Alphabet/character01", ...],
//               "support": [[drawing, ...] per class], "query": [[...] per class],
//               "expect_query_accuracy": [...]}, ...]}
// "note", in both objects, and "expect_query_loss" of a task are ignored; any other key is an error.
// Drawings are numbered from 1 in the order of their file names. Every task has the same sizes; a class holds no
// drawing twice. docs/tasks_file.md describes the format.
#ifndef DATA_TASKSFILE_H
#define DATA_TASKSFILE_H

#include <stddef.h>

#include "data/episode.h"

struct tasksfile {
  int n_tasks;
  struct episode *tasks;  // (n_tasks), owned
  int n_expect;           // numbers in each expect_query_accuracy; 0 where the file has none
  double *expect;         // (n_tasks, n_expect) accuracy after 0.. updates, as fractions
};

// Errors name the file, the task (from 1), the class and the value.
int tasksfile_load(struct tasksfile *t, const char *path, const struct imageset *set);
// The same from text, called `name` in messages.
int tasksfile_parse(struct tasksfile *t, const char *name, const char *text, size_t size, const struct imageset *set);
void tasksfile_release(struct tasksfile *t);

// The same for the same images in the same classes of the same tasks, whatever the file is called.
void tasksfile_fingerprint(char text[17], const struct tasksfile *t, const struct imageset *set);

#endif
