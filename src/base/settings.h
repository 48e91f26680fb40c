// settings.h - all settings of a command: sections, each a table of base/param.h with its struct.
// One list serves the command line, INI files, help, --json and the metadata of model files.
//
//   const struct settings_section all[] = { { "net", net_param_table, &net }, { "data", ... }, { 0 } };
//
// The one door to libinih.
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stddef.h>
#include <stdio.h>

struct json_t;
struct param;
struct tensorfile;
struct tensorfile_writer;

struct settings_section {
  const char *name;           // lower-case; NULL ends the list; several tables of one section stand together
  const struct param *table;
  void *params;               // the struct that the table describes
};

void settings_defaults(const struct settings_section *all);

// "section.name=value". Errors repeat the assignment. Texts that an INI file could not give back
// (outer spaces, a comment sign after a space) are refused, so that all printed settings read back.
int settings_set(const struct settings_section *all, const char *assignment);

// An INI file. Unknown sections and names, a name given twice, values out of range, over-long lines
// are errors of the form file:line: section.name=value: reason. Settings before it are kept.
int settings_load(const struct settings_section *all, const char *path);
int settings_parse(const struct settings_section *all, const char *text, size_t size, const char *name);

// Everything, as INI or as section.name=value lines; both read back to the same bits.
void settings_print_ini(const struct settings_section *all, FILE *out);
void settings_print_lines(const struct settings_section *all, FILE *out);
void settings_help(const struct settings_section *all, FILE *out);

// {"section": {"name": value, ...}, ...}; the caller's to release.
struct json_t *settings_json(const struct settings_section *all);

// Metadata "section.name" of a tensor file. `only` is a NULL-terminated list of what to carry, sections
// ("net") or single settings ("chip.scale"); NULL: all. Restoring ignores keys of other sections; an unknown name
// or a bad value in a carried section is ERR_FORMAT; settings that the file does not have stay as they are.
void settings_store(const struct settings_section *all, const char *const *only, struct tensorfile_writer *w);
int settings_restore(const struct settings_section *all, const char *const *only, const struct tensorfile *tf);

#endif
