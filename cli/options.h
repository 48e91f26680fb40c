// options.h - the command line: words, --flags, -c FILE and section.name=value, in any order.
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>

struct settings_section;

enum { OPTIONS_MAX = 256 };

struct options {
  const char *words[8];            // what is neither a flag nor an assignment
  int n_words;
  char *assignments[OPTIONS_MAX];  // section.name=value, in order
  int n_assignments;
  const char *config;              // -c FILE
  const char *model;               // --model FILE
  const char *run;                 // --run DIR
  const char *out;                 // --out FILE
  const char *render;              // --render FILE
  bool resume, json, quiet, dry_run, half, help;
};

// ERR_SETTING names what is not understood.
int options_parse(struct options *o, int argc, char **argv);
// The same for a command whose words are paths: what exists is one, also with a '=' in its name.
int options_parse_paths(struct options *o, int argc, char **argv);

// -c FILE, then the assignments.
int options_apply(const struct options *o, const struct settings_section *all);

// Print the last error as one line and return the exit status that goes with it: 2 usage, 128 + signal stopped, else 1.
int options_fail(const char *command, int rc);

// Flush stdout: a full disk or closed pipe is an error of its own.
int options_finish(const char *command);

#endif
