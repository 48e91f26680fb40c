// options.h - the command line. A command is a table of actions, an action a table of its flags and a list of the
// settings it reads: parsing, the refusal of everything else, --help, and from that the manual pages and the completion
// (tools/help.sh) come from these tables. Words, --flags, -c FILE and section.name=value stand in any order.
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "run/run.h"

struct experiment;
struct json_t;
struct settings_section;

enum { OPTIONS_MAX = 256, OPTIONS_ANY = 1 << 30 };

struct options {
  char **words;  // behind those of the action
  int n_words;
  char *assignments[OPTIONS_MAX];  // section.name=value, in order
  int n_assignments;
  const char *config, *model, *run, *out, *scores, *render, *record, *timeout, *driver, *times, *support, *add, *state,
    *sheet, *release, *c, *onnx, *nir, *network;
  bool resume, json, csv, quiet, dry_run, half, approximate;
};

struct options_flag {
  const char *name;   // "--out"
  const char *value;  // what must follow it: "FILE"; may follow it: "[ID]", "" if it does not; NULL: nothing
  const char *help;
  size_t field;  // of struct options: const char * with a value, else bool
  bool needed;
};

#define OPTIONS_VALUE(flag, member, what, text)                                                                        \
  { .name = flag, .value = what, .help = text, .field = offsetof(struct options, member) }
#define OPTIONS_NEEDED(flag, member, what, text)                                                                       \
  { .name = flag, .value = what, .help = text, .field = offsetof(struct options, member), .needed = true }
#define OPTIONS_SWITCH(flag, member, text)                                                                             \
  { .name = flag, .help = text, .field = offsetof(struct options, member) }
#define OPTIONS_CONFIG OPTIONS_VALUE("-c", config, "FILE", "settings in an INI file, before those of the command line")
#define OPTIONS_MODEL OPTIONS_NEEDED("--model", model, "FILE", "model file")
#define OPTIONS_JSON OPTIONS_SWITCH("--json", json, "print the result as JSON")
#define OPTIONS_QUIET OPTIONS_SWITCH("--quiet", quiet, "print no progress")

// Words that follow those of an action.
#define OPTIONS_WORDS(what, fewest, limit) .arguments = what, .least = fewest, .most = limit

struct options_action {
  const struct experiment *experiment;  // what it is about, of the actions made for each experiment
  const char *name;                     // the words that call it: "fewshot", "fetch omniglot"; "": none
  const char *arguments;                // words that follow, for the usage: "RUN..."; NULL: none
  int least, most;                      // how many of them; OPTIONS_ANY: no limit
  const char *text;                     // for --help, behind that of the command; may be NULL
  const struct options_flag *flags;     // ends with { 0 }
  // sections ("chip") and settings ("eval.shots") that have an effect
  const char *const *reads;
  const char *replaces;                 // the input that --out may replace: "--model", "" for a word; NULL: none
  bool divides;                         // its work among ranks (base/par_ranks.h)
  int (*run)(const struct options *o);  // an enum err
  int (*run_experiment)(const struct experiment *e, const struct options *o);  // in its place
};

struct options_command {
  const char *name, *summary;
  const char *text;                      // for --help; may be NULL
  const struct options_action *actions;  // ends with { 0 }
  // Tables of the settings, for --help; NULL: those of an action's experiment, if it has one.
  const struct settings_section *(*sections)(void);
  // The first action is made for each experiment in turn, and completed by this. NULL: it is not.
  void (*each)(struct options_action *action, const struct experiment *e);
};

// A list of what an action reads: any setting; the tables of the experiment refuse the rest.
extern const char *const options_all[];

// Parse, refuse what has no effect, run the action or print its help: the exit status.
int options_main(const struct options_command *command, int argc, char **argv);

// -c FILE, then the assignments.
int options_apply(const struct options *o, const struct settings_section *all);

// The same as sources of settings (run/run.h). Valid as long as o.
struct run_sources options_sources(const struct options *o);

// Print JSON on stdout (base/json.h) and release it.
int options_json(struct json_t *j);

// Flush stdout: a full disk or closed pipe is an error of its own. The exit status.
int options_finish(const char *command);

#endif
