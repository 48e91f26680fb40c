// settings.h - all settings of a command: sections, each a table of base/param.h with its struct.
// One list serves the command line, INI files, help, --json and the metadata of model files.
//
//   const struct settings_section all[] = { { "net", net_param_table, &net }, { "data", ... }, { 0 } };
//
// The one door to libinih.
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct json_t;
struct param;
struct tensorfile;
struct tensorfile_writer;

struct settings_section {
  const char *name;  // lower-case; NULL ends the list; several tables of one section stand together
  const struct param *table;
  void *params;  // the struct that the table describes
};

void settings_defaults(const struct settings_section *all);

// The list `all` (n, no end needed) into `to`, which has room for more, with its defaults.
void settings_begin(struct settings_section *to, size_t room, const struct settings_section *all, size_t n);

// A setting whose name ends in "password": its value is never printed, and has no comment in a file.
bool settings_is_secret(const char *name);
// How many characters of an assignment a message may show ("%.*s").
int settings_shown(const char *assignment);

// "section.name=value". Errors repeat the assignment. Texts that an INI file could not give back
// (outer spaces, a comment sign after a space) are refused, so that all printed settings read back.
int settings_set(const struct settings_section *all, const char *assignment);

// An INI file. Unknown sections and names, a name given twice, values out of range, over-long lines
// are errors of the form file:line: section.name=value: reason. Settings before it are kept.
int settings_load(const struct settings_section *all, const char *path);
int settings_parse(const struct settings_section *all, const char *text, size_t size, const char *name);

// The same of a file that a program wrote, perhaps an older one, or that somebody else did: what this program does not
// know, and what only the user may set (struct param), is ignored with a note.
int settings_load_written(const struct settings_section *all, const char *path);

// Everything, as INI or as section.name=value lines; both read back to the same bits.
void settings_print_ini(const struct settings_section *all, FILE *out);
void settings_print_lines(const struct settings_section *all, FILE *out);

// {"section": {"name": value, ...}, ...}; the caller's to release.
struct json_t *settings_json(const struct settings_section *all);

// Is a setting in a list of sections ("net") and single settings ("chip.scale") that ends with NULL? A NULL list has
// all.
bool settings_listed(const char *const *list, const char *section, const char *name);

// Does "section.name=value" assign one of such a list? Here NULL has none.
bool settings_assigned(const char *const *list, const char *assignment);

// {"section.name": "value", ...} of the settings in a list, a later one only where it is not the default; the caller's
// to release.
struct json_t *settings_texts(const struct settings_section *all, const char *const *only);

// Metadata "section.name" of a tensor file. `only` is a list of what to store (settings_listed). Restoring ignores keys
// of other sections, ignores an unknown name in a stored one and what only the user may set, with a note (base/note.h),
// and keeps settings that the file does not have; a bad value is ERR_FORMAT. A later setting (struct param) is not
// stored where it is the default, and its absence restores that: a file that makes no use of it stays as it was, and
// older programs accept it without a note.
void settings_store(const struct settings_section *all, const char *const *only, struct tensorfile_writer *w);
int settings_restore(const struct settings_section *all, const char *const *only, const struct tensorfile *tf);

#endif
